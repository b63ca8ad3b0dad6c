"""Which threshold can be promised, with how many calibration inputs, and under which assumption?

The small model keeps an input if its score, a confidence, is at least the threshold, and defers it
otherwise. A threshold that was tuned on some inputs looks too good on them. Here every threshold
that the inputs can tell apart is tested in turn, from the safest on, and the first that fails ends
the search; the last that passed is certified.

No correction for many tests is needed. Let t be the first threshold, on the way from the safest,
whose true risk is too high. The inputs cannot tell t from one of the thresholds that were tested,
so a threshold at t or beyond can be certified only if the test of t itself passes, which happens
with a chance of at most delta. (For of="kept" the first test waits until KEPT_AT_FIRST of the
inputs are kept. If risk is too high before that, this holds as long as it stays too high.)

References: Angelopoulos, Bates, Candès, Jordan, Lei (2021), Learn then test, arXiv:2110.01052:
tests in a fixed sequence; Bates et al. (2021), Distribution-free, risk-controlling prediction sets,
arXiv:2101.02703: the argument above, and the p-value of losses between 0 and 1; Angelopoulos et al.
(2022), Conformal risk control, arXiv:2208.02814: promises of a mean.
"""

from dataclasses import asdict, dataclass
from math import ceil, inf, log
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib import checks
from kdlib.checks import runs
from kdlib.fidelity.intervals import wilson
from kdlib.fidelity.page import as_html, as_json, percent
from kdlib.stats import Interval

__all__ = ["Certificate", "certified_budget", "certified_threshold", "inputs_needed"]

Values = Tensor | ArrayLike
Floats = NDArray[np.float64]
Method = Literal["ltt", "crc"]
LossOf = Literal["kept", "inputs", "cascade"]
Of = LossOf | Literal["budget"]

# Share of the calibration inputs that the first tested threshold keeps (of="kept"). Fewer inputs
# would often fail by bad luck, which ends the search; more may be too many to keep.
KEPT_AT_FIRST = 0.2


class _Tests(NamedTuple):
    """What is seen at each threshold, in the order of the tests: arrays (T,)."""

    kept: NDArray[np.int64]  # inputs
    losses: Floats  # their sum
    trials: NDArray[np.int64]  # that this is the sum of


class _Rule(NamedTuple):
    """When a test passes."""

    method: Method
    risk: float
    delta: float
    zero_one: bool


