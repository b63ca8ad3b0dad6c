"""Exercises of lesson 02: what a number promises."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdlib.divergences import entropy, flip_budget, kl
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.guard import CannotCheck
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import are_distributions, rows

LESSON = "02"

_FROM_THE_ROOT = (
    "Two ways lead here. √KL gives .417: Pinsker halves first, √(KL/2). Bretagnolle and Huber give "
    ".423: true, but for so small a KL Pinsker promises more."
)

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
    explanation="√(KL/2) = √.04 = .2: the student gives France between .50 and .90.",
    deepens=(
        "How near is the promise to the truth? With France against the rest, a student at .503 has "
        "a KL of .0799. So Pinsker gave away almost nothing here."
    ),
    judge=near(tolerance=0.002),
    wrong={
        "the_bound": Wrong(
            0.2, "That is how much it may differ. We ask for the probability itself."
        ),
        "upper_end": Wrong(
            0.9, "That is the largest probability promised. We ask for the smallest."
        ),
        "percent": Wrong(50.0, "That is the percentage. A probability lies between 0 and 1."),
        "half_forgotten": Wrong(0.7 - math.sqrt(0.08), _FROM_THE_ROOT),
        "other_bound": Wrong(0.7 - math.sqrt(-math.expm1(-0.08)), _FROM_THE_ROOT),
        "kl_itself": Wrong(
            0.62,
            "You subtracted KL as if nats were probability. A KL of .08 allows more than .08.",
        ),
        "root_forgotten": Wrong(0.66, "You subtracted KL/2. Take the square root first."),
        "relative": Wrong(
            0.56,
            "You took off 20 *per cent* of .70. The bound is a difference of probabilities: points.",
        ),
        "teacher_itself": Wrong(0.7, "That is the teacher's own. A student can be below it."),
        "example": Wrong(
            0.6, "You took off .1, the promise at .02 nats. Here KL is .08, and the bound larger."
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


Requirement = tuple[Callable[[Any], bool], str]


def _both(holds: Callable[[Tensor, Tensor], Any]) -> Callable[[Any], bool]:
    """A predicate of (early, late), read as tensors."""
    return lambda answer: bool(holds(*rows(answer)))


def _in_order(*requirements: Requirement) -> Requirement:
    """Fails for an answer that would meet the requirements with its two parts exchanged."""

    def in_order(answer: Any) -> bool:
        return not all(holds(list(answer)[::-1]) for holds, _ in requirements)

    return in_order, "Is the order right? Exchanged, your two do all that is asked: early first."


_STUDENTS = "I need two distributions over three classes, (early, late), each summing to 1."
_EARLY_AGREES = "The early student must have the teacher's favourite, the first class, and no tie."
_LATE_DISAGREES = (
    "The late student still has the teacher's favourite, or a tie. Another class must be on top."
)
_LATE_FAR = (
    "The favourite flips, but KL(p‖late) is not below .03: you moved more probability than it "
    "takes, or moved a class that need not move. What is the least for the second to overtake?"
)
_EARLY_NEAR = "KL(p‖early) is not above .25. A student may agree and yet be far too sure."
_FLIPPED = (
    (_both(lambda early, late: _clear_favourite(early) == 0), _EARLY_AGREES),
    (_both(lambda early, late: _clear_favourite(late) in (1, 2)), _LATE_DISAGREES),
    (_both(lambda early, late: kl(TEACHER, late) < 0.03), _LATE_FAR),
    (_both(lambda early, late: kl(TEACHER, early) > 0.25), _EARLY_NEAR),
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
        "First and second have .8 between them. How much must change hands before the second is "
        "ahead? Move that, and hardly more.",
    ),
    right=([0.9, 0.05, 0.05], [0.395, 0.405, 0.2]),
    explanation=(
        "The early student agrees by being too sure: KL .52. The late one moves .105 from the "
        "first class to the second: KL .028, and the favourite is another one."
    ),
    deepens=(
        "The cheapest way of all: both rivals meet at their mean, the rest stays. At (.4, .4, .2) "
        "the KL is .0253; no student below that disagrees. How near did yours come?"
    ),
    judge=satisfies((_two_students, _STUDENTS), _in_order(*_FLIPPED), *_FLIPPED),
    wrong={
        "percent": Wrong(([90, 5, 5], [39.5, 40.5, 20]), _STUDENTS),
        "late_first": Wrong(([0.395, 0.405, 0.2], [0.9, 0.05, 0.05]), _in_order()[1]),
        "early_flipped": Wrong(([0.05, 0.9, 0.05], [0.395, 0.405, 0.2]), _EARLY_AGREES),
        "not_flipped": Wrong(([0.9, 0.05, 0.05], [0.45, 0.35, 0.2]), _LATE_DISAGREES),
        "tie": Wrong(([0.9, 0.05, 0.05], [0.4, 0.4, 0.2]), _LATE_DISAGREES),
        "exchanged": Wrong(([0.9, 0.05, 0.05], [0.3, 0.5, 0.2]), _LATE_FAR),
        "third_moved_too": Wrong(([0.9, 0.05, 0.05], [0.35, 0.36, 0.29]), _LATE_FAR),
        "early_too_near": Wrong(([0.6, 0.2, 0.2], [0.395, 0.405, 0.2]), _EARLY_NEAR),
    },
)


LN2 = math.log(2)


def my_flip_budget(p: Tensor) -> Tensor:
    """Least KL(p‖q) at which q can have another favourite. p: (..., K) -> (...)."""
    two = p.topk(2, dim=-1).values
    total = two.sum(-1)
    h = entropy(two / total[..., None])
    return total * (math.log(2) - h)


def _variant(rule: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A wrong budget, made of the two largest (..., 2), their sum and the entropy of the shares."""

    def wrong(p: Tensor) -> Tensor:
        two = p.topk(2, dim=-1).values
        total = two.sum(-1)
        return rule(two, total, _h(two / total[..., None]))

    return wrong


