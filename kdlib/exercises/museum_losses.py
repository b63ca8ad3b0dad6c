"""Exercises of lesson 06 about losses: bugs of the museum, to be repaired."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import same_function

LESSON = "06"


def _logits(*rows: Any) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def my_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor) -> Tensor:
    """Half KL(teacher‖student), half cross-entropy with the labels. (N, K), (N, K), (N,) -> ()"""
    targets = teacher_logits.log_softmax(-1)
    predicted = student_logits.log_softmax(-1)
    soft = F.kl_div(predicted, targets, reduction="batchmean", log_target=True)
    return 0.5 * soft + 0.5 * F.cross_entropy(student_logits, labels)


def _half(soft: Tensor, student_logits: Tensor, labels: Tensor) -> Tensor:
    return 0.5 * soft + 0.5 * F.cross_entropy(student_logits, labels)


def _log_kl(predicted: Tensor, targets: Tensor, reduction: str = "batchmean") -> Tensor:
    """kl_div of two logits."""
    log_p, log_q = targets.log_softmax(-1), predicted.log_softmax(-1)
    return F.kl_div(log_q, log_p, reduction=reduction, log_target=True)


_NAN = (
    "The result is nan, because kl_div took the logarithm of a negative number. Its first argument "
    "is the student's log-probabilities. Its second is the teacher's probabilities; if you give "
    "log-probabilities there, say so: `log_target=True`."
)
_LOG_TARGET = (
    "You announce log-probabilities with `log_target=True`, but the second argument of kl_div is "
    "probabilities. Give `log_softmax`, or leave `log_target` out."
)

_LOSS_CASES = (
    (_logits([0.0, 1.0]), torch.tensor([[2.0, 0.0]]).double(), torch.tensor([1])),
    (
        _logits([0.0, 2.0, 1.0], [1.0, 0.0, 0.0]),
        torch.tensor([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]]).double(),
        torch.tensor([0, 2]),
    ),
)

teacher_twice = Exercise(
    lesson=LESSON,
    name="teacher_twice",
    title="Let the student occur",
    statement=(
        "Repair the loss of run F: half KL(teacher‖student), half cross-entropy with the labels. "
        "Copy the lines above and change what is wrong, or write it anew. Here the teacher's "
        "logits and the labels are arguments; there is no `batch`."
    ),
    difficulty=1,
    minutes=3,
    skill="tracing every input of a loss to its output",
    variable="my_loss",
    stub='''def my_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor) -> Tensor:
    """Half KL(teacher‖student), half cross-entropy with the labels. (N, K), (N, K), (N,) -> ()"""
    return ...  # your code here''',
    hints=(
        "In the code above, count how often `student_logits` occurs, and where.",
        "`F.kl_div(input, target, log_target=True)` is KL(target‖input): the student is the input.",
    ),
    right=my_loss,
    explanation="`predicted` must come from the student. One word was wrong.",
    deepens=(
        "The author of this bug found that saved runs were right: it came in while a one-line loss "
        "was being made more readable. Refactoring needs the tests too."
    ),
    judge=same_function(_LOSS_CASES),
    wrong={
        "as_found": Wrong(
            lambda s, t, y: _half(_log_kl(t, t), s, y),
            "The soft term is still 0, whatever the student says: one of the two models is "
            "compared with itself.",
        ),
        "the_other_line": Wrong(
            lambda s, t, y: _half(_log_kl(t, s), s, y),
            "You changed the other line: now the student is the target, and this is "
            "KL(student‖teacher).",
        ),
        "soft_alone": Wrong(
            lambda s, t, y: _log_kl(s, t), "The label term is gone. Keep it, with half the weight."
        ),
        "half_alone": Wrong(
            lambda s, t, y: 0.5 * _log_kl(s, t),
            "Half of the loss is missing: the cross-entropy with the labels.",
        ),
        "no_halves": Wrong(
            lambda s, t, y: 2 * _half(_log_kl(s, t), s, y),
            "Both terms are right, their weights are not: each counts one half.",
        ),
        "log_target_forgotten": Wrong(
            lambda s, t, y: _half(
                F.kl_div(s.log_softmax(-1), t.log_softmax(-1), reduction="sum"), s, y
            ),
            _NAN,
        ),
        "log_target_too_much": Wrong(
            lambda s, t, y: _half(_log_target_of_probabilities(s, t).sum() / len(s), s, y),
            _LOG_TARGET,
        ),
        "labels_meet_probabilities": Wrong(
            lambda s, t, y: 0.5 * _log_kl(s, t) + 0.5 * F.cross_entropy(s.softmax(-1), y),
            "`F.cross_entropy` takes logits and makes the softmax itself. You gave it "
            "probabilities, so the softmax is taken twice.",
        ),
        "probabilities": Wrong(
            lambda s, t, y: _half(
                F.kl_div(s.softmax(-1), t.log_softmax(-1), reduction="batchmean", log_target=True),
                s,
                y,
            ),
            "`predicted` must be log-probabilities: you gave kl_div the student's probabilities.",
        ),
        "over_classes": Wrong(
            lambda s, t, y: _half(_log_kl(s, t) / s.shape[-1], s, y),
            "The soft term is divided by the number of classes as well: `batchmean`, not `mean`.",
        ),
        "cross_entropy": Wrong(
            lambda s, t, y: _half(F.cross_entropy(s, t.softmax(-1)), s, y),
            "Cross-entropy with the teacher has the gradient of KL and trains as well. But a "
            "perfect copy does not score 0, and you lose the cheapest test of all.",
        ),
    },
)


def my_soft_term(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher‖student): sum over classes, mean over all the rest. (..., K) twice -> scalar."""
    log_q = student_logits.log_softmax(-1)
    p = teacher_logits.softmax(-1)
    return F.kl_div(log_q, p, reduction="none").sum(-1).mean()


