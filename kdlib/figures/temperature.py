"""What depends on a temperature: two models' answers and the pushes between them, and curves.

The functions take results and compute nothing but positions.
"""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from kdlib.figures.style import INK, STUDENT, TEACHER, line

SMALLEST_REACH = 1.5  # of the axis of pushes: moderate pushes can be compared from frame to frame
HEAD = 0.16  # of that reach, the longest head of an arrow


def answers_and_pushes(
    teacher: Sequence[float],
    student: Sequence[float],
    pushes: Sequence[float],
    classes: Sequence[str],
    title: str,
) -> Figure:
    """The softened answers of teacher and student, and below each class the push on its logit.

    Args:
        teacher, student: (K,) probabilities. pushes: (K,), minus the gradient of the loss in the
            student's logits. classes: K names.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(7, 5))
    figure.set_layout_engine("none")
    above, below = (
        figure.add_axes((0.11, 0.52, 0.87, 0.4)),
        figure.add_axes((0.11, 0.04, 0.87, 0.4)),
    )
    _bars(above, teacher, student, title)
    _arrows(below, pushes)
    for ax in (above, below):
        ax.set_xlim(-0.6, len(classes) - 0.4)
        ax.set_xticks(range(len(classes)), classes)
    below.tick_params(labelbottom=False)  # the names between the panels serve both
    return figure


def pushes_in_words(
    teacher: Sequence[float],
    student: Sequence[float],
    pushes: Sequence[float],
    classes: Sequence[str],
    title: str,
) -> str:
    """What `answers_and_pushes` shows, for those who do not see it.

    >>> pushes_in_words([0.5, 0.5], [0.8, 0.2], [-0.3, 0.3], ["DE", "FR"], "Ulm")
    'Ulm. Likeliest: teacher DE 0.50, student DE 0.80. Pushes on the logits: DE -0.30, FR +0.30.'
    """
    likeliest = []
    for name, answer in (("teacher", teacher), ("student", student)):
        probability, country = max(zip(map(float, answer), classes, strict=True), key=_first)
        likeliest.append(f"{name} {country} {probability:.2f}")
    told = [f"{name} {float(push):+.2f}" for name, push in zip(classes, pushes, strict=True)]
    return f"{title}. Likeliest: {', '.join(likeliest)}. Pushes on the logits: {', '.join(told)}."


def over_temperature(
    temperatures: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    ylabel: str,
    title: str,
    *,
    xlabel: str = "temperature",
    log_y: bool = False,
) -> Figure:
    """Curves over a logarithmic temperature axis, with ticks at the powers of two.

    Args:
        curves: name -> one value per temperature, at most two of them. log_y: y logarithmic too.
    """
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    for colour, (name, values) in zip((TEACHER, STUDENT), curves.items(), strict=False):
        look = line(colour) | {"markevery": max(1, len(temperatures) // 8)}
        ax.plot(list(temperatures), [float(value) for value in values], label=name, **look)
    ax.set_xscale("log", base=2)
    first, last = (round(math.log2(end)) for end in (min(temperatures), max(temperatures)))
    ticks = [2.0**power for power in range(first, last + 1)]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set(yscale="log" if log_y else "linear", xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return figure


def _first(pair: tuple[float, str]) -> float:
    return pair[0]


def _bars(ax: Axes, teacher: Sequence[float], student: Sequence[float], title: str) -> None:
    looks = (
        {"label": "teacher p", "color": TEACHER},
        {"label": "student q", "color": STUDENT, "hatch": "///", "edgecolor": "white"},
    )
    for i, (answer, look) in enumerate(zip((teacher, student), looks, strict=True)):
        places = [k + 0.4 * (i - 0.5) for k in range(len(answer))]
        ax.bar(places, [float(x) for x in answer], 0.4, linewidth=0, **look)
    ax.set(ylim=(0, 1.05), ylabel="softened probability", title=title)
    ax.legend(loc="upper right", ncols=2)


def _arrows(ax: Axes, pushes: Sequence[float]) -> None:
    """An arrow for each class, from 0 to its push: the tip stands at the value."""
    reach = max(SMALLEST_REACH, 1.15 * max(abs(float(push)) for push in pushes))
    ax.axhline(0, color=INK, linewidth=1, linestyle="-", marker="")
    for k, push in enumerate(pushes):
        corners = _arrow(k, float(push), HEAD * reach)
        ax.add_patch(Polygon(corners, color=INK, linewidth=0, zorder=3))
    ax.set(ylim=(-reach, reach), ylabel="push on the logit", axisbelow=True)


def _arrow(place: float, height: float, longest_head: float) -> list[tuple[float, float]]:
    """Its corners. What is shorter than a head is a smaller head, and no shaft."""
    head = min(abs(height), longest_head)
    wing, shaft = 0.17 * head / longest_head, 0.05 * (abs(height) > longest_head)
    neck = height - math.copysign(head, height)
    xs = (-shaft, -shaft, -wing, 0, wing, shaft, shaft)
    ys = (0, neck, neck, height, neck, neck, 0)
    return [(place + x, y) for x, y in zip(xs, ys, strict=True)]
