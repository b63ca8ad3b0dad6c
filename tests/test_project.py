"""The files around the library say what is true: README, licence, Makefile, wheel, editor settings."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kdlib

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IGNORED = ["/.git/", *(ROOT / ".gitignore").read_text().split()]


def own_files():
    """Every file of the project, without what .gitignore names."""
    for folder, folders, files in os.walk(ROOT):
        slash = "/" if Path(folder) == ROOT else None
        folders[:] = [
            x for x in folders if f"{x}/" not in IGNORED and f"{slash}{x}/" not in IGNORED
        ]
        yield from (Path(folder) / name for name in files)


def run(*command, **options):
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )


def make(*arguments, folder=ROOT):
    """Run make as from a shell: without what `make test`, which may have started us, hands on."""
    handed_on = {"ARGS", "PYTHON", *(name for name in os.environ if "MAKE" in name)}
    own = {name: value for name, value in os.environ.items() if name not in handed_on}
    return run("make", *arguments, cwd=folder, env=own)


# --- README ----------------------------------------------------------------------------------


def test_badges_name_the_repository_and_lessons_that_exist():
    repository = PYPROJECT["project"]["urls"]["Repository"].removeprefix("https://github.com/")
    binder = re.findall(
        r"mybinder\.org/v2/gh/([\w-]+/[\w-]+)/HEAD\?urlpath=lab/tree/([^)\s]+)", README
    )
    colab = re.findall(r"github/([\w-]+/[\w-]+)/blob/main/([^)\s]+)", README)
    codespaces = re.findall(r"codespaces\.new/([\w-]+/[\w-]+)", README)
    assert binder and colab and codespaces
    assert {owner for owner, _ in binder + colab} | set(codespaces) == {repository}
    assert binder[0][1] == "notebooks/00_start_here.ipynb"
    assert [path for _, path in binder + colab if not (ROOT / path).is_file()] == []


def test_files_that_readme_links_to_exist():
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", README)
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_commands_that_readme_names_exist():
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    assert {"lab", "test"} <= named <= phony


def test_the_python_example_of_readme_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    ran = run(sys.executable, "-c", example)
    assert ran.returncode == 0 and ran.stdout, ran.stderr


# --- licences, versions, stray words ---------------------------------------------------------


def test_code_and_data_have_a_licence():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    data = (ROOT / "data" / "README.md").read_text()
    assert "GeoNames" in data and "CC BY 4.0" in data
    assert "MIT" in README and "CC BY 4.0" in README


def test_there_is_one_version():
    assert kdlib.__version__ == PYPROJECT["project"]["version"]


def test_everything_that_kdlib_needs_is_in_the_learners_requirements():
    names = re.findall(r"^([\w-]+)[<=>]", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    needed = {re.match(r"[\w-]+", line)[0] for line in PYPROJECT["project"]["dependencies"]}
    assert needed < set(names)


def test_no_file_names_a_folder_of_one_machine():
    pattern = re.compile("|".join(f"/{folder}/" for folder in ("work", "tmp", "root", "opt")))
    stray = []
    for path in own_files():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        stray += [f"{path}:{i}: {line.strip()[:80]}" for i, line in enumerate(lines, 1)
                  if pattern.search(line)]  # fmt: skip
    assert stray == []


def test_the_editor_s_container_matches_the_project():
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert settings["image"].endswith(":3.11")
    assert settings["postCreateCommand"] == "make install"
    assert settings["containerEnv"]["OMP_NUM_THREADS"] == "1"
    opened = settings["customizations"]["codespaces"]["openFiles"]
    assert [path for path in opened if not (ROOT / path).is_file()] == []


# --- make and .ci/run ------------------------------------------------------------------------


def test_make_alone_lists_every_target():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    listed = re.findall(r"^make (\w+)", make().stdout, re.MULTILINE)
    assert sorted(listed) == sorted(phony)


def test_make_test_ends_with_pytest():
    commands = make("-n", "test").stdout.strip().splitlines()
    assert commands[-1].strip() == ".venv/bin/python -m pytest"


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec make test"


@pytest.mark.parametrize(
    ("python", "advice"),
    [
        ("exit 1", "make lab PYTHON=python3.12"),  # as a Python that is too old does
        ('case "$*" in *ensurepip*) exit 1;; esac', "sudo apt install python3-venv"),
    ],
)
def test_make_says_what_to_do_about_an_unfit_python(tmp_path, python, advice):
    clone = tmp_path / "a clone"
    clone.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    (tmp_path / "python").write_text(f"#!/bin/sh\n{python}\n")
    (tmp_path / "python").chmod(0o755)
    made = make("install", f"PYTHON={tmp_path / 'python'}", folder=clone)
    assert made.returncode != 0 and advice in made.stdout


# --- the wheel -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed_wheel(tmp_path_factory):
    """A folder into which the wheel was installed; built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip")
    offline = ("--no-deps", "--no-index")
    built = run(*pip, "wheel", *offline, "--no-build-isolation", "-w", folder, ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    done = run(*pip, "install", *offline, "--target", folder / "site", wheel)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def makes_data(path):
    """Whether a file only makes others of the data folder."""
    return ROOT / "data" in path.parents and (
        path.suffix == ".py" or path.is_relative_to(ROOT / "data" / "support_queries")
    )


def test_the_wheel_has_every_module_and_data_file(installed_wheel):
    for source, target in (("kdlib", "kdlib"), ("data", "kdlib/_data")):
        expected = {
            path.relative_to(ROOT / source)
            for path in (ROOT / source).rglob("*")
            if path.is_file() and path.suffix != ".pyc" and not makes_data(path)
        }
        missing = [path for path in expected if not (installed_wheel / target / path).is_file()]
        assert expected and missing == []


def test_an_installed_wheel_reads_its_own_data(installed_wheel, tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(installed_wheel)!r})
import kdlib.data, kdlib.models
assert kdlib.__file__.startswith({str(installed_wheel)!r})
assert kdlib.data.data_folder().is_relative_to({str(installed_wheel)!r})
kdlib.models.load_teacher()
print(len(kdlib.data.load_place_names().train))
"""
    ran = run(sys.executable, "-I", "-c", code, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 30_000


def test_an_editable_install_reads_the_data_of_the_checkout():
    import kdlib.data

    assert kdlib.data.data_folder() == ROOT / "data"


def test_the_map_of_lessons_in_readme_has_a_row_of_measured_numbers_for_each_lesson():
    table = README.split("<!-- budgets -->")[1].split("<!-- /budgets -->")[0].strip()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines()[2:]]
    assert [row[0] for row in rows] == [path.name[:2] for path in sorted(ROOT.glob("notebooks/*"))]
    for number, title, question, seconds, megabytes in rows:
        assert f"](notebooks/{number}_" in title and question.endswith("?")
        assert int(seconds) > 0 and int(megabytes) > 0
