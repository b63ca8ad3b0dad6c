"""Judges: what is right, which mistake is which, and results of every type."""

import re

import numpy as np
import pytest
import torch
from exercise_samples import (
    CASES,
    OPTIONS,
    a_choice,
    a_design,
    a_number,
    an_exercise,
    cell,
    entropy_by_hand,
)
from torch import nn

from kdlib.exercises.engine import Wrong
from kdlib.exercises.judges import near, same_function, satisfies, wrong_options

# Results of every type


@pytest.mark.parametrize(
    "convert", [float, np.float32, torch.tensor, lambda x: np.asarray([x])[0], int]
)
def test_a_number_may_come_as_any_numeric_type(convert):
    def half(n):
        return n / 2

    exercise = an_exercise(right=half, judge=same_function(((2.0,), (4.0,))), wrong={})
    assert exercise.check(lambda n: convert(half(n))).status == "correct"


def test_tuples_dictionaries_nan_and_inf_are_compared_entry_by_entry():
    def summary(x):
        return {"range": (x.min(), x.max()), "first": x, "name": "x"}

    cases = ((torch.tensor([1.0, float("nan"), float("inf")]),),)
    exercise = an_exercise(right=summary, judge=same_function(cases), wrong={})
    assert exercise.check(lambda x: summary(x) | {"first": x.tolist()}).status == "correct"
    assert exercise.check(lambda x: summary(x) | {"name": "y"}).status == "not yet"
    assert exercise.check(lambda x: summary(x) | {"range": (x.min(),)}).status == "not yet"


def test_a_result_that_requires_a_gradient_can_be_compared():
    weight = torch.ones((), requires_grad=True)
    assert an_exercise().check(lambda p: weight * entropy_by_hand(p)).status == "correct"


def test_models_can_be_inputs_and_callables_can_be_answers():
    class Scale(nn.Module):
        def forward(self, p):
            return entropy_by_hand(p)

    assert an_exercise().check(Scale()).status == "correct"

    def count(model):
        return sum(p.numel() for p in model.parameters())

    exercise = an_exercise(right=count, judge=same_function(((nn.Linear(2, 3),),)), wrong={})
    outcome = exercise.check(lambda model: 8)
    assert "With `model = a Linear`: yours gives `8`, right is `9`" in outcome.message


# Inputs changed in place


def in_place(p):
    p[p == 0] = 1.0
    return entropy_by_hand(p)


def test_a_change_of_the_input_is_named_though_the_result_is_right():
    outcome = an_exercise().check(in_place)
    assert outcome.status == "not yet"
    assert "changes its input `p` in place" in outcome.message


def test_a_change_of_the_input_can_be_a_named_wrong_answer():
    wrong = {"in_place": Wrong(in_place, "You mended the caller's tensor.")}
    assert "mended the caller's" in an_exercise(wrong=wrong).check(in_place).message


def test_a_change_of_the_input_does_not_damage_the_cases():
    exercise = an_exercise()

    def destroy(p):
        return p.zero_().sum(-1)

    assert exercise.check(destroy).status == "not yet"
    assert exercise.check(entropy_by_hand).status == "correct"


# Judges of values


@pytest.mark.parametrize("answer", [0.6, 0.605, np.float32(0.6), torch.tensor(0.6)])
def test_a_number_within_tolerance_is_correct(answer):
    assert a_number().check(answer).status == "correct"


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (60, "not yet", "That is a percentage."),
        (0.7, "not yet", "`0.7` is too large."),
        (-1, "not yet", "`-1` is too small."),
        (float("nan"), "not yet", "nan, not a number"),
        (float("inf"), "not yet", "too large"),
        ("0.6", "could not check", "Expected a number, got a text"),
        ([0.6], "could not check", "Expected a number, got a list of length 1"),
        (torch.zeros(2), "could not check", "got a tensor of shape (2,)"),
        (None, "could not check", "Expected a number, got None"),
        (len, "could not check", "Expected a number, got a function"),
        (1j, "could not check", "got an object of type complex"),
    ],
)
def test_other_numbers_and_what_is_no_number(answer, status, words):
    outcome = a_number().check(answer)
    assert outcome.status == status
    assert words in outcome.message


