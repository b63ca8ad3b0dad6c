"""Intervals cover what they promise, agree with scipy, and decide only what they may."""

import json
import time
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from kdlib.stats import (
    NORMAL_ABOVE,
    Interval,
    mean_interval,
    paired_bootstrap,
    proportion_interval,
    verdict,
)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def ends(interval):
    return interval.low, interval.high


# --- paired_bootstrap and mean_interval ------------------------------------------------------


def test_paired_bootstrap_agrees_with_scipy(rng):
    a, b = rng.gamma(2.0, size=(2, 150))
    ours = paired_bootstrap(a, b, resamples=20_000)
    scipy_s = bootstrap(
        (a, b), lambda x, y: np.mean(x - y), paired=True, vectorized=False, method="percentile",
        n_resamples=5_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert ours.estimate == pytest.approx(np.mean(a - b))
    assert ends(ours) == pytest.approx(
        (scipy_s.low, scipy_s.high), abs=0.03 * (ours.high - ours.low)
    )


def test_pairing_removes_what_makes_an_input_hard_for_both(rng):
    hardness = 10 * rng.standard_normal(300)
    a, b = hardness + 0.5 + 0.1 * rng.standard_normal(300), hardness
    assert verdict(paired_bootstrap(a, b)) == "better"
    assert verdict(paired_bootstrap(a, rng.permutation(b))) == "cannot tell"


def test_swapping_the_models_mirrors_the_interval(rng):
    a, b = rng.standard_normal((2, 60))
    there, back = paired_bootstrap(a, b), paired_bootstrap(b, a)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.05)


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(0, 5))
@settings(deadline=None, max_examples=25)
def test_a_model_does_not_differ_from_itself(correct, seed):
    nothing = paired_bootstrap(correct, correct, seed=seed, resamples=100)
    assert (nothing.estimate, *ends(nothing)) == (0.0, 0.0, 0.0)
    assert verdict(nothing) == "cannot tell"


@given(
    st.lists(st.floats(-100, 100, width=16), min_size=2, max_size=20),
    st.floats(-10, 10, width=16),
    st.floats(0.5, 4, width=16),
)
@settings(deadline=None, max_examples=25)
def test_the_interval_moves_and_stretches_with_the_scores(scores, shift, scale):
    plain = mean_interval(scores, resamples=200)
    moved = mean_interval(shift + scale * np.array(scores), resamples=200)
    expected = [shift + scale * x for x in (plain.estimate, *ends(plain))]
    assert [moved.estimate, *ends(moved)] == pytest.approx(expected, abs=1e-6)


def test_the_interval_of_a_mean_is_as_wide_as_theory_says(rng):
    scores = rng.standard_normal(4000)
    low, high = ends(mean_interval(scores))
    assert high - low == pytest.approx(2 * 1.96 * scores.std() / np.sqrt(4000), rel=0.05)


def test_more_confidence_is_a_wider_interval(rng):
    scores = rng.standard_normal((5, 40))
    widths = [np.diff(ends(mean_interval(scores, confidence=c)))[0] for c in (0.5, 0.9, 0.99)]
    assert widths == sorted(widths)


def test_the_same_seed_repeats_the_interval_and_another_does_not(rng):
    scores = rng.standard_normal((3, 50))
    assert mean_interval(scores, seed=1) == mean_interval(scores, seed=1)
    assert ends(mean_interval(scores, seed=1)) != ends(mean_interval(scores, seed=2))


def test_blocks_do_not_change_the_draws(rng, monkeypatch):
    scores = rng.standard_normal(37)
    whole = mean_interval(scores)
    monkeypatch.setattr("kdlib.stats.BLOCK", 100)
    assert ends(mean_interval(scores)) == pytest.approx(ends(whole), abs=1e-12)


def test_lists_arrays_and_tensors_give_the_same_interval(rng):
    a, b = rng.random((2, 3, 20)) < 0.5
    expected = paired_bootstrap(a, b)
    assert paired_bootstrap(torch.tensor(a), torch.tensor(b)) == expected
    assert (
        paired_bootstrap(a.astype(int).tolist(), torch.tensor(b, dtype=torch.bfloat16)) == expected
    )
    assert paired_bootstrap(torch.tensor(a, dtype=torch.float32, requires_grad=True), b) == expected


