"""How sure are we? Intervals for means, differences and proportions, and what they decide.

Scores are one number per input, higher is better: `(N,)`, or `(S, N)` for S training seeds that
were judged on the same N inputs. Inputs are always resampled, because another test set would have
held others; seeds are resampled too when they are given, because another run would have trained
another student. One seed cannot say how much seeds matter: with `(N,)` the interval speaks of these
two trained models only.

References: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 and 13; Owen
(2007), The pigeonhole bootstrap (two crossed sources of doubt); Wilson (1927) and Clopper and
Pearson (1934) for proportions; McNemar (1947) for two models right or wrong on the same inputs.
"""

from dataclasses import asdict, dataclass
from math import floor, log10, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kdlib import checks

__all__ = [
    "Interval",
    "Verdict",
    "mcnemar",
    "mean_interval",
    "paired_bootstrap",
    "proportion_interval",
    "verdict",
]

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "cannot tell"]

RESAMPLES = 5000
BLOCK = 2**20  # numbers drawn at once: 16 MB, however many inputs there are
NORMAL_ABOVE = 20_000  # inputs: more are not resampled, because the result is known (mean_interval)


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its confidence interval.

    As text it keeps two digits of its own width. A format applies to all three numbers, and `+`
    alone adds signs.

    >>> gain = Interval(1.4142, 0.7071, 2.1213)
    >>> print(gain)
    1.4 [0.7, 2.1]
    >>> print(f"{gain:+} or {gain:.3f}")
    +1.4 [+0.7, +2.1] or 1.414 [0.707, 2.121]
    """

    estimate: float
    low: float
    high: float
    confidence: float = 0.95

    def __str__(self) -> str:
        return format(self, "")

    def __format__(self, spec: str) -> str:
        if spec in ("", "+"):
            spec = f"{spec}z.{self._decimals()}f"
        return f"{self.estimate:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def to_dict(self) -> dict[str, float]:
        """Return the four numbers by name, ready for JSON."""
        return asdict(self)

    def _decimals(self) -> int:
        width = self.high - self.low
        return max(0, 1 - floor(log10(width))) if width > 0 else 3


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the interval of mean(a - b), both scored on the same inputs in the same order.

    Pairing removes what makes an input hard for both, so the interval is far narrower than two
    separate ones would suggest. Which seeds and inputs are resampled: see `mean_interval`.

    Args:
        a, b: scores `(N,)` or `(S, N)`, of the same shape; True and False count as 1 and 0.
        seed: makes the resampling repeatable.
    Raises:
        ValueError: for different shapes, NaN, infinite scores, or fewer than two inputs or seeds.

    Two models of which the first is right on all of eight inputs and the second on half:

    >>> print(f"{paired_bootstrap([1] * 8, [1, 0] * 4):.3f}")
    0.500 [0.125, 0.875]
    """
    a_scores, b_scores = checks.scores(a, "a"), checks.scores(b, "b")
    checks.same_scores_shape(a_scores, b_scores)
    return mean_interval(a_scores - b_scores, seed=seed, confidence=confidence, resamples=resamples)