def test_a_wrong_number_is_named_by_the_nearest_mistake_within_the_tolerance():
    # Regression: the tolerance counted as a relative one too, so that at 100 all were the first.
    mistakes = {
        "zero": Wrong(0, "Nothing."),
        "half": Wrong(700, "Half."),
        "twice": Wrong(2800, "2x."),
    }
    exercise = a_number(right=1400, judge=near(100), wrong=mistakes)
    assert exercise.check(750).message == "Half."
    assert exercise.check(2750).message == "2x."
    assert "too small" in exercise.check(1000).message


def test_an_infinite_number_can_be_right():
    exercise = a_number(right=float("inf"), judge=near(0.1))
    assert exercise.check(float("inf")).status == "correct"
    assert exercise.check(1e300).status == "not yet"


@pytest.mark.parametrize("answer", ["b", "B", " B ", "b)", "(b)", "b."])
def test_a_choice_is_read_generously(answer):
    assert a_choice().check(answer).status == "correct"


def test_a_wrong_choice_gets_its_explanation_whatever_its_case():
    assert list(wrong_options(OPTIONS, right="b")) == ["a", "C"]
    for answer in ("c", "C"):
        assert a_choice().check(answer).message == "Only a bound."


@pytest.mark.parametrize("answer", ["d", "", "all", 2, ["b"], None])
def test_what_is_no_option_cannot_be_checked(answer):
    outcome = a_choice().check(answer)
    assert outcome.status == "could not check"
    assert re.search(r"Expected (one of a, b, C|a text)", outcome.message)


@pytest.mark.parametrize("answer", [(1, 2), [3, 4], torch.tensor([0.5, 9.5])])
def test_many_designs_are_right(answer):
    assert a_design().check(answer).status == "correct"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((1, 2, 3), "I need two numbers."),
        ((20, 11), "The first must be smaller."),
        ((1, 11), "The second must be below 10."),
        ((1, 1), "Equal numbers are not smaller."),
        ((1, float("nan")), "The first must be smaller."),
    ],
)
def test_a_design_hears_the_first_requirement_that_fails(answer, message):
    outcome = a_design().check(answer)
    assert (outcome.status, outcome.message) == ("not yet", message)


def test_a_design_that_cannot_be_examined_is_told_what_was_expected():
    outcome = a_design().check(5)
    assert outcome.status == "could not check"
    assert outcome.message.startswith("Expected a tuple of length 2, got a number. Looking at")


def test_a_function_can_be_designed_and_its_error_is_located():
    exercise = a_number(right=len, judge=satisfies((lambda f: f([1, 2]) > 1, "Too small.")))
    code = "def mine(x):\n    return x / 2\n"
    message = exercise.check(cell(code, "<cell 3>")["mine"]).message
    assert message.startswith("Your code raised `TypeError")
    assert "line 2 of your cell: `return x / 2`" in message


# Mistakes that come together


def test_a_named_mistake_is_known_beside_another_one():
    """A reader wrote the plain formula and turned the sign as well, and was told neither."""
    message = an_exercise().check(lambda p: (p * p.log()).sum(-1)).message
    assert message.startswith("The sign is turned.")


def test_a_mistake_that_shows_on_few_cases_only_is_not_guessed():
    def right_once(p):
        return entropy_by_hand(p) if p.ndim == 1 and p[0] == 1 else torch.full(p.shape[:-1], 7.0)

    message = an_exercise().check(right_once).message
    assert not any(message.startswith(wrong.says) for wrong in an_exercise().wrong.values())


@pytest.mark.parametrize("hide", [lambda x: x.nan_to_num(), lambda x: x.clamp(max=50.0)])
def test_a_hidden_infinity_is_named(hide):
    def surprise(p):
        return -p.log().sum(-1)

    exercise = an_exercise(right=surprise, judge=same_function(CASES), wrong={})
    assert "Infinite is right here" in exercise.check(lambda p: hide(surprise(p))).message


def test_a_loss_that_is_right_but_detached_trains_nothing():
    """A reader's loss with `student_logits.detach()` was accepted."""

    def loss(logits):
        return logits.exp().sum()

    cases = ((torch.zeros(2, requires_grad=True),),)
    exercise = an_exercise(right=loss, judge=same_function(cases), wrong={})
    assert exercise.check(lambda z: loss(z)).status == "correct"
    for detached in (lambda z: loss(z.detach()), lambda z: loss(z).item()):
        outcome = exercise.check(detached)
        assert outcome.status == "not yet" and "no gradient" in outcome.message
