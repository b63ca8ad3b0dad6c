"""What a divergence promises, drawn: bounds, reachable students, a guarantee, two students compared.

Every function takes results and computes nothing but positions.
"""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from kdlib.figures.simplex import CORNERS
from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, STUDENT_3, TEACHER, line

GROUPS = ((STUDENT, "."), (STUDENT_3, "x"))  # colour and marker of each cloud of points


def pairs_below_bounds(
    pairs: Mapping[str, tuple[Tensor, Tensor]],
    at: Sequence[float],
    bounds: Mapping[str, Sequence[float]],
    title: str,
) -> Figure:
    """Clouds of (KL, total variation), and curves that no pair can exceed.

    Args:
        pairs: name -> (KL (M,), total variation (M,)). at: the KLs at which the curves are given.
        bounds: name -> one value per entry of `at`.
    """
    figure = Figure(figsize=(7, 4.2))
    ax = figure.subplots()
    for (colour, marker), (name, (x, y)) in zip(GROUPS, pairs.items(), strict=False):
        ax.scatter(x, y, s=9, marker=marker, color=colour, alpha=0.55, linewidth=0.8, label=name)
    for colour, dash, (name, values) in zip((TEACHER, INK), "-:", bounds.items(), strict=True):
        curve = [float(value) for value in values]
        ax.plot(list(at), curve, color=colour, linestyle=dash, marker="", label=name)
    ax.axhline(1, color=BASELINE, linestyle="--", marker="", linewidth=1)
    ax.set(xscale="log", xlim=(min(at), max(at)), ylim=(0, 1.2), title=title)
    ax.set(xlabel="KL(p‖q), nats", ylabel="total variation")
    ax.legend(loc="upper left", markerscale=2.5)
    return figure


def students_within(
    outline: Tensor, teacher: Tensor, flip: Tensor, classes: Sequence[str], title: str
) -> Figure:
    """All students within a given KL, on the triangle with the borders between favourites.

    Args:
        outline: (M, 3), the border of those students. flip: (3,), the nearest student with a tie.
    """
    # A fixed place: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(6.4, 4.6))
    figure.set_layout_engine("none")
    ax = figure.add_axes((0.02, 0.02, 0.96, 0.86))
    _triangle(ax, classes)
    shape = (outline @ CORNERS).tolist()
    ax.add_patch(Polygon(shape, facecolor=STUDENT, alpha=0.3, linewidth=0))
    ax.add_patch(Polygon(shape, facecolor="none", edgecolor=STUDENT, linewidth=2))
    _place(ax, flip, INK, "X", "cheapest flip", (10, -12))
    _place(ax, teacher, TEACHER, "*", "teacher", (10, 10))
    ax.set_title(title)
    return figure


def promise_curve(
    mean_kl: Sequence[float],
    promised: Sequence[float],
    at: float,
    levels: Mapping[str, float],
    title: str,
) -> Figure:
    """The agreement that a mean KL guarantees, and what more is known of one student.

    Args:
        promised: % of inputs, one per mean KL. at: the student's mean KL. levels: name -> %.
    """
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    ax.plot(list(mean_kl), list(promised), **line(TEACHER) | {"marker": "", "label": "guaranteed"})
    ax.fill_between(list(mean_kl), list(promised), color=TEACHER, alpha=0.12, linewidth=0)
    ax.vlines(at, min(levels.values()), max(levels.values()), color=BASELINE, linestyle="--")
    for name, level in levels.items():
        ax.scatter([at], [level], s=70, color=STUDENT, zorder=3)
        label = f"{name}: {level:.0f} %"
        ax.annotate(label, (at, level), (10, 0), textcoords="offset points", va="center")
    ax.set(xscale="log", xlim=(min(mean_kl), max(mean_kl)), ylim=(0, 104), title=title)
    ax.set(xlabel="mean KL(p‖q), nats", ylabel="same favourite, % of names")
    return figure


def before_and_after(before: Tensor, after: Tensor, names: tuple[str, str], title: str) -> Figure:
    """Each input's KL with one student and with the next; above the diagonal it has grown.

    Args:
        before, after: (N,) in nats. names: of the two students.
    """
    figure = Figure(figsize=(5.6, 5))
    ax = figure.subplots()
    grown = after > before
    for chosen, side, colour, marker in (
        (grown, "further", STUDENT_2, "x"),
        (~grown, "closer", STUDENT, "."),
    ):
        look = {"s": 14, "marker": marker, "color": colour, "alpha": 0.6, "linewidth": 0.8}
        look["label"] = side
        ax.scatter(before[chosen], after[chosen], **look)
    ends = (1e-4, 10.0)
    ax.plot(ends, ends, color=INK, linestyle="-", marker="", linewidth=1.5)
    ax.text(1.6e-4, 5, "further from the teacher", va="top", color=INK, weight="bold")
    ax.text(8, 1.6e-4, "closer to the teacher", ha="right", color=INK, weight="bold")
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, title=title)
    ax.set(xlabel=f"KL(p‖q), nats: {names[0]}", ylabel=f"KL(p‖q), nats: {names[1]}")
    return figure


def _triangle(ax: Axes, classes: Sequence[str]) -> None:
    corners = CORNERS.tolist()
    ax.add_patch(Polygon(corners, facecolor="none", edgecolor=INK, linewidth=1))
    centre = CORNERS.mean(0).tolist()
    for i, ((x, y), name) in enumerate(zip(corners, classes, strict=True)):
        across = (CORNERS.sum(0) - CORNERS[i]).div(2).tolist()  # the middle of the edge opposite
        border = zip(centre, across, strict=True)
        ax.plot(*border, color=BASELINE, linestyle="--", marker="", linewidth=1.5)
        above = math.copysign(0.03, y - 0.1)
        ax.text(x, y + above, name, ha="center", va="bottom" if above > 0 else "top")
    ax.set_aspect("equal")
    ax.set(xlim=(-0.1, 1.1), ylim=(-0.09, 0.95))
    ax.set_axis_off()


def _place(
    ax: Axes, p: Tensor, colour: str, marker: str, name: str, shift: tuple[float, float]
) -> None:
    x, y = (p @ CORNERS).tolist()
    ax.scatter([x], [y], s=200, marker=marker, color=colour, edgecolor="white", zorder=4)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
    ax.annotate(name, (x, y), shift, textcoords="offset points", va="center", bbox=box, zorder=5)
