"""What must be counted so that any two counts can be added, and a report still be written?

Whole numbers only (a KL is added up as one, see sums.py): so it does not matter in which order, in
which parts or on how many machines the rows were counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kdlib.fidelity.comparison import Bools, Labels, right_of
from kdlib.fidelity.rows import Rows
from kdlib.fidelity.sums import KLSums, exact_sum, squares

Counts = NDArray[np.int64]
Counted = TypeVar("Counted", bound="Additive")


class Additive:
    """Dataclasses whose fields are added one by one; None stays None."""

    def __add__(self: Counted, other: Counted) -> Counted:
        sums = (
            None if mine is None else mine + theirs
            for mine, theirs in zip(_values(self), _values(other), strict=True)
        )
        return type(self)(*sums)


@dataclass(frozen=True, eq=False)
class Against(Additive):
    """One model beside the teacher. Counts by class are by the teacher's answer."""

    classes: Counts  # (K,) how often the model gives each answer
    agreed: Counts  # (K,)
    agreed_by_margin: Counts
    kl: KLSums
    right: int  # with labels, else 0
    both_right: int


@dataclass(frozen=True, eq=False)
class Paired(Additive):
    """On how many rows something is true of the student only, or of the control only."""

    agreed: Counts  # (2,)
    copied: Counts
    right: Counts
    squares: int  # of differences of KL, in units, where both are finite
    infinite: int  # rows on which one is not


@dataclass(frozen=True, eq=False)
class Tally(Additive):
    """Everything that a report on any number of rows needs."""

    rows: int
    classes: Counts  # (K,) how often the teacher gives each answer
    margins: Counts  # rows by the teacher's margin
    labelled: int
    teacher_right: int
    student: Against
    control: Against | None
    paired: Paired | None


def tally(rows: Rows, labels: Labels | None, edges: NDArray[np.float64]) -> Tally:
    """Count rows of which the first student is the student, and a second the control.

    Args:
        edges: where a part of the margins begins.
    """
    parts = np.searchsorted(edges, rows.margin, side="right")
    nobody = np.zeros(len(rows), dtype=bool)
    right = (nobody, np.zeros_like(rows.agrees)) if labels is None else _right(rows, labels)
    against = [_against(rows, i, parts, len(edges) + 1, right) for i in range(len(rows.students))]
    return Tally(
        len(rows),
        np.bincount(rows.teacher, minlength=rows.classes),
        np.bincount(parts, minlength=len(edges) + 1),
        0 if labels is None else len(rows),
        int(right[0].sum()),
        against[0],
        against[1] if len(against) > 1 else None,
        _paired(rows, right) if len(against) > 1 else None,
    )


def _right(rows: Rows, labels: Labels) -> tuple[Bools, Bools]:
    right = right_of(rows, labels)
    return right.teacher, right.students


def _against(
    rows: Rows, model: int, parts: Counts, number: int, right: tuple[Bools, Bools]
) -> Against:
    agrees, is_right = rows.agrees[model], right[1][model]
    return Against(
        np.bincount(rows.students[model], minlength=rows.classes),
        np.bincount(rows.teacher[agrees], minlength=rows.classes),
        np.bincount(parts[agrees], minlength=number),
        KLSums.of(rows.kl[model], rows.uncertified[model]),
        int(is_right.sum()),
        int((is_right & right[0]).sum()),
    )


def _paired(rows: Rows, right: tuple[Bools, Bools]) -> Paired:
    finite = np.isfinite(rows.kl).all(axis=0)
    difference = rows.kl[0, finite] - rows.kl[1, finite]
    return Paired(
        _only(rows.agrees),
        _only(rows.agrees & ~right[0]),
        _only(right[1]),
        exact_sum(squares(difference)),
        len(rows) - int(finite.sum()),
    )


def _only(happened: Bools) -> Counts:
    """How often for the student only, and for the control only."""
    student, control = happened
    return np.array([(student & ~control).sum(), (control & ~student).sum()], dtype=np.int64)


def _values(counted: Any) -> Sequence[Any]:
    return [getattr(counted, field.name) for field in fields(counted)]
