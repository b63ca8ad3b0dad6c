"""The temperature is the one that makes labels likeliest, or an error says why there is none."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_distributions import drawn_labels, properties, random_rows
from scipy.optimize import minimize_scalar

from kdlib.calibration import fit_temperature

INF, NAN = math.inf, math.nan


def nll(logits, labels, temperature):
    return torch.nn.functional.cross_entropy(logits / temperature, labels)


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=6).filter(lambda counts: len(set(counts)) > 1),
    st.floats(0.01, 100),
)
@properties
def test_labels_as_frequent_as_softmax_of_z_over_t_give_exactly_t(counts, temperature):
    logits = temperature * torch.tensor(counts).double().log()
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    found = fit_temperature(logits.expand(len(labels), -1), labels)
    assert found == pytest.approx(temperature, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_of_drawn_labels_is_recovered(temperature):
    logits = 3 * torch.randn(20_000, 10, generator=torch.Generator().manual_seed(0))
    labels = drawn_labels((logits / temperature).softmax(-1))
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_makes_the_labels_likelier():
    logits = random_rows(100, 5).log() * 7
    labels = drawn_labels((logits / 9).softmax(-1))
    best = minimize_scalar(lambda t: float(nll(logits, labels, t)), bounds=(0.1, 90)).x
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=1e-4)


@given(st.floats(1e-4, 1e4), st.floats(-1e4, 1e4))
@properties
def test_temperature_scales_with_the_logits_and_ignores_shifts_masks_and_copies(scale, shift):
    logits = random_rows(40, 4).log()
    labels = drawn_labels(logits.softmax(-1))
    found = fit_temperature(logits, labels)
    assert fit_temperature(scale * logits, labels) == pytest.approx(scale * found, rel=1e-8)
    assert fit_temperature(logits + shift, labels) == pytest.approx(found, rel=1e-8)
    masked = torch.cat([logits, torch.full((40, 1), -INF)], dim=1)
    assert fit_temperature(masked, labels) == pytest.approx(found, rel=1e-12)
    twice = fit_temperature(torch.cat([logits, logits]), torch.cat([labels, labels]))
    assert twice == pytest.approx(found, rel=1e-8)


def test_blocks_do_not_change_the_temperature(monkeypatch):
    logits = random_rows(100, 5).log()
    labels = drawn_labels(logits.softmax(-1))
    found = fit_temperature(logits, labels)
    monkeypatch.setattr("kdlib.calibration.BLOCK", 35)
    assert fit_temperature(logits, labels) == pytest.approx(found, rel=1e-10)


@pytest.mark.parametrize("wrong", [1, 3])
def test_one_narrow_miss_among_many_right_answers_still_has_a_best_temperature(wrong):
    logits = torch.tensor([[9.0, 0.0, 0.0]] * 1000)
    logits[:wrong, 1] = 9 - 1e-4
    found = fit_temperature(logits, [1] * wrong + [0] * (1000 - wrong))
    assert 0 < found < 1.5


@pytest.mark.parametrize(
    ("logits", "labels"),
    [([[2.0, 1.0], [0.0, 3.0]], [0, 1]), ([[2.0, 2.0, 1.0]], [1]), ([[1e-9, 0.0]], [0])],
)
def test_all_answers_right_have_no_best_temperature(logits, labels):
    with pytest.raises(ValueError, match="labels all name the class with the largest logit"):
        fit_temperature(logits, labels)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        ([[2.0, 1.0], [0.0, 3.0]], [1, 0]),
        ([[2.0, 1.0], [2.0, 1.0]], [1, 0]),
        ([[0.1, 0.7, 0.3]] * 3, [0, 1, 2]),
        ([[5.0, 5.0]], [1]),
    ],
)
def test_labels_no_better_than_chance_have_no_best_temperature(logits, labels):
    with pytest.raises(ValueError, match="labels fit logits no better than chance.*same order"):
        fit_temperature(logits, labels)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([1.0, 2.0], [0, 1], "torch.stack([torch.zeros_like(logits), logits], -1)"),
        ([[1.0, NAN]], [0], "logits[0, 1] is nan"),
        ([[1.0, INF]], [0], "logits[0, 1] is inf"),
        ([[-INF, -INF]], [0], "logits[0] is -inf for every class"),
        ([[1.0, 0.0], [1.0, -INF]], [1, 1], "labels[1] is 1, a class whose logit is -inf"),
    ],
)
def test_impossible_logits_are_refused(logits, labels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        fit_temperature(logits, labels)
