"""Deferral curves against brute force over all thresholds, and what must hold of every curve."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from random_distributions import properties

from kdlib.cascade import (
    DeferralCurve,
    deferral_curve,
    oracle_at_most,
    oracle_curve,
    pareto_front,
)

FEW = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, -math.inf, math.inf])
QUALITY = st.sampled_from([0.0, 1.0, 0.25, 0.5])


def inputs():
    """Score with many ties, and both qualities: three arrays (N,)."""
    return st.integers(1, 12).flatmap(
        lambda n: st.tuples(*(arrays(float, n, elements=x) for x in (FEW, QUALITY, QUALITY)))
    )


def by_brute_force(score, small, large):
    """{number deferred: quality} for every threshold that keeps `score >= threshold`, and for all."""
    found = {len(score): large.mean()}
    for threshold in [-math.inf, *score, math.inf]:
        deferred = score < threshold
        found[int(deferred.sum())] = np.where(deferred, large, small).mean()
    return found


def simple():
    return deferral_curve([0.9, 0.9, 0.6, 0.5], [1, 1, 0, 0], [0, 0, 1, 1])


# The curve ----------------------------------------------------------------------------------


@given(inputs())
@properties
def test_a_curve_has_the_points_of_all_thresholds_and_no_others(rows):
    score, small, large = rows
    curve, expected = deferral_curve(*rows), by_brute_force(*rows)
    counts = np.rint(curve.deferral_rate * len(score)).astype(int)
    assert counts.tolist() == sorted(expected)
    np.testing.assert_allclose(curve.quality, [expected[n] for n in counts], atol=1e-12)
    for point in zip(curve.deferral_rate, curve.quality, curve.threshold, strict=True):
        deferred = ~(score >= point[2])
        assert deferred.mean() == pytest.approx(point[0])
        assert np.where(deferred, large, small).mean() == pytest.approx(point[1])


@given(inputs(), st.randoms(use_true_random=False))
@properties
def test_the_order_of_the_inputs_changes_nothing(rows, random):
    order = list(range(len(rows[0])))
    random.shuffle(order)
    before, after = deferral_curve(*rows), deferral_curve(*(column[order] for column in rows))
    np.testing.assert_array_equal(before.threshold, after.threshold)
    np.testing.assert_array_equal(before.deferral_rate, after.deferral_rate)
    np.testing.assert_allclose(before.quality, after.quality, atol=1e-15)


@given(inputs())
@properties
def test_only_the_order_of_the_scores_matters(rows):
    score, small, large = rows
    before, after = deferral_curve(*rows), deferral_curve(np.arctan(score) ** 3 - 5, small, large)
    np.testing.assert_array_equal(before.quality, after.quality)
    if before.large > before.small:
        assert before.apgr() == after.apgr() and before.cpt(0.3) == after.cpt(0.3)


@given(inputs())
@properties
def test_a_curve_begins_at_the_small_model_and_ends_at_the_large_one(rows):
    _, small, large = rows
    curve = deferral_curve(*rows)
    assert (curve.deferral_rate[0], curve.deferral_rate[-1]) == (0, 1)
    assert curve.small == curve.quality[0] == pytest.approx(small.mean(), abs=1e-15)
    assert curve.large == curve.quality[-1] == pytest.approx(large.mean(), abs=1e-15)
    assert (curve.quality >= 0).all() and (curve.quality <= 1).all()


def test_thresholds_keep_what_is_as_sure():
    assert simple().threshold.tolist() == [-math.inf, 0.6, 0.9, math.inf]


def test_no_threshold_defers_an_infinite_confidence_so_the_last_is_unknown():
    curve = deferral_curve([math.inf, 1.0], [0, 1], [1, 1])
    assert curve.threshold[:-1].tolist() == [-math.inf, math.inf] and np.isnan(curve.threshold[-1])


def test_one_group_of_ties_is_deferring_at_random():
    curve = deferral_curve(np.zeros(10), [0] * 5 + [1] * 5, [1] * 8 + [0] * 2)
    assert curve.deferral_rate.tolist() == [0, 1]
    assert (curve.apgr(), curve.cpt(0.5), curve.cpt(0.2)) == pytest.approx((0.5, 0.5, 0.2))
    assert curve.quality_at(0.3) == pytest.approx(curve.random_at(0.3))


def test_sums_of_fractions_do_not_leave_the_scale():
    """These and what each lacks to 1 add up to 1 + 2e-16."""
    curve = deferral_curve([1, 2, 3, 4, 5], [0.9, 0.8, 0.7, 0.9, 1], np.ones(5))
    assert curve.quality.max() == 1 and curve.first_crossing(1.0).deferral_rate == 0.8


def test_bools_tensors_and_lists_give_the_same_curve():
    score, small, large = [0.3, 0.1, 0.2], [1, 0, 1], [1, 1, 0]
    expected = deferral_curve(score, small, large).quality
    for kind in (np.array, torch.tensor):
        found = deferral_curve(kind(score), kind(small) == 1, kind(large) == 1)
        np.testing.assert_array_equal(found.quality, expected)


def test_float32_scores_are_compared_as_they_are():
    score = torch.tensor([0.1, 0.2, 0.3])
    threshold = deferral_curve(score, [0, 0, 0], [1, 1, 1]).threshold[1]
    assert (score.double() < threshold).tolist() == [True, False, False]


# What is read from it -----------------------------------------------------------------------


def test_numbers_that_can_be_checked_by_hand():
    curve = simple()
    assert curve.area() == pytest.approx(0.25 * (0.625 + 0.875) + 0.5 * 0.75)
    assert curve.quality_at(0.125) == 0.625 and curve.random_at(0.9) == 0.5
    assert curve.best().threshold == 0.9 and curve.best(at_most=0.3).threshold == 0.6
    assert curve.within(0.49).deferral_rate == 0.25 and curve.within(0.5).deferral_rate == 0.5
    assert (
        curve.first_crossing(0.75).threshold == 0.6 and curve.first_crossing(0.4).deferral_rate == 0
    )
    assert curve.first_crossing(1.0).deferral_rate == 0.5
    assert deferral_curve([1, 2], [0, 0], [1, 0]).first_crossing(0.6) is None
    assert curve.best_constant == 0.5
    assert str(curve.within(0.3)) == "threshold 0.6: defers 25.0 %, quality 0.7500"


def test_a_rate_that_was_computed_finds_its_own_point():
    curve = deferral_curve(np.arange(10), np.zeros(10), np.ones(10))
    assert 1 - 0.9 < 0.1 and curve.within(1 - 0.9).deferral_rate == 0.1
    assert curve.best(at_most=1 - 0.9).deferral_rate == 0.1
    assert curve.first_crossing(0.1 + 0.2).quality == 0.3 < 0.1 + 0.2


@given(inputs())
@properties
def test_area_is_the_mean_over_rates(rows):
    curve = deferral_curve(*rows)
    rates = (np.arange(20_000) + 0.5) / 20_000
    heights = np.interp(rates, curve.deferral_rate, curve.quality)
    assert curve.area() == pytest.approx(heights.mean(), abs=1e-3)


@given(inputs(), st.floats(0, 1))
@properties
def test_crossings_are_the_first(rows, quality):
    curve = deferral_curve(*rows)
    found = curve.first_crossing(quality)
    before = curve.quality[curve.deferral_rate < (2 if found is None else found.deferral_rate)]
    assert (before < quality).all() and (found is None or found.quality >= quality - 1e-12)


@given(inputs(), st.floats(0, 1))
@properties
def test_cpt_is_the_first_rate_that_recovers_the_share(rows, share):
    curve = deferral_curve(*rows)
    if curve.large <= curve.small:
        return
    target, rate = curve.small + share * (curve.large - curve.small), curve.cpt(share)
    assert curve.quality_at(rate) == pytest.approx(target, abs=1e-9)
    earlier = [curve.quality_at(x) for x in np.linspace(0, max(0, rate - 1e-6), 50)]
    assert rate < 1e-5 or max(earlier) < target + 1e-9


def test_a_curve_that_falls_again_is_not_inverted_by_interpolation():
    """RouteLLM's evaluate.py asks np.interp, which expects rising accuracies, and is answered 61 %."""
    accuracy = np.array([68, 68.2, 73, 73.6, 74.5, 76.8, 73.8, 78.4, 79.7, 79.1, 80.6]) / 100
    rate = np.linspace(0, 1, 11)
    curve = DeferralCurve(rate, accuracy, np.full(11, np.nan))
    assert curve.cpt(0.5) == pytest.approx(0.3 + 0.1 * 0.7 / 0.9)
    assert np.interp(0.743, accuracy, rate) == pytest.approx(0.611, abs=5e-4)
    assert curve.first_crossing(0.743).deferral_rate == pytest.approx(0.4)
    assert curve.apgr() == pytest.approx((np.trapezoid(accuracy, rate) - 0.68) / 0.126)


