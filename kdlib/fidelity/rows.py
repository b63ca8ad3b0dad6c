"""What does each input show of the teacher, and of every student beside it?

Whatever is measured later comes from a few numbers per row, which are taken here, in one pass over
blocks that fit into the processor's cache; a memory-mapped file is read block by block. A number
never depends on the block in which its row was read, so that any way to cut the data gives the same.

With p, q the teacher's and the student's probabilities and y = ln(q/p) up to a constant, which is
chosen so that E_p[y] = 0, KL(p || q) = ln(1 + E_p[exp(y) - 1 - y]). No term is negative, so nothing
cancels where p and q are close, and neither model needs to be normalised. Rows for which that is
not finite (a probability of 0, numbers that overflow) are taken from kdlib.divergences.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdlib import checks, divergences

Scale = Literal["probabilities", "log-probabilities", "logits"]
Ints = NDArray[np.int64]
Floats = NDArray[Any]  # float32 or float64, as the answers are
Bools = NDArray[np.bool_]

BLOCK_BYTES = 2**19  # of one model; a few arrays of this size fit into a second-level cache
RELEASE_BYTES = 2**25  # of a mapped file that are kept in memory before they are let go


@dataclass(frozen=True)
class Model:
    """What a model says of N inputs: `values` (N, K) on a scale, its name for messages."""

    name: str
    values: checks.Answers
    scale: Scale
    origin: checks.Origin = "said"  # who says which scale it is


@dataclass(frozen=True)
class Rows:
    """Of each of n inputs: what the teacher says (n,), and each of M students beside it (M, n)."""

    classes: int
    teacher: Ints  # its favourite class; of equal ones the first
    first: Floats  # its largest probability
    second: Floats  # and the one after
    students: Ints
    kl: NDArray[np.float64]  # KL(teacher || student)

    def __len__(self) -> int:
        return len(self.teacher)

    @cached_property
    def agrees(self) -> Bools:
        """Whether a student has the teacher's favourite, (M, n)."""
        found: Bools = self.students == self.teacher
        return found

    @cached_property
    def margin(self) -> NDArray[np.float64]:
        """The teacher's largest probability minus its second, (n,)."""
        return self.first.astype(np.float64) - self.second

    @cached_property
    def uncertified(self) -> Bools:
        """Whether KL does not exclude another favourite, (M, n): it reaches the flip budget."""
        budget = _flip_budget(self) if self.classes > 1 else np.inf
        return np.asarray((self.kl >= budget) | ~self.agrees)  # "or" against rounding at ties


class _Block(NamedTuple):
    """A block of one model: favourites (n,), and logarithms of probabilities, up to a constant."""

    favourite: Ints
    logs: Floats


def compare(
    teacher: Model,
    students: Sequence[Model],
    rows: slice = slice(None),
    on_block: Callable[[int], object] | None = None,
) -> Rows:
    """Return the rows of a teacher and students of the same shape.

    Args:
        rows: which; all by default.
        on_block: called after each block with the number of rows in it.
    Raises:
        ValueError: on rows that are not what their scale says.
    """
    parts = []
    room = room_for([teacher, *students], 5)
    for block in blocks([teacher, *students], rows):
        parts.append(_compare_block(teacher, students, block, room))
        if on_block:
            on_block(len(parts[-1][0]))
    joined = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return Rows(teacher.values.shape[1], *joined)


def blocks(models: Sequence[Model], rows: slice = slice(None)) -> Iterator[slice]:
    """Slices of rows, small enough to be worked on at once; lets go of what was read long ago."""
    first, last, _ = rows.indices(len(models[0].values))
    size = block_rows(models)
    read_bytes = 0
    for start in range(first, last, size):
        yield slice(start, min(start + size, last))
        read_bytes += BLOCK_BYTES
        if read_bytes >= RELEASE_BYTES or start + size >= last:
            read_bytes = 0
            for model in models:
                let_go(model.values)


def let_go(values: checks.Answers) -> None:
    """Tell the system that the pages of a mapped file need not stay in memory: they can be read again."""
    mapped = getattr(values, "_mmap", None)
    if mapped is not None and getattr(values, "mode", "c") != "c" and hasattr(mapped, "madvise"):
        import mmap

        mapped.madvise(mmap.MADV_DONTNEED)


def room_for(models: Sequence[Model], number: int) -> Floats:
    """Return `number` arrays of the size of a block, to work in."""
    shape = (number, block_rows(models), models[0].values.shape[1])
    return np.empty(shape, _working_type(models))


