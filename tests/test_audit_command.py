"""`python -m kdlib audit` on a pair that nobody here made: two classifiers of scikit-learn.

A forest that saw 80 labelled digits taught a logistic regression what 820 others are; the control
is a logistic regression of the same 80 labels.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from report_pages import (
    Page,
    assert_can_be_read_without_seeing_it,
    assert_needs_nothing_from_outside,
    run,
)

from kdlib import __main__ as command
from kdlib import lessons
from kdlib.audit import audit, reliabilities
from kdlib.calibration import reliability
from kdlib.reports import audit_files
from kdlib.reports.writing import ReportError, write_whole

ALL = ("teacher", "student", "control", "labels", "groups")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with the files of the pair: .npy, labels, and groups as text."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("digits")
    x, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order] / 16, y[order]
    few, many, test = slice(0, 80), slice(80, 900), slice(900, None)
    teacher = RandomForestClassifier(60, random_state=0).fit(x[few], y[few])
    student = LogisticRegression(max_iter=500).fit(x[many], teacher.predict(x[many]))
    control = LogisticRegression(max_iter=500).fit(x[few], y[few])
    for name, model in {"teacher": teacher, "student": student, "control": control}.items():
        np.save(folder / f"{name}.npy", model.predict_proba(x[test]))
    np.save(folder / "labels.npy", y[test])
    ink = np.where(x[test].sum(1) > np.median(x[test].sum(1)), "bold", "thin")
    (folder / "groups.csv").write_text("\n".join(["ink", *ink]) + "\n")
    return folder


def line(folder, *roles, **instead):
    """The command with these files; `instead` names others, or more options."""
    files = {role: "groups.csv" if role == "groups" else f"{role}.npy" for role in roles} | instead
    return ["audit", *(part for role, file in files.items()
                       for part in (f"--{role}", str(folder / file)))]  # fmt: skip


@pytest.fixture(scope="module")
def done(digits):
    """What the whole command printed, in a folder where it wrote report.html and report.json."""
    files = [f"--{role}={role}{'.csv' if role == 'groups' else '.npy'}" for role in ALL]
    return run("audit", *files, "--out=report.html", "--json=report.json", folder=digits)


@pytest.fixture(scope="module")
def page(done, digits):
    return Page((digits / "report.html").read_text(encoding="utf-8"))


# What it says -------------------------------------------------------------------------------


def test_it_says_in_words_what_the_function_finds(done, digits):
    arrays = {role: np.load(digits / f"{role}.npy") for role in ALL[:4]}
    groups = (digits / "groups.csv").read_text().split()[1:]
    report = audit(**arrays, groups=groups)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        *report.words,
        "Written: report.html",
        "Written: report.json",
    ]
    assert re.match(r"The student gives the teacher's answer on \d\d\.\d % \[.*of 897 inputs; a model "
                    r"trained without the teacher already does on \d\d\.\d %", done.stdout)  # fmt: skip
    kept = json.loads((digits / "report.json").read_text())
    assert {name: kept[name] for name in report.to_dict()} == report.to_dict()
    assert {part["name"] for part in kept["by_group"]} == {"bold", "thin"}


def test_json_and_page_say_how_they_were_made(done, digits, page):
    origin = json.loads((digits / "report.json").read_text())["origin"]
    assert origin["command"].startswith("python -m kdlib audit --teacher=teacher.npy")
    assert set(origin["files"]) == set(ALL) and origin["contents"]["groups"] == "(897,) text"
    assert {"kdlib", "python", "numpy", "torch"} <= set(origin["versions"])
    for file in origin["files"].values():
        assert file["sha256"] in page.html and f"{file['size']:,} bytes" in page.text
    assert origin["command"] in page.text


def test_without_a_page_the_numbers_are_printed(digits, capsys):
    assert command.main(line(digits, "teacher", "student")) == 0
    printed = capsys.readouterr().out
    assert "Without a control" in printed and "Without labels" in printed
    assert "Fidelity in numbers" in printed and "The inputs of largest KL" in printed


def test_text_tensors_and_archives_give_the_same_report(digits, tmp_path, capsys):
    from safetensors.numpy import save_file

    teacher, student = (np.load(digits / f"{name}.npy") for name in ("teacher", "student"))
    np.savetxt(
        tmp_path / "t.csv", teacher, delimiter=",", header=",".join("0123456789"), comments=""
    )
    np.savez(tmp_path / "all.npz", teacher=teacher, student=student)
    save_file({"s": student}, tmp_path / "s.safetensors")
    assert command.main(line(digits, "teacher", "student")) == 0
    expected = capsys.readouterr().out
    for files in ({"teacher": "t.csv", "student": "s.safetensors"},
                  {"teacher": "all.npz:teacher", "student": "all.npz:student"}):  # fmt: skip
        assert command.main(line(tmp_path, **files)) == 0
        assert capsys.readouterr().out == expected


# The page -----------------------------------------------------------------------------------


def test_the_page_needs_nothing_from_outside(page):
    assert_needs_nothing_from_outside(page)


def test_words_come_first_then_numbers_figures_examples_and_how_to_read(page, done):
    headings = re.findall(r"<h2>(.*?)</h2>", page.html)
    assert headings == ["In words", "In numbers", "In figures", "The worst examples",
                        "How to read this", "How it was made"]  # fmt: skip
    for sentence in done.stdout.splitlines()[:-2]:
        assert sentence in page.text


def test_the_page_can_be_read_without_seeing_it(page):
    assert_can_be_read_without_seeing_it(page, figures=4)


def test_the_figures_are_told_in_words_with_their_numbers(page, digits):
    kept = json.loads((digits / "report.json").read_text())
    assert f"student {100 * kept['agreement']['estimate']:.1f} %" in page.text
    assert f"{kept['kl']['median']:.3g} nats" in page.text
    assert "from all 897 rows" in page.text
    assert re.search(
        r"On average the teacher claims [\d.]+ %, is right on [\d.]+ %; the student", page.text
    )


def test_names_of_files_and_groups_are_escaped(digits, tmp_path):
    name = "<b>&.npy"
    np.save(tmp_path / name, np.load(digits / "student.npy"))
    (tmp_path / "g.csv").write_text("\n".join(["<i>x</i>", "b"] * 448 + ["b"]))
    out = tmp_path / "report.html"
    parts = line(digits, "teacher", student=tmp_path / name, groups=tmp_path / "g.csv")
    assert command.main([*parts, "--out", str(out)]) == 0
    html = Page(out.read_text(encoding="utf-8")).html
    assert "<b>" not in html and "<i>" not in html and "&lt;i&gt;x&lt;/i&gt;" in html


# Reliability --------------------------------------------------------------------------------


def test_reliability_is_that_of_the_function_on_all_or_on_evenly_spaced_rows(digits, monkeypatch):
    arrays = {name: np.load(digits / f"{name}.npy", mmap_mode="r") for name in ALL[:2]}
    labels = np.load(digits / "labels.npy")
    report = audit(**arrays, labels=labels)
    found = reliabilities(report, arrays, labels)
    assert found["student"] == reliability(np.array(arrays["student"]), labels, 10)
    monkeypatch.setattr("kdlib.audit.MOST_ROWS", 300)
    monkeypatch.setattr("kdlib.audit.RELEASE_BYTES", 1000)
    some = reliabilities(report, arrays, labels)["teacher"]
    assert some == reliability(np.array(arrays["teacher"])[::3], labels[::3], 10)
    assert sum(part.count for part in some) == 299


def test_reliability_of_logits_is_that_of_their_softmax(digits):
    probabilities, labels = np.load(digits / "student.npy"), np.load(digits / "labels.npy")
    arrays = {"teacher": probabilities, "student": np.log(probabilities) + 3}
    report = audit(**arrays, labels=labels)
    found = reliabilities(report, arrays, labels)
    assert [part.count for part in found["student"]] == [part.count for part in found["teacher"]]


# What can go wrong --------------------------------------------------------------------------


def test_an_error_is_one_sentence_without_a_traceback_and_ends_with_one(digits):
    failed = run("audit", "--teacher=teacher.npy", "--student=nowhere.npy", folder=digits)
    assert failed.returncode == 1 and failed.stdout == ""
    assert failed.stderr == (
        "nowhere.npy is missing, expected a file of numbers: is the name right?\n"
    )


def test_a_command_that_is_not_understood_ends_with_two(digits, capsys):
    parts = line(digits, "teacher", "student")
    for wrong in ([], ["--logits", "--probabilities"], ["--out", "teacher.npy"],
                  ["--json", "report.html"]):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            command.main([*parts[:3], *wrong] if not wrong else [*parts, *wrong])
        assert ended.value.code == 2
    assert "expected a name that ends in .json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :9] / x[:, :9].sum(-1, keepdims=True),
         r"teacher\.npy, .*wrong\.npy: teacher has shape \(897, 10\) but student has shape \(897, 9\)"),
        (lambda x: x[:5], r"teacher has shape \(897, 10\) but student has shape \(5, 10\).*same order"),
        (lambda x: x.argmax(-1), r"wrong\.npy: student has dtype torch\.int64"),
        (lambda x: np.where(np.arange(897)[:, None] == 800, np.nan, x),
         r"wrong\.npy: student\[800\]\[0\] is nan, expected"),
        (lambda x: np.round(x, 2), r"wrong\.npy: student has only numbers from 0 to 1.*give --logits"),
        (lambda x: x.astype(object), r"wrong\.npy holds Python objects"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit_are_named(change, message, digits, tmp_path, capsys):
    np.save(tmp_path / "wrong.npy", change(np.load(digits / "student.npy")), allow_pickle=True)
    assert command.main(line(digits, "teacher", student=tmp_path / "wrong.npy")) == 1
    captured = capsys.readouterr()
    assert re.search(message, captured.err) and captured.out == ""
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("role", "text", "message"),
    [
        ("labels", "cat\n" * 897, r"wrong\.csv, line 2, column 1 holds 'cat', expected a number"),
        ("labels", "10\n" * 897, r"wrong\.csv: labels\[0\] is 10, expected 0 to 9"),
        ("labels", "1\n" * 5, r"wrong\.csv: labels has shape \(5,\), expected \(897,\)"),
        ("groups", "a\n" * 5, r"wrong\.csv: groups has shape \(5,\), expected \(897,\)"),
    ],
)
def test_labels_and_groups_that_do_not_fit_are_named(role, text, message, digits, tmp_path, capsys):
    (tmp_path / "wrong.csv").write_text(text)
    parts = line(digits, "teacher", "student", **{role: tmp_path / "wrong.csv"})
    assert command.main(parts) == 1
    assert re.search(message, capsys.readouterr().err)


def test_the_scale_can_be_forced(digits, capsys):
    parts = line(digits, "teacher", "student")
    assert command.main([*parts, "--logits"]) == 0
    assert "Taken for logits: teacher, student." in capsys.readouterr().out
    assert command.main([*parts, "--probabilities"]) == 0
    assert "Taken for probabilities: teacher, student." in capsys.readouterr().out


# Writing ------------------------------------------------------------------------------------


def test_a_place_that_cannot_be_written_is_found_before_anything_is_read(digits, tmp_path, capsys):
    (tmp_path / "folder.html").mkdir()
    parts = line(digits, teacher="nowhere.npy", student="nowhere.npy")
    for out, message in ((tmp_path / "no" / "r.html", "expected a folder"),
                         (tmp_path / "folder.html", "is a folder, expected the name")):  # fmt: skip
        assert command.main([*parts, "--out", str(out)]) == 1
        assert message in capsys.readouterr().err


def test_what_was_there_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path, link = tmp_path / "report.html", tmp_path / "link.html"
    write_whole(path, "old")
    link.symlink_to(path)
    write_whole(link, "new")
    assert path.read_text() == "new" and link.is_symlink()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for method in ("write_text", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(Path, method, full)
            with pytest.raises(
                ReportError, match=r"report\.html cannot be written \(No space left"
            ):
                write_whole(path, "newer")
        assert path.read_text() == "new" and sorted(tmp_path.iterdir()) == [link, path]


def test_a_failed_audit_leaves_an_older_page_alone(digits, tmp_path, monkeypatch):
    out = tmp_path / "report.html"
    out.write_text("old")
    monkeypatch.setattr(audit_files, "pictures", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command.main([*line(digits, "teacher", "student"), "--out", str(out)])
    assert out.read_text() == "old" and list(tmp_path.iterdir()) == [out]


def test_the_first_line_of_the_report_in_readme_is_that_of_this_pair(done):
    readme = (lessons.ROOT / "README.md").read_text(encoding="utf-8")
    assert done.stdout.splitlines()[0] in " ".join(readme.split())
