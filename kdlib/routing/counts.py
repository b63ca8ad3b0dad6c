"""How often is a model right that is asked for the questions the other gets wrong?

Four counts say everything about two models that were judged right or wrong on the same questions:
both, only the small one, only the large one, neither. The published counts are of GPT-4 and Mixtral.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from kdlib import checks
from kdlib.checks import routing
from kdlib.checks.cascade import Floats
from kdlib.data import data_folder
from kdlib.fidelity.intervals import consistency
from kdlib.stats import Interval

__all__ = ["RouterCounts", "counts_to_rows", "load_router_counts"]

SHA256 = "a93444337b59cb414107b703625963d39e8b1da947ef5be9329f13afcfc24a7f"
RESTORE = "`git checkout -- data/router_counts.json`"


@dataclass(frozen=True)
class RouterCounts:
    """How many questions both models, only one, or neither got right.

    Raises:
        ValueError, TypeError: unless these are whole numbers of 0 or more, not all 0.
    """

    both: int
    small_only: int
    large_only: int
    neither: int

    def __post_init__(self) -> None:
        routing.four_counts(asdict(self))

    @property
    def inputs(self) -> int:
        """Number of questions."""
        return self.both + self.small_only + self.large_only + self.neither

    @property
    def small(self) -> float:
        """Accuracy of the small model."""
        return (self.both + self.small_only) / self.inputs

    @property
    def large(self) -> float:
        """Accuracy of the large model."""
        return (self.both + self.large_only) / self.inputs

    @property
    def oracle(self) -> float:
        """Accuracy of whoever always asks the model that is right, if one is."""
        return 1 - self.neither / self.inputs

    @property
    def oracle_rate(self) -> float:
        """The share of questions that an oracle must send to the large model."""
        return self.large_only / self.inputs

    @property
    def error_consistency(self) -> Interval:
        """Cohen's kappa of being right, with its interval: 1 if both err on the same questions."""
        return consistency(self.both, self.small_only, self.large_only, self.neither)

    def __str__(self) -> str:
        return (
            f"{self.inputs:,} questions: small {self.small:.2%}, large {self.large:.2%}, oracle "
            f"{self.oracle:.2%} with {self.oracle_rate:.1%} of calls to the large model"
        )

    def to_dict(self) -> dict[str, int]:
        """Return the four counts by name, ready for JSON."""
        return asdict(self)


def load_router_counts() -> Mapping[str, RouterCounts]:
    """Return the published counts of MMLU and GSM8K, Mixtral 8x7B beside GPT-4 (1106).

    Source: RouteLLM (Ong et al. 2024), https://github.com/lm-sys/RouteLLM, Apache-2.0;
    data/README.md tells how they were counted.

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, and how to restore it.

    >>> print(load_router_counts()["MMLU"])
    14,042 questions: small 68.08%, large 80.58%, oracle 85.86% with 17.8% of calls to the large model
    """
    path = data_folder() / "router_counts.json"
    checks.existing_file(path, RESTORE)
    contents = path.read_bytes()
    found = hashlib.sha256(contents).hexdigest()
    checks.intact_file(path, expected=SHA256, found=found, restore=RESTORE)
    counts = json.loads(contents)["counts"]
    return {name: RouterCounts(**cells) for name, cells in counts.items()}


def counts_to_rows(counts: RouterCounts) -> tuple[Floats, Floats]:
    """Return the correctness of the small and the large model `(N,)`, a row for each question.

    The rows come in the order both, small only, large only, neither, which says nothing about the
    questions: a router has nothing to learn from it.

    >>> counts_to_rows(RouterCounts(1, 1, 2, 1))[1].tolist()
    [1.0, 0.0, 1.0, 1.0, 0.0]
    """
    cells = counts.both, counts.small_only, counts.large_only, counts.neither
    small, large = (np.repeat(right, cells) for right in ([1.0, 1, 0, 0], [1.0, 0, 1, 0]))
    return small, large
