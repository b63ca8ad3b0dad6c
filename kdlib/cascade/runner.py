"""Who answers, and what comes out? A cascade that runs.

Every input is asked of the first stage; what it is not sure of is asked of the next, and so on.
A stage that raises, answers too late or returns something else than answers fails the whole call:
all inputs of it pass on to the next stage (on_error="next"), or the run stops ("raise"). Inputs
on which the last stage fails stay unanswered, with the error; none is lost.

Reference: Chen, Zaharia, Zou (2023), FrugalGPT, arXiv:2305.05176, for the chain of stages.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch
from tqdm.auto import tqdm

from kdlib import checks
from kdlib.cascade.drift import DriftMonitor
from kdlib.cascade.journal import Journal, Line, fingerprint, floats, from_floats, open_journal
from kdlib.cascade.outcomes import (
    NOBODY,
    CascadeRun,
    Floats,
    Outcomes,
    Positions,
    Rows,
    StageCounts,
)
from kdlib.cascade.stages import CascadeStage, passes_on, said
from kdlib.checks import runs

__all__ = ["Cascade"]

SHORT = 1.0  # seconds; only a run that takes longer shows its progress


class Cascade:
    """Two or more stages that answer in turn; several threads may run one cascade at once.

    Args:
        stages: the cheapest first; all but the last with a threshold.
        on_error: what follows if a stage fails: "next", the next stage is asked; "raise", its
            error ends the run.
        monitor: is shown every confidence of the first stage.
    Raises:
        ValueError, TypeError: for fewer than two stages, names or thresholds that are missing or
            too many, negative costs.

    >>> small = CascadeStage("small", lambda batch: (batch, [0.9, 0.2, 0.8]), threshold=0.5, cost=1)
    >>> large = CascadeStage("large", lambda batch: ([x.upper() for x in batch], [1.0]), cost=20)
    >>> run = Cascade([small, large]).run(["a", "b", "c"])
    >>> run.answers, run.stage.tolist(), run.costs.tolist()
    (['a', 'B', 'c'], [0, 1, 0], [1.0, 21.0, 1.0])
    """

    def __init__(
        self,
        stages: Sequence[CascadeStage],
        *,
        on_error: Literal["next", "raise"] = "next",
        monitor: DriftMonitor | None = None,
    ) -> None:
        self.stages = tuple(stages)
        runs.cascade_stages(self.stages)
        self.on_error = checks.one_of(on_error, "on_error", ("next", "raise"))
        self.monitor = monitor
        self._counts = [StageCounts()] * len(self.stages)
        self._lock = Lock()

    @property
    def counts(self) -> tuple[StageCounts, ...]:
        """What each stage was asked in all runs so far, also in those that have not ended."""
        with self._lock:
            return tuple(self._counts)

    def run(
        self,
        inputs: Any,
        ids: Sequence[int | str] | None = None,
        *,
        batch_size: int = 1000,
        journal: str | Path | None = None,
    ) -> CascadeRun:
        """Return the outcomes of N inputs: a list, a tuple, an array or a tensor.

        Args:
            ids: N different texts or whole numbers; 0 to N-1 unless given.
            batch_size: inputs that the first stage is asked at once.
            journal: a file for a line of JSON per input. If an interrupted run of the same stages,
                thresholds, costs and inputs left it, its outcomes are taken from there.
        Raises:
            ValueError, TypeError: for no inputs, ids that do not fit, a journal of another run,
                or with a journal, answers that JSON cannot hold.
            Exception: with on_error="raise", what a stage raised.
        """
        number = runs.batchable(inputs)
        names = runs.identifiers(ids, number)
        checks.count(batch_size, "batch_size")
        found = Outcomes(number, len(self.stages))
        with self._opened(journal, inputs, names) as file:
            done = self._recall(found, file.lines) if file else 0
            with _progress(done, number, batch_size) as bar:
                for batch in _batches(done, number, batch_size):
                    self._answer(inputs, batch, found)
                    if file:
                        file.write(self._lines(found, names, batch))
                    bar.update(batch.stop - batch.start)
        return CascadeRun(
            tuple(stage.name for stage in self.stages), names, found.answers, found.stage,
            found.confidences, self._costs(found.stage), found.errors, tuple(found.counts), done,
        )  # fmt: skip

    def _answer(self, inputs: Any, batch: slice, found: Outcomes) -> None:
        """Ask one stage after the other about a batch."""
        left = batch.start + self._ask(0, inputs[batch], batch, found)
        for i in range(1, len(self.stages)):
            if len(left):
                left = left[self._ask(i, _chosen(inputs, left), left, found)]
        found.unanswered(left)

    def _ask(self, i: int, batch: Any, rows: Rows, found: Outcomes) -> Positions:
        """Ask a stage about the inputs at these rows; return the places of those it passes on."""
        stage, number, start = self.stages[i], len(batch), perf_counter()
        try:
            answers, confidences = said(stage, batch, number)
        except Exception as error:
            self._count(i, found, StageCounts(1, number, 0, number, perf_counter() - start))
            if self.on_error == "raise":
                error.add_note(f"raised by the stage {stage.name!r} of a cascade")
                raise
            found.failed(rows, f"{stage.name}: {type(error).__name__}: {error}")
            return np.arange(number)
        seconds = perf_counter() - start
        found.said(i, rows, answers, confidences)
        passed_on = np.flatnonzero(passes_on(stage, confidences))
        self._count(i, found, StageCounts(1, number, number - len(passed_on), 0, seconds))
        if self.monitor and i == 0:
            self.monitor.update(confidences)
        return passed_on

    def _count(self, i: int, found: Outcomes, more: StageCounts) -> None:
        found.counts[i] += more
        with self._lock:
            self._counts[i] += more

    @contextmanager
    def _opened(
        self, path: str | Path | None, inputs: Any, ids: Sequence[int | str]
    ) -> Iterator[Journal | None]:
        if path is None:
            yield None
            return
        stages = [
            {
                "name": stage.name,
                "threshold": None if stage.threshold is None else float(stage.threshold),
                "cost": float(stage.cost),
            }
            for stage in self.stages
        ]
        head = {"kdlib": "cascade journal 1", "stages": stages, "inputs": len(ids),
                "sha256": fingerprint(inputs)}  # fmt: skip
        with open_journal(path, head, ids) as file:
            yield file

    def _lines(self, found: Outcomes, ids: Sequence[int | str], batch: slice) -> list[Line]:
        names = {i: stage.name for i, stage in enumerate(self.stages)}
        stages = found.stage[batch]
        columns = zip(
            range(batch.start, batch.stop), stages.tolist(), found.confidences[batch].tolist(),
            self._costs(stages).tolist(), strict=True,
        )  # fmt: skip
        return [
            {
                "id": ids[row],
                "answer": found.answers[row],
                "stage": names.get(stage),
                "confidences": floats(sure),
                "cost": cost,
                "error": found.errors.get(row),
            }
            for row, stage, sure, cost in columns
        ]

    def _costs(self, stage: Positions) -> Floats:
        """Return what inputs cost that were answered by these stages, or by none (-1), (n,)."""
        of_all_before: Floats = np.cumsum([stage.cost for stage in self.stages], dtype=np.float64)
        return of_all_before[stage]

    def _recall(self, found: Outcomes, lines: Sequence[Line]) -> int:
        """Take outcomes from the lines of a journal, and return how many there are."""
        places = {stage.name: i for i, stage in enumerate(self.stages)}
        for row, line in enumerate(lines):
            found.answers[row] = line["answer"]
            found.stage[row] = places.get(line["stage"], NOBODY)
            found.confidences[row] = from_floats(line["confidences"])
            if line["error"]:
                found.errors[row] = line["error"]
        return len(lines)


def _batches(done: int, number: int, size: int) -> Iterator[slice]:
    """Yield what is left, in batches that end where they would without anything done before."""
    while done < number:
        stop = min(number, done - done % size + size)
        yield slice(done, stop)
        done = stop


def _progress(done: int, number: int, batch_size: int) -> "tqdm[None]":
    short = number - done <= batch_size
    quiet = True if short or "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    return tqdm(total=number, initial=done, unit="input", leave=False, delay=SHORT, disable=quiet)


def _chosen(inputs: Any, rows: Positions) -> Any:
    if isinstance(inputs, (list, tuple)):
        return [inputs[row] for row in rows.tolist()]
    return inputs[torch.from_numpy(rows) if isinstance(inputs, torch.Tensor) else rows]
