"""Exercises of lesson 08: weak to strong."""

from math import nan
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz

LESSON = "08"


def my_pgr(weak: float, student: float, ceiling: float) -> float:
    """The share of the gap that the student recovers; nan without a gap. Accuracies from 0 to 1."""
    if ceiling <= weak:
        return nan
    return (student - weak) / (ceiling - weak)


def _always(weak: float, student: float, ceiling: float) -> float:
    """The ratio, whatever its denominator."""
    return (student - weak) / (ceiling - weak) if ceiling != weak else nan


_PGR_CASES = (
    (0.5, 0.625, 0.75),
    (0.5, 0.25, 0.75),
    (0.25, 1.0, 0.75),
    (0.75, 0.5, 0.5),
    (0.5, 0.5, 0.5),
)

pgr = Exercise(
    lesson=LESSON,
    name="pgr",
    title="How much of the gap",
    statement=(
        "Write PGR as a function of three accuracies. It may become **negative** and larger than 1. "
        "Where the ceiling is not above the weak teacher, return `nan` (it is imported)."
    ),
    difficulty=1,
    minutes=3,
    skill="writing a ratio with its exceptions",
    variable="my_pgr",
    stub='''def my_pgr(weak: float, student: float, ceiling: float) -> float:
    """The share of the gap that the student recovers; nan without a gap. Accuracies from 0 to 1."""
    return ...  # your code here''',
    hints=(
        "Two differences, both taken from the weak teacher: what was gained, and what there was to "
        "gain.",
        "`if ceiling <= weak: return nan`, and then `(student - weak) / (ceiling - weak)`.",
    ),
    right=my_pgr,
    explanation=(
        "Both differences start at the weak teacher. Without a gap the ratio has no meaning: with a "
        "ceiling *below* the teacher, a worse student would even get a higher number."
    ),
    deepens=(
        "A student below its teacher has a negative PGR, one above the ceiling more than 1. Both "
        "happen, and both are worth knowing."
    ),
    judge=same_function(_PGR_CASES),
    wrong={
        "clipped": Wrong(
            lambda w, s, c: max(0.0, my_pgr(w, s, c)) if c > w else nan,
            "You cut it off at 0. Then a student that lost looks like one that gained nothing.",
        ),
        "clipped_both": Wrong(
            lambda w, s, c: min(1.0, max(0.0, my_pgr(w, s, c))) if c > w else nan,
            "You keep it between 0 and 1. A student can lose, and it can be better than the ceiling.",
        ),
        "negative_gap": Wrong(
            _always,
            "With a ceiling below the weak teacher you divide a loss by a negative gap: a bad "
            "student gets a good number. There is no gap to recover: nan.",
        ),
        "zero_for_no_gap": Wrong(
            lambda w, s, c: my_pgr(w, s, c) if c > w else 0.0,
            "Without a gap you return 0. That says *nothing was recovered*; but there was nothing "
            "to recover: nan.",
        ),
        "share_of_the_ceiling": Wrong(
            lambda w, s, c: s / c if c > w else nan,
            "You compare the student with the ceiling alone. A student that learned nothing would "
            "get the credit for what its teacher can do.",
        ),
        "gain_only": Wrong(
            lambda w, s, c: s - w if c > w else nan,
            "This is the gain in accuracy. Divide it by the gap.",
        ),
        "what_is_left": Wrong(
            lambda w, s, c: (c - s) / (c - w) if c > w else nan,
            "This is the share of the gap that is *left*: 1 minus what was asked for.",
        ),
        "divided_by_the_weak": Wrong(
            lambda w, s, c: (s - w) / w if c > w else nan,
            "You divide by the weak teacher's accuracy. That is the growth; divide by the gap.",
        ),
    },
)


_LOSS = -0.25