def _log_target_of_probabilities(s: Tensor, t: Tensor) -> Tensor:
    return F.kl_div(s.log_softmax(-1), t.softmax(-1), reduction="none", log_target=True)


def _kl_terms(s: Tensor, t: Tensor) -> Tensor:
    return F.kl_div(s.log_softmax(-1), t.softmax(-1), reduction="none")


def _false_terms(s: Tensor, t: Tensor) -> Tensor:
    return F.kl_div(s.softmax(-1), t.softmax(-1), reduction="none")


_TOKENS = torch.linspace(-2.0, 2.0, 12, dtype=torch.float64).sin().reshape(2, 3, 2)
_TERM_CASES = (
    (_logits([0.0, 0.0]), torch.tensor([[1.3862944, 0.0]]).double()),
    (_logits(*_TOKENS.tolist()), 2 * _TOKENS.flip(-1).cos()),
    (_logits([0.0, 1000.0, 0.0]), torch.tensor([[0.0, 990.0, 0.0]]).double()),
)

soft_term = Exercise(
    lesson=LESSON,
    name="soft_term",
    title="Two bugs in two lines",
    statement=(
        "Repair runs H and B at once: KL(teacher‖student), **summed over the classes**, and the "
        'mean over everything else. "Everything else" is more than a batch: the logits may be '
        "`(N, K)` or, as for a language model with L tokens, `(N, L, K)`."
    ),
    difficulty=2,
    minutes=5,
    skill="knowing what a mean is taken over",
    variable="my_soft_term",
    stub='''def my_soft_term(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher‖student): sum over classes, mean over all the rest. (..., K) twice -> scalar."""
    return ...  # your code here''',
    hints=(
        "First argument: log-probabilities of the student. Second: probabilities of the teacher.",
        '`reduction="none"` leaves the terms as they are; then `.sum(-1)`, then `.mean()`.',
    ),
    right=my_soft_term,
    explanation=(
        "`batchmean` divides by the first axis only. For `(N, L, K)` it gives the sum over L "
        "tokens, and the loss grows with the length of the text."
    ),
    deepens=(
        "The test: append classes which neither model believes in, and double the batch. The loss "
        "must stay what it was."
    ),
    judge=same_function(_TERM_CASES),
    wrong={
        "as_found": Wrong(
            lambda s, t: _false_terms(s, t).mean(),
            "Both bugs are still there: probabilities in place of log-probabilities, and the mean "
            "over the classes.",
        ),
        "mean_left": Wrong(
            lambda s, t: _kl_terms(s, t).mean(),
            "The logarithm is right. The mean is still taken over the classes as well: K times too "
            "small.",
        ),
        "log_left": Wrong(
            lambda s, t: _false_terms(s, t).sum(-1).mean(),
            "The mean is right. The student's probabilities still stand where log-probabilities "
            "are expected: this can be negative.",
        ),
        "batchmean": Wrong(
            lambda s, t: _kl_terms(s, t).sum() / len(s),
            "Right for `(N, K)`. For `(N, L, K)`, `batchmean` divides by N alone: the loss is "
            "L times too large.",
        ),
        "log_of_softmax": Wrong(
            lambda s, t: (
                F.kl_div(s.softmax(-1).log(), t.softmax(-1), reduction="none").sum(-1).mean()
            ),
            "Right for small logits. For large ones a probability is rounded to 0 before its "
            "logarithm is taken: use log_softmax.",
        ),
        "summed": Wrong(
            lambda s, t: _kl_terms(s, t).sum(),
            "Right for a single row. You sum over the rows as well: twice the batch gives twice "
            "the loss.",
        ),
        "other_axis": Wrong(
            lambda s, t: F.kl_div(s.log_softmax(1), t.softmax(1), reduction="none").sum(1).mean(),
            "Right for `(N, K)`. For `(N, L, K)` axis 1 is that of the tokens: the classes are "
            "always the last axis, -1.",
        ),
        "cross_entropy": Wrong(
            lambda s, t: -(t.softmax(-1) * s.log_softmax(-1)).sum(-1).mean(),
            "This is the cross-entropy: the teacher's own entropy is not subtracted, so a perfect "
            "copy does not score 0.",
        ),
        "log_target_forgotten": Wrong(
            lambda s, t: F.kl_div(s.log_softmax(-1), t.log_softmax(-1), reduction="sum"), _NAN
        ),
        "log_target_too_much": Wrong(
            lambda s, t: _log_target_of_probabilities(s, t).sum(-1).mean(), _LOG_TARGET
        ),
        "absolute": Wrong(
            lambda s, t: _kl_terms(s, t).abs().sum(-1).mean(),
            "Absolute values make the number positive and the function another one. Single terms "
            "may be negative; their sum never is.",
        ),
        "absolute_of_found": Wrong(
            lambda s, t: _false_terms(s, t).sum(-1).mean().abs(),
            "You hid the minus sign. Then the loss falls where it ought to rise.",
        ),
        "swapped": Wrong(
            lambda s, t: _kl_terms(t, s).sum(-1).mean(), "This is KL(student‖teacher)."
        ),
    },
)


