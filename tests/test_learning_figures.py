"""Figures of figures/learning.py show what they were given, and pyplot never learns of it."""

import csv
import io

import matplotlib.pyplot as plt
import pytest
import torch

from kdlib.figures.learning import answer_maps, learning_curves, plane, spread_chart
from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png
from kdlib.mixtures import ring
from kdlib.stats import Interval

WORLD, GRID = ring(), plane(steps=20)
ANSWERS = {"truth": WORLD.log_probabilities(GRID).exp()}
DRAWN = WORLD.sample(30)
CURVES = {"labels": [Interval(40.0, 38.0, 42.0), Interval(69.5, 69.0, 70.0)]}

KINDS = {
    "curves": lambda: learning_curves(
        (10, 1000), CURVES, "points", "right, %", "t", ("Bayes", 71.0)
    ),
    "spread": lambda: spread_chart({"hard": [0, 1, 5], "soft": [2, 2, 3]}, "loss", "t", ("m", 2.0)),
    "maps": lambda: answer_maps(GRID, ANSWERS, "ABCDE", {"truth": (DRAWN.inputs, DRAWN.labels)}),
    "one favourite": lambda: answer_maps(
        GRID, {"all A": torch.eye(5)[0].expand(20, 20, 5)}, "ABCDE"
    ),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


def texts(figure):
    return {text.get_text() for text in figure.findobj(plt.Text)}


def rows(figure):
    return list(csv.DictReader(io.StringIO(as_csv(figure))))


@each_kind
def test_pyplot_does_not_know_the_figure_and_the_same_call_draws_the_same_picture(make):
    plt.close("all")
    assert png(make()) == png(make())
    assert plt.get_fignums() == []


def test_learning_curves_hold_the_given_numbers():
    figure = KINDS["curves"]()
    assert {"40", "69.5"} <= {row["y"] for row in rows(figure)}
    assert {"Bayes", "1,000", "labels"} <= texts(figure)


def test_a_spread_chart_counts_every_repetition():
    bars = [row for row in rows(KINDS["spread"]()) if row["kind"] == "bar"]
    assert sum(float(row["value"]) for row in bars) == 6


def test_a_map_names_every_region_and_holds_every_example():
    figure = KINDS["maps"]()
    assert set("ABCDE") <= texts(figure)
    assert sum(row["kind"] == "point" for row in rows(figure)) == len(DRAWN)


def test_a_map_with_one_favourite_has_no_border():
    figure = KINDS["one favourite"]()
    assert not any(row["kind"] == "segment" for row in rows(figure))
    assert texts(figure) & set("ABCDE") == {"A"}