def _h(p: Tensor) -> Tensor:
    """Entropy of numbers that need not sum to 1."""
    each: Tensor = torch.special.entr(p)
    return each.sum(-1)


_BUDGET_CASES = tuple(
    (torch.tensor(p, dtype=torch.float64),)
    for p in (
        [0.7, 0.2, 0.1],
        [0.1, 0.36, 0.2, 0.34],
        [0.5, 0.5],
        [[0.1, 0.2, 0.7], [0.98, 0.01, 0.01]],
        [1.0, 0.0],
    )
)

_NO_SHARES = (
    "`entropy` takes shares that sum to 1 in each row: divide the two by their own sum, "
    "`two / total[..., None]`, where the None lets each row meet its own total."
)


def _of_shares(answer: Any, exercise: Exercise) -> str | None:
    """As same_function; whoever gives `entropy` no shares is told what shares are."""
    try:
        return same_function(_BUDGET_CASES)(answer, exercise)
    except CannotCheck as reason:
        advice = f"{_NO_SHARES}\n" if "sums to" in str(reason) else ""
        raise CannotCheck(f"{advice}{reason}") from reason


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
        "two, the KL to the tie. If you wrote that with `torch.xlogy`, it is right as well."
    ),
    deepens=(
        "h is at most ln 2 and at least 0, so no budget exceeds ln 2 = .693. An input whose KL is "
        "above that is never certified, however sure the teacher."
    ),
    judge=_of_shares,
    wrong={
        "not_scaled": Wrong(
            _variant(lambda two, total, h: LN2 - h),
            "The factor p₁ + p₂ is missing: KL weighs the two rivals with what they have together.",
        ),
        "no_shares": Wrong(_variant(lambda two, total, h: total * (LN2 - _h(two))), _NO_SHARES),
        "wrong_totals": Wrong(
            _variant(lambda two, total, h: total * (LN2 - _h(two / total))), _NO_SHARES
        ),
        "whole_entropy": Wrong(
            lambda p: p.topk(2).values.sum(-1) * (LN2 - _h(p)),
            "This h is the entropy of all classes. It must be that of the two shares alone.",
        ),
        "sign": Wrong(
            _variant(lambda two, total, h: total * (LN2 + h)),
            "You added h. An entropy is already positive: two even rivals must give 0.",
        ),
        "bracket": Wrong(
            _variant(lambda two, total, h: total * LN2 - h),
            "The bracket is lost: p₁ + p₂ multiplies both, ln 2 and h.",
        ),
        "first_two_classes": Wrong(
            lambda p: my_flip_budget(p[..., :2]),
            "You took the first two classes. The rivals are the two *largest*: sort, or use topk.",
        ),
        "plain_logs": Wrong(
            _variant(lambda two, total, h: (two * (2 * two / total[..., None]).log()).sum(-1)),
            "Right unless the second is 0. Then 0 · ln 0 is nan: use `entropy` or `torch.xlogy`.",
        ),
        "bits": Wrong(
            lambda p: my_flip_budget(p) / LN2, "These are bits (log base 2). We count in nats."
        ),
        "exchanged_roles": Wrong(
            _variant(lambda two, total, h: total / 2 * ((total / 2).log() * 2 - two.log().sum(-1))),
            "This is KL(q‖p) at the tie. The teacher stands first: its probabilities are weights.",
        ),
        "margin": Wrong(
            _variant(lambda two, total, h: two[..., 0] - two[..., 1]),
            "This is the margin p₁ - p₂, a difference of probabilities. A budget is a KL, in nats.",
        ),
        "all_summed": Wrong(
            lambda p: my_flip_budget(p).sum(),
            "You summed over the rows. One number for each row: only the last axis goes.",
        ),
    },
)


