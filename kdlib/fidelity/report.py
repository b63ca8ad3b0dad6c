"""What is there to say about a student, a teacher, and perhaps a control?

In words first, which also say what cannot be said; then in numbers; then the worst examples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdlib.fidelity.curves import Curves
from kdlib.fidelity.findings import (
    ControlFindings,
    Example,
    LabelFindings,
    certain,
    control_findings,
    kappa_of,
    label_findings,
)
from kdlib.fidelity.intervals import share
from kdlib.fidelity.page import Table, as_html, as_json, as_text, nats, percent, points
from kdlib.fidelity.profile import KLProfile, profile_of_sums
from kdlib.fidelity.slices import Slice, class_names, margin_names, slices_of_counts
from kdlib.fidelity.tally import Tally
from kdlib.stats import Interval, verdict

FEW = 20  # inputs, or mistakes: intervals of fewer are rough
SHOWN = 10  # lines of a table; to_dict() has all

OF_LABELS = {
    "teacher_accuracy": "teacher's accuracy",
    "student_accuracy": "student's accuracy",
    "accuracy_gain": "accuracy, student minus teacher",
    "mcnemar": "McNemar's p of equal accuracy",
    "error_consistency": "error consistency",
    "teacher_mistakes": "teacher's mistakes",
    "copied_errors": "share of them that the student repeats",
    "agreement_when_right": "agreement where the teacher is right",
}
OF_CONTROL = {
    "agreement": "control's agreement",
    "added_agreement": "agreement, student minus control",
    "kl_saved": "mean KL, control minus student",
    "accuracy": "control's accuracy",
    "accuracy_gain": "accuracy, student minus control",
    "copied_errors": "share of mistakes that the control repeats",
    "added_copied_errors": "repeated mistakes, student minus control",
}
OF_KL = {
    "mean": "mean",
    "finite_mean": "mean of the finite ones",
    "median": "median",
    "p90": "90th percentile",
    "p99": "99th percentile",
    "max": "largest",
    "above_budget": "share of inputs at the flip budget or above",
    "infinite": "share of inputs where it is infinite",
}
JUDGED = {
    "better": "better than {other}",
    "worse": "worse than {other}",
    "cannot tell": "cannot tell whether that is better or worse than {other}",
}


@dataclass(frozen=True)
class FidelityReport:
    """How well a student mimics its teacher on N inputs; all intervals are at 95 %, over inputs.

    `taken_for` says of each model on which scale its answers were understood. `curves`: what figures
    draw, by model. `streamed`: quantiles of KL come from a histogram and are at most 1 % off.
    """

    rows: int
    classes: int
    taken_for: dict[str, str]
    agreement: Interval
    kappa: float | None
    kl: KLProfile
    labels: LabelFindings | None
    control: ControlFindings | None
    by_margin: tuple[Slice, ...]
    by_class: tuple[Slice, ...]
    by_group: tuple[Slice, ...] = ()
    worst: tuple[Example, ...] = ()
    curves: dict[str, Curves] = field(default_factory=dict)
    streamed: bool = False

    @property
    def words(self) -> list[str]:
        """What the numbers say, sentence by sentence, and what they cannot say."""
        return [
            _about_agreement(self),
            *_about_kl(self),
            *(_about_labels(self.labels, self.control) if self.labels else ()),
            *_limits(self),
        ]

    def __str__(self) -> str:
        return as_text(self.words, [*number_tables(self), *worst_tables(self)])

    def _repr_html_(self) -> str:
        tables = [*number_tables(self), *worst_tables(self)]
        return as_html("Fidelity report", self.words, tables)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; infinite numbers are the text "inf"."""
        found: dict[str, Any] = as_json({"words": self.words, **asdict(self)})
        return found


def report_of(
    counted: Tally, edges: NDArray[np.float64], taken_for: dict[str, str]
) -> FidelityReport:
    """Return the report of counts; `edges` are those by which margins were counted."""
    student = counted.student
    classes = len(counted.classes)
    return FidelityReport(
        counted.rows,
        classes,
        taken_for,
        certain(share(int(student.agreed.sum()), counted.rows)),
        kappa_of(counted),
        profile_of_sums(student.kl, counted.rows),
        label_findings(counted),
        control_findings(counted),
        slices_of_counts(margin_names(edges), counted.margins, student.agreed_by_margin),
        slices_of_counts(class_names(classes), counted.classes, student.agreed),
        streamed=True,
    )


def number_tables(report: FidelityReport) -> Iterator[Table]:
    """Yield what there is in numbers, the most important first."""
    head = ("quantity", "estimate and 95 % interval")
    yield Table("Fidelity in numbers", head, list(_numbers(report)))
    yield _profile_table(report)
    yield _slices_table("By the teacher's margin (its first probability minus its second)",
                        report.by_margin, len(report.by_margin))  # fmt: skip
    yield _slices_table("By the teacher's answer", report.by_class, SHOWN)
    if report.by_group:
        yield _slices_table("By group", report.by_group, SHOWN)


def worst_tables(report: FidelityReport) -> Iterator[Table]:
    """Yield the table of worst examples, if any are known."""
    if report.worst:
        yield _worst_table(report.worst)


