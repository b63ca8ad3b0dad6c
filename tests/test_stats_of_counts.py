"""Proportions and paired counts: intervals and p-values that enumeration confirms."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from kdlib.stats import mcnemar, proportion_interval

# --- proportion_interval ---------------------------------------------------------------------


@given(st.integers(1, 400), st.data())
@settings(deadline=None, max_examples=50)
def test_wilson_s_ends_solve_wilson_s_equation(n, data):
    """|k/n - end| = z sqrt(end (1 - end) / n): the ends are where a z-test is just rejected."""
    k = data.draw(st.integers(0, n))
    interval, z = proportion_interval(k, n), norm.ppf(0.975)
    assert 0 <= interval.low <= k / n <= interval.high <= 1
    for end in (interval.low, interval.high):
        assert abs(k / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n), abs=1e-6)


@given(st.integers(1, 400), st.data())
@settings(deadline=None, max_examples=50)
def test_exact_ends_leave_a_tail_of_2_5_percent_each(n, data):
    k = data.draw(st.integers(0, n))
    exact = proportion_interval(k, n, method="exact")
    assert exact.low == 0 if k == 0 else binom.sf(k - 1, n, exact.low) == pytest.approx(0.025)
    assert exact.high == 1 if k == n else binom.cdf(k, n, exact.high) == pytest.approx(0.025)


def test_the_exact_interval_covers_at_least_as_often_as_it_says_and_wilson_s_about_as_often():
    n = 20
    truths, chances = np.linspace(0.01, 0.99, 197), {}
    for method in ("wilson", "exact"):
        intervals = [proportion_interval(k, n, method=method) for k in range(n + 1)]
        holds = np.array([[x.low <= truth <= x.high for x in intervals] for truth in truths])
        chances[method] = (holds * binom.pmf(np.arange(n + 1), n, truths[:, None])).sum(axis=1)
    assert chances["exact"].min() >= 0.95 > chances["wilson"].min() > 0.9
    assert chances["wilson"].mean() == pytest.approx(0.95, abs=0.01)


def test_after_no_success_the_exact_end_is_the_one_in_the_docstring():
    for n in (1, 10, 1000):
        high = proportion_interval(0, n, method="exact").high
        assert high == pytest.approx(1 - 0.025 ** (1 / n), rel=1e-6)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method is 'wald', expected one of exact, wilson"):
        proportion_interval(1, 2, method="wald")


def test_a_proportion_takes_whole_numbers_of_numpy_and_torch_too():
    assert proportion_interval(np.int64(3), 7) == proportion_interval(3, 7)
    assert proportion_interval(int(torch.tensor(3)), 7) == proportion_interval(3, 7)


@pytest.mark.parametrize(
    ("k", "n", "error", "message"),
    [
        (8, 7, ValueError, "k is 8, expected 0 to n = 7"),
        (-1, 7, ValueError, "k is -1, expected 0 to n = 7"),
        (0, 0, ValueError, "n is 0, expected at least one trial"),
        (0.5, 7, TypeError, "k is 0.5, expected a whole number"),
        (True, 7, TypeError, "k is True, expected a whole number"),
    ],
)
def test_impossible_counts_are_refused(k, n, error, message):
    with pytest.raises(error, match=re.escape(message)):
        proportion_interval(k, n)


# --- mcnemar ---------------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None)
def test_mcnemar_sums_the_tosses_that_are_at_least_as_uneven(b, c):
    uneven = [k for k in range(b + c + 1) if abs(2 * k - b - c) >= abs(b - c)]
    expected = sum(math.comb(b + c, k) for k in uneven) / 2 ** (b + c)
    assert mcnemar(b, c) == mcnemar(c, b) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_is_right_where_p_is_tiny():
    """Right answers of Mixtral alone and of GPT-4 alone on MMLU, as RouteLLM published them."""
    exact = 2 * sum(math.comb(742 + 2497, k) for k in range(743)) / 2 ** (742 + 2497)
    assert mcnemar(742, 2497) == pytest.approx(exact, rel=1e-9) and exact < 1e-200


def test_mcnemar_decides_where_two_separate_intervals_overlap():
    """Of 100 inputs both models get 80, the first 10 more and the second 1."""
    first, second = proportion_interval(90, 100), proportion_interval(81, 100)
    assert first.low < second.high and mcnemar(10, 1) < 0.02


@pytest.mark.parametrize(
    ("b", "c", "error", "message"),
    [
        (-1, 3, ValueError, "b is -1, expected 0 or more: b counts the inputs that only the first"),
        (1, -3, ValueError, "c is -3, expected 0 or more"),
        (1.0, 3, TypeError, "b is 1.0, expected a whole number"),
        (1, True, TypeError, "c is True, expected a whole number"),
    ],
)
def test_impossible_discordant_counts_are_refused(b, c, error, message):
    with pytest.raises(error, match=re.escape(message)):
        mcnemar(b, c)
