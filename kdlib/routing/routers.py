"""Which model should answer, judged from the question alone?

A router decides before any model has answered, from what it learned on inputs with both models'
answers. All of these are baselines to be beaten. Each takes the training inputs, the quality of
both answers to them, and the inputs to be routed, and returns one score per input like a confidence:
higher where the small model suffices, so that a deferral curve sends the lowest to the large one.
It is minus the estimated gain of the large model, so 0 is the score at which both are equally good.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from kdlib import checks
from kdlib.checks import cascade as checked
from kdlib.checks import routing
from kdlib.checks.cascade import Floats, Values

__all__ = [
    "constant_score",
    "group_score",
    "learned_score",
    "length_score",
    "neighbour_score",
]

BINS, NEIGHBOURS = 20, 25


class Regressor(Protocol):
    """What scikit-learn calls a regressor."""

    def fit(self, x: Any, y: Any) -> Any: ...
    def predict(self, x: Any) -> Any: ...


def constant_score(rows: int) -> Floats:
    """Return the same score for every input, `(rows,)`: all go to one model, or any at random.

    >>> constant_score(3).tolist()
    [0.0, 0.0, 0.0]
    """
    return np.zeros(checks.count(rows, "rows"))


def group_score(
    train_groups: ArrayLike, small_correct: Values, large_correct: Values, groups: ArrayLike
) -> Floats:
    """Return minus the mean gain of each input's group `(N,)`, such as its subject or language.

    An input of a group that was not seen gets the mean gain of all training inputs.

    Raises:
        ValueError, TypeError: for columns of different length, or qualities outside [0, 1].

    >>> group_score(["law", "law", "maths"], [1, 1, 0], [1, 0, 1], ["maths", "law", "art"]).tolist()
    [-1.0, 0.5, -0.0]
    """
    gain = _gain(small_correct, large_correct)
    seen = routing.group_column(train_groups, "train_groups")
    new = routing.group_column(groups, "groups")
    names, place = checks.groups(np.concatenate([seen, new]), len(seen) + len(new))
    checked.same_rows([gain, seen], ["small_correct", "train_groups"])
    counts = np.bincount(place[: len(seen)], minlength=len(names))
    sums = np.bincount(place[: len(seen)], gain, minlength=len(names))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), gain.mean())
    return np.asarray(-means[place[len(seen) :]])


def length_score(
    train_texts: Sequence[str], small_correct: Values, large_correct: Values, texts: Sequence[str]
) -> Floats:
    """Return minus the mean gain of inputs of about this length `(N,)`.

    Lengths in characters, in up to 20 bins that hold equally many training inputs.

    Raises:
        ValueError, TypeError: see `group_score`; also for anything but lists of texts.
    """
    seen, new = (np.array([len(text) for text in checks.several_names(given)])
                 for given in (train_texts, texts))  # fmt: skip
    edges = np.quantile(seen, np.arange(1, BINS) / BINS)
    train_bins, bins = (np.searchsorted(edges, lengths) for lengths in (seen, new))
    return group_score(train_bins, small_correct, large_correct, bins)


def neighbour_score(
    train_features: Any,
    small_correct: Values,
    large_correct: Values,
    features: Any,
    neighbours: int = NEIGHBOURS,
) -> Floats:
    """Return minus the mean gain of the nearest training inputs `(N,)`.

    Args:
        train_features, features: `(M, D)` and `(N, D)`, arrays, tensors or scipy's sparse matrices.
    Raises:
        ValueError, TypeError: for other shapes, NaN, or more neighbours than training inputs.
    """
    from sklearn.neighbors import KNeighborsRegressor  # here, because it takes a second to import

    count = routing.neighbours(neighbours, len(_gain(small_correct, large_correct)))
    model = KNeighborsRegressor(count)
    return learned_score(train_features, small_correct, large_correct, features, model)


def learned_score(
    train_features: Any,
    small_correct: Values,
    large_correct: Values,
    features: Any,
    model: Regressor | None = None,
) -> Floats:
    """Return minus the gain that a regression predicts `(N,)`.

    Features may come from the question alone, or, for a cascade, also from the small model's
    answer: then it is a learned deferral rule.

    Args:
        train_features, features: `(M, D)` and `(N, D)`, arrays, tensors or scipy's sparse matrices.
        model: any regressor of scikit-learn, `Ridge()` if not given. It is fitted here.
    Raises:
        ValueError, TypeError: for other shapes or NaN.

    >>> learned_score([[0.0], [1.0]] * 50, [1, 0] * 50, [0, 1] * 50, [[0.0], [1.0]]).round(1).tolist()
    [1.0, -1.0]
    """
    gain = _gain(small_correct, large_correct)
    seen, new = routing.feature_pair(train_features, features)
    checked.same_rows([gain, range(seen.shape[0])], ["small_correct", "train_features"])
    if model is None:
        from sklearn.linear_model import Ridge

        model = Ridge()
    return -np.asarray(model.fit(seen, gain).predict(new), np.float64)


def _gain(small_correct: Values, large_correct: Values) -> Floats:
    small = checked.qualities(small_correct, "small_correct")
    return checked.qualities(large_correct, "large_correct", len(small)) - small
