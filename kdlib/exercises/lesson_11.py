"""Exercises of lesson 11: cascades and their bill."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz

LESSON = "11"


def my_bill(deferral_rate: float, small: float, large: float) -> float:
    """Mean cost per input of a cascade. Numbers -> a number."""
    return small + deferral_rate * large


_BILLS = ((0.0, 1.0, 20.0), (1.0, 1.0, 20.0), (0.2, 0.1, 15.0), (0.605, 0.5, 1.0))

bill = Exercise(
    lesson=LESSON,
    name="bill",
    title="Write the bill",
    statement=(
        "Write `my_bill(deferral_rate, small, large)`: the mean cost per input of a cascade that "
        "defers this share of its inputs. Think of the two ends first: what does it cost to defer "
        "nothing, and what to defer everything?"
    ),
    difficulty=1,
    minutes=4,
    skill="following an input along its arrows",
    variable="my_bill",
    stub='''def my_bill(deferral_rate: float, small: float, large: float) -> float:
    """Mean cost per input of a cascade. Numbers -> a number."""
    return ...  # your code here''',
    hints=(
        "Of 100 inputs, how many pay the small model? Not only those that it answers.",
        "All of them pay `small`, and a share `deferral_rate` pays `large` as well.",
    ),
    right=my_bill,
    explanation=(
        "Nothing deferred costs `small`; everything deferred costs `small + large`, more than the "
        "large model alone: the first step was for nothing."
    ),
    deepens=(
        "A mix of two prices lies between them, so it can never show a loss. A cascade can cost up "
        "to `small + large`."
    ),
    judge=same_function(_BILLS),
    wrong={
        "router": Wrong(
            lambda d, small, large: (1 - d) * small + d * large,
            "This is the bill of a router, which asks one model only. In a cascade the deferred "
            "inputs have paid the small model, too: for 80 % at $0.10 and 20 % at $15 it is $3.10, "
            "and not $3.08.",
        ),
        "kept_share": Wrong(
            lambda d, small, large: small + (1 - d) * large,
            "You charged the large model for what is *kept*. `deferral_rate` is the share passed on.",
        ),
        "only_deferred": Wrong(
            lambda d, small, large: d * (small + large),
            "You charged only the deferred inputs. Those that are kept have asked the small model.",
        ),
        "both_always": Wrong(
            lambda d, small, large: small + large,
            "Not every input reaches the large model: only the share `deferral_rate`.",
        ),
        "percent": Wrong(
            lambda d, small, large: small + d / 100 * large,
            "The rate is a share from 0 to 1 here, not a percentage.",
        ),
    },
)

break_even_rate = Exercise(
    lesson=LESSON,
    name="break_even_rate",
    title="Where it stops paying off",
    statement=(
        "A call of the small model costs 0.30, one of the large model 1.20. **Up to which share of "
        "deferred inputs is the cascade cheaper than asking the large model always?** A share "
        "between 0 and 1."
    ),
    difficulty=1,
    minutes=3,
    skill="turning prices into a limit",
    variable="my_share",
    stub="my_share = ...  # a share between 0 and 1",
    hints=(
        "Set the two bills equal: `0.30 + d * 1.20` and `1.20`.",
        "d = 1 − small / large.",
    ),
    right=0.75,
    explanation="1 − 0.30/1.20 = .75. At d = .75 it costs .30 + .90 = 1.20, as the large model does.",
    deepens="A small model at half the price must answer half of the inputs to pay for itself.",
    judge=near(0.005),
    wrong={
        "ratio": Wrong(
            0.25, "This is small/large, the share that must be *kept*. The rest may be deferred."
        ),
        "router": Wrong(
            1.0,
            "So it would be for a router, which never pays twice. A cascade that defers everything "
            "pays 1.50.",
        ),
        "percent": Wrong(75, "Right as a percentage. A share, please: between 0 and 1."),
        "inverse": Wrong(4.0, "This is large/small. The share cannot be above 1."),
        "difference": Wrong(
            0.9, "This is the difference of the prices. Divide it by the price of the large model."
        ),
    },
)


def my_point(
    score: Tensor, small: Tensor, large: Tensor, threshold: float
) -> tuple[Tensor, Tensor]:
    """Deferral rate and quality at a threshold. score, small, large: (N,) floats -> (), ()."""
    kept = score >= threshold
    return (~kept).double().mean(), torch.where(kept, small, large).mean()


def _column(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


_POINTS = (
    (_column(0.9, 0.5), _column(1, 0), _column(1, 1), 0.7),
    (_column(0.9, 0.8, 0.6, 0.3), _column(1, 0, 1, 0), _column(0, 0, 1, 1), 0.6),
    (_column(0.9, 0.8, 0.7, 0.3), _column(1, 1, 0, 0), _column(1, 0, 1, 1), 0.75),
    (_column(0.9, 0.8, 0.7), _column(1, 0, 0), _column(1, 1, 1), 2.0),
    (_column(0.9, 0.6, 0.4), _column(1, 0, 1), _column(1, 1, 0), 0.5),
)

one_point = Exercise(
    lesson=LESSON,
    name="one_point",
    title="One point of the curve",
    statement=(
        "`score` says how sure the small model is of each input; `small` and `large` say whether "
        "each model is right there (1 or 0). Answers with a score of **at least** the threshold "
        "are kept. Return the pair (deferral rate, quality of the cascade)."
    ),
    difficulty=2,
    minutes=6,
    skill="computing what a threshold does",
    variable="my_point",
    stub='''def my_point(
    score: Tensor, small: Tensor, large: Tensor, threshold: float
) -> tuple[Tensor, Tensor]:
    """Deferral rate and quality at a threshold. score, small, large: (N,) floats -> (), ()."""
    return ...  # your code here''',
    hints=(
        "`kept = score >= threshold`. Whose answer does each input get?",
        "`torch.where(kept, small, large)` is who is right in the end; its mean is the quality.",
    ),
    right=my_point,
    explanation=(
        "Every input gets exactly one answer: the small model's if it is kept, the large one's "
        "otherwise. Quality is the mean over *all* inputs."
    ),
    deepens=(
        "A threshold cannot split inputs of equal score, so a curve has only as many points as "
        "there are different scores, and one more."
    ),
    judge=same_function(_POINTS),
    wrong={
        "quality_of_kept": Wrong(
            lambda s, a, b, t: ((s < t).double().mean(), a[s >= t].mean()),
            "This is the quality of what is *kept*. Users get the large model's answers as well: "
            "take the mean over all inputs.",
        ),
        "exchanged": Wrong(
            lambda s, a, b, t: ((s < t).double().mean(), torch.where(s >= t, b, a).mean()),
            "You gave the sure inputs to the large model. It is the *unsure* ones that are deferred.",
        ),
        "kept_rate": Wrong(
            lambda s, a, b, t: ((s >= t).double().mean(), torch.where(s >= t, a, b).mean()),
            "The first number is the share that is *kept*. The deferral rate is the rest.",
        ),
        "strict": Wrong(
            lambda s, a, b, t: ((s <= t).double().mean(), torch.where(s > t, a, b).mean()),
            "A score equal to the threshold is kept: *at least*. Where many scores are equal this "
            "moves a whole group.",
        ),
        "either": Wrong(
            lambda s, a, b, t: (
                (s < t).double().mean(),
                torch.where(s >= t, a, torch.maximum(a, b)).mean(),
            ),
            "You counted a deferred input as right if *either* model is. Nobody knows which: it "
            "gets the large model's answer, even where only the small one was right.",
        ),
    },
)

_CERTAIN = {
    "A": "Right: who was deferred before still is, so the bill can only stay or rise.",
    "B": "Where only the small model is right, deferring loses an answer. On the support messages the "
    "curve falls from 64.0 to 63.4 % between 40 and 50 % deferred.",
    "C": "Usually, and not for certain: the next answers that are dropped may be right ones, if "
    "confidence is a poor guide. Lesson 12 shows such a model.",
    "D": "Only those who are deferred wait, and they wait for both models. More of them wait now.",
}

what_is_certain = Exercise(
    lesson=LESSON,
    name="what_is_certain",
    title="The threshold is raised",
    statement=(
        "A cascade runs. Its threshold is **raised**, and nothing else changes. What is *certain*?\n\n"
        "- **A**: the mean cost stays or rises\n"
        "- **B**: the answers get better, or stay as good\n"
        "- **C**: of the answers that are kept, a smaller share is wrong\n"
        "- **D**: fewer users wait long"
    ),
    difficulty=2,
    minutes=3,
    skill="telling what must be from what is hoped for",
    variable="my_certainty",
    stub='my_certainty = ...  # "A", "B", "C" or "D"',
    hints=(
        "A higher threshold defers the same inputs and perhaps some more.",
        "Which of the four would still hold if the confidence were a random number?",
    ),
    right="A",
    explanation=(
        "A higher threshold defers a larger set of inputs. Cost follows from that alone; quality "
        "depends on who is right on the inputs that change hands."
    ),
    deepens=(
        "The trade-off of a threshold is cost against quality, and only the cost side is sure. So "
        "neither end need be the best."
    ),
    judge=one_of(_CERTAIN),
    wrong=wrong_options(_CERTAIN, "A"),
)

_DIAGNOSES = {
    "A": "Deferring more helps if the large model is right on what it gets. It is wrong on 64 % of "
    "what it gets now. First find out why.",
    "B": "That would keep more of the inputs on which the small model is least sure. And the bill is "
    "far from break-even.",
    "C": "Right: what is kept is good, what is deferred stays wrong. Look at these inputs: out of "
    "scope, ambiguous, or beyond the large model. They need a third way out.",
    "D": "It is far below it: with prices 1 and 20 break-even is at 95 %.",
}

diagnosis = Exercise(
    lesson=LESSON,
    name="diagnosis",
    title="Read a dashboard",
    statement=(
        "Prices 1 and 20. A cascade defers **35 %**. Of the kept answers **12 %** are wrong, of the "
        "deferred ones **64 %**. The team complains about quality. What do the numbers say?\n\n"
        "- **A**: deferral is too rare: raise the threshold\n"
        "- **B**: deferral is too frequent: lower the threshold\n"
        "- **C**: the threshold is not the problem: look at what the large model gets\n"
        "- **D**: the cascade loses money: ask the large model only"
    ),
    difficulty=2,
    minutes=4,
    skill="finding the stage that makes the mistakes",
    variable="my_diagnosis",
    stub='my_diagnosis = ...  # "A", "B", "C" or "D"',
    hints=(
        "Count the mistakes of 100 inputs: how many come from kept answers, how many from deferred?",
        "65 × .12 = 8 and 35 × .64 = 22. Whose are most of them?",
    ),
    right="C",
    explanation=(
        "Of 100 inputs 8 mistakes are kept and 22 come from the large model. A lower threshold can "
        "save only those which the small model had right, and these numbers do not say how many."
    ),
    deepens=(
        "Cost, the mistakes of what is kept, and the mistakes of what is deferred: three numbers, "
        "and each points at something else to do."
    ),
    judge=one_of(_DIAGNOSES),
    wrong=wrong_options(_DIAGNOSES, "C"),
)

_FOUR_LETTERS = (
    "Write four letters, one for each desk from 1 to 4, each of H, L, S and G once: as in `'LHSG'`."
)
_DESKS = {
    1: "Desk 1: 2 % of the kept answers are wrong, and more than half of what it defers was right "
    "already. It may trust its small model more. What is too high?",
    2: "Desk 2: it defers hardly anything, a third of what it keeps is wrong, and on 20 % of all "
    "messages the large model would have helped. What is too low?",
    3: "Desk 3: it defers as much as desk 1. But even the few answers of which it is surest are often "
    "wrong, so a lower threshold would keep still worse ones.",
    4: "Desk 4: what it keeps is good, and of what it defers neither model knows four fifths. It pays "
    "the large model and gets nothing.",
}


def _each_once(answer: str) -> bool:
    return sorted(answer.strip().upper()) == sorted("HLSG")


def _says(desk: int, letter: str) -> Callable[[str], bool]:
    return lambda answer: answer.strip().upper()[desk - 1] == letter


four_desks = Exercise(
    lesson=LESSON,
    name="four_desks",
    title="Four desks, four cures",
    statement=(
        "Four other desks, all at prices 1 and 20, in %:\n\n"
        "| desk | deferred | wrong of kept | missed | right already | repaired |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| 1 | 90 | 2 | 0 | 58 | 14 |\n| 2 | 6 | 35 | 20 | 25 | 45 |\n"
        "| 3 | 88 | 41 | 3 | 20 | 50 |\n| 4 | 40 | 8 | 1 | 15 | 6 |\n\n"
        "What is wrong with each? **H**: the threshold is too high. **L**: the threshold is too low. "
        "**S**: the small model is too weak. **G**: the large model gains nothing on what it gets. "
        "Each letter fits one desk; write them in the order of the desks."
    ),
    difficulty=2,
    minutes=5,
    skill="telling causes apart that give the same bill",
    variable="my_diagnoses",
    stub="my_diagnoses = ...  # four letters, for desks 1 to 4",
    hints=(
        "Begin with the two that defer nearly everything. Which of them is right on what it keeps?",
        "*Missed* is large on one desk only, *repaired* is small on one desk that does not defer "
        "what was right already.",
    ),
    right="HLSG",
    explanation=(
        "1 and 3 have nearly the same bill, and *wrong of kept* tells them apart. 2 and 4 have "
        "cheaper bills, and there *missed* and *repaired* tell whether the large model would help."
    ),
    deepens=(
        "A deferral rate alone is no diagnosis: the same 90 % call for another threshold on one "
        "desk, and for another model on the other."
    ),
    judge=satisfies(
        (_each_once, _FOUR_LETTERS),
        *((_says(desk, "HLSG"[desk - 1]), says) for desk, says in _DESKS.items()),
    ),
    wrong={
        "one_letter": Wrong("H", _FOUR_LETTERS),
        "one_cause": Wrong("HLHG", _FOUR_LETTERS),
        "weak_for_high": Wrong("SLHG", _DESKS[1]),
        "gains_nothing": Wrong("HGSL", _DESKS[2]),
        "exchanged": Wrong("HLGS", _DESKS[3]),
    },
)


_SIX = "I need two lists of six: whether each answer is right (1 or 0), and its confidence, from 0 to 1."
_MORE_RIGHT = "The new model is not more accurate: today's is right on three. It must be right on four or five."
_WORSE = (
    "The cascade did not get worse. The large model is right wherever it is asked, so a mistake "
    "shows only if it is *kept*: give a wrong answer a confidence of .5 or more."
)
_CURABLE = (
    "The cascade got worse, and no threshold cures it, because a wrong answer is as sure as a right "
    "one, or surer. Let all wrong answers be less sure than all right ones: the order is good, the "
    "numbers too high."
)


def _six(pair: Sequence[Sequence[Any]]) -> bool:
    ok, sure = pair
    return (
        len(ok) == len(sure) == 6
        and all(type(x) in (int, bool) and x in (0, 1) for x in ok)
        and all(0 <= x <= 1 for x in sure)
    )


def _of_right(pair: Sequence[Sequence[Any]], wanted: int) -> list[float]:
    """Confidences of the right answers (wanted=1), or of the wrong ones (0)."""
    return [x for ok, x in zip(*pair, strict=True) if ok == wanted]


better_and_worse = Exercise(
    lesson=LESSON,
    name="better_and_worse",
    title="More accurate, and worse",
    statement=(
        "Six messages, threshold .5, and a large model that is right on all of them. Today's small "
        "model is right on the first three, with confidences .9, .8, .6, and wrong on the others, "
        "with .4, .4, .3. So it keeps three right answers, defers three, and the cascade is right on "
        "all six.\n\n"
        "Write down a **new** small model, `(right, confidences)`, such that\n\n"
        "- it is **more accurate** than today's, and not perfect;\n"
        "- at the same threshold the **cascade is worse** than today's;\n"
        "- **another threshold** would make the cascade right on all six again, with fewer than three "
        "deferred."
    ),
    difficulty=3,
    minutes=6,
    skill="designing a counterexample",
    variable="my_model",
    stub="my_model = ...  # ([six times 1 or 0], [six confidences])",
    hints=(
        "Which answers does the large model never see?",
        "Four right answers, two wrong ones, all of them above .5, and the wrong ones the least sure.",
    ),
    right=([1, 1, 1, 1, 0, 0], [0.99, 0.97, 0.95, 0.9, 0.7, 0.6]),
    explanation=(
        "Nothing is deferred any more, so two mistakes come through: four of six are right in the "
        "place of six. With a threshold of .8 the two are deferred, and all six are right again."
    ),
    deepens=(
        "That is the drilled model in small. And it is good news: cheaper than today's, once "
        "somebody has set the threshold anew."
    ),
    judge=satisfies(
        (_six, _SIX),
        (lambda pair: 4 <= sum(pair[0]) <= 5, _MORE_RIGHT),
        (lambda pair: max(_of_right(pair, 0)) >= 0.5, _WORSE),
        (lambda pair: max(_of_right(pair, 0)) < min(_of_right(pair, 1)), _CURABLE),
    ),
    wrong={
        "percent": Wrong(([1, 1, 1, 1, 0, 0], [99, 97, 95, 90, 70, 60]), _SIX),
        "four_only": Wrong(([1, 1, 1, 0], [0.9, 0.9, 0.9, 0.8]), _SIX),
        "as_accurate": Wrong(([1, 1, 1, 0, 0, 0], [0.9, 0.9, 0.9, 0.8, 0.7, 0.7]), _MORE_RIGHT),
        "perfect": Wrong(([1] * 6, [0.9] * 6), _MORE_RIGHT),
        "still_deferred": Wrong(([1, 1, 1, 1, 0, 0], [0.9, 0.9, 0.8, 0.7, 0.4, 0.3]), _WORSE),
        "surest_wrong": Wrong(([1, 1, 1, 1, 0, 0], [0.9, 0.9, 0.8, 0.7, 0.99, 0.4]), _CURABLE),
        "all_alike": Wrong(([1, 1, 1, 1, 1, 0], [0.9] * 6), _CURABLE),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "A cascade defers 60 %. The small model costs half of the large one. Compared with "
            "always asking the large model, it costs",
            (
                Option("10 % more.", "Right: .5 + .6 · 1 = 1.1.", right=True),
                Option(
                    "20 % less.",
                    "This is the mix .4 · .5 + .6 · 1 = .8, the bill of a router. Deferred inputs "
                    "pay both models.",
                ),
                Option(
                    "40 % less: that share never reaches the large model.",
                    "They do not pay the large model, but everybody pays the small one.",
                ),
            ),
        ),
        Question(
            "Much traffic, small model first, unsure inputs to the large one. What is the strategic "
            "advantage?",
            (
                Option(
                    "Lower mean cost, at a quality that can be measured and chosen.",
                    "Right, if deferral stays below break-even. The curve says what is given up.",
                    right=True,
                ),
                Option(
                    "It is always more accurate than the large model.",
                    "It can be, where the curve is highest inside; at a threshold that saves money it is often a "
                    "little below.",
                ),
                Option(
                    "Every user gets an answer sooner.",
                    "Deferred users wait for both models, longer than without a cascade.",
                ),
            ),
        ),
        Question(
            "Why does the oracle lie above the large model?",
            (
                Option(
                    "On some inputs only the small model is right.",
                    "Right: whoever keeps exactly those beats the large model.",
                    right=True,
                ),
                Option(
                    "The oracle may ask both and average.",
                    "It gives one model's answer for each input; it only knows which to take.",
                ),
                Option(
                    "It was chosen on the test inputs and is too good by chance.",
                    "It is no estimate at all: it uses the right answers, which no system has.",
                ),
            ),
        ),
        Question(
            "A new small model is right more often, and at the old threshold the cascade got worse. "
            "What do you look at first?",
            (
                Option(
                    "How sure it is, and of what: its deferral rate and the mistakes that it keeps.",
                    "Right: a model that claims more lets more of its mistakes pass.",
                    right=True,
                ),
                Option(
                    "Whether its accuracy was measured wrongly.",
                    "No need: more accurate and worse in a cascade go together, as the lesson shows.",
                ),
                Option(
                    "Whether the large model got worse.",
                    "Nobody touched it. It only gets fewer and other inputs.",
                ),
            ),
        ),
    ),
)