hidden_by_the_clip = Exercise(
    lesson=LESSON,
    name="hidden_by_the_clip",
    title="What the clip hides",
    statement=(
        "A report reads: *weak teacher .60, ceiling .80, PGR 0 (with max{0, …}): the student has "
        "neither gained nor lost*. You ask for the student's accuracy and hear: **.55**. What is "
        "its PGR without the clip?"
    ),
    difficulty=1,
    minutes=2,
    skill="computing what a formula leaves out",
    variable="my_recovered",
    stub="my_recovered = ...  # a number",
    hints=(
        "The gap is .20. What did the student gain?",
        "It gained .55 − .60. Divide that by the gap.",
    ),
    right=_LOSS,
    explanation="(.55 − .60) / (.80 − .60) = −.05 / .20 = −.25.",
    deepens=(
        "A quarter of the gap was *lost*, in the wrong direction. A table full of zeros can hold "
        "students that did nothing and students that did harm."
    ),
    judge=near(0.002),
    wrong={
        "clipped": Wrong(0.0, "0 is what the report says. Leave out max{0, …}."),
        "sign": Wrong(0.25, "The size is right. The student is *below* its teacher: which sign?"),
        "gain": Wrong(-0.05, "This is the gain in accuracy. Divide it by the gap."),
        "from_the_ceiling": Wrong(
            -1.25,
            "You measured the student from the ceiling. Measure it from the weak teacher.",
        ),
        "what_is_left": Wrong(1.25, "This is the share of the gap that is left. 1 minus it."),
        "of_the_ceiling": Wrong(0.6875, "This is student / ceiling. Both differences are missing."),
        "of_the_weak": Wrong(
            -0.0833, "You divided the gain by the weak teacher's accuracy. Divide it by the gap."
        ),
        "percent": Wrong(-25.0, "These are percent. A share is asked for."),
    },
)


def my_confidence_loss(student_logits: Tensor, teacher_logits: Tensor, weight: float) -> Tensor:
    """(1 - w) H(p, q) + w H(own favourite, q), mean over the inputs. Logits (N, K) -> ()."""
    log_q = student_logits.log_softmax(-1)
    of_teacher = -(teacher_logits.softmax(-1) * log_q).sum(-1)
    of_itself = F.nll_loss(log_q, student_logits.argmax(-1), reduction="none")
    return ((1 - weight) * of_teacher + weight * of_itself).mean()


def _own(s: Tensor) -> Tensor:
    return F.cross_entropy(s, s.argmax(-1))


def _of(s: Tensor, t: Tensor) -> Tensor:
    return F.cross_entropy(s, t.softmax(-1))


