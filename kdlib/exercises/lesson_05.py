"""Exercises of lesson 05: why distillation helps, and when it does not."""

import math
from typing import Any

import torch
from torch import Tensor, tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz
from kdlib.exercises.written import are_distributions, rows

LESSON = "05"


def my_posterior(point: Tensor, centres: Tensor, spread: float, shares: Tensor) -> Tensor:
    """p(k | x) of Gaussian classes of one spread. (D,), (K, D), a number, (K,) -> (K,)."""
    squares = (point - centres).square().sum(-1)
    return (shares.log() - squares / (2 * spread**2)).softmax(-1)


def _squares(point: Tensor, centres: Tensor) -> Tensor:
    return (point - centres).square().sum(-1)


def _densities(point: Tensor, centres: Tensor, spread: float, shares: Tensor) -> Tensor:
    return shares * (-_squares(point, centres) / (2 * spread**2)).exp()


def _divided(point: Tensor, centres: Tensor, spread: float, shares: Tensor) -> Tensor:
    """Right on paper; far from all centres it is 0 / 0."""
    densities = _densities(point, centres, spread, shares)
    return densities / densities.sum()


def _with_epsilon(point: Tensor, centres: Tensor, spread: float, shares: Tensor) -> Tensor:
    """No nan any more, but far from all centres every class becomes equally likely."""
    densities = _densities(point, centres, spread, shares) + 1e-8
    return densities / densities.sum()


def _doubles(*written: object) -> list[Tensor]:
    return [torch.tensor(numbers, dtype=torch.float64) for numbers in written]


def _case(point: object, centres: object, spread: float, shares: object) -> tuple[Any, ...]:
    x, mu, pi = _doubles(point, centres, shares)
    return x, mu, spread, pi


