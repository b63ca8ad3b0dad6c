"""Every lesson of the course: solved from end to end, well formed, and readable by everyone.

That a lesson as stored gives its stored text is checked by nbval in the same pytest run. nbval never
compares pictures; here the solved lesson is run, and everything but the exercises' own answers must
be what is stored: text to the letter, pictures by their pixels.
"""

import copy
import itertools
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from kdlib import lessons
from kdlib.exercises.engine import exercises_of
from kdlib.figures.gallery import figures_in
from kdlib.stored import clean, differences

PATHS = lessons.find()
FORBIDDEN = r"\b(simply|obviously|of course|as we all know|trivially)\b"
OF_A_MACHINE = r"Warning|Traceback|site-packages|ipykernel_|[\s\"'(]/[a-z]+/[a-z]+/"

each_lesson = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def markdown(nb: NotebookNode) -> str:
    return "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def outputs(nb: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code_cells(nb) for output in cell.outputs]


def text_of(output: NotebookNode) -> str:
    data = output.get("data", {})
    return output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")


def split_off_exercises(nb: NotebookNode) -> tuple[NotebookNode, list[NotebookNode]]:
    rest = copy.deepcopy(nb)
    rest.cells = [cell for cell in nb.cells if not cell.id.startswith("exercise-")]
    exercises = [cell for cell in nb.cells if cell.id.startswith("exercise-")]
    return rest, exercises


def test_the_first_lessons_are_there():
    assert {"00", "01", "04"} <= {path.stem[:2] for path in PATHS}


@each_lesson
def test_a_solved_lesson_is_correct_shows_what_is_stored_and_exports_its_figures(path, tmp_path):
    stored = lessons.read(path)
    solved = lessons.solve(stored, lessons.exercises_for(path))
    fresh = clean(lessons.execute(solved, path.stem, env={"KDLIB_FIGURES": str(tmp_path)}))

    fresh_rest, answered = split_off_exercises(fresh)
    stored_rest, _ = split_off_exercises(stored)
    assert len(answered) == len(exercises_of(path.stem[:2])) > 0
    for cell in answered:
        assert "correct" in text_of(cell.outputs[-1]).split("·")[0], text_of(cell.outputs[-1])
    assert differences(stored_rest, fresh_rest) == []
    pictures = [output for output in outputs(stored) if "image/png" in output.get("data", {})]
    assert len(figures_in(tmp_path)) == len(pictures) > 0


@each_lesson
def test_exercises_stand_in_the_order_of_their_numbers(path):
    cells = [cell.id for cell in code_cells(lessons.read(path))]
    in_notebook = [cell[len("exercise-") :] for cell in cells if cell.startswith("exercise-")]
    assert in_notebook == [exercise.name for exercise in exercises_of(path.stem[:2])]


@each_lesson
def test_exercise_cells_are_those_of_the_exercise_objects(path):
    stored = lessons.read(path)
    synced = lessons.sync(stored, lessons.exercises_for(path))
    for before, after in zip(stored.cells, synced.cells, strict=True):
        assert before.source == after.source, f"{before.id}: run `make notebooks`"


@each_lesson
def test_headings_form_a_tree_with_one_root(path):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", markdown(lessons.read(path)), re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in itertools.pairwise(levels)), levels


@each_lesson
def test_a_lesson_says_its_question_time_and_prediction_and_ends_with_a_quiz(path):
    nb = lessons.read(path)
    title = nb.cells[0].source
    assert "?" in title.splitlines()[0]
    assert re.search(r"About \d+ minutes to read, \d+ to solve", title)
    assert "## Predict first" in nb.cells[1].source
    assert all(part in markdown(nb) for part in ("## What to remember", "## Quiz", "## Further"))
    assert any(cell.source == "ex.quiz" for cell in code_cells(nb))


@each_lesson
def test_links_between_lessons_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#:]+)\)", markdown(lessons.read(path)))
    assert targets
    assert [target for target in targets if not (path.parent / target).exists()] == []


@each_lesson
def test_prose_avoids_words_that_belittle_a_reader(path):
    assert re.findall(FORBIDDEN, markdown(lessons.read(path)), re.I) == []


@each_lesson
def test_cells_are_short_and_have_readable_ids(path):
    nb = lessons.read(path)
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]+", cell.id) for cell in nb.cells)
    for cell in code_cells(nb):
        assert not cell.source.rstrip().endswith(";"), cell.id
        if cell.id == "setup" or cell.id.startswith("exercise-"):
            continue
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= 15, cell.id
        assert not re.search(r"^\s*(import|from \S+ import) ", cell.source, re.M), cell.id


@each_lesson
def test_every_picture_has_words_and_no_output_tells_of_a_machine(path):
    nb = lessons.read(path)
    assert "widgets" not in nb.metadata
    for output in outputs(nb):
        assert output.output_type != "error"
        assert not re.search(OF_A_MACHINE, text_of(output)), text_of(output)[:300]
        if "image/png" in output.get("data", {}):
            assert len(output.data["text/plain"]) >= 40
            assert "widget-view" not in str(list(output.data))


@each_lesson
def test_a_lesson_has_an_explorer_and_four_to_nine_exercises(path):
    sources = [cell.source for cell in code_cells(lessons.read(path))]
    assert sum("explore(" in source for source in sources) == 1
    assert 4 <= len(exercises_of(path.stem[:2])) <= 9  # nine: one for each bug of lesson 06


def test_the_picture_of_the_readme_is_the_one_of_the_lesson():
    import base64

    picture = Path(__file__).parents[1] / "docs" / "four-functions.png"
    stored = lessons.read(lessons.find(["01"])[0])
    pictures = [o.data["image/png"] for o in outputs(stored) if "image/png" in o.get("data", {})]
    assert picture.read_bytes() == base64.b64decode(pictures[0]), (
        "docs/four-functions.png is out of date: copy figures/01_*/four-functions-one-teacher.png"
    )
