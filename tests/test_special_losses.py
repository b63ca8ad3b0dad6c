"""What the losses beside kd_loss promise: decoupled, generalised, logits, hints, confidence, masks."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlib.divergences import DIVERGENCES, generalized_js, skew_kl
from kdlib.losses import (
    confidence_loss,
    distillation_loss,
    dkd_loss,
    generalized_js_loss,
    hint_loss,
    kd_loss,
    kd_loss_from_hidden,
    logit_mse,
    skew_kl_loss,
)

INF, NAN = math.inf, math.nan


def logits(seed: int, rows: int = 4, classes: int = 5, spread: float = 2.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return spread * torch.randn(rows, classes, generator=generator, dtype=torch.float64)


LABELS = torch.tensor([0, 2, 1, 4])
STUDENT, TEACHER = logits(0), logits(1)
EVERY_LOSS = {
    "kd": lambda **given: kd_loss(**given, temperature=2.0),
    "blend": lambda **given: distillation_loss(
        **given, labels=LABELS[: len(given["student_logits"])], temperature=2.0, hard_weight=0.3
    ),
    "generalized_js": lambda **given: generalized_js_loss(**given, beta=0.3),
    "vanishing": lambda **given: generalized_js_loss(**given, beta=0.0),
    "skew": lambda **given: skew_kl_loss(**given, skew=0.1),
    "logit_mse": logit_mse,
    "dkd": lambda **given: dkd_loss(
        **given, labels=LABELS[: len(given["student_logits"])], other_weight=8.0
    ),
    "confidence": lambda **given: confidence_loss(**given, confidence_weight=0.4),
}
every_loss = pytest.mark.parametrize("loss", EVERY_LOSS.values(), ids=EVERY_LOSS)


# What all have in common --------------------------------------------------------------------


@every_loss
def test_gradients_and_second_derivatives_are_those_of_the_value(loss):
    def of(student):
        return loss(student_logits=student, teacher_logits=TEACHER)

    assert torch.autograd.gradcheck(of, STUDENT.clone().requires_grad_())
    assert torch.autograd.gradgradcheck(of, STUDENT.clone().requires_grad_())


@every_loss
def test_the_mean_is_over_the_rows_that_are_not_ignored(loss):
    ignore = [False, False, True, True]
    student, teacher = STUDENT.clone(), TEACHER.clone()
    student[2], teacher[3] = NAN, INF
    student.requires_grad_()
    found = loss(student_logits=student, teacher_logits=teacher, ignore=ignore)
    expected = loss(student_logits=STUDENT[:2], teacher_logits=TEACHER[:2])
    torch.testing.assert_close(found.detach(), expected)
    gradient = torch.autograd.grad(found, student)[0]
    assert gradient.isfinite().all() and (gradient[2:] == 0).all()


@every_loss
def test_the_teacher_receives_no_gradient(loss):
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    loss(student_logits=student, teacher_logits=teacher).backward()
    assert teacher.grad is None and student.grad is not None


@every_loss
def test_extreme_logits_give_finite_values_and_gradients(loss):
    student = torch.tensor([[1e4, -1e4, 0.0], [200.0, -200.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[-1e4, 1e4, 0.0], [200.0, -200.0, 0.0]])
    value = loss(student_logits=student, teacher_logits=teacher)
    assert value.isfinite() and value.dtype == torch.float32
    assert torch.autograd.grad(value, student)[0].isfinite().all()


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(loss, dtype):
    student, teacher = STUDENT.to(dtype).requires_grad_(), TEACHER.to(dtype)
    found = loss(student_logits=student, teacher_logits=teacher)
    assert found == loss(student_logits=student.float(), teacher_logits=teacher.float())
    assert torch.autograd.grad(found, student)[0].dtype == dtype


@every_loss
@pytest.mark.parametrize("which", ["student_logits", "teacher_logits"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.full((4, 5), NAN), r"LOGITS\[0, 0\] is nan, .* diverged"),
        (torch.zeros(4, 5).index_fill(1, torch.tensor(1), INF), r"LOGITS\[0, 1\] is inf"),
        (torch.full((4, 5), -INF), r"LOGITS\[0\] is -inf for every class"),
        (torch.zeros(0, 5), r"LOGITS has shape \(0, 5\) and is empty"),
        (torch.zeros(4, 0), r"LOGITS has shape \(4, 0\) and is empty"),
        (torch.zeros(4, 5, 2), r"LOGITS has shape \(4, 5, 2\), expected \(N, K\).*flatten"),
        (torch.zeros(4, 1), r"\(4, 1\)"),
        (torch.zeros(1, 5), r"\(1, 5\)"),
        (torch.zeros(5), r"LOGITS has shape \(5,\), expected \(N, K\)"),
    ],
)
def test_logits_that_are_none_are_refused_by_name(loss, which, bad, message):
    given = {"student_logits": torch.zeros(4, 5), "teacher_logits": torch.zeros(4, 5), which: bad}
    with pytest.raises(ValueError, match=message.replace("LOGITS", which)):
        loss(**given)


@every_loss
def test_whole_numbers_are_no_logits(loss):
    with pytest.raises(TypeError, match="teacher_logits has dtype torch.int64"):
        loss(student_logits=STUDENT, teacher_logits=TEACHER.long())


@every_loss
@pytest.mark.parametrize(
    ("ignore", "error", "message"),
    [
        ([0, 1, 0, 0], TypeError, "ignore has dtype torch.int64, expected booleans.* -100"),
        ([True] * 3, ValueError, r"ignore has shape \(3,\), expected \(4,\)"),
        ([True] * 4, ValueError, "ignore is True for every row.*skip this batch"),
        (torch.zeros(4, 5, dtype=torch.bool), ValueError, r"shape \(4, 5\), expected \(4,\)"),
    ],
)
def test_a_mask_that_is_none_is_refused(loss, ignore, error, message):
    with pytest.raises(error, match=message):
        loss(student_logits=STUDENT, teacher_logits=TEACHER, ignore=ignore)


def test_the_error_points_into_the_whole_batch_and_not_at_ignored_rows():
    student = STUDENT.clone()
    student[0, 1], student[3, 2] = NAN, NAN
    with pytest.raises(ValueError, match=r"student_logits\[3, 2\] is nan"):
        kd_loss(student_logits=student, teacher_logits=TEACHER, ignore=[True, False, False, False])


def test_labels_of_ignored_rows_may_be_anything():
    labels = torch.tensor([0, 2, 1, -100])
    given = {"student_logits": STUDENT, "teacher_logits": TEACHER, "labels": labels}
    settings = {"temperature": 2.0, "hard_weight": 0.5}
    found = distillation_loss(**given, **settings, ignore=labels == -100)
    expected = distillation_loss(**{k: v[:3] for k, v in given.items()}, **settings)
    torch.testing.assert_close(found, expected)
    with pytest.raises(ValueError, match=r"labels\[3\] is -100, expected 0 to 4"):
        distillation_loss(**given, **settings)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_t_squared_keeps_the_scale_of_the_gradient(divergence):
    # Hellinger is a root: its own gradient shrinks like 1/T, so with T^2 it grows like T.
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER
    norms = []
    for temperature in (20.0, 40.0, 80.0):
        given = {"student_logits": student, "teacher_logits": teacher}
        loss = kd_loss(**given, temperature=temperature, divergence=divergence)
        norms.append(torch.autograd.grad(loss, student)[0].norm().item())
    growth = 2.0 if divergence in ("hellinger", "total_variation") else 1.0
    ratios = [norms[1] / norms[0], norms[2] / norms[1]]
    assert ratios == pytest.approx([growth, growth], rel=0.1)


# Decoupled ----------------------------------------------------------------------------------


def decoupled(student, teacher, labels, **settings):
    return dkd_loss(student_logits=student, teacher_logits=teacher, labels=labels, **settings)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 10**6),
    st.integers(2, 30),
    st.sampled_from([0.1, 1.0, 5.0]),
    st.sampled_from([0.5, 1.0, 4.0]),
)
def test_kl_is_the_target_part_and_the_share_of_the_others_of_their_part(
    seed, classes, spread, temperature
):
    student, teacher = logits(seed, 1, classes, spread), logits(seed + 1, 1, classes, spread)
    labels = torch.tensor([seed % classes])
    share = 1 - (teacher / temperature).softmax(-1)[0, labels[0]]
    found = decoupled(student, teacher, labels, temperature=temperature, other_weight=float(share))
    expected = kd_loss(student_logits=student, teacher_logits=teacher, temperature=temperature)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_the_parts_are_those_of_the_paper():
    # Zhao et al. (2022), equations 3 to 7, written with probabilities.
    p, q = TEACHER.softmax(-1), STUDENT.softmax(-1)
    rows = torch.arange(4)
    keep = torch.ones_like(p, dtype=torch.bool).scatter(1, LABELS[:, None], False)
    p_t, q_t = p[rows, LABELS], q[rows, LABELS]
    target = p_t * (p_t / q_t).log() + (1 - p_t) * ((1 - p_t) / (1 - q_t)).log()
    p_hat, q_hat = (x[keep].view(4, 4) / x[keep].view(4, 4).sum(-1, keepdim=True) for x in (p, q))
    others = (p_hat * (p_hat / q_hat).log()).sum(-1)
    weights = {"target_weight": 2.0, "other_weight": 8.0}
    found = decoupled(STUDENT, TEACHER, LABELS, **weights)
    torch.testing.assert_close(found, (2 * target + 8 * others).mean())


def test_two_classes_have_no_others_to_compare():
    student, teacher = STUDENT[:, :2], TEACHER[:, :2]
    labels = torch.tensor([0, 1, 1, 0])
    assert decoupled(student, teacher, labels, target_weight=0.0, other_weight=5.0) == 0
    both = decoupled(student, teacher, labels)
    torch.testing.assert_close(both, kd_loss(student_logits=student, teacher_logits=teacher))
    # Regression: a published version gives inf and NaN for two sharp classes (mdistiller #60).
    sharp = decoupled(300 * student, 300 * teacher, labels)
    assert sharp.isfinite()
    with pytest.raises(ValueError, match="at least 2 classes"):
        decoupled(STUDENT[:, :1], TEACHER[:, :1], torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize(
    ("teacher", "student", "value"),
    [
        ([0.0, -INF, -INF], [0.0, 0.0, 0.0], math.log(3)),  # without doubt: only the target counts
        ([0.0, -INF, -INF], [0.0, -INF, -INF], 0.0),
        ([0.0, 0.0, -INF], [0.0, 0.0, -INF], 0.0),
        ([0.0, 0.0, 0.0], [0.0, -INF, -INF], INF),
        ([-INF, 0.0, 0.0], [0.0, 0.0, 0.0], math.log(1.5)),
    ],
)
def test_masked_classes_in_the_decoupled_loss(teacher, student, value):
    student = torch.tensor([student], requires_grad=True)
    loss = decoupled(student, torch.tensor([teacher]), torch.tensor([0]))
    assert loss.item() == pytest.approx(value, abs=1e-6)
    assert torch.autograd.grad(loss, student)[0].isfinite().all()


@pytest.mark.parametrize("weight", [-1.0, NAN, INF])
def test_a_weight_is_a_finite_number_of_zero_or_more(weight):
    with pytest.raises(ValueError, match="other_weight is .*expected a finite number of 0 or more"):
        decoupled(STUDENT, TEACHER, LABELS, other_weight=weight)


# Generalised JS and skew --------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.0, 1e-6, 0.1, 0.5, 0.9, 1 - 1e-6, 1.0])
@pytest.mark.parametrize("normalized", [False, True])
def test_generalized_js_loss_is_the_mean_of_the_divergence(beta, normalized):
    p, q = (TEACHER / 2).softmax(-1), (STUDENT / 2).softmax(-1)
    expected = 4 * generalized_js(p, q, beta, normalized=normalized).mean()
    given = {"student_logits": STUDENT, "teacher_logits": TEACHER, "temperature": 2.0}
    found = generalized_js_loss(**given, beta=beta, normalized=normalized)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-15)


def test_generalized_js_vanishes_at_both_ends_and_normalized_tends_to_both_kls():
    # Regression: beta = 1 "trains" with a loss of 0 (verl-recipe #151), or jumps to another loss.
    given = {"student_logits": STUDENT, "teacher_logits": TEACHER}
    for beta, divergence in ((0.0, "kl"), (1.0, "reverse_kl")):
        assert generalized_js_loss(**given, beta=beta) == 0
        inside = abs(beta - 1e-6)
        assert generalized_js_loss(**given, beta=inside) < 1e-5
        end = kd_loss(**given, divergence=divergence)
        for near_the_end in (beta, inside):
            found = generalized_js_loss(**given, beta=near_the_end, normalized=True)
            torch.testing.assert_close(found, end, rtol=1e-4, atol=0)


def test_the_end_that_trains_nothing_still_has_a_gradient_of_zero():
    student = STUDENT.clone().requires_grad_()
    for beta in (0, 1):
        loss = generalized_js_loss(student_logits=student, teacher_logits=TEACHER, beta=beta)
        assert (torch.autograd.grad(loss, student)[0] == 0).all()


@pytest.mark.parametrize("skew", [0.0, 0.1, 0.9, 1.0])
def test_skew_kl_loss_is_the_mean_of_the_divergence_and_bounded(skew):
    p, q = (TEACHER / 2).softmax(-1), (STUDENT / 2).softmax(-1)
    given = {"teacher_logits": TEACHER, "temperature": 2.0, "skew": skew}
    found = skew_kl_loss(student_logits=STUDENT, **given)
    torch.testing.assert_close(found, 4 * skew_kl(p, q, skew).mean(), rtol=1e-7, atol=1e-15)
    if skew:
        masked = STUDENT.clone()
        masked[:, 0] = -INF
        assert skew_kl_loss(student_logits=masked, **given) <= -4 * math.log(skew)


@pytest.mark.parametrize("value", [-0.1, 1.1, NAN])
def test_a_mixture_needs_a_fraction(value):
    given = {"student_logits": STUDENT, "teacher_logits": TEACHER}
    with pytest.raises(ValueError, match="beta is .*expected a number from 0 to 1"):
        generalized_js_loss(**given, beta=value)
    with pytest.raises(ValueError, match="skew is .*expected a number from 0 to 1"):
        skew_kl_loss(**given, skew=value)


# Logits, confidence, hints ------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
def test_logit_mse_is_the_limit_of_kd_loss_at_high_temperature(masked):
    student, teacher = STUDENT.clone(), TEACHER.clone()
    if masked:
        student[1, 2] = teacher[1, 2] = -INF
    student.requires_grad_()
    found = logit_mse(student_logits=student, teacher_logits=teacher)
    limit = kd_loss(student_logits=student, teacher_logits=teacher, temperature=1e5)
    torch.testing.assert_close(found, limit, rtol=1e-4, atol=0)
    gradients = (torch.autograd.grad(loss, student)[0] for loss in (found, limit))
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-6)


def test_logit_mse_does_not_see_a_constant_and_sees_a_mask_of_one_side():
    # Regression: uncentred, s + 5 scores 25 against the same distributions.
    shifted = logit_mse(student_logits=TEACHER + 5, teacher_logits=TEACHER)
    assert shifted.item() == pytest.approx(0, abs=1e-28)
    masked = STUDENT.clone()
    masked[0, 0] = -INF
    assert logit_mse(student_logits=masked, teacher_logits=TEACHER) == INF
    assert logit_mse(student_logits=STUDENT, teacher_logits=masked) == INF


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_confidence_loss_blends_the_teacher_with_ones_own_favourite(weight):
    soft = F.cross_entropy(STUDENT, TEACHER.softmax(-1))
    hard = F.cross_entropy(STUDENT, STUDENT.argmax(-1))
    given = {"student_logits": STUDENT, "teacher_logits": TEACHER}
    found = confidence_loss(**given, confidence_weight=weight)
    torch.testing.assert_close(found, (1 - weight) * soft + weight * hard)


def test_hint_loss_is_half_the_squared_distance_per_example():
    student, teacher = torch.randn(2, 4, 3, 2, generator=torch.Generator().manual_seed(0))
    student.requires_grad_(), teacher.requires_grad_()
    loss = hint_loss(student_hidden=student, teacher_hidden=teacher)
    torch.testing.assert_close(loss, (student - teacher).flatten(1).norm(dim=1).square().mean() / 2)
    loss.backward()
    torch.testing.assert_close(student.grad, (student - teacher).detach() / 4)
    assert teacher.grad is None


def test_hint_loss_ignores_rows_and_refuses_what_does_not_fit():
    student, teacher = torch.zeros(3, 2), torch.ones(3, 2)
    student[0] = NAN
    assert (
        hint_loss(student_hidden=student, teacher_hidden=teacher, ignore=[True, False, False]) == 1
    )
    refused = [
        ({}, r"student_hidden\[0, 0\] is nan"),
        (
            {"student_hidden": torch.zeros(3, 4)},
            r"\(3, 2\) but student_hidden has shape \(3, 4\).*Lin",
        ),
        ({"student_hidden": torch.zeros(0, 2), "teacher_hidden": torch.zeros(0, 2)}, "is empty"),
    ]
    for changes, message in refused:
        with pytest.raises(ValueError, match=message):
            hint_loss(**{"student_hidden": student, "teacher_hidden": teacher} | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"student_weight": torch.zeros(5, 4)}, r"student_hidden has shape \(2, 3\) and student_w"),
        ({"student_hidden": torch.zeros(3, 3)}, r"teacher_hidden has shape \(2, 4\) but student_h"),
        ({"student_weight": torch.zeros(6, 3)}, r"teacher_weight has shape \(5, 4\) but student_w"),
        ({"teacher_hidden": torch.full((2, 4), NAN)}, r"teacher_hidden\[0, 0\] is nan"),
        ({"student_weight": torch.full((5, 3), INF)}, r"student_weight\[0, 0\] is inf"),
        ({"student_hidden": torch.zeros(0, 3), "teacher_hidden": torch.zeros(0, 4)}, "is empty"),
        ({"student_hidden": torch.zeros(2, 1, 3)}, r"expected \(N, H\) and \(K, H\)"),
        ({"ignore": [True, True]}, "ignore is True for every row"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"divergence": "kld"}, "divergence is 'kld'"),
    ],
)
def test_hidden_states_that_do_not_fit_are_refused_by_name(changes, message):
    fitting = {
        "student_hidden": torch.zeros(2, 3),
        "student_weight": torch.zeros(5, 3),
        "teacher_hidden": torch.zeros(2, 4),
        "teacher_weight": torch.zeros(5, 4),
    }
    assert kd_loss_from_hidden(**fitting) == 0
    with pytest.raises(ValueError, match=message):
        kd_loss_from_hidden(**fitting | changes)


def test_ignored_hidden_states_may_be_anything():
    generator = torch.Generator().manual_seed(0)
    hidden, weight = torch.randn(3, 4, generator=generator), torch.randn(5, 4, generator=generator)
    other = torch.randn(3, 4, generator=generator)
    matrices = {"student_weight": weight, "teacher_weight": weight}
    expected = kd_loss_from_hidden(student_hidden=hidden[1:], teacher_hidden=other[1:], **matrices)
    broken = hidden.clone()
    broken[0] = NAN
    broken.requires_grad_()
    given = {"student_hidden": broken, "teacher_hidden": other, "ignore": [True, False, False]}
    found = kd_loss_from_hidden(**given, **matrices)
    torch.testing.assert_close(found.detach(), expected)
    gradient = torch.autograd.grad(found, broken)[0]
    assert (gradient[0] == 0).all() and gradient.isfinite().all()