_POSTERIOR_CASES = (
    _case([0.5], [[-1.0], [1.0]], 1.0, [0.5, 0.5]),
    _case([0.5], [[-1.0], [1.0]], 2.0, [0.8, 0.2]),
    _case([1.0, 0.0], [[2.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], 0.5, [0.2, 0.3, 0.5]),
    _case([60.0], [[-1.0], [-1.5]], 1.0, [0.3, 0.7]),
)

posterior = Exercise(
    lesson=LESSON,
    name="posterior",
    title="Bayes probabilities yourself",
    statement=(
        "Write $p(k\\mid x)$ for one point: `point` $x$, `centres` $\\mu_k$ (a row each), `spread` "
        "$\\sigma$ and `shares` $\\pi_k$. It must also work far away from all centres, where every "
        "density is rounded to 0."
    ),
    difficulty=2,
    minutes=6,
    skill="Bayes' rule in log space",
    variable="my_posterior",
    stub='''def my_posterior(point: Tensor, centres: Tensor, spread: float, shares: Tensor) -> Tensor:
    """p(k | x) of Gaussian classes of one spread. (D,), (K, D), a number, (K,) -> (K,)."""
    return ...  # your code here''',
    hints=(
        "The squared distance to each centre is a sum over coordinates: `(point - centres)` has a "
        "row for each class.",
        "A softmax divides by the sum for you, without underflow: give it the *logarithm* of "
        "share times density.",
    ),
    right=my_posterior,
    explanation=(
        "The logarithm of the numerator is ln π_k − ‖x − μ_k‖² / 2σ². A softmax over classes "
        "exponentiates and normalises. Constants that are the same for all classes drop out."
    ),
    deepens=(
        "Here −‖x‖² / 2σ² is such a constant. What remains is linear in x: that is why a softmax "
        "regression can represent these probabilities exactly."
    ),
    judge=same_function(_POSTERIOR_CASES),
    wrong={
        "underflow": Wrong(
            _divided,
            "Right where the densities are not too small. Far from all centres each is rounded to "
            "0, and you divide 0 by 0: stay in log space and use softmax.",
        ),
        "epsilon": Wrong(
            _with_epsilon,
            "An epsilon hides the underflow: far from all centres your classes become equally "
            "likely, although one is nearer. Stay in log space and use softmax.",
        ),
        "manhattan": Wrong(
            lambda x, mu, s, pi: (pi.log() - (x - mu).abs().sum(-1).square() / (2 * s**2)).softmax(
                -1
            ),
            "Square each coordinate's difference first, then sum: the squared distance is the sum "
            "of squares, not the square of the sum.",
        ),
        "no_shares": Wrong(
            lambda x, mu, s, pi: (-_squares(x, mu) / (2 * s**2)).softmax(-1),
            "The shares are missing: a rare class must be closer to be as likely.",
        ),
        "shares_not_logged": Wrong(
            lambda x, mu, s, pi: (pi - _squares(x, mu) / (2 * s**2)).softmax(-1),
            "Inside the exponential a factor becomes an added *logarithm*: ln π, not π.",
        ),
        "share_times_exponent": Wrong(
            lambda x, mu, s, pi: (-pi * _squares(x, mu) / (2 * s**2)).softmax(-1),
            "You multiplied the *exponent* by the share. The share is a factor beside the "
            "exponential: add ln π to the exponent.",
        ),
        "not_squared": Wrong(
            lambda x, mu, s, pi: (pi.log() - _squares(x, mu).sqrt() / (2 * s**2)).softmax(-1),
            "The distance is not squared.",
        ),
        "no_half": Wrong(
            lambda x, mu, s, pi: (pi.log() - _squares(x, mu) / s**2).softmax(-1),
            "The factor 2 below the fraction is missing.",
        ),
        "spread_not_squared": Wrong(
            lambda x, mu, s, pi: (pi.log() - _squares(x, mu) / (2 * s)).softmax(-1),
            "The spread σ is not squared. With σ = 1 this does not show.",
        ),
        "sign": Wrong(
            lambda x, mu, s, pi: (pi.log() + _squares(x, mu) / (2 * s**2)).softmax(-1),
            "The sign is wrong: your likeliest class is the farthest one.",
        ),
        "shares_outside": Wrong(
            lambda x, mu, s, pi: pi * (-_squares(x, mu) / (2 * s**2)).softmax(-1),
            "You multiplied by the shares after normalising. They belong inside: add ln π first, "
            "or divide by the sum once more.",
        ),
        "not_normalised": Wrong(
            _densities,
            "These are shares times densities. Divide by their sum, so that they sum to 1.",
        ),
        "logarithm": Wrong(
            lambda x, mu, s, pi: my_posterior(x, mu, s, pi).log(),
            "These are the log-probabilities: take exp, or softmax instead of log_softmax.",
        ),
        "mean_over_coordinates": Wrong(
            lambda x, mu, s, pi: (pi.log() - (x - mu).square().mean(-1) / (2 * s**2)).softmax(-1),
            "You took the mean over the coordinates. A squared distance is their sum.",
        ),
    },
)

points_needed = Exercise(
    lesson=LESSON,
    name="points_needed",
    title="How many points teach everything?",
    statement=(
        "A student has five linear functions of a point with two coordinates, $w_0+w_1x_1+w_2x_2$ "
        "each. At every point it hears all five Bayes probabilities, exactly. **At how many "
        "points, at least, must its teacher answer until the student is equal to it everywhere?** "
        "(The points lie anywhere, not on one line.)"
    ),
    difficulty=2,
    minutes=4,
    skill="counting unknowns and equations",
    variable="my_points",
    stub="my_points = ...  # a whole number",
    hints=(
        "Look at one of the linear functions alone. How many unknown numbers does it have?",
        "Each point gives one equation for each of the functions: the logarithm of the "
        "probability is known there.",
    ),
    right=3,
    explanation=(
        "Each linear function has three unknowns, and every point gives one equation for each "
        "function, for all five at the same time: 15 unknowns, five equations a point. (Strictly, "
        "only the differences between the five matter: 12 unknowns, four equations a point. It is "
        "3 either way.) A label gives no such equation: it is one draw."
    ),
    deepens=(
        "Phuong and Lampert (2019) study this for linear students: as soon as there are as many "
        "examples as unknowns, the student equals its teacher. It must be *able* to, though."
    ),
    judge=near(0.01),
    wrong={
        "constant_forgotten": Wrong(
            2, "You counted the two coordinates. Each function has a constant as well."
        ),
        "one_is_enough": Wrong(
            1, "One point fixes five numbers, one for each function, but each has three unknowns."
        ),
        "classes": Wrong(5, "The classes are served all at once: a soft label speaks of all five."),
        "free_probabilities": Wrong(
            4,
            "Four of the five numbers of a soft label are free, but they are spread over the "
            "functions: one point gives *each* function one equation. How many unknowns has one?",
        ),
        "all_weights": Wrong(
            15, "There are 15 weights, but a point gives five equations at once: 15 / 5."
        ),
        "free_weights": Wrong(
            12,
            "Twelve weights are free, if you count differences. But a point then gives four "
            "equations at once: 12 / 4.",
        ),
        "as_for_labels": Wrong(
            25, "That was a number of *labels*. Here each point gives exact equations: count them."
        ),
    },
)

_SIZES = {
    "A": "True, and it hides the size. With enough students any difference leaves 0 behind, "
    "however small it is.",
    "B": "The whole interval is above 0 and below one half: real, and too small to matter here.",
    "C": "0 lies outside the interval, so we can tell: there is a difference.",
    "D": "They differ: 0 lies outside the interval. What you may say is that the difference is "
    "small.",
}

how_much = Exercise(
    lesson=LESSON,
    name="how_much",
    title="Better, and by how much?",
    statement=(
        "From another world: students of Bayes probabilities minus students of labels, "
        "**+0.12 points, interval [+0.08, +0.16]**. Before you looked, you had decided that half a "
        "point is the least that matters to you. What do you write?\n\n"
        "- **A**: the Bayes teacher is better\n"
        "- **B**: it is better, by less than what matters\n"
        "- **C**: cannot tell\n"
        "- **D**: the two are equal"
    ),
    difficulty=1,
    minutes=2,
    skill="telling a real difference from one that matters",
    variable="my_report",
    stub='my_report = ...  # "A", "B", "C" or "D"',
    hints=(
        "There are two questions: is it above 0, and is it above what matters?",
        "Compare both ends of the interval with 0 and with 0.5.",
    ),
    right="B",
    explanation=_SIZES["B"],
    deepens=(
        "`verdict` takes the smallest difference that matters as a second argument. "
        "`verdict(gain, 0.5)` answers only whether it is *more* than that, and says *cannot tell* "
        "here. The interval says more than the verdict: print both."
    ),
    judge=one_of(_SIZES),
    wrong=wrong_options(_SIZES, right="B"),
)


def my_label_variance(p: Tensor, q: Tensor) -> Tensor:
    """Variance of the surprise -ln q_y when y is drawn from p. (..., K), (..., K) -> (...)."""
    surprise = -q.log()
    mean = (p * surprise).sum(-1)
    return (p * surprise.square()).sum(-1) - mean.square()


_VARIANCE_CASES = (
    tuple(_doubles([0.5, 0.5], [0.8, 0.2])),
    tuple(_doubles([0.9, 0.1], [0.3, 0.7])),
    tuple(_doubles([1.0, 0.0, 0.0], [0.2, 0.3, 0.5])),
    tuple(_doubles([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6]], [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])),
)

