"""Exercises of lesson 15: speculative decoding."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, tensor
from torch.nn import functional

from kdlib.divergences import kl, total_variation
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import are_distributions, rows

LESSON = "15"


acceptance = Exercise(
    lesson=LESSON,
    name="acceptance",
    title="Predict the acceptance",
    statement=(
        "Three tokens. The target says p = (.5, .4, .1), the draft q = (.1, .5, .4). The draft draws "
        "a token from q, and the target accepts it with probability min(1, p/q). **How often is a "
        "proposal accepted?** A number between 0 and 1; no computer is needed."
    ),
    difficulty=1,
    minutes=3,
    skill="reading an acceptance off two distributions",
    variable="my_acceptance",
    stub="my_acceptance = ...  # a number between 0 and 1",
    hints=(
        "For each token: how often is it proposed *and* accepted? It is q · min(1, p/q).",
        "That is the smaller of p and q. Add up the three.",
    ),
    right=0.6,
    explanation=(
        "Proposed and accepted: .1, .4 and .1, together .6. The first token is always accepted and "
        "seldom proposed; the last is often proposed and mostly refused."
    ),
    deepens="The other .4 is the total variation of the two: what one has and the other lacks.",
    judge=near(0.004),
    wrong={
        "same_draw": Wrong(
            0.29,
            "You computed Σ p q: how often two *independent* draws agree. The target does not draw "
            "a token of its own and compare; it tests the one that was proposed.",
        ),
        "distance": Wrong(
            0.4,
            "This is the total variation: how often a proposal is *refused*.",
        ),
        "twice": Wrong(
            0.2,
            "You took off Σ |p − q|. That counts every difference twice: what one has too much, and "
            "the same amount that the other lacks. Total variation is half of it.",
        ),
        "likeliest": Wrong(
            0.8,
            "This is p/q of the draft's likeliest token, .4/.5. The draft draws, and proposes the "
            "other two as well.",
        ),
        "unweighted": Wrong(
            0.6833,
            "You averaged 1, .8 and .25 as if the three tokens were proposed equally often. Weigh "
            "them by q.",
        ),
        "one_minus_kl": Wrong(
            0.4228,
            "You took 1 − KL(p‖q). KL bounds the total variation but does not give it; it may even "
            "be infinite.",
        ),
    },
)


def my_accept_and_residual(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Chance that each token is accepted once proposed, and the residual. p, q (K,) -> (K,), (K,)."""
    accept = (p / q).clamp(max=1)
    missing = (p - q).clamp(min=0)
    return accept, missing / missing.sum()


def _accept(p: Tensor, q: Tensor) -> Tensor:
    return my_accept_and_residual(p, q)[0]


def _residual(p: Tensor, q: Tensor) -> Tensor:
    return my_accept_and_residual(p, q)[1]


def _only_likeliest(p: Tensor) -> Tensor:
    return functional.one_hot(p.argmax(), len(p)).to(p.dtype)


def _both(p: list[float], q: list[float]) -> tuple[Tensor, Tensor]:
    return tensor(p, dtype=torch.float64), tensor(q, dtype=torch.float64)


_PAIRS = (
    _both([0.6, 0.4], [0.9, 0.1]),
    _both([0.5, 0.3, 0.2], [0.25, 0.25, 0.5]),
    _both([0.5, 0.125, 0.375], [0.25, 0.75, 0.0]),
    _both([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]),
)

