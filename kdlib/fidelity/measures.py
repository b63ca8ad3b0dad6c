"""Did the student become the teacher, and how sure are we?

`teacher` is (N, K), one row of probabilities per input, `student` the same, or (S, N, K) for S
training seeds; log=True says that they are log-probabilities. Lists, arrays and tensors will do. A
class is a model's answer if it is its most probable one; of equal ones the first counts, as in
divergences.top1_agreement. Every function is of the inputs it was given, so give it inputs that
neither model was trained on, at temperature 1.

Intervals are at 95 %. With (N, K) they are over inputs, for these two trained models, in closed form
for shares (intervals.py) and by bootstrap for KL. With (S, N, K) they are over inputs and seeds
(stats.mean_interval), and numbers are means over the seeds.

Nobody can see in the numbers which model is the teacher. Agreement, kappa, churn and error
consistency are the same with the roles exchanged; KL and copied errors are not.

References: Stanton et al. (2021), Does knowledge distillation really work?, arXiv:2106.05945
(agreement, KL); Cohen (1960), A coefficient of agreement for nominal scales; Geirhos, Meding and
Wichmann (2020), Beyond accuracy: quantifying trial-by-trial behaviour of CNNs and humans by
measuring error consistency, arXiv:2006.16736; Milani Fard et al. (2016), Launch and iterate:
reducing prediction churn.
"""

import numpy as np
from numpy.typing import NDArray

from kdlib import checks
from kdlib.checks import Floats
from kdlib.fidelity.comparison import (
    Bools,
    Comparison,
    Labels,
    Right,
    among_first,
    compared,
    models,
    right_of,
)
from kdlib.fidelity.intervals import (
    beyond_chance,
    chance_of_answers,
    consistency,
    difference_of_shares,
    influence,
)
from kdlib.fidelity.profile import KLProfile, profile_of_values, rate
from kdlib.fidelity.rows import Rows, compare
from kdlib.stats import Interval, mean_interval, paired_bootstrap


def agreement(
    teacher: Floats, student: Floats, k: int = 1, *, log: bool = False, seed: int = 0
) -> Interval:
    """Return how often the teacher's answer is among the student's k most probable classes.

    With k = 1, how often both give the same answer. A more accurate student agrees more with an
    accurate teacher, taught or not: compare with a control (added_agreement).

    Raises:
        ValueError, TypeError: for anything but distributions over the same classes.

    Of four inputs the last is answered differently:

    >>> teacher = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]
    >>> student = [[0.7, 0.3], [0.6, 0.4], [0.4, 0.6], [0.1, 0.9]]
    >>> print(f"{agreement(teacher, student):.2f}")
    0.75 [0.30, 0.95]
    """
    first, others, several = models(teacher, student, log, ("teacher", "student"))
    places = checks.first_places(k, first.values.shape[1])
    if places == 1:
        among = compare(first, others).agrees
    else:
        among = np.stack([among_first(first, other, places) for other in others])
    return rate(among if several else among[0], seed)


def added_agreement(
    teacher: Floats, student: Floats, control: Floats, *, log: bool = False, seed: int = 0
) -> Interval:
    """Return agreement(teacher, student) - agreement(teacher, control), paired by input.

    A control is trained as the student was, but without the teacher: what they have in common with
    the teacher without it. It needs as many seeds as the student.

    >>> teacher, control = [[0.9, 0.1]] * 8, [[0.9, 0.1], [0.2, 0.8]] * 4
    >>> print(f"{added_agreement(teacher, teacher, control):.2f}")  # 8 of 8 against 4 of 8
    0.50 [0.07, 0.78]
    """
    taught = compared(teacher, student, log)
    free = compared(teacher, control, log, ("teacher", "control"))
    gained, given = (x.of_student(x.rows.agrees) for x in (taught, free))
    checks.as_many_seeds(gained.shape, given.shape)
    if gained.ndim == 1:
        only_student, only_control = int((gained & ~given).sum()), int((given & ~gained).sum())
        return difference_of_shares(only_student, only_control, len(gained))
    return paired_bootstrap(gained, given, seed=seed)


