"""Exercises of lesson 02: what a number promises."""

import math
from typing import Any

import torch
from torch import Tensor

from kdlib.divergences import entropy, kl
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import are_distributions, rows

LESSON = "02"

promise = Exercise(
    lesson=LESSON,
    name="promise",
    title="What is promised about France?",
    statement=(
        "On one name $\\mathrm{KL}(p\\Vert q)=.08$ nats. The teacher gives France **.70**. You do "
        "not see the student. What is the smallest probability that it can give France, as far as "
        "**Pinsker** promises?"
    ),
    difficulty=1,
    minutes=3,
    skill="turning a divergence into a statement about an event",
    variable="my_lowest",
    stub="my_lowest = ...  # a probability",
    hints=(
        "*The answer is France* is an event. By how much can its probability differ at most?",
        "√(.08 / 2) = .2. Which end do we ask for?",
    ),
    right=0.5,
    explanation=(
        "√(KL/2) = √.04 = .2, so the student's probability of France lies between .50 and .90."
    ),
    deepens=(
        "How near is the promise to the truth? With France against the rest, a student at .503 has "
        "a KL of .0799. So Pinsker gave away almost nothing here."
    ),
    judge=near(tolerance=0.002),
    wrong={
        "the_bound": Wrong(
            0.2, "That is how much it may differ. The question asks for the probability itself."
        ),
        "upper_end": Wrong(
            0.9, "That is the largest probability promised. We ask for the smallest."
        ),
        "percent": Wrong(50.0, "That is the percentage. A probability lies between 0 and 1."),
        "half_forgotten": Wrong(
            0.7 - math.sqrt(0.08), "You took √KL. Pinsker halves first: √(KL/2)."
        ),
        "kl_itself": Wrong(
            0.62,
            "You subtracted KL as if nats were probability. They are not: a KL of .08 allows a "
            "difference larger than .08.",
        ),
        "root_forgotten": Wrong(0.66, "You subtracted KL/2. Take the square root first."),
        "relative": Wrong(
            0.56,
            "You took off 20 *per cent* of .70. Total variation is a difference of probabilities, "
            "in points.",
        ),
        "other_bound": Wrong(
            0.7 - math.sqrt(-math.expm1(-0.08)),
            "True, but this is the promise of Bretagnolle and Huber. For so small a KL Pinsker "
            "promises more.",
        ),
    },
)


TEACHER = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)


def _two_students(answer: Any) -> bool:
    written = rows(answer)
    return are_distributions(written, count=2) and all(len(row) == 3 for row in written)


def _clear_favourite(row: Tensor) -> int:
    """The class of the largest probability; -1 if two share it."""
    top = row.topk(2)
    return int(top.indices[0]) if float(top.values[0] - top.values[1]) > 1e-9 else -1


def _early_agrees(answer: Any) -> bool:
    return _clear_favourite(rows(answer)[0]) == 0


def _late_disagrees(answer: Any) -> bool:
    return _clear_favourite(rows(answer)[1]) in (1, 2)


def _late_is_near(answer: Any) -> bool:
    return float(kl(TEACHER, rows(answer)[1])) < 0.03


def _early_is_far(answer: Any) -> bool:
    return float(kl(TEACHER, rows(answer)[0])) > 0.25


_STUDENTS = "I need two distributions over three classes, (early, late), each summing to 1."
_EARLY_AGREES = (
    "The early student must have the teacher's favourite, the first class, and no tie. "
    "(Is the order right? The early student stands first.)"
)
_LATE_DISAGREES = (
    "The late student still has the teacher's favourite, or a tie. Another class must be strictly "
    "on top."
)
_LATE_FAR = (
    "The favourite flips, but KL(p‖late) is not below .03: you moved more probability than it "
    "takes, or moved a class that did not need to move. What is the least that lets the second "
    "class overtake the first?"
)
_EARLY_NEAR = (
    "KL(p‖early) is not above .25, so KL hardly falls. An early student may agree and yet be far "
    "too sure."
)

