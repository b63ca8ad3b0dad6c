"""Exercises of lesson 11: cascades and their bill."""

import torch
from torch import Tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, wrong_options
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
    "B": "The curve of the glosses is flat on the right, and that of the oracle even falls: where "
    "only the small model is right, deferring loses an answer.",
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
    "it: it would be paid for more, and hardly help.",
    "B": "Only 12 % of what is kept is wrong, so deferral is not too rare. And the bill is far from "
    "break-even.",
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
        "Of 100 inputs 8 mistakes are kept and 22 come from the large model. No threshold turns "
        "those 22 into right answers."
    ),
    deepens=(
        "Cost, the mistakes of what is kept, and the mistakes of what is deferred: three numbers, "
        "and each points at something else to do."
    ),
    judge=one_of(_DIAGNOSES),
    wrong=wrong_options(_DIAGNOSES, "C"),
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
                    "It can be, where the curve is highest inside; usually it ends a little below.",
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
