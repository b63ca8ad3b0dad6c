"""How long does a user of a cascade wait?

Whoever is deferred waits for both models, one after the other, so a cascade that is faster than the
large model on average is slower for some: a mean does not tell.
"""

from dataclasses import asdict, dataclass

import numpy as np

from kdlib.checks import cascade as checked
from kdlib.checks.cascade import Values

__all__ = ["LatencyProfile", "cascade_latency", "latency_profile"]


@dataclass(frozen=True)
class LatencyProfile:
    """How long users wait, in the unit of the measurements: the mean, and what p % do not exceed."""

    mean: float
    median: float
    p95: float
    p99: float

    def __str__(self) -> str:
        return (
            f"mean {self.mean:.3g}, median {self.median:.3g}, 95th percentile {self.p95:.3g}, "
            f"99th {self.p99:.3g}"
        )

    def to_dict(self) -> dict[str, float]:
        """Return the four numbers by name, ready for JSON."""
        return asdict(self)


def latency_profile(seconds: Values) -> LatencyProfile:
    """Return mean and quantiles of measured latencies `(N,)`; each quantile is one of them.

    Raises:
        ValueError, TypeError: unless these are finite numbers of 0 or more.

    >>> print(latency_profile([1, 1, 1, 5]))
    mean 2, median 1, 95th percentile 5, 99th 5
    """
    waited = checked.amounts(seconds, "seconds", "one latency per input")
    quantiles = np.quantile(waited, [0.5, 0.95, 0.99], method="inverted_cdf")
    return LatencyProfile(float(waited.mean()), *map(float, quantiles))


def cascade_latency(
    deferred: Values, small_seconds: Values, large_seconds: Values
) -> LatencyProfile:
    """Return the latency of a cascade from what both models take for each input `(N,)`.

    A deferred input waits for both, so if more than 5 % are deferred, the 95th percentile is above
    that of the large model alone, whatever the mean says.

    Args:
        deferred: True for each input that is passed on: `score < threshold`.
    Raises:
        ValueError, TypeError: for columns of different length, NaN or negative latencies.

    >>> print(cascade_latency([True, False, False, False], [1, 1, 1, 1], [4, 4, 4, 4]))
    mean 2, median 1, 95th percentile 5, 99th 5
    """
    passed_on = checked.deferred(deferred)
    small = checked.amounts(small_seconds, "small_seconds", "one latency per input")
    large = checked.amounts(large_seconds, "large_seconds", "one latency per input")
    checked.same_rows([passed_on, small, large], ["deferred", "small_seconds", "large_seconds"])
    return latency_profile(small + passed_on * large)
