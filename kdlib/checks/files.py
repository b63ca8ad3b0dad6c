"""Is this file of a user's what the command line needs? Files of answers, labels and groups.

The same promise as in `arrays`: a message names the file, says what was wrong, what was expected
and what to do. A pickle is never opened, because it can run any program.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

KINDS = {".npy": "numpy", ".npz": "numpy", ".safetensors": "safetensors", ".csv": "text"}
LISTED = ", ".join(KINDS)
PLAINER = {  # what readers say of a damaged file -> what it means
    "magic string": "it does not begin as a .npy file does",
    "mmap length": "it is shorter than it says",
    "not fully covered": "it is shorter than it says",
}
SAVE = "save plain numbers, for example with numpy.save"


def file_of_numbers(path: Path) -> str:
    """Return the kind of a file that is there, by the end of its name, such as ".npy".

    Raises:
        FileNotFoundError: if it is missing, with a name like it.
        ValueError: if it is a folder, or of a kind that kdlib does not read.
    """
    kind = path.suffix.lower()
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected a file that ends in one of {LISTED}.")
    if not path.is_file():
        folder = path.parent
        names = [other.name for other in folder.iterdir()] if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.75)
        guess = f"did you mean {folder / near[0]}?" if near else "is the name right?"
        raise FileNotFoundError(f"{path} is missing, expected a file of numbers: {guess}")
    if kind not in KINDS:
        raise ValueError(
            f"{path} ends in {kind or 'nothing'!r}, expected one of {LISTED}. Pickles (.pkl, .pt, "
            f".joblib) are never opened, because they can run any program: {SAVE}."
        )
    return kind


def damaged_file(path: Path, said: object) -> NoReturn:
    """Raise the ValueError of a file that cannot be read whole.

    Args:
        said: what its reader said about it.
    """
    kind = path.suffix.lower()
    first_line = (str(said).strip().rstrip(".").splitlines() or ["no reason given"])[0]
    words = next((plain for part, plain in PLAINER.items() if part in first_line), first_line)
    raise ValueError(
        f"{path} cannot be read ({words}), expected a whole {kind} file: save or copy it again."
    )


def no_objects(path: Path, holds_objects: bool) -> None:
    """Numbers can be read without unpickling; Python objects cannot.

    Raises:
        ValueError: if there are objects in the file.
    """
    if holds_objects:
        raise ValueError(
            f"{path} holds Python objects, expected plain numbers: objects are pickled, and kdlib "
            f"never unpickles, because a pickle can run any program. Convert the array first, for "
            f"example with array.astype(float), and {SAVE}."
        )


def one_array(path: Path, name: str, names: Sequence[str]) -> str:
    """Return which array of a file to read: the named one, or the only one.

    Args:
        name: as asked for, or "".
    Raises:
        ValueError: if there is no such one, or several to choose from.
    """
    listed = ", ".join(names) or "nothing"
    if name and name not in names:
        raise ValueError(f"{path} has no array {name!r}, expected one of those in it: {listed}.")
    if not name and len(names) != 1:
        advice = f"choose one, for example {path}:{names[0]}" if names else "save it again"
        raise ValueError(f"{path} holds {listed}, expected one array: {advice}.")
    return name or names[0]


def csv_head(path: Path, first: Sequence[str], rows: int) -> None:
    """A table of numbers separated by commas, perhaps under a line of names.

    Args:
        first: the cells of the first line.
        rows: lines of numbers, 0 or more than that.
    Raises:
        ValueError: for no numbers, other separators, or a column of row numbers.
    """
    line = ",".join(first)
    if ";" in line or "\t" in line:
        other = "semicolons" if ";" in line else "tabs"
        raise ValueError(
            f"{path} is separated by {other}, expected commas, and points in numbers: export it "
            "again."
        )
    if not rows:
        raise ValueError(f"{path} holds no numbers, expected one line of numbers per input.")
    if len(first) > 1 and not first[0].strip():
        raise ValueError(
            f"{path} begins with a column without a name, as pandas writes row numbers, expected "
            "one column per class and no other: save it with index=False."
        )


def csv_line(path: Path, line: int, cells: Sequence[str], columns: int) -> None:
    """A line has as many numbers as the others.

    Raises:
        ValueError: with the first cell that is no number, or both counts.
    """
    for column, cell in enumerate(cells, 1):
        if not is_number(cell):
            raise ValueError(
                f"{path}, line {line}, column {column} holds {cell!r}, expected a number: mend or "
                "leave out this input in all files."
            )
    if len(cells) != columns:
        raise ValueError(
            f"{path}, line {line} has {len(cells)} numbers, expected {columns} as in the first: "
            "every input needs one per class."
        )


def not_row_numbers(path: Path, found: bool) -> None:
    """No class has the probabilities 0, 1, 2, 3, ...

    Raises:
        ValueError: if the first column is the numbers of the rows.
    """
    if found:
        raise ValueError(
            f"{path} has the numbers of its rows in its first column, expected one column per class "
            "and no other: save it without them (in pandas with index=False)."
        )


def one_column(path: Path, columns: int, what: str) -> None:
    """A file of labels or groups has one column.

    Raises:
        ValueError: with how many it has.
    """
    if columns != 1:
        raise ValueError(f"{path} has {columns} columns, expected one, of {what}.")


def is_number(cell: str) -> bool:
    """Return whether a cell of a table can be read as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def place_to_write(path: Path) -> None:
    """A file can be put there.

    Raises:
        ValueError, FileNotFoundError: if it is a folder, or lies in none.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected the name of a file to write: add one.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path} cannot be written, expected a folder {path.parent}: make it first, or choose "
            "another."
        )


def not_written(path: Path, error: OSError) -> str:
    """Return what to say of a file that the system did not write."""
    return (
        f"{path} cannot be written ({error.strerror or error}), expected a folder to write to, "
        "with room: choose another place."
    )


def in_a_terminal(error: Exception, files: Mapping[str, str]) -> str:
    """Return what a Python function found wrong with its arguments, for who gave files instead.

    Args:
        files: argument -> the file behind it.

    >>> in_a_terminal(ValueError("student[2] is nan: mend it."), {"teacher": "t.npy",
    ...                                                           "student": "s.npy"})
    's.npy: student[2] is nan: mend it.'
    """
    message = str(error).replace("pass logits=True", "give --logits")
    named = [file for name, file in files.items() if message.split("[")[0].split(" ")[0] == name]
    others = [file for name, file in files.items()
              if f"but {name} has" in message and file not in named]  # fmt: skip
    known = [*named, *others] or list(files.values())
    return f"{', '.join(known)}: {message}"
