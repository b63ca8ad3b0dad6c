"""Certificates keep their promise, in simulation and against a search over all thresholds."""

import html
import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from kdlib.bench.certificates import POPULATIONS, measure, promises, report
from kdlib.cascade.certificate import certified_budget, certified_threshold, inputs_needed

PROMISES = {promise.title: promise for promise in promises()}


# --- against a search over all thresholds ------------------------------------------------------


@st.composite
def calibration(draw):
    n = draw(st.integers(1, 60))
    score = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    losses = st.lists(st.booleans(), min_size=n, max_size=n)
    return np.array(score, float), np.array(draw(losses)), np.array(draw(losses))


def losses_at(threshold, of, score, small, large):
    """Sum and number of trials of what is promised."""
    keep = score >= threshold
    if of == "kept":
        return small[keep].sum(), keep.sum()
    if of == "budget":
        return (~keep).sum(), len(score)
    return small[keep].sum() + (large[~keep].sum() if of == "cascade" else 0), len(score)


def searched(score, small, large, of, method, risk, delta):
    """The last threshold of the fixed sequence that passes, one at a time; None if none does."""
    thresholds = sorted(set(score), reverse=of != "budget")
    if of == "cascade":
        thresholds.insert(0, math.inf)
    n_first = max(inputs_needed(risk, delta, method), math.ceil(0.2 * len(score)))
    found = None
    for threshold in thresholds:
        lost, trials = losses_at(threshold, of, score, small, large)
        if of == "kept" and trials < min(n_first, len(score)):
            continue
        p = binom.cdf(lost, trials, risk)
        if not (p <= delta if method == "ltt" else (lost + 1) / (trials + 1) <= risk):
            break
        found = threshold
    return found


@given(calibration(), st.sampled_from([0.1, 0.3, 0.6]), st.sampled_from([0.05, 0.2, 0.5]))
@settings(deadline=None, max_examples=150)
def test_the_threshold_is_that_of_a_search_one_by_one(data, risk, delta):
    score, small, large = data
    for of, method in (("kept", "ltt"), ("inputs", "ltt"), ("inputs", "crc"), ("cascade", "ltt")):
        found = certified_threshold(
            score, small, risk, delta, method,
            of=of, large_loss=large if of == "cascade" else None,
        )  # fmt: skip
        assert found.threshold == searched(score, small, large, of, method, risk, delta)
        assert found.delta == (delta if method == "ltt" else None)
    for method in ("ltt", "crc"):
        found = certified_budget(score, risk, delta, method)
        assert found.threshold == searched(score, small, large, "budget", method, risk, delta)


