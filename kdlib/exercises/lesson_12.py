"""Exercises of lesson 12: when confidence is enough."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import rows

LESSON = "12"


def _most(row: Tensor, temperature: float) -> float:
    return float((row / temperature).softmax(-1).max())


def _two_rows_of_three(pair: Any) -> bool:
    written = rows(pair)
    return len(written) == 2 and all(
        row.shape == (3,) and bool(row.isfinite().all()) for row in written
    )


def _surer(temperature: float, which: int) -> Callable[[Any], bool]:
    """Whether this one of the two rows is clearly the surer one."""

    def holds(pair: Any) -> bool:
        sure = [_most(row, temperature) for row in rows(pair)]
        return sure[which] > sure[1 - which] + 0.01

    return holds


_TWO_ROWS = (
    "I need two lists of **three** numbers, the logits of A and those of B. (The example in the text "
    "has four classes.)"
)
_B_FIRST = (
    "At T = 1, B must be clearly the surer one (its largest probability higher by more than .01)."
)
_A_LATER = (
    "At T = 3, A must be clearly the surer one. Let A have **one** strong rival and a hopeless third "
    "class; let B have **two** weak rivals, which a high temperature brings up together."
)

temperature_reorders = Exercise(
    lesson=LESSON,
    name="temperature_reorders",
    title="Make a temperature change the order",
    statement=(
        "Write the logits of two inputs A and B, **three** classes each (the example above has four), so that by its largest "
        "probability **B is surer than A at T = 1**, and **A is surer than B at T = 3** (by more "
        "than .01 each time)."
    ),
    difficulty=2,
    minutes=5,
    skill="seeing what a temperature does to rivals",
    variable="my_logits",
    stub="my_logits = ...  # (a, b), each a list of three logits",
    hints=(
        "With two classes it cannot be done. What can a third one do that a second one cannot?",
        "A: one strong rival, the third far below, such as [2, …, -9]. B: higher, with two equal "
        "weak rivals.",
    ),
    right=([2.0, 1.2, -9.0], [3.0, 1.0, 1.0]),
    explanation=(
        "T = 1: .69 against .79. T = 3: .56 against .49. At high T every rival counts, so the "
        "*number* of rivals decides; A has one, B has two."
    ),
    deepens=(
        "With two classes the largest probability is a rising function of the difference of the "
        "logits, at every T. So the order stays."
    ),
    judge=satisfies(
        (_two_rows_of_three, _TWO_ROWS), (_surer(1.0, 1), _B_FIRST), (_surer(3.0, 0), _A_LATER)
    ),
    wrong={
        "two_classes": Wrong(([2.0, 1.2], [3.0, 1.0]), _TWO_ROWS),
        "of_the_text": Wrong(([2, 1.2, -9, -9], [3.0, 1, 1, 1]), _TWO_ROWS),
        "exchanged": Wrong(([3.0, 1.0, 1.0], [2.0, 1.2, -9.0]), _B_FIRST),
        "only_surer": Wrong(([1.0, 0.0, 0.0], [3.0, 0.0, 0.0]), _A_LATER),
    },
)


def my_log_odds(logits: Tensor) -> Tensor:
    """ln p - ln(1 - p) of the largest probability p of each row. (N, K) -> (N,)"""
    falling = logits.sort(-1, descending=True).values
    return falling[:, 0] - falling[:, 1:].logsumexp(-1)


def _matrix(*written: list[float]) -> tuple[Tensor]:
    return (tensor(written, dtype=torch.float64),)


def _top(logits: Tensor) -> Tensor:
    return logits.softmax(-1).amax(-1)


def _odds(p: Tensor) -> Tensor:
    return p.log() - (1 - p).log()


def _clamped(logits: Tensor) -> Tensor:
    p = _top(logits)
    return p.log() - (1 - p).clamp_min(1e-9).log()


_ODDS_CASES = (
    _matrix([1.0, 0.0], [0.0, 0.0]),
    _matrix([2.0, 1.0, 0.0], [0.0, 0.0, 3.0]),
    _matrix([50.0, 0.0], [0.0, 60.0]),
    _matrix([80.0, 0.0, 20.0, 20.0], [1.0, 1.0, 1.0, 1.0]),
)

log_odds = Exercise(
    lesson=LESSON,
    name="log_odds",
    title="Find the bug: infinitely sure",
    statement=(
        "The log-odds ln p − ln(1 − p) of the largest probability order inputs as p does. A "
        "colleague writes\n\n```python\ndef log_odds(logits):\n"
        "    p = logits.softmax(-1).amax(-1)\n    return p.log() - (1 - p).log()\n```\n\n"
        "For logits [50, 0] it says `inf`, and for [60, 0] as well. **Write it right**: 50 and 60."
    ),
    difficulty=2,
    minutes=6,
    skill="keeping a score apart where probabilities are all 1",
    variable="my_log_odds",
    stub='''def my_log_odds(logits: Tensor) -> Tensor:
    """ln p - ln(1 - p) of the largest probability p of each row. (N, K) -> (N,)"""
    return ...  # your code here''',
    hints=(
        "1 − p is the sum of the *other* probabilities. Write p and 1 − p as exponentials over the "
        "same sum. What cancels?",
        "The largest logit minus the `logsumexp` of the others. "
        "`logits.sort(-1, descending=True).values` puts the largest first.",
    ),
    right=my_log_odds,
    explanation=(
        "p = exp(z₁)/S and 1 − p = (exp(z₂) + …)/S. The sum S cancels, and what is left never "
        "touches 1 − p, in which all digits are lost."
    ),
    deepens="`confidence(logits=…, score='log_odds')` does this; from rounded probabilities nobody can.",
    judge=same_function(_ODDS_CASES),
    wrong={
        "as_it_was": Wrong(
            lambda z: _top(z).log() - (1 - _top(z)).log(),
            "Where p is rounded to 1, 1 − p is 0 and the result `inf`: all very sure inputs tie. Do "
            "not compute 1 − p at all.",
        ),
        "clamped": Wrong(
            _clamped,
            "A smallest value for 1 − p takes the `inf` away and keeps the tie: all very sure inputs "
            "get the same number.",
        ),
        "clamped_p": Wrong(
            lambda z: _odds(_top(z).clamp(max=1 - 1e-7)),
            "`clamp(max=1-1e-7)` takes the `inf` away and keeps the tie: everything surer than that "
            "gets the same number, about 16.",
        ),
        "two_best": Wrong(
            lambda z: z.topk(2).values[:, 0] - z.topk(2).values[:, 1],
            "This is the largest logit minus the *second*. It is right for two classes; with more, "
            "all other classes share 1 − p: take their `logsumexp`.",
        ),
        "log_probability": Wrong(
            lambda z: _top(z).log(),
            "This is ln p alone: near 0 for all sure inputs. The log-odds need ln(1 − p) too.",
        ),
        "mean_of_others": Wrong(
            lambda z: z.amax(-1) - z.sort(-1, descending=True).values[:, 1:].mean(-1),
            "Probabilities add, logits do not: the others together are their `logsumexp`, not their "
            "mean.",
        ),
        "doubt": Wrong(
            lambda z: -my_log_odds(z),
            "The sign: higher must mean surer. Yours is high where the model is unsure.",
        ),
    },
)


def my_defer(
    p_small: Tensor, p_large: Tensor, small_price: float, large_price: float, value: float
) -> Tensor:
    """Which inputs to pass on once the small model has answered. (N,), (N,) -> (N,) booleans."""
    return value * (p_large - p_small) > large_price


def _chances(small: list[float], large: list[float], *prices: float) -> tuple[Any, ...]:
    chances = (tensor(row, dtype=torch.float64) for row in (small, large))
    return (*chances, *prices)


_DEFER_CASES = (
    _chances([0.25, 0.5, 0.75], [0.875, 0.625, 0.75], 1.0, 20.0, 100.0),
    _chances([0.25, 0.25, 0.125, 0.875, 0.5], [0.25, 0.4375, 0.3125, 0.125, 0.9375], 4.0, 20.0, 100.0),
    _chances([0.5, 0.5, 0.5, 0.0, 0.75], [0.71875, 0.6875, 0.78125, 0.125, 1.0], 4.0, 20.0, 100.0),
    _chances([0.0, 0.5, 0.25, 0.625], [0.75, 1.0, 0.5, 0.5], 0.25, 0.5, 1.0),
)  # fmt: skip

defer_rule = Exercise(
    lesson=LESSON,
    name="defer_rule",
    title="The rule, with prices",
    statement=(
        "A right answer is worth `value`, a wrong one nothing. The small model **has answered**, and "
        "has been paid. Say which inputs to pass on, given the chances that each model is right: "
        "only those on which the large model earns more than it costs. (If it earns exactly what it "
        "costs, keep the answer.)"
    ),
    difficulty=2,
    minutes=6,
    skill="weighing a gain against a price",
    variable="my_defer",
    stub='''def my_defer(
    p_small: Tensor, p_large: Tensor, small_price: float, large_price: float, value: float
) -> Tensor:
    """Which inputs to pass on once the small model has answered. (N,), (N,) -> (N,) booleans."""
    return ...  # your code here''',
    hints=(
        "What is an input worth if you keep the answer? And if you pass it on? Subtract.",
        "Kept: value · p_small. Passed on: value · p_large − large_price. One of the two prices "
        "appears on neither side, or on both.",
    ),
    right=my_defer,
    explanation=(
        "The small model is paid either way, so its price drops out. What decides is the gain, "
        "p_large − p_small, against the cost ratio c = large_price / value."
    ),
    deepens="Put p_large = 1 everywhere: the rule becomes p_small < 1 − c, and that is confidence.",
    judge=same_function(_DEFER_CASES),
    wrong={
        "perfect_large": Wrong(
            lambda s, g, a, b, v: s < 1 - b / v,
            "This is the rule for a large model that is always right. Yours may be wrong too: use "
            "p_large.",
        ),
        "confidence": Wrong(
            lambda s, g, a, b, v: s < 0.5,
            "`p_small < .5` is confidence with a threshold: it asks neither whether the large model "
            "is better there nor what it costs.",
        ),
        "gain_itself": Wrong(
            lambda s, g, a, b, v: g - s,
            "This is the gain itself. The question is *which* inputs to pass on: compare it with the "
            "price, and return True or False for each.",
        ),
        "large_alone": Wrong(
            lambda s, g, a, b, v: v * g > b,
            "You compare what the large model earns with its price, but the small one's answer earns "
            "something too. What counts is the *gain*.",
        ),
        "free": Wrong(
            lambda s, g, a, b, v: g > s,
            "Here the large model is free: you pass on whatever it answers better, by however little.",
        ),
        "router": Wrong(
            lambda s, g, a, b, v: v * (g - s) > b - a,
            "You give the small price back. A router that has not asked the small model yet could "
            "save it; here it has been paid already.",
        ),
        "paid_twice": Wrong(
            lambda s, g, a, b, v: v * (g - s) > a + b,
            "You charge the small model to those who pass on. But who keeps the answer has paid it "
            "too.",
        ),
        "at_the_price": Wrong(
            lambda s, g, a, b, v: v * (g - s) >= b,
            "Nearly: where the gain is worth exactly its price, keep the answer. Use `>`.",
        ),
        "sign": Wrong(
            lambda s, g, a, b, v: v * (s - g) > b,
            "The sign: you pass on where the *small* model is the better one.",
        ),
        "no_value": Wrong(
            lambda s, g, a, b, v: g - s > b,
            "A gain is a chance, a price is money: multiply the gain by what a right answer is worth.",
        ),
        "kept": Wrong(
            lambda s, g, a, b, v: ~my_defer(s, g, a, b, v),
            "These are the inputs to *keep*. Return True where an input is passed on.",
        ),
        "price_ratio": Wrong(
            lambda s, g, a, b, v: g - s > a / b,
            "You use the ratio of the two prices. What a large call costs must be compared with what "
            "a right answer is worth, `large_price / value`.",
        ),
    },
)


def _four_chances(pair: Any) -> bool:
    written = rows(pair)
    return len(written) == 2 and all(
        row.shape == (2,) and bool(((row >= 0) & (row <= 1)).all()) for row in written
    )


def _gains(pair: Any) -> list[float]:
    return [float(row[1] - row[0]) for row in rows(pair)]


_PAIRS = (
    "I need two pairs of chances from 0 to 1: (p_small, p_large) of the first input, then those of "
    "the second."
)
_LESS_SURE = "The small model must be less sure of the first input: its p_small is the lower one."
_BETTER_TWICE = "The large model must be the better one on **both** inputs: p_large above p_small."
_MORE_TO_GAIN = (
    "Passing on the second input must gain at least .2 more than passing on the first. Where can the "
    "small model be unsure without much to gain? Where the large model is nearly as lost."
)

unsure_is_wrong = Exercise(
    lesson=LESSON,
    name="unsure_is_wrong",
    title="Better everywhere, and confidence still fails",
    statement=(
        "Perhaps confidence fails only if the large model is *worse* somewhere? Write down two "
        "inputs, each `(p_small, p_large)`, such that the small model is less sure of the **first**, "
        "the large model is **better on both**, and yet passing on the **second** gains more, by at "
        "least .2."
    ),
    difficulty=2,
    minutes=4,
    skill="designing a counterexample to a rule",
    variable="my_inputs",
    stub="my_inputs = ...  # ((p_small, p_large), (p_small, p_large))",
    hints=(
        "The small model is at its least sure on questions that nobody can answer.",
        "First input: both low, such as (.2, .25). Second: p_small higher, p_large near 1.",
    ),
    right=((0.2, 0.25), (0.5, 0.95)),
    explanation=(
        "Gains .05 and .45. Who passes on the least sure pays for the first and leaves the second. "
        "Nothing is wrong with the small model's confidence: it is true, and not what was asked."
    ),
    deepens="A hard input is hard for many models. Confidence sees the hardness and not the gain.",
    judge=satisfies(
        (_four_chances, _PAIRS),
        (lambda pair: bool(rows(pair)[0][0] < rows(pair)[1][0]), _LESS_SURE),
        (lambda pair: min(_gains(pair)) > 0, _BETTER_TWICE),
        (lambda pair: _gains(pair)[1] - _gains(pair)[0] >= 0.2 - 1e-9, _MORE_TO_GAIN),
    ),
    wrong={
        "percent": Wrong(((20, 25), (50, 95)), _PAIRS),
        "exchanged": Wrong(((0.5, 0.95), (0.2, 0.25)), _LESS_SURE),
        "specialist": Wrong(((0.4, 0.1), (0.6, 0.9)), _BETTER_TWICE),
        "as_confidence_likes_it": Wrong(((0.2, 0.9), (0.7, 0.95)), _MORE_TO_GAIN),
    },
)


_ENOUGH = {
    "A": "P(large right | x) is the same everywhere, so the gain is .9 minus what the small model is "
    "sure of: the least sure inputs are those with most to gain.",
    "B": "A calibrated model says truly how often *it* is right. The gain also needs the other one, "
    "and about that it says nothing.",
    "C": "Then the gain is positive everywhere, and its *size* can be in any order: it may be small "
    "where the small model is least sure.",
    "D": "If they fail mostly on the same inputs, the large model fails on many of the least sure ones "
    "too. There is little to gain there.",
}

when_enough = Exercise(
    lesson=LESSON,
    name="when_enough",
    title="When is confidence enough?",
    statement=(
        "In which case is *least sure first* certainly the best order of deferral?\n\n"
        "- **A**: On **every single input** the large model's chance to be right is .9, and the small "
        "one's confidence is its chance to be right.\n"
        "- **B**: The small model is calibrated.\n"
        "- **C**: On every input the large model is more likely to be right than the small one; the "
        "small one is calibrated.\n"
        "- **D**: Both models have learned from the same data and fail mostly on the same inputs."
    ),
    difficulty=2,
    minutes=3,
    skill="naming the condition under which a rule is optimal",
    variable="my_case",
    stub='my_case = ...  # "A", "B", "C" or "D"',
    hints=(
        "The gain is P(large right) − P(small right). When does the first term not matter for the "
        "order?",
        "You have refuted C yourself, in the exercise before.",
    ),
    right="A",
    explanation=_ENOUGH["A"],
    deepens=(
        "A constant is more than is needed: the gain has only to fall whenever the small model gets "
        "surer. With our generalist it does so, from tenth to tenth."
    ),
    judge=one_of(_ENOUGH),
    wrong=wrong_options(_ENOUGH, right="A"),
)


three_small_models = Exercise(
    lesson=LESSON,
    name="three_small_models",
    title="What agreement costs",
    statement=(
        "A call of a small model costs 1, of the large one 20. **Three** small models answer each "
        "input; on 18 % they do not agree, and those go to the large model. For the same bill **one** "
        "small model may pass on more. **How many % of the inputs?**"
    ),
    difficulty=1,
    minutes=3,
    skill="comparing at equal cost",
    variable="my_percent",
    stub="my_percent = ...  # a number from 0 to 100",
    hints=(
        "What does an input cost on average if three small models answer and 18 % go on?",
        "3 + .18 · 20 = 6.6. Now solve 1 + d · 20 = 6.6.",
    ),
    right=28.0,
    explanation="3 + .18 · 20 = 6.6 = 1 + d · 20, so d = .28. Two more small answers are ten more calls in a hundred.",
    deepens=(
        "In general k small models cost (k − 1) · small/large of deferral. At a ratio of 1 : 200 "
        "that would be a single point."
    ),
    judge=near(0.5),
    wrong={
        "same_rate": Wrong(
            18.0,
            "At the *same* deferral the one model costs 1 + 3.6 = 4.6, two less than the three. What "
            "could it buy for these two?",
        ),
        "first_forgotten": Wrong(
            33.0, "You have spent the whole bill on large calls: the one small model costs 1, too."
        ),
        "only_the_rest": Wrong(
            10.0,
            "This is how much *more* it may pass on: two saved small calls, 2 / 20. More than what?",
        ),
        "wrong_way": Wrong(
            8.0, "The sign: the one model saves two small calls and can afford *more* large ones."
        ),
        "two_points": Wrong(
            20.0,
            "You add two points for two saved small calls. But two of them cost 2, and a large call "
            "20: how many points of deferral does 2 buy?",
        ),
        "one_saved": Wrong(
            23.0,
            "This gives back one small call, 1 / 20. The one model saves **two** of the three.",
        ),
        "three_times": Wrong(
            54.0,
            "Three times 18: but an input on which the three disagree goes to the large model once.",
        ),
        "bill": Wrong(6.6, "This is the bill of an input. How much deferral does it pay for?"),
        "share": Wrong(0.28, "Right as a share. The question asks for per cent."),
    },
)


_VILLE = {
    "P": "This is what one would wish: strange inputs, unsure model. But *-ville* is an ending that "
    "it knows, from France, and it speaks up for it in nearly every name.",
    "Q": "The threshold is the same, the scores are not. A threshold is a quantile of one "
    "distribution of inputs only.",
    "R": "The ending is evidence, and the model believes it: it says France, surely and mostly "
    "wrongly.",
}

ville = Exercise(
    lesson=LESSON,
    name="ville",
    title="Predict the deferral",
    statement=(
        "The threshold passes on about 28 % of the printed names. Somebody adds *-ville* to "
        "everything: *strasbourgville*. The small model's accuracy falls from 73 to 41 %. With the "
        "**same** threshold, how much is passed on?\n\n"
        "- **P**: much more, for it is less often right\n"
        "- **Q**: about as much, for the threshold has not changed\n"
        "- **R**: much less"
    ),
    difficulty=1,
    minutes=2,
    skill="predicting what a shift does to a score",
    variable="my_prediction",
    stub='my_prediction = ...  # "P", "Q" or "R"',
    hints=(
        "Being right and being sure are two things. What does the ending do to the second?",
        "A model of n-grams adds up evidence. *-ville* adds the same evidence to every name.",
    ),
    right="R",
    explanation=_VILLE["R"],
    deepens="Fewer deferrals look like savings. Without labels nobody sees what they are.",
    judge=one_of(_VILLE),
    wrong=wrong_options(_VILLE, right="R"),
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "Temperature scaling took the ECE of a 10-class model from .10 to .02. What of the cascade "
            "that passes on its least sure 30 %?",
            (
                Option(
                    "Hardly anything: nearly the same inputs are passed on.",
                    "Right: the order changed a little, since K > 2, and the quality by less than "
                    "could be told.",
                    right=True,
                ),
                Option(
                    "It got better, because the model is now calibrated.",
                    "Calibration changes what the numbers mean. Who comes first is another question.",
                ),
                Option(
                    "Nothing at all: dividing by T cannot change an order.",
                    "So it is with two classes. With more it can, as you have shown yourself.",
                ),
            ),
        ),
        Question(
            "A large model is right on 56 % of the inputs, a small one on 73 %. Is it ever worth "
            "asking the large one?",
            (
                Option(
                    "Yes, on the inputs on which it gains more than it costs, if they can be found.",
                    "Right: our specialist added about five points.",
                    right=True,
                ),
                Option(
                    "No: a worse model cannot help a better one.",
                    "Averages do not decide. It is the better one inside its field.",
                ),
                Option(
                    "Yes, on the inputs of which the small one is least sure.",
                    "That gained about half a point, where the threshold was picked on the test itself. "
                    "Many of these inputs lie outside its field.",
                ),
            ),
        ),
        Question(
            "On the glosses, with the generalist, a learned rule minus largest probability gave an "
            "interval from below 0 to above 0. What do you report?",
            (
                Option(
                    "Cannot tell; and the simpler rule stays in use.",
                    "Right: whatever the rule gains there, it is small.",
                    right=True,
                ),
                Option(
                    "The learned rule is better: its estimate is above 0.",
                    "The interval holds 0. Other glosses might have turned the sign.",
                ),
                Option(
                    "The two rules are equal.",
                    "*Cannot tell* is no proof of that. The interval says how different they may be.",
                ),
            ),
        ),
        Question(
            "Suppose that three small models together pick better inputs to defer than one, at the same "
            "rate of deferral, as ours did on the glosses. What else must you know before you use "
            "them?",
            (
                Option(
                    "The ratio of the prices: two more small answers could have been large calls.",
                    "Right: at 1 : 20 the one model won on the place names.",
                    right=True,
                ),
                Option(
                    "Nothing: better at the same rate is better.",
                    "The same rate is not the same bill. Two more models answer every single input.",
                ),
                Option(
                    "Whether the three were trained with different seeds.",
                    "Whatever the seeds do to their answers, which we have not tested, they do not pay for "
                    "three models.",
                ),
            ),
        ),
        Question(
            "In production the deferral rate falls from 28 to 14 %. What do you know?",
            (
                Option(
                    "That the inputs, the model or the threshold have changed. Whether for better or worse, "
                    "only labels can say.",
                    "Right: with *-ville* it fell, because the model was sure, and mostly wrong.",
                    right=True,
                ),
                Option(
                    "The inputs have become easier.",
                    "They may have. Adding *-ville* halved the deferrals too, and the errors rose.",
                ),
                Option(
                    "The small model has improved: it needs less help.",
                    "It asks for less. That is not the same.",
                ),
            ),
        ),
    ),
)
