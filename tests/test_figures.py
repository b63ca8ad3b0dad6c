"""The house style, `show`, and what an exported figure consists of."""

import csv
import importlib
import io
import itertools
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from kdlib.figures import (
    BASELINE,
    INK,
    STUDENT,
    STUDENT_2,
    STUDENT_3,
    TEACHER,
    gallery,
    line,
    show,
    style,
)
from kdlib.figures.export import SUFFIXES
from kdlib.figures.plotted import HEADER, as_csv, plotted_rows

ROLES = (TEACHER, STUDENT, STUDENT_2, STUDENT_3, BASELINE, INK)
WORDS = "The teacher's curve lies above the student's at every temperature."
# Machado, Oliveira & Fernandes (2009), severity 1: what becomes of linear RGB.
COLOUR_VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
    "deuteranopia": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "tritanopia": np.array(
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]
    ),
}


@pytest.fixture(autouse=True)
def _house_style_and_no_export(monkeypatch):
    for name in ("KDLIB_FIGURES", "KDLIB_FIGURES_ONLY", "KDLIB_LESSON"):
        monkeypatch.delenv(name, raising=False)
    with mpl.rc_context():
        mpl.use("agg")
        style.use_style()
        yield
    plt.close("all")


@pytest.fixture
def published(monkeypatch):
    """What `show` puts on the page: (bundle, metadata), one after the other."""
    seen = []
    monkeypatch.setattr(
        importlib.import_module("kdlib.figures.show"),
        "publish",
        lambda bundle, about=None: seen.append((bundle, about)),
    )
    return seen


def figure():
    fig, ax = plt.subplots()
    ax.plot([1, 2, 4], [0.1, 0.2, 1 / 3], label="student")
    return fig


# --- style


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return linear(colour) @ [0.2126, 0.7152, 0.0722]


def lightness(colour):
    return 116 * np.cbrt(luminance(colour)) - 16


