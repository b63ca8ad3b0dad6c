"""Have I understood it, in a minute?

A quiz is a few questions, each with one right option and an explanation for every option, right
or wrong. On a page it is a list that unfolds: choose an option, read its explanation. In a
terminal the answers stand below the questions. In a live notebook the same bundle also holds
radio buttons (see quiz_widget), and a front end that can show them does.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any
from zlib import crc32

from kdlib import checks
from kdlib.exercises.engine import lesson_ids
from kdlib.exercises.outcome import CORRECT, NOT_YET, as_html, badge
from kdlib.exercises.quiz_widget import quiz_widget
from kdlib.front_end import widget_view

WRONG_OPTION = "not this one"


@dataclass(frozen=True)
class Option:
    """One answer to choose, and what to say to those who choose it."""

    text: str
    explanation: str
    right: bool = False

    @property
    def status(self) -> str:
        """CORRECT or NOT_YET, as for exercises."""
        return CORRECT if self.right else NOT_YET

    @property
    def verdict(self) -> str:
        """In words: correct, or not this one."""
        return CORRECT if self.right else WRONG_OPTION

    def explained_html(self) -> str:
        """The verdict and the explanation."""
        return f"<strong>{badge(self.status, self.verdict)}</strong> · {as_html(self.explanation)}"


@dataclass(frozen=True)
class Question:
    """One question. Options are shown in an order that depends only on their texts, so that an
    author may write the right one first.

    Raises:
        ValueError: unless exactly one option is right and every option is explained.
    """

    text: str
    options: tuple[Option, ...]

    @property
    def shown(self) -> list[Option]:
        """The options in the order in which a reader meets them."""
        return sorted(self.options, key=lambda option: crc32(option.text.encode()))

    def __post_init__(self) -> None:
        right = sum(option.right for option in self.options)
        if right != 1 or len(self.options) < 2:
            raise ValueError(
                f"question {self.text!r} has {len(self.options)} options of which {right} are "
                "right, expected at least two options and exactly one with right=True."
            )
        for option in self.options:
            if not (option.text.strip() and option.explanation.strip()):
                raise ValueError(
                    f"question {self.text!r}: option {option.text!r} lacks its text or its "
                    "explanation. Wrong options need one as well."
                )


@dataclass(frozen=True, repr=False)
class Quiz:
    """The questions that close a lesson.

    Raises:
        ValueError: if there are none.
    """

    lesson: str
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        if not self.questions:
            raise ValueError(f"the quiz of lesson {self.lesson!r} has no questions.")

    def __str__(self) -> str:
        asked = "\n\n".join(_asked(n, q) for n, q in enumerate(self.questions, 1))
        answered = "\n\n".join(_answered(n, q) for n, q in enumerate(self.questions, 1))
        return f"Quiz\n\n{asked}\n\nAnswers\n\n{answered}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<ol>{''.join(_question_html(question) for question in self.questions)}</ol>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        page = {"text/plain": str(self), "text/html": self._repr_html_()}
        return page | widget_view(lambda: quiz_widget(self))


def quiz_of(lesson: str) -> Quiz:
    """The quiz of a lesson: the attribute `quiz` of its module.

    Raises:
        ValueError: if there is no such lesson.
    """
    checks.one_of(lesson, "lesson", lesson_ids())
    quiz: Quiz = importlib.import_module(f"kdlib.exercises.lesson_{lesson}").quiz
    return quiz


def _lettered(options: Sequence[Option]) -> list[tuple[str, Option]]:
    return list(zip(ascii_lowercase, options, strict=False))


def _asked(number: int, question: Question) -> str:
    options = [f"   {letter}) {option.text}" for letter, option in _lettered(question.shown)]
    return "\n".join([f"{number}. {question.text}", *options])


def _answered(number: int, question: Question) -> str:
    return "\n".join(
        f"{number}{letter}) {option.verdict}: {option.explanation}"
        for letter, option in _lettered(question.shown)
    )


def _question_html(question: Question) -> str:
    options = "".join(
        f"<li><details><summary>{as_html(option.text)}</summary>"
        f"<p>{option.explained_html()}</p></details></li>"
        for option in question.shown
    )
    return f'<li><p>{as_html(question.text)}</p><ul style="list-style:none">{options}</ul></li>'
