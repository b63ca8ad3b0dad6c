"""What are a model's invented names worth: from where, how plausible, how much of the real ones?

Precision and recall as shares, after Alaa et al. (2022), How faithful is your synthetic data?
(arXiv:2102.08921), who cut off outliers by supports that hold a share of the probability. Here both
models tell the probability of every name, so the support of a model is known: the names that it
finds more probable than a threshold, set so that it draws them with the given share. A perfect
student reaches that share in both, not 1. A student that draws only what is most typical of the
teacher has a higher precision and a lower recall. Probable names are short ones: a student that
prefers these is called precise as well.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from kdlib.checks import language as checks
from kdlib.data import LENGTH
from kdlib.language.models import LanguageModel
from kdlib.language.sampling import log_prob, sample
from kdlib.language.tokens import TOKENS
from kdlib.stats import Interval, proportion_interval
from kdlib.training import predict


@dataclass(frozen=True)
class PrecisionRecall:
    """The share of invented names in the teacher's support, and of the teacher's in the student's.

    `share`: what a perfect student reaches in both.
    """

    precision: Interval
    recall: Interval
    share: float

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.3f} · recall {self.recall:.3f} "
            f"(a perfect student: {self.share:g} in both)"
        )

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, ready for JSON."""
        return asdict(self)


def precision_recall(
    teacher: LanguageModel,
    student: LanguageModel,
    *,
    share: float = 0.9,
    count: int = 2000,
    generator: torch.Generator,
    length: int = LENGTH,
) -> PrecisionRecall:
    """Draw `count` names of each model twice: to find its support, and to look into the other's.

    Args:
        share: of its own names that a support holds, above 0 and at most 1.
    Raises:
        ValueError, TypeError: models of different vocabularies, a share or count out of range.
    """
    checks.same_vocabulary(teacher.tokens, student.tokens, "teacher", "student")
    checks.share_above_zero(share, "share")
    draws = [sample(m, 2 * count, generator=generator, length=length) for m in (teacher, student)]
    inside = [
        _share_inside(judge, draws[mine][:count], draws[1 - mine][count:], share)
        for mine, judge in enumerate((teacher, student))
    ]
    return PrecisionRecall(precision=inside[0], recall=inside[1], share=share)


def generated_mix(names: Tensor, classifier: nn.Module) -> Tensor:
    """The mean probability (K,) that a classifier gives to each of its classes on names (N, L).

    Empty names are left out. Of a classifier that means what it says this is the share of each class among the names; shares
    of its first choices would leave out what it finds possible but less probable. Invented names
    are no names of the world, so what it means on them nobody knows.
    """
    rows = checks.not_all_empty(checks.token_rows(names, TOKENS))
    return predict(classifier, rows).double().softmax(dim=-1).mean(dim=0)


def _share_inside(judge: LanguageModel, own: Tensor, others: Tensor, share: float) -> Interval:
    threshold = log_prob(judge, own).quantile(1 - share)
    return proportion_interval(int((log_prob(judge, others) >= threshold).sum()), len(others))
