"""Is this input what it claims to be?

Every public function of kdlib hands its arguments to a check first, and this is the only
place where input errors are worded. A message says what was wrong (the argument's name, its
shape, or the value and where it stands), what was expected, and what to do about it.
Nothing is broadcast, clipped, renormalised or rounded in silence.

A check returns its argument in the form the rest of the library works with; float16 and
bfloat16 are raised to float32, because a small divergence drowns in their rounding.
"""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats: TypeAlias = Tensor | npt.ArrayLike

# How far a row of probabilities may be from summing to one: what rounding to this type can do,
# also to log-probabilities of a large vocabulary. Any other floating type is treated as bfloat16.
SUM_TOLERANCE = {
    torch.float64: 1e-5,
    torch.float32: 1e-4,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}


def as_floats(x: Floats, name: str) -> Tensor:
    """Return a tensor, array or (nested) list of real numbers as a floating-point tensor.

    Tensors and arrays keep their type; lists and Python numbers become float64. Whole numbers
    are accepted only in lists, where `[1, 0, 0]` is a natural way to write a distribution.

    Raises:
        TypeError: if x is an integer, boolean or complex tensor, or no numbers at all.

    >>> as_floats([1, 0, 0], "p")
    tensor([1., 0., 0.], dtype=torch.float64)
    """
    tensor = x if isinstance(x, Tensor) else _tensor_from(x, name)
    if not tensor.is_floating_point():
        raise TypeError(
            f"{name} has dtype {tensor.dtype}, expected floating-point numbers: "
            f"convert it on purpose, for example with {name}.to(torch.float64)."
        )
    return tensor


def same_shape(first: Tensor, second: Tensor, first_name: str, second_name: str) -> None:
    """Two tensors must have one shape: nothing is ever broadcast.

    Raises:
        ValueError: with both shapes.
    """
    if first.shape == second.shape:
        return
    raise ValueError(
        f"{first_name} has shape {shape_of(first)} but {second_name} has shape {shape_of(second)}: "
        "both must have the same shape, with the same K classes on the last axis. Nothing is "
        "broadcast: if one row is meant for all, expand it first, for example with expand_as."
    )


def distribution(x: Floats, name: str, log: bool) -> Tensor:
    """Return probabilities `(..., K)`, or log-probabilities if `log`: every row must sum to 1.

    How far from 1 rounding may take it depends on the type: SUM_TOLERANCE.

    Raises:
        ValueError: on an empty or 0-d input, NaN, negative entries, a row that does not sum to 1.
        TypeError: see as_floats.
    """
    tensor = as_floats(x, name)
    not_empty(tensor, name, "(..., K) with K classes on the last axis")
    no_nan(tensor, name)
    values = tensor.detach()
    if not log and (index := first_where(values < 0)) is not None:
        raise ValueError(_negative_message(values, name, index))
    sums = (working(values).exp() if log else working(values)).sum(-1)
    wrong = ~((sums - 1).abs() <= _tolerance(tensor.dtype))
    if (index := first_where(wrong)) is not None:
        raise ValueError(_sum_message(values, name, index, float(sums[index]), log))
    return working(tensor)


def distribution_pair(p: Floats, q: Floats, log: bool) -> tuple[Tensor, Tensor]:
    """Return two checked distributions `(..., K)` of one shape and one (promoted) type.

    Raises:
        ValueError, TypeError: see distribution and same_shape.
    """
    same_shape(as_floats(p, "p"), as_floats(q, "q"), "p", "q")
    checked_p, checked_q = distribution(p, "p", log), distribution(q, "q", log)
    dtype = torch.promote_types(checked_p.dtype, checked_q.dtype)
    return checked_p.to(dtype), checked_q.to(dtype)


def temperature(value: float) -> float:
    """Return a finite number above zero, by the name of temperature."""
    return positive(value, "temperature")


def positive(value: float, name: str) -> float:
    """Return a finite number above zero.

    Raises:
        TypeError: if value is no number.
        ValueError: if it is zero, negative, NaN or infinite.
    """
    number = _number(value, name)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{name} is {value}, expected a finite number above 0, for example 2.0.")
    return number


def fraction(value: float, name: str) -> float:
    """Return a number from 0 to 1, both included.

    Raises:
        TypeError: if value is no number.
        ValueError: if it lies outside, or is NaN.
    """
    number = _number(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} is {value}, expected a number from 0 to 1, for example 0.5.")
    return number


def weight(value: float, name: str) -> float:
    """Return a finite number of 0 or more.

    Raises:
        TypeError: if value is no number.
        ValueError: if it is negative, NaN or infinite.
    """
    number = _number(value, name)
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"{name} is {value}, expected a finite number of 0 or more.")
    return number


def non_negative(x: Floats, name: str) -> Tensor:
    """Return numbers of any shape that are zero or more; inf is allowed.

    Raises:
        TypeError: see as_floats.
        ValueError: on a negative entry or NaN.
    """
    tensor = as_floats(x, name)
    if (index := first_where(~(tensor.detach() >= 0))) is not None:
        raise ValueError(f"{place(name, index)} is {float(tensor[index]):.4g}, expected 0 or more.")
    return working(tensor)


