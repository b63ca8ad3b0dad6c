"""Is this file, name, set of examples or model what it claims to be?

The same promise as in `arrays`: a message says what was wrong, what was expected and what to do.
"""

import math
import numbers
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from kdlib.checks import arrays


def string(text: object, name: str) -> str:
    """A Python string.

    Raises:
        TypeError: if it is something else.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name} is of type {type(text).__name__}, expected a string: 'Kraków'.")
    return text


def several_names(names: Sequence[str]) -> list[str]:
    """A list of at least one string; a single string would be read letter by letter.

    Raises:
        TypeError: on a single string, or an entry that is none.
        ValueError: if there is no name.
    """
    if isinstance(names, str):
        raise TypeError(f"names is one string, expected a list of strings: [{names!r}].")
    found = [string(name, f"names[{i}]") for i, name in enumerate(names)]
    if not found:
        raise ValueError("names is empty, expected at least one name: ['Kraków'].")
    return found


def readable(name: str, folded: Sequence[str], alphabet: str) -> None:
    """A name whose characters, folded one by one, lie in the alphabet; at least one is a letter.

    Raises:
        ValueError: with the first character that cannot be read.
    """
    for character, plain in zip(name.lower(), folded, strict=True):
        if not set(plain) <= set(alphabet):
            label = unicodedata.name(character, f"U+{ord(character):04X}")
            raise ValueError(
                f"name {name!r} has the character {character!r} ({label}), expected Latin letters "
                "(accents are fine), spaces, hyphens and apostrophes: write it as in 'Kyoto'."
            )
    if not any(part.isalpha() for part in "".join(folded)):
        raise ValueError(f"name {name!r} has no letter, expected a name: type one such as 'Kyoto'.")


def aligned(
    inputs: Tensor, labels: Tensor | None, teacher_logits: Tensor | None, names: Sequence[str]
) -> None:
    """Fields of which each has one row per example.

    Raises:
        TypeError: if inputs is no tensor, or labels are no whole numbers.
        ValueError: on no examples, fields of different length, impossible labels or logits.
    """
    if not isinstance(inputs, Tensor) or inputs.ndim == 0:
        raise TypeError(
            f"inputs is {_kind(inputs)}, expected a tensor with one row per example, (N, ...): "
            "names become one by kdlib.data.encode(names)."
        )
    if len(inputs) == 0:
        raise ValueError("inputs has no rows, expected at least one example: what was selected?")
    fields = {"labels": labels, "teacher_logits": teacher_logits, "names": names or None}
    for field, rows in fields.items():
        if rows is not None and len(rows) != len(inputs):
            raise ValueError(
                f"{field} has {len(rows)} rows but inputs has {len(inputs)}: row i of both must "
                "belong to example i. Select the same rows of both before joining them."
            )
    classes = None if teacher_logits is None else _logits(teacher_logits).shape[1]
    if labels is not None:
        _labels(labels, classes)


def positions(ids: Tensor | Sequence[int] | slice, count: int) -> Tensor:
    """Positions (n,) int64 in 0 ... count-1, from a slice, a list, an array or a mask of booleans.

    Raises:
        TypeError: on a single number (write [i]) or fractions.
        ValueError: on a position that does not exist, or a mask of another length.
    """
    if isinstance(ids, slice):
        return torch.arange(count)[ids]
    rows = torch.as_tensor(ids)
    if rows.ndim != 1 or (rows.is_floating_point() and len(rows)):
        raise TypeError(
            f"ids is {_kind(ids)}, expected a slice, a list of positions, or a tensor of positions "
            "or booleans: for one example write examples[[i]]."
        )
    if rows.dtype == torch.bool:
        if len(rows) != count:
            raise ValueError(f"ids has {len(rows)} booleans, expected {count}: one per example.")
        return rows.nonzero().flatten()
    outside = (rows < -count) | (rows >= count)
    if bool(outside.any()):
        raise ValueError(f"ids has {int(rows[outside][0])}, expected positions 0 to {count - 1}.")
    return rows.long() % count


def encoded(inputs: Tensor, characters: int) -> None:
    """Encoded names (N, L) int64: character numbers below `characters`, 0 for padding.

    Raises:
        TypeError, ValueError: on anything else.
    """
    if not isinstance(inputs, Tensor) or inputs.dtype != torch.int64 or inputs.ndim != 2:
        raise TypeError(
            f"inputs is {_kind(inputs)}, expected encoded names (N, L) int64: "
            "kdlib.data.encode(['Kraków']) makes them."
        )
    outside = (inputs < 0) | (inputs >= characters)
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        raise ValueError(
            f"inputs[{row}, {column}] is {int(inputs[row, column])}, expected 0 to "
            f"{characters - 1}: encode the names with kdlib.data.encode."
        )


def existing_file(path: Path, restore: str) -> Path:
    """A file that is there.

    Raises:
        FileNotFoundError: with how to restore it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: restore it by {restore}.")
    return path


