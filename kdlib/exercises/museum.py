"""What does broken distillation look like? Bugs of public code as runs on place names (lesson 06).

`watch` trains a student with `fit` and looks at its accuracy on the way. `exhibits` holds nine
pairs of runs, one as found and one repaired, under letters that give nothing away; the threads
are named in the lesson. `first_aid` is the list of cheap tests that would have caught the losses
among them. `observing` makes a judge for functions whose result is not all that matters: who
received a gradient, which names a row belongs to.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial, wraps
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlib.data import Examples
from kdlib.divergences import kl
from kdlib.exercises.engine import Exercise, Judge, Wrong
from kdlib.exercises.guard import CannotCheck
from kdlib.exercises.judges import same_function
from kdlib.exercises.wording import kind
from kdlib.losses import distillation_loss, generalized_js_loss, kd_loss
from kdlib.models import HashedNgrams
from kdlib.training import Loss, batches, fit, predict, with_teacher

STEPS, RATE = 150, 0.05
LOOKS = (0, 5, 10, 20, 40, 80)  # steps at which the accuracy is taken, and after the last
SHORT, GENTLE = 20, 0.01  # steps and learning rate where the large model is trained by mistake
CLAMP = 1e-6
SoftTerm = Callable[[Tensor, Tensor, float], Tensor]  # (student_logits, teacher_logits, T) -> ()


@dataclass(frozen=True)
class Run:
    """What was seen of one training run: entry i of `loss` belongs to `steps[i]`."""

    steps: tuple[int, ...]
    loss: tuple[float, ...]
    looks: tuple[int, ...]
    accuracy: tuple[float, ...]  # per cent of the held-out names, at each of `looks`
    right: Tensor  # (N,) 1 where the last favourite is the true country
    logits: Tensor  # (N, K) of the held-out names, after the last step


@dataclass(frozen=True)
class Exhibit:
    """One bug: the run as found and the run repaired, made when first called."""

    name: str
    found: Callable[[], Run]
    repaired: Callable[[], Run]


def watch(
    loss: Loss,
    examples: Examples,
    held_out: Examples,
    *,
    model: nn.Module | None = None,
    seed: int = 0,
    steps: int = STEPS,
    learning_rate: float = RATE,
) -> Run:
    """Fit a small student (or `model`, in place) and look at its accuracy every few steps."""
    student = HashedNgrams(seed=seed).double() if model is None else model
    seen: dict[int, Tensor] = {}
    coming = iter(range(steps))

    def looked(logits: Tensor, batch: Examples) -> Tensor:
        if (step := next(coming)) in LOOKS:
            seen[step] = right_answers(student, held_out)
        return loss(logits, batch)

    history = fit(student, examples, looked, steps=steps, learning_rate=learning_rate, seed=seed)
    logits = predict(student, held_out.inputs)
    seen[steps] = logits.argmax(-1).eq(labels_of(held_out)).double()
    accuracy = tuple(100 * float(right.mean()) for right in seen.values())
    return Run(history.steps, history.train_loss, tuple(seen), accuracy, seen[steps], logits)


def right_answers(model: nn.Module, examples: Examples) -> Tensor:
    """1 where the model's favourite is the label, else 0. (N,)"""
    return predict(model, examples.inputs).argmax(-1).eq(labels_of(examples)).double()


def shuffled(examples: Examples, seed: int) -> Examples:
    """The examples in an order that depends on the seed alone."""
    return examples[torch.randperm(len(examples), generator=_generator(seed))]


def hasty_labels(examples: Examples, share: float = 0.4, seed: int = 0) -> Examples:
    """The same examples after somebody labelled in haste: a share of labels drawn at random."""
    generator, count = _generator(seed), len(examples)
    anything = torch.randint(_teacher(examples).shape[-1], (count,), generator=generator)
    in_haste = torch.rand(count, generator=generator) < share
    return replace(examples, labels=torch.where(in_haste, anything, labels_of(examples)))


def labels_of(examples: Examples) -> Tensor:
    """The labels (N,), which must be there."""
    assert examples.labels is not None
    return examples.labels