@dataclass(frozen=True)
class Certificate:
    """A threshold and what it promises; or none (`threshold` is None), and what that would need.

    Attributes:
        threshold: keep an input if its score is at least this; inf defers every input.
        of: what is promised: see `certified_threshold`; "budget" is the share of deferred inputs.
        delta: the chance of a false promise; None for "crc", which promises a mean and no chance.
        n: calibration inputs.
        kept: how many of them the threshold keeps; without one, the first tested threshold.
        seen: the mean loss seen there, or the deferred share. It is below `risk`, not equal to it.
        needs: n that would do: if no loss was seen or, if there were enough inputs for that, at the
            mean loss seen. None if the loss seen is too high for any n.
        zero_one: every loss is 0 or 1.
    """

    threshold: float | None
    of: Of
    method: Method
    risk: float
    delta: float | None
    n: int
    kept: int
    seen: float
    needs: int | None
    zero_one: bool

    @property
    def certified(self) -> bool:
        """Whether there is a threshold."""
        return self.threshold is not None

    @property
    def deferral(self) -> Interval:
        """The share of inputs deferred there, and its 95 % interval for future inputs."""
        return wilson(self.n - self.kept, self.n)

    @property
    def promise(self) -> str:
        """What is promised, in words; without a threshold, why nothing is."""
        return _promise(self) if self.certified else _refusal(self)

    @property
    def assumption(self) -> str:
        """What the promise stands on."""
        return (
            f"It holds if future inputs and the {self.n:,} calibration inputs are exchangeable: "
            "drawn from one source, and these used neither for training nor for choosing a model "
            "or a score. After a shift nothing is promised."
        )

    def __str__(self) -> str:
        return "\n".join(self._sentences())

    def _repr_html_(self) -> str:
        return as_html("Certificate", self._sentences(), [])

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; an infinite threshold is the text "inf"."""
        found: dict[str, Any] = as_json(
            {**asdict(self), "deferral": self.deferral.to_dict(), "promise": self.promise,
             "assumption": self.assumption}
        )  # fmt: skip
        return found

    def _sentences(self) -> list[str]:
        if not self.certified:
            return [self.promise]
        seen = f"On the calibration inputs it was {_share(self.seen)}"
        if self.of != "budget":
            seen += f", and {percent(self.deferral)} were deferred"
        return [self.promise, f"{seen}.", self.assumption]


def certified_threshold(
    score: Values,
    loss: Values,
    risk: float,
    delta: float = 0.1,
    method: Method = "ltt",
    *,
    of: LossOf = "kept",
    large_loss: Values | None = None,
) -> Certificate:
    """Return the lowest threshold of which it can be promised that the mean loss is at most `risk`.

    Args:
        score: confidences of the small model `(N,)`, higher is surer, on any scale: only their
            order matters, and equal scores are kept or deferred together.
        loss: losses of its answers `(N,)`, from 0 to 1, such as True where an answer is wrong.
        risk: between 0 and 1, without the ends.
        delta: the chance, over the choice of calibration inputs, that the promise is false
            ("ltt"). "crc" has none.
        method: "ltt" (learn then test) promises that the risk is at most `risk`, but for `delta`;
            "crc" (conformal risk control) that its mean over all choices of calibration inputs is,
            so in a single case it may well be above. "crc" needs a risk that never rises with the
            threshold, so of="inputs".
        of: "kept", the mean loss of the answers that the small model keeps; "inputs", the sum of
            these losses per input, deferred ones included; "cascade", the mean loss of all answers,
            with the large model's for deferred inputs.
        large_loss: of="cascade" only: losses of the large model's answers `(N,)`, from 0 to 1.
    Raises:
        ValueError, TypeError: for NaN, losses outside 0 to 1, other lengths, or settings that do
            not go together.

    The p-value is exact (binomial) for losses of 0 and 1, and Hoeffding–Bentkus between them.

    >>> certified_threshold([0.9] * 114, [0] * 114, risk=0.02).threshold
    0.9
    >>> print(certified_threshold([0.9] * 100, [0] * 100, risk=0.02))
    cannot certify: needs n >= 114 calibration inputs, even if no loss is seen; there are 100.
    """
    scores, losses = runs.scores_and_losses(score, loss)
    large = runs.large_losses(large_loss, of, len(scores))
    risk, delta = runs.level(risk, "risk"), runs.level(delta, "delta")
    checks.one_of(method, "method", ("ltt", "crc"))
    runs.falls_with_the_threshold(method, of)
    tests = _tests(scores, losses, large, of, inputs_needed(risk, delta, method))
    return _certificate(scores, tests, of, _Rule(method, risk, delta, _zero_one(losses, large)))


def certified_budget(
    score: Values, budget: float, delta: float = 0.1, method: Method = "ltt"
) -> Certificate:
    """Return the highest threshold of which it can be promised that few enough inputs are deferred.

    Args:
        score, delta, method: see `certified_threshold`; no labels are needed.
        budget: the largest share of inputs to defer, between 0 and 1, without the ends.
    Raises:
        ValueError, TypeError: for NaN, no scores, or levels outside 0 to 1.

    Of a hundred inputs 5 may be deferred where 10 % are promised: P(at most 5 of 100) is .058.

    >>> certified_budget(list(range(100)), budget=0.1).threshold
    5.0
    """
    scores = runs.confidences(score, "score")
    risk, delta = runs.level(budget, "budget"), runs.level(delta, "delta")
    checks.one_of(method, "method", ("ltt", "crc"))
    kept = _kept_counts(scores)[::-1]
    n = np.full_like(kept, len(scores))
    tests = _Tests(kept, (n - kept).astype(np.float64), n)
    return _certificate(scores, tests, "budget", _Rule(method, risk, delta, True))


def inputs_needed(risk: float, delta: float = 0.1, method: Method = "ltt") -> int:
    """Return the smallest number of calibration inputs with which `risk` can be certified at all.

    It is the least n for which seeing no loss is unlikely enough, (1 - risk)^n <= delta, for "ltt",
    and for which (0 + 1) / (n + 1) <= risk for "crc".

    >>> inputs_needed(0.02, 0.1), inputs_needed(0.02, method="crc")
    (114, 49)
    """
    risk, delta = runs.level(risk, "risk"), runs.level(delta, "delta")
    checks.one_of(method, "method", ("ltt", "crc"))
    exact = log(delta) / log(1 - risk) if method == "ltt" else 1 / risk - 1
    return max(1, ceil(exact - 1e-9))


def _kept_counts(scores: Floats) -> NDArray[np.int64]:
    """Return how many inputs each distinct score keeps, from the highest score on."""
    falling = -np.sort(-scores)
    last_of_equal = np.append(falling[1:] != falling[:-1], True)
    return np.flatnonzero(last_of_equal) + 1


def _tests(scores: Floats, losses: Floats, large: Floats | None, of: Of, needed: int) -> _Tests:
    order = np.argsort(-scores, kind="stable")
    kept, n = np.concatenate([[0], _kept_counts(scores)]), len(scores)
    lost = np.concatenate([[0.0], np.cumsum(losses[order])])[kept]
    if of == "kept":
        enough = kept >= min(n, max(needed, ceil(KEPT_AT_FIRST * n)))
        return _Tests(kept[enough], lost[enough], kept[enough])
    if large is not None:
        by_large = np.concatenate([[0.0], np.cumsum(large[order])])
        lost = lost + (by_large[-1] - by_large[kept])
    if of == "inputs" or scores.max() == inf:  # keeping none is useless, or no threshold does it
        kept, lost = kept[1:], lost[1:]
    return _Tests(kept, lost, np.full_like(kept, n))


def _certificate(scores: Floats, tests: _Tests, of: Of, rule: _Rule) -> Certificate:
    passed = _passes(rule, tests.losses, tests.trials)
    number = len(passed) if passed.all() else int(passed.argmin())  # of tests before the first miss
    last = max(number - 1, 0)
    kept, trials = int(tests.kept[last]), int(tests.trials[last])
    seen, n = float(tests.losses[last] / trials), len(scores)
    threshold = None
    if number:
        threshold = float(np.sort(scores)[n - kept]) if kept else inf
    needs = None if number else _needs(rule, seen, n, trials)
    delta = rule.delta if rule.method == "ltt" else None
    return Certificate(
        threshold, of, rule.method, rule.risk, delta, n, kept, seen, needs, rule.zero_one
    )


def _passes(rule: _Rule, losses: Floats, trials: NDArray[np.int64]) -> NDArray[np.bool_]:
    rounding = 1 + 1e-12
    if rule.method == "crc":
        return (losses + 1) / (trials + 1) <= rule.risk * rounding
    p_value = _binomial_p if rule.zero_one else _bounded_p
    return p_value(losses, trials, rule.risk) <= rule.delta * rounding


def _binomial_p(losses: Floats, trials: NDArray[np.int64], risk: float) -> Floats:
    """Return the chance of at most so many losses in so many trials, if each has the chance `risk`."""
    from scipy.special import bdtr  # here, because it takes long to import

    p: Floats = bdtr(losses, trials, risk)
    return p


def _bounded_p(losses: Floats, trials: NDArray[np.int64], risk: float) -> Floats:
    """Return the Hoeffding–Bentkus p-value of losses between 0 and 1 whose mean is `risk`."""
    from scipy.special import rel_entr

    mean = np.minimum(losses / trials, risk)
    hoeffding: Floats = np.exp(-trials * (rel_entr(mean, risk) + rel_entr(1 - mean, 1 - risk)))
    whole: Floats = np.ceil(losses - 1e-9)  # rounding of the sum
    return np.minimum(hoeffding, np.e * _binomial_p(whole, trials, risk))


def _needs(rule: _Rule, seen: float, n: int, trials: int) -> int | None:
    """Return the n that would do without a loss or, if there are so many, at the mean loss seen."""
    without_loss = inputs_needed(rule.risk, rule.delta, rule.method)
    if n < without_loss:
        return without_loss
    more = np.unique(np.geomspace(trials, 1e9, 2000).astype(np.int64))
    enough = _passes(rule, np.ceil(seen * more).astype(np.float64), more)
    return ceil(n / trials * int(more[enough.argmax()])) if enough.any() else None


def _zero_one(losses: Floats, large: Floats | None) -> bool:
    return all(bool(np.isin(x, (0, 1)).all()) for x in (losses, large) if x is not None)


def _promise(c: Certificate) -> str:
    assert c.threshold is not None
    rule = f"Keep the small model's answer where its score is at least {c.threshold:.6g}"
    if not c.kept:
        rule = "Defer every input, because no answer of the small model can be kept"
    subject, verb = {
        "kept": ("of the answers kept", "wrong"),
        "inputs": ("of all inputs get an answer of the small model that", "wrong"),
        "cascade": ("of the cascade's answers", "wrong"),
        "budget": ("of the inputs", "deferred"),
    }[c.of]
    most = f"at most {_share(c.risk)} {subject} {'is' if c.of == 'inputs' else 'are'} {verb}"
    if not c.zero_one:
        what = {"kept": "per answer kept", "inputs": "of the answers kept, per input of any kind,"}
        most = f"the mean loss {what.get(c.of, 'of the cascade')} is at most {c.risk:g}"
    if c.delta is None:
        return (
            f"{rule}: on average over all choices of {c.n:,} calibration inputs, {most}. For this "
            "choice alone it may be more: conformal risk control promises a mean, so there is no "
            "delta."
        )
    return (
        f"{rule}: {most}. The chance that the choice of the {c.n:,} calibration inputs made this "
        f"promise false is at most {_share(c.delta)}."
    )


def _refusal(c: Certificate) -> str:
    if c.needs and c.n < inputs_needed(c.risk, c.delta or 0.5, c.method):
        return (
            f"cannot certify: needs n >= {c.needs:,} calibration inputs, even if no loss is seen; "
            f"there are {c.n:,}."
        )
    where = {
        "kept": f"The first threshold tested keeps {c.kept:,} of {c.n:,} inputs, and the mean loss "
        "there",
        "inputs": "The most confident answers alone lose too much: the mean loss per input",
        "cascade": "Even if every input is deferred, the mean loss, that of the large model alone,"
        if not c.kept
        else "Even at the threshold inf the mean loss",
    }[c.of]
    more = "More inputs of this kind would not help."
    if c.needs:
        more = f"At this mean loss about {c.needs:,} inputs would do."
    return f"cannot certify a risk of {c.risk:g}: {where} is {_share(c.seen)}. {more}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