label_variance = Exercise(
    lesson=LESSON,
    name="label_variance",
    title="How much does a label scatter?",
    statement=(
        "Write the variance of the surprise $-\\ln q_y$ at one point, when the label $y$ is drawn "
        "from $p$: the mean of its square minus the square of its mean, both weighted with $p$. "
        "For several points (rows) at once it gives one number for each."
    ),
    difficulty=2,
    minutes=5,
    skill="mean and variance over a distribution",
    variable="my_label_variance",
    stub='''def my_label_variance(p: Tensor, q: Tensor) -> Tensor:
    """Variance of the surprise -ln q_y when y is drawn from p. (..., K), (..., K) -> (...)."""
    return ...  # your code here''',
    hints=(
        "Let `surprise = -q.log()`. Its mean over labels is `(p * surprise).sum(-1)`.",
        "The mean of the square is `(p * surprise.square()).sum(-1)`. Subtract the square of the "
        "mean.",
    ),
    right=my_label_variance,
    explanation=(
        "Both means run over the classes with the weights p, because p says how often each label "
        "is drawn. Where p is certain the label is always the same, and the variance is 0."
    ),
    deepens=(
        "A soft label has variance 0 at every point. Averaged over n points, labels add 1/n of the "
        "mean of this function: four times as many labels, a quarter of the variance."
    ),
    judge=same_function(_VARIANCE_CASES),
    wrong={
        "mean": Wrong(
            lambda p, q: -(p * q.log()).sum(-1),
            "This is the *mean* of the surprise, the cross-entropy: what both losses share.",
        ),
        "second_moment": Wrong(
            lambda p, q: (p * q.log().square()).sum(-1),
            "This is the mean of the square. The square of the mean is not subtracted.",
        ),
        "squared_products": Wrong(
            lambda p, q: (p * q.log()).square().sum(-1) - (p * q.log()).sum(-1).square(),
            "You squared the products p·ln q. Only the surprise is squared: p · (ln q)².",
        ),
        "mean_not_squared": Wrong(
            lambda p, q: (p * q.log().square()).sum(-1) + (p * q.log()).sum(-1),
            "The mean is subtracted as it is. Subtract its *square*. (A variance is never negative.)",
        ),
        "bits": Wrong(
            lambda p, q: my_label_variance(p, q) / math.log(2) ** 2,
            "These are bits: you took the logarithm to base 2. We count in nats.",
        ),
        "mean_of_classes": Wrong(
            lambda p, q: (p * q.log().square()).mean(-1) - (p * q.log()).mean(-1).square(),
            "You took means over the classes. p is the weight already: sum.",
        ),
        "negative": Wrong(
            lambda p, q: -my_label_variance(p, q),
            "The right size, below 0: a variance never is. Subtract the square of the mean from "
            "the mean of the square, not the other way round.",
        ),
        "deviation": Wrong(
            lambda p, q: my_label_variance(p, q).clamp_min(0).sqrt(),
            "This is the standard deviation, the square root of the variance.",
        ),
        "unweighted": Wrong(
            lambda p, q: q.log().var(-1, correction=0),
            "Every class counts alike here. A label is drawn from p: weight the classes with p.",
        ),
        "torch_var": Wrong(
            lambda p, q: q.log().var(-1),
            "`.var()` weights every class alike, and divides by K − 1 as for a sample. Weight the "
            "classes with p.",
        ),
        "of_products": Wrong(
            lambda p, q: (p * q.log()).var(-1, correction=0),
            "You took the variance of the products p·ln q. The weights belong outside: the mean of "
            "the square minus the square of the mean.",
        ),
        "teacher_s_surprise": Wrong(
            lambda p, q: my_label_variance(p, p.clamp_min(1e-300)),
            "This is the surprise of p itself, −ln p. The loss is the student's surprise, −ln q.",
        ),
        "weights_of_q": Wrong(
            lambda p, q: my_label_variance(q, q),
            "The weights are the student's q. Labels are drawn from p.",
        ),
        "swapped": Wrong(
            lambda p, q: my_label_variance(q, p.clamp_min(1e-12)),
            "p and q are exchanged: the surprise is the student's, the weights are p.",
        ),
        "over_points": Wrong(
            lambda p, q: my_label_variance(p, q).mean(),
            "You averaged over the points. Each point has its own variance: one number a row.",
        ),
    },
)

