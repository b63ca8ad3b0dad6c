"""Figures of figures/plane.py show what they were given, and pyplot never learns of it."""

import csv
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest

from kdlib.figures.plane import fidelity_plane, outcome_bars, shift_chart
from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png
from kdlib.stats import Interval


def around(x):
    return Interval(x, x - 1.0, x + 1.0)


POINTS = {"labels": (around(75.0), around(71.0)), "soft": (around(83.0), around(77.0))}
POINTS["copy"] = (around(83.2), around(77.1))
SHARES = {
    "A": {"both right": 60.0, "repaired": 5.0, "broken": 35.0},
    "B": {"both right": 50.0, "repaired": 30.0, "broken": 20.0},
}
FOUND = {
    "printed": {"plain": around(83.0), "A": around(82.0)},
    "typed": {"plain": around(69.0), "A": around(71.0)},
}
KINDS = {
    "plane": lambda: fidelity_plane(POINTS, 86.0, "t", strangers=["labels"]),
    "bars": lambda: outcome_bars(SHARES, "t"),
    "shift": lambda: shift_chart(FOUND, "agreement, %", "t"),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


def drawn(figure):
    return list(csv.DictReader(io.StringIO(as_csv(figure))))


@each_kind
def test_pyplot_does_not_know_the_figure_and_the_same_call_draws_the_same_picture(make):
    before = plt.get_fignums()
    assert png(make()) == png(make())
    assert plt.get_fignums() == before


def test_a_point_of_the_plane_holds_both_numbers_and_both_intervals():
    figure = KINDS["plane"]()
    points = [(row["x"], row["y"]) for row in drawn(figure) if row["series"] == "soft"]
    assert {("83", "77"), ("82", "77"), ("84", "77"), ("83", "76"), ("83", "78")} <= set(points)


def test_names_beside_the_plane_keep_apart_where_points_lie_together():
    figure = KINDS["plane"]()
    levels = sorted(t.xyann[1] for t in figure.axes[0].texts if t.get_text() in POINTS)
    low, high = figure.axes[0].get_ylim()
    assert len(levels) == 3 and np.diff(levels).min() > 0.07 * (high - low)
    assert low <= levels[0] and levels[-1] <= high


def test_the_allowed_area_is_what_three_classes_allow():
    area = figure_area(fidelity_plane(POINTS, 60.0, "t"))
    assert {(100.0, 60.0), (60.0, 100.0), (60.0, 20.0), (40.0, 0.0), (0.0, 40.0)} <= area


def figure_area(figure):
    path = figure.axes[0].collections[0].get_paths()[0]
    return {tuple(vertex) for vertex in np.round(path.vertices, 6).tolist()}


def test_bars_start_where_the_one_before_ends():
    patches = KINDS["bars"]().axes[0].patches
    assert [(bar.get_x(), bar.get_width()) for bar in patches][:3] == [(0, 60), (60, 5), (65, 35)]


def test_every_kind_of_input_has_a_row_of_its_students():
    rows = [row for row in drawn(KINDS["shift"]()) if row["kind"] == "line"]
    assert [float(row["x"]) for row in rows] == [83.0, 69.0, 82.0, 71.0]
