"""Is what comes in still what the threshold was made for?

A certificate stands on inputs like those of its calibration. Of these only confidences are known in
use, so they are watched: the share below the threshold, which is the deferral rate, and their whole
distribution. After every `window` inputs each is compared with the calibration inputs, by an exact
test of two shares (hypergeometric; Fisher's) and by the Kolmogorov–Smirnov test of two samples.
Drift that leaves confidences as they are goes unnoticed: it takes labels to see that. And a sorted
file drifts from one window to the next, even if the whole is what it should be: shuffle it.

Who looks often will at last see an alarm where nothing is wrong. So look number j spends
1 / (j (j + 1)) of the chance of a false alarm, half for each test; all these shares sum to one.
A late drift therefore has to be somewhat larger than an early one.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib import checks
from kdlib.checks import certificates as checked
from kdlib.checks import runs
from kdlib.fidelity.intervals import wilson
from kdlib.fidelity.page import Table, as_html, as_text, percent
from kdlib.stats import Interval

__all__ = ["DriftMonitor", "Histogram", "Look"]

Floats = NDArray[np.float64]
BINS = 10


@dataclass(frozen=True)
class Look:
    """What a window of inputs shows: its deferral rate, and how well it agrees with calibration.

    Attributes:
        number: of the window, from 1.
        deferral: share below the threshold, and its 95 % interval.
        rate_p, distribution_p: of the two tests.
        level: each test raises the alarm if its p is at most this.
    """

    number: int
    deferral: Interval
    rate_p: float
    distribution_p: float
    level: float

    @property
    def alarm(self) -> bool:
        """Whether a test found drift."""
        return min(self.rate_p, self.distribution_p) <= self.level


class Histogram(NamedTuple):
    """Shares of confidences in bins from edges[i], included, to edges[i + 1]."""

    edges: Floats
    reference: Floats
    seen: Floats


class DriftMonitor:
    """Compares confidences as they come in with those of the calibration; threads may share one.

    Args:
        reference: confidences of the calibration inputs (N,), the scores given to
            `certified_threshold`.
        threshold: smaller confidences are deferred.
        window: inputs per look. A longer one sees smaller drift, later.
        false_alarms: the chance that there is ever an alarm, however long it watches, if nothing
            drifts.
    Raises:
        ValueError, TypeError: for NaN, no reference, or settings out of their range.

    >>> monitor = DriftMonitor(np.linspace(0, 1, 500), threshold=0.25, window=100)
    >>> monitor.update(np.linspace(0, 1, 100))
    >>> monitor.update(np.linspace(0, 0.6, 100))
    >>> [look.alarm for look in monitor.looks]
    [False, True]
    """

    def __init__(
        self,
        reference: Tensor | ArrayLike,
        threshold: float,
        *,
        window: int = 1000,
        false_alarms: float = 0.05,
    ) -> None:
        self._reference = np.sort(checked.confidences(reference, "reference"))
        self.threshold = runs.threshold(threshold)
        self.window = checks.count(window, "window")
        self.false_alarms = checked.level(false_alarms, "false_alarms")
        self.calibration = _deferral(self._reference, threshold)
        self._edges = _edges(self._reference)
        self._counts = np.zeros(len(self._edges) - 1, np.int64)
        self._waiting = np.zeros(0)
        self._looks: list[Look] = []
        self._lock = Lock()

    def update(self, confidences: Tensor | ArrayLike) -> None:
        """Count confidences (n,) of new inputs, and look whenever a window is full."""
        new = checked.confidences(confidences, "confidences")
        with self._lock:
            self._counts += _counted(new, self._edges)
            self._waiting = np.concatenate([self._waiting, new])
            while len(self._waiting) >= self.window:
                full, self._waiting = np.split(self._waiting, [self.window])
                self._looks.append(self._look(full, len(self._looks) + 1))

    @property
    def looks(self) -> tuple[Look, ...]:
        """All looks so far."""
        with self._lock:
            return tuple(self._looks)

    @property
    def alarm(self) -> Look | None:
        """The first look that found drift."""
        return next((look for look in self.looks if look.alarm), None)

    @property
    def histogram(self) -> Histogram:
        """Shares in ten bins that hold as many calibration inputs each (fewer, if many are equal)."""
        with self._lock:
            seen = self._counts / max(1, self._counts.sum())
        reference = _counted(self._reference, self._edges) / len(self._reference)
        return Histogram(self._edges, reference, seen)

    @property
    def words(self) -> list[str]:
        """What was found, sentence by sentence."""
        return list(_words(self))

    def __str__(self) -> str:
        return as_text(self.words, list(_tables(self)))

    def _repr_html_(self) -> str:
        return as_html("Drift", self.words, list(_tables(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return looks and words, ready for JSON."""
        return {
            "words": self.words,
            "calibration": asdict(self.calibration),
            "looks": [{**asdict(look), "alarm": look.alarm} for look in self.looks],
        }

    def _look(self, window: Floats, number: int) -> Look:
        return Look(
            number,
            _deferral(window, self.threshold),
            _rate_p(self._reference, window, self.threshold),
            _distribution_p(self._reference, window),
            self.false_alarms / (2 * number * (number + 1)),
        )