def cut(inputs: Tensor, seed: int = 0) -> Tensor:
    """Half of each encoded name (N, L), beginning at a random letter."""
    length = (inputs > 0).sum(dim=1, keepdim=True)
    kept = (length + 1) // 2
    start = torch.rand(len(inputs), 1, generator=_generator(seed)) * (length - kept + 1)
    place = torch.arange(inputs.shape[1])
    moved = inputs.gather(1, (start.long() + place).clamp(max=inputs.shape[1] - 1))
    return torch.where(place < kept, moved, 0)


def exhibits(
    unseen: Examples, teacher: nn.Module, held_out: Examples, seed: int = 0
) -> dict[str, Exhibit]:
    """The nine pairs of runs; `unseen` carries labels and the teacher's logits."""
    pool = shuffled(unseen, seed)[:4000]
    hasty, few = hasty_labels(pool[:1000], seed=seed), pool[:200]
    run = partial(watch, held_out=held_out, seed=seed)
    healthy, both = cache(partial(run, soft, pool)), cache(partial(run, mixed, hasty))
    pairs: dict[str, tuple[str, Callable[[], Run], Callable[[], Run]]] = {
        "A": ("mixed-up rows", lambda: run(rows_of_another_epoch(pool, seed), pool), healthy),
        "B": ("mean over classes", partial(run, mean_over_classes, hasty), both),
        "C": ("roles exchanged", partial(_exchanged, pool, held_out, teacher), healthy),
        "D": ("cut for the student only", *_views(run, few, teacher, seed)),
        "E": ("no T²", partial(run, without_square, hasty), partial(run, warm, hasty)),
        "F": ("the teacher twice", partial(run, teacher_twice, hasty), both),
        "G": ("JS at its end", partial(run, vanishing_js, pool), partial(run, js_end, pool)),
        "H": ("probabilities", partial(run, of_probabilities, pool), healthy),
        "I": ("teacher in training mode", lambda: run(in_training_mode(teacher), pool), healthy),
    }
    return {k: Exhibit(name, cache(a), cache(b)) for k, (name, a, b) in pairs.items()}


# --- losses of (student_logits, batch): repaired ones first, then those as found -----------------


def soft(student_logits: Tensor, batch: Examples) -> Tensor:
    """The teacher alone."""
    return kd_loss(student_logits=student_logits, teacher_logits=_teacher(batch))


def mixed(student_logits: Tensor, batch: Examples, temperature: float = 1.0) -> Tensor:
    """Labels and teacher, half and half."""
    return distillation_loss(
        student_logits=student_logits,
        teacher_logits=_teacher(batch),
        labels=labels_of(batch),
        temperature=temperature,
        hard_weight=0.5,
    )


warm = partial(mixed, temperature=4.0)


def js_end(student_logits: Tensor, batch: Examples) -> Tensor:
    """The generalised JS of vanishing_js, divided by beta (1 - beta)."""
    return generalized_js_loss(
        student_logits=student_logits,
        teacher_logits=_teacher(batch),
        beta=1 - CLAMP,
        normalized=True,
    )


def teacher_twice(student_logits: Tensor, batch: Examples) -> Tensor:
    """labmlai/annotated_deep_learning_paper_implementations issue 66."""
    return _beside_labels(soft_twice(student_logits, _teacher(batch), 1.0), student_logits, batch)


def mean_over_classes(student_logits: Tensor, batch: Examples) -> Tensor:
    """HikariTJU/LD issue 74, haitongli/knowledge-distillation-pytorch issue 48."""
    return _beside_labels(soft_mean(student_logits, _teacher(batch), 1.0), student_logits, batch)


def without_square(student_logits: Tensor, batch: Examples) -> Tensor:
    """keras-team/keras-io issue 869, IntelLabs/distiller issue 122."""
    return _beside_labels(
        soft_without_square(student_logits, _teacher(batch), 4.0), student_logits, batch
    )


def of_probabilities(student_logits: Tensor, batch: Examples) -> Tensor:
    """microsoft/ProDA issues 20 and 43, discuss.pytorch.org/t/763."""
    return soft_probabilities(student_logits, _teacher(batch), 1.0)


