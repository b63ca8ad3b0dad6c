"""Figures about mimicry: what two accuracies allow, and a student beside its control.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, STUDENT_3, TEACHER, line
from kdlib.stats import Interval

MODELS = (STUDENT, STUDENT_2, STUDENT_3)  # colours of the first model, the second, the third


def agreement_scale(
    allowed: tuple[float, float],
    places: Mapping[str, float],
    corrected: Mapping[str, float],
    title: str,
) -> Figure:
    """Where two models stand between the least and the largest agreement, and what is left of it.

    Args:
        allowed: the range of agreement, from 0 to 1. places: name -> agreement, two of them, the
            pair's own last. corrected: name -> its agreement beyond chance, at most 1.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(7, 3.9))
    figure.set_layout_engine("none")
    scale, bars = (
        figure.add_axes((0.25, 0.66, 0.71, 0.16)),
        figure.add_axes((0.25, 0.15, 0.71, 0.25)),
    )
    low, high = allowed
    scale.barh([0], [high - low], left=[low], height=0.5, color=TEACHER, alpha=0.3)
    for (name, place), marker, colour, up in zip(
        places.items(), "XD", (INK, STUDENT), (-1, 1), strict=True
    ):
        scale.scatter([place], [0], s=110, marker=marker, color=colour, edgecolor="white", zorder=3)
        _label(scale, f"{name} {place:.3f}", place, up)
    scale.set(xlim=(0, 1), ylim=(-1, 1), yticks=[0], yticklabels=["allowed"])
    scale.set_xlabel("agreement", labelpad=1)
    figure.suptitle(title, x=0.02, ha="left", weight="bold", fontsize=12)
    _bars(bars, corrected)
    return figure


def two_models(
    measures: Mapping[str, tuple[Interval, Interval]], names: tuple[str, str], title: str
) -> Figure:
    """Two models by several measures, a row each from top to bottom, with their intervals.

    Args:
        measures: name -> the interval of the first and of the second model, on a common scale.
    """
    figure = Figure(figsize=(7.5, 1.5 + 0.6 * len(measures)))
    ax = figure.subplots()
    for model, (name, colour, shift) in enumerate(
        zip(names, MODELS[:2], (0.14, -0.14), strict=True)
    ):
        found = [pair[model] for pair in measures.values()]
        middle = [i.estimate for i in found]
        ends = [
            [i.estimate - i.low for i in found],
            [i.high - i.estimate for i in found],
        ]
        rows = [shift - row for row in range(len(found))]
        look = {"capsize": 4, "markevery": 1, "markersize": 8, "linestyle": "none"}
        ax.errorbar(middle, rows, xerr=ends, label=name, **line(colour) | look)
    ax.set_yticks([-row for row in range(len(measures))], list(measures))
    ax.set(xlim=(0, 1), ylim=(0.5 - len(measures), 0.6), xlabel="1 for a perfect copy")
    ax.legend(loc="lower left")
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def share_above(
    at: Sequence[float], curves: Mapping[str, Sequence[float]], xlabel: str, title: str
) -> Figure:
    """How many inputs lie above each value, in %, for up to three students; x is logarithmic.

    Args:
        curves: name -> one share per entry of `at`.
    """
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    for colour, (name, shares) in zip(MODELS, curves.items(), strict=False):
        look = line(colour) | {"markevery": max(1, len(at) // 8)}
        ax.plot(list(at), [float(share) for share in shares], label=name, **look)
    ax.set(xscale="log", ylim=(0, 103), xlabel=xlabel, ylabel="% of inputs above", title=title)
    ax.legend()
    return figure


def _label(ax: Axes, text: str, place: float, up: int) -> None:
    """Words above or below a mark, kept inside the picture."""
    side = "left" if place < 0.2 else "right" if place > 0.8 else "center"
    level = "bottom" if up > 0 else "top"
    ax.text(place, 0.4 * up, text, ha=side, va=level)


def _bars(ax: Axes, corrected: Mapping[str, float]) -> None:
    rows = [-row for row in range(len(corrected))]
    values = list(corrected.values())
    ax.barh(rows, values, height=0.5, color=STUDENT, hatch="///", edgecolor="white", linewidth=0)
    for row, value in zip(rows, values, strict=True):
        ax.annotate(f"{value:.2f}", (max(value, 0), row), (4, 0), textcoords="offset points",
                    va="center")  # fmt: skip
    ax.axvline(0, color=BASELINE, linestyle="-", marker="")
    ax.set_yticks(rows, list(corrected))
    ax.set(xlim=(min(-0.02, *values), 1.1), ylim=(0.5 - len(rows), 0.6))
    ax.set_xlabel("beyond chance: 0 is chance, 1 a perfect copy")
