"""Routers, the league that they must win, and the published counts."""

import json
import math

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from random_distributions import properties
from sklearn.metrics import cohen_kappa_score
from sklearn.tree import DecisionTreeRegressor

from kdlib.cascade import deferral_curve, oracle_at_most
from kdlib.data import data_folder
from kdlib.routing import (
    RouterCounts,
    calls_at,
    constant_score,
    counts_to_rows,
    group_score,
    league,
    learned_score,
    length_score,
    load_router_counts,
    neighbour_score,
    over_shuffle,
)
from kdlib.stats import verdict


def outcomes(number=400, seed=0):
    """A feature that tells where the large model gains, and both models' correctness."""
    rng = np.random.default_rng(seed)
    hard = rng.random(number)
    small, large = rng.random(number) < 0.9 - 0.6 * hard, rng.random(number) < 0.85
    return hard, small * 1.0, large * 1.0


# Routers ------------------------------------------------------------------------------------


def test_a_group_is_scored_by_its_mean_gain_and_an_unknown_one_by_that_of_all():
    train, small, large = ["a", "a", "b", "c"], [1, 0, 0, 1], [1, 1, 1, 0]
    found = group_score(train, small, large, ["b", "a", "new", "c"])
    assert found.tolist() == [-1, -0.5, -0.25, 1]
    numbers = group_score([1, 1, 2, 3], small, large, torch.tensor([2, 1, 9, 3]))
    assert numbers.tolist() == found.tolist()


def test_short_and_long_texts_are_scored_by_the_gain_at_their_length():
    train = ["x" * n for n in range(1, 101)]
    small = [1] * 50 + [0] * 50
    found = length_score(train, small, [1] * 100, ["x" * n for n in (3, 1000, 90)])
    assert found.tolist() == [0, -1, -1]
    assert length_score(["ab", "cd"], [1, 0], [1, 1], ["efghij"]).tolist() == [-0.5]


def test_neighbours_are_the_nearest_training_inputs():
    train = [[0.0], [0.1], [5.0], [5.1]]
    found = neighbour_score(train, [1, 1, 0, 0], [1, 0, 1, 1], [[0.04], [6.0]], neighbours=2)
    assert found.tolist() == [0.5, -1]


def test_any_regressor_and_any_kind_of_features_can_be_learned_from():
    hard, small, large = outcomes()
    columns = np.stack([hard, hard**2], -1)
    expected = learned_score(columns, small, large, columns)
    for kind in (torch.from_numpy, scipy.sparse.csr_matrix, np.ndarray.tolist):
        np.testing.assert_allclose(
            learned_score(kind(columns), small, large, kind(columns)), expected, atol=1e-2
        )
    tree = learned_score(columns, small, large, columns, DecisionTreeRegressor(max_leaf_nodes=2))
    assert len(np.unique(tree)) == 2


def test_each_router_is_a_score_like_a_confidence():
    """Learned on some inputs, it beats random on others: the large model's gain is highest first."""
    hard, small, large = outcomes(2000)
    feature = hard[:, None]
    groups = (hard * 5).astype(int)
    texts = ["x" * int(1 + 40 * h) for h in hard]
    seen, new = slice(0, 1000), slice(1000, None)
    scores = {
        "group": group_score(groups[seen], small[seen], large[seen], groups[new]),
        "length": length_score(texts[seen], small[seen], large[seen], texts[new]),
        "neighbours": neighbour_score(feature[seen], small[seen], large[seen], feature[new]),
        "learned": learned_score(feature[seen], small[seen], large[seen], feature[new]),
    }
    for score in scores.values():
        assert deferral_curve(score, small[new], large[new]).apgr() > 0.6


# The league ---------------------------------------------------------------------------------

FEW = st.sampled_from([0.0, 0.5, 1.0, -math.inf])
ROWS = st.integers(2, 10).flatmap(
    lambda n: st.tuples(*(arrays(float, n, elements=x) for x in (FEW, st.floats(0, 1), st.floats(0, 1))))
)  # fmt: skip


