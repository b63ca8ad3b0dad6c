"""Exercises of lesson 01: dissimilarity functions."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.divergences import kl, total_variation
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import are_distributions, rows

LESSON = "01"


def my_kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) in nats. p, q: (..., K) probabilities -> (...)."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def _kl_of_plain_logs(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p.log() - q.log())).sum(-1)


def _kl_with_epsilon(p: Tensor, q: Tensor) -> Tensor:
    return (p * ((p + 1e-8) / (q + 1e-8)).log()).sum(-1)


_KL_CASES = (
    (torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25])),
    (torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.3, 0.3, 0.4])),
    (torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([[0.5, 0.5], [0.6, 0.4]])),
    (torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5])),
    (torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])),
    (torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])),
)

kl_by_hand = Exercise(
    lesson=LESSON,
    name="kl_by_hand",
    title="Write KL yourself",
    statement=(
        "Write $\\mathrm{KL}(p\\Vert q)=\\sum_k p_k\\,(\\ln p_k-\\ln q_k)$ for probabilities on "
        "the last axis. A class that the teacher rules out, $p_k=0$, counts as 0. A class that "
        "only the student rules out makes the sum infinite. Both should come out without an `if`."
    ),
    difficulty=2,
    minutes=6,
    skill="turning a formula into one line of vectorised code",
    variable="my_kl",
    stub='''def my_kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) in nats. p, q: (..., K) probabilities -> (...)."""
    return ...  # your code here''',
    hints=(
        "The sum runs over the last axis only: `.sum(-1)`. What does `0 * log(0)` give in torch?",
        "`torch.xlogy(a, b)` is `a * log(b)`, and 0 where `a` is 0. Write the formula with two "
        "of them.",
    ),
    right=my_kl,
    explanation=(
        "`torch.xlogy` knows that $0\\cdot\\ln 0=0$, and it still gives $-\\infty$ for "
        "$p_k\\ln 0$ with $p_k>0$, so the infinite case is right too."
    ),
    deepens=(
        "You average the log-ratio with the teacher's weights: classes to which the teacher gives "
        "little weight hardly count, whatever the student says there."
    ),
    judge=same_function(_KL_CASES),
    wrong={
        "plain_logs": Wrong(
            _kl_of_plain_logs,
            "Right wherever p > 0. Where p = 0 you multiply 0 by minus infinity, and that is nan: "
            "one ruled-out class spoils the whole sum.",
        ),
        "swapped": Wrong(
            lambda p, q: my_kl(q, p),
            "This is KL(q‖p): you weigh the log-ratio with the student's probabilities. The "
            "weights and the first logarithm belong to p, the teacher.",
        ),
        "mean_over_classes": Wrong(
            lambda p, q: (torch.xlogy(p, p) - torch.xlogy(p, q)).mean(-1),
            "You took the mean over classes. p is the weight already, so the sum is an average; "
            "dividing by K once more makes the answer depend on how many classes there are.",
        ),
        "cross_entropy": Wrong(
            lambda p, q: -torch.xlogy(p, q).sum(-1),
            "This is the cross-entropy H(p, q) = KL(p‖q) + H(p). It is not 0 when both agree: "
            "subtract the teacher's own entropy.",
        ),
        "bits": Wrong(
            lambda p, q: my_kl(p, q) / torch.log(torch.tensor(2.0)),
            "These are bits (log base 2). We count in nats: the natural logarithm.",
        ),
        "sign": Wrong(
            lambda p, q: -my_kl(p, q),
            "The sign is turned: KL is never negative. The ratio is p over q.",
        ),
        "epsilon": Wrong(
            _kl_with_epsilon,
            "An epsilon inside the logarithm hides the infinity: where the student says "
            "impossible, your answer is a function of the epsilon, not of the two models.",
        ),
        "all_summed": Wrong(
            lambda p, q: (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(),
            "You summed over the examples too. One number for each row: sum over the last axis.",
        ),
    },
)


