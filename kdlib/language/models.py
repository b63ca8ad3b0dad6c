"""Which models invent names, one character after another?

Three, of one kind: a table of the last tokens (n-grams), a recurrent network (GRU), a small
Transformer. `read(tokens, memory)` reads on: it takes tokens (N, L), returns the logits (N, L, K)
of the token after each of them, and a memory with which the reading can go on. Called with whole
names (N, L) a model returns the logits of each token of the names, as training needs them.

A memory is a tuple of tensors (N, ..., T, H) with one row for each of the last T tokens read, at
least for those of the last call: dropping the last n rows makes a model forget the last n tokens.
Cho et al. (2014), arXiv:1406.1078 (GRU); Vaswani et al. (2017), arXiv:1706.03762.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdlib import checks
from kdlib.checks import language
from kdlib.language.tokens import END, TOKENS, counted, read_before
from kdlib.models import seeded_in_float64

Memory = tuple[Tensor, ...]


class LanguageModel(nn.Module):
    """What all of them have in common."""

    tokens: int  # size of the vocabulary, the end included

    def read(self, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Logits (N, L, K) of the token after each of `tokens` (N, L), and the memory of them."""
        raise NotImplementedError

    def forward(self, names: Tensor) -> Tensor:
        """Logits (N, L, K) of each token of the names (N, L), given those before it."""
        return self.read(read_before(language.token_rows(names, self.tokens)))[0]


def forget(memory: Memory, count: int) -> Memory:
    """The memory without the last `count` tokens."""
    return tuple(part[..., : part.shape[-2] - count, :] for part in memory)


class NgramModel(LanguageModel):
    """A table: the logits of the next token for each run of the last `order - 1` tokens.

    It begins with equal probabilities for all tokens; `count_ngrams` fills it, training can too.

    >>> NgramModel(order=2)(torch.tensor([[3, 1, 0]])).shape
    torch.Size([1, 3, 30])
    """

    def __init__(self, order: int = 3, *, tokens: int = TOKENS) -> None:
        super().__init__()
        self.order, self.tokens = checks.count(order, "order"), tokens
        self.table = nn.Parameter(torch.zeros(tokens ** (order - 1), tokens))

    def read(self, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        if memory is None:
            memory = (tokens.new_full((len(tokens), self.order - 1, 1), END),)
        line = torch.cat([memory[0], tokens[..., None]], dim=1)  # (N, T, 1)
        return self.table[self.rows_of(line[..., 0], tokens.shape[1])], (line,)

    def rows_of(self, line: Tensor, count: int) -> Tensor:
        """The row of the table (N, count) for each of the last `count` tokens of `line` (N, T)."""
        row = torch.zeros_like(line[:, -count:])
        for back in reversed(range(self.order - 1)):
            start = line.shape[1] - count - back
            row = self.tokens * row + line[:, start : start + count]
        return row


def count_ngrams(names: Tensor, order: int = 3, *, tokens: int = TOKENS) -> NgramModel:
    """The n-gram model of how often each token followed each run in names (N, L), plus 0.1 each.

    Source of the addition: Lidstone (1920); see Chen and Goodman (1999).

    >>> model = count_ngrams(torch.tensor([[1, 0], [1, 0], [2, 0]]), order=1, tokens=3)
    >>> [f"{p:.3f}" for p in model.table[0].exp().tolist()]  # 3.1, 2.1 and 1.1 of 6.3
    ['0.492', '0.333', '0.175']
    """
    model = NgramModel(order, tokens=tokens)
    seen = counted(language.token_rows(names, tokens))
    begun = functional.pad(read_before(names), (order - 1, 0), value=END)
    rows = model.rows_of(begun, names.shape[1])
    counts = torch.full_like(model.table, 0.1)
    counts.index_put_((rows[seen], names[seen]), torch.ones(()), accumulate=True)
    with torch.no_grad():
        model.table.copy_((counts / counts.sum(dim=1, keepdim=True)).log())
    return model


class CharGRU(LanguageModel):
    """A recurrent network of one layer: what it has read is one vector.

    >>> from kdlib.models import parameter_count
    >>> parameter_count(CharGRU())
    3438
    """

    def __init__(
        self,
        width: int = 24,
        embedding: int = 8,
        *,
        dropout: float = 0.0,
        tokens: int = TOKENS,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        with seeded_in_float64(seed):
            self.embed = nn.Embedding(tokens, embedding)
            self.gru = nn.GRU(embedding, width, batch_first=True)
            self.dropout = nn.Dropout(dropout)
            self.predict = nn.Linear(width, tokens)
        self.float()

    def read(self, tokens: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        state = None if memory is None else memory[0][:, -1].unsqueeze(0).contiguous()
        states, _ = self.gru(self.embed(tokens), state)  # (N, L, width)
        return self.predict(self.dropout(states)), (states,)
