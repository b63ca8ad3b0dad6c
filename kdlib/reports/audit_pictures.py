"""Which figures does the page of an audit have, and what do they show, in words?

Each has a heading that says what was found, a short description of what is drawn on which axes (for
those who do not see it), and a caption with the numbers.
"""

from collections.abc import Iterator, Mapping, Sequence

from kdlib.calibration import ReliabilityBin
from kdlib.fidelity.curves import Curves
from kdlib.fidelity.page import nats, percent
from kdlib.fidelity.report import FidelityReport
from kdlib.figures.audit import (
    agreement_along_margin,
    agreement_rows,
    kl_shares,
    reliability_chart,
)
from kdlib.reports.page import Picture, house_style, picture
from kdlib.stats import Interval

Bins = Mapping[str, Sequence[ReliabilityBin]]


def pictures(report: FidelityReport, bins: Bins | None = None) -> list[Picture]:
    """Return the figures of a report that knows its curves, in the house style.

    Args:
        bins: by model, what `audit.reliabilities` found; None without labels.
    """
    with house_style():
        return [*_of_report(report), *([_reliability(bins, report.rows)] if bins else [])]


def _of_report(report: FidelityReport) -> Iterator[Picture]:
    yield _agreement(report)
    if report.curves:
        yield _kl(report)
        yield _along_margin(report.curves)


def _agreement(report: FidelityReport) -> Picture:
    found = {"student": report.agreement}
    if report.control:
        found["control"] = report.control.agreement
    numbers = ", ".join(f"{model} {percent(interval)}" for model, interval in found.items())
    caption = "The axis does not begin at 0."
    if report.control:
        caption += (
            " Whether the two differ is said by the interval of their difference, in the words and "
            "numbers above, and not by whether these intervals overlap."
        )
    drawn = f"A point with its 95 % interval for each model, {_and(found)}, over agreement in %."
    heading = f"Agreement with the teacher: {numbers}"
    return picture(agreement_rows(found), heading, drawn, caption)


def _kl(report: FidelityReport) -> Picture:
    kl = report.kl
    caption = (
        f"At the median the student's KL is {nats(kl.median)} nats; at the 90th percentile "
        f"{nats(kl.p90)}, at the 99th {nats(kl.p99)}, at most {nats(kl.max)}. Hatched: inputs whose "
        f"KL lies below the flip budget, where it rules out another answer; on "
        f"{percent(kl.above_budget)} it does not. A KL of 0 is drawn at the left end, an infinite "
        "one would lie beyond the right."
    )
    drawn = (
        f"A rising curve for each model, {_and(report.curves)}: the share of inputs, in %, up to "
        "each KL in nats, on a logarithmic axis; further left is nearer to the teacher. An area "
        "below the student's curve: the inputs below the flip budget."
    )
    heading = (
        f"Half of the inputs have a KL of at most {nats(kl.median)} nats, nine in ten of at most "
        f"{nats(kl.p90)}"
    )
    if kl.infinite.estimate:
        heading = f"KL is {nats(kl.median)} nats at the median, infinite on {percent(kl.infinite)}"
    return picture(kl_shares(report.curves), heading, drawn, caption)


def _along_margin(curves: Mapping[str, Curves]) -> Picture:
    told = []
    for model, its in curves.items():
        low, high = its.agreement[0], its.agreement[-1]
        told.append(f"{model} from {percent(low)} to {percent(high)}")
    student = curves["student"].agreement
    heading = (
        f"Agreement is {_whole(student[0])} where the teacher hesitates most, and "
        f"{_whole(student[-1])} where it is surest"
    )
    caption = (
        f"From the least margins to the largest, in up to ten parts of about equally many inputs: "
        f"{'; '.join(told)}."
    )
    drawn = (
        f"Points with 95 % intervals for each model, {_and(curves)}: agreement in %, over the "
        "teacher's margin from 0 (hesitates) to 1 (is sure)."
    )
    return picture(agreement_along_margin(curves), heading, drawn, caption)


def _reliability(bins: Bins, rows: int) -> Picture:
    used = {model: sum(some.count for some in its) for model, its in bins.items()}
    number = max(used.values())
    of = f"{number:,} evenly spaced rows of {rows:,}" if number < rows else f"all {rows:,} rows"
    told = "; ".join(f"the {model} {_claims(its)}" for model, its in bins.items())
    heading = f"On average {told}"
    drawn = (
        f"Points with 95 % intervals for each model, {_and(bins)}: how often its answers are right, "
        "in %, over how probable it calls them, in %. A diagonal line where both are equal."
    )
    caption = (
        f"Answers in ten bins of equal width of confidence, from {of}. Below the "
        "diagonal a model claims too much, above it too little; wide intervals belong to bins "
        "with few answers."
    )
    return picture(reliability_chart(bins), heading, drawn, caption)


def _claims(bins: Sequence[ReliabilityBin]) -> str:
    number = sum(some.count for some in bins)
    claimed = sum(some.count * some.mean_confidence for some in bins) / number
    right = sum(some.count * some.accuracy.estimate for some in bins) / number
    return f"claims {100 * claimed:.1f} %, is right on {100 * right:.1f} %"


def _whole(interval: Interval) -> str:
    return f"{100 * interval.estimate:.0f} %"


def _and(names: Mapping[str, object]) -> str:
    return " and ".join(names)
