"""Are these names, language models and settings of decoding what they claim to be?

The same promise as in `arrays`: a message says what was wrong, what was expected and what to do.
"""

import math
import numbers

import torch
from torch import Tensor

from kdlib.checks.arrays import first_where, fraction, place, shape_of

MOST_NAMES = 2**20  # that are counted out


def token_rows(names: Tensor, tokens: int) -> Tensor:
    """Names (N, L) int64 as rows of tokens, which end with their first 0.

    Raises:
        TypeError: if they are no int64 tensor of two axes.
        ValueError: if there are none, a number is out of range, or one follows an end.
    """
    if not isinstance(names, Tensor) or names.dtype != torch.int64 or names.ndim != 2:
        found = type(names).__name__
        if isinstance(names, Tensor):
            found = f"a tensor of {names.dtype} and shape {shape_of(names)}"
        raise TypeError(
            f"names is {found}, expected rows of tokens (N, L) int64: kdlib.data.encode(['Kraków']) "
            "makes them of text, sample(model, 10) of a model."
        )
    if names.numel() == 0:
        raise ValueError(f"names has shape {shape_of(names)}, expected at least one name.")
    if (index := first_where((names < 0) | (names >= tokens))) is not None:
        raise ValueError(
            f"{place('names', index)} is {int(names[index])}, expected 0 to {tokens - 1}: was this "
            "made for a model of another vocabulary?"
        )
    if (index := first_where((names[:, :-1] == 0) & (names[:, 1:] != 0))) is not None:
        row, column = index
        raise ValueError(
            f"names[{row}, {column + 1}] is {int(names[row, column + 1])} but stands after an end "
            f"(0 at {column}), expected 0 from there on: set what follows an end to 0."
        )
    return names


def within_length(tokens: int, length: int) -> int:
    """A number of tokens for which a Transformer has positions.

    Raises:
        ValueError: if it has too few.
    """
    if tokens > length:
        raise ValueError(
            f"this Transformer has {length} positions but was to read {tokens} tokens: make it with "
            f"length={tokens}, or cut the names."
        )
    return tokens


def not_all_empty(names: Tensor) -> Tensor:
    """The names (n, L) that have a character.

    Raises:
        ValueError: if none has.
    """
    with_character = names[names[:, 0] > 0]
    if len(with_character) == 0:
        raise ValueError(
            "names are all empty (their first token is the end), expected one with a character: has "
            "the model learned anything but to stop?"
        )
    return with_character


def small_enough(tokens: int, length: int) -> None:
    """A vocabulary and a length whose names can be counted out.

    Raises:
        ValueError: unless 2 <= tokens, 1 <= length, and there are at most MOST_NAMES rows.
    """
    if tokens < 2 or length < 1:
        raise ValueError(
            f"tokens is {tokens} and length is {length}, expected at least 2 tokens (the end and a "
            "character) and a length of at least 1."
        )
    if length * math.log(tokens) > math.log(MOST_NAMES):
        raise ValueError(
            f"{tokens} tokens make {tokens}^{length} rows of length {length}, expected at most "
            f"{MOST_NAMES}: take fewer tokens or a shorter length, or draw a sample."
        )


def share_above_zero(value: float, name: str) -> float:
    """A share: above 0, at most 1.

    Raises:
        TypeError, ValueError: if it is no such number.
    """
    if fraction(value, name) == 0:
        raise ValueError(f"{name} is 0, which keeps nothing: expected a number above 0, at most 1.")
    return float(value)


def below_one(value: float, name: str) -> float:
    """A number from 0 to 1 without the 1.

    Raises:
        TypeError, ValueError: if it is no such number.
    """
    if fraction(value, name) == 1:
        raise ValueError(
            f"{name} is 1, expected a number below 1: if every token is accepted, no draft is too "
            "long."
        )
    return float(value)


def whole(value: int, name: str) -> int:
    """A whole number of 0 or more.

    Raises:
        TypeError, ValueError: if it is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}, expected a whole number, 0 or more.")
    if value < 0:
        raise ValueError(f"{name} is {value}, expected 0 or more.")
    return int(value)


def same_vocabulary(first: int, second: int, first_name: str, second_name: str) -> None:
    """Two models whose next tokens are drawn from the same vocabulary.

    Raises:
        ValueError: with both sizes.
    """
    if first != second:
        raise ValueError(
            f"{first_name} has {first} tokens but {second_name} has {second}: both must speak of "
            "the same tokens, or their probabilities cannot be compared."
        )


def logits_of_names(logits: Tensor, names: Tensor) -> Tensor:
    """Logits (N, L, K) of names (N, L).

    Raises:
        ValueError: on another shape.
    """
    if logits.ndim != 3 or logits.shape[:2] != names.shape:
        raise ValueError(
            f"student_logits has shape {shape_of(logits)}, expected (N, L, K) for names of shape "
            f"{shape_of(names)}: one row of logits for each position of each name."
        )
    return logits


def token_teacher(teacher_logits: Tensor | None, logits: Tensor) -> Tensor:
    """The teacher's logits (N, L, K), kept in rows (N, L * K) beside their names.

    Raises:
        ValueError: if nobody has asked the teacher, or it has other tokens.
    """
    if teacher_logits is None:
        raise ValueError(
            "the examples carry no teacher_logits, expected the teacher's answer at each position: "
            "make them with with_token_teacher(names, teacher)."
        )
    if teacher_logits.numel() != logits.numel():
        raise ValueError(
            f"teacher_logits has shape {shape_of(teacher_logits)} but student_logits has shape "
            f"{shape_of(logits)}: expected (N, L * K), one row of tokens per position. Have both "
            "models the same vocabulary?"
        )
    return teacher_logits.reshape(logits.shape)
