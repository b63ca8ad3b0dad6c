"""What is a student trained to make small?

Losses on logits `(N, K)`, with keywords only, so that the roles cannot be swapped by accident.
The teacher never receives a gradient. A loss is the mean over the N examples, never over classes;
soft losses are multiplied by T^2: gradients of softened distributions shrink like 1/T^2, and the
factor keeps soft and hard terms in the same ratio when T changes. float16 and bfloat16 are computed
in float32. A logit of -inf masks its class out. `ignore` `(N,)` is True for rows that must not
count, such as padding; what stands in them is never looked at, be it NaN or the label -100.

Rows are taken in blocks that fit into the cache, so that besides the gradient nothing of size
(N, K) is made: streaming.py says how, row_losses.py says what one row costs.
Main reference: Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural network.
"""

from functools import partial

from numpy.typing import ArrayLike
from torch import Tensor

from kdlib import checks
from kdlib.checks import Floats
from kdlib.divergences import DIVERGENCES, generalized_js, skew_kl
from kdlib.row_losses import (
    SLOPES,
    blended_rows,
    confidence_rows,
    dkd_rows,
    js_slope,
    label_rows,
    logit_mse_row,
    soft_rows,
)
from kdlib.streaming import NoDistribution, RowLoss, streamed_mean, streamed_mean_from_hidden

Mask = Tensor | ArrayLike | None


def kd_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    temperature: float = 1.0,
    divergence: str = "kl",
    ignore: Mask = None,
) -> Tensor:
    """Return T^2 times the mean divergence of the softened teacher p and student q.

    Args:
        student_logits, teacher_logits: `(N, K)`.
        temperature: T > 0; p = softmax(teacher_logits / T), q = softmax(student_logits / T).
        divergence: a name in kdlib.divergences.DIVERGENCES: "kl" is KL(p || q), "reverse_kl" is
            KL(q || p).
        ignore: `(N,)` booleans, True for a row that must not count.
    Returns:
        A scalar. For "kl" its gradient in the student's logits is T (q - p) / N.
    Raises:
        ValueError: for other shapes, an empty batch, NaN or +inf logits, a temperature that is not
            a finite number above 0, an unknown name, or a mask that leaves no row.
        TypeError: for logits that are not floating-point numbers, or a mask that is not boolean.

    A teacher at (1/2, 1/2) and a student at (4/5, 1/5), whose logits differ by ln 4:

    >>> loss = kd_loss(student_logits=[[1.3862944, 0.0]], teacher_logits=[[0.0, 0.0]])
    >>> f"{loss:.4f}"
    '0.2231'
    """
    rows = _named_rows(divergence, temperature)
    return _mean(student_logits, teacher_logits, rows, ignore)


def distillation_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    labels: Tensor | ArrayLike,
    temperature: float,
    hard_weight: float,
    divergence: str = "kl",
    ignore: Mask = None,
) -> Tensor:
    """Return hard_weight times cross-entropy with the labels plus (1 - hard_weight) kd_loss.

    The hard term is taken at temperature 1. A term of weight 0 does not count even if it is inf.

    Args:
        student_logits, teacher_logits: `(N, K)`.
        labels: `(N,)`, class indices from 0 to K - 1; in ignored rows anything.
        temperature: T > 0, of the soft term, which keeps its factor T^2 at any weight.
        hard_weight: from 0 (teacher only) to 1 (labels only).
        divergence, ignore: see kd_loss.
    Raises:
        ValueError, TypeError: see kd_loss; also for labels of another shape, type or range.

    An undecided student pays ln 2 for the label, and nothing for agreeing with the teacher:

    >>> loss = distillation_loss(
    ...     student_logits=[[0.0, 0.0]], teacher_logits=[[0.0, 0.0]], labels=[1],
    ...     temperature=2.0, hard_weight=0.5,
    ... )
    >>> f"{loss:.4f}"
    '0.3466'
    """
    hard_weight = checks.fraction(hard_weight, "hard_weight")
    soft = _named_rows(divergence, temperature)
    rows = blended_rows((1 - hard_weight, soft), (hard_weight, label_rows()))
    return _mean(student_logits, teacher_logits, rows, ignore, labels)


