"""From lessons to a folder of figures: which lessons run, and what becomes of the folder."""

import json

import pytest
from nbformat import v4

from kdlib import factory, lessons
from kdlib.figures.export import SUFFIXES
from kdlib.lessons import LessonError

START = """
import matplotlib.pyplot as plt
import kdlib
from kdlib.figures import show
from kdlib.widgets import explore, slider
kdlib.setup(seed=7)
def draw(height):
    fig, ax = plt.subplots()
    ax.plot([0, height])
    return fig
"""
SHOW = 'show(draw(1), name="{}", alt="A line that rises from zero to one, and nothing beside it.")'
EXPLORE = """explore(
    draw, name="{}", alt="A line that rises to the height that was chosen.", height=slider(0, 5, 2, 1)
)"""


def lesson(*sources):
    cells = [v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    return v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two lessons with three figures, and a lesson without any."""
    folder = tmp_path_factory.mktemp("course")
    lessons.save(lesson("print('no figure')"), folder / "00_start.ipynb")
    lessons.save(
        lesson(START, SHOW.format("rise"), EXPLORE.format("slope")), folder / "01_one.ipynb"
    )
    lessons.save(lesson(START, SHOW.format("ascent")), folder / "02_two.ipynb")
    return folder


@pytest.fixture(scope="module")
def built(course, tmp_path_factory):
    """The folder of all their figures."""
    out = tmp_path_factory.mktemp("out") / "figures"
    factory.build([], out, folder=course)
    return out


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def planned(selectors, course):
    return {path.stem: names for path, names in factory.plan_for(selectors, course).items()}


def test_the_names_are_read_from_the_cells_also_beside_cells_that_are_no_plain_python():
    nb = lesson("%matplotlib inline", SHOW.format("a"), "show(", "ex.show(name=1); f(name='no')")
    assert factory.figure_names(nb) == ["a", "1"]


@pytest.mark.parametrize(
    ("code", "seed"),
    [
        ("kdlib.setup()", 0),
        ("kdlib.setup(3)", 3),
        ("setup(seed=4)", 4),
        ("1", None),
        ("try:\n    import kdlib\nexcept ImportError:\n    %pip install kdlib\nkdlib.setup(5)", 5),
    ],
)
def test_the_seed_is_the_one_that_the_lesson_sets(code, seed):
    assert factory.seed_of(lesson(code)) == seed


def test_only_lessons_that_show_the_wanted_figures_are_run(course):
    assert planned([], course) == {"01_one": ["rise", "slope"], "02_two": ["ascent"]}
    assert planned(["slope"], course) == {"01_one": ["slope"]}
    assert planned(["02", "rise"], course) == {"02_two": ["ascent"], "01_one": ["rise"]}


def test_an_unknown_name_is_answered_with_lessons_and_figures_that_are_near(course):
    with pytest.raises(LessonError, match=r"'slop'.*01_one.* Or one of these figures: slope"):
        factory.plan_for(["slop"], course)


def test_two_figures_of_one_name_are_refused(tmp_path):
    for stem in ("01_one", "02_two"):
        lessons.save(lesson(SHOW.format("twin")), tmp_path / f"{stem}.ipynb")
    with pytest.raises(LessonError, match="Two figures have the same name: twin"):
        factory.plan_for([], tmp_path)


def test_every_figure_has_its_files_and_the_folder_an_index_and_a_manifest(built):
    figures = ("01_one/rise", "01_one/slope", "02_two/ascent")
    expected = {figure + suffix for figure in figures for suffix in SUFFIXES}
    assert set(contents(built)) == expected | {"index.html", "manifest.json"}


def test_the_manifest_says_how_each_figure_was_made(built):
    first, *others = json.loads((built / "manifest.json").read_text(encoding="utf-8"))["figures"]
    assert (first["figure"], first["lesson"], first["seed"]) == ("rise", "01_one", 7)
    assert first["alt"].startswith("A line that rises")
    assert {"python", "matplotlib", "numpy", "torch"} <= set(first["versions"])
    assert len(first["data"]) == 64
    assert [entry["figure"] for entry in others] == ["slope", "ascent"]


def test_a_second_run_gives_the_same_bytes_and_leaves_nothing_beside(built, course):
    before = contents(built)
    factory.build([], built, folder=course)
    assert contents(built) == before
    assert [path.name for path in built.parent.iterdir()] == ["figures"]


def test_one_figure_is_made_anew_among_the_others(built, course):
    before = contents(built)
    (built / "01_one/slope.csv").write_text("spoilt")
    for suffix in SUFFIXES:
        (built / f"01_one/renamed{suffix}").write_text("no lesson shows this any more")
    made = factory.build(["slope"], built, folder=course)
    assert made == [built / "01_one/slope.png"]
    assert contents(built) == before


def test_a_failed_run_leaves_the_folder_as_it_was(built, tmp_path):
    before = contents(built)
    lessons.save(lesson(SHOW.format("rise")), tmp_path / "01_one.ipynb")
    with pytest.raises(LessonError, match="01_one, cell c0: NameError"):
        factory.build([], built, folder=tmp_path)
    assert contents(built) == before
    assert [path.name for path in built.parent.iterdir()] == ["figures"]


def test_a_figure_that_the_lesson_does_not_show_after_all_is_reported(tmp_path):
    lessons.save(lesson(f"if False:\n    {SHOW.format('never')}"), tmp_path / "01_one.ipynb")
    with pytest.raises(LessonError, match="01_one ran, but did not show: never"):
        factory.build([], tmp_path / "figures", folder=tmp_path)


def test_a_folder_with_other_files_is_not_replaced(course, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LessonError, match="holds other files"):
        factory.build(["rise"], tmp_path, folder=course)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_data_hash_follows_the_data_and_not_the_scripts(tmp_path):
    hashes = []
    for name, text in (("a.json", "1"), ("make_a.py", "2"), ("a.json", "3")):
        (tmp_path / name).write_text(text)
        hashes.append(factory.data_hash(tmp_path))
    assert hashes[0] == hashes[1] != hashes[2]
