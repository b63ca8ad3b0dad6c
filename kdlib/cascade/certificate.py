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

from math import ceil, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib import checks
from kdlib.cascade.promise import ROUNDING, Certificate, LossOf, Method, Of, inputs_needed
from kdlib.checks import certificates as checked

__all__ = ["Certificate", "Of", "certified_budget", "certified_threshold", "inputs_needed"]

Values = Tensor | ArrayLike
Floats = NDArray[np.float64]
# Share of the calibration inputs that the first tested threshold keeps (of="kept"). Fewer inputs
# would often fail by bad luck, which ends the search; more may be too many to keep.
KEPT_AT_FIRST = 0.2


class Tests(NamedTuple):
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
    scores, losses = checked.scores_and_losses(score, loss)
    large = checked.large_losses(large_loss, of, len(scores))
    risk, delta = checked.level(risk, "risk"), checked.level(delta, "delta")
    checks.one_of(method, "method", ("ltt", "crc"))
    checked.falls_with_the_threshold(method, of)
    tests = tests_of(scores, losses, large, of, inputs_needed(risk, delta, method))
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
    scores = checked.confidences(score, "score")
    risk, delta = checked.level(budget, "budget"), checked.level(delta, "delta")
    checks.one_of(method, "method", ("ltt", "crc"))
    kept = _kept_counts(scores)[::-1]
    n = np.full_like(kept, len(scores))
    tests = Tests(kept, (n - kept).astype(np.float64), n)
    return _certificate(scores, tests, "budget", _Rule(method, risk, delta, True))


def _kept_counts(scores: Floats) -> NDArray[np.int64]:
    """Return how many inputs each distinct score keeps, from the highest score on."""
    falling = -np.sort(-scores)
    last_of_equal = np.append(falling[1:] != falling[:-1], True)
    return np.flatnonzero(last_of_equal) + 1


def tests_of(scores: Floats, losses: Floats, large: Floats | None, of: Of, needed: int) -> Tests:
    """Return what is seen at each threshold that `certified_threshold` tests, the safest first."""
    order = np.argsort(-scores, kind="stable")
    kept, n = np.concatenate([[0], _kept_counts(scores)]), len(scores)
    lost = np.concatenate([[0.0], np.cumsum(losses[order])])[kept]
    if of == "kept":
        enough = kept >= min(n, max(needed, ceil(KEPT_AT_FIRST * n)))
        return Tests(kept[enough], lost[enough], kept[enough])
    if large is not None:
        by_large = np.concatenate([[0.0], np.cumsum(large[order])])
        lost = lost + (by_large[-1] - by_large[kept])
    if of == "inputs" or scores.max() == inf:  # keeping none is useless, or no threshold does it
        kept, lost = kept[1:], lost[1:]
    return Tests(kept, lost, np.full_like(kept, n))


def _certificate(scores: Floats, tests: Tests, of: Of, rule: _Rule) -> Certificate:
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
    if rule.method == "crc":
        return (losses + 1) / (trials + 1) <= rule.risk * ROUNDING
    p_value = _binomial_p if rule.zero_one else _bounded_p
    return p_value(losses, trials, rule.risk) <= rule.delta * ROUNDING


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
