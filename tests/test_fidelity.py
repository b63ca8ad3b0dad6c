"""Fidelity of a student: oracles, small cases by enumeration, identities, seeds, wrong inputs."""

import itertools
import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from random_distributions import properties, random_rows

from kdlib import divergences, fidelity
from kdlib.fidelity.intervals import Z, consistency, difference_of_shares, wilson
from kdlib.fidelity.rows import Model, compare
from kdlib.stats import proportion_interval


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def one_hot(answers, classes=3):
    """Rows whose favourite is the given class, nowhere certain."""
    return 0.1 / classes + 0.9 * np.eye(classes)[np.asarray(answers)]


def pairs(rows=(2, 30), classes=(2, 6)):
    """Two models' answers and labels: three lists of classes, and how many classes there are."""

    def answers(sizes):
        n, k = sizes
        one = st.lists(st.integers(0, k - 1), min_size=n, max_size=n)
        return st.tuples(one, one, one, st.just(k))

    return st.tuples(st.integers(*rows), st.integers(*classes)).flatmap(answers)


# Oracles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_kappa_and_top_k_agree_with_scikit_learn(classes):
    metrics = pytest.importorskip("sklearn.metrics")
    p, q = random_rows(300, classes), random_rows(300, classes, seed=1)
    q = (p + 2 * q) / 3
    answers = p.argmax(-1).numpy(), q.argmax(-1).numpy()
    expected = metrics.cohen_kappa_score(*answers)
    assert fidelity.cohens_kappa(p, q).estimate == pytest.approx(expected, rel=1e-12)
    for k in range(1, classes):
        scores = q[:, 1] if classes == 2 else q
        expected = metrics.top_k_accuracy_score(answers[0], scores.numpy(), k=k,
                                                labels=range(classes))  # fmt: skip
        assert fidelity.agreement(p, q, k).estimate == expected
    assert fidelity.agreement(p, q, classes).estimate == 1


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 5.0, 60.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kl_and_the_flip_budget_agree_with_divergences(scale, dtype):
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(200, 20, generator=generator, dtype=torch.float64)
    others = logits + scale * torch.randn(200, 20, generator=generator, dtype=torch.float64)
    log_p, log_q = logits.to(dtype).log_softmax(-1), others.to(dtype).log_softmax(-1)
    rows = rows_of(log_p, log_q, "log-probabilities")
    exact = [x.double().log_softmax(-1) for x in (log_p, log_q)]
    expected = divergences.kl(*exact, log=True).numpy()
    tolerance = dict(rtol=1e-3, atol=1e-9) if dtype == torch.float32 else dict(rtol=1e-8)
    np.testing.assert_allclose(rows.kl[0], expected, **tolerance)
    budget = divergences.flip_budget(exact[0], log=True).numpy()
    certified = (rows.kl[0] < budget) & ~np.isclose(rows.kl[0], budget, rtol=1e-3)
    assert not rows.uncertified[0][certified].any()
    above = (rows.kl[0] > budget) & ~np.isclose(rows.kl[0], budget, rtol=1e-3)
    assert rows.uncertified[0][above].all()


def rows_of(p, q, scale):
    return compare(Model("teacher", p, scale), [Model("student", q, scale)])


EDGES = {
    "equal": ([0.5, 0.3, 0.2], [0.5, 0.3, 0.2], 0.0),
    "certain and equal": ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0], 0.0),
    "the student calls it impossible": ([0.5, 0.5, 0.0], [1.0, 0.0, 0.0], math.inf),
    "the teacher calls it impossible": ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0], math.log(2)),
    "both call it impossible": ([0.5, 0.5, 0.0], [0.8, 0.2, 0.0], 0.2231435513),
    "nothing in common": ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], math.inf),
}


@pytest.mark.parametrize("case", EDGES)
def test_kl_is_right_where_probabilities_are_zero(case):
    p, q, expected = EDGES[case]
    for scale, change in (("probabilities", np.array), ("logits", np.log)):
        with np.errstate(divide="ignore"):
            rows = rows_of(change([p, p]), change([q, q]), scale)
        np.testing.assert_allclose(rows.kl[0], expected, rtol=1e-9, atol=1e-15)


