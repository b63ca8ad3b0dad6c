"""Exercises of lesson 13: thresholds with guarantees."""

from collections.abc import Callable, Sequence
from math import ceil, comb, floor, log
from typing import Any

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.guard import CannotCheck
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz

LESSON = "13"


def my_needed(risk: float, delta: float) -> int:
    """The smallest n for which no wrong answer in n tosses has a chance of at most delta."""
    n = 1
    while (1 - risk) ** n > delta:
        n += 1
    return n


needed = Exercise(
    lesson=LESSON,
    name="needed",
    title="How many inputs does a promise need?",
    statement=(
        "Suppose that all goes well and you see no wrong answer at all. **Write the smallest n for "
        "which a coin of this risk would show *no wrong in n tosses* with a chance of at most "
        "`delta`.**"
    ),
    difficulty=1,
    minutes=5,
    skill="turning a promise into a number of labels",
    variable="my_needed",
    stub='''def my_needed(risk: float, delta: float) -> int:
    """The smallest n for which no wrong answer in n tosses has a chance of at most delta."""
    return ...  # your code here''',
    hints=(
        "(1 − risk)ⁿ ≤ delta. Count n upwards from 1 until it holds.",
        "`n = 1`, then `while (1 - risk) ** n > delta: n += 1`. (Or with logarithms: the first whole "
        "number from log(delta) / log(1 − risk) on.)",
    ),
    right=my_needed,
    explanation=(
        "For a risk of .02 and δ = .1 this is 114. A handy estimate: n is about 2.3 / risk for "
        "δ = .1, and 3 / risk for δ = .05."
    ),
    deepens="With fewer inputs no data whatever could make this promise: `inputs_needed` says so beforehand.",
    judge=same_function(
        ((0.5, 0.1), (0.5, 0.25), (0.1, 0.05), (0.3, 0.2), (0.02, 0.1), (0.01, 0.01))
    ),
    wrong={
        "rounded_down": Wrong(
            lambda risk, delta: floor(log(delta) / log(1 - risk)),
            "Rounded down, the chance is still a little above delta. Round up.",
        ),
        "one_too_many": Wrong(
            lambda risk, delta: floor(log(delta) / log(1 - risk)) + 1,
            "A chance of *exactly* delta is allowed. `>= delta` in a loop, and rounding down and "
            "adding 1, go one too far where it comes out even.",
        ),
        "rounded": Wrong(
            lambda risk, delta: round(log(delta) / log(1 - risk)),
            "`round` goes down half of the time, and then the chance is still above delta. Always up.",
        ),
        "coin_of_losses": Wrong(
            lambda risk, delta: ceil(log(delta) / log(risk)),
            "This is risk to the power n: n *wrong* answers in a row. You want n right ones.",
        ),
        "expected": Wrong(
            lambda risk, delta: ceil(1 / risk),
            "After 1 / risk tosses one wrong answer is *expected*; none is still quite likely, about "
            "1 in 3. And delta is missing.",
        ),
        "sure_of_one": Wrong(
            lambda risk, delta: ceil(log(1 - delta) / log(1 - risk)),
            "The chance of no wrong answer is to be at most delta, not at most 1 − delta.",
        ),
        "unrounded": Wrong(
            lambda risk, delta: log(delta) / log(1 - risk),
            "The right place, and no whole number of inputs yet: round up.",
        ),
        "rule_of_three": Wrong(
            lambda risk, delta: ceil(3 / risk),
            "3 / risk is a good estimate for δ = .05 and a small risk. Here delta may be any.",
        ),
        "upside_down": Wrong(
            lambda risk, delta: ceil(log(1 - risk) / log(delta)),
            "The fraction is upside down.",
        ),
    },
)


def my_luck(losses: int, n: int, risk: float) -> float:
    """The chance of at most `losses` wrong answers in n tosses of a coin of this risk."""
    return sum(comb(n, k) * risk**k * (1 - risk) ** (n - k) for k in range(losses + 1))


def _exactly(losses: int, n: int, risk: float) -> float:
    return my_luck(losses, n, risk) - my_luck(losses - 1, n, risk)


