"""What is an exercise?

One object: what is asked, a stub to fill, two hints, a solution that runs, and the wrong answers
that people give, each with the sentence that helps. `check` answers with one of four statuses:
not attempted yet, not yet, correct, could not check (see judges for where the line lies), and
never with a traceback. The cells of a lesson are written from the same object, so that what a
reader sees and what the tests prove cannot drift apart.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeAlias

from kdlib import checks
from kdlib.exercises.compare import family
from kdlib.exercises.guard import CannotCheck, NotAttempted, guarded
from kdlib.exercises.outcome import (
    CORRECT,
    COULD_NOT_CHECK,
    NOT_ATTEMPTED,
    NOT_YET,
    Note,
    Outcome,
)
from kdlib.exercises.record import record_exercise
from kdlib.exercises.wording import kind, short

# (answer, exercise) -> None if the answer is right, otherwise the message for the learner.
Judge: TypeAlias = "Callable[[Any, Exercise], str | None]"

DIFFICULTIES = {1: "●○○ (1 of 3)", 2: "●●○ (2 of 3)", 3: "●●● (3 of 3)"}


@dataclass(frozen=True)
class Wrong:
    """An answer that a learner might give, and the message it must get."""

    answer: Any  # a function or a value
    says: str  # names the misconception


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise of a lesson; see the module's docstring. Texts are Markdown.

    Raises:
        ValueError: if it is not well formed, naming the exercise and the field.
    """

    lesson: str  # "01"
    name: str  # "kl": the attribute of the lesson's module, and the cells about-kl, exercise-kl
    title: str
    statement: str
    difficulty: int  # 1 to 3
    minutes: int
    skill: str  # "practises …"
    variable: str  # what the stub binds
    stub: str  # code with `...` where the answer goes
    hints: tuple[str, str]
    right: Any  # a function written with def, or a value
    explanation: str
    deepens: str  # one sentence, shown when correct
    judge: Judge
    wrong: Mapping[str, Wrong]
    _hints_to_come: Iterator[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise ValueError(f"exercise {self.name!r} of lesson {self.lesson!r}: {problem}")
        coming = chain(self.hints, repeat(self.hints[-1]))
        object.__setattr__(self, "_hints_to_come", coming)

    @property
    def number(self) -> str:
        """Its place in the lesson's module, such as 1.2; empty if it is in none."""
        module = sys.modules.get(_module_name(self.lesson))
        order = [exercise.name for exercise in _exercises_in(module)]
        return f"{int(self.lesson)}.{order.index(self.name) + 1}" if self.name in order else ""

    @property
    def label(self) -> str:
        """Its number and title: Exercise 1.2 · Write KL yourself."""
        return f"{' '.join(('Exercise', self.number)).strip()} · {self.title}"

    def check(self, answer: Any) -> Outcome:
        """Judge an answer, keep the result in the progress file, and say what came of it."""
        status, message = _judged(self, answer)
        if status != NOT_ATTEMPTED:
            record_exercise(self.lesson, self.name, status)
        return Outcome(status, message, self.label)

    def hint(self) -> Note:
        """The first hint; asked again, the second."""
        text = next(self._hints_to_come)
        return Note(f"Hint {self.hints.index(text) + 1} · {self.title}", text)

    def solution(self) -> Note:
        """The solution and why it is one."""
        return Note(f"Solution · {self.title}", self._explained_solution())

    def stub_cell(self) -> str:
        """The code cell as the reader finds it."""
        return self._with_check(self.stub.strip())

    def solved_cell(self) -> str:
        """The code cell with the solution filled in."""
        return self._with_check(_source(self.right, self.variable))

    def _with_check(self, code: str) -> str:
        """Two blank lines after a function, one after a value: as the formatter leaves them."""
        gap = "\n\n\n" if callable(self.right) else "\n\n"
        return f"{code}{gap}{self._check_line()}"

    def about(self) -> str:
        """The Markdown cell above the code cell."""
        facts = (
            f"Difficulty {DIFFICULTIES[self.difficulty]} · about {self.minutes} "
            f"minute{'s' * (self.minutes > 1)} · practises {self.skill}"
        )
        folded = (
            _folded("Hint 1", self.hints[0]),
            _folded("Hint 2", self.hints[1]),
            _folded("Solution", self._explained_solution()),
        )
        return "\n\n".join((f"### {self.label}", facts, self.statement.strip(), *folded))

    def _check_line(self) -> str:
        return f"ex.{self.name}.check({self.variable})"

    def _explained_solution(self) -> str:
        return f"```python\n{_source(self.right, self.variable)}\n```\n\n{self.explanation}"


def lesson_ids() -> list[str]:
    """The lessons that have exercises: "00", "01", …"""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name[-2:] for name in names if re.fullmatch(r"lesson_\d\d", name))


