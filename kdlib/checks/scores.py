"""Are these scores, counts and levels what they claim to be?

The part of `checks` that `stats` needs, with the same promise: a message says what was wrong, what
was expected and what to do.
"""

import math
import numbers

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib.checks.arrays import positive

Floats = NDArray[np.float64]

SHAPES = "(N,), one score per input, or (S, N), S seeds by N inputs"


def scores(values: ArrayLike | Tensor, name: str) -> Floats:
    """Finite scores `(N,)` or `(S, N)` with at least two inputs and two seeds; True counts as 1.

    Raises:
        TypeError: if they are no real numbers.
        ValueError: on another shape, one seed, fewer than two inputs, NaN or infinity.
    """
    array = _as_array(values, name)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}, expected {SHAPES}.")
    if array.shape[-1] < 2:
        raise ValueError(
            f"{name} has shape {array.shape}, expected at least two inputs on the last axis, "
            f"{SHAPES}: one input cannot say how much inputs differ."
        )
    if array.ndim == 2 and len(array) < 2:
        raise ValueError(
            f"{name} has shape {array.shape}, expected at least two seeds: one seed cannot say how "
            f"much seeds differ. Pass {name}[0] to speak of this one trained model."
        )
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"{name}[{', '.join(map(str, index))}] is {array[index]}, expected a finite score: "
            "look for the input that could not be scored, and leave it out of both models."
        )
    return array


def same_scores_shape(a: Floats, b: Floats) -> None:
    """Two sets of scores for the same inputs and as many seeds.

    Raises:
        ValueError: with both shapes.
    """
    if a.shape != b.shape:
        raise ValueError(
            f"a has shape {a.shape} but b has shape {b.shape}: both must be {SHAPES}, for the same "
            "inputs in the same order. Nothing is broadcast; to compare S seeds of a with one "
            "fixed model b, write numpy.broadcast_to(b, a.shape)."
        )


def confidence(value: float) -> float:
    """A level of confidence, between 0 and 1 without the ends.

    Raises:
        TypeError, ValueError: see positive; also if it is 1 or more.
    """
    level = positive(value, "confidence")
    if level >= 1:
        raise ValueError(
            f"confidence is {value}, expected a number between 0 and 1: write 95 % as 0.95."
        )
    return level


def resamples(value: int) -> int:
    """A number of resamples that makes the ends of an interval steady.

    Raises:
        TypeError: if it is no whole number.
        ValueError: below 100.
    """
    count = _whole(value, "resamples")
    if count < 100:
        raise ValueError(f"resamples is {count}, expected at least 100: the default is 5000.")
    return count


def count_of(k: int, n: int) -> tuple[int, int]:
    """k successes in n trials.

    Raises:
        TypeError: if one is no whole number.
        ValueError: unless 0 <= k <= n and n >= 1.
    """
    successes, trials = _whole(k, "k"), _whole(n, "n")
    if trials < 1:
        raise ValueError(f"n is {trials}, expected at least one trial: was anything counted?")
    if not 0 <= successes <= trials:
        raise ValueError(
            f"k is {successes}, expected 0 to n = {trials}: k counts the successes among n trials, "
            "in this order, proportion_interval(k, n)."
        )
    return successes, trials


def discordant_counts(b: int, c: int) -> tuple[int, int]:
    """How many inputs only one of two models gets right, for each of the two.

    Raises:
        TypeError: if one is no whole number.
        ValueError: if one is negative.
    """
    counts = _whole(b, "b"), _whole(c, "c")
    for count, name in zip(counts, ("b", "c"), strict=True):
        if count < 0:
            raise ValueError(
                f"{name} is {count}, expected 0 or more: b counts the inputs that only the first "
                "model gets right, and c those that only the second does."
            )
    return counts


def smallest_difference(value: float) -> float:
    """The smallest difference that matters: a finite number, 0 or more.

    Raises:
        TypeError: if it is no number.
        ValueError: if it is negative, NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"smallest is {value!r}, expected a number in the unit of the scores.")
    if not 0 <= value < math.inf:
        raise ValueError(
            f"smallest is {value}, expected a finite number, 0 or more: it is a size, and holds in "
            "both directions."
        )
    return float(value)


def _as_array(values: ArrayLike | Tensor, name: str) -> Floats:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise TypeError(
            f"{name} is not an array of numbers ({error}): expected {SHAPES}; all seeds must be "
            "scored on the same inputs."
        ) from error
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} holds {array.dtype}, expected real numbers, {SHAPES}; True and False count as "
            "1 and 0."
        )
    return array.astype(np.float64, copy=False)


def _whole(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}, expected a whole number such as 100.")
    return int(value)


def interval(difference: object) -> None:
    """An estimate that has ends, as `paired_bootstrap` returns it.

    Raises:
        TypeError: if it has none: a plain number does not say how sure it is.
    """
    if not (hasattr(difference, "low") and hasattr(difference, "high")):
        raise TypeError(
            f"difference is {difference!r}, expected an Interval: a number alone decides nothing. "
            "Take the interval from paired_bootstrap(a, b)."
        )