def generalized_js_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    beta: float,
    temperature: float = 1.0,
    normalized: bool = False,
    ignore: Mask = None,
) -> Tensor:
    """Return T^2 times the mean of beta KL(p || m) + (1-beta) KL(q || m), m = beta p + (1-beta) q.

    As published it vanishes at both ends of 0 <= beta <= 1: beta scales the gradient too, and 0 and
    1 train nothing. Normalized, that is divided by beta (1-beta), it runs from KL(p || q) at 0 to
    KL(q || p) at 1. Source: Agarwal et al. (2024), On-policy distillation of language models (GKD).

    Args, Raises: see kd_loss; also ValueError for a beta outside 0 to 1.

    >>> pair = {"student_logits": [[1.3862944, 0.0]], "teacher_logits": [[0.0, 0.0]]}
    >>> f"{generalized_js_loss(**pair, beta=0, normalized=True):.4f}"  # as kd_loss
    '0.2231'
    """
    beta = checks.fraction(beta, "beta")
    divergence = partial(generalized_js, beta=beta, normalized=normalized)
    rows = soft_rows(divergence, checks.temperature(temperature), js_slope(beta, normalized))
    return _mean(student_logits, teacher_logits, rows, ignore)


def skew_kl_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    skew: float,
    temperature: float = 1.0,
    ignore: Mask = None,
) -> Tensor:
    """Return T^2 times the mean of KL(p || skew p + (1-skew) q), at most -T^2 ln(skew).

    Source: Ko et al. (2024), DistiLLM: streamlined distillation for large language models.

    Args, Raises: see kd_loss; also ValueError for a skew outside 0 to 1.

    Certain of opposite classes, with skew 1/10: ln 10.

    >>> loss = skew_kl_loss(
    ...     student_logits=[[0.0, 1000.0]], teacher_logits=[[1000.0, 0.0]], skew=0.1
    ... )
    >>> f"{loss:.4f}"
    '2.3026'
    """
    divergence = partial(skew_kl, skew=checks.fraction(skew, "skew"))
    rows = soft_rows(divergence, checks.temperature(temperature))
    return _mean(student_logits, teacher_logits, rows, ignore)


def logit_mse(*, student_logits: Floats, teacher_logits: Floats, ignore: Mask = None) -> Tensor:
    """Return half the mean squared difference of logits, each row centred: kd_loss for T -> inf.

    A constant added to all logits of a row changes no probability and is taken out. Classes masked
    on both sides do not count; where only one masks, the loss is inf.
    Source: Hinton et al. (2015), section 2.1; Ba and Caruana (2014) match logits uncentred.

    Args, Raises: see kd_loss.

    >>> logit_mse(student_logits=[[5.0, 7.0]], teacher_logits=[[0.0, 0.0]])  # (-1, 1) after centring
    tensor(0.5000, dtype=torch.float64)
    """
    return _mean(student_logits, teacher_logits, RowLoss(logit_mse_row), ignore)


def dkd_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    labels: Tensor | ArrayLike,
    temperature: float = 1.0,
    target_weight: float = 1.0,
    other_weight: float = 1.0,
    ignore: Mask = None,
) -> Tensor:
    """Return T^2 times the mean of target_weight TCKD + other_weight NCKD.

    TCKD is the KL of (target, not target), NCKD that of the other classes among themselves, and
    KL = TCKD + (1 - p_target) NCKD: with weights 1 and 1 doubts of a confident teacher count more
    than in kd_loss. With K = 2 NCKD is 0; so it is where the teacher leaves nothing to the others.
    Source: Zhao et al. (2022), Decoupled knowledge distillation.

    Args:
        labels: `(N,)`, the target classes, 0 to K - 1.
        target_weight, other_weight: 0 or more.
    Raises:
        ValueError, TypeError: see distillation_loss; also for a single class.

    The two see the target alike, and the other two classes as (1/2, 1/2) and (4/5, 1/5):

    >>> p, q = [[0.6931472, 0.0, 0.0]], [[1.6094379, 1.3862944, 0.0]]  # ln (2, 1, 1), ln (5, 4, 1)
    >>> f"{dkd_loss(student_logits=q, teacher_logits=p, labels=[0]):.4f}"
    '0.2231'
    """
    weights = (
        checks.weight(target_weight, "target_weight"),
        checks.weight(other_weight, "other_weight"),
    )
    rows = dkd_rows(checks.temperature(temperature), *weights)
    return _mean(student_logits, teacher_logits, rows, ignore, labels, least_classes=2)


