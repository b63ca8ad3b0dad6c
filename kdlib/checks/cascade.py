"""Checks of what cascades take: confidences, qualities, rates of deferral, prices.

The same promise as everywhere in `checks`: what was wrong, what was expected and what to do.
"""

from collections.abc import Sequence, Sized
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib.checks.arrays import Floats as FloatsLike
from kdlib.checks.arrays import array_of, fraction, place, positive, weight
from kdlib.checks.calibration import class_probabilities
from kdlib.checks.fidelity import class_rows
from kdlib.checks.logits import logit_values

Floats = NDArray[np.float64]
Values = Tensor | ArrayLike
Rate = TypeVar("Rate", float, Floats)


def probabilities_or_logits(probs: FloatsLike | None, logits: FloatsLike | None) -> Tensor:
    """Return the one of the two that was given, `(N, K)` with at least two classes, in float64.

    Raises:
        TypeError: if both or neither were given.
        ValueError: on another shape, rows that are no distributions, NaN or infinite logits.
    """
    if (probs is None) == (logits is None):
        given = "neither was" if probs is None else "both were"
        raise TypeError(
            f"probs and logits: {given} given, expected one of them: confidence(probs), or "
            "confidence(logits=logits), which keeps apart what rounds to probability 1."
        )
    if probs is not None:
        return class_probabilities(probs).double()
    assert logits is not None
    values = torch.as_tensor(class_rows(logits, "logits")).detach().cpu().double()
    logit_values(values, "logits")
    if values.shape[1] < 2:
        raise ValueError(
            f"logits has shape {tuple(values.shape)}, expected at least two classes: one logit z "
            "for a yes are two columns, torch.stack([torch.zeros_like(z), z], -1)."
        )
    return values


def confidences(values: Values, name: str = "score") -> Floats:
    """Return one confidence per input `(N,)`; inf and -inf are the surest and the least sure.

    Raises:
        TypeError: if these are no real numbers.
        ValueError: on another shape, no input, or NaN.
    """
    array = column(values, name, "one confidence per input, higher where the small model is surer")
    if np.isnan(array).any():
        row = int(np.isnan(array).argmax())
        raise ValueError(
            f"{name}[{row}] is nan, expected a confidence: an input whose confidence is unknown "
            "should be deferred, which -inf says."
        )
    return array


def qualities(values: Values, name: str, rows: int | None = None) -> Floats:
    """Return the quality of one model's answer to each input `(N,)`: 0 or 1, or between.

    Raises:
        TypeError: if these are no real numbers.
        ValueError: on another shape than (rows,), no input, or a quality outside [0, 1].
    """
    array = column(values, name, "the quality of each answer, 1 where it is right")
    if rows is not None and len(array) != rows:
        raise ValueError(
            f"{name} has {len(array)} inputs, expected {rows}: score, small_correct and "
            "large_correct must speak of the same inputs in the same order."
        )
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{name}[{row}] is {array[row]:g}, expected a quality from 0 (wrong) to 1 (right): "
            "bring grades to this scale first, and turn a loss into 1 - loss."
        )
    return array


def curve_points(rate: Values, quality: Values, threshold: Values) -> tuple[Floats, Floats, Floats]:
    """Return the three columns `(P,)` of a deferral curve, whose rates rise from 0 to 1.

    Raises:
        TypeError: if these are no real numbers.
        ValueError: on columns of different length, or rates that do not rise from 0 to 1.
    """
    rates = column(rate, "deferral_rate", "the share of deferred inputs at each point")
    heights = qualities(quality, "quality")
    thresholds = column(threshold, "threshold", "the threshold of each point, nan if unknown")
    if not len(rates) == len(heights) == len(thresholds):
        raise ValueError(
            f"deferral_rate has {len(rates)} points, quality {len(heights)} and threshold "
            f"{len(thresholds)}: expected as many of each."
        )
    if len(rates) < 2 or rates[0] != 0 or rates[-1] != 1 or not (np.diff(rates) > 0).all():
        raise ValueError(
            f"deferral_rate runs from {rates[0]:g} to {rates[-1]:g}, expected rising numbers from "
            "0, where the small model answers everything, to 1, where the large one does: sort the "
            "points by their rate, write 40 % as 0.4, and add the two models if they are missing."
        )
    return rates, heights, thresholds


