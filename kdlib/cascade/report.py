"""Which threshold should a cascade of these two models run at, what is promised, what does it cost?

`recommend` reads what both models said of inputs whose right answers are known, block by block, and
keeps a confidence and two answers per input. The threshold is the one that a certificate promises
for, and not the one that looks best on these inputs.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from kdlib import checks
from kdlib.cascade.bill import Bill, bill_table, break_even, cascade_bill
from kdlib.cascade.certificate import Certificate, certified_threshold
from kdlib.cascade.curve import DeferralCurve, deferral_curve
from kdlib.cascade.intervals import CurveIntervals, curve_intervals
from kdlib.cascade.scores import Score, confidence
from kdlib.cascade.seen import SeenRisk, seen_risk
from kdlib.checks import Floats
from kdlib.fidelity.comparison import Labels
from kdlib.fidelity.given import models_of
from kdlib.fidelity.intervals import difference_of_shares
from kdlib.fidelity.page import Table, as_html, as_json, as_text, percent, points
from kdlib.fidelity.rows import Model, blocks, read, room_for
from kdlib.stats import Interval, proportion_interval, verdict

Promise = Literal["kept", "inputs", "cascade"]
Bools = NDArray[np.bool_]

JUDGED = {
    "better": "better than the large model alone",
    "worse": "worse than the large model alone",
    "cannot tell": "cannot tell which of the two is better",
}


@dataclass(frozen=True, repr=False)
class ThresholdReport:
    """What a small and a large model are worth together; all intervals are at 95 %, over inputs.

    Attributes:
        small, large: accuracy of each alone.
        gain: accuracy, large minus small.
        certificate: the threshold and its promise, or why there is none.
        quality, over_large: accuracy of the cascade at that threshold, and what it has beyond the
            large model; None without a threshold.
        bill: at that threshold; None without one.
        seen: what the certificate looked at.
        curve, band: of the accuracy at every threshold. What is best there looks too good.
        score, taken_for: which confidence it is, and on which scale each model's answers were
            understood.
    """

    small: Interval
    large: Interval
    gain: Interval
    certificate: Certificate
    quality: Interval | None
    over_large: Interval | None
    bill: Bill | None
    seen: SeenRisk
    curve: DeferralCurve
    band: CurveIntervals
    prices: tuple[float, float]
    score: Score
    taken_for: dict[str, str]

    @property
    def words(self) -> list[str]:
        """What the numbers say, and what they cannot say, sentence by sentence."""
        return [*_about_models(self), *_about_threshold(self), *_about_curve(self), *_limits(self)]

    def __str__(self) -> str:
        return as_text(self.words, self.tables())

    __repr__ = __str__  # what a notebook keeps beside the page

    def _repr_html_(self) -> str:
        return as_html("Threshold report", self.words, self.tables())

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; infinite numbers are the text "inf"."""
        parts = {name: getattr(self, name) for name in ("certificate", "bill", "curve", "band")}
        found = {name: part and part.to_dict() for name, part in parts.items()}
        plain = {
            name: asdict(part) if isinstance(part, (Interval, SeenRisk)) else part
            for name, part in vars(self).items()
            if name not in parts
        }
        return dict(as_json({**plain, **found}))

    def tables(self) -> list[Table]:
        """Return what there is in numbers, the most important first."""
        head = ("quantity", "estimate and 95 % interval")
        numbers = [Table("The two models and their cascade", head, list(_numbers(self)))]
        return numbers + ([bill_table(self.bill)] if self.bill else [])


def recommend(
    small: Floats,
    large: Floats,
    labels: Labels,
    *,
    small_cost: float,
    large_cost: float,
    risk: float,
    delta: float = 0.1,
    promise: Promise = "kept",
    score: Score = "max_prob",
    logits: bool | None = None,
    seed: int = 0,
) -> ThresholdReport:
    """Return the threshold below which the small model should defer, its certificate and its bill.

    Give inputs on which neither model was trained, and on which no score was chosen.

    Args:
        small, large: logits, log-probabilities or probabilities (N, K).
        labels: the right classes (N,).
        small_cost, large_cost: of one call, in one unit.
        risk, delta: the share of wrong answers to promise, and the chance of a false promise.
        promise: wrong answers among what: see `certified_threshold`.
        score: see `confidence`.
        logits: see `models_of`.
        seed: of the bootstrap.
    Raises:
        ValueError, TypeError: for answers that do not fit together, with the first wrong row.

    >>> small, large = [[0.9, 0.1]] * 80 + [[0.4, 0.6]] * 20, [[0.8, 0.2]] * 100
    >>> found = recommend(small, large, [0] * 100, small_cost=1, large_cost=5, risk=0.05)
    >>> found.certificate.threshold, found.bill.cost
    (0.9, 2.0)
    """
    models = models_of({"small": small, "large": large}, logits)
    number, classes = models[0].values.shape
    known = checks.labels_in_range(labels, rows=number, classes=classes).cpu().numpy()
    confidences, answers = _confidences_and_answers(models, score)
    right = answers == known
    large_loss = ~right[1] if promise == "cascade" else None
    certificate = certified_threshold(
        confidences, ~right[0], risk, delta, of=promise, large_loss=large_loss
    )
    bill, cascade = None, None
    if certificate.threshold is not None:
        kept = confidences >= certificate.threshold
        bill = cascade_bill(certificate.deferral.estimate, small_cost, large_cost)
        cascade = np.where(kept, *right)
    return ThresholdReport(
        small=_share(right[0]),
        large=_share(right[1]),
        gain=_beyond(right[1], right[0]),
        certificate=certificate,
        quality=None if cascade is None else _share(cascade),
        over_large=None if cascade is None else _beyond(cascade, right[1]),
        bill=bill,
        seen=seen_risk(confidences, ~right[0], risk, delta, promise, large_loss),
        curve=deferral_curve(confidences, *right),
        band=curve_intervals(confidences, *right, seed=seed),
        prices=(float(small_cost), float(large_cost)),
        score=score,
        taken_for={model.name: str(model.scale) for model in models},
    )