def vanishing_js(student_logits: Tensor, batch: Examples) -> Tensor:
    """verl-project/verl-recipe issue 151, modelscope/ms-swift issue 10078."""
    return soft_vanishing(student_logits, _teacher(batch), 1.0)


def rows_of_another_epoch(pool: Examples, seed: int) -> Loss:
    """haitongli/knowledge-distillation-pytorch issue 4: answers kept by the number of the batch."""
    epoch = batches(len(pool), 128, steps=len(pool) // 128, seed=seed + 1)
    answers = cycle([_teacher(pool)[ids] for ids in epoch])

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        return kd_loss(student_logits=student_logits, teacher_logits=next(answers))

    return loss


def in_training_mode(teacher: nn.Module) -> Loss:
    """yxuansu/TaCL issue 11: dropout is on when the teacher answers."""
    teacher = copy.deepcopy(teacher).train()

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        with torch.no_grad():
            answers = teacher(batch.inputs)
        return kd_loss(student_logits=student_logits, teacher_logits=answers.double())

    return loss


def _exchanged(pool: Examples, held_out: Examples, teacher: nn.Module) -> Run:
    """keras-team/keras-io issue 257: the large model stands in the student's place."""
    small, large = HashedNgrams().double(), copy.deepcopy(teacher).double().requires_grad_(True)

    def loss(large_logits: Tensor, batch: Examples) -> Tensor:
        return kd_loss(student_logits=large_logits, teacher_logits=predict(small, batch.inputs))

    return watch(loss, pool, held_out[::4], model=large, steps=SHORT, learning_rate=GENTLE)


def _views(
    run: Callable[..., Run], few: Examples, teacher: nn.Module, seed: int
) -> tuple[Callable[[], Run], Callable[[], Run]]:
    """haitongli/knowledge-distillation-pytorch issue 23: only the student sees the cut names."""
    views = cut(few.inputs.repeat(20, 1), seed)
    clean = Examples(views, teacher_logits=_teacher(few).repeat(20, 1))
    return partial(run, soft, clean), lambda: run(soft, with_teacher(Examples(views), teacher))


# --- soft terms of (student_logits, teacher_logits, temperature), for the checklist ---------------


def soft_healthy(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² KL(teacher‖student)."""
    return kd_loss(
        student_logits=student_logits, teacher_logits=teacher_logits, temperature=temperature
    )


def soft_twice(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Run F: the student does not occur."""
    predicted = targets = (teacher_logits / temperature).log_softmax(-1)
    term = F.kl_div(predicted, targets, reduction="batchmean", log_target=True)
    return temperature**2 * term + 0 * student_logits.sum()


def soft_mean(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Run B: the mean over classes as well."""
    return temperature**2 * _terms(student_logits, teacher_logits, temperature).mean()


def soft_without_square(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    """Run E: T² is missing."""
    return _terms(student_logits, teacher_logits, temperature).sum(-1).mean()


def soft_probabilities(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    """Run H: probabilities where log-probabilities are expected."""
    q, p = (student_logits / temperature).softmax(-1), (teacher_logits / temperature).softmax(-1)
    return temperature**2 * F.kl_div(q, p, reduction="none").sum(-1).mean()


def soft_vanishing(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Run G: generalised JS as published, with beta clamped to just below 1."""
    beta = 1 - CLAMP
    p, q = (teacher_logits / temperature).softmax(-1), (student_logits / temperature).softmax(-1)
    middle = beta * p + (1 - beta) * q
    return temperature**2 * (beta * kl(p, middle) + (1 - beta) * kl(q, middle)).mean()


SOFT_TERMS: Mapping[str, SoftTerm] = {
    "healthy": soft_healthy,
    "B mean over classes": soft_mean,
    "E no T²": soft_without_square,
    "F the teacher twice": soft_twice,
    "G JS at its end": soft_vanishing,
    "H probabilities": soft_probabilities,
}


def gradient_size(loss: SoftTerm, student: Tensor, teacher: Tensor, temperature: float) -> float:
    """The length of the gradient that reaches the student's logits (N, K)."""
    logits = student.detach().clone().requires_grad_(True)
    loss(logits, teacher, temperature).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return float(logits.grad.norm())


def voices(batch: Examples, temperature: float, label_weight: float) -> dict[str, float]:
    """The teacher's share of the gradient beside labels, in per cent, for an untrained student.

    Run H is left out: its gradient points elsewhere.
    """
    logits = _teacher(batch).double()
    start = torch.zeros_like(logits)

    def labels(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
        return F.cross_entropy(student_logits, labels_of(batch))

    of_labels = label_weight * gradient_size(labels, start, logits, temperature)
    shares = {}
    for name, term in SOFT_TERMS.items():
        of_teacher = (1 - label_weight) * gradient_size(term, start, logits, temperature)
        shares[name] = 100 * of_teacher / (of_teacher + of_labels)
    return {name: share for name, share in shares.items() if not name.startswith("H")}


def first_aid(loss: SoftTerm, student: Tensor, teacher: Tensor) -> dict[str, bool]:
    """Six cheap tests of a soft term on logits (N, K): which does it pass?

    `student` is not a copy, and its logits are not all equal: without differences a temperature
    has nothing to soften. The first four hold for every divergence of one row, averaged over rows
    and multiplied by T²; the last two say that it is KL(teacher‖student) and that it trains.
    """
    value = float(loss(student, teacher, 1.0))
    wider = float(loss(_with_impossible_classes(student), _with_impossible_classes(teacher), 1.0))
    hotter = float(loss(4 * student, 4 * teacher, 4.0))  # the same probabilities, softened
    half, four_fifths = torch.zeros(2, 2).double(), torch.tensor([[math.log(4), 0.0]] * 2).double()
    return {
        "copy scores 0": abs(float(loss(teacher, teacher, 1.0))) < 1e-7,
        "never negative": value >= 0,
        "more classes": abs(wider - value) < 1e-7,
        "other T": math.isclose(hotter, 16 * value, rel_tol=1e-6),
        "by hand": abs(float(loss(half, four_fifths, 1.0)) - 0.1927) < 1e-4,
        "gradient not 0": gradient_size(loss, student, teacher, 1.0) > 1e-4,
    }


def observing(
    observe: Callable[..., Any], cases: Sequence[tuple[Any, ...]], counts: str, tolerance: float
) -> Judge:
    """A judge of what a function does: observe(function, *case), which `counts` puts in words."""
    inner = same_function(cases, tolerance)

    def seen(function: Any) -> Any:
        return wraps(function, updated=())(lambda *case: observe(function, *case))

    def judge(answer: Any, exercise: Exercise) -> str | None:
        wrong = {k: Wrong(seen(w.answer), w.says) for k, w in exercise.wrong.items()}
        watched = replace(exercise, right=seen(exercise.right), wrong=wrong)
        try:
            complaint = inner(seen(answer), watched)
        except CannotCheck as reason:
            if isinstance(reason.__cause__, _OtherForm):
                raise CannotCheck(f"`{exercise.variable}` {reason.__cause__}") from None
            raise
        return complaint and f"{complaint}\n(The numbers are: {counts}.)"

    return judge


def expect(found: Any, fits: bool, words: str) -> None:
    """For an observer: what was returned must fit, or the learner hears what was expected."""
    if not fits:
        raise _OtherForm(f"returned {kind(found)}, expected {words}.")


class _OtherForm(Exception):
    """The learner's function returned something that cannot be observed."""


def _with_impossible_classes(logits: Tensor) -> Tensor:
    """As many classes again, which neither model believes in. (N, K) -> (N, 2K)"""
    return torch.cat([logits, torch.full_like(logits, -50.0)], dim=-1)


def _terms(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """p ln(p/q) of every class, softened. (N, K)"""
    log_q = (student_logits / temperature).log_softmax(-1)
    return F.kl_div(log_q, (teacher_logits / temperature).softmax(-1), reduction="none")


def _beside_labels(soft_term: Tensor, student_logits: Tensor, batch: Examples) -> Tensor:
    return 0.5 * soft_term + 0.5 * F.cross_entropy(student_logits, labels_of(batch))


def _teacher(batch: Examples) -> Tensor:
    assert batch.teacher_logits is not None
    return batch.teacher_logits


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
