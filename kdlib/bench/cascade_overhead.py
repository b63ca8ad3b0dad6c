"""What does running a cascade cost beside the models themselves?

Place names, in batches of 1,000, are answered by a small student and passed on to a stage that takes
no time. Both note how long they were busy; the rest of a run is overhead: choosing, checking and
keeping answers, counting. It is compared with the time of the small stage alone, in one and the same
run, in processor time of the thread, so that other work on the machine counts as little as it can.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import thread_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kdlib.bench.tables import markdown
from kdlib.cascade.drift import DriftMonitor
from kdlib.cascade.runner import Cascade
from kdlib.cascade.stages import Ask, CascadeStage, from_logits
from kdlib.data import encode, load_place_names
from kdlib.models import CharCNN, HashedNgrams
from kdlib.training import predict

Names = Tensor | list[str]

BATCH = 1000
DEFERRED = 0.3
HEAD = (
    "small model",
    "run",
    "small, ms per batch",
    "overhead, ms",
    "overhead / small, %",
    "10–90 %",
)
MODELS: dict[str, tuple[type[nn.Module], bool]] = {  # and whether it is given names as text
    "hashed n-grams, of text": (HashedNgrams, True),
    "hashed n-grams, of encoded names": (HashedNgrams, False),
    "character CNN, of encoded names": (CharCNN, False),
}


class Timed:
    """A stage's function that adds up how long it was busy."""

    def __init__(self, ask: Ask) -> None:
        self.seconds = 0.0
        self._ask = ask

    def __call__(self, batch: Any) -> tuple[Any, Any]:
        start = thread_time()
        found = self._ask(batch)
        self.seconds += thread_time() - start
        return found


def report(repeats: int = 20, batches: int = 8) -> str:
    """Return the table of small models, run plainly, with a drift monitor, and with a journal."""
    names = load_place_names().test[: BATCH * batches]
    lines = []
    for title, (model, of_text) in MODELS.items():
        inputs = list(names.names) if of_text else names.inputs
        for kind in ("plain", "monitor", "journal"):
            lines.append(_line(title, kind, overheads(model(), inputs, kind, repeats)))
    head = (
        f"Batches of {BATCH:,} names, {100 * DEFERRED:.0f} % of them deferred; median of {repeats} "
        f"runs of {batches}; torch {torch.__version__}, processors: {os.cpu_count()}"
    )
    return f"{head}\n\n{markdown(HEAD, lines)}"


def overheads(model: nn.Module, names: Names, kind: str, repeats: int) -> np.ndarray[Any, Any]:
    """Return processor seconds per batch (repeats, 2) of the small stage and of the overhead."""
    small = Timed(from_logits(lambda batch: predict(model, _encoded(batch))))
    large = Timed(lambda batch: ([0] * len(batch), np.ones(len(batch))))
    sure = small(names)[1]
    stages = [
        CascadeStage("small", small, threshold=float(np.quantile(sure, DEFERRED)), cost=1),
        CascadeStage("large", large, cost=20),
    ]
    monitor = DriftMonitor(sure, stages[0].threshold or 0.0) if kind == "monitor" else None
    cascade = Cascade(stages, monitor=monitor)
    with tempfile.TemporaryDirectory(prefix="kdlib-") as folder:
        found = [
            _seconds(
                cascade, names, small, large, Path(folder) / str(i) if kind == "journal" else None
            )
            for i in range(-2, repeats)
        ]
    return np.array(found[2:]) / (len(names) / BATCH)


def _seconds(
    cascade: Cascade, names: Names, small: Timed, large: Timed, journal: Path | None
) -> tuple[float, float]:
    small.seconds = large.seconds = 0.0
    start = thread_time()
    cascade.run(names, batch_size=BATCH, journal=journal)
    return small.seconds, thread_time() - start - small.seconds - large.seconds


def _encoded(names: Names) -> Tensor:
    return names if isinstance(names, Tensor) else encode(names)


def _line(title: str, kind: str, seconds: np.ndarray[Any, Any]) -> Sequence[str]:
    small, overhead = 1000 * np.median(seconds, axis=0)
    low, middle, high = np.percentile(100 * seconds[:, 1] / seconds[:, 0], [10, 50, 90])
    return (
        title, kind, f"{small:.3g}", f"{overhead:.3g}", f"{middle:.1f}", f"{low:.1f}–{high:.1f}"
    )  # fmt: skip