accept_and_residual = Exercise(
    lesson=LESSON,
    name="accept_and_residual",
    title="The two halves of a lossless step",
    statement=(
        "Given p and q for one place, different from each other, return two lists of numbers:\n\n"
        "1. for each token the probability that it is **accepted**, once it has been proposed;\n"
        "2. the **residual**: the distribution from which the token is drawn after a refusal.\n\n"
        "For the head: p = (.6, .4) and q = (.9, .1) give (⅔, 1) and (0, 1)."
    ),
    difficulty=2,
    minutes=6,
    skill="writing the test and its correction",
    variable="my_accept_and_residual",
    stub='''def my_accept_and_residual(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Chance that each token is accepted once proposed, and the residual. p, q (K,) -> (K,), (K,)."""
    return ...  # your code here''',
    hints=(
        "A token that q proposes too often (q > p) must be refused now and then. One that q proposes "
        "too seldom is never refused, and what it lacks is p − q.",
        "`(p / q).clamp(max=1)`, and `(p - q).clamp(min=0)` divided by its sum.",
    ),
    right=my_accept_and_residual,
    explanation=(
        "Accepted, token by token: q · min(1, p/q) = min(p, q). Refused altogether: Σ max(0, p − q), "
        "which is TV(p, q). The residual gives that probability to the tokens that lack it: "
        "min(p, q) + max(0, p − q) = p. For every q."
    ),
    deepens=(
        "A draft may even give a token probability 0 that p likes: it is then never proposed, and "
        "the residual brings it in. KL(p‖q) is infinite there, and nothing breaks."
    ),
    judge=same_function(_PAIRS),
    wrong={
        "upside_down": Wrong(
            lambda p, q: ((q / p).clamp(max=1), _residual(p, q)),
            "The ratio is upside down. A token that the draft proposes more often than the target "
            "would is the one to be refused: p/q below 1.",
        ),
        "not_capped": Wrong(
            lambda p, q: (p / q, _residual(p, q)),
            "A probability is 1 at most: p/q is larger where the draft proposes a token too seldom. "
            "Such a token is always accepted.",
        ),
        "p_again": Wrong(
            lambda p, q: (_accept(p, q), p),
            "After a refusal you draw from p itself. What both models like would then come twice: "
            "once accepted, and once more after a refusal of something else.",
        ),
        "likeliest": Wrong(
            lambda p, q: (_accept(p, q), _only_likeliest(p)),
            "After a refusal you always write the target's likeliest token. The residual is a "
            "distribution, to be drawn from.",
        ),
        "not_normalised": Wrong(
            lambda p, q: (_accept(p, q), (p - q).clamp(min=0)),
            "What is missing sums to TV(p, q), not to 1. Divide by the sum: after a refusal some "
            "token has to be written.",
        ),
        "absolute": Wrong(
            lambda p, q: (_accept(p, q), (p - q).abs() / (p - q).abs().sum()),
            "You took |p − q|. Where q has more than p nothing is missing: those tokens come often "
            "enough already.",
        ),
        "surplus": Wrong(
            lambda p, q: (_accept(p, q), _residual(q, p)),
            "You took q − p where q is larger: the tokens that come too often. What is missing is "
            "p − q where p is larger.",
        ),
        "exchanged": Wrong(
            lambda p, q: my_accept_and_residual(p, q)[::-1],
            "The two are exchanged: first the chances of being accepted, then the residual.",
        ),
        "both_at_once": Wrong(
            lambda p, q: (torch.minimum(p, q), _residual(p, q)),
            "min(p, q) is the chance that a token is proposed *and* accepted. Divide by q: given "
            "that it has been proposed.",
        ),
    },
)


_LOSSY = {
    "A": "A is not lossless. The residual must give back what each token *lacks*, p − q. Here every "
    "other token gets a share as p has it, those too that q proposes too often. (With two tokens it "
    "would be right, and so a test on two tokens misses it.)",
    "D": "D is not lossless. The q in the test must be the distribution from which the token was "
    "drawn. At temperature .5 the likely tokens are proposed more often than q says, so too few of "
    "them are refused.",
}
_LOSSLESS = {
    "B": "B is missing. A draft that always proposes the same token has a distribution too: 1 for "
    "that token. Put this q into the rule: accept with p(x)/1, and the residual is p without x.",
    "C": "C is missing. What is written is y, always, and y was drawn from p. The proposal decides "
    "only how many places one call can settle.",
}
_LETTERS = "Write the letters of all lossless recipes, between A and D, as in `'AB'`."


