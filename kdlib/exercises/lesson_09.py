"""Exercises of lesson 09: did it mimic? Those in which the reader writes answers: made_answers.py."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, tensor

from kdlib.exercises import made_answers
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, same_function, satisfies
from kdlib.exercises.quiz import Option, Question, Quiz

LESSON = "09"

strangers = Exercise(
    lesson=LESSON,
    name="strangers",
    title="How much do strangers agree?",
    statement=(
        "A report praises how often a student agrees with its teacher. Both are right on **98.5 %** "
        "of the inputs; there are **10** classes. Imagine two models with these accuracies that "
        "have nothing to do with each other: each errs independently, and each wrong answer is any "
        "of the nine wrong classes, with equal chances. On which share of the inputs do these two "
        "**strangers** agree? Three digits are enough."
    ),
    difficulty=1,
    minutes=3,
    skill="finding what agreement costs nothing",
    variable="my_agreement",
    stub="my_agreement = ...  # a share between 0 and 1",
    hints=(
        "They agree if both are right, or if both are wrong in the same way.",
        "$ab+(1-a)(1-b)/9$ with $a=b=.985$.",
    ),
    right=0.970,
    explanation=(
        "Both are right on .985² = .970 of the inputs; both are wrong in the same way on next to "
        "none (.015² / 9). So if the report says 97 %, it reports what two strangers reach."
    ),
    deepens=(
        "The better both models are, the less agreement says. Where both are right nearly always, "
        "only the few inputs on which the teacher errs can tell a copy from a stranger."
    ),
    judge=near(tolerance=0.002),
    wrong={
        "as_accurate": Wrong(
            0.985,
            "That is how often *one* of them is right. Both are right at once less often: multiply.",
        ),
        "percent": Wrong(97.0, "That is the percentage. A share lies between 0 and 1."),
        "one_class_in_ten": Wrong(
            0.1,
            "One in ten is for models that guess blindly. These two are right nearly always, and "
            "two right answers are equal.",
        ),
        "disagreement": Wrong(0.03, "That is about how often they *differ*. Take it from 1."),
    },
)

three_models = made_answers.three_models


def my_error_consistency(teacher_right: Tensor, student_right: Tensor) -> Tensor:
    """(o - e) / (1 - e) of two models right or wrong on the same inputs. bool (N,), (N,) -> ()."""
    a, b = teacher_right.double().mean(), student_right.double().mean()
    observed = (teacher_right == student_right).double().mean()
    expected = a * b + (1 - a) * (1 - b)
    return (observed - expected) / (1 - expected)


def _share(happened: Tensor) -> Tensor:
    return happened.double().mean()


def _both_right(t: Tensor, s: Tensor) -> Tensor:
    """How often strangers of these accuracies are both right."""
    return _share(t) * _share(s)


def _expected(t: Tensor, s: Tensor) -> Tensor:
    return _both_right(t, s) + _both_right(~t, ~s)


def _corrected(o: Tensor, e: Tensor) -> Tensor:
    return (o - e) / (1 - e)


def _counts(both: int, teacher: int, student: int, neither: int) -> tuple[Tensor, Tensor]:
    """Inputs on which both are right, only the teacher, only the student, neither."""
    t = [True] * (both + teacher) + [False] * (student + neither)
    s = [True] * both + [False] * teacher + [True] * student + [False] * neither
    return tensor(t), tensor(s)


_RIGHT_CASES = (_counts(2, 1, 0, 1), _counts(1, 1, 1, 1), _counts(7, 1, 0, 2), _counts(0, 3, 2, 0))

consistency = Exercise(
    lesson=LESSON,
    name="consistency",
    title="Error consistency",
    statement=(
        "Write $\\frac{o-e}{1-e}$ for right and wrong: `teacher_right` says of each input whether "
        "the teacher is right, `student_right` the same of the student. $o$ is the share of inputs "
        "on which both are right *or* both are wrong, $e=ab+(1-a)(1-b)$ what the accuracies $a$ "
        "and $b$ alone would give. (You need not care for models that are always right.)"
    ),
    difficulty=2,
    minutes=5,
    skill="turning a formula into code",
    variable="my_error_consistency",
    stub='''def my_error_consistency(teacher_right: Tensor, student_right: Tensor) -> Tensor:
    """(o - e) / (1 - e) of two models right or wrong on the same inputs. bool (N,), (N,) -> ()."""
    return ...  # your code here''',
    hints=(
        "`.double().mean()` of a bool tensor is the share of True. `teacher_right == student_right` "
        "is True where both are right and where both are wrong.",
        "`e = a * b + (1 - a) * (1 - b)`, with `a` and `b` the two means.",
    ),
    right=my_error_consistency,
    explanation=(
        "It is the same correction as kappa's, with two answers, *right* and *wrong*, in the place "
        "of the classes."
    ),
    deepens=(
        "The library's `error_consistency` gives it from probabilities and labels, with an "
        "interval. Where e = 1 it is undefined, and the library says so."
    ),
    judge=same_function(_RIGHT_CASES),
    wrong={
        "not_corrected": Wrong(
            lambda t, s: _share(t == s),
            "That is o alone: not corrected for what the two accuracies give.",
        ),
        "not_scaled": Wrong(
            lambda t, s: _share(t == s) - _expected(t, s),
            "The division by 1 − e is missing, so that a perfect copy does not score 1.",
        ),
        "ratio": Wrong(
            lambda t, s: _share(t == s) / _expected(t, s),
            "You divided o by e. Of the room that chance leaves, 1 − e, how much do o − e fill?",
        ),
        "errors_forgotten": Wrong(
            lambda t, s: _corrected(_share(t == s), _both_right(t, s)),
            "Your e lacks (1−a)(1−b): strangers are also both *wrong* now and then.",
        ),
        "both_right_only": Wrong(
            lambda t, s: _corrected(_share(t & s), _both_right(t, s)),
            "You count only inputs on which both are right. To err together is consistent too.",
        ),
        "precedence": Wrong(
            lambda t, s: _share(t == s) - _expected(t, s) / (1 - _expected(t, s)),
            "Brackets: `o - e / (1 - e)` divides e alone. Write `(o - e) / (1 - e)`.",
        ),
        "over_e": Wrong(
            lambda t, s: (_share(t == s) - _expected(t, s)) / _expected(t, s),
            "You divided by e. What chance leaves free is 1 − e.",
        ),
        "room_of_o": Wrong(
            lambda t, s: (_share(t == s) - _expected(t, s)) / (1 - _share(t == s)),
            "You divided by 1 − o. What chance leaves free is 1 − e.",
        ),
        "differences": Wrong(
            lambda t, s: _corrected(_share(t != s), _expected(t, s)),
            "Your o counts where they *differ*: one right, the other wrong. It is `==`.",
        ),
        "sign": Wrong(
            lambda t, s: (_expected(t, s) - _share(t == s)) / (1 - _expected(t, s)),
            "The sign: it is o − e, so that more than chance is above 0.",
        ),
        "one_accuracy": Wrong(
            lambda t, s: _corrected(_share(t == s), _expected(t, t)),
            "Your e takes the teacher's accuracy twice. The student has its own, b.",
        ),
        "both_wrong_only": Wrong(
            lambda t, s: _corrected(_share(~t & ~s), _both_right(~t, ~s)),
            "You count only inputs on which both are wrong. To be right together is consistent too.",
        ),
        "minus_in_e": Wrong(
            lambda t, s: _corrected(_share(t == s), _both_right(t, s) - _both_right(~t, ~s)),
            "Your e subtracts (1−a)(1−b). Both right *or* both wrong: add them.",
        ),
        "even_chances": Wrong(
            lambda t, s: _corrected(_share(t == s), torch.tensor(0.5).double()),
            "You took e = ½. Accurate strangers agree more often than that.",
        ),
        "better_accuracy": Wrong(
            lambda t, s: _corrected(_share(t == s), torch.maximum(_share(t), _share(s))),
            "Your e is one model's accuracy. How often are strangers both right, or both wrong?",
        ),
        "given_right": Wrong(
            lambda t, s: _share(t & s) / _share(t),
            "That is how often the student is right where the teacher is, uncorrected.",
        ),
        "errors_repeated": Wrong(
            lambda t, s: (~t & ~s).double().sum() / (~t).double().sum(),
            "That is on how many of the teacher's mistakes the student errs, uncorrected.",
        ),
        "correlation": Wrong(
            lambda t, s: torch.corrcoef(torch.stack([t, s]).double())[0, 1],
            "That is the correlation of right and wrong: the same only at equal accuracies.",
        ),
    },
)


def my_copied_errors(teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
    """The share of the teacher's mistakes that the student repeats. int (N,) each -> ()."""
    mistakes = teacher != labels
    return (student == teacher)[mistakes].double().mean()