@given(calibration(), st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_row_order_and_the_scale_of_scores_cannot_matter(data, seed):
    score, small, _ = data
    order = np.random.default_rng(seed).permutation(len(score))
    plain = certified_threshold(score, small, 0.4, 0.3)
    mixed = certified_threshold(np.exp(score[order] / 3), small[order], 0.4, 0.3)
    assert (plain.kept, plain.seen, plain.certified) == (mixed.kept, mixed.seen, mixed.certified)
    if plain.certified:
        assert mixed.threshold == np.exp(plain.threshold / 3)


def test_equal_scores_are_kept_together():
    """The 50 surest answers are right, and 50 of 100 equally sure ones are wrong."""
    score, wrong = [2.0] * 50 + [1.0] * 100, [0] * 50 + [0, 1] * 50
    for order in (slice(None), slice(None, None, -1)):
        assert certified_threshold(score[order], wrong[order], 0.1, 0.1).threshold == 2.0
    assert certified_threshold(score, wrong, 0.4, 0.1).threshold == 1.0  # 50 of 150


def test_saturated_scores_can_be_certified():
    score, wrong = [1.0] * 300 + [0.5] * 200, [0] * 300 + [1] * 200
    found = certified_threshold(score, wrong, 0.02)
    assert (found.threshold, found.kept, found.seen) == (1.0, 300, 0)


def test_a_search_that_starts_with_bad_luck_ends():
    """The first threshold keeps 22 inputs (a fifth would be 20), and one of them is wrong."""
    wrong = np.zeros(100)
    wrong[95] = 1
    assert not certified_threshold(np.arange(100), wrong, 0.1).certified
    wrong[95], wrong[0] = 0, 1
    assert certified_threshold(np.arange(100), wrong, 0.1).threshold == 0


# --- the promise, by simulation ----------------------------------------------------------------


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda p: p.title)
def test_the_true_risks_of_the_simulation_are_those_of_many_inputs(population):
    score, small, large = population.draw(np.random.default_rng(0), 400_000)
    for threshold in (0.2, 0.5):
        for of in ("kept", "inputs", "cascade", "budget"):
            lost, trials = losses_at(threshold, of, score, small, large)
            assert population.risk(threshold, of) == pytest.approx(lost / trials, abs=0.003)
    assert population.risk(math.inf, "cascade") == pytest.approx(large.mean(), abs=0.003)


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda p: p.title)
@pytest.mark.parametrize("title", [title for title in PROMISES if title.startswith("ltt")])
def test_learn_then_test_breaks_its_promise_as_seldom_as_it_says(population, title):
    times = 200
    broken = measure(population, PROMISES[title], 300, times).broken.estimate
    assert broken <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / times)


@pytest.mark.parametrize("population", POPULATIONS[:3], ids=lambda p: p.title)
def test_conformal_risk_control_keeps_the_mean_but_not_the_single_case(population):
    found = measure(population, PROMISES["crc, inputs"], 300, 200)
    assert found.mean_risk < 0.1 + 0.004  # three standard errors of a risk that scatters by .017
    assert found.broken.estimate > 0.2


def test_a_threshold_tuned_on_the_same_inputs_is_too_risky_half_of_the_time():
    population = POPULATIONS[0]
    plug_in, ltt = (measure(population, PROMISES[name], 300, 200)
                    for name in ("plug-in, kept", "ltt, kept"))  # fmt: skip
    assert plug_in.broken.low > 0.4 > 0.15 > ltt.broken.estimate
    assert ltt.certified > 0.8 and ltt.kept > 0.7 * plug_in.kept


def test_fractional_losses_are_covered_too():
    """Losses of .25 or .75 with the mean .51, where .5 is promised, at any threshold."""
    rng = np.random.default_rng(0)
    draws = [rng.choice([0.25, 0.75], 300, p=[0.48, 0.52]) for _ in range(200)]
    found = [certified_threshold(np.zeros(300), losses, 0.5, 0.1).certified for losses in draws]
    assert np.mean(found) <= 0.1
    assert certified_threshold(np.zeros(300), 0.4 * draws[0] / draws[0].mean(), 0.5).certified


def test_fractional_losses_need_no_less_than_zeros_and_ones():
    score, wrong = np.arange(200), np.zeros(200)
    wrong[:40] = 1
    whole = certified_threshold(score, wrong, 0.1)
    wrong[0] = 0.999  # now the bound is that of losses between 0 and 1
    between = certified_threshold(score, wrong, 0.1)
    assert whole.zero_one and not between.zero_one and between.kept <= whole.kept


def test_the_report_has_a_row_for_every_population_promise_and_size():
    text = report(sizes=(50, 100), times=2, populations=POPULATIONS[:2])
    assert len(text.splitlines()) == 2 + 2 + 2 * 2 * len(PROMISES)
    assert "broken, %" in text and text == report((50, 100), 2, POPULATIONS[:2])


# --- how many inputs it needs ------------------------------------------------------------------