def mean_interval(
    scores: ArrayLike, *, seed: int = 0, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Return the percentile bootstrap interval of the mean of scores `(N,)` or `(S, N)`.

    For `(S, N)` the means per input and the means per seed are resampled independently and their
    deviations added: the two main effects of the pigeonhole bootstrap, which therefore cross. A
    few seeds look less spread than they are, so the plain bootstrap of 5 seeds that claims 95 %
    covers 84 %; the seeds' deviations are stretched by sqrt(S / (S-1)) and by Student's t over
    the normal quantile. In simulations (tests/test_stats.py) 95 % then covers 94 to 98 %, and 99 %
    where neither seeds nor inputs but their interaction matters: its variance is counted twice.

    What a sample has not seen no bootstrap knows: it is too narrow with fewer than about 20 inputs,
    with fewer than about 10 that differ from the rest (for 0/1 scores see `mcnemar`), and for means
    that rest on a long tail. `kdlib.bench.coverage.report` measures it.

    More than NORMAL_ABOVE = 20,000 inputs are not resampled: the distribution of their resampled
    mean is known, normal but for a little skewness (Cornish and Fisher 1938). This changes less
    than another `seed` does, which then matters for `(S, N)` alone.

    >>> print(mean_interval([[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]))
    0.5 [0.0, 1.0]
    """
    values = checks.scores(scores, "scores")
    checks.confidence(confidence)
    checks.resamples(resamples)
    rng = np.random.default_rng(seed)
    mean = float(values.mean())
    means = _likely_means(np.atleast_2d(values).mean(axis=0), resamples, rng)
    if values.ndim == 2:
        seed_means = _resampled_means(values.mean(axis=1), resamples, rng)
        means += _few_seeds_stretch(len(values), confidence) * (seed_means - mean)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high), confidence)


def proportion_interval(
    k: int, n: int, *, method: Literal["wilson", "exact"] = "wilson", confidence: float = 0.95
) -> Interval:
    """Return the interval of a proportion of which k successes in n trials were seen.

    Both methods stay inside [0, 1] and say something honest after no success at all.

    Args:
        method: "wilson" holds the truth about as often as it says; with z = 1.96 its upper end
            after 0 of n is z² / (n + z²). "exact" (Clopper and Pearson) holds it at least as often,
            whatever the truth is, and is wider: for promises; there it is 1 - 0.025^(1/n).
    Raises:
        ValueError, TypeError: unless k and n are whole numbers, 0 <= k <= n and n >= 1.

    >>> print(f"{proportion_interval(0, 10):.3f}")
    0.000 [0.000, 0.278]
    >>> print(f"{proportion_interval(0, 10, method='exact'):.3f}")
    0.000 [0.000, 0.308]
    """
    from scipy.stats import binomtest  # here, because it takes half a second to import

    successes, trials = checks.count_of(k, n)
    checks.one_of(method, "method", ("wilson", "exact"))
    checks.confidence(confidence)
    ends = binomtest(successes, trials).proportion_ci(confidence, method=method)
    return Interval(successes / trials, float(ends.low), float(ends.high), confidence)


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p-value that two models are equally often right, from 0 to 1.

    Inputs on which both are right, or both wrong, say nothing about it; among the others each
    model would be the right one as often as heads in fair tosses.

    Args:
        b, c: how many inputs only the first, and only the second model gets right.
    Raises:
        ValueError, TypeError: unless both are whole numbers of 0 or more.

    Five inputs, all won by one model, as 5 heads or 5 tails in 5 tosses: 2 / 32.

    >>> mcnemar(5, 0), mcnemar(0, 0)
    (0.0625, 1.0)
    """
    from scipy.stats import binomtest

    first, second = checks.discordant_counts(b, c)
    return float(binomtest(first, first + second).pvalue) if first + second else 1.0


def verdict(difference: Interval, smallest: float = 0.0) -> Verdict:
    """Say what an interval of a - b decides, where a higher score is better.

    Args:
        smallest: the smallest difference that matters, in the unit of the scores, 0 or more.
    Returns:
        "better" if the whole interval lies above `smallest`: a beats b by more than that;
        "worse" if the whole interval lies below `-smallest`: b beats a by more than that;
        "cannot tell" otherwise, which is never a proof that a and b are equal.

    >>> verdict(Interval(1.4, 0.7, 2.1)), verdict(Interval(1.4, 0.7, 2.1), smallest=1.0)
    ('better', 'cannot tell')
    """
    checks.interval(difference)
    checks.smallest_difference(smallest)
    if difference.low > smallest:
        return "better"
    if difference.high < -smallest:
        return "worse"
    return "cannot tell"


def _likely_means(values: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Return `(resamples,)` means that resampled values may have: drawn, or known if many."""
    if len(values) > NORMAL_ABOVE:
        return _normal_means(values, resamples)
    return _resampled_means(values, resamples, rng)


def _normal_means(values: Floats, count: int) -> Floats:
    """Return `count` equally likely quantiles of the mean of resampled values, in rising order."""
    from scipy.special import ndtri

    mean, deviation = values.mean(), values.std()
    if deviation == 0:
        return np.full(count, mean)
    standard = (values - mean) / deviation
    skewness = np.mean(standard * standard * standard) / sqrt(len(values))  # of the mean
    z = ndtri((np.arange(count) + 0.5) / count)
    likely: Floats = mean + deviation / sqrt(len(values)) * (z + skewness * (z * z - 1) / 6)
    return likely


def _resampled_means(values: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Return `(resamples,)` means of values drawn with replacement, in blocks of bounded size."""
    rows = max(1, BLOCK // len(values))
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    draws = (rng.integers(len(values), size=(size, len(values))) for size in sizes)
    return np.concatenate([values[draw].mean(axis=1) for draw in draws])


def _few_seeds_stretch(seeds: int, confidence: float) -> float:
    from scipy.stats import norm, t

    upper = (1 + confidence) / 2
    return sqrt(seeds / (seeds - 1)) * float(t.ppf(upper, seeds - 1) / norm.ppf(upper))
