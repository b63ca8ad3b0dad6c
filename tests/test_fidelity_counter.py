"""The counter: equal to what is computed in memory, however the rows were cut, ordered and merged."""

import functools
import itertools
import json
import math
import pickle
from dataclasses import fields, is_dataclass
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from random_distributions import properties, random_rows

from kdlib import fidelity
from kdlib.audit import audit
from kdlib.fidelity import FidelityCounter
from kdlib.fidelity.sums import (
    BINS,
    STEPS,
    exact_mean,
    exact_sum,
    exact_variance,
    logarithmic_counts,
    quantile,
    rank_of,
)


def data(rows=200, classes=6, seed=0, dtype=np.float64):
    """Logits of a teacher, a student that follows it, a control, and labels."""
    rng = np.random.default_rng(seed)
    task = 2 * rng.standard_normal((rows, classes))
    teacher, control = (task + rng.standard_normal(task.shape) for _ in range(2))
    student = teacher + 0.5 * rng.standard_normal(task.shape)
    labels = (task + rng.gumbel(size=task.shape)).argmax(-1)
    return *(x.astype(dtype) for x in (teacher, student)), labels, control.astype(dtype)


def counted(rows, *parts, logits=True):
    """A counter of some rows of all arrays."""
    counter = FidelityCounter(logits=logits)
    counter.update(*(None if part is None else part[rows] for part in parts))
    return counter


def same(one, other):
    """Whether two reports are equal bit by bit, NaN included."""
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


# Cutting, ordering and merging --------------------------------------------------------------


@given(
    st.lists(st.integers(1, 79), max_size=5, unique=True),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.booleans(),
)
@properties
def test_any_cuts_merged_in_any_order_give_the_same_report(cuts, random, labels, control):
    parts = list(data(80))
    parts[2:] = [parts[2] if labels else None, parts[3] if control else None]
    ends = [0, *sorted(cuts), 80]
    pieces = [counted(slice(a, b), *parts) for a, b in itertools.pairwise(ends)]
    while len(pieces) > 1:  # a random tree of merges
        one, other = (pieces.pop(random.randrange(len(pieces))) for _ in range(2))
        pieces.append(one.merge(other))
    assert same(pieces[0].report(), counted(slice(None), *parts).report())


def test_updates_and_merges_are_the_same_thing():
    parts = data(100)
    updated, merged = FidelityCounter(logits=True), FidelityCounter(logits=True)
    for start in range(0, 100, 7):
        rows = slice(start, start + 7)
        updated.update(*(part[rows] for part in parts))
        assert merged.merge(counted(rows, *parts)) is merged
    assert same(updated.report(), merged.report()) and updated.rows == 100


def test_an_empty_counter_changes_nothing_on_either_side():
    parts = data(30)
    there = counted(slice(None), *parts).merge(FidelityCounter(logits=True))
    back = FidelityCounter(logits=True).merge(counted(slice(None), *parts))
    assert same(there.report(), back.report())


def test_the_other_counter_is_left_as_it_was():
    parts = data(30)
    other = counted(slice(10, 30), *parts)
    before = other.report()
    counted(slice(0, 10), *parts).merge(other)
    assert same(other.report(), before)


def test_a_counter_travels_by_pickle_and_stays_small():
    small = counted(slice(None), *data(20))
    large = functools.reduce(FidelityCounter.merge, [counted(slice(None), *data(5000, seed=i))
                                                     for i in range(4)])  # fmt: skip
    for counter in (small, large):
        assert same(pickle.loads(pickle.dumps(counter)).report(), counter.report())
    assert len(pickle.dumps(large)) < 1.02 * len(pickle.dumps(small)) < 100_000


def test_long_batches_are_counted_in_chunks_that_do_not_show(monkeypatch):
    parts = data(100)
    whole = counted(slice(None), *parts).report()
    monkeypatch.setattr("kdlib.fidelity.counter.CHUNK", 13)
    monkeypatch.setattr("kdlib.fidelity.rows.BLOCK_BYTES", 300)
    assert same(counted(slice(None), *parts).report(), whole)


