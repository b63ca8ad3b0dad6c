"""Taking rows in blocks changes nothing but memory: blocks, masks, types, and repeated backward."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from kdlib import streaming
from kdlib.divergences import DIVERGENCES
from kdlib.losses import kd_loss, kd_loss_from_hidden

every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)
INF = float("inf")


def pair(rows=9, classes=7, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    both = 2 * torch.randn(2, rows, classes, generator=generator, dtype=torch.float64)
    student, teacher = both.to(dtype)
    return student.requires_grad_(), teacher


def loss_and_gradient(student, teacher, **settings):
    loss = kd_loss(student_logits=student, teacher_logits=teacher, **settings)
    return loss.detach(), torch.autograd.grad(loss, student)[0]


@every_divergence
@pytest.mark.parametrize("block_rows", [1, 2, 4])
def test_the_size_of_a_block_changes_nothing(divergence, block_rows, monkeypatch):
    student, teacher = pair()
    whole = loss_and_gradient(student, teacher, divergence=divergence, temperature=3.0)
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 4 * 7 * block_rows)
    blocks = loss_and_gradient(student, teacher, divergence=divergence, temperature=3.0)
    torch.testing.assert_close(blocks, whole, rtol=1e-12, atol=1e-15)


@every_divergence
def test_ignored_rows_are_as_if_they_were_not_there(divergence, monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 4 * 7 * 2)
    student, teacher = pair()
    ignore = torch.tensor([True, False, False, True, False, False, False, True, False])
    with torch.no_grad():  # Regression: a mask by multiplication lets a NaN through.
        student[0], teacher[3], student[7] = float("nan"), INF, -INF
    loss, gradient = loss_and_gradient(student, teacher, divergence=divergence, ignore=ignore)
    kept = student[~ignore].detach().requires_grad_()
    expected = loss_and_gradient(kept, teacher[~ignore], divergence=divergence)
    torch.testing.assert_close((loss, gradient[~ignore]), expected, rtol=1e-12, atol=1e-15)
    assert (gradient[ignore] == 0).all()


@every_divergence
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_half_precision_gets_the_float32_result_rounded_once(divergence, dtype):
    student, teacher = pair(dtype=dtype)
    loss, gradient = loss_and_gradient(student, teacher, divergence=divergence, temperature=2.0)
    wide = student.detach().float().requires_grad_(), teacher.float()
    exact = loss_and_gradient(*wide, divergence=divergence, temperature=2.0)
    assert (loss.dtype, gradient.dtype) == (torch.float32, dtype)
    assert loss == exact[0]
    assert torch.equal(gradient, exact[1].to(dtype))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_scaled_loss_is_scaled_before_its_gradient_is_rounded(dtype):
    # A gradient below 6e-8 is 0 in float16; loss scaling must come first to save it.
    student, teacher = pair(rows=512, classes=2000, dtype=dtype)
    loss = kd_loss(student_logits=student, teacher_logits=teacher)
    scaled = torch.autograd.grad(2.0**14 * loss, student)[0]
    wide = student.detach().float().requires_grad_()
    exact = loss_and_gradient(wide, teacher.float())[1]
    assert torch.equal(scaled, (2.0**14 * exact).to(dtype))
    assert (exact.to(dtype) == 0).float().mean() > (scaled == 0).float().mean() or (
        dtype == torch.bfloat16
    )


@every_divergence
def test_autocast_changes_nothing(divergence):
    student, teacher = pair(dtype=torch.float32)
    expected = loss_and_gradient(student, teacher, divergence=divergence)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = kd_loss(student_logits=student, teacher_logits=teacher, divergence=divergence)
    assert loss == expected[0]
    assert torch.equal(torch.autograd.grad(loss, student, retain_graph=True)[0], expected[1])
    assert torch.equal(torch.autograd.grad(loss, student)[0], expected[1])  # computed anew


@every_divergence
def test_strides_do_not_matter(divergence):
    student, teacher = pair(rows=8, classes=8)
    expected = loss_and_gradient(student, teacher, divergence=divergence)
    spread = torch.zeros(16, 24, dtype=torch.float64)
    spread[::2, ::3] = student.detach()
    strided = spread[::2, ::3].requires_grad_()
    transposed = teacher.T.contiguous().T
    assert not strided.is_contiguous() and not transposed.is_contiguous()
    torch.testing.assert_close(
        loss_and_gradient(strided, transposed, divergence=divergence), expected, rtol=1e-12, atol=0
    )
    one = torch.zeros(1, 8, dtype=torch.float64)
    broad = loss_and_gradient(one.expand(8, 8).requires_grad_(), teacher, divergence=divergence)
    whole = loss_and_gradient(one.repeat(8, 1).requires_grad_(), teacher, divergence=divergence)
    torch.testing.assert_close(broad, whole)


def test_a_gradient_through_an_expanded_row_reaches_it_from_all_rows():
    _, teacher = pair()
    row = torch.zeros(1, 7, dtype=torch.float64, requires_grad=True)
    kd_loss(student_logits=row.expand(9, 7), teacher_logits=teacher).backward()
    expected = (torch.full((7,), 1 / 7) - teacher.softmax(-1)).mean(0)
    torch.testing.assert_close(row.grad[0], expected, rtol=1e-6, atol=1e-8)


@every_divergence
def test_backward_may_be_called_again_and_hands_out_a_gradient_of_its_own(divergence):
    # The first gradient is handed over, not copied: what its owner does to it must not matter.
    student, teacher = pair()
    loss = 3 * kd_loss(student_logits=student, teacher_logits=teacher, divergence=divergence)
    first = torch.autograd.grad(loss, student, retain_graph=True)[0]
    kept = first.clone()
    first.zero_()
    second = torch.autograd.grad(loss, student, retain_graph=True)[0]
    third = torch.autograd.grad(loss, student)[0]
    torch.testing.assert_close(second, kept, rtol=1e-12, atol=0)
    torch.testing.assert_close(third, kept, rtol=1e-12, atol=0)


def test_gradients_accumulate_and_flow_through_a_model():
    student, teacher = pair()
    model = torch.nn.Linear(7, 7).double()
    once = torch.autograd.grad(
        kd_loss(student_logits=model(student), teacher_logits=teacher), model.weight
    )[0]
    for _ in range(2):
        kd_loss(student_logits=model(student), teacher_logits=teacher).backward()
    torch.testing.assert_close(model.weight.grad, 2 * once)


@every_divergence
def test_second_derivatives_are_those_of_the_formula(divergence):
    student, teacher = pair(rows=2, classes=3)
    ignore = torch.tensor([False, True])

    def of(logits, mask=None):
        return kd_loss(
            student_logits=logits,
            teacher_logits=teacher,
            divergence=divergence,
            temperature=2.0,
            ignore=mask,
        )

    assert torch.autograd.gradgradcheck(of, student)
    assert torch.autograd.gradgradcheck(lambda logits: of(logits, ignore), student)


def test_a_teacher_that_requires_a_gradient_gets_none_not_even_by_a_second_derivative():
    student, teacher = pair()
    teacher.requires_grad_()
    loss = kd_loss(student_logits=student, teacher_logits=teacher)
    gradient = torch.autograd.grad(loss, student, create_graph=True)[0]
    gradient.square().sum().backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


@every_divergence
def test_without_a_student_that_learns_the_value_is_the_same(divergence):
    student, teacher = pair()
    expected, _ = loss_and_gradient(student, teacher, divergence=divergence)
    with torch.no_grad():
        found = kd_loss(student_logits=student, teacher_logits=teacher, divergence=divergence)
    assert found == expected and not found.requires_grad
    with torch.inference_mode():
        assert (
            kd_loss(student_logits=student, teacher_logits=teacher, divergence=divergence) == found
        )


@every_divergence
@pytest.mark.parametrize(("rows", "classes"), [(1, 1), (1, 2), (3, 1), (2, 2), (1, 5)])
def test_one_row_and_one_or_two_classes(divergence, rows, classes):
    student, teacher = pair(rows, classes)
    loss, gradient = loss_and_gradient(student, teacher, divergence=divergence)
    function = DIVERGENCES[divergence].function
    expected = function(teacher.softmax(-1), student.detach().softmax(-1)).mean()
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-15)
    assert gradient.isfinite().all()
    if classes == 1:
        assert loss == 0 and (gradient == 0).all()


# From hidden states -------------------------------------------------------------------------


def hidden(rows=11, classes=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    sizes = ((rows, 3), (classes, 3), (rows, 4), (classes, 4))
    tensors = [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in sizes]
    names = ("student_hidden", "student_weight", "teacher_hidden", "teacher_weight")
    for tensor in tensors:
        tensor.requires_grad_()
    return dict(zip(names, tensors, strict=True))


def materialised(given, **settings):
    return kd_loss(
        student_logits=given["student_hidden"] @ given["student_weight"].T,
        teacher_logits=given["teacher_hidden"] @ given["teacher_weight"].T,
        **settings,
    )


@every_divergence
@pytest.mark.parametrize("masked", [False, True])
def test_from_hidden_is_the_loss_of_the_logits_that_it_never_makes(divergence, masked, monkeypatch):
    monkeypatch.setattr(streaming, "MATRIX_ELEMENTS", 7 * 4)  # four rows at a time
    given = hidden()
    settings = {"temperature": 2.0, "divergence": divergence}
    settings["ignore"] = torch.arange(11) % 3 == 0 if masked else None
    student = given["student_hidden"], given["student_weight"]
    found = kd_loss_from_hidden(**given, **settings)
    expected = materialised(given, **settings)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(2 * found, student, retain_graph=True),
        torch.autograd.grad(2 * expected, student, retain_graph=True),
        rtol=1e-10,
        atol=1e-14,
    )
    again = torch.autograd.grad(found, student)
    torch.testing.assert_close(
        again, torch.autograd.grad(expected, student), rtol=1e-10, atol=1e-14
    )


def test_from_hidden_trains_the_student_alone_and_only_what_asks_for_it():
    given = hidden()
    given["student_weight"].requires_grad_(False)
    kd_loss_from_hidden(**given).backward()
    assert given["student_hidden"].grad is not None
    assert all(given[name].grad is None for name in list(given)[1:])


@every_divergence
def test_nothing_is_learned_where_no_gradient_is_wanted(divergence):
    given = hidden()
    expected = kd_loss_from_hidden(**given, divergence=divergence)
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            found = kd_loss_from_hidden(**given, divergence=divergence)
            assert found == expected and not found.requires_grad
    given["student_hidden"].requires_grad_(False)
    given["student_weight"].requires_grad_(False)
    assert not kd_loss_from_hidden(**given, divergence=divergence).requires_grad
    student, teacher = pair()
    of_teacher = kd_loss(student_logits=student.detach(), teacher_logits=teacher.requires_grad_())
    assert not of_teacher.requires_grad


def test_gradients_from_hidden_are_those_of_the_value():
    given = hidden()

    def of(states, weight):
        return kd_loss_from_hidden(**given | {"student_hidden": states, "student_weight": weight})

    assert torch.autograd.gradcheck(of, (given["student_hidden"], given["student_weight"]))


def test_from_hidden_says_that_it_cannot_be_differentiated_twice():
    # Without this a gradient penalty would be dropped in silence.
    given = hidden()
    with pytest.raises(RuntimeError, match="cannot be differentiated twice.* use kd_loss"):
        torch.autograd.grad(
            kd_loss_from_hidden(**given), given["student_hidden"], create_graph=True
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_from_hidden_computes_half_precision_in_float32_also_under_autocast(dtype):
    given = hidden(dtype=dtype)
    found = kd_loss_from_hidden(**given)
    wide = {name: x.detach().float().requires_grad_() for name, x in given.items()}
    expected = kd_loss_from_hidden(**wide)
    assert found == expected
    names = ("student_hidden", "student_weight")
    gradients = torch.autograd.grad(found, [given[name] for name in names])
    exact = torch.autograd.grad(expected, [wide[name] for name in names])
    for gradient, right in zip(gradients, exact, strict=True):
        assert torch.equal(gradient, right.to(dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert kd_loss_from_hidden(**wide) == expected


# Memory -------------------------------------------------------------------------------------

PROBE = """
import sys, torch
import torch.nn.functional as F
from kdlib.losses import distillation_loss, kd_loss, kd_loss_from_hidden

