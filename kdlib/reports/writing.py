"""How does a report reach the terminal, its page and its JSON?

Whatever can be wrong with somebody's files ends as one ReportError that names the file. What is
written is written beside its place first, so that there is never half a page.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from kdlib import checks
from kdlib.reports.answer_files import fingerprint
from kdlib.reports.page import Origin, versions


class ReportError(Exception):
    """What was wrong with somebody's file, what was expected, and what to do."""


class Report(Protocol):
    """What is written: words, numbers as text, and everything as a dictionary."""

    @property
    def words(self) -> list[str]: ...  # noqa: D102

    def to_dict(self) -> dict[str, Any]: ...  # noqa: D102


@dataclass(frozen=True)
class FileReport:
    """A report, from which files it came, and what makes its page."""

    report: Report
    origin: Origin
    page: Callable[[], str]

    def json(self) -> str:
        """Return the report and its origin as JSON."""
        found = self.report.to_dict() | {"origin": asdict(self.origin)}
        return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def publish(make: Callable[[], FileReport], out: Path | None, numbers: Path | None) -> None:
    """Print a report, and write its page and its JSON where they are asked for.

    Args:
        make: reads the files and reports on them, after it is known that both can be written.
        out, numbers: where to write; with neither, the numbers are printed after the words.
    Raises:
        ReportError: for files that cannot be read, do not fit together or cannot be written.
    """
    for place in filter(None, (out, numbers)):
        can_be_written(place)
    found = make()
    print("\n".join(found.report.words) if out or numbers else found.report, flush=True)
    for path, text in ((out, found.page), (numbers, found.json)):
        if path:
            write_whole(path, text())
            print(f"Written: {path}")


@contextmanager
def of_files(files: Mapping[str, str] | None = None) -> Iterator[None]:
    """Turn what is raised inside into a ReportError; with files, names of arguments into theirs."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        raise ReportError(checks.in_a_terminal(error, files) if files else error) from error


def origin_of(command: str, files: Mapping[str, str], arrays: Mapping[str, Any]) -> Origin:
    """Return from which files, with what in them, and by which command a report is made.

    Raises:
        OSError: if a file cannot be read.
    """
    found = {role: fingerprint(file) for role, file in files.items()}
    return Origin(command, found, {role: _content(arrays[role]) for role in files}, versions())


def can_be_written(path: Path) -> None:
    """Say early that a file cannot be written, before anything is computed.

    Raises:
        ReportError: if its folder is missing, or it is one itself.
    """
    with of_files():
        checks.place_to_write(path)


def write_whole(path: Path, text: str) -> None:
    """Write a file, or leave what was there as it was.

    Raises:
        ReportError: if that is impossible.
    """
    path = path.resolve()  # what a link points to is replaced, and not the link
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        raise ReportError(checks.not_written(path, error)) from error
    finally:
        beside.unlink(missing_ok=True)


def _content(values: Any) -> str:
    kind = str(values.dtype).removeprefix("torch.")
    return f"{tuple(values.shape)} {'text' if kind.startswith('<U') else kind}"
