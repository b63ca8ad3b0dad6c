"""Does the doctor find what is wrong, and say what to do?"""

import sys

import pytest

from kdlib import doctor
from kdlib.doctor import Finding


def test_everything_but_data_is_well_where_the_tests_run():
    checks = (doctor.python, doctor.packages, doctor.library, doctor.threads, doctor.kernel)
    findings = [finding for check in checks for finding in check()]
    assert {finding.status for finding in findings} == {"ok"}
    assert any("a kernel starts and answers" in finding.text for finding in findings)


def test_a_missing_package_is_a_problem_with_advice():
    (finding,) = doctor.packages(["no-such-package-as-this>=1"])
    assert (finding.status, finding.text) == ("problem", "no-such-package-as-this is missing")
    assert "pip install -r requirements.txt" in finding.advice


def test_another_version_than_the_tested_ones_is_a_warning():
    (finding,) = doctor.packages(["numpy>=99"])
    assert finding.status == "warning"
    assert finding.text.endswith("is outside the tested range, numpy>=99")


def test_a_package_that_this_system_does_not_need_is_not_asked_for():
    assert list(doctor.packages(["no-such-package; python_version < '3'"])) == []


def test_every_line_of_the_requirements_is_examined():
    found = {finding.text.split()[0] for finding in doctor.packages()}
    assert {"torch", "numpy", "matplotlib", "jupyterlab"} <= found


@pytest.mark.parametrize(("gigabytes", "status"), [(0.4, "problem"), (1.4, "problem"), (8, "ok")])
def test_too_little_memory_is_a_problem(gigabytes, status):
    (finding,) = doctor.memory(gigabytes * 1e9)
    assert finding.status == status
    assert bool(finding.advice) == (status != "ok")


def test_memory_that_cannot_be_read_is_a_warning(monkeypatch):
    monkeypatch.setattr(doctor, "free_memory", lambda: None)
    assert [finding.status for finding in doctor.memory()] == ["warning"]


def test_the_limit_of_a_container_counts(tmp_path):
    (tmp_path / "memory.max").write_text("2000000000\n")
    (tmp_path / "memory.current").write_text("1500000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 300000000\n")
    assert list(doctor._free_in_container(tmp_path)) == [800_000_000.0]
    (tmp_path / "memory.max").write_text("max\n")
    assert list(doctor._free_in_container(tmp_path)) == []


def test_an_old_python_is_a_problem(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    (finding,) = doctor.python()
    assert (finding.status, finding.text) == ("problem", "Python 3.9.1")
    assert finding.advice == "Install Python 3.11 or newer."


def test_another_environment_than_the_course_s_own_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert [finding.status for finding in doctor.environment()] == ["ok"]
    (tmp_path / ".venv").mkdir()
    assert [finding.status for finding in doctor.environment()] == ["warning"]
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert [finding.status for finding in doctor.environment()] == ["ok"]


def test_damaged_data_are_a_problem_that_says_how_to_restore_them(monkeypatch):
    def damaged():
        raise ValueError("the checksum is wrong")

    monkeypatch.setattr("kdlib.data.load_place_names", damaged)
    monkeypatch.setattr("kdlib.models.load_teacher", lambda: None)
    names, teacher = doctor.data()
    assert (names.status, teacher.status) == ("problem", "ok")
    assert "the checksum is wrong" in names.text and "git checkout" in names.advice


def test_a_check_that_breaks_is_a_problem_and_stops_no_other(monkeypatch):
    def broken():
        raise OSError("no such file")
        yield

    for name in ("packages", "data", "kernel"):
        monkeypatch.setattr(doctor, name, broken)
    findings = list(doctor.examine())
    assert [f.text for f in findings if f.status == "problem"] == [
        "broken: OSError: no such file"
    ] * 3
    assert len(findings) > 6


def test_a_finding_reads_as_one_line_and_its_advice_as_another():
    assert str(Finding("ok", "Python 3.12.1")) == "ok       Python 3.12.1"
    assert str(Finding("problem", "x", "Do y.")) == "problem  x\n         → Do y."