luck = Exercise(
    lesson=LESSON,
    name="luck",
    title="The luck of a bad threshold",
    statement=(
        "Exactly k wrong answers in n tosses have the chance `comb(n, k) * risk**k * "
        "(1 - risk)**(n - k)`: so many ways to place the k, times the chance of each. **Write the "
        "chance of *at most* `losses` wrong answers.**"
    ),
    difficulty=2,
    minutes=5,
    skill="computing a binomial tail",
    variable="my_luck",
    stub='''def my_luck(losses: int, n: int, risk: float) -> float:
    """The chance of at most `losses` wrong answers in n tosses of a coin of this risk."""
    return ...  # your code here''',
    hints=(
        "At most two means none, or one, or two. What do you do with the three chances?",
        "`sum(... for k in range(losses + 1))`.",
    ),
    right=my_luck,
    explanation=(
        "The sum over k from 0 to `losses`. With one wrong in three tosses of a fair coin: "
        "1/8 + 3/8 = 4/8. `scipy.special.bdtr(losses, n, risk)` gives the same."
    ),
    deepens="With no loss only k = 0 is left, and that is (1 − risk)ⁿ again.",
    judge=same_function(((0, 3, 0.5), (1, 3, 0.5), (2, 10, 0.3), (0, 114, 0.02), (5, 100, 0.1))),
    wrong={
        "exactly": Wrong(
            _exactly,
            "This is the chance of *exactly* so many. A smaller number would have been as welcome, "
            "so add the chances of all smaller numbers.",
        ),
        "fewer": Wrong(
            lambda losses, n, risk: float(my_luck(losses - 1, n, risk)),
            "`range(losses)` ends one too early: at most 2 includes 2.",
        ),
        "without_none": Wrong(
            lambda losses, n, risk: float(my_luck(losses, n, risk) - my_luck(0, n, risk)),
            "`range(1, losses + 1)` leaves out k = 0: at most so many includes none at all.",
        ),
        "one_way": Wrong(
            lambda losses, n, risk: sum(risk**k * (1 - risk) ** (n - k) for k in range(losses + 1)),
            "You count one order of the tosses. The k wrong answers may stand in any of "
            "`comb(n, k)` sets of places.",
        ),
        "more": Wrong(
            lambda losses, n, risk: 1 - my_luck(losses, n, risk),
            "This is the chance of *more* wrong answers: the bad luck, not the luck.",
        ),
        "at_least": Wrong(
            lambda losses, n, risk: 1 - float(my_luck(losses - 1, n, risk)),
            "This is the chance of *at least* so many: it tells whether a risk is too high, not "
            "whether it is low enough.",
        ),
        "exchanged": Wrong(
            lambda losses, n, risk: my_luck(losses, n, 1 - risk),
            "You count right answers: risk and 1 − risk are exchanged.",
        ),
        "share": Wrong(
            lambda losses, n, risk: losses / n,
            "This is the share of wrong answers that was seen. The question: how likely is so low a "
            "share if the risk is `risk`?",
        ),
        "no_loss": Wrong(
            lambda losses, n, risk: (1 - risk) ** n,
            "This is the chance of no wrong answer at all; `losses` is not used.",
        ),
    },
)


def my_walk(p_values: Sequence[float], delta: float) -> int:
    """How many thresholds are certified, from the safest on; 0 if none is."""
    for passed, p in enumerate(p_values):
        if p > delta:
            return passed
    return len(p_values)


def _last_pass(p_values: Sequence[float], delta: float) -> int:
    return max((i + 1 for i, p in enumerate(p_values) if p <= delta), default=0)


def _strictly(p_values: Sequence[float], delta: float) -> int:
    return next((i for i, p in enumerate(p_values) if p >= delta), len(p_values))


def _growing(p_values: Sequence[float], delta: float) -> int:
    spent = [p * (i + 1) for i, p in enumerate(p_values)]
    return my_walk(spent, delta)


def _nothing_behind(p_values: Sequence[float], delta: float) -> int:
    passed = my_walk(p_values, delta)
    return 0 if passed == len(p_values) else passed


def _walks(answer: Any, exercise: Exercise) -> str | None:
    try:
        return same_function(_WALKS)(answer, exercise)
    except CannotCheck as error:
        if "returned None" not in str(error):
            raise
        told = "Where no test fails, the loop ends without one, and all are certified."
        raise CannotCheck(f"{error} {told}") from error