def _both_wrong(teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
    return (teacher != labels) & (student != labels)


def _repeated(teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
    return ((teacher != labels) & (student == teacher)).double().sum()


_COPY_CASES = (
    (tensor([0, 1, 2, 2]), tensor([0, 1, 1, 1]), tensor([0, 0, 0, 0])),
    (tensor([0, 1, 2, 1, 0, 1]), tensor([0, 1, 0, 0, 1, 1]), tensor([0, 2, 2, 0, 0, 1])),
    (tensor([1, 1, 1, 0, 2, 2]), tensor([1, 1, 0, 2, 2, 2]), tensor([0, 0, 0, 1, 1, 2])),
)

copied = Exercise(
    lesson=LESSON,
    name="copied",
    title="Find the bug: copied errors",
    statement=(
        "This was meant to be the share of the teacher's mistakes that the student **repeats**, "
        "from the answers of both:\n\n"
        "```python\n"
        "def found_copied_errors(teacher, student, labels):\n"
        "    both_wrong = (teacher != labels) & (student != labels)\n"
        "    return both_wrong.double().mean()\n"
        "```\n\n"
        "For any two models it gives a small, harmless number. Two things are wrong. Write it right."
    ),
    difficulty=2,
    minutes=5,
    skill="checking what is counted, and of what it is a share",
    variable="my_copied_errors",
    stub='''def my_copied_errors(teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
    """The share of the teacher's mistakes that the student repeats. int (N,) each -> ()."""
    return ...  # your code here''',
    hints=(
        "A share of *what*? And is every wrong answer of the student a repetition?",
        "Select the teacher's mistakes, `teacher != labels`, and ask there how often "
        "`student == teacher`.",
    ),
    right=my_copied_errors,
    explanation=(
        "It divided by all inputs instead of the teacher's mistakes, so an accurate teacher made "
        "any student look innocent. And it counted *other* wrong answers as copies."
    ),
    deepens=(
        "A student that errs differently on the same inputs shares the difficulty with its "
        "teacher. One that repeats the same wrong class shares the answer."
    ),
    judge=same_function(_COPY_CASES),
    wrong={
        "as_found": Wrong(
            lambda t, s, y: _both_wrong(t, s, y).double().mean(),
            "That is the function as found. Of what is it a share, and what does it count?",
        ),
        "other_mistakes_too": Wrong(
            lambda t, s, y: _both_wrong(t, s, y)[t != y].double().mean(),
            "The share is of the teacher's mistakes now. But another wrong class is no repetition.",
        ),
        "of_all_inputs": Wrong(
            lambda t, s, y: _repeated(t, s, y) / len(y),
            "The repetitions are counted rightly, but as a share of *all* inputs. It should be of "
            "the teacher's mistakes.",
        ),
        "of_its_own": Wrong(
            lambda t, s, y: _repeated(t, s, y) / (s != y).double().sum(),
            "You divide by the *student's* mistakes. We ask what became of the teacher's.",
        ),
        "of_both_wrong": Wrong(
            lambda t, s, y: _repeated(t, s, y) / _both_wrong(t, s, y).double().sum(),
            "You leave out the mistakes that the student got right. They were not repeated, so "
            "they belong to the share.",
        ),
        "where_right": Wrong(
            lambda t, s, y: (s == t)[t == y].double().mean(),
            "You look where the teacher is *right*. Its mistakes are where it is `!=` the label.",
        ),
        "corrected_by_student": Wrong(
            lambda t, s, y: (s == y)[t != y].double().mean(),
            "That is how many of the teacher's mistakes the student *avoids* by being right.",
        ),
        "not_repeated": Wrong(
            lambda t, s, y: (s != t)[t != y].double().mean(),
            "That is the share it does *not* repeat: the comparison is the wrong way round.",
        ),
        "a_number": Wrong(
            lambda t, s, y: _repeated(t, s, y),
            "You counted the repetitions rightly. A share is wanted: divide by the number of the "
            "teacher's mistakes.",
        ),
        "agreement_per_mistake": Wrong(
            lambda t, s, y: (s == t).double().sum() / (t != y).double().sum(),
            "You divide by the teacher's mistakes, but count agreement on *all* inputs.",
        ),
        "of_any_mistake": Wrong(
            lambda t, s, y: _repeated(t, s, y) / ((t != y) | (s != y)).double().sum(),
            "You divide by the inputs on which *either* errs. Only the teacher's mistakes count.",
        ),
        "teachers_mistakes": Wrong(
            lambda t, s, y: (t != y).double().mean(),
            "That is how often the teacher errs. How much of it does the student repeat?",
        ),
        "students_mistakes": Wrong(
            lambda t, s, y: (s != t)[s != y].double().mean(),
            "Your rows are the *student's* mistakes. Select those of the teacher.",
        ),
        "agreement": Wrong(
            lambda t, s, y: (t == s).double().mean(),
            "That is the agreement on all inputs. Look at the teacher's mistakes only.",
        ),
    },
)


page = made_answers.page

_TOO = {
    "whole_width": (49172, "You took half a point for the whole width. It is the half-width."),
    "one_point": (3073, "That is for ±1 point. Half the width needs four times as many inputs."),
    "standard_error": (3200, "You left out the 1.96: that holds the truth two times in three."),
    "unpaired": (
        41308,
        "That is for two *separate* test sets, from the variances of two agreements near 84 %. "
        "Student and control answer the same inputs: only those on which they part count.",
    ),
    "one_model": (20654, "That is for *one* agreement of 84 %. A paired difference has d, .08."),
    "coin": (38416, "You took .25, the variance of a coin. A paired difference has d, .08."),
    "of_one_share": (11310, "d(1 − d) is the variance of *one* share. The formula here has d."),
    "they_part_on": (
        983.4,
        "That is on how many inputs the two would *part* (or you squared d, too). n counts all.",
    ),
    "percent": (1.2293, "You set the half-width to .5, fifty points. Half a point is .005."),
    "five_points": (
        122.93,
        "As shares, half a point is .005 and 8 % is .08. (.05 is five points.)",
    ),
    "d_in_percent": (1229312, "You set d to 8. As a share it is .08."),
    "nothing_squared": (31.36, "To get rid of the root, square *both* sides: 1.96² and .005²."),
    "width_not_squared": (61.47, "You squared 1.96 but not .005."),
    "z_not_squared": (6272, "You squared .005 but not 1.96."),
    "root_left": (43462, "You took the root of d. It went when you squared both sides."),
    "both_models": (24586, "You counted d twice. It is of the *pair*: exactly one of them agrees."),
    "half_of_them": (6146, "Half of the inputs widen it by √2. Where does your ½ come from?"),
    "ninety": (8659, "1.645 is for 90 %. For 95 % it is 1.96."),
    "ninety_nine": (21234, "2.576 is for 99 %. For 95 % it is 1.96."),
}
_MORE = "So many are enough, but a little fewer are, too. Take 1.96 and d = .08 without rounding."
_SOLVE = "Solve 1.96·√(d/n) = .005 for n; d is .08. An answer within 100 inputs is near enough."


def _away_from(number: float) -> Callable[[Any], bool]:
    return lambda answer: abs(float(answer) - number) > 0.01 * number


how_many = Exercise(
    lesson=LESSON,
    name="how_many",
    title="How many inputs do you need?",
    statement=(
        "You want to know by how much distillation raises the agreement, to within **±.5 points** "
        "(so much to either side of the estimate, at 95 %), for one student and its control. In a "
        "first look they part on **8 %** of the inputs: there exactly one of the two agrees with "
        "the teacher. The half-width of a paired interval is about $1.96\\sqrt{d/n}$, with $d$ the "
        "share of inputs on which the two part. How large must $n$ be?"
    ),
    difficulty=2,
    minutes=4,
    skill="choosing the size of a test set",
    variable="my_n",
    stub="my_n = ...  # a number of inputs",
    hints=(
        "Half a point is .005. Solve $1.96\\sqrt{d/n}=.005$ for $n$.",
        "`1.96**2 * 0.08 / 0.005**2`",
    ),
    right=12293,
    explanation=(
        "n = 1.96² · .08 / .005² = 12,293. With 4,072 names the half-width is .9 points, as in the "
        "cell above."
    ),
    deepens=(
        "To halve an interval takes four times the inputs. But to say "
        "only *which* is better, the inputs on which the two part are enough."
    ),
    judge=satisfies(
        *((_away_from(number), says) for number, says in _TOO.values()),
        (lambda answer: not 12393 < float(answer) < 13300, _MORE),
        (lambda answer: abs(float(answer) - 12293) <= 100, _SOLVE),
    ),
    wrong={name: Wrong(number, says) for name, (number, says) in _TOO.items()}
    | {"two_for_1.96": Wrong(12800, _MORE)},
)

SENTENCES = "ABCDEFGH"
_FALSE = {
    "A": "A does not follow: the interval of the added agreement, −.2 to 1.6 points, holds 0. That "
    "one percentage is larger than the other is what the verdict *cannot tell* speaks about.",
    "C": "C does not follow: of the 93.1 % a model without a teacher reaches 92.4 %. High agreement "
    "is what accurate models have.",
    "E": "E does not follow: *cannot tell* is no proof of *equal*. A gain of 1.6 points fits as well.",
    "G": "G does not follow: the intervals are over inputs. One student and one control cannot say "
    "what another seed would do.",
    "H": "H does not follow: a pupil of another teacher might repeat as many, as ours did. Only such "
    "a second control could say.",
}
_TRUE = {
    "B": "B is missing: the control's KL is larger by .09, and its interval, .06 to .12, lies above 0. (It says "
    "*these* models and *such* inputs, and no more.)",
    "D": "D is missing: the difference is 17 points, and its interval, 8 to 26, lies above 0.",
    "F": "F is missing: it repeats the median and the 99th percentile.",
}


def _letters(answer: Any) -> set[str]:
    return set(re.sub(r"\bAND\b|[^\w]", "", answer.upper()))


def _only_letters(answer: Any) -> bool:
    return bool(_letters(answer)) and _letters(answer) <= set(SENTENCES)


def _says(letter: str, wanted: bool) -> Callable[[Any], bool]:
    return lambda answer: (letter in _letters(answer)) == wanted


_LETTERS = "Write the letters of all sentences that follow, between A and H, as in `'AC'`."

sentences = Exercise(
    lesson=LESSON,
    name="sentences",
    title="Write the verdict",
    statement=(
        "Another pair of models, one training seed each. `audit` reports, with 95 % intervals over "
        "inputs:\n\n"
        "> The student gives the teacher's answer on 93.1 % [92.0, 94.1] of 2,000 inputs; a model "
        "trained without the teacher does on 92.4 % [91.2, 93.5]: the student agrees on 0.7 points "
        "more [−0.2, 1.6]: cannot tell. KL(p‖q) is 0.21 nats on average, 0.02 at the median and 2.6 "
        "at the 99th percentile; the control's is larger by 0.09 [0.06, 0.12] nats. Of the teacher's "
        "100 mistakes the student repeats 58 %, the control 41 %: a difference of 17 points [8, 26].\n\n"
        "**Which of these sentences follow?** Write all their letters.\n\n"
        "- **A**: Distillation raised the agreement with the teacher.\n"
        "- **B**: On such inputs this student's probabilities are, on average, nearer to the "
        "teacher's than this control's, as KL(p‖q) measures it.\n"
        "- **C**: The 93 % show that the student has taken over the teacher's ways.\n"
        "- **D**: This student repeats more of the teacher's mistakes than this control.\n"
        "- **E**: As to agreement, student and control are equal.\n"
        "- **F**: On half of these inputs KL(p‖q) is at most .02 nats, on one in a hundred 2.6 or "
        "more.\n"
        "- **G**: A student from another seed would beat its control in KL, too.\n"
        "- **H**: It repeats more mistakes because it learned from *this* teacher and no other."
    ),
    difficulty=2,
    minutes=6,
    skill="writing what follows from a report, all of it, and nothing else",
    variable="my_sentences",
    stub="my_sentences = ...  # the letters, for example 'AC'",
    hints=(
        "Look at each interval first: does it hold 0? Then at each sentence: does it speak of more "
        "than was measured: other seeds, causes, equality?",
        "Three of the eight follow.",
    ),
    right="BDF",
    explanation=(
        "B, D and F repeat what was measured, with their intervals on one side of 0. A and E read "
        "*cannot tell* as *yes* and as *no*; C forgets the control, H the second one; G speaks of seeds that nobody ran."
    ),
    deepens=(
        "Beside its control the student is nearer in its probabilities and repeats more mistakes. "
        "Whether *this* teacher was needed for that, only a student of another teacher could say."
    ),
    judge=satisfies(
        (_only_letters, _LETTERS),
        *((_says(letter, False), says) for letter, says in _FALSE.items()),
        *((_says(letter, True), says) for letter, says in _TRUE.items()),
    ),
    wrong={
        "no_such_letter": Wrong("BDX", _LETTERS),
        "estimate_only": Wrong("ABDF", _FALSE["A"]),
        "no_control": Wrong("BCDF", _FALSE["C"]),
        "equal": Wrong("BDEF", _FALSE["E"]),
        "other_seeds": Wrong("BDFG", _FALSE["G"]),
        "this_teacher": Wrong("BDFH", _FALSE["H"]),
        "percentiles_only": Wrong("F", _TRUE["B"]),
        "kl_left_out": Wrong("DF", _TRUE["B"]),
        "mistakes_left_out": Wrong("BF", _TRUE["D"]),
        "tails_left_out": Wrong("BD", _TRUE["F"]),
    },
)

quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "Error consistency of teacher and student is .5. What does it show?",
            (
                Option(
                    "They err on the same inputs far more than independent models would.",
                    "Right, and no more: our control, which never met the teacher, has .5 as well.",
                    right=True,
                ),
                Option(
                    "The student has learned from the teacher.",
                    "Hard inputs are hard for everybody. The control reached .5 without a teacher.",
                ),
                Option(
                    "The student repeats half of the teacher's mistakes.",
                    "It counts who errs where, and not what they answer there. Repeated answers "
                    "are counted by copied errors.",
                ),
            ),
        ),
        Question(
            "The student writes texts instead of the teacher. What it *invents* does harm, what it "
            "leaves out does not. Which function do you report?",
            (
                Option(
                    "KL(q‖p), with the student first.",
                    "Right: it weighs by what the student says, and grows where the teacher would "
                    "not have said it.",
                    right=True,
                ),
                Option(
                    "KL(p‖q), with the teacher first.",
                    "It charges for an invention only by what is then missing elsewhere, however absurd it is.",
                ),
                Option(
                    "Top-1 agreement.",
                    "It sees favourites only. A text is drawn from all of the probabilities.",
                ),
            ),
        ),
        Question(
            "Two models on the same 4,000 inputs. Their two accuracy intervals overlap. What "
            "follows?",
            (
                Option(
                    "Nothing yet: look at the inputs on which only one of them is right.",
                    "Right: McNemar, or the interval of the paired difference.",
                    right=True,
                ),
                Option(
                    "The difference may be chance, so there is none to report.",
                    "What makes an input hard for both widens both intervals, and cancels in the "
                    "difference. Ours overlapped at a p below .05.",
                ),
            ),
        ),
        Question(
            "McNemar gives p = .001 for two networks, trained by the same recipe from two seeds. "
            "What has happened?",
            (
                Option(
                    "The two networks do differ. The recipe is the same, and the test never saw it.",
                    "Right: it compares two models. For recipes, train several of each.",
                    right=True,
                ),
                Option(
                    "A mistake: the same recipe cannot differ.",
                    "Other first weights and batches lead to another network, of another accuracy.",
                ),
                Option(
                    "One seed is the better one. Use it for all experiments.",
                    "It was the better one here, once. Choosing the seed by the test set is a way "
                    "to fool oneself.",
                ),
            ),
        ),
    ),
)
