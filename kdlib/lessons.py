"""How is a lesson found, completed, run and stored?

The one place that runs notebooks. `write` is the only writer of stored outputs: it copies each
exercise from its object into the lesson's cells, runs the lesson in a fresh kernel of this Python
(one thread, no progress bars, no timing metadata) and saves it, so that a second run writes the
same bytes. Kernels speak over local sockets, not over TCP: nothing leaves the process.
"""

import copy
import difflib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from kdlib.stored import clean, differences

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
TIMEOUT = 120  # seconds a cell may take
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "KDLIB_QUIET": "1",
    "KDLIB_PROGRESS": "off",
}


class LessonError(Exception):
    """A lesson is missing, does not fit its exercises, or does not run: the message says which."""


def find(selectors: Iterable[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks of these lessons in the order of the course; without selectors, all.

    Args:
        selectors: a number ("4", "04"), a file name or path, or a part of the name ("dark").

    Raises:
        LessonError: no lesson fits a selector; the message lists the nearest.
    """
    lessons = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    wanted = [path for selector in selectors for path in _matching(selector, lessons)]
    return sorted(set(wanted)) if wanted else lessons


def read(path: Path) -> NotebookNode:
    """A notebook as it is stored."""
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        return notebook
    except (OSError, ValueError) as error:
        raise LessonError(f"{path.name} cannot be read as a notebook: {error}") from error


def save(nb: NotebookNode, path: Path) -> None:
    """Store a notebook, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(as_text(nb), encoding="utf-8", newline="\n")
    unfinished.replace(path)


def as_text(nb: NotebookNode) -> str:
    """A notebook as the text of its file."""
    text: str = nbformat.writes(nb, indent=1)  # type: ignore[no-untyped-call]
    return text.rstrip("\n") + "\n"


def exercises_for(path: Path) -> dict[str, Any]:
    """Name -> exercise, of the lesson in this file; empty for a lesson without a module."""
    from kdlib.exercises.engine import exercises_of, lesson_ids

    number = path.name[:2]
    exercises = exercises_of(number) if number in lesson_ids() else []
    return {exercise.name: exercise for exercise in exercises}


def sync(nb: NotebookNode, exercises: Mapping[str, Any]) -> NotebookNode:
    """A copy of the lesson whose exercise cells say what the exercises say.

    Raises:
        LessonError: an exercise has no cell, or a cell has no exercise.
    """
    nb = copy.deepcopy(nb)
    for name, about, code in _exercise_cells(nb, exercises):
        about.source = exercises[name].about()
        code.source = exercises[name].stub_cell()
        code.metadata["tags"] = sorted({*code.metadata.get("tags", []), "exercise"})
    return nb


def solve(nb: NotebookNode, exercises: Mapping[str, Any]) -> NotebookNode:
    """A copy of the lesson with the solution in every exercise cell."""
    nb = sync(nb, exercises)
    for name, _, code in _exercise_cells(nb, exercises):
        code.source = exercises[name].solved_cell()
    return nb


def execute(
    nb: NotebookNode,
    lesson: str,
    *,
    env: Mapping[str, str] | None = None,
    timeout: int = TIMEOUT,
    on_cell: Callable[[], object] = lambda: None,
    folder: Path = NOTEBOOKS,
) -> NotebookNode:
    """A copy of the notebook, run from top to bottom in a fresh kernel of this Python.

    Args:
        lesson: its name, for messages and for the files it may write.
        env: further environment variables of the kernel.
        timeout: seconds that one cell may take.
        on_cell: called after each code cell.
        folder: where the kernel runs.

    Raises:
        LessonError: a cell failed or took too long, or the kernel died; says which cell and why.
    """
    nb, at = copy.deepcopy(nb), [""]
    with _kernel_manager() as manager:
        client = _client(nb, manager, timeout)
        client.on_cell_execute = lambda cell, cell_index: at.__setitem__(0, cell.get("id", ""))
        client.on_cell_executed = lambda cell, cell_index, execute_reply: on_cell()
        scratch = Path(manager.connection_file).parent
        variables = _environment(lesson, scratch, env)
        try:
            with (scratch / "kernel.log").open("w") as log:
                client.execute(cleanup_kc=True, cwd=str(folder), env=variables, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            last_words = (scratch / "kernel.log").read_text().strip().split("\n")[-1]
            raise LessonError(_what_happened(error, lesson, at[0], timeout, last_words)) from None
    return nb


def fresh(path: Path, on_cell: Callable[[], object] = lambda: None) -> NotebookNode:
    """What the file of a lesson should hold: exercises copied in, run as it stands, cleaned."""
    nb = sync(read(path), exercises_for(path))
    return clean(execute(nb, path.stem, on_cell=on_cell, folder=path.parent))


def write(path: Path, on_cell: Callable[[], object] = lambda: None) -> None:
    """Store the outputs of a fresh run; the file stays as it was when the run fails."""
    save(fresh(path, on_cell), path)


def check(path: Path, on_cell: Callable[[], object] = lambda: None) -> list[str]:
    """In what does the stored lesson differ from a fresh run? One sentence each."""
    return differences(read(path), fresh(path, on_cell))


def code_cells(nb: NotebookNode) -> int:
    """How many cells a run executes."""
    return sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in nb.cells)


def _matching(selector: str, lessons: list[Path]) -> list[Path]:
    name = Path(selector).stem
    exact = [path for path in lessons if name.zfill(2) in (path.name[:2], path.stem)]
    found = exact or [path for path in lessons if name.lower() in path.stem]
    if not found:
        stems = [path.stem for path in lessons]
        near = difflib.get_close_matches(name, stems, cutoff=0.4) or stems
        raise LessonError(f"No lesson is called {selector!r}. Did you mean: {', '.join(near)}?")
    return found


def _exercise_cells(
    nb: NotebookNode, exercises: Mapping[str, Any]
) -> Iterator[tuple[str, NotebookNode, NotebookNode]]:
    """Name, description cell and code cell of each exercise, once all are known to be there."""
    cells = {cell.get("id", ""): cell for cell in nb.cells}
    needed = {f"{part}-{name}" for name in exercises for part in ("about", "exercise")}
    present = {key for key in cells if key.startswith(("about-", "exercise-"))}
    if needed != present:
        raise LessonError(_misfit(sorted(needed - present), sorted(present - needed)))
    for name in exercises:
        yield name, cells[f"about-{name}"], cells[f"exercise-{name}"]


def _misfit(missing: list[str], unknown: list[str]) -> str:
    parts = []
    if missing:
        parts.append(f"cells with these ids are missing: {', '.join(missing)}")
    if unknown:
        parts.append(f"these cell ids belong to no exercise of the lesson: {', '.join(unknown)}")
    return (
        f"The notebook does not fit its exercises: {'; '.join(parts)}. Every exercise NAME has a "
        "Markdown cell with the id about-NAME and a code cell with the id exercise-NAME."
    )


@contextmanager
def _kernel_manager() -> Iterator[Any]:
    """A manager whose kernel is this Python, whatever kernels are registered on the machine."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    with tempfile.TemporaryDirectory(prefix="kdlib-") as scratch:  # short: sockets limit paths
        yield AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            transport="ipc",
            connection_file=f"{scratch}/kernel.json",
        )


def _client(nb: NotebookNode, manager: Any, timeout: int) -> NotebookClient:
    client = NotebookClient(
        nb,
        km=manager,
        timeout=timeout,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    client.log.disabled = True  # what goes wrong is said once, by the exception
    return client


def _environment(lesson: str, scratch: Path, env: Mapping[str, str] | None) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        **KERNEL_ENVIRONMENT,
        "PYTHONPATH": os.pathsep.join(paths),
        "IPYTHONDIR": str(scratch / "ipython"),  # none of the reader's own start-up files
        "KDLIB_LESSON": lesson,
        **(env or {}),
    }


def _what_happened(error: Exception, lesson: str, cell: str, timeout: int, last_words: str) -> str:
    where = f"{lesson}, cell {cell}" if cell else f"{lesson}, before the first cell"
    if isinstance(error, CellTimeoutError):
        return f"{where}: took longer than {timeout} s and was stopped."
    if isinstance(error, CellExecutionError):
        return f"{where}: {error.ename}: {error.evalue}"
    if isinstance(error, DeadKernelError):
        return (
            f"{where}: the kernel died (killed, out of memory, or os._exit). {last_words}".strip()
        )
    return f"{where}: the kernel of {sys.executable} did not work: {error}. {last_words}".strip()