@given(st.sampled_from([0.01, 0.02, 0.1, 0.5]), st.sampled_from([0.01, 0.1, 0.25, 0.5]))
def test_inputs_needed_are_the_fewest_without_a_loss_that_pass(risk, delta):
    for method in ("ltt", "crc"):
        n = inputs_needed(risk, delta, method)
        for of in ("kept", "inputs") if method == "ltt" else ("inputs",):
            enough = certified_threshold([0.5] * n, [0] * n, risk, delta, method, of=of)
            assert enough.threshold == 0.5
            if n > 1:
                less = [0.5] * (n - 1)
                fails = certified_threshold(less, [0] * (n - 1), risk, delta, method, of=of)
                assert (fails.threshold, fails.needs) == (None, n)


def test_two_percent_at_delta_ten_needs_114():
    assert inputs_needed(0.02, 0.1) == 114
    refused = certified_threshold([0.5] * 113, [False] * 113, 0.02, 0.1)
    assert str(refused) == (
        "cannot certify: needs n >= 114 calibration inputs, even if no loss is seen; there are 113."
    )


def test_what_is_needed_at_the_loss_seen_does_indeed_suffice():
    score, wrong = np.arange(500.0), np.zeros(500)
    wrong[[499, 498]] = 1  # 2 of the first 114
    refused = certified_threshold(score, wrong, 0.02)
    assert (refused.kept, refused.seen) == (114, 2 / 114) and refused.needs is not None
    k = math.ceil(refused.needs * 114 / 500)
    assert binom.cdf(math.ceil(k * 2 / 114), k, 0.02) <= 0.1
    assert f"about {refused.needs:,} inputs would do" in refused.promise


def test_no_number_of_inputs_helps_against_a_risk_that_is_too_high():
    refused = certified_threshold(np.arange(500), np.ones(500), 0.02)
    assert refused.needs is None and "no number of inputs would do" in refused.promise


# --- the words and the numbers -----------------------------------------------------------------


def test_a_certificate_says_what_is_promised_and_what_it_stands_on():
    found = certified_threshold(np.linspace(0, 1, 401), np.linspace(0, 1, 401) < 0.2, 0.05, 0.1)
    text = str(found)
    assert "at most 5 % of the answers kept are wrong" in text
    assert "made this promise false is at most 10 %" in text and "401 calibration inputs" in text
    assert "exchangeable" in text and "After a shift nothing is promised." in text
    assert found.deferral.low < 1 - found.kept / 401 < found.deferral.high
    page = html.unescape(found._repr_html_())
    assert all(line in page for line in text.splitlines())


def test_conformal_risk_control_says_that_it_has_no_delta():
    found = certified_threshold(np.arange(200), np.zeros(200), 0.05, method="crc", of="inputs")
    assert found.delta is None and "so there is no delta" in found.promise
    assert "on average over all choices" in found.promise


def test_a_cascade_may_have_to_defer_everything():
    """The small model is always wrong, the large one never."""
    found = certified_threshold(
        np.arange(50), np.ones(50), 0.05, of="cascade", large_loss=np.zeros(50)
    )
    assert (found.threshold, found.kept) == (math.inf, 0) and "Defer every input" in found.promise
    assert json.loads(json.dumps(found.to_dict()))["threshold"] == "inf"


def test_a_cascade_whose_large_model_is_too_often_wrong_is_refused():
    large = np.arange(400) % 10 == 0
    refused = certified_threshold(
        np.arange(400), np.zeros(400), 0.05, of="cascade", large_loss=large
    )
    assert not refused.certified
    assert "that of the large model alone, is 10 %" in refused.promise


def test_a_cascade_can_be_certified_where_the_small_model_s_answers_cannot():
    """Half of the errors are rescued, so all answers together lose less than kept ones may."""
    rng = np.random.default_rng(0)
    score = rng.random(2000)
    small, large = rng.random(2000) < 0.15, rng.random(2000) < 0.01
    kept = certified_threshold(score, small, 0.1)
    whole = certified_threshold(score, small, 0.1, of="cascade", large_loss=large)
    assert not kept.certified and 0.3 < 1 - whole.deferral.estimate < 0.7