# The same numbers as in memory ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_counts_and_means_are_exactly_those_of_the_functions_in_memory(dtype):
    p, q, y, c = data(500, dtype=dtype)
    p, q, c = (torch.from_numpy(x).softmax(-1) for x in (p, q, c))
    report = counted(slice(None), p, q, torch.from_numpy(y), c, logits=False).report()
    assert report.agreement == fidelity.agreement(p, q)
    assert report.kappa == pytest.approx(fidelity.cohens_kappa(p, q).estimate, rel=1e-15)
    assert report.labels.error_consistency == fidelity.error_consistency(p, q, y)
    assert report.labels.copied_errors == fidelity.copied_errors(p, q, y)
    assert report.control.agreement == fidelity.agreement(p, c)
    assert report.control.added_agreement == fidelity.added_agreement(p, q, c)
    assert report.control.copied_errors == fidelity.copied_errors(p, c, y)
    assert report.by_class == fidelity.agreement_by_class(p, q)
    assert report.by_margin == fidelity.agreement_by_margin(p, q, edges=[0.25, 0.75])
    right, wrong = fidelity.agreement_by_correctness(p, q, y)
    assert report.labels.agreement_when_right == right.agreement
    assert report.labels.teacher_mistakes == wrong.rows
    profile = fidelity.kl_profile(p, q)
    assert report.kl.mean.estimate == profile.mean.estimate
    assert report.kl.max == profile.max
    assert report.kl.above_budget == profile.above_budget


def test_a_report_of_counts_is_the_audit_but_for_quantiles_and_resampled_ends():
    parts = data(2000)
    streamed, exact = counted(slice(None), *parts).report(), audit(*parts)
    assert streamed.streamed and not exact.streamed
    for field in ("rows", "classes", "agreement", "kappa", "labels", "by_class"):
        assert getattr(streamed, field) == getattr(exact, field)
    for ours, theirs in ((streamed.kl, exact.kl), (streamed.control.kl, exact.control.kl)):
        assert ours.mean.estimate == theirs.mean.estimate
        assert (ours.mean.low, ours.mean.high) == pytest.approx(
            (theirs.mean.low, theirs.mean.high), rel=0.01
        )
        for name in ("median", "p90", "p99"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=0.01)
    ours, theirs = streamed.control.kl_saved, exact.control.kl_saved
    assert ours.estimate == pytest.approx(theirs.estimate)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_infinite_kl_is_counted_apart():
    p = [[0.5, 0.5]] * 5
    q = [[1.0, 0.0], [0.5, 0.5], [0.8, 0.2], [0.5, 0.5], [1.0, 0.0]]
    counter = FidelityCounter()
    counter.update(p, q, control=p)
    report, exact = counter.report(), fidelity.kl_profile(p, q)
    assert report.kl.infinite == exact.infinite and report.kl.mean == exact.mean
    assert report.kl.finite_mean.estimate == exact.finite_mean.estimate
    assert report.kl.p99 == report.kl.max == math.inf
    assert report.control.kl_saved is None
    json.dumps(report.to_dict())


def test_a_teacher_without_mistakes_and_models_of_one_answer_leave_numbers_undefined():
    counter = FidelityCounter()
    counter.update([[0.9, 0.1]] * 3, [[0.8, 0.2]] * 3, [0, 0, 0], [[0.7, 0.3]] * 3)
    report = counter.report()
    assert report.kappa is None and report.labels.copied_errors is None
    assert report.labels.error_consistency is None and report.control.copied_errors is None
    assert "unknown" in str(report) and "no mistake" in str(report)


# Exact sums and the histogram -----------------------------------------------------------------

SIZES = st.floats(0, 1e300) | st.floats(0, 1e-300) | st.floats(0, 10)


@given(arrays(np.float64, st.integers(0, 60), elements=SIZES))
@properties
def test_sums_are_exact_for_all_sizes_of_numbers(values):
    expected = sum(map(Fraction, values.tolist()))
    assert Fraction(exact_sum(values), 2**STEPS) == expected
    if len(values):
        assert exact_mean(exact_sum(values), len(values)) == float(expected / len(values))


def test_variance_of_close_values_does_not_cancel():
    values = 1e6 + np.random.default_rng(0).random(1000)
    found = exact_variance(exact_sum(values), exact_sum(values * values), 1000)
    assert found == pytest.approx(np.var(values, ddof=1), rel=1e-3)
    assert exact_variance(exact_sum(values[:1]) * 2, exact_sum(values[:1] ** 2) * 2, 2) < 1e-3


@given(
    arrays(np.float64, st.integers(1, 50), elements=st.floats(2.0**-39, 2.0**59)),
    st.integers(1, 99),
)
@properties
def test_quantiles_of_the_histogram_are_at_most_one_percent_off(values, percent):
    rank = rank_of(percent, len(values))
    exact = np.sort(values)[rank - 1]
    assert exact == np.quantile(values, percent / 100, method="inverted_cdf")
    assert quantile(logarithmic_counts(values), rank) == pytest.approx(exact, rel=0.01)


