"""What does the page of a threshold say, beyond the report: figures, and how to read all this."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from kdlib.cascade.bill import cascade_cost
from kdlib.cascade.curve import DeferralCurve
from kdlib.cascade.report import ThresholdReport
from kdlib.fidelity.page import html_words, percent
from kdlib.figures.cascade import cost_chart, curves_in_words, deferral_chart
from kdlib.figures.threshold import risk_chart
from kdlib.reports.page import (
    Origin,
    Picture,
    file_name,
    house_style,
    html_figures,
    html_glossary,
    html_tables,
    picture,
    whole_page,
)

SIZE = (5.8, 4.2)  # inches, narrow enough for a telephone


def threshold_page(report: ThresholdReport, origin: Origin) -> str:
    """Return the page as HTML."""
    small, large = (file_name(origin.files[role].file) for role in ("small", "large"))
    with house_style():
        pictures = list(_pictures(report))
    sections = {
        "In words": f'<div class="words">{html_words(report.words)}</div>',
        "In numbers": html_tables(report.tables()),
        "In figures": html_figures(pictures),
        "How to read this": html_glossary(READING),
    }
    title = f"Threshold of a cascade: {small}, then {large}"
    return whole_page(title, f"When should {small} pass an input on to {large}?", sections, origin)


def _pictures(report: ThresholdReport) -> Iterator[Picture]:
    yield _risk(report)
    yield _deferral(report)
    yield _cost(report)


def _risk(report: ThresholdReport) -> Picture:
    seen, certificate = report.seen, report.certificate
    risk = f"{100 * certificate.risk:.3g} %"
    heading = f"No threshold keeps the risk at or below {risk} for certain"
    if certificate.certified:
        kept = 100 * certificate.kept / certificate.n
        heading = f"The risk is certified to be at most {risk} while {kept:.0f} % are kept"
    drawn = (
        "A curve of the share of wrong answers seen, in %, over the share of inputs that the small "
        "model keeps, in %, with its upper bound above it, and a level line at the risk to promise."
    )
    caption = (
        "The bound is what the share may really be. From the left, thresholds are accepted until the "
        "bound first crosses the line; what comes back below it later does not count."
    )
    marked = certificate.kept if certificate.certified else None
    return _picture(risk_chart(seen, certificate.risk, marked), heading, drawn, caption)


def _deferral(report: ThresholdReport) -> Picture:
    curves: dict[str, DeferralCurve] = {report.score: report.curve}
    heading = f"Accuracy is {percent(report.band.area)} on average over all shares of deferral"
    caption = (
        "Each point is a threshold. The straight line is what deferring at random would give; the "
        "highest point was found on these inputs and looks too good."
    )
    return _picture(deferral_chart(curves, ""), heading, curves_in_words(curves), caption)


def _cost(report: ThresholdReport) -> Picture:
    small, large = report.prices
    costs = cascade_cost(np.array(report.band.rates), small, large).tolist()
    alone = {
        "small alone": (small, report.small.estimate),
        "large alone": (large, report.large.estimate),
    }
    told = f"alone, the small model costs {small:.4g} and the large one {large:.4g}"
    heading = "What a certified threshold costs is unknown, because there is none"
    if report.bill and report.quality:
        alone["this threshold"] = (report.bill.cost, report.quality.estimate)
        told += f"; this threshold costs {report.bill.cost:.4g} for {percent(report.quality)}"
        heading = (
            f"An input costs {report.bill.cost:.4g} instead of {large:.4g}, and "
            f"{percent(report.quality)} of the answers are right"
        )
    figure = cost_chart({"cascade": costs}, {"cascade": report.band.quality}, alone, "")
    drawn = (
        "A curve of accuracy in %, with a band of 95 % at each point, over the mean cost of an "
        "input; points for each model alone and for the threshold."
    )
    caption = (
        f"A cascade that defers everything pays both models, so its curve ends right of the large "
        f"model alone. Here {told}."
    )
    return _picture(figure, heading, drawn, caption)


def _picture(figure: Figure, heading: str, drawn: str, caption: str) -> Picture:
    figure.set_size_inches(SIZE)
    return picture(figure, heading, drawn, caption)


READING = (
    (
        "Threshold",
        "The small model's answer is kept if its confidence is at least this, and the input is "
        "passed on to the large model otherwise. It means nothing for another model, another score, "
        "or inputs from elsewhere.",
    ),
    (
        "Certificate",
        "Tuning a threshold on inputs and reading its risk from the same inputs flatters it. The "
        "certificate accounts for that: of all the times somebody certifies like this, the promise "
        "is false at most as often as it says.",
    ),
    (
        "Intervals, [low, high]",
        "What other inputs of the same kind could have shown, at 95 %. They do not allow for the "
        "choice of the threshold; only the certificate does.",
    ),
    (
        "Cost",
        "Every input pays the small model, and a deferred one pays the large one too. A cascade "
        "saves money only below the break-even share of deferral.",
    ),
    (
        "APGR and CPT(50 %)",
        "The share of the gap between the two models that is recovered, averaged over all shares of "
        "deferral: 0.5 by chance. And the share of deferral at which half of the gap is recovered.",
    ),
    (
        "After a shift",
        "If inputs change, the share that is deferred usually moves first. Watch it: with it goes "
        "the promise.",
    ),
)
