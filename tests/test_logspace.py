"""The numbers at the edges: zeros, infinities, sharp logits, near-equal inputs, and gradients.

The rows of the parametrised tables are cases in which widely used implementations return NaN, a
negative divergence, or a finite number for an infinite one.
"""

import math

import numpy as np
import pytest
import torch
from random_distributions import random_rows

from kdlib import divergences as d

INF = math.inf
FUNCTIONS = {
    "kl": d.kl,
    "js": d.js,
    "total_variation": d.total_variation,
    "hellinger": d.hellinger,
    "chi2": d.chi2,
    "cross_entropy": d.cross_entropy,
    "generalized_js": lambda p, q, **k: d.generalized_js(p, q, 0.2, normalized=True, **k),
    "skew_kl": lambda p, q, **k: d.skew_kl(p, q, 0.1, **k),
    "renyi below 1": lambda p, q, **k: d.renyi(p, q, 0.5, **k),
    "renyi above 1": lambda p, q, **k: d.renyi(p, q, 3.0, **k),
}
ZERO_AT_EQUALS = [name for name in FUNCTIONS if name != "cross_entropy"]
every_function = pytest.mark.parametrize("name", FUNCTIONS)
both_scales = pytest.mark.parametrize("log", [False, True])

ZERO_IN_P = ([0.0, 0.6, 0.4], [0.2, 0.5, 0.3])
ZERO_IN_Q = ([0.2, 0.5, 0.3], [0.0, 0.6, 0.4])
ZERO_IN_BOTH = ([0.0, 0.6, 0.4], [0.0, 0.5, 0.5])
DISJOINT = ([1.0, 0.0, 0.0], [0.0, 0.5, 0.5])


def as_leaves(pair, log: bool, dtype=torch.float64):
    tensors = [torch.tensor(x, dtype=torch.float64) for x in pair]
    return [(x.log() if log else x).to(dtype).requires_grad_() for x in tensors]


def gradients_of(function, pair, **keywords):
    return torch.autograd.grad(function(*pair, **keywords).sum(), pair)


@both_scales
@pytest.mark.parametrize(
    ("name", "pair", "value"),
    [
        ("kl", ZERO_IN_P, 0.6 * math.log(1.2) + 0.4 * math.log(4 / 3)),
        ("kl", ZERO_IN_Q, INF),
        ("kl", ZERO_IN_BOTH, 0.6 * math.log(1.2) + 0.4 * math.log(0.8)),
        ("kl", DISJOINT, INF),
        ("js", DISJOINT, math.log(2)),
        ("total_variation", DISJOINT, 1.0),
        ("hellinger", DISJOINT, 1.0),
        ("chi2", ZERO_IN_P, 0.2 + 0.1**2 / 0.5 + 0.1**2 / 0.3),
        ("chi2", ZERO_IN_Q, INF),
        ("chi2", ZERO_IN_BOTH, 0.1**2 / 0.5 + 0.1**2 / 0.5),
        ("cross_entropy", ZERO_IN_P, -0.6 * math.log(0.5) - 0.4 * math.log(0.3)),
        ("cross_entropy", ZERO_IN_Q, INF),
        ("cross_entropy", ZERO_IN_BOTH, math.log(2)),
        ("skew_kl", DISJOINT, math.log(10)),
        ("renyi below 1", DISJOINT, INF),
        ("renyi below 1", ZERO_IN_Q, -2 * math.log(math.sqrt(0.3) + math.sqrt(0.12))),
        ("renyi above 1", ZERO_IN_Q, INF),
        ("renyi above 1", ZERO_IN_P, math.log(0.6**3 / 0.5**2 + 0.4**3 / 0.3**2) / 2),
    ],
)
def test_zeros_give_the_exact_value(name, pair, value, log):
    found = FUNCTIONS[name](*as_leaves(pair, log), log=log)
    assert found.item() == pytest.approx(value, rel=1e-12)


