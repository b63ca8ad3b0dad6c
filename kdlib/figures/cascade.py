"""Figures of a cascade: who pays what on the way, and quality over deferral and over cost.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.cascade.bill import Bill
from kdlib.cascade.curve import DeferralCurve
from kdlib.checks.cascade import Floats
from kdlib.figures.arrangements import Panel, draw
from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, STUDENT_3, TEACHER, line
from kdlib.stats import Interval

POINTS = 501  # of a curve that may have a million
COLOURS = (STUDENT, STUDENT_2, STUDENT_3, TEACHER)
MARKERS = ("o", "s", "^", "D", "v", "X")
SMALL, LARGE = "small (step 1)", "large (step 2)"
BOXES = {"x": (0, 4.4), SMALL: (3.5, 4.4), "y₁": (9.6, 4.4), LARGE: (3.5, 0.8), "y₂": (9.6, 0.8)}


def cascade_diagram(bill: Bill, title: str = "") -> Figure:
    """The way of an input through a small and a large model, with shares and prices on every edge.

    Args:
        bill: of two stages, as `cascade_bill` makes it.

    Source: Xiao & Zhu (2025), figure 4.5 (e), which has no prices.
    """
    first, last = bill.stages
    done, passed = _shares(bill)
    arrows = (
        ("x", SMALL, f"all pay {first.price:.4g}"),
        (SMALL, "y₁", f"{done} sure: {first.price:.4g} each"),
        (SMALL, LARGE, f"{passed} unsure "),
        (LARGE, "y₂", f"{last.price:.4g} more: {first.price + last.price:.4g} each"),
    )
    figure = Figure(figsize=(8.5, 4.2))
    draw(figure.subplots(), Panel(title, BOXES, arrows, f"mean cost {_sum(bill)}"))
    return figure


def cascade_in_words(bill: Bill) -> str:
    """What `cascade_diagram` shows, for those who do not see it.

    >>> from kdlib.cascade import cascade_bill
    >>> print(cascade_in_words(cascade_bill(0.2, 0.1, 15)))
    All inputs go to the small model and pay 0.1. Of these 80.0 % are sure and answered there, for 0.1 each; 20.0 % are unsure, go on to the large model and pay 15 more, 15.1 each. Mean cost 0.1 + 20.0 % × 15 = 3.1, 0.207 of always asking the large model.
    """
    first, last = bill.stages
    done, passed = _shares(bill)
    return (
        f"All inputs go to the small model and pay {first.price:.4g}. Of these {done} are sure and "
        f"answered there, for {first.price:.4g} each; {passed} are unsure, go on to the large model "
        f"and pay {last.price:.4g} more, {first.price + last.price:.4g} each. Mean cost {_sum(bill)}."
    )


def deferral_chart(
    curves: Mapping[str, DeferralCurve], title: str, oracle: DeferralCurve | None = None
) -> Figure:
    """Quality over the share of deferred inputs, beside random deferral and both models alone.

    Args:
        curves: by name, all of the same two models.
        oracle: of the same two models, as `oracle_curve` or `oracle_at_most` makes it.
    """
    figure = Figure(figsize=(7.5, 4.6))
    ax = figure.subplots()
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        ax.plot(*_points(curve), label=name, **line(colour))
    if oracle is not None:
        look = line(INK) | {"marker": "", "linewidth": 1.6}
        ax.plot(*_points(oracle), label="oracle", **look)
    some = next(iter(curves.values()))
    small, large = 100 * some.small, 100 * some.large
    ax.plot([0, 100], [small, large], label="random", **line(BASELINE) | {"marker": ""})
    _constant(ax, small, "small alone", "right")
    _constant(ax, large, "large alone", "left")
    ax.set(xlabel="deferred to the large model, % of inputs", ylabel="quality, %", xlim=(-2, 102))
    return _named(figure, ax, title)


def cost_chart(
    costs: Mapping[str, Sequence[float]],
    quality: Mapping[str, Sequence[Interval]],
    alone: Mapping[str, tuple[float, float]],
    title: str,
    unit: str = "cost per input",
) -> Figure:
    """Quality over mean cost, with bands of confidence, and single systems as points.

    Args:
        costs, quality: by name, as many of each, for example
            `cascade_cost(band.rates, ...)` and `band.quality` of a `CurveIntervals`.
        alone: name -> (cost, quality) of systems that are no curve, such as always the large model.
    """
    figure = Figure(figsize=(7.5, 4.6))
    ax = figure.subplots()
    for colour, (name, band) in zip(COLOURS, quality.items(), strict=False):
        x = list(costs[name])
        low, middle, high = ([100 * getattr(i, end) for i in band] for end in
                             ("low", "estimate", "high"))  # fmt: skip
        ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(x, middle, label=name, **line(colour))
    for marker, (name, (cost, height)) in zip(MARKERS, alone.items(), strict=False):
        look = {"color": INK, "marker": marker, "markersize": 9, "linestyle": "none"}
        ax.plot([cost], [100 * height], label=name, markevery=1, **look)
    ax.set(xlabel=unit, ylabel="quality, %")
    ax.set_xlim(left=0)
    return _named(figure, ax, title)


def curves_in_words(curves: Mapping[str, DeferralCurve]) -> str:
    """What `deferral_chart` shows, for those who do not see it.

    >>> curve = DeferralCurve([0, 0.4, 1], [0.6, 0.9, 0.8], [0, 0, 0])
    >>> print(curves_in_words({"margin": curve}))
    Curves of quality over the share of deferred inputs, from 60.0 % for the small model alone to 80.0 % for the large one. margin is highest at 40.0 % deferred, with 90.0 %, and has 88.3 % at half.
    """
    some = next(iter(curves.values()))
    told = [
        f"{name} is highest at {100 * curve.best().deferral_rate:.1f} % deferred, with "
        f"{100 * curve.best().quality:.1f} %, and has {100 * curve.quality_at(0.5):.1f} % at half"
        for name, curve in curves.items()
    ]
    return (
        f"Curves of quality over the share of deferred inputs, from {100 * some.small:.1f} % for the "
        f"small model alone to {100 * some.large:.1f} % for the large one. {'; '.join(told)}."
    )


def _shares(bill: Bill) -> tuple[str, str]:
    reached = 100 * bill.stages[-1].reached
    return f"{100 - reached:.1f} %", f"{reached:.1f} %"


def _sum(bill: Bill) -> str:
    first, last = bill.stages
    return (
        f"{first.price:.4g} + {_shares(bill)[1]} × {last.price:.4g} = {bill.cost:.4g}, "
        f"{bill.ratio:.3f} of always asking the large model"
    )


def _points(curve: DeferralCurve) -> tuple[Floats, Floats]:
    """Rates and qualities in percent, of at most POINTS points."""
    last = len(curve.quality) - 1
    some = np.unique(np.linspace(0, last, min(last + 1, POINTS)).round().astype(int))
    return 100 * curve.deferral_rate[some], 100 * curve.quality[some]


def _constant(ax: Axes, height: float, name: str, side: str) -> None:
    ax.axhline(height, color=BASELINE, linewidth=1, marker="")
    x = 0 if side == "left" else 100
    ax.annotate(name, (x, height), (0, 3), textcoords="offset points", ha=side, fontsize=10)


def _named(figure: Figure, ax: Axes, title: str) -> Figure:
    """Add the title, and above everything, where it hides nothing, what is what."""
    ax.set_title(title)
    figure.legend(loc="outside upper left", ncols=5, fontsize=10, columnspacing=1.2)
    return figure