closer_and_flipped = Exercise(
    lesson=LESSON,
    name="closer_and_flipped",
    title="Closer, and flipped",
    statement=(
        "The teacher says $p=(.5,.3,.2)$. Write an early and a late student: "
        "the early one **agrees** with the teacher's favourite and has "
        "$\\mathrm{KL}(p\\Vert q)>.25$; the late one **disagrees** and has "
        "$\\mathrm{KL}(p\\Vert q)<.03$. There is not much room below .03, so think about what is "
        "worth moving."
    ),
    difficulty=2,
    minutes=5,
    skill="designing a counterexample: *KL fell, so it agrees more often*",
    variable="my_students",
    stub="my_students = ...  # (early, late), each a list of three probabilities",
    hints=(
        "Early: let it be much too sure of the first class. Late: take from the first class, give "
        "to the second, leave the third alone.",
        "First and second share .8. They are level at .4 each; go a hair further.",
    ),
    right=([0.9, 0.05, 0.05], [0.395, 0.405, 0.2]),
    explanation=(
        "The early student agrees by being too sure: KL .52. The late one moves .105 from the "
        "first class to the second: KL .028, and the favourite is another one."
    ),
    deepens=(
        "You found the cheapest way to overturn a favourite: both rivals meet at their mean, the "
        "rest stays. At (.4, .4, .2) the KL is .0253; no student below that disagrees."
    ),
    judge=satisfies(
        (_two_students, _STUDENTS),
        (_early_agrees, _EARLY_AGREES),
        (_late_disagrees, _LATE_DISAGREES),
        (_late_is_near, _LATE_FAR),
        (_early_is_far, _EARLY_NEAR),
    ),
    wrong={
        "percent": Wrong(([90, 5, 5], [39.5, 40.5, 20]), _STUDENTS),
        "late_first": Wrong(([0.395, 0.405, 0.2], [0.9, 0.05, 0.05]), _EARLY_AGREES),
        "not_flipped": Wrong(([0.9, 0.05, 0.05], [0.45, 0.35, 0.2]), _LATE_DISAGREES),
        "tie": Wrong(([0.9, 0.05, 0.05], [0.4, 0.4, 0.2]), _LATE_DISAGREES),
        "exchanged": Wrong(([0.9, 0.05, 0.05], [0.3, 0.5, 0.2]), _LATE_FAR),
        "third_moved_too": Wrong(([0.9, 0.05, 0.05], [0.35, 0.36, 0.29]), _LATE_FAR),
        "early_too_near": Wrong(([0.6, 0.2, 0.2], [0.395, 0.405, 0.2]), _EARLY_NEAR),
    },
)


def my_flip_budget(p: Tensor) -> Tensor:
    """Least KL(p‖q) at which q can have another favourite. p: (..., K) -> (...)."""
    two = p.topk(2, dim=-1).values
    total = two.sum(-1)
    h = entropy(two / total[..., None])
    return total * (math.log(2) - h)


def _first_two(p: Tensor) -> Tensor:
    two = p[..., :2]
    total = two.sum(-1)
    return total * (math.log(2) - entropy(two / total[..., None]))


def _plain_logs(p: Tensor) -> Tensor:
    two = p.topk(2, dim=-1).values
    share = two / two.sum(-1, keepdim=True)
    return two.sum(-1) * (math.log(2) + (share * share.log()).sum(-1))


def _exchanged_roles(p: Tensor) -> Tensor:
    two = p.topk(2, dim=-1).values
    mean = two.mean(-1, keepdim=True)
    return (torch.xlogy(mean, mean) - torch.xlogy(mean, two)).sum(-1)


def _to_the_other_side(p: Tensor) -> Tensor:
    first, second = p.topk(2, dim=-1).values.unbind(-1)
    return torch.xlogy(first, first / second) + torch.xlogy(second, second / first)


def _margin(p: Tensor) -> Tensor:
    two = p.topk(2, dim=-1).values
    return two[..., 0] - two[..., 1]


_BUDGET_CASES = tuple(
    (torch.tensor(p, dtype=torch.float64),)
    for p in (
        [0.7, 0.2, 0.1],
        [0.1, 0.36, 0.2, 0.34],
        [0.5, 0.5],
        [0.3, 0.6, 0.1],
        [[0.1, 0.2, 0.7], [0.98, 0.01, 0.01]],
        [1.0, 0.0],
    )
)

