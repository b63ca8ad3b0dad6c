"""How sure are counts? Intervals in closed form, for any number of inputs and without resampling.

All are 95 % intervals over inputs, of two fixed models. They need nothing but counts and sums, so
that a report on a stream gives the very numbers of a report in memory, and none has width 0 just
because no input differed.

References: Wilson (1927) for shares; Zou and Donner (2008), Construction of confidence limits about
effect measures: a general approach, for their differences; Fleiss, Cohen and Everitt (1969), Large sample standard errors of
kappa; Geirhos, Meding and Wichmann (2020), Beyond accuracy: error consistency, for the formula.
"""

from collections.abc import Sequence
from math import sqrt
from operator import mul

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdlib.stats import Interval

Z = 1.959963984540054  # 97.5 % of a normal distribution lie below


def share(k: int, n: int) -> Interval | None:
    """Return Wilson's interval of k of n, and nothing of nothing."""
    return wilson(int(k), int(n)) if n else None


def wilson(k: int, n: int) -> Interval:
    """Return stats.proportion_interval(k, n), without its checks, fast enough for every class.

    >>> print(f"{wilson(0, 10):.3f}")  # the upper end is z² / (n + z²)
    0.000 [0.000, 0.278]
    """
    centre = (k + Z * Z / 2) / (n + Z * Z)
    half = Z * sqrt(k * (n - k) / n + Z * Z / 4) / (n + Z * Z)
    low, high = (centre - half if k else 0.0), (centre + half if k < n else 1.0)
    return Interval(k / n, low, high)


def difference_of_shares(only_first: int, only_second: int, n: int) -> Interval:
    """Return the interval of a difference of two shares, both counted on the same n inputs.

    Inputs on which both or neither count cancel; the difference is p - q, the shares on which only
    the first and only the second does. Its ends lie as far off as Wilson's ends of p and q allow
    together, as the sides of a triangle (Zou and Donner 2008): p and q exclude each other, which
    makes the angle between them blunt.

    >>> print(f"{difference_of_shares(6, 2, 100):.3f}")
    0.040 [-0.020, 0.107]
    """
    first, second = (wilson(k, n) for k in (only_first, only_second))
    p, q = first.estimate, second.estimate
    blunt = sqrt(p * q / ((1 - p) * (1 - q))) if p < 1 and q < 1 else 0.0
    down = p - first.low, second.high - q
    up = first.high - p, q - second.low
    low, high = (sqrt(x * x + y * y + 2 * blunt * x * y) for x, y in (down, up))
    return Interval(p - q, max(-1.0, p - q - low), min(1.0, p - q + high))


def beyond_chance(same: int, n: int, chance: float, variance: float) -> Interval:
    """Return the interval of kappa, (o - e) / (1 - e): o = same / n was observed, e is by chance.

    The normal interval, and never narrower than Wilson's of o would be on the same scale, which
    keeps its width where nothing was seen to differ.

    Args:
        variance: of one input's influence on the estimate.
    """
    observed = wilson(same, n)
    estimate, *ends = ((o - chance) / (1 - chance) for o in
                       (observed.estimate, observed.low, observed.high))  # fmt: skip
    half = Z * sqrt(variance / n)
    return Interval(
        estimate, max(-1.0, min(ends[0], estimate - half)), min(1.0, max(ends[1], estimate + half))
    )


def chance_of_answers(first: Sequence[int], second: Sequence[int]) -> float:
    """Return e of Cohen's kappa, from how often each model gives each answer.

    >>> chance_of_answers([2, 2], [3, 1])  # (2 x 3 + 2 x 1) / 16
    0.5
    """
    return float(sum(map(mul, first, second)) / sum(first) ** 2)


def consistency(both_right: int, only_first: int, only_second: int, both_wrong: int) -> Interval:
    """Return the interval of error consistency, from how often which model was right.

    The normal interval after one input was added to each of the four cells: in simulations it
    covers at least 94 % from 12 inputs on, where the plain one covers as little as 7 %. In it
    e = a b + (1-a) (1-b) moves by (2b-1) da + (2a-1) db with the accuracies a and b.

    >>> print(f"{consistency(8, 0, 0, 2):.2f}")  # the same errors
    1.00 [0.21, 1.00]
    """
    cells = np.array([both_right, only_first, only_second, both_wrong])
    estimate, _ = _consistency_and_variance(cells)
    centre, variance = _consistency_and_variance(cells + 1)
    half = Z * sqrt(variance / (cells.sum() + 4))
    low, high = min(estimate, centre - half), max(estimate, centre + half)
    return Interval(estimate, max(-1.0, low), min(1.0, high))


def influence(
    same: ArrayLike, chance: ArrayLike, chance_change: ArrayLike, observed: ArrayLike
) -> NDArray[np.float64]:
    """Return how far each input draws (o - e) / (1 - e) from what all give; the mean is 0.

    Args:
        same: whether it counts as the same for both models.
        chance_change: how far it draws e.
    """
    rest = 1 - np.asarray(chance)
    drawn = (np.asarray(same) - observed) * rest - (1 - np.asarray(observed)) * chance_change
    return np.asarray(drawn / rest**2)


def mean_of(mean: float, variance: float, n: int) -> Interval:
    """Return the normal interval of a mean."""
    half = Z * sqrt(variance / n)
    return Interval(mean, mean - half, mean + half)


def _consistency_and_variance(cells: NDArray[np.int64]) -> tuple[float, float]:
    """Return it, and the variance of one input's influence on it."""
    shares = cells / cells.sum()
    first, second = np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])
    same, a, b = first == second, shares @ first, shares @ second
    observed, chance = shares @ same, a * b + (1 - a) * (1 - b)
    change = (2 * b - 1) * (first - a) + (2 * a - 1) * (second - b)
    drawn = influence(same, chance, change, observed)
    return float((observed - chance) / (1 - chance)), float(shares @ drawn**2)
