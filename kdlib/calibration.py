"""Do probabilities mean what they say?

A model is calibrated if, of the answers that it gives with a confidence of 0.8, 80 % are right.
`probs` are probabilities `(N, K)`: a row per example, a column per class; tensors, arrays or lists.
`labels` are `(N,)`, the index of the right class. Confidence is the largest probability of a row,
and its class is the answer (of equal ones the first). Results are plain numbers, nothing to train.

Main reference: Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import exp

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib import checks
from kdlib.binning import Binning, Numbers, group
from kdlib.checks import Floats
from kdlib.stats import Interval, proportion_interval

__all__ = [
    "BrierDecomposition",
    "ReliabilityBin",
    "brier_decomposition",
    "brier_score",
    "ece_if_calibrated",
    "expected_calibration_error",
    "fit_temperature",
    "reliability",
]

Labels = Tensor | ArrayLike

SIMULATIONS = 400
BLOCK = 2**20  # numbers worked on at once: a few times 8 MB, however many examples there are


@dataclass(frozen=True)
class ReliabilityBin:
    """The examples whose confidence lies in (low, high]: what they claim and what is true."""

    low: float
    high: float
    count: int
    mean_confidence: float
    accuracy: Interval

    def __str__(self) -> str:
        return (
            f"confidence {self.low:.2f} to {self.high:.2f}, {self.count} examples: "
            f"{self.mean_confidence:.3f} claimed, {self.accuracy:.3f} right"
        )


@dataclass(frozen=True)
class BrierDecomposition:
    """score = reliability - resolution + uncertainty + within; see `brier_decomposition`."""

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float

    def __str__(self) -> str:
        return (
            f"Brier score {self.score:.4f} = reliability {self.reliability:.4f} - resolution "
            f"{self.resolution:.4f} + uncertainty {self.uncertainty:.4f} + within bins "
            f"{self.within:+.4f}"
        )

    def to_dict(self) -> dict[str, float]:
        """Return the five numbers by name, ready for JSON."""
        return asdict(self)


def reliability(
    probs: Floats,
    labels: Labels,
    bins: int = 15,
    binning: Binning = "width",
    *,
    confidence: float = 0.95,
) -> tuple[ReliabilityBin, ...]:
    """Return what is claimed and what is true, bin by bin, from the least confident to the most.

    Bins that hold no example are left out.

    Args:
        bins: how many bins to make, at least 1.
        binning: "width" cuts [0, 1] into bins of equal width; "mass" puts equally many examples
            into each, except that equal confidences stay together.
        confidence: level of the Wilson interval of each accuracy.
    Raises:
        ValueError, TypeError: for anything but probabilities (N, K) with labels (N,).

    >>> for row in reliability([[0.9, 0.1]] * 3 + [[0.4, 0.6]], [0, 0, 1, 1], bins=2):
    ...     print(row)
    confidence 0.50 to 1.00, 4 examples: 0.825 claimed, 0.750 [0.301, 0.954] right
    """
    claimed, right = _answers(probs, labels)
    groups = group(claimed, bins, binning)
    hits, claims = groups.sums(right), groups.sums(claimed)
    return tuple(
        ReliabilityBin(
            low=float(groups.lower[i]),
            high=float(groups.upper[i]),
            count=count,
            mean_confidence=float(claims[i] / count),
            accuracy=proportion_interval(int(hits[i]), count, confidence=confidence),
        )
        for i, count in enumerate(groups.counts.tolist())
        if count
    )


def expected_calibration_error(
    probs: Floats, labels: Labels, bins: int = 15, binning: Binning = "width"
) -> float:
    """Return the mean over examples of |accuracy - mean confidence| of their bin, from 0 to 1.

    It judges the answer alone, not the other K - 1 probabilities. It is 0 for a model that always
    gives the same answer with the right confidence: calibrated is not yet useful. And errors of
    opposite sign cancel inside a bin.

    In a small sample it is too large, because accuracies scatter and the scatter counts as error.
    A perfectly calibrated model with confidences spread evenly from 0.5 to 1 shows about 0.06
    on 200 examples and 0.02 on 2,000, with 15 bins of equal width. Compare with
    `ece_if_calibrated`, and compare models only at the same number of examples.

    Args, Raises: see `reliability`.
    Source: Naeini, Cooper, Hauskrecht (2015), Obtaining well calibrated probabilities.

    Four answers with confidence 0.9, three of them right, |0.75 - 0.9|:

    >>> f"{expected_calibration_error([[0.9, 0.1]] * 4, [0, 0, 0, 1]):.3f}"
    '0.150'
    """
    claimed, right = _answers(probs, labels)
    gaps = group(claimed, bins, binning).sums(right - claimed)
    return float(np.abs(gaps).sum() / len(claimed))


def ece_if_calibrated(
    probs: Floats, bins: int = 15, binning: Binning = "width", *, seed: int = 0
) -> Interval:
    """Return the ECE that these confidences would show, were they perfectly calibrated.

    400 times each answer is made right with a chance equal to its confidence. The estimate is the
    mean, the ECE that the size of the sample alone explains; 95 % of the values lie from low to
    high, so an ECE above high is more than chance.

    Args: see `reliability`; `seed` makes the simulation repeatable.
    Source: Bröcker and Smith (2007), Increasing the reliability of reliability diagrams.

    Sure answers cannot scatter; one answer with 0.5 is off by 0.5, whether right or wrong:

    >>> print(ece_if_calibrated([[1.0, 0.0]] * 9), ece_if_calibrated([[0.5, 0.5]]))
    0.000 [0.000, 0.000] 0.500 [0.500, 0.500]
    """
    claimed = np.sort(checks.class_probabilities(probs).amax(-1).double().numpy())
    starts = group(claimed, bins, binning).starts()
    gaps = [
        np.abs(np.add.reduceat(right - claimed, starts, axis=1)).sum(axis=1)
        for right in _simulated_answers(claimed, np.random.default_rng(seed))
    ]
    errors = np.concatenate(gaps) / len(claimed)
    low, high = np.quantile(errors, [0.025, 0.975])
    return Interval(float(errors.mean()), float(low), float(high))


def brier_score(probs: Floats, labels: Labels) -> float:
    """Return the mean over examples of sum_k (p_k - y_k)², y being 1 for the right class, else 0.

    It runs from 0 to 2, 2 for a sure wrong answer; a uniform guess has 1 - 1/K. All K
    probabilities count, and only the true ones minimise its mean. For two classes many libraries
    return half of it, the square of one probability's error.

    Raises: see `reliability`.
    Source: Brier (1950), Verification of forecasts expressed in terms of probability.

    >>> f"{brier_score([[0.8, 0.2]], [0]):.2f}"  # 0.2² + 0.2²
    '0.08'
    """
    errors, right = checks.probabilities_and_labels(probs, labels)
    errors = errors.scatter_add(1, right[:, None], -errors.new_ones(len(right), 1))
    return float(errors.square_().sum(-1).double().mean())


def brier_decomposition(
    probs: Floats, labels: Labels, bins: int = 15, binning: Binning = "width"
) -> BrierDecomposition:
    """Split the Brier score into what is miscalibrated, what is told apart, and what is chance.

    Each class is forecast by its own probability p (one against the rest), binned as in
    `reliability`, and the parts of all K classes are added; a share is that of a bin's examples:

    - reliability, sum of share x (mean p - frequency)²: miscalibration, smaller is better;
    - resolution, sum of share x (frequency - base rate)²: how far bins tell examples apart;
    - uncertainty, sum of base rate x (1 - base rate): the score of knowing only the base rates;
    - within, the variance of p minus twice its covariance with the outcome inside bins: what
      binning leaves out. It is 0 if all p of a bin are equal, and below 0 if p tells examples
      apart within bins too.

    In small samples reliability and resolution are both too large, as the ECE is.
    Args, Raises: see `reliability`.
    Source: Murphy (1973), A new vector partition of the probability score; for the term within
    bins Stephenson, Coelho, Jolliffe (2008), Two extra components in the Brier score decomposition.

    Four times the same forecast: 2 x 0.25², nothing told apart, 2 x 0.75 x 0.25.

    >>> print(brier_decomposition([[0.5, 0.5]] * 4, [0, 0, 0, 1]))
    Brier score 0.5000 = reliability 0.1250 - resolution 0.0000 + uncertainty 0.3750 + within bins +0.0000
    """
    forecasts, right = checks.probabilities_and_labels(probs, labels)
    answers = right.numpy()
    parts = np.zeros(4)
    for k, forecast in enumerate(forecasts.T):
        parts += _brier_parts(forecast.double().numpy(), answers == k, bins, binning)
    return BrierDecomposition(brier_score(forecasts, right), *map(float, parts))


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature T > 0 for which softmax(logits / T) makes the labels likeliest.

    The mean negative log-likelihood is convex in 1/T; its slope, the mean logit that softmax
    expects minus the mean logit of the right class, is brought to zero by a bracketed search in
    float64, exact to about ten digits. Above 1 the model was overconfident. Fit it on examples the
    model was not trained on; the answers stay the same. A logit of -inf masks a class.

    Raises:
        ValueError: if no T is best, because all answers are right (T goes to 0) or because labels
            fit logits no better than chance (T goes to infinity); for impossible inputs.
        TypeError: for logits `(N, K)` or labels `(N,)` that are no numbers.
    Source: Guo et al. (2017), section 4.2.

    Logits that claim 9 : 1 four times, and are right three times, mean 3 : 1, the square root:

    >>> from math import log
    >>> f"{fit_temperature([[log(9), 0.0]] * 4, [0, 0, 0, 1]):.6f}"
    '2.000000'
    """
    from scipy.optimize import brentq  # here, because it takes long to import

    z, right = checks.logits_and_labels(logits, labels)
    right_below = float((z.amax(-1).double() - z.gather(1, right[:, None])[:, 0].double()).mean())
    checks.best_temperature_exists(right_below, _expected_below_largest(z, 0.0))

    def slope(log_sharpness: float) -> float:
        return right_below - _expected_below_largest(z, exp(log_sharpness))

    low = high = 0.0
    while slope(low) >= 0:
        low -= 2
    while slope(high) <= 0:
        high += 2
    return exp(-float(brentq(slope, low, high, xtol=1e-12)))


