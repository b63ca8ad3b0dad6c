"""How is one small file kept whole?

The progress file is JSON with a version number. It is replaced in one step, so that a reader
never sees half of it; changes are made to what is in the file *now*, under a lock, so that two
open lessons do not lose each other's entries. A damaged file is never overwritten: it is kept
beside the new one as `progress.json.damaged-1`. Every failure is an OSError.
"""

import errno
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SCHEMA = 1
LOCK_SECONDS = 1.0
# Some network drives have no locks. Going on without one is better than forgetting.
NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}

# {"schema": 1, "exercises": {"01/kl": {"status": "correct", "attempts": 3}},
#  "quizzes": {"01/2": {"option": "a", "right": true, "attempts": 1}}}
Book: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Book], None]


class Damaged(OSError):
    """The file holds something else than a progress file should."""


def empty() -> Book:
    """A book without entries."""
    return {"schema": SCHEMA, "exercises": {}, "quizzes": {}}


def read(path: Path) -> Book:
    """What the file holds; an empty book if there is no file.

    Raises:
        Damaged: if it is no progress file.
        OSError: if it cannot be read, or a newer version of kdlib has written it.
    """
    try:
        book = json.loads(path.read_bytes())
    except FileNotFoundError:
        return empty()
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path.name} is not JSON") from error
    if isinstance(book, dict) and isinstance(book.get("schema"), int) and book["schema"] > SCHEMA:
        raise OSError(f"{path.name} was written by a newer version of kdlib; it is left as it is")
    if not _is_book(book):
        raise Damaged(f"{path.name} is JSON, but no record of progress")
    return dict(book)


def update(path: Path, changes: Iterable[Change]) -> None:
    """Apply changes to the file as it is now, and replace it in one step.

    Raises:
        OSError: if it cannot be locked, read or written; the old file is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        try:
            book = read(path)
        except Damaged:
            path.rename(_free_name(path))
            book = empty()
        for change in changes:
            change(book)
        _replace(path, json.dumps(book, indent=1, sort_keys=True) + "\n")


def set_aside(path: Path) -> list[Path]:
    """The damaged files that were kept."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def _is_book(book: Any) -> bool:
    if not isinstance(book, dict) or book.get("schema") != SCHEMA:
        return False
    fields = {
        "exercises": {"status": str, "attempts": int},
        "quizzes": {"option": str, "right": bool, "attempts": int},
    }
    return all(_is_section(book.get(name), wanted) for name, wanted in fields.items())


def _is_section(section: Any, fields: dict[str, type]) -> bool:
    return isinstance(section, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get(name), kind)
        for entry in section.values()
        for name, kind in fields.items()
    )


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return name


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # a full disk must show now, not after the old file is gone
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file beside `path`; the system frees it even if the kernel is killed."""
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for_lock(handle, path)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return _try_lock(handle)
        except OSError as error:
            if error.errno in NO_LOCKS_HERE:
                return
            if time.monotonic() > deadline:
                raise OSError(f"{path.name} is in use by another program") from error
        time.sleep(0.01)


def _try_lock(handle: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
