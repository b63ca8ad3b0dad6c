"""From files of answers to an audit of them: what `python -m kdlib audit` does."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from kdlib.audit import audit, reliabilities
from kdlib.fidelity.report import FidelityReport
from kdlib.reports.answer_files import open_answers, open_groups, open_labels
from kdlib.reports.audit_page import audit_page
from kdlib.reports.audit_pictures import pictures
from kdlib.reports.page import Origin
from kdlib.reports.writing import FileReport, of_files, origin_of

MODELS = ("teacher", "student", "control")
ROLES = (*MODELS, "labels", "groups")  # of the files


def audit_files(
    files: Mapping[str, str], logits: bool | None = None, command: str = ""
) -> FileReport:
    """Return the audit of files: teacher and student, perhaps labels, control and groups.

    Args:
        files: what is in it -> the file, as `answer_files` reads it.
        logits: see audit.
        command: told on the page.
    Raises:
        ReportError: for files that cannot be read or do not fit together.
    """
    with of_files():
        arrays = _open(files)
        origin = origin_of(command, files, arrays)
    with of_files(files):
        report = audit(**arrays, logits=logits)
    return FileReport(report, origin, partial(_page, report, arrays, origin))


def _page(report: FidelityReport, arrays: Mapping[str, Any], origin: Origin) -> str:
    """The page, with a figure of reliability where there are labels."""
    bins = None
    if "labels" in arrays and report.classes > 1:
        answers = {name: arrays[name] for name in ("teacher", "student")}
        bins = reliabilities(report, answers, arrays["labels"])
    return audit_page(report, pictures(report, bins), origin)


def _open(files: Mapping[str, str]) -> dict[str, Any]:
    arrays: dict[str, Any] = {name: open_answers(files[name]) for name in MODELS if name in files}
    if "labels" in files:
        arrays["labels"] = open_labels(files["labels"])
    if "groups" in files:
        shape = arrays["teacher"].shape
        arrays["groups"] = open_groups(files["groups"], int(shape[0]) if shape else 0)
    return arrays
