"""Does a certificate keep its promise as often as it says?

Calibration inputs are drawn many times from a population in which the true risk of every threshold
is known, and each time a threshold is certified. A promise with delta = 10 % may be broken by 10 of
100 draws; one of conformal risk control holds for the mean over all draws. Beside them stands what
is often done instead: the lowest threshold that met the risk on the same inputs (plug-in).
"""

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm.auto import tqdm

from kdlib.bench.tables import markdown
from kdlib.cascade.certificate import certified_budget, certified_threshold
from kdlib.cascade.promise import LossOf, Method, Of
from kdlib.stats import Floats, Interval, proportion_interval

SIZES = (200, 2000)
TIMES = 1000
RISK = 0.1
BUDGET = 0.4
DELTA = 0.1
HEAD = ("population", "promise", "n", "broken, % [95 %]", "mean risk, %", "certified, %",
        "kept then, %")  # fmt: skip


@dataclass(frozen=True)
class Population:
    """Confidences spread evenly from 0 to 1, and how often each model is wrong at each of them.

    Attributes:
        small, large: chances to be wrong at the confidences 0, 1/(k-1), ..., 1, linear between.
        levels: scores are rounded down to so many levels; 0 leaves them as they are.
        cap: larger confidences saturate there.
    """

    title: str
    small: tuple[float, ...]
    large: tuple[float, ...] = (0.1, 0.02)
    levels: int = 0
    cap: float = 1.0

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Floats, Floats, Floats]:
        """Return scores and both models' losses of n inputs."""
        confidence, small, large = rng.random((3, n))
        score = np.minimum(confidence, self.cap)
        if self.levels:
            score = np.floor(score * self.levels) / self.levels
        wrong = [(chance < _at(confidence, knots)).astype(np.float64)
                 for chance, knots in ((small, self.small), (large, self.large))]  # fmt: skip
        return score, wrong[0], wrong[1]

    def risk(self, threshold: float, of: Of) -> float:
        """Return the true risk of a threshold that is a possible score, or more than any."""
        below = np.clip(threshold, 0, 1)
        small, large = (
            _area_below(1.0, k) - _area_below(below, k) for k in (self.small, self.large)
        )
        if of == "budget":
            return float(below)
        if of == "cascade":
            return small + _area_below(below, self.large)
        return small if of == "inputs" else small / max(1 - below, 1e-12)


@dataclass(frozen=True)
class Promise:
    """A way to choose a threshold, and of which risk it speaks."""

    title: str
    of: Of
    allowed: float
    choose: Callable[[Floats, Floats, Floats], float | None]


@dataclass(frozen=True)
class Kept:
    """How often a promise was broken; risks and kept shares are of the true population."""

    population: str
    promise: str
    n: int
    broken: Interval
    mean_risk: float
    certified: float
    kept: float


POPULATIONS = (
    Population("errors fall with confidence", (0.6, 0.3, 0.15, 0.05, 0.0)),
    Population("the same, ten levels of score", (0.6, 0.3, 0.15, 0.05, 0.0), levels=10),
    Population("the same, half of the scores saturated", (0.6, 0.3, 0.15, 0.05, 0.0), cap=0.5),
    Population("surest answers often wrong", (0.5, 0.3, 0.05, 0.0, 0.3), large=(0.02, 0.2)),
    Population("confidence means nothing, risk just too high", (0.101, 0.101), large=(0.101, 0.101)),
)  # fmt: skip


def report(
    sizes: Sequence[int] = SIZES,
    times: int = TIMES,
    populations: Sequence[Population] = POPULATIONS,
) -> str:
    """Return the table of all populations, promises and sizes."""
    runs = list(itertools.product(populations, promises(), sizes))
    quiet = True if "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    with tqdm(runs, unit="row", leave=False, disable=quiet) as bar:
        lines = [_line(measure(population, promise, n, times)) for population, promise, n in bar]
    head = (
        f"Risk {RISK:g}, budget {BUDGET:g}, delta {DELTA:g}; {times} draws of n calibration inputs "
        f"each. ltt: broken by at most {100 * DELTA:g} % of the draws; crc: mean risk at most that "
        "promised, where no certificate counts as no risk."
    )
    return f"{head}\n\n{markdown(HEAD, lines)}"


def promises() -> list[Promise]:
    """Return every kind of certificate, and the plug-in rule."""
    risks: tuple[LossOf, ...] = ("kept", "inputs", "cascade")
    found = [Promise(f"ltt, {of}", of, RISK, partial(_certified, method="ltt", of=of))
             for of in risks]  # fmt: skip
    return [
        *found,
        Promise("crc, inputs", "inputs", RISK, partial(_certified, method="crc", of="inputs")),
        Promise("ltt, budget", "budget", BUDGET, partial(_budget, method="ltt")),
        Promise("crc, budget", "budget", BUDGET, partial(_budget, method="crc")),
        Promise("plug-in, kept", "kept", RISK, plug_in),
    ]


def measure(population: Population, promise: Promise, n: int, times: int = TIMES) -> Kept:
    """Draw n calibration inputs and choose a threshold `times` times; repeatable."""
    rng = np.random.default_rng((n, times))
    risks, kept = np.zeros(times), np.full(times, np.nan)
    for i in range(times):
        threshold = promise.choose(*population.draw(rng, n))
        if threshold is not None:
            risks[i] = population.risk(threshold, promise.of)
            kept[i] = 1 - population.risk(threshold, "budget")
    broken = int((risks > promise.allowed + 1e-9).sum())
    certified = ~np.isnan(kept)
    return Kept(
        population.title,
        promise.title,
        n,
        proportion_interval(broken, times),
        float(risks.mean()),
        float(certified.mean()),
        float(kept[certified].mean()) if certified.any() else 0.0,
    )


def plug_in(score: Floats, small: Floats, large: Floats) -> float | None:
    """Return the lowest threshold that keeps answers of a mean loss of at most RISK, as seen here."""
    order = np.argsort(-score, kind="stable")
    mean = np.cumsum(small[order]) / np.arange(1, len(score) + 1)
    last_of_equal = np.append(np.diff(score[order]) != 0, True)
    met = np.flatnonzero(last_of_equal & (mean <= RISK))
    return float(score[order][met[-1]]) if len(met) else None


def _certified(
    score: Floats, small: Floats, large: Floats, *, method: Method, of: LossOf
) -> float | None:
    large_loss = large if of == "cascade" else None
    found = certified_threshold(score, small, RISK, DELTA, method, of=of, large_loss=large_loss)
    return found.threshold


def _budget(score: Floats, small: Floats, large: Floats, *, method: Method) -> float | None:
    return certified_budget(score, BUDGET, DELTA, method).threshold


def _at(confidence: Floats, knots: Sequence[float]) -> Floats:
    return np.interp(confidence, np.linspace(0, 1, len(knots)), knots)


def _area_below(confidence: float, knots: Sequence[float]) -> float:
    """Return the integral from 0 of the line through the knots."""
    places = np.append(np.linspace(0, 1, len(knots)), confidence)
    places = np.sort(places[places <= confidence])
    return float(np.trapezoid(_at(places, knots), places))


def _line(found: Kept) -> tuple[str, ...]:
    ends = ", ".join(f"{100 * end:.1f}" for end in (found.broken.low, found.broken.high))
    return (
        found.population,
        found.promise,
        f"{found.n:,}",
        f"{100 * found.broken.estimate:.1f} [{ends}]",
        f"{100 * found.mean_risk:.1f}",
        f"{100 * found.certified:.0f}",
        f"{100 * found.kept:.0f}",
    )
