"""What do the figures of a report draw, beyond the numbers in its tables?

Two curves of one model beside the teacher, thinned to at most 201 and 10 points, so that they travel
with the report: the share of inputs up to each KL, and agreement along the teacher's margin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdlib.fidelity.intervals import wilson
from kdlib.stats import Interval

POINTS = 201  # of the share over KL: every half percent of the inputs
PARTS, LEAST = 10, 20  # of the margins, and how many inputs each should hold

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Curves:
    """The share of inputs whose KL is at most `kl`, and of these the `certified` ones.

    Certified is an input whose KL lies below the flip budget. `margin` is the mean margin of the
    teacher in each of up to ten parts of equally many inputs, `agreement` that of the model there.
    """

    kl: tuple[float, ...]
    share: tuple[float, ...]
    certified: tuple[float, ...]
    margin: tuple[float, ...]
    agreement: tuple[Interval, ...]


def curves(kl: Floats, uncertified: Bools, agrees: Bools, margin: Floats) -> Curves:
    """Return the curves of a model from its rows (N,).

    >>> found = curves(np.array([0.1, 0.4, 0.2]), np.array([False, True, False]),
    ...                np.array([True, False, True]), np.array([0.9, 0.1, 0.8]))
    >>> found.kl, [round(x, 2) for x in found.certified]
    ((0.1, 0.2, 0.4), [0.33, 0.67, 0.67])
    """
    ordered, below = np.sort(kl), np.sort(kl[~uncertified])
    number = len(kl)
    ranks = np.unique(np.ceil(np.linspace(1, number, min(POINTS, number))).astype(np.int64))
    at = ordered[ranks - 1]
    share, certified = (np.searchsorted(x, at, side="right") / number for x in (ordered, below))
    means, agreement = _along(np.sort(margin), np.sort(margin[agrees]))
    values, shares, sure = (tuple(x.tolist()) for x in (at, share, certified))
    return Curves(values, shares, sure, means, agreement)


def _along(margin: Floats, agreeing: Floats) -> tuple[tuple[float, ...], tuple[Interval, ...]]:
    """The mean margin of each part, and agreement in it, from sorted margins; equal ones together."""
    number = len(margin)
    parts = max(1, min(PARTS, number // LEAST))
    edges = np.unique(margin[np.arange(1, parts) * number // parts])
    ends = [
        np.concatenate([[0], np.searchsorted(ordered, edges), [len(ordered)]])
        for ordered in (margin, agreeing)
    ]
    counts, agreed = (np.diff(end).tolist() for end in ends)
    found = [
        (float(margin[first : first + count].mean()), wilson(same, count))
        for first, count, same in zip(ends[0].tolist(), counts, agreed, strict=False)
        if count
    ]
    return tuple(mean for mean, _ in found), tuple(interval for _, interval in found)