def _confidences_and_answers(
    models: list[Model], score: Score
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How sure the small model is (N,), and what each model answers (M, N)."""
    small, _ = models
    room = room_for(models, 1)[0]
    confidences, answers = [], []
    for block in blocks(models):
        favourites = []
        for model in models:
            raw, favourite = read(model, block, room)
            favourites.append(favourite)
            if model is small:
                given = torch.from_numpy(raw)
                probabilities = small.scale == "probabilities"
                confidences.append(
                    confidence(given if probabilities else None, score,
                               logits=None if probabilities else given)
                )  # fmt: skip
        answers.append(np.stack(favourites))
    return torch.cat(confidences).numpy(), np.concatenate(answers, axis=1)


def _share(right: Bools) -> Interval:
    return proportion_interval(int(right.sum()), len(right))


def _beyond(first: Bools, second: Bools) -> Interval:
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return difference_of_shares(only_first, only_second, len(first))


def _about_models(report: ThresholdReport) -> Iterator[str]:
    yield (
        f"The small model is right on {percent(report.small)} of {report.certificate.n:,} inputs, "
        f"the large one on {percent(report.large)}: {points(report.gain)} more."
    )
    if verdict(report.gain) != "better":
        yield (
            "These inputs cannot tell that the large model is better, so nothing says that "
            "deferring to it helps."
        )


def _about_threshold(report: ThresholdReport) -> Iterator[str]:
    yield report.certificate.promise
    if report.quality is None or report.over_large is None or report.bill is None:
        return
    yield (
        f"On these inputs it defers {percent(report.certificate.deferral)}, and the cascade is right "
        f"on {percent(report.quality)}: {points(report.over_large)} beside the large model alone: "
        f"{JUDGED[verdict(report.over_large)]}."
    )
    yield from report.bill.words
    yield report.certificate.assumption


def _about_curve(report: ThresholdReport) -> Iterator[str]:
    best, area = report.curve.best(), report.band.area
    yield (
        f"The best threshold seen, {best.threshold:.4g}, defers {100 * best.deferral_rate:.1f} % for "
        f"{100 * best.quality:.1f} %; found on the inputs that judge it, it is too good to expect."
    )
    if report.band.apgr is None:
        yield f"Over all shares of deferral the accuracy is {percent(area)} on average."
        return
    yield (
        f"How well the confidence chooses whom to defer, APGR: {report.band.apgr}; 0.5 is deferring "
        "at random."
    )


def _limits(report: ThresholdReport) -> Iterator[str]:
    thresholds, inputs = len(report.curve.threshold), report.certificate.n
    if thresholds <= inputs / 2:
        yield (
            f"Many inputs have the same confidence: {inputs:,} inputs leave {thresholds:,} points "
            'to choose from. If probabilities were rounded to 1, give logits and score="log_odds".'
        )
    by_scale: dict[str, list[str]] = {}
    for name, scale in report.taken_for.items():
        by_scale.setdefault(scale, []).append(name)
    for scale, names in by_scale.items():
        yield f"Taken for {scale}: {', '.join(names)}."


def _numbers(report: ThresholdReport) -> Iterator[tuple[str, str]]:
    yield "small model's accuracy", str(report.small)
    yield "large model's accuracy", str(report.large)
    yield "accuracy, large minus small", str(report.gain)
    if report.quality is not None:
        yield f"threshold of {report.score}", f"{report.certificate.threshold:.6g}"
        yield "share deferred", str(report.certificate.deferral)
        yield "cascade's accuracy", str(report.quality)
        yield "accuracy, cascade minus large", str(report.over_large)
    yield "break-even share of deferral", f"{break_even(*report.prices):.3f}"
    yield "mean accuracy over all shares of deferral", str(report.band.area)
    yield "APGR", "undefined" if report.band.apgr is None else str(report.band.apgr)
    yield "CPT(50 %)", "undefined" if report.band.cpt is None else str(report.band.cpt)
