"""Intervals of a curve: the bootstrap they claim to be, fast or not, and honest where they must be."""

import json

import numpy as np
import pytest
from scipy.stats import bootstrap

from kdlib.cascade import curve_intervals, deferral_curve
from kdlib.cascade import intervals as module
from kdlib.stats import mean_interval


def drawn(number, seed=0, ties=True):
    """Score, and two models of which the large one is better: three arrays (number,)."""
    rng = np.random.default_rng(seed)
    score = rng.random(number)
    small, large = rng.random(number) < 0.3 + 0.5 * score, rng.random(number) < 0.85
    return (score * 8).round() if ties else score, small * 1.0, large * 1.0


def ends(interval):
    return interval.low, interval.high


@pytest.mark.parametrize("ties", [True, False])
def test_intervals_agree_with_curves_of_resampled_inputs(ties):
    rows = drawn(150, ties=ties)
    found = curve_intervals(*rows, resamples=4000)
    asked = {"area": lambda c: c.area(), "apgr": lambda c: c.apgr(), "cpt": lambda c: c.cpt()}
    for name, ask in asked.items():
        theirs = bootstrap(
            rows, lambda *x, ask=ask: ask(deferral_curve(*x)), paired=True, vectorized=False,
            method="percentile", n_resamples=1500, rng=np.random.default_rng(1),
        ).confidence_interval  # fmt: skip
        ours, width = getattr(found, name), theirs.high - theirs.low
        assert ends(ours) == pytest.approx((theirs.low, theirs.high), abs=0.12 * width)
        assert ours.estimate == pytest.approx(ask(deferral_curve(*rows)))


def test_at_both_ends_the_band_is_that_of_a_mean():
    score, small, large = drawn(400)
    band = curve_intervals(score, small, large, resamples=4000).quality
    for found, outcome in ((band[0], small), (band[-1], large)):
        assert ends(found) == pytest.approx(ends(mean_interval(outcome)), abs=0.004)
        assert found.estimate == pytest.approx(outcome.mean())


@pytest.mark.parametrize("ties", [True, False])
def test_many_inputs_are_drawn_in_blocks_and_nothing_changes(ties, monkeypatch):
    score, small, large = drawn(2000, ties=ties)
    small = np.where(small == 1, 0.75, 0.25)  # qualities between 0 and 1
    one_by_one = curve_intervals(score, small, large, resamples=2000)
    monkeypatch.setattr(module, "NORMAL_ABOVE", 100)
    blocks = curve_intervals(score, small, large, resamples=2000)
    for name in ("area", "apgr", "cpt"):
        ours, theirs = getattr(blocks, name), getattr(one_by_one, name)
        assert ends(ours) == pytest.approx(ends(theirs), abs=0.1 * (theirs.high - theirs.low))
    for at in range(0, 101, 10):
        theirs = one_by_one.quality[at]
        width = theirs.high - theirs.low
        assert ends(blocks.quality[at]) == pytest.approx(ends(theirs), abs=0.1 * width)


def test_blocks_of_memory_do_not_change_the_draws(monkeypatch):
    rows = drawn(60)
    whole = curve_intervals(*rows, resamples=300)
    monkeypatch.setattr(module, "AT_ONCE", 500)
    assert curve_intervals(*rows, resamples=300) == whole


def test_95_percent_cover_about_95_percent():
    """The truth is a curve of many inputs; a hundred samples of 300 are enough to see 95 and not 80."""
    truth = deferral_curve(*drawn(200_000, seed=1))
    hits = np.zeros(3)
    for seed in range(2, 102):
        found = curve_intervals(*drawn(300, seed), resamples=300)
        pairs = (found.area, truth.area()), (found.apgr, truth.apgr()), (found.cpt, truth.cpt())
        hits += [interval.low <= value <= interval.high for interval, value in pairs]
    assert (hits >= 88).all()


def test_shares_of_a_gap_that_may_be_none_are_not_given():
    score, small, _ = drawn(200)
    large = small.copy()
    large[np.flatnonzero(small == 0)[:2]] = 1  # two inputs better; a sample may hold neither
    for better in (large, small):
        found = curve_intervals(score, small, better[::-1])
        assert found.apgr is None and found.cpt is None
        assert str(found).endswith("APGR undefined, CPT undefined")


def test_deferring_at_random_has_an_apgr_of_one_half_exactly():
    _, small, large = drawn(500)
    found = curve_intervals(np.zeros(500), small, large, share=0.3)
    assert f"{found.apgr} {found.cpt}" == "0.500 [0.500, 0.500] 0.300 [0.300, 0.300]"


def test_infinite_confidences_are_groups_too():
    _, small, large = drawn(40)
    score = np.repeat([-np.inf, 0.0, 1.0, np.inf], 10)
    assert curve_intervals(score, small, large) == curve_intervals(np.arctan(score), small, large)


def test_the_same_seed_repeats_the_intervals_and_they_go_to_json():
    rows = drawn(50)
    assert curve_intervals(*rows) == curve_intervals(*rows) != curve_intervals(*rows, seed=1)
    found = json.loads(json.dumps(curve_intervals(*rows).to_dict()))
    assert len(found["rates"]) == len(found["quality"]) == 101 and found["area"]["low"] < 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(share=1.5), "share is 1.5"),
        (dict(confidence=95), "write 95 % as 0.95"),
        (dict(resamples=10), "resamples is 10"),
    ],
)
def test_wrong_settings_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        curve_intervals(*drawn(10), **settings)


def test_one_input_has_no_interval():
    with pytest.raises(ValueError, match="score has 1 row, expected at least two"):
        curve_intervals([0.5], [1], [1])
