"""How do all figures of the course become files?

`build` runs the lessons as they are stored, side by side, with KDLIB_FIGURES set; asked for one
figure, it reads the notebooks to learn which lesson shows it and runs that lesson only. The new
folder is made beside the old one and takes its place at the end: a failed run leaves everything as
it was, and a second run gives the same bytes.
"""

import ast
import difflib
import hashlib
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import Event
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from tqdm.auto import tqdm

from kdlib.figures.export import SUFFIXES
from kdlib.figures.gallery import (
    MANIFEST,
    Entry,
    figures_in,
    read_manifest,
    write_index,
    write_manifest,
)
from kdlib.lessons import NOTEBOOKS, ROOT, LessonError, code_cells, execute, find, read

PACKAGES = ("kdlib", "matplotlib", "numpy", "scipy", "torch")
DATA_KINDS = (".gz", ".json", ".csv", ".safetensors")
Plan = dict[Path, list[str]]  # lesson -> names of the wanted figures


def build(
    selectors: Sequence[str], out: Path, jobs: int = 2, folder: Path = NOTEBOOKS
) -> list[Path]:
    """Make figures, and the index and manifest of their folder.

    Args:
        selectors: lessons (as in `lessons.find`) or names of figures; none means everything.
        out: the folder for the figures.
        jobs: how many lessons run at the same time, each in a kernel of its own.

    Returns:
        The pictures that were made.

    Raises:
        LessonError: an unknown name, a lesson that does not run, a folder that holds other things.
    """
    plan = plan_for(selectors, folder)
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise LessonError(f"{out} holds other files. Choose a new folder, or empty this one.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".figures-", dir=out.parent) as temporary:
        made, whole = Path(temporary, "made"), Path(temporary, "whole")
        made.mkdir()
        _run_lessons(plan, made, jobs)
        _refuse_missing(plan, made)
        if selectors and out.exists():
            shutil.copytree(out, whole)
            _forget_renamed(whole, folder)
        _merge(plan, made, whole)
        names = [path.relative_to(made) for path in figures_in(made)]
        _take_the_place_of(out, whole, Path(temporary, "old"))
    return [out / name for name in names]


def plan_for(selectors: Iterable[str], folder: Path = NOTEBOOKS) -> Plan:
    """Which lessons to run for these lessons and figures, and for which figures."""
    names = {path: figure_names(read(path)) for path in find((), folder)}
    _refuse_twins(names)
    plan: Plan = {}
    for selector in selectors:
        showing = [path for path, shown in names.items() if selector in shown]
        for path in showing or _lessons_called(selector, names, folder):
            plan.setdefault(path, []).extend([selector] if showing else names[path])
    return {path: shown for path, shown in (plan or names).items() if shown}


def figure_names(nb: NotebookNode) -> list[str]:
    """The names given to `show` and `explore` in the cells of a lesson."""
    return [
        str(keyword.value.value)
        for call in _calls(nb)
        if _called(call) in ("show", "explore")
        for keyword in call.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    ]


def seed_of(nb: NotebookNode) -> int | None:
    """The seed that the lesson gives to `setup`; None if it sets none."""
    for call in _calls(nb):
        if _called(call) == "setup":
            given = [*call.args, *(k.value for k in call.keywords if k.arg == "seed")]
            return ast.literal_eval(given[0]) if given else 0
    return None


def data_hash(folder: Path = ROOT / "data") -> str:
    """SHA-256 over names and contents of all data files and models."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in DATA_KINDS):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _calls(nb: NotebookNode) -> list[ast.Call]:
    trees = []
    for cell in nb.cells:
        if cell.cell_type == "code":
            with suppress(SyntaxError):  # a stub that does not parse
                trees.append(ast.parse(_without_magics(cell.source)))
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _without_magics(source: str) -> str:
    """The cell as plain Python: a line such as `%pip install kdlib` becomes a call."""
    plain: str = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
    return plain


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _refuse_twins(names: dict[Path, list[str]]) -> None:
    counted = Counter(name for shown in names.values() for name in shown)
    twins = sorted(name for name, times in counted.items() if times > 1)
    if twins:
        raise LessonError(f"Two figures have the same name: {', '.join(twins)}. Rename one.")


def _lessons_called(selector: str, names: Plan, folder: Path) -> list[Path]:
    try:
        return find([selector], folder)
    except LessonError as error:
        known = sorted(name for shown in names.values() for name in shown)
        near = difflib.get_close_matches(selector, known, cutoff=0.4) or known
        raise LessonError(f"{error} Or one of these figures: {', '.join(near)}?") from None


def _run_lessons(plan: Plan, made: Path, jobs: int) -> None:
    notebooks = {path: read(path) for path in plan}
    total = sum(code_cells(nb) for nb in notebooks.values())
    stop = Event()
    with tqdm(total=total, unit="cell", desc="figures", disable=None) as bar:
        pool = ThreadPoolExecutor(max_workers=jobs)
        try:
            runs = [
                pool.submit(_run_lesson, path, nb, plan[path], made, partial(_advance, bar, stop))
                for path, nb in notebooks.items()
            ]
            for run in as_completed(runs):
                run.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _advance(bar: Any, stop: Event) -> None:
    """Count a cell as done; end this lesson early when another one has failed."""
    bar.update(1)
    if stop.is_set():
        raise LessonError("stopped, because another lesson failed")


def _run_lesson(
    path: Path, nb: NotebookNode, names: list[str], made: Path, on_cell: Callable[[], object]
) -> None:
    env = {"KDLIB_FIGURES": str(made.resolve()), "KDLIB_FIGURES_ONLY": ",".join(names)}
    execute(nb, path.stem, env=env, on_cell=on_cell, folder=path.parent)


def _refuse_missing(plan: Plan, made: Path) -> None:
    shown = {picture.stem for picture in figures_in(made)}
    for path, names in plan.items():
        if missing := sorted(set(names) - shown):
            raise LessonError(f"{path.stem} ran, but did not show: {', '.join(missing)}.")


def _forget_renamed(whole: Path, folder: Path) -> None:
    """Remove the files of figures that no lesson shows any more."""
    known = {name for path in find((), folder) for name in figure_names(read(path))}
    for picture in figures_in(whole):
        if picture.stem not in known:
            for suffix in SUFFIXES:
                picture.with_suffix(suffix).unlink()


def _merge(plan: Plan, made: Path, whole: Path) -> None:
    """Put the new figures among the old ones, and describe them all."""
    shutil.copytree(made, whole, dirs_exist_ok=True)
    seeds = {path.stem: seed_of(read(path)) for path in plan}
    origin = {"versions": _versions(), "data": data_hash()}
    new = {p.stem: _entry(p) | origin | {"seed": seeds[p.parent.name]} for p in figures_in(made)}
    entries = read_manifest(whole) | new
    write_manifest(whole, (entries[p.stem] for p in figures_in(whole) if p.stem in entries))
    write_index(whole)


def _entry(picture: Path) -> Entry:
    return {
        "figure": picture.stem,
        "lesson": picture.parent.name,
        "alt": picture.with_suffix(".txt").read_text(encoding="utf-8").strip(),
        "files": [picture.stem + suffix for suffix in SUFFIXES],
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def _take_the_place_of(out: Path, whole: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    whole.rename(out)
