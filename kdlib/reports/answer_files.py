"""What do the files of a user hold? Answers of models, labels and groups, without running anything.

`.npy` is memory-mapped, so that it need not fit into memory, and so are tensors of `.safetensors`;
`.npz` and `.csv` are read whole. Of several arrays in a file one is named: `answers.npz:student`.
Nothing is ever unpickled.
"""

import csv
import hashlib
import itertools
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdlib import checks
from kdlib.checks import Answers

Array = NDArray[Any]

SEVERAL = (".npz", ".safetensors")  # kinds that hold arrays by name
ENCODING = "utf-8-sig"  # with or without the mark that spreadsheets put in front
MEBIBYTE = 2**20
WHOLE = 64 * MEBIBYTE  # bytes up to which all of a file is hashed
READING = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Fingerprint:
    """By which a file can be recognised: its size, and the sha256 of the part that `covers` says."""

    file: str
    size: int
    sha256: str
    covers: str


def open_answers(text: str) -> Answers:
    """Return the numbers in a file as they lie there, (N, K) for answers; see the module.

    Args:
        text: a file, or `file:name` for one of its arrays.
    Raises:
        ValueError, OSError: for anything but plain numbers in a whole file, with what to do.
    """
    path, name = _split(text)
    return _READERS[checks.file_of_numbers(path)](path, name)


def open_labels(text: str) -> Answers:
    """Return one number per input, (N,); whole numbers in text become integers.

    Raises:
        ValueError, OSError: see open_answers; also for more than one column of text.
    """
    values = open_answers(text)
    path, _ = _split(text)
    if path.suffix.lower() != ".csv":
        return values
    assert isinstance(values, np.ndarray), "text is read by numpy"
    checks.one_column(path, values.shape[1], "class numbers")
    column = values[:, 0]
    with np.errstate(invalid="ignore"):
        whole = column.astype(np.int64)
    return whole if (whole == column).all() else column


def open_groups(text: str, rows: int) -> Answers:
    """Return the name or number of one group per input, (N,).

    Args:
        rows: N; text with one line more begins with a name of the column.
    Raises:
        ValueError, OSError: see open_answers; also for more than one column of text.
    """
    path, _ = _split(text)
    if checks.file_of_numbers(path) != ".csv":
        return open_answers(text)
    lines = [cells for _, cells in _lines(path)]
    checks.one_column(path, max(map(len, lines), default=0), "groups")
    return np.array([cell for (cell,) in lines[len(lines) == rows + 1 :]], dtype=str)


def fingerprint(text: str) -> Fingerprint:
    """Return the fingerprint of a file, quick for large ones: only their ends are hashed.

    Raises:
        OSError: if the file cannot be read.
    """
    path, _ = _split(text)
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if size <= WHOLE:
            digest.update(file.read())
            return Fingerprint(text, size, digest.hexdigest(), "the whole file")
        digest.update(file.read(MEBIBYTE))
        file.seek(-MEBIBYTE, 2)
        digest.update(file.read())
    return Fingerprint(text, size, digest.hexdigest(), "its first and last MiB")


def _split(text: str) -> tuple[Path, str]:
    """The file, and the name of an array in it or ""."""
    file, colon, name = text.rpartition(":")
    if colon and not Path(text).exists() and file.lower().endswith(SEVERAL):
        return Path(file), name
    return Path(text), ""


def _npy(path: Path, name: str) -> Array:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except READING as error:
        checks.no_objects(path, "Python objects" in str(error))
        checks.damaged_file(path, error)


def _npz(path: Path, name: str) -> Array:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.removesuffix(".npy") for entry in archive.namelist()]
    except READING as error:
        checks.damaged_file(path, error)
    chosen = checks.one_array(path, name, names)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = arrays[chosen]
    except READING as error:
        checks.no_objects(path, "Object arrays" in str(error))
        checks.damaged_file(path, error)
    if not isinstance(found, np.ndarray):
        checks.damaged_file(path, f"{chosen} in it is no array")
    return found


def _safetensors(path: Path, name: str) -> Answers:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            chosen = checks.one_array(path, name, list(file.keys()))
            found: Answers = file.get_tensor(chosen)
            return found
    except (SafetensorError, OSError) as error:
        checks.damaged_file(path, error)


def _csv(path: Path, name: str) -> Array:
    head = [cells for _, cells in itertools.islice(_lines(path), 2)]
    first = head[0] if head else []
    named = _names_columns(head)
    checks.csv_head(path, first, len(head) - named)
    try:
        values = np.loadtxt(
            path, delimiter=",", skiprows=int(named), encoding=ENCODING, comments=None,
            quotechar='"', ndmin=2,
        )  # fmt: skip
    except READING as error:
        _find_wrong_line(path, named, len(first))
        checks.damaged_file(path, error)
    numbered = values.shape[1] > 1 and len(values) > 2
    checks.not_row_numbers(path, numbered and (values[:, 0] == np.arange(len(values))).all())
    return values


def _names_columns(head: Sequence[Sequence[str]]) -> bool:
    """Whether the first of two lines names columns: words, or 0, 1, 2, ... as pandas does."""
    first = head[0] if head else []
    if not all(map(checks.is_number, first)):
        return True
    numbered = len(first) > 1 and list(first) == [str(i) for i in range(len(first))]
    certain = len(first) > 2  # 0, 1 may also be the probabilities of two classes
    return numbered and (certain or not all(cell.isdigit() for cell in head[-1]))


def _find_wrong_line(path: Path, named: bool, columns: int) -> None:
    for line, cells in itertools.islice(_lines(path), int(named), None):
        checks.csv_line(path, line, cells, columns)


def _lines(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """The number and the cells of each line that is not empty."""
    try:
        with path.open(encoding=ENCODING, newline="") as file:
            yield from ((line, cells) for line, cells in enumerate(csv.reader(file), 1) if cells)
    except (UnicodeDecodeError, csv.Error) as error:
        checks.damaged_file(path, error)


_READERS: dict[str, Callable[[Path, str], Answers]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".csv": _csv,
}
