"""Figures of deferral rules: which inputs a rule passes on, and what becomes of them.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, INK, STUDENT, TEACHER

ENDS = -0.05, 1.05  # of both axes, or further: estimated chances may lie outside 0 to 1
LOW = 0.4  # a cloud below this chance of the large model is told apart
GAIN = "rule: gain,\npasses on above it"
UNSURE = "rule: unsure,\npasses on left of it"
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
    ax = figure.add_axes((0.1, 0.11, 0.62, 0.8))
    for outcome, (marker, colour, size) in LOOKS.items():
        rows = [i for i, name in enumerate(outcomes) if name == outcome]
        x, y = [small[i] for i in rows], [large[i] for i in rows]
        look = {"s": size, "c": colour, "marker": marker, "linewidths": 0, "alpha": 0.75}
        ax.scatter(x, y, label=outcome, **look)
    _rules(ax, price, threshold)
    ax.set(xlim=_ends(small), ylim=_ends(large))
    ax.set(xlabel="chance that the small model is right")
    ax.set(ylabel="chance that the large model is right")
    figure.legend(*ax.get_legend_handles_labels(), loc=(0.725, 0.58), fontsize=10)
    figure.text(0.01, 0.95, title, weight="bold", fontsize=13)
    return figure


def plane_in_words(
    small: Sequence[float], large: Sequence[float], passed_on: float, net: Mapping[str, float]
) -> str:
    """What `gain_plane` shows, for those who do not see it.

    Args:
        passed_on: share of the inputs that both rules pass on. net: rule -> right answers of 100,
            less what the calls cost.

    >>> print(plane_in_words([0.3, 0.7, 0.9], [0.1, 0.8, 0.9], 0.25, {"gain": 74, "unsure": 71}))
    33 % of the points lie below .4, where the large model is mostly wrong (median 0.10); those above have median 0.85. The chances of the two models correlate with 0.98. Both rules pass on 25 %, one what is above the diagonal, the other what is left of the dotted line. Right of 100, less cost: gain 74, unsure 71.
    """
    y = np.asarray(large)
    low, high = y[y < LOW], y[y >= LOW]
    told = ", ".join(f"{rule} {x:.0f}" for rule, x in net.items())
    below = (
        f", where the large model is mostly wrong (median {np.median(low):.2f})" if len(low) else ""
    )
    above = f"; those above have median {np.median(high):.2f}" if len(high) else ""
    return (
        f"{100 * len(low) / len(y):.0f} % of the points lie below .4{below}{above}. The chances of the "
        f"two models correlate with {np.corrcoef(small, y)[0, 1]:.2f}. Both rules pass on "
        f"{100 * passed_on:.0f} %, one what is above the diagonal, the other what is left of the "
        f"dotted line. Right of 100, less cost: {told}."
    )


def _ends(chances: Sequence[float]) -> tuple[float, float]:
    """The usual ends, or as far as the points go: none is cut off."""
    low, high = ENDS
    return min(low, min(chances) - 0.05), max(high, max(chances) + 0.05)


def _rules(ax: Axes, price: float, threshold: float) -> None:
    low, high = -2, 3  # past any ends: the limits of the axes cut the lines
    gain = {"color": INK, "linewidth": 2, "linestyle": "-", "marker": ""}
    ax.plot([low, high], [low + price, high + price], label=GAIN, **gain)
    sure = {"color": INK, "linewidth": 1.6, "linestyle": ":", "marker": ""}
    ax.plot([threshold, threshold], [low, high], label=UNSURE, **sure)