def block_rows(models: Sequence[Model]) -> int:
    """How many rows are read at once."""
    number, classes = models[0].values.shape
    row_bytes = int(np.dtype(_working_type(models)).itemsize * classes)
    return max(1, min(int(number), BLOCK_BYTES // row_bytes))


def read(model: Model, rows: slice, room: Floats) -> tuple[Floats, Ints]:
    """Copy rows of a model, as they were given, into the room; return them, and the favourites.

    Raises:
        ValueError: if a row is not what the model's scale says.
    """
    values = model.values[rows]
    raw = room[: len(values)]
    if isinstance(values, Tensor):
        torch.from_numpy(raw).copy_(values.detach())
    else:
        np.copyto(raw, np.asarray(values))
    favourite = raw.argmax(-1)
    _check(model, raw, favourite, rows.start)
    return raw, favourite


def take(block: Floats, classes: Ints) -> Floats:
    """Return one entry of each row."""
    return np.asarray(block[np.arange(len(block)), classes])


def _compare_block(
    teacher: Model, students: Sequence[Model], rows: slice, room: Floats
) -> tuple[Ints, Floats, Floats, Ints, NDArray[np.float64]]:
    room_p, room_q, weight, *others = room[:, : rows.stop - rows.start]
    with np.errstate(all="ignore"):
        p = _block(teacher, rows, room_p)
        np.subtract(p.logs, take(p.logs, p.favourite)[:, None], out=weight)
        np.exp(weight, out=weight)  # p, up to a factor
        total = np.einsum("nk->n", weight)
        answers, kl = [], []
        for student in students:
            q = _block(student, rows, room_q)
            answers.append(q.favourite)
            kl.append(_kl(p.logs, q.logs, weight, total, others))
        weight[np.arange(len(weight)), p.favourite] = 0
        second = torch.from_numpy(weight).amax(-1).numpy() / total
    return p.favourite, 1 / total, second, np.stack(answers), np.stack(kl)


def _block(model: Model, rows: slice, room: Floats) -> _Block:
    raw, favourite = read(model, rows, room)
    return _Block(favourite, np.log(raw, out=raw) if model.scale == "probabilities" else raw)


def _check(model: Model, raw: Floats, favourite: Ints, start: int) -> None:
    if model.scale == "logits":
        checks.block_of_logits(raw, take(raw, favourite), model.name, start)
        return
    checks.block_of_probabilities(
        raw,
        model.name,
        start,
        tolerance=checks.sum_tolerance(model.values),
        log=model.scale == "log-probabilities",
        origin=model.origin,
    )


def _kl(
    log_p: Floats, log_q: Floats, weight: Floats, total: Floats, room: Sequence[Floats]
) -> NDArray[np.float64]:
    y, terms = room
    np.subtract(log_q, log_p, out=y)
    torch.from_numpy(y).sub_(torch.from_numpy(_dots(weight, y) / total)[:, None])
    np.expm1(y, out=terms)
    np.subtract(terms, y, out=terms)
    kl = np.log1p(np.maximum(_dots(weight, terms) / total, 0)).astype(np.float64)
    unfit = ~np.isfinite(kl)
    if unfit.any():
        pair = (torch.from_numpy(x[unfit]).log_softmax(-1) for x in (log_p, log_q))
        kl[unfit] = divergences.kl(*pair, log=True).numpy()
    return kl


def _dots(a: Floats, b: Floats) -> Floats:
    # Unlike a BLAS product, the same bits wherever the row lies.
    return np.asarray(np.einsum("nk,nk->n", a, b))


def _flip_budget(rows: Rows) -> NDArray[np.float64]:
    """As divergences.flip_budget: (p1 + p2) (ln 2 - h), with d = (p1 - p2) / (p1 + p2) in float64."""
    total = rows.first.astype(np.float64) + rows.second
    d = torch.from_numpy(rows.margin / total)
    bits = torch.special.xlog1py(1 + d, d) + torch.special.xlog1py(1 - d, -d)
    return np.asarray(total * bits.numpy() / 2)


def _working_type(models: Sequence[Model]) -> Any:
    """The type to compute in: float64 if a model comes in it, else float32."""
    wide = any(
        model.values.dtype == torch.float64
        if isinstance(model.values, Tensor)
        else model.values.dtype.itemsize > 4
        for model in models
    )
    return np.float64 if wide else np.float32