_WALKS = (
    ([0.02, 0.04, 0.3], 0.1),
    ([0.01, 0.2, 0.05], 0.1),
    ([0.05, 0.1, 0.06, 0.5, 0.01, 0.02], 0.1),
    ([0.3, 0.01], 0.1),
    ([0.03, 0.02, 0.01], 0.1),
    ([0.06, 0.07, 0.2], 0.1),
    ([0.15, 0.04, 0.01], 0.05),
)

first_failure = Exercise(
    lesson=LESSON,
    name="first_failure",
    title="Find the bug: too far down",
    statement=(
        "`p_values` holds the luck of every threshold, from the safest on. A colleague wants to know "
        "how many of them are certified.\n\n```python\ndef walk(p_values, delta):\n"
        "    passed = [i + 1 for i, p in enumerate(p_values) if p <= delta]\n"
        "    return max(passed, default=0)\n```\n\n"
        "In the flat world this promised something false to a quarter of all colleagues. **Write it "
        "right**: how many thresholds are certified? (0 if none is, all "
        "of them if no test fails.)"
    ),
    difficulty=2,
    minutes=6,
    skill="testing in a fixed sequence",
    variable="my_walk",
    stub='''def my_walk(p_values: Sequence[float], delta: float) -> int:
    """How many thresholds are certified, from the safest on; 0 if none is."""
    return ...  # your code here''',
    hints=(
        "Where does the walk end? And what has been seen of the thresholds behind that place?",
        "Go through `enumerate(p_values)`; at the first p above delta return how many came before.",
    ),
    right=my_walk,
    explanation=(
        "What lies behind the first failure is not looked at, however small its p. The colleague "
        "jumps over the failure, and so over the one test that would have stopped a bad threshold."
    ),
    deepens="The price of stopping: one unlucky test early on ends the walk, so let the first ones have many inputs.",
    judge=_walks,
    wrong={
        "as_it_was": Wrong(
            _last_pass,
            "The walk goes on behind a failed test and picks up a later threshold that passed, "
            "perhaps by luck. It ends at the *first* failure.",
        ),
        "counted": Wrong(
            lambda p, delta: sum(x <= delta for x in p),
            "You count all tests that passed, also those behind a failure. The walk ends there.",
        ),
        "divided": Wrong(
            lambda p, delta: my_walk(p, delta / len(p)),
            "You divide delta by the number of tests. That is right without an order and far too "
            "strict with one: in a fixed sequence every test has the whole delta.",
        ),
        "divided_as_it_was": Wrong(
            lambda p, delta: _last_pass(p, delta / len(p)),
            "Delta divided by the number of tests, any test may count: a valid rule, and a wasteful "
            "one. In a fixed sequence each test has the whole delta, and the walk ends at a failure.",
        ),
        "growing": Wrong(
            _growing,
            "You make every further test stricter. Not needed: to go wrong, the walk must pass one "
            "certain test, that of the first bad threshold.",
        ),
        "strictly": Wrong(
            _strictly,
            "A chance of exactly delta is allowed: a test passes if p ≤ delta.",
        ),
        "with_failure": Wrong(
            lambda p, delta: min(my_walk(p, delta) + 1, len(p)),
            "You include the threshold that failed. The last that *passed* is certified.",
        ),
        "index": Wrong(
            lambda p, delta: my_walk(p, delta) - 1,
            "This is the index of the last that passed, and Python counts from 0. Asked is how many "
            "passed: one more.",
        ),
        "nothing_behind": Wrong(
            _nothing_behind,
            "If no test fails, all thresholds are certified, and you return 0.",
        ),
        "each": Wrong(
            lambda p, delta: [x <= delta for x in p],
            "You say of each test whether it passed. Asked is one number: how far the walk gets.",
        ),
        "best": Wrong(
            lambda p, delta: min(range(len(p)), key=list(p).__getitem__) + 1,
            "You take the smallest p. That is the threshold with the best evidence, and we look for "
            "the lowest threshold with evidence enough.",
        ),
    },
)


