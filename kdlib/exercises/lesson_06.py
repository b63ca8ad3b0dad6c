"""Exercises of lesson 06: debugging distillation.

Those about one loss are in museum_losses.py and museum_dial.py, those about what surrounds it in
museum_pipelines.py; here they stand in the order of the lesson.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.exercises import museum, museum_dial, museum_losses, museum_pipelines
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import same_function, satisfies
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.losses import kd_loss

LESSON = "06"


def _letters(answer: Any) -> bool:
    return len(answer) == 4 and all(letter.strip().upper() in set("ABCDEFGHI") for letter in answer)


def _is(place: int, letter: str) -> Callable[[Any], bool]:
    return lambda answer: answer[place].strip().upper() == letter


_FOUR = 'I need four letters from "A" to "I", each in quotation marks.'
_NEGATIVE = (
    "First letter: a divergence is never negative. Which loss begins below zero, and goes on "
    "falling although 0 is the best that there is?"
)
_WEAK = (
    "Second letter: a gradient of almost nothing comes from a loss of almost nothing. Read the "
    "numbers on the vertical axes; one of them carries a power of ten."
)
_MIXED = (
    "Third letter: with the wrong answer beside each name, only the average answer can be learned. "
    "Which loss falls for a few steps and then no further, and which student does no better than "
    '"always France"?'
)
_EXCHANGED = (
    "Fourth letter: before its first step a student knows nothing. Which curve of accuracy begins "
    "where only the large model can be?"
)

which_run = Exercise(
    lesson=LESSON,
    name="which_run",
    title="Four traces",
    statement=(
        "Four of the bugs leave a trace in the two figures. Which run is it where\n\n"
        "1. the number that is trained is **no divergence** at all;\n"
        "2. the loss is so small that **hardly any gradient** is left;\n"
        "3. each name is taught with **another name's** answer;\n"
        "4. the **large** model is trained in the small one's place?"
    ),
    difficulty=2,
    minutes=4,
    skill="reading curves before reading code",
    variable="my_runs",
    stub='my_runs = (..., ..., ..., ...)  # four letters, such as "A", in this order',
    hints=(
        "1 and 2 show in the *numbers* of the losses, not in their shape.",
        "3 and 4 show in the accuracy: look where a curve begins, and where it stays.",
    ),
    right=("H", "G", "A", "C"),
    explanation=(
        "H is negative. G is measured in millionths. A learns an average and stays where "
        '"always France" would be. C is right on nearly nine names in ten before its first step, '
        "which no untrained student is."
    ),
    deepens=(
        "Runs B, D, E and F look healthy until a repaired run stands beside them, which you will "
        "not have; for I not even that helps. That is what cheap tests are for."
    ),
    judge=satisfies(
        (_letters, _FOUR),
        (_is(0, "H"), _NEGATIVE),
        (_is(1, "G"), _WEAK),
        (_is(2, "A"), _MIXED),
        (_is(3, "C"), _EXCHANGED),
    ),
    wrong={
        "names_of_bugs": Wrong(("KL", "JS", "rows", "roles"), _FOUR),
        "fell_deepest": Wrong(("C", "G", "A", "H"), _NEGATIVE),
        "no_fall": Wrong(("H", "A", "G", "C"), _WEAK),
        "healthy_looking": Wrong(("H", "G", "F", "C"), _MIXED),
        "best_loss": Wrong(("H", "G", "A", "I"), _EXCHANGED),
    },
)

teacher_twice = museum_losses.teacher_twice
roles = museum_pipelines.roles
soft_term = museum_losses.soft_term
balance = museum_losses.balance
dial = museum_dial.dial
steady_teacher = museum_pipelines.steady_teacher
row_and_view = museum_pipelines.row_and_view


def my_alarms(
    loss: Callable[[Tensor, Tensor], Tensor], student_logits: Tensor, teacher_logits: Tensor
) -> tuple[bool, bool]:
    """(a perfect copy scores 0, this student is moved) for loss(student_logits, teacher_logits)."""
    copy_scores_0 = abs(loss(teacher_logits, teacher_logits).item()) < 1e-6
    student = student_logits.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(student, teacher_logits), student)
    return copy_scores_0, gradient.norm().item() > 1e-4


def _scores_0(loss: Callable[[Tensor, Tensor], Tensor], teacher: Tensor) -> bool:
    return abs(loss(teacher, teacher).item()) < 1e-6


def _moved(
    loss: Callable[[Tensor, Tensor], Tensor], at: Tensor, teacher: Tensor, least: float = 1e-4
) -> bool:
    student = at.clone().requires_grad_(True)
    loss(student, teacher).backward()  # type: ignore[no-untyped-call]
    return student.grad is not None and student.grad.norm().item() > least


def _healthy(s: Tensor, t: Tensor) -> Tensor:
    return kd_loss(student_logits=s, teacher_logits=t)


def _healthy_but_rounded(s: Tensor, t: Tensor) -> Tensor:
    """Right, with the last digits that float32 leaves behind."""
    return kd_loss(student_logits=s, teacher_logits=t) - 3e-8


def _cross_entropy(s: Tensor, t: Tensor) -> Tensor:
    return F.cross_entropy(s, t.softmax(-1))


def _twice(s: Tensor, t: Tensor) -> Tensor:
    return museum.soft_twice(s, t, 1.0)


def _vanishing(s: Tensor, t: Tensor) -> Tensor:
    return museum.soft_vanishing(s, t, 1.0)


def _probabilities(s: Tensor, t: Tensor) -> Tensor:
    return museum.soft_probabilities(s, t, 1.0)


def _cut_off(s: Tensor, t: Tensor) -> Tensor:
    """Right as a number; the student's gradient was cut off."""
    return kd_loss(student_logits=s.detach(), teacher_logits=t) + 0 * s.sum()