def test_logits_of_any_size_and_shift_give_the_right_kl():
    logits = np.array([[1e4, 0.0, -1e4], [-1e4, 2e4, 0.0]])
    rows = rows_of(logits, logits + 123.0, "logits")
    assert rows.kl[0] == pytest.approx([0.0, 0.0], abs=1e-12)
    far = rows_of(logits, logits[:, ::-1].copy(), "logits")
    assert far.kl[0] == pytest.approx([2e4, 0.0])


# Enumeration and identities -----------------------------------------------------------------


def test_every_measure_of_all_small_cases_is_the_one_counted_by_hand():
    """All pairs of answers and labels of three inputs in two classes, in exact fractions."""
    for t, s, y in itertools.product(itertools.product((0, 1), repeat=3), repeat=3):
        p, q, n = one_hot(t, 2), one_hot(s, 2), 3
        same = Fraction(sum(a == b for a, b in zip(t, s, strict=True)), n)
        assert fidelity.agreement(p, q).estimate == float(same)
        assert fidelity.churn(p, q).estimate == pytest.approx(float(1 - same))
        chance = sum(Fraction(t.count(c) * s.count(c), n * n) for c in (0, 1))
        if chance < 1:
            expected = float((same - chance) / (1 - chance))
            assert fidelity.cohens_kappa(p, q).estimate == pytest.approx(expected)
        right = [[Fraction(int(a == b)) for a, b in zip(x, y, strict=True)] for x in (t, s)]
        a, b = (sum(x) / n for x in right)
        chance = a * b + (1 - a) * (1 - b)
        both = Fraction(sum(x == z for x, z in zip(*right, strict=True)), n)
        if chance < 1:
            expected = float((both - chance) / (1 - chance))
            assert fidelity.error_consistency(p, q, y).estimate == pytest.approx(expected)
        if a < 1:
            copied = sum(i != k and i == j for i, j, k in zip(t, s, y, strict=True))
            expected = copied / (n - a * n)
            assert fidelity.copied_errors(p, q, y).estimate == pytest.approx(float(expected))


@given(pairs())
@properties
def test_accuracies_differ_by_no_more_than_churn_which_stays_in_its_bounds(case):
    t, s, y, k = case
    churn = fidelity.churn(one_hot(t, k), one_hot(s, k)).estimate
    a, b = (np.mean(np.equal(x, y)) for x in (t, s))
    low, high = fidelity.churn_bounds(a, b)
    assert abs(a - b) == low <= churn + 1e-12 and churn <= high + 1e-12


def test_both_bounds_of_churn_are_reached():
    y, t = [0] * 10, [1] * 2 + [0] * 8
    for s, end in (([1] * 3 + [0] * 7, 0), ([0] * 7 + [1] * 3, 1)):
        bounds = fidelity.churn_bounds(np.mean(np.equal(t, y)), np.mean(np.equal(s, y)))
        assert fidelity.churn(one_hot(t), one_hot(s)).estimate == pytest.approx(bounds[end])


@given(pairs(), st.randoms(use_true_random=False))
@properties
def test_symmetric_measures_survive_exchanged_roles_and_none_minds_the_order(case, random):
    t, s, y, k = case
    order = random.sample(range(len(t)), len(t))
    for measure in (fidelity.agreement, fidelity.churn, fidelity.cohens_kappa):
        if measure is fidelity.cohens_kappa and len({*t, *s}) == 1:
            continue
        found = measure(one_hot(t, k), one_hot(s, k))
        assert measure(one_hot(s, k), one_hot(t, k)).estimate == pytest.approx(found.estimate)
        shuffled = measure(one_hot(t, k)[order], one_hot(s, k)[order])
        ends = found.estimate, found.low, found.high
        assert (shuffled.estimate, shuffled.low, shuffled.high) == pytest.approx(ends)


@given(pairs())
@properties
def test_a_model_copies_itself_perfectly(case):
    t, _, y, k = case
    p = one_hot(t, k)
    assert fidelity.agreement(p, p).estimate == 1
    profile = fidelity.kl_profile(p, p)
    assert profile.mean.estimate == profile.max == 0
    right = np.equal(t, y)
    if 0 < right.mean() < 1:
        assert fidelity.error_consistency(p, p, y).estimate == 1
    if right.mean() < 1:
        assert fidelity.copied_errors(p, p, y).estimate == 1


