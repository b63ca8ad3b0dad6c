"""From files to a report, its page and its JSON: what `python -m kdlib audit` does.

Whatever can be wrong with somebody's files ends as one AuditError that names the file. What is
written is written beside its place first, so that there is never half a page.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kdlib import checks
from kdlib.audit import audit, reliabilities
from kdlib.fidelity.report import FidelityReport
from kdlib.reports.answer_files import fingerprint, open_answers, open_groups, open_labels
from kdlib.reports.audit_page import Origin, audit_page, versions
from kdlib.reports.audit_pictures import pictures

MODELS = ("teacher", "student", "control")
ROLES = (*MODELS, "labels", "groups")  # of the files


class AuditError(Exception):
    """What was wrong with somebody's file, what was expected, and what to do."""


@dataclass(frozen=True)
class FileAudit:
    """A report, the arrays that it speaks of, and from which files they came."""

    report: FidelityReport
    arrays: Mapping[str, Any]
    origin: Origin

    def page(self) -> str:
        """Return the page, with a figure of reliability where there are labels."""
        bins = None
        if "labels" in self.arrays and self.report.classes > 1:
            answers = {name: self.arrays[name] for name in ("teacher", "student")}
            bins = reliabilities(self.report, answers, self.arrays["labels"])
        return audit_page(self.report, pictures(self.report, bins), self.origin)

    def json(self) -> str:
        """Return the report and its origin as JSON."""
        found = self.report.to_dict() | {"origin": asdict(self.origin)}
        return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def run(
    files: Mapping[str, str],
    logits: bool | None,
    command: str,
    out: Path | None,
    numbers: Path | None,
) -> None:
    """Print the report of files, and write its page and its JSON where they are asked for.

    Args:
        files, logits, command: see audit_files.
        out, numbers: where to write; with neither, the numbers are printed after the words.
    Raises:
        AuditError: for files that cannot be read, do not fit together or cannot be written.
    """
    for place in filter(None, (out, numbers)):
        can_be_written(place)
    found = audit_files(files, logits, command)
    print("\n".join(found.report.words) if out or numbers else found.report, flush=True)
    for path, make in ((out, found.page), (numbers, found.json)):
        if path:
            write_whole(path, make())
            print(f"Written: {path}")


def audit_files(
    files: Mapping[str, str], logits: bool | None = None, command: str = ""
) -> FileAudit:
    """Return the audit of files: teacher and student, perhaps labels, control and groups.

    Args:
        files: what is in it -> the file, as `answer_files` reads it.
        logits: see audit.
        command: told on the page.
    Raises:
        AuditError: for files that cannot be read or do not fit together.
    """
    try:
        arrays = _open(files)
        found = {role: fingerprint(file) for role, file in files.items()}
    except (ValueError, OSError) as error:
        raise AuditError(error) from error
    try:
        report = audit(**arrays, logits=logits)
    except (ValueError, TypeError) as error:
        raise AuditError(checks.in_a_terminal(error, files)) from error
    contents = {role: _content(values) for role, values in arrays.items()}
    return FileAudit(report, arrays, Origin(command, found, contents, versions()))


def can_be_written(path: Path) -> None:
    """Say early that a file cannot be written, before anything is computed.

    Raises:
        AuditError: if its folder is missing, or it is one itself.
    """
    try:
        checks.place_to_write(path)
    except (ValueError, OSError) as error:
        raise AuditError(error) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file, or leave what was there as it was.

    Raises:
        AuditError: if that is impossible.
    """
    path = path.resolve()  # what a link points to is replaced, and not the link
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        raise AuditError(checks.not_written(path, error)) from error
    finally:
        beside.unlink(missing_ok=True)


def _open(files: Mapping[str, str]) -> dict[str, Any]:
    arrays: dict[str, Any] = {name: open_answers(files[name]) for name in MODELS if name in files}
    if "labels" in files:
        arrays["labels"] = open_labels(files["labels"])
    if "groups" in files:
        shape = arrays["teacher"].shape
        arrays["groups"] = open_groups(files["groups"], int(shape[0]) if shape else 0)
    return arrays


def _content(values: Any) -> str:
    kind = str(values.dtype).removeprefix("torch.")
    return f"{tuple(values.shape)} {'text' if kind.startswith('<U') else kind}"