# How often 95 % intervals of scores = seed + input + both at once hold the true mean, 0. `seeds`,
# `inputs` and `both` are the standard deviations that each part gives to the mean.
COVERAGE = {
    "one model": dict(S=None, seeds=0, inputs=1, both=0),
    "five seeds, nothing but inputs differ": dict(S=5, seeds=0, inputs=1, both=0.1),
    "five seeds, nothing but seeds differ": dict(S=5, seeds=1, inputs=0, both=0.1),
    "five seeds, equal parts": dict(S=5, seeds=1, inputs=1, both=1),
    "three seeds, equal parts": dict(S=3, seeds=1, inputs=1, both=0.5),
    "ten seeds, mostly seeds": dict(S=10, seeds=1, inputs=0.3, both=0.3),
}


def coverage(rng, times, *, S, seeds, inputs, both, N=80):
    parts = (inputs * np.sqrt(N), seeds * np.sqrt(S or 1), both * np.sqrt((S or 1) * N))
    shapes = (N, (S or 1, 1), (S or 1, N))
    hits = 0
    for _ in range(times):
        scores = sum(
            sd * rng.standard_normal(shape) for sd, shape in zip(parts, shapes, strict=True)
        )
        interval = mean_interval(
            scores if S else scores[0], resamples=400, seed=rng.integers(2**31)
        )
        hits += interval.low <= 0 <= interval.high
    return hits / times


@pytest.mark.parametrize("case", COVERAGE)
def test_95_percent_intervals_cover_about_95_percent(case, rng):
    assert 0.92 <= coverage(rng, 800, **COVERAGE[case]) <= 0.985


def test_without_the_stretch_five_seeds_would_cover_too_little(rng, monkeypatch):
    monkeypatch.setattr("kdlib.stats._few_seeds_stretch", lambda seeds, confidence: 1.0)
    assert coverage(rng, 800, S=5, seeds=1, inputs=0, both=0.1) < 0.88


def test_an_interval_from_one_seed_cannot_speak_for_others(rng):
    """What most published tables do: many inputs, one trained model, a claim about the method."""
    assert coverage(rng, 400, S=None, seeds=1, inputs=1, both=0) < 0.88


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0, 3.0], r"a has shape \(2,\) but b has shape \(3,\).*same order"),
        (np.ones((5, 8)), np.ones(8), r"a has shape \(5, 8\) but b has shape \(8,\).*broadcast"),
        (np.ones((2, 1)), np.ones((2, 4)), r"a has shape \(2, 1\), expected at least two inputs"),
        ([], [], r"a has shape \(0,\), expected at least two inputs"),
        ([1.0], [2.0], r"a has shape \(1,\), expected at least two inputs"),
        (np.ones((1, 8)), np.ones((1, 8)), r"a has shape \(1, 8\).*two seeds.*Pass a\[0\]"),
        (np.ones((0, 8)), np.ones((0, 8)), r"a has shape \(0, 8\), expected at least two seeds"),
        (1.0, 2.0, r"a has shape \(\), expected \(N,\), one score per input, or \(S, N\)"),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2)), r"a has shape \(2, 2, 2\)"),
        ([1.0, 2.0], [1.0, float("nan")], r"b\[1\] is nan, expected a finite score"),
        ([[1, 2], [3, float("inf")]], np.ones((2, 2)), r"a\[1, 1\] is inf"),
    ],
)
def test_impossible_scores_are_refused_by_name_and_position(a, b, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(a, b)


@pytest.mark.parametrize("bad", [["right", "wrong"], [1 + 2j, 0], [[1, 0], [1]], [None, 1.0]])
def test_scores_that_are_no_numbers_are_refused(bad):
    with pytest.raises(TypeError, match=r"scores (holds|is not an array).*\(N,\)"):
        mean_interval(bad)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, -0.5, float("nan")])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    for attempt in (
        lambda: mean_interval([0.0, 1.0], confidence=confidence),
        lambda: proportion_interval(1, 2, confidence=confidence),
    ):
        with pytest.raises(ValueError, match="confidence is .*expected"):
            attempt()