_DELTA = {
    "A": "After the draw nothing is left to chance: the promise about *this* threshold is true or "
    "false. In the flat world it is false for all who hold one.",
    "B": "That is said before the draw, about everybody who calibrates in this way, and includes "
    "those who get no certificate.",
    "C": "In the flat world all sixty certificates were false. δ counts false ones among all who "
    "tried, not among those who got one.",
    "D": "δ is no share of wrong answers: that is the risk. δ speaks of the draws of calibration "
    "inputs.",
}

what_delta_means = Exercise(
    lesson=LESSON,
    name="what_delta_means",
    title="What does δ promise?",
    statement=(
        "You hold a certificate: *at most 5 % of the kept answers are wrong; δ = 10 %*. What does the "
        "10 % say?\n\n"
        "- **A**: The chance that the risk of my threshold is above 5 % is at most 10 %, now that I "
        "have seen my data.\n"
        "- **B**: Of all who draw inputs and calibrate as I did, at most 10 % end with a false "
        "promise.\n"
        "- **C**: At most 10 % of all certificates that are issued are false.\n"
        "- **D**: In the worst case 10 % of the kept answers are wrong instead of 5 %."
    ),
    difficulty=2,
    minutes=3,
    skill="reading a certificate",
    variable="my_reading",
    stub='my_reading = ...  # "A", "B", "C" or "D"',
    hints=(
        "Read each of them in the flat world, in which every certificate is false.",
        "Which of the four counts *all* colleagues, also those without a certificate?",
    ),
    right="B",
    explanation=_DELTA["B"],
    deepens="Who tries ten scores and certifies each of them has drawn the luck ten times: choose first, then certify.",
    judge=one_of(_DELTA),
    wrong=wrong_options(_DELTA, right="B"),
)


three_promises = Exercise(
    lesson=LESSON,
    name="three_promises",
    title="From the kept to the cascade",
    statement=(
        "The small model keeps **60 %** of the inputs, and **5 %** of these answers are wrong. The "
        "large model is wrong on **20 %** of those that it gets (they are the hard ones). **How many "
        "% of all answers of the cascade are wrong?**"
    ),
    difficulty=1,
    minutes=3,
    skill="telling three risks apart",
    variable="my_percent",
    stub="my_percent = ...  # a number from 0 to 100",
    hints=(
        "Take 100 inputs. How many wrong answers come from each model?",
        "60 · .05 = 3 and 40 · .20 = 8.",
    ),
    right=11.0,
    explanation="3 + 8 = 11 of 100. Kept: 5 %. Inputs: 3 %. Cascade: 11 %. All three are true at once.",
    deepens="Here most mistakes are the large model's: a lower threshold could even lower the 11 %.",
    judge=near(0.05),
    wrong={
        "kept": Wrong(5.0, "This is the risk of the *kept* answers. The large model errs, too."),
        "inputs": Wrong(
            3.0, "These are the small model's wrong answers per input. Add the large model's."
        ),
        "large": Wrong(8.0, "These are the large model's wrong answers. Add the small model's."),
        "added": Wrong(
            25.0, "5 % and 20 % are shares of different wholes: weigh them by 60 and 40 inputs."
        ),
        "averaged": Wrong(
            12.5, "The plain mean would be right for halves. Weigh by 60 and 40 inputs."
        ),
        "exchanged": Wrong(
            14.0, "The weights are exchanged: the small model answers 60 and the large one 40."
        ),
        "right_ones": Wrong(
            89.0, "This is the share of *right* answers. Asked are the wrong ones."
        ),
        "share": Wrong(0.11, "Right as a share. The question asks for per cent."),
    },
)