flip_budget_by_hand = Exercise(
    lesson=LESSON,
    name="flip_budget_by_hand",
    title="Write the flip budget",
    statement=(
        "Write $(p_1+p_2)\\,\\big(\\ln 2-h\\big)$, where $p_1,p_2$ are the two largest "
        "probabilities and $h$ is the entropy of the two shares $\\frac{p_1}{p_1+p_2}$ and "
        "$\\frac{p_2}{p_1+p_2}$. The library's `entropy` works on the last axis, in nats, and "
        "knows that $0\\ln 0=0$. The classes come in any order."
    ),
    difficulty=2,
    minutes=6,
    skill="turning a rule into vectorised code",
    variable="my_flip_budget",
    stub='''def my_flip_budget(p: Tensor) -> Tensor:
    """Least KL(p‖q) at which q can have another favourite. p: (..., K) -> (...)."""
    return ...  # your code here''',
    hints=(
        "`two = p.topk(2, dim=-1).values` holds the two largest, for each row.",
        "`total = two.sum(-1)`; the shares are `two / total[..., None]`; `math.log(2)` is ln 2.",
    ),
    right=my_flip_budget,
    explanation=(
        "The same number is $p_1\\ln\\frac{p_1}{m}+p_2\\ln\\frac{p_2}{m}$ with the mean $m$ of the "
        "two, the KL to the tie. If you wrote that, it is right as well."
    ),
    deepens=(
        "h is at most ln 2 and at least 0, so no budget exceeds ln 2 = .693. An input whose KL is "
        "above that is never certified, however sure the teacher."
    ),
    judge=same_function(_BUDGET_CASES),
    wrong={
        "not_scaled": Wrong(
            lambda p: math.log(2) - entropy(p.topk(2).values / p.topk(2).values.sum(-1)[..., None]),
            "The factor p₁ + p₂ is missing. Only the two rivals move, and KL weighs them with the "
            "probability that they have.",
        ),
        "first_two_classes": Wrong(
            _first_two,
            "You took the first two classes. The rivals are the two *largest*: sort, or use topk.",
        ),
        "plain_logs": Wrong(
            _plain_logs,
            "Right unless the second probability is 0. Then 0 times minus infinity is nan: use "
            "`entropy` or `torch.xlogy`.",
        ),
        "bits": Wrong(
            lambda p: my_flip_budget(p) / math.log(2),
            "These are bits (log base 2). We count in nats.",
        ),
        "pinsker": Wrong(
            lambda p: _margin(p) ** 2 / 2,
            "Margin²/2 comes from Pinsker. It is safe, never above the budget, but not the *least* "
            "KL at which a flip is possible.",
        ),
        "exchanged_roles": Wrong(
            _exchanged_roles,
            "This is KL(q‖p) at the tie. The teacher stands first: its probabilities are the "
            "weights.",
        ),
        "too_far": Wrong(
            _to_the_other_side,
            "This is the KL to the student that *exchanges* the two. The favourite is lost earlier: "
            "where both reach their mean.",
        ),
        "margin": Wrong(
            _margin,
            "This is the margin p₁ - p₂, a difference of probabilities. A budget is a KL, in nats.",
        ),
        "all_summed": Wrong(
            lambda p: my_flip_budget(p).sum(),
            "You summed over the rows. One number for each row: only the last axis goes.",
        ),
    },
)


def _two_lists_of_five(answer: Any) -> bool:
    written = rows(answer)
    good = all(bool(row.isfinite().all() and (row >= 0).all()) for row in written)
    return [row.shape for row in written] == [(5,), (5,)] and good


def _mean_halves(answer: Any) -> bool:
    early, late = rows(answer)
    return float(late.mean()) <= float(early.mean()) / 2 and float(early.mean()) > 0


def _most_get_worse(answer: Any) -> bool:
    early, late = rows(answer)
    return int((late > early + 1e-12).sum()) >= 4


_FIVES = "I need two lists of five KLs each, (early, late): finite, and not below 0."
_HALF = "The mean does not fall to half: late.mean() must be at most early.mean() / 2."
_MOST = (
    "The mean falls well, but fewer than four inputs got further away. Who pays for the fall of "
    "the mean? One input can."
)

