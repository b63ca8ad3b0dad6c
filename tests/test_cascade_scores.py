"""Confidences: higher is surer, no ties that are not there, and none broken that are."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_distributions import distributions, properties, random_rows

from kdlib.cascade import confidence
from kdlib.cascade.scores import SCORES

each_score = pytest.mark.parametrize("score", SCORES)


@given(distributions(5))
@properties
def test_scores_are_what_their_names_say(probs):
    p = np.sort(probs.numpy(), axis=-1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0).sum(-1)
        odds = np.log(p[:, 0]) - np.log(p[:, 1:].sum(-1))
    expected = {"max_prob": p[:, 0], "margin": p[:, 0] - p[:, 1], "entropy": -entropy}
    for name, values in (expected | {"log_odds": odds}).items():
        np.testing.assert_allclose(confidence(probs, name), values, atol=1e-12)


@each_score
@given(distributions(4), st.randoms(use_true_random=False))
@properties
def test_the_order_of_the_classes_changes_nothing(score, probs, random):
    columns = list(range(probs.shape[1]))
    random.shuffle(columns)
    assert torch.equal(confidence(probs, score), confidence(probs[:, columns], score))


@each_score
def test_logits_and_their_probabilities_give_the_same(score):
    logits = 3 * torch.randn(200, 6, generator=torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(
        confidence(logits=logits, score=score), confidence(logits.softmax(-1), score)
    )
    shifted = logits + torch.arange(200.0)[:, None]
    torch.testing.assert_close(
        confidence(logits=shifted, score=score), confidence(logits=logits, score=score)
    )


@each_score
def test_surer_is_higher_from_uniform_to_certain(score):
    p = torch.linspace(0.25, 1, 50, dtype=torch.float64)
    rows = torch.stack([p, *[(1 - p) / 3] * 3], -1)
    assert (confidence(rows, score).diff() > 0).all()


@pytest.mark.parametrize("score", ["log_odds", "entropy"])
def test_no_ties_of_sure_logits(score):
    """Softmax in float32 gives 1.0 from log-odds of 17 on, in float64 from 37 on."""
    for dtype in (torch.float32, torch.float64):
        gap = torch.arange(10, 600, 5, dtype=dtype)
        logits = torch.stack([gap, torch.zeros_like(gap), torch.zeros_like(gap)], -1)
        assert (confidence(logits=logits, score=score).diff() > 0).all()


def test_log_odds_orders_as_max_prob_does_where_it_can_tell():
    logits = 8 * torch.randn(2000, 5, generator=torch.Generator().manual_seed(0)).double()
    odds, top = (confidence(logits=logits, score=s) for s in ("log_odds", "max_prob"))
    order = odds.argsort()
    assert (top[order].diff() >= 0).all()
    told_apart = (odds[order].diff() > 1e-6) & (odds[order][1:] < 20)
    assert told_apart.sum() > 1000 and (top[order].diff()[told_apart] > 0).all()


@each_score
def test_float32_probabilities_of_1_are_ordered_by_what_the_others_leave(score):
    rest = torch.tensor([1e-8, 1e-9, 1e-10, 0.0])
    probs = torch.stack([torch.ones(4), rest, torch.zeros(4)], -1)
    assert probs.dtype == torch.float32 and (confidence(probs, score).diff() > 0).all()


def test_equal_probabilities_stay_equal():
    """Votes of five models: 3 : 2 and 3 : 1 : 1 are as sure as each other by max_prob."""
    votes = [[0.6, 0.4, 0.0], [0.2, 0.2, 0.6], [0.0, 0.6, 0.4], [0.2, 0.6, 0.2]]
    assert confidence(votes).tolist() == [0.6] * 4
    assert confidence([[0.7, 0.2, 0.1], [0.7, 0.3, 0.0]]).tolist() == [0.7, 0.7]


def test_extreme_and_masked_logits():
    logits = torch.tensor([[1e4, -1e4, -math.inf], [0.0, -math.inf, -math.inf], [0.0, 0.0, 0.0]])
    assert confidence(logits=logits, score="log_odds").tolist() == [
        2e4, math.inf, pytest.approx(-math.log(2))]  # fmt: skip
    assert confidence(logits=logits, score="entropy").tolist() == [
        0,
        0,
        pytest.approx(-math.log(3)),
    ]
    assert confidence(logits=logits, score="margin").tolist() == [1, 1, 0]


def test_temperature_reorders_three_classes_but_never_two():
    """FACTS of the course: A = [2, 1.2, -9, -9] and B = [3, 1, 1, 1] swap between T = 1 and 2."""
    logits = torch.tensor([[2, 1.2, -9, -9], [3, 1, 1, 1]], dtype=torch.float64)
    cold, warm = confidence(logits=logits), confidence(logits=logits / 2)
    assert cold.tolist() == pytest.approx([0.690, 0.711], abs=5e-4)
    assert warm.tolist() == pytest.approx([0.596, 0.475], abs=5e-4)
    two = torch.randn(100, 2, generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(confidence(logits=two).argsort(), confidence(logits=two / 5).argsort())


def test_any_kind_of_numbers_and_always_float64():
    rows = random_rows(3, 4)
    for kind in (rows, rows.numpy(), rows.tolist(), rows.float(), rows.clone().requires_grad_()):
        found = confidence(kind)
        assert found.dtype == torch.float64 and found.shape == (3,) and not found.requires_grad
        torch.testing.assert_close(found, confidence(rows), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (dict(), TypeError, "neither was given"),
        (dict(probs=[[0.5, 0.5]], logits=[[0.0, 0.0]]), TypeError, "both were given"),
        (dict(probs=[[0.5, 0.5]], score="margins"), ValueError, "Did you mean 'margin'"),
        (dict(probs=[[2.0, -1.0]]), ValueError, r"probs\[0, 1\] is -1"),
        (dict(probs=[0.5, 0.5]), ValueError, r"probs has shape \(2,\)"),
        (dict(probs=[[1.0]]), ValueError, "at least two classes"),
        (dict(probs=torch.ones(2, 2, dtype=torch.int64)), TypeError, "floating-point"),
        (dict(logits=[[0.0, math.nan]]), ValueError, r"logits\[0, 1\] is nan"),
        (dict(logits=[0.0, 1.0]), ValueError, r"logits has shape \(2,\)"),
        (dict(logits=[[1.0], [2.0]]), ValueError, "two columns"),
        (dict(logits=torch.zeros(0, 3)), ValueError, "is empty"),
    ],
)
def test_wrong_input_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        confidence(**arguments)
