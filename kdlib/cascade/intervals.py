"""How sure is a deferral curve?

Inputs are drawn anew with replacement, both models and the confidence together, and the curve of
each such sample is taken: at fixed rates of deferral for the band, as a whole for area, APGR and
CPT. Everything follows from how often each input was drawn, in the order of confidence: its
cumulative sums are the curve. The interval speaks of these two models and this score; it does not
know how they would have been trained on other data.

More than NORMAL_ABOVE = 20,000 inputs are drawn in BLOCKS = 1,000 parts of neighbouring confidence:
how often a part is drawn is exact, and the sums in it are normal, as they nearly are.

Reference: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdlib import checks
from kdlib.cascade.curve import DeferralCurve, deferral_curve, first_rate
from kdlib.checks import cascade as checked
from kdlib.checks.cascade import Floats, Values
from kdlib.stats import Interval

__all__ = ["CurveIntervals", "curve_intervals"]

RESAMPLES = 1000
NORMAL_ABOVE = 20_000  # inputs
BLOCKS = 1000
AT_ONCE = 2**20  # numbers
DIGITS = 12  # those beyond are rounding, and a width of 1e-16 would be shown as such
RATES = np.linspace(0, 1, 101)

Integers = NDArray[np.intp]
Sums = tuple[Floats, Floats, Floats]  # of draws, and of both models' quality in them: (R, P) each


@dataclass(frozen=True)
class CurveIntervals:
    """Intervals of a curve: its quality at each of 101 `rates`, its area, its APGR and its CPT.

    `apgr` and `cpt` are None where the sample cannot tell that the large model is better: shares
    of a gap that may be 0 are no numbers.
    """

    rates: tuple[float, ...]
    quality: tuple[Interval, ...]
    area: Interval
    apgr: Interval | None
    cpt: Interval | None

    def __str__(self) -> str:
        apgr, cpt = ("undefined" if x is None else str(x) for x in (self.apgr, self.cpt))
        return f"area {self.area}, APGR {apgr}, CPT {cpt}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, ready for JSON."""
        return asdict(self)


