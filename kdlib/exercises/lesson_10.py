"""Exercises of lesson 10: fidelity is not accuracy."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import one_of, same_function, satisfies, wrong_options
from kdlib.exercises.quiz import Option, Question, Quiz

LESSON = "10"


def my_repaired_and_broken(
    teacher: Tensor, student: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Shares of all inputs that the student repairs and breaks. Answers (N,) each -> (), ()."""
    repaired = (teacher != labels) & (student == labels)
    broken = (teacher == labels) & (student != labels)
    return repaired.double().mean(), broken.double().mean()


def _answers(*written: list[int]) -> tuple[Tensor, ...]:
    return tuple(tensor(row) for row in written)


_REPAIR_CASES = (
    _answers([0, 1, 2, 1, 2], [0, 2, 0, 0, 2], [0, 2, 1, 1, 1]),
    _answers([0, 1, 2, 0, 1, 1, 2, 0], [0, 0, 0, 0, 2, 0, 2, 1], [0, 0, 1, 0, 1, 0, 2, 0]),
    _answers([0, 1, 2, 2], [0, 1, 1, 0], [0, 1, 2, 2]),
    _answers([1, 1, 1], [0, 2, 1], [0, 0, 1]),
)

repaired_and_broken = Exercise(
    lesson=LESSON,
    name="repaired_and_broken",
    title="What was repaired, what was broken",
    statement=(
        "Given the answers of a teacher and of a student, and the true classes, return two shares "
        "**of all inputs**: what the student *repaired* (the teacher is wrong, the student right) "
        "and what it *broke* (the teacher is right, the student wrong)."
    ),
    difficulty=1,
    minutes=4,
    skill="splitting a difference of accuracies",
    variable="my_repaired_and_broken",
    stub='''def my_repaired_and_broken(
    teacher: Tensor, student: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Shares of all inputs that the student repairs and breaks. Answers (N,) each -> (), ()."""
    return ...  # your code here''',
    hints=(
        "`teacher != labels` says where the teacher is wrong. Both at once: `(…) & (…)`, in brackets.",
        "`(… & …).double().mean()` is the share. First repaired, then broken.",
    ),
    right=my_repaired_and_broken,
    explanation=(
        "On all other inputs both are right or both are wrong; these count for both accuracies "
        "alike. So repaired − broken is the difference of the accuracies, exactly."
    ),
    deepens=(
        "The difference alone cannot tell a student that changes nothing from one that repairs ten "
        "points and breaks ten. The two shares can."
    ),
    judge=same_function(_REPAIR_CASES),
    wrong={
        "exchanged": Wrong(
            lambda t, s, y: my_repaired_and_broken(t, s, y)[::-1],
            "The two are exchanged: first what was repaired (the teacher was wrong), then what was "
            "broken.",
        ),
        "difference": Wrong(
            lambda t, s, y: tuple(
                sign * ((s == y).double().mean() - (t == y).double().mean()) for sign in (1, -1)
            ),
            "This is the difference of the two accuracies. It says repaired − broken; many pairs of "
            "shares have this difference.",
        ),
        "changed_mistakes": Wrong(
            lambda t, s, y: (
                ((t != y) & (s != t)).double().mean(),
                my_repaired_and_broken(t, s, y)[1],
            ),
            "You count every answer that differs from a mistake of the teacher as repaired. It may "
            "be another mistake: the student must give the true class.",
        ),
        "of_mistakes": Wrong(
            lambda t, s, y: (
                (s == y)[t != y].double().mean(),
                (s != y)[t == y].double().mean(),
            ),
            "You divide by the number of the teacher's mistakes, and of its right answers. These "
            "are useful shares too, but their difference is not that of the accuracies: divide "
            "both by all inputs.",
        ),
        "accuracy": Wrong(
            lambda t, s, y: ((s == y).double().mean(), (s != y).double().mean()),
            "These are the student's accuracy and error. What the teacher answers has to count.",
        ),
        "counts": Wrong(
            lambda t, s, y: (
                ((t != y) & (s == y)).double().sum(),
                ((t == y) & (s != y)).double().sum(),
            ),
            "These are numbers of inputs. Divide by all of them: `.mean()` in the place of `.sum()`.",
        ),
        "percent": Wrong(
            lambda t, s, y: tuple(100 * share for share in my_repaired_and_broken(t, s, y)),
            "These are percentages. Return shares between 0 and 1.",
        ),
    },
)


