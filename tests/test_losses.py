"""What the two losses promise: value, gradient, roles, weights, masks and precision."""

import math

import pytest
import torch
import torch.nn.functional as F

from kdlib.divergences import DIVERGENCES
from kdlib.losses import distillation_loss, kd_loss

INF = math.inf
LABELS = torch.tensor([0, 2, 1, 4])
every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)


def random_logits(seed: int, rows: int = 4, classes: int = 5, spread: float = 2.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(rows, classes, generator=generator)).double()


def hinton(student, teacher, temperature):
    """The usual formula, correctly written: its four traps are tested below."""
    log_q = (student / temperature).log_softmax(-1)
    log_p = (teacher / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")


@pytest.mark.parametrize("temperature", [0.5, 1, 2.0, 4.0, 20.0])
def test_kd_loss_is_the_formula_of_hinton(temperature):
    student, teacher = random_logits(0), random_logits(1)
    found = kd_loss(student_logits=student, teacher_logits=teacher, temperature=temperature)
    torch.testing.assert_close(found, hinton(student, teacher, temperature), rtol=1e-9, atol=0)
    assert found.shape == ()


def test_swapping_the_roles_is_another_loss_and_needs_other_words():
    student, teacher = random_logits(0), random_logits(1)
    forth = kd_loss(student_logits=student, teacher_logits=teacher)
    back = kd_loss(student_logits=teacher, teacher_logits=student)
    assert abs(forth - back) > 0.01
    with pytest.raises(TypeError, match="positional"):
        kd_loss(student, teacher)


def test_the_mean_is_over_examples_and_never_over_classes():
    # Regression: the default reduction of F.kl_div divides by K too.
    teacher, student = torch.tensor([[0.8, 0.2]]).log(), torch.zeros(1, 2)
    loss = kd_loss(student_logits=student, teacher_logits=teacher)
    assert loss.item() == pytest.approx(0.1927, abs=5e-5)
    twice = kd_loss(student_logits=student.repeat(2, 1), teacher_logits=teacher.repeat(2, 1))
    torch.testing.assert_close(twice, loss)


@every_divergence
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_kd_loss_is_the_mean_of_the_named_divergence_times_t_squared(divergence, temperature):
    student, teacher = random_logits(0), random_logits(1)
    found = kd_loss(
        student_logits=student,
        teacher_logits=teacher,
        temperature=temperature,
        divergence=divergence,
    )
    p, q = ((x / temperature).softmax(-1) for x in (teacher, student))
    expected = temperature**2 * DIVERGENCES[divergence].function(p, q).mean()
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


@every_divergence
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_gradients_are_those_of_the_value(divergence, temperature):
    def of_student(student):
        return kd_loss(
            student_logits=student,
            teacher_logits=random_logits(1),
            temperature=temperature,
            divergence=divergence,
        )

    assert torch.autograd.gradcheck(of_student, random_logits(0).requires_grad_())


@pytest.mark.parametrize("temperature", [1.0, 2.0, 8.0])
def test_the_gradient_of_kl_is_t_times_q_minus_p(temperature):
    student, teacher = random_logits(0).requires_grad_(), random_logits(1)
    kd_loss(student_logits=student, teacher_logits=teacher, temperature=temperature).backward()
    q, p = ((x.detach() / temperature).softmax(-1) for x in (student, teacher))
    torch.testing.assert_close(student.grad, temperature * (q - p) / len(q), rtol=1e-9, atol=1e-15)


def test_the_teacher_never_receives_a_gradient():
    student, teacher = random_logits(0).requires_grad_(), random_logits(1).requires_grad_()
    loss = distillation_loss(
        student_logits=student,
        teacher_logits=teacher,
        labels=LABELS,
        temperature=2.0,
        hard_weight=0.5,
    )
    loss.backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_at_high_temperature_the_loss_tends_to_half_the_variance_of_the_logit_difference():
    student, teacher = random_logits(0), random_logits(1)
    difference = student - teacher
    limit = ((difference - difference.mean(-1, keepdim=True)).square().mean(-1) / 2).mean()
    for dtype, temperature in ((torch.float64, 1e5), (torch.float32, 1e3)):
        found = kd_loss(
            student_logits=student.to(dtype),
            teacher_logits=teacher.to(dtype),
            temperature=temperature,
        )
        assert found.item() == pytest.approx(limit.item(), rel=5e-3)


@every_divergence
def test_sharp_logits_have_an_exact_value_and_a_finite_gradient(divergence):
    student = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    teacher = torch.tensor([[1e4, -1e4], [-1e4, 1e4]])
    loss = kd_loss(student_logits=student, teacher_logits=teacher, divergence=divergence)
    assert loss == 0
    assert torch.autograd.grad(loss, student)[0].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    opposite = kd_loss(student_logits=student, teacher_logits=-teacher, divergence=divergence)
    bounded = {"js": math.log(2), "total_variation": 1, "hellinger": 1}
    expected = {"kl": 2e4, "reverse_kl": 2e4, "chi2": INF} | bounded
    assert opposite.item() == pytest.approx(expected[divergence], rel=1e-6)
    assert torch.autograd.grad(opposite, student)[0].isfinite().all()


@pytest.mark.parametrize(
    ("teacher", "student", "value"),
    [
        ([-INF, 0.0, 0.0], [-INF, 0.0, math.log(3)], math.log(2 / math.sqrt(3))),
        ([0.0, 0.0, 0.0], [-INF, 0.0, 0.0], INF),
        ([-INF, 0.0, 0.0], [0.0, 0.0, 0.0], math.log(1.5)),
        ([-INF, 0.0, -INF], [-INF, 5.0, -INF], 0.0),
    ],
)
def test_a_logit_of_minus_infinity_masks_its_class_out(teacher, student, value):
    # Regression: log-target formulas give NaN here (inf - inf).
    student = torch.tensor([student], requires_grad=True)
    teacher = torch.tensor([teacher])
    loss = kd_loss(student_logits=student, teacher_logits=teacher)
    assert loss.item() == pytest.approx(value, abs=1e-7)
    gradient = torch.autograd.grad(loss, student)[0]
    torch.testing.assert_close(gradient, (student.softmax(-1) - teacher.softmax(-1)).detach())


def test_the_smallest_temperature_overflows_to_the_right_value():
    student, teacher = torch.tensor([[10.0, 0.0]]), torch.tensor([[20.0, 1.0]])
    loss = kd_loss(student_logits=student, teacher_logits=teacher, temperature=1e-38)
    assert loss == 0


@pytest.mark.parametrize(("dtype", "error"), [(torch.float16, 5e-3), (torch.bfloat16, 2e-2)])
def test_half_precision_logits_lose_nothing_more_than_their_own_rounding(dtype, error):
    # Regression: computed in bfloat16 a KL of .0013 comes out several times too large.
    teacher = random_logits(1, 8, 1000)
    student = (teacher + 0.05 * random_logits(0, 8, 1000)).to(dtype).requires_grad_()
    teacher = teacher.to(dtype)
    loss = kd_loss(student_logits=student, teacher_logits=teacher, temperature=2.0)
    exact = hinton(student.detach().double(), teacher.double(), 2.0)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-3)
    gradient = torch.autograd.grad(loss, student)[0]
    assert gradient.dtype == dtype
    q, p = ((x.detach().double() / 2).softmax(-1) for x in (student, teacher))
    expected = 2 * (q - p) / 8
    assert (gradient.double() - expected).norm() < error * expected.norm()


