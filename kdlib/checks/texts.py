"""Are these texts, hashed texts, and answers to the texts that they are said to answer?

The same promise as in `arrays`: a message says what was wrong, what was expected and what to do.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from kdlib.checks.examples import string


def several_texts(texts: Sequence[str]) -> list[str]:
    """A list of at least one string; a single string would be read letter by letter.

    Raises:
        TypeError: on a single string, or an entry that is none.
        ValueError: if there is no text.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is one string, expected a list of strings: [{texts!r}].")
    found = [string(text, f"texts[{i}]") for i, text in enumerate(texts)]
    if not found:
        raise ValueError("texts is empty, expected at least one: ['Where is my order?'].")
    return found


def labelled_texts(texts: Sequence[str], labels: Tensor | None) -> None:
    """Texts and labels to learn from: at least two classes, and a text of every class up to K - 1.

    Raises:
        ValueError: without texts or labels, or with the number of a class that has no text.
    """
    if not texts or labels is None:
        lacking = "labels" if texts else "names"
        raise ValueError(f"train has no {lacking}, expected labelled texts: names and labels.")
    counts = torch.bincount(labels, minlength=2)
    if not bool(counts.all()):
        raise ValueError(
            f"train has no text of class {int((counts == 0).nonzero()[0])}, expected at least one "
            f"of each class 0 to {len(counts) - 1}: add some, or number the classes anew."
        )


def hashed_texts(inputs: Tensor, buckets: int) -> None:
    """Hashed texts (N, L) int64: bucket numbers from 1 to `buckets`, 0 for padding.

    Raises:
        TypeError, ValueError: on anything else.
    """
    if not isinstance(inputs, Tensor) or inputs.dtype != torch.int64 or inputs.ndim != 2:
        found = f"of type {type(inputs).__name__}"
        if isinstance(inputs, Tensor):
            found = f"a tensor of {inputs.dtype} and shape {tuple(inputs.shape)}"
        raise TypeError(
            f"inputs is {found}, expected hashed texts (N, L) int64: "
            "kdlib.texts.encode_texts(['Where is my order?']) makes them."
        )
    outside = (inputs < 0) | (inputs > buckets)
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        raise ValueError(
            f"inputs[{row}, {column}] is {int(inputs[row, column])}, expected 0 to {buckets}: hash "
            "the texts with kdlib.texts.encode_texts."
        )


def answers_to(path: Path, data: str, *, expected: str, found: str, remake: str) -> None:
    """A file of answers that was made from the data file of this checksum.

    Raises:
        ValueError: with both checksums and how to make the answers anew.
    """
    if found != expected:
        raise ValueError(
            f"{path} answers another {data}: expected answers to the one with sha256 {expected}, "
            f"found {found}. Make them anew by {remake}."
        )
