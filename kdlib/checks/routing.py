"""Checks of what routers take: features, scores by name, prices per input, counts of right answers.

The same promise as everywhere in `checks`: what was wrong, what was expected and what to do.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdlib.checks.cascade import Floats, Values, amounts, confidences, real_numbers
from kdlib.checks.examples import count as whole_count


def extra_prices(values: Values) -> Floats:
    """Return what the large model costs more `(N,)`, not 0 for every input.

    Raises:
        TypeError, ValueError: see amounts; also if all are free.
    """
    array = amounts(values, "extra_cost", "the price of the large model above the small one's")
    if not array.any():
        raise ValueError(
            "extra_cost is 0 for every input, expected a price above 0 for some: where the large "
            "model costs nothing more, random calls of the same cost are all or none."
        )
    return array


def routers(scores: Mapping[str, Values], rows: int) -> dict[str, Floats]:
    """Return the score of each router by name, `(rows,)`.

    Raises:
        TypeError: if this is no mapping.
        ValueError: if it is empty, or a score speaks of other inputs.
    """
    if not isinstance(scores, Mapping):
        raise TypeError(
            f"scores is of type {type(scores).__name__}, expected names and scores: "
            '{"length": length_score(...)}.'
        )
    if not scores:
        raise ValueError("scores is empty, expected at least one router and its score.")
    found = {name: confidences(score, f"scores[{name!r}]") for name, score in scores.items()}
    for name, score in found.items():
        if len(score) != rows:
            raise ValueError(
                f"scores[{name!r}] has {len(score)} inputs, expected {rows}, the inputs of "
                "small_correct in the same order."
            )
    return found


def feature_pair(train: Any, new: Any) -> tuple[Any, Any]:
    """Return the features of the training and of the new inputs, arrays or sparse matrices.

    Raises:
        TypeError: if these are no numbers.
        ValueError: unless they are `(M, D)` and `(N, D)` and finite.
    """
    found = _features(train, "train_features"), _features(new, "features")
    if found[0].shape[1] != found[1].shape[1]:
        raise ValueError(
            f"train_features has shape {found[0].shape} but features has shape {found[1].shape}: "
            "both must have the same columns. Make both with one fitted vectoriser."
        )
    return found


def group_column(values: Any, name: str) -> NDArray[Any]:
    """Return the group of each input `(N,)`, names or numbers.

    Raises:
        ValueError: on another shape or no input.
    """
    array = values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise ValueError(
            f"{name} has shape {array.shape}, expected (N,), the group of each of N inputs: for "
            'two properties join their names, such as "law, long".'
        )
    return array


def neighbours(count: int, rows: int) -> int:
    """Return a number of neighbours, at most that of the training inputs.

    Raises:
        TypeError, ValueError: on anything else.
    """
    number = whole_count(count, "neighbours")
    if number > rows:
        raise ValueError(f"neighbours is {number}, expected at most {rows}, the training inputs.")
    return number


def four_counts(cells: Mapping[str, int]) -> None:
    """Counts of 0 or more, not all of them 0.

    Raises:
        TypeError: if one is no whole number.
        ValueError: if one is negative, or all are 0.
    """
    for name, number in cells.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise TypeError(f"{name} is {number!r}, expected a whole number of questions.")
        if number < 0:
            raise ValueError(f"{name} is {number}, expected a number of questions, 0 or more.")
    if not sum(cells.values()):
        raise ValueError("all four counts are 0, expected at least one question.")


def _features(values: Any, name: str) -> Any:
    sparse = hasattr(values, "tocsr")
    array = values if sparse else real_numbers(values, name)
    if array.ndim != 2 or not array.shape[0] or not array.shape[1]:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (N, D): a row of D features per input."
        )
    if not np.isfinite(array.data if sparse else array).all():
        raise ValueError(f"{name} holds NaN or infinite numbers, expected finite features.")
    return array
