"""Figures of figures/guarantees.py show what they were given, and pyplot never learns of it."""

import csv
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection

from kdlib.cascade.drift import Look
from kdlib.figures.guarantees import price_chart, promise_strips, windows_chart
from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png
from kdlib.stats import Interval

RISKS = {"tuned": [0.02, 0.04, 0.06, 0.08], "certified": [0.01, 0.02, 0.03, 0.06]}
PRICE = {"risk 5 %": [Interval(0.9, 0.8, 1.0), Interval(0.6, 0.5, 0.7)]}
LOOKS = [
    Look(1, Interval(0.3, 0.2, 0.4), 0.5, 0.5, 0.01),
    Look(2, Interval(0.6, 0.5, 0.7), 0.001, 0.5, 0.01),
]
STREAMS = {"quiet": (LOOKS[:1] * 2, [0.08, 0.09]), "loud": (LOOKS, [0.08, 0.42])}
KINDS = {
    "strips": lambda: promise_strips(RISKS, 0.05, "t"),
    "price": lambda: price_chart([100, 1000], PRICE, "t"),
    "windows": lambda: windows_chart(STREAMS, 0.1, 1, "t"),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


def drawn(figure):
    return list(csv.DictReader(io.StringIO(as_csv(figure))))


def texts(figure):
    return {text.get_text() for text in figure.findobj(plt.Text)}


@each_kind
def test_pyplot_does_not_know_the_figure_and_the_same_call_draws_the_same_picture(make):
    before = plt.get_fignums()
    assert "t" in texts(make()) and png(make()) == png(make())
    assert plt.get_fignums() == before


def test_every_risk_is_a_point_and_the_share_above_the_promise_is_written():
    figure = promise_strips(RISKS, 0.05, "t")
    places = np.concatenate([points.get_offsets()[:, 0] for points in figure.axes[0].collections])
    assert sorted(places.round(6)) == sorted(100 * r for risks in RISKS.values() for r in risks)
    assert {"50 % above", "25 % above"} <= texts(figure)


def test_the_share_may_be_of_all_who_drew():
    assert {"25 % above", "12 % above"} <= texts(promise_strips(RISKS, 0.05, "t", draws=8))


def test_the_floor_of_a_curve_is_a_line_across():
    lines = price_chart([100, 1000], PRICE, "t", floors=[0.3]).axes[0].lines
    assert [30.0, 30.0] in [list(line.get_ydata()) for line in lines]


def test_prices_are_drawn_in_percent_with_their_intervals():
    rows = {(row["x"], row["y"]) for row in drawn(price_chart([100, 1000], PRICE, "t"))}
    assert {("100", "90"), ("1,000", "60")} <= rows
    assert {"100", "1,000", "risk 5 %"} <= texts(price_chart([100, 1000], PRICE, "t"))


def test_only_windows_with_an_alarm_have_a_ring():
    upper = windows_chart(STREAMS, 0.1, 1, "t").axes[:2]
    rings = [
        [c.get_offsets().tolist() for c in ax.collections if isinstance(c, PathCollection)]
        for ax in upper
    ]
    assert rings == [[[]], [[[2.0, 60.0]]]]


def test_the_lines_of_the_windows_have_names():
    figure = windows_chart(STREAMS, 0.1, 1, "t")
    words = {text.get_text() for text in figure.axes[2].get_legend().get_texts()}
    assert words == {"promised", "the inputs change"}


def test_the_risk_that_nobody_sees_is_in_the_lower_row():
    lower = windows_chart(STREAMS, 0.1, 1, "t").axes[2:]
    assert [line.get_ydata()[1] for ax in lower for line in ax.lines[:1]] == [9.0, 42.0]
