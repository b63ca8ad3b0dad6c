"""What mybinder.org would build and run, proved without a container engine.

The build is read from the recipe that repo2docker prints. What the image would do is done in a
virtual environment made from the same files alone: install, post-build, start, and two lessons under
Binder's limits of one core and 2 GB.
"""

import os
import re
import resource
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
THREAD_CAPS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MEMORY = 2 * 2**30  # bytes; Binder ends a session that uses more
RUN_LESSON = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
here = {"metadata": {"path": "notebooks"}}
nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=here).execute()
print("ran", sum(cell.get("execution_count") is not None for cell in notebook.cells), "cells")
"""


def run(*command, **options):
    """Run a command in the root; its whole output is in the failure message."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, **options,
    )  # fmt: skip
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout}"
    return done.stdout


def environment_without(*names):
    return {name: value for name, value in os.environ.items() if name not in names}


# --- the recipe ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recipe():
    options = ("--no-build", "--debug", "--user-id", "1000", "--user-name", "reader")
    return run(sys.executable, "-m", "repo2docker", *options, ".")


def test_the_image_has_python_3_11(recipe):
    assert "Building conda environment for python=3.11" in recipe


def test_pip_runs_in_the_root_after_the_repository_was_copied(recipe):
    """Only then do `-r ../requirements.txt` and `-e .` find what they name."""
    copied = recipe.index("COPY --chown=1000:1000 src/ ${REPO_DIR}/")
    installed = recipe.index('pip install --no-cache-dir -r "binder/requirements.txt"')
    assert recipe.rindex("WORKDIR ${REPO_DIR}") < copied < installed


def test_the_image_is_finished_and_started_by_our_files(recipe):
    installed = recipe.index("pip install --no-cache-dir")
    assert installed < recipe.index("RUN ./binder/postBuild")
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in recipe


def test_torch_comes_from_the_index_of_cpu_builds_on_binder_only():
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    lines = [line for line in lines if not line.startswith("#")]
    assert lines == [f"--extra-index-url {CPU_INDEX}", "-r ../requirements.txt"]
    assert "index-url" not in (ROOT / "requirements.txt").read_text()
    assert re.search(r"^torch==2\.13\.0$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_start_caps_threads_and_then_becomes_what_it_was_given():
    lines = (BINDER / "start").read_text().splitlines()
    assert lines[0].startswith("#!") and lines[-1] == 'exec "$@"'
    seen = run(BINDER / "start", "env", env=environment_without(*THREAD_CAPS)).splitlines()
    assert {f"{cap}=1" for cap in THREAD_CAPS} <= set(seen)


# --- the same files in a virtual environment of their own ------------------------------------


@pytest.fixture(scope="module")
def image():
    """A Python that has what binder/requirements.txt installs, and nothing else.

    It stays in build/ until one of those files changes. The extra index is asked for torch alone,
    once, and may fail to answer: asking it for every package, as the file does, takes minutes where
    it cannot be reached. The rest of the file is one line, `-r ../requirements.txt`.
    """
    folder = ROOT / "build" / "binder"
    python, stamp = folder / "bin" / "python", folder / "made-from"
    sources = [
        ROOT / name for name in ("binder/requirements.txt", "requirements.txt", "pyproject.toml")
    ]
    made_from = str(ROOT) + "".join(path.read_text() for path in sources)
    if not stamp.is_file() or stamp.read_text() != made_from:
        venv.create(folder, with_pip=True, clear=True)
        online = environment_without("PYTHONPATH")  # conftest.py forbids the network there
        pip = (python, "-m", "pip", "install", "-q")
        torch = ("--retries", "0", "--no-deps", "--index-url", CPU_INDEX, "torch==2.13.0")
        subprocess.run(pip + torch, env=online, capture_output=True)
        run(*pip, "-r", BINDER / "../requirements.txt", env=online)
        stamp.write_text(made_from)
    return python


def test_post_build_finds_kdlib_and_its_data(image):
    path = os.pathsep.join([str(image.parent), os.environ["PATH"]])
    run("bash", BINDER / "postBuild", env=environment_without("PYTHONPATH") | {"PATH": path})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to RLIMIT_AS")
@pytest.mark.parametrize("lesson", ["00", "01"])
def test_a_lesson_runs_with_one_thread_in_2_gb(image, lesson):
    (notebook,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    environment = environment_without(*THREAD_CAPS) | {
        "PYTHONPATH": str(ROOT / "tests" / "offline")
    }
    output = run(
        BINDER / "start", image, "-c", RUN_LESSON, notebook,
        env=environment, preexec_fn=limit_memory,
    )  # fmt: skip
    assert int(re.search(r"ran (\d+) cells", output)[1]) >= 8


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
