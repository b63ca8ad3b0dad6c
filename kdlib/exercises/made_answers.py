"""The exercises of lesson 09 in which the reader writes what models answer, and the check counts."""

from typing import Any

import torch
from torch import Tensor, tensor

from kdlib.divergences import kl
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import satisfies
from kdlib.exercises.written import are_distributions, rows

LESSON = "09"


TRUTH = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
_TEACHER = [1, 1, 1, 1, 1, 1, 1, 2, 2, 2]
_FIRST = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
_SECOND = [2, 2, 2, 1, 1, 1, 1, 2, 2, 2]


def _three_lists(answer: Any) -> bool:
    written = rows(answer)
    shapes = [tuple(row.shape) for row in written]
    return shapes == [(10,)] * 3 and all(float(x) in (0, 1, 2) for row in written for x in row)


def _no_positions(answer: Any) -> bool:
    written = rows(answer)
    return len(written) != 3 or any(row.ndim == 0 or len(row) != 3 for row in written)


def _right(answer: Any) -> Tensor:
    return torch.stack(rows(answer)) == tensor(TRUTH)


def _counts_right(answer: Any) -> list[int]:
    counts: list[int] = _right(answer).sum(-1).tolist()
    return counts


def _agreeing(answer: Any, student: int) -> int:
    written = rows(answer)
    return int((written[0] == written[student]).sum())


def _not_exchanged(answer: Any) -> bool:
    right = _right(answer)
    return _agreeing(answer, 2) > 4 or not bool((right[0] == right[1]).all())


def _second_errs_alike(answer: Any) -> bool:
    teacher, _, second = _right(answer)
    return bool((teacher == second).all())


def _second_errs_with_first(answer: Any) -> bool:
    _, first, second = _right(answer)
    return bool((first == second).all())


def _second_copies_nothing(answer: Any) -> bool:
    teacher, _, second = rows(answer)
    return not bool((teacher == second)[~_right(answer)[0]].any())


_LISTS = "I need (teacher, first, second): three lists of ten classes, each 0, 1 or 2."
_POSITIONS = "These look like the places of the mistakes. Write all ten *answers* of each model."
_FLAGS = "These look like right (1) and wrong (0). Write the *classes* that each model answers."
_THREE = "A model is right on 3 of 10 here. Right on 7 means: only *three* entries unlike `truth`."
_SEVEN = "Each of the three must be right on exactly 7 of the 10 inputs; compare with `truth`."
_EXCHANGED = "You wrote the second student in the place of the first: exchange the two."
_FAR = (
    "Teacher and first agree on more than 4 inputs. Let the first student err where the teacher is "
    "right, and nowhere else."
)
_WITH_FIRST = "The second errs where the *first* errs. It is to err where the *teacher* does."
_ALIKE = "The second must be wrong on exactly those inputs on which the teacher is wrong."
_COPIES = (
    "The second repeats a mistake: the same wrong class. There are three classes, so on each of "
    "the teacher's mistakes there is another wrong one left."
)

