"""Figures of deferral rules: which inputs a rule passes on, and what becomes of them.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, INK, STUDENT, TEACHER

ENDS = -0.05, 1.05  # of both axes: estimated chances may lie a little outside 0 to 1
# outcome -> marker, colour, size; who is right decides whether deferring helps
LOOKS = {
    "gained": ("^", TEACHER, 26),
    "lost": ("v", STUDENT, 26),
    "no difference": (".", BASELINE, 14),
}


def gain_plane(
    small: Sequence[float],
    large: Sequence[float],
    outcomes: Sequence[str],
    price: float,
    threshold: float,
    title: str,
) -> Figure:
    """Inputs by the chances that the small and the large model are right, with two rules.

    Above the diagonal the gain of the large model is more than its price; to the left of the
    upright line the small model is the least sure.

    Args:
        small, large: estimated chances (N,). outcomes: what deferring each input does, a key of
            LOOKS.
        price: of a large call, in right answers. threshold: of the chance of the small model.
    """
    # Fixed places: a layout engine would take half of the time of a redraw.
    figure = Figure(figsize=(7.5, 5.2))
    figure.set_layout_engine("none")
    ax = figure.add_axes((0.09, 0.11, 0.62, 0.8))
    for outcome, (marker, colour, size) in LOOKS.items():
        rows = [i for i, name in enumerate(outcomes) if name == outcome]
        x, y = [small[i] for i in rows], [large[i] for i in rows]
        look = {"s": size, "c": colour, "marker": marker, "linewidths": 0, "alpha": 0.75}
        ax.scatter(x, y, label=outcome, **look)
    _rules(ax, price, threshold)
    ax.set(xlim=ENDS, ylim=ENDS)
    ax.set(xlabel="chance that the small model is right", ylabel="… that the large model is")
    figure.legend(*ax.get_legend_handles_labels(), loc=(0.73, 0.62), fontsize=10)
    figure.text(0.01, 0.95, title, weight="bold", fontsize=13)
    return figure


def _rules(ax: Axes, price: float, threshold: float) -> None:
    low, high = ENDS
    gain = {"color": INK, "linewidth": 2, "linestyle": "-", "marker": ""}
    ax.plot([low, high], [low + price, high + price], label="rule: gain", **gain)
    sure = {"color": INK, "linewidth": 1.6, "linestyle": ":", "marker": ""}
    ax.plot([threshold, threshold], [low, high], label="rule: unsure", **sure)
