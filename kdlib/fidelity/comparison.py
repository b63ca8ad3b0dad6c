"""Who is compared with whom? From a user's arrays to the rows of a teacher and its students."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats
from kdlib.fidelity.rows import Model, Rows, Scale, blocks, compare, read, room_for, take

Labels = Tensor | ArrayLike
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """Rows of a teacher and one student, or of `several`, which are seeds of it."""

    rows: Rows
    several: bool

    def of_student(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return (S, N) as it is, and (1, N) of a single student as (N,)."""
        return values if self.several else np.asarray(values[0])


@dataclass(frozen=True)
class Right:
    """Whether the teacher's answer is the label, (N,), and each student's, (M, N)."""

    teacher: Bools
    students: Bools


def compared(
    teacher: Floats, student: Floats, log: bool, names: tuple[str, str] = ("teacher", "student")
) -> Comparison:
    """Return the checked rows of a teacher (N, K) and a student (N, K) or (S, N, K)."""
    first, others, several = models(teacher, student, log, names)
    return Comparison(compare(first, others), several)


def models(
    teacher: Floats, student: Floats, log: bool, names: tuple[str, str]
) -> tuple[Model, list[Model], bool]:
    """Return the teacher, the students, and whether these are seeds of one."""
    first, second = checks.class_rows(teacher, names[0]), checks.class_rows(student, names[1], True)
    checks.same_inputs_and_classes(first, second, names)
    checks.two_inputs(len(first), names[0])
    scale: Scale = "log-probabilities" if log else "probabilities"
    if second.ndim == 2:
        return Model(names[0], first, scale), [Model(names[1], second, scale)], False
    seeds = [Model(f"{names[1]}[{i}]", second[i], scale) for i in range(len(second))]
    return Model(names[0], first, scale), seeds, True


def right_of(rows: Rows, labels: Labels) -> Right:
    """Return who gives the label as the answer."""
    checked = checks.labels_in_range(labels, rows=len(rows), classes=rows.classes).cpu().numpy()
    return Right(rows.teacher == checked, rows.students == checked)


def among_first(teacher: Model, student: Model, k: int) -> Bools:
    """Return whether the teacher's favourite is among the student's first k classes, (N,)."""
    found = []
    room_p, room_q = room_for([teacher, student], 2)
    for rows in blocks([teacher, student]):
        _, favourite = read(teacher, rows, room_p)
        q, _ = read(student, rows, room_q)
        value, favourite = take(q, favourite)[:, None], favourite[:, None]
        before = (q == value) & (np.arange(q.shape[1]) < favourite)  # equal, but first
        found.append(np.sum((q > value) | before, axis=-1) < k)
    return np.concatenate(found)
