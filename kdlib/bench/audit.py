"""What does an audit of files cost beside only reading them?

Two files of float32 logits, memory-mapped. An audit is compared with a pass that reads both and
takes log_softmax, once of whole arrays, as one would write it, and once block by block, as nobody
writes it, but as fast as it gets. They take turns in one process; every run opens the files anew, and
the system has them in its cache. Memory is that of a fresh process each; mapped pages count.
"""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from timeit import timeit
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from kdlib.audit import audit
from kdlib.bench.peak_memory import before_and_extra_bytes
from kdlib.bench.tables import markdown

Mapped = NDArray[np.float32]

BLOCK = 2**17  # numbers of a block, half a megabyte, and of what is written at once
HEAD = ("", "seconds", "audit / this", "10–90 %", "peak, MB", "of it extra, MB")


def report(rows: int, classes: int, repeats: int) -> str:
    """Return the table; the files are deleted again, also when this is interrupted."""
    size = f"2 files of ({rows:,}, {classes}) float32, {8 * rows * classes / 1e6:,.0f} MB"
    with files(rows, classes) as folder:
        memory = [_memory(name, folder) for name in PASSES]
        seconds = _seconds(folder, repeats)
    lines = [_line(*found, seconds["audit"]) for found in zip(seconds.items(), memory, strict=True)]
    threads = f"threads: {torch.get_num_threads()}, processors: {os.cpu_count()}"
    head = f"{size}; torch {torch.__version__}, {threads}; {repeats} rounds in turns"
    return f"{head}\n\n{markdown(HEAD, lines)}"


@contextmanager
def files(rows: int, classes: int) -> Iterator[Path]:
    """A folder with teacher.npy and student.npy, deleted at the end, whatever ends it."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with tempfile.TemporaryDirectory(prefix="kdlib-") as folder:
            _write(Path(folder), rows, classes)
            yield Path(folder)
    finally:
        signal.signal(signal.SIGTERM, before)


def opened(folder: Path) -> list[Mapped]:
    """Return both files, mapped and not read yet."""
    return [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("teacher", "student")]


def whole_pass(folder: Path) -> None:
    """Read both files whole and take log_softmax."""
    logs = [torch.from_numpy(np.array(values)).log_softmax(-1) for values in opened(folder)]
    assert len(logs) == 2, "both are kept, as a comparison needs them"


def blocked_pass(folder: Path) -> None:
    """Take log_softmax of both files block by block, and keep nothing."""
    teacher, student = opened(folder)
    size = max(1, BLOCK // teacher.shape[1])
    for start in range(0, len(teacher), size):
        for values in (teacher, student):
            torch.from_numpy(np.array(values[start : start + size])).log_softmax(-1)


def audited(folder: Path) -> None:
    """Audit both files: everything that a report says, without writing it."""
    teacher, student = opened(folder)
    audit(teacher, student)


PASSES: dict[str, Callable[[Path], None]] = {
    "audit": audited,
    "log_softmax, whole arrays": whole_pass,
    "log_softmax, in blocks": blocked_pass,
}


def _write(folder: Path, rows: int, classes: int) -> None:
    rng = np.random.default_rng(0)
    names = ("teacher", "student")
    room: Any = np.lib.format.open_memmap  # new files, written block by block
    teacher, student = (
        room(folder / f"{name}.npy", "w+", np.float32, (rows, classes)) for name in names
    )
    size = max(1, BLOCK // classes)
    for start in range(0, rows, size):
        some = slice(start, start + size)
        teacher[some] = 2 * rng.standard_normal(teacher[some].shape, np.float32)
        student[some] = teacher[some] + rng.standard_normal(teacher[some].shape, np.float32) / 2


def _memory(name: str, folder: Path) -> tuple[int, int] | None:
    setup = f"import torch; torch.set_num_threads({torch.get_num_threads()})"
    setup += "\nfrom pathlib import Path\nfrom kdlib.bench.audit import PASSES"
    return before_and_extra_bytes(setup, f"PASSES[{name!r}](Path({str(folder)!r}))")


def _seconds(folder: Path, repeats: int) -> dict[str, list[float]]:
    """Seconds of each pass in every round, after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in PASSES}
    quiet = True if "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    with tqdm(total=(repeats + 1) * len(PASSES), unit="run", leave=False, disable=quiet) as bar:
        for number in range(repeats + 1):
            for name, run in PASSES.items():
                seconds = timeit(lambda run=run: run(folder), number=1)  # type: ignore[misc]
                if number:
                    taken[name].append(seconds)
                bar.update()
    return taken


def _line(
    found: tuple[str, list[float]], memory: tuple[int, int] | None, audits: list[float]
) -> tuple[str, ...]:
    name, seconds = found
    ratios = np.divide(audits, seconds)
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    peak = ("–", "–") if memory is None else (f"{sum(memory) / 1e6:.0f}", f"{memory[1] / 1e6:.0f}")
    spread = "–" if name == "audit" else f"{low:.2f}–{high:.2f}"
    return name, f"{np.median(seconds):.3g}", f"{middle:.2f}", spread, *peak