def test_error_consistency_of_independent_errors_is_zero_in_expectation():
    """Exact: all ways in which two models of accuracies 0.8 and 0.7 can be right or wrong."""
    a, b = 0.8, 0.7
    cells = [a * b, a * (1 - b), (1 - a) * b, (1 - a) * (1 - b)]
    assert consistency(*(round(100 * share) for share in cells)).estimate == pytest.approx(0)
    rng = np.random.default_rng(1)
    y = np.zeros(20_000, dtype=int)
    t, s = ((rng.random(20_000) > accuracy).astype(int) for accuracy in (a, b))
    found = fidelity.error_consistency(one_hot(t), one_hot(s), y)
    assert found.low < 0 < found.high and found.high - found.low < 0.04


def test_agreement_of_accurate_models_is_high_without_any_distillation():
    """The figures of FACTS: at accuracies of 0.9 independent errors still agree on 0.82."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 10, 50_000)
    t, s = (np.where(rng.random(50_000) < 0.9, y, (y + rng.integers(1, 10, 50_000)) % 10)
            for _ in range(2))  # fmt: skip
    assert fidelity.agreement(one_hot(t, 10), one_hot(s, 10)).estimate > 0.8
    assert fidelity.cohens_kappa(one_hot(t, 10), one_hot(s, 10)).estimate > 0.78
    assert abs(fidelity.error_consistency(one_hot(t, 10), one_hot(s, 10), y).estimate) < 0.02


def test_of_tied_classes_the_first_is_the_answer_as_in_divergences():
    p, q = [[0.5, 0.5, 0.0]] * 2, [[0.4, 0.2, 0.4], [0.2, 0.4, 0.4]]
    expected = divergences.top1_agreement(p, q).mean().item()
    assert fidelity.agreement(p, q).estimate == expected == 0.5


def test_top_k_counts_the_teacher_s_answer_among_the_student_s_first_k_ties_included():
    p = [[0.2, 0.2, 0.6]] * 2
    q = [[0.4, 0.4, 0.2], [0.3, 0.4, 0.3]]  # class 2 is third; second after an earlier equal
    assert [fidelity.agreement(p, q, k).estimate for k in (1, 2, 3)] == [0, 0, 1]
    backwards = [row[::-1] for row in q]
    assert fidelity.agreement([row[::-1] for row in p], backwards, 2).estimate == 0.5


# KL profile ---------------------------------------------------------------------------------


def test_a_mean_hides_the_tail_that_the_profile_shows():
    logits = np.zeros((100, 2))
    logits[:99, 1] = logit_of_kl(0.01)
    logits[99, 1] = logit_of_kl(5.0)
    student = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    profile = fidelity.kl_profile(np.full((100, 2), 0.5), student)
    assert profile.mean.estimate == pytest.approx(0.0599, abs=1e-4)
    assert (profile.median, profile.p99, profile.max) == pytest.approx((0.01, 0.01, 5.0))


def logit_of_kl(nats):
    """The z for which KL(uniform || softmax(0, z)) is so many nats: cosh(z / 2) = exp(nats)."""
    return 2 * math.acosh(math.exp(nats))


def test_infinite_kl_makes_the_mean_infinite_and_is_counted():
    p, q = [[0.5, 0.5]] * 4, [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.8, 0.2]]
    profile = fidelity.kl_profile(p, q)
    assert profile.mean.estimate == profile.mean.low == profile.max == math.inf
    assert profile.finite_mean.estimate == pytest.approx(0.2231435513 / 3)
    assert profile.infinite.estimate == 0.25 and profile.median == 0
    assert fidelity.kl_profile(p, [[1.0, 0.0]] * 4).finite_mean is None


@given(arrays(np.float64, (2, 8, 4), elements=st.floats(-8, 8, width=16)))
@properties
def test_below_the_flip_budget_answers_never_differ(logits):
    p, q = torch.from_numpy(logits).softmax(-1)
    profile = fidelity.kl_profile(p, q)
    assert fidelity.churn(p, q).estimate <= profile.above_budget.estimate


def test_quantiles_are_the_least_values_that_so_many_inputs_do_not_exceed(rng):
    p = random_rows(57, 5)
    q = random_rows(57, 5, seed=1)
    kl = divergences.kl(p, q).numpy()
    profile = fidelity.kl_profile(p, q)
    expected = np.quantile(kl, [0.5, 0.9, 0.99], method="inverted_cdf")
    assert [profile.median, profile.p90, profile.p99] == pytest.approx(list(expected))
    assert profile.max == pytest.approx(kl.max())


# Slices -------------------------------------------------------------------------------------


@given(pairs())
@properties
def test_parts_make_up_the_whole(case):
    t, s, y, k = case
    p, q = one_hot(t, k), one_hot(s, k)
    whole = fidelity.agreement(p, q).estimate * len(t)
    for parts in (
        fidelity.agreement_by_class(p, q),
        fidelity.agreement_by_correctness(p, q, y),
        fidelity.agreement_by_group(p, q, y),
        fidelity.agreement_by_margin(p, q),
        fidelity.agreement_by_margin(p, q, edges=[0.1, 0.95]),
    ):
        assert sum(part.rows for part in parts) == len(t)
        assert all((part.agreement is None) == (part.rows == 0) for part in parts)
        agreed = sum(part.rows * part.agreement.estimate for part in parts if part.agreement)
        assert agreed == pytest.approx(whole)


def test_agreement_where_the_teacher_is_wrong_is_the_share_of_copied_errors(rng):
    t, s, y = rng.integers(0, 3, (3, 60))
    right, wrong = fidelity.agreement_by_correctness(one_hot(t), one_hot(s), y)
    assert wrong.agreement == fidelity.copied_errors(one_hot(t), one_hot(s), y)
    assert right.rows == (t == y).sum() and right.name == "teacher right"


def test_margins_split_into_thirds_of_equal_size_unless_they_are_equal():
    p, q = random_rows(90, 4), random_rows(90, 4, seed=1)
    assert [part.rows for part in fidelity.agreement_by_margin(p, q)] == [30, 30, 30]
    same = fidelity.agreement_by_margin(one_hot([0] * 9), one_hot([1] * 9))
    assert [part.rows for part in same] == [0, 9]


def test_groups_are_names_numbers_or_tensors_in_order():
    p, q = one_hot([0, 0, 0]), one_hot([0, 1, 0])
    for groups in (["b", "a", "b"], torch.tensor([10, 9, 10]), np.array(["b", "a", "b"], object)):
        parts = fidelity.agreement_by_group(p, q, groups)
        assert [(part.rows, part.agreement.estimate) for part in parts] == [(1, 0), (2, 1)]
    numbers = fidelity.agreement_by_group(p, q, [10, 9, 10])
    assert [part.name for part in numbers] == ["9", "10"]


# Intervals ----------------------------------------------------------------------------------


def test_shares_of_one_student_have_wilson_s_interval():
    p, q = one_hot([0] * 10), one_hot([0] * 9 + [1])
    for k, found in ((9, fidelity.agreement(p, q)), (1, fidelity.churn(p, q))):
        assert found.to_dict() == pytest.approx(proportion_interval(k, 10).to_dict())


@given(st.integers(1, 10**7), st.data())
@properties
def test_the_fast_wilson_interval_is_that_of_stats(n, data):
    k = data.draw(st.integers(0, n))
    assert wilson(k, n).to_dict() == pytest.approx(proportion_interval(k, n).to_dict(), abs=1e-12)


CELLS = [(0.9, 0.06, 0.01, 0.03), (0.6, 0.15, 0.05, 0.2), (0.3, 0.3, 0.2, 0.2), (0.8, 0.1, 0.1, 0)]


@pytest.mark.parametrize("n", [50, 200, 2000])
@pytest.mark.parametrize("cells", CELLS)
def test_intervals_from_counts_cover_the_truth(n, cells, rng):
    """About 95 % of the time; with few differences they are on the safe side."""
    a, b = cells[0] + cells[1], cells[0] + cells[2]
    chance = a * b + (1 - a) * (1 - b)
    truth = cells[1] - cells[2], (cells[0] + cells[3] - chance) / (1 - chance)
    hits = np.zeros(2)
    draws = [draw for draw in rng.multinomial(n, cells, size=900).tolist() if draw[0] < n][:800]
    for draw in draws:
        intervals = difference_of_shares(draw[1], draw[2], n), consistency(*draw)
        hits += [i.low <= x <= i.high for i, x in zip(intervals, truth, strict=True)]
    assert (hits / 800 >= 0.925).all() and (n < 2000 or (hits / 800 <= 0.985).all())


def test_a_paired_difference_is_as_wide_as_theory_says_when_there_are_many_inputs():
    interval = difference_of_shares(30_000, 10_000, 100_000)
    half = Z * math.sqrt((0.4 - 0.2**2) / 100_000)
    assert (interval.low, interval.high) == pytest.approx((0.2 - half, 0.2 + half), abs=2e-5)
    mirrored = difference_of_shares(10_000, 30_000, 100_000)
    assert (mirrored.low, mirrored.high) == pytest.approx((-interval.high, -interval.low))


@pytest.mark.parametrize("counts", [(0, 0, 8), (8, 0, 8), (0, 8, 8), (4, 4, 8)])
def test_a_difference_of_few_inputs_stays_in_range_and_never_has_width_zero(counts):
    interval = difference_of_shares(*counts)
    assert -1 <= interval.low < interval.high <= 1
    assert interval.low <= interval.estimate <= interval.high


def test_kappa_s_interval_narrows_as_the_root_of_the_number_of_inputs(rng):
    t = rng.integers(0, 3, 8000)
    s = np.where(rng.random(8000) < 0.6, t, rng.integers(0, 3, 8000))
    few = fidelity.cohens_kappa(one_hot(t[:2000]), one_hot(s[:2000]))
    many = fidelity.cohens_kappa(one_hot(t), one_hot(s))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(2, rel=0.1)


# Seeds --------------------------------------------------------------------------------------


@pytest.fixture
def seeds(rng):
    """A teacher's answers, those of five seeds of a student that copies most, and labels."""
    y = rng.integers(0, 3, 400)
    t = np.where(rng.random(400) < 0.8, y, (y + 1) % 3)
    students = [np.where(rng.random(400) < share, t, y) for share in (0.5, 0.6, 0.7, 0.8, 0.9)]
    return one_hot(t), np.stack([one_hot(s) for s in students]), y