def test_too_few_resamples_are_refused():
    with pytest.raises(ValueError, match="resamples is 10, expected at least 100"):
        mean_interval([0.0, 1.0], resamples=10)
    with pytest.raises(TypeError, match="resamples is 1000.0, expected a whole number"):
        mean_interval([0.0, 1.0], resamples=1e3)


# --- more inputs than need resampling --------------------------------------------------------

MANY = {
    "right or wrong": lambda rng, n: rng.random(n) < 0.9,
    "won, lost or neither": lambda rng, n: rng.choice([-1, 0, 1], n, p=[0.01, 0.97, 0.02]),
    "a few of 20,000": lambda rng, n: np.arange(n) < 12,
    "long tail": lambda rng, n: np.exp(2 * rng.standard_normal(n)),
    "five seeds": lambda rng, n: rng.gamma(1, size=(5, n)) + 0.01 * rng.random((5, 1)),
}


@pytest.mark.parametrize("kind", MANY)
def test_many_inputs_get_the_interval_that_resampling_would_give(kind, rng, monkeypatch):
    scores = MANY[kind](rng, NORMAL_ABOVE)
    resampled = mean_interval(scores)
    monkeypatch.setattr("kdlib.stats.NORMAL_ABOVE", NORMAL_ABOVE - 1)
    known = mean_interval(scores)
    assert ends(known) == pytest.approx(
        ends(resampled), abs=0.04 * (resampled.high - resampled.low)
    )
    assert (known == mean_interval(scores, seed=1)) == (scores.ndim == 1)


def test_many_equal_scores_leave_no_doubt():
    assert ends(mean_interval(np.full(NORMAL_ABOVE + 1, 3.0))) == (3.0, 3.0)


def test_a_million_inputs_take_less_than_a_second_and_100_mb(rng):
    a, b = rng.random((2, 1_000_000))
    paired_bootstrap(a[:30_000], b[:30_000])  # imports what it needs
    tracemalloc.start()
    start = time.perf_counter()
    interval = paired_bootstrap(a, b)
    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 1 and peak < 100e6
    assert interval.high - interval.low == pytest.approx(2 * 1.96 / np.sqrt(6e6), rel=0.01)


# --- verdict and Interval --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "smallest", "expected"),
    [
        (0.1, 0.9, 0.0, "better"),
        (-0.9, -0.1, 0.0, "worse"),
        (-0.1, 0.9, 0.0, "cannot tell"),
        (0.0, 0.9, 0.0, "cannot tell"),
        (0.1, 0.9, 0.2, "cannot tell"),
        (0.3, 0.9, 0.2, "better"),
        (-0.9, -0.3, 0.2, "worse"),
        (-0.1, 0.1, 0.2, "cannot tell"),
    ],
)
def test_a_verdict_needs_the_whole_interval_beyond_what_matters(low, high, smallest, expected):
    assert verdict(Interval((low + high) / 2, low, high), smallest) == expected


@pytest.mark.parametrize("smallest", [-0.1, float("nan"), float("inf")])
def test_a_smallest_difference_is_a_size(smallest):
    with pytest.raises(ValueError, match="smallest is .*0 or more"):
        verdict(Interval(1, 0, 2), smallest)
    with pytest.raises(TypeError, match="smallest is 'x', expected a number"):
        verdict(Interval(1, 0, 2), "x")


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.8312, 0.8231, 0.8391), "0.831 [0.823, 0.839]"),
        (Interval(123.4, 100.2, 150.9), "123 [100, 151]"),
        (Interval(-0.00001, -0.02, 0.02), "0.000 [-0.020, 0.020]"),
        (Interval(0.5, 0.5, 0.5), "0.500 [0.500, 0.500]"),
    ],
)
def test_an_interval_reads_with_two_digits_of_its_width(interval, text):
    assert str(interval) == f"{interval}" == text


def test_a_format_applies_to_all_three_numbers():
    assert f"{Interval(0.0142, 0.007, 0.0213):+.1%}" == "+1.4% [+0.7%, +2.1%]"


def test_an_interval_becomes_json():
    kept = json.loads(json.dumps(mean_interval([0, 1, 1, 0]).to_dict()))
    assert Interval(**kept) == mean_interval([0, 1, 1, 0])


def test_a_number_alone_gets_no_verdict():
    with pytest.raises(TypeError, match=r"difference is 0\.3, expected an Interval"):
        verdict(0.3)
