"""What does everyone else write?

The distillation losses in common use, on logits (N, K) of student and teacher: T^2 times the mean
over rows, as ours. The eager formulas are what most code says in its own words; the packages' own
functions are called where they are installed, and never required.
"""

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[..., Tensor]


def eager_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(p || q), p of the teacher: two log_softmax and F.kl_div.

    >>> student, teacher = torch.tensor([[1.3862944, 0.0]]), torch.zeros(1, 2)
    >>> f"{eager_kl(student, teacher, 1.0):.4f}"  # as in losses.kd_loss
    '0.2231'
    """
    log_q = (student / temperature).log_softmax(-1)
    log_p = (teacher / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")


def eager_reverse_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(q || p): the same with the roles exchanged."""
    return eager_kl(teacher, student, temperature)


def eager_js(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 JS(p, q) in log space, the mixture by logsumexp of a stack, as TRL has it.

    >>> f"{eager_js(torch.tensor([[200.0, 0.0]]), torch.tensor([[0.0, 200.0]]), 1.0):.4f}"  # ln 2
    '0.6931'
    """
    log_q = (student / temperature).log_softmax(-1)
    log_p = (teacher / temperature).log_softmax(-1)
    log_m = torch.stack([log_q - math.log(2), log_p - math.log(2)]).logsumexp(0)
    of_p, of_q = (F.kl_div(log_m, x, log_target=True, reduction="none") for x in (log_p, log_q))
    return temperature**2 * (0.5 * of_p + 0.5 * of_q).sum() / len(student)


def eager_kl_from_hidden(
    student_hidden: Tensor,
    student_weight: Tensor,
    teacher_hidden: Tensor,
    teacher_weight: Tensor,
    temperature: float,
) -> Tensor:
    """The eager KL of logits hidden @ weight.T that are all made first."""
    student, teacher = student_hidden @ student_weight.T, teacher_hidden @ teacher_weight.T
    return eager_kl(student, teacher, temperature)


def torchdistill_kl(temperature: float) -> Loss | None:
    """torchdistill's KDLoss, its soft term alone; None unless the package is installed.

    With alpha=0 or without labels KDLoss leaves T^2 out, so it is put back here.
    """
    kd_loss = _found("KDLoss", "torchdistill.losses.mid_level")
    if kd_loss is None:
        return None
    soft = kd_loss("model", "output", "model", "output", temperature=temperature, alpha=0.0)

    def loss(student: Tensor, teacher: Tensor) -> Tensor:
        outputs = ({"model": {"output": logits}} for logits in (student, teacher))
        mean: Tensor = temperature**2 * soft(*outputs)
        return mean

    return loss


def trl_js(temperature: float) -> Loss | None:
    """TRL's generalized_jsd_loss at beta = 1/2, times T^2; None unless the package is installed."""
    trainer = _found("GKDTrainer", "trl.experimental.gkd", "trl")
    if trainer is None:
        return None

    def loss(student: Tensor, teacher: Tensor) -> Tensor:
        of_rows = trainer.generalized_jsd_loss(student, teacher, beta=0.5, temperature=temperature)
        mean: Tensor = temperature**2 * of_rows
        return mean

    return loss


def _found(name: str, *modules: str) -> Any | None:
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError, RuntimeError):  # TRL's lazy imports raise the last
            continue
    return None