most_get_worse = Exercise(
    lesson=LESSON,
    name="most_get_worse",
    title="Better on average, worse on most",
    statement=(
        "Five inputs. Write their KLs with the early and with the late student, such that the "
        "**mean falls to half or less**, and yet on **at least four of the five** the late student "
        "is further away."
    ),
    difficulty=1,
    minutes=3,
    skill="designing a counterexample: *the mean fell, so every input improved*",
    variable="my_kls",
    stub="my_kls = ...  # (early, late), each a list of five KLs",
    hints=(
        "A mean listens to the largest number.",
        "Let one input fall from far away, and the other four rise a little.",
    ),
    right=([5.0, 0.01, 0.01, 0.01, 0.01], [1.0, 0.02, 0.02, 0.02, 0.02]),
    explanation=(
        "The mean falls from 1.008 to .216 although four of five inputs have doubled: one outlier "
        "carried the whole mean."
    ),
    deepens=(
        "Nothing you can do with a mean alone tells this case from one in which all five improved. "
        "So ask for the median and the upper quantiles beside it."
    ),
    judge=satisfies((_two_lists_of_five, _FIVES), (_mean_halves, _HALF), (_most_get_worse, _MOST)),
    wrong={
        "negative": Wrong(([1.0, 0.1, 0.1, 0.1, 0.1], [-3.0, 0.2, 0.2, 0.2, 0.2]), _FIVES),
        "turned_round": Wrong(
            ([1.0, 0.02, 0.02, 0.02, 0.02], [5.0, 0.01, 0.01, 0.01, 0.01]), _HALF
        ),
        "not_half": Wrong(([1.0, 0.1, 0.1, 0.1, 0.1], [0.6, 0.2, 0.2, 0.2, 0.2]), _HALF),
        "all_better": Wrong(([1.0, 1.0, 1.0, 1.0, 1.0], [0.1, 0.1, 0.1, 0.1, 0.1]), _MOST),
        "three": Wrong(([5.0, 1.0, 0.1, 0.1, 0.1], [0.5, 0.5, 0.2, 0.2, 0.2]), _MOST),
    },
)

FIRST = torch.tensor([0.6, 0.7, 0.8], dtype=torch.float64)  # teacher's probability of class 0
TRUTH_IS_FIRST = torch.tensor([False, True, True])


def _two_classes(first: Tensor) -> Tensor:
    return torch.stack([first, 1 - first], dim=-1)


def _three_probabilities(answer: Any) -> bool:
    written = rows(answer)
    good = all(bool(((row >= 0) & (row <= 1)).all()) for row in written)
    return [row.shape for row in written] == [(3,), (3,)] and good


def _no_even_odds(answer: Any) -> bool:
    return all(bool(((row - 0.5).abs() > 1e-9).all()) for row in rows(answer))


def _kl_falls(answer: Any) -> bool:
    early, late = (kl(_two_classes(FIRST), _two_classes(row)).mean() for row in rows(answer))
    return float(late) < float(early) - 1e-9


def _accuracy_falls(answer: Any) -> bool:
    early, late = (int(((row > 0.5) == TRUTH_IS_FIRST).sum()) for row in rows(answer))
    return late < early


_THREES = (
    "I need two lists, (early, late), of three numbers between 0 and 1: the student's probability "
    "of country A on each name."
)
_ODDS = "A probability of exactly .5 has no favourite. Move it to one side."
_KL_RISES = (
    "The late student is not closer to the teacher: its mean KL(p‖q) does not fall. What would the "
    "closest student of all be?"
)
_AS_ACCURATE = (
    "The late student is as accurate as the early one, or more. On which name is the teacher "
    "wrong? Let the early student be right there."
)

