"""How often do the intervals of `paired_bootstrap` hold the truth that they promise to hold?

Scores of two models are drawn many times from a population whose mean difference is known. Of
intervals with a confidence of 95 %, about 95 of 100 should hold it. Three kinds of scores: right or
wrong, KL to a teacher (skewed), and both for several seeds `(S, N)`. Two of them are hard on
purpose: only 3 of 200 inputs tell the models apart, or much of the mean lies in so few inputs that
most samples never see them. BCa, bootstrap-t and Student's t missed there about as often.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, sqrt
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from kdlib.bench.tables import markdown
from kdlib.data import Examples
from kdlib.stats import Floats, Interval, paired_bootstrap, proportion_interval

Pair = tuple[Floats, Floats]
Draw = Callable[[np.random.Generator, int], Pair]  # (generator, N) -> scores of two models

SIZES = (200, 2000)
TIMES = 1000
RESAMPLES = 1000  # instead of 5000: cheaper, and costs less than 0.1 % of coverage
HEAD = ("scores of two models", "inputs", "covers, % [95 %]", "truth above, %", "truth below, %")


@dataclass(frozen=True)
class Case:
    """Two models to be compared: how to draw their scores, and the true difference of means."""

    title: str
    draw: Draw
    truth: float


@dataclass(frozen=True)
class Coverage:
    """How often intervals held the truth, and how often it lay above or below them, in percent."""

    title: str
    inputs: int
    covers: Interval
    above: float
    below: float


def report(
    sizes: Sequence[int] = SIZES, times: int = TIMES, cases: Sequence[Case] | None = None
) -> str:
    """Return the table of all cases and sizes; its intervals are the error of the simulation."""
    cases = [*simulated(), kl_of_students()] if cases is None else cases
    runs = [(case, inputs) for case in cases for inputs in sizes]
    quiet = True if "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    with tqdm(total=len(runs) * times, unit="interval", leave=False, disable=quiet) as bar:
        found = [measure(case, inputs, times, bar.update) for case, inputs in runs]
    head = f"Intervals of 95 %, {times} of each, {RESAMPLES} resamples, on scores drawn anew."
    return f"{head}\n\n{markdown(HEAD, [_line(coverage) for coverage in found])}"


def measure(
    case: Case, inputs: int, times: int = TIMES, on_interval: Callable[[], object] = lambda: None
) -> Coverage:
    """Draw scores of `inputs` inputs and their interval `times` times; repeatable."""
    rng = np.random.default_rng((inputs, times))
    above = below = 0
    for seed in range(times):
        interval = paired_bootstrap(*case.draw(rng, inputs), seed=seed, resamples=RESAMPLES)
        above += case.truth > interval.high
        below += case.truth < interval.low
        on_interval()
    covers = proportion_interval(times - above - below, times)
    return Coverage(case.title, inputs, covers, 100 * above / times, 100 * below / times)


def simulated() -> Iterator[Case]:
    """Yield the cases whose true difference a formula gives."""
    # no truth is a multiple of 1 / N: an end of an interval would then lie on it all too often
    yield _won(0.1234, 0.0921)
    yield _won(0.0523, 0.0211)
    yield _won(0.0108, 0.0051)
    yield _right_for_seeds(5, 1.5, 1.3)
    yield _kl_for_seeds(5, spread=0.7)
    yield _kl(spread=1.0)
    yield _kl(spread=2.0)


def kl_of_students(steps: int = 300) -> Case:
    """Teach two small students 2,000 place names, at T = 1 and T = 4.

    The population is their KL(teacher || student) on all test names, so that its tails are real.
    """
    from kdlib.data import load_place_names
    from kdlib.models import load_teacher
    from kdlib.training import with_teacher

    names, teacher = load_place_names(), load_teacher()
    train = with_teacher(names.train[torch.arange(2000)], teacher)
    test = with_teacher(names.test, teacher)
    a, b = (_kl_of_student(train, test, temperature, steps) for temperature in (1.0, 4.0))
    return Case("KL of two students, place names", partial(_drawn_from, a, b), (a - b).mean())


def _kl_of_student(train: Examples, test: Examples, temperature: float, steps: int) -> Floats:
    from kdlib.divergences import kl
    from kdlib.losses import kd_loss
    from kdlib.models import HashedNgrams
    from kdlib.training import fit, predict

    def loss(logits: Tensor, batch: Examples) -> Tensor:
        assert batch.teacher_logits is not None
        return kd_loss(
            student_logits=logits, teacher_logits=batch.teacher_logits, temperature=temperature
        )

    assert test.teacher_logits is not None
    student = HashedNgrams()
    fit(student, train, loss, steps=steps)
    q = predict(student, test.inputs).double().log_softmax(-1)
    values: Floats = kl(test.teacher_logits.double().log_softmax(-1), q, log=True).numpy()
    return values


def _drawn_from(a: Floats, b: Floats, rng: np.random.Generator, inputs: int) -> Pair:
    rows = rng.integers(len(a), size=inputs)
    return a[rows], b[rows]


def _won(first: float, second: float) -> Case:
    """Right or wrong; one model alone is right on a share `first` of inputs, the other `second`."""

    def draw(rng: np.random.Generator, inputs: int) -> Pair:
        chance = rng.random(inputs)
        a = (chance < first) | (chance >= first + second)
        b = chance >= first
        return a.astype(np.float64), b.astype(np.float64)

    return Case(f"right or wrong, {first:.2%} and {second:.2%} won", draw, first - second)


def _right_for_seeds(seeds: int, a_skill: float, b_skill: float) -> Case:
    """Right where skill exceeds the sum of hardness of input, luck of seed, and chance."""
    luck = 0.2

    def right(rng: np.random.Generator, hardness: Floats, skill: float) -> Floats:
        of_seed = luck * rng.standard_normal((seeds, 1))
        chance = rng.standard_normal((seeds, len(hardness)))
        return (hardness + of_seed + chance < skill).astype(np.float64)

    def draw(rng: np.random.Generator, inputs: int) -> Pair:
        hardness = rng.standard_normal(inputs)
        return right(rng, hardness, a_skill), right(rng, hardness, b_skill)

    normal, deviation = NormalDist(), sqrt(1 + luck**2 + 1)
    truth = normal.cdf(a_skill / deviation) - normal.cdf(b_skill / deviation)
    return Case(f"right or wrong, {seeds} seeds", draw, truth)


def _kl_for_seeds(seeds: int, spread: float) -> Case:
    """KL values exp(hardness of input + luck of seed + chance); the second model has 0.9 of it."""
    luck, chance = 0.05, 0.5

    def values(rng: np.random.Generator, hardness: Floats) -> Floats:
        of_seed = luck * rng.standard_normal((seeds, 1))
        return np.exp(hardness + of_seed + chance * rng.standard_normal((seeds, len(hardness))))

    def draw(rng: np.random.Generator, inputs: int) -> Pair:
        hardness = spread * rng.standard_normal(inputs)
        return values(rng, hardness), 0.9 * values(rng, hardness)

    truth = 0.1 * exp((spread**2 + luck**2 + chance**2) / 2)
    return Case(f"KL, log-normal of spread {spread}, {seeds} seeds", draw, truth)


def _kl(spread: float) -> Case:
    """KL values exp(hardness of input + chance) of one model; the second has half of it."""
    chance = 0.5

    def draw(rng: np.random.Generator, inputs: int) -> Pair:
        hardness = spread * rng.standard_normal(inputs)
        a, b = np.exp(hardness + chance * rng.standard_normal((2, inputs)))
        return a, 0.5 * b

    truth = 0.5 * exp((spread**2 + chance**2) / 2)
    return Case(f"KL, log-normal of spread {spread}", draw, truth)


def _line(found: Coverage) -> tuple[str, ...]:
    covers = ", ".join(f"{100 * end:.1f}" for end in (found.covers.low, found.covers.high))
    return (
        found.title,
        f"{found.inputs:,}",
        f"{100 * found.covers.estimate:.1f} [{covers}]",
        f"{found.above:.1f}",
        f"{found.below:.1f}",
    )
