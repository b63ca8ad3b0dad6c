"""Exercises: four statuses, hints, and the cells of a lesson; never a traceback of ours."""

import re
import sys
import types

import pytest
import torch
from exercise_samples import (
    a_choice,
    a_design,
    a_number,
    an_exercise,
    entropy_by_hand,
)
from nbconvert.filters import markdown2html
from torch import Tensor

from kdlib.exercises import engine
from kdlib.exercises.engine import Wrong, exercises_of, lesson_ids

# The four statuses


def test_a_right_function_is_correct_and_gets_the_deepening_sentence():
    outcome = an_exercise().check(lambda p: torch.special.entr(p).sum(-1))
    assert (outcome.status, outcome.message) == (
        "correct",
        "It is largest for the uniform distribution.",
    )


@pytest.mark.parametrize("name", ["sign", "nan", "all"])
def test_a_named_wrong_answer_gets_its_own_message(name):
    exercise = an_exercise()
    outcome = exercise.check(exercise.wrong[name].answer)
    says = [key for key, wrong in exercise.wrong.items() if wrong.says in outcome.message]
    assert (outcome.status, says) == ("not yet", [name])


def test_a_wrong_answer_is_recognised_by_what_it_gives_not_by_how_it_is_written():
    def written_otherwise(p):
        total = 0.0
        for row in torch.atleast_2d(p):
            total = total + entropy_by_hand(row)
        return total

    assert "summed over the rows" in an_exercise().check(written_otherwise).message


def test_the_message_shows_the_smallest_case_on_which_it_is_wrong():
    exercise = an_exercise()
    assert exercise.check(exercise.wrong["sign"].answer).message.endswith(
        "With `p = [0.5, 0.5]`: yours gives `-0.6931`, right is `0.6931`."
    )
    assert exercise.check(exercise.wrong["all"].answer).message.endswith(
        "With `p = [[0.9, 0.1], [0.2, 0.8]]`: yours gives `0.8255`, right is `[0.3251, 0.5004]`."
    )
    assert exercise.check(exercise.wrong["nan"].answer).message.endswith(
        "With `p = [1, 0]`: yours gives `nan`, right is `0`."
    )


def test_an_unnamed_wrong_answer_still_gets_the_smallest_case():
    outcome = an_exercise().check(lambda p: p.sum(-1) * 3)
    assert outcome.status == "not yet"
    assert "With `p = [0.5, 0.5]`: yours gives `3`, right is `0.6931`" in outcome.message


@pytest.mark.parametrize(
    "answer",
    [..., lambda p: ..., lambda p: (... * p).sum(-1), lambda p: (...).log(), [0.5, ...], (..., 1)],
)
def test_a_gap_left_open_is_not_attempted(answer):
    outcome = an_exercise().check(answer)
    assert outcome.status == "not attempted yet"
    assert "my_entropy" in outcome.message


def exit_at_once(p):
    sys.exit("bye")


def press_stop(p):
    raise KeyboardInterrupt


def recurse(p):
    return recurse(p)


class BrokenError(Exception):
    def __str__(self):
        raise RuntimeError("even the message is broken")


def raise_broken(p):
    raise BrokenError


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda p: p.logg(), "AttributeError: 'Tensor' object has no attribute 'logg'"),
        (lambda p: 1 / 0, "ZeroDivisionError"),
        (exit_at_once, "SystemExit: bye"),
        (press_stop, "KeyboardInterrupt"),
        (recurse, "RecursionError"),
        (raise_broken, "`BrokenError`"),
        (lambda p: None, "returned None: did you forget `return`?"),
        (lambda p: "0.69", "returned a text, expected a number"),
        (lambda p: (yield p), "returned an object of type generator, expected a number"),
        (lambda p: [None, 1.0], "returned a list of length 2, expected a number"),
        (lambda: 1.0, "is called with 1 arguments, (p), but is defined with ()"),
        (lambda p, q: 1.0, "is called with 1 arguments, (p), but is defined with (p, q)"),
        (0.5, "Expected a function, got a number. Hand over the function itself"),
        (torch.zeros(3), "Expected a function, got a tensor of shape (3,)"),
        (None, "Expected a function, got None"),
        ("entropy", "Expected a function, got a text"),
        ({}, "Expected a function, got a dictionary"),
        (object(), "Expected a function, got an object of type object"),
    ],
)
def test_what_cannot_be_checked_is_said_kindly(answer, words):
    outcome = an_exercise().check(answer)
    assert outcome.status == "could not check"
    assert words in outcome.message
    assert "Traceback" not in outcome.message