@every_function
@both_scales
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("pair", [ZERO_IN_P, ZERO_IN_Q, ZERO_IN_BOTH, DISJOINT])
def test_an_infinite_row_sends_no_nan_into_itself_or_into_the_batch(name, pair, dtype, log):
    ordinary = ([0.2, 0.5, 0.3], [0.1, 0.6, 0.3])
    alone = gradients_of(FUNCTIONS[name], as_leaves(ordinary, log, dtype), log=log)
    batch = as_leaves([[a, b] for a, b in zip(ordinary, pair, strict=True)], log, dtype)
    for gradient, expected in zip(
        gradients_of(FUNCTIONS[name], batch, log=log), alone, strict=True
    ):
        torch.testing.assert_close(gradient[0], expected)
        assert gradient.isfinite().all()


@every_function
@pytest.mark.parametrize("through_log", [False, True])
def test_a_gradient_survives_a_softmax_that_underflows(name, through_log):
    teacher = torch.tensor([[0.0, 0.0, -INF], [0.0, 1.0, 2.0]], requires_grad=True)
    student = torch.tensor([[0.0, -200.0, 1.0], [1.0, 0.0, 1.0]], requires_grad=True)
    scale = torch.log_softmax if through_log else torch.softmax
    value = FUNCTIONS[name](scale(teacher, -1), scale(student, -1), log=through_log)
    assert not value.isnan().any()
    for gradient in torch.autograd.grad(value.sum(), (teacher, student)):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("gap", [80.0, 90.0, 100.0, 110.0])  # normal, subnormal twice, zero
def test_a_float32_student_may_be_as_sharp_as_softmax_allows(gap):
    student = torch.tensor([0.0, -gap], requires_grad=True)
    for function in (d.kl, d.js, d.cross_entropy, d.hellinger):
        value = function(torch.tensor([0.5, 0.5]), student.softmax(-1))
        assert torch.autograd.grad(value, student)[0].isfinite().all()


def test_an_infinite_kl_still_pulls_the_student_by_q_minus_p():
    teacher = torch.tensor([0.2, 0.5, 0.3])
    student = torch.tensor([-INF, 0.0, 0.0], requires_grad=True)
    value = d.kl(teacher.log(), student.log_softmax(-1), log=True)
    value.backward()
    assert value == INF
    torch.testing.assert_close(student.grad, torch.tensor([0.0, 0.5, 0.5]) - teacher)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("teacher", "student", "expected"),
    [
        # logits of +-1e4, opposite: KL is the whole distance, the bounded ones are at their bound
        ([1e4, -1e4], [-1e4, 1e4], {"kl": 2e4, "js": math.log(2), "hellinger": 1, "chi2": INF}),
        ([1e4, -1e4], [1e4, -1e4], dict.fromkeys(ZERO_AT_EQUALS, 0)),
        ([1e4, -1e4], [2e3, -2e3], dict.fromkeys(ZERO_AT_EQUALS, 0)),
        ([200.0, 0.0], [0.0, 200.0], {"kl": 200, "renyi below 1": 200 - 2 * math.log(2)}),
        # masks: in both, in the student only, in the teacher only, and where the other underflows
        ([-INF, 0.0, 0.0], [-INF, 0.0, 0.0], dict.fromkeys(ZERO_AT_EQUALS, 0)),
        ([0.0, 0.0], [-INF, 0.0], {"kl": INF, "js": 0.75 * math.log(4 / 3), "chi2": INF}),
        ([-INF, 0.0], [0.0, 0.0], {"kl": math.log(2), "total_variation": 0.5, "chi2": 1}),
        ([-1e4, 1e4], [-INF, 0.0], {"kl": INF, "js": 0, "cross_entropy": INF, "skew_kl": 0}),
        # p^2/q = exp(-200 + 150) and exp(-200 + 200): q underflows in float32, the term does not
        ([-100.0, 0.0], [-150.0, 0.0], {"chi2": math.exp(-50)}),
        (
            [-100.0, 0.0],
            [-200.0, 0.0],
            {"chi2": 1.0, "renyi above 1": math.log1p(math.exp(100)) / 2},
        ),
        # the largest chi2 that float32 can hold, whose slope it cannot
        ([0.0, -200.0], [-88.5, 0.0], {"chi2": math.exp(88.5), "total_variation": 1}),
        ([3.0], [-1.0], dict.fromkeys(FUNCTIONS, 0)),  # a single class
    ],
)
def test_sharp_and_masked_logits_are_exact(teacher, student, expected, dtype):
    pair = [
        torch.tensor(x, dtype=dtype).log_softmax(-1).requires_grad_() for x in (teacher, student)
    ]
    for name, value in expected.items():
        found = FUNCTIONS[name](*pair, log=True)
        assert found.item() == pytest.approx(value, rel=2e-6, abs=1e-30), name
        gradients = torch.autograd.grad(found, pair)
        assert not any(gradient.isnan().any() for gradient in gradients), name


