"""Which numbers belong together in one bin?

A bin is (lower, upper], and the first one holds its lower end too. Equal numbers always share a
bin, so that no result depends on the order of the examples.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdlib import checks

Binning = Literal["width", "mass"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Groups:
    """The ends of B bins and their counts `(B,)`, and the bin of each number `(N,)`."""

    lower: Numbers
    upper: Numbers
    counts: NDArray[np.intp]
    place: NDArray[np.intp]

    def sums(self, values: NDArray[np.generic]) -> Numbers:
        """Return the sums `(B,)` of values `(N,)` that belong to the numbers."""
        return np.asarray(np.bincount(self.place, values, len(self.upper)), np.float64)

    def starts(self) -> NDArray[np.intp]:
        """Return where each bin that is not empty begins, if the numbers are in rising order."""
        filled = self.counts[self.counts > 0]
        return np.cumsum(filled) - filled


def group(values: Numbers, bins: int, binning: Binning) -> Groups:
    """Group N numbers from 0 to 1 into bins.

    Args:
        binning: "width" for bins of equal width, "mass" for bins that hold equally many numbers,
            or fewer bins where equal numbers must stay together.
    Raises:
        ValueError, TypeError: unless bins is a whole number of 1 or more, and binning one of these.

    >>> group(np.array([0.1, 0.2, 0.2, 0.9]), 2, "width").counts.tolist()
    [3, 1]
    >>> group(np.array([0.1, 0.2, 0.2, 0.9]), 4, "mass").counts.tolist()
    [1, 2, 1]
    """
    bins = checks.count(bins, "bins")
    if checks.one_of(binning, "binning", ("width", "mass")) == "width":
        lower, upper = np.arange(bins) / bins, np.arange(1, bins + 1) / bins
    else:
        last_of_bin = -(-len(values) * np.arange(1, bins + 1) // bins) - 1  # rounded up
        ordered = np.sort(values)
        upper = np.unique(ordered[last_of_bin])
        lower = np.append(ordered[0], upper[:-1])
    place = np.minimum(np.searchsorted(upper, values), len(upper) - 1)  # 1 may be rounded up
    return Groups(lower, upper, np.bincount(place, minlength=len(upper)), place)