def test_an_answer_that_raises_is_told_on_which_input():
    message = an_exercise().check(lambda p: p[7]).message
    assert message.endswith("The input was `p = [0.5, 0.5]`.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda p: entropy_by_hand(p)[None], "has shape (1,), expected ()"),
        (lambda p: entropy_by_hand(p) * float("nan"), "The result is nan"),
        (lambda p: float("inf") * torch.ones(p.shape[:-1]), "yours gives `inf`"),
    ],
)
def test_a_result_that_is_merely_wrong_is_not_yet(answer, words):
    outcome = an_exercise().check(answer)
    assert outcome.status == "not yet"
    assert words in outcome.message


# Hints, solutions and cells


def test_hints_come_one_after_the_other_and_the_last_one_stays():
    exercise = an_exercise()
    hints = [exercise.hint() for _ in range(3)]
    assert [hint.text for hint in hints] == [exercise.hints[0], exercise.hints[1]] + [
        exercise.hints[1]
    ]
    assert str(hints[0]).startswith("Hint 1 · Entropy by hand")
    assert hints[1]._repr_markdown_().startswith("**Hint 2 · Entropy by hand**")


def test_the_solution_shows_its_source_under_the_learners_name():
    text = str(an_exercise().solution())
    assert "def my_entropy(p: Tensor) -> Tensor:" in text
    assert "entropy_by_hand" not in text
    assert "`xlogy` is 0 at 0." in text


def test_the_solved_cell_binds_the_variable_and_is_correct():
    for exercise in (an_exercise(), a_number(), a_choice(), a_design()):
        ex = types.SimpleNamespace(entropy=exercise)
        namespace = {"ex": ex, "torch": torch, "Tensor": Tensor}
        *_, check = exercise.solved_cell().splitlines()
        exec(exercise.solved_cell(), namespace)
        assert eval(check, namespace).status == "correct"


def test_the_stub_cell_is_the_stub_and_the_check():
    assert an_exercise().stub_cell() == (
        "def my_entropy(p: Tensor) -> Tensor:\n    return ...\n\n\nex.entropy.check(my_entropy)"
    )


def test_the_about_cell_says_what_how_hard_and_how_long():
    about = an_exercise().about()
    assert about.startswith("### Exercise · Entropy by hand\n\n")
    assert "Difficulty ●●○ (2 of 3) · about 5 minutes · practises logs" in about
    assert about.count("<details>") == about.count("</details>") == 3


def test_markdown_inside_the_folded_blocks_is_rendered():
    page = markdown2html(an_exercise().about())
    assert "```" not in page
    assert "<code>torch.xlogy</code>" in page
    assert page.count("<summary>") == 3


@pytest.fixture
def lesson_97(monkeypatch):
    module = types.ModuleType("kdlib.exercises.lesson_97")
    module.first, module.entropy = an_exercise(name="first"), an_exercise()
    module.other = "not an exercise"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(engine, "lesson_ids", lambda: ["97"])
    return module


def test_exercises_are_numbered_in_the_order_of_their_module(lesson_97):
    assert exercises_of("97") == [lesson_97.first, lesson_97.entropy]
    assert lesson_97.entropy.about().startswith("### Exercise 97.2 · Entropy by hand")
    assert lesson_97.entropy.check(...).title == "Exercise 97.2 · Entropy by hand"


def test_an_unknown_lesson_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="lesson is 'x', expected one of"):
        exercises_of("x")


def test_lesson_ids_are_two_digits_in_order():
    assert lesson_ids() == sorted(lesson_ids())
    assert all(re.fullmatch(r"\d\d", lesson) for lesson in lesson_ids())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"difficulty": 4}, "difficulty is 4, expected 1, 2 or 3"),
        ({"difficulty": 0}, "difficulty is 0"),
        ({"minutes": 0}, "minutes is 0"),
        ({"title": " "}, "title is empty"),
        ({"deepens": ""}, "deepens is empty"),
        ({"lesson": "1"}, "two digits"),
        ({"name": "about-kl"}, "Python names"),
        ({"variable": "my kl"}, "Python names"),
        ({"hints": ("one",)}, "hints must be two"),
        ({"hints": ("one", " ")}, "hints must be two"),
        ({"stub": "def my_entropy(p):\n    pass"}, "no `...`"),
        ({"stub": "def my_entropy(p:\n    ..."}, "not Python"),
        ({"stub": "def other(p):\n    return ..."}, "does not bind my_entropy"),
        ({"right": lambda p: p}, "right is a lambda"),
        ({"wrong": {"a": Wrong(1, "")}}, "must say something"),
    ],
)
def test_an_exercise_that_is_not_well_formed_says_what_is_missing(change, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        an_exercise(**change)
    assert str(caught.value).startswith("exercise ")


def test_texts_in_place_of_numbers_are_shown():
    """A reader was told: expected a tuple of length 2, got a tuple of length 2."""
    exercise = an_exercise(
        stub="my_entropy = ...", right=(0.5, 0.5), judge=lambda *_: None, wrong={}
    )
    assert "Expected numbers inside, found `('a', 'b')`" in exercise.check(("a", "b")).message