def churn(a: Floats, b: Floats, *, log: bool = False, seed: int = 0) -> Interval:
    """Return how often two models give different answers: 1 - agreement. `b` may have seeds.

    It is also called disagreement. Two models of equal accuracy can differ on many inputs; the
    bounds are churn_bounds.

    >>> print(f"{churn([[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.3, 0.7]]):.2f}")
    0.50 [0.09, 0.91]
    """
    comparison = compared(a, b, log, ("a", "b"))
    return rate(~comparison.of_student(comparison.rows.agrees), seed)


def churn_bounds(accuracy_a: float, accuracy_b: float) -> tuple[float, float]:
    """Return the least and the largest churn that two accuracies allow: |a - b| to (1-a) + (1-b).

    At least: the errors of one are among the other's, with the same wrong answers. At most, and
    not above 1: they share no error, or give different wrong answers.

    >>> print("%.2f to %.2f" % churn_bounds(0.90, 0.85))
    0.05 to 0.25
    """
    a, b = checks.fraction(accuracy_a, "accuracy_a"), checks.fraction(accuracy_b, "accuracy_b")
    return abs(a - b), min(1.0, (1 - a) + (1 - b))


def cohens_kappa(teacher: Floats, student: Floats, *, log: bool = False, seed: int = 0) -> Interval:
    """Return (o - e) / (1 - e): o the agreement, e what the frequencies of the answers alone give.

    e = sum over classes of (share of the teacher's answers) x (share of the student's). From -1 to
    1; 0 for a student that gives answers as often as it does but without looking. It does not
    know of accuracy: two accurate models have a high kappa without having met.

    Raises:
        ValueError: also if both always give the same one answer, since e is 1 then.

    o = 3/4; both classes are half of the teacher's answers, so e = 1/2:

    >>> teacher, student = [[0.9, 0.1]] * 2 + [[0.1, 0.9]] * 2, [[0.9, 0.1]] * 3 + [[0.1, 0.9]]
    >>> print(f"{cohens_kappa(teacher, student):.2f}")
    0.50 [-0.40, 1.00]
    """
    comparison = compared(teacher, student, log)
    found = [_kappa_parts(comparison.rows, i) for i in range(len(comparison.rows.students))]
    if comparison.several:
        return mean_interval([kappa + drawn for kappa, drawn, _ in found], seed=seed)
    kappa, drawn, chance = found[0]
    same = comparison.rows.agrees[0]
    return beyond_chance(int(same.sum()), len(same), chance, float(np.mean(drawn**2)))


def error_consistency(
    teacher: Floats, student: Floats, labels: Labels, *, log: bool = False, seed: int = 0
) -> Interval:
    """Return (o - e) / (1 - e): do both err on the same inputs, beyond what accuracies give?

    o is how often both are right or both wrong, e = a b + (1-a) (1-b) what models of accuracies a
    and b that err independently would give. 1: the same inputs; 0: independent errors; below 0:
    they avoid each other's errors. Whether wrong answers are the same does not count here: see
    copied_errors. Source: Geirhos et al. (2020).

    Raises:
        ValueError: also if both are always right, or both always wrong, since e is 1 then.

    Each errs once in four, on different inputs: o = 1/2, e = 9/16 + 1/16 = 5/8.

    >>> teacher, student = [[0.9, 0.1]] * 3 + [[0.1, 0.9]], [[0.1, 0.9]] + [[0.9, 0.1]] * 3
    >>> print(f"{error_consistency(teacher, student, [0, 0, 0, 0]):.2f}")
    -0.33 [-0.75, 0.62]
    """
    comparison, right = _with_labels(teacher, student, labels, log)
    first, second = right.teacher, right.students
    a, b = first.mean(), second.mean(axis=-1)
    chance = a * b + (1 - a) * (1 - b)
    checks.defined(
        bool((chance < 1).all()),
        "error consistency",
        "both models are right on every input, or wrong on every input, so that chance explains "
        "all. Take more inputs, or harder ones.",
    )
    if not comparison.several:
        return consistency(*(int(x.sum()) for x in _cells(first, second[0])))
    same = first == second
    observed = same.mean(axis=-1, keepdims=True)
    change = (2 * b[:, None] - 1) * (first - a) + (2 * a - 1) * (second - b[:, None])
    drawn = influence(same, chance[:, None], change, observed)
    return mean_interval((observed - chance[:, None]) / (1 - chance[:, None]) + drawn, seed=seed)


