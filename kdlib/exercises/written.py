"""What a learner has written down: lists of numbers, read for the judges of several lessons."""

from collections.abc import Iterable

import torch
from torch import Tensor


def rows(answer: Iterable[object]) -> list[Tensor]:
    """Each list of numbers in the answer as a float64 tensor."""
    return [torch.as_tensor(row, dtype=torch.float64) for row in answer]


def are_distributions(written: list[Tensor], count: int) -> bool:
    """Whether these are `count` lists of probabilities, each summing to 1.

    >>> are_distributions(rows([[0.9, 0.1], [0.5, 0.6]]), count=2)
    False
    """
    return len(written) == count and all(
        row.ndim == 1 and bool((row >= 0).all()) and abs(float(row.sum()) - 1) < 1e-6
        for row in written
    )
