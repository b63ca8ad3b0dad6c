"""What has a run of a cascade given? An answer per input, who gave it, what it cost, what failed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdlib.fidelity.intervals import wilson
from kdlib.fidelity.page import Table, as_html, as_text, percent

__all__ = ["CascadeRun", "Outcomes", "StageCounts"]

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
Rows = slice | Positions

NOBODY = -1


@dataclass(frozen=True)
class StageCounts:
    """What a stage was asked, and how long that took; inputs, but `calls`."""

    calls: int = 0
    asked: int = 0
    answered: int = 0
    failed: int = 0
    seconds: float = 0.0

    def __add__(self, other: "StageCounts") -> "StageCounts":
        return StageCounts(
            self.calls + other.calls,
            self.asked + other.asked,
            self.answered + other.answered,
            self.failed + other.failed,
            self.seconds + other.seconds,
        )

    @property
    def latency(self) -> float:
        """Seconds per input asked: those of a call are shared by its batch. Failures count."""
        return self.seconds / self.asked if self.asked else 0.0


class Outcomes:
    """Room for the outcomes of N inputs in a cascade of S stages, filled while it runs."""

    def __init__(self, inputs: int, stages: int) -> None:
        self.answers: list[Any] = [None] * inputs
        self.stage = np.full(inputs, NOBODY)
        self.confidences = np.full((inputs, stages), np.nan, order="F")  # written by columns
        self.errors: dict[int, str] = {}
        self.counts = [StageCounts()] * stages

    def said(self, stage: int, rows: Rows, answers: list[Any], confidences: Floats) -> None:
        """Take what a stage said of the inputs at these positions, for later stages to correct."""
        self.confidences[rows, stage] = confidences
        self.stage[rows] = stage
        if isinstance(rows, slice):
            self.answers[rows] = answers
            return
        for row, answer in zip(rows.tolist(), answers, strict=True):
            self.answers[row] = answer

    def unanswered(self, rows: Positions) -> None:
        """Drop what unsure stages said of the inputs on which the last stage failed."""
        self.stage[rows] = NOBODY
        for row in rows.tolist():
            self.answers[row] = None

    def failed(self, rows: Rows, error: str) -> None:
        """Note on inputs what went wrong, after what went wrong before."""
        for row in np.arange(len(self.answers))[rows].tolist():
            before = self.errors.get(row)
            self.errors[row] = f"{before}; {error}" if before else error


@dataclass(frozen=True, eq=False)
class CascadeRun:
    """The outcomes of N inputs in a cascade of S stages, in the order of the inputs.

    Attributes:
        stages: names of the stages.
        ids: of the inputs.
        answers: of whatever type the stages give; None where nobody answered.
        stage: (N,) which stage answered, from 0; -1 where none did.
        confidences: (N, S) of every stage that was asked; NaN where it was not, or failed.
        costs: (N,) of all stages that were asked.
        errors: position of an input -> what failed on it, also if a later stage then answered.
        counts: for each stage, of this run; without what was in the journal before.
        resumed: how many outcomes were in the journal before.
    """

    stages: tuple[str, ...]
    ids: Sequence[int | str]
    answers: list[Any]
    stage: NDArray[np.int64]
    confidences: Floats
    costs: Floats
    errors: dict[int, str]
    counts: tuple[StageCounts, ...]
    resumed: int

    @property
    def deferral_rate(self) -> float:
        """Share of inputs that the first stage did not answer."""
        return float((self.stage != 0).mean())

    @property
    def unanswered(self) -> NDArray[np.int64]:
        """Positions of the inputs that nobody answered."""
        return np.flatnonzero(self.stage == NOBODY)

    @property
    def words(self) -> list[str]:
        """What happened, sentence by sentence."""
        return list(_words(self))

    def __str__(self) -> str:
        return as_text(self.words, [_table(self)])

    def _repr_html_(self) -> str:
        return as_html("Run of a cascade", self.words, [_table(self)])

    def to_dict(self) -> dict[str, Any]:
        """Return counts, rates and mean cost, ready for JSON; the outcomes are in the journal."""
        return {
            "inputs": len(self.ids),
            "resumed": self.resumed,
            "unanswered": len(self.unanswered),
            "deferral_rate": self.deferral_rate,
            "mean_cost": float(self.costs.mean()),
            "answered_by": dict(zip(self.stages, _answered(self), strict=True)),
            "counts": {
                name: asdict(counts)
                for name, counts in zip(self.stages, self.counts, strict=True)
            },
        }  # fmt: skip


def _answered(run: CascadeRun) -> list[int]:
    return [int((run.stage == i).sum()) for i in range(len(run.stages))]


def _words(run: CascadeRun) -> Iterator[str]:
    n, first, deferred = len(run.ids), run.stages[0], int((run.stage != 0).sum())
    yield (
        f"The {first} stage answered {n - deferred:,} of {n:,} inputs and passed on "
        f"{percent(wilson(deferred, n))}; an input cost {run.costs.mean():.4g} on average."
    )
    if missing := len(run.unanswered):
        why = run.errors[int(run.unanswered[0])]
        yield f"Nobody answered {missing:,}; on the first of them: {why}."
    if rescued := len(run.errors) - len(run.unanswered):
        yield f"On {rescued:,} a stage failed, and a later one answered."
    if run.resumed:
        yield f"{run.resumed:,} outcomes were in the journal already, and not asked again."


def _table(run: CascadeRun) -> Table:
    head = ("stage", "answered", "asked", "failed", "ms per input asked")
    lines = [
        [name, f"{answered:,}", f"{c.asked:,}", f"{c.failed:,}", f"{1000 * c.latency:.3g}"]
        for name, answered, c in zip(run.stages, _answered(run), run.counts, strict=True)
    ]
    note = " (answered: with the journal)" if run.resumed else ""
    return Table(f"Stages{note}", head, lines)
