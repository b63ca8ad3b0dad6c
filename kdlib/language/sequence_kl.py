"""How far apart are two models of whole names?

KL(p || q) of two models of sequences is a sum over more names than anyone can count. By the chain
rule it is also the mean, over names that p draws, of the summed KL of the next-token distributions
along the name. Each sum is exact and none is negative, so that a sample says more, and with less
noise, than the mean of ln p(name) - ln q(name) does: Amini, Vieira, Cotterell (2025), Better
estimation of the KL divergence between language models, arXiv:2504.10637 (Rao-Blackwell).
"""

import torch
from torch import Tensor

from kdlib.checks import language as checks
from kdlib.data import LENGTH
from kdlib.divergences import kl
from kdlib.language.models import LanguageModel
from kdlib.language.sampling import BLOCK, sample
from kdlib.language.tokens import counted
from kdlib.stats import Interval, mean_interval
from kdlib.training import predict


def sequence_kl(
    p: LanguageModel,
    q: LanguageModel,
    *,
    count: int = 2000,
    generator: torch.Generator,
    length: int = LENGTH,
) -> Interval:
    """KL(p || q) over whole names, in nats per name, from `count` names that p draws.

    Args:
        length: names are cut after so many characters, for both models.
    Raises:
        ValueError: models of different vocabularies, a count below 2.
        TypeError: a count that is no whole number.
    """
    names = sample(p, count, generator=generator, length=length)
    return mean_interval(kl_along(p, q, names).numpy())


def kl_along(p: LanguageModel, q: LanguageModel, names: Tensor) -> Tensor:
    """The KL of the next-token distributions of p and q, summed along each name (N, L): (N,).

    For names that p has drawn its mean estimates KL(p || q) over names. For real names it says how
    far apart the models are on those.
    """
    checks.same_vocabulary(p.tokens, q.tokens, "p", "q")
    return torch.cat([_summed_kl(p, q, rows) for rows in torch.split(names, BLOCK)])


def _summed_kl(p: LanguageModel, q: LanguageModel, names: Tensor) -> Tensor:
    log_p, log_q = (predict(model, names).double().log_softmax(dim=-1) for model in (p, q))
    return kl(log_p, log_q, log=True).masked_fill(~counted(names), 0.0).sum(dim=1)