def _only_letters(answer: str) -> bool:
    letters = [c for c in answer.upper() if not c.isspace() and c not in ",;."]
    return len(letters) > 0 and set(letters) <= set("ABCD")


def _says(letter: str, wanted: bool) -> Callable[[str], bool]:
    return lambda answer: (letter in answer.upper()) == wanted


lossless = Exercise(
    lesson=LESSON,
    name="lossless",
    title="Find the lossy ones",
    statement=(
        "Four more recipes, for a vocabulary of many tokens. Which of them write a token with "
        "**exactly** the probabilities p, whatever the draft is? Write all their letters.\n\n"
        "- **A**: draw x from q; accept it with probability min(1, p/q); if refused, draw from p "
        "with x struck out (its probability set to 0, the others divided by their sum)\n"
        "- **B**: take x, the draft's *likeliest* token; accept it with probability p(x); if "
        "refused, draw from p with x struck out\n"
        "- **C**: draw x from q and y from p; write y; if x = y, go on with the next proposal\n"
        "- **D**: draw x from q *at temperature .5*, to propose fewer oddities; accept it with "
        "min(1, p/q), where q is at temperature 1 like p; if refused, draw from the residual"
    ),
    difficulty=3,
    minutes=8,
    skill="telling a lossless rule from one that looks like it",
    variable="my_lossless",
    stub="my_lossless = ...  # the letters, for example 'AB'",
    hints=(
        "For each recipe, write down with which probability a token is written: accepted, plus "
        "written after a refusal. Is it p?",
        "Two of the four. In B, which distribution is the proposal really drawn from?",
    ),
    right="BC",
    explanation=(
        "B is the rule with the q that is really used: all of it on one token. C draws from p and "
        "only looks whether the draft has guessed it (it accepts less often than 1 − TV). A gives "
        "the refused probability to the wrong tokens, D tests against a q that was not drawn from."
    ),
    deepens=(
        "B shows that taking the likeliest token of the draft is not what is wrong with the "
        "textbook's recipe. To compare p with a q that was never drawn from is."
    ),
    judge=satisfies(
        (_only_letters, _LETTERS),
        *((_says(letter, False), says) for letter, says in _LOSSY.items()),
        *((_says(letter, True), says) for letter, says in _LOSSLESS.items()),
    ),
    wrong={
        "no_such_letter": Wrong("BX", _LETTERS),
        "struck_out": Wrong("ABC", _LOSSY["A"]),
        "another_temperature": Wrong("BCD", _LOSSY["D"]),
        "no_certain_draft": Wrong("C", _LOSSLESS["B"]),
        "no_guess": Wrong("B", _LOSSLESS["C"]),
    },
)


def my_written(passed: Tensor) -> Tensor:
    """Tokens that each call of the target writes; passed (N, g), True where a test passes -> (N,)."""
    before_refusal = passed.long().cumprod(dim=1).sum(dim=1)
    return before_refusal + 1


def _tests(*rows_of_tests: str) -> tuple[Tensor]:
    return (tensor([[mark == "+" for mark in row] for row in rows_of_tests]),)


_TEST_CASES = (
    _tests("+-"),
    _tests("+-+"),
    _tests("++++", "----", "-+++"),
    _tests("++-+-", "+++++", "-----", "+++-+"),
)