@pytest.mark.parametrize("smallest", [1e-40, 1e-300, 5e-324])
def test_tiny_probabilities_are_not_rounded_to_zero(smallest):
    p, q = [0.2, 0.8], [smallest, 1.0]
    expected = 0.2 * (math.log(0.2) - math.log(smallest)) + 0.8 * math.log(0.8)
    assert d.kl(p, q).item() == pytest.approx(expected, rel=1e-12)
    js = d.js(q, [0.0, 1.0]).item()
    assert js == pytest.approx(smallest * math.log(2) / 2, rel=1e-12, abs=1e-320)


@pytest.mark.parametrize("name", ZERO_AT_EQUALS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@both_scales
def test_equal_inputs_give_exactly_zero_with_gradient_zero(name, dtype, log):
    rows = random_rows(50, 7, 4.0).to(dtype)
    pair = [(rows.log() if log else rows).clone().requires_grad_() for _ in range(2)]
    assert (FUNCTIONS[name](*pair, log=log) == 0).all()
    for gradient in gradients_of(FUNCTIONS[name], pair, log=log):
        assert (gradient == 0).all()


@pytest.mark.parametrize("name", ZERO_AT_EQUALS)
@both_scales
def test_near_identical_float32_pairs_are_never_negative(name, log):
    # Regression: the usual sum p (log p - log q) is negative for about half of such pairs.
    logits = torch.randn(2000, 50, generator=torch.Generator().manual_seed(0))
    nudged = logits + 1e-6 * torch.randn(2000, 50, generator=torch.Generator().manual_seed(1))
    pair = [x.log_softmax(-1) if log else x.softmax(-1) for x in (logits, nudged)]
    plain = (logits.softmax(-1) * (logits.log_softmax(-1) - nudged.log_softmax(-1))).sum(-1)
    assert (plain < 0).float().mean() > 0.1
    assert (FUNCTIONS[name](*pair, log=log) >= 0).all()


def test_renyi_of_a_small_order_is_never_negative_either():
    pair = [random_rows(2000, 50, seed=0).float(), None]
    pair[1] = (pair[0].log() + 1e-6 * random_rows(2000, 50, seed=1)).softmax(-1).float()
    assert (d.renyi(*pair, 0.01) >= 0).all()


@pytest.mark.parametrize("name", ZERO_AT_EQUALS)
@pytest.mark.parametrize("noise", [1e-1, 1e-2, 1e-3])
def test_float32_keeps_its_digits_near_zero(name, noise):
    logits = torch.randn(5, 1000, generator=torch.Generator().manual_seed(0)).double()
    other = logits + noise * torch.randn(5, 1000, generator=torch.Generator().manual_seed(1))
    exact = FUNCTIONS[name](logits.log_softmax(-1), other.log_softmax(-1), log=True)
    found = FUNCTIONS[name](logits.float().log_softmax(-1), other.float().log_softmax(-1), log=True)
    assert exact.max() < 10 * noise
    torch.testing.assert_close(found.double(), exact, rtol=1e-6 / noise, atol=0)


def test_kl_near_zero_agrees_with_a_form_that_needs_no_cure():
    # KL = ln sum p exp(v), where v is the difference of logits, centred under p.
    logits = random_rows(20, 100).log()
    nudge = 1e-5 * torch.randn(20, 100, generator=torch.Generator().manual_seed(1)).double()
    v = nudge - (logits.exp() * nudge).sum(-1, keepdim=True)
    exact = (logits.exp() * (torch.expm1(v) - v)).sum(-1).log1p()
    assert exact.max() < 1e-9
    found = d.kl(logits.log_softmax(-1), (logits + nudge).log_softmax(-1), log=True)
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=0)


