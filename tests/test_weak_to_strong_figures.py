"""Figures of figures/weak_to_strong.py show what they were given, and pyplot never learns of it."""

import csv
import io
import math

import matplotlib.pyplot as plt
import pytest

from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png
from kdlib.figures.weak_to_strong import WIDEST, recovered_scale

ACCURACIES = {"weak": 60.0, "student": 55.0, "ceiling": 80.0}


def scale(clipped, unclipped, accuracies=ACCURACIES):
    return recovered_scale(accuracies, {"clipped": clipped, "unclipped": unclipped}, "t")


def words(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_pyplot_does_not_know_the_figure_and_the_same_call_draws_the_same_picture():
    before = plt.get_fignums()
    assert png(scale(0.0, -0.25)) == png(scale(0.0, -0.25))
    assert plt.get_fignums() == before


def test_every_number_given_is_told():
    assert {"weak 60", "student 55", "ceiling 80", "0.00", "−0.25"} == set(words(scale(0.0, -0.25)))


def test_the_bars_are_as_long_as_the_ratios():
    assert [bar.get_width() for bar in scale(0.0, -0.25).axes[1].patches] == [0.0, -0.25]


def test_a_ratio_beyond_the_edge_ends_at_the_edge_and_says_its_number():
    figure = scale(0.0, -12.5)
    assert [bar.get_width() for bar in figure.axes[1].patches] == [0.0, -WIDEST]
    assert "−12.50" in words(figure)


def test_a_ratio_that_is_not_defined_says_so():
    assert words(scale(math.nan, math.nan)).count("not defined") == 2


@pytest.mark.parametrize("accuracy", [0.0, 100.0])
def test_a_name_at_an_end_stays_inside(accuracy):
    figure = scale(0.0, 0.0, {"weak": accuracy, "student": accuracy, "ceiling": accuracy})
    sides = {text.get_ha() for text in figure.axes[0].texts}
    assert sides == {"left" if accuracy == 0 else "right"}


def test_the_data_of_the_figure_hold_the_accuracies():
    rows = list(csv.DictReader(io.StringIO(as_csv(scale(0.0, -0.25)))))
    assert {"60", "55", "80"} <= {row["x"] for row in rows}