MEASURES = {
    "agreement": lambda t, s, y: fidelity.agreement(t, s),
    "agreement in two": lambda t, s, y: fidelity.agreement(t, s, 2),
    "churn": lambda t, s, y: fidelity.churn(t, s),
    "kappa": lambda t, s, y: fidelity.cohens_kappa(t, s),
    "consistency": fidelity.error_consistency,
    "copied errors": fidelity.copied_errors,
    "mean KL": lambda t, s, y: fidelity.kl_profile(t, s).mean,
    "where right": lambda t, s, y: fidelity.agreement_by_correctness(t, s, y)[1].agreement,
}


@pytest.mark.parametrize("name", MEASURES)
def test_several_seeds_give_the_mean_over_them_and_a_wider_interval(name, seeds):
    teacher, students, y = seeds
    measure = MEASURES[name]
    together = measure(teacher, students, y)
    alone = [measure(teacher, student, y) for student in students]
    expected = np.mean([interval.estimate for interval in alone])
    assert together.estimate == pytest.approx(expected)
    if name != "agreement in two":
        widths = [interval.high - interval.low for interval in alone]
        assert together.high - together.low > max(widths)


def test_what_distillation_added_is_paired_by_input_and_seed(seeds):
    teacher, students, _ = seeds
    gain = fidelity.added_agreement(teacher, students, students[::-1].copy())
    assert gain.estimate == pytest.approx(0) and gain.low < 0 < gain.high
    single = fidelity.added_agreement(teacher, students[4], students[0])
    pair = [fidelity.agreement(teacher, students[i]).estimate for i in (4, 0)]
    assert single.estimate == pytest.approx(pair[0] - pair[1]) and single.low > 0
    with pytest.raises(ValueError, match="student has 5 seeds but control has 1: both must have"):
        fidelity.added_agreement(teacher, students, students[0])