def fixed_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher‖student), mean over examples. (N, K), (N, K) -> scalar."""
    log_student = F.log_softmax(student_logits, -1)
    teacher = F.softmax(teacher_logits, -1)
    return F.kl_div(log_student, teacher, reduction="batchmean")


def _as_found(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    student, teacher = F.softmax(student_logits, -1), F.softmax(teacher_logits, -1)
    return (torch.xlogy(teacher, teacher) - teacher * student).mean()


def _reduced(student_logits: Tensor, teacher_logits: Tensor, reduction: str) -> Tensor:
    terms = F.kl_div(
        F.log_softmax(student_logits, -1), F.softmax(teacher_logits, -1), reduction="none"
    )
    return terms.mean() if reduction == "mean" else terms.sum()


_LOGIT_CASES = (
    (torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])),
    (torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.0, 3.0], [0.0] * 3])),
)

kl_div_repaired = Exercise(
    lesson=LESSON,
    name="kl_div_repaired",
    title="Repair the loss",
    statement=(
        "`found_loss` above was meant to be $\\mathrm{KL}(\\text{teacher}\\Vert\\text{student})$ "
        "averaged over the examples. It runs, it falls, and it is negative. Write it right, with "
        "`F.kl_div`. The student still stands first; two other things must change."
    ),
    difficulty=2,
    minutes=6,
    skill="reading the contract of a library function",
    variable="fixed_loss",
    stub='''def fixed_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher‖student), mean over examples. (N, K), (N, K) -> scalar."""
    return ...  # your code here''',
    hints=(
        "`F.kl_div(input, target)` computes KL(target‖exp(input)). Which of the two must be a "
        "logarithm, and which model is it?",
        "The default reduction divides by N·K. Look for the one that divides by N.",
    ),
    right=fixed_loss,
    explanation=(
        "Two things were wrong: the first argument must hold *log*-probabilities, and the mean "
        "must run over examples, `batchmean`. The order was right: the student first."
    ),
    deepens=(
        'With K = 100 classes, `reduction="mean"` makes the loss a hundred times smaller. '
        "Beside a label loss that is the same as turning distillation off."
    ),
    judge=same_function(_LOGIT_CASES),
    wrong={
        "as_found": Wrong(
            _as_found,
            "The first argument must be log-probabilities. F.kl_div takes them as they are, so "
            "with probabilities it adds up something that is no divergence and can be negative.",
        ),
        "still_probabilities": Wrong(
            lambda s, t: F.kl_div(s.softmax(-1), t.softmax(-1), reduction="batchmean"),
            "The mean is right now. But the first argument must still become log-probabilities.",
        ),
        "raw_logits": Wrong(
            lambda s, t: F.kl_div(s, t.softmax(-1), reduction="batchmean"),
            "The student's logits are no log-probabilities yet: they are not normalised. "
            "F.kl_div does not check; use log_softmax.",
        ),
        "both_logs": Wrong(
            lambda s, t: F.kl_div(s.log_softmax(-1), t.log_softmax(-1), reduction="batchmean"),
            "The target is a logarithm too. F.kl_div expects probabilities there, unless you say "
            "`log_target=True`.",
        ),
        "divided_by_classes": Wrong(
            lambda s, t: _reduced(s, t, "mean"),
            "The reduction divides by N·K, so the number is K times too small.",
        ),
        "not_divided": Wrong(
            lambda s, t: _reduced(s, t, "sum"),
            "This is the sum over the examples; a loss that doubles with the batch changes the "
            "learning rate. Divide by N.",
        ),
        "swapped": Wrong(
            lambda s, t: fixed_loss(t, s),
            "This is KL(student‖teacher). F.kl_div names its arguments the other way round: "
            "the first is the approximation, the second the reference.",
        ),
    },
)


def my_js(p: Tensor, q: Tensor) -> Tensor:
    """Jensen–Shannon divergence in nats. p, q: (..., K) probabilities -> (...)."""
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


