"""What do counts say, once there are labels or a control?

Each finding is None where it does not exist: no mistakes to copy, or infinite KL to subtract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdlib.fidelity.intervals import (
    chance_of_answers,
    consistency,
    difference_of_shares,
    mean_of,
    share,
)
from kdlib.fidelity.profile import KLProfile, profile_of_sums
from kdlib.fidelity.sums import exact_mean, exact_variance
from kdlib.fidelity.tally import Against, Paired, Tally
from kdlib.stats import Interval, mcnemar


@dataclass(frozen=True)
class Example:
    """An input by its row: KL(teacher || student) and the answers of both, by class."""

    row: int
    kl: float
    teacher_class: int
    student_class: int
    label: int | None


@dataclass(frozen=True)
class LabelFindings:
    """How right both are, and which mistakes they share. `accuracy_gain`: student minus teacher."""

    teacher_accuracy: Interval
    student_accuracy: Interval
    accuracy_gain: Interval
    mcnemar: float  # the p-value of "both are equally often right"
    error_consistency: Interval | None
    teacher_mistakes: int
    copied_errors: Interval | None
    agreement_when_right: Interval | None


@dataclass(frozen=True)
class ControlFindings:
    """What a model trained without the teacher does, and student minus control, paired by input.

    `kl_saved` is the control's mean KL minus the student's: above 0, the student is nearer.
    """

    agreement: Interval
    added_agreement: Interval
    kl: KLProfile
    kl_saved: Interval | None
    accuracy: Interval | None
    accuracy_gain: Interval | None
    copied_errors: Interval | None
    added_copied_errors: Interval | None


def kappa_of(counted: Tally) -> float | None:
    """Return Cohen's kappa, or None if both models always give the same one answer."""
    chance = chance_of_answers(counted.classes.tolist(), counted.student.classes.tolist())
    if chance == 1:
        return None
    observed = int(counted.student.agreed.sum()) / counted.rows
    return (observed - chance) / (1 - chance)


def label_findings(counted: Tally) -> LabelFindings | None:
    """Return what the labels tell of teacher and student; None without labels."""
    if not counted.labelled:
        return None
    student, rows = counted.student, counted.rows
    only_teacher = counted.teacher_right - student.both_right
    only_student = student.right - student.both_right
    cells = student.both_right, only_teacher, only_student
    neither = rows - sum(cells)
    mistakes = rows - counted.teacher_right
    undefined = rows in (student.both_right, neither)
    return LabelFindings(
        certain(share(counted.teacher_right, rows)),
        certain(share(student.right, rows)),
        difference_of_shares(only_student, only_teacher, rows),
        mcnemar(only_student, only_teacher),
        None if undefined else consistency(*cells, neither),
        mistakes,
        share(_copied(student), mistakes),
        share(student.both_right, counted.teacher_right),
    )


def control_findings(counted: Tally) -> ControlFindings | None:
    """Return what the control tells; None without one."""
    control, paired, rows = counted.control, counted.paired, counted.rows
    if control is None or paired is None:
        return None
    mistakes = rows - counted.teacher_right
    labelled, mistaken = bool(counted.labelled), bool(counted.labelled and mistakes)
    return ControlFindings(
        certain(share(int(control.agreed.sum()), rows)),
        _difference(paired.agreed, rows),
        profile_of_sums(control.kl, rows),
        _kl_saved(counted.student, control, paired, rows),
        share(control.right, rows) if labelled else None,
        _difference(paired.right, rows) if labelled else None,
        share(_copied(control), mistakes) if mistaken else None,
        _difference(paired.copied, mistakes) if mistaken else None,
    )


def certain(interval: Interval | None) -> Interval:
    """Return an interval that exists, because there are rows."""
    assert interval is not None, "there are rows"
    return interval


def _copied(model: Against) -> int:
    """Agreement is with a right or with a wrong answer of the teacher's."""
    return int(model.agreed.sum()) - model.both_right


def _difference(only: Sequence[Any] | np.ndarray, rows: int) -> Interval:
    return difference_of_shares(int(only[0]), int(only[1]), rows)


def _kl_saved(student: Against, control: Against, paired: Paired, rows: int) -> Interval | None:
    if paired.infinite:
        return None
    saved = exact_mean(control.kl.total, rows) - exact_mean(student.kl.total, rows)
    difference = control.kl.total - student.kl.total
    return mean_of(saved, exact_variance(difference, paired.squares, rows), rows)
