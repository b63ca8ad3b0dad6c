"""Quizzes: every option explained, readable without a kernel, answerable with one."""

import html.parser
import json
import sys

import pytest

from kdlib import front_end
from kdlib.exercises import quiz_widget, record
from kdlib.exercises.quiz import Option, Question, Quiz, quiz_of
from kdlib.front_end import WIDGET_VIEW

ipywidgets = pytest.importorskip("ipywidgets")

QUIZ = Quiz(
    lesson="97",
    questions=(
        Question(
            "Is KL(p‖q) < 0 possible? See `kl`.",
            (
                Option("Yes & often.", "No: it is a *mean* of something convex."),
                Option("Never.", "Right, by Jensen.", right=True),
            ),
        ),
        Question(
            "Is `js` bounded?",
            (Option("By ln 2.", "Right.", right=True), Option("No.", "It is: m covers both.")),
        ),
    ),
)


class Page(html.parser.HTMLParser):
    """Tags are closed in order, and the text of every details element is collected."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.folded: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "details":
            self.folded.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "details" in self.open:
            self.folded[-1] += data


def test_the_page_folds_the_explanation_of_each_option_under_its_text():
    page = Page(QUIZ._repr_html_())
    assert page.open == []
    assert page.folded == [
        "Never.✓ correct · Right, by Jensen.",
        "Yes & often.△ not this one · No: it is a mean of something convex.",
        "No.△ not this one · It is: m covers both.",
        "By ln 2.✓ correct · Right.",
    ]


def test_options_are_shown_in_an_order_that_does_not_depend_on_how_they_were_written():
    options = QUIZ.questions[0].options
    forwards, backwards = Question("?", options), Question("?", options[::-1])
    assert forwards.shown == backwards.shown
    assert set(forwards.shown) == set(options)


def test_the_right_option_is_found_at_different_places():
    written = [Option(f"{n}", "Yes.", right=n % 3 == 0) for n in range(60)]
    questions = [Question("?", tuple(written[n : n + 3])) for n in range(0, 60, 3)]
    places = [[option.right for option in question.shown].index(True) for question in questions]
    assert set(places) == {0, 1, 2}


def test_the_page_escapes_texts_and_marks_code():
    page = QUIZ._repr_html_()
    assert "KL(p‖q) &lt; 0 possible? See <code>kl</code>." in page
    assert "Yes &amp; often." in page


def test_plain_text_gives_the_answers_after_all_questions():
    asked, answered = str(QUIZ).split("\n\nAnswers\n\n")
    assert repr(QUIZ) == str(QUIZ)
    assert "1. Is KL(p‖q) < 0 possible? See `kl`.\n   a) Never.\n   b) Yes & often." in asked
    assert "Jensen" not in asked
    assert "1a) correct: Right, by Jensen." in answered
    assert "2a) not this one: It is: m covers both." in answered


def test_without_a_kernel_the_bundle_is_text_and_page():
    bundle = QUIZ._repr_mimebundle_()
    assert bundle == {"text/plain": str(QUIZ), "text/html": QUIZ._repr_html_()}


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setattr(front_end, "kernel_runs", lambda: True)


def test_with_a_kernel_the_same_bundle_has_a_widget_view_as_well(kernel):
    bundle = QUIZ._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET_VIEW}
    assert bundle[WIDGET_VIEW]["model_id"]


def test_without_ipywidgets_the_list_remains(kernel, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert set(QUIZ._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.fixture
def progress(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("KDLIB_PROGRESS", str(path))
    monkeypatch.setattr(record, "_unsaved", [])
    return path


def parts(box) -> tuple[list, list]:
    kinds = (ipywidgets.RadioButtons, ipywidgets.HTML)
    buttons, texts = ([w for w in box.children if isinstance(w, kind)] for kind in kinds)
    return buttons, texts[1:]  # the first is the style


def test_no_option_is_chosen_at_first_and_no_explanation_shown(progress):
    buttons, explanations = parts(quiz_widget.quiz_widget(QUIZ))
    assert [b.value for b in buttons] == [None, None]
    assert [e.value for e in explanations] == ["", ""]
    assert not progress.exists()


def test_the_buttons_are_labelled_by_the_question(progress):
    buttons, _ = parts(quiz_widget.quiz_widget(QUIZ))
    assert buttons[0].description == "1. Is KL(p‖q) &lt; 0 possible? See <code>kl</code>."
    assert [label for label, _ in buttons[0].options] == ["Never.", "Yes & often."]


def test_choosing_shows_the_explanation_and_keeps_the_answer(progress):
    buttons, explanations = parts(quiz_widget.quiz_widget(QUIZ))
    buttons[0].value = 1
    assert "not this one</strong> · No: it is a <em>mean</em>" in explanations[0].value
    buttons[0].value = 0
    assert "correct</strong> · Right, by Jensen." in explanations[0].value
    assert explanations[1].value == ""
    assert json.loads(progress.read_text())["quizzes"] == {
        "97/1": {"option": "a", "right": True, "attempts": 2}
    }


def test_two_options_with_the_same_text_stay_two():
    twice = Question("?", (Option("x", "No.", right=False), Option("x", "Yes.", right=True)))
    buttons, explanations = parts(quiz_widget.quiz_widget(Quiz("97", (twice,))))
    buttons[0].index = 1
    assert "Yes." in explanations[0].value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((Option("a", "x"), Option("b", "y")), "2 options of which 0 are right"),
        ((Option("a", "x", True), Option("b", "y", True)), "2 options of which 2 are right"),
        ((Option("a", "x", True),), "1 options of which 1 are right"),
        ((Option("a", "x", True), Option("b", " ")), "option 'b' lacks"),
        ((Option("", "x", True), Option("b", "y")), "option '' lacks"),
    ],
)
def test_a_question_that_is_not_well_formed_says_what_is_missing(options, words):
    with pytest.raises(ValueError, match=words) as caught:
        Question("Why?", options)
    assert "'Why?'" in str(caught.value)


def test_a_quiz_needs_questions_and_a_lesson_that_exists():
    with pytest.raises(ValueError, match="has no questions"):
        Quiz("97", ())
    with pytest.raises(ValueError, match="lesson is '97', expected one of"):
        quiz_of("97")