js_by_hand = Exercise(
    lesson=LESSON,
    name="js_by_hand",
    title="A divergence that cannot be infinite",
    statement=(
        "Two people who disagree can meet in the middle. Let $m=\\tfrac12(p+q)$. Write the "
        "**Jensen–Shannon divergence** "
        "$\\mathrm{JS}(p,q)=\\tfrac12\\mathrm{KL}(p\\Vert m)+\\tfrac12\\mathrm{KL}(q\\Vert m)$. "
        "Use the library's `kl`."
    ),
    difficulty=1,
    minutes=3,
    skill="building one function from another",
    variable="my_js",
    stub='''def my_js(p: Tensor, q: Tensor) -> Tensor:
    """Jensen–Shannon divergence in nats. p, q: (..., K) probabilities -> (...)."""
    return ...  # your code here''',
    hints=(
        "Compute `m` first. It is a distribution too, and it is never 0 where p or q is not.",
        "`m` is the second argument in both terms.",
    ),
    right=my_js,
    explanation=(
        "Wherever p or q has mass, m has at least half of it. So no log-ratio exceeds ln 2, and "
        "JS lies between 0 and ln 2."
    ),
    deepens=(
        "Its square root is a true distance: no detour is shorter. The next exercise shows that "
        "KL is not."
    ),
    judge=same_function(_KL_CASES),
    wrong={
        "against_each_other": Wrong(
            lambda p, q: (kl(p, q) + kl(q, p)) / 2,
            "You compared p and q with each other (Jeffreys' divergence). It is symmetric, but as "
            "infinite as KL. Compare each with the middle m.",
        ),
        "middle_first": Wrong(
            lambda p, q: (kl((p + q) / 2, p) + kl((p + q) / 2, q)) / 2,
            "m stands first in your two terms. Then the middle is the reference, and a class that "
            "one side rules out makes it infinite again.",
        ),
        "not_halved": Wrong(
            lambda p, q: 2 * my_js(p, q),
            "Twice too large: each of the two terms has weight one half.",
        ),
        "root": Wrong(
            lambda p, q: my_js(p, q).sqrt(),
            "This is the square root, the Jensen–Shannon *distance* (scipy's `jensenshannon` gives "
            "it). The divergence is without the root.",
        ),
        "one_side": Wrong(
            lambda p, q: kl(p, (p + q) / 2),
            "This is only the teacher's half. Without the student's half it is not symmetric.",
        ),
    },
)


def _three_distributions(answer: Any) -> bool:
    written = rows(answer)
    return are_distributions(written, count=3) and len({len(row) for row in written}) == 1


def _all_finite(answer: Any) -> bool:
    p, q, r = rows(answer)
    return all(bool(kl(a, b).isfinite()) for a, b in ((p, r), (p, q), (q, r)))


def _detour_is_shorter(answer: Any) -> bool:
    p, q, r = rows(answer)
    return float(kl(p, r)) > float(kl(p, q) + kl(q, r)) + 1e-6


_TRIPLE = (
    "I need three distributions (p, q, r), each summing to 1, all with the same number of classes."
)
_FINITE = "One of the three KLs is infinite. Keep every class possible, so that lengths compare."
_NO_SHORTCUT = (
    "Here the direct way is not longer than the detour: KL(p‖r) ≤ KL(p‖q) + KL(q‖r). Put q "
    "between p and r."
)