def _logits(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def _given(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


_CONFIDENCE_CASES = (
    (_logits([1.0, 0.0]), _given([0.0, 2.0]), 0.25),
    (_logits([2.0, 0.0, 1.0], [0.0, 0.0, 1.0]), _given([0.0, 1.0, 3.0], [2.0, 1.0, 0.0]), 0.75),
    (_logits([0.5, -0.5, 0.0]), _given([1.0, 1.0, 0.0]), 0.0),
    (_logits([0.5, -0.5, 0.0]), _given([1.0, 1.0, 0.0]), 1.0),
)

confidence = Exercise(
    lesson=LESSON,
    name="confidence",
    title="The confidence loss",
    statement=(
        "Write the confidence loss, as a **mean over the inputs**: (1 − w) times the cross-entropy "
        "of the student with the weak teacher's probabilities, plus w times its cross-entropy with "
        "its **own favourite class as a label**. `F` is `torch.nn.functional`."
    ),
    difficulty=2,
    minutes=7,
    skill="turning a formula with two teachers into code",
    variable="my_confidence_loss",
    stub='''def my_confidence_loss(student_logits: Tensor, teacher_logits: Tensor, weight: float) -> Tensor:
    """(1 - w) H(p, q) + w H(own favourite, q), mean over the inputs. Logits (N, K) -> ()."""
    return ...  # your code here''',
    hints=(
        "Start with `log_q = student_logits.log_softmax(-1)`. H(p, q) is −Σ p log q over the "
        "classes. What is H(label, q)?",
        "`F.cross_entropy(student_logits, target)` takes probabilities (N, K) or class numbers "
        "(N,) as its target. The favourites are `student_logits.argmax(-1)`.",
    ),
    right=my_confidence_loss,
    explanation=(
        "`argmax` gives class numbers, and no gradient flows through them: the student's favourite "
        "acts as a label that somebody else might have given."
    ),
    deepens=(
        "Both terms are cross-entropies with q, so together they are one: with the target "
        "(1 − w) p + w (own favourite). What is hard pulls harder than what is soft."
    ),
    judge=same_function(_CONFIDENCE_CASES),
    wrong={
        "weights_exchanged": Wrong(
            lambda s, t, w: w * _of(s, t) + (1 - w) * _own(s),
            "The weights are exchanged: w belongs to the student's own favourite.",
        ),
        "own_soft": Wrong(
            lambda s, t, w: (1 - w) * _of(s, t) + w * _of(s, s),
            "You use the student's own *probabilities* as its second target. That is its entropy; "
            "the favourite has to be made hard: one class, as a label.",
        ),
        "teacher_favourite": Wrong(
            lambda s, t, w: (1 - w) * _of(s, t) + w * F.cross_entropy(s, t.argmax(-1)),
            "Your second label is the *teacher's* favourite. Then the teacher speaks twice and the "
            "student never.",
        ),
        "teacher_hard": Wrong(
            lambda s, t, w: (1 - w) * F.cross_entropy(s, t.argmax(-1)) + w * _own(s),
            "You made the teacher hard as well. Its probabilities stay soft.",
        ),
        "sum": Wrong(
            lambda s, t, w: len(s) * my_confidence_loss(s, t, w),
            "You sum over the inputs. Take the mean, or the step depends on the batch size.",
        ),
        "unweighted_teacher": Wrong(
            lambda s, t, w: _of(s, t) + w * _own(s),
            "The teacher's term lacks its weight 1 − w: trusting oneself more should mean trusting "
            "the teacher less.",
        ),
        "arguments_exchanged": Wrong(
            lambda s, t, w: (1 - w) * _of(t, s) + w * _own(s),
            "The cross-entropy has its arguments exchanged: the student's logits come first, the "
            "teacher's probabilities are the target.",
        ),
        "logits_as_probabilities": Wrong(
            lambda s, t, w: (1 - w) * F.cross_entropy(s, t) + w * _own(s),
            "You use the teacher's logits as if they were probabilities. Apply softmax to them.",
        ),
    },
)


_READINGS = {
    "A": "Against naive training stopped after 30 steps the verdict is *cannot tell*. The better of "
    "two 300-step students is not the best of all that were tried.",
    "B": "Each comparison with its verdict, and what one would need to make the plain method as "
    "good: true labels.",
    "C": "*Cannot tell* never means *no effect*. And against 300 and 100 steps an effect was told: "
    "four points and one.",
    "D": "It copies fewer mistakes than the naive student after 300 steps, but more than a ceiling "
    "that never met the teacher: .37 against .18.",
}

what_helped = Exercise(
    lesson=LESSON,
    name="what_helped",
    title="What did the confidence loss do?",
    statement=(
        "Naive students: 62 % after 30 steps, 61 % after 100, 58 % after 300. With the warmed-up "
        "confidence loss: 62 % after 300 steps. Which sentence may stand in a report?\n\n"
        "- **A**: the confidence loss makes the strong student better than naive training can\n"
        "- **B**: it is better than naive training for 100 or 300 steps; against 30 steps we cannot "
        "tell, but that naive training should stop there only true labels could say\n"
        "- **C**: the confidence loss has no effect, since stopping earlier is as good\n"
        "- **D**: with the confidence loss the student no longer copies its teacher's mistakes"
    ),
    difficulty=2,
    minutes=3,
    skill="choosing the comparison that a sentence needs",
    variable="my_reading",
    stub='my_reading = ...  # "A", "B", "C" or "D"',
    hints=(
        "Which comparison does each sentence rest on? Was it made, and what was its verdict?",
        "Look for *can*, *no effect*, *no longer*.",
    ),
    right="B",
    explanation=_READINGS["B"],
    deepens=(
        "A new method compared with the plain one at one setting is compared with that setting. "
        "Give the plain one its best moment too, and say what it takes to find it."
    ),
    judge=one_of(_READINGS),
    wrong=wrong_options(_READINGS, right="B"),
)


def my_likeliest(log_probs: Tensor, lengths: Tensor, count: int) -> Tensor:
    """Positions of the names with the highest likelihood per letter, best first. (N,) -> (count,)"""
    return (log_probs / lengths).topk(count).indices


_NAMES_CASES = (
    (torch.tensor([-6.0, -8.0]), torch.tensor([3, 8]), 1),
    (torch.tensor([-9.0, -10.0, -24.0, -8.0]), torch.tensor([3, 5, 16, 2]), 2),
    (torch.tensor([-4.0, -12.0, -5.0, -30.0, -21.0]), torch.tensor([2, 8, 2, 15, 12]), 3),
    (torch.tensor([-5.0, -5.2, -9.0]), torch.tensor([10, 4, 2]), 3),
)

likeliest = Exercise(
    lesson=LESSON,
    name="likeliest",
    title="Find the bug: only short names",
    statement=(
        "A colleague keeps the names that the table finds likeliest:\n\n```python\n"
        "def likeliest(log_probs, lengths, count):\n    return log_probs.topk(count).indices\n```\n\n"
        "`log_probs` are logarithms of the probabilities of whole names. Nothing fails, and the "
        "list reads *dro, bak, este, salo, luz*. **Find the bug and write the function right**: "
        "the likeliest **per letter**, best first."
    ),
    difficulty=2,
    minutes=4,
    skill="taking the length out of a likelihood",
    variable="my_likeliest",
    stub='''def my_likeliest(log_probs: Tensor, lengths: Tensor, count: int) -> Tensor:
    """Positions of the names with the highest likelihood per letter, best first. (N,) -> (count,)"""
    return ...  # your code here''',
    hints=(
        "Every further letter multiplies the probability by a number below 1. What does that do to "
        "long names?",
        "Divide each log-probability by its length before you take the highest.",
    ),
    right=my_likeliest,
    explanation=(
        "A long name has a low probability because it is long. Divided by the number of letters the "
        "log-probability says what *one* letter costs."
    ),
    deepens=(
        "Now long names of frequent parts come first: *saint-martin-de-saint-maixent*. That is a "
        "preference as well. No way of counting makes a likelihood a measure of quality."
    ),
    judge=same_function(_NAMES_CASES),
    wrong={
        "whole_names": Wrong(
            lambda x, n, k: x.topk(k).indices,
            "This is your colleague's function: whole names, so short ones win.",
        ),
        "probability_divided": Wrong(
            lambda x, n, k: (x.exp() / n).topk(k).indices,
            "You divide the *probability* by the length. Letters multiply: divide the logarithm.",
        ),
        "multiplied": Wrong(
            lambda x, n, k: (x * n).topk(k).indices,
            "You multiply by the length, so long names are punished twice.",
        ),
        "lowest": Wrong(
            lambda x, n, k: (x / n).topk(k, largest=False).indices,
            "These are the least likely ones: log-probabilities are negative, and the one nearest "
            "to 0 is the highest.",
        ),
        "scores": Wrong(
            lambda x, n, k: (x / n).topk(k).values,
            "These are the likelihoods themselves. Their positions are asked for: `.indices`.",
        ),
        "longest": Wrong(
            lambda x, n, k: n.topk(k).indices,
            "You keep the longest names, whatever the table says of them.",
        ),
        "everything": Wrong(
            lambda x, n, k: (x / n).argsort(descending=True),
            "The order is right. Keep only the first `count` of it.",
        ),
    },
)


def _three_rows(rows: Any) -> bool:
    return len(rows) == 3 and all(
        len(row) == 5 and all(type(x) is int and x in (0, 1) for x in row) for row in rows
    )


def _two_tables(pair: Any) -> bool:
    return len(pair) == 2 and all(_three_rows(rows) for rows in pair)


def _three_of_five(pair: Any) -> bool:
    return all(sum(row) == 3 for rows in pair for row in rows)


def _vote_right(rows: list[list[int]]) -> int:
    return sum(sum(column) >= 2 for column in zip(*rows, strict=True))


_FORM = (
    "I need two tables, `helps` and `hurts`, each of three rows of five numbers, 1 for right and 0 "
    "for wrong: `([[…], […], […]], [[…], […], […]])`."
)
_ACCURACY = "Each of the six members has to be right on exactly 3 of the 5 inputs."
_HELPS = (
    "The vote of the first three should be right on 4 inputs. Spread the mistakes: where one errs, "
    "let the other two be right."
)
_HURTS = (
    "The vote of the last three should be right on fewer than 3 inputs. Waste their right answers: "
    "let all three be right on the same input, and alone on others."
)
_SAME = [[1, 1, 1, 0, 0]] * 3
_SPREAD = [[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [0, 0, 1, 1, 1]]
_WASTED = [[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 1, 0, 0, 1]]

three_votes = Exercise(
    lesson=LESSON,
    name="three_votes",
    title="Three voters of 60 %",
    statement=(
        "Five inputs, two classes, three members. Each member is right on **3 of the 5**. The vote "
        "is right where two or three members are. Write down two tables of rights (1) and wrongs "
        "(0), a row per member:\n\n"
        "- **helps**: the vote is right on **4** inputs;\n"
        "- **hurts**: the vote is right on **fewer than 3**, so it is *worse* than every member."
    ),
    difficulty=2,
    minutes=5,
    skill="designing members for which a vote helps or hurts",
    variable="my_members",
    stub="my_members = ...  # (helps, hurts), each three rows of five numbers 0 or 1",
    hints=(
        "The three together have nine right answers. How many does an input need for the vote to "
        "be right, and how many are more than it needs?",
        "helps: four inputs with two each, and one left over. hurts: two inputs with three each, "
        "and the other three answers alone.",
    ),
    right=(_SPREAD, _WASTED),
    explanation=(
        "Nine right answers. An input needs two. Four inputs take eight; a fifth would need ten, so "
        "4 is the most. Where all three are right one answer is wasted, and an answer that is alone "
        "is wasted too."
    ),
    deepens=(
        "The accuracy of the members is the same in both tables. Between 2 and 4 of 5 lies only "
        "*where* they are right. That is why correlation comes before the number of voters."
    ),
    judge=satisfies(
        (_two_tables, _FORM),
        (_three_of_five, _ACCURACY),
        (lambda pair: _vote_right(pair[0]) == 4, _HELPS),
        (lambda pair: _vote_right(pair[1]) < 3, _HURTS),
    ),
    wrong={
        "one_table": Wrong(_SPREAD, _FORM),
        "too_good": Wrong(([[1, 1, 1, 1, 0]] * 3, _WASTED), _ACCURACY),
        "all_alike": Wrong((_SAME, _WASTED), _HELPS),
        "exchanged": Wrong((_WASTED, _SPREAD), _HELPS),
        "no_harm": Wrong((_SPREAD, _SAME), _HURTS),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "The book's loss for a weak teacher is KL(weak‖strong). How does it differ from the "
            "distillation loss of lesson 04?",
            (
                Option(
                    "The formula is the same, the roles and the purpose are exchanged.",
                    "Right: KL(teacher‖student), with a small teacher that should *not* be copied "
                    "in full.",
                    right=True,
                ),
                Option(
                    "The arguments of KL are exchanged.",
                    "The teacher is the first argument in both. What is exchanged is who is large.",
                ),
                Option(
                    "Its minimum is the ceiling.",
                    "Its minimum is q = p: a strong model as weak as its teacher.",
                ),
            ),
        ),
        Question(
            "A table of weak-to-strong results, made with max{0, …}, has PGR 0 in half of its rows. "
            "What do you know of those rows?",
            (
                Option(
                    "The student is not better than its teacher; how much worse, the table hides.",
                    "Right: anything from no gain to a great loss is printed as 0.",
                    right=True,
                ),
                Option(
                    "Student and teacher are equally accurate.",
                    "That is one of the possibilities. Without pretraining our student was three "
                    "points below its teacher: also 0 with the clip.",
                ),
                Option(
                    "The student learned nothing.",
                    "It may have learned a lot, and less than its teacher knows.",
                ),
            ),
        ),
        Question(
            "Why was the naive student worse after 300 steps on weak answers than after 30?",
            (
                Option(
                    "What it still learns are the mistakes of its teacher.",
                    "Right: the share of copied mistakes rose from .33 to .41.",
                    right=True,
                ),
                Option(
                    "It forgets its pretraining.",
                    "The body was frozen: nothing in it can be forgotten.",
                ),
                Option(
                    "300 steps are too few for so large a model.",
                    "Only the small head is trained, and with *true* labels 100 steps were enough.",
                ),
            ),
        ),
        Question(
            "A small model ranks a corpus by likelihood. What did our measurement support?",
            (
                Option(
                    "Look at the lowest band and drop what is broken.",
                    "Right: without it the student was better by one or two points.",
                    right=True,
                ),
                Option(
                    "Train on the highest band: it holds nothing broken.",
                    "It held nothing broken, hardly a Turkish name, and its student was worse than "
                    "that of everything.",
                ),
                Option(
                    "Take the middle: it is better than everything.",
                    "Its verdict was *cannot tell*.",
                ),
            ),
        ),
        Question(
            "Three members with a correlation of .94 in being right are asked to vote. What do you "
            "expect?",
            (
                Option(
                    "Hardly anything beyond one of them.",
                    "Right: they err on the same inputs, and mistakes that are shared are not "
                    "outvoted.",
                    right=True,
                ),
                Option(
                    "A vote as reliable as three independent opinions.",
                    "That would need r near 0. With r = .94 the variance falls to .96 of one's.",
                ),
                Option(
                    "More, if mean probabilities are taken instead of votes.",
                    "All three ways of joining gave the same: what is shared stays shared.",
                ),
            ),
        ),
    ),
)
