"""Exercises of lesson 00: start here."""

from typing import Any

import torch
from torch import Tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import are_distributions, rows

LESSON = "00"

agreement = Exercise(
    lesson=LESSON,
    name="agreement",
    title="Count the agreements",
    statement=(
        "Five names. The large model answers `DE FR IT PL FI`, the small one `DE ES IT PL TR`. "
        "What fraction of the names do they agree on? (Who is right does not matter here.)"
    ),
    difficulty=1,
    minutes=1,
    skill="answering an exercise",
    variable="my_agreement",
    stub="my_agreement = ...  # a number between 0 and 1",
    hints=(
        "Compare position by position: DE with DE, FR with ES, and so on.",
        "Three of the five are equal.",
    ),
    right=0.6,
    explanation="DE, IT and PL are equal: 3 of 5.",
    deepens="This is top-1 agreement. It needs no labels, so you can measure it on any input.",
    judge=near(tolerance=1e-6),
    wrong={
        "count": Wrong(3.0, "That is the count. The question asks for a fraction: divide by 5."),
        "percent": Wrong(60.0, "That is the percentage. Here fractions lie between 0 and 1."),
        "disagreement": Wrong(0.4, "That is the fraction on which they *disagree*."),
    },
)


def my_total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the sum of absolute differences. p, q: (..., K) probabilities -> (...)."""
    return (p - q).abs().sum(-1) / 2


total_variation = Exercise(
    lesson=LESSON,
    name="total_variation",
    title="Your first dissimilarity function",
    statement=(
        "How much probability does the small model put in the wrong place? Write the **total "
        "variation** $\\tfrac12\\sum_k|p_k-q_k|$. Classes lie on the last axis; everything before "
        "it is a batch."
    ),
    difficulty=1,
    minutes=4,
    skill="writing a function on the last axis",
    variable="my_total_variation",
    stub='''def my_total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the sum of absolute differences. p, q: (..., K) probabilities -> (...)."""
    return ...  # your code here''',
    hints=(
        "`(p - q).abs()` holds one absolute difference per class.",
        "Sum over the last axis with `.sum(-1)`. What moves from one class to another is counted "
        "twice: once where it is missing, once where it arrives.",
    ),
    right=my_total_variation,
    explanation=(
        "Every bit of misplaced probability is missing in one class and surplus in another, so "
        "the absolute differences count it twice. Hence the half, and a range from 0 to 1."
    ),
    deepens=(
        "It has a second life in lesson 15: one minus this number is how often a large model "
        "accepts a word that the small one proposed."
    ),
    judge=same_function(
        (
            (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])),
            (torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])),
            (torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([[0.5, 0.5], [0.2, 0.8]])),
        )
    ),
    wrong={
        "not_halved": Wrong(
            lambda p, q: (p - q).abs().sum(-1),
            "Twice too large: what is missing in one class arrives in another, and you count it "
            "in both.",
        ),
        "over_the_batch": Wrong(
            lambda p, q: (p - q).abs().sum(0) / 2,
            "Your sum runs along the first axis, which is the batch as soon as there is one. "
            "Classes lie on the last axis: -1.",
        ),
        "halved_mean": Wrong(
            lambda p, q: (p - q).abs().mean(-1) / 2,
            "You took the mean over classes and halved it. Sum over the classes instead: the mean "
            "depends on how many there are.",
        ),
        "squared": Wrong(
            lambda p, q: ((p - q) ** 2).sum(-1) / 2,
            "You added squares. Total variation adds absolute differences.",
        ),
        "mean": Wrong(
            lambda p, q: (p - q).abs().mean(-1),
            "The mean over classes makes the answer smaller the more classes there are. Sum, "
            "then halve.",
        ),
        "signed": Wrong(
            lambda p, q: (p - q).sum(-1) / 2,
            "Without the absolute value the differences cancel: both sum to 1, so you always "
            "get 0.",
        ),
        "all_summed": Wrong(
            lambda p, q: (p - q).abs().sum() / 2,
            "You summed over the batch as well. One number for each row: sum over the last axis.",
        ),
        "euclidean": Wrong(
            lambda p, q: (p - q).norm(dim=-1),
            "That is the straight-line (Euclidean) distance. Total variation adds absolute "
            "differences.",
        ),
    },
)


def _two_distributions(answer: Any) -> bool:
    return are_distributions(rows(answer), count=2)


