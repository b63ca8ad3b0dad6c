"""What is a student trained to make small?

Losses on logits `(N, K)`, with keywords only, so that the roles cannot be swapped by accident.
The teacher never receives a gradient. A loss is the mean over the N examples, never over classes,
and is multiplied by T^2: gradients of softened distributions shrink like 1/T^2, and the factor
keeps soft and hard terms in the same ratio when T changes. float16 and bfloat16 logits are
computed in float32. A logit of -inf masks its class out.

Main reference: Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural network.
"""

import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats
from kdlib.divergences import DIVERGENCES


def kd_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    temperature: float = 1.0,
    divergence: str = "kl",
) -> Tensor:
    """Return T^2 times the mean divergence of the softened teacher p and student q.

    Args:
        student_logits, teacher_logits: `(N, K)`.
        temperature: T > 0; p = softmax(teacher_logits / T), q = softmax(student_logits / T).
        divergence: a name in kdlib.divergences.DIVERGENCES; "kl" is KL(p || q).
    Returns:
        A scalar. For "kl" its gradient in the student's logits is T (q - p) / N.
    Raises:
        ValueError: for other shapes, an empty batch, NaN or +inf logits, a temperature that is not
            a finite number above 0, or an unknown name.
        TypeError: for logits that are not floating-point numbers.

    A teacher at (1/2, 1/2) and a student at (4/5, 1/5), whose logits differ by ln 4:

    >>> loss = kd_loss(student_logits=[[1.3862944, 0.0]], teacher_logits=[[0.0, 0.0]])
    >>> f"{loss:.4f}"
    '0.2231'
    """
    student, teacher = checks.logit_pair(student_logits, teacher_logits)
    temperature = checks.temperature(temperature)
    checks.one_of(divergence, "divergence", DIVERGENCES)
    return _soft_loss(student, teacher, temperature, divergence)


def distillation_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    labels: Tensor | ArrayLike,
    temperature: float,
    hard_weight: float,
) -> Tensor:
    """Return hard_weight times cross-entropy with the labels plus (1 - hard_weight) kd_loss.

    The hard term is taken at temperature 1. A term of weight 0 does not count even if it is inf.

    Args:
        student_logits, teacher_logits: `(N, K)`.
        labels: `(N,)`, class indices from 0 to K - 1.
        temperature: T > 0, of the soft term, which keeps its factor T^2 at any weight.
        hard_weight: from 0 (teacher only) to 1 (labels only).
    Raises:
        ValueError, TypeError: see kd_loss; also for labels of another shape, type or range.

    An undecided student pays ln 2 for the label, and nothing for agreeing with the teacher:

    >>> loss = distillation_loss(
    ...     student_logits=[[0.0, 0.0]], teacher_logits=[[0.0, 0.0]], labels=[1],
    ...     temperature=2.0, hard_weight=0.5,
    ... )
    >>> f"{loss:.4f}"
    '0.3466'
    """
    hard_weight = checks.fraction(hard_weight, "hard_weight")
    student, teacher = checks.logit_pair(student_logits, teacher_logits)
    targets = checks.labels_in_range(labels, rows=student.shape[0], classes=student.shape[1])
    soft = _soft_loss(student, teacher, checks.temperature(temperature), "kl")
    hard = F.cross_entropy(student, targets)
    if hard_weight in (0, 1):
        return hard if hard_weight else soft
    return hard_weight * hard + (1 - hard_weight) * soft


def _soft_loss(student: Tensor, teacher: Tensor, temperature: float, divergence: str) -> Tensor:
    """The loss of kd_loss, from inputs that have been checked."""
    log_p = _softened(teacher.detach(), temperature)
    log_q = _softened(student, temperature)
    return temperature**2 * DIVERGENCES[divergence].function(log_p, log_q, log=True).mean()


def _softened(logits: Tensor, temperature: float) -> Tensor:
    # The largest logit goes first, so that a tiny temperature cannot overflow to inf - inf.
    top = logits.detach().amax(-1, keepdim=True)
    return ((logits - top) / temperature).log_softmax(-1)
