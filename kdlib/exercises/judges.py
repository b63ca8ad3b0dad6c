"""What makes an answer right, and which mistake is it if it is wrong?

Each function here makes a judge: a function of (answer, exercise) that returns None if the answer
is right and otherwise the message for the learner. A wrong answer is recognised by what it
*gives*: if its results equal those of one of the exercise's named wrong answers, the learner gets
that answer's message, and always the smallest case on which the mistake shows.

An answer that computes something else (another value, another shape, nan) is *not yet* right. One
that gives nothing comparable (it raises, hangs, returns None or a text where a number is meant)
could not be checked: CannotCheck. Judges run inside `guard.guarded`.
"""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from kdlib.exercises.compare import as_numbers, family, same
from kdlib.exercises.engine import Exercise, Judge, Wrong
from kdlib.exercises.guard import CannotCheck, NotAttempted, what_was_raised
from kdlib.exercises.wording import contrast, inputs, kind, short

Case = tuple[Any, ...]
NO_GRADIENT = (
    "The numbers are right, but no gradient reaches the input: this would train nothing. "
    "`.detach()`, `.item()`, `torch.no_grad()` and numpy cut it off."
)


@dataclass(frozen=True)
class Call:
    """What one call gave, and which argument it changed in place ("" for none)."""

    result: Any
    changed: str = ""


def same_function(cases: Sequence[Case], tolerance: float = 1e-6) -> Judge:
    """Right if answer(*case) equals exercise.right(*case) on every case; smallest case first.

    Where the inputs of a case require a gradient, the result must pass it on: a loss that is right
    as a number and detached trains nothing.
    """

    def judge(answer: Any, exercise: Exercise) -> str | None:
        _takes(answer, cases[0], exercise)
        yours = [_your_call(answer, case, exercise) for case in cases]
        right = _calls(exercise.right, cases, exercise)
        for mine, wanted in zip(yours, right, strict=True):
            _comparable(mine.result, wanted.result, exercise)
        first = _first_difference(yours, right, tolerance)
        if first is None:
            return None if _as_trainable(yours, right) else NO_GRADIENT
        message = _named_function(yours, right, cases, exercise, tolerance)
        message = message or _unnamed(yours[first], right[first], exercise)
        if same(yours[first].result, right[first].result, tolerance):
            return message
        shown = contrast(yours[first].result, right[first].result)
        return f"{message}\nWith {inputs(exercise.right, cases[first])}: {shown}."

    return judge


def near(tolerance: float) -> Judge:
    """Right if the answer is a number within `tolerance` of `exercise.right`."""

    def judge(answer: Any, exercise: Exercise) -> str | None:
        number = as_numbers(answer)
        if number is None or number.ndim:
            raise CannotCheck(f"Expected a number, got {kind(answer)}.")
        if np.isclose(number, exercise.right, rtol=0, atol=tolerance):
            return None
        if np.isnan(number):
            return "This is nan, not a number: look for 0/0, inf - inf or 0 * log(0)."
        direction = "large" if number > exercise.right else "small"
        return _nearest_mistake(float(number), exercise, tolerance) or (
            f"`{short(answer)}` is too {direction}."
        )

    return judge


def one_of(options: Mapping[str, str]) -> Judge:
    """Right if the answer is the letter `exercise.right`; each letter has its explanation."""
    letters = {letter.lower(): letter for letter in options}

    def judge(answer: Any, exercise: Exercise) -> str | None:
        letter = letters.get(answer.strip(" .:()").lower())
        if letter is None:
            raise CannotCheck(
                f"Expected one of {', '.join(options)} in quotation marks, got `{short(answer)}`."
            )
        return None if letter == exercise.right else options[letter]

    return judge


def satisfies(*requirements: tuple[Callable[[Any], bool], str]) -> Judge:
    """Right if every requirement holds; the first that does not gives the message."""

    def judge(answer: Any, exercise: Exercise) -> str | None:
        for holds, message in requirements:
            if not _holds(holds, answer, exercise):
                return _named_value(answer, exercise, tolerance=1e-9) or message
        return None

    return judge


def wrong_options(options: Mapping[str, str], right: str) -> dict[str, Wrong]:
    """The named wrong answers of a choice: every option but the right one."""
    return {letter: Wrong(letter, says) for letter, says in options.items() if letter != right}


def _takes(answer: Any, case: Case, exercise: Exercise) -> None:
    """The answer can be called with so many arguments."""
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # some functions written in C do not say
        return
    try:
        signature.bind(*case)
    except TypeError:
        wanted = list(inspect.signature(exercise.right).parameters)
        raise CannotCheck(
            f"`{exercise.variable}` is called with {len(case)} arguments, "
            f"({', '.join(wanted)}), but is defined with {signature}."
        ) from None