# Wrong inputs -------------------------------------------------------------------------------

GOOD = one_hot([0, 1, 2, 0])
LABELS = [0, 1, 2, 1]
OF_TWO = {
    "agreement": lambda t, s: fidelity.agreement(t, s),
    "agreement in two": lambda t, s: fidelity.agreement(t, s, 2),
    "cohens_kappa": fidelity.cohens_kappa,
    "error_consistency": lambda t, s: fidelity.error_consistency(t, s, LABELS),
    "copied_errors": lambda t, s: fidelity.copied_errors(t, s, LABELS),
    "kl_profile": fidelity.kl_profile,
    "agreement_by_class": fidelity.agreement_by_class,
    "agreement_by_margin": fidelity.agreement_by_margin,
    "agreement_by_group": lambda t, s: fidelity.agreement_by_group(t, s, LABELS),
    "agreement_by_correctness": lambda t, s: fidelity.agreement_by_correctness(t, s, LABELS),
}


def spoilt(row, column, value):
    rows = GOOD.copy()
    rows[row, column] = value
    return rows


WRONG = [
    (GOOD[:, :2], GOOD, ValueError, r"teacher has shape \(4, 2\) but student has shape \(4, 3\)"
     r".*shared classes"),
    (GOOD, GOOD[:3], ValueError, r"student has shape \(3, 3\).*same inputs, in the same order"),
    (GOOD[0], GOOD[0], ValueError, r"teacher has shape \(3,\), expected \(N, K\)"),
    (GOOD[:1], GOOD[:1], ValueError, "teacher has 1 row, expected at least two"),
    (GOOD[:0], GOOD[:0], ValueError, r"teacher has shape \(0, 3\) and is empty"),
    (GOOD, GOOD[None], ValueError, r"student has shape \(1, 4, 3\).*two seeds.*student\[0\]"),
    (GOOD[None], GOOD, ValueError, r"teacher has shape \(1, 4, 3\), expected \(N, K\)"),
    (GOOD, spoilt(2, 0, math.nan), ValueError, r"student\[2\]\[0\] is nan"),
    (spoilt(3, 1, 0.9), GOOD, ValueError, r"teacher\[3\] sums to 1\.8.*expected 1"),
    (spoilt(1, 0, -0.5), GOOD, ValueError, r"teacher\[1\]\[0\] is -0\.5"),
    (np.log(GOOD), GOOD, ValueError, r"teacher\[0\].*log-probabilities: pass log=True"),
    (GOOD.astype(int), GOOD, TypeError, r"teacher has dtype torch\.int64, expected floating"),
    (["right", "wrong"], GOOD, TypeError, "teacher is of type list and holds no plain numbers"),
    (GOOD, None, TypeError, "student is of type NoneType"),
    (GOOD, np.stack([GOOD, spoilt(2, 0, math.nan)]), ValueError, r"student\[1\]\[2\]\[0\] is nan"),
]  # fmt: skip


