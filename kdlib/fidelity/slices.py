"""Where does the student follow the teacher, and where not?

Agreement on parts of the inputs. Every part has its own 95 % interval, so of twenty parts about one
misses the truth, and the lowest of many parts looks worse than it is: check a surprising one on new
inputs. Arguments are as in measures.py; `student` may have seeds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats
from kdlib.fidelity.comparison import Labels, compared, right_of
from kdlib.fidelity.intervals import share
from kdlib.stats import Interval, mean_interval


@dataclass(frozen=True)
class Slice:
    """A part of the inputs, how many they are, and agreement on them: None if too few to say."""

    name: str
    rows: int
    agreement: Interval | None

    def __str__(self) -> str:
        return f"{self.name}: {self.rows} rows, agreement {self.agreement or 'unknown'}"


def agreement_by_correctness(
    teacher: Floats, student: Floats, labels: Labels, *, log: bool = False, seed: int = 0
) -> tuple[Slice, ...]:
    """Return agreement where the teacher is right, and where it is wrong.

    The latter is the share of copied errors: who agrees with a mistake repeats it.

    >>> teacher, student = [[0.9, 0.1]] * 4, [[0.8, 0.2]] * 3 + [[0.2, 0.8]]
    >>> for part in agreement_by_correctness(teacher, student, [0, 0, 1, 1]):
    ...     print(f"{part.name} {part.rows} {part.agreement.estimate:.2f}")
    teacher right 2 1.00
    teacher wrong 2 0.50
    """
    comparison = compared(teacher, student, log)
    wrong = ~right_of(comparison.rows, labels).teacher
    agrees = comparison.of_student(comparison.rows.agrees)
    return slices(agrees, wrong.astype(int), ("teacher right", "teacher wrong"), seed)


def agreement_by_margin(
    teacher: Floats,
    student: Floats,
    edges: Sequence[float] | None = None,
    *,
    log: bool = False,
    seed: int = 0,
) -> tuple[Slice, ...]:
    """Return agreement by the teacher's margin: its largest probability minus its second.

    Args:
        edges: rising numbers between 0 and 1 at which a part begins; None for three parts of about
            equally many inputs.

    >>> teacher, student = [[0.9, 0.1]] * 2 + [[0.55, 0.45]], [[0.8, 0.2]] * 2 + [[0.4, 0.6]]
    >>> for part in agreement_by_margin(teacher, student, edges=[0.5]):
    ...     print(f"{part.name}, {part.rows} rows: {part.agreement.estimate:.2f}")
    margin 0 to 0.5, 1 rows: 0.00
    margin 0.5 to 1, 2 rows: 1.00
    """
    comparison = compared(teacher, student, log)
    margin = comparison.rows.margin
    ends = thirds(margin) if edges is None else checks.margin_edges(edges)
    parts = np.searchsorted(ends, margin, side="right")
    agrees = comparison.of_student(comparison.rows.agrees)
    return slices(agrees, parts, margin_names(ends), seed)


def agreement_by_class(
    teacher: Floats, student: Floats, *, log: bool = False, seed: int = 0
) -> tuple[Slice, ...]:
    """Return agreement by the class that the teacher answers; by label: agreement_by_group.

    >>> teacher, student = [[0.9, 0.1]] * 2 + [[0.1, 0.9]], [[0.9, 0.1]] * 3
    >>> for part in agreement_by_class(teacher, student):
    ...     print(f"{part.name}: {part.rows}, {part.agreement.estimate:.2f}")
    class 0: 2, 1.00
    class 1: 1, 0.00
    """
    comparison = compared(teacher, student, log)
    agrees = comparison.of_student(comparison.rows.agrees)
    return slices(agrees, comparison.rows.teacher, class_names(comparison.rows.classes), seed)


def agreement_by_group(
    teacher: Floats,
    student: Floats,
    groups: ArrayLike | Tensor,
    *,
    log: bool = False,
    seed: int = 0,
) -> tuple[Slice, ...]:
    """Return agreement by any property of the inputs (N,): a language, a source, the label.

    >>> teacher, student = [[0.9, 0.1]] * 3, [[0.9, 0.1]] * 2 + [[0.1, 0.9]]
    >>> for part in agreement_by_group(teacher, student, ["en", "en", "de"]):
    ...     print(f"{part.name}: {part.rows}, {part.agreement.estimate:.2f}")
    de: 1, 0.00
    en: 2, 1.00
    """
    comparison = compared(teacher, student, log)
    names, parts = checks.groups(groups, len(comparison.rows))
    return slices(comparison.of_student(comparison.rows.agrees), parts, names, seed)


def slices(
    agrees: NDArray[np.bool_], parts: NDArray[np.int64], names: Sequence[str], seed: int
) -> tuple[Slice, ...]:
    """Return one slice per name, given the part of each input (N,) and who agrees (N,) or (S, N)."""
    rows = np.bincount(parts, minlength=len(names))
    if agrees.ndim == 1:
        agreed = np.bincount(parts, weights=agrees, minlength=len(names))
        return slices_of_counts(names, rows, agreed)
    found = []
    for part in range(len(names)):
        some = agrees[:, parts == part]
        found.append(mean_interval(some, seed=seed) if some.shape[1] > 1 else None)
    return tuple(Slice(*parts) for parts in zip(names, map(int, rows), found, strict=True))


def slices_of_counts(
    names: Sequence[str], rows: Iterable[float], agreed: Iterable[float]
) -> tuple[Slice, ...]:
    """Return slices from how many rows there are, and on how many of them both agree."""
    counts = zip(names, map(int, rows), map(int, agreed), strict=True)
    return tuple(Slice(name, n, share(k, n)) for name, n, k in counts)


def thirds(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return edges that split the inputs into three parts, or fewer if many margins are equal."""
    return np.unique(np.quantile(margin, [1 / 3, 2 / 3], method="higher"))


def margin_names(edges: NDArray[np.float64]) -> list[str]:
    """Return what the parts between 0, the edges and 1 are called."""
    ends = [0.0, *edges, 1.0]
    return [f"margin {low:.3g} to {high:.3g}" for low, high in zip(ends, ends[1:], strict=False)]


def class_names(classes: int) -> list[str]:
    """Return what the classes are called."""
    return [f"class {number}" for number in range(classes)]
