"""Figures of figures/learning.py show what they were given, and pyplot never learns of it."""

import csv
import io

import matplotlib.pyplot as plt
import pytest
import torch

from kdlib.figures.learning import answer_maps, learning_curves, loss_valleys, plane
from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png
from kdlib.mixtures import ring
from kdlib.stats import Interval

WORLD, GRID = ring(), plane(steps=20)
ANSWERS = {"truth": WORLD.log_probabilities(GRID).exp()}
DRAWN = WORLD.sample(30)
CURVES = {"labels": [Interval(40.0, 38.0, 42.0), Interval(69.5, 69.0, 70.0)]}

VALLEYS = torch.tensor([[3.0, 2.0], [1.0, 4.0], [2.0, 5.0]])  # three students, two draws

KINDS = {
    "curves": lambda: learning_curves(
        (10, 1000), CURVES, "points", "right, %", "t", ("Bayes", 71.0)
    ),
    "valleys": lambda: loss_valleys(
        [0.0, 1.0, 2.0], {"hard": VALLEYS, "soft": VALLEYS}, "s", "t", ("the truth", 1.0)
    ),
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


def test_every_valley_is_drawn_and_marked_at_its_lowest_point():
    figure = KINDS["valleys"]()
    axes = figure.get_axes()
    assert {"hard", "soft", "the truth"} <= texts(figure)
    curves = [line for line in axes[0].get_lines() if len(line.get_xdata()) == 3]
    assert [line.get_markevery() for line in curves] == [[1], [0]]


def test_a_map_names_every_region_and_holds_every_example_inside_its_frame():
    figure = KINDS["maps"]()
    assert set("ABCDE") <= texts(figure)
    inside = (DRAWN.inputs.abs().amax(-1) < 0.95 * GRID.max()).sum()
    assert sum(row["kind"] == "point" for row in rows(figure)) == inside


def test_the_name_of_a_region_stands_off_the_examples():
    plain = answer_maps(GRID, ANSWERS, "ABCDE").get_axes()[0].texts
    there = torch.tensor([text.get_position() for text in plain], dtype=torch.float64)
    on_top = answer_maps(GRID, ANSWERS, "ABCDE", {"truth": (there, torch.arange(5))})
    moved = torch.tensor([text.get_position() for text in on_top.get_axes()[0].texts])
    assert (torch.cdist(moved.double(), there).amin(1) > 0.4).all()


def test_a_map_with_one_favourite_has_no_border():
    figure = KINDS["one favourite"]()
    assert not any(row["kind"] == "segment" for row in rows(figure))
    assert texts(figure) & set("ABCDE") == {"A"}
