"""The drift monitor raises no false alarm too often, and finds what it is made to find."""

import json
import math
import re
import threading

import numpy as np
import pytest
import torch
from scipy.stats import fisher_exact, kstwobign

from kdlib.cascade.drift import DriftMonitor


def monitored(confidences, reference, threshold=0.3, **options):
    monitor = DriftMonitor(reference, threshold, **options)
    monitor.update(confidences)
    return monitor


def test_there_is_an_alarm_without_drift_as_seldom_as_promised():
    """400 monitors see 20 windows each; scores are fine, or of five levels."""
    rng, times = np.random.default_rng(0), 400
    for levels in (None, 5):
        alarms = 0
        for _ in range(times):
            drawn = rng.random(300 + 20 * 100)
            scores = drawn if levels is None else np.floor(drawn * levels) / levels
            alarms += monitored(
                scores[300:], scores[:300], window=100, false_alarms=0.1
            ).alarm is not None  # fmt: skip
        assert alarms / times <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / times)


def test_the_levels_of_all_looks_add_up_to_the_chance_of_a_false_alarm():
    looks = monitored(np.zeros(1000), np.zeros(5), window=1, false_alarms=0.02).looks
    assert sum(2 * look.level for look in looks) == pytest.approx(0.02 * 1000 / 1001)
    assert looks[0].level == 0.005


def test_a_shift_of_the_confidences_is_found_at_once():
    rng = np.random.default_rng(1)
    reference, same, less = rng.random(1000), rng.random(3000), rng.random(1000) ** 1.5
    monitor = monitored(np.concatenate([same, less]), reference, window=500)
    assert monitor.alarm.number == 7
    assert monitor.alarm.deferral.estimate == (less[:500] < 0.3).mean()
    assert [look.alarm for look in monitor.looks] == [False] * 6 + [True] * 2


def test_drift_on_the_kept_side_is_found_by_the_distribution():
    rng = np.random.default_rng(0)
    score = rng.random(2000)
    surer = np.where(score < 0.3, score, 1 - (1 - score) / 2)
    look = monitored(surer[1000:], score[:1000]).looks[0]
    assert look.rate_p > look.level >= look.distribution_p


def test_a_rare_deferral_that_becomes_more_frequent_is_found_by_the_rate():
    reference, new = np.linspace(0, 1, 1000), np.linspace(0, 1, 1000)
    new[500:550] = 0
    look = monitored(new, reference, threshold=0.02).looks[0]
    assert look.rate_p <= look.level < look.distribution_p


def test_the_p_values_are_those_of_scipy():
    rng = np.random.default_rng(0)
    reference, new = rng.random(400), rng.random(150) ** 1.2
    look = monitored(new, reference, window=150).looks[0]
    below = [(x < 0.3).sum() for x in (new, reference)]
    tails = [fisher_exact([[below[0], 150 - below[0]], [below[1], 400 - below[1]]], tail).pvalue
             for tail in ("less", "greater")]  # fmt: skip
    assert look.rate_p == pytest.approx(2 * min(tails))
    largest = max(abs((reference <= x).mean() - (new <= x).mean()) for x in [*reference, *new])
    assert look.distribution_p == pytest.approx(kstwobign.sf(largest * math.sqrt(400 * 150 / 550)))


def test_how_inputs_come_in_cannot_matter():
    rng = np.random.default_rng(0)
    reference, new = rng.random(200), rng.random(1050)
    whole = monitored(new, reference, window=100)
    pieces = DriftMonitor(reference, 0.3, window=100)
    for part in np.array_split(new, 37):
        pieces.update(torch.tensor(part))
    assert whole.looks == pieces.looks and len(whole.looks) == 10
    assert (whole.histogram.seen == pieces.histogram.seen).all()


def test_threads_share_a_monitor():
    monitor = DriftMonitor(np.arange(100), 30, window=10)

    def work():
        for _ in range(50):
            monitor.update(np.arange(7))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [look.number for look in monitor.looks] == list(range(1, 141))


def test_the_histogram_counts_in_bins_of_the_reference():
    histogram = monitored([0.05, 0.05, 0.95, 2.0, -math.inf], np.arange(100) / 100).histogram
    assert len(histogram.edges) == 11 and histogram.reference == pytest.approx(np.full(10, 0.1))
    assert histogram.seen.tolist() == [0.6, 0, 0, 0, 0, 0, 0, 0, 0, 0.4]
    same = monitored([1.0, 1.0], np.ones(50)).histogram
    assert same.reference.tolist() == same.seen.tolist() == [0, 1]


def test_words_say_what_was_found_and_what_follows():
    rng = np.random.default_rng(1)
    reference = rng.random(1000)
    calm, alarmed = (monitored(x, reference) for x in (rng.random(2500), rng.random(2500) / 2))
    assert "No alarm in 2 windows of 1,000 inputs; in the last," in calm.words[0]
    assert "the chance that there is ever an alarm is at most 5 %" in calm.words[0]
    assert str(alarmed).startswith("Alarm at inputs 1 to 1,000: ")
    assert "no longer promised: label some of the new inputs, and certify again." in str(alarmed)
    assert "at calibration" in alarmed._repr_html_()
    assert "No alarm in 0 windows" in monitored([0.5], reference).words[0]
    found = json.loads(json.dumps(alarmed.to_dict()))
    assert found["looks"][0]["alarm"] is True and found["words"] == alarmed.words


@pytest.mark.parametrize(
    ("reference", "options", "error", "message"),
    [
        ([], {}, ValueError, "reference is empty"),
        ([0.1, math.nan], {}, ValueError, "reference[1] is nan"),
        ([0.1], {"threshold": None}, TypeError, "A certificate's threshold is None if it cannot"),
        ([0.1], {"threshold": math.nan}, ValueError, "threshold is nan"),
        ([0.1], {"window": 0}, ValueError, "window is 0"),
        ([0.1], {"false_alarms": 1}, ValueError, "false_alarms is 1, expected a number between"),
    ],
)
def test_impossible_settings_are_refused(reference, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        DriftMonitor(reference, **{"threshold": 0.5, **options})


def test_a_missing_confidence_is_refused_and_not_counted():
    monitor = DriftMonitor([0.1, 0.2], 0.15, window=1)
    with pytest.raises(ValueError, match=re.escape("confidences[1] is nan")):
        monitor.update([0.3, math.nan])
    assert monitor.looks == ()
