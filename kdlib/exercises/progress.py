"""How far have I come?

`progress()` in a notebook and `python -m kdlib progress` in a terminal: which exercises of each
lesson are solved, which were tried, which are open, and how the quiz went. It is read from the
learner's own file (see record).
"""

from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from kdlib.exercises.engine import exercises_of, lesson_ids
from kdlib.exercises.outcome import CORRECT
from kdlib.exercises.progress_file import Book, set_aside
from kdlib.exercises.quiz import quiz_of
from kdlib.exercises.record import progress_path, recorded

COLUMNS = ("lesson", "solved", "attempted", "quiz right", "open exercises")


@dataclass(frozen=True)
class LessonProgress:
    """How far one lesson is; `open` holds the numbers of the exercises not solved."""

    lesson: str
    total: int
    attempted: int
    solved: int
    open: tuple[str, ...]
    questions: int
    questions_right: int

    def cells(self) -> tuple[str, ...]:
        """One row of the table, in the order of COLUMNS."""
        return (
            self.lesson,
            f"{self.solved} of {self.total}",
            f"{self.attempted} of {self.total}",
            f"{self.questions_right} of {self.questions}",
            ", ".join(self.open) or "none",
        )


@dataclass(frozen=True, repr=False)
class ProgressReport:
    """All lessons, and what there is to say about the file."""

    lessons: tuple[LessonProgress, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [COLUMNS, *(lesson.cells() for lesson in self.lessons)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) - 1)]
        lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]
        return "\n".join([*lines, "", *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        body = "".join(f"<tr>{_html_row(lesson)}</tr>" for lesson in self.lessons)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            "<table><caption>Your progress</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )


def progress() -> ProgressReport:
    """What was attempted and solved so far, in every lesson that has exercises."""
    book, trouble = recorded()
    lessons = tuple(_lesson_progress(lesson, book) for lesson in lesson_ids())
    return ProgressReport(lessons, tuple(_notes(trouble)))


def _lesson_progress(lesson: str, book: Book) -> LessonProgress:
    exercises = exercises_of(lesson)
    entries = [book["exercises"].get(f"{lesson}/{exercise.name}") for exercise in exercises]
    solved = [entry is not None and entry["status"] == CORRECT for entry in entries]
    questions = len(quiz_of(lesson).questions)
    answers = [book["quizzes"].get(f"{lesson}/{n + 1}", {}) for n in range(questions)]
    return LessonProgress(
        lesson=lesson,
        total=len(entries),
        attempted=sum(entry is not None for entry in entries),
        solved=sum(solved),
        open=tuple(e.number for e, done in zip(exercises, solved, strict=True) if not done),
        questions=questions,
        questions_right=sum(bool(answer.get("right")) for answer in answers),
    )


def _notes(trouble: str) -> list[str]:
    try:
        path = progress_path()
    except RuntimeError:
        path = None
    if trouble:
        return [f"Your progress could not be saved: {trouble}. It is kept until you close Jupyter."]
    if path is None:
        return [
            "Not kept in this run, because KDLIB_PROGRESS is set to off, as it is for stored lessons."
        ]
    kept = f"Kept in {_from_home(path)}, and nowhere else. Delete that file to begin anew."
    damaged = [f"A damaged file was kept as {_from_home(old)}." for old in set_aside(path)]
    return [kept, *damaged]


def _from_home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def _html_row(lesson: LessonProgress) -> str:
    first, *rest = lesson.cells()
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