written = Exercise(
    lesson=LESSON,
    name="written",
    title="Find the bug: how many tokens did the call write?",
    statement=(
        "`passed` says of N proposals of g tokens each which tokens pass their test. A colleague "
        "counts what each call of the target writes:\n\n```python\ndef written(passed):\n"
        "    return passed.sum(dim=1) + 1\n```\n\n"
        "The tokens per call come out too high. **Find the bug and write the function right.** For "
        "the head: *passed, refused, passed* makes 2 tokens."
    ),
    difficulty=2,
    minutes=5,
    skill="counting what speculative decoding writes",
    variable="my_written",
    stub='''def my_written(passed: Tensor) -> Tensor:
    """Tokens that each call of the target writes; passed (N, g), True where a test passes -> (N,)."""
    return ...  # your code here''',
    hints=(
        "The third token was proposed for a text whose second token is now another one. May it stay?",
        "Count the Trues *before the first False*: `passed.long().cumprod(dim=1)` is 1 as long as "
        "nothing was refused. Then one more token.",
    ),
    right=my_written,
    explanation=(
        "Behind a refused token the proposal is void: it went on from a token that was not written. "
        "The target itself always adds one: the correction after a refusal, or a further token if "
        "all were accepted, since it has read that far."
    ),
    deepens=(
        "This is why one more token is worth α^g only: it counts when all before it were accepted."
    ),
    judge=same_function(_TEST_CASES),
    wrong={
        "behind_a_refusal": Wrong(
            lambda passed: passed.sum(dim=1) + 1,
            "This is the colleague's code: it counts tokens behind a refused one. They continue a "
            "text that was not written.",
        ),
        "none_of_its_own": Wrong(
            lambda passed: my_written(passed) - 1,
            "You count what was accepted. The target adds one of its own in every call: the "
            "correction, or a further token.",
        ),
        "no_correction": Wrong(
            lambda passed: my_written(passed) - 1 + passed.all(dim=1),
            "After a refusal a token is written too: the one drawn from the residual.",
        ),
        "no_further_token": Wrong(
            lambda passed: my_written(passed) - passed.all(dim=1).long(),
            "If all are accepted, the target writes one more: it has read the whole proposal, so it "
            "knows p for the place behind it.",
        ),
        "all_or_nothing": Wrong(
            lambda passed: passed.all(dim=1) * passed.shape[1] + 1,
            "You keep the proposal as a whole or not at all. What stands before the first refusal "
            "stays.",
        ),
        "by_column": Wrong(
            lambda passed: passed.long().cumprod(dim=0).sum(dim=0) + 1,
            "You went down the columns. A row is a proposal: its tokens stand along `dim=1`.",
        ),
    },
)


draft_length = Exercise(
    lesson=LESSON,
    name="draft_length",
    title="Choose the draft length",
    statement=(
        "Acceptance .8, and a step of the draft costs .05 of a call. You have read *propose 8*. But "
        "on your computer a call that reads more tokens takes longer: **1 + .1 g** of the time of a "
        "call for one token, if g were proposed. Which draft length g gives the highest speed-up "
        "now? (Use the lesson's functions, or your own loop.)"
    ),
    difficulty=2,
    minutes=5,
    skill="choosing a setting by what it costs",
    variable="my_length",
    stub="my_length = ...  # a whole number",
    hints=(
        "Tokens per call stay what they were. What does one round cost in all?",
        "1 + .1 g for the call and .05 g for the draft: 1 + .15 g. To which cost ratio is this equal?",
    ),
    right=5,
    explanation=(
        "A round costs 1 + .15 g, so it is as if c were .15: `best_draft_length(.8, .15)` is 5. "
        "Speed-up 2.11, where 8 proposed tokens would now give 1.97."
    ),
    deepens=(
        "What a further token costs the *target* belongs into c. On a busy server, which has no "
        "computing power to spare, it may be most of it."
    ),
    judge=near(0.1),
    wrong={
        "call_for_free": Wrong(
            8,
            "This is the best for c = .05 alone. The call itself now grows by .1 for every proposed "
            "token, too.",
        ),
        "draft_for_free": Wrong(
            6,
            "You counted the longer call and forgot the draft's own .05 for each token.",
        ),
        "one_less": Wrong(
            4,
            "Close, but 5 gives 2.108 and 4 gives 2.101: the fifth token is worth .8⁵ = .328 tokens "
            "and lengthens the round by .15 of a call.",
        ),
        "more_than_best": Wrong(
            7,
            "This is too many: from the sixth on, a token adds less than the .15 of a call it costs. "
            "Compare expected_tokens(.8, g) / (1 + .15 g) for all g.",
        ),
        "none": Wrong(
            0,
            "Drafting still pays: already one proposed token gives 1.8 tokens for 1.15 of the time.",
        ),
    },
)


