"""Which names does a model invent, and how probable is a name?

`sample` draws names of a model, one character at a time and all names at once; `log_prob` is what
they are drawn from, exactly: at temperature 1 and without truncation a name occurs with probability
exp(log_prob). Holtzman et al. (2020), The curious case of neural text degeneration,
arXiv:1904.09751 (top-p); Fan, Lewis, Dauphin (2018), arXiv:1805.04833 (top-k).
"""

import math

import torch
from torch import Tensor

from kdlib import checks
from kdlib.checks import language
from kdlib.data import LENGTH
from kdlib.language.models import LanguageModel
from kdlib.language.tokens import END, counted
from kdlib.training import evaluating, predict

BLOCK = 1024  # names of which logits are held at once


def sample(
    model: LanguageModel,
    count: int,
    *,
    generator: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    length: int = LENGTH,
) -> Tensor:
    """Names (count, length) drawn from a model; they depend on the generator alone.

    Args:
        temperature: below 1 the model keeps to what it finds probable, above 1 it dares more.
        top_k: of the next tokens only so many of the most probable ones are possible; None for all.
        top_p: only the most probable ones that together reach this probability; 1 for all.
        length: of the rows; a name that goes on is cut.

    Raises:
        ValueError, TypeError: a count, temperature or truncation that is out of range.
    """
    temperature = checks.temperature(temperature)
    top_k = model.tokens if top_k is None else checks.count(top_k, "top_k")
    language.share_above_zero(top_p, "top_p")
    names = torch.full((checks.count(count, "count"), checks.count(length, "length")), END)
    last, memory, going_on = names[:, :1], None, torch.ones(count, dtype=torch.bool)
    with evaluating(model), torch.no_grad():
        for place in range(length):
            logits, memory = model.read(last, memory)
            probs = next_probabilities(logits[:, -1], temperature, top_k, top_p)
            last = torch.multinomial(probs, 1, generator=generator)
            names[:, place] = last[:, 0] * going_on
            going_on &= last[:, 0] != END
            if not going_on.any():
                break
    return names


def next_probabilities(logits: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Probabilities (N, K) of logits (N, K), softened, then cut to the most probable tokens.

    >>> next_probabilities(torch.tensor([[2.0, 1.0, 1.0]]).log(), 1.0, top_k=3, top_p=0.5)
    tensor([[1., 0., 0.]])
    """
    probs = (logits / temperature).softmax(dim=-1)
    if top_k >= logits.shape[-1] and top_p == 1:
        return probs
    ordered, tokens = probs.sort(dim=-1, descending=True, stable=True)
    ordered[:, top_k:] = 0
    reached = ordered.cumsum(dim=-1) - ordered  # by the more probable ones
    ordered[reached >= top_p * ordered.sum(dim=-1, keepdim=True)] = 0
    kept = torch.zeros_like(probs).scatter_(-1, tokens, ordered)
    return kept / kept.sum(dim=-1, keepdim=True)


def log_prob(model: LanguageModel, names: Tensor) -> Tensor:
    """The logarithm (N,) of the exact probability of each name (N, L), float64, in nats.

    Of a name as long as its row no end is asked for: the probabilities of all rows of one length
    sum to 1.

    Raises:
        TypeError, ValueError: for anything but rows of the model's tokens.
    """
    language.token_rows(names, model.tokens)
    return torch.cat([_log_prob(model, rows) for rows in torch.split(names, BLOCK)])


def nats_per_character(model: LanguageModel, names: Tensor) -> float:
    """What a character of the names (N, L) costs on average, ends included: the lower the better.

    Where models are compared use -log_prob, nats per name, which has one number for each name.
    """
    return -log_prob(model, names).sum().item() / int(counted(names).sum())


def beam_search(model: LanguageModel, width: int, *, length: int = LENGTH) -> tuple[Tensor, Tensor]:
    """The most probable names (width, length) that a beam finds, and their log_prob (width,).

    Of all beginnings of names only the `width` most probable ones are kept at each step, so that a
    name with an improbable beginning is missed; a width of 1 is greedy. With more width than there
    are names, all are found, best first.

    Raises:
        ValueError, TypeError: a width or length below 1.
    """
    width = checks.count(width, "width")
    names = torch.full((1, checks.count(length, "length")), END)
    scores, memory, ended = torch.zeros(1, dtype=torch.float64), None, torch.tensor([False])
    with evaluating(model), torch.no_grad():
        for place in range(length):
            last = names[:, place - 1 : place] if place else names[:, :1]
            logits, memory = model.read(last, memory)
            going_on = _continuations(logits[:, -1], ended)
            scores, best = _best(scores[:, None] + going_on, width)
            row, token = best // model.tokens, best % model.tokens
            names, memory = names[row], tuple(part[row] for part in memory)
            names[:, place], ended = token, ended[row] | (token == END)
    return names, scores


def _log_prob(model: LanguageModel, names: Tensor) -> Tensor:
    each = predict(model, names).double().log_softmax(dim=-1).gather(-1, names[..., None])[..., 0]
    return each.masked_fill(~counted(names), 0.0).sum(dim=1)


def _continuations(logits: Tensor, ended: Tensor) -> Tensor:
    """ln p of each next token; after an end only another end, which costs nothing."""
    log_probs = logits.double().log_softmax(dim=-1)
    log_probs[ended] = -math.inf
    log_probs[ended, END] = 0.0
    return log_probs


def _best(scores: Tensor, width: int) -> tuple[Tensor, Tensor]:
    possible = int((scores > -math.inf).sum())
    values, places = scores.flatten().topk(min(width, possible))
    return values, places