triangle = Exercise(
    lesson=LESSON,
    name="triangle",
    title="The detour that is shorter",
    statement=(
        "For a distance, a detour is never shorter: $d(p,r)\\le d(p,q)+d(q,r)$. Find three "
        "distributions for which KL breaks this rule: "
        "$\\mathrm{KL}(p\\Vert r)>\\mathrm{KL}(p\\Vert q)+\\mathrm{KL}(q\\Vert r)$. All with the "
        "same number of classes, and no probability 0."
    ),
    difficulty=2,
    minutes=5,
    skill="designing a counterexample",
    variable="my_triple",
    stub="my_triple = ...  # (p, q, r), each a list of probabilities",
    hints=(
        "Two classes are enough. Think of p and r as opposite opinions.",
        "Let q be the undecided one, (.5, .5).",
    ),
    right=([0.9, 0.1], [0.5, 0.5], [0.1, 0.9]),
    explanation=(
        "KL grows about with the square of a small step. Two half steps therefore cost about half "
        "of one whole step: KL(p‖r) = 1.76, the detour over (.5, .5) costs .88."
    ),
    deepens=(
        "That is why we say divergence, not distance. A chain teacher → assistant → student can "
        "look better at every link than it is from end to end."
    ),
    judge=satisfies(
        (_three_distributions, _TRIPLE),
        (_all_finite, _FINITE),
        (_detour_is_shorter, _NO_SHORTCUT),
    ),
    wrong={
        "not_distributions": Wrong(([1, 2], [0.5, 0.5], [0.1, 0.9]), _TRIPLE),
        "lengths": Wrong(([0.9, 0.1], [0.4, 0.3, 0.3], [0.1, 0.9]), _TRIPLE),
        "all_equal": Wrong(([0.5, 0.5], [0.5, 0.5], [0.5, 0.5]), _NO_SHORTCUT),
        "q_outside": Wrong(([0.6, 0.4], [0.01, 0.99], [0.5, 0.5]), _NO_SHORTCUT),
        "impossible_class": Wrong(([1.0, 0.0], [0.5, 0.5], [0.0, 1.0]), _FINITE),
    },
)

_SCENARIOS = {
    "A": "By total variation and by JS, yes. By KL there is one that scores higher: look at the "
    "class to which the student gives almost nothing although the teacher gives it half.",
    "B": "The unsure student is wrong about how sure to be, and not about what is possible: "
    "it is highest in no column.",
    "C": "By KL, yes: the student all but excludes what the teacher holds for even odds. By total "
    "variation and by JS, scenario A is further away.",
    "D": "KL puts C first, total variation and JS put A first. Without the function's name the "
    "question has no answer.",
}

scenario = Exercise(
    lesson=LESSON,
    name="scenario",
    title="Which scenario scores highest?",
    statement=(
        "Look at the table once more. Which scenario has the highest dissimilarity?\n\n"
        "- **A**: the confident contradiction\n- **B**: the unsure student\n"
        "- **C**: the excluded half\n- **D**: it depends on the function"
    ),
    difficulty=1,
    minutes=2,
    skill="reading a ranking",
    variable="my_scenario",
    stub='my_scenario = ...  # "A", "B", "C" or "D"',
    hints=(
        "Read the table column by column, not row by row.",
        "Mark the largest number in each column. Are the marks in one row?",
    ),
    right="D",
    explanation=_SCENARIOS["D"],
    deepens=(
        "So a report must name its function. `KL(p‖q)` asks what the student rules out; total "
        "variation asks how much probability lies in the wrong place."
    ),
    judge=one_of(_SCENARIOS),
    wrong=wrong_options(_SCENARIOS, right="D"),
)


def _pairs(answer: Any) -> list[Tensor]:
    return [row for pair in answer for row in rows(pair)]


def _four_distributions(answer: Any) -> bool:
    return are_distributions(_pairs(answer), count=4)


def _finite_and_close(answer: Any) -> bool:
    p1, q1, p2, q2 = _pairs(answer)
    finite = bool(kl(p1, q1).isfinite() and kl(p2, q2).isfinite())
    return finite and float(total_variation(p1, q1)) < 0.1 + 1e-9


def _kl_prefers_first(answer: Any) -> bool:
    p1, q1, p2, q2 = _pairs(answer)
    return float(kl(p1, q1)) > float(kl(p2, q2)) + 1e-6


def _total_variation_prefers_second(answer: Any) -> bool:
    p1, q1, p2, q2 = _pairs(answer)
    return float(total_variation(p1, q1)) < float(total_variation(p2, q2)) - 1e-6


