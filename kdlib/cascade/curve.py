"""How good are a small and a large model together, for each share of inputs that is passed on?

The small model answers first, and the inputs of lowest confidence are deferred to the large one. A
threshold keeps an input if `confidence >= threshold`, so it cannot split inputs of equal
confidence: the points of a curve are those that some threshold reaches. Between two of them lies
whoever tosses a coin for each input, hence the straight lines, in areas too. The curve begins at
the small model and ends at the large one; it need not rise all the way, and may be highest inside.

Quality is 0 or 1 per input, or anything between. The rates are of deferral, not of cost: see `bill`.

References: Jitkrittum et al. (2023), When does confidence-based cascade deferral suffice?; Ong et
al. (2024), RouteLLM, for APGR and CPT.
"""

from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np

from kdlib import checks
from kdlib.checks import cascade as checked
from kdlib.checks.cascade import Floats, Values
from kdlib.fidelity.page import as_json

__all__ = [
    "DeferralCurve",
    "OperatingPoint",
    "deferral_curve",
]

ROUNDING = 1e-12  # of a quality that was computed and is compared


@dataclass(frozen=True)
class OperatingPoint:
    """One way to run a cascade: keep what has `confidence >= threshold`, defer the rest."""

    deferral_rate: float
    quality: float
    threshold: float

    def __str__(self) -> str:
        return (
            f"threshold {self.threshold:.4g}: defers {100 * self.deferral_rate:.1f} %, "
            f"quality {self.quality:.4f}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class DeferralCurve:
    """The reachable points of a cascade, `(P,)` each, from the small model to the large one.

    Args:
        deferral_rate: rising from 0 to 1.
        quality: of the cascade at each point, the mean over inputs.
        threshold: of each point; first -inf, which defers nothing, and last inf, which defers all
            (nan if a confidence is inf: no threshold defers it), or nan where nobody knows it.
        large: quality of the large model alone; that of the last point, unless given.
    Raises:
        ValueError, TypeError: if these are no points of a curve.
    """

    deferral_rate: Floats
    quality: Floats
    threshold: Floats
    large: float = nan

    def __post_init__(self) -> None:
        names = "deferral_rate", "quality", "threshold"
        columns = checked.curve_points(self.deferral_rate, self.quality, self.threshold)
        for name, column in zip(names, columns, strict=True):
            object.__setattr__(self, name, _read_only(column))
        large = float(self.quality[-1]) if isnan(self.large) else self.large
        object.__setattr__(self, "large", checks.fraction(large, "large"))

    @property
    def small(self) -> float:
        """Quality of the small model alone."""
        return float(self.quality[0])

    @property
    def best_constant(self) -> float:
        """Quality of the better of the two models alone."""
        return max(self.small, self.large)

    def quality_at(self, rate: float) -> float:
        """Return the quality at a rate of deferral, by a coin between its two reachable points."""
        return float(np.interp(checks.fraction(rate, "rate"), self.deferral_rate, self.quality))

    def random_at(self, rate: float) -> float:
        """Return the quality of deferring this share of inputs at random."""
        return self.small + checks.fraction(rate, "rate") * (self.large - self.small)

    def within(self, rate: float) -> OperatingPoint:
        """Return the reachable point that defers most, but no more than this share of inputs."""
        limit = checks.fraction(rate, "rate") + ROUNDING
        return self._point(int(np.searchsorted(self.deferral_rate, limit, side="right")) - 1)

    def best(self, at_most: float = 1.0) -> OperatingPoint:
        """Return the reachable point of highest quality that defers at most this share of inputs.

        Found on the data that it is judged on, its quality is too high: judge it on others.
        """
        limit = checks.fraction(at_most, "at_most") + ROUNDING
        return self._point(int(self.quality[self.deferral_rate <= limit].argmax()))

    def first_crossing(self, quality: float) -> OperatingPoint | None:
        """Return the first reachable point of at least this quality, or None if there is none.

        A curve that falls again cannot be inverted by interpolation: `numpy.interp(quality,
        curve.quality, curve.deferral_rate)` expects rising qualities and answers anything else.
        """
        reached = self.quality >= checks.fraction(quality, "quality") - ROUNDING
        return self._point(int(reached.argmax())) if reached.any() else None

    def area(self) -> float:
        """Return the mean quality over all rates of deferral, the area under the curve."""
        return float(np.trapezoid(self.quality, self.deferral_rate))

    def apgr(self) -> float:
        """Return the average share of the gap between the models that is recovered.

        (area - small) / (large - small): 0.5 for deferring at random, and more than 1 is possible.

        Raises:
            ValueError: if the large model is not better, so that there is no gap.
        """
        return (self.area() - self.small) / self._gap("APGR")

    def cpt(self, share: float = 0.5) -> float:
        """Return the rate of deferral at which this share of the gap is first recovered.

        The call-performance threshold, CPT(50 %) for 0.5: on the straight line to the first
        reachable point that is high enough, so that deferring at random needs exactly `share`.

        Raises:
            ValueError: if the large model is not better, so that there is no gap.
        """
        target = self.small + checks.fraction(share, "share") * self._gap("CPT")
        return first_rate(self.deferral_rate, self.quality, target)

    def __str__(self) -> str:
        best = self.best()
        return (
            f"quality {self.small:.4f} for the small model, {self.large:.4f} for the large one, "
            f"{self.area():.4f} on average over all rates of deferral; the best of "
            f"{len(self.quality)} reachable points: {best}"
        )

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return the columns by name, ready for JSON; infinite thresholds are the text "inf"."""
        names = "deferral_rate", "quality", "threshold"
        columns = {name: as_json(getattr(self, name).tolist()) for name in names}
        return columns | {"large": self.large}

    def _point(self, i: int) -> OperatingPoint:
        columns = self.deferral_rate, self.quality, self.threshold
        return OperatingPoint(*(float(column[i]) for column in columns))

    def _gap(self, what: str) -> float:
        checks.defined(
            self.large > self.small,
            what,
            f"the large model's quality is {self.large:.4f} and the small one's {self.small:.4f}, "
            "so there is no gap to recover. area() and best() say what the cascade does.",
        )
        return self.large - self.small


def deferral_curve(score: Values, small_correct: Values, large_correct: Values) -> DeferralCurve:
    """Return the quality of a cascade at every reachable rate of deferral, least confident first.

    The order of the inputs changes nothing.

    Args:
        score: confidence of the small model `(N,)`, higher is surer; inf is allowed.
        small_correct, large_correct: quality of their answers `(N,)`, from 0 to 1; True is 1.
    Raises:
        ValueError, TypeError: on other shapes, NaN, qualities outside [0, 1], or no inputs.

    The small model is right on two of four inputs and the large one on the other two. Deferring
    the two least confident makes all right; the two surest are one group, because they tie:

    >>> curve = deferral_curve([0.9, 0.9, 0.6, 0.5], [1, 1, 0, 0], [0, 0, 1, 1])
    >>> curve.deferral_rate.tolist(), curve.quality.tolist()
    ([0.0, 0.25, 0.5, 1.0], [0.5, 0.75, 1.0, 0.5])
    >>> print(curve.best())
    threshold 0.9: defers 50.0 %, quality 1.0000
    """
    confidences = checked.confidences(score)
    number = len(confidences)
    small = checked.qualities(small_correct, "small_correct", number)
    large = checked.qualities(large_correct, "large_correct", number)
    order = np.argsort(confidences)
    ordered = confidences[order]
    new = ordered[1:] > ordered[:-1]  # where a group of ties ends and the next one begins
    gained = (large - small)[order]
    gained = np.cumsum(gained, out=gained)[:-1][new]
    quality = np.concatenate([[0], gained, [large.sum() - small.sum()]])
    quality += small.sum()
    quality /= number
    np.clip(quality, 0, 1, out=quality)  # sums of fractions are rounded
    rate = np.concatenate([[0], np.flatnonzero(new) + 1, [number]]) / number
    everything = np.nan if ordered[-1] == np.inf else np.inf
    threshold = np.concatenate([[-np.inf], ordered[1:][new], [everything]])
    return DeferralCurve(rate, quality, threshold)


def first_rate(rate: Floats, quality: Floats, target: float) -> float:
    """Return where the straight lines through these points first reach a quality; nan if nowhere."""
    reached = quality >= target - ROUNDING
    if not reached.any():
        return nan
    i = int(reached.argmax())
    before = max(0, i - 1)
    return float(np.interp(target, quality[before : i + 1], rate[before : i + 1]))


def _read_only(column: Floats) -> Floats:
    column = column.view()
    column.setflags(write=False)
    return column
