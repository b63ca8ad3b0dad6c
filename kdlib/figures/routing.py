"""Figures of routers: where a curve meets a target, told rightly and wrongly.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, INK, STUDENT, STUDENT_2, TEACHER, line

MARKS = ((INK, "o"), (STUDENT_2, "X"), (STUDENT, "s"))


def crossing_chart(
    rates: Sequence[float],
    qualities: Sequence[float],
    target: float,
    answers: Mapping[str, float],
    title: str,
) -> Figure:
    """A curve of quality over calls, a target, and at which rates the target is said to be reached.

    Args:
        rates: from 0 to 1. qualities, target: in one unit, such as %.
        answers: who says it -> rate, up to three.
    """
    figure = Figure(figsize=(7.5, 4.4))
    ax = figure.subplots()
    percent = [100 * rate for rate in rates]
    ax.plot(percent, list(qualities), **line(TEACHER) | {"markevery": 1})
    ax.axhline(target, color=BASELINE, linewidth=1.4, linestyle="--", marker="")
    ax.annotate("half of the gap", (100, target), (0, 4), textcoords="offset points", ha="right")
    for (colour, marker), (name, rate) in zip(MARKS, answers.items(), strict=False):
        look = {"color": colour, "marker": marker, "markersize": 11, "linestyle": "none"}
        ax.plot([100 * rate], [target], label=f"{name}: {100 * rate:.1f} %", markevery=1, **look)
    ax.set(xlabel="calls to the large model, %", ylabel="quality, %", title=title)
    ax.legend(loc="lower right")
    return figure
