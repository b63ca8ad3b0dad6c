"""Exercises of lesson 03: temperature and the gradient."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.divergences import kl
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.guard import CannotCheck
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import rows

LESSON = "03"

_LINES = {
    "A": "Only the difference of logits counts: (1000, 998) is (2, 0), divided by 2 (1, 0), and "
    "softmax(1, 0) = (.73, .27). The line is right, however large its logits look.",
    "B": "100 / 4 = 25, and the others are near 0: they get about $e^{-25}$, a hundred-billionth. "
    "One look is enough as well: the third class has the smaller logit and the larger number, and "
    "no temperature changes the order.",
    "C": "Odds of 9 : 1. At T = 2 they are the square root, 3 : 1, so (.75, .25). Right.",
    "D": "Divided by 4: (1, .5, 0). Exponentials 2.72, 1.65, 1, sum 5.37. Right; the three sum to "
    "1.01 because each was rounded.",
}

wrong_line = Exercise(
    lesson=LESSON,
    name="wrong_line",
    title="Find the wrong line",
    statement=(
        "Four softened answers. One of them stands in a published explanation, and it is wrong. "
        "Which? Try it without a computer first.\n\n"
        "| | given | $T$ | softened answer |\n|---|---|---|---|\n"
        "| **A** | logits (1000, 998) | 2 | (.73, .27) |\n"
        "| **B** | logits (100, .1, .05) | 4 | (.897, .051, .052) |\n"
        "| **C** | probabilities (.9, .1) | 2 | (.75, .25) |\n"
        "| **D** | logits (4, 2, 0) | 4 | (.51, .31, .19) |"
    ),
    difficulty=1,
    minutes=4,
    skill="checking a softened answer by its odds and its order",
    variable="my_line",
    stub='my_line = ...  # "A", "B", "C" or "D"',
    hints=(
        "Two checks without a computer: is the order of the classes kept? And what are the odds "
        "of the first two, $e^{(z_1-z_2)/T}$?",
        "$e^{2/2}\\approx2.7$ for A, $\\sqrt9=3$ for C, $e^{2/4}\\approx1.65$ for D. And for B?",
    ),
    right="B",
    explanation=_LINES["B"],
    deepens="The printed (.897, …) belongs to another temperature altogether. Which? Read on.",
    judge=one_of(_LINES),
    wrong=wrong_options(_LINES, right="B"),
)


def my_gradient(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Gradient of T²·KL(p‖q), mean over examples, in the student's logits. -> (N, K)."""
    p = (teacher_logits / temperature).softmax(-1)
    q = (student_logits / temperature).softmax(-1)
    return temperature * (q - p) / len(q)


_LN4 = math.log(4)
_GRADIENT_CASES = (
    (torch.tensor([[_LN4, 0.0]]), torch.zeros(1, 2), 1.0),
    (torch.tensor([[2 * _LN4, 0.0]]), torch.zeros(1, 2), 2.0),
    (
        torch.tensor([[0.0, 2.0, 1.0], [1.0, 0.0, -1.0]]),
        torch.tensor([[3.0, 1.0, 0.0], [0.0, 1.0, 5.0]]),
        4.0,
    ),
)