@every_function
@both_scales
def test_gradients_are_those_of_the_value(name, log):
    scale = torch.log_softmax if log else torch.softmax

    def of_logits(teacher, student):
        return FUNCTIONS[name](scale(teacher, -1), scale(student, -1), log=log)

    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(4, 5, generator=generator).double().requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(of_logits, logits)
    spread = [(3 * x).detach().requires_grad_() for x in logits]
    assert torch.autograd.gradcheck(of_logits, spread, rtol=1e-3)


@pytest.mark.parametrize("function", [d.entropy, d.flip_budget])
def test_gradients_of_one_distribution_are_those_of_the_value(function):
    logits = random_rows(4, 5).log().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: function(x.softmax(-1)), logits)
    assert torch.autograd.gradcheck(lambda x: function(x.log_softmax(-1), log=True), logits)
    masked = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    assert torch.autograd.grad(function(masked), masked)[0].isfinite().all()


@pytest.mark.parametrize("bound", [d.pinsker_bound, d.bretagnolle_huber_bound])
def test_a_bound_at_zero_sends_no_nan_back(bound):
    p = torch.tensor([0.5, 0.5], requires_grad=True)
    assert bound(d.kl(p, [0.5, 0.5])) == 0
    assert torch.autograd.grad(bound(d.kl(p, [0.5, 0.5])), p)[0].tolist() == [0.0, 0.0]


def test_slopes_at_a_zero_are_kept_where_they_are_finite():
    p, q = (torch.tensor(x, requires_grad=True) for x in ZERO_IN_P)
    slope = torch.autograd.grad(d.total_variation(p, q), p)[0]
    assert slope.tolist() == [-0.5, 0.5, 0.5]
    slope = torch.autograd.grad(d.chi2(p, q), p)[0]
    torch.testing.assert_close(slope, (2 * (p - q) / q).detach())
    slope = torch.autograd.grad(d.cross_entropy(p, q), p)[0]
    torch.testing.assert_close(slope, -q.log().detach())
    slope = torch.autograd.grad(d.skew_kl(q, p, 0.25), p)[0]  # d/dm of q ln(q/m) - q + m, m = q/4
    assert slope[0].item() == pytest.approx(0.75 * (1 - 4))


@pytest.mark.parametrize("function", [d.kl, d.cross_entropy, d.chi2])
def test_an_impossible_entry_receives_no_gradient(function):
    p, q = (torch.tensor(x, requires_grad=True) for x in ZERO_IN_Q)
    assert torch.autograd.grad(function(p, q), q)[0][0] == 0


# Types and shapes ---------------------------------------------------------------------------


@every_function
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_results_keep_the_floating_type_but_half_precision_is_raised(name, dtype):
    rows = random_rows(3, 4).to(dtype)
    pair = [rows.clone().requires_grad_(), rows.flip(0).clone().requires_grad_()]
    found = FUNCTIONS[name](*pair)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert all(gradient.dtype == dtype for gradient in gradients_of(FUNCTIONS[name], pair))


@every_function
def test_lists_arrays_and_tensors_give_the_same(name):
    p, q = random_rows(3, 4), random_rows(3, 4, seed=1)
    expected = FUNCTIONS[name](p, q)
    assert torch.equal(FUNCTIONS[name](p.tolist(), q.tolist()), expected)
    assert torch.equal(FUNCTIONS[name](p.numpy(), q), expected)
    assert FUNCTIONS[name](p.numpy().astype(np.float32), q.float()).dtype == torch.float32


@every_function
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (1, 1, 4)])
def test_each_row_gives_one_number_whatever_the_leading_axes(name, shape):
    p = random_rows(24, 4)[: math.prod(shape[:-1])].reshape(shape)
    q = random_rows(24, 4, seed=1)[: math.prod(shape[:-1])].reshape(shape)
    found = FUNCTIONS[name](p, q)
    assert found.shape == shape[:-1]
    rows = [FUNCTIONS[name](*row) for row in zip(p.reshape(-1, 4), q.reshape(-1, 4), strict=True)]
    torch.testing.assert_close(found.flatten(), torch.stack(rows), rtol=1e-12, atol=0)