def my_certified(p: Tensor, q: Tensor) -> Tensor:
    """Share of the rows whose favourite KL(p‖q) makes safe. p, q: (N, K) -> ()."""
    return (kl(p, q) < flip_budget(p)).double().mean()


def _share(rule: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A share, from the KL and the budget of each row."""
    return lambda p, q: rule(kl(p, q), flip_budget(p)).double().mean()


_CERTIFIED_CASES = tuple(
    tuple(torch.tensor(rows, dtype=torch.float64) for rows in case)
    for case in (
        ([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]], [[0.6, 0.3, 0.1], [0.5, 0.3, 0.2]]),
        ([[0.7, 0.2, 0.1], [0.9, 0.05, 0.05]], [[0.795, 0.2, 0.005], [0.85, 0.1, 0.05]]),
        ([[0.52, 0.48], [0.9, 0.1]], [[0.45, 0.55], [0.95, 0.05]]),
        ([[0.98, 0.02], [0.9, 0.1], [0.6, 0.4]], [[0.3, 0.7], [0.85, 0.15], [0.55, 0.45]]),
        ([[0.5, 0.5], [0.8, 0.2]], [[0.5, 0.5], [0.51, 0.49]]),
    )
)

share_certified = Exercise(
    lesson=LESSON,
    name="share_certified",
    title="How many are certified?",
    statement=(
        "Given the teacher's and the student's answers to N inputs, write the share of inputs, from "
        "0 to 1, whose KL lies below **their own** flip budget. The library's `kl(p, q)` and "
        "`flip_budget(p)` give one number per row."
    ),
    difficulty=2,
    minutes=5,
    skill="comparing each input with its own budget",
    variable="my_certified",
    stub='''def my_certified(p: Tensor, q: Tensor) -> Tensor:
    """Share of the rows whose favourite KL(p‖q) makes safe. p, q: (N, K) -> ()."""
    return ...  # your code here''',
    hints=(
        "A comparison of two tensors of shape (N,) gives N times True or False.",
        "`.double().mean()` makes a share of them. Who stands first in KL, and whose favourite is "
        "to be kept?",
    ),
    right=my_certified,
    explanation="One comparison per row, and only then the mean.",
    deepens="Means cannot give this number: which KL meets which budget is lost by averaging.",
    judge=same_function(_CERTIFIED_CASES),
    wrong={
        "mean_budget": Wrong(
            _share(lambda d, budget: d < budget.mean()),
            "One bound for all rows, such as the *mean* budget? Narrow answers have a smaller one.",
        ),
        "mean_kl": Wrong(
            _share(lambda d, budget: d.mean() < budget),
            "You compared the *mean* KL with each budget. One input may be far above the mean.",
        ),
        "means": Wrong(
            _share(lambda d, budget: d.mean() < budget.mean()),
            "You compared two means: that says all or nothing. Compare row by row, then average.",
        ),
        "agreement": Wrong(
            lambda p, q: (p.argmax(-1) == q.argmax(-1)).double().mean(),
            "This counts who *does* agree. Certified are those who must, whoever the student is.",
        ),
        "exchanged": Wrong(
            lambda p, q: (kl(q, p) < flip_budget(p)).double().mean(),
            "You took KL(q‖p). The budget is one of KL(p‖q): the teacher stands first.",
        ),
        "of_the_student": Wrong(
            lambda p, q: (kl(p, q) < flip_budget(q)).double().mean(),
            "This is the *student's* flip budget. The favourite to be kept is the teacher's.",
        ),
        "at_most": Wrong(
            _share(lambda d, budget: d <= budget),
            "At the budget itself there is a tie, and no favourite to keep: strictly below.",
        ),
        "pinsker": Wrong(
            lambda p, q: (2 * kl(p, q) < p.topk(2).values.diff()[:, 0] ** 2).double().mean(),
            "Margin²/2, from Pinsker, is safe but lies below the budget: it misses some rows.",
        ),
        "counted": Wrong(
            lambda p, q: (kl(p, q) < flip_budget(p)).sum(), "A count. Divide by N to get a share."
        ),
    },
)


def _two_lists_of_five(answer: Any) -> bool:
    written = rows(answer)
    good = all(bool(row.isfinite().all() and (row >= 0).all()) for row in written)
    return [row.shape for row in written] == [(5,), (5,)] and good


_FIVES = "I need two lists of five KLs each, (early, late): finite, and not below 0."
_HALF = "The mean does not fall to half: late.mean() must be at most early.mean() / 2."
_MOST = (
    "The mean falls well, but fewer than four inputs got further away. One can pay for the fall."
)

_WORSE = (
    (_both(lambda early, late: 0 < early.mean() >= 2 * late.mean()), _HALF),
    (_both(lambda early, late: (late > early + 1e-12).sum() >= 4), _MOST),
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
    judge=satisfies((_two_lists_of_five, _FIVES), _in_order(*_WORSE), *_WORSE),
    wrong={
        "negative": Wrong(([1.0, 0.1, 0.1, 0.1, 0.1], [-3.0, 0.2, 0.2, 0.2, 0.2]), _FIVES),
        "late_first": Wrong(
            ([1.0, 0.02, 0.02, 0.02, 0.02], [5.0, 0.01, 0.01, 0.01, 0.01]), _in_order()[1]
        ),
        "not_half": Wrong(([1.0, 0.1, 0.1, 0.1, 0.1], [0.6, 0.2, 0.2, 0.2, 0.2]), _HALF),
        "all_better": Wrong(([1.0, 1.0, 1.0, 1.0, 1.0], [0.1, 0.1, 0.1, 0.1, 0.1]), _MOST),
        "three": Wrong(([5.0, 1.0, 0.1, 0.1, 0.1], [0.5, 0.5, 0.2, 0.2, 0.2]), _MOST),
    },
)

FIRST = torch.tensor([0.6, 0.7, 0.8], dtype=torch.float64)  # teacher's probability of class 0
TRUTH_IS_FIRST = torch.tensor([False, True, True])


def _mean_kl(first: Tensor) -> Tensor:
    p, q = (torch.stack([x, 1 - x], dim=-1) for x in (FIRST, first))
    return kl(p, q).mean()


def _right(first: Tensor) -> int:
    return int(((first > 0.5) == TRUTH_IS_FIRST).sum())


def _three_probabilities(answer: Any) -> bool:
    written = rows(answer)
    good = all(bool(((row >= 0) & (row <= 1)).all()) for row in written)
    return [row.shape for row in written] == [(3,), (3,)] and good


_THREES = (
    "I need two lists, (early, late), of three numbers between 0 and 1: the student's probability "
    "of country A on each name."
)
_ODDS = "A probability of exactly .5 has no favourite. Move it to one side."
_KL_RISES = (
    "The late student is not closer to the teacher: its mean KL(p‖q) does not fall. What would the "
    "closest student of all be?"
)
_EARLY_ERRS = "Accuracy does not fall: on the first name your early student errs like the teacher."
_LATE_RIGHT = "Accuracy does not fall: your late student is still right on the first name."
_ERRS_ELSEWHERE = "Accuracy does not fall: your early student gives away other names."
_LESS_ACCURATE = (
    (_both(lambda early, late: _mean_kl(late) < _mean_kl(early) - 1e-9), _KL_RISES),
    (_both(lambda early, late: _right(late) < _right(early) or early[0] < 0.5), _EARLY_ERRS),
    (_both(lambda early, late: _right(late) < _right(early) or late[0] > 0.5), _LATE_RIGHT),
    (_both(lambda early, late: _right(late) < _right(early)), _ERRS_ELSEWHERE),
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
        (_both(lambda *both: all(((row - 0.5).abs() > 1e-9).all() for row in both)), _ODDS),
        _in_order(*_LESS_ACCURATE),
        *_LESS_ACCURATE,
    ),
    wrong={
        "percent": Wrong(([40, 70, 80], [60, 70, 80]), _THREES),
        "one_list": Wrong([0.6, 0.7, 0.8], _THREES),
        "even_odds": Wrong(([0.5, 0.7, 0.8], [0.6, 0.7, 0.8]), _ODDS),
        "late_first": Wrong(([0.6, 0.7, 0.8], [0.4, 0.7, 0.8]), _in_order()[1]),
        "both_the_teacher": Wrong(([0.6, 0.7, 0.8], [0.6, 0.7, 0.8]), _KL_RISES),
        "early_wrong_too": Wrong(([0.9, 0.9, 0.9], [0.6, 0.7, 0.8]), _EARLY_ERRS),
        "late_right_too": Wrong(([0.4, 0.7, 0.8], [0.45, 0.7, 0.8]), _LATE_RIGHT),
        "early_hopeless": Wrong(([0.4, 0.3, 0.2], [0.6, 0.7, 0.8]), _ERRS_ELSEWHERE),
    },
)


_READINGS = {
    "A": "More accurate? KL knows no labels: your perfect copy had KL 0 and the teacher's errors.",
    "B": "More favourites shared? Your own counterexample: the early student agreed, the late one "
    "was closer and did not. On narrow margins a tiny KL is enough for a flip.",
    "C": "Every input? Your counterexample: the mean halved, and four inputs of five got worse.",
    "D": "The mean is what was measured, on this data, by this function. The claim adds nothing.",
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
                    "Hardly anything: differences up to .93 are not excluded, no favourite is safe.",
                    "Right: Bretagnolle-Huber says .93 (.865 can happen); no flip budget is above .69.",
                    right=True,
                ),
                Option(
                    "No probability differs by more than 1, so everything is still fine.",
                    "A difference of 1 is no promise at all: probabilities never differ by more.",
                ),
                Option(
                    "The favourites differ.",
                    "They may, they need not. A student that is far too sure agrees at a large KL.",
                ),
            ),
        ),
        Question(
            "1,000 inputs, mean KL .05, mean flip budget .45. What follows for the favourites?",
            (
                Option(
                    "For any single input nothing: the whole total of 50 nats may fall on it.",
                    "Right: no budget is above .69. Compare each input's KL with its own budget.",
                    right=True,
                ),
                Option(
                    "All agree: .05 is far below .45.",
                    "The KL may lie where budgets are small: of ours, more than a third could flip.",
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
                    "On most inputs perhaps the old one, on the worst perhaps the new: not settled.",
                    "Right: the mean follows the tail, the median the middle. Ask for p90 and p99, "
                    "and on how many inputs the new one is further away.",
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
                    "Right: a rounded log, a mask and an overconfident student need other cures.",
                    right=True,
                ),
                Option(
                    "Add an epsilon to both models.",
                    "Then the mean is a function of the epsilon, and the zero stays unexplained.",
                ),
                Option(
                    "Leave those inputs out of the mean.",
                    "Then it falls because the worst inputs are gone. At least say how many.",
                ),
            ),
        ),
    ),
)
