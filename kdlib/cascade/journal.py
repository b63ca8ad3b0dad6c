"""How does a long run survive being killed? By a file with a line of JSON for every input.

The first line says which cascade answers which inputs. Then comes a line per input, in their order,
written batch by batch, so what a killed run leaves are whole lines and at most one torn one. It is
cut off, and the run goes on after the last whole line: nothing is asked twice but what was on its
way. Lines hold nothing that depends on time or machine, so an interrupted run ends with the bytes
of an uninterrupted one (if an answer depends on nothing but its input: the rest of a torn batch is
asked as a batch of its own). What was written survives the end of the process, but perhaps not that of
the machine: nothing is forced to the disk. While a run writes, no other can open the file.
"""

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdlib.checks import runs
from kdlib.fidelity.page import as_json

__all__ = ["Journal", "fingerprint", "open_journal"]

Line = dict[str, Any]


def _item(value: Any) -> Any:
    """Return a number or array of numpy or torch as plain numbers."""
    if isinstance(value, (np.ndarray, np.generic, Tensor)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain value")


ENCODER = json.JSONEncoder(allow_nan=False, default=_item)


class Journal:
    """An open file: `lines` were there before, `write` adds more."""

    def __init__(self, file: int, lines: list[Line]) -> None:
        self.lines = lines
        self._file = file

    def write(self, lines: Sequence[Line]) -> None:
        """Append lines, all in one piece unless the process ends within."""
        _write(self._file, "".join(map(_encoded, lines)).encode())


@contextmanager
def open_journal(path: str | Path, head: Line, ids: Sequence[int | str]) -> Iterator[Journal]:
    """Open or make a journal, cut off a torn last line, and hold it until the end.

    Args:
        head: what the first line says; a file of another run is refused.
        ids: of the inputs, in the order of the lines.
    Raises:
        ValueError: for a file that is no journal, of another run, damaged, or in use.
    """
    where = runs.journal_place(path)
    file = os.open(where, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        runs.journal_is_free(where, _locked(file))
        yield Journal(file, _recovered(file, where, as_json(head), ids))
    finally:
        os.close(file)


def fingerprint(inputs: Any) -> str:
    """Return a hash of inputs: of the numbers of arrays and tensors, and of plain values in lists.

    Another object counts by its type alone.

    >>> fingerprint(["a", "b"]) == fingerprint(("a", "b")) != fingerprint(["b", "a"])
    True
    """
    digest = hashlib.sha256()
    if isinstance(inputs, Tensor):
        digest.update(f"{inputs.dtype} {tuple(inputs.shape)}".encode())
        inputs = inputs.detach().cpu().contiguous().view(torch.uint8).numpy()
    if isinstance(inputs, np.ndarray) and inputs.dtype != object:
        digest.update(f"{inputs.dtype} {inputs.shape}".encode() + inputs.tobytes())
        return digest.hexdigest()
    for item in inputs:
        digest.update(json.dumps(item, sort_keys=True, default=_plain).encode() + b"\n")
    return digest.hexdigest()


def _locked(file: int) -> bool:
    """Lock a file until it is closed, also by the end of the process; False if another holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _recovered(file: int, path: Path, head: Line, ids: Sequence[int | str]) -> list[Line]:
    """Return the whole lines of a file after its head, which is written if there is none."""
    text = path.read_bytes()
    whole, torn = text[: text.rfind(b"\n") + 1], text[text.rfind(b"\n") + 1 :]
    if not whole:
        runs.journal_begins(path, torn, _encoded(head).encode())
        os.ftruncate(file, 0)
        _write(file, _encoded(head).encode())
        return []
    first, *rest = whole.splitlines()
    runs.same_run(path, _decoded(first), head)
    lines = [_decoded(line) for line in rest]
    runs.journal_lines(path, lines, ids)
    os.ftruncate(file, len(whole))
    return lines


def _encoded(line: Line) -> str:
    try:
        return ENCODER.encode(line) + "\n"
    except (TypeError, ValueError) as error:
        runs.not_json(line, error)


def _decoded(line: bytes) -> Any:
    """Return a line's content; None if it is damaged."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _write(file: int, text: bytes) -> None:
    while text:
        text = text[os.write(file, text) :]


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic, Tensor)):
        return [str(value.dtype), value.tolist()]
    return type(value).__qualname__


def floats(values: Sequence[float]) -> list[float | str | None]:
    """Return numbers for a line: infinite ones as text, NaN, of stages that said nothing, as None.

    >>> floats([0.5, math.inf, math.nan])
    [0.5, 'inf', None]
    """
    return [x if math.isfinite(x) else None if math.isnan(x) else str(x) for x in values]


def from_floats(values: Sequence[float | str | None]) -> list[float]:
    """Return what `floats` wrote."""
    return [math.nan if x is None else float(x) for x in values]
