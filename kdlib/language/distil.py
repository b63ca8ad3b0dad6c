"""What does a student of sequences learn from: names, a teacher's tokens, or its own mistakes?

Losses for `kdlib.training.fit`, on logits (N, L, K) of names (N, L). All are means over the tokens
of the batch, ends included; padding never counts, whatever stands there. The ways to distil:

- word level: `word_loss` on real names, with the teacher's distribution at each token;
- sequence level: `name_loss` on names that the teacher has drawn (`sample`) or finds most probable
  (`beam_search`): Kim and Rush (2016), Sequence-level knowledge distillation, arXiv:1606.07947;
- on-policy: `on_policy_loss`, the teacher's distributions on names that the student itself is just
  inventing: Agarwal et al. (2024), On-policy distillation of language models, arXiv:2306.13649.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from kdlib import checks
from kdlib.checks import language
from kdlib.data import Examples
from kdlib.language.models import LanguageModel
from kdlib.language.sampling import sample
from kdlib.language.tokens import counted
from kdlib.losses import kd_loss
from kdlib.training import Loss, predict

TokenLoss = Callable[..., Tensor]  # kd_loss or another with its keywords


def name_loss(student_logits: Tensor, batch: Examples) -> Tensor:
    """The cross-entropy with the names themselves, in nats per token: hard labels."""
    names = batch.inputs
    seen = counted(names)
    return functional.cross_entropy(
        language.logits_of_names(student_logits, names)[seen], names[seen]
    )


def with_token_teacher(examples: Examples, teacher: LanguageModel) -> Examples:
    """The same names with the teacher's logits at each of their tokens, (N, L * K) in a row."""
    logits = predict(teacher, examples.inputs)
    return Examples(
        examples.inputs, examples.labels, teacher_logits=logits.flatten(1), names=examples.names
    )


def word_loss(loss: TokenLoss = kd_loss, **settings: object) -> Loss:
    """The loss for `fit` that compares student and teacher at each token of the names.

    Args:
        loss: kd_loss, skew_kl_loss, generalized_js_loss or another of kdlib.losses.
        settings: what it takes, such as divergence="reverse_kl" or temperature=2.0.

    The batches must carry the teacher's answers: `with_token_teacher`.
    """

    def on_tokens(student_logits: Tensor, batch: Examples) -> Tensor:
        logits = language.logits_of_names(student_logits, batch.inputs)
        teacher_logits = language.token_teacher(batch.teacher_logits, logits)
        return _on_tokens(loss, logits, teacher_logits, batch.inputs, settings)

    return on_tokens


def on_policy_loss(
    student: LanguageModel,
    teacher: LanguageModel,
    *,
    mixing: float,
    generator: torch.Generator,
    loss: TokenLoss = kd_loss,
    **settings: object,
) -> Loss:
    """(1 - mixing) word_loss on the batch + mixing times the same on names the student invents.

    At each training step the student draws as many names as the batch has; no gradient passes
    through the drawing. On validation examples only the word_loss is taken, so that the choice of
    the best weights rests on the same names at every step.

    Args:
        mixing: from 0 (the batch alone) to 1 (own names alone); lambda in Agarwal et al. (2024),
            who choose one of the two at random for each batch.
        loss, settings: see word_loss.
    """
    checks.fraction(mixing, "mixing")
    on_tokens = word_loss(loss, **settings)

    def mixed(student_logits: Tensor, batch: Examples) -> Tensor:
        off_policy = on_tokens(student_logits, batch)
        if mixing == 0 or not student_logits.requires_grad:
            return off_policy
        names = sample(student, len(batch), generator=generator)
        own = _on_tokens(loss, student(names), predict(teacher, names), names, settings)
        return (1 - mixing) * off_policy + mixing * own

    return mixed


def _on_tokens(
    loss: TokenLoss,
    student_logits: Tensor,
    teacher_logits: Tensor,
    names: Tensor,
    settings: dict[str, object],
) -> Tensor:
    return loss(
        student_logits=student_logits.flatten(0, 1),
        teacher_logits=teacher_logits.flatten(0, 1),
        ignore=~counted(names).flatten(),
        **settings,
    )