def megabytes(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))

torch.set_num_threads(1)
N, K, H = 1024, 32_000, 64
labels = torch.zeros(N, dtype=torch.long)
if sys.argv[1].endswith("hidden"):
    hs, ws, ht, wt = (torch.randn(n, H) for n in (N, K, N, K))
    hs.requires_grad_(), ws.requires_grad_()
    s, t = (lambda: hs @ ws.T), (lambda: ht @ wt.T)
else:
    a, b = torch.randn(2, N, K)
    a.requires_grad_()
    s, t = (lambda: a), (lambda: b)

def eager():
    q, p = s().log_softmax(-1), t().log_softmax(-1)
    return F.kl_div(q, p, log_target=True, reduction="batchmean")

def ours(divergence):
    return kd_loss(student_logits=s(), teacher_logits=t(), divergence=divergence)

def blend():
    given = {"student_logits": s(), "teacher_logits": t(), "labels": labels}
    return distillation_loss(**given, temperature=2.0, hard_weight=0.5)

def from_hidden():
    student = {"student_hidden": hs, "student_weight": ws}
    return kd_loss_from_hidden(**student, teacher_hidden=ht, teacher_weight=wt)

makers = {"eager": eager, "eager hidden": eager, "blend": blend, "from hidden": from_hidden}
names = ("kl", "reverse_kl", "js", "total_variation")
makers |= {name: lambda name=name: ours(name) for name in names}
kd_loss(student_logits=torch.zeros(1, 2, requires_grad=True), teacher_logits=torch.zeros(1, 2)).backward()
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark starts anew
before = megabytes("VmRSS")
makers[sys.argv[1]]().backward()
print((megabytes("VmHWM") - before) / (4 * N * K / 2**20))
"""


def peak_in_gradients(case: str) -> float:
    """Extra memory of forward and backward, in units of one (N, K) float32 tensor."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE, case], capture_output=True, text=True, check=True
    )
    return float(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_loss_makes_more_than_the_gradient_and_a_little():
    assert peak_in_gradients("eager") > 3.5  # so the probe can tell
    for case in ("kl", "reverse_kl", "js", "total_variation", "blend"):
        assert 0.9 < peak_in_gradients(case) < 1.3, case


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_from_hidden_never_holds_the_logits():
    assert peak_in_gradients("eager hidden") > 4.5
    assert peak_in_gradients("from hidden") < 0.2 * peak_in_gradients("eager hidden")


def test_the_eager_formula_agrees_on_a_large_vocabulary():
    student, teacher = pair(rows=5, classes=40_000, dtype=torch.float32)
    log_q, log_p = (student / 2).log_softmax(-1), (teacher / 2).log_softmax(-1)
    eager = 4 * F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
    loss, gradient = loss_and_gradient(student, teacher, temperature=2.0)
    torch.testing.assert_close(loss, eager.detach(), rtol=1e-5, atol=0)
    expected = torch.autograd.grad(eager, student)[0]
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-9)
