"""How is a value called in a sentence to the learner?

Short, and never more exact than needed: four digits, unless it takes more to see that two numbers
differ; of a long array only the beginning and the shape.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from kdlib.exercises.compare import as_numbers, family

DIGITS = (4, 6, 9, 15)
SHOWN_ENTRIES = 6  # of a row
SHOWN_CHARACTERS = 60  # of the repr of an object


def kind(value: Any) -> str:
    """A value's kind in words: expected *a number*, got *a function*.

    >>> kind(None), kind(0.5), kind("b"), kind((0.2, 0.8)), kind(np.zeros((2, 3)))
    ('None', 'a number', 'a text', 'a tuple of length 2', 'an array of shape (2, 3)')
    """
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of length {len(value)}"
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        name = "a tensor" if isinstance(value, Tensor) else "an array"
        return f"{name} of shape {tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return f"a {type(value).__name__}"
    words = {"numbers": "a number", "text": "a text", "mapping": "a dictionary"}
    words |= {"function": "a function", "NoneType": "None"}
    return words.get(family(value), f"an object of type {type(value).__name__}")


def short(value: Any, digits: int = DIGITS[0]) -> str:
    """A value in so few characters that it fits a sentence.

    >>> short(2 / 3), short([0.5, 1.0]), short(np.zeros(40))
    ('0.6667', '[0.5, 1]', '[0, 0, 0, 0, 0, 0, …] of shape (40,)')
    """
    array = as_numbers(value)
    if array is not None:
        whole = array.ndim == 0 or max(array.shape) <= SHOWN_ENTRIES
        return _rows(array, digits) + ("" if whole else f" of shape {array.shape}")
    if isinstance(value, list | tuple):
        return f"({', '.join(short(item, digits) for item in value)})"
    if callable(value):
        return kind(value)
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def contrast(yours: Any, right: Any) -> str:
    """What yours is and what is right, with as many digits as it takes to see the difference.

    >>> contrast(0.12341, 0.12342)
    'yours gives `0.12341`, right is `0.12342`'
    """
    x, y = as_numbers(yours), as_numbers(right)
    place = ""
    if x is not None and y is not None and x.shape == y.shape and x.size > SHOWN_ENTRIES:
        index = _widest_gap(x, y)
        place, yours, right = f" at position {list(index)}", x[index], y[index]
    texts = [(short(yours, digits), short(right, digits)) for digits in DIGITS]
    mine, wanted = next((pair for pair in texts if pair[0] != pair[1]), texts[-1])
    return f"yours gives `{mine}`{place}, right is `{wanted}`"


def inputs(function: Callable[..., Any], values: Iterable[Any]) -> str:
    """The arguments of a call: their names in the function, and their values.

    >>> inputs(lambda p, q: None, ([0.5, 0.5], [1.0, 0.0]))
    '`p = [0.5, 0.5]`, `q = [1, 0]`'
    """
    pairs = zip(inspect.signature(function).parameters, values, strict=False)
    return ", ".join(f"`{name} = {short(value)}`" for name, value in pairs)


def _widest_gap(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """Where two arrays of one shape lie furthest apart; a lone nan or inf is furthest."""
    with np.errstate(invalid="ignore"):
        gaps = np.nan_to_num(np.abs(x - y), nan=np.inf, posinf=np.inf)
    gaps[(x == y) | (np.isnan(x) & np.isnan(y))] = 0
    return tuple(int(i) for i in np.unravel_index(gaps.argmax(), gaps.shape))


def _rows(array: npt.NDArray[np.float64], digits: int) -> str:
    if array.ndim == 0:
        number = float(array) + 0.0  # -0 reads as 0
        return (
            f"{number:.0f}" if number.is_integer() and abs(number) < 1e6 else f"{number:.{digits}g}"
        )
    shown = [_rows(row, digits) for row in array[:SHOWN_ENTRIES]]
    return f"[{', '.join(shown + ['…'] * (len(array) > SHOWN_ENTRIES))}]"
