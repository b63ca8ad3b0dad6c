"""Every input pays the first stage: costs, break-even, chains of stages, and how long users wait."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_distributions import properties

from kdlib.cascade import (
    break_even,
    cascade_bill,
    cascade_cost,
    cascade_latency,
    chain_bill,
    deferral_curve,
    latency_profile,
    router_cost,
)

RATES, PRICES = st.floats(0, 1), st.floats(0.001, 100)


# Two stages ---------------------------------------------------------------------------------


@given(RATES, PRICES, PRICES)
@properties
def test_a_cascade_costs_more_than_a_router_by_what_is_paid_twice(rate, small, large):
    twice = cascade_cost(rate, small, large) - router_cost(rate, small, large)
    assert twice == pytest.approx(rate * small, abs=1e-9)


@given(RATES, PRICES, PRICES, st.floats(0, 1))
@properties
def test_a_cascade_saves_exactly_below_the_break_even(rate, small, large, scorer):
    limit = break_even(small, large, scorer)
    cost = cascade_cost(rate, small, large, scorer)
    if abs(rate - limit) > 1e-9:
        assert (cost < large) == (rate < limit)
    if limit:
        assert cascade_cost(limit, small, large, scorer) == pytest.approx(large)


def test_published_examples_are_billed_right():
    """getnadir.com blends $0.10 and $15 to 3.08; every input pays the $0.10, which makes 3.10."""
    assert cascade_cost(0.2, 0.10, 15) == pytest.approx(3.10)
    assert router_cost(0.2, 0.10, 15) == pytest.approx(3.08)
    assert cascade_cost(0.605, 0.2, 1) == pytest.approx(0.805)
    assert router_cost(0.605, 0.2, 1) == pytest.approx(0.684)
    assert cascade_cost(0.605, 0.5, 1) == pytest.approx(1.105)
    limits = [break_even(ratio, 1) for ratio in (0.05, 0.2, 0.5, 1)]
    assert limits == pytest.approx([0.95, 0.80, 0.50, 0])


def test_ends_of_a_cascade():
    assert cascade_cost(0.0, 0.3, 2) == 0.3 and cascade_cost(1.0, 0.3, 2) == 2.3
    assert router_cost(0.0, 0.3, 2, 0.1) == 0.4 and router_cost(1.0, 0.3, 2, 0.1) == 2.1


def test_a_curve_has_a_cost_at_every_point():
    curve = deferral_curve([3, 2, 1], [1, 1, 0], [1, 1, 1])
    found = cascade_cost(curve.deferral_rate, 1.0, 6.0)
    np.testing.assert_allclose(found, [1, 3, 5, 7])
    assert isinstance(cascade_cost(0.5, 1.0, 6.0), float)


def test_a_bill_says_what_is_lost_or_saved_and_until_when():
    saved, lost, never = (cascade_bill(*x) for x in ((0.605, 0.2, 1), (0.605, 0.5, 1), (0.1, 2, 1)))
    assert (saved.ratio, lost.ratio, never.ratio) == pytest.approx((0.805, 1.105, 2.1))
    assert "0.805 of always asking the large model (1): 19.5 % saved" in str(saved)
    assert "while it defers less than 80.0 %" in str(saved)
    assert "1.105 of always asking" in str(lost) and "10.5 % lost" in str(lost)
    assert "no rate of deferral pays off" in str(never)
    assert cascade_bill(0.2, 1, 5, 0.5).stages[0].price == 1.5
    page = saved._repr_html_()
    assert "<caption" in page and "60.5 %" in page and "19.5 % saved" in page
    assert json.loads(json.dumps(saved.to_dict()))["cost"] == pytest.approx(0.805)


# More stages --------------------------------------------------------------------------------

CHAINS = st.integers(2, 4).flatmap(
    lambda stages: st.tuples(
        st.lists(st.lists(st.floats(0, 1), min_size=7, max_size=7), min_size=stages - 1,
                 max_size=stages - 1),
        st.lists(st.floats(0, 1), min_size=stages - 1, max_size=stages - 1),
        st.lists(PRICES, min_size=stages, max_size=stages),
    )
)  # fmt: skip


@given(CHAINS)
@properties
def test_a_chain_is_what_each_input_pays_on_its_way(chain):
    scores, thresholds, prices = chain
    paid, arrived = [], [0] * len(prices)
    for row in range(len(scores[0])):
        total = 0.0
        for stage, price in enumerate(prices):
            total += price
            arrived[stage] += 1
            if stage == len(scores) or scores[stage][row] >= thresholds[stage]:
                break
        paid.append(total)
    bill = chain_bill(scores, thresholds, prices)
    assert bill.cost == pytest.approx(np.mean(paid)) and bill.always_last == pytest.approx(
        prices[-1]
    )
    assert [stage.reached for stage in bill.stages] == pytest.approx(np.array(arrived) / 7)


def test_a_chain_of_two_is_the_cascade():
    score = np.array([0.9, 0.2, 0.4, 0.7])
    chain, cascade = chain_bill([score], [0.5], [1, 6], ["small", "large"]), cascade_bill(0.5, 1, 6)
    assert chain == cascade and "80" not in str(chain.stages)


def test_prices_may_differ_from_input_to_input():
    """The unsure input is four times as long: the price of the second stage is that of who pays it."""
    bill = chain_bill([[0.9, 0.8, 0.7, 0.1]], [0.5], [1, [2, 2, 2, 8]])
    assert bill.stages[1].price == 8 and bill.cost == 1 + 8 / 4 and bill.always_last == 3.5
    assert "saves money while" not in str(bill)  # nobody knows, if deferring changes the price
    nobody = chain_bill([[0.9, 0.8]], [0.5], [1, [2, 4]])
    assert nobody.stages[1].price == 3 and nobody.cost == 1


# Latency ------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 9), st.floats(0, 9)), min_size=1))
@properties
def test_a_deferred_input_waits_for_both(rows):
    deferred, small, large = map(list, zip(*rows, strict=True))
    waited = sorted(s + (b if d else 0) for d, s, b in rows)
    found = cascade_latency(deferred, small, large)
    assert found.mean == pytest.approx(np.mean(waited))
    for value, share in ((found.median, 0.5), (found.p95, 0.95), (found.p99, 0.99)):
        assert value == waited[math.ceil(share * len(waited) - 1e-9) - 1]


def test_faster_on_average_and_slower_for_some():
    large = np.full(100, 10.0)
    found = cascade_latency(np.arange(100) < 20, np.full(100, 1.0), large)
    always = latency_profile(large)
    assert found.mean == 3 < always.mean and found.p95 == 11 > always.p95
    assert str(found) == "mean 3, median 1, 95th percentile 11, 99th 11"
    assert found.to_dict() == {"mean": 3, "median": 1, "p95": 11, "p99": 11}


# Wrong input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: cascade_cost(20, 1.0, 2.0), ValueError, "deferral_rate is 20, expected a number"),
        (lambda: cascade_cost(np.array([0.1, 1.2]), 1, 2), ValueError, r"rate\[1\] is 1.2.*as 0.4"),
        (lambda: router_cost(-0.1, 1, 2), ValueError, "large_rate is -0.1"),
        (lambda: cascade_cost(0.1, -1, 2), ValueError, "small_cost is -1"),
        (lambda: cascade_cost(0.1, 1, 2, math.nan), ValueError, "scorer_cost is nan"),
        (lambda: router_cost(0.1, 1, 2, -3), ValueError, "router_cost is -3"),
        (lambda: break_even(1, 0), ValueError, "large_cost is 0"),
        (lambda: break_even("1", 2), TypeError, "small_cost is '1'"),
        (lambda: chain_bill([[0.1]], [0.5], [1]), ValueError, "scores has 1 entries.*prices 1"),
        (lambda: chain_bill([], [], [1]), ValueError, "at least two stages"),
        (lambda: chain_bill([[0.1], [0.1, 0.2]], [0, 0], [1, 2, 3]), ValueError,
         r"scores\[1\] has 2 inputs but scores\[0\] has 1"),
        (lambda: chain_bill([[0.1, 0.2]], [0], [1, [1]]), ValueError, r"prices\[1\] has 1 inputs"),
        (lambda: chain_bill([[0.1, 0.2]], [0], [-1, 2]), ValueError, r"prices\[0\] is -1"),
        (lambda: chain_bill([[0.1, 0.2]], [0], [1, 0]), ValueError, r"prices\[1\] is 0"),
        (lambda: chain_bill([[0.1, 0.2]], [math.nan], [1, 2]), ValueError, r"thresholds\[0\] is nan"),
        (lambda: chain_bill([[0.1]], [0], [1, 2], ["a"]), ValueError, "names has 1 .* expected 2"),
        (lambda: latency_profile([1, math.inf]), ValueError, r"seconds\[1\] is inf"),
        (lambda: cascade_latency([0.3], [1], [2]), TypeError, r"deferred\[0\] is 0.3"),
        (lambda: cascade_latency([True], [1, 2], [2]), ValueError, "small_seconds has 2 inputs"),
    ],
)  # fmt: skip
def test_wrong_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
