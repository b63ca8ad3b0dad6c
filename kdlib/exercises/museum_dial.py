"""The exercise of lesson 06 about a dial: the generalised JS between its two ends.

Whether a learner's function jumps is looked for by halving: where it is continuous, the step
between two neighbouring settings shrinks with their distance; where it jumps, it does not.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdlib.divergences import kl
from kdlib.exercises import museum
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.losses import generalized_js_loss

LESSON = "06"
GRID, HALVINGS, STEEPEST = 50, 12, 3  # settings first, then halvings in the steepest intervals
JUMP = 1e-3


def my_dial(student_logits: Tensor, teacher_logits: Tensor, beta: float) -> Tensor:
    """From KL(teacher‖student) at beta 0 to KL(student‖teacher) at 1. (N, K) twice -> scalar."""
    p, q = teacher_logits.softmax(-1), student_logits.softmax(-1)
    if beta in (0, 1):
        return (kl(p, q) if beta == 0 else kl(q, p)).mean()
    middle = beta * p + (1 - beta) * q
    published = beta * kl(p, middle) + (1 - beta) * kl(q, middle)
    return published.mean() / (beta * (1 - beta))


def _along_the_dial(function: Callable[..., Any], s: Tensor, t: Tensor, beta: float) -> Any:
    """[loss, size of its gradient] near an end; in the middle [above 0, gradient, jump]: 0 or 1."""
    value = function(s, t, beta)
    if value is None or value is ...:
        return value
    museum.expect(value, isinstance(value, Tensor) and not value.ndim, "a tensor with one number")
    if value.requires_grad:
        value.backward()
    size = 0.0 if s.grad is None else float(s.grad.norm())
    seen = [float(value.detach()), size]
    if min(beta, 1 - beta) < 0.1:
        return seen
    with torch.no_grad():
        jumps = _jumps(lambda setting: float(function(s, t, setting)))
    return [*(float(x > 1e-3) for x in seen), float(jumps)]


def _jumps(function: Callable[[float], float]) -> bool:
    """Whether the values of a function on 0.01 to 0.99 jump somewhere by more than JUMP."""
    places = [0.01 + 0.98 * i / GRID for i in range(GRID + 1)]
    values = [function(place) for place in places]
    steps = [(abs(values[i + 1] - values[i]), i) for i in range(GRID)]
    for _, i in sorted(steps)[-STEEPEST:]:
        low, high, at_low, at_high = places[i], places[i + 1], values[i], values[i + 1]
        for _ in range(HALVINGS):
            between = (low + high) / 2
            at_between = function(between)
            if abs(at_between - at_low) > abs(at_high - at_between):
                high, at_high = between, at_between
            else:
                low, at_low = between, at_between
        if abs(at_high - at_low) > JUMP:
            return True
    return False


def _published(s: Tensor, t: Tensor, beta: float) -> Tensor:
    beta = min(max(beta, 1e-6), 1 - 1e-6)
    return generalized_js_loss(student_logits=s, teacher_logits=t, beta=beta)


def _switch(s: Tensor, t: Tensor, beta: float) -> Tensor:
    return my_dial(s, t, float(beta >= 0.5))


_DIAL = (
    torch.tensor([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True),
    torch.tensor([[2.0, 0, 0], [0, 1, 2]]).double(),
)

dial = Exercise(
    lesson=LESSON,
    name="dial",
    title="A dial that does not go silent",
    statement=(
        "Repair the generalised JS of run G, so that it is what its users expect: "
        "**KL(teacher‖student) at `beta` = 0, KL(student‖teacher) at `beta` = 1, and no jump "
        "anywhere**: just beside an end nearly the same loss and gradient as at the end. In "
        "between it must be positive and have a gradient; how you get there is free."
    ),
    difficulty=3,
    minutes=6,
    skill="testing a setting at its ends and beside them",
    variable="my_dial",
    stub='''def my_dial(student_logits: Tensor, teacher_logits: Tensor, beta: float) -> Tensor:
    """From KL(teacher‖student) at beta 0 to KL(student‖teacher) at 1. (N, K) twice -> scalar."""
    return ...  # your code here: kl(p, q) gives one number per row''',
    hints=(
        "Near 0 the published function is about `beta` times KL(teacher‖student), near 1 about "
        "`1 - beta` times KL(student‖teacher). What can you divide by?",
        "Divide by `beta * (1 - beta)`; at exactly 0 and 1 return the limits. Or weight the two "
        "KLs the other way round: `(1 - beta) * kl(p, middle) + beta * kl(q, middle)`.",
    ),
    right=my_dial,
    explanation=(
        "Dividing by β(1 − β) changes only the size of the gradient, never its direction. "
        "Exchanging the weights gives another family with the same ends, and a weighted sum of "
        "the two KLs a third. All three pass."
    ),
    deepens=(
        "There are several such dials; the library divides by β(1 − β): "
        "`generalized_js_loss(..., normalized=True)`. A formula can be faithful to its paper and "
        "still surprise: read what it does at the settings people choose."
    ),
    judge=museum.observing(
        _along_the_dial,
        tuple((*_DIAL, beta) for beta in (0.0, 1e-4, 0.5, 1 - 1e-4, 1.0)),
        "the loss and the size of the student's gradient; at 0.5 only whether they are above 0, "
        "and 1 if the loss jumps somewhere between the ends",
        tolerance=0.01,
    ),
    wrong={
        "as_found": Wrong(
            _published,
            "It still goes silent at both ends, where no loss and no gradient are left. In its "
            "formula one KL comes to compare a model with itself, and the other has weight 0.",
        ),
        "ends_only": Wrong(
            lambda s, t, beta: my_dial(s, t, beta) if beta in (0, 1) else _published(s, t, beta),
            "The two ends are right, but it jumps: at β = .0001 the loss is ten thousand times "
            "smaller than at 0.",
        ),
        "switch": Wrong(
            _switch,
            "Both ends are right, but somewhere in between the loss jumps: a switch between two "
            "KLs is no dial. Blend them.",
        ),
        "ends_exchanged": Wrong(
            lambda s, t, beta: my_dial(s, t, 1 - beta),
            "The ends are exchanged: β = 0 must be KL(teacher‖student).",
        ),
        "one_end": Wrong(
            lambda s, t, beta: my_dial(s, t, beta) * (1 - beta),
            "Right at β = 0, silent at 1: near that end the loss still shrinks with 1 − β.",
        ),
        "other_end": Wrong(
            lambda s, t, beta: my_dial(s, t, beta) * beta,
            "Right at β = 1, silent at 0: near that end the loss still shrinks with β.",
        ),
        "no_limits": Wrong(
            lambda s, t, beta: s.sum() * float("nan") if beta in (0, 1) else my_dial(s, t, beta),
            "Between the ends it is right, at the ends it is 0/0: return the limits there.",
        ),
        "one_kl": Wrong(
            lambda s, t, beta: my_dial(s, t, 0.0),
            "This is KL(teacher‖student), whatever β is.",
        ),
        "other_kl": Wrong(
            lambda s, t, beta: my_dial(s, t, 1.0),
            "This is KL(student‖teacher), whatever β is.",
        ),
        "plain_js": Wrong(
            lambda s, t, beta: my_dial(s, t, 0.5) / 4,
            "This is the plain JS, whatever β is.",
        ),
    },
)
