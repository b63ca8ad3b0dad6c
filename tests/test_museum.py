"""The museum of lesson 06: do its tests tell broken losses from healthy ones, and nothing else?"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from kdlib.divergences import kl
from kdlib.exercises import lesson_06, museum, museum_dial
from kdlib.exercises.outcome import CORRECT
from kdlib.training import predict

GENERATOR = torch.Generator().manual_seed(0)
STUDENT, TEACHER = torch.randn(2, 16, 10, generator=GENERATOR, dtype=torch.float64)
STUDENT *= 0.02  # as untrained as the students of the lesson


def failed(loss: museum.SoftTerm) -> set[str]:
    return {test for test, passed in museum.first_aid(loss, STUDENT, TEACHER).items() if not passed}


def rows(s: Tensor, t: Tensor, temperature: float) -> Tensor:
    return kl((t / temperature).softmax(-1), (s / temperature).softmax(-1))


def by_kl_div(s: Tensor, t: Tensor, temperature: float) -> Tensor:
    log_q, p = (s / temperature).log_softmax(-1), (t / temperature).softmax(-1)
    return temperature**2 * F.kl_div(log_q, p, reduction="batchmean")


@pytest.mark.parametrize(
    "loss",
    [
        museum.soft_healthy,
        by_kl_div,
        lambda s, t, temperature: by_kl_div(s.float(), t.float(), temperature),
    ],
    ids=["library", "F.kl_div", "float32"],
)
def test_a_healthy_loss_passes_all_of_first_aid(loss):
    assert failed(loss) == set()


@pytest.mark.parametrize("power", [0, 1, 1.5, 2.5, 3])
def test_another_power_of_the_temperature_fails(power):
    assert failed(
        lambda s, t, temperature: temperature**power * rows(s, t, temperature).mean()
    ) == {"other T"}


BROKEN: dict[str, tuple[museum.SoftTerm, set[str]]] = {
    "teacher alone softened": (lambda s, t, x: x**2 * rows(x * s, t, x).mean(), {"other T"}),
    "student alone softened": (lambda s, t, x: x**2 * rows(s, x * t, x).mean(), {"other T"}),
    "other direction": (lambda s, t, x: x**2 * rows(t, s, x).mean(), {"by hand"}),
    "sum over the batch": (lambda s, t, x: x**2 * rows(s, t, x).sum(), {"by hand"}),
    "rows rolled": (lambda s, t, x: x**2 * rows(s, t.roll(1, 0), x).mean(), {"copy scores 0"}),
    "cut off": (
        lambda s, t, x: x**2 * rows(s.detach(), t, x).mean() + 0 * s.sum(),
        {"gradient not 0"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_loss_fails_the_test_that_is_named_for_it(name):
    loss, tests = BROKEN[name]
    assert failed(loss) == tests


def test_every_loss_of_the_museum_fails_and_the_healthy_one_does_not():
    passes = [name for name, loss in museum.SOFT_TERMS.items() if not failed(loss)]
    assert passes == ["healthy"]


def test_a_class_masked_by_minus_infinity_would_fail_a_healthy_kl_div():
    masked = torch.full((16, 1), -math.inf).double()
    student, teacher = (torch.cat([x, masked], dim=-1) for x in (STUDENT, TEACHER))
    assert by_kl_div(student, teacher, 1.0).isnan()


@pytest.mark.parametrize("place", [0.2, 0.5, 0.77])
def test_a_switch_is_found_wherever_it_stands(place):
    assert museum_dial._jumps(lambda beta: 0.74 if beta < place else 0.82)


def skewed(s: Tensor, t: Tensor, beta: float) -> Tensor:
    p, q = t.softmax(-1), s.softmax(-1)
    middle = beta * p + (1 - beta) * q
    return ((1 - beta) * kl(p, middle) + beta * kl(q, middle)).mean()


def blend(s: Tensor, t: Tensor, beta: float) -> Tensor:
    return (1 - beta) * rows(s, t, 1.0).mean() + beta * rows(t, s, 1.0).mean()


@pytest.mark.parametrize("dial", [skewed, blend])
def test_another_family_with_the_same_ends_is_as_right(dial):
    assert lesson_06.dial.check(dial).status == CORRECT


def cut_before_choosing(inputs, teacher, ids, cut):
    view = cut(inputs)
    return view[ids], predict(teacher, view)[ids]


def by_hand(inputs, teacher, ids, cut):
    view = cut(inputs[ids])
    with torch.no_grad():
        return view, teacher(view)


@pytest.mark.parametrize("batch", [cut_before_choosing, by_hand])
def test_another_way_to_a_consistent_batch_is_as_right(batch):
    assert lesson_06.row_and_view.check(batch).status == CORRECT


def inference_mode(teacher, inputs):
    with torch.inference_mode():
        return teacher.eval()(inputs)


def test_inference_mode_serves_as_well_as_no_grad():
    assert lesson_06.steady_teacher.check(inference_mode).status == CORRECT


def backward_in_place(loss: Callable[[Tensor, Tensor], Tensor], student: Tensor, teacher: Tensor):
    student.requires_grad_(True)
    loss(student, teacher).backward()
    return loss(student, student).abs() < 1e-6, student.grad.norm() > 1e-4


def test_alarms_may_be_tensors_and_use_any_copy():
    assert lesson_06.two_alarms.check(backward_in_place).status == CORRECT