TRUTH = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
TEACHER = [0, 0, 0, 1, 1, 1, 0, 2, 2, 1]


def _hits(row: list[int], other: list[int]) -> int:
    return sum(a == b for a, b in zip(row, other, strict=True))


def _breaks(row: list[int]) -> int:
    cells = zip(row, TEACHER, TRUTH, strict=True)
    return sum(teacher == truth != answer for answer, teacher, truth in cells)


def _two_lists_of_answers(pair: Any) -> bool:
    return len(pair) == 2 and all(
        len(row) == 10 and all(type(k) is int and k in (0, 1, 2) for k in row) for row in pair
    )


_FORM = "I need two lists of ten whole numbers, each 0, 1 or 2: the answers of A, then those of B."
_MORE_FAITHFUL = (
    "A must agree with the teacher on more inputs than B. Copy mistakes of the teacher in A, or let "
    "B leave more of the teacher's answers."
)
_WORSE = (
    "A is as accurate as the teacher or better. It should be right on fewer than 7: change an answer "
    "on which the teacher is right."
)
_BETTER = (
    "B is not more accurate than the teacher. It should be right on 8 or more: repair more of the "
    "inputs 4, 7 and 10 than you break."
)
_AND_BREAKS = "B only repairs. Let it break an answer as well: students do, and it can still gain."

faithful_and_worse = Exercise(
    lesson=LESSON,
    name="faithful_and_worse",
    title="More faithful and worse",
    statement=(
        "Ten inputs of three classes. The truth is `[0, 0, 0, 0, 1, 1, 1, 2, 2, 2]`. The teacher "
        "answers `[0, 0, 0, 1, 1, 1, 0, 2, 2, 1]`: right on 7, wrong on the inputs 4, 7 and 10. "
        "Write down the answers of two students:\n\n"
        "- **A** agrees with the teacher on **more** inputs than B does, and is **less** accurate "
        "than the teacher;\n"
        "- **B** is **more** accurate than the teacher, although it **breaks** at least one of the "
        "teacher's right answers."
    ),
    difficulty=2,
    minutes=5,
    skill="designing an example in which two measures part",
    variable="my_students",
    stub="my_students = ...  # (a, b), each a list of ten classes",
    hints=(
        "Start both from the teacher's answers. What does A need at least, so that it is less "
        "accurate?",
        "A: one right answer broken. B: two or three mistakes repaired, one right answer broken.",
    ),
    right=([1, 0, 0, 1, 1, 1, 0, 2, 2, 1], [1, 0, 0, 0, 1, 1, 1, 2, 2, 2]),
    explanation=(
        "A agrees on 9 of 10 and is right on 6. B agrees on 6 of 10 and is right on 9: all three "
        "mistakes repaired, one answer broken."
    ),
    deepens=(
        "A disagrees once, in the worst possible place; B disagrees four times, three of them for "
        "the better. Agreement counts disagreements and does not ask who was right."
    ),
    judge=satisfies(
        (_two_lists_of_answers, _FORM),
        (lambda pair: _hits(pair[0], TEACHER) > _hits(pair[1], TEACHER), _MORE_FAITHFUL),
        (lambda pair: _hits(pair[0], TRUTH) < _hits(TEACHER, TRUTH), _WORSE),
        (lambda pair: _hits(pair[1], TRUTH) > _hits(TEACHER, TRUTH), _BETTER),
        (lambda pair: _breaks(pair[1]) > 0, _AND_BREAKS),
    ),
    wrong={
        "form": Wrong(([1, 0, 0, 1], [1, 0, 0, 0]), _FORM),
        "exchanged": Wrong(([1, 0, 0, 0, 1, 1, 1, 2, 2, 2], TEACHER), _MORE_FAITHFUL),
        "perfect_copy": Wrong((TEACHER, [1, 0, 0, 0, 1, 1, 1, 2, 2, 2]), _WORSE),
        "no_gain": Wrong(([1, 0, 0, 1, 1, 1, 0, 2, 2, 1], [1, 0, 0, 0, 1, 1, 0, 2, 2, 1]), _BETTER),
        "the_truth": Wrong(([1, 0, 0, 1, 1, 1, 0, 2, 2, 1], TRUTH), _AND_BREAKS),
    },
)


