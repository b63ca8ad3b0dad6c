"""What does a cascade cost, and when does it pay off?

Every input pays the first stage, and a deferred one pays the next stage too: a cascade that defers
a share d costs `small + d * large` per input. The mix `(1-d) * small + d * large` is the price of a
router, which asks only one of them; taken for the price of a cascade it hides what is paid twice.
So a cascade saves money only while `d < 1 - small/large`.

A cost is in any unit per call: money, tokens, FLOPs, seconds of a processor. How long a user waits
is another question: see `latency`.

References: Viola and Jones (2001), Rapid object detection using a boosted cascade; Chen, Zaharia,
Zou (2023), FrugalGPT, for costs that add up along the chain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isclose
from typing import Any, TypeVar

import numpy as np

from kdlib import checks
from kdlib.checks import cascade as checked
from kdlib.checks.cascade import Floats, Values
from kdlib.fidelity.page import Table, as_html, as_text

__all__ = [
    "Bill",
    "Stage",
    "break_even",
    "cascade_bill",
    "cascade_cost",
    "chain_bill",
    "router_cost",
]

Rate = TypeVar("Rate", float, Floats)


def cascade_cost(
    deferral_rate: Rate, small_cost: float, large_cost: float, scorer_cost: float = 0.0
) -> Rate:
    """Return the mean cost per input of a cascade: small + scorer + deferral_rate * large.

    Args:
        deferral_rate: share of inputs that are passed on; a number, or an array such as that of a
            `DeferralCurve`.
        small_cost, large_cost, scorer_cost: of one call, in one unit; the scorer, if the
            confidence is not free, is paid for every input.
    Raises:
        ValueError, TypeError: for rates outside [0, 1], negative prices, or a free large model.

    80 % are answered for $0.10 each, and 20 % need a call for $15 too:

    >>> round(cascade_cost(0.2, 0.10, 15.0), 2), round(router_cost(0.2, 0.10, 15.0), 2)
    (3.1, 3.08)
    """
    small, large, scorer = checked.prices(small_cost, large_cost, scorer_cost)
    return small + scorer + checked.rates(deferral_rate, "deferral_rate") * large


def router_cost(
    large_rate: Rate, small_cost: float, large_cost: float, router_cost: float = 0.0
) -> Rate:
    """Return the mean cost per input of asking one model only, as a router decides beforehand.

    Args:
        large_rate: share of inputs that the large model answers.
        router_cost: of one decision, paid for every input.
    Raises:
        ValueError, TypeError: see `cascade_cost`.
    """
    small, large, router = checked.prices(small_cost, large_cost, router_cost, "router_cost")
    rate = checked.rates(large_rate, "large_rate")
    return router + (1 - rate) * small + rate * large


def break_even(small_cost: float, large_cost: float, scorer_cost: float = 0.0) -> float:
    """Return the rate of deferral below which a cascade is cheaper than always the large model.

    1 - (small + scorer) / large, and 0 if the first stage is no cheaper than the large model: then
    no rate pays off.

    Raises:
        ValueError, TypeError: for negative prices, or a free large model.

    >>> break_even(0.2, 1.0), break_even(1.0, 1.0)
    (0.8, 0.0)
    """
    small, large, scorer = checked.prices(small_cost, large_cost, scorer_cost)
    return max(0.0, 1 - (small + scorer) / large)


@dataclass(frozen=True)
class Stage:
    """A stage of a cascade: the share of all inputs that reach it, and what one call costs."""

    name: str
    price: float
    reached: float

    @property
    def cost(self) -> float:
        """What it adds to the mean cost per input."""
        return self.reached * self.price


@dataclass(frozen=True)
class Bill:
    """What a cascade costs per input, stage by stage, beside always asking the last stage."""

    stages: tuple[Stage, ...]
    always_last: float

    @property
    def cost(self) -> float:
        """Mean cost per input."""
        return sum(stage.cost for stage in self.stages)

    @property
    def ratio(self) -> float:
        """Mean cost as a share of what always asking the last stage would cost."""
        return self.cost / self.always_last

    @property
    def words(self) -> list[str]:
        """What the numbers say, sentence by sentence."""
        return list(_words(self))

    def __str__(self) -> str:
        return as_text(self.words, [bill_table(self)])

    def _repr_html_(self) -> str:
        return as_html("Bill", self.words, [bill_table(self)])

    def to_dict(self) -> dict[str, Any]:
        """Return the stages, the cost and its ratio by name, ready for JSON."""
        return asdict(self) | {"cost": self.cost, "ratio": self.ratio}


def cascade_bill(
    deferral_rate: float, small_cost: float, large_cost: float, scorer_cost: float = 0.0
) -> Bill:
    """Return the bill of a small and a large model that share this rate of deferral and prices.

    Raises:
        ValueError, TypeError: see `cascade_cost`.

    >>> print(cascade_bill(0.605, 0.5, 1.0).words[0])
    An input costs 1.105 on average, 1.105 of always asking the large model (1): 10.5 % lost.
    """
    small, large, scorer = checked.prices(small_cost, large_cost, scorer_cost)
    rate = checks.fraction(deferral_rate, "deferral_rate")
    stages = Stage("small", small + scorer, 1.0), Stage("large", large, rate)
    return Bill(stages, large)


def chain_bill(
    scores: Sequence[Values],
    thresholds: Sequence[float],
    prices: Sequence[float | Values],
    names: Sequence[str] | None = None,
) -> Bill:
    """Return the bill of two or more stages: stage i passes on what is below its threshold.

    Args:
        scores: the confidence `(N,)` of each stage but the last, higher is surer.
        thresholds: one for each stage but the last; `score >= threshold` is answered there.
        prices: of each stage, one price for every input, or `(N,)` prices.
        names: of the stages; "stage 1" and so on unless given.
    Raises:
        ValueError, TypeError: for lists that do not fit together, NaN, negative prices.

    Two of four inputs pass the first stage on, and one of these the second:

    >>> bill = chain_bill([[0.9, 0.8, 0.2, 0.1], [0.0, 0.0, 0.7, 0.3]], [0.5, 0.5], [1, 4, 20])
    >>> [stage.reached for stage in bill.stages], bill.cost
    ([1.0, 0.5, 0.25], 8.0)
    """
    names = [f"stage {i + 1}" for i in range(len(prices))] if names is None else names
    checked.chain(scores, thresholds, prices, names)
    confidences = [checked.confidences(x, f"scores[{i}]") for i, x in enumerate(scores)]
    columns = [_prices(x, f"prices[{i}]", len(confidences[0])) for i, x in enumerate(prices)]
    places = [f"scores[{i}]" for i in range(len(scores))]
    places += [f"prices[{i}]" for i in range(len(prices))]
    checked.same_rows([*confidences, *columns], places)
    below = [score < threshold for score, threshold in zip(confidences, thresholds, strict=True)]
    reached = np.cumprod([np.ones(len(below[0]), bool), *below], axis=0).astype(bool)
    stages = tuple(_stage(*row) for row in zip(names, columns, reached, strict=True))
    return Bill(stages, checks.positive(float(columns[-1].mean()), places[-1]))


def _prices(price: float | Values, name: str, rows: int) -> Floats:
    if isinstance(price, (int, float)):
        return np.full(rows, checks.weight(price, name))
    return checked.amounts(price, name, "one price per input")


def _stage(name: str, prices: Floats, reached: Floats) -> Stage:
    """The price is the mean over those who pay it, or over all if nobody does."""
    price = prices[reached].mean() if reached.any() else prices.mean()
    return Stage(name, float(price), float(reached.mean()))


def _words(bill: Bill) -> Iterator[str]:
    last = bill.stages[-1].name
    change = f"{100 * abs(1 - bill.ratio):.1f} % {'saved' if bill.ratio < 1 else 'lost'}"
    yield (
        f"An input costs {bill.cost:.4g} on average, {bill.ratio:.3f} of always asking the {last} "
        f"model ({bill.always_last:.4g}): {change}."
    )
    if len(bill.stages) > 2:
        return
    first, second = bill.stages
    yield (
        f"Every input pays the {first.name} model ({first.price:.4g}), and {100 * second.reached:.1f} "
        f"% also pay the {last} one ({second.price:.4g})."
    )
    if not isclose(second.price, bill.always_last):  # deferred inputs are dearer than others
        return
    limit = break_even(first.price, second.price)
    if limit:
        yield f"At these prices a cascade saves money while it defers less than {100 * limit:.1f} %."
    else:
        yield "The first stage is no cheaper than the last: no rate of deferral pays off."


def bill_table(bill: Bill) -> Table:
    """Return what each stage adds to the cost of a mean input."""
    lines = [
        [stage.name, f"{100 * stage.reached:.1f} %", f"{stage.price:.4g}", f"{stage.cost:.4g}"]
        for stage in bill.stages
    ]
    return Table("Cost per input", ("stage", "reached by", "price of a call", "adds"), lines)
