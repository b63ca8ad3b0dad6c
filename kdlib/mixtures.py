"""A small world whose truth is known: Gaussian mixtures, and students that reach their minimum.

Points come from K Gaussian classes, so the probability of each class at a point, the Bayes
probability, is known exactly, and with it the lowest error that any classifier can have. Students
are softmax regressions on polynomials of a point: the loss is convex, Newton's method finds its one
minimum, so two students differ in what they were taught and not in steps, rates or first weights.
Leading axes are students: `(S, N, ...)` fits S of them at once.

References: Menon et al. (2021), A statistical perspective on distillation, arXiv:2005.10419, for
Bayes probabilities as a teacher; Bishop (2006), Pattern Recognition and Machine Learning, 4.2.1
(the posterior of Gaussian classes) and 4.3.3 (Newton's method for softmax regression).
"""

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from kdlib import checks
from kdlib.data import Examples

__all__ = ["GaussianMixture", "chance_right", "polynomial", "ring", "softmax_regression"]

NEWTON_STEPS, HALVINGS, PRECISION = 200, 40, 1e-14


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """K classes in D dimensions: class k has centre `centres[k]`, spreads evenly in every direction.

    Args:
        centres: (K, D). spreads: (K,), standard deviations. shares: (K,), how frequent each is.

    Raises:
        ValueError, TypeError: shapes that do not fit, spreads not above 0, shares not summing to 1.

    Two classes a step of 2 apart; in the middle neither is likelier:

    >>> world = GaussianMixture([[-1.0], [1.0]], spreads=[1.0, 1.0], shares=[0.5, 0.5])
    >>> [round(p, 3) for p in world.log_probabilities([[0.0], [1.0]]).exp()[:, 1].tolist()]
    [0.5, 0.881]
    """

    centres: Tensor
    spreads: Tensor
    shares: Tensor

    def __post_init__(self) -> None:
        for name in ("centres", "spreads", "shares"):
            object.__setattr__(self, name, checks.as_floats(getattr(self, name), name).double())
        checks.distribution(self.shares, "shares", log=False)
        for k, spread in enumerate(self.spreads.flatten().tolist()):
            checks.positive(spread, f"spreads[{k}]")
        checks.mixture_shapes(self.centres, self.spreads, self.shares)

    def log_probabilities(self, points: checks.Floats) -> Tensor:
        """The Bayes log-probabilities ln p(class | point). (..., D) -> (..., K)."""
        where = checks.as_floats(points, "points").double()
        dimensions = self.centres.shape[1]
        checks.points_in(where, dimensions)
        squares = (where[..., None, :] - self.centres).square().sum(-1)
        density = -squares / (2 * self.spreads.square()) - dimensions * self.spreads.log()
        return (density + self.shares.log()).log_softmax(-1)

    def sample(self, count: int, seed: int = 0) -> Examples:
        """Points (N, D) with a label drawn for each, and the Bayes log-probabilities as teacher."""
        generator = torch.Generator().manual_seed(seed)
        size = checks.count(count, "count")
        labels = torch.multinomial(self.shares, size, replacement=True, generator=generator)
        noise = torch.randn(
            size, self.centres.shape[1], generator=generator, dtype=self.centres.dtype
        )
        points = self.centres[labels] + self.spreads[labels, None] * noise
        return Examples(points, labels, teacher_logits=self.log_probabilities(points))


def ring(classes: int = 5, radius: float = 1.7, spread: float = 1.0) -> GaussianMixture:
    """Equally frequent classes whose centres lie evenly on a circle.

    >>> ring(4, radius=2.0).centres[0].tolist()
    [2.0, 0.0]
    """
    size = checks.count(classes, "classes")
    angles = torch.arange(size, dtype=torch.float64) * 2 * math.pi / size
    centres = checks.positive(radius, "radius") * torch.stack([angles.cos(), angles.sin()], -1)
    same = torch.ones(size, dtype=torch.float64)
    return GaussianMixture(centres, spread * same, same / size)


def chance_right(p: Tensor, q: Tensor) -> Tensor:
    """How probably the favourite of q is the true class, if p is the truth. (..., K) -> (...).

    Its mean is the accuracy without the chance of drawing test labels.

    >>> chance_right(torch.tensor([0.50, 0.25, 0.25]), torch.tensor([0.1, 0.8, 0.1])).item()
    0.25
    """
    checks.same_shape(p, q, "p", "q")
    return p.gather(-1, q.argmax(-1, keepdim=True))[..., 0]


