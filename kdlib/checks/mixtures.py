"""Checks of Gaussian mixtures, and of what softmax regressions are fitted to."""

from torch import Tensor

from kdlib.checks.arrays import shape_of


def mixture_shapes(centres: Tensor, spreads: Tensor, shares: Tensor) -> None:
    """Centres (K, D), spreads (K,) and shares (K,) of one mixture.

    Raises:
        ValueError: with the three shapes.
    """
    classes = shares.shape[-1]
    shapes = (centres.shape[:1], spreads.shape, shares.shape)
    if centres.ndim != 2 or any(shape != (classes,) for shape in shapes):
        raise ValueError(
            f"centres has shape {shape_of(centres)}, spreads {shape_of(spreads)}, shares "
            f"{shape_of(shares)}: expected (K, D), (K,) and (K,), one row for each of the K classes."
        )


def points_in(points: Tensor, dimensions: int) -> None:
    """Points (..., D) in the space of the centres.

    Raises:
        ValueError: if they have another number of coordinates.
    """
    if points.ndim == 0 or points.shape[-1] != dimensions:
        raise ValueError(
            f"points has shape {shape_of(points)}, expected (..., {dimensions}): the centres "
            f"have {dimensions} coordinates."
        )


def features_and_targets(features: Tensor, targets: Tensor) -> None:
    """A row of features (..., N, F) and of targets (..., N, K) for every point.

    Raises:
        ValueError: with both shapes.
    """
    if features.shape[:-1] != targets.shape[:-1] or features.ndim < 2:
        raise ValueError(
            f"features has shape {shape_of(features)}, targets {shape_of(targets)}: expected "
            "(..., N, F) and (..., N, K), a row of each for every point."
        )


def no_minimum(steps: int, ridge: float) -> None:
    """Raise the ValueError of a fit that has not reached its minimum."""
    raise ValueError(
        f"the minimum was not reached in {steps} steps, at ridge {ridge:g}: take a larger "
        "ridge, or features of similar size."
    )