closer_and_less_accurate = Exercise(
    lesson=LESSON,
    name="closer_and_less_accurate",
    title="Closer, and less accurate",
    statement=(
        "Three names, two countries, A and B. On each name the teacher gives A the probability "
        "**.6, .7, .8**. The truth is **B, A, A**. Write the probability of A on the three names "
        "for an early and a late student, such that the mean $\\mathrm{KL}(p\\Vert q)$ **falls** "
        "and the accuracy **falls** too."
    ),
    difficulty=2,
    minutes=5,
    skill="designing a counterexample: *KL fell, so it is more accurate*",
    variable="my_answers",
    stub="my_answers = ...  # (early, late), each a list of three probabilities of A",
    hints=(
        "How accurate is the teacher itself? So how accurate is a perfect copy?",
        "Late: copy the teacher. Early: be right on all three.",
    ),
    right=([0.4, 0.7, 0.8], [0.6, 0.7, 0.8]),
    explanation=(
        "The late student is a perfect copy: KL 0 on every name, and the teacher's accuracy, two of "
        "three. The early one was right on all three, at a distance."
    ),
    deepens=(
        "A perfect copy has its *teacher's* accuracy, errors included. It can fall to that as well "
        "as rise to it; which, depends on where the student started."
    ),
    judge=satisfies(
        (_three_probabilities, _THREES),
        (_no_even_odds, _ODDS),
        (_kl_falls, _KL_RISES),
        (_accuracy_falls, _AS_ACCURATE),
    ),
    wrong={
        "percent": Wrong(([40, 70, 80], [60, 70, 80]), _THREES),
        "one_list": Wrong([0.6, 0.7, 0.8], _THREES),
        "even_odds": Wrong(([0.5, 0.7, 0.8], [0.6, 0.7, 0.8]), _ODDS),
        "turned_round": Wrong(([0.6, 0.7, 0.8], [0.4, 0.7, 0.8]), _KL_RISES),
        "both_the_teacher": Wrong(([0.6, 0.7, 0.8], [0.6, 0.7, 0.8]), _KL_RISES),
        "early_wrong_too": Wrong(([0.9, 0.9, 0.9], [0.6, 0.7, 0.8]), _AS_ACCURATE),
        "early_hopeless": Wrong(([0.4, 0.3, 0.2], [0.6, 0.7, 0.8]), _AS_ACCURATE),
    },
)


def _a_pair(answer: Any) -> bool:
    written = rows(answer)
    return are_distributions(written, count=2) and written[0].shape == written[1].shape


def _teacher_first_is_small(answer: Any) -> bool:
    p, q = rows(answer)
    return float(kl(p, q)) < 0.02


def _student_first_is_large(answer: Any) -> bool:
    p, q = rows(answer)
    return float(kl(q, p)) > 0.2


_PAIR = "I need two distributions (p, q) with equally many classes, each summing to 1."
_FIRST_SMALL = (
    "KL(p‖q) is not below .02. Its weights are the teacher's: let the student differ only where "
    "the teacher expects next to nothing."
)
_SECOND_LARGE = (
    "KL(q‖p) is not above .2. Its weights are the student's: let the student give 1 % to something "
    "that the teacher excludes (0), or all but excludes (1e-12)."
)

made_up = Exercise(
    lesson=LESSON,
    name="made_up",
    title="What the student makes up",
    statement=(
        "Find a teacher $p$ and a student $q$, any number of classes, with "
        "$\\mathrm{KL}(p\\Vert q)<.02$ and yet $\\mathrm{KL}(q\\Vert p)>.2$, ten times as much "
        "(infinite is allowed). Before you compute: which classes have weight in the one, and "
        "which in the other?"
    ),
    difficulty=2,
    minutes=4,
    skill="designing a counterexample: *KL is small, so they are close either way*",
    variable="my_pair",
    stub="my_pair = ...  # (p, q), each a list of probabilities",
    hints=(
        "KL(p‖q) does not look at classes to which the teacher gives 0.",
        "Give the student 1 % there.",
    ),
    right=([1.0, 0.0], [0.99, 0.01]),
    explanation=(
        "KL(p‖q) = -ln .99 = .010: the student wastes one per cent. KL(q‖p) is infinite: it says "
        "something that the teacher excludes."
    ),
    deepens=(
        "Pinsker still holds: the made-up class has at most √(KL/2) of the student's probability. "
        "But 1 % per word is a made-up word in 63 % of all texts of 100 words."
    ),
    judge=satisfies(
        (_a_pair, _PAIR),
        (_teacher_first_is_small, _FIRST_SMALL),
        (_student_first_is_large, _SECOND_LARGE),
    ),
    wrong={
        "lengths": Wrong(([1.0], [0.99, 0.01]), _PAIR),
        "turned_round": Wrong(([0.99, 0.01], [1.0, 0.0]), _FIRST_SMALL),
        "too_much": Wrong(([1.0, 0.0], [0.9, 0.1]), _FIRST_SMALL),
        "equal": Wrong(([0.5, 0.5], [0.5, 0.5]), _SECOND_LARGE),
        "not_excluded": Wrong(([0.999, 0.001], [0.99, 0.01]), _SECOND_LARGE),
    },
)

