"""What a real language model says of the next token, and what damaged copies of it say.

SmolLM2-135M-Instruct (Apache-2.0) read passages written for this course. Of 49,152 probabilities at
each position the 128 largest are kept, and all others together as one more class; the divergences of
the whole distributions were computed before anything was cut, and stand beside them. Merging classes
can only bring distributions nearer (data processing inequality), so what is computed from the kept
classes is never more than the exact value, but for the rounding of the file.

data/make_llm_logprobs.py makes the file; data/README.md tells what the variants are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdlib import checks
from kdlib.data import data_folder
from kdlib.weights import read_tensors

FILE = "llm_logprobs.safetensors"
RESTORE = f"`git checkout -- data/{FILE}`"
EXACT = ("kl", "reverse_kl", "total_variation", "js")
NOT_VARIANTS = ("top", "next", "passage", "tokens", "whole")


@dataclass(frozen=True, repr=False, eq=False)
class LlmAnswers:
    """N positions in 13 passages: what the whole model and its damaged copies say comes next.

    Attributes:
        top: the whole model's favourite tokens, most probable first `(N, 128)`.
        next: the token that the passage has there `(N,)`.
        passage: which passage a position is in `(N,)`.
        whole: log-probabilities of `top` and, last, of all other tokens together `(N, 129)`.
        variants: name -> the same of a damaged copy, for the same tokens `(N, 129)`.
        exact: name -> over the whole vocabulary `(N, 4)`: KL(whole‖variant), KL(variant‖whole),
            total variation and Jensen-Shannon, in nats.
        prints: token -> what it prints.
        vocabulary: how many tokens there are.
    """

    top: Tensor
    next: Tensor
    passage: Tensor
    whole: Tensor
    variants: dict[str, Tensor]
    exact: dict[str, Tensor]
    prints: dict[int, str]
    vocabulary: int

    def words(self, position: int, count: int = 5) -> list[str]:
        """Return what the favourites at a position print."""
        return [self.prints[token] for token in self.top[position, :count].tolist()]


def load_llm_answers() -> LlmAnswers:
    """Return the stored answers, in float64.

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, and how to restore it.

    >>> answers = load_llm_answers()
    >>> answers.whole.shape, list(answers.variants)[:2]
    (torch.Size([665, 129]), ['20 of 30 layers', '27 of 30 layers'])
    """
    tensors, about = read_tensors(data_folder() / FILE, RESTORE)
    return _answers(tensors, about)


def favourites_and_rest(log_p: Tensor, top: int) -> Tensor:
    """Return the first `top` classes, and all others as one: `(N, K)` -> `(N, top + 1)`.

    Raises:
        TypeError, ValueError: if there are not so many classes.
    """
    checks.first_places(top, log_p.shape[-1])
    others = log_p[..., top:].logsumexp(dim=-1, keepdim=True)
    return torch.cat([log_p[..., :top], others], dim=-1)


def _answers(tensors: dict[str, Tensor], about: dict[str, str]) -> LlmAnswers:
    names = [n for n in tensors if n not in NOT_VARIANTS and not n.endswith(": exact")]
    prints = about["prints"].split("\x00")
    return LlmAnswers(
        top=tensors["top"].long(),
        next=tensors["next"].long(),
        passage=tensors["passage"].long(),
        whole=_summing_to_one(tensors["whole"]),
        variants={name: _summing_to_one(tensors[name]) for name in names},
        exact={name: tensors[f"{name}: exact"].double() for name in names},
        prints=dict(zip(tensors["tokens"].tolist(), prints, strict=True)),
        vocabulary=int(about["vocabulary"]),
    )


def _summing_to_one(half: Tensor) -> Tensor:
    """Rounding to float16 moves each log-probability a little."""
    return half.double().log_softmax(dim=-1)