@given(ROWS, st.floats(0, 1))
@properties
def test_calls_are_as_many_as_allowed_and_reach_the_curve(rows, rate):
    score, small, large = rows
    calls = calls_at(score, rate)
    assert calls.mean() == pytest.approx(rate) and (calls >= 0).all() and (calls <= 1 + 1e-9).all()
    assert all((a >= b - 1e-9) for s, a in zip(score, calls, strict=True)
               for t, b in zip(score, calls, strict=True) if s < t)  # fmt: skip
    reached = (small + calls * (large - small)).mean()
    assert reached == pytest.approx(deferral_curve(*rows).quality_at(rate))
    above = over_shuffle(*rows, rate).estimate
    assert above == pytest.approx(reached - deferral_curve(*rows).random_at(rate), abs=1e-9)


def test_the_shuffle_of_the_same_cost_is_what_shuffles_reach_on_average():
    """Where the router calls for long inputs, as many random calls would be cheaper than its own."""
    rng = np.random.default_rng(0)
    hard, small, large = outcomes()
    price = 1 + 4 * hard
    calls = calls_at(-hard, 0.25)
    quality, spent = (small + calls * (large - small)).mean(), (calls * price).mean()
    shuffles = [rng.permutation(calls) for _ in range(3000)]
    cost = np.array([(s * price).mean() for s in shuffles])
    reached = np.array([(small + s * (large - small)).mean() for s in shuffles])
    assert spent > 1.4 * cost.mean()
    per_cost = (reached - small.mean()).mean() / cost.mean()  # proportional to what is spent
    matched = small.mean() + per_cost * spent
    found = over_shuffle(-hard, small, large, 0.25, extra_cost=price)
    assert found.estimate == pytest.approx(quality - matched, abs=0.003)
    assert found.estimate < over_shuffle(-hard, small, large, 0.25).estimate - 0.02


def test_the_interval_over_the_shuffle_is_that_of_resampled_inputs():
    """Where the large model gains much and prices differ, the share of the cost is in doubt too."""
    rng = np.random.default_rng(0)
    price, small, large = (
        10 * rng.gamma(0.5, size=200),
        np.zeros(200),
        (rng.random(200) < 0.9) * 1.0,
    )
    score = price + 10 * rng.normal(size=200)
    calls = calls_at(score, 0.4)

    def above(calls, gain, price):
        return (calls * gain).mean() - (calls * price).sum() / price.sum() * gain.mean()

    theirs = scipy.stats.bootstrap(
        (calls, large - small, price), above, paired=True, vectorized=False, method="percentile",
        n_resamples=3000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    ours = over_shuffle(score, small, large, 0.4, extra_cost=price)
    width = theirs.high - theirs.low
    assert ours.estimate == pytest.approx(above(calls, large - small, price))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)


def test_intervals_over_the_shuffle_cover_what_they_promise():
    truth = over_shuffle(-outcomes(100_000, 1)[0], *outcomes(100_000, 1)[1:], 0.3).estimate
    hits = 0
    for seed in range(2, 102):
        hard, small, large = outcomes(200, seed)
        found = over_shuffle(-hard, small, large, 0.3)
        hits += found.low <= truth <= found.high
    assert hits >= 88


def test_a_league_tells_a_router_from_luck_and_from_the_constants():
    hard, small, large = outcomes(2000)
    luck = np.random.default_rng(99).random(2000)
    table = league(
        {"none": constant_score(2000), "luck": luck, "hard": -hard, "oracle": small - large},
        small, large, rate=0.3,
    )  # fmt: skip
    none, chance, good, oracle = table.standings
    assert str(none.over_random) == "0.000 [0.000, 0.000]"
    assert [verdict(x.over_random) for x in table.standings] == ["cannot tell"] * 2 + ["better"] * 2
    assert verdict(oracle.over_constant) == "better" != verdict(good.over_constant)
    assert chance.apgr.low < 0.5 < chance.apgr.high < good.apgr.low < 1 < oracle.apgr.low
    assert good.quality.estimate == pytest.approx(
        deferral_curve(-hard, small, large).quality_at(0.3)
    )
    words = str(table)
    assert "These beat random calls of the same cost: hard, oracle." in words
    assert "cannot be told from random calls of the same cost: none, luck." in words
    assert "These beat always asking the large model: oracle." in words
    assert "<caption" in table._repr_html_() and "CPT(50 %)" in table._repr_html_()
    assert json.loads(json.dumps(table.to_dict()))["standings"][2]["name"] == "hard"


def test_without_a_gap_the_league_says_undefined():
    _, small, _ = outcomes()
    table = league({"none": constant_score(400)}, small, small)
    assert table.standings[0].apgr is None and "undefined" in str(table)
    assert "always asking the small model" in str(table)


