"""Each kind of figure shows what it was given, and pyplot never learns of it."""

import csv
import io

import matplotlib.pyplot as plt
import pytest
import torch

from kdlib.divergences import kl
from kdlib.figures import (
    answers_in_words,
    arrangements,
    band_chart,
    compare_answers,
    interval_chart,
    simplex_grid,
    simplex_maps,
    student_on_simplex,
)
from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png
from kdlib.stats import Interval

CLASSES = ("cat", "dog", "fox")
TEACHER = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
GRID = simplex_grid(12)
DISTANCE = kl(TEACHER.expand_as(GRID), GRID)
INTERVALS = {"hard": Interval(48.0, 46.0, 50.0), "soft": Interval(51.0, 49.5, 52.5)}

KINDS = {
    "arrangements": arrangements,
    "answers": lambda: compare_answers({"large": TEACHER, "small": [0.4, 0.4, 0.2]}, CLASSES, "t"),
    "intervals": lambda: interval_chart(INTERVALS, "accuracy, %", "t", ("teacher", 86.0)),
    "bands": lambda: band_chart(
        (1.0, 4.0), {"small": list(INTERVALS.values())}, "temperature", "accuracy, %", "t"
    ),
    "maps": lambda: simplex_maps(GRID, {"KL": DISTANCE}, TEACHER, CLASSES),
    "student": lambda: student_on_simplex(
        GRID, DISTANCE, TEACHER, TEACHER.flip(0), {"KL": 1.25, "far": 9.0}, CLASSES
    ),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


def texts(figure):
    return [text.get_text() for text in figure.findobj(plt.Text)]


@each_kind
def test_pyplot_does_not_know_the_figure(make):
    """A slider's first frame came out blank: another thread flushed pyplot's figures meanwhile."""
    plt.close("all")
    make()
    assert plt.get_fignums() == []


@each_kind
def test_the_same_call_draws_the_same_picture(make):
    assert png(make()) == png(make())


def numbers(figure):
    rows = csv.DictReader(io.StringIO(as_csv(figure)))
    cells = [row[column] for row in rows for column in ("x", "y")]
    return {float(cell) for cell in cells if cell.replace(".", "").isdigit()}


def test_bars_and_intervals_hold_the_given_numbers():
    assert {0.7, 0.2, 0.4} <= numbers(KINDS["answers"]())
    assert {48.0, 51.0} <= numbers(KINDS["intervals"]())
    assert {"hard", "soft", "teacher", "accuracy, %"} <= set(texts(KINDS["intervals"]()))


def test_a_distance_beyond_the_scale_is_cut_but_its_number_is_told():
    assert {"1.250", "9.000"} <= set(texts(KINDS["student"]()))


def test_the_grid_holds_distributions_inside_the_triangle_only():
    torch.testing.assert_close(GRID.sum(-1), torch.ones(len(GRID), dtype=torch.float64))
    assert (GRID > 0).all() and len(GRID) == 13 * 14 // 2


def test_answers_are_told_in_words_likeliest_first():
    words = answers_in_words({"large": TEACHER, "small": [0.1, 0.3, 0.6]}, CLASSES)
    assert "by large: cat 0.70, dog 0.20, fox 0.10; by small: fox 0.60, dog 0.30" in words