gradient_by_hand = Exercise(
    lesson=LESSON,
    name="gradient_by_hand",
    title="Write the gradient",
    statement=(
        "Write the gradient of $T^2\\,\\mathrm{KL}(p\\Vert q)$, averaged over the $N$ examples, in "
        "the student's logits: $T(q-p)/N$. No autograd: two softened answers and a difference."
    ),
    difficulty=2,
    minutes=5,
    skill="turning a derived gradient into code",
    variable="my_gradient",
    stub='''def my_gradient(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Gradient of T²·KL(p‖q), mean over examples, in the student's logits. -> (N, K)."""
    return ...  # your code here''',
    hints=(
        "`(logits / temperature).softmax(-1)` for both models.",
        "A factor T, the difference q − p, and the mean: each of the N rows counts one N-th.",
    ),
    right=my_gradient,
    explanation="T² times 1/T leaves one factor T, and the mean gives each example the weight 1/N.",
    deepens="This is all that a training step needs: the library computes this closed form.",
    judge=same_function(_GRADIENT_CASES),
    wrong={
        "turned": Wrong(
            lambda s, t, temperature: -my_gradient(s, t, temperature),
            "The sign is turned: T(p − q) is the push. The gradient points the other way.",
        ),
        "factor_forgotten": Wrong(
            lambda s, t, temperature: my_gradient(s, t, temperature) / temperature,
            "The factor T is missing: T² from the loss times 1/T from the chain rule.",
        ),
        "no_square": Wrong(
            lambda s, t, temperature: my_gradient(s, t, temperature) / temperature**2,
            "This is the gradient of KL without T². Multiply it by T².",
        ),
        "squared": Wrong(
            lambda s, t, temperature: my_gradient(s, t, temperature) * temperature,
            "T² times (q − p): you forgot the 1/T of the chain rule. The logits enter as z/T.",
        ),
        "not_softened": Wrong(
            lambda s, t, temperature: temperature * my_gradient(s, t, 1.0),
            "The answers are not softened: p and q are those of temperature 1.",
        ),
        "teacher_not_softened": Wrong(
            lambda s, t, temperature: (
                temperature * ((s / temperature).softmax(-1) - t.softmax(-1)) / len(s)
            ),
            "Only the student is softened. Then a perfect copy would still be pushed.",
        ),
        "sum_over_examples": Wrong(
            lambda s, t, temperature: my_gradient(s, t, temperature) * len(s),
            "The loss is a mean over N examples, so each row's gradient is divided by N.",
        ),
        "over_the_batch": Wrong(
            lambda s, t, temperature: my_gradient(s.T, t.T, temperature).T * s.shape[1] / len(s),
            "Your softmax runs over the examples. Classes lie on the last axis.",
        ),
        "multiplied": Wrong(
            lambda s, t, temperature: temperature**2 * my_gradient(s, t, 1 / temperature),
            "You multiplied the logits by T: that sharpens. Softening divides, z/T.",
        ),
        "mean_over_classes": Wrong(
            lambda s, t, temperature: my_gradient(s, t, temperature) / s.shape[1],
            "You divided by the number of classes too. KL sums over them.",
        ),
    },
)


def _two_rows_of_logits(answer: Any) -> bool:
    written = rows(answer)
    alike = len(written) == 2 and written[0].ndim == 1 and written[0].shape == written[1].shape
    return alike and len(written[0]) >= 2 and all(_are_logits(row) for row in written)


def _are_logits(row: Tensor) -> bool:
    return bool((row < math.inf).all()) and bool(row.max() > -math.inf)


def _three_classes(answer: Any) -> bool:
    return len(rows(answer)[0]) >= 3


def _push_on_the_first(answer: Any, temperature: float) -> float:
    p, q = ((row / temperature).softmax(-1) for row in rows(answer))
    return float(temperature * (p - q)[0])


def _pushed_at_all(answer: Any) -> bool:
    return any(abs(_push_on_the_first(answer, t)) > 1e-9 for t in (1.0, 8.0))


def _not_the_other_way(answer: Any) -> bool:
    return not (_push_on_the_first(answer, 1.0) < 0 < _push_on_the_first(answer, 8.0))


_ROWS = "I need two lists of equally many logits, the teacher's and the student's."
_TWO_CANNOT_TURN = (
    "With two classes no push turns: dividing by T keeps which gap is larger. Take three."
)
_NO_PUSH = "There is no push: both models give the first class the same. Let them differ."
_OTHER_WAY = "It turns, but down at T = 1 and up at T = 8. Exchange the two lists."
_NOT_UP = (
    "At T = 1 the first logit is not pushed up (by more than .01): there the teacher must give its "
    "first class more *probability* than the student. (Probabilities are no logits: if you wrote "
    "some, take their logarithms.)"
)
_NOT_DOWN = (
    "Up at T = 1: right. At T = 8 it should go down (by more than .01). There, for logits of a few "
    "units, the student's first must stand further above the mean of its three than the teacher's."
)