def my_accuracy_range(teacher_accuracy: float, agreement: float) -> tuple[float, float]:
    """Lowest and highest accuracy that a student can have; three or more classes. Shares of 1."""
    disagreement = 1 - agreement
    lowest = max(0.0, teacher_accuracy - disagreement)
    mistakes = 1 - teacher_accuracy
    repaired = min(disagreement, mistakes)
    broken = disagreement - repaired  # when all mistakes are repaired
    return lowest, teacher_accuracy + repaired - broken


def _capped(a: float, agreement: float) -> tuple[float, float]:
    return my_accuracy_range(a, agreement)[0], min(1.0, a + 1 - agreement)


_RANGE_CASES = ((0.75, 0.875), (0.5, 0.875), (0.75, 0.5), (0.25, 0.5), (0.5, 0.25), (0.625, 1.0))

accuracy_range = Exercise(
    lesson=LESSON,
    name="accuracy_range",
    title="What an agreement allows",
    statement=(
        "A report gives a teacher's accuracy and the agreement of a student with it, nothing else. "
        "Between which two accuracies can the student's lie? Return the lowest and the highest. "
        "Take three classes or more, so that two models can be wrong in different ways.\n\n"
        "Two things for the head: accuracy .75, agreement .875, then .625 to .875. And accuracy "
        ".75, agreement only **.5**: how high can it be now? (It is not 1.)"
    ),
    difficulty=3,
    minutes=8,
    skill="finding the exact limits of a number",
    variable="my_accuracy_range",
    stub='''def my_accuracy_range(teacher_accuracy: float, agreement: float) -> tuple[float, float]:
    """Lowest and highest accuracy that a student can have; three or more classes. Shares of 1."""
    return ...  # your code here''',
    hints=(
        "Give the disagreements to the best inputs, one by one. Which are the best? What happens "
        "when those are used up?",
        "The teacher's mistakes, 1 − accuracy, can be repaired. Every further disagreement falls on "
        "a right answer, and breaks it. For the lowest: a right answer can be broken only once.",
    ),
    right=my_accuracy_range,
    explanation=(
        "At most min(d, 1 − a) disagreements can be repairs; the rest must break something, because "
        "it is a disagreement with a right answer. At least: all disagreements break something, "
        "until nothing right is left."
    ),
    deepens=(
        "In the plane this is the grey area with its tip at the teacher. Its upper edge turns down "
        "where all mistakes are repaired: a student that hardly agrees with a good teacher cannot "
        "be good."
    ),
    judge=same_function(_RANGE_CASES),
    wrong={
        "capped_at_one": Wrong(
            _capped,
            "Above, you stop at 1. But disagreements have to be somewhere: when all the teacher's "
            "mistakes are repaired, each further disagreement breaks a right answer.",
        ),
        "all_repaired": Wrong(
            lambda a, g: (my_accuracy_range(a, g)[0], 1.0),
            "You let the student be right on everything. For that it has to repair all mistakes, and "
            "it must differ from the teacher wherever it repairs one.",
        ),
        "two_classes": Wrong(
            lambda a, g: (abs(a - (1 - g)), my_accuracy_range(a, g)[1]),
            "You make every disagreement with a mistake a repair. So it is with two classes; with "
            "three a student can leave a mistake for another mistake.",
        ),
        "never_better": Wrong(
            lambda a, g: (max(0.0, a - (1 - g)), a),
            "You say that a student cannot be better than its teacher. It can: where the teacher is "
            "wrong and the student disagrees, it may be right.",
        ),
        "no_limits": Wrong(
            lambda a, g: (a - (1 - g), a + 1 - g),
            "Teacher ± disagreement is right near the teacher. Further away it gives accuracies "
            "below 0, or higher ones than the teacher's mistakes leave room for.",
        ),
        "product": Wrong(
            lambda a, g: (a * g, a * g + 1 - g),
            "You spread the disagreements evenly over right and wrong answers. They can fall on "
            "right answers alone, or on mistakes alone.",
        ),
        "exchanged": Wrong(
            lambda a, g: my_accuracy_range(a, g)[::-1],
            "First the lowest, then the highest.",
        ),
        "agreement_for_disagreement": Wrong(
            lambda a, g: my_accuracy_range(a, 1 - g),
            "You used the agreement where the disagreement belongs: with full agreement the student "
            "is exactly as accurate as its teacher.",
        ),
    },
)


