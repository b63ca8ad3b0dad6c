"""How can a stream of KL be summed so that neither order nor grouping matters?

Sums are whole numbers of the smallest step that float64 knows, so that adding never rounds. For
quantiles values are counted in bins whose ends rise by the factor 2^(1/35): the middle of a bin is
less than 1 % away from everything in it. Values below 2^-40 = 1e-12 count as 0.

Reference: Masson, Rim and Lee (2019), DDSketch: a fast and fully-mergeable quantile sketch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STEPS = 1126  # a unit of a sum is 2^-1126, the last bit of the smallest float64
DIGITS = 53  # of a float64
HALF = 26  # digits that are summed at once; so 2^26 rows of 2^27 at most stay exact in a float64
LARGEST = float(np.finfo(np.float64).max)
BINS_PER_OCTAVE = 35
LOWEST, HIGHEST = -40, 60  # octaves
BINS = BINS_PER_OCTAVE * (HIGHEST - LOWEST)


def exact_sum(values: Floats) -> int:
    """Return the sum of finite numbers of 0 or more in units of 2^-1126, without any rounding.

    >>> exact_sum(np.array([0.5, 0.25])) / 2**STEPS
    0.75
    """
    if len(values) == 0:
        return 0
    fractions, exponents = np.frexp(values)
    upper = np.floor(np.ldexp(fractions, HALF))
    lower = np.ldexp(np.ldexp(fractions, HALF) - upper, HALF + 1)
    least = int(exponents.min())
    halves = (np.bincount(exponents - least, weights=x) for x in (upper, lower))
    sums = ((int(a) << HALF + 1) + int(b) for a, b in zip(*halves, strict=True))
    return sum(total << (i + least - DIGITS + STEPS) for i, total in enumerate(sums))


def squares(values: Floats) -> Floats:
    """Return finite squares: what would overflow becomes the largest float64."""
    with np.errstate(over="ignore"):
        return np.minimum(values * values, LARGEST)


def exact_mean(total: int, n: int) -> float:
    """Return the mean as the nearest float64."""
    return total / (n << STEPS)


def exact_variance(total: int, squares: int, n: int) -> float:
    """Return the variance (over n - 1) from a sum and a sum of squares; the subtraction is exact.

    >>> x = np.array([1e6, 1e6 + 1])
    >>> exact_variance(exact_sum(x), exact_sum(x * x), 2)
    0.5
    """
    return max(0, (squares << STEPS) * n - total**2) / (n * (n - 1) << (2 * STEPS))


def logarithmic_counts(values: Floats) -> Counts:
    """Return how many of the finite values lie in each bin, (1 + BINS,); the first is for 0."""
    floor = np.maximum(values, 2.0**LOWEST)
    places = np.floor((np.log2(floor) - LOWEST) * BINS_PER_OCTAVE).astype(np.int64)
    places = np.where(values < 2.0**LOWEST, 0, 1 + np.minimum(places, BINS - 1))
    return np.bincount(places, minlength=1 + BINS)


def rank_of(percent: int, n: int) -> int:
    """Return the place, from 1, of the least value that `percent` of n values do not exceed."""
    return max(1, -(-n * percent // 100))


def quantile(counts: Counts, rank: int) -> float:
    """Return the value with this rank, at most 1 % off; inf if it is not among the counted."""
    place = int(np.searchsorted(np.cumsum(counts), rank))
    if place == len(counts):
        return float("inf")
    ratio = 2.0 ** (1 / BINS_PER_OCTAVE)
    low = 2.0 ** (LOWEST + (place - 1) / BINS_PER_OCTAVE)
    return 2 * low * ratio / (1 + ratio) if place else 0.0


@dataclass(frozen=True, eq=False)
class KLSums:
    """What is kept of the KL of any number of rows."""

    total: int  # of the finite ones, in units
    squares: int
    counts: Counts
    infinite: int
    uncertified: int
    largest: float

    @classmethod
    def of(cls, kl: Floats, uncertified: NDArray[np.bool_]) -> "KLSums":
        """Return the sums of rows (n,)."""
        finite = kl[np.isfinite(kl)]
        return cls(
            exact_sum(finite),
            exact_sum(squares(finite)),
            logarithmic_counts(finite),
            len(kl) - len(finite),
            int(uncertified.sum()),
            float(kl.max()),
        )

    def __add__(self, other: "KLSums") -> "KLSums":
        return KLSums(
            self.total + other.total,
            self.squares + other.squares,
            self.counts + other.counts,
            self.infinite + other.infinite,
            self.uncertified + other.uncertified,
            max(self.largest, other.largest),
        )
