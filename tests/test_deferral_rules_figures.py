"""Figures of figures/deferral_rules.py show what they were given, and pyplot never learns of it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from kdlib.figures.deferral_rules import GAIN, LOOKS, UNSURE, gain_plane, plane_in_words
from kdlib.figures.show import png

SMALL, LARGE = [0.2, 0.5, 0.9, 0.4], [0.6, 0.1, 0.95, 0.4]
OUTCOMES = ["gained", "lost", "no difference", "gained"]


def drawn(price=0.1, threshold=0.45):
    return gain_plane(SMALL, LARGE, OUTCOMES, price, threshold, "who is passed on")


def test_pyplot_does_not_know_the_figure_and_the_same_call_draws_the_same_picture():
    before = plt.get_fignums()
    assert png(drawn()) == png(drawn())
    assert plt.get_fignums() == before


def test_every_input_stands_at_its_two_chances_and_among_its_outcome():
    points = {c.get_label(): c.get_offsets().tolist() for c in drawn().axes[0].collections}
    assert list(points) == list(LOOKS)
    assert points["gained"] == [[0.2, 0.6], [0.4, 0.4]]
    assert points["lost"] == [[0.5, 0.1]]
    assert points["no difference"] == [[0.9, 0.95]]


@pytest.mark.parametrize("price", [0.0, 0.25])
def test_the_diagonal_lies_the_price_above_equal_chances(price):
    lines = {line.get_label(): line for line in drawn(price).axes[0].lines}
    diagonal = lines[GAIN]
    assert np.allclose(np.subtract(diagonal.get_ydata(), diagonal.get_xdata()), price)


def test_the_upright_line_stands_at_the_threshold():
    lines = {line.get_label(): line for line in drawn(threshold=0.7).axes[0].lines}
    assert list(lines[UNSURE].get_xdata()) == [0.7, 0.7]


def test_an_outcome_that_does_not_occur_is_still_named():
    figure = gain_plane([0.5], [0.5], ["lost"], 0.1, 0.5, "one input")
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == [*LOOKS, GAIN, UNSURE]


def test_no_point_is_cut_off_even_if_an_estimate_is_no_chance():
    ax = gain_plane([-0.2, 1.3], [-0.3, 1.2], ["gained", "lost"], 0.1, 0.5, "far out").axes[0]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < -0.2 and right > 1.3 and bottom < -0.3 and top > 1.2


def test_the_words_tell_the_low_cloud_and_both_rules():
    words = plane_in_words(SMALL, LARGE, 0.25, {"gain": 74.0, "unsure": 71.0})
    assert words.startswith("25 % of the points lie below .4")
    assert "Both rules pass on 25 %" in words and words.endswith("gain 74, unsure 71.")
    assert "mostly wrong" not in plane_in_words([0.2, 0.9], [0.6, 0.8], 0.5, {"gain": 1.0})