# Published counts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "inputs", "accuracies", "kappa", "needs", "apgr"),
    [
        ("MMLU", 14042, (68.08, 80.58, 85.86), 0.408, 17.8, 1.30),
        ("GSM8K", 1319, (63.84, 85.67, 92.87), 0.097, 29.0, 1.14),
    ],
)
def test_published_counts_give_the_published_numbers(name, inputs, accuracies, kappa, needs, apgr):
    counts = load_router_counts()[name]
    small, large = counts_to_rows(counts)
    assert counts.inputs == len(small) == len(large) == inputs
    found = [100 * x for x in (counts.small, counts.large, counts.oracle)]
    assert found == pytest.approx(accuracies, abs=0.005)
    assert (100 * small.mean(), 100 * large.mean()) == pytest.approx(accuracies[:2], abs=0.005)
    assert counts.error_consistency.estimate == pytest.approx(kappa, abs=5e-4)
    assert counts.error_consistency.estimate == pytest.approx(cohen_kappa_score(small, large))
    assert 100 * counts.oracle_rate == pytest.approx(needs, abs=0.05)
    assert oracle_at_most(small, large).apgr() == pytest.approx(apgr, abs=5e-3)
    table = [(small == a) & (large == b) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))]
    assert [int(cell.sum()) for cell in table] == list(counts.to_dict().values())


def test_the_small_model_is_right_on_many_of_the_large_one_s_errors():
    mmlu, gsm8k = load_router_counts().values()
    shares = [c.small_only / (c.small_only + c.neither) for c in (mmlu, gsm8k)]
    assert shares == pytest.approx([0.27, 0.50], abs=5e-3)


def test_a_damaged_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("kdlib.routing.counts.data_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="git checkout"):
        load_router_counts()
    text = (data_folder() / "router_counts.json").read_text()
    (tmp_path / "router_counts.json").write_text(text.replace("8818", "8819"))
    with pytest.raises(ValueError, match="router_counts.json"):
        load_router_counts()


# Wrong input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: constant_score(0), ValueError, "rows is 0"),
        (lambda: group_score(["a"], [1, 0], [1, 0], ["a"]), ValueError, "train_groups has 1 inputs"),
        (lambda: group_score([["a"]], [1], [1], ["a"]), ValueError, r"train_groups has shape \(1, 1\)"),
        (lambda: group_score(["a"], [1], [2], ["a"]), ValueError, r"large_correct\[0\] is 2"),
        (lambda: length_score("abc", [1], [1], ["a"]), TypeError, "is one string"),
        (lambda: length_score(["a"], [1, 1], [1, 1], ["a"]), ValueError, "has 1 inputs"),
        (lambda: learned_score([[1.0]], [1], [1], [[1.0, 2.0]]), ValueError, "same columns"),
        (lambda: learned_score([1.0], [1], [1], [[1.0]]), ValueError, r"train_features.*\(N, D\)"),
        (lambda: learned_score([[math.nan]], [1], [1], [[1.0]]), ValueError, "holds NaN"),
        (lambda: learned_score([[1.0]], [1, 0], [1, 1], [[1.0]]), ValueError, "train_features has 1"),
        (lambda: neighbour_score([[1.0]], [1], [1], [[1.0]]), ValueError, "at most 1, the training"),
        (lambda: league({}, [1, 0], [1, 1]), ValueError, "scores is empty"),
        (lambda: league([1, 2], [1, 0], [1, 1]), TypeError, "expected names and scores"),
        (lambda: league({"a": [1]}, [1, 0], [1, 1]), ValueError, r"scores\['a'\] has 1 inputs, exp"),
        (lambda: league({"a": [1, 2]}, [1, 0], [1, 1], rate=30), ValueError, "rate is 30"),
        (lambda: over_shuffle([1, 2], [1, 0], [1, 1], 0.5, extra_cost=[0, 0]), ValueError,
         "0 for every input"),
        (lambda: over_shuffle([1], [1, 0], [1, 1], 0.5), ValueError, "score has 1 inputs"),
        (lambda: RouterCounts(1, -1, 0, 0), ValueError, "small_only is -1"),
        (lambda: RouterCounts(1.5, 1, 0, 0), TypeError, "both is 1.5"),
        (lambda: RouterCounts(0, 0, 0, 0), ValueError, "all four counts are 0"),
    ],
)  # fmt: skip
def test_wrong_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
