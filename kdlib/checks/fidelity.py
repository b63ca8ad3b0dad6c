"""Checks of what two models said of the same inputs, of the parts to split it by, of counters.

Answers may be far larger than memory, so a check of shapes never reads them, and a check of values
takes one block of rows at a time.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kdlib.checks.arrays import (
    SUM_TOLERANCE,
    Floats,
    array_of,
    as_floats,
    distribution,
    not_empty,
)
from kdlib.checks.logits import logit_values

Array: TypeAlias = npt.NDArray[Any]
Answers: TypeAlias = Tensor | Array

Origin = Literal["said", "guessed", "counter"]

# What to add where answers were taken for probabilities that are none.
ORIGINS: dict[Origin, str] = {
    "said": "",
    "guessed": " (They were taken for probabilities, because the first rows of {name} are: pass "
    "logits=True if they are logits.)",
    "counter": " (A counter takes probabilities, or logits if made by FidelityCounter(logits=True).)",
}
LOOKED_AT = 2**20  # numbers, but at most 1000 rows, to tell probabilities from logits


def class_rows(x: Floats, name: str, seeds: bool = False) -> Answers:
    """Return what a model says of N inputs, `(N, K)`; arrays and tensors are neither read nor copied.

    Args:
        seeds: accept `(S, N, K)` too, S trained models.
    Raises:
        TypeError: if these are not floating-point numbers.
        ValueError: on another shape, no rows, no classes, or a single seed.
    """
    values = x if isinstance(x, np.ndarray) and x.dtype.kind == "f" else as_floats(x, name)
    expected = "(N, K), one row per input and one column per class"
    if seeds:
        expected += ", or (S, N, K) for S seeds"
    if values.ndim not in ((2, 3) if seeds else (2,)):
        advice = ""
        if values.ndim == 3:
            advice = f" Pass {name}[0] for one seed; for all, call the functions of kdlib.fidelity."
        raise ValueError(f"{name} has shape {tuple(values.shape)}, expected {expected}.{advice}")
    not_empty(torch.empty(values.shape, device="meta"), name, expected)
    if values.ndim == 3 and len(values) == 1:
        raise ValueError(
            f"{name} has shape {tuple(values.shape)}, expected at least two seeds: one cannot say "
            f"how much seeds differ. Pass {name}[0] to speak of this one trained model."
        )
    return values


def same_inputs_and_classes(first: Answers, second: Answers, names: tuple[str, str]) -> None:
    """Two models must have answered the same N inputs, choosing among the same K classes.

    Raises:
        ValueError: with both shapes.
    """
    if first.shape == second.shape[-2:]:
        return
    advice = "Give both the same inputs, in the same order."
    if first.shape[0] == second.shape[-2]:
        advice = (
            "Did you mean to compare only shared classes? Select them first, and divide "
            "probabilities by their new sum."
        )
    raise ValueError(
        f"{names[0]} has shape {tuple(first.shape)} but {names[1]} has shape "
        f"{tuple(second.shape)}: both must have the same N rows and the same K classes. {advice}"
    )


def two_inputs(rows: int, name: str) -> None:
    """At least two inputs, without which there is no interval.

    Raises:
        ValueError: with the number there is.
    """
    if rows < 2:
        raise ValueError(
            f"{name} has {rows} row{'' if rows == 1 else 's'}, expected at least two: one input "
            "cannot say how much inputs differ."
        )


def as_many_seeds(student: tuple[int, ...], control: tuple[int, ...]) -> None:
    """A student and a control must have as many seeds; shapes are (N,), or (S, N).

    Raises:
        ValueError: with both numbers.
    """
    if student != control:
        ours, theirs = (shape[0] if len(shape) == 2 else 1 for shape in (student, control))
        raise ValueError(
            f"student has {ours} seed{'s' * (ours > 1)} but control has {theirs}: both must have "
            "as many, since one trained control cannot say what another would have had for free."
        )


def look_like_probabilities(values: Answers, name: str) -> bool:
    """Say whether the first rows are distributions; if they only nearly are, somebody must decide.

    Raises:
        ValueError: if all numbers lie from 0 to 1, yet not every row sums to 1.
    """
    first = values[: max(1, min(1000, LOOKED_AT // values.shape[1]))]
    if isinstance(first, Tensor):
        first = first.detach().double().cpu().numpy()
    head = np.asarray(first, dtype=np.float64)
    if not ((head >= 0) & (head <= 1 + sum_tolerance(values))).all():
        return False
    sums = head.sum(-1)
    wrong = np.abs(sums - 1) > sum_tolerance(values)
    if not wrong.any():
        return True
    row = int(wrong.argmax())
    raise ValueError(
        f"{name} has only numbers from 0 to 1, as probabilities are, but {name}[{row}] sums to "
        f"{sums[row]:.6g}: divide each row by its sum if these are rounded probabilities, "
        "or pass logits=True if they are logits."
    )


def sum_tolerance(values: Answers) -> float:
    """How far from 1 a row of probabilities may sum, given the type it is stored in."""
    if isinstance(values, np.ndarray):
        by_size = {2: torch.float16, 4: torch.float32}
        return SUM_TOLERANCE[by_size.get(values.dtype.itemsize, torch.float64)]
    return SUM_TOLERANCE.get(values.dtype, SUM_TOLERANCE[torch.bfloat16])


def block_of_probabilities(
    block: Array, name: str, start: int, *, tolerance: float, log: bool, origin: Origin
) -> None:
    """Every row of a block must be a distribution, on the logarithmic scale if `log`.

    Args:
        start: the row at which the block begins.
        origin: who said that these are probabilities; "guessed": the first rows look like it.
    Raises:
        ValueError: with the first row that is none.
    """
    with np.errstate(over="ignore"):
        wrong = ~(np.abs(np.einsum("nk->n", np.exp(block) if log else block) - 1) <= tolerance)
    if not (wrong.any() or (not log and not block.min() >= 0)):
        return
    row = int((wrong | (False if log else ~(block >= 0).all(-1))).argmax())
    try:
        distribution(torch.tensor(block[row]), f"{name}[{start + row}]", log)
    except ValueError as error:
        raise ValueError(str(error) + ORIGINS[origin].format(name=name)) from None


def block_of_logits(block: Array, largest: Array, name: str, start: int) -> None:
    """Every row must hold finite logits, and -inf for masked classes, but not for all.

    Args:
        largest: of each row, nan if the row holds one.
    Raises:
        ValueError: with the first row that does not.
    """
    wrong = ~np.isfinite(largest)
    if wrong.any():
        row = int(wrong.argmax())
        logit_values(torch.tensor(block[row]), f"{name}[{start + row}]")


def first_places(k: int, classes: int) -> int:
    """A number of first places, 1 to K.

    Raises:
        TypeError, ValueError: on anything else.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"k is {k!r}, expected a whole number: 1 for the favourite alone.")
    if not 1 <= k <= classes:
        raise ValueError(f"k is {k}, expected 1 to K = {classes}, the number of classes.")
    return int(k)