_FOUR = "These are not two pairs of distributions: I need ((p1, q1), (p2, q2)), each summing to 1."
_CLOSE = (
    "Both KLs must be finite, and the total variation of the first pair at most .1: let hardly any "
    "probability move, and exclude no class altogether."
)
_KL_ORDER = (
    "KL does not put the first pair further apart than the second. KL grows fast where the "
    "student gives almost nothing to a class that the teacher still believes in."
)
_TV_ORDER = (
    "Total variation agrees with KL here. To keep it small in the first pair, move only little "
    "probability: a class with 10 % that the student sets to almost 0 costs total variation .1."
)

rank_flip = Exercise(
    lesson=LESSON,
    name="rank_flip",
    title="Make two functions disagree",
    statement=(
        "Design two pairs, $(p_1,q_1)$ and $(p_2,q_2)$, such that **KL says the first pair is "
        "further apart** and **total variation says the second pair is**. Scenarios C and A do "
        "that already, so make it harder: the first pair may have a total variation of **at most "
        ".1**, and both KLs must be finite. Any number of classes; there are many right answers."
    ),
    difficulty=3,
    minutes=8,
    skill="designing a counterexample",
    variable="my_pairs",
    stub="my_pairs = ...  # ((p1, q1), (p2, q2)), each a list of probabilities",
    hints=(
        "What makes KL large while hardly any probability moves? What makes total variation large "
        "while no class is excluded?",
        "Try a first pair that differs only in a class of 10 %, which the student all but "
        "excludes; and a second pair such as (.7, .3) against (.3, .7).",
    ),
    right=(([0.9, 0.1], [1 - 1e-6, 1e-6]), ([0.7, 0.3], [0.3, 0.7])),
    explanation=(
        "The first student moves a tenth of the probability but all but excludes a class: KL "
        "1.06 against total variation .10. The second moves four tenths and excludes nothing: KL "
        ".34 against .40."
    ),
    deepens=(
        "KL looks at ratios, total variation at differences. Pinsker's inequality ties them in "
        "one direction only: a small KL forces a small total variation, not the reverse."
    ),
    judge=satisfies(
        (_four_distributions, _FOUR),
        (_finite_and_close, _CLOSE),
        (_kl_prefers_first, _KL_ORDER),
        (_total_variation_prefers_second, _TV_ORDER),
    ),
    wrong={
        "one_pair": Wrong(([0.5, 0.5], [0.9, 0.1]), _FOUR),
        "infinite": Wrong((([0.9, 0.1], [1.0, 0.0]), ([0.7, 0.3], [0.3, 0.7])), _CLOSE),
        "scenarios_again": Wrong(
            (([0.5, 0.5, 0.0], [0.5, 1e-6, 0.499999]), ([0.98, 0.01, 0.01], [0.01, 0.01, 0.98])),
            _CLOSE,
        ),
        "second_worse_for_both": Wrong(
            (([0.5, 0.5], [0.6, 0.4]), ([0.98, 0.02], [0.02, 0.98])), _KL_ORDER
        ),
        "first_worse_for_both": Wrong(
            (([0.9, 0.1], [1 - 1e-6, 1e-6]), ([0.5, 0.5], [0.51, 0.49])), _TV_ORDER
        ),
    },
)


_REPLICAS = {
    "A": "It moves five points of probability in all; every function of the table puts it first.",
    "B": "It has the teacher's top probability to the digit. But it swaps the other two classes, "
    "and KL is ten times that of A: matching one number is not matching a distribution.",
    "C": "It has the right order of the classes, yet it moves twenty points of probability: the "
    "furthest of the three by every function of the table.",
    "D": "Often true, and worth checking. Here KL, JS and total variation all put A first.",
}

