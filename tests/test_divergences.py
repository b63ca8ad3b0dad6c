"""The theory of kdlib.divergences: values, oracles, bounds and limits."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from random_distributions import distributions, properties, random_rows

from kdlib import divergences as d
from kdlib.divergences import DIVERGENCES

LN2 = math.log(2)
ROUNDING = 1e-12
REPLICAS = {"A": [0.65, 0.22, 0.13], "B": [0.70, 0.10, 0.20], "C": [0.50, 0.30, 0.20]}
REFERENCE = [0.70, 0.20, 0.10]

# Values -------------------------------------------------------------------------------------


def test_the_replication_question_has_these_numbers():
    expected = {
        "A": (0.0066, 0.0017, 0.05),
        "B": (0.0693, 0.0170, 0.10),
        "C": (0.0851, 0.0219, 0.20),
    }
    for name, q in REPLICAS.items():
        found = tuple(float(f(REFERENCE, q)) for f in (d.kl, d.js, d.total_variation))
        assert found == pytest.approx(expected[name], abs=5e-5), name


def test_kl_of_the_swapped_pair_is_another_number_than_the_famous_one():
    target, guess = [0.8, 0.2], [0.5, 0.5]
    assert d.kl(target, guess).item() == pytest.approx(0.1927, abs=5e-5)
    assert d.kl(guess, target).item() == pytest.approx(0.2231, abs=5e-5)
    # Regression: F.kl_div takes log-probabilities first (discuss.pytorch.org/t/763).
    unlogged = F.kl_div(torch.tensor(guess), torch.tensor(target), reduction="sum")
    assert unlogged.item() == pytest.approx(-1.0004, abs=5e-5)


def test_the_highest_dissimilarity_depends_on_the_function():
    contradiction = ([0.98, 0.01, 0.01], [0.01, 0.01, 0.98])
    surprise = ([0.5, 0.5 - 1e-9, 1e-9], [0.5, 1e-6, 0.5 - 1e-6])
    assert d.kl(*contradiction).item() == pytest.approx(4.447, abs=5e-4)
    assert d.kl(*surprise).item() == pytest.approx(6.56, abs=5e-3)
    for f in (d.js, d.total_variation):
        assert f(*surprise) < f(*contradiction)


ORACLES = {
    "kl": scipy.stats.entropy,
    "reverse_kl": lambda p, q: scipy.stats.entropy(q, p),
    "js": lambda p, q: scipy.spatial.distance.jensenshannon(p, q) ** 2,
    "total_variation": lambda p, q: scipy.spatial.distance.cityblock(p, q) / 2,
    "hellinger": lambda p, q: np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2),
    "chi2": lambda p, q: scipy.stats.chisquare(p[q > 0], q[q > 0]).statistic,
}


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("spread", [0.1, 1.0, 5.0, 20.0])
def test_each_divergence_agrees_with_scipy(name, spread):
    p, q = random_rows(20, 10, spread), random_rows(20, 10, spread, seed=1)
    p[::3, 0], p[1::3, 1] = 0, 0
    q[::3, 0] = 0  # both zero, and only p zero
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    expected = np.array([ORACLES[name](*row) for row in zip(p.numpy(), q.numpy(), strict=True)])
    np.testing.assert_allclose(DIVERGENCES[name].function(p, q), expected, rtol=1e-6)
    np.testing.assert_allclose(
        DIVERGENCES[name].function(p.log(), q.log(), log=True), expected, rtol=1e-6
    )


def test_kl_and_cross_entropy_agree_with_torch():
    p, q = random_rows(50, 12), random_rows(50, 12, seed=1)
    distributions_of = torch.distributions.Categorical
    expected = torch.distributions.kl_divergence(distributions_of(p), distributions_of(q))
    torch.testing.assert_close(d.kl(p, q), expected, rtol=1e-9, atol=0)
    expected = F.cross_entropy(q.log(), p, reduction="none")
    torch.testing.assert_close(d.cross_entropy(p, q), expected, rtol=1e-9, atol=0)


def test_entropy_agrees_with_scipy_and_torch():
    p = random_rows(50, 12, 4.0)
    np.testing.assert_allclose(d.entropy(p), scipy.stats.entropy(p, axis=-1), rtol=1e-9)
    expected = torch.distributions.Categorical(p).entropy()
    torch.testing.assert_close(d.entropy(p.log(), log=True), expected, rtol=1e-9, atol=0)
    assert str(d.entropy([1, 0]).item()) == "0.0"  # and not -0.0


def test_wasserstein_agrees_with_scipy_on_a_line_and_with_total_variation_on_a_star():
    p, q = random_rows(6, 7), random_rows(6, 7, seed=1)
    places = np.array([0.0, 0.3, 1.0, 1.5, 4.0, 4.5, 7.0])
    expected = [
        scipy.stats.wasserstein_distance(places, places, *row)
        for row in zip(p.numpy(), q.numpy(), strict=True)
    ]
    on_a_line = d.wasserstein(p, q, np.abs(places[:, None] - places))
    np.testing.assert_allclose(on_a_line, expected, rtol=1e-6)
    on_a_star = d.wasserstein(p.log(), q.log(), 1.0 - torch.eye(7), log=True)
    torch.testing.assert_close(on_a_star, d.total_variation(p, q), rtol=1e-6, atol=0)


def test_wasserstein_knows_a_direction_and_the_shape_of_its_batch():
    uphill = [[0.0, 5.0], [1.0, 0.0]]
    assert d.wasserstein([1, 0], [0, 1], uphill).item() == pytest.approx(5.0)
    assert d.wasserstein([0, 1], [1, 0], uphill).item() == pytest.approx(1.0)
    p = random_rows(6, 2).reshape(2, 3, 2).float()
    assert d.wasserstein(p, p, uphill).dtype == torch.float32
    torch.testing.assert_close(d.wasserstein(p, p, uphill), torch.zeros(2, 3))


def test_wasserstein_moves_all_mass_when_rounding_left_unequal_sums():
    p, q = torch.tensor([0.50004, 0.5]), torch.tensor([0.5, 0.49996])
    assert d.wasserstein(p, q, [[0, 1], [1, 0]]).item() == pytest.approx(0.0, abs=1e-6)


def test_top1_agreement_gives_a_tie_to_the_lowest_index():
    tied = [0.4, 0.4, 0.2]
    assert d.top1_agreement(tied, [0.5, 0.3, 0.2]) == 1
    assert d.top1_agreement(tied, [0.3, 0.5, 0.2]) == 0
    p, q = random_rows(500, 4), random_rows(500, 4, seed=1)
    expected = (p.numpy().argmax(-1) == q.numpy().argmax(-1)).mean()
    assert d.top1_agreement(p.log(), q.log(), log=True).mean() == pytest.approx(expected)


# Bounds between divergences -----------------------------------------------------------------


@properties
@given(pq=distributions(2))
def test_pinsker_and_bretagnolle_huber_bound_total_variation(pq):
    tv, kl = d.total_variation(*pq), d.kl(*pq)
    assert tv <= d.pinsker_bound(kl) + ROUNDING
    assert tv <= d.bretagnolle_huber_bound(kl) + ROUNDING


def test_the_two_bounds_cross_near_1_6():
    assert d.pinsker_bound(2).item() == pytest.approx(1.0)
    assert d.bretagnolle_huber_bound(2).item() == pytest.approx(0.930, abs=5e-4)
    assert d.pinsker_bound(1.55) < d.bretagnolle_huber_bound(1.55)
    assert d.pinsker_bound(1.65) > d.bretagnolle_huber_bound(1.65)
    assert d.bretagnolle_huber_bound(math.inf) == 1


@properties
@given(pq=distributions(2))
def test_hellinger_and_chi2_enclose_the_others(pq):
    tv, hellinger, kl, chi2 = (f(*pq) for f in (d.total_variation, d.hellinger, d.kl, d.chi2))
    assert hellinger**2 <= tv + ROUNDING
    assert tv <= math.sqrt(2) * hellinger + ROUNDING
    assert kl <= torch.log1p(chi2) + ROUNDING
    assert d.js(*pq) <= LN2 * tv + ROUNDING


@properties
@given(pq=distributions(2))
def test_cross_entropy_is_entropy_plus_kl(pq):
    total = d.entropy(pq[0]) + d.kl(*pq)
    torch.testing.assert_close(d.cross_entropy(*pq), total, rtol=1e-9, atol=1e-12)


# Families -----------------------------------------------------------------------------------

P, Q = [0.7, 0.2, 0.1], [0.3, 0.3, 0.4]


@pytest.mark.parametrize(("beta", "value"), [(0.1, 0.0335), (0.5, 0.0944), (0.9, 0.0367)])
def test_generalized_js_has_these_values(beta, value):
    assert d.generalized_js(P, Q, beta).item() == pytest.approx(value, abs=5e-5)


def test_generalized_js_vanishes_at_both_ends_but_normalized_runs_from_one_kl_to_the_other():
    # Regression: trl issue 6780 and verl-recipe 151, where beta = 1 silently gave a loss of 0.
    for end in (0.0, 1e-9, 1 - 1e-9, 1.0):
        assert d.generalized_js(P, Q, end).item() == pytest.approx(0.0, abs=1e-8)
    first, last = d.kl(P, Q).item(), d.kl(Q, P).item()
    assert (first, last) == pytest.approx((0.373, 0.422), abs=5e-4)
    for beta, limit in ((0.0, first), (1e-9, first), (1 - 1e-9, last), (1.0, last)):
        normalized = d.generalized_js(P, Q, beta, normalized=True).item()
        assert normalized == pytest.approx(limit, rel=1e-6)


def test_generalized_js_at_an_end_is_zero_even_for_disjoint_support_and_keeps_a_gradient():
    p = torch.tensor([1.0, 0.0], requires_grad=True)
    value = d.generalized_js(p, [0.0, 1.0], 0.0)
    value.backward()
    assert value == 0
    assert p.grad.tolist() == [0.0, 0.0]


@properties
@given(pq=distributions(2), beta=st.floats(0.01, 0.99))
def test_generalized_js_is_bounded_by_the_entropy_of_its_weights(pq, beta):
    p, q = pq
    assert 0 <= d.generalized_js(p, q, beta) <= d.entropy([beta, 1 - beta]) + ROUNDING
    other = d.generalized_js(q, p, 1 - beta)
    torch.testing.assert_close(d.generalized_js(p, q, beta), other, rtol=1e-9, atol=1e-15)
    torch.testing.assert_close(d.generalized_js(p, q, 0.5), d.js(p, q), rtol=0, atol=0)


@properties
@given(pq=distributions(2), skew=st.floats(1e-3, 1.0))
def test_skew_kl_is_at_most_minus_ln_skew_and_at_most_kl(pq, skew):
    p, q = pq
    mixed = skew * p + (1 - skew) * q
    assert 0 <= d.skew_kl(p, q, skew) <= -math.log(skew) + ROUNDING
    assert d.skew_kl(p, q, skew) <= d.kl(p, q) + ROUNDING
    torch.testing.assert_close(d.skew_kl(p, q, skew), d.kl(p, mixed), rtol=1e-9, atol=1e-12)


def test_skew_kl_runs_from_kl_to_zero():
    assert d.skew_kl(P, Q, 0.0) == d.kl(P, Q)
    assert d.skew_kl(P, Q, 1.0).item() == pytest.approx(0.0, abs=1e-15)


@properties
@given(pq=distributions(2), orders=st.tuples(st.floats(0.05, 20), st.floats(0.05, 20)))
def test_renyi_rises_with_its_order(pq, orders):
    low, high = (d.renyi(*pq, order) for order in sorted(orders))
    assert 0 <= low <= high * (1 + 1e-9) + ROUNDING


@properties
@given(pq=distributions(2))
def test_renyi_tends_to_kl_and_holds_the_known_special_cases(pq):
    p, q = pq
    assert d.renyi(p, q, 1.0) == d.kl(p, q)
    if d.kl(p, q).isfinite():
        torch.testing.assert_close(d.renyi(p, q, 1 + 1e-9), d.kl(p, q), rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(d.renyi(p, q, 1 - 1e-9), d.kl(p, q), rtol=1e-6, atol=1e-12)
    chi2 = torch.log1p(d.chi2(p, q))
    torch.testing.assert_close(d.renyi(p, q, 2.0), chi2, rtol=1e-9, atol=1e-12)
    affinity = (p * q).sqrt().sum()
    torch.testing.assert_close(d.renyi(p, q, 0.5), -2 * affinity.log(), rtol=1e-6, atol=1e-12)


# The flip budget ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "value", "digits"),
    [
        ([0.36, 0.34, 0.1, 0.1, 0.1], 0.000286, 6),
        ([0.7, 0.2, 0.1], 0.147, 3),
        ([0.98, 0.01, 0.01], 0.630, 3),
    ],
)
def test_the_flip_budget_has_these_values(p, value, digits):
    assert round(d.flip_budget(p).item(), digits) == value
    assert round(d.flip_budget(np.log(p), log=True).item(), digits) == value


@properties
@given(pq=distributions(2))
def test_no_student_below_the_flip_budget_has_another_argmax(pq):
    p, q = pq
    assume(p.argmax() != q.argmax())
    assert d.kl(p, q) >= d.flip_budget(p) * (1 - 1e-9) - ROUNDING


def test_the_flip_budget_is_reached_where_the_top_two_meet():
    p = random_rows(200, 6)
    top = p.topk(2, -1)
    tied = p.scatter(-1, top.indices, top.values.mean(-1, keepdim=True).expand(-1, 2))
    torch.testing.assert_close(d.kl(p, tied), d.flip_budget(p), rtol=1e-9, atol=1e-15)
    q = random_rows(200, 6, seed=1)
    flipped = p.argmax(-1) != q.argmax(-1)
    assert flipped.sum() > 50
    assert (d.kl(p, q)[flipped] > d.flip_budget(p)[flipped]).all()


def test_the_flip_budget_is_zero_for_a_tie_and_infinite_for_a_single_class():
    assert d.flip_budget([0.4, 0.4, 0.2]) == 0
    assert d.flip_budget([1.0, 0.0]).item() == pytest.approx(LN2)
    assert d.flip_budget([[1.0], [1.0]]).tolist() == [math.inf, math.inf]


@properties
@given(p=distributions(1))
def test_the_margin_gives_a_weaker_budget_by_pinsker(p):
    first, second = p[0].topk(2).values
    assert (first - second) ** 2 / 2 <= d.flip_budget(p)[0] + ROUNDING