_TRUTH = tensor([[0.50, 0.45, 0.05], [0.05, 0.45, 0.50], [0.50, 0.45, 0.05]], dtype=torch.float64)


def _three_answers(answer: Any) -> bool:
    written = rows(answer)
    return are_distributions(written, count=3) and all(len(row) == 3 for row in written)


def _same_favourites(answer: Any) -> bool:
    written = torch.stack(rows(answer))
    first, second = written.topk(2).values.T
    return bool(((first - second > 1e-6) & (written.argmax(-1) == _TRUTH.argmax(-1))).all())


def _equally_sure(answer: Any) -> bool:
    return bool(((torch.stack(rows(answer)).amax(-1) - 0.5).abs() < 0.01).all())


def _student_leaves_b(answer: Any) -> bool:
    mean = torch.stack(rows(answer)).mean(0)
    return float(mean.max() - mean[1]) > 1e-6


_THREE = "I need three distributions, one for each input, over three classes, each summing to 1."
_FAVOURITES = "The favourites must stay as they are, A, C, A, and without a tie."
_SURENESS = "The teacher must be as sure as before: each largest probability .50 (within .01)."
_STILL_B = (
    "The student still chooses B. It learns the mean of the three answers: give B so little of "
    "each remaining half that another class has the largest mean."
)