def _about_agreement(report: FidelityReport) -> str:
    sentence = (
        f"The student gives the teacher's answer on {percent(report.agreement)} of "
        f"{report.rows:,} inputs"
    )
    if report.control is None:
        return f"{sentence}."
    free, added = report.control.agreement, report.control.added_agreement
    more = f"the student agrees on {points(added)} more"
    fewer = f"student minus control is {points(added)}"
    return (
        f"{sentence}; a model trained without the teacher already does on {percent(free)}: "
        f"{more if added.estimate >= 0 else fewer}: {_judged(added, 'the control')}."
    )


def _about_kl(report: FidelityReport) -> Iterator[str]:
    kl = report.kl
    yield (
        f"KL(teacher || student) is {_mean(kl.mean)} on average, {nats(kl.median)} nats at the "
        f"median, {nats(kl.p99)} at the 99th percentile and {nats(kl.max)} at most."
    )
    if kl.infinite.estimate:
        rest = f"; its mean over all others is {kl.finite_mean}" if kl.finite_mean else ""
        yield (
            f"It is infinite on {percent(kl.infinite)} of the inputs, where the student calls "
            f"impossible what the teacher allows{rest}."
        )
    yield (
        f"On {percent(kl.above_budget)} of the inputs KL reaches the flip budget, so that it does "
        "not rule out another answer; on all others it does."
    )
    if report.control and report.control.kl_saved:
        saved = report.control.kl_saved
        lower = f"the student's is {saved} nats lower"
        higher = f"control minus student is {saved} nats"
        yield (
            f"The control's KL is {_mean(report.control.kl.mean)} on average; "
            f"{lower if saved.estimate >= 0 else higher}: {_judged(saved, 'the control')}."
        )


def _about_labels(labels: LabelFindings, control: ControlFindings | None) -> Iterator[str]:
    gain = labels.accuracy_gain
    yield (
        f"The teacher is right on {percent(labels.teacher_accuracy)}, the student on "
        f"{percent(labels.student_accuracy)}: a difference of {points(gain)}: "
        f"{_judged(gain, 'the teacher')}."
    )
    if labels.copied_errors is None:
        yield "The teacher makes no mistake on these inputs, so there is none to copy."
        return
    count = labels.teacher_mistakes
    of = "the teacher's one mistake" if count == 1 else f"the teacher's {count:,} mistakes"
    sentence = f"Of {of} the student repeats {percent(labels.copied_errors)}"
    if control and control.copied_errors and control.added_copied_errors:
        sentence += (
            f", the control {percent(control.copied_errors)}: a difference of "
            f"{points(control.added_copied_errors)}"
        )
    yield f"{sentence}."


def _limits(report: FidelityReport) -> Iterator[str]:
    if report.rows < FEW:
        yield (
            f"These are only {report.rows} inputs: take every number as a first impression, and "
            f"decide on {FEW} or, better, hundreds."
        )
    if report.control is None:
        yield (
            "Without a control, a model trained in the same way but without the teacher, nobody "
            "can say how much of the agreement is there without it: accurate models agree."
        )
    if report.labels is None:
        yield (
            "Without labels nobody can say who is right where they differ, or whether mistakes "
            "were copied."
        )
    scales = dict.fromkeys(report.taken_for.values())
    for scale in scales:
        names = (name for name, its in report.taken_for.items() if its == scale)
        yield f"Taken for {scale}: {', '.join(names)}."


def _numbers(report: FidelityReport) -> Iterator[tuple[str, str]]:
    yield "agreement", str(report.agreement)
    yield "Cohen's kappa", "undefined" if report.kappa is None else f"{report.kappa:.3f}"
    for findings, names in ((report.labels, OF_LABELS), (report.control, OF_CONTROL)):
        for name, words in names.items() if findings else ():
            yield words, _cell(getattr(findings, name))


def _profile_table(report: FidelityReport) -> Table:
    profiles = {"student": report.kl}
    if report.control:
        profiles["control"] = report.control.kl
    lines = [
        [words, *(_cell(getattr(kl, name)) for kl in profiles.values())]
        for name, words in OF_KL.items()
        if name != "finite_mean" or report.kl.infinite.estimate
    ]
    note = " (quantiles at most 1 % off)" if report.streamed else ""
    return Table(f"KL from the teacher, in nats{note}", ["", *profiles], lines)


def _slices_table(caption: str, parts: Sequence[Slice], shown: int) -> Table:
    if len(parts) > shown:
        known = (part for part in parts if part.agreement)
        parts = sorted(known, key=lambda part: certain(part.agreement).estimate)[:shown]
        caption += f": the {len(parts)} of lowest agreement"
    lines = [(part.name, f"{part.rows:,}", _cell(part.agreement)) for part in parts]
    return Table(caption, ("inputs", "number", "agreement"), lines)


def _worst_table(worst: Sequence[Example]) -> Table:
    head = ["row", "KL", "teacher's class", "student's class", "label"]
    lines = [
        [str(x.row), nats(x.kl), str(x.teacher_class), str(x.student_class), str(x.label)]
        for x in worst
    ]
    if all(example.label is None for example in worst):
        head, lines = head[:-1], [line[:-1] for line in lines]
    return Table("The inputs of largest KL", head, lines)


def _judged(difference: Interval, other: str) -> str:
    return JUDGED[verdict(difference)].format(other=other)


def _mean(interval: Interval) -> str:
    return f"{interval} nats" if np.isfinite(interval.estimate) else "infinite"


def _cell(value: Interval | float | None) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    return nats(value) if isinstance(value, float) else str(value)
