"""The guard: code that raises, exits or never ends is given up, stopped and explained."""

import _thread
import threading

import pytest
import torch
from exercise_samples import CASES, a_number, an_exercise, cell, entropy_by_hand

from kdlib.exercises import guard
from kdlib.exercises.guard import CannotCheck, guarded
from kdlib.exercises.judges import satisfies

# Code that does not end, and where it runs


@pytest.fixture
def short_limit(monkeypatch):
    monkeypatch.setattr(guard, "LIMIT_SECONDS", 0.2)


def loop_for_ever(p):
    while True:
        pass


def test_an_endless_loop_is_given_up_and_stopped(short_limit):
    before = set(threading.enumerate())
    outcome = an_exercise().check(loop_for_ever)
    assert outcome.status == "could not check"
    assert "not finished after 0.2 s" in outcome.message
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_an_endless_loop_that_swallows_exceptions_is_stopped_too(short_limit):
    def stubborn(p):
        caught = 0
        while caught < 2:
            try:
                while True:
                    pass
            except BaseException:
                caught += 1

    before = set(threading.enumerate())
    assert an_exercise().check(stubborn).status == "could not check"
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_a_predicate_or_a_value_that_never_ends_is_given_up(short_limit):
    exercise = a_number(judge=satisfies((loop_for_ever, "Too many.")))
    assert exercise.check(0.5).status == "could not check"


def test_the_users_interrupt_is_passed_on_and_stops_the_answer():
    def interrupted(p):
        _thread.interrupt_main()
        loop_for_ever(p)

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        an_exercise().check(interrupted)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_an_answer_can_be_checked_off_the_main_thread():
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(an_exercise().check(entropy_by_hand)))
    thread.start()
    thread.join()
    assert outcomes[0].status == "correct"


def test_what_an_answer_prints_appears(capsys):
    def talkative(p):
        print("here I am")
        return entropy_by_hand(p)

    an_exercise().check(talkative)
    assert capsys.readouterr().out.count("here I am") == len(CASES)


def test_gradients_are_on_for_the_answer_even_if_they_are_off_outside():
    with torch.no_grad():
        assert guarded(torch.is_grad_enabled, answer=None)


def test_a_broken_exercise_is_no_traceback_either():
    def careless(answer, exercise):
        raise KeyError("cases")

    assert an_exercise(judge=careless).check(entropy_by_hand).status == "could not check"


def test_the_line_of_the_learners_cell_is_quoted():
    code = "def deeper(q):\n    return q.logg()\n\ndef mine(p):\n    return deeper(p)\n"
    message = an_exercise().check(cell(code, "<cell 1>")["mine"]).message
    assert "in line 2 of your cell: `return q.logg()`" in message


def test_the_line_is_found_below_decorators_and_in_modules():
    code = (
        "@torch.no_grad()\ndef mine(p):\n    return p.logg()\n\n"
        "class Net(torch.nn.Module):\n    def forward(self, p):\n        return p.logg()\n"
    )
    namespace = cell(code, "<cell 2>")
    assert "in line 3 of your cell" in an_exercise().check(namespace["mine"]).message
    assert "in line 7 of your cell" in an_exercise().check(namespace["Net"]()).message


def test_a_line_that_cannot_be_found_is_left_out():
    namespace = {}
    exec("def mine(p):\n    return p.logg()", namespace)
    message = an_exercise().check(namespace["mine"]).message
    assert "in line 2 of your cell." in message
    assert "kdlib" not in message


def test_the_guard_passes_a_verdict_on_unchanged():
    def judge():
        raise CannotCheck("because")

    with pytest.raises(CannotCheck, match="^because$"):
        guarded(judge, answer=None)
