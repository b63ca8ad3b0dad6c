"""How does a distance between two models become a speed?

A small draft model q proposes a few tokens, the target p reads them all in one call, and each is
accepted with probability min(1, p/q) of the token. At the first refusal a token is drawn from the
residual, max(0, p - q) normalised, and the rest of the proposal is dropped; if none is refused, p
gives one more. What comes out is distributed exactly as if p had written alone, whatever q is, and
a proposal is accepted with probability 1 - TV(p, q). Leviathan, Kalman, Matias (2023), Fast
inference from Transformers via speculative decoding, arXiv:2211.17192, to which the theorems here
belong; Chen et al. (2023), arXiv:2302.01318.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats, language
from kdlib.data import LENGTH
from kdlib.divergences import total_variation
from kdlib.language.models import LanguageModel, Memory, forget
from kdlib.language.tokens import END
from kdlib.stats import Interval, proportion_interval
from kdlib.training import evaluating


def acceptance_rate(p: Floats, q: Floats, *, log: bool = False) -> Tensor:
    """Return 1 - TV(p, q) = sum min(p, q), from 0 to 1: the chance that p accepts a token of q.

    `(..., K)` in, `(...)` out, as for the divergences. Source: Leviathan et al. (2023), theorem 3.5.

    Raises:
        ValueError, TypeError: for anything but two distributions of one shape.

    >>> acceptance_rate([0.5, 0.5], [0.75, 0.25])
    tensor(0.7500, dtype=torch.float64)
    """
    return 1 - total_variation(p, q, log=log)


def expected_tokens(acceptance: float, draft_length: int) -> float:
    """Return (1 - a^(g+1)) / (1 - a), from 1 to g + 1: the tokens that a call of p yields.

    It takes every token to be accepted with the same probability a, independently.
    Source: Leviathan et al. (2023), equation 1.

    >>> expected_tokens(0.5, 2)  # 1 + 1/2 + 1/4
    1.75
    """
    checks.fraction(acceptance, "acceptance")
    return float(
        sum(acceptance**i for i in range(language.whole(draft_length, "draft_length") + 1))
    )


def speed_up(acceptance: float, draft_length: int, cost_ratio: float) -> float:
    """Return expected_tokens / (g c + 1): how many times as fast as p alone, below 1 if slower.

    Args:
        cost_ratio: c, the time of a step of the draft over that of a call of the target.
    Source: Leviathan et al. (2023), theorem 3.8, which takes a call for g + 1 tokens to last as
    long as a call for one.

    >>> speed_up(0.5, 2, 0.25)  # 1.75 tokens in 1.5 times the time
    1.1666666666666667
    """
    cost = checks.weight(cost_ratio, "cost_ratio")
    return expected_tokens(acceptance, draft_length) / (draft_length * cost + 1)


def best_draft_length(acceptance: float, cost_ratio: float) -> int:
    """Return the draft length with the highest speed_up; 0 where drafting never pays.

    Raises:
        ValueError, TypeError: an acceptance outside [0, 1), a cost that is not above 0.

    >>> best_draft_length(0.8, 0.05), best_draft_length(0.8, 0.2), best_draft_length(0.3, 0.4)
    (8, 4, 0)
    """
    alpha = language.below_one(acceptance, "acceptance")
    cost = checks.positive(cost_ratio, "cost_ratio")
    length, tokens, added = 0, 1.0, alpha  # one more token is worth a^(length+1), and costs c
    while (tokens + added) * (length * cost + 1) > tokens * ((length + 1) * cost + 1):
        length, tokens, added = length + 1, tokens + added, added * alpha
    return length


@dataclass(frozen=True, eq=False)
class Decoding:
    """Names that were decoded one after another, and what it took.

    `tokens` were written, ends included, in `calls` of the target; of `tested` proposals `accepted`
    were accepted (those behind a refused one are not tested).
    """

    names: Tensor
    tokens: int
    calls: int
    tested: int
    accepted: int

    @property
    def tokens_per_call(self) -> float:
        """Tokens written in one call of the target."""
        return self.tokens / self.calls

    @property
    def acceptance(self) -> Interval:
        """The share of tested proposals that were accepted."""
        return proportion_interval(self.accepted, self.tested)

    def __str__(self) -> str:
        text = f"{self.tokens_per_call:.2f} tokens per call of the target"
        return text + (f" · acceptance {self.acceptance:.3f}" if self.tested else " · no draft")


def speculative_decode(
    target: LanguageModel,
    draft: LanguageModel,
    count: int,
    *,
    draft_length: int,
    generator: torch.Generator,
    length: int = LENGTH,
) -> Decoding:
    """Decode `count` names, each distributed as `sample(target, ...)` would draw it.

    Both models keep their memory of what stays accepted. With a draft_length of 0 the target writes
    alone, which is what a gain is measured against.

    Raises:
        ValueError, TypeError: models of different vocabularies, counts out of range.
    """
    language.same_vocabulary(target.tokens, draft.tokens, "target", "draft")
    language.whole(draft_length, "draft_length")
    names = torch.full((checks.count(count, "count"), checks.count(length, "length")), END)
    rounds: list[Round] = []
    with evaluating(target), evaluating(draft), torch.inference_mode():
        for name in names:
            added = list(_rounds(target, draft, draft_length, length, generator))
            written = [token for each in added for token in each.tokens]
            name[: len(written)] = torch.tensor(written)
            rounds += added
    return Decoding(
        names=names,
        tokens=sum(len(each.tokens) for each in rounds),
        calls=len(rounds),
        tested=sum(min(each.accepted + 1, each.proposed) for each in rounds),
        accepted=sum(each.accepted for each in rounds),
    )


class Round(NamedTuple):
    """One call of the target: the tokens it wrote, and of the proposed ones how many it accepted."""

    tokens: list[int]
    proposed: int
    accepted: int


class Proposal(NamedTuple):
    """Tokens of a draft, q (g, K) from which each was drawn, and its memory before each."""

    tokens: list[int]
    q: Tensor
    memories: list[Memory]


def _rounds(
    target: LanguageModel,
    draft: LanguageModel,
    draft_length: int,
    length: int,
    generator: torch.Generator,
) -> Iterator[Round]:
    written, last, unread = 0, END, [END]
    heard = known = None  # memories of the target and of the draft
    while written < length and (written == 0 or last != END):
        room = min(draft_length, length - written - 1)
        proposal = propose(draft, unread, known, room, generator)
        logits, heard = target.read(torch.tensor([[last, *proposal.tokens]]), heard)
        tokens, accepted = verify(logits[0].softmax(dim=-1), proposal, generator)
        yield Round(tokens, len(proposal.tokens), accepted)
        heard = forget(heard, len(proposal.tokens) - accepted)
        if proposal.memories:
            kept = min(accepted, len(proposal.memories) - 1)
            known, unread = proposal.memories[kept], tokens[kept:]
        written, last = written + len(tokens), tokens[-1]


def propose(
    draft: LanguageModel,
    unread: list[int],
    memory: Memory | None,
    count: int,
    generator: torch.Generator,
) -> Proposal:
    """Let a draft read what it has not read, and write `count` tokens or up to an end."""
    tokens: list[int] = []
    distributions, memories = [], []
    while len(tokens) < count and tokens[-1:] != [END]:
        logits, memory = draft.read(torch.tensor([tokens[-1:] or unread]), memory)
        distributions.append(logits[0, -1].softmax(dim=-1))
        memories.append(memory)
        tokens.append(draw(distributions[-1], generator))
    return Proposal(tokens, torch.stack(distributions) if tokens else torch.empty(0), memories)


def verify(p: Tensor, proposal: Proposal, generator: torch.Generator) -> tuple[list[int], int]:
    """The tokens that the target writes, and how many it accepts; p (g + 1, K) is what it says."""
    tokens, q = proposal.tokens, proposal.q
    accepted = _accepted(p, proposal, generator) if tokens else 0
    if accepted < len(tokens):
        return [*tokens[:accepted], draw(residual(p[accepted], q[accepted]), generator)], accepted
    if tokens[-1:] == [END]:
        return tokens, accepted
    return [*tokens, draw(p[accepted], generator)], accepted


def residual(p: Tensor, q: Tensor) -> Tensor:
    """Return max(0, p - q) normalised (..., K): what makes up for the tokens that q may not give.

    Where p = q nothing is ever refused, and p is returned.

    >>> residual(torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25]))
    tensor([0., 1.])
    """
    missing = (p - q).clamp_min(0)
    total = missing.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, missing / total, p)


def draw(probs: Tensor, generator: torch.Generator) -> int:
    """Draw one token from probabilities (K,)."""
    return int(torch.multinomial(probs, 1, generator=generator))


def _accepted(p: Tensor, proposal: Proposal, generator: torch.Generator) -> int:
    """How many tokens are accepted before the first refusal: each with probability min(1, p/q)."""
    count, places = len(proposal.tokens), torch.tensor(proposal.tokens)[:, None]
    of_p, of_q = (x[:count].gather(1, places)[:, 0] for x in (p, proposal.q))
    passed = torch.rand(count, generator=generator) * of_q < of_p
    return int(passed.long().cumprod(dim=0).sum())
