"""Charts for comparing models: answers side by side, estimates with intervals, curves with bands.

Every function takes results and computes nothing but positions.
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from kdlib.figures.style import BASELINE, STUDENT, STUDENT_2, STUDENT_3, TEACHER, line
from kdlib.stats import Interval

COLOURS = (TEACHER, STUDENT, STUDENT_2, STUDENT_3, BASELINE)
HATCHES = ("", "///", "...", "xxx", "")


def compare_answers(
    answers: Mapping[str, Sequence[float]], classes: Sequence[str], title: str
) -> Figure:
    """The probabilities of several models for one input, class by class.

    Args:
        answers: model -> (K,) probabilities, the teacher first. classes: K names.
    """
    figure = Figure(figsize=(7, 3.6))
    ax = figure.subplots()
    width = 0.8 / len(answers)
    for i, (model, probabilities) in enumerate(answers.items()):
        places = [k + (i - (len(answers) - 1) / 2) * width for k in range(len(classes))]
        look = {"color": COLOURS[i], "hatch": HATCHES[i], "edgecolor": "white", "linewidth": 0}
        ax.bar(places, [float(x) for x in probabilities], width, label=model, **look)
    ax.set_xticks(range(len(classes)), classes)
    ax.set(ylim=(0, 1.05), ylabel="probability", title=title)
    ax.legend(ncols=len(answers), loc="upper right")
    return figure


def answers_in_words(answers: Mapping[str, Sequence[float]], classes: Sequence[str]) -> str:
    """What `compare_answers` shows, for those who do not see it: the three likeliest of each model.

    >>> answers_in_words({"large": [0.1, 0.7, 0.2]}, ["DE", "FR", "IT"])
    'Bars of probability for each class. The likeliest by large: FR 0.70, IT 0.20, DE 0.10.'
    """
    told = []
    for model, probabilities in answers.items():
        pairs = sorted(zip(map(float, probabilities), classes, strict=True), reverse=True)
        told.append(f"by {model}: " + ", ".join(f"{name} {p:.2f}" for p, name in pairs[:3]))
    return f"Bars of probability for each class. The likeliest {'; '.join(told)}."


def interval_chart(
    estimates: Mapping[str, Interval],
    xlabel: str,
    title: str,
    baseline: tuple[str, float] | None = None,
) -> Figure:
    """Estimates with their intervals, a row each from top to bottom; a baseline with its name."""
    figure = Figure(figsize=(7.5, 1.2 + 0.55 * len(estimates)))
    ax = figure.subplots()
    look = {"fmt": "o", "color": TEACHER, "capsize": 5, "markevery": 1, "markersize": 8}
    for row, interval in enumerate(estimates.values()):
        below, above = interval.estimate - interval.low, interval.high - interval.estimate
        ax.errorbar([interval.estimate], [-row], xerr=[[below], [above]], **look)
    if baseline is not None:
        name, place = baseline
        ax.axvline(place, color=BASELINE, linestyle="--", marker="")
        ax.annotate(name, (place, 0.5), (-4, 0), textcoords="offset points", ha="right", va="top")
    ax.set_yticks([-row for row in range(len(estimates))], list(estimates))
    ax.set(ylim=(0.6 - len(estimates), 0.6), xlabel=xlabel)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=13)
    return figure


def band_chart(
    x: Sequence[float],
    curves: Mapping[str, Sequence[Interval]],
    xlabel: str,
    ylabel: str,
    title: str,
) -> Figure:
    """Curves of estimates over x with their intervals as error bars, each labelled at its end."""
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    for colour, (name, intervals) in zip(COLOURS[1:], curves.items(), strict=False):
        middle = [i.estimate for i in intervals]
        below = [i.estimate - i.low for i in intervals]
        above = [i.high - i.estimate for i in intervals]
        ax.errorbar(list(x), middle, yerr=[below, above], label=name, capsize=4, **line(colour))
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.set_xticks(list(x))
    ax.legend()
    return figure


def line_chart(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    title: str,
    *,
    log: str = "",
) -> Figure:
    """Curves over one x, without intervals: losses along training, functions of a setting.

    Args:
        curves: name -> one value per x; nan leaves a gap.
        log: the axes on a logarithmic scale: "", "x", "y" or "xy".
    """
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        look = line(colour) | {"markevery": max(1, len(x) // 8)}
        ax.plot(list(x), [float(value) for value in values], label=name, **look)
    for axis in log:
        getattr(ax, f"set_{axis}scale")("log")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return figure
