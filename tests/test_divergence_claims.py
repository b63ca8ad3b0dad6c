"""Every entry of DIVERGENCES keeps the promises that the registry prints for it."""

import math

import pytest
import torch
from hypothesis import given
from random_distributions import distributions, properties, random_rows

from kdlib import divergences as d
from kdlib.divergences import DIVERGENCES

ROUNDING = 1e-12
by_name = pytest.mark.parametrize("name", DIVERGENCES)


@by_name
@properties
@given(pq=distributions(2))
def test_a_divergence_is_never_negative_and_zero_for_equals(name, pq):
    p, q = pq
    function = DIVERGENCES[name].function
    assert function(p, q) >= 0
    assert function(p, p) == 0
    assert function(p.log(), p.log(), log=True) == 0
    if (p - q).abs().sum() > 1e-6:
        assert function(p, q) > 0


@by_name
def test_the_claims_of_symmetry_and_bounds_are_true_and_complete(name):
    entry = DIVERGENCES[name]
    p, q = random_rows(2000, 4, 3.0), random_rows(2000, 4, 3.0, seed=1)
    forth, back = entry.function(p, q), entry.function(q, p)
    assert bool(torch.allclose(forth, back, rtol=1e-9, atol=0)) == entry.symmetric
    disjoint = entry.function([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.3, 0.7])
    assert bool(disjoint.isfinite()) == entry.finite_on_disjoint_support
    if entry.bounded is None:
        assert disjoint == math.inf
    else:
        assert disjoint == pytest.approx(entry.bounded)


@by_name
@properties
@given(pqr=distributions(3))
def test_bounds_and_triangles_hold_where_they_are_claimed(name, pqr):
    p, q, r = pqr
    entry = DIVERGENCES[name]
    if entry.bounded is not None:
        assert entry.function(p, q) <= entry.bounded + ROUNDING
    if entry.metric:
        assert entry.function(p, q) <= entry.function(p, r) + entry.function(r, q) + ROUNDING
    if entry.symmetric:
        assert entry.function(p, q).item() == pytest.approx(entry.function(q, p).item(), rel=1e-9)


@by_name
def test_what_is_not_called_a_metric_breaks_the_triangle_inequality(name):
    p, q, r = (random_rows(3000, 3, seed=seed) for seed in (0, 1, 2))
    f = DIVERGENCES[name].function
    broken = f(p, q) > f(p, r) + f(r, q) + ROUNDING
    assert bool(broken.any()) == (not DIVERGENCES[name].metric)


@properties
@given(pqr=distributions(3))
def test_the_root_of_js_is_a_metric(pqr):
    p, q, r = pqr
    assert d.js(p, q).sqrt() <= d.js(p, r).sqrt() + d.js(r, q).sqrt() + 1e-7


@by_name
@properties
@given(pq=distributions(2))
def test_merging_classes_never_raises_an_f_divergence(name, pq):
    assert DIVERGENCES[name].f_divergence
    merged = torch.cat([pq[:, :1] + pq[:, 1:2], pq[:, 2:]], -1)
    before, after = DIVERGENCES[name].function(*pq), DIVERGENCES[name].function(*merged)
    assert after <= before * (1 + 1e-9) + ROUNDING


def test_merging_classes_can_raise_the_squared_difference_of_logits():
    def logit_mse(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        centred = [x.log() - x.log().mean() for x in (p, q)]
        return (centred[0] - centred[1]).square().mean()

    p, q = torch.tensor([0.05, 0.05, 0.9]), torch.tensor([0.1, 0.1, 0.8])
    merged_p, merged_q = (torch.stack([x[0] + x[1], x[2]]) for x in (p, q))
    assert logit_mse(merged_p, merged_q) > logit_mse(p, q)
    assert d.kl(merged_p, merged_q) <= d.kl(p, q) + 1e-6