@pytest.mark.parametrize(("teacher", "student", "error", "message"), WRONG)
@pytest.mark.parametrize("name", OF_TWO)
def test_answers_that_are_not_what_they_claim_are_refused_by_place(
    name, teacher, student, error, message
):
    with pytest.raises(error, match=message):
        OF_TWO[name](teacher, student)


def test_log_probabilities_are_the_same_answers_and_are_checked():
    p, q = random_rows(40, 4), random_rows(40, 4, seed=1)
    for measure in (fidelity.agreement, fidelity.churn, fidelity.cohens_kappa):
        assert measure(p.log(), q.log(), log=True) == measure(p, q)
    logged = fidelity.kl_profile(p.log(), q.log(), log=True).mean
    assert logged.estimate == pytest.approx(fidelity.kl_profile(p, q).mean.estimate)
    with pytest.raises(ValueError, match=r"teacher\[0\].*leave out log=True"):
        fidelity.agreement(p, q, log=True)
    with pytest.raises(ValueError, match=r"student\[0\].*looks like logits"):
        fidelity.agreement(p.log(), 1 + q, log=True)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1, 2, 3], ValueError, r"labels\[3\] is 3, expected 0 to 2 for 3 classes"),
        ([0, 1, -1, 0], ValueError, r"labels\[2\] is -1"),
        ([0, 1], ValueError, r"labels has shape \(2,\), expected \(4,\)"),
        ([0.0, 1.0, 2.0, 0.0], TypeError, "labels has dtype"),
        (["a", "b", "c", "a"], TypeError, "labels is of type list and holds no plain numbers"),
    ],
)
def test_impossible_labels_are_refused(labels, error, message):
    for measure in (
        fidelity.error_consistency,
        fidelity.copied_errors,
        fidelity.agreement_by_correctness,
    ):
        with pytest.raises(error, match=message):
            measure(GOOD, GOOD, labels)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fidelity.agreement(GOOD, GOOD, 0), ValueError, "k is 0, expected 1 to K = 3"),
        (lambda: fidelity.agreement(GOOD, GOOD, 4), ValueError, "k is 4, expected 1 to K = 3"),
        (lambda: fidelity.agreement(GOOD, GOOD, 1.5), TypeError, "k is 1.5, expected a whole"),
        (lambda: fidelity.agreement(GOOD, GOOD, True), TypeError, "k is True"),
        (lambda: fidelity.churn_bounds(1.2, 0.5), ValueError, "accuracy_a is 1.2"),
        (lambda: fidelity.churn_bounds(0.5, math.nan), ValueError, "accuracy_b is nan"),
        (lambda: fidelity.agreement_by_margin(GOOD, GOOD, [0.6, 0.2]), ValueError, "edges is"),
        (lambda: fidelity.agreement_by_margin(GOOD, GOOD, []), ValueError, "edges is"),
        (lambda: fidelity.agreement_by_margin(GOOD, GOOD, [0.5, 1.0]), ValueError, "edges is"),
        (lambda: fidelity.agreement_by_margin(GOOD, GOOD, ["low"]), TypeError, "edges is"),
        (lambda: fidelity.agreement_by_group(GOOD, GOOD, ["a"]), ValueError,
         r"groups has shape \(1,\), expected \(4,\)"),
        (lambda: fidelity.agreement_by_group(GOOD, GOOD, [0, 1, math.nan, 1]), ValueError,
         r"groups\[2\] is nan"),
        (lambda: fidelity.error_consistency(GOOD, GOOD, [0, 1, 2, 0]), ValueError,
         "error consistency is undefined here: both models are right"),
        (lambda: fidelity.copied_errors(GOOD, GOOD, [0, 1, 2, 0]), ValueError,
         "copied errors is undefined here: the teacher makes no mistake"),
        (lambda: fidelity.cohens_kappa(GOOD[[0, 0]], GOOD[[0, 0]]), ValueError,
         "Cohen's kappa is undefined here: both models give the same one answer"),
    ],
)  # fmt: skip
def test_settings_and_cases_without_an_answer_say_so(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_types_of_every_width_are_read(dtype):
    p = random_rows(30, 4)
    for narrow in (p.to(dtype), p.to(dtype).requires_grad_()):
        assert fidelity.agreement(narrow, narrow).estimate == 1
        assert fidelity.kl_profile(narrow, p.to(dtype)).max == 0
    swapped = p.numpy().astype(">f8")
    assert fidelity.kl_profile(swapped, p).max == 0
    assert fidelity.kl_profile(p.numpy().astype(np.longdouble), p).max == 0


def test_one_class_is_always_agreed_on():
    ones = np.ones((5, 1))
    assert fidelity.agreement(ones, ones).estimate == 1
    profile = fidelity.kl_profile(ones, ones)
    assert profile.max == 0 and profile.above_budget.estimate == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([np.float32, np.float64]))