def _your_call(answer: Any, case: Case, exercise: Exercise) -> Call:
    try:
        call = _call(answer, case, exercise)
    except BaseException as error:
        if isinstance(error, TypeError | AttributeError) and "ellipsis" in str(error):
            raise NotAttempted from error
        raised = what_was_raised(error, answer)
        raise CannotCheck(f"{raised}\nThe input was {inputs(exercise.right, case)}.") from error
    if call.result is ...:
        raise NotAttempted
    if call.result is None:
        raise CannotCheck(f"`{exercise.variable}` returned None: did you forget `return`?")
    return call


def _call(function: Callable[..., Any], case: Case, exercise: Exercise) -> Call:
    given = copy.deepcopy(case)
    result = function(*given)
    names = inspect.signature(exercise.right).parameters
    for name, before, after in zip(names, case, given, strict=False):
        if family(before) == "numbers" and not same(before, after, tolerance=0):
            return Call(result, changed=name)
    return Call(result)


def _calls(function: Any, cases: Sequence[Case], exercise: Exercise) -> list[Call]:
    with _without_warnings():
        return [_call(function, case, exercise) for case in cases]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """For code of ours: what it warns about is not the learner's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _comparable(yours: Any, right: Any, exercise: Exercise) -> None:
    if family(yours) != family(right):
        raise CannotCheck(f"`{exercise.variable}` returned {kind(yours)}, expected {kind(right)}.")


def _first_difference(yours: Sequence[Call], right: Sequence[Call], tolerance: float) -> int | None:
    """The first case with another result; if there is none, the first with a changed input."""
    pairs = list(zip(yours, right, strict=True))
    wrong = [i for i, (a, b) in enumerate(pairs) if not same(a.result, b.result, tolerance)]
    changed = [i for i, (a, b) in enumerate(pairs) if a.changed != b.changed]
    return next(iter(wrong + changed), None)


def _named_function(
    yours: Sequence[Call],
    right: Sequence[Call],
    cases: Sequence[Case],
    exercise: Exercise,
    tolerance: float,
) -> str | None:
    """What the named wrong answer says that behaves like yours: on all cases, or else where yours
    first fails and on half of the cases, so that a mistake is known beside another one."""
    first = _first_difference(yours, right, tolerance)
    likeness: dict[str, int] = {}
    for wrong in exercise.wrong.values():
        try:
            theirs = _calls(wrong.answer, cases, exercise)
        except Exception:  # a named mistake that cannot even run is not this one
            continue
        alike = [_alike(a, b, tolerance) for a, b in zip(yours, theirs, strict=True)]
        if first is not None and alike[first] and 2 * sum(alike) >= len(cases):
            likeness.setdefault(wrong.says, sum(alike))
    return max(likeness, key=likeness.__getitem__, default=None)


def _alike(a: Call, b: Call, tolerance: float) -> bool:
    return a.changed == b.changed and same(a.result, b.result, tolerance)


def _as_trainable(yours: Sequence[Call], right: Sequence[Call]) -> bool:
    pairs = zip(yours, right, strict=True)
    return all(_carries_gradient(a) or not _carries_gradient(b) for a, b in pairs)


def _carries_gradient(call: Call) -> bool:
    return isinstance(call.result, Tensor) and call.result.requires_grad


def _unnamed(yours: Call, right: Call, exercise: Exercise) -> str:
    x, y = as_numbers(yours.result), as_numbers(right.result)
    if yours.changed:
        return (
            f"`{exercise.variable}` changes its input `{yours.changed}` in place, and whoever "
            "called it goes on with other numbers. Work on a copy."
        )
    if x is None or y is None:
        return f"`{exercise.variable}` does not give the right result yet."
    if x.shape != y.shape:
        return f"The result has shape {x.shape}, expected {y.shape}."
    if np.isnan(x).sum() > np.isnan(y).sum():
        return "The result is nan: look for 0/0, inf - inf or 0 * log(0)."
    if (np.isinf(y) & np.isfinite(x)).any():
        return "Infinite is right here: an epsilon, a clamp or `nan_to_num` has hidden that."
    return f"`{exercise.variable}` does not give the right result yet."


def _holds(requirement: Callable[[Any], bool], answer: Any, exercise: Exercise) -> bool:
    try:
        with _without_warnings():
            return bool(requirement(copy.deepcopy(answer)))
    except Exception as error:
        got, wanted = kind(answer), kind(exercise.right)
        unlike = "" if got == wanted else f"Expected {wanted}, got {got}. "
        raise CannotCheck(unlike + what_was_raised(error, answer)) from error


def _nearest_mistake(number: float, exercise: Exercise, tolerance: float) -> str | None:
    """What the named wrong number says that is nearest, if it lies within the tolerance."""
    pairs = [(as_numbers(wrong.answer), wrong.says) for wrong in exercise.wrong.values()]
    away = [(abs(float(x) - number), says) for x, says in pairs if x is not None]
    distance, says = min(away, default=(math.inf, ""))
    return says if distance <= tolerance else None


def _named_value(answer: Any, exercise: Exercise, tolerance: float) -> str | None:
    """What the named wrong answer says that has the same value."""
    says = (w.says for w in exercise.wrong.values() if same(w.answer, answer, tolerance))
    return next(says, None)
