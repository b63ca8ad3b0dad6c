"""Checks of what a distillation loss takes: logits, labels, rows to leave out, hidden states."""

import numpy.typing as npt
import torch
from torch import Tensor

from kdlib.checks.arrays import (
    Floats,
    array_of,
    as_floats,
    first_where,
    no_nan,
    not_empty,
    place,
    shape_of,
    working,
)

STUDENT, TEACHER = "student_logits", "teacher_logits"


def logit_shapes(
    student_logits: Floats, teacher_logits: Floats, least_classes: int = 1
) -> tuple[Tensor, Tensor]:
    """Return logits `(N, K)` in their own floating type, without a look at their values.

    Raises:
        ValueError: on other shapes, an empty batch, or fewer classes than `least_classes`.
        TypeError: see as_floats.
    """
    student, teacher = _rows(student_logits, STUDENT), _rows(teacher_logits, TEACHER)
    if student.shape != teacher.shape:
        advice = "Give both the same inputs, in the same order."
        if student.shape[:1] == teacher.shape[:1]:
            advice = "Did you mean to compare only shared classes? Select them first."
        raise ValueError(
            f"teacher_logits has shape {shape_of(teacher)} but student_logits has shape "
            f"{shape_of(student)}: both must be (N, K) with the same N and the same K. {advice}"
        )
    if student.shape[1] < least_classes:
        raise ValueError(
            f"student_logits has shape {shape_of(student)}, expected at least {least_classes} "
            "classes: this loss compares a target class with the others."
        )
    return student, teacher


def logit_values(logits: Tensor, name: str, kept: Tensor | None = None) -> None:
    """Rows of logits must hold finite numbers, and -inf for masked classes, but not for all.

    Args:
        kept: positions of the rows that count; None for all.
    Raises:
        ValueError: on NaN, +inf, or a row of -inf only, with its place.
    """
    values = logits.detach()
    if kept is not None:
        values = torch.zeros_like(values).index_copy(0, kept, values[kept])
    no_nan(values, name)
    if (index := first_where(values.isposinf())) is not None:
        raise ValueError(
            f"{place(name, index)} is inf, expected a finite logit (or -inf for "
            "a masked class): look for an overflow before this call."
        )
    if (index := first_where(values.isneginf().all(-1))) is not None:
        raise ValueError(
            f"{place(name, index)} is -inf for every class, expected at least one finite "
            "logit: drop this example."
        )


def labels_in_range(
    labels: Tensor | npt.ArrayLike, *, rows: int, classes: int, kept: Tensor | None = None
) -> Tensor:
    """Return labels `(rows,)`, whole numbers from 0 to classes - 1, as int64.

    Args:
        kept: positions of the rows that count; other labels may be anything, such as -100.
    Raises:
        TypeError: if the labels are not whole numbers.
        ValueError: on another shape, or a label out of range.
    """
    tensor = labels if isinstance(labels, Tensor) else torch.tensor(array_of(labels, "labels"))
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(
            f"labels has dtype {tensor.dtype}, expected whole numbers: the index of the right "
            "class of each example, for example labels.long()."
        )
    if tensor.shape != (rows,):
        raise ValueError(
            f"labels has shape {shape_of(tensor)}, expected ({rows},): one class index per example."
        )
    tensor = tensor.long()
    wrong = (tensor < 0) | (tensor >= classes)
    if kept is not None:
        wrong = torch.zeros_like(wrong).index_copy(0, kept, wrong[kept])
    if (index := first_where(wrong)) is not None:
        raise ValueError(
            f"{place('labels', index)} is {int(tensor[index])}, expected 0 to {classes - 1} for "
            f"{classes} classes: drop examples without a label, and count classes from 0."
        )
    return tensor


def kept_rows(ignore: Tensor | npt.ArrayLike | None, rows: int) -> Tensor | None:
    """Return the positions of the rows that are not ignored, or None if all count.

    Args:
        ignore: `(rows,)` booleans, True for a row that must not count, such as padding.
    Raises:
        TypeError: if these are not booleans.
        ValueError: on another shape, or if no row is left.
    """
    if ignore is None:
        return None
    mask = ignore if isinstance(ignore, Tensor) else torch.tensor(array_of(ignore, "ignore"))
    if mask.dtype != torch.bool:
        raise TypeError(
            f"ignore has dtype {mask.dtype}, expected booleans: True for every row that must not "
            "count, for example labels == -100."
        )
    if mask.shape != (rows,):
        raise ValueError(
            f"ignore has shape {shape_of(mask)}, expected ({rows},): one boolean per row of logits."
        )
    if bool(mask.all()):
        raise ValueError("ignore is True for every row, so no mean exists: skip this batch.")
    return (~mask).nonzero()[:, 0]


