"""How is fidelity measured on data that fits neither memory nor one machine?

By counting: each partition updates a counter of its own, counters travel (they can be pickled) and
are merged, in any order, and the report is that of all rows together. tests/test_fidelity_engines.py
does it with Dask and with torch.distributed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kdlib import checks
from kdlib.checks import Floats
from kdlib.fidelity.comparison import Labels
from kdlib.fidelity.report import FidelityReport, report_of
from kdlib.fidelity.rows import Model, Scale, compare
from kdlib.fidelity.tally import Tally, tally

MARGIN_EDGES = (0.25, 0.75)
CHUNK = 2**17  # rows whose numbers are held at once


class FidelityCounter:
    """Counts what a fidelity report needs, in memory that does not grow with the number of rows.

    Counts and means are exactly those of the functions in memory, whatever the order of updates and
    merges; quantiles of KL are at most 1 % off. Intervals come from counts and, for KL, from sums
    of squares (normal): for fewer than about 100 rows take `audit`, which resamples.

    Args:
        logits: batches hold logits or log-probabilities; otherwise they hold probabilities.
        margin_edges: where a part of the teacher's margins begins, for agreement by margin.

    >>> counter = FidelityCounter()
    >>> counter.update([[0.9, 0.1], [0.2, 0.8]], [[0.7, 0.3], [0.6, 0.4]])
    >>> other = FidelityCounter()
    >>> other.update([[0.6, 0.4]], [[0.8, 0.2]])
    >>> report = counter.merge(other).report()
    >>> report.rows, round(report.agreement.estimate, 3)
    (3, 0.667)
    """

    def __init__(
        self, *, logits: bool = False, margin_edges: Sequence[float] = MARGIN_EDGES
    ) -> None:
        self._scale: Scale = "logits" if logits else "probabilities"
        self._edges: NDArray[np.float64] = checks.margin_edges(margin_edges)
        self._counted: Tally | None = None

    @property
    def rows(self) -> int:
        """How many rows were counted so far."""
        return self._counted.rows if self._counted else 0

    def update(
        self,
        teacher: Floats,
        student: Floats,
        labels: Labels | None = None,
        control: Floats | None = None,
    ) -> None:
        """Count a batch: answers (n, K) of the models, and labels (n,).

        Raises:
            ValueError, TypeError: for answers that are not what they should be, other classes than
                before, or labels or a control in some batches only. Nothing is counted then.
        """
        given = {"teacher": teacher, "student": student}
        models = [
            Model(name, checks.class_rows(values, name), self._scale, "counter")
            for name, values in (
                given if control is None else {**given, "control": control}
            ).items()
        ]
        for model in models[1:]:
            names = models[0].name, model.name
            checks.same_inputs_and_classes(models[0].values, model.values, names)
        self._add(self._count(models, labels))

    def merge(self, other: "FidelityCounter") -> "FidelityCounter":
        """Add all that another counter has counted, and return this one.

        Raises:
            TypeError, ValueError: if the other counts other things.
        """
        checks.counter(other, FidelityCounter)
        checks.counted_alike(self._settings(), other._settings())
        if other._counted:
            self._add(other._counted)
        return self

    def report(self) -> FidelityReport:
        """Return the report of all rows so far; it knows no worst examples.

        Raises:
            ValueError: if fewer than two rows were counted.
        """
        checks.two_inputs(self.rows, "FidelityCounter")
        assert self._counted is not None, "there are rows"
        names = ["teacher", "student", *(["control"] if self._counted.control else [])]
        return report_of(self._counted, self._edges, dict.fromkeys(names, self._scale))

    def _count(self, models: Sequence[Model], labels: Labels | None) -> Tally:
        rows, classes = models[0].values.shape
        if labels is not None:
            labels = checks.labels_in_range(labels, rows=rows, classes=classes).cpu().numpy()
        counted = None
        for start in range(0, rows, CHUNK):
            some = slice(start, start + CHUNK)
            found = compare(models[0], models[1:], some)
            part = tally(found, None if labels is None else labels[some], self._edges)
            counted = part if counted is None else counted + part
        assert counted is not None, "there are rows"
        return counted

    def _add(self, part: Tally) -> None:
        if self._counted is not None:
            checks.counted_alike(_known(self._counted), _known(part))
        self._counted = part if self._counted is None else self._counted + part

    def _settings(self) -> str:
        return f"{self._scale} and margin_edges {self._edges.tolist()}"


def _known(counted: Tally) -> str:
    labels = "labels" if counted.labelled else "no labels"
    control = "a control" if counted.control else "no control"
    return f"{len(counted.classes)} classes, {labels} and {control}"
