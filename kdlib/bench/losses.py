"""What do the losses cost beside what everyone else writes?

Forward and backward in float32 at T = 2. All contenders take turns in one process, so that whatever
else the computer does meets all of them; a time is told as its ratio to the eager KL of the same
round. Errors are those against the eager formula in float64. Memory is what a call needs at its
peak beyond the inputs, from a fresh process each.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from timeit import timeit
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from kdlib.bench.contenders import (
    TEMPERATURE,
    Contender,
    Inputs,
    missing_packages,
    of_hidden,
    of_logits,
)
from kdlib.bench.peak_memory import peak_extra_bytes
from kdlib.bench.rivals import Loss
from kdlib.bench.tables import markdown

Size = tuple[int, int]  # N rows, K classes

SIZES: tuple[Size, ...] = ((256, 10), (4096, 1000), (1024, 32000), (512, 49152), (256, 128000))
HIDDEN_SIZES: tuple[Size, ...] = ((1024, 32000),)
ROWS = 64  # on which errors are measured
MEASURABLE = 2**20  # logits: of fewer, the memory drowns in that of the process
TIMED, MOST_CALLS = 2**23, 200  # logits that a timing covers by repetition, and its limit
SMALL, MORE = 2**23, 3  # below SMALL logits, MORE rounds for each of the others
HEAD = ("", "time", "10–90 %", "value off", "gradient off", "extra MB", "/ eager", "/ logits")


@dataclass(frozen=True)
class Cost:
    """What a contender took: seconds of each round, relative errors, peak bytes (None: unknown)."""

    title: str
    seconds: tuple[float, ...]
    value_error: float
    gradient_error: float
    extra_bytes: int | None


def reports(
    sizes: Sequence[Size], hidden_sizes: Sequence[Size], threads: int, repeats: int
) -> Iterator[str]:
    """The header, then the table of each size as soon as it has been measured."""
    torch.set_num_threads(threads)
    yield header(threads, repeats)
    for plan, contenders in ((sizes, of_logits()), (hidden_sizes, of_hidden())):
        for rows, classes in plan:
            rounds = repeats * (MORE if rows * classes < SMALL else 1)
            yield table(rows, classes, measure(contenders, rows, classes, rounds))


def header(threads: int, repeats: int) -> str:
    """What is run and where, how to read it, and which packages are not there to compare with."""
    memory = "not measured here, only on Linux"
    if sys.platform == "linux":
        memory = "the peak beyond the inputs, in a fresh process; logits: one tensor of (N, K)"
    lines = [
        f"torch {torch.__version__}, threads: {threads}, processors: {os.cpu_count()}",
        f"forward and backward, float32, T = {TEMPERATURE:g}",
        f"{repeats} rounds in turns, {MORE * repeats} where there are few logits",
        "time: median of the rounds, as a ratio to the first line of the same round",
        f"off: largest relative difference from the eager formula in float64, on {ROWS} rows",
        f"extra memory: {memory}",
    ]
    return "\n".join([*lines, *(f"{title}: not installed" for title in missing_packages())])


def table(rows: int, classes: int, costs: Sequence[Cost]) -> str:
    """The costs at one size; the first is what the others are compared with."""
    eager = costs[0]
    milliseconds = float(f"{1000 * np.median(eager.seconds):.3g}")  # three digits
    title = f"({rows}, {classes}): {eager.title} takes {milliseconds:g} ms"
    return f"\n{title}\n\n{markdown(HEAD, [_line(cost, eager, rows * classes) for cost in costs])}"


def measure(contenders: Sequence[Contender], rows: int, classes: int, rounds: int) -> list[Cost]:
    """Measure memory, one after the other, then errors, then time in turns."""
    runs = len(contenders) * (rounds + 2)
    quiet = True if "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    with tqdm(total=runs, desc=f"{rows}x{classes}", unit="run", leave=False, disable=quiet) as bar:
        memory = [_extra_bytes(c, rows, classes, bar) for c in contenders]
        errors = [_errors(c, min(rows, ROWS), classes, bar) for c in contenders]
        seconds = _seconds(contenders, rows, classes, rounds, bar)
    titles = [contender.title for contender in contenders]
    return [
        Cost(title, times, *off, extra)
        for title, times, off, extra in zip(titles, seconds, errors, memory, strict=True)
    ]


def step_called(title: str, rows: int, classes: int, threads: int) -> Callable[[], Tensor]:
    """The step of one contender by its title, for a fresh process, which it warms up."""
    torch.set_num_threads(threads)
    contender = next(c for c in (*of_logits(), *of_hidden()) if c.title == title)
    _step(contender.loss, contender.inputs(2, 8))()
    return _step(contender.loss, contender.inputs(rows, classes))


def _step(loss: Loss, inputs: Inputs) -> Callable[[], Tensor]:
    def step() -> Tensor:
        for tensor in inputs:
            tensor.grad = None
        value = loss(*inputs)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    return step


def _extra_bytes(contender: Contender, rows: int, classes: int, bar: Any) -> int | None:
    bar.update()
    if rows * classes < MEASURABLE:
        return None
    arguments = (contender.title, rows, classes, torch.get_num_threads())
    setup = f"from kdlib.bench.losses import step_called\nstep = step_called(*{arguments!r})"
    return peak_extra_bytes(setup, "step()")


def _errors(contender: Contender, rows: int, classes: int, bar: Any) -> tuple[float, float]:
    """Relative errors of the value and, by the largest entry, of the gradients."""
    bar.update()
    given = contender.inputs(rows, classes)
    exact = tuple(x.detach().double().requires_grad_(x.requires_grad) for x in given)
    value, true = _step(contender.loss, given)(), _step(contender.formula, exact)()
    trained = [(x.grad, y.grad) for x, y in zip(given, exact, strict=True) if x.requires_grad]
    return _off(value.detach(), true.detach()), max(_off(*gradients) for gradients in trained)


def _off(found: Tensor | None, right: Tensor | None) -> float:
    assert found is not None and right is not None, "backward gives every input its gradient"
    return float((found - right).abs().max() / right.abs().max())


def _seconds(
    contenders: Sequence[Contender], rows: int, classes: int, rounds: int, bar: Any
) -> list[tuple[float, ...]]:
    """Seconds of one call, per contender and round; the order changes from round to round."""
    inputs = {make: make(rows, classes) for make in {c.inputs for c in contenders}}
    steps = [_step(c.loss, inputs[c.inputs]) for c in contenders]
    calls = min(MOST_CALLS, max(1, TIMED // (rows * classes)))
    taken: list[list[float]] = [[] for _ in steps]
    shuffle = np.random.default_rng(0).permutation
    for _ in range(rounds):
        for turn in shuffle(len(steps)):
            taken[turn].append(timeit(steps[turn], number=calls) / calls)
            bar.update()
    return [tuple(times) for times in taken]


def _line(cost: Cost, eager: Cost, logits: int) -> tuple[str, ...]:
    ratios = [a / b for a, b in zip(cost.seconds, eager.seconds, strict=True)]
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    memory = ("–",) * 3
    if cost.extra_bytes is not None and eager.extra_bytes:
        of_eager, of_logits = cost.extra_bytes / eager.extra_bytes, cost.extra_bytes / (4 * logits)
        memory = (f"{cost.extra_bytes / 1e6:.0f}", f"{of_eager:.2f}", f"{of_logits:.2f}")
    spread = "–" if cost is eager else f"{low:.2f}–{high:.2f}"
    off = f"{cost.value_error:.0e}", f"{cost.gradient_error:.0e}"
    return cost.title, f"{middle:.2f}", spread, *off, *memory
