"""What is the best that anyone could do with these two models?

An oracle knows both answers and their qualities, and defers where that helps most. Nobody can do
better at its rate of deferral, and nobody who has not seen the answers should expect to come near:
much of what it knows is luck. Its two forms differ in whether the budget must be spent.
"""

import numpy as np
from numpy.typing import NDArray

from kdlib.cascade.curve import DeferralCurve, deferral_curve
from kdlib.checks import cascade as checked
from kdlib.checks.cascade import Values

__all__ = ["oracle_at_most", "oracle_curve", "pareto_front"]


def oracle_curve(small_correct: Values, large_correct: Values) -> DeferralCurve:
    """Return the best that anyone could do who defers exactly a given share of inputs.

    It defers where the large model gains most, so it comes down again at the end: nobody who must
    ask the large model everything is better than it. `threshold` is in units of lost quality.

    Raises:
        ValueError, TypeError: see `deferral_curve`.

    >>> oracle_curve([1, 0, 0, 1], [1, 1, 0, 0]).quality.tolist()
    [0.5, 0.75, 0.75, 0.5]
    """
    small = checked.qualities(small_correct, "small_correct")
    large = checked.qualities(large_correct, "large_correct", len(small))
    return deferral_curve(small - large, small, large)


def oracle_at_most(small_correct: Values, large_correct: Values) -> DeferralCurve:
    """Return the best that anyone could do who may defer up to a given share of inputs.

    It stops where the large model gains nothing more, and so ends above the large model.

    Raises:
        ValueError, TypeError: see `deferral_curve`.

    >>> oracle_at_most([1, 0, 0, 1], [1, 1, 0, 0]).quality.tolist()
    [0.5, 0.75, 0.75, 0.75]
    """
    exact = oracle_curve(small_correct, large_correct)
    highest = np.maximum.accumulate(exact.quality)  # it rises first and only then falls
    thresholds = np.minimum(exact.threshold, 0.0)
    return DeferralCurve(exact.deferral_rate, highest, thresholds, large=exact.large)


def pareto_front(cost: Values, quality: Values) -> NDArray[np.intp]:
    """Return the positions of what is not beaten: nothing as cheap is better, by rising cost.

    Of equal pairs the first one is returned.

    Args:
        cost, quality: `(P,)` of each system.
    Raises:
        ValueError, TypeError: on other shapes, negative costs, qualities outside [0, 1].

    >>> pareto_front([1, 3, 2, 4], [0.5, 0.7, 0.8, 0.9]).tolist()
    [0, 2, 3]
    """
    costs = checked.amounts(cost, "cost", "the cost of each system")
    qualities = checked.qualities(quality, "quality", len(costs))
    order = np.lexsort((-qualities, costs))
    best_before = np.concatenate([[-1.0], np.maximum.accumulate(qualities[order])[:-1]])
    return order[qualities[order] > best_before]
