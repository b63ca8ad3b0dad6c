"""Outcomes in text and HTML, and how values are compared and worded."""

import html

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlib.exercises.compare import family, same
from kdlib.exercises.outcome import COLOURS, SYMBOLS, Outcome, as_html
from kdlib.exercises.wording import contrast, short

# How outcomes look


def outcome_of(status: str) -> Outcome:
    return Outcome(status, "Is `a < b` *not* 1 & 2?\n<script>", "Exercise 1.1 · x < y")


@pytest.mark.parametrize("status", SYMBOLS)
def test_an_outcome_says_its_status_in_words_in_text_and_in_html(status):
    outcome = outcome_of(status)
    page = outcome._repr_html_()
    assert str(outcome) == repr(outcome)
    assert str(outcome).startswith(f"{SYMBOLS[status]} {status} · Exercise 1.1 · x < y\n")
    assert 'role="status"' in page
    assert f"{status}</strong>" in page
    assert f'<span aria-hidden="true">{SYMBOLS[status]}</span>' in page


def test_an_outcome_escapes_everything_and_marks_code_and_emphasis():
    page = outcome_of("not yet")._repr_html_()
    assert "<code>a &lt; b</code> <em>not</em> 1 &amp; 2?<br>&lt;script&gt;</div>" in page
    assert "x &lt; y" in page


def test_stars_that_multiply_are_not_emphasis():
    assert as_html("0 * log(0) and a*b*c") == "0 * log(0) and a*b*c"
    assert as_html("**all** of it, `a * b * c`") == (
        "<strong>all</strong> of it, <code>a * b * c</code>"
    )


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="`*\r")))
def test_plain_text_survives_the_way_into_html(text):
    page = as_html(text)
    assert html.unescape(page.replace("<br>", "\n")) == text
    assert "<" not in page.replace("<br>", "")


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", COLOURS.values())
@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
def test_the_coloured_bar_stands_out_from_a_light_and_a_dark_page(colour, background):
    low, high = sorted((luminance(colour), luminance(background)))
    assert (high + 0.05) / (low + 0.05) >= 3


# Comparing and wording


@settings(deadline=None)
@given(st.recursive(st.floats() | st.text(max_size=3), lambda x: st.lists(x, max_size=3)))
def test_every_value_is_the_same_as_itself_in_another_container(value):
    as_tuple = tuple(value) if isinstance(value, list) else value
    assert same(value, as_tuple, 0.0)
    assert family(value) == family(as_tuple)
    assert len(short(value)) < 2000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1.0, 1.1),
        ([1.0, 2.0], [1.0]),
        (float("nan"), 0.0),
        (float("inf"), -float("inf")),
        ("a", "b"),
        ("1", 1),
        (None, 0),
        ({"a": 1}, {"b": 1}),
        ([1, "a"], [1, "b"]),
        (torch.zeros(2, 1), torch.zeros(1, 2)),
    ],
)
def test_different_values_are_not_the_same(first, second):
    assert not same(first, second, 1e-6)
    assert not same(second, first, 1e-6)


def test_a_contrast_shows_enough_digits_and_the_widest_gap():
    assert contrast(1.00001, 1.00002) == "yours gives `1.00001`, right is `1.00002`"
    right = torch.zeros(40, 10)
    yours = right.clone()
    yours[3, 7] = 0.25
    assert contrast(yours, right) == "yours gives `0.25` at position [3, 7], right is `0`"
    yours[5, 1] = float("nan")
    assert contrast(yours, right) == "yours gives `nan` at position [5, 1], right is `0`"
    assert len(short(torch.rand(4000, 10))) < 500
