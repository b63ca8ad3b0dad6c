"""How far apart are two distributions?

`p` is the reference (teacher), `q` the approximation (student): kl(p, q) is KL(p || q). Classes
lie on the last axis: `(..., K)` in, `(...)` out, one number per row, in nats. Lists, arrays and
tensors are accepted; the result is a tensor of the inputs' floating type (lists: float64; float16
and bfloat16 are computed and returned in float32). log=True says that p and q are
log-probabilities, from log_softmax for instance: the exact choice for sharp models.

Values are exact at the edges: 0 ln 0 = 0, and inf where q calls impossible what p allows. Near
p = q nothing cancels: equal inputs give exactly 0 with gradient 0. A gradient is never NaN: an
entry of probability 0, where slopes are infinite, receives a finite number instead, so that a row
that is inf spoils no other. How: see logspace.py.

Main reference: Csiszár and Shields (2004), Information Theory and Statistics: A Tutorial.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats
from kdlib.logspace import (
    Pair,
    excess,
    excess_to_mixture,
    log_sum_exp,
    paired,
    power_gain,
    product,
    safe_sqrt,
)


def kl(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return KL(p || q) = sum p ln(p/q), from 0 to inf: what coding p with q's code costs extra.

    Where q = 0 < p it is inf.

    Raises:
        ValueError, TypeError: for anything but two distributions of one shape, as everywhere here.

    >>> f"{kl([0.5, 0.5], [0.8, 0.2]):.4f}"  # ln(1.25), the log of 0.5 / sqrt(0.8 x 0.2)
    '0.2231'
    """
    pair = _pair(p, q, log)
    return excess(pair.p, pair.supported_u(), pair.q - pair.p).sum(-1)


