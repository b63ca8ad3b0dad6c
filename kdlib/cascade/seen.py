"""What does a certificate look at? The risk at each threshold that is tested, and its upper bound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdlib.cascade.certificate import inputs_needed, tests_of
from kdlib.cascade.promise import Of

POINTS = 201


@dataclass(frozen=True)
class SeenRisk:
    """The tested thresholds, the safest first, at most 201: share kept, risk seen, upper bound.

    At each one the true risk is above the bound with a chance of at most delta.
    """

    inputs: int
    kept: tuple[float, ...]
    risk: tuple[float, ...]
    upper: tuple[float, ...]


def seen_risk(
    score: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    risk: float,
    delta: float,
    of: Of,
    large_wrong: NDArray[np.bool_] | None = None,
) -> SeenRisk:
    """Return what `certified_threshold` sees of the same arguments, with Clopper-Pearson's bound.

    >>> found = seen_risk(np.array([0.9] * 114), np.zeros(114, bool), 0.02, 0.1, "kept")
    >>> found.kept, found.risk, [round(bound, 3) for bound in found.upper]
    ((1.0,), (0.0,), [0.02])
    """
    from scipy.special import betaincinv

    large = None if large_wrong is None else large_wrong.astype(np.float64)
    tests = tests_of(score, wrong.astype(np.float64), large, of, inputs_needed(risk, delta))
    last = len(tests.kept) - 1
    some = np.unique(np.linspace(0, last, min(last + 1, POINTS)).round().astype(int))
    kept, losses, trials = (column[some] for column in tests)
    upper = np.ones(len(some))
    open_ended = losses < trials
    upper[open_ended] = betaincinv(losses[open_ended] + 1, (trials - losses)[open_ended], 1 - delta)
    columns = kept / len(score), losses / trials, upper
    return SeenRisk(len(score), *(tuple(column.tolist()) for column in columns))
