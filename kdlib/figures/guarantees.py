"""Figures of promises: how often thresholds keep them, and what an alarm sees when inputs drift.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kdlib.cascade.drift import Look
from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, TEACHER, line
from kdlib.stats import Interval

COLOURS = (TEACHER, STUDENT, STUDENT_2)
HEIGHT = 0.32  # of a cloud of points, half of it, where rows are 1 apart


def promise_strips(
    risks: Mapping[str, Sequence[float]], promised: float, title: str, draws: int | None = None
) -> Figure:
    """The true risk of many chosen thresholds, a row of points for each way to choose.

    Args:
        risks: name -> the true risk after each draw of calibration inputs.
        promised: risks above it break the promise; their share is written at the right.
        draws: the share is of so many, where some draws gave no threshold and so no point.
    """
    figure = Figure(figsize=(7.5, 1.4 + 0.75 * len(risks)))
    ax = figure.subplots()
    for row, values in enumerate(risks.values()):
        x = 100 * np.asarray(values)
        y = -row + HEIGHT * np.linspace(-1, 1, len(x))[_shuffled(len(x))]
        above = x > 100 * promised
        for part, colour, marker in ((~above, STUDENT, "."), (above, TEACHER, "x")):
            look = {"c": colour, "marker": marker, "s": 14, "linewidths": 0.8, "alpha": 0.7}
            ax.scatter(x[part], y[part], **look)
        told = f"{100 * above.sum() / (draws or len(x)):.0f} % above"
        ax.annotate(told, (1.01, -row), xycoords=("axes fraction", "data"), va="center")
    ax.axvline(100 * promised, color=INK, linewidth=1.4, linestyle="--", marker="")
    ax.set_yticks([-row for row in range(len(risks))], list(risks))
    ax.set(ylim=(0.6 - len(risks), 0.6), xlabel="true risk, % (crosses: above what was promised)")
    ax.set_xlim(left=0)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def price_chart(
    sizes: Sequence[int],
    price: Mapping[str, Sequence[Interval]],
    title: str,
    floors: Sequence[float] = (),
) -> Figure:
    """The share deferred over the number of labelled inputs, a curve for each promise.

    Args:
        price: name -> one Interval for each of the sizes.
        floors: for each curve the share below which it cannot fall, a thin line; or none.
    """
    figure = Figure(figsize=(7.5, 4.2))
    ax = figure.subplots()
    for colour, (name, shares) in zip(COLOURS, price.items(), strict=False):
        middle = [100 * share.estimate for share in shares]
        below = [100 * (share.estimate - share.low) for share in shares]
        above = [100 * (share.high - share.estimate) for share in shares]
        look = line(colour) | {"markevery": 1, "capsize": 4}
        ax.errorbar(list(sizes), middle, yerr=[below, above], label=name, **look)
        place = (sizes[-1], middle[-1])
        ax.annotate(name, place, (12, 0), textcoords="offset points", va="center", color=colour)
    for colour, floor in zip(COLOURS, floors, strict=False):
        ax.axhline(100 * floor, color=colour, linewidth=0.9, linestyle=":", marker="", zorder=1)
    ax.set(xscale="log", xlim=(sizes[0] / 1.15, 2.1 * sizes[-1]), ylim=(0, 105), title=title)
    ax.set_xticks(list(sizes), [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="labelled inputs n", ylabel="deferred, % (bars: 95 % intervals)")
    return figure


def windows_chart(
    streams: Mapping[str, tuple[Sequence[Look], Sequence[float]]],
    promised: float,
    change: int,
    title: str,
) -> Figure:
    """What a drift monitor sees, window by window, and below it what it cannot see.

    Args:
        streams: name -> the looks of the monitor, and the risk of the kept answers per window.
        promised: risk. change: the last window before the inputs changed.
    """
    figure = Figure(figsize=(7.5, 5.2))
    axes = figure.subplots(2, len(streams), sharex=True, sharey="row", squeeze=False)
    for (name, (looks, risks)), (upper, lower) in zip(streams.items(), axes.T, strict=True):
        _deferrals(upper, looks)
        x = [look.number for look in looks]
        lower.plot(x, [100 * risk for risk in risks], **line(TEACHER) | {"markevery": 1})
        lower.axhline(100 * promised, color=INK, linewidth=1.2, linestyle="--", label="promised")
        for ax in (upper, lower):
            ax.axvline(change + 0.5, color=BASELINE, linestyle=":", label="the inputs change")
        upper.set_title(name, fontsize=11)
        lower.set(xlabel="window", xticks=x)
    axes[0, 0].set_ylabel("seen: deferred, %\n(bars: 95 % intervals)")
    axes[1, 0].legend(loc="upper left", fontsize=9, frameon=True, edgecolor="none", framealpha=1)
    axes[1, 0].set_ylabel("not seen: wrong\namong the kept, %")
    axes[1, 0].set_ylim(bottom=0)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def _deferrals(ax: Axes, looks: Sequence[Look]) -> None:
    """The share deferred in each window with its interval; a ring where there is an alarm."""
    shares = 100 * np.array([[i.estimate, i.low, i.high] for i in (x.deferral for x in looks)]).T
    x = np.array([look.number for look in looks])
    ends = [shares[0] - shares[1], shares[2] - shares[0]]
    ax.errorbar(x, shares[0], yerr=ends, capsize=3, **line(STUDENT) | {"markevery": 1})
    alarms = [i for i, look in enumerate(looks) if look.alarm]
    ring = {"s": 260, "facecolors": "none", "edgecolors": TEACHER, "linewidths": 2, "marker": "o"}
    ax.scatter(x[alarms], shares[0][alarms], **ring)


def _shuffled(count: int) -> NDArray[np.int64]:
    """A fixed order without a pattern, so that points of one row do not hide each other."""
    return np.random.default_rng(0).permutation(count)