_READINGS = {
    "A": "More accurate? Your own counterexample: a perfect copy has KL 0 and its teacher's "
    "errors. KL knows no labels.",
    "B": "More favourites shared? Your own counterexample: the early student agreed, the late one "
    "was closer and did not. On narrow margins a tiny KL is enough for a flip.",
    "C": "Every input? Your own counterexample: the mean fell to half or less while four inputs of "
    "five got worse.",
    "D": "The mean is what was measured, on this data, with this function. The claim repeats it and "
    "adds nothing.",
    "E": "Other data? On names from elsewhere the KL rose while it fell on the validation set. "
    "A mean speaks of the inputs it was taken over.",
}

reading = Exercise(
    lesson=LESSON,
    name="reading",
    title="What is certain now?",
    statement=(
        "The e-mail once more: *the mean KL(p‖q) on the validation set fell from .25 to .001 nats.* "
        "Which of the five follows?\n\n"
        "- **A**: the student has become more accurate\n"
        "- **B**: it shares the teacher's favourite on more inputs than before\n"
        "- **C**: on every input it has come closer to the teacher\n"
        "- **D**: on this data its answers are, on average, closer to the teacher's, as KL(p‖q) "
        "measures it\n"
        "- **E**: it will be closer on other data too"
    ),
    difficulty=1,
    minutes=2,
    skill="choosing the reading that follows",
    variable="my_reading",
    stub='my_reading = ...  # "A", "B", "C", "D" or "E"',
    hints=(
        "For each reading: have you seen, or built, a case in which KL falls and the reading fails?",
        "Which one only repeats what was measured?",
    ),
    right="D",
    explanation=_READINGS["D"],
    deepens=(
        "The others may well be true, and often are. But each is a claim of its own, and needs its "
        "own measurement: accuracy, agreement, quantiles, other data."
    ),
    judge=one_of(_READINGS),
    wrong=wrong_options(_READINGS, right="D"),
)

quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "On one input KL(p‖q) is 2 nats. What is promised?",
            (
                Option(
                    "Hardly anything: an event's probability may differ by .93, and no favourite is "
                    "safe.",
                    "Right: Pinsker says 1, Bretagnolle-Huber .93, and no flip budget is above "
                    "ln 2 = .69.",
                    right=True,
                ),
                Option(
                    "No probability differs by more than 1, so everything is still fine.",
                    "A difference of 1 is no promise at all: probabilities never differ by more.",
                ),
                Option(
                    "The favourites differ.",
                    "They may, they need not. A student that is far too sure has a large KL and "
                    "agrees.",
                ),
            ),
        ),
        Question(
            "The mean KL is .05 and the teacher's mean flip budget is .45. What follows for the "
            "favourites?",
            (
                Option(
                    "For any single input nothing: those with narrow margins have budgets far below "
                    ".05.",
                    "Right: compare each input's KL with its own budget.",
                    right=True,
                ),
                Option(
                    "All agree: .05 is far below .45.",
                    "The KL could lie on the inputs with the smallest budgets. On our test names a "
                    "third of the favourites could flip.",
                ),
                Option(
                    "About one in nine flips: .05 / .45.",
                    "That division would hold if all budgets were equal. They run from 0 to .69.",
                ),
            ),
        ),
        Question(
            "A new student has a lower mean KL and a higher median than the old one. Which is "
            "closer to the teacher?",
            (
                Option(
                    "On most inputs perhaps the old one; on the worst ones the new one. Report both.",
                    "Right: the mean follows the tail, the median the middle. They answer different "
                    "questions.",
                    right=True,
                ),
                Option(
                    "The new one: the mean is what was trained.",
                    "It says what the training did. Which user is better off is another question.",
                ),
                Option(
                    "The numbers contradict each other; one must be wrong.",
                    "Both can be right, as in the switch from the CNN to the n-grams.",
                ),
            ),
        ),
        Question(
            "The mean KL of a validation run is infinite. What do you do first?",
            (
                Option(
                    "Count the inputs on which it is infinite, and look where the zero comes from.",
                    "Right: a rounded log, a mask and an overconfident student need different "
                    "cures.",
                    right=True,
                ),
                Option(
                    "Add an epsilon to both models.",
                    "Then the mean is a function of the epsilon, and the zero stays unexplained.",
                ),
                Option(
                    "Leave those inputs out of the mean.",
                    "Then the number falls because the worst inputs are gone. If you must, report "
                    "how many.",
                ),
            ),
        ),
    ),
)
