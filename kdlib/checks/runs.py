"""Checks of the stages of a cascade that runs, of its inputs, and of its journal.

The same promise as in `arrays`: a message says what was wrong, what was expected and what to do.
"""

import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdlib.checks.arrays import positive, weight
from kdlib.checks.certificates import confidences
from kdlib.checks.files import place_to_write

Floats = NDArray[np.float64]

JOURNAL_LINE = {"id", "answer", "stage", "confidences", "cost", "error"}


def threshold(value: float) -> float:
    """Return a threshold of a score: any number, infinite ones too.

    Raises:
        TypeError, ValueError: for None, as certificates have that cannot certify, or NaN.
    """
    if value is None or isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"threshold is {value!r}, expected a number on the scale of the confidences. A "
            "certificate's threshold is None if it cannot certify: print(certificate) says why."
        )
    if math.isnan(value):
        raise ValueError("threshold is nan, expected a number on the scale of the confidences.")
    return float(value)


def cascade_stages(stages: Sequence[Any]) -> None:
    """Two or more stages, named apart, all but the last with a threshold.

    Raises:
        TypeError, ValueError: with the stage that is wrong.
    """
    for i, stage in enumerate(stages):
        if not hasattr(stage, "ask"):
            raise TypeError(
                f"stages[{i}] is {type(stage).__name__}, expected a CascadeStage: "
                "CascadeStage('small', ask, threshold=0.9)."
            )
        if not callable(stage.ask):
            raise TypeError(
                f"ask of stage {stage.name!r} is {type(stage.ask).__name__}, expected a function "
                "batch -> (answers, confidences): from_logits(model) makes one of a model."
            )
        weight(stage.cost, f"cost of stage {stage.name!r}")
        if stage.timeout is not None:
            positive(stage.timeout, f"timeout of stage {stage.name!r}")
    names = [stage.name for stage in stages]
    if len(stages) < 2 or len(set(names)) < len(names):
        raise ValueError(f"stages are {names}, expected two or more with different names.")
    for stage in stages[:-1]:
        _passing(stage)
    if stages[-1].threshold is not None:
        raise ValueError(
            f"stage {names[-1]!r} is the last and has the threshold {stages[-1].threshold:g}, "
            "expected none: whom should it pass on to? Leave it out, or add a stage."
        )


def answers_and_confidences(given: Any, rows: int) -> tuple[list[Any], Floats]:
    """Return what a stage said: an answer and a confidence for each input.

    Raises:
        TypeError, ValueError: for anything else; the cascade adds the name of the stage.
    """
    if not isinstance(given, tuple) or len(given) != 2:
        raise TypeError(
            f"returned {type(given).__name__}, expected (answers, confidences): a model that "
            "returns logits becomes a stage by from_logits(model)."
        )
    answers = given[0].tolist() if hasattr(given[0], "tolist") else list(given[0])
    sure = confidences(given[1], "confidences")
    if not len(answers) == len(sure) == rows:
        raise ValueError(
            f"returned {len(answers)} answers and {len(sure)} confidences for {rows} inputs, "
            "expected one of each per input, in the same order."
        )
    return answers, sure


def batchable(inputs: Any) -> int:
    """Return how many inputs there are in a list, a tuple, an array or a tensor.

    Raises:
        TypeError, ValueError: for anything else, or none.
    """
    if not isinstance(inputs, (list, tuple, np.ndarray, Tensor)) or getattr(inputs, "ndim", 1) == 0:
        raise TypeError(
            f"inputs is {type(inputs).__name__}, expected a list, a tuple, an array or a tensor "
            "with an entry per input: list(inputs) makes a list of most other things."
        )
    if not len(inputs):
        raise ValueError("inputs is empty, expected at least one.")
    return len(inputs)


