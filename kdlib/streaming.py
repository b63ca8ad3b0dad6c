"""How to get a loss and its gradient without holding more than the gradient?

Eager PyTorch writes five tensors of the size of the logits to memory and reads them again; at
50,000 classes that traffic, not arithmetic, is what a loss costs. Here the rows are taken in blocks
that fit into the processor's cache. A block gives its values and its rows of the gradient at once,
by a closed form, and the gradient is the only large tensor that is ever made.

With p, q the softened teacher and student and u = ln(p/q), T^2 D has per row the gradient
T (q - p) for KL(p || q), -T q (u + KL) for KL(q || p), and T (1-b) q (r - KL(q || m)) for
generalised JS, where m = b p + (1-b) q and r = ln(q/m). Where the sum over classes of p u is small,
it is taken term by term as in logspace, so that nothing cancels. Every other loss, every block with
classes that one side alone masks out, and every second derivative goes through autograd and
`RowLoss.plain`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kdlib import checks

BLOCK_BYTES = 2**20  # a block of logits; about half of a core's second-level cache
MATRIX_ELEMENTS = 2**23  # logits that are made from hidden states at once
FEW = 64  # classes up to which torch's softmax takes longer than its parts
WIDE = (torch.float32, torch.float64)  # types whose small numbers survive being scaled later

Matrices = tuple[Tensor, Tensor]  # hidden states (N, H) and an output matrix (K, H)
Closed = Callable[..., "tuple[Tensor, Tensor] | None"]


class NoDistribution(Exception):
    """A row of logits holds NaN, +inf or nothing but -inf."""


@dataclass(frozen=True)
class RowLoss:
    """A loss of each row of the student's logits, given rows of one or more targets.

    `plain`: differentiable, (n, K) and targets -> (n,). `closed`: the same and its gradient,
    (n,) and (n, K), or None where it does not apply; without it autograd serves, block by block.
    """

    plain: Callable[..., Tensor]
    closed: Closed | None = None


class Softened(NamedTuple):
    """softmax(logits / T) and its logarithm in two parts: ln prob = z - log_sum."""

    prob: Tensor
    z: Tensor  # (n, K), at most 0
    log_sum: Tensor  # (n, 1)


def streamed_mean(
    student: Tensor, targets: tuple[Tensor, ...], row_loss: RowLoss, kept: Tensor | None = None
) -> Tensor:
    """Return the mean of a row loss over all rows, or over the rows with the positions `kept`.

    Args:
        student: logits (N, K), the only input that receives a gradient.
        targets: tensors whose first axis is N.
    Raises:
        NoDistribution: see there.
    """
    if not (torch.is_grad_enabled() and student.requires_grad):
        with torch.no_grad(), _full_precision(student):
            return _stream(student, targets, row_loss, kept, None)
    with _full_precision(student):
        mean: Tensor = _Streamed.apply(student, row_loss, kept, *targets)  # type: ignore[no-untyped-call]
    return mean


def streamed_mean_from_hidden(
    student: Matrices, teacher: Matrices, row_loss: RowLoss, kept: Tensor | None = None
) -> Tensor:
    """The same for logits `hidden @ weight.T`, of which only a few rows exist at any time.

    Args:
        student, teacher: hidden states (N, H) and an output matrix (K, H), H may differ.
    """
    if not (torch.is_grad_enabled() and any(x.requires_grad for x in student)):
        with torch.no_grad(), _full_precision(student[0]):
            return _through_matrices(student, teacher, row_loss, kept, wanted=(False, False))[0]
    arguments = (*student, *teacher, row_loss, kept)
    with _full_precision(student[0]):
        mean: Tensor = _StreamedFromHidden.apply(*arguments)  # type: ignore[no-untyped-call]
    return mean


def softened(logits: Tensor, temperature: float) -> Softened:
    """Soften rows of logits; the largest goes first, so that a tiny T gives no inf - inf."""
    z = logits - largest(logits)
    if temperature != 1:
        z.div_(temperature)
    if z.shape[-1] > FEW:
        prob = z.softmax(-1)
        return Softened(prob, z, -prob.amax(-1, keepdim=True).log())
    weights = z.exp()
    total = weights.sum(-1, keepdim=True)
    return Softened(weights.div_(total), z, total.log_())


def largest(logits: Tensor) -> Tensor:
    """The largest logit of each row (n, 1), which tells whether the row can be softened at all."""
    top = logits.amax(-1, keepdim=True)
    if not math.isfinite(float(top.abs().amax())):
        raise NoDistribution
    return top


class _Streamed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, student: Tensor, row_loss: RowLoss, kept: Tensor | None, *targets: Tensor
    ) -> Tensor:
        ctx.row_loss, ctx.kept = row_loss, kept
        ctx.save_for_backward(student, *targets)
        ctx.gradient = _room_for(student, kept)
        return _stream(student, targets, row_loss, kept, ctx.gradient)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        student, *targets = ctx.saved_tensors
        nothing = (None,) * (len(targets) + 2)
        if torch.is_grad_enabled():  # create_graph=True: autograd must see how it is computed
            return _twice_differentiable(ctx, student, targets, upstream), *nothing
        gradient, ctx.gradient = ctx.gradient, None  # the caller's from now on
        if gradient is None or (upstream != 1 and gradient.dtype not in WIDE):
            # Backward for the second time, or numbers that may have underflowed before scaling.
            gradient = _room_for(student, ctx.kept)
            _stream(student, tuple(targets), ctx.row_loss, ctx.kept, gradient, float(upstream))
        elif upstream != 1:
            gradient.mul_(upstream)
        return gradient, *nothing


class _StreamedFromHidden(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        teacher_hidden: Tensor,
        teacher_weight: Tensor,
        row_loss: RowLoss,
        kept: Tensor | None,
    ) -> Tensor:
        student, teacher = (hidden, weight), (teacher_hidden, teacher_weight)
        ctx.row_loss, ctx.kept = row_loss, kept
        ctx.save_for_backward(*student, *teacher)
        wanted = ctx.needs_input_grad[:2]
        mean, ctx.gradients = _through_matrices(student, teacher, row_loss, kept, wanted)
        return mean

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            checks.no_second_derivative("kd_loss_from_hidden", "kd_loss on the logits")
        gradients, ctx.gradients = ctx.gradients, None  # the caller's from now on
        if gradients is None:  # backward for the second time
            student, teacher = ctx.saved_tensors[:2], ctx.saved_tensors[2:]
            wanted = ctx.needs_input_grad[:2]
            _, gradients = _through_matrices(student, teacher, ctx.row_loss, ctx.kept, wanted)
        scaled = (g if g is None or upstream == 1 else g.mul_(upstream) for g in gradients)
        narrow = (
            g if g is None else g.to(x.dtype)
            for g, x in zip(scaled, ctx.saved_tensors, strict=False)
        )
        return *narrow, None, None, None, None


def _full_precision(tensor: Tensor) -> torch.autocast:
    """Switches autocast off, which would take products of float32 in half precision."""
    return torch.autocast(tensor.device.type, enabled=False)


def _stream(
    student: Tensor,
    targets: tuple[Tensor, ...],
    row_loss: RowLoss,
    kept: Tensor | None,
    gradient: Tensor | None,
    upstream: float = 1.0,
) -> Tensor:
    """Return the mean of the row losses; write `upstream` times its gradient into `gradient`."""
    dtype = _working_type(student, *targets)
    count = len(student) if kept is None else len(kept)
    total = torch.zeros((), dtype=torch.float64, device=student.device)
    for rows in _blocks(student, kept):
        block = [x[rows].to(dtype) if x.is_floating_point() else x[rows] for x in targets]
        values, slope = _values_and_gradient(
            student[rows].to(dtype), block, row_loss, wanted=gradient is not None
        )
        total += values.sum(dtype=torch.float64)
        if gradient is not None and slope is not None:
            gradient[rows] = slope.mul_(upstream / count).to(gradient.dtype)
    return (total / count).to(dtype)


def _blocks(student: Tensor, kept: Tensor | None) -> Iterator[slice | Tensor]:
    size = max(torch.get_num_threads(), BLOCK_BYTES // (4 * student.shape[1]), 1)
    if kept is None:
        yield from (slice(start, start + size) for start in range(0, len(student), size))
    else:
        yield from torch.split(kept, size)


def _values_and_gradient(
    block: Tensor, targets: list[Tensor], row_loss: RowLoss, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    found = row_loss.closed(block, *targets) if row_loss.closed else None
    if found is not None:
        return found
    for logits in (block, *(x for x in targets if x.is_floating_point())):
        largest(logits)
    if not wanted:
        return row_loss.plain(block, *targets), None
    with torch.enable_grad():
        block = block.detach().requires_grad_()
        values = row_loss.plain(block, *targets)
        (gradient,) = torch.autograd.grad(values.sum(), block)
    return values.detach(), gradient


def _twice_differentiable(
    ctx: Any, student: Tensor, targets: list[Tensor], upstream: Tensor
) -> Tensor:
    kept = slice(None) if ctx.kept is None else ctx.kept
    dtype = _working_type(student, *targets)
    given = [x.detach()[kept].to(dtype) if x.is_floating_point() else x[kept] for x in targets]
    mean = ctx.row_loss.plain(student[kept].to(dtype), *given).mean()
    (gradient,) = torch.autograd.grad(mean, student, upstream, create_graph=True)
    return gradient


def _through_matrices(
    student: Matrices,
    teacher: Matrices,
    row_loss: RowLoss,
    kept: Tensor | None,
    wanted: tuple[bool, bool],
) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
    """Return the mean loss and its gradients in the student's hidden states and weight."""
    dtype = _working_type(*student, *teacher)
    weight, teacher_weight = student[1].to(dtype), teacher[1].to(dtype)
    of_hidden = torch.zeros_like(student[0], dtype=dtype) if wanted[0] else None
    of_weight = torch.zeros_like(weight) if wanted[1] else None
    rows = torch.arange(len(student[0])) if kept is None else kept
    parts = torch.split(rows, max(1, min(256, MATRIX_ELEMENTS // len(weight))))
    room = weight.new_empty(2, len(parts[0]), len(weight))  # for logits, again and again
    mean = torch.zeros((), dtype=torch.float64, device=weight.device)
    for some in parts:
        share, hidden = len(some) / len(rows), student[0][some].to(dtype)
        logits = torch.mm(hidden, weight.T, out=room[0, : len(some)])
        targets = torch.mm(teacher[0][some].to(dtype), teacher_weight.T, out=room[1, : len(some)])
        gradient = logits if any(wanted) else None  # a block is read before it is written
        mean += share * _stream(logits, (targets,), row_loss, None, gradient, share)
        if of_hidden is not None:
            of_hidden[some] = logits @ weight
        if of_weight is not None:
            of_weight.addmm_(logits.T, hidden)
    return mean.to(dtype), (of_hidden, of_weight)


def _room_for(student: Tensor, kept: Tensor | None) -> Tensor:
    like = torch.empty_like if kept is None else torch.zeros_like
    return like(student, memory_format=torch.contiguous_format)


def _working_type(*tensors: Tensor) -> torch.dtype:
    double = any(tensor.dtype == torch.float64 for tensor in tensors)
    return torch.float64 if double else torch.float32
