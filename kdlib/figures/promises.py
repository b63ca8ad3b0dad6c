"""What a divergence promises, drawn: bounds, reachable students, guarantees, two students compared.

Every function takes results and computes nothing but positions.
"""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from kdlib.figures.charts import line_chart
from kdlib.figures.simplex import CORNERS
from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, STUDENT_3, TEACHER, line

GROUPS = ((STUDENT, "."), (STUDENT_3, "x"))  # colour and marker of each cloud of points
BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.9}


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
    ax.text(0.02, 1.02, "no difference is larger than 1", transform=ax.get_yaxis_transform())
    ax.set(xscale="log", xlim=(min(at), max(at)), ylim=(0, 1.2), title=title)
    ax.set(xlabel="KL(p‖q), nats", ylabel="total variation")
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.81), markerscale=2.5)
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
    within = {"facecolor": STUDENT, "alpha": 0.3, "linewidth": 0, "label": "students within"}
    ax.add_patch(Polygon(shape, **within))
    ax.add_patch(Polygon(shape, facecolor="none", edgecolor=STUDENT, linewidth=2))
    for p, colour, marker, name in (
        (flip, INK, "X", "cheapest flip"),
        (teacher, TEACHER, "*", "teacher"),
    ):
        look = {"s": 200, "marker": marker, "color": colour, "edgecolor": "white", "zorder": 4}
        ax.scatter(*(p @ CORNERS)[:, None].tolist(), label=name, **look)
    figure.legend(loc="upper right", bbox_to_anchor=(0.99, 0.88), markerscale=0.9)
    ax.set_title(title)
    return figure


def by_tenth(curves: Mapping[str, Sequence[float]], of_what: str, title: str) -> Figure:
    """One curve per name over ten tenths of the inputs.

    Args:
        curves: name -> ten values in %. of_what: by what the inputs are sorted, and how.
    """
    figure = line_chart(range(1, 11), curves, of_what, "% of the names", title)
    figure.axes[0].set_xticks(range(1, 11))
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
    ax.plot(list(mean_kl), list(promised), **line(TEACHER) | {"marker": ""})
    ax.fill_between(list(mean_kl), list(promised), color=TEACHER, alpha=0.12, linewidth=0)
    ax.text(0.03, 0.6, "guaranteed at this mean", color=TEACHER, transform=ax.transAxes)
    ax.vlines(at, min(levels.values()), max(levels.values()), color=BASELINE, linestyle="--")
    for name, level in levels.items():
        ax.scatter([at], [level], s=70, color=STUDENT, zorder=3)
        label = f"{name}: {level:.0f} %"
        ax.annotate(label, (at, level), (10, 0), textcoords="offset points", va="center")
    ax.set(xscale="log", xlim=(min(mean_kl), max(mean_kl)), ylim=(0, 104), title=title)
    ax.set(xlabel="mean KL(p‖q), nats", ylabel="same favourite, % of names")
    return figure


def before_and_after(
    before: Tensor,
    after: Tensor,
    names: tuple[str, str],
    marks: Mapping[str, tuple[float, float]],
    title: str,
) -> Figure:
    """Each input's KL with one student and with the next; above the diagonal it has grown.

    Args:
        before, after: (N,) in nats. names: of the two students. marks: statistic -> its two values.
    """
    figure = Figure(figsize=(6.4, 5))
    ax = figure.subplots()
    grown = after > before
    for chosen, colour, marker in ((grown, STUDENT_2, "x"), (~grown, STUDENT, ".")):
        look = {"s": 14, "marker": marker, "color": colour, "alpha": 0.5, "linewidth": 0.8}
        ax.scatter(before[chosen], after[chosen], **look)
    ax.set(xlim=_around(before), ylim=_around(after), title=title)
    ax.axline((1, 1), (2, 2), color=INK, linestyle="-", marker="", linewidth=1.5)
    for x, y, text in (
        (0.03, 0.96, "further from the teacher"),
        (0.6, 0.04, "closer to the teacher"),
    ):
        ax.text(x, y, text, va="center", weight="bold", transform=ax.transAxes)
    for (name, place), shift in zip(marks.items(), ((25, -85), (-75, 65)), strict=True):
        _mark(ax, name, place, shift)
    ax.set(xscale="log", xlabel=f"KL(p‖q), nats: {names[0]}")
    ax.set(yscale="log", ylabel=f"KL(p‖q), nats: {names[1]}")
    return figure


def _triangle(ax: Axes, classes: Sequence[str]) -> None:
    corners = CORNERS.tolist()
    ax.add_patch(Polygon(corners, facecolor="none", edgecolor=INK, linewidth=1))
    centre = CORNERS.mean(0).tolist()
    for i, ((x, y), name) in enumerate(zip(corners, classes, strict=True)):
        across = (CORNERS.sum(0) - CORNERS[i]).div(2).tolist()  # the middle of the edge opposite
        border = zip(centre, across, strict=True)
        look = {"color": BASELINE, "linestyle": "--", "marker": "", "linewidth": 1.5}
        ax.plot(*border, label="_" * i + "favourites change", **look)
        above = math.copysign(0.03, y - 0.1)
        ax.text(x, y + above, name, ha="center", va="bottom" if above > 0 else "top")
    ax.set_aspect("equal")
    ax.set(xlim=(-0.1, 1.1), ylim=(-0.09, 0.95))
    ax.set_axis_off()


def _around(values: Tensor) -> tuple[float, float]:
    """Ends of a logarithmic axis that leave no value out."""
    return float(values.min()) / 2, float(values.max()) * 2


def _mark(ax: Axes, name: str, place: tuple[float, float], shift: tuple[float, float]) -> None:
    """A statistic of both students; its two values stand aside, shifted by so many points."""
    ax.scatter(*place, s=90, marker="D", color=INK, edgecolor="white", zorder=4)
    ax.annotate(
        f"{name} {place[0]:.2f} → {place[1]:.2f}",
        place,
        shift,
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": INK},
        ha="center",
        bbox=BOX,
        zorder=5,
    )
