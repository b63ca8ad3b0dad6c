"""Which losses does the benchmark compare, and on what?

Each contender has the eager formula for the same quantity beside it, which taken in float64 is the
truth. The first of a list is what the others are compared with. T = 2 throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from kdlib.bench.rivals import (
    Loss,
    eager_js,
    eager_kl,
    eager_kl_from_hidden,
    eager_reverse_kl,
    torchdistill_kl,
    trl_js,
)
from kdlib.losses import kd_loss, kd_loss_from_hidden

Inputs = tuple[Tensor, ...]

TEMPERATURE = 2.0
SPREAD = 2.0  # standard deviation of the logits
NEAR = 1e-3  # of the noise between a student and its teacher with a KL of about 1e-7
STUDENT_HIDDEN, TEACHER_HIDDEN = 256, 512

KL, REVERSE_KL, JS = (
    partial(formula, temperature=TEMPERATURE) for formula in (eager_kl, eager_reverse_kl, eager_js)
)
PACKAGES = {  # title -> how to get the loss, None if it is not installed, and the formula
    "torchdistill KDLoss": (torchdistill_kl, KL),
    "TRL generalized_jsd_loss": (trl_js, JS),
}


@dataclass(frozen=True)
class Contender:
    """A loss, the eager formula for the same quantity, and the inputs (N, K) that both are given."""

    title: str
    loss: Loss
    formula: Loss
    inputs: Callable[[int, int], Inputs]


def of_logits() -> list[Contender]:
    """The losses of logits, the eager KL first; of the packages those that are installed."""
    contenders = [
        Contender("eager KL", KL, KL, logit_pair),
        Contender('kd_loss "kl"', _ours("kl"), KL, logit_pair),
        Contender('kd_loss "kl", near-identical', _ours("kl"), KL, near_pair),
        Contender('kd_loss "reverse_kl"', _ours("reverse_kl"), REVERSE_KL, logit_pair),
        Contender('kd_loss "js"', _ours("js"), JS, logit_pair),
        Contender("eager JS", JS, JS, logit_pair),
    ]
    for title, (load, formula) in PACKAGES.items():
        if loss := load(TEMPERATURE):
            contenders.append(Contender(title, loss, formula, logit_pair))
    return contenders


def of_hidden() -> list[Contender]:
    """The losses of hidden states and output matrices, eager first."""
    eager = partial(eager_kl_from_hidden, temperature=TEMPERATURE)
    return [
        Contender("both logits, then eager KL", eager, eager, hidden_states),
        Contender("kd_loss_from_hidden", _ours_from_hidden, eager, hidden_states),
    ]


def missing_packages() -> list[str]:
    """Contenders that cannot take part because their package is not installed."""
    return [title for title, (load, _) in PACKAGES.items() if load(TEMPERATURE) is None]


def logit_pair(rows: int, classes: int) -> Inputs:
    """Logits of a student, which expects a gradient, and of an unlike teacher."""
    teacher, student = _noise(0, rows, classes, SPREAD), _noise(1, rows, classes, SPREAD)
    return student.requires_grad_(), teacher


def near_pair(rows: int, classes: int) -> Inputs:
    """The same of a student that has all but become its teacher."""
    teacher = _noise(0, rows, classes, SPREAD)
    student = _noise(1, rows, classes, NEAR).add_(teacher)
    return student.requires_grad_(), teacher


def hidden_states(rows: int, classes: int) -> Inputs:
    """Hidden states (N, H) and output matrices (K, H), whose products are such logits."""
    sizes = STUDENT_HIDDEN, TEACHER_HIDDEN
    hidden = [_noise(i, rows, size, SPREAD) for i, size in enumerate(sizes)]
    weight = [_noise(i + 2, classes, size, size**-0.5) for i, size in enumerate(sizes)]
    return hidden[0].requires_grad_(), weight[0].requires_grad_(), hidden[1], weight[1]


def _ours(divergence: str) -> Loss:
    def loss(student: Tensor, teacher: Tensor) -> Tensor:
        return kd_loss(
            student_logits=student,
            teacher_logits=teacher,
            temperature=TEMPERATURE,
            divergence=divergence,
        )

    return loss


def _ours_from_hidden(
    student_hidden: Tensor, student_weight: Tensor, teacher_hidden: Tensor, teacher_weight: Tensor
) -> Tensor:
    return kd_loss_from_hidden(
        student_hidden=student_hidden,
        student_weight=student_weight,
        teacher_hidden=teacher_hidden,
        teacher_weight=teacher_weight,
        temperature=TEMPERATURE,
    )


def _noise(seed: int, rows: int, columns: int, spread: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.empty(rows, columns).normal_(0.0, spread, generator=generator)