_PAIR = (torch.zeros(2, 3).double(), torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 2.0]]).double())
_ALARM_CASES = tuple(
    (loss, *_PAIR)
    for loss in (
        _healthy,
        _healthy_but_rounded,
        _cross_entropy,
        _probabilities,
        _twice,
        _vanishing,
        _cut_off,
    )
)

two_alarms = Exercise(
    lesson=LESSON,
    name="two_alarms",
    title="Two alarms",
    statement=(
        "Write two tests of any loss that is called as `loss(student_logits, teacher_logits)`, "
        "before a single step is trained:\n\n"
        "1. a perfect copy scores 0 (up to 0.000001);\n"
        "2. a student that differs is moved: the gradient that reaches `student_logits` is longer "
        "than 0.0001.\n\n"
        "True means that the loss passed. The check tries your tests on two healthy losses, on a "
        "cross-entropy (a KL that forgot to subtract the teacher's entropy), on runs H, F and G, "
        "and on a healthy number from which the student was detached."
    ),
    difficulty=2,
    minutes=5,
    skill="testing a loss without training",
    variable="my_alarms",
    stub='''def my_alarms(
    loss: Callable[[Tensor, Tensor], Tensor], student_logits: Tensor, teacher_logits: Tensor
) -> tuple[bool, bool]:
    """(a perfect copy scores 0, this student is moved) for loss(student_logits, teacher_logits)."""
    return ...  # your code here: two booleans''',
    hints=(
        "A perfect copy has the teacher's logits. For the second: make a copy of `student_logits` "
        "that wants a gradient, call the loss, call `.backward()`.",
        "`student = student_logits.clone().requires_grad_(True)`, and after `.backward()` look at "
        "`student.grad.norm()`.",
    ),
    right=my_alarms,
    explanation=(
        "Two lines each, a millisecond each. The first exposes H, the second F and G. None of the "
        "three shows in the shape of a training curve."
    ),
    deepens="Neither sees runs B and E: those need other classes and another temperature.",
    judge=same_function(_ALARM_CASES),
    wrong={
        "exactly_0": Wrong(
            lambda loss, s, t: (loss(t, t).item() == 0, _moved(loss, s, t)),
            "You ask for exactly 0. Rounding leaves a last digit, so a healthy loss fails: allow "
            "0.000001.",
        ),
        "not_negative": Wrong(
            lambda loss, s, t: (loss(s, t).item() >= 0, _moved(loss, s, t)),
            "You test whether the loss of *this student* is negative. That is a good alarm too, "
            "but asked for is the loss of a perfect copy.",
        ),
        "one_sided": Wrong(
            lambda loss, s, t: (loss(t, t).item() < 1e-6, _moved(loss, s, t)),
            "Without `abs` a negative number passes as 0: run H scores below 0 for a copy.",
        ),
        "moved_at_the_copy": Wrong(
            lambda loss, s, t: (_scores_0(loss, t), _moved(loss, t, t)),
            "You take the gradient at the perfect copy. There it is 0 for every healthy loss; take "
            "it at the student.",
        ),
        "anything_above_0": Wrong(
            lambda loss, s, t: (_scores_0(loss, t), _moved(loss, s, t, least=0.0)),
            "A gradient of a millionth is above 0 and still trains nothing: run G passes. Set a "
            "limit.",
        ),
        "in_the_graph": Wrong(
            lambda loss, s, t: (
                _scores_0(loss, t),
                loss(s.clone().requires_grad_(True), t).requires_grad,
            ),
            "`requires_grad` says that a gradient could flow, not that one does: run F passes with "
            "a gradient of 0.",
        ),
        "positive_loss": Wrong(
            lambda loss, s, t: (_scores_0(loss, t), loss(s, t).item() > 0),
            "A loss above 0 is not yet a gradient: run G has both, and both are tiny.",
        ),
        "large_loss": Wrong(
            lambda loss, s, t: (_scores_0(loss, t), abs(loss(s, t).item()) > 1e-4),
            "You measure the loss, not its gradient. A loss may be large and move nobody: look "
            "into `student.grad` after `.backward()`.",
        ),
        "never_asked": Wrong(
            lambda loss, s, t: (_scores_0(loss, t), loss(s, t).requires_grad),
            "`student_logits` comes without `requires_grad`, so no gradient is recorded and this "
            "is always False. Make a copy that wants one.",
        ),
        "exchanged": Wrong(
            lambda loss, s, t: (_moved(loss, s, t), _scores_0(loss, t)),
            "The two booleans are exchanged: first the copy, then the gradient.",
        ),
        "true_for_alarm": Wrong(
            lambda loss, s, t: (not _scores_0(loss, t), not _moved(loss, s, t)),
            "Yours say True when something is wrong. Asked for is the other way round: True when "
            "the loss passes.",
        ),
    },
)

quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "A training loss falls smoothly from 1.2 to 0.6. What do you know?",
            (
                Option(
                    "That the optimiser makes this number smaller.",
                    "Right: whether the number measures what you want is another question.",
                    right=True,
                ),
                Option(
                    "That the student learns from the teacher.",
                    "Run F fell like that without the student's ever being compared with the "
                    "teacher: the labels alone did it.",
                ),
                Option(
                    "That the student is becoming more accurate.",
                    'In run C the loss fell almost to 0 while accuracy fell below that of "always '
                    'France".',
                ),
            ),
        ),
        Question(
            "A loss is ½ · soft + ½ · labels at T = 4, and T² was forgotten. You may not touch the "
            "code, only the two weights. Which weights train as the repaired loss would?",
            (
                Option(
                    "Sixteen times as much weight on the soft term as on the labels.",
                    "Right: T² is a weight. With T fixed it can hide in the others; that is what "
                    "the author of the Keras example meant.",
                    right=True,
                ),
                Option(
                    "Four times as much weight on the soft term as on the labels.",
                    "The missing factor is T², not T.",
                ),
                Option(
                    "None: the gradients point in other directions.",
                    "Each term keeps its direction. Only the proportion was wrong.",
                ),
            ),
        ),
        Question(
            "Loss alone, no labels, AdamW: all values are ten times too small because of a mean "
            "over ten classes. What happens?",
            (
                Option(
                    "Next to nothing: AdamW divides each gradient by its own size.",
                    "Right: we measured no difference. It bites beside a second term, under "
                    "SGD, and when losses are compared between models.",
                    right=True,
                ),
                Option(
                    "The student learns ten times more slowly.",
                    "With plain SGD it would. AdamW's steps do not depend on the loss's scale.",
                ),
                Option(
                    "The student becomes worse by some points.",
                    "Beside a label term it did. Alone it did not.",
                ),
            ),
        ),
        Question(
            "A teacher was left in training mode. By accuracy we cannot tell its student from the "
            "repaired one. Why repair it?",
            (
                Option(
                    "Because whatever you measure against that teacher moves: a perfect copy would "
                    "not score 0.",
                    "Right: agreement and KL then have a ceiling that nobody wrote down.",
                    right=True,
                ),
                Option(
                    "Because dropout always makes a teacher's answers useless.",
                    "They were noisier, and on average softer; its student still learned most of "
                    "what the other did. But it ended a little farther from the teacher.",
                ),
                Option(
                    "No need: accuracy decides.",
                    "*Cannot tell* is not *equal*, and the distance to the teacher did grow. The "
                    "next teacher may have batch normalisation, which in training mode lets the "
                    "examples of a batch change each other's answers, and the teacher itself.",
                ),
            ),
        ),
    ),
)