_turns_round = satisfies(
    (_two_rows_of_logits, _ROWS),
    (_three_classes, _TWO_CANNOT_TURN),
    (_pushed_at_all, _NO_PUSH),
    (_not_the_other_way, _OTHER_WAY),
    (lambda answer: _push_on_the_first(answer, 1.0) > 0.01, _NOT_UP),
    (lambda answer: _push_on_the_first(answer, 8.0) < -0.01, _NOT_DOWN),
)


def _in_numbers(answer: Any, exercise: Exercise) -> str | None:
    """The same judge, which also shows the learner's own p and q."""
    message = _turns_round(answer, exercise)
    if message not in (_NOT_UP, _NOT_DOWN):
        return message
    shown = []
    for t in (1.0, 8.0):
        p, q = ((row / t).softmax(-1)[0] for row in rows(answer))
        shown.append(f"p = {p:.3f}, q = {q:.3f} at T = {t:.0f}")
    return f"{message}\nYour first class has {' and '.join(shown)}."


turn_round = Exercise(
    lesson=LESSON,
    name="turn_round",
    title="Turn a push round",
    statement=(
        "Find the logits of a teacher and of a student, three countries each, such that the "
        "student's **first** logit is pushed **up** at $T=1$ and **down** at $T=8$. (The push is "
        "$T(p-q)$. Let it be above .01 and below −.01.)"
    ),
    difficulty=3,
    minutes=7,
    skill="designing an example of what temperature changes",
    variable="my_logits",
    stub="my_logits = ...  # (teacher, student), each a list of three logits",
    hints=(
        "At T = 1 give the student a strong rival of the first class, so that q is smaller than p "
        "there. At high T it counts how far the first logit stands above the mean of the three.",
        "A class that the student all but excludes pulls down its mean, and hardly matters at "
        "T = 1. The teacher may be (2, 0, 0).",
    ),
    right=([2.0, 0.0, 0.0], [3.0, 2.0, -8.0]),
    explanation=(
        "At T = 1 the first class has p = .79 and q = .73: up. The student's hopeless third class "
        "hardly matters there. At T = 8 it does: it pulls the mean down to −1, the first logit "
        "stands 4 above it, the teacher's only 1.3, and the push is down."
    ),
    deepens="A hopeless class can turn the push on another: on our names, every third.",
    judge=_in_numbers,
    wrong={
        "one_list": Wrong(([2.0, 0.0, 0.0],), _ROWS),
        "two_classes": Wrong(([2.0, 0.0], [1.0, 0.0]), _TWO_CANNOT_TURN),
        "equal": Wrong(([2.0, 0.0, 0.0], [2.0, 0.0, 0.0]), _NO_PUSH),
        "exchanged": Wrong(([3.0, 2.0, -8.0], [2.0, 0.0, 0.0]), _OTHER_WAY),
        "student_surer": Wrong(([1.0, 0.0, 0.0], [5.0, 0.0, 0.0]), _NOT_UP),
        "teacher_surer": Wrong(([5.0, 0.0, 0.0], [1.0, 0.0, 0.0]), _NOT_DOWN),
        "probabilities": Wrong(([0.787, 0.107, 0.106], [0.731, 0.269, 0.0]), _NOT_DOWN),
    },
)