_DRAFTS = {
    "A": "The cheapest, and it reaches 2.04. That its step costs next to nothing cannot bring back "
    "the tokens that are refused.",
    "B": "2.60 with six proposed tokens. A loses by its acceptance, C and D by what they cost.",
    "C": "Accepted more often, at six times the cost of B: 1.55. The formula asks for both numbers.",
    "D": "Nearly everything is accepted and each proposed token costs .6 of a call: 1.33. The nearest "
    "copy of the target is the target, and drafting with that gains nothing.",
}

which_draft = Exercise(
    lesson=LESSON,
    name="which_draft",
    title="Which draft?",
    statement=(
        "Four drafts for one target, each used at the draft length that is best for it. Which is "
        "the fastest by theory?\n\n"
        "- **A**: acceptance .57, a step costs .02 of a call\n"
        "- **B**: acceptance .74, a step costs .05 of a call\n"
        "- **C**: acceptance .80, a step costs .30 of a call\n"
        "- **D**: acceptance .95, a step costs .60 of a call"
    ),
    difficulty=1,
    minutes=3,
    skill="weighing acceptance against cost",
    variable="my_draft",
    stub='my_draft = ...  # "A", "B", "C" or "D"',
    hints=(
        "`best_draft_length(acceptance, cost)` gives g, and `speed_up(acceptance, g, cost)` the gain.",
        "One of them gives 2.6, and another, which is accepted more often, only 1.3.",
    ),
    right="B",
    explanation=_DRAFTS["B"],
    deepens="A distance says how often a draft is accepted. What it costs no distance can say.",
    judge=one_of(_DRAFTS),
    wrong=wrong_options(_DRAFTS, right="B"),
)


P = [0.5, 0.4, 0.1]


def _kl(row: Tensor) -> float:
    return float(kl(tensor(P, dtype=torch.float64), row))


def _accepted(row: Tensor) -> float:
    return 1 - float(total_variation(tensor(P, dtype=torch.float64), row))


def _pair(pair: Any) -> bool:
    return are_distributions(rows(pair), 2) and all(len(row) == 3 for row in rows(pair))


_FORM = (
    "I need two drafts, a pair of lists of three probabilities each, which sum to 1: (a, b). No "
    "number may be below 0."
)
_NEARER = (
    "a is not nearer by KL(p‖q): KL(p‖a) must be smaller than KL(p‖b). What makes KL(p‖b) large? A "
    "token that p has and b nearly forgets."
)
_FASTER = (
    "b is not accepted more often than a, by .05 at least. Keep b close to p on the two likely tokens: "
    "it may lose no more than the .1 of the third. And let a be further away, by a little everywhere."
)

