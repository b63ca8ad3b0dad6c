"""Figures about weak teachers: where a student stands between its teacher and a ceiling.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, TEACHER, line

WIDEST = 3.0  # a ratio beyond it is drawn at the edge of the figure; its number says what it is


def recovered_scale(
    accuracies: Mapping[str, float], ratios: Mapping[str, float], title: str
) -> Figure:
    """Three accuracies on one scale, and below, how much of the gap is recovered by each formula.

    Args:
        accuracies: name -> accuracy in %: of the weak teacher, the student and the ceiling.
        ratios: formula -> what it gives; nan where it gives nothing.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(7.5, 3.9))
    figure.set_layout_engine("none")
    scale = figure.add_axes((0.2, 0.63, 0.75, 0.25))
    bars = figure.add_axes((0.2, 0.15, 0.75, 0.25))
    _accuracies(scale, accuracies)
    _ratios(bars, ratios)
    figure.suptitle(title, x=0.02, ha="left", weight="bold", fontsize=12)
    return figure


def _accuracies(ax: Axes, accuracies: Mapping[str, float]) -> None:
    """The gap as a band, a mark for each model; names on three levels, so that none hides another."""
    weak, _, ceiling = accuracies.values()
    ax.barh([0], [ceiling - weak], left=[weak], height=0.5, color=BASELINE, alpha=0.3)
    for (name, place), colour, level in zip(
        accuracies.items(), (TEACHER, STUDENT, STUDENT_2), (0.8, -0.8, 1.6), strict=True
    ):
        look = {"color": colour, "marker": line(colour)["marker"], "edgecolor": "white"}
        ax.scatter([place], [0], s=110, zorder=3, **look)
        side = "left" if place < 20 else "right" if place > 80 else "center"
        ax.text(place, level, f"{name} {place:.0f}", ha=side, va="center", color=INK)
    ax.set(xlim=(0, 100), ylim=(-1.4, 2.1), yticks=[0], yticklabels=["gap (grey)"])
    ax.set_xlabel("accuracy, %", labelpad=1)
    ax.grid(visible=False)


def _ratios(ax: Axes, ratios: Mapping[str, float]) -> None:
    rows = [-row for row in range(len(ratios))]
    drawn = [
        0.0 if ratio != ratio else min(max(ratio, -WIDEST), WIDEST) for ratio in ratios.values()
    ]
    ax.barh(rows, drawn, height=0.5, color=STUDENT, hatch="///", edgecolor="white", linewidth=0)
    for row, ratio, end in zip(rows, ratios.values(), drawn, strict=True):
        said = "not defined" if ratio != ratio else f"{ratio:.2f}".replace("-", "−")
        ax.annotate(said, (max(end, 0.0), row), (6, 0), textcoords="offset points", va="center")
    ax.axvline(0, color=BASELINE, linestyle="-", marker="")
    ax.axvline(1, color=STUDENT_2, linestyle=":", marker="")
    ax.set_yticks(rows, list(ratios))
    ax.set(xlim=(-WIDEST, WIDEST + 0.6), ylim=(0.6 - len(rows), 0.6))
    ax.set_xlabel("recovered: 0 is the weak teacher, 1 (dotted) the ceiling")