@properties
def test_the_numbers_of_a_row_do_not_depend_on_where_the_data_were_cut(seed, classes, dtype):
    """Bit by bit: otherwise merged counters would differ from a single one."""
    rng = np.random.default_rng(seed)
    p = (3 * rng.standard_normal((23, classes))).astype(dtype)
    q = (p + rng.choice([1e-3, 1.0, 50.0]) * rng.standard_normal(p.shape)).astype(dtype)
    masked = rng.random(p.shape) < 0.1
    masked[:, 0] = False
    q[masked] = -np.inf
    p[masked & (rng.random(p.shape) < 0.5)] = -np.inf
    whole = rows_of(p, q, "logits")
    cuts = [0, *sorted(rng.integers(1, 23, 4).tolist()), 23]
    parts = [rows_of(p[a:b], q[a:b], "logits") for a, b in itertools.pairwise(cuts) if a < b]
    for field in ("teacher", "first", "second", "students", "kl"):
        joined = np.concatenate([getattr(part, field) for part in parts], axis=-1)
        np.testing.assert_array_equal(joined, getattr(whole, field))


@given(st.integers(2, 6), st.data())
@properties
def test_kappa_is_below_one_unless_all_answers_agree(classes, data):
    t = data.draw(st.lists(st.integers(0, classes - 1), min_size=4, max_size=20))
    s = data.draw(st.permutations(t))
    assume(len(set(t)) > 1)
    kappa = fidelity.cohens_kappa(one_hot(t, classes), one_hot(s, classes))
    assert -1 <= kappa.low <= kappa.estimate <= kappa.high <= 1
    assert (kappa.estimate == pytest.approx(1)) == (t == list(s))


def test_the_docstring_says_that_exchanged_roles_cannot_be_seen():
    words = re.sub(r"\s+", " ", fidelity.measures.__doc__)
    assert "Nobody can see in the numbers which model is the teacher" in words
