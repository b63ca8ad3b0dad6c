"""What has this learner done?

Every check and every quiz answer is noted in one file of the learner's own: `~/.kdlib/progress.json`
or where KDLIB_PROGRESS says; KDLIB_PROGRESS=off keeps nothing. Nothing is sent anywhere, and
deleting the file is all it takes to begin anew. If the file cannot be written, lessons go on,
the notes wait in memory, and every later one tries to save them too.
"""

import os
from pathlib import Path

from kdlib.exercises import progress_file
from kdlib.exercises.outcome import CORRECT
from kdlib.exercises.progress_file import Book, Change

_unsaved: list[Change] = []


def progress_path() -> Path | None:
    """Where progress is kept; None if KDLIB_PROGRESS is "off".

    Raises:
        RuntimeError: if this user has no home folder.
    """
    setting = os.environ.get("KDLIB_PROGRESS", "").strip()
    if setting.lower() == "off":
        return None
    return Path(setting).expanduser() if setting else Path.home() / ".kdlib" / "progress.json"


def record_exercise(lesson: str, name: str, status: str) -> None:
    """Count one attempt. What was correct once stays correct."""

    def change(book: Book) -> None:
        entry = book["exercises"].setdefault(f"{lesson}/{name}", {"status": status, "attempts": 0})
        entry["attempts"] += 1
        if entry["status"] != CORRECT:
            entry["status"] = status

    _keep(change)


def record_choice(lesson: str, number: int, option: str, right: bool) -> None:
    """Keep the option that was chosen last in question `number` (from 1) of a lesson's quiz."""

    def change(book: Book) -> None:
        entry = book["quizzes"].setdefault(f"{lesson}/{number}", {"attempts": 0})
        entry.update(option=option, right=right, attempts=entry["attempts"] + 1)

    _keep(change)


def recorded() -> tuple[Book, str]:
    """All notes, saved or not, and why they could not be saved ("" if they were)."""
    trouble = _save()
    try:
        path = progress_path()
        book = progress_file.read(path) if path else progress_file.empty()
    except (OSError, RuntimeError):
        book = progress_file.empty()
    for change in _unsaved:
        change(book)
    return book, trouble


def _keep(change: Change) -> None:
    _unsaved.append(change)
    _save()


def _save() -> str:
    """Write what is unsaved; say what went wrong, or ""."""
    try:
        path = progress_path()
        if path:
            progress_file.update(path, _unsaved)
    except (OSError, RuntimeError) as error:
        return getattr(error, "strerror", None) or str(error)
    _unsaved.clear()
    return ""