def my_mixed_loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """Half softened KL, weighted to balance at any T, half labels. (N, K), (N, K), (N,) -> ()"""
    log_q = (student_logits / temperature).log_softmax(-1)
    p = (teacher_logits / temperature).softmax(-1)
    soft = temperature**2 * F.kl_div(log_q, p, reduction="batchmean")
    return 0.5 * soft + 0.5 * F.cross_entropy(student_logits, labels)


def _balanced(
    s: Tensor, t: Tensor, y: Tensor, temperature: float, weight: float, labels: float = 1.0
) -> Tensor:
    soft = _log_kl(s / temperature, t / temperature)
    return 0.5 * weight * soft + 0.5 * labels * F.cross_entropy(s, y)


balance = Exercise(
    lesson=LESSON,
    name="balance",
    title="Give the teacher its voice back",
    statement=(
        "Repair run E so that the gradient of the soft term about keeps its size beside the labels "
        "when T changes: half the soft term, half cross-entropy with the labels at T = 1."
    ),
    difficulty=1,
    minutes=3,
    skill="keeping two terms of a loss in proportion",
    variable="my_mixed_loss",
    stub='''def my_mixed_loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """Half softened KL, weighted to balance at any T, half labels. (N, K), (N, K), (N,) -> ()"""
    return ...  # your code here''',
    hints=(
        "How does the gradient of the softened KL shrink with T? (Lesson 03.)",
        "Multiply the soft term, and only that, by `temperature**2`.",
    ),
    right=my_mixed_loss,
    explanation=(
        "The gradient of the softened KL shrinks about as 1/T²: one 1/T from the softmax's "
        "argument, one because softened answers lie closer together."
    ),
    deepens=(
        "With T fixed, T² is a weight like any other. It is needed when you *compare* "
        "temperatures: without it you compare weights as well."
    ),
    judge=same_function(
        tuple((s, t, y, temperature) for (s, t, y) in _LOSS_CASES for temperature in (4.0, 2.0))
    ),
    wrong={
        "as_found": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, 1.0),
            "T² is still missing: at T = 4 the teacher is sixteen times too quiet.",
        ),
        "once": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, temperature),
            "You scale by T. The gradient shrinks with 1/T²: scale by T².",
        ),
        "twice": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, temperature**4),
            "T² twice: `kd_loss` of the library has the factor inside. Do not multiply again.",
        ),
        "hard_coded": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, 16.0),
            "16 is right for T = 4 only. Let the factor follow `temperature`.",
        ),
        "four_written_in": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, 4.0, 16.0),
            "Right for T = 4, but 4 and 16 are written into the code: `temperature` changes "
            "nothing.",
        ),
        "teacher_alone_softened": Wrong(
            lambda s, t, y, temperature: _half(temperature**2 * _log_kl(s, t / temperature), s, y),
            "Only the teacher is softened. Then a perfect copy does not score 0: in the soft term "
            "both models are divided by T.",
        ),
        "over_classes": Wrong(
            lambda s, t, y, temperature: _balanced(
                s, t, y, temperature, temperature**2 / s.shape[-1]
            ),
            "T² is right. The soft term is divided by the number of classes as well: "
            "`batchmean`, not `mean`.",
        ),
        "swapped": Wrong(
            lambda s, t, y, temperature: _half(
                temperature**2 * _log_kl(t / temperature, s / temperature), s, y
            ),
            "T² is right, but this is KL(student‖teacher).",
        ),
        "no_halves": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, 2 * temperature**2, 2),
            "The proportion is right; the weights are not: each term counts one half.",
        ),
        "labels_divided": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, 1, temperature**-2),
            "The proportion is right, but the whole loss now shrinks with T: multiply the soft "
            "term instead of dividing the labels.",
        ),
        "both_terms": Wrong(
            lambda s, t, y, temperature: _balanced(
                s, t, y, temperature, temperature**2, temperature**2
            ),
            "T² stands before the whole sum. The proportion between the two terms is as wrong as "
            "before; only the learning rate has changed.",
        ),
        "divided": Wrong(
            lambda s, t, y, temperature: _balanced(s, t, y, temperature, temperature**-2),
            "You divide by T², so the teacher becomes quieter still. Multiply.",
        ),
        "labels_softened": Wrong(
            lambda s, t, y, temperature: _half(
                temperature**2 * _log_kl(s / temperature, t / temperature), s / temperature, y
            ),
            "T² is right. But the label term sees the softened student; it belongs at T = 1.",
        ),
    },
)