def copied_errors(
    teacher: Floats, student: Floats, labels: Labels, *, log: bool = False, seed: int = 0
) -> Interval:
    """Return the share of the teacher's mistakes that the student repeats: the same wrong class.

    Of 0 the student learned none of them. A control that never met the teacher repeats some too,
    since hard inputs mislead both.

    Raises:
        ValueError: also if the teacher makes no mistake.

    The teacher errs on the last two inputs, the student copies one of them:

    >>> teacher, student = [[0.9, 0.1]] * 4, [[0.8, 0.2]] * 3 + [[0.2, 0.8]]
    >>> print(f"{copied_errors(teacher, student, [0, 0, 1, 1]):.2f}")
    0.50 [0.09, 0.91]
    """
    comparison, right = _with_labels(teacher, student, labels, log)
    mistakes = ~right.teacher
    checks.defined(
        bool(mistakes.any()),
        "the share of copied errors",
        "the teacher makes no mistake on these inputs, so there is none to copy.",
    )
    copied = comparison.of_student(comparison.rows.agrees)[..., mistakes]
    if comparison.several:
        checks.two_inputs(copied.shape[1], "the set of the teacher's mistakes")
    return rate(copied, seed)


def kl_profile(teacher: Floats, student: Floats, *, log: bool = False, seed: int = 0) -> KLProfile:
    """Return how KL(teacher || student) is spread over inputs: mean, quantiles, largest, budget.

    `above_budget` counts inputs whose KL reaches flip_budget(teacher): only there can the answers
    differ. Source of the budget: see divergences.flip_budget.

    Half of the inputs are copied exactly, half are ln 2 away:

    >>> profile = kl_profile([[0.5, 0.5], [1.0, 0.0]] * 2, [[0.5, 0.5], [0.5, 0.5]] * 2)
    >>> print(f"{profile.mean.estimate:.3f} {profile.median:.3f} {profile.p90:.3f}")
    0.347 0.000 0.693
    """
    comparison = compared(teacher, student, log)
    kl, uncertified = comparison.rows.kl, comparison.rows.uncertified
    return profile_of_values(
        comparison.of_student(kl), comparison.of_student(uncertified), seed=seed
    )


def _with_labels(
    teacher: Floats, student: Floats, labels: Labels, log: bool
) -> tuple[Comparison, Right]:
    comparison = compared(teacher, student, log)
    return comparison, right_of(comparison.rows, labels)


def _cells(first: Bools, second: Bools) -> tuple[Bools, Bools, Bools, Bools]:
    """Both, only the first, only the second, neither."""
    return first & second, first & ~second, ~first & second, ~first & ~second


def _kappa_parts(rows: Rows, student: int) -> tuple[float, NDArray[np.float64], float]:
    """Return kappa of one student, what each input draws it by, and the chance term e."""
    answers = rows.teacher, rows.students[student]
    of_teacher, of_student = (np.bincount(x, minlength=rows.classes) for x in answers)
    chance = chance_of_answers(of_teacher.tolist(), of_student.tolist())
    checks.defined(
        chance < 1,
        "Cohen's kappa",
        "both models give the same one answer on every input, so that chance explains all. Take "
        "inputs with several answers.",
    )
    same = rows.agrees[student]
    change = (of_student[answers[0]] + of_teacher[answers[1]]) / len(rows) - 2 * chance
    drawn = influence(same, chance, change, same.mean())
    return float((same.mean() - chance) / (1 - chance)), drawn, chance