two_hundred = Exercise(
    lesson=LESSON,
    name="two_hundred",
    title="What can 200 answers promise?",
    statement=(
        "You have labels for 200 kept answers of a fixed threshold, and **not one is wrong**. Your "
        "customer wants δ = 5 %. **What is the smallest risk, in %, that you can promise?**"
    ),
    difficulty=2,
    minutes=4,
    skill="reading the coin backwards",
    variable="my_percent",
    stub="my_percent = ...  # a number from 0 to 100",
    hints=(
        "Now n is given and the risk is wanted. Which equation ties the three numbers together?",
        "(1 − risk)²⁰⁰ = .05, so risk = 1 − .05 ** (1 / 200).",
    ),
    right=1.4867,
    explanation=(
        "1 − .05^(1/200) is 1.5 %. This is the *rule of three*: after n tosses without a loss, 3/n "
        "is the risk that can be promised with δ = 5 %."
    ),
    deepens="None of 200 is not zero risk. To promise a tenth of it one needs ten times the labels.",
    judge=near(0.015),
    wrong={
        "zero": Wrong(
            0.0,
            "None of 200 was wrong, but that is what was *seen*. A coin of risk 1 % shows none in "
            "200 with chance .13.",
        ),
        "one_in_n": Wrong(
            0.5,
            "1/200: a coin of this risk shows none in 200 tosses with chance .37, so that is no "
            "rare luck at all.",
        ),
        "ten_percent": Wrong(1.1447, "That is for δ = 10 %. The customer wants 5 %."),
        "exchanged": Wrong(
            0.0256,
            "You solved (1 − risk)²⁰⁰ = .95. The chance of such luck is to be δ, not 1 − δ.",
        ),
        "delta": Wrong(
            5.0, "5 % is δ, the chance of being fooled. The question asks for the risk."
        ),
        "right_ones": Wrong(
            98.5133, "This is the share of right answers, .05 ** (1 / 200). The risk is the rest."
        ),
        "share": Wrong(0.0149, "This looks like a share. The question asks for per cent."),
    },
)


Day = Any  # a list of (confidence, wrong) pairs
_LINE = 0.7


def _rows(values: Any, count: int) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str) and len(values) == count


def _two_days(days: Any) -> bool:
    return _rows(days, 2) and all(
        _rows(day, 10) and all(_rows(row, 2) and row[1] in (0, 1) for row in day) for day in days
    )


def _confidences(day: Day) -> list[float]:
    return sorted(float(row[0]) for row in day)


def _within_bounds(days: Any) -> bool:
    return all(0 <= x <= 1 for day in days for x in _confidences(day))


def _keeps_five(days: Any) -> bool:
    return all(sum(x >= _LINE for x in _confidences(day)) >= 5 for day in days)


def _risk_of(day: Day) -> float:
    kept = [row[1] for row in day if row[0] >= _LINE]
    return float(sum(kept) / len(kept))