def test_values_beyond_the_ends_of_the_histogram_are_counted_at_its_ends():
    counts = logarithmic_counts(np.array([0.0, 2.0**-50, 1e300]))
    assert counts[0] == 2 and counts[BINS] == 1 and counts.sum() == 3
    assert quantile(counts, 1) == 0.0
    assert quantile(np.zeros(1 + BINS, dtype=np.int64), 1) == math.inf


def test_squares_that_overflow_do_not_spoil_the_mean():
    logits = np.array([[0.0, 0.0], [0.0, 0.0]])
    counter = FidelityCounter(logits=True)
    counter.update(logits, np.array([[1e200, -1e200], [0.0, 0.0]]))
    report = counter.report()
    assert report.kl.mean.estimate == pytest.approx(5e199) and report.kl.mean.high > 1e100


# Wrong inputs -------------------------------------------------------------------------------

GOOD = [[0.9, 0.1], [0.2, 0.8]]
WRONG = {
    "other classes than the teacher": (
        lambda c: c.update(GOOD, [[0.5, 0.3, 0.2]] * 2),
        r"teacher has shape \(2, 2\) but student has shape \(2, 3\)",
    ),
    "other classes than before": (
        lambda c: c.update([[0.5, 0.3, 0.2]] * 2, [[0.5, 0.3, 0.2]] * 2, [0, 1]),
        "come with 3 classes, labels and no control, but those counted before with 2 classes",
    ),
    "labels forgotten": (
        lambda c: c.update(GOOD, GOOD),
        "come with 2 classes, no labels and no control, but those.*every batch or with none",
    ),
    "a control all of a sudden": (
        lambda c: c.update(GOOD, GOOD, [0, 1], GOOD),
        "come with 2 classes, labels and a control, but those",
    ),
    "a control of another size": (
        lambda c: c.update(GOOD, GOOD, [0, 1], GOOD[:1]),
        r"control has shape \(1, 2\)",
    ),
    "labels out of range": (
        lambda c: c.update(GOOD, GOOD, [0, 2]), r"labels\[1\] is 2, expected 0 to 1"
    ),
    "logits": (
        lambda c: c.update([[2.0, -0.5]] * 2, GOOD, [0, 1]), r"teacher\[0\]\[1\] is .*logits=True"
    ),
    "an empty batch": (
        lambda c: c.update(np.ones((0, 2)), np.ones((0, 2)), []), "is empty.*skip empty batches"
    ),
    "several seeds": (
        lambda c: c.update(GOOD, [GOOD, GOOD], [0, 1]), r"student has shape \(2, 2, 2\), expected"
    ),
    "another scale": (
        lambda c: c.merge(FidelityCounter(logits=True)),
        "come with logits and margin_edges.*before with probabilities.*same settings",
    ),
    "other edges": (
        lambda c: c.merge(FidelityCounter(margin_edges=[0.5])), r"margin_edges \[0\.5\]"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_counted_is_refused_and_leaves_the_counter_as_it_was(case):
    wrong, message = WRONG[case]
    counter = FidelityCounter()
    counter.update(GOOD, GOOD, [0, 1])
    before = counter.report()
    with pytest.raises(ValueError, match=message):
        wrong(counter)
    assert same(counter.report(), before)


def test_a_report_needs_two_rows_and_a_merge_a_counter():
    counter = FidelityCounter()
    with pytest.raises(ValueError, match="FidelityCounter has 0 rows, expected at least two"):
        counter.report()
    counter.update(GOOD[:1], GOOD[:1])
    with pytest.raises(ValueError, match="FidelityCounter has 1 row, expected"):
        counter.report()
    with pytest.raises(TypeError, match="other is of type dict, expected a FidelityCounter"):
        counter.merge({})


def test_batches_may_be_tensors_arrays_or_lists_of_any_float_type():
    p, q = random_rows(16, 4), random_rows(16, 4, seed=1)
    expected = counted(slice(None), p, q, logits=False).report()
    for kind in (lambda x: x.numpy(), lambda x: x.tolist(), lambda x: x.clone().requires_grad_()):
        assert same(counted(slice(None), kind(p), kind(q), logits=False).report(), expected)
    narrow = counted(slice(None), p.half(), q.bfloat16(), logits=False).report()
    assert narrow.kl.mean.estimate == pytest.approx(expected.kl.mean.estimate, rel=0.05)