_READINGS = {
    "A": "For these recipes, on these names. Agreement is not the cause: *another teacher* shows "
    "that students agree without having met the teacher.",
    "B": "The points lie on a line, and the reason is at hand: where the teacher is mostly right, "
    "agreeing and being right are mostly the same thing.",
    "C": "At the star the student is right on 86 %. The grey area is higher elsewhere: with 90 % "
    "agreement it reaches 96 %, were all disagreements repairs.",
    "D": "They are not equal: two points less agreement, one point less accuracy, both *worse*. "
    "And it was measured on printed names only.",
}

plane_reading = Exercise(
    lesson=LESSON,
    name="plane_reading",
    title="What does the plane say?",
    statement=(
        "Which reading of the plane of **printed** names follows?\n\n"
        "- **A**: raise the agreement of a student, by whatever means, and its accuracy rises\n"
        "- **B**: over these recipes and names the two rose together; with a teacher that is right "
        "on 86 %, most of what can be agreed on is right\n"
        "- **C**: the perfect copy, at the star, is the most accurate student possible\n"
        "- **D**: it does not matter which teacher one takes, since the students of another one are "
        "as near to ours as its own"
    ),
    difficulty=1,
    minutes=3,
    skill="reading a picture for what it shows",
    variable="my_reading",
    stub='my_reading = ...  # "A", "B", "C" or "D"',
    hints=(
        "Which of them speaks of nothing but what was measured?",
        "Look for *by whatever means*, *most accurate possible*, *does not matter*.",
    ),
    right="B",
    explanation=_READINGS["B"],
    deepens="Take away the reason, a teacher that is mostly right, and see whether the line stays.",
    judge=one_of(_READINGS),
    wrong=wrong_options(_READINGS, right="B"),
)


_VOWELS = {
    "P": "This is the order of *agreement*. But here the teacher is wrong on two names of three: "
    "the more of its answers a student takes over, the more of them are mistakes.",
    "Q": "The more faithful, the nearer to a teacher that is right on 33 %. B has heard good answers "
    "to broken names, A the teacher's own confused ones.",
    "R": "A student may well be better than its teacher, where it fails to copy a mistake. And here "
    "there are many mistakes not to copy.",
    "S": "Different spellings, same students: they differ in what they learned about broken names, "
    "and that shows most where all names are broken.",
}

vowels = Exercise(
    lesson=LESSON,
    name="vowels",
    title="Predict the order",
    statement=(
        "Names **without vowels**: *strsbrg*. The teacher is right on 33 % and says Germany to two "
        "names of three. Three students: **A** (consistent views), **plain** (*teacher, 5,000 "
        "names*: it saw printed names only) and **B** (inconsistent views). They agree with the "
        "teacher on 72, 63 and 59 %. In which order are they **right**, from the highest accuracy "
        "to the lowest?\n\n"
        "- **P**: A, plain, B, teacher\n- **Q**: B, plain, A, teacher\n"
        "- **R**: teacher, A, plain, B\n- **S**: all three students alike"
    ),
    difficulty=2,
    minutes=3,
    skill="predicting where fidelity and accuracy part",
    variable="my_order",
    stub='my_order = ...  # "P", "Q", "R" or "S"',
    hints=(
        "If a teacher is wrong on two names of three, what is it worth to agree with it?",
        "Which of the three has heard answers to broken names that were not the teacher's answers "
        "to broken names?",
    ),
    right="Q",
    explanation=_VOWELS["Q"],
    deepens="On printed names nothing of this shows. See for yourself in the next cell.",
    judge=one_of(_VOWELS),
    wrong=wrong_options(_VOWELS, right="Q"),
)


class _Slips:
    """A spelling by chance: each call gives another view of the same inputs."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return inputs + self.calls


def _ten_times(inputs: Tensor) -> Tensor:
    return 10 * inputs


def my_view(
    inputs: Tensor, teacher: Callable[[Tensor], Tensor], distort: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """What the student sees, and the teacher's answer to it. (N,) -> (N,), (N,)."""
    seen = distort(inputs)
    return seen, teacher(seen)


