"""What can a stage of a cascade be? Any function that answers a batch and says how sure it is.

A stage's function takes a batch, a slice of what the cascade was given, and returns two sequences
with an entry per input: answers, and confidences, higher is surer. `from_logits` and
`from_probabilities` make such a function of a model; one that calls a service is written by hand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdlib import checks
from kdlib.cascade.scores import Score, confidence
from kdlib.checks import runs

__all__ = ["CascadeStage", "from_logits", "from_probabilities", "passes_on", "said"]

Ask = Callable[[Any], tuple[Any, Any]]  # batch -> (answers, confidences)


@dataclass(frozen=True)
class CascadeStage:
    """One model of a cascade.

    Attributes:
        name: as it appears in results and journals.
        ask: batch -> (answers, confidences), see the module; several threads may call it at once.
        threshold: an input is answered here if its confidence is at least this, and passed on
            otherwise. The last stage has none: it answers whatever reaches it.
        cost: of one input, in any unit, paid whenever the stage is asked, also if it then fails.
        timeout: seconds after which a call counts as failed; None waits for ever. The call itself
            cannot be ended: it goes on in a thread of its own, and what it returns is dropped.
    """

    name: str
    ask: Ask
    threshold: float | None = None
    cost: float = 0.0
    timeout: float | None = None


def from_logits(
    logits_of: Callable[[Any], checks.Floats],
    *,
    score: Score = "max_prob",
    classes: Sequence[Any] | None = None,
) -> Ask:
    """Return a stage's function of a model that returns logits `(n, K)`, such as a torch module.

    Args:
        score: see `kdlib.cascade.confidence`; thresholds are on its scale.
        classes: K answers; without them an answer is the number of the class.

    >>> ask = from_logits(lambda batch: [[4.0, 0.0], [0.0, 0.5]], classes=["yes", "no"])
    >>> answers, sure = ask(["a", "b"])
    >>> answers, [round(value, 2) for value in sure.tolist()]
    (['yes', 'no'], [0.98, 0.62])
    """

    def ask(batch: Any) -> tuple[list[Any], NDArray[np.float64]]:
        with torch.no_grad():
            logits = checks.as_floats(logits_of(batch), "logits")
            return _favourites(logits, classes), confidence(logits=logits, score=score).numpy()

    return ask


def from_probabilities(
    probabilities_of: Callable[[Any], checks.Floats],
    *,
    score: Score = "max_prob",
    classes: Sequence[Any] | None = None,
) -> Ask:
    """Return a stage's function of a model that returns probabilities `(n, K)`.

    For scikit-learn: `from_probabilities(model.predict_proba, classes=model.classes_)`.

    Args: see `from_logits`.
    """

    def ask(batch: Any) -> tuple[list[Any], NDArray[np.float64]]:
        with torch.no_grad():
            probs = checks.as_floats(probabilities_of(batch), "probs")
            return _favourites(probs, classes), confidence(probs, score).numpy()

    return ask


def said(stage: CascadeStage, batch: Any, rows: int) -> tuple[list[Any], NDArray[np.float64]]:
    """Return a stage's answers to a batch of so many rows, and its confidences (n,).

    Raises:
        TimeoutError: if it does not answer in time.
        ValueError, TypeError: if it does not return an answer and a confidence for each input.
        Exception: whatever the stage raises.
    """
    given = stage.ask(batch) if stage.timeout is None else _in_time(stage, batch)
    return runs.answers_and_confidences(given, rows)


def passes_on(stage: CascadeStage, confidences: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which inputs a stage passes on, (n,)."""
    return confidences < (-math.inf if stage.threshold is None else stage.threshold)


def _in_time(stage: CascadeStage, batch: Any) -> Any:
    found: list[Any] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            found.append(stage.ask(batch))
        except BaseException as error:  # handed to the caller's thread
            failed.append(error)

    thread = Thread(target=call, name=f"kdlib {stage.name}", daemon=True)
    thread.start()
    thread.join(stage.timeout)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"no answer within {stage.timeout:g} s")
    return found[0]


def _favourites(values: torch.Tensor, classes: Sequence[Any] | None) -> list[Any]:
    best: list[int] = values.argmax(-1).tolist()
    if classes is None:
        return best
    names = np.asarray(classes, dtype=object).tolist()
    return [names[i] for i in best]
