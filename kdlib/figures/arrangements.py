"""The map of the course: five ways in which a small and a large model work together."""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from kdlib.figures.style import BASELINE, INK, STUDENT, TEACHER

Place = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """One arrangement: boxes at places, arrows between boxes, and the line below."""

    title: str
    boxes: Mapping[str, Place]
    arrows: tuple[tuple[str, str, str], ...]
    caption: str


PANELS = (
    Panel(
        "(a) weak labels",
        {"x": (0.6, 3), "small": (3.6, 3), "large": (8.8, 3)},
        (("x", "small", ""), ("small", "large", "answers")),
        "small teaches · large learns · large answers",
    ),
    Panel(
        "(b) distilling a small model",
        {"x": (0.6, 3), "small": (4, 4.7), "large": (4, 1.3), "KL(p‖q)": (8.4, 3)},
        (
            ("x", "small", ""),
            ("x", "large", ""),
            ("small", "KL(p‖q)", "p"),
            ("large", "KL(p‖q)", "q"),
        ),
        "small teaches · large learns · large answers",
    ),
    Panel(
        "(c) data selection",
        {"texts": (0.6, 3), "small": (3.8, 3), "large": (9.2, 3)},
        (("texts", "small", ""), ("small", "large", "the best")),
        "small selects · large learns · large answers",
    ),
    Panel(
        "(d) ensemble",
        {"x": (0.6, 3), "small 1": (4, 5), "small 2": (4, 3), "small 3": (4, 1), "mix": (8.4, 3)},
        tuple(("x", f"small {i}", "") for i in (1, 2, 3))
        + tuple((f"small {i}", "mix", "") for i in (1, 2, 3)),
        "nobody learns · all answer · all are paid",
    ),
    Panel(
        "(e) cascade",
        {"x": (0.6, 4.4), "small": (3.8, 4.4), "answer": (8.8, 4.4), "large": (3.8, 1.3)},
        (
            ("x", "small", ""),
            ("small", "answer", "sure"),
            ("small", "large", "unsure"),
            ("large", "answer", ""),
        ),
        "nobody learns · small first, large if unsure\nsmall is always paid, large sometimes",
    ),
)


def arrangements() -> Figure:
    """Draw the five arrangements of a small and a large model, with who teaches and who is paid.

    Source: Xiao & Zhu (2025), section 4.2.5, which groups them so: (a) to (c) help to train the
    large model, (d) and (e) put both to use.
    """
    figure = Figure(figsize=(11, 5.6))
    axes = figure.subplots(2, 3)
    for ax, panel in zip(axes.flat, PANELS, strict=False):
        draw(ax, panel)
    _legend(axes.flat[-1])
    return figure


def draw(ax: Axes, panel: Panel) -> None:
    _empty(ax)
    drawn = {name: _box(ax, name, place) for name, place in panel.boxes.items()}
    for start, end, text in panel.arrows:
        _arrow(ax, drawn[start], drawn[end], text)
    ax.set_title(panel.title)
    ax.text(5, -0.9, panel.caption, ha="center", va="top", fontsize=11)


def _empty(ax: Axes) -> None:
    ax.set_xlim(-0.4, 10)
    ax.set_ylim(-2.2, 6)
    ax.set_axis_off()


def _box(ax: Axes, name: str, place: Place) -> Text:
    edge = {"small": STUDENT, "large": TEACHER}.get(name.split()[0], BASELINE)
    width = 3 if name.split()[0] in ("small", "large") else 1.2
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": edge, "linewidth": width}
    return ax.text(*place, name, ha="center", va="center", bbox=box, fontsize=12, zorder=3)


def _arrow(ax: Axes, start: Text, end: Text, text: str) -> None:
    (x0, y0), (x1, y1) = start.get_position(), end.get_position()
    between = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch()}
    style = {"arrowstyle": "-|>", "color": INK, "shrinkA": 2, "shrinkB": 2, **between}
    ax.annotate("", (x1, y1), (x0, y0), arrowprops=style)
    vertical = x0 == x1
    place = ((x0 + x1) / 2 - 0.3 * vertical, (y0 + y1) / 2 + 0.3 * (not vertical))
    ax.text(
        *place, text, ha="right" if vertical else "center", va="center" if vertical else "bottom"
    )


def _legend(ax: Axes) -> None:
    _empty(ax)
    _box(ax, "small", (1.2, 4.6))
    ax.text(3, 4.6, "the small, cheap model", va="center")
    _box(ax, "large", (1.2, 2.6))
    ax.text(3, 2.6, "the large, expensive model", va="center")
    ax.text(5, -0.1, "(a)–(c): while training\n(d), (e): while answering", ha="center")
