"""A run that is killed again and again ends with the file of a run that nobody killed.

The runs are processes of their own, forked from a server that has imported everything once. Stages
sleep a few milliseconds per batch, so that a kill hits one of them, or the writing of its lines.
"""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from kdlib.cascade.runner import Cascade
from kdlib.cascade.stages import CascadeStage

INPUTS = [f"query {i}" for i in range(120)]
BATCH = 10
KILLS = 20


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "kdlib.cascade.runner"])
    return context


def cascade(asked: Path) -> Cascade:
    """Notes in a file what its small stage is asked, before it answers."""

    def small(batch):
        with asked.open("a") as file:
            file.writelines(f"{x}\n" for x in batch)
        time.sleep(0.002)
        return [x.upper() for x in batch], [int(x[-1]) / 10 for x in batch]

    def large(batch):
        time.sleep(0.002)
        if "query 6" in batch[0]:
            raise RuntimeError("no answers between 60 and 69")
        return [f"large {x}" for x in batch], [1.0] * len(batch)

    return Cascade([CascadeStage("small", small, 0.5, 1.0), CascadeStage("large", large, cost=9.0)])


def work(journal, asked, started):
    started.set()
    cascade(asked).run(INPUTS, journal=journal, batch_size=BATCH)


def lines_of(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def asked_in(path):
    return set(path.read_text().splitlines()) if path.exists() else set()


def start(processes, journal, asked):
    started = processes.Event()
    process = processes.Process(target=work, args=(journal, asked, started), daemon=True)
    process.start()
    assert started.wait(60)
    return process


def test_a_run_killed_twenty_times_ends_with_the_same_file(processes, tmp_path):
    expected = tmp_path / "expected.jsonl"
    work(expected, tmp_path / "all", processes.Event())
    seconds = time.perf_counter()
    work(tmp_path / "timed.jsonl", tmp_path / "timed", processes.Event())
    seconds = time.perf_counter() - seconds

    rng, kills, places = np.random.default_rng(0), 0, set()
    while kills < KILLS:
        journal, asked = tmp_path / f"after {kills}.jsonl", tmp_path / f"after {kills}"
        while True:
            done = INPUTS[: max(0, lines_of(journal) - 1)]
            asked.unlink(missing_ok=True)
            process = start(processes, journal, asked)
            if kills < KILLS:
                process.join(rng.uniform(0, seconds))
            if kills == KILLS or not process.is_alive():
                break
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1
            places.add(lines_of(journal))
            assert lines_of(journal) >= len(done)
            assert not set(done) & asked_in(asked)
        process.join(60)
        assert process.exitcode == 0 and not set(done) & asked_in(asked)
        assert journal.read_bytes() == expected.read_bytes()
    assert len(places) > 3, "the kills hit different places"
    answers = [json.loads(line)["answer"] for line in expected.read_text().splitlines()[1:]]
    assert len(answers) == len(INPUTS) and answers.count(None) == 5
