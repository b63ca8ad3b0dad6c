"""Many training runs at one look, and who is heard in a loss of two terms.

The functions take results and compute nothing but positions.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, INK, STUDENT, TEACHER, line

COLUMNS = 3
TINY = 1e-3
Curve = tuple[Sequence[float], Sequence[float]]  # x and y


def run_grid(
    runs: Mapping[str, Mapping[str, Curve]],
    ylabel: str,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A small panel for each run, in rows of three: name of a curve -> (steps, values).

    The curves have the same names in every panel; without `limits` each has its own y axis.
    """
    rows = -(-len(runs) // COLUMNS)
    figure = Figure(figsize=(8, 0.9 + 1.75 * rows))
    panels = figure.subplots(rows, COLUMNS, squeeze=False)
    for ax, (name, curves) in zip(panels.flat, runs.items(), strict=False):
        _panel(ax, curves, limits)
        ax.set_title(name, fontsize=11)
    for row in panels:
        row[0].set_ylabel(ylabel, fontsize=10)
    for ax in panels[-1]:
        ax.set_xlabel("step", fontsize=10)
    handles, labels = panels[0][0].get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def share_bars(shares: Mapping[str, float], title: str) -> Figure:
    """How much of a gradient comes from the teacher: one bar from 0 to 100 % for each loss."""
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(7, 0.9 + 0.45 * len(shares)))
    figure.set_layout_engine("none")
    ax = figure.add_axes((0.3, 0.17, 0.63, 0.7))
    for row, share in enumerate(shares.values()):
        ax.barh(-row, share, height=0.6, color=TEACHER)
        ax.barh(-row, 100 - share, height=0.6, left=share, color=BASELINE, hatch="///", alpha=0.5)
        ax.annotate(f"{share:.0f} %", (101, -row), va="center", color=INK, annotation_clip=False)
    ax.set_yticks([-row for row in range(len(shares))], list(shares))
    ax.set(xlim=(0, 100), xlabel="share of the gradient, %: solid teacher, hatched labels")
    ax.set_title(title, fontsize=12, loc="left", x=-0.42)
    return figure


def shares_in_words(shares: Mapping[str, float], title: str) -> str:
    """What `share_bars` shows.

    >>> shares_in_words({"healthy": 46.7, "E no T²": 2.8}, "Share at T = 8")
    'Share at T = 8: healthy 47 %, E no T² 3 %.'
    """
    return f"{title}: {', '.join(f'{name} {share:.0f} %' for name, share in shares.items())}."


def _panel(ax: Axes, curves: Mapping[str, Curve], limits: tuple[float, float] | None) -> None:
    for colour, (name, (x, y)) in zip((STUDENT, TEACHER), curves.items(), strict=False):
        look = line(colour) | {"markersize": 3.5, "linewidth": 1.8, "markevery": 5}
        ax.plot(list(x), [float(value) for value in y], label=name, **look)
    if limits is not None:
        ax.set_ylim(*limits)
    if max(abs(place) for place in ax.get_ylim()) < TINY:  # a power of ten above the axis is missed
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-"))
    ax.tick_params(labelsize=9)
