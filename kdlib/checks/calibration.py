"""Checks of what calibration takes: probabilities or logits, and one right class per example."""

import numpy.typing as npt
from torch import Tensor

from kdlib.checks.arrays import (
    Floats,
    as_floats,
    distribution,
    first_where,
    not_empty,
    place,
    shape_of,
)
from kdlib.checks.logits import labels_in_range, logit_values

Labels = Tensor | npt.ArrayLike
ROUNDING = 1e-12  # of sums in float64


def class_probabilities(probs: Floats) -> Tensor:
    """Return probabilities `(N, K)` of at least one example and two classes, without gradient.

    Raises:
        ValueError, TypeError: on another shape, or rows that are no distributions.
    """
    _rows_of_classes(as_floats(probs, "probs"), "probs")
    return distribution(probs, "probs", log=False).detach().cpu()


def probabilities_and_labels(probs: Floats, labels: Labels) -> tuple[Tensor, Tensor]:
    """Return probabilities `(N, K)` and labels `(N,)`, the index of the right class.

    Raises:
        ValueError, TypeError: see class_probabilities and labels_in_range.
    """
    checked = class_probabilities(probs)
    rows, classes = checked.shape
    return checked, labels_in_range(labels, rows=rows, classes=classes).cpu()


def logits_and_labels(logits: Floats, labels: Labels) -> tuple[Tensor, Tensor]:
    """Return logits `(N, K)`, without gradient, and labels `(N,)` of classes that are not masked.

    Raises:
        ValueError, TypeError: on another shape, NaN or inf, or a label whose logit is -inf.
    """
    values = as_floats(logits, "logits").detach().cpu()
    _rows_of_classes(values, "logits")
    logit_values(values, "logits")
    rows, classes = values.shape
    right = labels_in_range(labels, rows=rows, classes=classes).cpu()
    if (index := first_where(values.gather(1, right[:, None])[:, 0].isneginf())) is not None:
        raise ValueError(
            f"{place('labels', index)} is {int(right[index])}, a class whose logit is -inf, so no "
            "temperature makes it possible: expected labels of classes that are not masked."
        )
    return values, right


def best_temperature_exists(right: float, middle: float) -> None:
    """The likeliest temperature must lie between 0 and infinity, not at one of these ends.

    Args:
        right, middle: how far, on average, the logit of the right class and the mean logit of all
            classes lie below the largest logit of their row; 0 or more.
    Raises:
        ValueError: with the end at which it lies, and why.
    """
    if right >= middle * (1 - ROUNDING):
        raise ValueError(
            f"labels fit logits no better than chance: on average the logit of the right class "
            f"lies {right:.4g} below the largest of its row, and the mean of all classes "
            f"{middle:.4g}, expected more. So every higher temperature fits better, and none is "
            "best: are examples and classes in the same order in both?"
        )
    if right == 0:
        raise ValueError(
            "labels all name the class with the largest logit, expected some wrong answers: every "
            "lower temperature fits better, and none is best. Use examples that the model was not "
            "trained on, and more of them."
        )


def _rows_of_classes(tensor: Tensor, name: str) -> None:
    if tensor.ndim == 1:
        raise ValueError(
            f"{name} has shape {shape_of(tensor)}, expected (N, K), one row per example. Two "
            f"classes are two columns: {_two_columns(name)}"
        )
    if tensor.ndim != 2:
        raise ValueError(
            f"{name} has shape {shape_of(tensor)}, expected (N, K), one row per example: flatten "
            f"further axes first, for example with {name}.flatten(0, -2)."
        )
    not_empty(tensor, name, "(N, K) with at least one example and two classes")
    if tensor.shape[1] < 2:
        raise ValueError(
            f"{name} has shape {shape_of(tensor)}, expected at least two classes: two classes are "
            f"two columns, {_two_columns(f'{name}[:, 0]')}"
        )


def _two_columns(of_second: str) -> str:
    if of_second.startswith("probs"):
        return f"torch.stack([1 - {of_second}, {of_second}], -1)."
    return f"torch.stack([torch.zeros_like({of_second}), {of_second}], -1)."
