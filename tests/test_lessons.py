"""Finding, completing, running and storing lessons, tried on small ones made here."""

import os
import sys
from dataclasses import dataclass

import pytest
from nbformat import v4

from kdlib import lessons
from kdlib.lessons import LessonError


@dataclass(frozen=True)
class FakeExercise:
    name: str

    def about(self):
        return f"### About {self.name}"

    def stub_cell(self):
        return f"answer = ...\n\nprint('{self.name}', answer)"

    def solved_cell(self):
        return f"answer = 42\n\nprint('{self.name}', answer)"


EXERCISES = {"kl": FakeExercise("kl")}


def lesson(*sources, exercises=()):
    """A lesson of code cells named c0, c1, …, and the cells of exercises."""
    cells = [v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    for name in exercises:
        cells.append(v4.new_markdown_cell("out of date", id=f"about-{name}"))
        cells.append(v4.new_code_cell("out of date", id=f"exercise-{name}"))
    return v4.new_notebook(cells=cells)


def run(*sources, **options):
    done = lessons.execute(lesson(*sources), "99_fake", **options)
    return [output for cell in done.cells for output in cell.outputs]


@pytest.fixture
def course(tmp_path):
    for name in ("00_start_here", "01_dissimilarity", "04_dark_knowledge", "unnumbered"):
        lessons.save(lesson("1 + 1"), tmp_path / f"{name}.ipynb")
    return tmp_path


# --- find


@pytest.mark.parametrize(
    "selector",
    ["04", "4", "04_dark_knowledge", "04_dark_knowledge.ipynb", "notebooks/04_dark_knowledge.ipynb", "dark"],
)  # fmt: skip
def test_a_lesson_is_found_by_number_name_path_or_part_of_its_name(selector, course):
    assert [path.stem for path in lessons.find([selector], course)] == ["04_dark_knowledge"]


def test_without_selectors_all_lessons_are_found_in_order(course):
    assert [path.name[:2] for path in lessons.find((), course)] == ["00", "01", "04"]
    assert [path.name[:2] for path in lessons.find(["4", "1", "01"], course)] == ["01", "04"]


def test_an_unknown_lesson_is_answered_with_the_nearest(course):
    with pytest.raises(LessonError, match="'dissimilar_ty'. Did you mean: 01_dissimilarity"):
        lessons.find(["dissimilar_ty"], course)
    with pytest.raises(LessonError, match="00_start_here, 01_dissimilarity, 04_dark_knowledge"):
        lessons.find(["17"], course)


def test_a_file_that_is_no_notebook_is_named(tmp_path):
    (tmp_path / "05_broken.ipynb").write_text("{ not json")
    for name in ("05_broken.ipynb", "06_absent.ipynb"):
        with pytest.raises(LessonError, match=f"{name} cannot be read"):
            lessons.read(tmp_path / name)


# --- exercises


def test_exercise_cells_are_written_from_the_exercises():
    nb = lessons.sync(lesson("1", exercises=["kl"]), EXERCISES)
    assert [cell.source for cell in nb.cells] == [
        "1", "### About kl", "answer = ...\n\nprint('kl', answer)",
    ]  # fmt: skip
    assert nb.cells[-1].metadata.tags == ["exercise"]
    assert [cell.id for cell in nb.cells] == ["c0", "about-kl", "exercise-kl"]


def test_solutions_go_into_the_exercise_cells_of_a_copy():
    nb = lesson(exercises=["kl"])
    assert lessons.solve(nb, EXERCISES).cells[1].source.startswith("answer = 42")
    assert nb.cells[1].source == "out of date"


def test_an_exercise_without_cells_is_named():
    with pytest.raises(LessonError, match="ids are missing: about-kl, exercise-kl"):
        lessons.sync(lesson("1"), EXERCISES)


def test_a_cell_without_an_exercise_is_named():
    with pytest.raises(LessonError, match="belong to no exercise of the lesson: about-js"):
        nb = lesson(exercises=["kl", "js"])
        nb.cells.pop()
        lessons.sync(nb, EXERCISES)


def test_a_lesson_without_an_exercise_module_has_no_exercises(tmp_path):
    assert lessons.exercises_for(tmp_path / "99_fake.ipynb") == {}


# --- execute


def test_a_lesson_runs_in_this_python_on_one_thread_in_its_folder(tmp_path):
    code = (
        "import os, sys\n"
        "names = 'OMP_NUM_THREADS KDLIB_QUIET KDLIB_PROGRESS KDLIB_LESSON PYTHONHASHSEED EXTRA'\n"
        "print(sys.executable, os.getcwd(), *(os.environ[n] for n in names.split()), sep='|')"
    )
    (output,) = run(code, env={"EXTRA": "more"}, folder=tmp_path)
    expected = [sys.executable, str(tmp_path), "1", "1", "off", "99_fake", "0", "more"]
    assert output.text.strip().split("|") == expected


def test_kdlib_is_importable_whatever_the_folder(tmp_path):
    code = "import importlib.util as u; print(u.find_spec('kdlib').origin)"
    (output,) = run(code, folder=tmp_path)
    assert output.text.strip() == str(lessons.ROOT / "kdlib" / "__init__.py")


def test_a_kernel_says_nothing_of_its_own(capfd):
    assert [output.text for output in run("print('only this')")] == ["only this\n"]
    assert capfd.readouterr() == ("", "")


def test_what_is_printed_in_pieces_is_stored_as_one():
    (output,) = run("for i in range(3): print(i, flush=True)")
    assert output.text == "0\n1\n2\n"


def test_each_cell_is_counted_as_it_is_done_and_the_original_is_untouched():
    nb, done = lesson("1", "", "2"), []
    ran = lessons.execute(nb, "99_fake", on_cell=lambda: done.append(1))
    assert len(done) == lessons.code_cells(nb) == 2
    assert ran.cells[2].execution_count == 2
    assert nb.cells[0].outputs == []


def test_a_failing_cell_is_reported_with_lesson_cell_and_error():
    with pytest.raises(LessonError, match="^99_fake, cell c1: ValueError: too cold$"):
        run("1", "raise ValueError('too cold')", "print('never')")


def test_a_dead_kernel_is_noticed_as_such_and_not_by_waiting_for_the_time_out():
    with pytest.raises(LessonError, match="^99_fake, cell c1: the kernel died"):
        run("1", "import os; os._exit(1)", timeout=600)


def test_a_cell_that_takes_too_long_is_stopped():
    with pytest.raises(LessonError, match="^99_fake, cell c0: took longer than 1 s"):
        run("while True: pass", timeout=1)


# --- write and check


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A written lesson with an exercise."""
    monkeypatch.setattr(lessons, "exercises_for", lambda path: EXERCISES)
    path = tmp_path / "03_fake.ipynb"
    lessons.save(lesson("import random; print(len(dir(random)) > 0)", exercises=["kl"]), path)
    lessons.write(path)
    return path


def test_writing_twice_gives_the_same_bytes_and_checks_out(stored, monkeypatch):
    first = stored.read_bytes()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    lessons.write(stored)
    assert stored.read_bytes() == first
    assert lessons.check(stored) == []
    assert first.endswith(b"}\n") and b"\r" not in first
    assert list(stored.parent.iterdir()) == [stored]


def test_the_unsolved_run_is_what_is_stored(stored):
    last = lessons.read(stored).cells[-1]
    assert (last.execution_count, last.outputs[0].text) == (2, "kl Ellipsis\n")


def test_checking_finds_an_edited_text_and_a_missing_output(stored):
    nb = lessons.read(stored)
    nb.cells[0].outputs[0].text = "False\n"
    nb.cells[1].source = "### An older wording"
    nb.cells[-1].outputs = []
    lessons.save(nb, stored)
    assert [sentence.split(":")[0] for sentence in lessons.check(stored)] == [
        "cell c0", "cell about-kl", "cell exercise-kl",
    ]  # fmt: skip


def test_a_failed_run_leaves_the_file_as_it_was(stored):
    nb = lessons.read(stored)
    nb.cells[0].source = "1 / 0"
    lessons.save(nb, stored)
    before = stored.read_bytes()
    with pytest.raises(LessonError, match="ZeroDivisionError"):
        lessons.write(stored)
    assert stored.read_bytes() == before
    assert os.listdir(stored.parent) == [stored.name]
