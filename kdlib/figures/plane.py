"""Figures about copies that are faithful, accurate, both or neither.

Every function takes results, in %, and computes nothing but positions.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from kdlib.figures.charts import COLOURS, HATCHES
from kdlib.figures.style import BASELINE, INK, STUDENT, TEACHER, line
from kdlib.stats import Interval

Point = tuple[Interval, Interval]  # agreement with the teacher and accuracy, both in %

NARROW = 6.0  # %: a share below it is drawn without its number
ROOM = 0.075  # of the height of the axes, between two names


def fidelity_plane(
    points: Mapping[str, Point], teacher: float, title: str, strangers: Collection[str] = ()
) -> Figure:
    """Students by agreement with the teacher and accuracy, with intervals, each named at the side.

    The grey area is what the teacher's accuracy allows, with three or more classes: a student that
    agrees on all but d % is right on at least a - d, at most a + d and at most 200 - a - d %.

    Args:
        teacher: its accuracy a, in %. strangers: the students that never met it, drawn hollow.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(8, 4.8))
    figure.set_layout_engine("none")
    ax = figure.add_axes((0.09, 0.12, 0.58, 0.77))
    _frame(ax, list(points.values()), teacher)
    _allowed(ax, teacher)
    for name, (agreement, accuracy) in points.items():
        look = line(STUDENT) | {
            "linestyle": "",
            "elinewidth": 1.2,
            "markevery": 1,
            "markersize": 5,
            "capsize": 0,
            "zorder": 3,
        }
        if name in strangers:
            look["markerfacecolor"] = "white"
        look |= {"xerr": _ends(agreement), "yerr": _ends(accuracy), "label": name}
        ax.errorbar([agreement.estimate], [accuracy.estimate], **look)
    _names(ax, points)
    ax.set(xlabel="agreement with the teacher, %", ylabel="right, %")
    figure.text(0.01, 0.935, title, weight="bold", fontsize=13)
    return figure


def outcome_bars(shares: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """What became of all inputs, in %: a row per student, a part per outcome, in the same order.

    Args:
        shares: student -> outcome -> share of the inputs; those of a student sum to 100.
    """
    figure = Figure(figsize=(8, 1.9 + 0.6 * len(shares)))
    ax = figure.subplots()
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for row, outcomes in enumerate(shares.values()):
        start = 0.0
        for i, (outcome, share) in enumerate(outcomes.items()):
            look = {"color": COLOURS[i], "hatch": HATCHES[i], "edgecolor": "white", "linewidth": 1}
            label = outcome if row == 0 else None
            ax.barh([-row], [share], 0.6, left=[start], label=label, **look)
            if share > NARROW:
                ax.text(start + share / 2, -row, f"{share:.1f}", ha="center", va="center", bbox=box)
            start += share
    ax.set_yticks([-row for row in range(len(shares))], list(shares))
    ax.set(xlim=(0, 100), xlabel="% of inputs")
    ax.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=3)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def shift_chart(found: Mapping[str, Mapping[str, Interval]], xlabel: str, title: str) -> Figure:
    """One measure on several kinds of inputs (rows, from top to bottom), for up to four students.

    Args:
        found: kind of input -> student -> interval; the students are the same in every row.
    """
    figure = Figure(figsize=(7.5, 1.5 + 0.75 * len(found)))
    ax = figure.subplots()
    students = list(next(iter(found.values())))
    for i, (student, colour) in enumerate(zip(students, COLOURS, strict=False)):
        intervals = [row[student] for row in found.values()]
        lower = (i - (len(students) - 1) / 2) * 0.18
        places = [-row - lower for row in range(len(found))]
        ends = [[i.estimate - i.low for i in intervals], [i.high - i.estimate for i in intervals]]
        look = line(colour) | {"linestyle": "none", "capsize": 3, "markevery": 1, "markersize": 7}
        middle = [interval.estimate for interval in intervals]
        ax.errorbar(middle, places, xerr=ends, label=student, **look)
    ax.set_yticks([-row for row in range(len(found))], list(found))
    ax.set(xlabel=xlabel, ylim=(0.5 - len(found), 0.5))
    figure.legend(loc="outside lower center", ncols=len(students))
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def _frame(ax: Axes, points: Sequence[Point], teacher: float) -> None:
    """Limits that hold all intervals and the teacher, at the right edge."""
    left = min(agreement.low for agreement, _ in points)
    low = min(teacher, *(accuracy.low for _, accuracy in points))
    high = max(teacher, *(accuracy.high for _, accuracy in points))
    ax.set(xlim=(left - 2, 100.5), ylim=(low - 3, high + 3))


def _allowed(ax: Axes, teacher: float) -> None:
    """The area of all students that are possible, and the teacher at its tip."""
    corners = sorted({0.0, teacher, 100 - teacher, 100.0})  # where an edge of the area turns
    lowest = [max(teacher - (100 - x), 0.0) for x in corners]
    highest = [min(teacher + (100 - x), 100 - teacher + x) for x in corners]
    ax.fill_between(corners, lowest, highest, color=BASELINE, alpha=0.2, linewidth=0)
    ax.axhline(teacher, color=TEACHER, linestyle="--", marker="", linewidth=1.2)
    ax.scatter([100], [teacher], s=170, marker="*", color=TEACHER, zorder=4, clip_on=False)
    ax.annotate(
        "teacher", (100, teacher), (-10, 6), textcoords="offset points", ha="right", color=TEACHER
    )


def _names(ax: Axes, points: Mapping[str, Point]) -> None:
    """Every name beside the axes, level with its point where there is room, tied to it by a line."""
    bottom, top = ax.get_ylim()
    by_height = sorted(points.items(), key=lambda item: item[1][1].estimate)
    level = [(accuracy.estimate - bottom) / (top - bottom) for _, (_, accuracy) in by_height]
    for i in range(1, len(level)):
        level[i] = max(level[i], level[i - 1] + ROOM)
    surplus = max(0.0, level[-1] - 0.97)
    level = [place - surplus for place in level]
    for i in range(len(level) - 2, -1, -1):
        level[i] = min(level[i], level[i + 1] - ROOM)
    right = ax.get_xlim()[1]
    aside = right + 0.04 * (right - ax.get_xlim()[0])
    ties = []
    for place, (name, (agreement, accuracy)) in zip(level, by_height, strict=True):
        point, beside = (agreement.estimate, accuracy.estimate), bottom + place * (top - bottom)
        ax.annotate(name, point, (aside, beside), textcoords="data", va="center")
        ties.append([point, (aside, beside)])
    look: dict[str, Any] = {"colors": INK, "alpha": 0.35, "linewidths": 0.8, "clip_on": False}
    ax.add_collection(LineCollection(ties, **look), autolim=False)


def _ends(interval: Interval) -> list[list[float]]:
    return [[interval.estimate - interval.low], [interval.high - interval.estimate]]
