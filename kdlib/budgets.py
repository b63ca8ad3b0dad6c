"""What does a lesson cost on one thread: seconds, memory, milliseconds per redraw?

Each lesson runs in a fresh process, as in `lessons.execute`; the peak is what the operating system
counted for that process alone. The limits stand in DESIGN: 30 s and 1 GB a lesson, 100 ms a
redraw, 0.3 s for `import kdlib` beyond torch's own import.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from kdlib.lessons import ROOT, LessonError, execute, read

SECONDS, MEGABYTES, REDRAW_MILLISECONDS, IMPORT_SECONDS = 30, 1000, 100, 0.3
START, END = "<!-- budgets -->", "<!-- /budgets -->"
_PROBE = """
import json, resource, sys
from pathlib import Path
def _peak_megabytes():
    status = Path("/proc/self/status")
    if status.exists():
        line = next(l for l in status.read_text().splitlines() if l.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
_peak = _peak_megabytes()
_shown = {id(x): x for x in [*globals().values(), *Out.values()]}.values()
_redraws = [x.redraw_milliseconds() for x in _shown if type(x).__name__ == "Explorer"]
print(json.dumps({"megabytes": _peak, "redraw": max(_redraws, default=None)}))
"""
_IMPORT_PROBE = """
import sys, time, torch
began = time.perf_counter()
import kdlib
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Cost:
    """What one lesson took; `redraw` is the slowest explorer's milliseconds, None without one."""

    notebook: str
    title: str
    question: str
    seconds: float
    megabytes: float
    redraw: float | None

    @property
    def number(self) -> str:
        """The lesson's number."""
        return self.notebook[:2]

    @property
    def over(self) -> bool:
        """Is any budget exceeded?"""
        too_slow = self.redraw is not None and self.redraw > REDRAW_MILLISECONDS
        return self.seconds > SECONDS or self.megabytes > MEGABYTES or too_slow


def measure(path: Path, on_cell: Callable[[], object] = lambda: None) -> Cost:
    """Run a lesson as it is stored, in a process of its own, and say what it took."""
    nb = read(path)
    nb.cells.append(new_code_cell(_PROBE, id="budget-probe"))  # type: ignore[no-untyped-call]
    began = time.perf_counter()
    seconds: list[float] = []

    def note() -> None:
        seconds.append(time.perf_counter() - began)
        on_cell()

    done = execute(nb, path.stem, on_cell=note, folder=path.parent)
    found = json.loads(done.cells[-1].outputs[-1].text)
    title, question = title_and_question(nb)
    return Cost(path.name, title, question, seconds[-2], found["megabytes"], found["redraw"])


def import_seconds(times: int = 3) -> float:
    """The shortest of a few imports of kdlib in fresh processes where torch is loaded already."""
    command = [sys.executable, "-c", _IMPORT_PROBE]
    runs = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(times)
    )
    return min(float(run) for run in runs)


def title_and_question(nb: NotebookNode) -> tuple[str, str]:
    """The two halves of a lesson's heading, "# Title: the question?"."""
    first_line = nb.cells[0].source.partition("\n")[0] if nb.cells else ""
    title, _, question = (half.strip() for half in first_line.lstrip("# ").partition(":"))
    return title, question[:1].upper() + question[1:]


def report(costs: Sequence[Cost]) -> str:
    """What `python -m kdlib budgets` prints: everything measured, against its limit."""
    head = ("nb", "title", f"s (≤ {SECONDS})", f"MB (≤ {MEGABYTES})", "ms per redraw (≤ 100)", "")
    rows = [
        (
            cost.number,
            cost.title,
            f"{cost.seconds:.1f}",
            f"{cost.megabytes:.0f}",
            "–" if cost.redraw is None else f"{cost.redraw:.0f}",
            "over budget" if cost.over else "ok",
        )
        for cost in costs
    ]
    return _markdown(head, rows)


def lesson_map(costs: Sequence[Cost]) -> str:
    """The README's map of the lessons, as a Markdown table."""
    rows = [
        (
            cost.number,
            f"[{cost.title}](notebooks/{cost.notebook})",
            cost.question,
            f"{cost.seconds:.0f}",
            f"{cost.megabytes:.0f}",
        )
        for cost in costs
    ]
    return _markdown(("number", "title", "question", "seconds", "MB"), rows)


def put_into(text: str, table: str) -> str:
    """A text with the table between its two marks."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise LessonError(f"The README needs the line {START} and, further down, the line {END}.")
    before, after = text.split(START)[0], text.split(END)[1]
    return f"{before}{START}\n{table}\n{END}{after}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )
