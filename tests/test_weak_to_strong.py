"""The gap recovered is what it says, unclipped; ensembles gain where their members err apart."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlib.data import Examples
from kdlib.ensembles import mean_logit, mean_probability, member_correlation, vote
from kdlib.losses import confidence_loss
from kdlib.weak_to_strong import likelihood_band, performance_gap_recovered, warmed_up_confidence


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def right(rng, rate, shape):
    return rng.random(shape) < rate


# --- performance gap recovered


def test_a_student_below_its_teacher_has_a_negative_gap_recovered():
    """0.60, 0.55 and 0.80: the printed formula with max(0, .) would hide the loss."""
    weak, student, ceiling = (np.arange(100) < k for k in (60, 55, 80))
    assert performance_gap_recovered(weak, student, ceiling).estimate == pytest.approx(-0.25)
    assert performance_gap_recovered(weak, weak, ceiling).estimate == 0
    assert performance_gap_recovered(weak, ceiling, ceiling).estimate == 1
    assert performance_gap_recovered(weak, np.ones(100), ceiling).estimate == pytest.approx(2)


@pytest.mark.parametrize("ceiling_right", [40, 60])
def test_without_a_gap_there_is_nothing_to_recover(ceiling_right):
    weak, ceiling = np.arange(100) < 60, np.arange(100) < ceiling_right
    found = performance_gap_recovered(weak, weak, ceiling)
    assert all(math.isnan(x) for x in (found.estimate, found.low, found.high))


def test_where_the_gap_may_be_nothing_the_ratio_may_be_anything():
    weak, ceiling = [0, 1, 0, 1, 0, 1, 0, 1], [1, 0, 0, 1, 0, 1, 1, 1]
    found = performance_gap_recovered(weak, ceiling, ceiling)
    assert found.estimate == 1 and math.isnan(found.low) and math.isnan(found.high)
    assert str(found) == "1.000 [nan, nan]"


def test_the_interval_is_that_of_a_bootstrap_of_the_ratio(rng):
    weak, student, ceiling = (right(rng, rate, 400) for rate in (0.55, 0.7, 0.85))
    found, ratios = performance_gap_recovered(weak, student, ceiling), []
    for _ in range(2000):
        rows = rng.integers(400, size=400)
        w, s, c = (x[rows].mean() for x in (weak, student, ceiling))
        ratios.append((s - w) / (c - w))
    low, high = np.quantile(ratios, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_students_that_differ_by_seed_widen_the_interval(rng):
    weak, ceiling = (np.tile(right(rng, rate, 400), (5, 1)) for rate in (0.5, 0.95))
    alike = np.tile(right(rng, 0.75, 400), (5, 1))
    apart = np.stack([right(rng, rate, 400) for rate in (0.55, 0.65, 0.75, 0.85, 0.95)])
    widths = [
        found.high - found.low
        for found in (performance_gap_recovered(weak, s, ceiling) for s in (alike, apart))
    ]
    assert widths[1] > 2 * widths[0]


def test_the_interval_holds_the_true_ratio_as_often_as_it_says(rng):
    held = 0
    for _ in range(100):
        hardness = rng.random(300)
        weak, student, ceiling = (
            hardness + 0.3 * rng.random(300) < rate for rate in (0.6, 0.8, 1.0)
        )
        found = performance_gap_recovered(weak, student, ceiling)
        held += found.low <= 0.5 <= found.high
    assert held >= 90


@pytest.mark.parametrize(
    ("weak", "student", "message"),
    [
        (np.ones(5), np.ones(4), r"weak has shape \(5,\) but ceiling has shape \(4,\)"),
        (np.ones(4), np.ones((2, 4)), r"student has shape \(2, 4\).*Nothing is broadcast"),
        ([1, 0, math.nan, 1], np.ones(4), r"weak\[2\] is nan"),
        ([1.0], np.ones(4), "weak has shape .*at least two inputs"),
    ],
)
def test_scores_that_do_not_belong_together_are_refused(weak, student, message):
    with pytest.raises(ValueError, match=message):
        performance_gap_recovered(weak, student, np.ones(4))


# --- confidence, warmed up


@pytest.fixture
def batch():
    logits = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.5, 0.0]])
    return Examples(inputs=torch.zeros(2, 1), teacher_logits=logits)


def test_confidence_rises_in_equal_parts_and_stays(batch):
    logits = torch.tensor([[0.0, 3.0, 0.0], [1.0, 0.0, 0.0]], requires_grad=True)
    loss = warmed_up_confidence(0.6, warm_up=3)
    for weight in (0.0, 0.2, 0.4, 0.6, 0.6):
        expected = confidence_loss(
            student_logits=logits, teacher_logits=batch.teacher_logits, confidence_weight=weight
        )
        assert loss(logits, batch).item() == pytest.approx(expected.item(), abs=1e-6)
        on_validation = loss(logits.detach(), batch)  # counts for no step
        assert on_validation == loss(logits.detach(), batch)


def test_a_weak_teacher_must_have_answered():
    with pytest.raises(ValueError, match="no teacher_logits.*with_teacher"):
        warmed_up_confidence(0.5, 10)(torch.zeros(2, 3), Examples(inputs=torch.zeros(2, 1)))


@pytest.mark.parametrize(
    ("weight", "warm_up", "message"),
    [(1.5, 10, "weight is 1.5, expected a number from 0 to 1"), (0.5, 0, "warm_up is 0, expected")],
)
def test_impossible_schedules_are_refused(weight, warm_up, message):
    with pytest.raises(ValueError, match=message):
        warmed_up_confidence(weight, warm_up)


# --- bands of likelihood


@given(st.lists(st.integers(-5, 5), min_size=4, max_size=40), st.floats(0.3, 0.7))
def test_bands_that_meet_share_nothing_and_leave_nothing_out(scores, cut):
    low, high = likelihood_band(scores, 0, cut), likelihood_band(scores, cut, 1)
    assert sorted(low.tolist() + high.tolist()) == list(range(len(scores)))
    assert max(scores[i] for i in low) <= min(scores[i] for i in high)
    assert low.tolist() == sorted(low.tolist())


@pytest.mark.parametrize(
    ("scores", "low", "high", "message"),
    [
        ([0.1, 0.2], 0.5, 0.5, "low is 0.5 and high is 0.5, expected 0 <= low < high <= 1"),
        ([0.1, 0.2], 50, 100, "low is 50.*ranks as shares"),
        ([0.1, 0.2], 0.9, 0.95, "no one of 2 examples ranks from 0.9 to 0.95"),
        ([0.1, math.nan], 0, 1, r"scores\[1\] is nan"),
        ([[0.1, 0.2]], 0, 1, r"scores has shape \(1, 2\), expected \(N,\)"),
    ],
)
def test_impossible_bands_are_refused(scores, low, high, message):
    with pytest.raises(ValueError, match=message):
        likelihood_band(scores, low, high)


# --- ensembles


@pytest.fixture
def logits():
    return torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("combine", [vote, mean_probability, mean_logit])
def test_an_ensemble_answers_with_distributions(combine, logits):
    together = combine(logits)
    assert together.shape == (7, 4) and torch.allclose(together.sum(-1), torch.ones(7).double())
    assert torch.allclose(combine(logits[[2, 0, 1]]), together), "members have no order"
    assert torch.allclose(combine(logits + torch.randn(3, 7, 1)), together), "nor do logits a zero"


@pytest.mark.parametrize("combine", [mean_probability, mean_logit])
def test_equal_members_are_one_member(combine, logits):
    together = combine(logits[:1].expand(3, -1, -1))
    assert torch.allclose(together, logits[0].softmax(-1))


def test_the_three_ways_differ_where_one_member_is_sure():
    row = torch.tensor([[[0.1, 0.0]], [[0.1, 0.0]], [[0.0, 9.0]]])
    assert vote(row).argmax(-1).item() == 0
    assert mean_probability(row).argmax(-1).item() == 1
    assert mean_logit(row).argmax(-1).item() == 1
    geometric = row.log_softmax(-1).mean(0).exp()
    assert torch.allclose(mean_logit(row), geometric / geometric.sum(-1, keepdim=True))


def test_correlation_is_numpy_s(rng):
    correct = right(rng, 0.7, (4, 60))
    matrix = np.corrcoef(correct)
    pairs = [matrix[i, j] for i in range(4) for j in range(i)]
    assert member_correlation(torch.tensor(correct)) == pytest.approx(np.mean(pairs))


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(2, 6))
def test_correlation_says_what_averaging_leaves(shared, members):
    """r + (1 - r) / M of the variance, for members of one variance."""
    draws = np.random.default_rng(0).standard_normal((members + 1, 300))
    scores = torch.tensor(shared * draws[:1] + (1 - shared + 0.01) * draws[1:])
    scores = (scores - scores.mean(1, keepdim=True)) / scores.std(1, keepdim=True)
    r = member_correlation(scores)
    assert scores.mean(0).var().item() == pytest.approx(r + (1 - r) / members)


@pytest.mark.parametrize(
    ("correct", "message"),
    [
        (torch.tensor([[True, False]]), r"correct is \(1, 2\), expected a tensor \(M, N\)"),
        ([[1, 0], [0, 1]], "correct is list, expected a tensor"),
        (torch.tensor([[True, True], [True, False]]), r"correct\[0\] is the same on all inputs"),
        (torch.tensor([[math.nan, 1.0], [1.0, 0.0]]), r"correct\[0, 0\] is nan"),
    ],
)
def test_members_that_cannot_correlate_are_refused(correct, message):
    with pytest.raises(ValueError, match=message):
        member_correlation(correct)


@pytest.mark.parametrize(
    ("logits", "error", "message"),
    [
        (torch.zeros(1, 2, 3), ValueError, r"shape \(1, 2, 3\).*at least two members"),
        (torch.zeros(2, 3), ValueError, r"shape \(2, 3\), expected \(M, N, K\)"),
        (torch.zeros(2, 2, 3, dtype=torch.long), TypeError, "logits has dtype torch.int64"),
        (torch.full((2, 2, 3), math.nan), ValueError, r"logits\[0, 0, 0\] is nan"),
    ],
)
def test_logits_of_no_ensemble_are_refused(logits, error, message):
    for combine in (vote, mean_probability, mean_logit):
        with pytest.raises(error, match=message):
            combine(logits)


def test_members_that_rule_everything_out_together_have_no_mean_logit():
    apart = torch.tensor([[[0.0, 0.0], [-torch.inf, 0.0]], [[0.0, 0.0], [0.0, -torch.inf]]])
    with pytest.raises(ValueError, match="on input 1 each class is ruled out"):
        mean_logit(apart)
    assert torch.equal(mean_probability(apart)[1], torch.tensor([0.5, 0.5]))