def margin_edges(edges: Sequence[float] | Array) -> Array:
    """Rising numbers between 0 and 1, which split inputs by the teacher's margin.

    Raises:
        TypeError, ValueError: on anything else.
    """
    found = array_of(edges, "edges").astype(np.float64)
    rising = all(a < b for a, b in itertools.pairwise([0.0, *found.ravel(), 1.0]))
    if found.ndim != 1 or len(found) == 0 or not rising:
        raise ValueError(
            f"edges is {edges!r}, expected rising numbers between 0 and 1, such as [0.2, 0.6]: a "
            "margin is the teacher's largest probability minus its second."
        )
    return found


def groups(values: npt.ArrayLike | Tensor, rows: int) -> tuple[list[str], Array]:
    """Return the names of the groups, in order, and the place in them of each input `(N,)`.

    Raises:
        ValueError: on another shape, or NaN.
    """
    array = values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.shape != (rows,):
        raise ValueError(
            f"groups has shape {array.shape}, expected ({rows},): the name or number of one group "
            "per input, in the order of the inputs."
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        row = int(np.isnan(array).argmax())
        raise ValueError(f"groups[{row}] is nan, expected a group: name those that have none.")
    names, index = np.unique(array.astype(str) if array.dtype.kind == "O" else array,
                             return_inverse=True)  # fmt: skip
    return [str(name) for name in names], index


def defined(exists: bool, what: str, why: str) -> None:
    """A number that does not exist for these inputs.

    Raises:
        ValueError: if it does not.
    """
    if not exists:
        raise ValueError(f"{what} is undefined here: {why}")


def counted_alike(before: str, now: str) -> None:
    """Rows can be added to others only if the same is known of both.

    Args:
        before, now: what is known of the rows counted so far, and of the new ones, in words.
    Raises:
        ValueError: with both.
    """
    if now != before:
        raise ValueError(
            f"these rows come with {now}, but those counted before with {before}: give labels and "
            "a control with every batch or with none, and make all counters with the same "
            "settings."
        )


def counter(other: object, expected: type) -> None:
    """Something that can be merged with a counter.

    Raises:
        TypeError: if it is something else.
    """
    if not isinstance(other, expected):
        raise TypeError(
            f"other is of type {type(other).__name__}, expected a {expected.__name__}: update one "
            "with each part of the data, then merge them."
        )