_VIEW_CASES = (
    (tensor([1.0, 2.0]), _ten_times, _Slips()),
    (tensor([0.0, -1.0, 5.0]), torch.square, _Slips()),
)


def _two_views(x: Tensor, teacher: Any, distort: Any) -> tuple[Tensor, Tensor]:
    seen = distort(x)
    return seen, teacher(distort(x))


same_view = Exercise(
    lesson=LESSON,
    name="same_view",
    title="Find the bug: whose view?",
    statement=(
        "A colleague wants a faithful copy and has written *consistent views*. `distort` makes "
        "slips by chance.\n\n```python\ndef view(inputs, teacher, distort):\n"
        "    return distort(inputs), teacher(distort(inputs))\n```\n\n"
        "On typed names the copy is worse than it should be. **Find the bug and write "
        "the function right**: what the student sees, and the teacher's answer to *that*."
    ),
    difficulty=2,
    minutes=5,
    skill="keeping teacher and student on the same input",
    variable="my_view",
    stub='''def my_view(
    inputs: Tensor, teacher: Callable[[Tensor], Tensor], distort: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """What the student sees, and the teacher's answer to it. (N,) -> (N,), (N,)."""
    return ...  # your code here''',
    hints=(
        "How many times are slips made, and are they the same slips?",
        "`seen = distort(inputs)` once; then use `seen` twice.",
    ),
    right=my_view,
    explanation=(
        "Chance is asked twice, so teacher and student look at two *different* misspellings of the "
        "same name. Nothing fails, no shape is wrong, and the loss falls."
    ),
    deepens=(
        "With a teacher cached before training the same bug has another form: answers for the "
        "printed names, slips made anew in every epoch. That is B, whether you meant it or not."
    ),
    judge=same_function(_VIEW_CASES),
    wrong={
        "drawn_twice": Wrong(
            _two_views,
            "Slips are made twice: the teacher answers another misspelling than the one that the "
            "student sees. Call `distort` once and keep what it returns.",
        ),
        "clean_teacher": Wrong(
            lambda x, teacher, distort: (distort(x), teacher(x)),
            "The teacher answers the printed name, the student sees the typed one. That is B, the "
            "inconsistent recipe: perhaps more accurate, but no copy.",
        ),
        "clean_student": Wrong(
            lambda x, teacher, distort: (x, teacher(distort(x))),
            "The student sees the printed name and hears the answer to a typed one: the confusion "
            "without its cause.",
        ),
        "no_view": Wrong(
            lambda x, teacher, distort: (x, teacher(x)),
            "Consistent, but `distort` is never used: the student sees printed names only.",
        ),
        "teacher_first": Wrong(
            lambda x, teacher, distort: my_view(x, teacher, distort)[::-1],
            "The two are exchanged: first what the student sees, then the teacher's answer.",
        ),
        "answer_distorted": Wrong(
            lambda x, teacher, distort: (distort(x), distort(teacher(x))),
            "You distort the teacher's *answer*. Distort the input, and let the teacher answer it.",
        ),
    },
)


_COPY = {
    "A": "A is missing. What was approved is this behaviour. Each change, repairs included, is one "
    "that nobody has approved.",
    "C": "C is missing. The large model checks every word by its own choice. A better word that it "
    "would not have said is thrown away.",
}
_NO_COPY = {
    "B": "B asks for the opposite: the old model is replaced *because of* these mistakes. A perfect "
    "copy brings them along.",
    "D": "D is judged by the truth alone, and nobody has seen the old answers. A repair counts as "
    "much as an answer kept.",
}
_LETTERS = (
    "Write the letters of all cases in which you want the copy, between A and D, as in `'AB'`."
)


def _only_letters(answer: str) -> bool:
    letters = [c for c in answer.upper() if not c.isspace() and c not in ",;."]
    return len(letters) > 0 and set(letters) <= set("ABCD")


def _says(letter: str, wanted: bool) -> Callable[[str], bool]:
    return lambda answer: (letter in answer.upper()) == wanted