def exercises_of(lesson: str) -> list[Exercise]:
    """The exercises of a lesson, in the order in which its module defines them.

    Raises:
        ValueError: if there is no such lesson.
    """
    checks.one_of(lesson, "lesson", lesson_ids())
    return _exercises_in(importlib.import_module(_module_name(lesson)))


def _module_name(lesson: str) -> str:
    return f"kdlib.exercises.lesson_{lesson}"


def _exercises_in(module: Any) -> list[Exercise]:
    return [
        value for value in getattr(module, "__dict__", {}).values() if isinstance(value, Exercise)
    ]


def _judged(exercise: Exercise, answer: Any) -> tuple[str, str]:
    gap = f"Replace the `...` of `{exercise.variable}` with your answer and run the cell again."
    if _has_gap(answer):
        return NOT_ATTEMPTED, gap
    try:
        _of_the_right_kind(answer, exercise)
        complaint = guarded(lambda: exercise.judge(answer, exercise), answer)
    except NotAttempted:
        return NOT_ATTEMPTED, gap
    except CannotCheck as reason:
        return COULD_NOT_CHECK, str(reason)
    return (CORRECT, exercise.deepens) if complaint is None else (NOT_YET, complaint)


def _has_gap(answer: Any) -> bool:
    if isinstance(answer, list | tuple):
        return any(_has_gap(item) for item in answer)
    return answer is ...


def _of_the_right_kind(answer: Any, exercise: Exercise) -> None:
    wanted = family(exercise.right)
    if family(answer) == wanted:
        return
    advice = ""
    if kind(exercise.right) == kind(answer):
        raise CannotCheck(f"Expected numbers inside, found `{short(answer)}`.")
    if wanted == "function":
        advice = f" Hand over the function itself, without calling it: `{exercise.variable}`."
    raise CannotCheck(f"Expected {kind(exercise.right)}, got {kind(answer)}.{advice}")


def _source(right: Any, variable: str) -> str:
    """Code that binds the solution to the variable."""
    if not inspect.isfunction(right):
        return f"{variable} = {right!r}"
    source = textwrap.dedent(inspect.getsource(right)).strip()
    return re.sub(rf"\b{re.escape(right.__name__)}\b", variable, source)


def _folded(summary: str, text: str) -> str:
    """A folded block; the blank lines let GitHub and JupyterLab read Markdown inside."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text.strip()}\n\n</details>"


def _problems(exercise: Exercise) -> Iterator[str]:
    """What is not well formed, in words for the author of a lesson."""
    texts = ("title", "statement", "skill", "explanation", "deepens")
    for name in texts:
        if not getattr(exercise, name).strip():
            yield f"{name} is empty, expected a text."
    if not re.fullmatch(r"\d\d", exercise.lesson):
        yield "lesson must be two digits, for example '01'."
    if not (exercise.name.isidentifier() and exercise.variable.isidentifier()):
        yield "name and variable must be Python names."
    if exercise.difficulty not in DIFFICULTIES:
        yield f"difficulty is {exercise.difficulty}, expected 1, 2 or 3."
    if exercise.minutes < 1:
        yield f"minutes is {exercise.minutes}, expected at least 1."
    if len(exercise.hints) != 2 or not all(hint.strip() for hint in exercise.hints):
        yield "hints must be two texts."
    if getattr(exercise.right, "__name__", "") == "<lambda>":
        yield "right is a lambda: write it with def, because its source is shown as the solution."
    if not all(wrong.says.strip() for wrong in exercise.wrong.values()):
        yield "every wrong answer must say something."
    yield from _stub_problems(exercise.stub, exercise.variable)


def _stub_problems(stub: str, variable: str) -> Iterator[str]:
    try:
        tree = ast.parse(stub)
    except SyntaxError as error:
        yield f"stub is not Python ({error.msg}, line {error.lineno})."
        return
    nodes = list(ast.walk(tree))
    if not any(isinstance(node, ast.Constant) and node.value is ... for node in nodes):
        yield "stub has no `...` for the learner to replace."
    bound = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    bound |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if variable not in bound:
        yield f"stub does not bind {variable}."
