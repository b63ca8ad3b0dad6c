"""The triangle of all distributions over three classes, and divergences drawn on it.

A distribution (p1, p2, p3) is a point: the corners are certainty, the centre is uniform. The maps
take values computed elsewhere, one per grid point.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.tri import TriContourSet
from torch import Tensor

from kdlib.figures.style import INK, STUDENT, TEACHER

CORNERS = torch.tensor([[0.5, math.sqrt(3) / 2], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
HIGHEST = 3.0  # nats: what lies further away has the colour of the end of the scale


def simplex_grid(steps: int = 60) -> Tensor:
    """All distributions over three classes in multiples of 1/steps, corners kept just inside.

    Returns:
        (M, 3) float64 with M = (steps + 1)(steps + 2) / 2; every entry is at least 1e-4, so that
        divergences stay finite on the edges.

    >>> simplex_grid(2).shape
    torch.Size([6, 3])
    """
    whole = [(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    points = torch.tensor(whole, dtype=torch.float64) / steps
    points = points.clamp(min=1e-4)
    return points / points.sum(-1, keepdim=True)


def simplex_maps(
    grid: Tensor, values: Mapping[str, Tensor], teacher: Tensor, classes: Sequence[str]
) -> Figure:
    """One heat map per function: how far each student on the grid is from the teacher.

    Args:
        grid: (M, 3) distributions. values: name -> (M,). teacher: (3,). classes: three names.
    """
    figure = Figure(figsize=(3.2 * len(values), 3.8))
    axes = figure.subplots(1, len(values), squeeze=False)
    for ax, (name, value) in zip(axes[0], values.items(), strict=True):
        drawn = _contours(ax, grid, value)
        ticks = list(drawn.levels)[::6]
        figure.colorbar(drawn, ax=ax, location="bottom", shrink=0.75, ticks=ticks, format="%.2f")
        _decorate(ax, classes)
        _point(ax, teacher, TEACHER, "teacher", "*")
        ax.text(0.5, 1.1, name, ha="center", weight="bold")
    return figure


def student_on_simplex(
    grid: Tensor,
    value: Tensor,
    teacher: Tensor,
    student: Tensor,
    distances: Mapping[str, float],
    classes: Sequence[str],
) -> Figure:
    """A teacher and a student on the triangle, and beside it every distance between them.

    Args:
        value: (M,) KL(teacher‖student) on grid (M, 3), the colours.
        distances: name -> value, in nats or without unit.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(8, 3.4))
    figure.set_layout_engine("none")
    left, right = figure.add_axes((0.0, 0.02, 0.4, 0.96)), figure.add_axes((0.64, 0.17, 0.35, 0.8))
    _contours(left, grid, value)
    _decorate(left, classes)
    _point(left, teacher, TEACHER, "teacher", "*")
    _point(left, student, STUDENT, "student", "o")
    left.text(0.5, 1.12, "colour: KL(teacher‖student)", ha="center", fontsize=11)
    _bars(right, distances)
    return figure


def _contours(ax: Axes, grid: Tensor, value: Tensor) -> TriContourSet:
    x, y = (grid @ CORNERS).T.numpy()
    highest = min(float(value.max()), HIGHEST)
    levels = highest * np.linspace(0, 1, 13) ** 1.5  # finer near the teacher
    beyond = "max" if float(value.max()) > HIGHEST else "neither"
    return ax.tricontourf(x, y, value.numpy(), levels=levels, cmap="cividis_r", extend=beyond)


def _decorate(ax: Axes, classes: Sequence[str]) -> None:
    outline = torch.cat([CORNERS, CORNERS[:1]])
    ax.plot(outline[:, 0], outline[:, 1], color=INK, linewidth=1, linestyle="-", marker="")
    for (x, y), name in zip(CORNERS.tolist(), classes, strict=True):
        on_top = y > 0
        shift = 0.03 if on_top else -0.03
        ax.text(x, y + shift, name, ha="center", va="bottom" if on_top else "top")
    ax.set_aspect("equal")
    ax.set_ylim(-0.1, 1.2)
    ax.set_axis_off()


def _point(ax: Axes, p: Tensor, colour: str, name: str, marker: str) -> None:
    x, y = (p.to(torch.float64) @ CORNERS).tolist()
    ax.scatter([x], [y], s=150, marker=marker, color=colour, edgecolor="white", zorder=4)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
    ax.annotate(name, (x, y), (9, 0), textcoords="offset points", va="center", bbox=box, zorder=5)


def _bars(ax: Axes, distances: Mapping[str, float]) -> None:
    names = list(distances)[::-1]
    shown = [min(distances[name], HIGHEST) for name in names]
    ax.barh(names, shown, color=STUDENT)
    for row, name in enumerate(names):
        ax.text(shown[row] + 0.05, row, f"{distances[name]:.3f}", va="center")
    ax.set_xlim(0, HIGHEST * 1.3)
    ax.set_xlabel("nats (lowest two: no unit)")