def curve_intervals(
    score: Values,
    small_correct: Values,
    large_correct: Values,
    *,
    share: float = 0.5,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> CurveIntervals:
    """Return percentile bootstrap intervals of a deferral curve and of what is read from it.

    Args:
        score, small_correct, large_correct: see `deferral_curve`; at least two inputs.
        share: of the gap, for CPT.
        seed: makes the resampling repeatable.
    Raises:
        ValueError, TypeError: see `deferral_curve`; also for settings out of range.

    >>> sure = curve_intervals([4, 3, 2, 1] * 25, [1, 1, 0, 0] * 25, [1, 1, 1, 0] * 25)
    >>> print(f"{sure.area:.2f}")
    0.66 [0.56, 0.76]
    """
    curve = deferral_curve(score, small_correct, large_correct)
    confidences = checked.confidences(score)
    checks.two_inputs(len(confidences), "score")
    checks.confidence(confidence)
    order = np.argsort(confidences)
    small = checked.qualities(small_correct, "small_correct")[order]
    large = checked.qualities(large_correct, "large_correct")[order]
    ordered = confidences[order]
    ends = np.flatnonzero(np.append(ordered[1:] > ordered[:-1], True))
    rng = np.random.default_rng(seed)
    draw = _in_blocks if len(order) > NORMAL_ABOVE else _one_by_one
    drawn = draw(small, large, ends, checks.resamples(resamples), rng)
    found = [_read(sums, checks.fraction(share, "share")) for sums in drawn]
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return _intervals(curve, columns, share, confidence)


def _intervals(
    curve: DeferralCurve, columns: list[Floats], share: float, confidence: float
) -> CurveIntervals:
    quality, area, apgr, cpt = columns
    tail = (1 - confidence) / 2
    clear = curve.large > curve.small and np.isnan(apgr).mean() <= tail

    def interval(estimate: float, values: Floats) -> Interval:
        low, high = np.nanquantile(values, [tail, 1 - tail])
        middle, low, high = (round(float(x), DIGITS) for x in (estimate, low, high))
        return Interval(middle, low, high, confidence)

    at_rates = np.interp(RATES, curve.deferral_rate, curve.quality).tolist()
    return CurveIntervals(
        tuple(RATES.tolist()),
        tuple(map(interval, at_rates, quality.T)),
        interval(curve.area(), area),
        interval(curve.apgr(), apgr) if clear else None,
        interval(curve.cpt(share), cpt) if clear else None,
    )


def _read(sums: Sums, share: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Quality at RATES (R, G), area, APGR and CPT (R,) of curves; nan where there is no gap."""
    rate, quality = _curves(sums)
    area = np.asarray(np.trapezoid(quality, rate, axis=1))
    small, gap = quality[:, 0], quality[:, -1] - quality[:, 0]
    known = np.where(gap > 0, gap, np.nan)
    at_rates = np.array([np.interp(RATES, *row) for row in zip(rate, quality, strict=True)])
    targets = small + share * known
    cpt = np.array([first_rate(*row) for row in zip(rate, quality, targets, strict=True)])
    return at_rates, area, (area - small) / known, cpt


def _curves(sums: Sums) -> tuple[Floats, Floats]:
    """Rates and qualities (R, P + 1) of the curves whose groups have these sums."""
    drawn, small, large = sums
    start = np.zeros((len(drawn), 1))
    rate = np.cumsum(np.hstack([start, drawn]), axis=1)
    gained = np.cumsum(np.hstack([start, large - small]), axis=1)
    number = rate[:, -1:].copy()
    return rate / number, (small.sum(1, keepdims=True) + gained) / number


def _one_by_one(
    small: Floats, large: Floats, ends: Integers, resamples: int, rng: np.random.Generator
) -> Iterator[Sums]:
    """Draw inputs, and add up what falls into each group of ties."""
    number = len(small)
    starts = np.append(0, ends[:-1] + 1)
    rows = max(1, AT_ONCE // number)
    for first in range(0, resamples, rows):
        size = min(rows, resamples - first)
        places = rng.integers(number, size=(size, number)) + number * np.arange(size)[:, None]
        times = np.bincount(places.ravel(), minlength=size * number).reshape(size, number)
        drawn, a, b = (np.add.reduceat(times * x, starts, axis=1) for x in (1.0, small, large))
        yield drawn, a, b


def _in_blocks(
    small: Floats, large: Floats, ends: Integers, resamples: int, rng: np.random.Generator
) -> Iterator[Sums]:
    """Draw how often each block is hit, and normal sums of both qualities in it."""
    number = len(small)
    wanted = np.arange(1, BLOCKS + 1) * number // BLOCKS - 1
    starts = np.append(0, np.unique(ends[np.searchsorted(ends, wanted)])[:-1] + 1)
    counts = np.diff(np.append(starts, number))
    blocks = _Moments.of(small, large, starts, counts)
    rows = max(1, AT_ONCE // len(starts))
    for first in range(0, resamples, rows):
        size = min(rows, resamples - first)
        drawn = rng.multinomial(number, counts / number, size=size).astype(np.float64)
        a, b = np.sqrt(drawn) * rng.standard_normal((2, size, len(starts)))
        of_small = drawn * blocks.small + blocks.deviation * a
        yield drawn, of_small, drawn * blocks.large + blocks.slope * a + blocks.rest * b


class _Moments(NamedTuple):
    """Of each block: both means, the deviation of small, and that of large in two parts.

    The one part goes with small, as `slope` times its standardised value; the other is the rest.
    """

    small: Floats
    large: Floats
    deviation: Floats
    slope: Floats
    rest: Floats

    @classmethod
    def of(cls, small: Floats, large: Floats, starts: Integers, counts: Integers) -> "_Moments":
        def mean(x: Floats) -> Floats:
            return np.asarray(np.add.reduceat(x, starts) / counts)

        a, b = mean(small), mean(large)
        deviation = np.sqrt(np.maximum(mean(small * small) - a * a, 0))
        both = mean(small * large) - a * b
        slope = np.divide(both, deviation, out=np.zeros_like(both), where=deviation > 0)
        rest = np.sqrt(np.maximum(mean(large * large) - b * b - slope**2, 0))
        return cls(a, b, deviation, slope, rest)
