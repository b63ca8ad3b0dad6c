"""Small exercises of each kind, for the tests of the engine."""

import linecache

import torch
from torch import Tensor

from kdlib.exercises.engine import Exercise, Wrong
from kdlib.exercises.judges import near, one_of, same_function, satisfies, wrong_options


def entropy_by_hand(p: Tensor) -> Tensor:
    """H(p) in nats. p: (..., K) -> (...)."""
    return -torch.xlogy(p, p).sum(-1)


def without_xlogy(p: Tensor) -> Tensor:
    return -(p * p.log()).sum(-1)


CASES = (
    (torch.tensor([0.5, 0.5]),),
    (torch.tensor([[0.9, 0.1], [0.2, 0.8]]),),
    (torch.tensor([1.0, 0.0]),),
)


def an_exercise(**changes) -> Exercise:
    parts = dict(
        lesson="97",
        name="entropy",
        title="Entropy by hand",
        statement="Write $H(p)$.",
        difficulty=2,
        minutes=5,
        skill="logs",
        variable="my_entropy",
        stub="def my_entropy(p: Tensor) -> Tensor:\n    return ...",
        hints=("What is `0 * log(0)`?", "Use `torch.xlogy`."),
        right=entropy_by_hand,
        explanation="`xlogy` is 0 at 0.",
        deepens="It is largest for the uniform distribution.",
        judge=same_function(CASES),
        wrong={
            "sign": Wrong(lambda p: -entropy_by_hand(p), "The sign is turned."),
            "nan": Wrong(without_xlogy, "0 times minus infinity is nan."),
            "all": Wrong(lambda p: entropy_by_hand(p).sum(), "You summed over the rows too."),
        },
    )
    return Exercise(**(parts | changes))


def a_number(**changes) -> Exercise:
    return an_exercise(
        **dict(
            stub="my_entropy = ...  # a number",
            right=0.6,
            judge=near(0.01),
            wrong={"percent": Wrong(60.0, "That is a percentage.")},
        )
        | changes
    )


OPTIONS = {"a": "KL is not symmetric.", "b": "Right.", "C": "Only a bound."}


def a_choice() -> Exercise:
    return a_number(right="b", judge=one_of(OPTIONS), wrong=wrong_options(OPTIONS, right="b"))


def a_design() -> Exercise:
    judge = satisfies(
        (lambda pair: len(pair) == 2, "I need two numbers."),
        (lambda pair: pair[0] < pair[1], "The first must be smaller."),
        (lambda pair: pair[1] < 10, "The second must be below 10."),
    )
    equal = Wrong((1, 1), "Equal numbers are not smaller.")
    return a_number(right=(1, 2), judge=judge, wrong={"equal": equal})


def cell(code: str, file: str) -> dict:
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    namespace = {"torch": torch}
    exec(compile(code, file, "exec"), namespace)
    return namespace