three_models = Exercise(
    lesson=LESSON,
    name="three_models",
    title="Three models, one accuracy",
    statement=(
        "Ten inputs of three classes, `truth = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]`. Write down the "
        "answers of a teacher and two students, **all three right on exactly 7 of the 10**:\n\n"
        "- the **first** student agrees with the teacher on as *few* inputs as possible;\n"
        "- the **second** is wrong on exactly the *same inputs* as the teacher, yet repeats *none* "
        "of its mistakes."
    ),
    difficulty=2,
    minutes=7,
    skill="designing an example",
    variable="my_answers",
    stub="my_answers = ...  # (teacher, first, second), each a list of ten classes",
    hints=(
        "The fewest: no input on which both err. How many inputs are left on which both are right?",
        "Start from `truth`. Change three entries for the teacher, three *other* ones for the first "
        "student, and the teacher's three again, to the third class, for the second.",
    ),
    right=(_TEACHER, _FIRST, _SECOND),
    explanation=(
        "The first agrees on 4 of 10: 10 − 3 − 3, the bound. The second errs with the teacher on "
        "each of its mistakes and copies none of them: they agree on 7 of 10."
    ),
    deepens=(
        "To err on the same inputs and to give the same wrong answers are two things. The next "
        "measure counts the first, *copied errors* the second."
    ),
    judge=satisfies(
        (_no_positions, _POSITIONS),
        (_three_lists, _LISTS),
        (lambda answer: any(2 in row for row in rows(answer)), _FLAGS),
        (lambda answer: 3 not in _counts_right(answer), _THREE),
        (lambda answer: _counts_right(answer) == [7, 7, 7], _SEVEN),
        (_not_exchanged, _EXCHANGED),
        (lambda answer: _agreeing(answer, 1) <= 4, _FAR),
        (lambda answer: not _second_errs_with_first(answer), _WITH_FIRST),
        (_second_errs_alike, _ALIKE),
        (_second_copies_nothing, _COPIES),
    ),
    wrong={
        "two_lists": Wrong((_TEACHER, TRUTH), _LISTS),
        "a_fourth_class": Wrong(([3] * 3 + TRUTH[3:], _FIRST, _SECOND), _LISTS),
        "places": Wrong(([0, 1, 2], [7, 8, 9], [0, 1, 2]), _POSITIONS),
        "right_or_wrong": Wrong(([0] * 3 + [1] * 7, [1] * 7 + [0] * 3, [0] * 3 + [1] * 7), _FLAGS),
        "three_right": Wrong(([0] * 3 + [2] * 4 + [1] * 3, _FIRST, _SECOND), _THREE),
        "all_right": Wrong((TRUTH, TRUTH, TRUTH), _SEVEN),
        "six_right": Wrong((_TEACHER, [*_FIRST[:6], 0, 0, 0, 0], _SECOND), _SEVEN),
        "students_exchanged": Wrong((_TEACHER, _SECOND, _FIRST), _EXCHANGED),
        "second_like_first": Wrong((_TEACHER, _FIRST, [*TRUTH[:7], 1, 1, 1]), _WITH_FIRST),
        "copies_one": Wrong((_TEACHER, _FIRST, [1, *_SECOND[1:]]), _COPIES),
        "errors_shared": Wrong((_TEACHER, [2, *_FIRST[1:9], 2], _SECOND), _FAR),
        "errs_elsewhere": Wrong((_TEACHER, _FIRST, [0, 0, 0, 2, 2, 2, 1, 2, 2, 2]), _ALIKE),
        "a_copy": Wrong((_TEACHER, _FIRST, _TEACHER), _COPIES),
    },
)


def _page_is_finite(answer: Any) -> bool:
    p, a, b = rows(answer)
    return all(bool(kl(x, y).isfinite()) for q in (a, b) for x, y in ((p, q), (q, p)))


def _teacher_first(answer: Any) -> bool:
    p, a, b = rows(answer)
    return float(kl(p, a)) < float(kl(p, b)) - 1e-6


def _student_first(answer: Any) -> bool:
    p, a, b = rows(answer)
    return float(kl(b, p)) < float(kl(a, p)) - 1e-6


def _only_b_agrees(answer: Any) -> bool:
    p, a, b = rows(answer)
    clear = all(float(row.topk(2).values.diff().abs()) > 1e-6 for row in (p, a, b))
    return clear and int(b.argmax()) == int(p.argmax()) != int(a.argmax())


def _no_percent(answer: Any) -> bool:
    return not any(abs(float(row.sum()) - 100) < 0.5 for row in rows(answer) if row.ndim == 1)


def _with_students_exchanged(answer: Any) -> bool:
    p, a, b = answer
    other = p, b, a
    return _teacher_first(other) and _student_first(other) and _only_b_agrees(other)


def _is_perfect(answer: Any, student: int) -> bool:
    written = rows(answer)
    return bool(torch.equal(written[0], written[student]))


def _only_a_agrees(answer: Any) -> bool:
    p, a, b = rows(answer)
    return int(a.argmax()) == int(p.argmax()) != int(b.argmax())


_PERCENT = "These look like percentages. Each list is to sum to 1."
_SAME = "A and B are the same. Let one neglect a favourite, and the other make something up."
_A_IS_P = "A is the teacher itself: every divergence is 0, so nobody can be nearer. Change A."
_B_IS_P = "B is the teacher itself: every divergence is 0, so nobody can be nearer. Change B."
_PLACES = "Exchange A and B in your answer: the *second* list is A, the third B. The rest is right."
_A_AGREES = "It is A that shares the teacher's favourite here. It is to be B, and B alone."
_PAGE = "I need (p, a, b): three distributions over the same classes, each summing to 1."
_PAGE_FINITE = "All KLs must be finite: replace zeros by a small probability."
_TEACHER_FIRST = (
    "By KL(p‖q) your A is not the nearer one. It weighs by what the teacher expects: B must give "
    "too little to something that the teacher expects, A to nothing."
)
_STUDENT_FIRST = (
    "By KL(q‖p) your B is not the nearer one. It weighs by what the student says: let A say "
    "something that the teacher all but excludes, and B nothing of the kind."
)
_ONLY_B = (
    "B must share the teacher's favourite and A must not, without ties. For A it is enough to "
    "exchange two favourites that are nearly equal."
)

