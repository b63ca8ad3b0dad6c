"""What does a deferral curve cost beside only sorting the inputs?

The order of the confidences is the least that a curve needs (`numpy.argsort`); sorting their bare
values (`numpy.sort`) forgets which input was which, and is listed to show what that would save. They
take turns in one process, so that whatever else the computer does meets all of them.
"""

import os
from collections.abc import Callable
from timeit import timeit

import numpy as np
from tqdm.auto import tqdm

from kdlib.bench.tables import markdown
from kdlib.cascade.curve import deferral_curve
from kdlib.cascade.intervals import curve_intervals

HEAD = ("", "milliseconds", "times argsort", "10–90 %")
FIRST = "order of the confidences (argsort)"


def report(inputs: int = 1_000_000, repeats: int = 9) -> str:
    """Return the table of medians over rounds."""
    contenders = _contenders(inputs)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    quiet = True if "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    for number in tqdm(range(repeats + 1), unit="round", leave=False, disable=quiet):
        for name, run in contenders.items():
            seconds = timeit(run, number=1)
            if number:  # the first round warms up
                taken[name].append(seconds)
    lines = [_line(name, seconds, taken[FIRST]) for name, seconds in taken.items()]
    head = f"{inputs:,} inputs, numpy {np.__version__}, {repeats} rounds in turns"
    return f"{head}\n\n{markdown(HEAD, lines)}"


def _contenders(inputs: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    score = rng.random(inputs)
    small, large = rng.random(inputs) < 0.5 + 0.4 * score, rng.random(inputs) < 0.9
    return {
        FIRST: lambda: np.argsort(score),
        "bare values (sort)": lambda: np.sort(score),
        "deferral_curve": lambda: deferral_curve(score, small, large),
        "curve_intervals": lambda: curve_intervals(score, small, large),
    }


def _line(name: str, seconds: list[float], sorting: list[float]) -> tuple[str, ...]:
    low, middle, high = np.percentile(np.divide(seconds, sorting), [10, 50, 90])
    return name, f"{1000 * np.median(seconds):.1f}", f"{middle:.2f}", f"{low:.2f}–{high:.2f}"