def _deferral(confidences: Floats, threshold: float) -> Interval:
    return wilson(int((confidences < threshold).sum()), len(confidences))


def _rate_p(reference: Floats, window: Floats, threshold: float) -> float:
    """Return the exact two-sided p-value that both samples have the same share below."""
    from scipy.stats import hypergeom  # here, because it takes long to import

    before, now = (int((x < threshold).sum()) for x in (reference, window))
    law = len(reference) + len(window), before + now, len(window)
    return float(min(1.0, 2 * min(hypergeom.cdf(now, *law), hypergeom.sf(now - 1, *law))))


def _distribution_p(reference: Floats, window: Floats) -> float:
    """Return the Kolmogorov–Smirnov p-value, of large samples, which is too large in small ones."""
    from scipy.special import kolmogorov

    new = np.sort(window)
    both = np.concatenate([reference, new])
    below = [np.searchsorted(x, both, "right") / len(x) for x in (reference, new)]
    size = len(reference) * len(new) / len(both)
    return float(kolmogorov(np.sqrt(size) * np.abs(below[0] - below[1]).max()))


def _edges(ordered: Floats) -> Floats:
    inner = np.unique(ordered[len(ordered) * np.arange(1, BINS) // BINS])
    return np.concatenate([[-np.inf], inner, [np.inf]])


def _counted(confidences: Floats, edges: Floats) -> NDArray[np.int64]:
    return np.bincount(np.searchsorted(edges[1:-1], confidences, "right"), minlength=len(edges) - 1)


def _words(monitor: DriftMonitor) -> Iterator[str]:
    looks, alarm = monitor.looks, monitor.alarm
    promise = (
        f"if nothing drifts, the chance that there is ever an alarm is at most "
        f"{100 * monitor.false_alarms:.3g} %."
    )
    if alarm is None:
        last = f"; in the last, {percent(looks[-1].deferral)} were deferred" if looks else ""
        yield (
            f"No alarm in {len(looks):,} windows of {monitor.window:,} inputs{last}, and "
            f"{percent(monitor.calibration)} at calibration: {promise}"
        )
        return
    first = (alarm.number - 1) * monitor.window
    yield (
        f"Alarm at inputs {first + 1:,} to {first + monitor.window:,}: {percent(alarm.deferral)} "
        f"are deferred, {percent(monitor.calibration)} were at calibration "
        f"(p = {alarm.rate_p:.2g}; of the whole distribution {alarm.distribution_p:.2g}; each is "
        f"an alarm at {alarm.level:.2g} or below). What was certified on the calibration inputs "
        "is no longer promised: label some of the new inputs, and certify again."
    )
    yield promise[0].upper() + promise[1:]


def _tables(monitor: DriftMonitor) -> Iterator[Table]:
    found = monitor.histogram
    lines = [
        [f"{low:.3g} to {high:.3g}", f"{100 * before:.1f} %", f"{100 * now:.1f} %"]
        for low, high, before, now in zip(
            found.edges[:-1], found.edges[1:], found.reference, found.seen, strict=True
        )
    ]
    yield Table("Confidences", ("from", "at calibration", "since"), lines)
