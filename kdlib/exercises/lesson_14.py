"""Exercises of lesson 14: routing, and whether a router beats a constant."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor, float64, tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz

LESSON = "14"


def my_oracle(both: int, small_only: int, large_only: int, neither: int) -> tuple[float, float]:
    """Accuracy of the oracle, and the least share of calls to the large model that it needs."""
    inputs = both + small_only + large_only + neither
    return 1 - neither / inputs, large_only / inputs


def _wrong_oracle(accuracy: str, calls: str) -> Callable[..., tuple[float, float]]:
    """The oracle of somebody who adds up other cells, such as "ac": both and large only."""

    def shares(*cells: int) -> tuple[float, float]:
        named = dict(zip("abcd", cells, strict=True))
        right = sum(named[cell] for cell in accuracy) / sum(cells)
        return right, sum(named[cell] for cell in calls) / sum(cells)

    return shares


oracle = Exercise(
    lesson=LESSON,
    name="oracle",
    title="What an oracle reaches, and what it needs",
    statement=(
        "An *oracle* knows both answers and picks a right one, if there is one. When it has the "
        "choice it asks the **small** model, which is cheaper. Given the four counts, return two "
        "shares of all questions: how often it is right, and how often it asks the large model."
    ),
    difficulty=1,
    minutes=3,
    skill="reading a 2×2 table",
    variable="my_oracle",
    stub='''def my_oracle(both: int, small_only: int, large_only: int, neither: int) -> tuple[float, float]:
    """Accuracy of the oracle, and the least share of calls to the large model that it needs."""
    return ...  # your code here''',
    hints=(
        "Only one of the four cells is lost for the oracle. And only in one cell does the large "
        "model bring something that the small one does not.",
        "Both shares have the same denominator: the sum of the four counts.",
    ),
    right=my_oracle,
    explanation=(
        "The oracle fails where both fail. Where both are right, or both wrong, the cheaper answer "
        "is as good, so the large model is needed for `large_only` alone."
    ),
    deepens=(
        "The second number is small even if the large model is far better: being better on 18 % of "
        "the questions is enough."
    ),
    judge=same_function(((2, 1, 3, 4), (8, 0, 2, 0), (0, 5, 5, 10), (50, 20, 30, 0))),
    wrong={
        "ceiling": Wrong(
            _wrong_oracle("ac", "c"),
            "You take the better model as the ceiling. Where it is wrong and the other one right, "
            "the oracle asks the other one: it is right unless *both* are wrong.",
        ),
        "where_small_fails": Wrong(
            _wrong_oracle("abc", "cd"),
            "You send everything that the small model gets wrong. Where the large one is wrong as "
            "well, the call brings nothing.",
        ),
        "where_large_is_right": Wrong(
            _wrong_oracle("abc", "ac"),
            "You send everything that the large model gets right. Where the small one is right too, "
            "its answer is as good and cheaper.",
        ),
        "of_the_right": Wrong(
            lambda *cells: (my_oracle(*cells)[0], cells[2] / sum(cells[:3])),
            "You divide the calls by the questions that get a right answer. The share is of *all* "
            "questions: they are all paid for.",
        ),
        "percent": Wrong(
            lambda *cells: tuple(100 * share for share in my_oracle(*cells)),
            "These are percentages. Return shares between 0 and 1.",
        ),
    },
)


_FORM = (
    "I need two rows of four whole numbers, 0 or more: (both, small only, large only, neither) of "
    "pair A, then of pair B."
)
_HUNDRED = "Each row must sum to 100: every question is in one of the four cells."
_SMALL = "The small model must be right on 70 in both pairs: both + small only."
_LARGE = "The large model must be right on 80 in both pairs: both + large only."
_NO_ROOM = (
    "In pair A there is still something to be won over always asking the large model. That is the "
    "cell *small only*: what must it be?"
)
_ALL_ROOM = "In pair B the oracle is not always right yet. What must the cell *neither* be?"


def _four_counts_twice(pair: Any) -> bool:
    return len(pair) == 2 and all(
        len(row) == 4 and all(type(cell) is int and cell >= 0 for cell in row) for row in pair
    )


headroom = Exercise(
    lesson=LESSON,
    name="headroom",
    title="The same two accuracies",
    statement=(
        "A colleague says: *the small model is right on 70 %, the large one on 80 %, so I know what "
        "a router can gain.* Show that he does not. Write down the counts of two pairs of models, "
        "100 questions each. In **both** pairs the small model is right on 70 questions and the "
        "large one on 80.\n\n"
        "- In pair **A** nobody, not even an oracle, is better than always the large model.\n"
        "- In pair **B** an oracle is always right."
    ),
    difficulty=2,
    minutes=5,
    skill="designing an example in which two accuracies say nothing",
    variable="my_counts",
    stub="my_counts = ...  # two rows of (both, small only, large only, neither)",
    hints=(
        "In A the small model must know nothing that the large one does not know.",
        "In B no question may be missed by both: the 30 that the small one misses are right with "
        "the large one. Then fill the rest.",
    ),
    right=((70, 0, 10, 20), (50, 20, 30, 0)),
    explanation=(
        "In A the small model's right answers are a part of the large one's. In B their mistakes "
        "never meet. Two accuracies fix everything but one number, and that number is the headroom."
    ),
    deepens=(
        "Were the mistakes independent, the oracle would reach 1 − .3 · .2 = 94 %. Real pairs lie "
        "below, because a hard question is hard for both."
    ),
    judge=satisfies(
        (_four_counts_twice, _FORM),
        (lambda pair: all(sum(row) == 100 for row in pair), _HUNDRED),
        (lambda pair: all(row[0] + row[1] == 70 for row in pair), _SMALL),
        (lambda pair: all(row[0] + row[2] == 80 for row in pair), _LARGE),
        (lambda pair: pair[0][1] == 0, _NO_ROOM),
        (lambda pair: pair[1][3] == 0, _ALL_ROOM),
    ),
    wrong={
        "one_row": Wrong((70, 0, 10, 20), _FORM),
        "sum": Wrong(((70, 0, 10, 0), (50, 20, 30, 0)), _HUNDRED),
        "accuracies_as_cells": Wrong(((0, 70, 30, 0), (50, 20, 30, 0)), _LARGE),
        "small": Wrong(((80, 0, 0, 20), (50, 20, 30, 0)), _SMALL),
        "independent": Wrong(((56, 14, 24, 6), (50, 20, 30, 0)), _NO_ROOM),
        "twice_a": Wrong(((70, 0, 10, 20), (70, 0, 10, 20)), _ALL_ROOM),
    },
)


def my_crossing(rates: Sequence[float], qualities: Sequence[float], target: float) -> float:
    """The lowest rate at which the straight lines reach the target; nan if they never do."""
    if qualities[0] >= target:
        return rates[0]
    for i in range(1, len(rates)):
        if qualities[i] >= target:
            share = (target - qualities[i - 1]) / (qualities[i] - qualities[i - 1])
            return rates[i - 1] + share * (rates[i] - rates[i - 1])
    return float("nan")


def _inverted(r: Sequence[float], q: Sequence[float], target: float) -> float:
    return float(np.interp(target, q, r))


def _sorted_pairs(r: Sequence[float], q: Sequence[float], target: float) -> float:
    order = np.argsort(q, kind="stable")
    return float(np.interp(target, np.array(q)[order], np.array(r)[order]))


def _upwards_only(r: Sequence[float], q: Sequence[float], target: float) -> float:
    start = next((i for i, quality in enumerate(q) if quality < target), 0)
    return my_crossing(r[start:], q[start:], target)


def _highest_so_far(r: Sequence[float], q: Sequence[float], target: float) -> float:
    return float(np.interp(target, np.maximum.accumulate(q), r))


def _first_point(r: Sequence[float], q: Sequence[float], target: float) -> float:
    return next((rate for rate, quality in zip(r, q, strict=True) if quality >= target), np.nan)


def _last_crossing(r: Sequence[float], q: Sequence[float], target: float) -> float:
    below = [i for i, quality in enumerate(q) if quality < target]
    if not below or below[-1] == len(q) - 1:
        return my_crossing(r, q, target)
    return my_crossing(r[below[-1] :], q[below[-1] :], target)


LIST = [68, 68.2, 73, 73.6, 74.5, 76.8, 73.8, 78.4, 79.7, 79.1, 80.6]
TENTHS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
_CROSSING_CASES = (
    ([0.0, 0.5, 1.0], [0.5, 0.75, 1.0], 0.625),
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.5, 0.75, 0.5625, 0.625, 1.0], 0.6875),
    ([0.0, 0.5, 1.0], [0.5, 0.75, 0.625], 0.875),
    (TENTHS, LIST, 74.3),
    ([0.0, 0.5, 0.75, 1.0], [0.75, 0.5, 0.875, 0.5], 0.625),
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.5, 0.875, 0.625, 0.5625, 0.75], 0.6875),
)

crossing = Exercise(
    lesson=LESSON,
    name="crossing",
    title="Repair the crossing",
    statement=(
        "This is how a public evaluation script computes CPT (the names are ours):\n\n"
        "```python\n"
        "def cpt(rates, qualities, target):\n"
        "    return np.interp(target, qualities, rates)\n"
        "```\n\n"
        "`np.interp` expects its second argument to rise. Write the function that does what was "
        "meant: follow the straight lines from the left, and return the rate at which they **first** "
        "reach the target. If the first point is there already, that is its rate. If the target is "
        "never reached, return nan."
    ),
    difficulty=2,
    minutes=7,
    skill="finding and repairing a silent bug",
    variable="my_crossing",
    stub='''def my_crossing(rates: Sequence[float], qualities: Sequence[float], target: float) -> float:
    """The lowest rate at which the straight lines reach the target; nan if they never do."""
    return ...  # your code here''',
    hints=(
        "Go through the points from the left and stop at the first whose quality is at least the "
        "target. The crossing lies on the line that ends there.",
        "On that line: `share = (target - before) / (after - before)`, and the same share of the way "
        "between the two rates. After the loop: `float('nan')`.",
    ),
    right=my_crossing,
    explanation=(
        "The first point that is high enough has one before it that is not, so the line between "
        "them rises and has one crossing. Nothing else is asked of the curve."
    ),
    deepens=(
        "The first crossing is well defined, and still a lucky number: of a noisy curve it takes the "
        "first bump. So report it with an interval, as `curve_intervals` does."
    ),
    judge=same_function(_CROSSING_CASES),
    wrong={
        "interp": Wrong(
            _inverted,
            "This is the bug itself: `np.interp` searches as if the qualities rose all the way, and "
            "answers with *some* crossing, or with an end.",
        ),
        "sorted_pairs": Wrong(
            _sorted_pairs,
            "You sort the points by quality. That makes neighbours of points that are none, and the "
            "lines between them are not those of the curve.",
        ),
        "highest_so_far": Wrong(
            _highest_so_far,
            "A good idea: the highest quality so far does rise. But `np.interp` answers with the "
            "last rate when the target is never reached, where nan was asked for.",
        ),
        "first_point": Wrong(
            _first_point,
            "This is the first *point* that is high enough. The crossing lies before it, on the "
            "line: else random calls would not need exactly half of the calls for half of the gap.",
        ),
        "start": Wrong(
            _upwards_only,
            "You wait for a line that rises to the target. A curve that starts at the target or above "
            "it has reached it at its first rate.",
        ),
        "last": Wrong(
            _last_crossing,
            "This is the last crossing. The curve was up there before, and fell again.",
        ),
    },
)


def my_over_random(calls: Tensor, small: Tensor, large: Tensor) -> float:
    """Quality of a router minus that of as many random calls. All (N,), of zeros and ones."""
    gain = large - small
    reached = (small + calls * gain).mean()
    random = small.mean() + calls.mean() * gain.mean()
    return float(reached - random)


def _reached(calls: Tensor, small: Tensor, large: Tensor) -> float:
    return float((small + calls * (large - small)).mean())


def _rows(*written: str) -> tuple[Tensor, ...]:
    return tuple(tensor([float(digit) for digit in row], dtype=float64) for row in written)


_RANDOM_CASES = (
    _rows("1000", "0110", "1110"),
    _rows("11000000", "01011101", "11110111"),
    _rows("1110000010", "0001010101", "1101101101"),
    _rows("111111110000", "101100110101", "011011110111"),
)

over_random = Exercise(
    lesson=LESSON,
    name="over_random",
    title="Better than as many random calls?",
    statement=(
        "`calls` is 1 where a router asks the large model. `small` and `large` are 1 where that "
        "model is right. Return how much higher the router's quality is than that of somebody who "
        "makes **as many** calls, on inputs drawn at random. (What he reaches on average needs no "
        "drawing: it can be computed.)"
    ),
    difficulty=2,
    minutes=5,
    skill="building the fair rival of a router",
    variable="my_over_random",
    stub='''def my_over_random(calls: Tensor, small: Tensor, large: Tensor) -> float:
    """Quality of a router minus that of as many random calls. All (N,), of zeros and ones."""
    return ...  # your code here''',
    hints=(
        "The router reaches the mean of `small + calls * (large - small)`. What does a coin reach "
        "that calls with the chance `calls.mean()`?",
        "The coin: `small.mean() + calls.mean() * (large - small).mean()`.",
    ),
    right=my_over_random,
    explanation=(
        "Random calls bring the average gain, once for each call. The rest is what the router knows: "
        "its calls and the gains are high together. (It is their covariance.)"
    ),
    deepens=(
        "Somebody who calls for everything, or for nothing, gets 0 here. That is right: a constant "
        "knows nothing about the inputs."
    ),
    judge=same_function(_RANDOM_CASES),
    wrong={
        "over_small": Wrong(
            lambda c, s, g: _reached(c, s, g) - float(s.mean()),
            "This is the gain over the small model alone. Random calls gain something as well, if "
            "the large model is better.",
        ),
        "over_large": Wrong(
            lambda c, s, g: _reached(c, s, g) - float(g.mean()),
            "This compares with always asking the large model: another good question, but that "
            "rival makes more calls.",
        ),
        "half": Wrong(
            lambda c, s, g: _reached(c, s, g) - float(s.mean() + g.mean()) / 2,
            "Your rival calls for half of the inputs. The fair one makes as many calls as the router: "
            "`calls.mean()`.",
        ),
        "share_of_gap": Wrong(
            lambda c, s, g: (_reached(c, s, g) - float(s.mean())) / float((g - s).mean()),
            "This is the share of the gap that is recovered. Random calls recover a share as well.",
        ),
        "per_call": Wrong(
            lambda c, s, g: float((g - s)[c > 0].mean() - (g - s).mean()),
            "This is the difference *per call*. For the quality of all inputs, times the share of "
            "calls.",
        ),
        "quality": Wrong(
            _reached, "This is the router's own quality. What would random calls have reached?"
        ),
    },
)


_READINGS = {
    "A": "In the last case all four beat both constants, with half of the calls. What fails on three "
    "data sets may work on yours.",
    "B": "These are four statements about what was measured, and each interval says so.",
    "C": "*Cannot tell* is no proof of nothing: on support the intervals reach to three points above "
    "random calls. It needs more messages.",
    "D": "The rule of one line has at least as high an estimate there, and nothing to fit. That a "
    "learned router beats the constants does not make it the best choice.",
}

league_reading = Exercise(
    lesson=LESSON,
    name="league_reading",
    title="What does the league say?",
    statement=(
        "Which reading of the tables of the four cases follows?\n\n"
        "- **A**: routers do not work: on three of the four data sets none beats the best constant\n"
        "- **B**: at half of the calls, all four routers beat random calls on place names but not "
        "always the large model; on support nothing can be told; in the last case they beat both\n"
        "- **C**: on support messages routers have been shown to add nothing\n"
        "- **D**: in the last case the learned router is the one to take, since it beats the best "
        "constant by far"
    ),
    difficulty=1,
    minutes=3,
    skill="reading a league with intervals",
    variable="my_reading",
    stub='my_reading = ...  # "A", "B", "C" or "D"',
    hints=(
        "Which of them says no more than the intervals do?",
        "Look for *do not work*, *have been shown*, *the one to take*.",
    ),
    right="B",
    explanation=_READINGS["B"],
    deepens=(
        "All of it is at one rate of calls, for these models. At another rate, or with other models, "
        "the league must be played again."
    ),
    judge=one_of(_READINGS),
    wrong=wrong_options(_READINGS, "B"),
)


bills = Exercise(
    lesson=LESSON,
    name="bills",
    title="From which price on does the router win?",
    statement=(
        "For the quality that you need, a router must send **50 %** of the inputs to the large "
        "model; a cascade passes on **30 %**. The large model costs **20** per 1,000 calls, the "
        "router itself nothing. Below which price of the **small** model, per 1,000 calls, is the "
        "cascade the cheaper one?"
    ),
    difficulty=2,
    minutes=4,
    skill="comparing two bills",
    variable="my_price",
    stub="my_price = ...  # per 1,000 calls",
    hints=(
        "Call the price s and write down both bills. Who pays s for which inputs?",
        "Router: .5 s + .5 · 20. Cascade: s + .3 · 20. Set them equal.",
    ),
    right=8,
    explanation=(
        "Router: 10 + .5 s. Cascade: 6 + s. Equal at s = 8. In general the cascade is cheaper while "
        "s < c_l (1 − d / r): here 20 · (1 − .6)."
    ),
    deepens=(
        "If the cascade needs as many calls as the router (d = r), no price makes it cheaper: what "
        "it has over the router is that it knows more, and that must show in d."
    ),
    judge=near(0.05),
    wrong={
        "router_free_of_small": Wrong(
            4,
            "You set s + 6 equal to 10. But the router too pays the small model, for the half of the "
            "inputs that it answers.",
        ),
        "against_the_large": Wrong(
            14,
            "That is the break-even of the cascade against *always the large model*, 20 · (1 − .3). "
            "The rival here is the router.",
        ),
        "mixed": Wrong(
            20,
            "You let the cascade pay like a router, .7 s + 6: a cascade pays the small model for "
            "*every* input.",
        ),
        "share": Wrong(
            0.4,
            "That is the price as a share of the large model's. Per 1,000 calls it is 20 times that.",
        ),
    },
)


_STRATEGIES = {
    "A": "83 % is more than was asked for, at 20 per 1,000: twice what the cascade costs for 81 %.",
    "B": "It never pays twice, and still it is dearer: .5 + .45 · 1 + .55 · 20 = 11.95 against "
    "1 + .45 · 20 = 10. It needs more calls, because it has seen no answer.",
    "C": "1 + .45 · 20 = 10, against 11.95 and 20, and 81 % is enough.",
    "D": "It is the right system for a wrong reason: at 81 % it is *less* accurate than always the "
    "large model. The gain is the bill, at a quality that is still good enough.",
}

strategy = Exercise(
    lesson=LESSON,
    name="strategy",
    title="AI system optimisation strategy",
    statement=(
        "A shop answers 100,000 messages a day. At least **80 %** must be right; above that, the "
        "cheapest system wins. Prices per 1,000 calls: small model 1, large model 20, router .5. "
        "Measured on messages on which nothing was fitted:\n\n"
        "| system | to the large model | right |\n|---|---|---|\n"
        "| always large | 100 % | 83 % |\n| router | 55 % | 80 % |\n| cascade | 45 % | 81 % |\n\n"
        "Which strategy follows, for the right reason?\n\n"
        "- **A**: always the large model: it is the most accurate\n"
        "- **B**: the router: no message pays for two models, so it is the cheapest\n"
        "- **C**: the cascade: the lowest bill of those that are good enough\n"
        "- **D**: the cascade: small model first makes a system more accurate than the large one"
    ),
    difficulty=2,
    minutes=4,
    skill="choosing a system by its bill and its quality",
    variable="my_strategy",
    stub='my_strategy = ...  # "A", "B", "C" or "D"',
    hints=(
        "Which systems are good enough? Compute the three bills per 1,000 messages.",
        "Router: .5 + .45 · 1 + .55 · 20. Cascade: 1 + .45 · 20. Then read the reasons once more.",
    ),
    right="C",
    explanation=_STRATEGIES["C"],
    deepens=(
        "With a small model at 8 the same table gives 15.1 for the router and 17 for the cascade. "
        "And 80 % on a test set is an estimate: for a promise see lesson 13."
    ),
    judge=one_of(_STRATEGIES),
    wrong=wrong_options(_STRATEGIES, "C"),
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "An oracle of two models reaches 86 %, the large model 81 %. What follows?",
            (
                Option(
                    "The small model is right on some questions that the large one gets wrong.",
                    "Right: on 5 % of all. Whether a question shows it, the counts do not say.",
                    right=True,
                ),
                Option(
                    "A good router reaches about 86 %.",
                    "The oracle knows the answers. Part of its 5 points is luck, such as guesses "
                    "among four options, and no question shows luck.",
                ),
                Option(
                    "The counts are wrong: the large model is the ceiling.",
                    "A better model need not be right wherever a weaker one is.",
                ),
                Option(
                    "The large model must be asked for 86 % of the questions.",
                    "Only where it alone is right: 18 % on MMLU.",
                ),
            ),
        ),
        Question(
            "A router beats random calls by 3 points [2, 4] and always the large model by -4 [-5, -3]. "
            "What is it good for?",
            (
                Option(
                    "It may save money: at this rate of calls it is better than a coin. The bill decides.",
                    "Right: compare its net value with that of the better constant.",
                    right=True,
                ),
                Option(
                    "Nothing: it loses against a constant.",
                    "In quality, with fewer calls. If calls are dear, that may be a good trade.",
                ),
                Option(
                    "For quality: it is better than random, so it improves on the models.",
                    "Quality falls by 4 points against always the large model. Better than a coin is "
                    "not better than a model.",
                ),
            ),
        ),
        Question(
            "A router has APGR 1.86 on the 2,000 rows from which it learned. What do you expect on "
            "new rows?",
            (
                Option(
                    "Nothing is known before it is measured on new rows; here it was .57.",
                    "Right: thousands of numbers can learn 2,000 rows by heart.",
                    right=True,
                ),
                Option(
                    "A little less than 1.86.",
                    "It fell nearly to a coin's .5. How much it falls depends on how much was fitted.",
                ),
                Option(
                    "At most 1, for APGR is a share of the gap.",
                    "APGR has no limit at 1: a router can be better than the large model.",
                ),
            ),
        ),
        Question(
            "You set a router's threshold so that half of the rows from which it learned are sent to "
            "the large model. Which share of new inputs will be?",
            (
                Option(
                    "That must be measured on rows it has not learned from, and watched.",
                    "Right: it was 57 % here, and more for names without vowels.",
                    right=True,
                ),
                Option(
                    "Half: a quantile is a quantile.",
                    "Of the scores that you took it from. On its own rows a fitted score is spread "
                    "differently.",
                ),
                Option(
                    "Half, if the threshold is .5.",
                    "A threshold is on the scale of the score: .5 called for a twentieth.",
                ),
            ),
        ),
    ),
)