def test_temperature_scaling_does_not_move_a_binary_cascade():
    rng = np.random.default_rng(0)
    logit = torch.from_numpy(rng.normal(size=500))
    right = rng.random(500) < logit.sigmoid().numpy()
    areas = {deferral_curve((logit / t).abs().sigmoid(), right, np.ones(500)).area()
             for t in (0.5, 1, 3)}  # fmt: skip
    assert len(areas) == 1


def test_a_gap_that_is_none_is_told_in_words():
    curve = deferral_curve([1, 2], [1, 1], [1, 0])
    for ask in (curve.apgr, curve.cpt):
        with pytest.raises(
            ValueError, match="large model's quality is 0.5000 and the small one's 1"
        ):
            ask()


def test_a_curve_goes_to_json_and_cannot_be_changed():
    found = json.loads(json.dumps(simple().to_dict()))
    assert found["threshold"] == ["-inf", 0.6, 0.9, "inf"] and found["large"] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        simple().quality[0] = 1
    assert str(simple()).endswith("threshold 0.9: defers 50.0 %, quality 1.0000")


# Oracles and fronts -------------------------------------------------------------------------


@given(inputs())
@properties
def test_nobody_beats_the_oracle_that_spends_the_same(rows):
    score, small, large = rows
    oracle, curve = oracle_curve(small, large), deferral_curve(*rows)
    allowed = oracle_at_most(small, large)
    gains = np.sort(large - small)[::-1]
    for n in range(len(score) + 1):
        rate = n / len(score)
        exact = small.mean() + gains[:n].sum() / len(score)
        assert oracle.quality_at(rate) == pytest.approx(exact)
        at_most = small.mean() + np.maximum(gains[:n], 0).sum() / len(score)
        assert allowed.quality_at(rate) == pytest.approx(at_most)
        assert curve.quality_at(rate) <= exact + 1e-12
    assert allowed.large == oracle.large and allowed.threshold.max() <= 0