def lab(rgb):
    to_xyz = np.array(
        [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    )
    x, y, z = np.cbrt(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.0888])
    return np.array([116 * y, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colour", ROLES)
def test_every_colour_stands_out_from_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 3  # WCAG 2.1, 1.4.11


def test_any_two_colours_differ_in_lightness():
    gaps = [abs(lightness(a) - lightness(b)) for a, b in itertools.combinations(ROLES, 2)]
    assert min(gaps) >= 6


@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_any_two_colours_differ_with_any_colour_vision(vision):
    seen = [lab(COLOUR_VISION[vision] @ linear(colour)) for colour in ROLES]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 15


def test_any_two_lines_differ_in_dash_and_in_marker():
    looks = [line(colour) for colour in ROLES]
    assert len({str(look["linestyle"]) for look in looks}) == len(ROLES)
    assert len({look["marker"] for look in looks}) == len(ROLES)


def test_the_style_is_legible_on_a_projector():
    sizes = ("font.size", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
    assert min(float(mpl.rcParams[name]) for name in sizes) >= 11


def test_the_style_replaces_what_the_reader_has_set():
    mpl.rcParams["lines.linewidth"], mpl.rcParams["axes.titlepad"] = 40, 99
    style.use_style()
    assert mpl.rcParams["lines.linewidth"] < 5
    assert mpl.rcParams["axes.titlepad"] == mpl.rcParamsDefault["axes.titlepad"]


# --- show


def test_show_gives_a_picture_and_its_words(published):
    show(figure(), name="two-curves", alt=WORDS)
    (picture, about), (words, _) = published
    assert picture["image/png"].startswith(b"\x89PNG")
    assert picture["text/plain"] == f"Figure: {WORDS}"
    assert about == {"image/png": {"alt": WORDS}}
    assert "<summary>Figure in words</summary>" in words["text/html"]
    assert words["text/plain"].endswith(WORDS)


def test_the_picture_is_opaque_even_on_a_dark_page(published):
    plt.style.use("dark_background")
    style.use_style()
    show(figure(), name="two-curves", alt=WORDS)
    with Image.open(io.BytesIO(published[0][0]["image/png"])) as image:
        assert image.convert("RGBA").getextrema()[3] == (255, 255)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert image.size == (700, 400)


def test_words_are_escaped_and_put_on_one_line(published):
    show(figure(), name="two-curves", alt="KL < 1 & JS > 0:\n   " + WORDS)
    assert "KL &lt; 1 &amp; JS &gt; 0: The" in published[1][0]["text/html"]


def test_show_closes_the_figure(published):
    show(figure(), name="two-curves", alt=WORDS)
    assert plt.get_fignums() == []


def test_show_prints_the_words_outside_a_notebook(capsys):
    show(figure(), name="two-curves", alt=WORDS)
    assert WORDS in capsys.readouterr().out


@pytest.mark.parametrize("alt", ["", "   ", "A plot.", "x" * 39 + " " * 20])
def test_too_short_a_description_is_refused(alt, published):
    with pytest.raises(ValueError, match=r"alt has \d+ characters.*expected at least 40"):
        show(figure(), name="two-curves", alt=alt)
    assert published == []


@pytest.mark.parametrize("name", ["", "Two-Curves", "two curves", "two_curves", "-a", "a--b", None])
def test_a_name_that_is_not_kebab_case_is_refused(name):
    with pytest.raises(ValueError, match=r"name is .*expected kebab-case"):
        show(figure(), name=name, alt=WORDS)


def test_axes_in_place_of_a_figure_are_refused():
    with pytest.raises(TypeError, match="expected a matplotlib figure"):
        show(figure().axes[0], name="two-curves", alt=WORDS)


def test_a_description_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="alt is NoneType"):
        show(figure(), name="two-curves", alt=None)


# --- export


def test_nothing_is_written_unless_asked(published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    show(figure(), name="two-curves", alt=WORDS)
    assert list(tmp_path.iterdir()) == []


def test_every_kind_of_file_is_written(published, tmp_path, monkeypatch):
    monkeypatch.setenv("KDLIB_FIGURES", str(tmp_path))
    monkeypatch.setenv("KDLIB_LESSON", "07_language")
    show(figure(), name="two-curves", alt=WORDS)
    written = {path.name for path in (tmp_path / "07_language").iterdir()}
    assert written == {f"two-curves{suffix}" for suffix in SUFFIXES}
    assert (tmp_path / "07_language/two-curves.txt").read_text(encoding="utf-8") == WORDS + "\n"


def test_only_the_wanted_figures_are_written(published, tmp_path, monkeypatch):
    monkeypatch.setenv("KDLIB_FIGURES", str(tmp_path))
    monkeypatch.setenv("KDLIB_FIGURES_ONLY", "b,c")
    for name in ("a", "b", "c"):
        show(figure(), name=name, alt=WORDS)
    assert {path.stem for path in tmp_path.rglob("*.png")} == {"b", "c"}


_EXPORT = """
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt, numpy as np
from kdlib.figures import show, use_style
use_style()
fig, (left, right) = plt.subplots(1, 2)
x = np.linspace(0, 3, 50)
left.plot(x, np.exp(-x), label="p‖q"); left.fill_between(x, 0, np.exp(-x), alpha=0.3); left.legend()
right.pcolormesh(np.arange(12).reshape(3, 4)); right.bar(["a", "b"], [1, 2], hatch="//")
show(fig, name="sample", alt="An exponential that falls, and beside it a small mesh: KL(p‖q).")
"""


def test_another_process_time_zone_and_hash_seed_give_the_same_bytes(tmp_path):
    runs = []
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        out = tmp_path / seed
        extra = {"PYTHONHASHSEED": seed, "TZ": zone, "KDLIB_FIGURES": str(out)}
        subprocess.run([sys.executable, "-c", _EXPORT], env={**os.environ, **extra}, check=True,
                       cwd=Path(__file__).parents[1], capture_output=True)  # fmt: skip
        runs.append({path.name: path.read_bytes() for path in out.rglob("*.*")})
    assert sorted(runs[0]) == sorted(f"sample{suffix}" for suffix in SUFFIXES)
    assert runs[0] == runs[1]


# --- the plotted numbers


def rows(fig, kind):
    return [row for row in plotted_rows(fig) if row[1] == kind]


def test_the_table_holds_the_points_of_a_line_to_six_digits():
    assert as_csv(figure()).splitlines() == [
        ",".join(HEADER), "1,line,student,1,0.1,", "1,line,student,2,0.2,", "1,line,student,4,0.333333,",
    ]  # fmt: skip


def test_the_table_can_be_read_by_any_csv_reader():
    fig, ax = plt.subplots()
    ax.plot([1, 2], label='a "quoted", label')
    table = list(csv.DictReader(io.StringIO(as_csv(fig))))
    assert [row["series"] for row in table] == ['a "quoted", label'] * 2


def test_the_table_holds_scattered_points_with_their_values():
    fig, ax = plt.subplots()
    ax.scatter([1, 2], [3, 4], c=[0.5, 0.25], label="names")
    assert rows(fig, "point") == [
        ("1", "point", "names", "1", "3", "0.5"), ("1", "point", "names", "2", "4", "0.25"),
    ]  # fmt: skip


def test_the_table_holds_bars_by_the_names_of_their_ticks():
    fig, (ax, below) = plt.subplots(2)
    ax.bar(["DE", "FR"], [0.7, 0.3], label="teacher")
    below.barh([0, 1], [2, 5])
    below.set_yticks([0, 1], ["small", "large"])
    assert [row[3:] for row in rows(fig, "bar")] == [
        ("DE", "0.7", "0.7"), ("FR", "0.3", "0.3"), ("2", "small", "2"), ("5", "large", "5"),
    ]  # fmt: skip


def test_bars_beside_a_named_tick_belong_to_it():
    fig, ax = plt.subplots()
    ax.bar([-0.2, 0.8], [0.7, 0.3], 0.4, label="teacher")
    ax.bar([0.2, 1.2], [0.6, 0.4], 0.4, label="student")
    ax.set_xticks([0, 1], ["DE", "FR"])
    assert [row[2:5] for row in rows(fig, "bar")] == [
        ("teacher", "DE", "0.7"), ("teacher", "FR", "0.3"),
        ("student", "DE", "0.6"), ("student", "FR", "0.4"),
    ]  # fmt: skip


def test_names_of_hidden_tick_labels_are_still_names():
    # Regression: two panels that share the names between them could not be exported.
    fig, ax = plt.subplots()
    ax.bar([0, 1], [0.2, 0.8], label="teacher")
    ax.set_xticks([0, 1], ["DE", "FR"])
    ax.tick_params(labelbottom=False)
    assert [row[3:5] for row in rows(fig, "bar")] == [("DE", "0.2"), ("FR", "0.8")]


def test_numbers_on_fixed_ticks_stay_numbers():
    fig, ax = plt.subplots()
    ax.plot([1, 2, 4], [5, 6, 7])
    ax.set_xticks([1, 2, 4], ["1", "2.0", "-4"])
    assert [row[3] for row in rows(fig, "line")] == ["1", "2", "4"]


def test_the_table_holds_both_ends_of_an_error_bar():
    fig, ax = plt.subplots()
    ax.errorbar([1], [5], yerr=[[1], [2]], capsize=3, label="seeds")
    assert rows(fig, "error bar low") == [("1", "error bar low", "seeds", "1", "4", "")]
    assert rows(fig, "error bar high") == [("1", "error bar high", "seeds", "1", "7", "")]
    assert len(plotted_rows(fig)) == 3  # and the estimate itself, without the caps


def test_the_table_holds_meshes_and_images_cell_by_cell():
    fig, (ax, beside) = plt.subplots(1, 2)
    mesh = ax.pcolormesh([0, 1, 2], [0, 10], [[0.5, np.nan]])
    fig.colorbar(mesh)
    beside.imshow([[1, 2], [3, 4]], extent=(0, 2, 0, 2))
    assert [row[3:] for row in rows(fig, "cell")] == [
        ("0.5", "5", "0.5"), ("1.5", "5", ""),
        ("0.5", "1.5", "1"), ("1.5", "1.5", "2"), ("0.5", "0.5", "3"), ("1.5", "0.5", "4"),
    ]  # fmt: skip


def test_the_table_holds_triangles_contours_bands_and_segments():
    fig, ax = plt.subplots()
    ax.tripcolor([0, 3, 0], [0, 0, 3], facecolors=np.array([7.0]))
    ax.tripcolor([0, 3, 0], [0, 0, 3], [1.0, 2.0, 3.0], shading="gouraud")
    assert [row[3:] for row in rows(fig, "cell")] == [
        ("1", "1", "7"), ("0", "0", "1"), ("3", "0", "2"), ("0", "3", "3"),
    ]  # fmt: skip
    fig, ax = plt.subplots()
    ax.contour([0, 1], [0, 1], [[0, 0], [1, 1]], levels=[0.5])
    ax.fill_between([0, 1], [0, 0], [1, 2], label="interval")
    ax.vlines([3], 0, 2)
    assert {row[4:] for row in rows(fig, "contour")} == {("0.5", "0.5")}
    assert ("1", "band", "interval", "1", "2", "") in rows(fig, "band")
    assert [row[3:5] for row in rows(fig, "segment")] == [("3", "0"), ("3", "2")]


def test_a_line_across_the_axes_has_only_the_coordinate_that_is_data():
    fig, ax = plt.subplots()
    ax.axhline(0.5, label="baseline")
    ax.axvspan(1, 2, label="range")
    assert {row[3:5] for row in rows(fig, "line")} == {("", "0.5")}
    assert {row[3:5] for row in rows(fig, "area")} == {("1", ""), ("2", "")}


def test_labels_beside_the_data_are_in_the_table_and_captions_are_not():
    fig, ax = plt.subplots()
    ax.set(xlim=(0, 5), ylim=(0, 5))
    ax.text(1, 2, "student")
    ax.annotate("teacher", (3, 4), xytext=(9, 0), textcoords="offset points")
    ax.text(0.5, -0.2, "a caption", transform=ax.transAxes)
    assert {row[2:5] for row in rows(fig, "label")} == {
        ("student", "1", "2"),
        ("teacher", "3", "4"),
    }


def test_infinite_and_missing_values_are_told_apart():
    fig, ax = plt.subplots()
    ax.plot([0.0, 1, 2], [np.inf, np.nan, -0.0])
    assert [row[4] for row in rows(fig, "line")] == ["inf", "", "0"]


# --- the folder


def test_the_index_shows_every_figure_with_its_words_and_links(published, tmp_path, monkeypatch):
    monkeypatch.setenv("KDLIB_FIGURES", str(tmp_path))
    monkeypatch.setenv("KDLIB_LESSON", "07_language")
    show(figure(), name="two-curves", alt="KL < 1: " + WORDS)
    gallery.write_index(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in page and page.count("<h1>") == 1
    assert "KL &lt; 1: The teacher&#x27;s curve" in page
    for suffix in SUFFIXES:
        assert f'href="07_language/two-curves{suffix}"' in page


def test_an_unfinished_figure_is_not_listed(tmp_path):
    (tmp_path / "07_language").mkdir()
    (tmp_path / "07_language/half.png").write_bytes(b"")
    assert gallery.figures_in(tmp_path) == []


def test_the_manifest_says_what_was_written_to_it(tmp_path):
    assert gallery.read_manifest(tmp_path) == {}
    entries = [{"figure": "b", "lesson": "01"}, {"figure": "a", "lesson": "02"}]
    gallery.write_manifest(tmp_path, reversed(entries))
    assert list(gallery.read_manifest(tmp_path).values()) == entries