def _same_number_of_classes(answer: Any) -> bool:
    p, q = rows(answer)
    return p.shape == q.shape


def _no_tie(answer: Any) -> bool:
    return all(int((row > row.max() - 1e-9).sum()) == 1 for row in rows(answer))


def _agree(answer: Any) -> bool:
    p, q = rows(answer)
    return int(p.argmax()) == int(q.argmax())


def _far_apart(answer: Any) -> bool:
    p, q = rows(answer)
    return float(my_total_variation(p, q)) > 0.4


_NOT_TWO = (
    "These are not two distributions: I need (p, q), each a list of numbers from 0 on that sums to 1. "
    "Check both sums."
)
_NOT_EQUAL_LENGTH = "p and q need the same number of classes."
_TIE = (
    "One of the two has no single favourite: its largest probabilities are equal. Let one class win, "
    "if only by a hair."
)
_NO_AGREEMENT = "The two have different favourites. Their largest entries must be the same class."
_TOO_CLOSE = (
    "They agree, but the total variation is not above .4. Let one be sure and the other barely "
    "prefer the same class."
)

agree_yet_differ = Exercise(
    lesson=LESSON,
    name="agree_yet_differ",
    title="Same answer, different model",
    statement=(
        "Agreement sees only the favourite. Write down two distributions with the **same most "
        "likely class** and a total variation **above .4**. There are many right answers."
    ),
    difficulty=2,
    minutes=4,
    skill="designing a counterexample",
    variable="my_pair",
    stub="my_pair = ...  # (p, q), each a list of probabilities",
    hints=(
        "Let p be almost certain of its favourite.",
        "Let q prefer the same class by a hair: (.34, .33, .33).",
    ),
    right=([0.98, 0.01, 0.01], [0.34, 0.33, 0.33]),
    explanation="Both name the first class, but 64 points of probability lie elsewhere.",
    deepens=(
        "With ten classes the total variation can reach almost .9 while the models agree: two "
        "models can give all the same answers and be far apart."
    ),
    judge=satisfies(
        (_two_distributions, _NOT_TWO),
        (_same_number_of_classes, _NOT_EQUAL_LENGTH),
        (_no_tie, _TIE),
        (_agree, _NO_AGREEMENT),
        (_far_apart, _TOO_CLOSE),
    ),
    wrong={
        "not_summing": Wrong(([0.9, 0.9], [0.5, 0.5]), _NOT_TWO),
        "lengths": Wrong(([0.9, 0.1], [0.4, 0.3, 0.3]), _NOT_EQUAL_LENGTH),
        "tie": Wrong(([1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]), _TIE),
        "exactly": Wrong(([0.9, 0.1], [0.51, 0.49]), _TOO_CLOSE),
        "contradiction": Wrong(([0.9, 0.1], [0.1, 0.9]), _NO_AGREEMENT),
        "too_close": Wrong(([0.9, 0.1], [0.8, 0.2]), _TOO_CLOSE),
    },
)

_ARRANGEMENTS = {
    "A": "In (a) the small model writes answers, and the large one is trained on them like on "
    "labels: no probabilities are compared.",
    "B": "In (b) the teacher is the *small* model. The formula is the one of distillation, with "
    "the sizes exchanged.",
    "C": "In (c) the small model only chooses what the large one reads. It gives no answers to "
    "imitate.",
    "E": "In (e) nobody is trained: the small model answers or passes the question on.",
}

teacher_is_small = Exercise(
    lesson=LESSON,
    name="teacher_is_small",
    title="Who is p?",
    statement=(
        "We write $p$ for the reference, the one to be imitated, and $q$ for the one that "
        "imitates. In which arrangement of the map is $p$ the **small** model and "
        "$\\mathrm{KL}(p\\Vert q)$ part of the loss?\n\n"
        "- **A**: weak labels\n- **B**: distillation from a small model\n"
        "- **C**: data selection\n- **E**: cascade"
    ),
    difficulty=2,
    minutes=2,
    skill="telling roles from sizes",
    variable="my_arrangement",
    stub='my_arrangement = ...  # "A", "B", "C" or "E"',
    hints=(
        "Look for the panel in which the outputs of both models meet in a loss.",
        "*Teacher* is a role. It does not mean *large*.",
    ),
    right="B",
    explanation=_ARRANGEMENTS["B"],
    deepens=(
        "Minimising it to the end would make the large model as weak as its teacher. That is why "
        "lesson 08 weighs it, and lets the weight fall."
    ),
    judge=one_of(_ARRANGEMENTS),
    wrong=wrong_options(_ARRANGEMENTS, right="B"),
)