def _answers(probs: Floats, labels: Labels) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the confidence of each answer, and whether it is right."""
    checked, right_class = checks.probabilities_and_labels(probs, labels)
    claimed, answer = checked.max(-1)
    return claimed.double().numpy(), (answer == right_class).numpy()


def _simulated_answers(claimed: Numbers, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """Yield SIMULATIONS rows of answers, some at a time, that are right as often as claimed."""
    rows = max(1, BLOCK // len(claimed))
    for start in range(0, SIMULATIONS, rows):
        yield rng.random((min(rows, SIMULATIONS - start), len(claimed))) < claimed


def _brier_parts(p: Numbers, y: NDArray[np.bool_], bins: int, binning: Binning) -> Numbers:
    """Return reliability, resolution, uncertainty and within of one class."""
    groups = group(p, bins, binning)
    share = groups.counts / len(p)
    count = np.maximum(groups.counts, 1)
    mean_p, frequency, base_rate = groups.sums(p) / count, groups.sums(y) / count, y.mean()
    deviation = p - mean_p[groups.place]
    within = np.mean(deviation * (deviation - 2 * (y - frequency[groups.place])))
    reliability = share @ (mean_p - frequency) ** 2
    resolution = share @ (frequency - base_rate) ** 2
    return np.array([reliability, resolution, base_rate * (1 - base_rate), within])


def _expected_below_largest(logits: Tensor, sharpness: float) -> float:
    """Return by how much the logit that softmax(sharpness x logits) expects is below the largest."""
    total = 0.0
    for rows in torch.split(logits, max(1, BLOCK // logits.shape[1])):
        below = rows.amax(-1, keepdim=True).double() - rows.double()
        masked = below.isinf()
        below.masked_fill_(masked, 0.0)
        odds = (-sharpness * below).exp_().masked_fill_(masked, 0.0)
        total += float(((odds * below).sum(-1) / odds.sum(-1)).sum())
    return total / len(logits)
