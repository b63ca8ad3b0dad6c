"""Figures of a cascade hold the numbers that they were given, and their words say them too."""

import csv
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest

from kdlib.cascade import (
    DeferralCurve,
    cascade_bill,
    cascade_cost,
    curve_intervals,
    deferral_curve,
    oracle_curve,
)
from kdlib.figures.cascade import (
    POINTS,
    cascade_diagram,
    cascade_in_words,
    cost_chart,
    curves_in_words,
    deferral_chart,
)
from kdlib.figures.plotted import as_csv
from kdlib.figures.show import png

RNG = np.random.default_rng(0)
SCORE, SMALL, LARGE = RNG.random(300), RNG.random(300) < 0.7, RNG.random(300) < 0.8
CURVE, ORACLE = deferral_curve(SCORE, SMALL, LARGE), oracle_curve(SMALL, LARGE)
BAND = curve_intervals(SCORE, SMALL, LARGE, resamples=100)
BILL = cascade_bill(0.2, 0.1, 15)
COSTS = cascade_cost(np.array(BAND.rates), 0.2, 1.0)
KINDS = {
    "diagram": lambda: cascade_diagram(BILL, "t"),
    "deferral": lambda: deferral_chart({"margin": CURVE}, "t", ORACLE),
    "cost": lambda: cost_chart({"cascade": COSTS}, {"cascade": BAND.quality},
                               {"always large": (1.0, CURVE.large)}, "t"),
}  # fmt: skip
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


def texts(figure):
    return {text.get_text() for text in figure.findobj(plt.Text)}


def plotted(figure):
    """{series: [(x, y)]} of what the figure draws."""
    found = {}
    for row in csv.DictReader(io.StringIO(as_csv(figure))):
        if row["x"] and row["y"]:
            found.setdefault(row["series"], []).append((float(row["x"]), float(row["y"])))
    return found


@each_kind
def test_pyplot_does_not_know_the_figure_and_it_is_the_same_again(make):
    plt.close("all")
    assert "t" in texts(make()) and png(make()) == png(make())
    assert plt.get_fignums() == []


def test_every_edge_of_the_diagram_has_a_price():
    shown = texts(KINDS["diagram"]())
    assert {"all pay 0.1", "80.0 % sure: 0.1 each", "15 more: 15.1 each", "20.0 % unsure "} <= shown
    total = "mean cost 0.1 + 20.0 % × 15 = 3.1, 0.207 of always asking the large model"
    assert total in shown and total.removeprefix("mean ") in cascade_in_words(BILL).lower()


def test_curves_are_drawn_beside_random_the_oracle_and_both_models():
    figure = KINDS["deferral"]()
    found = plotted(figure)
    assert found["random"] == [pytest.approx((0, 100 * SMALL.mean()), abs=1e-3),
                               pytest.approx((100, 100 * LARGE.mean()), abs=1e-3)]  # fmt: skip
    curve = np.stack([100 * CURVE.deferral_rate, 100 * CURVE.quality], -1)
    np.testing.assert_allclose(found["margin"], curve, atol=1e-3)
    assert len(found["oracle"]) == len(ORACLE.quality)
    assert {"small alone", "large alone", "margin", "oracle", "random"} <= texts(figure)


def test_a_curve_of_many_points_is_thinned_and_keeps_its_ends():
    many = deferral_curve(np.arange(9999), np.zeros(9999), np.arange(9999) % 2)
    found = plotted(deferral_chart({"many": many}, "t"))["many"]
    assert len(found) == POINTS and found[0] == (0, 0)
    assert found[-1] == pytest.approx((100, 100 * many.large), abs=1e-3)


def test_the_band_lies_around_the_curve_over_cost():
    found = plotted(KINDS["cost"]())
    middle = [(cost, 100 * i.estimate) for cost, i in zip(COSTS, BAND.quality, strict=True)]
    np.testing.assert_allclose(found["cascade"][-101:], middle, atol=1e-3)
    assert found["always large"] == [pytest.approx((1, 100 * LARGE.mean()), abs=1e-3)]


def test_curves_are_told_in_words():
    curve = DeferralCurve([0, 0.4, 1], [0.6, 0.9, 0.8], [0, 0, 0])
    words = curves_in_words({"a": curve, "b": curve})
    assert "a is highest at 40.0 % deferred, with 90.0 %" in words and "; b is highest" in words