worse_teacher = Exercise(
    lesson=LESSON,
    name="worse_teacher",
    title="Be a worse teacher",
    statement=(
        "Three inputs look alike to a small student: it must give one answer to all of them. With "
        "soft labels it learns the *mean* of the teacher's answers. The truth about classes A, B, C "
        "is (.50, .45, .05), (.05, .45, .50), (.50, .45, .05). Its mean is (.35, .45, .20), so the "
        "student says **B** and is right 45 % of the time: the best possible for it.\n\nNow design "
        "a teacher with the **same favourites** (A, C, A) that is **equally sure** of each (.50), "
        "and whose student does **not** say B."
    ),
    difficulty=2,
    minutes=5,
    skill="designing a counterexample",
    variable="my_teacher",
    stub="my_teacher = ...  # three lists of three probabilities",
    hints=(
        "Half of each answer is fixed. The other half is yours to share out.",
        "Take it away from B, wherever it is not needed for the sum.",
    ),
    right=([0.5, 0.05, 0.45], [0.45, 0.05, 0.5], [0.5, 0.05, 0.45]),
    explanation=(
        "The mean is (.48, .05, .47): the student says A and is right 35 % of the time. No "
        "favourite changed, and no sureness. What changed is the *second place*, which is what a "
        "student needs that cannot follow every favourite."
    ),
    deepens=(
        "From these three answers a student that can give three different ones would have learned "
        "the same favourites. How much the small probabilities matter depends on what the student "
        "must give up."
    ),
    judge=satisfies(
        (_three_answers, _THREE),
        (_same_favourites, _FAVOURITES),
        (_equally_sure, _SURENESS),
        (_student_leaves_b, _STILL_B),
    ),
    wrong={
        "one_answer": Wrong([0.5, 0.05, 0.45], _THREE),
        "not_distributions": Wrong(([5, 1, 4], [4, 1, 5], [5, 1, 4]), _THREE),
        "other_favourite": Wrong(
            ([0.45, 0.05, 0.5], [0.45, 0.05, 0.5], [0.5, 0.05, 0.45]), _FAVOURITES
        ),
        "tie": Wrong(([0.5, 0.0, 0.5], [0.5, 0.0, 0.5], [0.5, 0.0, 0.5]), _FAVOURITES),
        "favourites_only": Wrong(([1, 0, 0], [0, 0, 1], [1, 0, 0]), _SURENESS),
        "flattened": Wrong(([0.4, 0.35, 0.25], [0.25, 0.35, 0.4], [0.4, 0.35, 0.25]), _SURENESS),
        "the_truth": Wrong(([0.5, 0.45, 0.05], [0.05, 0.45, 0.5], [0.5, 0.45, 0.05]), _STILL_B),
        "too_little": Wrong(([0.5, 0.4, 0.1], [0.1, 0.4, 0.5], [0.5, 0.4, 0.1]), _STILL_B),
    },
)

_RUNS = {
    "A": "Thirty students and a narrow interval: chance is not what is in doubt here.",
    "B": "Right. Without it nobody knows whether the teacher helped, or the small model did.",
    "C": "It would tell how well the student copied, and not why it is better than its teacher.",
    "D": "A fair question for later. It leaves open what *this* teacher contributed.",
}

