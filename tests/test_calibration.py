"""Calibration agrees with other libraries, with enumeration, and with what its docstrings claim."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_distributions import distributions, drawn_labels, properties, random_rows
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from kdlib.binning import group
from kdlib.calibration import (
    brier_decomposition,
    brier_score,
    ece_if_calibrated,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from kdlib.stats import proportion_interval

NAN = math.nan
binnings = pytest.mark.parametrize("binning", ["width", "mass"])
with_probs = pytest.mark.parametrize(
    "function", [reliability, expected_calibration_error, brier_score, brier_decomposition]
)


def two_classes(confidences):
    return np.stack([confidences, 1 - confidences], -1)


@st.composite
def labelled(draw):
    """Probabilities (N, K), some 0 and some equal, and labels (N,)."""
    probs = draw(st.integers(1, 12).flatmap(distributions))
    labels = st.lists(st.integers(0, probs.shape[1] - 1), min_size=len(probs), max_size=len(probs))
    return probs, torch.tensor(draw(labels))


# --- reliability -----------------------------------------------------------------------------


@given(labelled(), st.integers(1, 20), st.sampled_from(["width", "mass"]))
@properties
def test_bins_hold_every_example_once_between_their_ends(data, bins, binning):
    probs, labels = data
    rows = reliability(probs, labels, bins, binning)
    assert sum(row.count for row in rows) == len(probs) and len(rows) <= bins
    for row in rows:
        assert row.low - 1e-9 <= row.mean_confidence <= row.high + 1e-9
    assert all(before.high <= after.low for before, after in itertools.pairwise(rows))
    right = sum(row.count * row.accuracy.estimate for row in rows)
    assert right == pytest.approx(int((probs.argmax(-1) == labels).sum()))


def test_bins_of_equal_mass_are_thirds_of_the_sorted_confidences():
    confidences = np.random.default_rng(0).uniform(0.5, 1, 31)
    rows = reliability(two_classes(confidences), [0] * 31, 3, "mass")
    parts = np.array_split(np.sort(confidences), [11, 21])
    assert [row.count for row in rows] == [11, 10, 10]
    assert [row.mean_confidence for row in rows] == pytest.approx([x.mean() for x in parts])
    assert [(row.low, row.high) for row in rows] == [
        (parts[0][0], parts[0][-1]), (parts[0][-1], parts[1][-1]), (parts[1][-1], parts[2][-1])
    ]  # fmt: skip


def test_equal_confidences_stay_in_one_bin_of_equal_mass():
    (row,) = reliability([[0.7, 0.3]] * 10, [0] * 6 + [1] * 4, 5, "mass")
    assert (row.low, row.high, row.count) == (0.7, 0.7, 10)


def test_an_edge_belongs_to_the_bin_below_and_1_to_the_last():
    assert group(np.array([0.0, 0.5, 0.5 + 1e-9, 1.0, 1 + 1e-6]), 2, "width").place.tolist() == [
        0, 0, 1, 1, 1
    ]  # fmt: skip


def test_accuracies_have_wilson_s_interval_of_the_confidence_asked_for():
    (row,) = reliability([[0.7, 0.3]] * 10, [0] * 6 + [1] * 4, confidence=0.8)
    assert row.accuracy == proportion_interval(6, 10, confidence=0.8)


# --- expected calibration error --------------------------------------------------------------


@pytest.mark.parametrize(("n", "classes", "bins"), [(50, 2, 15), (400, 10, 15), (400, 4, 7)])
def test_ece_is_that_of_torchmetrics(n, classes, bins):
    probs, labels = random_rows(n, classes), torch.randint(classes, (n,))
    theirs = multiclass_calibration_error(probs, labels, classes, n_bins=bins, norm="l1")
    ours = expected_calibration_error(probs, labels, bins)
    assert ours == pytest.approx(float(theirs), abs=1e-6)


@binnings
def test_ece_is_the_mean_gap_of_the_bins(binning):
    probs, labels = random_rows(300, 5), torch.randint(5, (300,))
    rows = reliability(probs, labels, 9, binning)
    gaps = [row.count * abs(row.accuracy.estimate - row.mean_confidence) for row in rows]
    ece = expected_calibration_error(probs, labels, 9, binning)
    assert ece == pytest.approx(sum(gaps) / 300)


@given(labelled(), st.sampled_from(["width", "mass"]), st.randoms(use_true_random=False))
@properties
def test_ece_lies_between_0_and_1_and_no_order_of_the_examples_matters(data, binning, random):
    probs, labels = data
    ece = expected_calibration_error(probs, labels, 4, binning)
    order = list(range(len(labels)))
    random.shuffle(order)
    assert 0 <= ece <= 1
    assert expected_calibration_error(probs[order], labels[order], 4, binning) == pytest.approx(ece)


@given(labelled(), st.integers(1, 6), st.integers(2, 4))
@properties
def test_merging_bins_never_raises_the_ece(data, bins, parts):
    fine, coarse = (expected_calibration_error(*data, n) for n in (bins * parts, bins))
    assert coarse <= fine + 1e-12


@pytest.mark.parametrize(("n", "claimed"), [(200, 0.06), (2000, 0.02)])
def test_a_perfectly_calibrated_model_shows_the_ece_that_the_docstring_says(n, claimed):
    words = " ".join(expected_calibration_error.__doc__.split())
    assert "shows about 0.06 on 200 examples and 0.02 on 2,000" in words
    rng = np.random.default_rng(0)
    probs = [two_classes(rng.uniform(0.5, 1, n)) for _ in range(100)]
    errors = [expected_calibration_error(p, drawn_labels(p, seed)) for seed, p in enumerate(probs)]
    assert min(errors) > 0 and np.mean(errors) == pytest.approx(claimed, abs=0.005)
    assert ece_if_calibrated(probs[0]).estimate == pytest.approx(np.mean(errors), rel=0.05)


# --- the ECE of a calibrated model -----------------------------------------------------------


@binnings
def test_ece_if_calibrated_is_the_mean_over_all_outcomes(binning, monkeypatch):
    monkeypatch.setattr("kdlib.calibration.SIMULATIONS", 20_000)
    confidences = np.array([0.95, 0.55, 0.9, 0.6, 0.58])
    expected = 0.0
    for right in itertools.product([True, False], repeat=5):
        labels = [0 if hit else 1 for hit in right]
        chance = np.prod(np.where(right, confidences, 1 - confidences))
        expected += chance * expected_calibration_error(
            two_classes(confidences), labels, 3, binning
        )
    found = ece_if_calibrated(two_classes(confidences), 3, binning)
    assert found.estimate == pytest.approx(expected, rel=0.01)


def test_an_overconfident_model_exceeds_what_a_calibrated_one_may_show():
    logits = 2 * torch.randn(1000, 5, generator=torch.Generator().manual_seed(0))
    probs, labels = logits.softmax(-1), drawn_labels((logits / 2).softmax(-1))
    assert expected_calibration_error(probs, labels) > ece_if_calibrated(probs).high
    labels = drawn_labels(probs)
    assert expected_calibration_error(probs, labels) < ece_if_calibrated(probs).high


def test_the_simulation_repeats_with_its_seed_and_blocks_do_not_change_it(monkeypatch):
    probs = random_rows(50, 4)
    once = ece_if_calibrated(probs, seed=1)
    assert ece_if_calibrated(probs.flip(0), seed=1) == once != ece_if_calibrated(probs, seed=2)
    monkeypatch.setattr("kdlib.calibration.BLOCK", 170)
    assert ece_if_calibrated(probs, seed=1) == once


# --- Brier score -----------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 5])
def test_brier_score_is_that_of_scikit_learn(classes):
    probs, labels = random_rows(200, classes), torch.randint(classes, (200,))
    theirs = brier_score_loss(
        labels.numpy(), probs.numpy(), labels=range(classes), scale_by_half=False
    )
    assert brier_score(probs, labels) == pytest.approx(theirs, rel=1e-12)


def test_a_sure_wrong_answer_has_a_brier_score_of_2_and_a_guess_1_minus_1_over_K():
    assert brier_score([[1.0, 0.0, 0.0]], [2]) == 2
    assert brier_score([[0.25] * 4], [3]) == pytest.approx(0.75)


def test_brier_score_stays_exact_for_sure_answers_in_float32():
    probs = torch.tensor([[1 - 2**-20, 2**-20]])
    assert brier_score(probs, [0]) == pytest.approx(2 * 2**-40, rel=1e-6)


def test_no_argument_is_changed():
    probs = random_rows(20, 3)
    labels = drawn_labels(probs)
    kept = probs.clone(), labels.clone()
    brier_decomposition(probs, labels), reliability(probs, labels), fit_temperature(probs, labels)
    assert torch.equal(probs, kept[0]) and torch.equal(labels, kept[1])


@given(labelled(), st.integers(1, 20), st.sampled_from(["width", "mass"]))
@properties
def test_the_parts_add_up_to_the_brier_score(data, bins, binning):
    parts = brier_decomposition(*data, bins, binning)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(parts.score, abs=1e-12)
    assert parts.score == pytest.approx(brier_score(*data), abs=1e-12)
    assert 0 <= parts.score <= 2 and min(parts.reliability, parts.resolution) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12 <= 1


@binnings
def test_nothing_is_left_within_bins_if_all_probabilities_of_a_bin_are_equal(binning):
    kinds = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], dtype=torch.float64)
    probs = kinds.repeat(40, 1)
    parts = brier_decomposition(probs, drawn_labels(probs), 15, binning)
    assert parts.within == pytest.approx(0, abs=1e-12)


def test_probabilities_that_tell_examples_apart_within_a_bin_make_that_part_negative():
    probs = random_rows(500, 3)
    one_bin = brier_decomposition(probs, drawn_labels(probs), bins=1)
    assert one_bin.resolution == pytest.approx(0, abs=1e-12) and one_bin.within < -0.1
    assert abs(brier_decomposition(probs, drawn_labels(probs), bins=50).within) < 0.01


def test_a_decomposition_becomes_a_dictionary():
    parts = brier_decomposition([[0.5, 0.5]] * 4, [0, 0, 0, 1])
    assert parts.to_dict() == {
        "score": 0.5, "reliability": 0.125, "resolution": 0, "uncertainty": 0.375, "within": 0
    }  # fmt: skip


# --- what goes in ----------------------------------------------------------------------------


def test_lists_arrays_and_tensors_give_the_same_numbers():
    probs = random_rows(60, 4)
    labels = drawn_labels(probs)
    of_lists = probs.tolist(), labels.tolist()
    others = [(probs.numpy(), labels.numpy().astype(np.uint8)), (probs.requires_grad_(), labels)]
    for function in (expected_calibration_error, brier_decomposition, reliability, fit_temperature):
        expected = function(*of_lists)
        assert [function(*other) for other in others] == [expected, expected]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_smaller_types_are_accepted(dtype):
    probs, labels = random_rows(200, 4), torch.randint(4, (200,))
    ece = expected_calibration_error(probs.to(dtype), labels)
    assert ece == pytest.approx(expected_calibration_error(probs, labels), abs=0.02)
    found = fit_temperature(probs.to(dtype), drawn_labels(probs))
    assert found == pytest.approx(fit_temperature(probs, drawn_labels(probs)), rel=0.02)


@with_probs
@pytest.mark.parametrize(
    ("probs", "labels", "error", "message"),
    [
        ([0.2, 0.8], [0, 1], ValueError, "probs has shape (2,), expected (N, K), one row per "
         "example. Two classes are two columns: torch.stack([1 - probs, probs], -1)"),
        ([[0.2], [0.8]], [0, 1], ValueError, "expected at least two classes"),
        ([[[0.2, 0.8]]], [0], ValueError, "probs.flatten(0, -2)"),
        (np.ones((0, 2)), [], ValueError, "probs has shape (0, 2) and is empty"),
        ([[2.0, -3.0]], [0], ValueError, "probs[0, 1] is -3, expected probabilities (>= 0): this "
         "looks like logits"),
        ([[0.5, 0.6]], [0], ValueError, "probs[0] sums to 1.1, expected 1"),
        ([[0.5, NAN]], [0], ValueError, "probs[0, 1] is nan"),
        ([[0.5, 0.5]], [2], ValueError, "labels[0] is 2, expected 0 to 1 for 2 classes"),
        ([[0.5, 0.5]], [[0, 1]], ValueError, "labels has shape (1, 2), expected (1,)"),
        ([[0.5, 0.5]], [0.0], TypeError, "expected whole numbers"),
        ([["a", "b"]], [0], TypeError, "probs is of type list and holds no plain numbers"),
    ],
)  # fmt: skip
def test_impossible_probabilities_and_labels_are_refused(function, probs, labels, error, message):
    with pytest.raises(error, match=re.escape(message)):
        function(probs, labels)


@pytest.mark.parametrize(
    ("bins", "binning", "error", "message"),
    [
        (0, "width", ValueError, "bins is 0, expected at least 1"),
        (2.0, "width", TypeError, "bins is 2.0, expected a whole number"),
        (5, "masses", ValueError, "expected one of mass, width. Did you mean 'mass'?"),
    ],
)
def test_impossible_bins_are_refused(bins, binning, error, message):
    for function in (reliability, expected_calibration_error, brier_decomposition):
        with pytest.raises(error, match=re.escape(message)):
            function([[0.5, 0.5]], [0], bins, binning)
    with pytest.raises(error, match=re.escape(message)):
        ece_if_calibrated([[0.5, 0.5]], bins, binning)
