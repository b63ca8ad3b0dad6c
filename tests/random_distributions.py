"""Distributions to test with: a hypothesis strategy, and plain random ones."""

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

properties = settings(deadline=None, max_examples=60)


def distributions(number: int) -> st.SearchStrategy[torch.Tensor]:
    """`number` distributions over one K from 2 to 8, some entries exactly 0: `(number, K)`."""
    entry = st.one_of(st.just(0.0), st.floats(1e-3, 1.0))

    def rows(classes: int) -> st.SearchStrategy[np.ndarray]:
        return arrays(np.float64, (number, classes), elements=entry)

    weights = st.integers(2, 8).flatmap(rows).filter(lambda w: (w.sum(-1) > 0).all())
    return weights.map(lambda w: torch.from_numpy(w / w.sum(-1, keepdims=True)))


def random_rows(n: int, classes: int, spread: float = 2.0, seed: int = 0) -> torch.Tensor:
    """The softmax of normal logits, float64 `(n, classes)`."""
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(n, classes, generator=generator, dtype=torch.float64)
    return logits.softmax(-1)


def drawn_labels(probs: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Labels `(n,)` of which each class has the probability that its row `(n, classes)` says."""
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(torch.as_tensor(probs), 1, generator=generator)[:, 0]