def test_oracle_apgr_of_published_counts():
    """68.08 % and 80.58 %; 2,497 of 14,042 are won by the large model alone, 742 by the small one."""
    small = np.repeat([1, 1, 0, 0], [8818, 742, 2497, 1985])
    large = np.repeat([1, 0, 1, 0], [8818, 742, 2497, 1985])
    assert oracle_at_most(small, large).apgr() == pytest.approx(1.30, abs=5e-3)
    assert oracle_curve(small, large).apgr() < oracle_at_most(small, large).apgr()


POINTS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.1, 0.5, 0.9])), min_size=1)


@given(POINTS)
@properties
def test_the_front_holds_what_nothing_beats(points):
    cost, quality = map(np.array, zip(*points, strict=True))
    front = pareto_front(cost, quality)
    kept = {points[i] for i in front}
    unbeaten = {
        (c, q) for c, q in points
        if not any((a <= c and b >= q) and (a, b) != (c, q) for a, b in points)
    }  # fmt: skip
    assert kept == unbeaten and len(front) == len(kept)
    assert (np.diff(cost[front]) > 0).all() and (np.diff(quality[front]) > 0).all()


# Wrong input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0.1, math.nan], [1, 1], [1, 1]), ValueError, r"score\[1\] is nan.*-inf says"),
        (([[0.1]], [1], [1]), ValueError, r"score has shape \(1, 1\), expected \(N,\)"),
        (([], [], []), ValueError, "score is empty"),
        (([0.1], [1, 0], [1]), ValueError, "small_correct has 2 inputs, expected 1"),
        (([0.1], [1], [1, 0]), ValueError, "large_correct has 2 inputs, expected 1"),
        (([0.1], [2], [1]), ValueError, r"small_correct\[0\] is 2, expected a quality from 0"),
        (([0.1], [1], [math.nan]), ValueError, r"large_correct\[0\] is nan"),
        ((["a"], [1], [1]), TypeError, "no plain numbers"),
        (([0.1j], [1], [1]), TypeError, "expected real numbers"),
    ],
)
def test_wrong_input_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        deferral_curve(*arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0, 50, 100], [0.5, 0.6, 0.7], [0, 0, 0]), "from 0 to 100, expected rising.*40 % as 0.4"),
        (([0, 0.5, 0.5, 1], [0.5] * 4, [0] * 4), "expected rising"),
        (([0.1, 1], [0.5] * 2, [0] * 2), "from 0.1 to 1"),
        (([0, 1], [0.5], [0, 0]), "2 points, quality 1 and threshold 2"),
        (([0, 1], [68, 80], [0, 0]), r"quality\[0\] is 68"),
        (([0, 1], [0.6, 0.8], [0, 0], 80.0), "large is 80"),
    ],
)
def test_wrong_points_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        DeferralCurve(*arguments)


def test_wrong_rates_and_qualities_are_named():
    for ask in (simple().quality_at, simple().random_at, simple().within, simple().best):
        with pytest.raises(ValueError, match="is 40, expected a number from 0 to 1"):
            ask(40)
    for ask in (simple().first_crossing, simple().cpt):
        with pytest.raises(ValueError, match="expected a number from 0 to 1"):
            ask(-0.1)
    with pytest.raises(ValueError, match=r"cost\[0\] is -1"):
        pareto_front([-1], [0.5])
