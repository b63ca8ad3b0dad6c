"""Figures of a threshold: the risk among what is kept, and what can be promised of it."""

from matplotlib.figure import Figure

from kdlib.cascade.seen import SeenRisk
from kdlib.figures.style import BASELINE, INK, STUDENT, TEACHER, line


def risk_chart(seen: SeenRisk, risk: float, kept: int | None = None, title: str = "") -> Figure:
    """The risk seen at each share of inputs kept, its upper bound, and where the search ended.

    Args:
        seen: of the thresholds that were tested, the safest first.
        risk: to be promised.
        kept: inputs that the certified threshold keeps; None draws no mark.
    """
    figure = Figure(figsize=(7.5, 4.4))
    ax = figure.subplots()
    shares = [100 * share for share in seen.kept]
    for name, colour, values in (
        ("upper bound", TEACHER, seen.upper),
        ("seen", STUDENT, seen.risk),
    ):
        ax.plot(shares, [100 * value for value in values], label=name, **line(colour))
    ax.axhline(100 * risk, color=INK, linewidth=1.2, marker="", label="to promise")
    if kept is not None:
        ax.axvline(100 * kept / seen.inputs, color=BASELINE, linewidth=1.2, marker="")
    ax.set(xlabel="kept by the small model, % of inputs", ylabel="wrong, %", title=title)
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside upper left", ncols=4, fontsize=10)
    return figure
