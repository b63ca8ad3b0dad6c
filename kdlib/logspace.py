"""How to compute a divergence so that nothing cancels, overflows, or sends a NaN back?

Everything starts from u = ln(p/q), kept beside p and q. A sum such as KL = sum p u is a small
number made of large ones of both signs; adding sum q - p = 0 term by term makes every term
p (u + exp(-u) - 1), which is never negative and is taken from expm1 where u is small. So equal
inputs give exactly 0, with gradient 0, and float32 keeps its digits near 0.

Where a value is infinite or undefined (ln 0, 0 ln 0, the root's slope at 0), autograd must not see
it: the entry is replaced before the operation and put back after it, hence the masks. Inputs are
checked distributions; here nothing is checked again.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Pair(NamedTuple):
    """Two distributions `(..., K)` on both scales, and u = ln(p/q), which is 0 where p = q = 0."""

    p: Tensor
    q: Tensor
    log_p: Tensor
    log_q: Tensor
    u: Tensor

    def swapped(self) -> "Pair":
        """Return the same two with their roles exchanged."""
        return Pair(self.q, self.p, self.log_q, self.log_p, -self.u)

    def supported_u(self) -> Tensor:
        """Return u where p > 0, and 0 where p = 0: there p u = 0, whatever q is."""
        return self.u.masked_fill(self.log_p.isneginf(), 0.0)


def paired(p: Tensor, q: Tensor, log: bool) -> Pair:
    """Return the Pair of two tensors of probabilities, or of log-probabilities if `log`."""
    log_p, log_q = (p, q) if log else (safe_log(p), safe_log(q))
    neither = log_p.isneginf() & log_q.isneginf()
    u = log_p.masked_fill(neither, 0.0) - log_q.masked_fill(neither, 0.0)
    return Pair(p.exp(), q.exp(), log_p, log_q, u) if log else Pair(p, q, log_p, log_q, u)


def safe_log(x: Tensor) -> Tensor:
    """Return ln x, and -inf for 0. An x so small that 1/x overflows receives the gradient 0."""
    zero = x == 0
    held = torch.where(x < torch.finfo(x.dtype).tiny, x.detach(), x)
    return held.masked_fill(zero, 1.0).log().masked_fill(zero, -math.inf)


def safe_sqrt(x: Tensor) -> Tensor:
    """Return the square root, where an x of 0 receives the gradient 0."""
    zero = x == 0
    return x.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)


def log_sum_exp(x: Tensor) -> Tensor:
    """Return ln sum exp(x) `(...)`, where a row that gives inf or -inf receives the gradient 0."""
    top = x.detach().amax(-1)
    return x.masked_fill(top.isinf()[..., None], 0.0).logsumexp(-1).where(~top.isinf(), top)


def product(weight: Tensor, value: Tensor) -> Tensor:
    """Return weight * value, infinite where value is, even if the weight has underflowed to 0.

    An infinite value sends no gradient into its weight.
    """
    tiny = torch.finfo(weight.dtype).tiny
    return torch.where(value.isinf(), weight.detach().clamp_min(tiny), weight) * value


def excess(p: Tensor, u: Tensor, difference: Tensor) -> Tensor:
    """Return p u + difference >= 0, for u = ln(p/m) and difference = m - p: the terms of KL(p || m).

    >>> zero, one = torch.tensor(0.0), torch.tensor(1.0)
    >>> excess(one, zero, zero), excess(zero, zero, one)  # p = m, and p = 0 < m
    (tensor(0.), tensor(1.))
    """
    near = (u.abs() < 1) & (p > 0)
    close = p * _bend(u.masked_fill(~near, 0.0))
    return torch.where(near, close, product(p, u) + difference.masked_fill(u.isinf(), 0.0))


def excess_to_mixture(pair: Pair, weight: float) -> Tensor:
    """Return the terms of KL(p || m), where m = weight p + (1-weight) q and weight > 0."""
    mixture = weight * pair.p + (1 - weight) * pair.q
    near = pair.u.abs() < 1
    close = -torch.log1p((1 - weight) * torch.expm1(-pair.u.masked_fill(~near, 0.0)))
    to_mixture = torch.where(near, close, pair.log_p - safe_log(mixture))
    nothing = (pair.p == 0) | (mixture == 0)  # the latter by underflow
    difference = (1 - weight) * (pair.q - pair.p)
    return excess(pair.p, to_mixture.masked_fill(nothing, 0.0), difference)


def power_gain(pair: Pair, log_terms: Tensor, order: float) -> Tensor:
    """Return sum exp(log_terms) - 1 `(...)`, from terms of one sign, so that it is exact near 0.

    Args:
        log_terms: ln(p^order q^(1-order)); may be replaced by anything in rows that are not used.
    """
    u = pair.supported_u()
    near = ((order - 1) * u).abs() < 1
    u = u.masked_fill(~near, 0.0)
    difference = pair.q - pair.p
    close = pair.p * _bend((1 - order) * u) + (order - 1) * excess(pair.p, u, difference)
    return torch.where(near, close, log_terms.exp() - pair.p + (order - 1) * difference).sum(-1)


def _bend(u: Tensor) -> Tensor:
    # u + exp(-u) - 1 for |u| < 1; the clamp is for an expm1 that is one digit off.
    return (u + torch.expm1(-u)).clamp_min(0.0)
