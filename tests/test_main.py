"""The commands of `python -m kdlib`: what they print and how they end."""

import subprocess
import sys

import pytest
from nbformat import v4

from kdlib import __main__ as command
from kdlib import budgets, doctor, factory, lessons
from kdlib.budgets import Cost
from kdlib.doctor import Finding

COMMANDS = (
    "audit",
    "threshold",
    "doctor",
    "figures",
    "notebooks",
    "solutions",
    "budgets",
    "bench",
    "progress",
)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """One lesson in place of the course's own."""
    path = tmp_path / "notebooks" / "03_fake.ipynb"
    nb = v4.new_notebook(cells=[v4.new_code_cell("print(6 * 7)", id="answer")])
    lessons.save(nb, path)
    monkeypatch.setattr(lessons.find, "__defaults__", ((), path.parent))
    monkeypatch.setattr(lessons, "exercises_for", lambda path: {})
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m kdlib {name}" in capsys.readouterr().out


def test_the_module_runs_from_a_terminal():
    line = [sys.executable, "-m", "kdlib", "--help"]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=lessons.ROOT)
    assert all(name in done.stdout for name in COMMANDS)


def test_the_doctor_ends_with_one_only_if_there_is_a_problem(monkeypatch, capsys):
    well, ill = (
        [Finding("ok", "a"), Finding("warning", "b", "c")],
        [Finding("problem", "d", "Do e.")],
    )
    monkeypatch.setattr(doctor, "examine", lambda: iter(well))
    assert command.main(["doctor"]) == 0
    assert "All is well." in capsys.readouterr().out
    monkeypatch.setattr(doctor, "examine", lambda: iter(well + ill))
    assert command.main(["doctor"]) == 1
    assert "Do e.\n1 to mend" in capsys.readouterr().out


def test_notebooks_are_written_and_then_found_as_stored(course, capsys):
    assert command.main(["notebooks", "--check"]) == 1
    assert "03_fake.ipynb: differs" in capsys.readouterr().out
    assert command.main(["notebooks", "03"]) == 0
    assert command.main(["notebooks", "--check"]) == 0
    assert capsys.readouterr().out == "03_fake.ipynb: written\n03_fake.ipynb: as stored\n"


def test_solutions_are_written_beside_and_not_over_the_lessons(course, tmp_path):
    before = course.read_bytes()
    assert command.main(["solutions"]) == 0
    solved = lessons.read(tmp_path / "build/solutions/03_fake.ipynb")
    assert solved.cells[0].outputs[0].text == "42\n"
    assert course.read_bytes() == before


def test_an_unknown_lesson_is_said_in_one_line_and_ends_with_one(course, capsys):
    for name in ("notebooks", "solutions", "budgets"):
        assert command.main([name, "88"]) == 1
        assert capsys.readouterr().err.startswith("No lesson is called '88'. Did you mean: 03_fake")


def test_figures_are_made_where_and_how_they_are_asked_for(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(factory, "build", lambda *given: asked.append(given) or [1, 2, 3])
    assert command.main(["figures", "04", "kl-map", "--out", "here", "--jobs", "1"]) == 0
    names, out, jobs = asked[0]
    assert (names, str(out), jobs) == (["04", "kl-map"], "here", 1)
    assert "3 figures in here" in capsys.readouterr().out


def test_budgets_are_printed_and_written_into_the_readme(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    monkeypatch.setattr(budgets, "measure", lambda *_: Cost("03", "Fake", "Why?", 2, 300, None))
    monkeypatch.setattr(budgets, "import_seconds", lambda: 0.1)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- budgets -->\n<!-- /budgets -->\n")
    assert command.main(["budgets"]) == 0
    assert "| 03 | Fake | 2.0 | 300 | – | ok |" in capsys.readouterr().out
    assert "Fake" not in readme.read_text()
    assert command.main(["budgets", "--write"]) == 0
    assert "| 03 | [Fake](notebooks/03) | Why? | 2 | 300 |" in readme.read_text()


def test_budgets_end_with_one_when_one_is_exceeded(course, monkeypatch):
    monkeypatch.setattr(budgets, "measure", lambda *_: Cost("03", "Fake", "Why?", 99, 300, None))
    monkeypatch.setattr(budgets, "import_seconds", lambda: 0.1)
    assert command.main(["budgets"]) == 1


def test_progress_is_printed(capsys):
    assert command.main(["progress"]) == 0
    assert capsys.readouterr().out.strip()


def test_without_a_command_the_commands_are_listed(capsys):
    assert command.main([]) == 2
    assert "doctor" in capsys.readouterr().out
