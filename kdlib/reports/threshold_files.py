"""From files of answers to a threshold: what `python -m kdlib threshold` does."""

from collections.abc import Mapping
from typing import Any

from kdlib.cascade.report import recommend
from kdlib.reports.answer_files import open_answers, open_labels
from kdlib.reports.threshold_page import threshold_page
from kdlib.reports.writing import FileReport, of_files, origin_of

ROLES = ("small", "large", "labels")  # of the files


def threshold_files(
    files: Mapping[str, str], settings: Mapping[str, Any], command: str = ""
) -> FileReport:
    """Return the report on a threshold for the models of files: small, large and labels.

    Args:
        files: what is in it -> the file, as `answer_files` reads it.
        settings: what `recommend` takes by name.
        command: told on the page.
    Raises:
        ReportError: for files that cannot be read or do not fit together, or wrong settings.
    """
    with of_files():
        arrays: dict[str, Any] = {name: open_answers(files[name]) for name in ("small", "large")}
        arrays["labels"] = open_labels(files["labels"])
        origin = origin_of(command, files, arrays)
    with of_files(files):
        report = recommend(**arrays, **settings)
    return FileReport(report, origin, lambda: threshold_page(report, origin))
