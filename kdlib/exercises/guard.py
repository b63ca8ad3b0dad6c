"""What if the learner's code raises, exits, or never ends?

`guarded` runs work in a daemon thread and waits a few seconds: off the main thread there are no
signals, and Windows has none worth the name. Work that goes on too long gets an exception thrown
into its thread, so that `while True: pass` does not keep a processor busy for the rest of the
day; code that is stuck inside C cannot be stopped and is left behind. Whatever goes wrong becomes
`CannotCheck` with a sentence in the learner's terms: what was raised, in which line of the cell.
"""

import ctypes
import inspect
import linecache
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import Any, TypeVar

LIMIT_SECONDS = 5.0
LONGEST_QUOTE = 200

T = TypeVar("T")


class CannotCheck(Exception):
    """The answer could not be judged; the text says why, in words for the learner."""


class NotAttempted(Exception):
    """The answer still has a `...` where code should stand."""


class _Stopped(SystemExit):
    """Thrown into a thread that took too long; a thread that dies of a SystemExit dies quietly."""


def guarded(work: Callable[[], T], answer: object) -> T:
    """The result of work(), which may run the learner's `answer`, within LIMIT_SECONDS.

    Raises:
        CannotCheck: if the work raised anything or took too long.
        NotAttempted: passed on from the work.

    >>> guarded(lambda: 6 * 7, answer=None)
    42
    """
    future: Future[T] = Future()
    thread = Thread(target=copy_context().run, args=(_fill, future, work, answer), daemon=True)
    try:
        thread.start()
        return _wait_for(future)
    finally:
        if not future.done():
            _stop(thread)


def what_was_raised(error: BaseException, answer: object) -> str:
    """One sentence: the exception, and the line of the learner's code if it can be found.

    >>> what_was_raised(ValueError("math domain error"), answer=-1)
    'Looking at your answer raised `ValueError: math domain error`.'
    """
    subject = "Your code" if callable(answer) else "Looking at your answer"
    return f"{subject} raised `{_quote(error)}`{_place(error, answer)}."


def _fill(future: Future[T], work: Callable[[], T], answer: object) -> None:
    try:
        future.set_result(work())
    except (CannotCheck, NotAttempted) as verdict:
        future.set_exception(verdict)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too, if the answer raised it
        future.set_exception(CannotCheck(what_was_raised(error, answer)))


def _wait_for(future: Future[T]) -> T:
    """Wait in short slices: on Windows a longer wait could not be interrupted by the user."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            return future.result(timeout=0.05)
        except TimeoutError:
            continue
    raise CannotCheck(
        f"It was not finished after {LIMIT_SECONDS:g} s and was stopped. Is there a loop that "
        "never ends, or more data than the exercise needs?"
    )


def _stop(thread: Thread) -> None:
    """Throw _Stopped into the thread; more than once, for code that catches everything."""
    for _ in range(5):
        if not thread.is_alive() or thread.ident is None:
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(_Stopped)
        )
        thread.join(timeout=0.1)


def _quote(error: BaseException) -> str:
    try:
        said = " ".join(str(error).split())
    except Exception:  # the learner's own exception class may be broken too
        said = ""
    name = type(error).__name__
    text = f"{name}: {said}" if said else name
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"


def _place(error: BaseException, answer: object) -> str:
    file = _file_of(answer)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if not file or not lines or lines[-1] is None:
        return ""
    source = linecache.getline(file, lines[-1]).strip()
    return f" in line {lines[-1]} of your cell" + (f": `{source}`" if source else "")


def _file_of(answer: Any) -> str | None:
    """The file (in Jupyter: the cell) in which a function, module or callable was written."""
    if not callable(answer):
        return None
    for candidate in (answer, getattr(answer, "forward", None), type(answer).__call__):
        code = getattr(inspect.unwrap(candidate) if candidate else None, "__code__", None)
        if code is not None:
            return str(code.co_filename)
    return None
