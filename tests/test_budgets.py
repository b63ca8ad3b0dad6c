"""Are costs measured per lesson, and does the README's table come out well formed?"""

import subprocess
import sys

import pytest
from nbformat import v4

from kdlib import budgets, lessons
from kdlib.budgets import Cost
from kdlib.lessons import LessonError

CHEAP = Cost("01.ipynb", "Dissimilarity", "How different?", 12.34, 321.9, 87.6)


def first_cell(source):
    return v4.new_notebook(cells=[v4.new_markdown_cell(source)])


def test_seconds_and_memory_are_those_of_the_lesson_and_its_file_is_untouched(tmp_path):
    path = tmp_path / "07_fake.ipynb"
    cells = [v4.new_markdown_cell("# Fake"), v4.new_code_cell("x = bytearray(200_000_000)")]
    lessons.save(v4.new_notebook(cells=cells), path)
    before = path.read_bytes()
    cost = budgets.measure(path)
    assert (cost.number, cost.title, cost.redraw) == ("07", "Fake", None)
    assert 200 < cost.megabytes < 400
    assert cost.seconds > 0
    assert path.read_bytes() == before


def test_the_slowest_explorer_of_a_lesson_is_timed(tmp_path):
    code = (
        "class Explorer:\n"
        "    def __init__(self, ms): self.ms = ms\n"
        "    def redraw_milliseconds(self): return self.ms\n"
        "kept = Explorer(5)\n"
        "Explorer(9)"
    )
    path = tmp_path / "07_fake.ipynb"
    lessons.save(v4.new_notebook(cells=[v4.new_code_cell(code)]), path)
    assert budgets.measure(path).redraw == 9


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# Dark knowledge: what is learnt?\n\nMore?", ("Dark knowledge", "What is learnt?")),
        ("# Start here: two, one. What for?", ("Start here", "Two, one. What for?")),
        ("# Dark knowledge", ("Dark knowledge", "")),
        ("", ("", "")),
    ],
)
def test_title_and_question_are_the_halves_of_the_heading(source, expected):
    assert budgets.title_and_question(first_cell(source)) == expected


def test_the_map_of_lessons_is_a_well_formed_table():
    lines = budgets.lesson_map([CHEAP, Cost("02_a.ipynb", "a | b", "c?", 1, 2, None)]).splitlines()
    assert lines[0] == "| number | title | question | seconds | MB |"
    assert lines[2] == "| 01 | [Dissimilarity](notebooks/01.ipynb) | How different? | 12 | 322 |"
    assert lines[3] == "| 02 | [a \\| b](notebooks/02_a.ipynb) | c? | 1 | 2 |"
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    ("seconds", "megabytes", "redraw", "over"),
    [(30, 1000, 100, False), (31, 1, 1, True), (1, 1001, 1, True), (1, 1, 101, True), (1, 1, None, False)],
)  # fmt: skip
def test_each_budget_counts(seconds, megabytes, redraw, over):
    cost = Cost("01", "t", "q", seconds, megabytes, redraw)
    assert cost.over == over
    assert ("over budget" in budgets.report([cost])) == over


def test_the_table_takes_the_place_of_the_last_one():
    text = "# kdlib\n\n<!-- budgets -->\nold\n<!-- /budgets -->\n\nThe end.\n"
    once = budgets.put_into(text, "| new |")
    assert once == "# kdlib\n\n<!-- budgets -->\n| new |\n<!-- /budgets -->\n\nThe end.\n"
    assert budgets.put_into(once, "| new |") == once


@pytest.mark.parametrize("text", ["", "<!-- budgets -->", "<!-- /budgets --><!-- budgets -->"])
def test_a_text_without_the_marks_is_refused(text):
    with pytest.raises(LessonError, match="needs the line <!-- budgets -->"):
        budgets.put_into(text, "| new |")


def test_importing_kdlib_costs_little_and_draws_in_no_front_end():
    heavy = "matplotlib ipywidgets nbclient nbformat IPython scipy"
    code = f"import sys, kdlib; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