def intact_file(path: Path, *, expected: str, found: str, restore: str) -> None:
    """A file whose sha256 is the expected one.

    Raises:
        ValueError: with both checksums and how to restore it.
    """
    if found != expected:
        raise ValueError(
            f"{path} is damaged: expected sha256 {expected}, found {found}. "
            f"Restore it by {restore}."
        )


def trainable(student: nn.Module) -> list[nn.Parameter]:
    """The parameters that training may change.

    Raises:
        ValueError: if there are none.
    """
    parameters = [p for p in student.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(
            f"student ({type(student).__name__}) has no trainable parameters, expected a model "
            "that can learn: was the teacher passed, or requires_grad switched off?"
        )
    return parameters


def count(value: int, name: str) -> int:
    """A whole number of at least 1.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is below 1.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}, expected a whole number, for example 100.")
    if value < 1:
        raise ValueError(f"{name} is {value}, expected at least 1.")
    return int(value)


def finite_loss(loss: Tensor, which: str, step: int) -> float:
    """A scalar loss that is a number; `which` is "training" or "validation".

    Raises:
        TypeError, ValueError: with the step, and what to try.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise TypeError(
            f"loss returned {_kind(loss)} at {which} step {step}, expected one number: take "
            "the mean over the batch."
        )
    if not math.isfinite(loss.item()):
        raise ValueError(
            f"The {which} loss is {loss.item()} at step {step}, expected a finite number: lower "
            "the learning_rate, look for a log(0) in the loss, check the inputs."
        )
    return loss.item()


def needs_gradient(loss: Tensor) -> None:
    """A loss that changes when the student changes.

    Raises:
        ValueError: if it does not depend on the student.
    """
    if not loss.requires_grad:
        raise ValueError(
            "loss returned a number without a gradient, expected one that depends on "
            "student_logits: were they detached, or was only the teacher used?"
        )


def _logits(teacher_logits: Tensor) -> Tensor:
    arrays.as_floats(teacher_logits, "teacher_logits")
    if teacher_logits.ndim != 2:
        raise ValueError(
            f"teacher_logits has shape {tuple(teacher_logits.shape)}, expected (N, K): one row of "
            "logits per example."
        )
    if bool(teacher_logits.isnan().any()):
        row = int(teacher_logits.isnan().any(dim=1).nonzero()[0])
        raise ValueError(
            f"teacher_logits[{row}] has a nan, expected numbers: look at the teacher's answer to "
            "that example."
        )
    return teacher_logits


def _labels(labels: Tensor, classes: int | None) -> None:
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise TypeError(
            f"labels is {_kind(labels)}, expected class numbers (N,) int64: use labels.long(), and "
            ".argmax(-1) for one-hot rows."
        )
    wrong = (labels < 0) | (labels >= (classes or math.inf))
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        top = "K - 1" if classes is None else classes - 1
        raise ValueError(
            f"labels[{row}] is {int(labels[row])}, expected 0 to {top}: drop examples without a "
            "label, or take all labels away with without_labels()."
        )


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} and shape {tuple(value.shape)}"
    return f"of type {type(value).__name__}"