page = Exercise(
    lesson=LESSON,
    name="page",
    title="One teacher, two students, no ranking",
    statement=(
        "Design a teacher's output $p$ and the outputs $a$ and $b$ of two students, over as many "
        "classes as you like, such that all of this holds:\n\n"
        "- by $\\mathrm{KL}(p\\Vert q)$ student **A** is the better mimic;\n"
        "- by $\\mathrm{KL}(q\\Vert p)$ student **B** is;\n"
        "- only **B** shares the teacher's favourite;\n"
        "- all four KLs are finite.\n\nThere are many right answers."
    ),
    difficulty=3,
    minutes=8,
    skill="designing a counterexample",
    variable="my_page",
    stub="my_page = ...  # (p, a, b), each a list of probabilities",
    hints=(
        "Three classes: two nearly equal favourites and one that the teacher all but excludes. One "
        "student neglects a favourite. The other says what the teacher would not.",
        "Start from p = (.50, .49, .01). Let B put most on the first class; let A keep both and "
        "give a tenth or more to the third.",
    ),
    right=([0.50, 0.49, 0.01], [0.40, 0.45, 0.15], [0.80, 0.19, 0.01]),
    explanation=(
        "A covers everything that the teacher expects, and makes something up: KL(p‖q) .13, "
        "KL(q‖p) .28. B says only what the teacher would say, and leaves half of it out: .23 and .20."
    ),
    deepens=(
        "Which one imitates better? That is no question about numbers but about use: who answers, "
        "who is hurt by an omission, who by an invention."
    ),
    judge=satisfies(
        (_no_percent, _PERCENT),
        (lambda answer: are_distributions(rows(answer), count=3), _PAGE),
        (lambda answer: not torch.equal(*rows(answer)[1:]), _SAME),
        (lambda answer: not _is_perfect(answer, 1), _A_IS_P),
        (lambda answer: not _is_perfect(answer, 2), _B_IS_P),
        (_page_is_finite, _PAGE_FINITE),
        (lambda answer: not _with_students_exchanged(answer), _PLACES),
        (_teacher_first, _TEACHER_FIRST),
        (_student_first, _STUDENT_FIRST),
        (lambda answer: not _only_a_agrees(answer), _A_AGREES),
        (_only_b_agrees, _ONLY_B),
    ),
    wrong={
        "no_distribution": Wrong(([0.5, 0.5, 0.1], [0.4, 0.4, 0.2], [0.8, 0.1, 0.1]), _PAGE),
        "excluded": Wrong(([0.5, 0.49, 0.01], [0.4, 0.45, 0.15], [0.81, 0.19, 0.0]), _PAGE_FINITE),
        "percent": Wrong(([50, 49, 1], [40, 45, 15], [80, 19, 1]), _PERCENT),
        "two_alike": Wrong(([0.5, 0.49, 0.01], [0.8, 0.19, 0.01], [0.8, 0.19, 0.01]), _SAME),
        "a_perfect": Wrong(([0.5, 0.49, 0.01], [0.5, 0.49, 0.01], [0.8, 0.19, 0.01]), _A_IS_P),
        "b_perfect": Wrong(([0.5, 0.49, 0.01], [0.4, 0.45, 0.15], [0.5, 0.49, 0.01]), _B_IS_P),
        "exchanged": Wrong(([0.5, 0.49, 0.01], [0.8, 0.19, 0.01], [0.4, 0.45, 0.15]), _PLACES),
        "b_too_near": Wrong(
            ([0.50, 0.49, 0.01], [0.40, 0.45, 0.15], [0.60, 0.39, 0.01]), _TEACHER_FIRST
        ),
        "favourites_exchanged": Wrong(
            ([0.49, 0.50, 0.01], [0.40, 0.45, 0.15], [0.80, 0.19, 0.01]), _A_AGREES
        ),
        "a_is_better": Wrong(
            ([0.50, 0.49, 0.01], [0.49, 0.50, 0.01], [0.80, 0.19, 0.01]), _STUDENT_FIRST
        ),
        "same_favourite": Wrong(
            ([0.50, 0.49, 0.01], [0.45, 0.40, 0.15], [0.80, 0.19, 0.01]), _ONLY_B
        ),
        "tie": Wrong(([0.495, 0.495, 0.01], [0.40, 0.45, 0.15], [0.80, 0.19, 0.01]), _ONLY_B),
    },
)
