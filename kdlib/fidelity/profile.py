"""What does the KL of all inputs look like, beyond its mean?

A mean hides whether every input is a little off or a few are lost: 99 inputs of 0.01 nats and one
of 5 have the mean 0.06. A quantile is the least value that so many inputs do not exceed, which is
one of the values, also where some are infinite.
"""

from dataclasses import dataclass, replace
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from kdlib.fidelity.intervals import mean_of, share
from kdlib.fidelity.sums import (
    KLSums,
    exact_mean,
    exact_sum,
    exact_variance,
    quantile,
    rank_of,
)
from kdlib.stats import Interval, mean_interval

INFINITE = Interval(inf, inf, inf)


@dataclass(frozen=True)
class KLProfile:
    """KL(teacher || student) over inputs, in nats, from 0 to inf.

    One infinite input makes the mean infinite, which is the truth about it; `finite_mean` is the
    mean over all others (None if there are fewer than two). `above_budget` is the share of inputs
    whose KL reaches the flip budget, so that it does not rule out another answer than the
    teacher's; below the budget the answers are the same.
    """

    mean: Interval
    finite_mean: Interval | None
    median: float
    p90: float
    p99: float
    max: float
    above_budget: Interval
    infinite: Interval


def profile_of_values(
    kl: NDArray[np.float64], uncertified: NDArray[np.bool_], seed: int
) -> KLProfile:
    """Return the profile of values (N,), or (S, N) for S seeds; quantiles are of all S x N."""
    finite = kl[..., np.isfinite(kl).all(axis=0)] if kl.ndim == 2 else kl[np.isfinite(kl)]
    mean = _mean(finite, seed) if finite.shape[-1] > 1 else None
    ordered = np.sort(kl, axis=None)
    middle, p90, p99 = (float(ordered[rank_of(q, kl.size) - 1]) for q in (50, 90, 99))
    return KLProfile(
        mean if mean and finite.shape == kl.shape else INFINITE,
        mean,
        middle,
        p90,
        p99,
        float(ordered[-1]),
        rate(uncertified, seed),
        rate(np.isinf(kl), seed),
    )


def profile_of_sums(sums: KLSums, rows: int) -> KLProfile:
    """Return the same from sums: equal counts and means, quantiles at most 1 % off."""
    finite = rows - sums.infinite
    mean = None
    if finite > 1:
        variance = exact_variance(sums.total, sums.squares, finite)
        mean = not_negative(mean_of(exact_mean(sums.total, finite), variance, finite))
    quantiles = (quantile(sums.counts, rank_of(q, rows)) for q in (50, 90, 99))
    middle, p90, p99 = (min(value, sums.largest) for value in quantiles)
    above, infinite = share(sums.uncertified, rows), share(sums.infinite, rows)
    assert above is not None and infinite is not None, "there are rows"
    return KLProfile(
        mean if mean and not sums.infinite else INFINITE,
        mean,
        middle,
        p90,
        p99,
        sums.largest,
        above,
        infinite,
    )


def rate(happened: NDArray[np.bool_], seed: int) -> Interval:
    """Return the share of inputs (N,) on which it happened, or the mean share of (S, N) seeds."""
    if happened.ndim == 2:
        return mean_interval(happened, seed=seed)
    found = share(int(happened.sum()), len(happened))
    assert found is not None, "there are inputs"
    return found


def not_negative(interval: Interval) -> Interval:
    """Return an interval of something that is never below 0."""
    return replace(interval, low=max(0.0, interval.low))


def _mean(finite: NDArray[np.float64], seed: int) -> Interval:
    interval = mean_interval(finite, seed=seed)
    if not isfinite(interval.estimate):
        return INFINITE
    return not_negative(
        replace(interval, estimate=exact_mean(exact_sum(finite.ravel()), finite.size))
    )