missing_run = Exercise(
    lesson=LESSON,
    name="missing_run",
    title="The missing run",
    statement=(
        "Before you call it a triumph: which further run does the claim *distillation made the "
        "student better* need most?\n\n"
        "- **A**: three hundred students instead of thirty\n"
        "- **B**: the same small model, trained directly on the teacher's 100 labels\n"
        "- **C**: the KL between teacher and student\n"
        "- **D**: a teacher with more parameters"
    ),
    difficulty=1,
    minutes=2,
    skill="asking for the control",
    variable="my_control",
    stub='my_control = ...  # "A", "B", "C" or "D"',
    hints=(
        "Two things differ between student and teacher: what they learned from, and what else?",
        "Change one thing at a time: keep the small model, leave out the teacher.",
    ),
    right="B",
    explanation=(
        "Student and teacher differ in size *and* in what they learned from. The control has the "
        "student's size and the teacher's labels, so it separates the two."
    ),
    deepens="A baseline is the same thing without the ingredient that you praise.",
    judge=one_of(_RUNS),
    wrong=wrong_options(_RUNS, right="B"),
)

quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "Why does a student learn more from 25 Bayes probabilities than from 25 labels?",
            (
                Option(
                    "Its loss has the same mean, but does not scatter with the draw of the labels.",
                    "Right: less variance at the same mean.",
                    right=True,
                ),
                Option(
                    "Its loss aims at another, better student.",
                    "Both losses have the same mean over labels, so with endless data both lead to "
                    "the same student.",
                ),
                Option(
                    "Labels are often wrong.",
                    "They are drawn from the truth. Each of them is one honest draw, and one draw "
                    "says little.",
                ),
            ),
        ),
        Question(
            "Two teachers are equally accurate on your test set. What do you ask next?",
            (
                Option(
                    "Are their probabilities noisy or orderly, and can my student follow them?",
                    "Right: in the lesson teachers with equal favourites had students between 62 "
                    "and 70 % right.",
                    right=True,
                ),
                Option(
                    "Which one has more parameters?",
                    "The students of the largest model were the least accurate on place names.",
                ),
                Option(
                    "Nothing: they teach equally well.",
                    "Accuracy looks at the favourite only. A student hears the whole answer.",
                ),
            ),
        ),
        Question(
            "Your student of a stronger teacher is worse than that of a weaker one. What does "
            "this lesson suggest first?",
            (
                Option(
                    "It cannot follow the stronger teacher from so few examples.",
                    "Right: try more examples for it to label, or a teacher nearer to the student.",
                    right=True,
                ),
                Option(
                    "The stronger teacher has a bug.",
                    "Possible, but the lesson's best teacher was the truth itself, and the straight "
                    "student still learned less from it at 20 points.",
                ),
                Option(
                    "Distillation never works with strong teachers.",
                    "From 400 points the truth was the better teacher for both students.",
                ),
            ),
        ),
        Question(
            "A teacher is slightly wrong everywhere. Labels become cheap. What do you expect?",
            (
                Option(
                    "With few labels the teacher is the better source, with many the labels are.",
                    "Right: its bias stays, while the variance of labels shrinks.",
                    right=True,
                ),
                Option(
                    "With more points the student will correct its teacher.",
                    "More points show the teacher's errors more exactly. They correct nothing.",
                ),
                Option(
                    "A wrong teacher is worse than labels from the start.",
                    "With 10 points its student was more than ten points better than that of labels.",
                ),
            ),
        ),
        Question(
            "Students of a smoothed teacher are more accurate, and no better by log-probability. "
            "What do you report?",
            (
                Option(
                    "What both judges say, with the number of teachers and students behind it.",
                    "Right: the two judges answer different questions, and one teacher of each "
                    "kind is one teacher.",
                    right=True,
                ),
                Option(
                    "That smoothing makes better teachers.",
                    "By one judge, for one pair of teachers, on one data set. Others found the "
                    "reverse on theirs.",
                ),
                Option(
                    "That smoothing makes no difference.",
                    "The accuracy differs by more than its interval allows for chance among "
                    "students and names.",
                ),
            ),
        ),
    ),
)