effective_weight = Exercise(
    lesson=LESSON,
    name="effective_weight",
    title="How loud are the labels?",
    statement=(
        "The Keras example trained with\n\n"
        "> 0.1 · (label loss) + 0.9 · KL(p‖q) at $T=10$\n\n"
        "and **no** $T^2$. Written in our form, $w$ · (label loss) + $(1-w)\\cdot T^2\\,"
        "\\mathrm{KL}(p\\Vert q)$, up to a common factor: what is $w$? Three digits are enough."
    ),
    difficulty=2,
    minutes=5,
    skill="reading the weights of somebody else's loss",
    variable="my_weight",
    stub="my_weight = ...  # between 0 and 1",
    hints=(
        "0.9 · KL is so many times T² · KL. Then compare the two weights.",
        "The weights are 0.1 and 0.9 / 100. They need not sum to 1: divide by their sum.",
    ),
    right=0.917,
    explanation="0.1 against 0.009 makes $0.1 / 0.109 = .917$: the labels are eleven times as loud.",
    deepens="It reads as *ten per cent labels*. Look for T² before you copy a weight.",
    judge=near(tolerance=0.004),
    wrong={
        "as_printed": Wrong(
            0.1, "As printed, beside a KL without T². With T² the weights are others."
        ),
        "exchanged": Wrong(0.0826, "That is the teacher's weight. `w` is that of the labels."),
        "once": Wrong(0.5263, "You divided the teacher's weight by T. The missing factor is T²."),
        "multiplied": Wrong(
            0.0011, "You multiplied by T². Without it the teacher is weaker than printed: 0.9 / T²."
        ),
        "teacher_as_printed": Wrong(
            0.9, "That is the teacher's weight as printed, without T². `w` is that of the labels."
        ),
        "decimal_point": Wrong(0.0917, "The point has slipped: the labels are the louder term."),
        "weight_forgotten": Wrong(0.9091, "The teacher's weight was 0.9, so 0.9/100, not 1/100."),
        "not_normalised": Wrong(
            11.11, "That is the ratio of the two weights. `w` is the labels' share of their sum."
        ),
        "percent": Wrong(91.7, "That is the percentage. A weight lies between 0 and 1."),
    },
)


def my_logit_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Half the variance of the difference over the classes, mean over examples. -> scalar."""
    difference = student_logits - teacher_logits
    centred = difference - difference.mean(-1, keepdim=True)
    return (centred**2).mean() / 2


def _student(*written: list[float]) -> Tensor:
    return torch.tensor(written, requires_grad=True)


_LOGIT_LOSS_CASES = (
    (_student([5.0, 7.0]), torch.tensor([[0.0, 2.0]])),
    (_student([5.0, 1.0, 0.0]), torch.zeros(1, 3)),
    (_student([1.0, 5.0, 0.0]), torch.tensor([[0.0, 1.0, -4.0]])),
    (_student([3.0, 1.0, 5.0], [0.0, 4.0, 2.0]), torch.tensor([[0.0, 1.0, -1.0], [2.0, 0.0, 1.0]])),
)

logit_loss_repaired = Exercise(
    lesson=LESSON,
    name="logit_loss_repaired",
    title="Repair the logit loss",
    statement=(
        "Somebody matches logits by `F.mse_loss(student_logits, teacher_logits) / 2`. A perfect "
        "copy gets 0, a perfect copy with all logits 5 higher gets 12.5, though it gives the same "
        "answers. Repair it: for each example take the differences of the logits, subtract their "
        "mean over the classes, then return half the mean of the squares."
    ),
    difficulty=2,
    minutes=5,
    skill="removing from a loss what a softmax cannot see",
    variable="my_logit_loss",
    stub='''def my_logit_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Half the variance of the difference over the classes, mean over examples. -> scalar."""
    return ...  # your code here''',
    hints=(
        "The mean over the classes: `difference.mean(-1, keepdim=True)`.",
        "All rows are equally long: the mean of all squares is the mean of the rows' means.",
    ),
    right=my_logit_loss,
    explanation="No probability sees a constant. It is in the mean difference, and goes with it.",
    deepens="Centring both models' logits first, then subtracting, gives the same.",
    judge=same_function(_LOGIT_LOSS_CASES),
    wrong={
        "as_found": Wrong(
            lambda s, t: ((s - t) ** 2).mean() / 2,
            "This is the loss as found. Subtract each example's mean difference first.",
        ),
        "over_the_batch": Wrong(
            lambda s, t: ((s - t - (s - t).mean(0)) ** 2).mean() / 2,
            "You subtracted the mean over the examples. The constant that softmax does not see is "
            "one for each example: take the mean over the classes, the last axis.",
        ),
        "one_constant": Wrong(
            lambda s, t: ((s - t - (s - t).mean()) ** 2).mean() / 2,
            "You subtracted one mean for the whole batch. Every example has a constant of its own.",
        ),
        "squares_centred": Wrong(
            lambda s, t: ((s - t) ** 2 - ((s - t) ** 2).mean(-1, keepdim=True)).mean() / 2,
            "Squares less their mean have the mean 0, always. Subtract first, then square.",
        ),
        "student_centred": Wrong(
            lambda s, t: F.mse_loss(s - s.mean(-1, keepdim=True), t) / 2,
            "Only the student is centred. The teacher's logits have a constant too.",
        ),
        "not_halved": Wrong(
            lambda s, t: 2 * my_logit_loss(s, t),
            "The factor ½ is missing. With it this is the limit of T² KL, and not only in ratio.",
        ),
        "sum_over_classes": Wrong(
            lambda s, t: my_logit_loss(s, t) * s.shape[-1],
            "You summed over the classes. The limit of T² KL has their mean: a variance.",
        ),
        "k_minus_one": Wrong(
            lambda s, t: (s - t).var(-1).mean() / 2,
            "`var` divides by K − 1, as for a sample. These K classes are all: `correction=0`.",
        ),
        "probabilities": Wrong(
            lambda s, t: ((s.softmax(-1) - t.softmax(-1)) ** 2).mean() / 2,
            "You compared probabilities. This loss compares logits: hopeless classes count too.",
        ),
        "log_softmax": Wrong(
            lambda s, t: F.mse_loss(s.log_softmax(-1), t.log_softmax(-1)) / 2,
            "log_softmax removes the constant, but puts another in its place: the mean over the "
            "classes is not 0 afterwards. Subtract the mean.",
        ),
    },
)


