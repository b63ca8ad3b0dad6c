"""A small Transformer that invents names: what it has read are the keys and values of its layers.

Layer normalisation before each part, and learned positions. With a memory only the new tokens are
computed; they look at everything before them. Vaswani et al. (2017), Attention is all you need, arXiv:1706.03762; Radford et al. (2019),
Language models are unsupervised multitask learners (this arrangement of the parts).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdlib.checks import language as checks
from kdlib.data import LENGTH
from kdlib.language.models import LanguageModel, Memory
from kdlib.language.tokens import TOKENS
from kdlib.models import seeded_in_float64
from kdlib.weights import load_weights

TEACHER_FILE = "models/place_names_language.safetensors"


class CharTransformer(LanguageModel):
    """Attention of `heads` heads and a perceptron, `layers` times, on vectors of size `width`.

    >>> from kdlib.models import parameter_count
    >>> parameter_count(CharTransformer(width=16, layers=1))
    4686
    """

    def __init__(
        self,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        *,
        dropout: float = 0.0,
        tokens: int = TOKENS,
        length: int = LENGTH,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        with seeded_in_float64(seed):
            self.embed = nn.Embedding(tokens, width)
            self.position = nn.Embedding(length, width)
            self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            self.predict = nn.Linear(width, tokens)
            for embedding in (self.embed, self.position):
                nn.init.normal_(embedding.weight, std=0.05)
        self.float()

    def read(self, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        before = 0 if memory is None else memory[0].shape[-2]
        end = checks.within_length(before + tokens.shape[1], len(self.position.weight))
        hidden = self.embed(tokens) + self.position.weight[before:end]
        mask, remembered = _visible(tokens.shape[1], end, hidden.dtype), []
        for i, layer in enumerate(self.layers):
            hidden, seen = layer(hidden, None if memory is None else memory[i], mask)
            remembered.append(seen)
        logits: Tensor = self.predict(self.norm(hidden))
        return logits, tuple(remembered)


def untrained_teacher(seed: int = 0) -> CharTransformer:
    """The large language model before training.

    >>> from kdlib.models import parameter_count
    >>> parameter_count(untrained_teacher())
    155486
    """
    return CharTransformer(width=64, layers=3, dropout=0.1, seed=seed)


def load_teacher() -> CharTransformer:
    """The large model trained on the names of the train split, frozen and in evaluation mode.

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, and how to restore it.
    """
    teacher = untrained_teacher()
    load_weights(teacher, TEACHER_FILE)
    return teacher


class _Layer(nn.Module):
    """One round of looking back (attention) and thinking over (perceptron)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_before_attention, self.norm_before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.mix = nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, hidden: Tensor, seen: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
        """New hidden states (N, L, width), and all keys and values (N, 2, heads, T, size)."""
        parts = self.attend(self.norm_before_attention(hidden))
        by_head = parts.unflatten(-1, (3, self.heads, -1)).permute(0, 2, 3, 1, 4)
        query, new = by_head[:, 0], by_head[:, 1:]
        seen = new if seen is None else torch.cat([seen, new], dim=-2)
        looked_up = functional.scaled_dot_product_attention(
            query, seen[:, 0], seen[:, 1], attn_mask=mask
        )
        hidden = hidden + self.mix(looked_up.transpose(1, 2).flatten(2))
        return hidden + self.mlp(self.norm_before_mlp(hidden)), seen


def _visible(new: int, total: int, dtype: torch.dtype) -> Tensor:
    """What is added to the attention of new tokens to all (new, total): -inf to later ones."""
    return torch.full((new, total), -math.inf, dtype=dtype).triu(total - new + 1)
