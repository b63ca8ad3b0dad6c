"""Can a weak teacher help a strong student, and by how much?

The gap between the weak teacher and a strong ceiling, a strong model taught with true labels, is
what there is to recover. The student is the strong model taught by the weak one. Burns et al.
(2023), Weak-to-strong generalization, arXiv:2312.09390; Marion et al. (2023), When less is more,
arXiv:2309.04564 (data selected by likelihood: the middle can beat the top).
"""

import math
from itertools import count

from numpy.typing import ArrayLike
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats, weak_to_strong
from kdlib.data import Examples
from kdlib.losses import confidence_loss
from kdlib.stats import Interval, mean_interval, paired_bootstrap, verdict
from kdlib.training import Loss


def performance_gap_recovered(
    weak: ArrayLike, student: ArrayLike, ceiling: ArrayLike, *, seed: int = 0
) -> Interval:
    """Return (student - weak) / (ceiling - weak) of mean scores: 1 at the ceiling, 0 at the weak.

    It is not cut off at 0: a student below its weak teacher has a negative one, a student above the
    ceiling one above 1. It is nan where the ceiling is not above the weak teacher. Where the data
    leave open whether it is, the ends are nan: such a ratio may be anything.

    Args:
        weak, student, ceiling: scores on the same inputs, `(N,)` or `(S, N)` as in kdlib.stats;
            True and False count as 1 and 0.
        seed: of the resampling.
    Returns:
        The ratio with a 95 % interval: `mean_interval` of the inputs' influences on the ratio (delta
        method), which is too narrow where the gap is hardly wider than its own interval.
    Raises:
        ValueError, TypeError: for scores of different shapes, NaN, fewer than two inputs or seeds.

    >>> weak, student, ceiling = [0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]
    >>> performance_gap_recovered(weak, student, ceiling).estimate
    0.5
    """
    scores = [checks.scores(x, n) for x, n in ((weak, "weak"), (student, "student"))]
    top = checks.scores(ceiling, "ceiling")
    for other, name in zip(scores, ("weak", "student"), strict=True):
        weak_to_strong.same_scores(other.shape, top.shape, name, "ceiling")
    gap, gain = top - scores[0], scores[1] - scores[0]
    if gap.mean() <= 0:
        return Interval(math.nan, math.nan, math.nan)
    ratio = float(gain.mean() / gap.mean())
    if verdict(paired_bootstrap(top, scores[0], seed=seed)) != "better":
        return Interval(ratio, math.nan, math.nan)
    around = mean_interval((gain - ratio * gap) / gap.mean(), seed=seed)
    return Interval(ratio, ratio + around.low, ratio + around.high)


def warmed_up_confidence(weight: float, warm_up: int) -> Loss:
    """The loss for `fit` that trusts the student itself ever more: `confidence_loss`, warmed up.

    Its confidence_weight rises in equal parts from 0 at the first step to `weight` after `warm_up`
    steps. On validation examples it is always `weight`, so that the best weights are chosen by one
    measure. Each call of this function begins anew: make one for each student.

    Args:
        weight: the last confidence_weight, from 0 to 1.
        warm_up: steps, 1 or more; in the published code of Burns et al. (2023) by default a tenth of
            the training, at whose end the weight jumps: it rises from 0 to a tenth, not to 1.
    """
    checks.fraction(weight, "weight")
    checks.count(warm_up, "warm_up")
    steps = count()

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        trust = weight
        if student_logits.requires_grad:
            trust *= min(1.0, next(steps) / warm_up)
        return confidence_loss(
            student_logits=student_logits,
            teacher_logits=weak_to_strong.answered(batch.teacher_logits),
            confidence_weight=trust,
        )

    return loss


def likelihood_band(scores: Floats, low: float, high: float) -> Tensor:
    """The positions of the examples whose score ranks in a band, from lowest (0) to highest (1).

    low=0.7, high=1 keeps what a small model finds most likely; 0.35 to 0.65 the middle; 0 to 0.3
    what surprises it. Of equal scores the earlier example ranks lower. A long text has a low
    likelihood because it is long: divide log-probabilities by the number of tokens first.

    Args:
        scores: `(N,)`, such as log_prob(model, names) / counted(names).sum(1).
        low, high: 0 <= low < high <= 1.
    Returns:
        Positions `(n,)` in rising order; bands that meet share none and leave none out.

    >>> likelihood_band([0.3, 0.1, 0.4, 0.2], 0.5, 1.0).tolist()
    [0, 2]
    """
    ranked = weak_to_strong.scores_to_rank(scores).argsort(stable=True)
    start, end = weak_to_strong.band(low, high, len(ranked))
    return ranked[start:end].sort().values
