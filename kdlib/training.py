"""One loop that fits a student, with a teacher or without.

A teacher answers once, before training (`with_teacher`), and its answer is kept in the row of the
example: however the batches are shuffled, a student sees the teacher's logits for its own input.
`fit` depends on its seed alone. Given validation examples it keeps the weights with the lowest loss
on them: beside a baseline without early stopping the gain of distillation looks larger than it is.
Hinton, Vinyals, Dean (2015), Distilling the Knowledge in a Neural Network, arXiv:1503.02531.
"""

import copy
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from kdlib import checks
from kdlib.data import Examples

Loss = Callable[[Tensor, Examples], Tensor]  # (student_logits, batch) -> mean over the batch
# How often the losses are recorded after step 0: densely at first, when they move most.
RECORDS = 30


@dataclass(frozen=True)
class History:
    """The losses along the way: entry i of each was recorded after `steps[i]` steps.

    A training loss is the mean over the batches since the entry before (the first: the first
    batch); `validation_loss` is () without validation. The student has the weights of `best_step`.
    """

    steps: tuple[int, ...]
    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best_step: int
    batch_size: int

    def __str__(self) -> str:
        text = f"trained {self.steps[-1]} steps in batches of {self.batch_size}"
        if not self.validation_loss:
            return f"{text} · training loss {self.train_loss[-1]:.2f}"
        lowest = min(self.validation_loss)
        return f"{text} · lowest validation loss {lowest:.2f} at step {self.best_step}"


def fit(
    student: nn.Module,
    examples: Examples,
    loss: Loss,
    *,
    steps: int = 600,
    batch_size: int = 128,
    learning_rate: float = 0.02,
    weight_decay: float = 0.01,
    seed: int = 0,
    validation: Examples | None = None,
) -> History:
    """Train `student` in place (AdamW, cosine schedule) and leave it in evaluation mode.

    Args:
        examples: what the batches are drawn from, in shuffled epochs.
        loss: called as loss(student_logits, batch), with logits (B, K) and a batch's `Examples`.
        validation: the weights with the lowest `loss` on these examples are kept, so they carry
            what it needs (labels, teacher logits). It is looked at before the first step as well.

    Returns:
        The History; printed, it is a one-line summary.

    Raises:
        ValueError: nothing to train, a count or rate that is not positive, an infinite loss.
    """
    dtype = checks.trainable(student)[0].dtype
    recorded = _recorded_steps(checks.count(steps, "steps"))
    update = _updates(student, loss, learning_rate, weight_decay, steps)
    examples = _in_dtype(examples, dtype)
    best = _BestWeights(student, loss, validation and _in_dtype(validation, dtype))
    losses: list[float] = []
    with _seeded(seed), _progress_bar(steps) as bar:
        best.look(0)
        for step, ids in enumerate(batches(len(examples), batch_size, steps, seed), start=1):
            losses.append(update(examples[ids], step))
            bar.update()
            if step in recorded:
                best.look(step)
    best.restore()
    student.eval()
    return _history(losses, recorded, best, batch_size)


def predict(model: nn.Module, inputs: Tensor, batch_size: int = 1024) -> Tensor:
    """The model's logits (N, K) in evaluation mode, without gradient; its mode is restored."""
    checks.count(batch_size, "batch_size")
    with evaluating(model), torch.no_grad():
        return torch.cat([model(rows) for rows in torch.split(inputs, batch_size)])


def with_teacher(examples: Examples, teacher: nn.Module, batch_size: int = 1024) -> Examples:
    """The same examples with the teacher's logits (N, K): row i belongs to example i."""
    return replace(examples, teacher_logits=predict(teacher, examples.inputs, batch_size))


def batches(count: int, batch_size: int, steps: int, seed: int) -> Sequence[Tensor]:
    """Positions of each batch: `steps` batches cut from shuffled epochs put end to end.

    A batch may span two epochs, so that all are full and every example is seen equally often
    (once more at most). With fewer examples than `batch_size` a batch is one epoch.

    >>> [len(ids) for ids in batches(5, 2, steps=3, seed=0)]
    [2, 2, 2]
    """
    size = min(checks.count(batch_size, "batch_size"), count)
    generator = torch.Generator().manual_seed(seed)
    epochs = math.ceil(steps * size / count)
    order = torch.cat([torch.randperm(count, generator=generator) for _ in range(epochs)])
    return torch.split(order[: steps * size], size)


class _BestWeights:
    """The validation losses so far, and a copy of the weights that had the lowest."""

    def __init__(self, student: nn.Module, loss: Loss, validation: Examples | None) -> None:
        self.student, self.loss, self.validation = student, loss, validation
        self.losses: dict[int, float] = {}
        self.weights: dict[str, Tensor] = {}

    def look(self, step: int) -> None:
        if self.validation is None:
            return
        logits = predict(self.student, self.validation.inputs)
        value = checks.finite_loss(self.loss(logits, self.validation), "validation", step)
        if value < min(self.losses.values(), default=math.inf):
            self.weights = copy.deepcopy(self.student.state_dict())
        self.losses[step] = value

    def restore(self) -> None:
        if self.weights:
            self.student.load_state_dict(self.weights)

    def step(self, last: int) -> int:
        return min(self.losses, key=self.losses.__getitem__, default=last)


def _updates(
    student: nn.Module, loss: Loss, learning_rate: float, weight_decay: float, steps: int
) -> Callable[[Examples, int], float]:
    """The function that changes the student by one batch and returns the loss before it."""
    rate = checks.positive(learning_rate, "learning_rate")
    optimiser = torch.optim.AdamW(student.parameters(), rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def update(batch: Examples, step: int) -> float:
        student.train()
        value = loss(student(batch.inputs), batch)
        number = checks.finite_loss(value, "training", step)
        checks.needs_gradient(value)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        return number

    return update


def _history(
    losses: list[float], recorded: list[int], best: _BestWeights, batch_size: int
) -> History:
    means = [_mean(losses[start:end]) for start, end in pairwise(recorded)]
    return History(
        steps=tuple(recorded),
        train_loss=(losses[0], *means),
        validation_loss=tuple(best.losses.values()),
        best_step=best.step(recorded[-1]),
        batch_size=batch_size,
    )


def _recorded_steps(steps: int) -> list[int]:
    return sorted({math.ceil(steps * (i / RECORDS) ** 2) for i in range(RECORDS + 1)})


def _in_dtype(examples: Examples, dtype: torch.dtype) -> Examples:
    if examples.teacher_logits is None:
        return examples
    return replace(examples, teacher_logits=examples.teacher_logits.to(dtype))


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _progress_bar(steps: int) -> "tqdm[None]":
    return tqdm(total=steps, unit="step", leave=False, disable="KDLIB_QUIET" in os.environ)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Dropout and other randomness inside, from the seed; the generator outside is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, and every module as it was outside."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