nearer_and_slower = Exercise(
    lesson=LESSON,
    name="nearer_and_slower",
    title="Nearer by KL, and slower",
    statement=(
        "The target says p = (.5, .4, .1). Write down two drafts **a** and **b**, three "
        "probabilities each, such that a is **nearer** to p, KL(p‖a) < KL(p‖b), and yet b is "
        "**accepted more often**, by .05 at least."
    ),
    difficulty=2,
    minutes=6,
    skill="designing an example in which two distances part",
    variable="my_drafts",
    stub="my_drafts = ...  # (a, b), each a list of three probabilities",
    hints=(
        "What does KL(p‖q) punish without limit, although total variation hardly sees it?",
        "Let b nearly forget the third token: that costs .1 of acceptance at most. Then let a differ "
        "by .2 in total variation, with no token forgotten.",
    ),
    right=([0.3, 0.5, 0.2], [0.55, 0.45, 0.0]),
    explanation=(
        "b never proposes the third token: KL(p‖b) is infinite, and it is accepted on 90 %. a forgets "
        "nothing, KL(p‖a) = .097, and is accepted on 80 %."
    ),
    deepens=(
        "KL(p‖q) guards against forgetting. A draft may forget: the residual brings the token in. So "
        "the loss that is right for a student which writes alone need not be right for a draft."
    ),
    judge=satisfies(
        (_pair, _FORM),
        (lambda pair: _kl(rows(pair)[0]) < _kl(rows(pair)[1]), _NEARER),
        (lambda pair: _accepted(rows(pair)[1]) > _accepted(rows(pair)[0]) + 0.049999, _FASTER),
    ),
    wrong={
        "form": Wrong(([0.3, 0.5, 0.3], [0.55, 0.45, 0.0]), _FORM),
        "exchanged": Wrong(([0.55, 0.45, 0.0], [0.3, 0.5, 0.2]), _NEARER),
        "equal": Wrong(([0.4, 0.4, 0.2], [0.4, 0.4, 0.2]), _NEARER),
        "nearer_by_both": Wrong(([0.45, 0.45, 0.1], [0.2, 0.2, 0.6]), _FASTER),
        "hardly": Wrong(([0.4, 0.48, 0.12], [0.5, 0.5, 0.0]), _FASTER),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "A draft gets much worse: its total variation from the target rises from .2 to .6. With "
            "the residual rule, what happens to the text?",
            (
                Option(
                    "Its distribution stays the same; fewer tokens come from each call.",
                    "Right: the draft decides the speed and nothing else.",
                    right=True,
                ),
                Option(
                    "It gets a little worse, since more of the draft's tokens come in.",
                    "The more a draft is off, the more of its tokens are refused. Accepted and "
                    "residual together are p, whatever q is.",
                ),
                Option(
                    "It gets better, since the target corrects more often.",
                    "The target alone is already what is written. There is nothing to be better than.",
                ),
            ),
        ),
        Question(
            "The names of the textbook's recipe were far more probable under the target than the "
            "target's own. What does that show?",
            (
                Option(
                    "That they do not come from the target's distribution.",
                    "Right: who samples must also write less probable names, as often as p says.",
                    right=True,
                ),
                Option(
                    "That the recipe is better than sampling.",
                    "If the most probable names are wanted, ask the target for them directly. This "
                    "recipe promised to write what the target would write.",
                ),
                Option(
                    "That the draft is good.",
                    "It is the same draft as in the lossless recipe. The rule is different.",
                ),
            ),
        ),
        Question(
            "Why was a test of whole names on a vocabulary of four tokens worth more than reading "
            "some invented names?",
            (
                Option(
                    "There all names and their exact probabilities can be listed and compared with "
                    "counts.",
                    "Right. And it can be said beforehand how surely the test finds a wrong rule.",
                    right=True,
                ),
                Option(
                    "Because small models make fewer mistakes.",
                    "The rule is tested, and it does not know how large the models are.",
                ),
                Option(
                    "Because there a wrong rule makes no difference.",
                    "It made a large one, and that is why it was found.",
                ),
            ),
        ),
        Question(
            "Counting says 2.5 tokens per call. What do you promise about time?",
            (
                Option(
                    "Nothing before it is measured with the draft's time included; less than 2.5.",
                    "Right: draft steps take time, and so do longer calls.",
                    right=True,
                ),
                Option(
                    "2.5 times the speed.",
                    "Only for a draft that costs nothing and a call that reads five tokens as fast "
                    "as one.",
                ),
                Option(
                    "2.5 times the speed if the batch is large enough.",
                    "The other way round: a large batch leaves no computing power to spare for "
                    "proposals that are refused.",
                ),
            ),
        ),
    ),
)