def hidden_and_weight(
    hidden: Floats, weight: Floats, role: str, ignore: Tensor | npt.ArrayLike | None
) -> tuple[Tensor, Tensor]:
    """Return hidden states `(N, H)` and an output matrix `(K, H)` of finite numbers.

    Args:
        role: "student" or "teacher", for the message.
    Raises:
        ValueError, TypeError: on other shapes or types, no rows, NaN or infinite numbers.
    """
    names = f"{role}_hidden", f"{role}_weight"
    states, matrix = as_floats(hidden, names[0]), as_floats(weight, names[1])
    if states.ndim != 2 or matrix.ndim != 2 or states.shape[1] != matrix.shape[1]:
        raise ValueError(
            f"{names[0]} has shape {shape_of(states)} and {names[1]} has shape {shape_of(matrix)}: "
            "expected (N, H) and (K, H) with the same H, so that logits are hidden @ weight.T."
        )
    kept = kept_rows(ignore, len(states))
    rows = slice(None) if kept is None else kept
    for tensor, name in zip((states, matrix), names, strict=True):
        not_empty(tensor, name, "at least one row and one column")
        _finite_rows(tensor, name, rows if tensor is states else slice(None))
    return states, matrix


def same_rows_and_classes(student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor]) -> None:
    """Hidden states need one number of rows, and output matrices one number of classes.

    Raises:
        ValueError: with both shapes.
    """
    names = "hidden", "weight"
    for name, a, b in zip(names, student, teacher, strict=True):
        if len(a) != len(b):
            raise ValueError(
                f"teacher_{name} has shape {shape_of(b)} but student_{name} has shape "
                f"{shape_of(a)}: both must have the same number of rows, one per "
                f"{'example' if name == 'hidden' else 'class'}."
            )


def hidden_pair(
    student_hidden: Floats, teacher_hidden: Floats, ignore: Tensor | npt.ArrayLike | None
) -> tuple[Tensor, Tensor, Tensor | slice]:
    """Return hidden states `(N, ...)` of one shape, in a type to compute in, and the rows to keep.

    Raises:
        ValueError, TypeError: on other shapes or types, no rows, NaN or infinite numbers.
    """
    names = "student_hidden", "teacher_hidden"
    student, teacher = as_floats(student_hidden, names[0]), as_floats(teacher_hidden, names[1])
    if student.shape != teacher.shape:
        raise ValueError(
            f"teacher_hidden has shape {shape_of(teacher)} but student_hidden has shape "
            f"{shape_of(student)}: both must have the same shape. Bring the student's to the "
            "teacher's size first, for example by torch.nn.Linear."
        )
    for tensor, name in zip((student, teacher), names, strict=True):
        not_empty(tensor, name, "(N, ...) with at least one example")
    kept = kept_rows(ignore, len(student))
    rows = slice(None) if kept is None else kept
    for tensor, name in zip((student, teacher), names, strict=True):
        _finite_rows(tensor, name, rows)
    return working(student), working(teacher), rows


def no_second_derivative(function: str, instead: str) -> None:
    """Raise the error of a function that was differentiated with create_graph=True."""
    raise RuntimeError(
        f"{function} cannot be differentiated twice, but create_graph=True prepares for that: "
        f"leave it out, or use {instead}."
    )


def _finite_rows(tensor: Tensor, name: str, rows: Tensor | slice) -> None:
    ends = torch.stack(tensor.detach()[rows].aminmax())  # needs no room, unlike isfinite()
    if bool(ends.isfinite().all()):
        return
    wrong = torch.zeros_like(tensor, dtype=torch.bool)
    wrong[rows] = ~tensor.detach()[rows].isfinite()
    if (index := first_where(wrong)) is not None:
        raise ValueError(
            f"{place(name, index)} is {float(tensor[index])}, expected a finite number: look "
            "for an overflow or a diverged training run before this call."
        )


def _rows(x: Floats, name: str) -> Tensor:
    tensor = as_floats(x, name)
    if tensor.ndim != 2:
        raise ValueError(
            f"{name} has shape {shape_of(tensor)}, expected (N, K): one row of logits per example. "
            "Flatten further axes first, for example with logits.flatten(0, -2)."
        )
    not_empty(tensor, name, "(N, K) with at least one example and one class")
    return tensor
