"""How are the implementations called, whose behaviour at the edges is compared?

Every call takes the reference first: p and q, or the logits of teacher and student, both `(N, K)`.
It returns one number for the batch, or one per row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import torch.nn.functional as F
from scipy import special, stats
from scipy.spatial.distance import jensenshannon
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from kdlib.bench.rivals import eager_js, eager_kl
from kdlib.divergences import js, kl
from kdlib.losses import kd_loss

Call = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Implementation:
    """A title and a call; `swapped` is the mistaken call where it is not the same call reversed."""

    title: str
    call: Call
    swapped: Call | None = None

    @property
    def mistaken(self) -> Call:
        """The call by someone who mixes up the roles."""
        return self.swapped or (
            lambda reference, approximation: self.call(approximation, reference)
        )


def kl_of_probabilities() -> list[Implementation]:
    """KL(p || q)."""
    return [
        Implementation("kdlib `kl(p, q)`", kl),
        Implementation("`F.kl_div(q.log(), p)`", _kl_div),
        Implementation("`F.kl_div(…, log_target=True)`", _kl_div_of_logs),
        Implementation("torch.distributions `kl_divergence`", _categorical_kl),
        *_torchmetrics("kl_divergence"),
        Implementation("scipy `rel_entr(p, q).sum(-1)`", _with_numpy(_rel_entr)),
        Implementation("scipy `stats.entropy(p, q)`", _with_numpy(partial(stats.entropy, axis=-1))),
    ]


def js_of_probabilities() -> list[Implementation]:
    """JS(p, q); scipy's is its square root, and squared here."""
    return [
        Implementation("kdlib `js(p, q)`", js),
        *_torchmetrics("jensen_shannon_divergence"),
        Implementation("scipy `jensenshannon(p, q) ** 2`", _with_numpy(_jensenshannon)),
    ]


def kl_of_logits() -> list[Implementation]:
    """KL of the teacher's and the student's softmax, at T = 1."""
    return [
        _kd_loss("kl"),
        Implementation("`F.kl_div(log_softmax, softmax)`", _kl_div_of_softmax),
        Implementation(
            "`F.kl_div(log_softmax, log_softmax, log_target=True)`", _reversed(eager_kl)
        ),
        Implementation("torch.distributions `kl_divergence`", _categorical_kl_of_logits),
        *_torchmetrics("kl_divergence", log_prob=True),
    ]


def js_of_logits() -> list[Implementation]:
    """JS of the teacher's and the student's softmax, at T = 1."""
    return [
        _kd_loss("js"),
        Implementation("log-space mixture, as in TRL", _reversed(eager_js)),
        *_torchmetrics("jensen_shannon_divergence", log_prob=True),
    ]


def _kd_loss(divergence: str) -> Implementation:
    positional: Call = partial(kd_loss, divergence=divergence)

    def call(teacher: Tensor, student: Tensor) -> Tensor:
        return kd_loss(student_logits=student, teacher_logits=teacher, divergence=divergence)

    return Implementation(f'kdlib `kd_loss(…, divergence="{divergence}")`', call, positional)


def _torchmetrics(name: str, **options: bool) -> list[Implementation]:
    """One implementation, or none where the package is not installed."""
    try:
        function = getattr(import_module("torchmetrics.functional.regression"), name)
    except ImportError:
        return []

    def call(reference: Tensor, approximation: Tensor) -> Any:
        pair = (reference, approximation)
        given = [x.log_softmax(-1) for x in pair] if options else pair
        return function(*given, **options)

    title = f"`{name}(…, log_prob=True)`" if options else f"`{name}`"
    return [Implementation(f"torchmetrics {title}", call)]


def _reversed(loss: Callable[..., Tensor]) -> Call:
    return lambda teacher, student: loss(student, teacher, temperature=1.0)


def _with_numpy(function: Call) -> Call:
    return lambda p, q: function(p.detach().numpy(), q.detach().numpy())


def _kl_div(p: Tensor, q: Tensor) -> Tensor:
    return F.kl_div(q.log(), p, reduction="batchmean")


def _kl_div_of_logs(p: Tensor, q: Tensor) -> Tensor:
    return F.kl_div(q.log(), p.log(), log_target=True, reduction="batchmean")


def _kl_div_of_softmax(teacher: Tensor, student: Tensor) -> Tensor:
    p, log_q = (teacher / 1.0).softmax(-1), (student / 1.0).log_softmax(-1)  # / T
    return F.kl_div(log_q, p, reduction="batchmean")


def _categorical_kl(p: Tensor, q: Tensor) -> Tensor:
    return kl_divergence(Categorical(probs=p), Categorical(probs=q))


def _categorical_kl_of_logits(teacher: Tensor, student: Tensor) -> Tensor:
    return kl_divergence(Categorical(logits=teacher), Categorical(logits=student))


def _rel_entr(p: Any, q: Any) -> Any:
    return special.rel_entr(p, q).sum(-1)


def _jensenshannon(p: Any, q: Any) -> Any:
    return np.square(jensenshannon(p, q, axis=-1))