replication = Exercise(
    lesson=LESSON,
    name="replication",
    title="Who replicates the reference best?",
    statement=(
        "The reference answers (.70, .20, .10). Student A answers (.65, .22, .13), "
        "B (.70, .10, .20), C (.50, .30, .20). Which of them replicates it best? Compute before "
        "you choose.\n\n- **A**, **B** or **C**\n- **D**: it depends on the function"
    ),
    difficulty=1,
    minutes=4,
    skill="judging a copy by the whole distribution",
    variable="my_replica",
    stub='my_replica = ...  # "A", "B", "C" or "D"',
    hints=(
        "Call `kl`, `js` and `total_variation` on the reference and each student.",
        "A single matching entry says little. Sum over all classes.",
    ),
    right="A",
    explanation=(
        "KL(reference‖·) is .0066 for A, .0693 for B and .0851 for C; JS and total variation "
        "give the same order."
    ),
    deepens=(
        "B would win on 'difference of the top probability'. A measure that looks at one class "
        "can be satisfied by a student that got the rest wrong."
    ),
    judge=one_of(_REPLICAS),
    wrong=wrong_options(_REPLICAS, right="A"),
)


def my_cut(log_p: Tensor, top: int) -> Tensor:
    """The first `top` classes, and all others as one. log_p: (N, K) log-probabilities -> (N, top + 1)."""
    others = log_p[:, top:].logsumexp(-1, keepdim=True)
    return torch.cat([log_p[:, :top], others], -1)


def _with_rest(log_p: Tensor, top: int, rest: Tensor) -> Tensor:
    return torch.cat([log_p[:, :top], rest], -1)


_CUT_CASES = (
    (torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log(), 2),
    (torch.tensor([[0.6, 0.1, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]]).log(), 1),
    (torch.tensor([[-1e-3, -800.0, -801.0, -6.9]]).log_softmax(-1), 1),
)