def one_of(value: str, name: str, options: Iterable[str]) -> str:
    """Return one of the names on offer.

    Raises:
        ValueError: with all names, and the nearest one if there is one.
    """
    names = sorted(options)
    if value in names:
        return value
    near = difflib.get_close_matches(str(value), names, n=1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name} is {value!r}, expected one of {', '.join(names)}.{guess}")


def cost_matrix(cost: Floats, classes: int) -> Tensor:
    """Return ground costs `(K, K)`: cost[i, j] is the price of moving one unit of mass from i to j.

    Raises:
        ValueError: on another shape, or an entry that is negative, infinite or NaN.
        TypeError: see as_floats.
    """
    tensor = non_negative(cost, "cost")
    if tensor.shape != (classes, classes):
        raise ValueError(
            f"cost has shape {shape_of(tensor)}, expected ({classes}, {classes}): one row and one "
            "column for each of the K classes."
        )
    if (index := first_where(tensor.detach().isinf())) is not None:
        raise ValueError(
            f"{place('cost', index)} is inf, expected a finite cost: forbid a move with a large one."
        )
    return tensor


def no_gradient(x: Tensor, name: str, function: str) -> None:
    """A tensor must not expect a gradient back.

    Raises:
        ValueError: if it requires a gradient.
    """
    if x.requires_grad:
        raise ValueError(
            f"{name} requires a gradient, but {function} has none: pass {name}.detach(), or "
            "train with a differentiable function such as total_variation."
        )


def _tensor_from(x: npt.ArrayLike, name: str) -> Tensor:
    array = array_of(x, name)
    written = not hasattr(x, "dtype") and array.dtype.kind in "iuf"  # in lists or as a number
    if written or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        array = array.astype(np.float64)
    return torch.tensor(array)


def array_of(x: npt.ArrayLike, name: str) -> npt.NDArray[np.generic]:
    """Return an array of plain numbers in the machine's byte order, or raise a TypeError."""
    try:
        array = np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        raise TypeError(
            f"{name} is not an array of numbers ({error}): expected a tensor, an array, or nested "
            "lists in which all rows are equally long."
        ) from error
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} is of type {type(x).__name__} and holds no plain numbers: expected a tensor, "
            "an array or a list of numbers."
        )
    return array.astype(array.dtype.newbyteorder("="))


def not_empty(tensor: Tensor, name: str, expected: str) -> None:
    """Raise a ValueError for a 0-d or empty tensor."""
    if tensor.ndim == 0:
        raise ValueError(f"{name} is a single number, expected {expected}.")
    if tensor.numel() == 0:
        raise ValueError(
            f"{name} has shape {shape_of(tensor)} and is empty, expected {expected}: skip empty "
            "batches."
        )


def no_nan(tensor: Tensor, name: str) -> None:
    """Raise a ValueError with the place of the first NaN."""
    if (index := first_where(tensor.detach().isnan())) is not None:
        raise ValueError(
            f"{place(name, index)} is nan, expected a number: look for 0/0, inf - inf or a "
            "diverged training run before this call."
        )


def _negative_message(values: Tensor, name: str, index: tuple[int, ...]) -> str:
    found = f"{place(name, index)} is {float(values[index]):.4g}, expected probabilities (>= 0): "
    if bool((values <= 0).all()):
        return found + "this looks like log-probabilities: pass log=True."
    row_sum = float(working(values)[index[:-1]].sum())
    if abs(row_sum - 1) <= _tolerance(values.dtype):
        return found + "the row sums to 1, so mend the step that made it negative."
    return found + "this looks like logits: apply softmax over the last axis first."


def _sum_message(values: Tensor, name: str, index: tuple[int, ...], total: float, log: bool) -> str:
    row = place(name, index)
    found = f"exp({row})" if log else row
    found += f" sums to {total:.6g}, expected 1 within {_tolerance(values.dtype):g}: "
    if not log:
        return found + "pass probabilities, or apply softmax to logits first."
    if bool((values >= 0).all()) and abs(float(values[index].sum()) - 1) < 1e-2:
        return found + "this looks like probabilities: leave out log=True."
    return found + "this looks like logits: apply log_softmax over the last axis first."


def _number(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r} of type {type(value).__name__}, expected a number.")
    return float(value)


def working(tensor: Tensor) -> Tensor:
    """Return the tensor in the type that kdlib computes in: float64 as it is, others as float32."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _tolerance(dtype: torch.dtype) -> float:
    return SUM_TOLERANCE.get(dtype, SUM_TOLERANCE[torch.bfloat16])


def first_where(wrong: Tensor) -> tuple[int, ...] | None:
    """Return the first position that is True."""
    return tuple(wrong.nonzero()[0].tolist()) if bool(wrong.any()) else None


def place(name: str, index: tuple[int, ...]) -> str:
    """Return name[index] for a message."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def shape_of(tensor: Tensor) -> str:
    """Return the shape for a message: (N, K)."""
    return str(tuple(tensor.shape))
