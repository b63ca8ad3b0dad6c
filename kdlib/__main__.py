"""python -m kdlib: what is done from a terminal; `python -m kdlib COMMAND --help` says more.

For anybody with two models: audit, threshold. For learners: doctor, progress. For instructors and
maintainers: figures, notebooks, solutions, budgets, bench.
Ends with 0 if all is well, with 1 if not, and with 2 if the command was not understood.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

MEASURED = {  # benchmarks without settings: name -> (module of kdlib.bench, what it shows)
    "cascade": ("cascade", "Time the deferral curve of a million inputs beside only sorting them."),
    "overhead": ("cascade_overhead", "Time a running cascade beside its small model alone."),
    "certificates": ("certificates", "Simulate how often certified thresholds keep their promise."),
    "speculative": ("speculative", "Time speculative decoding beside the large model alone."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from kdlib.lessons import LessonError

    given = sys.argv[1:] if arguments is None else arguments
    if not given:
        _parser().print_help()
        return 2
    options = _parser().parse_args(given)
    options.given = given
    try:
        code: int = options.run(options)
        return code
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1


def doctor(options: argparse.Namespace) -> int:
    """Say whether this computer can run the course, and what to do if not."""
    from kdlib.doctor import examine

    problems = 0
    for finding in examine():
        print(finding, flush=True)
        problems += finding.status == "problem"
    print("All is well." if not problems else f"{problems} to mend: see the arrows above.")
    return int(problems > 0)


def audit(options: argparse.Namespace) -> int:
    """Say how well a student mimics its teacher, from files of their answers to the same inputs."""
    from kdlib.reports.audit_files import ROLES, audit_files

    files = {role: getattr(options, role) for role in ROLES if getattr(options, role) is not None}
    return _publish(partial(audit_files, files, options.logits, _as_typed(options)), options)


def threshold(options: argparse.Namespace) -> int:
    """Say below which confidence a small model should defer to a large one, from files of answers."""
    from kdlib.reports.threshold_files import ROLES, threshold_files

    files = {role: getattr(options, role) for role in ROLES}
    names = ("small_cost", "large_cost", "risk", "delta", "promise", "score", "logits")
    settings = {name: getattr(options, name) for name in names}
    return _publish(partial(threshold_files, files, settings, _as_typed(options)), options)


def figures(options: argparse.Namespace) -> int:
    """Make the files of all figures, of some lessons, or of some figures by name."""
    from kdlib.factory import build

    made = build(options.names, options.out, options.jobs)
    count = "1 figure" if len(made) == 1 else f"{len(made)} figures"
    print(f"{count} in {options.out}: open {options.out / 'index.html'}")
    return 0


def notebooks(options: argparse.Namespace) -> int:
    """Run lessons and store their outputs, or check the stored ones against a fresh run."""
    from kdlib.lessons import check, write

    wrong = 0
    for path, on_cell in _with_bars(options.lessons):
        if options.check:
            sentences = check(path, on_cell)
            wrong += bool(sentences)
            print("\n  ".join([f"{path.name}: {_verdict(sentences)}", *sentences]), flush=True)
        else:
            write(path, on_cell)
            print(f"{path.name}: written", flush=True)
    return int(wrong > 0)


def solutions(options: argparse.Namespace) -> int:
    """Write every lesson solved and run, for instructors."""
    from kdlib.lessons import execute, exercises_for, read, save, solve
    from kdlib.stored import clean

    for path, on_cell in _with_bars(options.lessons):
        solved = solve(read(path), exercises_for(path))
        save(clean(execute(solved, path.stem, on_cell=on_cell)), options.out / path.name)
        print(options.out / path.name, flush=True)
    return 0


def budgets(options: argparse.Namespace) -> int:
    """Measure what each lesson costs, and print it as a table."""
    from kdlib.budgets import IMPORT_SECONDS, import_seconds, lesson_map, measure, put_into, report
    from kdlib.lessons import ROOT

    costs = [measure(path, on_cell) for path, on_cell in _with_bars(options.lessons)]
    seconds = import_seconds()
    print(report(costs))
    print(f"\nimport kdlib, beyond torch: {seconds:.2f} s (≤ {IMPORT_SECONDS})")
    if options.write:
        readme = ROOT / "README.md"
        text = put_into(readme.read_text(encoding="utf-8"), lesson_map(costs))
        readme.write_text(text, encoding="utf-8", newline="\n")
    return int(any(cost.over for cost in costs) or seconds > IMPORT_SECONDS)


def losses(options: argparse.Namespace) -> int:
    """Compare time, memory and error of the losses with what everyone else writes."""
    from kdlib.bench.losses import HIDDEN_SIZES, SIZES, reports

    sizes = SIZES if options.sizes is None else options.sizes
    hidden_sizes = HIDDEN_SIZES if options.hidden_sizes is None else options.hidden_sizes
    for text in reports(sizes, hidden_sizes, options.threads, options.repeats):
        print(text, flush=True)
    return 0


def edges(options: argparse.Namespace) -> int:
    """Show what each implementation does at zeros, masks, half precision and wrong shapes."""
    from kdlib.bench.edges import page
    from kdlib.lessons import ROOT

    text = page()
    print(text, end="")
    if options.write:
        (ROOT / "docs" / "edges.md").write_text(text, encoding="utf-8", newline="\n")
    return 0


def coverage(options: argparse.Namespace) -> int:
    """Simulate how often bootstrap intervals hold the truth (a few minutes)."""
    from kdlib.bench.coverage import report

    print(report(options.inputs, options.times))
    return 0


def audit_speed(options: argparse.Namespace) -> int:
    """Time an audit of mapped files beside one pass that only reads them, and its memory."""
    from kdlib.bench.audit import report

    rows, classes = options.size
    print(report(rows, classes, options.repeats))
    return 0


def measure(options: argparse.Namespace) -> int:
    """Print the table of a benchmark that has no settings."""
    print(import_module(f"kdlib.bench.{options.module}").report())
    return 0


def progress(options: argparse.Namespace) -> int:
    """Show which exercises were attempted and solved on this computer."""
    from kdlib.exercises.progress import progress as summary

    print(summary())
    return 0


def _verdict(sentences: Sequence[str]) -> str:
    return "differs from a fresh run; `make notebooks` stores that" if sentences else "as stored"


def _with_bars(selectors: Iterable[str]) -> Iterator[tuple[Path, Callable[[], object]]]:
    """Each lesson with the function that moves its progress bar on; no bars outside a terminal."""
    from kdlib.lessons import code_cells, find, read

    for path in find(selectors):
        with _bar(path.stem, code_cells(read(path))) as bar:
            yield path, partial(bar.update, 1)


@contextmanager
def _bar(name: str, cells: int) -> Iterator[Any]:
    from tqdm.auto import tqdm

    with tqdm(total=cells, desc=name, unit="cell", disable=None, leave=False) as bar:
        yield bar


def _as_typed(options: argparse.Namespace) -> str:
    return shlex.join(["python", "-m", "kdlib", *options.given])


def _publish(make: Callable[[], Any], options: argparse.Namespace) -> int:
    """Print and write a report of files; 1 if a file is not what it should be."""
    from kdlib.reports.writing import ReportError, publish

    try:
        publish(make, options.out, options.json)
    except ReportError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kdlib", description="Tools of the course.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    lesson = "a lesson: number, file name, or part of its name (default: all)"
    _add_audit(commands)
    _add_threshold(commands)
    _add(commands, doctor)
    make_figures = _add(commands, figures)
    make_figures.add_argument("names", nargs="*", metavar="LESSON|FIGURE", help="default: all")
    make_figures.add_argument("--out", type=Path, default=Path("figures"), help="default: figures")
    make_figures.add_argument("--jobs", type=int, default=2, help="lessons at a time (default: 2)")
    run = _add(commands, notebooks)
    run.add_argument("lessons", nargs="*", metavar="LESSON", help=lesson)
    run.add_argument("--check", action="store_true", help="write nothing; 1 if anything differs")
    solve = _add(commands, solutions)
    solve.add_argument("lessons", nargs="*", metavar="LESSON", help=lesson)
    solve.add_argument("--out", type=Path, default=Path("build/solutions"), help="the folder")
    cost = _add(commands, budgets)
    cost.add_argument("lessons", nargs="*", metavar="LESSON", help=lesson)
    cost.add_argument("--write", action="store_true", help="put the table into README.md")
    _add_bench(commands)
    _add(commands, progress)
    return parser


def _add_audit(commands: Any) -> None:
    run = _add(commands, audit)
    file = partial(run.add_argument, metavar="FILE")
    file("--teacher", required=True, help="answers (N, K): a row per input, a column per class")
    file("--student", required=True, help="the same of the student")
    file("--control", help="the same of a model trained like the student, but without the teacher")
    file("--labels", help="the right classes (N,), numbered from 0")
    file("--groups", help="a name or number (N,) for each input, for agreement by group")
    _add_files(run)


def _add_threshold(commands: Any) -> None:
    run = _add(commands, threshold)
    file = partial(run.add_argument, metavar="FILE", required=True)
    file("--small", help="answers (N, K): a row per input, a column per class")
    file("--large", help="the same of the large model")
    file("--labels", help="the right classes (N,), numbered from 0")
    number = partial(run.add_argument, type=float, metavar="NUMBER")
    number("--small-cost", required=True, help="of one call of the small model, in any unit")
    number("--large-cost", required=True, help="of one call of the large model, in the same unit")
    number("--risk", required=True, help="the share of wrong answers to promise, such as 0.05")
    number("--delta", default=0.1, help="the chance of a false promise (default: 0.1)")
    run.add_argument("--promise", choices=("kept", "inputs", "cascade"), default="kept",
                     help="wrong answers among those that the small model keeps (default), among "
                     "all inputs but only of the small model, or of the cascade")  # fmt: skip
    run.add_argument("--score", choices=("max_prob", "margin", "entropy", "log_odds"),
                     default="max_prob", help="what confidence is (default: max_prob)")  # fmt: skip
    _add_files(run)


def _add_files(run: argparse.ArgumentParser) -> None:
    """What every command on files of answers takes: their scale, and where to write."""
    run.epilog = (
        "Files: .npy (read as it is needed, so it may be larger than memory), .npz, .safetensors or "
        ".csv; of several arrays in a file name one, as in answers.npz:student. Nothing is unpickled."
    )
    scale = run.add_mutually_exclusive_group()
    scale.set_defaults(logits=None)
    scale.add_argument("--logits", action="store_true", help="all answers are logits")
    scale.add_argument("--probabilities", action="store_false", dest="logits",
                       help="all answers are probabilities (default: told from the first rows)")  # fmt: skip
    run.add_argument("--out", type=_ending(".html"), metavar="REPORT.html", help="write a page")
    run.add_argument("--json", type=_ending(".json"), metavar="REPORT.json", help="write numbers")


def _ending(suffix: str) -> Callable[[str], Path]:
    """A name that cannot be that of a file of answers, which would be overwritten."""

    def path(text: str) -> Path:
        if not text.lower().endswith(suffix):
            advice = f"{text!r}, expected a name that ends in {suffix}"
            raise argparse.ArgumentTypeError(advice)
        return Path(text)

    return path


def _add_bench(commands: Any) -> None:
    summary = "Measure what is promised: losses, edge cases, intervals, the audit, cascades."
    bench = commands.add_parser("bench", help=summary, description=summary)
    kinds = bench.add_subparsers(required=True, metavar="WHAT")
    cost = _add(kinds, losses)
    cost.add_argument("--threads", type=_count, default=1, help="of torch (default: 1)")
    cost.add_argument("--repeats", type=_count, default=5, help="rounds (default: 5)")
    add_sizes = partial(cost.add_argument, type=_size, nargs="*", metavar="NxK")
    add_sizes("--sizes", help="of logits, as 256x10 (default: five, up to 256x128000)")
    add_sizes("--hidden-sizes", help="the same for kd_loss_from_hidden (default: 1024x32000)")
    behaviour = _add(kinds, edges)
    behaviour.add_argument("--write", action="store_true", help="into docs/edges.md")
    truth = _add(kinds, coverage)
    truth.add_argument("--inputs", type=_count, nargs="+", default=(200, 2000), help="of a sample")
    truth.add_argument("--times", type=_count, default=1000, help="intervals each (default: 1000)")
    speed = _add(kinds, audit_speed, "audit")
    speed.add_argument("--size", type=_size, default=(1_000_000, 100), metavar="NxK",
                       help="of the files (default: 1000000x100, 800 MB in the temporary folder)")  # fmt: skip
    speed.add_argument("--repeats", type=_count, default=5, help="rounds (default: 5)")
    for name, (module, about) in MEASURED.items():
        plain = kinds.add_parser(name, help=about, description=about)
        plain.set_defaults(run=measure, module=module)


def _size(text: str) -> tuple[int, int]:
    rows, _, classes = text.partition("x")
    try:
        return _count(rows), _count(classes)
    except argparse.ArgumentTypeError:
        advice = f"{text!r}, expected rows x classes, for example 256x10"
        raise argparse.ArgumentTypeError(advice) from None


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number of 1 or more")
    return int(text)


def _add(
    commands: Any, run: Callable[[argparse.Namespace], int], name: str = ""
) -> argparse.ArgumentParser:
    summary = (run.__doc__ or "").strip()
    parser: argparse.ArgumentParser = commands.add_parser(
        name or run.__name__, help=summary.replace("%", "%%"), description=summary
    )
    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
