"""What does one row of logits cost, and which way does it pull?

A `RowLoss` says it twice: as a plain formula for autograd, and, where there is one, as a closed form
of value and gradient (streaming.py tells why; Agarwal et al. 2024 for generalised JS). Inputs have
been checked. p and q are the softened teacher and student, u = ln(p/q).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdlib.divergences import cross_entropy, kl
from kdlib.logspace import log_sum_exp
from kdlib.streaming import RowLoss, Softened, softened

SMALL = 0.05  # a sum of p u below this has lost digits to cancellation

# (p, q, u) -> T = 1 values (n,) and the gradient (n, K) in z = student logits / T.
Slope = Callable[[Softened, Softened, Tensor], tuple[Tensor, Tensor]]


class Ratios(NamedTuple):
    """Two distributions (n, K), and the logarithms of p/q, p/m and q/m, m their mixture."""

    p: Tensor
    q: Tensor
    u: Tensor
    p_to_m: Tensor
    q_to_m: Tensor


def soft_rows(
    divergence: Callable[..., Tensor], temperature: float, slope: Slope | None = None
) -> RowLoss:
    """T^2 times a divergence (log_p, log_q) of the softened rows of teacher and student."""

    def plain(student: Tensor, teacher: Tensor) -> Tensor:
        log_p, log_q = log_softened(teacher, temperature), log_softened(student, temperature)
        return temperature**2 * divergence(log_p, log_q, log=True)

    def closed(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor] | None:
        p, q = softened(teacher, temperature), softened(student, temperature)
        u = (p.z - q.z).sub_(p.log_sum - q.log_sum)
        if not math.isfinite(float(u.sum())) and not _without_masked(p, q, u):
            return None
        values, gradient = slope(p, q, u)  # type: ignore[misc]
        return values.mul_(temperature**2), gradient.mul_(temperature)

    return RowLoss(plain, closed if slope else None)


def label_rows() -> RowLoss:
    """Cross-entropy of the student's rows with labels (n,)."""

    def plain(student: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(student, labels, reduction="none")

    def closed(student: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        q, chosen = softened(student, 1.0), labels[:, None]
        values = (q.log_sum - q.z.gather(-1, chosen))[:, 0]
        return values, q.prob.scatter_add_(-1, chosen, -torch.ones_like(q.log_sum))

    return RowLoss(plain, closed)


def blended_rows(*terms: tuple[float, RowLoss]) -> RowLoss:
    """The weighted sum of row losses, each with a target of its own; one of weight 0 is left out."""

    def used(targets: tuple[Tensor, ...]) -> list[tuple[float, RowLoss, Tensor]]:
        pairs = zip(terms, targets, strict=True)
        return [(weight, loss, target) for (weight, loss), target in pairs if weight]

    def plain(student: Tensor, *targets: Tensor) -> Tensor:
        rows = [weight * loss.plain(student, target) for weight, loss, target in used(targets)]
        return torch.stack(rows).sum(0)

    def closed(student: Tensor, *targets: Tensor) -> tuple[Tensor, Tensor] | None:
        values, gradient = torch.zeros_like(student[:, 0]), torch.zeros_like(student)
        for weight, loss, target in used(targets):
            found = loss.closed(student, target) if loss.closed else None
            if found is None:
                return None
            values.add_(found[0], alpha=weight)
            gradient.add_(found[1], alpha=weight)
        return values, gradient

    return RowLoss(plain, closed)


def dkd_rows(temperature: float, target_weight: float, other_weight: float) -> RowLoss:
    """T^2 (target_weight TCKD + other_weight NCKD), of rows of the teacher and labels."""

    def plain(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        p_target, p_others = _split(log_softened(teacher, temperature), labels)
        q_target, q_others = _split(log_softened(student, temperature), labels)
        alone = p_target[:, 1].isneginf()  # a teacher without doubt says nothing of the others
        of_target = kl(p_target, q_target, log=True)
        of_others = kl(p_others, q_others, log=True).masked_fill(alone, 0.0)
        return temperature**2 * (target_weight * of_target + other_weight * of_others)

    return RowLoss(plain)


def logit_mse_row(student: Tensor, teacher: Tensor) -> Tensor:
    """Half the mean square of the centred difference of the logits, (n, K) and (n, K) -> (n,)."""
    masked = student.isneginf(), teacher.isneginf()
    counts = ~(masked[0] | masked[1])
    number = counts.sum(-1, keepdim=True)
    difference = student.masked_fill(~counts, 0.0) - teacher.masked_fill(~counts, 0.0)
    centred = (difference - difference.sum(-1, keepdim=True) / number).masked_fill(~counts, 0.0)
    one_sided = (masked[0] ^ masked[1]).any(-1)
    return ((centred.square().sum(-1) / number[:, 0]) / 2).masked_fill(one_sided, math.inf)


def confidence_rows(confidence_weight: float) -> RowLoss:
    """(1 - w) cross-entropy with the teacher's rows + w cross-entropy with one's own favourite."""

    def plain(student: Tensor, teacher: Tensor) -> Tensor:
        log_p, log_q = log_softened(teacher, 1.0), log_softened(student, 1.0)
        of_teacher = cross_entropy(log_p, log_q, log=True)
        hardened = F.nll_loss(log_q, student.argmax(-1), reduction="none")
        return (1 - confidence_weight) * of_teacher + confidence_weight * hardened

    return RowLoss(plain)


def log_softened(logits: Tensor, temperature: float) -> Tensor:
    """log softmax(logits / T); the largest goes first, so that a tiny T gives no inf - inf."""
    top = logits.detach().amax(-1, keepdim=True)
    return ((logits - top) / temperature).log_softmax(-1)


def kl_slope(p: Softened, q: Softened, u: Tensor) -> tuple[Tensor, Tensor]:
    """KL(p || q), with gradient q - p."""
    difference = q.prob - p.prob
    return _mean_log_ratio(p.prob, u, difference), difference


def reverse_kl_slope(p: Softened, q: Softened, u: Tensor) -> tuple[Tensor, Tensor]:
    """KL(q || p), with gradient -q (u + KL)."""
    values = _mean_log_ratio(q.prob, u.neg_(), p.prob - q.prob)
    return values, u.sub_(values[:, None]).mul_(q.prob)


def generalized_js_slope(beta: float, normalized: bool = False) -> Slope:
    """The slope of generalised JS, 0 < beta < 1: gradient (1-beta) q (ln(q/m) - KL(q || m))."""
    scale = 1 / (beta * (1 - beta)) if normalized else 1.0

    def slope(p: Softened, q: Softened, u: Tensor) -> tuple[Tensor, Tensor]:
        mixture = torch.lerp(q.prob, p.prob, beta).clamp_min_(torch.finfo(u.dtype).tiny)
        log_m = mixture.log_()
        p_to_m, q_to_m = ((x.z - x.log_sum).sub_(log_m) for x in (p, q))  # ln(p/m), ln(q/m)
        of_q = torch.linalg.vecdot(q.prob, q_to_m)
        values = beta * torch.linalg.vecdot(p.prob, p_to_m) + (1 - beta) * of_q
        small = values < SMALL * beta * (1 - beta)
        if bool(small.any()):
            rows = slice(None) if bool(small.all()) else small
            given = Ratios(*(x[rows] for x in (p.prob, q.prob, u, p_to_m, q_to_m)))
            values[rows] = _js_of_terms(given, beta)
        gradient = q_to_m.sub_(of_q[:, None]).mul_(q.prob).mul_((1 - beta) * scale)
        return values.mul_(scale), gradient

    return slope


def js_slope(beta: float, normalized: bool) -> Slope | None:
    """The same for 0 <= beta <= 1; None at an end that vanishes."""
    if 0 < beta < 1:
        return generalized_js_slope(beta, normalized)
    if not normalized:
        return None
    return kl_slope if beta == 0 else reverse_kl_slope


# Other divergences leave the gradient to autograd.
SLOPES: dict[str, Slope] = {
    "kl": kl_slope,
    "reverse_kl": reverse_kl_slope,
    "js": generalized_js_slope(0.5),
}


def _without_masked(p: Softened, q: Softened, u: Tensor) -> bool:
    """Give classes that both sides mask out a part of 0; False where only one side does."""
    if bool(u.isinf().any()):
        return False
    u.nan_to_num_(0.0)
    for side in (p, q):
        side.z.nan_to_num_(neginf=0.0)
    return True


def _mean_log_ratio(p: Tensor, u: Tensor, difference: Tensor) -> Tensor:
    """sum p u for u = ln(p/q), difference = q - p; rows near 0 term by term, none of them negative."""
    values: Tensor = torch.linalg.vecdot(p, u)
    small = values < SMALL
    if bool(small.all()):
        return _kl_of_terms(p, u, difference)
    if bool(small.any()):
        values[small] = _kl_of_terms(p[small], u[small], difference[small])
    return values


# As in logspace, without what only autograd needs. With u = ln(p/q) at least 1 nothing cancels.


def _kl_of_terms(p: Tensor, u: Tensor, difference: Tensor) -> Tensor:
    """sum p (u + exp(-u) - 1), of which p (exp(-u) - 1) = q - p sums to 0 over the classes."""
    bend = torch.expm1(-u).add_(u).clamp_min_(0.0)
    if float(u.abs().amax()) < 1:
        close: Tensor = torch.linalg.vecdot(p, bend)
        return close
    return torch.where(u.abs() < 1, p * bend, p * u + difference).sum(-1)


def _js_of_terms(rows: Ratios, beta: float) -> Tensor:
    """sum beta p (x - ln(1+x)) + (1-beta) q (y - ln(1+y)), where x = m/p - 1 and y = m/q - 1."""
    p, q, u, p_to_m, q_to_m = rows
    x, y = torch.expm1(-u).mul_(1 - beta), torch.expm1(u).mul_(beta)
    of_p, of_q = ((z - z.log1p()).clamp_min_(0.0) for z in (x, y))
    if float(u.abs().amax()) < 1:
        dot = torch.linalg.vecdot
        close: Tensor = beta * dot(p, of_p) + (1 - beta) * dot(q, of_q)
        return close
    terms = beta * p * of_p + (1 - beta) * q * of_q
    far = beta * p * p_to_m + (1 - beta) * q * q_to_m
    return torch.where(u.abs() < 1, terms, far).sum(-1)


def _split(log_q: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of (target, any other), (n, 2), and of the others among themselves, (n, K).

    Where nothing is left for the others, all mass of the second stands on the target.
    """
    target = labels[:, None]
    others = log_q.scatter(-1, target, -math.inf)
    rest = log_sum_exp(others)[:, None]
    nothing = rest.isneginf()
    alone = torch.full_like(others, -math.inf).scatter(-1, target, 0.0)
    among = torch.where(nothing, alone, others - rest.masked_fill(nothing, 0.0))
    return torch.cat([log_q.gather(-1, target), rest], -1), among