top_tokens = Exercise(
    lesson=LESSON,
    name="top_tokens",
    title="Keep the favourites, and the rest",
    statement=(
        "Write `my_cut(log_p, top)`: keep the first `top` columns of log-probabilities and merge "
        "all other classes into one, as the last column. Each row is to remain a distribution, "
        "and nothing of what the model says of the others may get lost."
    ),
    difficulty=2,
    minutes=6,
    skill="coarsening a distribution without changing it",
    variable="my_cut",
    stub='''def my_cut(log_p: Tensor, top: int) -> Tensor:
    """log_p: (N, K) log-probabilities -> (N, top + 1)."""
    return ...  # your code here''',
    hints=(
        "The probability of 'one of the others' is the sum of theirs. What is that sum in logs?",
        "`log_p[:, top:].logsumexp(-1, keepdim=True)` is the last column; `torch.cat` joins.",
    ),
    right=my_cut,
    explanation=(
        "Probabilities of classes that exclude each other add up, and `logsumexp` adds in log space, "
        "so tokens of probability e^-800 do no harm."
    ),
    deepens=(
        "A divergence of cut distributions is a lower bound of the true one. After renormalising it "
        "is no bound of anything: with one class left, every two models are equal."
    ),
    judge=same_function(_CUT_CASES),
    wrong={
        "renormalised": Wrong(
            lambda log_p, top: log_p[:, :top].log_softmax(-1),
            "You scaled the favourites up until they sum to 1. Then nobody can see how much a model "
            "gives to all other tokens, and with `top=1` every two models agree perfectly. Keep the "
            "rest as one more column.",
        ),
        "dropped": Wrong(
            lambda log_p, top: log_p[:, :top],
            "The rest is gone: the rows no longer sum to 1, and a divergence of such rows can even "
            "be negative. Add one more column.",
        ),
        "summed_logs": Wrong(
            lambda log_p, top: _with_rest(log_p, top, log_p[:, top:].sum(-1, keepdim=True)),
            "A sum of logarithms is the logarithm of a *product*: the chance that all of them "
            "happen. You need the sum of the probabilities.",
        ),
        "sum_not_logged": Wrong(
            lambda log_p, top: _with_rest(log_p, top, log_p[:, top:].exp().sum(-1, keepdim=True)),
            "The last column is a probability, the others are logarithms of one. Take its log too.",
        ),
        "mean_of_rest": Wrong(
            lambda log_p, top: _with_rest(
                log_p, top, log_p[:, top:].exp().mean(-1, keepdim=True).log()
            ),
            "You averaged the rest. 'One of the others' is as probable as all of them together.",
        ),
        "one_too_many": Wrong(
            lambda log_p, top: my_cut(log_p, top + 1) if top + 1 < log_p.shape[1] else log_p,
            "You kept `top + 1` classes besides the rest. Counting from 0, columns 0 to `top - 1` "
            "are kept: `log_p[:, :top]`.",
        ),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "KL(teacher‖student) is infinite on one test name. What does it tell you?",
            (
                Option(
                    "The student gives probability 0 to a class that the teacher holds possible.",
                    "Right: one excluded class is enough, whatever happens elsewhere.",
                    right=True,
                ),
                Option(
                    "The code has a bug; add 1e-8 inside the logarithm.",
                    "Then the answer is about your epsilon: ten times smaller adds "
                    "another 2.3 times the missing probability. Smooth the student, or use JS.",
                ),
                Option(
                    "The two models disagree on the most likely class.",
                    "They may agree on it. The excluded class can be one of the small ones.",
                ),
                Option(
                    "The teacher gives probability 0 to a class that the student holds possible.",
                    "That is the other direction: such a class has weight 0 in KL(teacher‖student) "
                    "and makes KL(student‖teacher) infinite.",
                ),
            ),
        ),
        Question(
            "The teacher is unsure, (.34, .33, .33). Which student does KL(teacher‖student) "
            "punish most?",
            (
                Option(
                    "The overconfident one, (.98, .01, .01).",
                    "Right: 1.95 nats. With the roles exchanged, a sure teacher and an "
                    "unsure student, it is .97.",
                    right=True,
                ),
                Option(
                    "One that is unsure in another way, (.33, .33, .34).",
                    "That pair is nearly equal: its KL is below .001.",
                ),
                Option(
                    "All alike: it looks only at which class is on top.",
                    "KL uses every class. Agreement looks only at the top.",
                ),
            ),
        ),
        Question(
            "Which call gives KL(teacher‖student), averaged over a batch of logits s (student) and "
            "t (teacher)?",
            (
                Option(
                    "`F.kl_div(s.log_softmax(-1), t.softmax(-1), reduction='batchmean')`",
                    "Right: log-probabilities of the student first, divided by the examples.",
                    right=True,
                ),
                Option(
                    "`F.kl_div(s.softmax(-1), t.softmax(-1), reduction='batchmean')`",
                    "The first argument must be a logarithm. Without it the result is no "
                    "divergence and can be negative.",
                ),
                Option(
                    "`F.kl_div(t.log_softmax(-1), s.softmax(-1), reduction='batchmean')`",
                    "This is KL(student‖teacher): the second argument is the reference.",
                ),
                Option(
                    "`F.kl_div(s.log_softmax(-1), t.softmax(-1), reduction='mean')`",
                    "This divides by the number of classes as well.",
                ),
            ),
        ),
        Question(
            "A colleague reports: 'the divergence fell from .30 to .20'. What do you ask first?",
            (
                Option(
                    "Which function, in which order, on which inputs?",
                    "Right: without these three the number cannot be compared with anything.",
                    right=True,
                ),
                Option(
                    "Did the accuracy on the same inputs rise as well?",
                    "A fair question, later. First find out what the number measures.",
                ),
                Option(
                    "Nothing: for a divergence lower is better.",
                    "Lower KL(student‖teacher) can go with higher KL(teacher‖student).",
                ),
            ),
        ),
        Question(
            "You need a measure that treats both models alike and always stays finite. Which one?",
            (
                Option(
                    "Jensen–Shannon or total variation.",
                    "Right: both are symmetric and bounded, by ln 2 and by 1.",
                    right=True,
                ),
                Option(
                    "The mean of KL(p‖q) and KL(q‖p).",
                    "Symmetric, but infinite as soon as one side excludes a class.",
                ),
                Option(
                    "Cross-entropy.",
                    "Neither: it is not symmetric, and it is not 0 when the models agree.",
                ),
            ),
        ),
    ),
)