def polynomial(points: Tensor, degree: int) -> Tensor:
    """All products of up to `degree` coordinates, the empty product 1 first. (..., D) -> (..., F).

    >>> polynomial(torch.tensor([2.0, 3.0]), 2).tolist()
    [1.0, 2.0, 3.0, 4.0, 6.0, 9.0]
    """
    size = checks.count(degree, "degree")
    factors = [
        chosen
        for d in range(size + 1)
        for chosen in combinations_with_replacement(range(points.shape[-1]), d)
    ]
    return torch.stack([points[..., list(chosen)].prod(-1) for chosen in factors], -1)


def softmax_regression(features: Tensor, targets: Tensor, ridge: float = 1e-3) -> Tensor:
    """The weights (..., F, K) that minimise cross-entropy with the targets plus a ridge.

    The loss is mean over N of -sum_k targets_k ln softmax(features @ weights)_k, plus ridge / 2
    times the sum of squared weights, which makes the minimum unique and finite.

    Args:
        features: (..., N, F). targets: (..., N, K), one-hot rows or probabilities. ridge: above 0.

    Raises:
        ValueError: targets that are no distributions, features of another length, no ridge.

    One feature, always 1, learns the mean of its targets, whether labels or probabilities:

    >>> ones, labels = torch.ones(4, 1), torch.tensor([[1, 0], [1, 0], [1, 0], [0, 1.0]])
    >>> [round(q, 4) for q in softmax_regression(ones, labels, ridge=1e-9)[0].softmax(-1).tolist()]
    [0.75, 0.25]
    """
    checks.distribution(targets, "targets", log=False)
    amount = checks.positive(ridge, "ridge")
    checks.features_and_targets(features, targets)
    size, classes = features.shape[-1], targets.shape[-1]
    x = features.double().reshape(-1, features.shape[-2], size)
    p = targets.double().reshape(-1, targets.shape[-2], classes)
    return _newton(x, p, amount).reshape(*features.shape[:-2], size, classes)


def _newton(x: Tensor, p: Tensor, ridge: float) -> Tensor:
    """Damped Newton steps for S students at once. x (S, N, F), p (S, N, K) -> (S, F, K)."""
    weights = x.new_zeros(len(x), x.shape[2], p.shape[2])
    loss = _loss(weights, x, p, ridge)
    for _ in range(NEWTON_STEPS):
        direction, slope = _direction(weights, x, p, ridge)
        if float(slope.max()) < PRECISION:
            return weights
        length = torch.ones_like(loss)
        for _ in range(HALVINGS):
            candidate = weights - length[:, None, None] * direction
            new = _loss(candidate, x, p, ridge)
            too_far = new > loss - 1e-4 * length * slope + 1e-13
            if not bool(too_far.any()):
                break
            length = torch.where(too_far, length / 2, length)
        weights, loss = candidate, new
    checks.no_minimum(NEWTON_STEPS, ridge)
    return weights


def _loss(weights: Tensor, x: Tensor, p: Tensor, ridge: float) -> Tensor:
    """(S,): cross-entropy plus ridge, of each student."""
    fit = -(p * (x @ weights).log_softmax(-1)).sum(-1).mean(-1)
    return fit + ridge / 2 * weights.square().sum((-2, -1))


def _direction(weights: Tensor, x: Tensor, p: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """The Newton direction (S, F, K), and how fast the loss falls along it (S,)."""
    q = (x @ weights).softmax(-1)
    students, count, size = x.shape
    gradient = x.mT @ (q - p) / count + ridge * weights
    pulled = (x[..., :, None] * q[..., None, :]).flatten(-2)  # (S, N, F K)
    hessian = -pulled.mT @ pulled / count
    blocks = hessian.view(students, size, q.shape[-1], size, q.shape[-1])
    own = torch.einsum("snf,snk,sng->skfg", x, q, x) / count
    blocks.diagonal(dim1=2, dim2=4).add_(own.permute(0, 2, 3, 1))
    hessian.diagonal(dim1=1, dim2=2).add_(ridge)
    flat = gradient.flatten(1)
    direction = torch.linalg.solve(hessian, flat)
    return direction.reshape_as(weights), (flat * direction).sum(-1)
