"""Are two results the same?

Numbers are numbers, whether they come as a Python float, an array, a tensor or a list; what
counts is shape and value. nan equals nan and inf equals inf, because an exercise may have them as
its right result.
"""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor


def as_numbers(value: Any) -> npt.NDArray[np.float64] | None:
    """A number, array, tensor or nested list as a float64 array; None if it is none of these.

    >>> as_numbers([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(value, list | tuple):
        return _stacked([as_numbers(item) for item in value])
    if isinstance(value, Tensor):
        return None if value.is_complex() else value.detach().cpu().double().numpy()
    if not isinstance(value, numbers.Real | np.ndarray | np.generic):
        return None
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "biuf" else None


def same(first: Any, second: Any, tolerance: float) -> bool:
    """Equal in shape and, within the tolerance (absolute plus relative), in every number.

    >>> same((0.5, float("inf")), (0.5, float("inf")), 1e-6), same([1.0], 1.0, 1e-6)
    (True, False)
    """
    x, y = as_numbers(first), as_numbers(second)
    if x is not None and y is not None:
        return x.shape == y.shape and np.allclose(x, y, tolerance, tolerance, equal_nan=True)
    if x is not None or y is not None:
        return False
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(same(a, b, tolerance) for a, b in pairs)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(
            same(first[key], second[key], tolerance) for key in first
        )
    return bool(first == second)


def family(value: Any) -> str:
    """What sort of answer this is: only two answers of one family can be compared.

    >>> family(0.5), family([0.2, 0.8]), family("b"), family(len), family([None])
    ('numbers', 'numbers', 'text', 'function', 'collection')
    """
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "mapping"
    if isinstance(value, list | tuple):
        return "numbers" if all(family(item) == "numbers" for item in value) else "collection"
    if as_numbers(value) is not None:
        return "numbers"
    return "function" if callable(value) else type(value).__name__


def _stacked(items: list[npt.NDArray[np.float64] | None]) -> npt.NDArray[np.float64] | None:
    arrays = [item for item in items if item is not None]
    if len(arrays) < len(items) or len({array.shape for array in arrays}) > 1:
        return None
    return np.stack(arrays) if arrays else np.zeros(0)
