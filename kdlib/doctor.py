"""Can this computer run the course? If not, what is to be done?

Each check gives findings: *ok*, *warning* (works, but) or *problem* (will not work), the last two
with what to do. `python -m kdlib doctor` prints them and ends with 1 if there is a problem.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from kdlib.lessons import ROOT

OLDEST_PYTHON = (3, 11)
FREE_MEMORY = 1.5e9  # bytes
INSTALL = "Run `make lab`, or `python -m pip install -r requirements.txt` in the course's folder."


@dataclass(frozen=True)
class Finding:
    """One line of the report; `advice` says what to do unless all is well."""

    status: str  # "ok", "warning" or "problem"
    text: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"\n         → {self.advice}" if self.advice else ""
        return f"{self.status:<8} {self.text}{advice}"


def examine() -> Iterator[Finding]:
    """All findings, as they are made; no check stops another."""
    checks = (python, environment, packages, library, data, threads, memory, kernel)
    for check in checks:
        yield from _safely(check)


def ready() -> None:
    """Print one line that is the same on every computer, unless something is wrong here."""
    found = [finding for check in (python, packages, data) for finding in _safely(check)]
    wrong = [finding for finding in found if finding.status == "problem"]
    print("\n".join(map(str, wrong)) or "Python, packages and data: all is well.")


def python() -> Iterator[Finding]:
    """Is Python new enough?"""
    found, needed = (".".join(map(str, v)) for v in (sys.version_info[:3], OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("problem", f"Python {found}", f"Install Python {needed} or newer.")
    else:
        yield Finding("ok", f"Python {found}")


def environment() -> Iterator[Finding]:
    """Does this Python belong to the course's own environment?"""
    own = ROOT / ".venv"
    if Path(sys.prefix).resolve() == own.resolve():
        yield Finding("ok", "runs in the course's own environment, .venv")
    elif own.exists():
        advice = "Start it by `make lab`, or call .venv/bin/python."
        yield Finding("warning", f"runs in {sys.prefix}, not in the course's .venv", advice)
    else:
        yield Finding("ok", f"runs in {sys.prefix} (there is no .venv in the course's folder)")


def packages(requirements: Iterable[str] | None = None) -> Iterator[Finding]:
    """Is every package of requirements.txt there, in a version that was tested?"""
    from packaging.requirements import Requirement

    lines = _requirement_lines() if requirements is None else requirements
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            yield _package(requirement.name, requirement.specifier.contains, line)


def library() -> Iterator[Finding]:
    """Which kdlib is imported?"""
    import kdlib

    where = Path(kdlib.__file__).resolve().parent
    if where == ROOT / "kdlib":
        yield Finding("ok", f"kdlib {kdlib.__version__} from {where}")


def data() -> Iterator[Finding]:
    """Are the data and the models of the lessons undamaged?"""
    from kdlib.data import load_place_names
    from kdlib.models import load_teacher

    for what, load in (("place names", load_place_names), ("teacher model", load_teacher)):
        yield from _loads(what, load)


def threads() -> Iterator[Finding]:
    """How many processors are there? The lessons use one thread each, on purpose."""
    yield Finding("ok", f"{os.cpu_count()} processors; lessons use one thread each")


def memory(free: float | None = None) -> Iterator[Finding]:
    """Is there enough free memory for a lesson?"""
    free = free_memory() if free is None else free
    if free is None:
        advice = f"A lesson needs up to {FREE_MEMORY / 1e9} GB: close other programs if it is slow."
        yield Finding("warning", "free memory cannot be read on this system", advice)
    elif free < FREE_MEMORY:
        advice = f"Close other programs: a lesson needs up to {FREE_MEMORY / 1e9} GB."
        yield Finding("problem", f"{free / 1e9:.1f} GB of memory free", advice)
    else:
        yield Finding("ok", f"{free / 1e9:.1f} GB of memory free")


def kernel() -> Iterator[Finding]:
    """Does a notebook kernel start and answer?"""
    from nbformat.v4 import new_code_cell, new_notebook

    from kdlib.lessons import execute

    nb = new_notebook(cells=[new_code_cell("1 + 1")])  # type: ignore[no-untyped-call]
    answer = execute(nb, "kernel", timeout=30, folder=ROOT).cells[0].outputs[0].data["text/plain"]
    if answer == "2":
        yield Finding("ok", "a kernel starts and answers")
    else:
        yield Finding("problem", f"a kernel says that 1 + 1 is {answer!r}", INSTALL)


def free_memory() -> float | None:
    """Bytes that a new process may use: the machine's, or the container's if that is less."""
    limits = [*_free_on_machine(), *_free_in_container()]
    return min(limits, default=None)


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # whatever is broken here is what the doctor is asked about
        yield Finding("problem", f"{check.__name__}: {type(error).__name__}: {error}", INSTALL)


def _requirement_lines() -> list[str]:
    """Of requirements.txt where the course's folder is at hand, else of the installed kdlib."""
    path = ROOT / "requirements.txt"
    if not path.exists():
        return metadata.requires("kdlib") or []
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def _package(name: str, fits: Callable[..., bool], line: str) -> Finding:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding("problem", f"{name} is missing", INSTALL)
    if fits(version, prereleases=True):
        return Finding("ok", f"{name} {version}")
    return Finding("warning", f"{name} {version} is outside the tested range, {line}", INSTALL)


def _loads(what: str, load: Callable[[], object]) -> Iterator[Finding]:
    try:
        load()
        yield Finding("ok", f"{what} are complete" if what.endswith("s") else f"{what} is complete")
    except Exception as error:
        yield Finding("problem", f"{what}: {error}", "Restore it: `git checkout -- data`.")


def _free_on_machine() -> Iterator[float]:
    path = Path("/proc/meminfo")
    if path.exists():
        facts = dict(line.split(":", 1) for line in path.read_text().splitlines())
        yield 1024 * float(facts["MemAvailable"].split()[0])


def _free_in_container(cgroup: Path = Path("/sys/fs/cgroup")) -> Iterator[float]:
    for limit, used in (
        (cgroup / "memory.max", cgroup / "memory.current"),
        (cgroup / "memory/memory.limit_in_bytes", cgroup / "memory/memory.usage_in_bytes"),
    ):
        if limit.exists() and used.exists() and limit.read_text().strip() != "max":
            yield float(limit.read_text()) - float(used.read_text()) + _reclaimable(limit.parent)


def _reclaimable(group: Path) -> float:
    """Cached files count as used, yet are given up when memory is needed."""
    path = group / "memory.stat"
    facts = dict(line.split() for line in path.read_text().splitlines()) if path.exists() else {}
    return float(facts.get("inactive_file", 0))
