"""Is this student a good mimic of this teacher? Anybody's two models, from their answers alone.

`audit` reads answers block by block, so that a memory-mapped file need not fit into memory, and
keeps a few numbers per row. What they mean is explained in kdlib/fidelity/measures.py.
`reliabilities` says beside it whether the models' confidence means what it says.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from tqdm.auto import tqdm

from kdlib import checks
from kdlib.calibration import ReliabilityBin, reliability
from kdlib.checks import Floats
from kdlib.fidelity.comparison import Labels
from kdlib.fidelity.curves import Curves, curves
from kdlib.fidelity.findings import ControlFindings, Example
from kdlib.fidelity.given import models_of
from kdlib.fidelity.profile import profile_of_values
from kdlib.fidelity.report import FidelityReport, report_of
from kdlib.fidelity.rows import RELEASE_BYTES, Model, Rows, compare, let_go
from kdlib.fidelity.slices import slices, thirds
from kdlib.fidelity.tally import tally
from kdlib.stats import paired_bootstrap

WORST = 10
LONG = 2**25  # numbers to read, above which a bar shows progress
MOST_ROWS, MOST_NUMBERS = 100_000, 2**24  # of a model, from which its reliability is told
BINS = 10

__all__ = ["audit", "reliabilities"]


def audit(
    teacher: Floats,
    student: Floats,
    labels: Labels | None = None,
    control: Floats | None = None,
    groups: ArrayLike | Tensor | None = None,
    seed: int = 0,
    *,
    logits: bool | None = None,
) -> FidelityReport:
    """Return a report on how well a student mimics its teacher, in words, numbers and examples.

    Give answers to inputs that neither was trained on. Nobody can see in the numbers which of the
    two is the teacher; exchanged, they give another KL and other copied errors.

    Args:
        teacher, student, control: logits, log-probabilities or probabilities (N, K). The control
            was trained as the student was, but without the teacher.
        labels: the right classes (N,), for accuracy and copied errors.
        groups: names or numbers (N,), for agreement by group.
        seed: of the bootstrap for KL (up to 20,000 rows; no other interval is resampled).
        logits: True for logits and log-probabilities, False for probabilities, of all models. None
            looks at each model's first rows, and the report says what it found.
    Raises:
        ValueError, TypeError: for answers that cannot be compared, with the first wrong row.

    >>> teacher = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    >>> report = audit(teacher, student=[[0.7, 0.3], [0.4, 0.6], [0.3, 0.7]])
    >>> report.words[0]
    "The student gives the teacher's answer on 67 % [21, 94] of 3 inputs."
    >>> report.worst[0].row, report.taken_for["teacher"]
    (2, 'probabilities')
    """
    given = {"teacher": teacher, "student": student}
    models = models_of(given if control is None else {**given, "control": control}, logits)
    number, classes = models[0].values.shape
    if labels is not None:
        labels = checks.labels_in_range(labels, rows=number, classes=classes).cpu().numpy()
    parts = None if groups is None else checks.groups(groups, number)
    rows = _rows(models)
    edges = thirds(rows.margin)
    taken_for = {model.name: str(model.scale) for model in models}
    report = report_of(tally(rows, labels, edges), edges, taken_for)
    return replace(
        report,
        kl=profile_of_values(rows.kl[0], rows.uncertified[0], seed),
        control=_control(report.control, rows, seed),
        by_group=slices(rows.agrees[0], parts[1], parts[0], seed) if parts else (),
        worst=tuple(_worst(rows, labels)),
        curves=_curves(models[1:], rows),
        streamed=False,
    )


def reliabilities(
    report: FidelityReport, answers: Mapping[str, Floats], labels: Labels
) -> dict[str, tuple[ReliabilityBin, ...]]:
    """Return what each model claims and what is true, in ten bins of equal width of confidence.

    From evenly spaced rows, at most 100,000 and 2^24 numbers of each model: the bins' counts say
    how many those were.

    Args:
        report: of these answers, which says on what scale they are.
        answers: by model, (N, K), K at least 2.
    """
    most = max(1, min(MOST_ROWS, MOST_NUMBERS // report.classes))
    step = -(-report.rows // most)
    kept = checks.labels_in_range(labels, rows=report.rows, classes=report.classes)[::step]
    found = {}
    for name, given in answers.items():
        some = _every(checks.class_rows(given, name), step)
        if report.taken_for[name] != "probabilities":
            some = (some if some.dtype == torch.float64 else some.float()).softmax(-1)
        found[name] = reliability(some, kept, BINS)
    return found


def _every(values: checks.Answers, step: int) -> Tensor:
    """Every so-manieth row; of a mapped file not much is in memory at any time."""
    size = step * max(1, RELEASE_BYTES // (values.shape[1] * values.dtype.itemsize * step))
    parts = []
    for start in range(0, len(values), size):
        some = values[start : start + size : step]
        copy = some if isinstance(some, Tensor) else checks.as_floats(np.array(some), "answers")
        parts.append(copy.detach().cpu())
        let_go(values)
    return torch.cat(parts)


def _rows(models: list[Model]) -> Rows:
    number, classes = models[0].values.shape
    short = number * classes * len(models) < LONG
    quiet = True if short or "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    with tqdm(total=number, unit="row", unit_scale=True, leave=False, disable=quiet) as bar:
        return compare(models[0], models[1:], on_block=bar.update)


def _control(findings: ControlFindings | None, rows: Rows, seed: int) -> ControlFindings | None:
    """Replace what counts alone can say of the control's KL."""
    if findings is None:
        return None
    saved = findings.kl_saved and paired_bootstrap(rows.kl[1], rows.kl[0], seed=seed)
    return replace(
        findings,
        kl=profile_of_values(rows.kl[1], rows.uncertified[1], seed),
        kl_saved=saved,
    )


def _curves(students: list[Model], rows: Rows) -> dict[str, Curves]:
    return {
        model.name: curves(rows.kl[i], rows.uncertified[i], rows.agrees[i], rows.margin)
        for i, model in enumerate(students)
    }


def _worst(rows: Rows, labels: NDArray[np.int64] | None) -> Iterable[Example]:
    """The rows of largest KL, largest first; of equal ones the first."""
    kl = rows.kl[0]
    least = np.partition(kl, -min(WORST, len(kl)))[-min(WORST, len(kl))]
    candidates = np.concatenate([np.flatnonzero(kl > least), np.flatnonzero(kl == least)[:WORST]])
    for row in candidates[np.argsort(-kl[candidates], kind="stable")][:WORST].tolist():
        label = None if labels is None else int(labels[row])
        answers = int(rows.teacher[row]), int(rows.students[0, row])
        yield Example(row, float(kl[row]), *answers, label)