# With labels --------------------------------------------------------------------------------


def mixed(student, teacher, weight, temperature=2.0, labels=LABELS):
    return distillation_loss(
        student_logits=student,
        teacher_logits=teacher,
        labels=labels,
        temperature=temperature,
        hard_weight=weight,
    )


@pytest.mark.parametrize("weight", [0, 0.0, 0.1, 0.5, 1.0, 1])
def test_the_weight_blends_labels_and_teacher(weight):
    student, teacher = random_logits(0), random_logits(1)
    hard = F.cross_entropy(student, LABELS)
    soft = hinton(student, teacher, 2.0)
    expected = weight * hard + (1 - weight) * soft
    torch.testing.assert_close(mixed(student, teacher, weight), expected, rtol=1e-9, atol=0)


def test_the_soft_term_keeps_t_squared_as_its_weight_tends_to_one():
    # Regression: a published loss drops the factor when the labels' weight is exactly 0.
    student, teacher = random_logits(0), random_logits(1)
    almost = mixed(student, teacher, 1e-9, temperature=4.0)
    torch.testing.assert_close(mixed(student, teacher, 0.0, 4.0), almost, rtol=1e-6, atol=0)


def test_gradients_of_the_blend_are_those_of_the_value():
    teacher = random_logits(1)
    student = random_logits(0).requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: mixed(logits, teacher, 0.3), student)


def test_a_term_of_weight_zero_does_not_count_even_if_it_is_infinite():
    student = torch.tensor([[-INF, 0.0]], requires_grad=True)
    masked, open_ = torch.tensor([[-INF, 0.0]]), torch.tensor([[0.0, 0.0]])
    assert mixed(student, masked, 0.0, labels=[0]) == 0
    assert mixed(student, open_, 1.0, labels=[1]) == 0
    infinite = mixed(student, open_, 0.5, labels=[0])
    assert infinite == INF
    assert torch.autograd.grad(infinite, student)[0].isfinite().all()