def rates(value: Rate, name: str) -> Rate:
    """Return a share of inputs, or an array of them, each from 0 to 1.

    Raises:
        TypeError: if these are no real numbers.
        ValueError: on a share outside [0, 1] or NaN.
    """
    if isinstance(value, (int, float)):
        return fraction(value, name)
    array = real_numbers(value, name)
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{place(name, index)} is {array[index]:g}, expected a share of inputs from 0 to 1: "
            "write 40 % as 0.4."
        )
    return array


def prices(
    small: float, large: float, extra: float, extra_name: str = "scorer_cost"
) -> tuple[float, float, float]:
    """Return what one call costs: the small model, the large one, and what every input pays too.

    Raises:
        TypeError: if one is no number.
        ValueError: if one is negative or not finite, or the large model is free.
    """
    cost = positive(large, "large_cost")
    return weight(small, "small_cost"), cost, weight(extra, extra_name)


def chain(
    scores: Sequence[Any], thresholds: Sequence[float], prices: Sequence[Any], names: Sequence[str]
) -> None:
    """A chain has one score and one threshold for every stage but the last; a price and a name each.

    Raises:
        ValueError: with the numbers, if there are fewer than two stages, or a threshold is nan.
    """
    if len(prices) < 2 or not len(scores) == len(thresholds) == len(prices) - 1:
        raise ValueError(
            f"scores has {len(scores)} entries, thresholds {len(thresholds)} and prices "
            f"{len(prices)}: expected one price for each of at least two stages, and a score and a "
            "threshold for every stage but the last, which answers whatever reaches it."
        )
    if len(names) != len(prices):
        raise ValueError(f"names has {len(names)} entries, expected {len(prices)}, one per stage.")
    for i, threshold in enumerate(thresholds):
        if np.isnan(threshold):
            raise ValueError(
                f"thresholds[{i}] is nan, expected a number: inf passes every input on, -inf none."
            )


def same_rows(columns: Sequence[Sized], names: Sequence[str]) -> None:
    """Columns must speak of the same inputs.

    Raises:
        ValueError: with the first two lengths that differ.
    """
    for column, name in zip(columns, names, strict=True):
        if len(column) != len(columns[0]):
            raise ValueError(
                f"{name} has {len(column)} inputs but {names[0]} has {len(columns[0])}: both must "
                "speak of the same inputs in the same order."
            )


def amounts(values: Values, name: str, what: str) -> Floats:
    """Return one finite amount of 0 or more per input `(N,)`: seconds, or a price.

    Raises:
        TypeError: if these are no real numbers.
        ValueError: on another shape, no input, or an amount that is negative or not finite.
    """
    array = column(values, name, what)
    wrong = ~((array >= 0) & np.isfinite(array))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"{name}[{row}] is {array[row]:g}, expected {what}, finite and 0 or more.")
    return array


def deferred(values: Values) -> NDArray[np.bool_]:
    """Return which inputs are passed on `(N,)`, True or False.

    Raises:
        TypeError: if these are neither booleans nor 0 and 1.
        ValueError: on another shape or no input.
    """
    array = column(values, "deferred", "True for each input that is passed on")
    if not ((array == 0) | (array == 1)).all():
        row = int((~((array == 0) | (array == 1))).argmax())
        raise TypeError(
            f"deferred[{row}] is {array[row]:g}, expected True or False: write score < threshold."
        )
    return np.asarray(array == 1)


def column(values: Values, name: str, what: str) -> Floats:
    """Return one number per input `(N,)`, NaN included.

    Raises:
        TypeError: if these are no real numbers.
        ValueError: on another shape or no input.
    """
    array = real_numbers(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}, expected (N,): {what}.")
    if not len(array):
        raise ValueError(f"{name} is empty, expected (N,) with at least one entry: {what}.")
    return array


def real_numbers(values: Values, name: str) -> Floats:
    """Return real numbers of any shape; True and False count as 1 and 0.

    Raises:
        TypeError: if these are none.
    """
    if isinstance(values, Tensor):
        tensor = values.detach().cpu()
        values = (tensor.double() if tensor.is_floating_point() else tensor).numpy()
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values  # a million numbers need no copy
    array = array_of(values, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {array.dtype}, expected real numbers.")
    return array.astype(np.float64, copy=False)
