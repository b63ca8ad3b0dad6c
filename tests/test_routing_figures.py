"""Figures of figures/routing.py show what they were given, and pyplot never learns of it."""

import csv
import io

import matplotlib.pyplot as plt

from kdlib.figures.plotted import as_csv
from kdlib.figures.routing import crossing_chart
from kdlib.figures.show import png


def chart():
    answers = {"first": 0.25, "said": 0.8}
    return crossing_chart([0, 0.5, 1], [60, 80, 75], 70, answers, "t")


def test_pyplot_does_not_know_the_figure_and_the_same_call_draws_the_same_picture():
    before = plt.get_fignums()
    assert png(chart()) == png(chart())
    assert plt.get_fignums() == before


def test_each_answer_stands_on_the_target_at_its_rate():
    rows = list(csv.DictReader(io.StringIO(as_csv(chart()))))
    points = [(float(row["x"]), float(row["y"])) for row in rows if "%" in row["series"]]
    assert points == [(25, 70), (80, 70)]
    labels = {text.get_text() for text in chart().axes[0].get_legend().get_texts()}
    assert labels == {"first: 25.0 %", "said: 80.0 %"}


def test_the_curve_is_drawn_in_percent_of_calls():
    curve = chart().axes[0].lines[0]
    assert list(curve.get_xdata()) == [0, 50, 100] and list(curve.get_ydata()) == [60, 80, 75]
