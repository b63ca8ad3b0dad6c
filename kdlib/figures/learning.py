"""Figures about learning: curves over the number of examples, maps of a plane of points, losses.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from kdlib.figures.charts import COLOURS
from kdlib.figures.style import BASELINE, INK, line
from kdlib.stats import Interval

ALONG = ("axes fraction", "data")
WITHIN = ("data", "axes fraction")
DARKEST = -1.0  # below every probability, so that black letters can be read on all colours


def learning_curves(
    counts: Sequence[int],
    curves: Mapping[str, Sequence[Interval]],
    xlabel: str,
    ylabel: str,
    title: str,
    ceiling: tuple[str, float] | None = None,
) -> Figure:
    """How good students are after 10, 100, 1,000 examples, with intervals; x is logarithmic.

    Args:
        curves: name -> one Interval per count. ceiling: a name and the best that can be reached.
        ylabel: the bars are named beside it.
    """
    figure = Figure(figsize=(7, 4.2))
    ax = figure.subplots()
    for colour, (name, intervals) in zip(COLOURS[1:], curves.items(), strict=False):
        middle = [i.estimate for i in intervals]
        below = [i.estimate - i.low for i in intervals]
        above = [i.high - i.estimate for i in intervals]
        look = line(colour) | {"markevery": 1, "capsize": 4}
        ax.errorbar(list(counts), middle, yerr=[below, above], label=name, **look)
    if ceiling is not None:
        ax.axhline(ceiling[1], color=BASELINE, linestyle="--", marker="")
        place = (0.02, ceiling[1])  # above the bars of curves that have reached it
        ax.annotate(ceiling[0], place, (0, 13), xycoords=ALONG, textcoords="offset points")
        ax.margins(y=0.1)
    ax.set_xscale("log")
    ax.set_xticks(list(counts), [f"{count:,}" for count in counts])
    ax.minorticks_off()
    ax.set(xlabel=xlabel, ylabel=f"{ylabel} (bars: 95 % intervals)", title=title)
    ax.legend(loc="lower right")
    return figure


def loss_valleys(
    students: Sequence[float] | Tensor,
    losses: Mapping[str, Tensor],
    xlabel: str,
    title: str,
    mark: tuple[str, float],
) -> Figure:
    """Losses of a row of students on several draws of data: a curve each, a dot at its minimum.

    Args:
        students: (S,) places on the x-axis. losses: title -> (S, D), nats, a panel for each.
        mark: a name and where its vertical line stands.
    """
    figure = Figure(figsize=(7.5, 3.8))
    panels = figure.subplots(1, len(losses), sharey=True, squeeze=False)[0]
    for ax, (name, curves), colour in zip(panels, losses.items(), COLOURS[1:], strict=False):
        for curve in curves.T:
            lowest = int(curve.argmin())
            look = line(colour) | {"linestyle": "-", "linewidth": 1.5, "markersize": 9}
            ax.plot(
                [float(place) for place in students],
                curve.tolist(),
                **look | {"markevery": [lowest]},
            )
        ax.axvline(mark[1], color=INK, linestyle="--", marker="", zorder=1)
        ax.annotate(mark[0], (mark[1], 1), (4, -12), xycoords=WITHIN, textcoords="offset points")
        ax.set(xlabel=xlabel)
        ax.set_title(name, fontsize=11)
    panels[0].set_ylabel("loss, nats")
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def plane(reach: float = 5.0, steps: int = 60) -> Tensor:
    """Points (steps, steps, 2) of a square from -reach to reach, row by row from below.

    >>> plane(1.0, steps=2)[0].tolist()
    [[-1.0, -1.0], [1.0, -1.0]]
    """
    along = torch.linspace(-reach, reach, steps, dtype=torch.float64)
    y, x = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([x, y], -1)


def answer_maps(
    points: Tensor,
    answers: Mapping[str, Tensor],
    classes: Sequence[str],
    examples: Mapping[str, tuple[Tensor, Tensor]] | None = None,
) -> Figure:
    """What models answer at each point of a plane: borders between favourites, and how sure.

    Args:
        points: (S, S, 2) of `plane`. answers: title -> (S, S, K) probabilities. classes: K letters.
        examples: title -> points (N, 2) and labels (N,), small letters in that map; those that would
            touch its frame or lie beyond it are left out.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(3.2 * len(answers), 3.7))
    figure.set_layout_engine("none")
    width = 1 / len(answers)
    for column, (title, probabilities) in enumerate(answers.items()):
        ax = figure.add_axes((column * width + 0.005, 0.08, width - 0.01, 0.83))
        where, labels = (examples or {}).get(title, (points[:0, 0], points[:0, 0, 0]))
        _favourites(ax, points, probabilities, classes, where)
        ax.set_title(title, fontsize=11)
        inside = where.abs().amax(-1) < 0.95 * float(points.max())
        for k, letter in enumerate(classes):
            x, y = where[inside & (labels == k)].T.numpy()
            ax.scatter(x, y, marker=f"${letter}$", s=30, linewidths=0.3, color=INK)
    figure.text(
        0.01, 0.015, "colour: how sure of the favourite, from grey (20 %) to yellow (100 %)"
    )
    return figure


def _favourites(
    ax: Axes, points: Tensor, probabilities: Tensor, classes: Sequence[str], examples: Tensor
) -> None:
    """The map itself: colour says how sure, lines where the favourite changes, letters which."""
    reach = float(points.max())
    sure, favourite = probabilities.max(-1)
    square = (-reach, reach, -reach, reach)
    ax.imshow(sure.numpy(), extent=square, origin="lower", cmap="cividis", vmin=DARKEST, vmax=1.0)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
    for k, letter in enumerate(classes):
        if bool((favourite == k).any()):
            across, up = _near_the_frame(points[favourite == k], 0.88 * reach, examples)
            ax.text(across, up, letter, ha="center", va="center", weight="bold", bbox=box)
    borders = LineCollection(_borders(points, probabilities), colors=INK, linewidths=1.2)
    ax.add_collection(borders, autolim=False)
    ax.set(xlim=square[:2], ylim=square[2:])
    ax.set_axis_off()


def _near_the_frame(region: Tensor, reach: float, examples: Tensor) -> list[float]:
    """Where a region (N, 2) is named: at one of its points, towards the frame, off the examples."""
    clear = region[region.abs().amax(-1) <= reach]  # of the frame
    region = clear if len(clear) else region
    middle = region.mean(0)
    towards = middle * reach / middle.abs().max().clamp_min(reach / 10)
    away = torch.cdist(region, towards[None])[:, 0]
    if len(examples):
        away = away + reach * (torch.cdist(region, examples).amin(1) < reach / 8)
    place: list[float] = region[away.argmin()].tolist()
    return place


def _borders(points: Tensor, probabilities: Tensor) -> list[NDArray[np.float64]]:
    """Lines on which a class is as likely as the best of the others; contour() takes far longer."""
    x, y = points[0, :, 0].numpy(), points[:, 0, 1].numpy()
    lines: list[NDArray[np.float64]] = []
    for k in range(probabilities.shape[-1]):
        others = torch.cat([probabilities[..., :k], probabilities[..., k + 1 :]], -1).amax(-1)
        ahead = contour_generator(x, y, (probabilities[..., k] - others).numpy())
        lines += [np.asarray(found) for found in ahead.lines(0.0)]
    return lines