def confidence_loss(
    *,
    student_logits: Floats,
    teacher_logits: Floats,
    confidence_weight: float,
    ignore: Mask = None,
) -> Tensor:
    """Return (1-w) H(p, q) + w H(favourite of q, q): a strong student may trust itself.

    H is the cross-entropy in nats, p a weak teacher, and the favourite a label that receives no
    gradient. Source: Burns et al. (2023), Weak-to-strong generalization, who raise w from 0 while
    training and, with two classes, move the threshold so that both stay equally frequent.

    Args:
        confidence_weight: w, from 0 (the teacher alone) to 1 (the student alone).
    Raises:
        ValueError, TypeError: see kd_loss.

    >>> loss = confidence_loss(
    ...     student_logits=[[0.0, 0.0]], teacher_logits=[[0.0, 9.0]], confidence_weight=0.5
    ... )
    >>> f"{loss:.4f}"  # ln 2 from both
    '0.6931'
    """
    rows = confidence_rows(checks.fraction(confidence_weight, "confidence_weight"))
    return _mean(student_logits, teacher_logits, rows, ignore)


def hint_loss(*, student_hidden: Floats, teacher_hidden: Floats, ignore: Mask = None) -> Tensor:
    """Return the mean over examples of half the squared distance of hidden states.

    Bring the student's to the teacher's size first, for example by nn.Linear, trained along.
    Source: Romero et al. (2015), FitNets: hints for thin deep nets, equation 3.

    Args:
        student_hidden, teacher_hidden: `(N, ...)`, of one shape. The teacher gets no gradient.
        ignore: `(N,)` booleans, True for a row that must not count.
    Raises:
        ValueError: for other shapes, an empty batch, NaN or infinite numbers.
        TypeError: see kd_loss.

    >>> hint_loss(student_hidden=[[3.0, 4.0]], teacher_hidden=[[0.0, 0.0]])  # (9 + 16) / 2
    tensor(12.5000, dtype=torch.float64)
    """
    student, teacher, kept = checks.hidden_pair(student_hidden, teacher_hidden, ignore)
    difference = student[kept] - teacher.detach()[kept]
    return difference.flatten(1).square().sum(-1).mean() / 2


def kd_loss_from_hidden(
    *,
    student_hidden: Floats,
    student_weight: Floats,
    teacher_hidden: Floats,
    teacher_weight: Floats,
    temperature: float = 1.0,
    divergence: str = "kl",
    ignore: Mask = None,
) -> Tensor:
    """Return kd_loss of the logits hidden @ weight.T, of which no more than a few rows ever exist.

    Memory is that of the gradients and of some 30 MB of logits, whatever N x K is. float16 and
    bfloat16 matrices are copied to float32. It cannot be differentiated twice.

    Args:
        student_hidden: `(N, H)`, student_weight: `(K, H)`; both receive gradients.
        teacher_hidden: `(N, G)`, teacher_weight: `(K, G)`; neither does. G may differ from H.
        temperature, divergence, ignore: see kd_loss.
    Raises:
        ValueError: for other shapes, no rows, NaN or infinite numbers; and see kd_loss.
        TypeError: see kd_loss.

    >>> loss = kd_loss_from_hidden(
    ...     student_hidden=[[1.3862944]], student_weight=[[1.0], [0.0]],
    ...     teacher_hidden=[[0.0]], teacher_weight=[[1.0], [0.0]],
    ... )
    >>> f"{loss:.4f}"  # logits (ln 4, 0) and (0, 0), see kd_loss
    '0.2231'
    """
    student = checks.hidden_and_weight(student_hidden, student_weight, "student", ignore)
    teacher = checks.hidden_and_weight(teacher_hidden, teacher_weight, "teacher", ignore)
    checks.same_rows_and_classes(student, teacher)
    kept = checks.kept_rows(ignore, len(student[0]))
    rows = _named_rows(divergence, temperature)
    return streamed_mean_from_hidden(student, teacher, rows, kept)


def _named_rows(divergence: str, temperature: float) -> RowLoss:
    name = checks.one_of(divergence, "divergence", DIVERGENCES)
    function = DIVERGENCES[name].function
    return soft_rows(function, checks.temperature(temperature), SLOPES.get(name))


def _mean(
    student_logits: Floats,
    teacher_logits: Floats,
    rows: RowLoss,
    ignore: Mask,
    labels: Tensor | ArrayLike | None = None,
    least_classes: int = 1,
) -> Tensor:
    student, teacher = checks.logit_shapes(student_logits, teacher_logits, least_classes)
    kept = checks.kept_rows(ignore, len(student))
    targets: tuple[Tensor, ...] = (teacher,)
    if labels is not None:
        count, classes = student.shape
        targets += (checks.labels_in_range(labels, rows=count, classes=classes, kept=kept),)
    try:
        return streamed_mean(student, targets, rows, kept)
    except NoDistribution:
        checks.logit_values(student, "student_logits", kept)
        checks.logit_values(teacher, "teacher_logits", kept)
        raise
