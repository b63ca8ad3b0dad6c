"""How is a quiz answered in a live notebook?

Radio buttons, none chosen at first; choosing one shows its explanation at once and notes the
answer in the progress file. Long texts wrap. Without ipywidgets or without a kernel there is no
view, and the front end shows the list of the quiz instead.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from kdlib.exercises.outcome import COLOURS, as_html, as_plain
from kdlib.exercises.record import record_choice

if TYPE_CHECKING:
    from kdlib.exercises.quiz import Option, Question, Quiz

# ipywidgets would give every text one line of fixed height and cut it off.
STYLE = """<style>
.kdlib-quiz .widget-radio { width: auto; height: auto; flex-direction: column; }
.kdlib-quiz .widget-label { width: auto; height: auto; max-width: none; text-align: left;
  white-space: normal; overflow: visible; line-height: 1.5; font-weight: bold; }
.kdlib-quiz .widget-radio-box label { display: flex; gap: 0.5em; align-items: baseline;
  width: auto; height: auto; margin: 0.2em 0; white-space: normal; line-height: 1.5; }
.kdlib-quiz .widget-radio-box input { order: -1; flex: none; margin: 0 0 0 0.4em;
  align-self: flex-start; margin-top: 0.15em; }
.kdlib-quiz .widget-html-content { white-space: normal; line-height: 1.5; height: auto; }
</style>"""


def quiz_widget(quiz: Quiz) -> Any:
    """A box with radio buttons and a place for the explanation for each question.

    Raises:
        ImportError: without ipywidgets.
    """
    import ipywidgets

    rows = [ipywidgets.HTML(STYLE)]
    for number, question in enumerate(quiz.questions, 1):
        rows += _question_rows(quiz.lesson, number, question)
    box = ipywidgets.VBox(rows)
    box.add_class("kdlib-quiz")
    return box


def _question_rows(lesson: str, number: int, question: Question) -> list[Any]:
    import ipywidgets

    buttons = ipywidgets.RadioButtons(
        options=[(as_plain(option.text), index) for index, option in enumerate(question.shown)],
        value=None,
        description=f"{number}. {as_html(question.text)}",
        description_allow_html=True,
        layout={"width": "auto"},
        style={"description_width": "auto"},
    )
    explanation = ipywidgets.HTML()

    def chosen(change: dict[str, Any]) -> None:
        option = question.shown[change["new"]]
        explanation.value = _explained(option)
        record_choice(lesson, number, ascii_lowercase[change["new"]], option.right)

    buttons.observe(chosen, names="value")
    return [buttons, explanation]


def _explained(option: Option) -> str:
    colour = COLOURS[option.status]
    style = f"border-left:4px solid {colour};padding-left:0.8em;margin-bottom:1em"
    return f'<div role="status" style="{style}">{option.explained_html()}</div>'
