"""Does a router beat what needs no router at all?

Three rivals cost nothing to build: always the small model, always the large one, and calling the
large one at random. A router that calls it for a share of inputs is compared with random calls
*that cost the same* (a shuffle of its own decisions), and with the better of the two constants.

Who decides by a score must draw a line, which ties may make impossible; here inputs that tie at the
line share the calls that are left. So the rate is the same for all, and a constant score is random.

References: Ong et al. (2024), RouteLLM, for APGR and CPT.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kdlib import checks
from kdlib.cascade.intervals import RESAMPLES, curve_intervals
from kdlib.checks import cascade as checked
from kdlib.checks import routing
from kdlib.checks.cascade import Floats, Values
from kdlib.fidelity.page import Table, as_html, as_json, as_text, percent, points
from kdlib.stats import Interval, mean_interval, verdict

__all__ = ["League", "Standing", "calls_at", "league", "over_shuffle"]

DIGITS = 12  # a rounded 0 has an interval of width 0


@dataclass(frozen=True)
class Standing:
    """A router in the league; see `league`. APGR and CPT are None if there is no gap to recover."""

    name: str
    quality: Interval
    over_random: Interval
    over_constant: Interval
    apgr: Interval | None
    cpt: Interval | None


@dataclass(frozen=True)
class League:
    """Routers that all call the large model for the same share of inputs, and the two constants."""

    rate: float
    inputs: int
    small: Interval
    large: Interval
    standings: tuple[Standing, ...]

    @property
    def words(self) -> list[str]:
        """What the numbers say, sentence by sentence."""
        return list(_words(self))

    def __str__(self) -> str:
        return as_text(self.words, [_table(self)])

    def _repr_html_(self) -> str:
        return as_html("League of routers", self.words, [_table(self)])

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, ready for JSON."""
        return dict(as_json(asdict(self)))


def league(
    scores: Mapping[str, Values],
    small_correct: Values,
    large_correct: Values,
    *,
    rate: float = 0.5,
    extra_cost: Values | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> League:
    """Compare routers, or confidences, on inputs that none of them was fitted on.

    Args:
        scores: by name, `(N,)`, higher where the small model suffices.
        small_correct, large_correct: quality of both answers `(N,)`, from 0 to 1.
        rate: share of inputs for which everyone may call the large model.
        extra_cost: what calling the large model costs more than the small one `(N,)`, if inputs
            differ in price; only what random calls would cost depends on it.
    Returns:
        For each router, with intervals of 95 %: its quality at this rate; how much that is above
        random calls of the same cost and above the better constant; APGR, and CPT(50 %).
    Raises:
        ValueError, TypeError: for columns of different length, NaN, no router, rates outside [0, 1].
    """
    small = checked.qualities(small_correct, "small_correct")
    large = checked.qualities(large_correct, "large_correct", len(small))
    small_alone, large_alone = (mean_interval(x, seed=seed) for x in (small, large))
    constant = large if large_alone.estimate > small_alone.estimate else small

    def standing(name: str, score: Values) -> Standing:
        reached = small + calls_at(score, rate) * (large - small)
        random = over_shuffle(score, small, large, rate, extra_cost=extra_cost, seed=seed)
        above = mean_interval(reached - constant, seed=seed)
        curve = curve_intervals(score, small, large, seed=seed, resamples=resamples)
        quality = mean_interval(reached, seed=seed)
        return Standing(name, quality, random, above, curve.apgr, curve.cpt)

    entries = tuple(standing(*entry) for entry in routing.routers(scores, len(small)).items())
    return League(rate, len(small), small_alone, large_alone, entries)


def calls_at(score: Values, rate: float) -> Floats:
    """Return how likely each input is sent to the large model `(N,)`, if `rate` of all are.

    1 below the line, 0 above it, and what is left for those that tie at the line.

    Raises:
        ValueError, TypeError: for NaN, no input, or a rate outside [0, 1].

    >>> calls_at([0.9, 0.5, 0.5, 0.1], 0.5).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    confidences = checked.confidences(score)
    calls = checks.fraction(rate, "rate") * len(confidences)
    line = np.sort(confidences)[max(0, int(np.ceil(calls)) - 1)]
    below, tied = confidences < line, confidences == line
    return np.asarray(below + tied * ((calls - below.sum()) / tied.sum()))


def over_shuffle(
    score: Values,
    small_correct: Values,
    large_correct: Values,
    rate: float,
    *,
    extra_cost: Values | None = None,
    seed: int = 0,
) -> Interval:
    """Return how much better a router is than random calls of the same cost, with its interval.

    Shuffled decisions reach the quality small + f (large - small) on average, where f is the share
    of the cost of calling the large model for every input: `rate` if all inputs cost the same. So no
    shuffle needs to be drawn: the difference is how decisions and gains vary together.

    Raises:
        ValueError, TypeError: for columns of different length, NaN, or calls that are all free.

    >>> print(f"{over_shuffle([1] * 8, [1, 0] * 4, [1] * 8, 0.5):.2f}")  # random itself
    0.00 [0.00, 0.00]
    """
    small = checked.qualities(small_correct, "small_correct")
    gain = checked.qualities(large_correct, "large_correct", len(small)) - small
    price = np.ones(len(small)) if extra_cost is None else routing.extra_prices(extra_cost)
    calls = calls_at(score, rate)
    checked.same_rows([small, calls, price], ["small_correct", "score", "extra_cost"])
    share = (calls * price).sum() / price.sum()
    slope = gain.mean() / price.mean()
    above = (calls - share) * (gain - slope * price)
    return mean_interval(above.round(DIGITS), seed=seed)


def _words(table: League) -> Iterator[str]:
    better = "large" if table.large.estimate > table.small.estimate else "small"
    yield (
        f"On {table.inputs:,} inputs the small model reaches {percent(table.small)} and the large "
        f"one {percent(table.large)}. Every router may call it for {100 * table.rate:.0f} %."
    )
    judged = {"better": "beat", "worse": "are worse than", "cannot tell": "cannot be told from"}
    rivals = {"over_random": "random calls of the same cost",
              "over_constant": f"always asking the {better} model"}  # fmt: skip
    for field, rival in rivals.items():
        for decision, verb in judged.items():
            names = [x.name for x in table.standings if verdict(getattr(x, field)) == decision]
            if names:
                yield f"These {verb} {rival}: {', '.join(names)}."


def _table(table: League) -> Table:
    head = ("router", "quality", "over random", "over the best constant", "APGR", "CPT(50 %)")
    lines = [
        [x.name, percent(x.quality), points(x.over_random), points(x.over_constant),
         *("undefined" if y is None else str(y) for y in (x.apgr, x.cpt))]
        for x in table.standings
    ]  # fmt: skip
    return Table(f"Routers at {100 * table.rate:.0f} % of calls to the large model", head, lines)