def test_fractional_losses_are_not_called_wrong_answers():
    for of, method in (("kept", "ltt"), ("inputs", "crc"), ("cascade", "ltt")):
        large = np.full(300, 0.01) if of == "cascade" else None
        found = certified_threshold(
            np.arange(300), np.full(300, 0.01), 0.1, method=method, of=of, large_loss=large
        )
        assert "mean loss" in found.promise and "wrong" not in found.promise


def test_tensors_and_infinite_scores_are_taken():
    score = torch.tensor([math.inf] * 30 + [0.5] * 30)
    wrong = torch.tensor([False] * 30 + [True] * 30)
    assert certified_threshold(score, wrong, 0.1).threshold == math.inf
    assert certified_threshold(score.requires_grad_(), wrong, 0.1).threshold == math.inf


def test_no_threshold_defers_an_infinite_score_so_none_claims_to():
    """The small model's one infinitely sure answer is wrong, and the large model always right."""
    score, small = [math.inf] + [0.5] * 99, [1] * 100
    found = certified_threshold(score, small, 0.05, of="cascade", large_loss=[0] * 100)
    assert (found.threshold, found.kept) == (math.inf, 1) and "at least inf" in found.promise
    refused = certified_threshold(score, small, 0.03, of="cascade", large_loss=[0] * 100)
    assert not refused.certified and refused.kept == 1


# --- what is refused ---------------------------------------------------------------------------

FINE = [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("score", "loss", "options", "error", "message"),
    [
        (FINE, [0, 1], {}, ValueError, "loss has 2 entries but score has 3"),
        (FINE, [0, 1, 7], {}, ValueError, "loss[2] is 7, expected a loss from 0 to 1"),
        (FINE, [0, 1, math.nan], {}, ValueError, "loss[2] is nan, expected a loss from 0 to 1"),
        ([0.1, math.nan], [0, 0], {}, ValueError, "score[1] is nan, expected a number"),
        ([], [], {}, ValueError, "score is empty"),
        ([[0.1]], [0], {}, ValueError, "score has shape (1, 1), expected (N,)"),
        (["a"], [0], {}, TypeError, "score is of type list and holds no plain numbers"),
        ([1j], [0], {}, TypeError, "score holds complex numbers"),
        (FINE, [0] * 3, {"risk": 5}, ValueError, "risk is 5, expected a number between 0 and 1"),
        (FINE, [0] * 3, {"delta": 0}, ValueError, "delta is 0, expected a finite number above 0"),
        (FINE, [0] * 3, {"method": "rcps"}, ValueError, "method is 'rcps', expected one of crc"),
        (FINE, [0] * 3, {"of": "all"}, ValueError, "of is 'all', expected one of cascade"),
        (
            FINE,
            [0] * 3,
            {"method": "crc"},
            ValueError,
            "and the mean loss of kept answers, a ratio",
        ),
        (FINE, [0] * 3, {"of": "cascade"}, ValueError, "large_loss is missing"),
        (FINE, [0] * 3, {"large_loss": FINE}, ValueError, "large_loss is given, but of='kept'"),
        (FINE, [0] * 3, {"of": "cascade", "large_loss": [2] * 3}, ValueError, "large_loss[0] is 2"),
        (
            FINE,
            [0] * 3,
            {"of": "cascade", "method": "crc", "large_loss": FINE},
            ValueError,
            "rises with the threshold where the large model is wrong",
        ),
    ],
)
def test_impossible_input_is_refused(score, loss, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        certified_threshold(score, loss, **{"risk": 0.1, **options})


@pytest.mark.parametrize(("budget", "message"), [(0, "budget is 0"), (30, "budget is 30")])
def test_an_impossible_budget_is_refused(budget, message):
    with pytest.raises(ValueError, match=message):
        certified_budget(FINE, budget)