scenarios = Exercise(
    lesson=LESSON,
    name="scenarios",
    title="A copy or a better model?",
    statement=(
        "Two students are ready: one is the more **faithful**, the other the more **accurate** on "
        "the inputs that will come. In which of these cases do you take the **faithful** one? Write "
        "all their letters.\n\n"
        "- **A**: A supervisor has approved the answers of the large model case by case. A smaller "
        "one may take its place if it does the same.\n"
        "- **B**: Travellers complain that the model in use misreads typed names. The new one is to "
        "end the complaints.\n"
        "- **C**: The student guesses the next words; the large model checks each of them, and keeps "
        "those that it would have said itself.\n"
        "- **D**: A new service sorts letters by country. No model has been in use, and every wrong "
        "letter costs one euro."
    ),
    difficulty=2,
    minutes=4,
    skill="saying what a student is for before measuring it",
    variable="my_cases",
    stub="my_cases = ...  # the letters, for example 'AB'",
    hints=(
        "Ask in each case: is a repaired mistake a gain, or one more change?",
        "Two of the four want the copy.",
    ),
    right="AC",
    explanation=(
        "In A and C the teacher is the measure: approved, or the one that checks. In B and D the "
        "truth is the measure, and there the teacher's mistakes are not worth copying."
    ),
    deepens=(
        "Most real cases want some of both. Then say how much a broken answer costs, and how much a "
        "repaired one is worth, before you look at the two students."
    ),
    judge=satisfies(
        (_only_letters, _LETTERS),
        *((_says(letter, False), says) for letter, says in _NO_COPY.items()),
        *((_says(letter, True), says) for letter, says in _COPY.items()),
    ),
    wrong={
        "no_such_letter": Wrong("AX", _LETTERS),
        "complaints": Wrong("ABC", _NO_COPY["B"]),
        "new_service": Wrong("ACD", _NO_COPY["D"]),
        "no_approval": Wrong("C", _COPY["A"]),
        "no_draft": Wrong("A", _COPY["C"]),
    },
)


quiz = Quiz(
    lesson=LESSON,
    questions=(
        Question(
            "A student is 3 points more accurate than its teacher. What do you know?",
            (
                Option(
                    "It disagrees with the teacher on at least 3 % of the inputs.",
                    "Right: repaired − broken is 3 points, so at least 3 are repaired, and each "
                    "repair is a disagreement.",
                    right=True,
                ),
                Option(
                    "It repairs 3 % of the inputs and breaks none.",
                    "It may repair 13 and break 10. Only the difference is known.",
                ),
                Option(
                    "Distillation has improved it.",
                    "A student trained without the teacher may be as good: without vowels it was. "
                    "That needs the control.",
                ),
                Option(
                    "It is a good copy.",
                    "A perfect copy is exactly as accurate as its teacher. The gain is the part "
                    "that was not copied.",
                ),
            ),
        ),
        Question(
            "You want the most *faithful* student for typed names. What does it hear when it sees "
            "one?",
            (
                Option(
                    "The teacher's answer to the same typed name.",
                    "Right: the same view for both. That is what it will be compared with.",
                    right=True,
                ),
                Option(
                    "The teacher's answer to the printed name.",
                    "That made B: more accurate on typed names, and less faithful.",
                ),
                Option(
                    "The true country.",
                    "That teaches the truth, and the teacher only as far as it is right.",
                ),
            ),
        ),
        Question(
            "Students of *another* teacher gave the answer of ours on 81 % of the printed names, its "
            "own students on 83 %. Why is that no wonder?",
            (
                Option(
                    "Both teachers are mostly right there, so all students learn mostly the same.",
                    "Right: much agreement comes by way of the truth.",
                    right=True,
                ),
                Option(
                    "All students have the same size.",
                    "So have the students of 1,500 labels, and they agree eight points less.",
                ),
                Option(
                    "The other teacher is a copy of ours.",
                    "There were five others, another kind of model, trained on labels alone; they are "
                    "right on 78 % and ours on 86 %.",
                ),
            ),
        ),
        Question(
            "A student agrees with its teacher on 83 % of the test names. Users type names with "
            "slips. What may you promise?",
            (
                Option(
                    "Nothing about typed names before it is measured on typed names.",
                    "Right: it was 69 % with two slips and 63 % without vowels.",
                    right=True,
                ),
                Option(
                    "About 83 %, for student and teacher stumble over the same slips.",
                    "They need not: agreement fell by 14 points with two slips.",
                ),
                Option(
                    "At least 83 %, if it was trained with consistent views.",
                    "They helped, and still left it at 71 %; for endings we could not tell whether "
                    "they helped at all.",
                ),
            ),
        ),
    ),
)
