"""The benchmark of the audit: what it compares, and that it leaves no files behind."""

import os
import signal
import sys

import numpy as np
import pytest
from test_bench import rows_of

from kdlib import __main__ as command
from kdlib.bench import audit


def test_a_line_is_a_ratio_of_the_same_round_and_memory_in_megabytes():
    cells = audit._line(("pass", [1.0, 2.0, 4.0]), (200_000_000, 50_000_000), [2.0, 4.0, 8.0])
    assert cells == ("pass", "2", "2.00", "2.00–2.00", "250", "50")
    assert audit._line(("audit", [1.0]), None, [1.0])[2:] == ("1.00", "–", "–", "–")


def test_files_hold_logits_of_a_teacher_and_of_a_student_that_is_near(monkeypatch):
    monkeypatch.setattr(audit, "BLOCK", 64)
    with audit.files(50, 7) as folder:
        teacher, student = map(np.array, audit.opened(folder))
        assert teacher.shape == student.shape == (50, 7) and teacher.dtype == np.float32
        assert 0.3 < (student - teacher).std() < 0.7 < 1.5 < teacher.std()
        for run in audit.PASSES.values():
            run(folder)
    assert not folder.exists()


@pytest.mark.parametrize(("stop", "error"), [(signal.SIGINT, KeyboardInterrupt),
                                             (signal.SIGTERM, SystemExit)])  # fmt: skip
def test_files_are_deleted_when_it_is_interrupted(stop, error):
    # A shell starts jobs in the background with SIGINT ignored.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(error), audit.files(10, 3) as folder:
        os.kill(os.getpid(), stop)
    signal.signal(signal.SIGINT, inherited)
    assert not folder.exists() and signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only")
def test_the_command_prints_a_table(capsys):
    assert command.main(["bench", "audit", "--size", "2000x5", "--repeats", "1"]) == 0
    printed = capsys.readouterr().out
    assert "2 files of (2,000, 5) float32, 0 MB" in printed and "1 rounds in turns" in printed
    rows = rows_of(printed)
    assert [row[0] for row in rows] == list(audit.PASSES)
    assert all(0 < float(row[5]) < float(row[4]) for row in rows)


def test_coverage_is_measured_from_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("kdlib.bench.coverage.report", lambda *given: f"asked: {given}")
    assert command.main(["bench", "coverage", "--inputs", "50", "80", "--times", "3"]) == 0
    assert command.main(["bench", "coverage"]) == 0
    assert capsys.readouterr().out == "asked: ([50, 80], 3)\nasked: ((200, 2000), 1000)\n"