def my_split(p: Tensor, q: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """TCKD and NCKD of every row. p, q: (N, K) probabilities; target: (N,) -> two of (N,)."""
    is_target = F.one_hot(target, p.shape[-1]).bool()
    p_t, q_t = p[is_target], q[is_target]
    tckd = kl(torch.stack([p_t, 1 - p_t], -1), torch.stack([q_t, 1 - q_t], -1))
    p_others = p[~is_target].view(len(p), -1) / (1 - p_t)[:, None]
    q_others = q[~is_target].view(len(q), -1) / (1 - q_t)[:, None]
    return tckd, kl(p_others, q_others)


def _others(p: Tensor, target: Tensor) -> Tensor:
    return p[~F.one_hot(target, p.shape[-1]).bool()].view(len(p), -1)


def _one_term(p: Tensor, q: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    p_t, q_t = 1 - _others(p, target).sum(-1), 1 - _others(q, target).sum(-1)
    return p_t * (p_t / q_t).log(), my_split(p, q, target)[1]


def _with_nckd(nckd: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """The split with another second part: a function of the others as they are."""
    return lambda p, q, y: (my_split(p, q, y)[0], nckd(_others(p, y), _others(q, y)))


def _split_judge(answer: Any, exercise: Exercise) -> str | None:
    """`kl` refuses what does not sum to 1: that is the mistake itself, and gets its name."""
    try:
        return same_function(_SPLIT_CASES)(answer, exercise)
    except CannotCheck as reason:
        if "sums to" not in str(reason):
            raise
        where = str(reason).replace(": pass probabilities, or apply softmax to logits first", "")
        raise CannotCheck(f"`kl` takes rows of sum 1. {_NOT_RENORMALISED}\n{where}") from reason


def _probabilities(*written: list[float]) -> Tensor:
    return torch.tensor(written, dtype=torch.float64)


_SPLIT_CASES = (
    (_probabilities([0.5, 0.5]), _probabilities([0.75, 0.25]), torch.tensor([0])),
    (_probabilities([0.2, 0.6, 0.2]), _probabilities([0.2, 0.4, 0.4]), torch.tensor([0])),
    (_probabilities([0.5, 0.1, 0.4]), _probabilities([0.25, 0.25, 0.5]), torch.tensor([2])),
    (
        _probabilities([0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]),
        _probabilities([0.4, 0.1, 0.2, 0.3], [0.4, 0.3, 0.2, 0.1]),
        torch.tensor([0, 2]),
    ),
)

_NOT_RENORMALISED = "The others do not sum to 1: divide p by 1 − p_t and q by 1 − q_t."

split_in_two = Exercise(
    lesson=LESSON,
    name="split_in_two",
    title="Split KL in two",
    statement=(
        "For every row return two numbers. **TCKD**: the KL between (target, all the rest) of the "
        "teacher and of the student, two probabilities each. **NCKD**: the KL between the two "
        "models' answers over the *other* classes, each renormalised to sum 1. The library's "
        "`kl(p, q)` takes rows, and `F.one_hot(target, p.shape[-1]).bool()` marks the target."
    ),
    difficulty=3,
    minutes=9,
    skill="conditioning a distribution on a class not being the case",
    variable="my_split",
    stub='''def my_split(p: Tensor, q: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """TCKD and NCKD of every row. p, q: (N, K) probabilities; target: (N,) -> two of (N,)."""
    return ...  # your code here: tckd, nckd''',
    hints=(
        "`torch.stack([p_t, 1 - p_t], -1)` is (target, rest) of every row. `p[~is_target]` are "
        "the others, all rows in one line: `.view(len(p), -1)` gives them their rows back.",
        "Divide the others by `(1 - p_t)[:, None]`, those of the student by `(1 - q_t)[:, None]`.",
    ),
    right=my_split,
    explanation="First *is it the target?*; then, with probability 1 − p_t, *if not, what else?*",
    deepens=(
        "Such a chain rule holds for every grouping of classes: KL of the groups, plus the KL "
        "within each group, weighted by the teacher's probability of the group."
    ),
    judge=_split_judge,
    wrong={
        "not_renormalised": Wrong(
            _with_nckd(lambda p, q: (p * (p / q).log()).sum(-1)), _NOT_RENORMALISED
        ),
        "weighted": Wrong(
            lambda p, q, y: (my_split(p, q, y)[0], kl(p, q) - my_split(p, q, y)[0]),
            "NCKD carries its weight 1 − p_t already. Return it without: DKD takes it away.",
        ),
        "softmax": Wrong(
            _with_nckd(lambda p, q: kl(p.softmax(-1), q.softmax(-1))),
            "Softmax is for logits. These are probabilities: divide them by their sum.",
        ),
        "stacked": Wrong(
            lambda p, q, target: torch.stack(my_split(p, q, target), -1),
            "One (N, 2) tensor. The stub asks for a tuple of two (N,): `return tckd, nckd`.",
        ),
        "one_term": Wrong(
            _one_term, "TCKD has two terms: one for the target, one for all the rest together."
        ),
        "favourite": Wrong(
            lambda p, q, target: my_split(p, q, p.argmax(-1)),
            "You split at the teacher's favourite. The target is given, and may be another.",
        ),
        "roles": Wrong(
            lambda p, q, target: my_split(q, p, target),
            "Teacher and student are exchanged: both parts are KL(p‖q), with the teacher first.",
        ),
        "order": Wrong(
            lambda p, q, target: my_split(p, q, target)[::-1],
            "The two are exchanged: TCKD comes first.",
        ),
    },
)


def _sureness(answer: Any, temperature: float) -> tuple[float, float]:
    a, b = ((row / temperature).softmax(-1).max() for row in rows(answer))
    return float(a), float(b)


def _not_equally_sure(answer: Any) -> bool:
    a, b = _sureness(answer, 1.0)
    return abs(a - b) > 0.001


def _reordered(answer: Any) -> bool:
    (a, b), (soft_a, soft_b) = _sureness(answer, 1.0), _sureness(answer, 2.0)
    return (a - b) * (soft_a - soft_b) < -1e-6


_TWO_ROWS = "I need two lists of equally many logits: (a, b)."
_TWO_KEEP_ORDER = "With two classes only the gap counts, and T keeps the order of gaps. Take three."
_EQUALLY_SURE = "At T = 1 both are equally sure. One must be surer (by more than .001)."
_SAME_ORDER = (
    "The same one is surer at T = 1 and at T = 2. What softening takes from a favourite depends "
    "on how many others wait behind it, and how far."
)

reorder = Exercise(
    lesson=LESSON,
    name="reorder",
    title="Who is surer?",
    statement=(
        "Write down the logits of two names, $a$ and $b$, such that the model is **surer** about "
        "one of them at $T=1$ and about the **other** at $T=2$. (How sure: its largest "
        "probability. Any number of classes, the same for both.)"
    ),
    difficulty=3,
    minutes=6,
    skill="designing a counterexample",
    variable="my_names",
    stub="my_names = ...  # (a, b), each a list of logits",
    hints=(
        "Softening lifts everyone who stands behind the favourite. Let one name have a single "
        "close rival, the other many distant ones.",
        "Four classes are enough. One name: a close rival, the other two hopeless. The other name: "
        "three equal rivals, two logits or so behind.",
    ),
    right=([2.0, 1.2, -9.0, -9.0], [3.0, 1.0, 1.0, 1.0]),
    explanation=(
        "At T = 1 $b$ is surer, .711 against .690; at T = 2 $a$ is, .596 against .475. There $a$ "
        "loses to one near rival, which gains little more; $b$ loses to three at once."
    ),
    deepens="A cascade passes on the least sure names. Which these are depends on T.",
    judge=satisfies(
        (_two_rows_of_logits, _TWO_ROWS),
        (_three_classes, _TWO_KEEP_ORDER),
        (_not_equally_sure, _EQUALLY_SURE),
        (_reordered, _SAME_ORDER),
    ),
    wrong={
        "different_lengths": Wrong(([1.0, 0.0], [1.0, 0.0, 0.0]), _TWO_ROWS),
        "two_classes": Wrong(([1.0, 0.0], [3.0, 0.0]), _TWO_KEEP_ORDER),
        "same": Wrong(([2.0, 1.0, 0.0], [2.0, 1.0, 0.0]), _EQUALLY_SURE),
        "scaled": Wrong(([2.0, 1.0, 0.0], [4.0, 2.0, 0.0]), _SAME_ORDER),
        "probabilities": Wrong(([0.69, 0.31, 0.0], [0.71, 0.15, 0.14]), _SAME_ORDER),
    },
)

quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "You train with the soft term alone, T = 8, AdamW, and forget T². What changes?",
            (
                Option(
                    "Nearly nothing.",
                    "Right: AdamW divides by the size of the gradients it has seen.",
                    right=True,
                ),
                Option(
                    "The student learns 64 times more slowly.",
                    "So it would with plain SGD, until you raise the learning rate 64 times.",
                ),
                Option(
                    "The student listens to the labels instead.",
                    "There is no label term here. With one you would be right.",
                ),
            ),
        ),
        Question(
            "A colleague tries T = 1, 2, 4, 8 with half labels, half KL without T². Accuracy "
            "rises with T. What follows?",
            (
                Option(
                    "Nothing about T yet: the weight of the labels rose with it.",
                    "Right: at T = 8 the teacher's term has a sixty-fourth of its weight.",
                    right=True,
                ),
                Option(
                    "High temperatures are good for this student.",
                    "Perhaps only *less teacher* is. Two things were changed at once.",
                ),
                Option(
                    "The teacher is bad.",
                    "It may be good and unheard. Compare again with T², which lets it be heard.",
                ),
            ),
        ),
        Question(
            "What does a higher temperature ask of the student?",
            (
                Option(
                    "To match logits, those of hopeless classes too.",
                    "Right: in the limit all centred logits count alike.",
                    right=True,
                ),
                Option(
                    "To match the same probabilities, only more gently.",
                    "Gently is what T² corrects. The direction changes as well: pushes turn round.",
                ),
                Option(
                    "To be less sure when it is used.",
                    "It is used at a temperature of your choice, whatever it was trained at.",
                ),
            ),
        ),
        Question(
            "A student was trained at T = 4. At which temperature do you read its probabilities?",
            (
                Option(
                    "At the one with the lowest loss on labelled names that I kept aside.",
                    "Right: measure it. For our student it was neither 1 nor 4.",
                    right=True,
                ),
                Option(
                    "At 4, as in training.",
                    "In training the teacher was softened as well. The labels are not, and ours "
                    "was right twice as often as it said.",
                ),
                Option(
                    "At 1, always.",
                    "Better than 4 here, and still too sure. A habit is no measurement.",
                ),
            ),
        ),
    ),
)
