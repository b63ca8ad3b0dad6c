"""Checks of what a certificate is computed from: scores, losses, and which promise is meant.

The same promise as in `arrays`: a message says what was wrong, what was expected and what to do.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib.checks.arrays import array_of, one_of, positive

Floats = NDArray[np.float64]
Values = Tensor | ArrayLike


def confidences(values: Values, name: str) -> Floats:
    """Return scores `(N,)`, at least one, of any size; inf is allowed, since its order is clear.

    Raises:
        TypeError, ValueError: on another shape, no scores, NaN, or what is no number.
    """
    array = _row_of_numbers(values, name)
    if np.isnan(array).any():
        raise ValueError(
            f"{name}[{int(np.isnan(array).argmax())}] is nan, expected a number: a score that is "
            "missing can neither be kept nor deferred. Give it the lowest score to defer it."
        )
    return array


def scores_and_losses(score: Values, loss: Values) -> tuple[Floats, Floats]:
    """Return scores `(N,)` and losses `(N,)` from 0 to 1 of the same inputs.

    Raises:
        TypeError, ValueError: see confidences and losses.
    """
    scores = confidences(score, "score")
    return scores, losses(loss, "loss", len(scores))


def losses(values: Values, name: str, rows: int) -> Floats:
    """Return losses `(N,)`, one per score, from 0 to 1; True counts as 1.

    Raises:
        TypeError, ValueError: on another shape or length, NaN, or a loss outside 0 to 1.
    """
    array = _row_of_numbers(values, name)
    if len(array) != rows:
        raise ValueError(
            f"{name} has {len(array)} entries but score has {rows}: both need one per calibration "
            "input, in the same order."
        )
    outside = ~((array >= 0) & (array <= 1))
    if outside.any():
        index = int(outside.argmax())
        raise ValueError(
            f"{name}[{index}] is {array[index]:g}, expected a loss from 0 to 1, such as 1 (or True) "
            "where an answer is wrong and 0 where it is right: divide larger losses by their bound."
        )
    return array


def large_losses(values: Values | None, of: str, rows: int) -> Floats | None:
    """Return the large model's losses if the cascade's are promised, and nothing otherwise.

    Raises:
        TypeError, ValueError: see losses; if they are missing, or given and not used.
    """
    one_of(of, "of", ("kept", "inputs", "cascade"))
    if of == "cascade":
        if values is None:
            raise ValueError(
                "large_loss is missing, expected the large model's losses (N,): of='cascade' "
                "speaks of all answers, and deferred inputs get the large model's."
            )
        return losses(values, "large_loss", rows)
    if values is not None:
        raise ValueError(
            f"large_loss is given, but of={of!r} speaks of the small model's answers alone: choose "
            "of='cascade', or leave it out."
        )
    return None


def level(value: float, name: str) -> float:
    """Return a number between 0 and 1 without the ends.

    Raises:
        TypeError, ValueError: see positive; also if it is 1 or more.
    """
    number = positive(value, name)
    if number >= 1:
        raise ValueError(
            f"{name} is {value}, expected a number between 0 and 1: write 5 % as 0.05."
        )
    return number


def falls_with_the_threshold(method: str, of: str) -> None:
    """Conformal risk control needs a loss that no higher threshold raises.

    Raises:
        ValueError: for a ratio, or a cascade that a higher threshold can make worse.
    """
    why = {
        "kept": "the mean loss of kept answers, a ratio, may rise with the threshold",
        "cascade": "the cascade's loss rises with the threshold where the large model is wrong",
    }
    if method == "crc" and of in why:
        raise ValueError(
            f"method is 'crc' and of is {of!r}, but conformal risk control needs a loss that never "
            f"rises with the threshold, and {why[of]}: choose method='ltt', or of='inputs'."
        )


def _row_of_numbers(values: Values, name: str) -> Floats:
    array = array_of(values.detach().cpu() if isinstance(values, Tensor) else values, name)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} holds complex numbers, expected real ones.")
    if array.ndim != 1:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (N,): one number per calibration input."
        )
    if not len(array):
        raise ValueError(f"{name} is empty, expected at least one calibration input.")
    return array.astype(np.float64)
