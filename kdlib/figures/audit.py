"""Figures of an audit: agreement, KL of all inputs, agreement along the margin, reliability.

Narrow enough for a telephone. Every function takes results and computes nothing but positions.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.calibration import ReliabilityBin
from kdlib.fidelity.curves import Curves
from kdlib.figures.style import BASELINE, STUDENT, STUDENT_2, TEACHER, line
from kdlib.stats import Interval

SIZE = (5.2, 4.0)
ROLES = {"teacher": TEACHER, "student": STUDENT, "control": STUDENT_2}
SMALLEST = 1e-7  # nats at the left end: a KL below it, or of 0, is drawn there


def agreement_rows(agreement: Mapping[str, Interval], title: str = "") -> Figure:
    """How often each model gives the teacher's answer, a row each, with intervals."""
    figure = Figure(figsize=(SIZE[0], 1.5 + 0.5 * len(agreement)))
    ax = figure.subplots()
    for row, (model, interval) in enumerate(agreement.items()):
        middle, below, above = _percent([interval])
        _points(ax, model, middle, [-row], xerr=[below, above])
        ax.annotate(f"{middle[0]:.1f} %", (middle[0], -row), (0, 9), textcoords="offset points",
                    ha="center")  # fmt: skip
    ax.set_yticks([-row for row in range(len(agreement))], list(agreement))
    ax.set(ylim=(0.4 - len(agreement), 0.7), xlabel="gives the teacher's answer, % of inputs")
    ax.margins(x=0.15)
    _to_hundred(ax, "x")
    ax.set_title(title)
    return figure


def kl_shares(curves: Mapping[str, Curves], title: str = "") -> Figure:
    """The share of inputs up to each KL, by model; of the first also the share that is certified.

    Args:
        curves: by model, the student first.
    """
    figure = Figure(figsize=SIZE)
    ax = figure.subplots()
    seen = [x for its in curves.values() for x in its.kl if SMALLEST < x < math.inf]
    ends = min(seen, default=SMALLEST), 1.3 * max(seen, default=1.0)
    for model, its in curves.items():
        ax.plot(*_within(ends, its.kl, its.share), label=model, **line(ROLES[model]))
    model, its = next(iter(curves.items()))
    look = {"facecolor": "#fbe3d2", "edgecolor": ROLES[model], "hatch": "//", "linewidth": 0}
    area = _within(ends, its.kl, its.certified)
    ax.fill_between(*area, label=f"{model}, below flip budget", **look)
    ax.set(xscale="log", xlim=ends, ylim=(0, 103))
    ax.set(xlabel="KL(teacher || model), nats", ylabel="% of inputs up to this KL")
    return _named(figure, ax, title)


def agreement_along_margin(curves: Mapping[str, Curves], title: str = "") -> Figure:
    """Agreement where the teacher hesitates (on the left) and where it is sure, with intervals."""
    figure = Figure(figsize=SIZE)
    ax = figure.subplots()
    for (model, its), shift in zip(curves.items(), (0, 0.012), strict=False):
        middle, below, above = _percent(its.agreement)
        _points(ax, model, [x + shift for x in its.margin], middle, yerr=[below, above])
    ax.set(xlim=(-0.03, 1.03), xlabel="teacher's margin (first minus second probability)")
    ax.margins(y=0.08)
    _to_hundred(ax, "y")
    ax.set(ylabel="agreement, %")
    return _named(figure, ax, title)


def reliability_chart(bins: Mapping[str, Sequence[ReliabilityBin]], title: str = "") -> Figure:
    """How often each model is right, over how sure it claims to be, with intervals."""
    figure = Figure(figsize=SIZE)
    ax = figure.subplots()
    ax.plot([0, 100], [0, 100], label="as claimed", **line(BASELINE) | {"marker": ""})
    for (model, its), shift in zip(bins.items(), (0, 0.8), strict=False):
        middle, below, above = _percent([some.accuracy for some in its])
        claimed = [100 * some.mean_confidence + shift for some in its]
        _points(ax, model, claimed, middle, yerr=[below, above])
    lowest = min((some.mean_confidence for its in bins.values() for some in its), default=0.0)
    ax.set(xlim=(100 * lowest - 4, 103), xlabel="claimed: mean probability of the answer, %")
    ax.set(ylim=(-3, 103), ylabel="true: right answers, %")
    return _named(figure, ax, title)


def _within(
    ends: tuple[float, float], kl: Sequence[float], shares: Sequence[float]
) -> tuple[list[float], list[float]]:
    """A curve in percent that begins no further left, and goes on to the right end as it is."""
    places = [(max(x, ends[0]), y) for x, y in zip(kl, shares, strict=True) if x < math.inf]
    last = places[-1][1] if places else 0.0
    x, y = zip(*places, (ends[1], last), strict=True)
    return list(x), _hundredfold(y)


def _to_hundred(ax: Axes, axis: str) -> None:
    """Name no place beyond all inputs."""
    low, high = getattr(ax, f"get_{axis}lim")()
    ticks = [x for x in getattr(ax, f"get_{axis}ticks")() if low <= x <= min(100, high)]
    getattr(ax, f"set_{axis}ticks")(ticks)


def _named(figure: Figure, ax: Axes, title: str) -> Figure:
    """Add the title, and above everything, where it hides nothing, what is what."""
    ax.set_title(title)
    figure.legend(loc="outside upper left", ncols=3, fontsize=10, columnspacing=1.2)
    return figure


def _points(ax: Axes, model: str, x: Sequence[float], y: Sequence[float], **errors: Any) -> None:
    look = line(ROLES[model]) | {"markevery": 1, "markersize": 7, "capsize": 4}
    ax.errorbar(list(x), list(y), label=model, **errors, **look)


def _percent(intervals: Sequence[Interval]) -> tuple[list[float], list[float], list[float]]:
    """Estimates, and how far the ends lie below and above, in percent."""
    middle = _hundredfold([i.estimate for i in intervals])
    below = _hundredfold([max(0.0, i.estimate - i.low) for i in intervals])
    return middle, below, _hundredfold([max(0.0, i.high - i.estimate) for i in intervals])


def _hundredfold(shares: Sequence[float]) -> list[float]:
    return [100 * share for share in shares]