bill = Exercise(
    lesson=LESSON,
    name="bill",
    title="The bill of a cascade",
    statement=(
        "A question costs 1 cent at the small model and 20 cents at the large one. Every question "
        "goes to the small model first; 30 % are passed on to the large one. What does a question "
        "cost on average, in cents?"
    ),
    difficulty=2,
    minutes=3,
    skill="counting who is paid",
    variable="my_bill",
    stub="my_bill = ...  # cents per question",
    hints=(
        "How many of 100 questions does the small model read? All that it answers, or more?",
        "The small model reads all 100, the large one 30.",
    ),
    right=7.0,
    explanation="1 cent for each question, and 20 cents more for 30 % of them: 1 + .3 · 20 = 7.",
    deepens=(
        "So a cascade pays off only while the passed-on fraction is below 1 − (small price / "
        "large price): here 95 %, but only 50 % if the small model cost 10 cents."
    ),
    judge=near(tolerance=1e-6),
    wrong={
        "mixed": Wrong(
            6.7,
            "You mixed the two prices, .7 · 1 + .3 · 20. But a question that is passed on has "
            "already been read, and paid, at the small model.",
        ),
        "large_only": Wrong(6.0, "You left out the small model: it reads every question."),
        "always_large": Wrong(20.0, "That is the bill without a cascade."),
        "exchanged": Wrong(
            15.0, "70 % are answered by the small model; only 30 % reach the large one."
        ),
        "both_always": Wrong(21.0, "Only 30 % of the questions are read by both models."),
        "share_of_small": Wrong(
            1.3,
            "The 30 % are a share of the questions, not cents: 30 % of them cost 20 cents more.",
        ),
        "dollars": Wrong(0.07, "Right number, other unit: please answer in cents."),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "A small model is right on 60 % of the names, a large one on 80 %. On how many names "
            "do they give the same answer?",
            (
                Option(
                    "Anywhere between 40 % and 80 %.",
                    "Right. They must differ at least on the 20 points between them, "
                    "and at most on all their mistakes together, 40 + 20 points.",
                    right=True,
                ),
                Option(
                    "Exactly 60 %.",
                    "60 % is possible, but the two accuracies do not force it: they allow "
                    "anything from 40 to 80 %.",
                ),
                Option(
                    "80 %: they differ by 20 points.",
                    "That is the highest possible value, reached only if the small model's "
                    "mistakes contain the large one's, answer by answer.",
                ),
            ),
        ),
        Question(
            "In this course, what does *teacher* mean?",
            (
                Option(
                    "The model whose outputs are the reference, p.",
                    "Right. It is a role; the teacher may be the smaller model.",
                    right=True,
                ),
                Option("The larger model.", "Often, not always: in arrangement (b) it is smaller."),
                Option("The more accurate model.", "Teachers can be wrong, and often are."),
                Option("The true labels.", "Labels need no model; a teacher is one."),
            ),
        ),
        Question(
            "In a cascade, a question is passed on to the large model. Who is paid for it?",
            (
                Option(
                    "Both models.",
                    "Right: the small one had to read it before it could pass it on.",
                    right=True,
                ),
                Option(
                    "Only the large model.",
                    "That would hold if someone had decided before any model answered (a router).",
                ),
                Option("Only the small model.", "The large one answered, so it is paid too."),
            ),
        ),
        Question(
            "In which arrangement does the small model neither teach nor answer?",
            (
                Option(
                    "Data selection: it picks the texts that the large model learns from.",
                    "Right: it only judges what is worth reading.",
                    right=True,
                ),
                Option(
                    "Weak labels: the large model is trained, not the small one.",
                    "There the small model teaches: its answers are the labels.",
                ),
                Option(
                    "Ensemble: the mix answers, not a single model.",
                    "There several small models answer together.",
                ),
            ),
        ),
        Question(
            "Two models agree on every answer. What follows?",
            (
                Option(
                    "Their most likely classes are the same. Their probabilities may differ.",
                    "Right: agreement sees only the favourite.",
                    right=True,
                ),
                Option(
                    "Their total variation is 0.",
                    "Only if the probabilities are the same too. You have built a counterexample.",
                ),
                Option(
                    "Both are right.",
                    "They may share their mistakes: agreement needs no labels and knows none.",
                ),
            ),
        ),
    ),
)
