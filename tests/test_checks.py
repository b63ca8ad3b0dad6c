"""Every public function of divergences and losses, on inputs that are not what they claim to be."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from kdlib import checks, losses
from kdlib import divergences as d

GOOD = [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]
COST = [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]
OF_PAIRS: dict[str, Callable[..., torch.Tensor]] = {
    "kl": d.kl,
    "js": d.js,
    "total_variation": d.total_variation,
    "hellinger": d.hellinger,
    "chi2": d.chi2,
    "cross_entropy": d.cross_entropy,
    "top1_agreement": d.top1_agreement,
    "renyi": lambda p, q, **k: d.renyi(p, q, 2.0, **k),
    "renyi at 1": lambda p, q, **k: d.renyi(p, q, 1.0, **k),
    "generalized_js": lambda p, q, **k: d.generalized_js(p, q, 0.3, **k),
    "generalized_js at 1": lambda p, q, **k: d.generalized_js(p, q, 1.0, normalized=True, **k),
    "skew_kl": lambda p, q, **k: d.skew_kl(p, q, 0.1, **k),
    "skew_kl at 0": lambda p, q, **k: d.skew_kl(p, q, 0.0, **k),
    "wasserstein": lambda p, q, **k: d.wasserstein(p, q, COST, **k),
}
OF_ONE = {"entropy": d.entropy, "flip_budget": d.flip_budget}

# What is wrong, log, the kind of error, and what the message must say (X: the argument's name).
BAD_ENTRIES = [
    ([[0.5, 0.3, 0.2], [0.9, 0.5, 0.3]], False, ValueError, r"X\[1\] sums to 1\.7, expected 1"),
    ([0.5, 0.6], False, ValueError, r"X sums to 1\.1, .*softmax"),
    ([0.0, 0.0, 0.0], False, ValueError, r"X sums to 0, "),
    ([math.inf, 0.5, 0.5], False, ValueError, r"X sums to inf"),
    ([[0.5, 0.5], [2.5, -1.5]], False, ValueError, r"X\[1, 1\] is -1\.5, .*the row sums to 1"),
    ([2.0, -1.0, 0.5], False, ValueError, r"X\[1\] is -1, .*looks like logits: apply softmax"),
    ([-0.7, -0.9, -1.9], False, ValueError, r"X\[0\] is -0\.7, .*log-probabilities: pass log=True"),
    ([[0.5, 0.5], [0.5, math.nan]], False, ValueError, r"X\[1, 1\] is nan"),
    ([2.0, -1.0, 0.5], True, ValueError, r"exp\(X\) sums to 9\.4.*logits: apply log_softmax"),
    ([[0.5, 0.5]], True, ValueError, r"exp\(X\[0\]\) sums to 3\.2.*leave out log=True"),
    ([-math.inf, -math.inf], True, ValueError, r"exp\(X\) sums to 0, "),
    ([math.nan, 0.0], True, ValueError, r"X\[0\] is nan"),
    (torch.tensor([1, 0, 0]), False, TypeError, r"X has dtype torch\.int64, expected floating"),
    (np.array([1, 0, 0]), False, TypeError, r"X has dtype torch\.int64.*X\.to\(torch\.float64\)"),
    (torch.tensor([True, False]), False, TypeError, r"X has dtype torch\.bool"),
    ([True, False], False, TypeError, r"X has dtype torch\.bool"),
    (torch.ones(1, dtype=torch.complex64), False, TypeError, r"X has dtype torch\.complex64"),
]
NO_ENTRIES = [
    (torch.ones(0, 3), False, ValueError, r"X has shape \(0, 3\) and is empty"),
    (torch.ones(2, 0), False, ValueError, r"X has shape \(2, 0\) and is empty"),
    ([], True, ValueError, r"X has shape \(0,\) and is empty"),
    (1.0, False, ValueError, r"X is a single number, expected \(\.\.\., K\)"),
    ([[0.5, 0.5], [1.0]], False, TypeError, r"X is not an array of numbers.*equally long"),
    (["a", "b"], False, TypeError, r"X is of type list"),
    (None, False, TypeError, r"X is of type NoneType"),
]


@pytest.mark.parametrize(("bad", "log", "error", "message"), BAD_ENTRIES)
@pytest.mark.parametrize("name", OF_PAIRS)
@pytest.mark.parametrize("position", ["p", "q"])
def test_a_pair_function_names_the_argument_that_is_no_distribution(
    name, position, bad, log, error, message
):
    shape = np.shape(bad)
    good = np.full(shape, 1 / shape[-1])
    arguments = {"p": np.log(good), "q": np.log(good)} if log else {"p": good, "q": good}
    arguments[position] = bad
    with pytest.raises(error, match=message.replace("X", position)):
        OF_PAIRS[name](**arguments, log=log)


@pytest.mark.parametrize(("bad", "log", "error", "message"), NO_ENTRIES)
@pytest.mark.parametrize("name", OF_PAIRS)
def test_a_pair_function_says_that_there_is_nothing_to_compare(name, bad, log, error, message):
    with pytest.raises(error, match=message.replace("X", "p")):
        OF_PAIRS[name](bad, bad, log=log)


@pytest.mark.parametrize(("bad", "log", "error", "message"), BAD_ENTRIES + NO_ENTRIES)
@pytest.mark.parametrize("name", OF_ONE)
def test_a_function_of_one_names_what_is_no_distribution(name, bad, log, error, message):
    with pytest.raises(error, match=message.replace("X", "p")):
        OF_ONE[name](bad, log=log)


@pytest.mark.parametrize("name", OF_PAIRS)
@pytest.mark.parametrize(
    ("p", "q"),
    [
        (GOOD, GOOD[0]),  # torch would broadcast, scipy too
        (GOOD[:1], GOOD),
        ([[0.5, 0.5]] * 3, [[1.0]] * 3),  # broadcasting gives a negative KL
        (GOOD[0], [0.5, 0.5]),
        ([[[0.5, 0.5]]], [[0.5, 0.5]]),
    ],
)
def test_two_shapes_are_never_broadcast(name, p, q):
    shapes = [str(np.shape(x)).replace("(", r"\(").replace(")", r"\)") for x in (p, q)]
    with pytest.raises(ValueError, match=f"p has shape {shapes[0]} but q has shape {shapes[1]}"):
        OF_PAIRS[name](p, q)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda x: d.generalized_js(GOOD, GOOD, x), "beta"),
        (lambda x: d.skew_kl(GOOD, GOOD, x), "skew"),
        (
            lambda x: losses.distillation_loss(
                student_logits=GOOD,
                teacher_logits=GOOD,
                labels=[0, 1],
                temperature=2.0,
                hard_weight=x,
            ),
            "hard_weight",
        ),
    ],
)
@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan, math.inf])
def test_a_weight_outside_0_to_1_is_named_with_its_value(call, argument, value):
    with pytest.raises(ValueError, match=f"{argument} is {value}, expected a number from 0 to 1"):
        call(value)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf])
def test_the_order_of_renyi_must_be_finite_and_above_0(value):
    with pytest.raises(ValueError, match=f"order is {value}, expected a finite number above 0"):
        d.renyi(GOOD, GOOD, value)


@pytest.mark.parametrize("value", ["2", None, True, torch.ones(2), [1.0]])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="temperature is .*expected a number"):
        checks.temperature(value)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2.0), np.int64(2), np.float64(2.0)])
def test_numbers_of_python_and_numpy_are_numbers(value):
    assert checks.temperature(value) == 2.0
    assert isinstance(checks.temperature(value), float)


@pytest.mark.parametrize("bound", [d.pinsker_bound, d.bretagnolle_huber_bound])
@pytest.mark.parametrize(("bad", "message"), [(-0.1, "kl is -0.1"), ([0.0, math.nan], r"kl\[1\]")])
def test_a_bound_needs_a_divergence_of_0_or_more(bound, bad, message):
    with pytest.raises(ValueError, match=f"{message}.*expected 0 or more"):
        bound(bad)


@pytest.mark.parametrize(
    ("cost", "error", "message"),
    [
        ([[0.0, 1.0], [1.0, 0.0]], ValueError, r"cost has shape \(2, 2\), expected \(3, 3\)"),
        ([[0, 1, 2], [1, 0, -1], [2, 1, 0]], ValueError, r"cost\[1, 2\] is -1, expected 0 or more"),
        ([[0, math.inf, 2], [1, 0, 1], [2, 1, 0]], ValueError, r"cost\[0, 1\] is inf"),
        ([[0, math.nan, 2], [1, 0, 1], [2, 1, 0]], ValueError, r"cost\[0, 1\] is nan"),
        (torch.ones(3, 3, dtype=torch.int64), TypeError, r"cost has dtype torch\.int64"),
    ],
)
def test_a_ground_cost_must_be_square_finite_and_not_negative(cost, error, message):
    with pytest.raises(error, match=message):
        d.wasserstein(GOOD, GOOD, cost)


@pytest.mark.parametrize("name", ["p", "q", "cost"])
def test_wasserstein_says_that_it_has_no_gradient(name):
    arguments = {"p": torch.tensor(GOOD), "q": torch.tensor(GOOD), "cost": torch.tensor(COST)}
    arguments[name].requires_grad_()
    with pytest.raises(ValueError, match=f"{name} requires a gradient, but wasserstein has none"):
        d.wasserstein(**arguments)


LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.ones(3), ValueError, r"X has shape \(3,\), expected \(N, K\).*flatten"),
        (torch.ones(2, 2, 3), ValueError, r"X has shape \(2, 2, 3\), expected \(N, K\)"),
        (torch.ones(0, 3), ValueError, r"X has shape \(0, 3\) and is empty"),
        (torch.ones(2, 0), ValueError, r"X has shape \(2, 0\) and is empty"),
        (LOGITS.log(), ValueError, r"X\[0, 2\] is nan"),
        (LOGITS.masked_fill(LOGITS == 2, math.inf), ValueError, r"X\[0, 0\] is inf, .*overflow"),
        (LOGITS.masked_fill(LOGITS < 2, -math.inf), ValueError, r"X\[1\] is -inf for every class"),
        (LOGITS.long(), TypeError, r"X has dtype torch\.int64"),
        (LOGITS > 0, TypeError, r"X has dtype torch\.bool"),
    ],
)
@pytest.mark.parametrize("position", ["student_logits", "teacher_logits"])
@pytest.mark.parametrize("loss", ["kd_loss", "distillation_loss"])
def test_a_loss_names_the_logits_that_are_none(loss, position, bad, error, message):
    arguments = {"student_logits": LOGITS, "teacher_logits": LOGITS, "temperature": 2.0}
    if loss == "distillation_loss":
        arguments |= {"labels": torch.tensor([0, 1]), "hard_weight": 0.5}
    arguments[position] = bad
    with pytest.raises(error, match=message.replace("X", position)):
        getattr(losses, loss)(**arguments)


@pytest.mark.parametrize("shape", [(2, 4), (1, 3), (2, 1), (3, 3)])
def test_a_loss_shows_both_shapes_when_they_differ(shape):
    message = rf"teacher_logits has shape \({shape[0]}, {shape[1]}\) but student_logits has shape"
    with pytest.raises(ValueError, match=message + r" \(2, 3\): both must be \(N, K\)"):
        losses.kd_loss(student_logits=LOGITS, teacher_logits=torch.zeros(shape))


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf])
def test_a_temperature_must_be_finite_and_above_0(value):
    with pytest.raises(ValueError, match=f"temperature is {value}, expected a finite number"):
        losses.kd_loss(student_logits=LOGITS, teacher_logits=LOGITS, temperature=value)


def test_an_unknown_divergence_gets_the_list_and_the_nearest_name():
    with pytest.raises(ValueError, match="'kld', expected one of chi2, .*Did you mean 'kl'"):
        losses.kd_loss(student_logits=LOGITS, teacher_logits=LOGITS, divergence="kld")


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, r"labels\[1\] is 3, expected 0 to 2 for 3 classes"),
        ([-100, 0], ValueError, r"labels\[0\] is -100, .*without a label"),
        ([0], ValueError, r"labels has shape \(1,\), expected \(2,\)"),
        ([[0, 1]], ValueError, r"labels has shape \(1, 2\), expected \(2,\)"),
        (torch.tensor(1), ValueError, r"labels has shape \(\)"),
        ([0.0, 1.0], TypeError, r"labels has dtype torch\.float64, expected whole numbers"),
        (torch.tensor([True, False]), TypeError, r"labels has dtype torch\.bool"),
        (["DE", "FR"], TypeError, r"labels is of type list"),
    ],
)
def test_a_loss_names_the_label_that_is_none(labels, error, message):
    with pytest.raises(error, match=message):
        losses.distillation_loss(
            student_logits=LOGITS,
            teacher_logits=LOGITS,
            labels=labels,
            temperature=2.0,
            hard_weight=0.5,
        )


@pytest.mark.parametrize(
    "labels",
    [[0, 1], np.array([0, 1], dtype=np.uint8), torch.tensor([0, 1], dtype=torch.int32)],
)
def test_labels_may_be_whole_numbers_of_any_type(labels):
    assert checks.labels_in_range(labels, rows=2, classes=2).tolist() == [0, 1]


def test_arrays_keep_their_type_and_lists_become_float64():
    assert checks.as_floats(np.zeros(2, dtype=np.float32), "p").dtype == torch.float32
    assert checks.as_floats(np.zeros(2, dtype=">f8"), "p").dtype == torch.float64
    assert checks.as_floats([np.float32(0.5), 1], "p").dtype == torch.float64
    read_only = np.array([0.25, 0.75])[::-1]
    read_only.flags.writeable = False
    assert checks.as_floats(read_only, "p").tolist() == [0.75, 0.25]


@pytest.mark.parametrize("dtype", checks.SUM_TOLERANCE)
@pytest.mark.parametrize("log", [False, True])
def test_rounding_to_any_type_is_tolerated_and_a_wrong_sum_is_not(dtype, log):
    logits = 3 * torch.randn(20, 5000, generator=torch.Generator().manual_seed(0)).double()
    exact = logits.log_softmax(-1)
    rounded = exact.to(dtype) if log else exact.exp().to(dtype)
    assert checks.distribution(rounded, "p", log).shape == (20, 5000)
    wrong = rounded + 0.1 if log else rounded * 1.1
    with pytest.raises(ValueError, match=r"p\[0\]"):
        checks.distribution(wrong, "p", log)