def identifiers(ids: Sequence[int | str] | None, rows: int) -> Sequence[int | str]:
    """Return a different text or whole number for each input; positions unless given.

    Raises:
        TypeError, ValueError: for another number of them, other types, or two that are equal.
    """
    if ids is None:
        return range(rows)
    names: list[int | str] = list(np.asarray(ids).tolist() if hasattr(ids, "dtype") else ids)
    if len(names) != rows:
        raise ValueError(f"ids has {len(names)} entries for {rows} inputs, expected one for each.")
    seen: set[int | str] = set()
    for i, name in enumerate(names):
        if isinstance(name, bool) or not isinstance(name, (int, str)):
            raise TypeError(f"ids[{i}] is {name!r}, expected a text or a whole number.")
        if name in seen:
            raise ValueError(f"ids[{i}] is {name!r} again, expected a different one per input.")
        seen.add(name)
    return names


def journal_place(path: str | Path) -> Path:
    """Return where a journal is or can be.

    Raises:
        TypeError, ValueError, FileNotFoundError: for a folder, or a place in none.
    """
    if not isinstance(path, (str, Path)):
        raise TypeError(f"journal is {type(path).__name__}, expected the name of a file.")
    place_to_write(Path(path))
    return Path(path)


def journal_is_free(path: Path, free: bool) -> None:
    """Only one run may write a journal at a time.

    Raises:
        ValueError: if another does.
    """
    if not free:
        raise ValueError(
            f"{path} is being written by another run, expected a journal of its own for each: wait "
            "until that has ended, or choose another file."
        )


def journal_begins(path: Path, found: bytes, head: bytes) -> None:
    """A file without a whole line is empty, or the beginning of a journal's first line.

    Raises:
        ValueError: if it is something else, which must not be overwritten.
    """
    if not head.startswith(found):
        _no_journal(path)


def same_run(path: Path, found: Any, head: Mapping[str, Any]) -> None:
    """A journal is continued only by the cascade, and on the inputs, that it was begun with.

    Raises:
        ValueError: with what differs.
    """
    if not isinstance(found, dict) or found.get("kdlib") != head["kdlib"]:
        _no_journal(path)
    for name, expected in head.items():
        if found.get(name) != expected:
            other = f"{name} {found.get(name)}, not {expected}"
            if name == "sha256":
                other = "other inputs of the same number"
            raise ValueError(
                f"{path} was begun with {other}: an interrupted run can be resumed only as it was. "
                "Undo the change, or choose another file for a new run."
            )


def journal_lines(path: Path, lines: Sequence[Any], ids: Sequence[int | str]) -> None:
    """Every line of a journal is whole, and belongs to the input at its place.

    Raises:
        ValueError: with the first that does not.
    """
    if len(lines) > len(ids):
        raise ValueError(f"{path} has {len(lines)} outcomes for {len(ids)} inputs: it is damaged.")
    for i, line in enumerate(lines):
        if not isinstance(line, dict) or JOURNAL_LINE - line.keys():
            raise ValueError(
                f"{path}, line {i + 2} is damaged, expected an outcome: keep the lines before it, "
                "delete the rest, and run again."
            )
        if line["id"] != ids[i]:
            raise ValueError(
                f"{path}, line {i + 2} is of the input {line['id']!r}, expected {ids[i]!r}: give "
                "the same ids in the same order as before, or choose another file."
            )


def not_json(line: Mapping[str, Any], error: Exception) -> NoReturn:
    """Raise the TypeError of an answer that a journal cannot hold."""
    answer = line["answer"]
    raise TypeError(
        f"the answer to input {line['id']!r} is {answer!r} of type {type(answer).__name__}, which "
        f"JSON cannot hold ({error}), expected text, a finite number, a boolean, None, or lists "
        "and dicts of these: let the stage return such answers, or run without a journal."
    ) from error


def _no_journal(path: Path) -> NoReturn:
    raise ValueError(
        f"{path} is no journal of a cascade: choose another file, or delete this one yourself."
    )


def _passing(stage: Any) -> None:
    if stage.threshold is None:
        raise ValueError(
            f"stage {stage.name!r} is not the last and has no threshold, expected a number: it "
            "answers where it is at least that sure. A certificate's threshold is None if it "
            "cannot certify: print(certificate) says why."
        )
    threshold(stage.threshold)