def reverse_kl(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return KL(q || p) = sum q ln(q/p), from 0 to inf: the same with the roles exchanged.

    It has a name so that a loss can be chosen by it; where both models are at hand, write kl(q, p).

    >>> f"{reverse_kl([0.5, 0.5], [0.8, 0.2]):.4f}"  # 0.8 ln 1.6 + 0.2 ln 0.4
    '0.1927'
    """
    return kl(q, p, log=log)


def js(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return the Jensen-Shannon divergence, from 0 to ln 2: mean KL of p and q to their mean.

    Its square root is a metric (Endres and Schindelin 2003; scipy's `jensenshannon` is that root).

    >>> f"{js([1, 0], [0, 1]):.4f}"  # nothing in common: ln 2
    '0.6931'
    """
    return _to_mixture(_pair(p, q, log), 0.5)


def generalized_js(
    p: Floats, q: Floats, beta: float, *, normalized: bool = False, log: bool = False
) -> Tensor:
    """Return beta KL(p || m) + (1-beta) KL(q || m), where m = beta p + (1-beta) q.

    It vanishes at both ends of 0 <= beta <= 1. Normalized, that is divided by beta (1-beta), it
    runs from KL(p || q) at beta = 0 to KL(q || p) at beta = 1, and is 4 js at 1/2.
    Source: Agarwal et al. (2024), On-policy distillation of language models (GKD).

    >>> f"{generalized_js([1, 0], [0, 1], 0.25):.4f}"  # the entropy of (1/4, 3/4)
    '0.5623'
    """
    beta, pair = checks.fraction(beta, "beta"), _pair(p, q, log)
    if 0 < beta < 1:
        mixed = _to_mixture(pair, beta)
        return mixed / (beta * (1 - beta)) if normalized else mixed
    if not normalized:
        return 0 * (pair.p + pair.q).sum(-1)
    return kl(p, q, log=log) if beta == 0 else kl(q, p, log=log)


def skew_kl(p: Floats, q: Floats, skew: float, *, log: bool = False) -> Tensor:
    """Return KL(p || skew p + (1-skew) q), from 0 to -ln(skew): a KL that zeros cannot break.

    Source: Ko et al. (2024), DistiLLM: streamlined distillation for large language models.

    >>> f"{skew_kl([1, 0], [0, 1], 0.1):.4f}"  # ln 10
    '2.3026'
    """
    skew = checks.fraction(skew, "skew")
    if skew == 0:
        return kl(p, q, log=log)
    pair = _pair(p, q, log)
    return excess_to_mixture(pair, skew).sum(-1)


def renyi(p: Floats, q: Floats, order: float, *, log: bool = False) -> Tensor:
    """Return ln(sum p^order q^(1-order)) / (order-1), from 0 to inf, rising with the order > 0.

    At order 1 it is KL(p || q), its limit.
    Source: van Erven and Harremoës (2014), Rényi divergence and Kullback-Leibler divergence.

    >>> f"{renyi([0.5, 0.5], [0.9, 0.1], 2):.4f}"  # ln(0.25/0.9 + 0.25/0.1)
    '1.0217'
    """
    order = checks.positive(order, "order")
    if order == 1:
        return kl(p, q, log=log)
    pair = _pair(p, q, log)
    # Two forms of ln sum: through sum - 1 where it is small, else through log-sum-exp.
    log_terms = pair.log_p + (order - 1) * pair.supported_u()
    close = log_terms.detach().amax(-1) < 1
    gain = power_gain(pair, log_terms.masked_fill(~close[..., None], 0.0), order)
    close = close & (gain.detach().abs() < 0.5)
    near = gain.masked_fill(~close, 0.0).log1p()
    far = log_sum_exp(log_terms.masked_fill(close[..., None], 0.0))
    return (torch.where(close, near, far) / (order - 1)).clamp_min(0.0)


def total_variation(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return sum |p - q| / 2, from 0 to 1: the largest difference in probability of any event.

    >>> total_variation([0.5, 0.5], [0.8, 0.2])
    tensor(0.3000, dtype=torch.float64)
    """
    pair = _pair(p, q, log)
    return (pair.p - pair.q).abs().sum(-1) / 2


def hellinger(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return the Hellinger distance sqrt(sum (sqrt p - sqrt q)^2 / 2), a metric from 0 to 1.

    >>> f"{hellinger([1, 0], [0.25, 0.75]):.4f}"  # sqrt(1 - sqrt(1/4))
    '0.7071'
    """
    pair = _pair(p, q, log)
    return safe_sqrt(((pair.log_p / 2).exp() - (pair.log_q / 2).exp()).square().sum(-1) / 2)


def chi2(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return sum (p - q)^2 / q, from 0 to inf: Pearson's chi-squared divergence.

    Where q = 0 < p it is inf.

    >>> chi2([0.5, 0.5], [0.8, 0.2])  # 0.09/0.8 + 0.09/0.2
    tensor(0.5625, dtype=torch.float64)
    """
    pair = _pair(p, q, log)
    # With u = ln(p/q) a term is exp(c) (1 - exp(-|u|))^2, where exp(c) is p^2/q, or q if p < q.
    log_scale = torch.where(pair.u > 0, 2 * pair.log_p - pair.log_q, pair.log_q)
    infinite = log_scale > math.log(torch.finfo(log_scale.dtype).max)
    scale = log_scale.masked_fill(infinite, -math.inf).exp()
    terms = scale * torch.expm1(-pair.u.abs().clamp_max(40.0)).square()  # exp(-40) < rounding
    at_zero = pair.q - 2 * pair.p * (pair.q > 0)  # value and slope of the term at p = 0
    terms = torch.where(pair.log_p.isneginf(), at_zero, terms)
    return terms.masked_fill(infinite, math.inf).sum(-1)


def cross_entropy(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return -sum p ln q = entropy(p) + kl(p, q), from 0 to inf. It is not 0 at p = q.

    >>> f"{cross_entropy([1, 0], [0.25, 0.75]):.4f}"  # ln 4
    '1.3863'
    """
    pair = _pair(p, q, log)
    neither = pair.log_p.isneginf() & pair.log_q.isneginf()
    return product(pair.p, -pair.log_q.masked_fill(neither, 0.0)).sum(-1)


def entropy(p: Floats, *, log: bool = False) -> Tensor:
    """Return -sum p ln p, from 0 (certain) to ln K (uniform).

    >>> f"{entropy([0.25, 0.25, 0.25, 0.25]):.4f}"  # ln 4
    '1.3863'
    """
    return cross_entropy(p, p, log=log)


def wasserstein(p: Floats, q: Floats, cost: Floats, *, log: bool = False) -> Tensor:
    """Return the least cost of moving p's mass until it is q, in the units of cost.

    Exact optimal transport, one linear program per row: meant for K up to about 50. It has no
    gradient. Rows are first divided by their sum, since mass can only be moved.

    Args:
        cost: ground cost `(K, K)`, zero or more: cost[i, j] per unit of mass from class i to j.
    Raises:
        ValueError: also if p, q or cost requires a gradient.

    >>> wasserstein([1, 0, 0], [0, 0.5, 0.5], [[0, 1, 2], [1, 0, 1], [2, 1, 0]])
    tensor(1.5000, dtype=torch.float64)
    """
    pair = _pair(p, q, log)
    ground = checks.cost_matrix(cost, pair.p.shape[-1])
    for tensor, name in ((pair.p, "p"), (pair.q, "q"), (ground, "cost")):
        checks.no_gradient(tensor, name, "wasserstein")
    rows_p, rows_q = pair.p.reshape(-1, len(ground)), pair.q.reshape(-1, len(ground))
    costs = [_transport_cost(*row, ground) for row in zip(rows_p, rows_q, strict=True)]
    return pair.p.new_tensor(costs).reshape(pair.p.shape[:-1])


def top1_agreement(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return 1 where p and q have the same most probable class, else 0; its mean is the rate.

    Of tied classes the one with the lowest index counts, as in argmax. It has no gradient.

    >>> top1_agreement([[0.6, 0.4], [0.6, 0.4]], [[0.9, 0.1], [0.4, 0.6]])
    tensor([1., 0.], dtype=torch.float64)
    """
    checked_p, checked_q = checks.distribution_pair(p, q, log)
    return (checked_p.argmax(-1) == checked_q.argmax(-1)).to(checked_p.dtype)


def flip_budget(p: Floats, *, log: bool = False) -> Tensor:
    """Return the least KL(p || q) at which q can have another most probable class than p.

    With p1 >= p2 the two largest entries it is (p1 + p2) (ln 2 - h), h the entropy of
    (p1, p2) / (p1 + p2), and is reached by the q that moves both to their mean. A student below
    the budget has the same argmax. A single class cannot be overtaken: inf.

    >>> f"{flip_budget([0.7, 0.2, 0.1]):.3f}"
    '0.147'
    """
    checked = checks.distribution(p, "p", log)
    if checked.shape[-1] == 1:
        return torch.full_like(checked[..., 0], math.inf)
    two: Tensor = checked.topk(2, -1).values
    return 2 * _to_mixture(paired(two[..., :1], two[..., 1:], log), 0.5)


def pinsker_bound(kl: Floats) -> Tensor:
    """Return sqrt(kl / 2), which total variation cannot exceed; above 1 it says nothing.

    >>> pinsker_bound(0.5)
    tensor(0.5000, dtype=torch.float64)
    """
    return safe_sqrt(checks.non_negative(kl, "kl") / 2)


def bretagnolle_huber_bound(kl: Floats) -> Tensor:
    """Return sqrt(1 - exp(-kl)), which total variation cannot exceed: always below 1.

    Weaker than Pinsker below kl = 1.6, useful above. Source: Bretagnolle and Huber (1979).

    >>> f"{bretagnolle_huber_bound(2):.3f}"
    '0.930'
    """
    return safe_sqrt(-torch.expm1(-checks.non_negative(kl, "kl")))


@dataclass(frozen=True)
class Divergence:
    """A divergence by name: what to call, and what it promises for all distributions.

    `bounded` is the largest possible value, or None. `f_divergence`: it is one, or an increasing
    function of one, so merging classes never raises it (data processing).
    """

    function: Callable[..., Tensor]
    formula: str
    symmetric: bool
    bounded: float | None
    metric: bool
    finite_on_disjoint_support: bool
    f_divergence: bool = True


DIVERGENCES: dict[str, Divergence] = {
    "kl": Divergence(kl, "sum p ln(p/q)", False, None, False, False),
    "reverse_kl": Divergence(reverse_kl, "sum q ln(q/p)", False, None, False, False),
    "js": Divergence(js, "KL(p||m)/2 + KL(q||m)/2, m=(p+q)/2", True, math.log(2), False, True),
    "total_variation": Divergence(total_variation, "sum |p - q| / 2", True, 1.0, True, True),
    "hellinger": Divergence(hellinger, "sqrt(sum (sqrt p - sqrt q)^2 / 2)", True, 1.0, True, True),
    "chi2": Divergence(chi2, "sum (p - q)^2 / q", False, None, False, False),
}


def _pair(p: Floats, q: Floats, log: bool) -> Pair:
    return paired(*checks.distribution_pair(p, q, log), log)


def _to_mixture(pair: Pair, weight: float) -> Tensor:
    terms = weight * excess_to_mixture(pair, weight)
    return (terms + (1 - weight) * excess_to_mixture(pair.swapped(), 1 - weight)).sum(-1)


def _transport_cost(p: Tensor, q: Tensor, cost: Tensor) -> float:
    from scipy.optimize import linprog  # takes longer to import than all of kdlib

    p, q = p.double(), q.double()
    masses = torch.cat([p / p.sum(), q / q.sum()]).numpy()
    identity, ones = np.eye(len(p)), np.ones((1, len(p)))
    leaving_and_arriving = np.vstack([np.kron(identity, ones), np.kron(ones, identity)])
    plan = linprog(cost.double().flatten().numpy(), A_eq=leaving_and_arriving, b_eq=masses)
    return float(plan.fun)
