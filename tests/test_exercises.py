"""Every exercise and quiz of every lesson, found by themselves: a new lesson is tested at once.

The solution is correct, the stub is not attempted, each named wrong answer gets its own message
and no other, and nonsense gets a kind one.
"""

import ast
import contextlib
import importlib
import io
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager

from kdlib.exercises import guard
from kdlib.exercises.engine import Exercise, exercises_of, lesson_ids
from kdlib.exercises.outcome import CORRECT, COULD_NOT_CHECK, NOT_ATTEMPTED, NOT_YET, Outcome
from kdlib.exercises.quiz import Quiz, quiz_of

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LESSONS = lesson_ids()
EXERCISES = [exercise for lesson in LESSONS for exercise in exercises_of(lesson)]
MISTAKES = [(exercise, name) for exercise in EXERCISES for name in exercise.wrong]
LONGEST_MESSAGE = 900


def of_each(exercises: list[Exercise]) -> pytest.MarkDecorator:
    names = [f"{exercise.lesson}-{exercise.name}" for exercise in exercises]
    return pytest.mark.parametrize("exercise", exercises, ids=names)


def asks_for_a_function(exercise: Exercise) -> bool:
    return callable(exercise.right)


@cache
def first_cell(lesson: str) -> dict[str, Any]:
    """What the first code cell of the lesson's notebook defines."""
    notebooks = list(NOTEBOOKS.glob(f"{lesson}_*.ipynb"))
    assert len(notebooks) == 1, f"lesson {lesson} needs one notebook, notebooks/{lesson}_*.ipynb"
    cells = nbformat.read(notebooks[0], as_version=4).cells
    source = next(cell.source for cell in cells if cell.cell_type == "code")
    namespace: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(TransformerManager().transform_cell(source), namespace)
    return namespace


def run_cell(exercise: Exercise, source: str) -> Outcome:
    """What a notebook would show for this cell, run after the lesson's first one."""
    tree = ast.parse(source)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    namespace = dict(first_cell(exercise.lesson))
    exec(compile(tree, "<cell>", "exec"), namespace)
    outcome: Outcome = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    return outcome


def test_there_are_lessons_with_exercises():
    assert {"00", "01", "04"} <= set(LESSONS)
    for lesson in LESSONS:
        assert 1 <= len(exercises_of(lesson)) <= 9, lesson


@of_each(EXERCISES)
def test_the_object_knows_where_it_stands(exercise):
    module = importlib.import_module(f"kdlib.exercises.lesson_{exercise.lesson}")
    assert getattr(module, exercise.name) is exercise
    assert f"Exercise {int(exercise.lesson)}." in exercise.about()


@of_each(EXERCISES)
def test_the_solution_is_correct(exercise):
    outcome = exercise.check(exercise.right)
    assert (outcome.status, outcome.message) == (CORRECT, exercise.deepens)


@of_each(EXERCISES)
def test_the_solved_cell_runs_in_the_lesson_and_is_correct(exercise):
    assert run_cell(exercise, exercise.solved_cell()).status == CORRECT


@of_each(EXERCISES)
def test_the_stub_is_not_attempted_yet(exercise):
    assert run_cell(exercise, exercise.stub_cell()).status == NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("exercise", "name"), MISTAKES, ids=[f"{e.lesson}-{e.name}-{name}" for e, name in MISTAKES]
)
def test_a_wrong_answer_gets_its_own_message_and_no_other(exercise, name):
    outcome = exercise.check(exercise.wrong[name].answer)
    assert outcome.status == NOT_YET
    heard = {wrong.says for wrong in exercise.wrong.values() if wrong.says in outcome.message}
    assert heard == {exercise.wrong[name].says}


@of_each(EXERCISES)
def test_common_mistakes_are_named(exercise):
    assert len(exercise.wrong) >= 2


@of_each([exercise for exercise in EXERCISES if asks_for_a_function(exercise)])
def test_the_message_shows_an_input_on_which_the_mistake_shows(exercise):
    for wrong in exercise.wrong.values():
        assert "yours gives `" in exercise.check(wrong.answer).message


def nothing(*arguments):
    return None


def no_number(*arguments):
    return float("nan")


def wrong_shape(*arguments):
    return torch.zeros(2, 3, 4, 5)


def a_word(*arguments):
    return "banana"


def raises(*arguments):
    raise RuntimeError("my own mistake")


def leaves(*arguments):
    sys.exit()


def hangs(*arguments):
    while True:
        time.sleep(0.01)


WORTHLESS = [nothing, no_number, wrong_shape, a_word, raises, leaves, hangs]
SENSELESS = [None, "banana", "", object(), {}, {"a": None}, [], [None], ([], []), b"bytes"]
SENSELESS += [float("nan"), -1, True, 1j, torch.zeros(2, 3, 4, 5), [float("nan")] * 3, print, int]


def kindly_refused(outcome: Outcome) -> bool:
    return (
        outcome.status in (NOT_YET, COULD_NOT_CHECK)
        and 0 < len(outcome.message) <= LONGEST_MESSAGE
        and not any(word in outcome.message for word in ("Traceback", "kdlib/", "File "))
    )


@of_each(EXERCISES)
def test_nonsense_gets_a_kind_message(exercise, monkeypatch):
    monkeypatch.setattr(guard, "LIMIT_SECONDS", 0.2)
    for answer in SENSELESS + WORTHLESS:
        if answer is not exercise.right:
            outcome = exercise.check(answer)
            assert kindly_refused(outcome), (answer, str(outcome))


@of_each([exercise for exercise in EXERCISES if asks_for_a_function(exercise)])
def test_a_function_that_does_not_work_is_told_how_it_failed(exercise, monkeypatch):
    monkeypatch.setattr(guard, "LIMIT_SECONDS", 0.2)
    assert "returned None" in exercise.check(nothing).message
    assert "my own mistake" in exercise.check(raises).message
    assert "SystemExit" in exercise.check(leaves).message
    assert "not finished after" in exercise.check(hangs).message
    for answer in (nothing, raises, leaves, hangs):
        assert exercise.check(answer).status == COULD_NOT_CHECK


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_ends_with_a_quiz_that_explains_every_option(lesson):
    quiz = quiz_of(lesson)
    assert isinstance(quiz, Quiz)
    assert quiz.lesson == lesson
    for question in quiz.questions:
        explanations = [option.explanation for option in question.options]
        assert len(set(explanations)) == len(explanations) >= 2
        assert len({option.text for option in question.options}) == len(explanations)
        assert all(explanation in str(quiz) for explanation in explanations)
