"""What do several models say together, and why is it often little more than one of them?

Members answer with logits (M, N, K). Three ways to make one distribution (N, K) of them: count
their votes, average their probabilities, average their logits. None helps where the members err on
the same inputs: `member_correlation`. Dietterich (2000), Ensemble methods in machine learning;
Breiman (2001), Random forests, section 2 (strength and correlation).
"""

import torch
from torch import Tensor
from torch.nn import functional

from kdlib.checks import weak_to_strong as checks


def vote(logits: Tensor) -> Tensor:
    """The share (N, K) of the members (M, N, K) whose first choice each class is.

    >>> vote(torch.tensor([[[2.0, 0.0]], [[1.0, 0.0]], [[0.0, 9.0]]]))
    tensor([[0.6667, 0.3333]])
    """
    answers = checks.member_logits(logits)
    shares: Tensor = functional.one_hot(answers.argmax(-1), answers.shape[-1]).to(answers.dtype)
    return shares.mean(dim=0)


def mean_probability(logits: Tensor) -> Tensor:
    """The mean (N, K) of the members' probabilities: one that is sure cannot be outdone.

    >>> mean_probability(torch.tensor([[[0.0, 0.0]], [[0.0, 99.0]]]))
    tensor([[0.2500, 0.7500]])
    """
    return checks.member_logits(logits).softmax(dim=-1).mean(dim=0)


def mean_logit(logits: Tensor) -> Tensor:
    """The probabilities (N, K) of the members' mean logits: the geometric mean, normalised.

    One member that rules a class out (-inf) rules it out for all.

    >>> mean_logit(torch.tensor([[[0.0, 0.0]], [[-torch.inf, 0.0]]]))
    tensor([[0., 1.]])
    """
    mean = checks.member_logits(logits).mean(dim=0)
    return checks.some_class_left(mean).softmax(dim=-1)


def member_correlation(correct: Tensor) -> float:
    """The mean correlation of two members in being right, from -1 / (M - 1) to 1.

    Args:
        correct: `(M, N)` booleans, or scores: which member is right on which input.
    Returns:
        r. Of members with the same variance the mean has r + (1 - r) / M times the variance of one:
        with r = 1 all members are one member.
    Raises:
        ValueError: fewer than two members or inputs, a member that is always right or always wrong.

    >>> member_correlation(torch.tensor([[1.0, 0, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]]))
    0.3333333333333333
    """
    matrix = torch.corrcoef(checks.varying_members(correct))
    members = len(matrix)
    return float((matrix.sum() - members) / (members * (members - 1)))