def _of(which: int, holds: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda days: holds(_risk_of(days[which]))


_SURE = [(0.9, 0), (0.9, 0), (0.8, 0), (0.8, 0), (0.8, 0)]
_UNSURE = [(0.5, 0), (0.5, 1), (0.4, 0), (0.4, 1), (0.3, 1)]
_FOOLED = [(0.9, 1), (0.9, 0), (0.8, 1), (0.8, 0), (0.8, 1)]
_FORM = "I need two lists of ten pairs (confidence, wrong), where wrong is 0 or 1."
_RANGE = "A confidence lies between 0 and 1."
_ENOUGH = "At least five answers must be kept each day: confidence .7 or more."
_GOOD = "On the first day at most 10 % of the kept answers may be wrong (with few of them: none)."
_BAD = (
    "On the second day at least half of the kept answers must be wrong. Wrong answers that are "
    "*deferred* do not count."
)
_SEEN = (
    "The confidences differ from one day to the other, so an alarm could see something. Let them be "
    "the same ten numbers, and change what nobody sees in use."
)

unseen = Exercise(
    lesson=LESSON,
    name="unseen",
    title="A shift that no alarm can see",
    statement=(
        "The threshold is **.7**. Write two days of ten inputs each, every input a pair "
        "`(confidence, wrong)`, so that each day at least five are kept; on the **first** day at "
        "most 10 % of the kept answers are wrong, on the **second** at least 50 %; and **no alarm "
        "that sees only confidences** can tell the two days apart."
    ),
    difficulty=2,
    minutes=5,
    skill="designing a counterexample to an alarm",
    variable="my_days",
    stub="my_days = ...  # (first, second), each a list of ten pairs (confidence, 0 or 1)",
    hints=(
        "What does the alarm see of a day? Then leave exactly that as it is.",
        "Write the first day with all kept answers right. Copy it, and turn the 0 of half of the "
        "kept into 1.",
    ),
    right=(_SURE + _UNSURE, _FOOLED + _UNSURE),
    explanation=(
        "Same confidences, other truth: a *rule* has changed, not the inputs. Labels show it, and "
        "nothing else does."
    ),
    deepens="So buy a few labels of kept answers all the time, and toss the coin with them: the next cell does.",
    judge=satisfies(
        (_two_days, _FORM),
        (_within_bounds, _RANGE),
        (_keeps_five, _ENOUGH),
        (_of(0, lambda risk: risk <= 0.1), _GOOD),
        (_of(1, lambda risk: risk >= 0.5), _BAD),
        (lambda days: _confidences(days[0]) == _confidences(days[1]), _SEEN),
    ),
    wrong={
        "one_day": Wrong([_SURE + _UNSURE], _FORM),
        "bare_numbers": Wrong(([0.9] * 10, [0.9] * 10), _FORM),
        "percent": Wrong(([(90, 0)] * 10, [(90, 1)] * 10), _RANGE),
        "all_deferred": Wrong(([(0.5, 0)] * 10, [(0.5, 1)] * 10), _ENOUGH),
        "bad_at_once": Wrong((_FOOLED + _UNSURE, _FOOLED + _UNSURE), _GOOD),
        "wrong_where_deferred": Wrong(
            (_SURE + _UNSURE, _SURE + [(x, 1) for x, _ in _UNSURE]), _BAD
        ),
        "less_sure": Wrong((_SURE + _UNSURE, [(0.75, w) for _, w in _FOOLED] + _UNSURE), _SEEN),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "A threshold was tuned on 5,000 labelled inputs: 5.0 % of the kept are wrong on these. "
            "You promise *at most 5 %*. How sound is that?",
            (
                Option(
                    "About as likely false as true.",
                    "Right: it was aimed at 5 %, so chance puts it above about half of the time. "
                    "With 5,000 it is above by little.",
                    right=True,
                ),
                Option(
                    "Sound: with 5,000 inputs optimism is gone.",
                    "The optimism is nearly gone, the missing room for luck is not: half of the "
                    "tuned thresholds were above 5 %.",
                ),
                Option(
                    "Sound, if the inputs were not used for training the model.",
                    "They were not, in this lesson. It was the threshold that was chosen on them.",
                ),
            ),
        ),
        Question(
            "`certified_threshold` tests hundreds of thresholds, each at δ = 10 %. Why is the chance "
            "of a false promise still at most 10 %?",
            (
                Option(
                    "To go wrong, the walk must pass the test of the first bad threshold.",
                    "Right: one certain test must be fooled, and that has a chance of at most δ.",
                    right=True,
                ),
                Option(
                    "Because the tests are made on the same inputs.",
                    "That alone helps nothing: trying all and taking the lowest that passes used the "
                    "same inputs, and failed in the flat world.",
                ),
                Option(
                    "Because δ is divided by the number of tests.",
                    "It is not: every test has the whole δ. The fixed order makes that possible.",
                ),
            ),
        ),
        Question(
            "`certified_threshold` answers *cannot certify*. What do you do?",
            (
                Option(
                    "Read the reason: too few inputs, too high a risk, or a large model too weak.",
                    "Right. Too few: plan more labels. Too high a risk *seen*: promise less or take a "
                    "better model if it is the truth, and a larger new set of labels, its size "
                    "decided beforehand, if it may be bad luck. A weak large model: no threshold "
                    "mends it.",
                    right=True,
                ),
                Option(
                    "Take the tuned threshold instead.",
                    "Then you promise what you have just learned that you cannot promise.",
                ),
                Option(
                    "Draw other calibration inputs until it works.",
                    "In the flat world one draw of sixteen works, and is false. Who draws until it "
                    "works has no δ.",
                ),
            ),
        ),
        Question(
            "The rate of deferral is what it was at calibration, and no alarm has rung. What do you "
            "know?",
            (
                Option(
                    "Nothing striking in the confidences; about mistakes nothing.",
                    "Right: with -ville the rate stayed the same and four kept answers of ten were "
                    "wrong.",
                    right=True,
                ),
                Option(
                    "The promise still holds.",
                    "With the new office no confidence changed at all, and the risk doubled.",
                ),
                Option(
                    "The inputs are the same as before.",
                    "They may be others with the same confidences: the mix on the Rhine escaped the "
                    "alarm in most runs.",
                ),
            ),
        ),
    ),
)
