"""The audit of any two models: words, numbers, worst examples, all kinds of input, wrong ones."""

import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from test_fidelity_counter import data

from kdlib import divergences, fidelity
from kdlib.audit import audit
from kdlib.fidelity.page import Table, as_html
from kdlib.stats import paired_bootstrap

# Words --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report():
    """Of a student that follows its teacher, with everything that can be given."""
    teacher, student, labels, control = data(3000)
    groups = np.where(np.arange(3000) % 3 == 0, "short", "long")
    return audit(teacher, student, labels, control, groups)


def test_the_first_sentence_sets_agreement_beside_that_of_a_control(report):
    assert re.fullmatch(
        r"The student gives the teacher's answer on [\d.]+ % \[[\d.]+, [\d.]+\] of 3,000 inputs; a "
        r"model trained without the teacher already does on [\d.]+ % \[[\d.]+, [\d.]+\]: "
        r"the student agrees on [\d.]+ points \[[\d.]+, [\d.]+\] more: better than the control\.",
        report.words[0],
    )
    assert f"{100 * report.agreement.estimate:.1f} %" in report.words[0]
    added = 100 * report.control.added_agreement.estimate
    assert f"agrees on {added:.1f} points" in report.words[0]


def test_words_come_before_numbers_and_numbers_before_examples(report):
    text = str(report)
    places = [text.index(part) for part in
              (report.words[0], "Fidelity in numbers", "largest KL")]  # fmt: skip
    assert places == sorted(places) and text.startswith(report.words[0])


@pytest.mark.parametrize(
    ("student", "control", "judged"),
    [
        ("good", "bad", "better than the control"),
        ("bad", "good", "worse than the control"),
        ("good", "good", "cannot tell whether that is better or worse than the control"),
    ],
)
def test_the_verdict_is_better_worse_or_cannot_tell(student, control, judged):
    rng = np.random.default_rng(0)
    teacher = 2 * rng.standard_normal((500, 4))
    models = {"good": teacher + 0.3 * rng.standard_normal((500, 4)),
              "bad": teacher + 3 * rng.standard_normal((500, 4))}  # fmt: skip
    words = audit(teacher, models[student], control=models[control]).words
    assert f": {judged}." in words[0]
    about_kl = next(sentence for sentence in words if "The control's KL" in sentence)
    assert f": {judged}." in about_kl
    assert not any("distillation" in sentence for sentence in words)


def test_the_report_says_what_cannot_be_said_without_a_control_or_labels():
    teacher, student, labels, control = data(100)
    said = "\n".join(audit(teacher, student).words)
    assert "Without a control" in said and "Without labels" in said and "only" not in said
    said = "\n".join(audit(teacher, student, labels, control).words)
    assert "Without" not in said


def test_few_inputs_come_with_a_warning():
    teacher, student, labels, control = data(10)
    report = audit(teacher, student, labels, control)
    assert any("only 10 inputs" in sentence for sentence in report.words)
    assert 0 <= report.agreement.low < report.agreement.high <= 1
    assert all("only" not in sentence for sentence in audit(*data(20)).words)


def test_mistakes_are_told_with_their_number_and_the_control_s():
    teacher, student, labels, control = data(400)
    report = audit(teacher, student, labels, control)
    (sentence,) = (s for s in report.words if s.startswith("Of the teacher's"))
    assert f"Of the teacher's {report.labels.teacher_mistakes} mistakes" in sentence
    assert "the control" in sentence
    perfect = audit(teacher, student, teacher.argmax(-1))
    assert any("no mistake on these inputs" in sentence for sentence in perfect.words)


def test_infinite_kl_is_told_in_words():
    teacher = [[0.5, 0.5]] * 4
    student = [[1.0, 0.0], [0.6, 0.4], [0.7, 0.3], [0.5, 0.5]]
    said = " ".join(audit(teacher, student).words)
    assert (
        "is infinite on average, 0.0204 nats at the median" in said
        and "calls impossible what the teacher allows" in said
    )


# Numbers ------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_functions(report):
    teacher, student, labels, control = data(3000)
    p, q, c = (torch.from_numpy(x).log_softmax(-1) for x in (teacher, student, control))
    assert report.agreement == fidelity.agreement(p, q, log=True)
    profile = fidelity.kl_profile(p, q, log=True)
    for name, value in vars(profile).items():
        ends = value if isinstance(value, float) else value.to_dict()
        found = getattr(report.kl, name)
        assert (found if isinstance(found, float) else found.to_dict()) == pytest.approx(ends)
    kl = [divergences.kl(p, x, log=True) for x in (c, q)]
    saved = paired_bootstrap(*kl)
    assert report.control.kl_saved.to_dict() == pytest.approx(saved.to_dict())
    groups = np.where(np.arange(3000) % 3 == 0, "short", "long")
    assert report.by_group == fidelity.agreement_by_group(p, q, groups, log=True)
    assert report.by_margin == fidelity.agreement_by_margin(p, q, log=True)


def test_worst_examples_are_the_rows_of_largest_kl_the_first_of_equal_ones_first():
    teacher = np.full((30, 2), 0.5)
    student = teacher.copy()
    student[[4, 9, 20]] = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
    worst = audit(teacher, student, np.zeros(30, dtype=int)).worst
    assert [example.row for example in worst] == [4, 20, 9, 0, 1, 2, 3, 5, 6, 7]
    assert worst[0].kl == worst[1].kl == math.inf and worst[3].kl == 0
    assert [x.student_class for x in worst[:3]] == [0, 1, 0] and worst[0].label == 0


def test_the_same_seed_repeats_the_report_and_rows_may_come_in_any_order(report):
    parts = data(3000)
    again = audit(*parts, np.where(np.arange(3000) % 3 == 0, "short", "long"))
    assert again == report
    order = np.random.default_rng(1).permutation(3000)
    shuffled = audit(*(part[order] for part in parts))
    assert shuffled.agreement == report.agreement and shuffled.labels == report.labels
    assert shuffled.kl.mean.estimate == report.kl.mean.estimate
    assert order[shuffled.worst[0].row] == report.worst[0].row


# Kinds of input -----------------------------------------------------------------------------


def test_probabilities_log_probabilities_and_logits_are_told_apart_and_agree():
    teacher, student, labels, control = data(200)
    logits = audit(teacher, student, labels, control)
    assert set(logits.taken_for.values()) == {"logits"}
    p, q, c = (torch.from_numpy(x).log_softmax(-1) for x in (teacher, student, control))
    logs, mixed = audit(p, q, labels, c), audit(p.exp(), q, labels, c.exp())
    assert mixed.taken_for == {"teacher": "probabilities", "student": "logits",
                               "control": "probabilities"}  # fmt: skip
    assert "Taken for probabilities: teacher, control." in mixed.words
    for other in (logs, mixed):
        assert other.agreement == logits.agreement and other.labels == logits.labels
        assert other.kl.mean.estimate == pytest.approx(logits.kl.mean.estimate)


def test_logits_can_be_forced_both_ways():
    certain = np.eye(3)[[0, 1, 2, 0]]
    assert audit(certain, certain).taken_for["teacher"] == "probabilities"
    forced = audit(certain, 2 * certain, logits=True)
    assert forced.taken_for["teacher"] == "logits" and 0 < forced.kl.max < 1
    with pytest.raises(ValueError, match=r"teacher\[0\]\[1\] is -0\.5.*looks like logits"):
        audit([[2.0, -0.5]] * 3, certain[:3, :2], logits=False)


def test_rounded_probabilities_are_not_taken_for_logits_in_silence():
    rounded = [[0.33, 0.33, 0.33], [0.9, 0.1, 0.0]]
    with pytest.raises(ValueError, match=r"student\[0\] sums to 0\.99: divide.*pass logits=True"):
        audit([[0.5, 0.3, 0.2]] * 2, rounded)
    assert audit([[0.5, 0.3, 0.2]] * 2, rounded, logits=True).taken_for["student"] == "logits"


def test_a_row_that_is_no_distribution_after_many_that_are_says_how_it_was_taken():
    rows = np.full((3000, 2), 0.5)
    rows[2500] = [3.0, -1.0]
    with pytest.raises(
        ValueError,
        match=r"student\[2500\].*were taken for probabilities, because the first rows of student",
    ):
        audit(np.full((3000, 2), 0.5), rows)


@pytest.mark.parametrize("kind", ["list", "tensor", "half", "memmap", "fortran", "swapped"])
def test_lists_tensors_and_mapped_files_give_the_same_report(kind, tmp_path):
    teacher, student, labels, _ = data(50, dtype=np.float32)
    expected = audit(teacher, student, labels)

    def change(x):
        if kind == "memmap":
            path = tmp_path / f"{id(x)}.npy"
            np.save(path, x)
            return np.load(path, mmap_mode="r")
        change_by = {
            "list": np.ndarray.tolist,
            "tensor": lambda x: torch.from_numpy(x).requires_grad_(),
            "half": lambda x: torch.from_numpy(x).half(),
            "fortran": np.asfortranarray,
            "swapped": lambda x: np.repeat(x.astype(">f4"), 2, axis=1)[:, ::2],
        }
        return change_by[kind](x)

    found = audit(change(teacher), change(student), labels.tolist())
    assert found.labels.teacher_accuracy == expected.labels.teacher_accuracy or kind == "half"
    tolerance = 0.01 if kind == "half" else 1e-5
    assert found.kl.mean.estimate == pytest.approx(expected.kl.mean.estimate, rel=tolerance)


def test_a_file_that_is_mapped_to_be_changed_privately_keeps_its_changes(tmp_path):
    teacher, student, *_ = data(50)
    np.save(tmp_path / "s.npy", student)
    mapped = np.load(tmp_path / "s.npy", mmap_mode="c")
    mapped[0] = teacher[0]
    audit(teacher, mapped)
    assert (mapped[0] == teacher[0]).all()


def test_scikit_learn_s_probabilities_are_audited_as_they_come():
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    x, y = datasets.load_digits(return_X_y=True)
    teacher = KNeighborsClassifier(3).fit(x[:600], y[:600]).predict_proba(x[900:])
    control = LogisticRegression(max_iter=300).fit(x[600:640] / 16, y[600:640])
    taught = KNeighborsClassifier(3).fit(x[:600], y[:600]).predict(x[600:900])
    student = LogisticRegression(max_iter=300).fit(x[600:900] / 16, taught)
    answers = [model.predict_proba(x[900:] / 16) for model in (student, control)]
    report = audit(teacher, answers[0], y[900:], answers[1], groups=y[900:])
    assert report.labels.teacher_accuracy.estimate == pytest.approx(
        np.mean(teacher.argmax(-1) == y[900:])
    )
    assert report.taken_for["teacher"] == "probabilities"
    assert len(report.by_group) == 10 and "better than the control" in report.words[0]


# JSON and page ------------------------------------------------------------------------------


def test_the_report_becomes_json_with_infinity_as_a_word():
    report = audit([[0.5, 0.5]] * 3, [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    kept = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert kept["kl"]["max"] == "inf" and kept["control"] is None
    assert kept["worst"][0] == {"row": 0, "kl": "inf", "teacher_class": 0, "student_class": 0,
                                "label": None}  # fmt: skip
    assert kept["agreement"]["estimate"] == 1 and kept["words"] == report.words


class Page(HTMLParser):
    """Counts tags, and checks that they are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_the_page_has_captions_headers_with_scope_and_no_colour(report):
    page = Page(report._repr_html_())
    assert page.open == []
    assert len(page.all("table")) == len(page.all("caption")) >= 5
    assert {head.get("scope") for head in page.all("th")} == {"col", "row"}
    assert page.all("section") == [{"aria-label": "Fidelity report"}]
    assert "color" not in report._repr_html_() and page.all("h1") == []
    for sentence in report.words:
        assert sentence in page.text


def test_the_page_escapes_names_of_groups():
    teacher, student, *_ = data(20)
    report = audit(teacher, student, groups=["<script>alert(1)</script>", "b&b"] * 10)
    assert "<script>" not in report._repr_html_() and "&lt;script&gt;" in report._repr_html_()
    assert "&lt;b&gt;" in as_html("<b>", [], [Table("t", ["a"], [["b"]])])


def test_many_classes_are_cut_to_those_of_lowest_agreement_but_kept_in_json():
    teacher, student, *_ = data(300, classes=40)
    report = audit(teacher, student)
    assert "By the teacher's answer: the 10 of lowest agreement" in str(report)
    assert len(report.to_dict()["by_class"]) == 40


# Wrong inputs -------------------------------------------------------------------------------

GOOD = np.full((4, 3), [0.5, 0.3, 0.2])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(student=GOOD[:, :2]), ValueError, r"student has shape \(4, 2\).*shared classes"),
        (dict(student=GOOD[:2]), ValueError, r"student has shape \(2, 3\).*same order"),
        (dict(control=GOOD[:2]), ValueError, r"control has shape \(2, 3\)"),
        (dict(student=[GOOD, GOOD]), ValueError,
         r"student has shape \(2, 4, 3\).*student\[0\] for one seed.*kdlib\.fidelity"),
        (dict(student=None), TypeError, "student is of type NoneType"),
        (dict(labels=[0, 1, 2, 3]), ValueError, r"labels\[3\] is 3, expected 0 to 2"),
        (dict(labels=[0, 1]), ValueError, r"labels has shape \(2,\), expected \(4,\)"),
        (dict(groups=["a"]), ValueError, r"groups has shape \(1,\)"),
        (dict(student=np.where(np.eye(4, 3), np.nan, 1.0)), ValueError, r"student\[0\]\[0\] is nan"),
        (dict(student=np.where(np.eye(4, 3), np.inf, 1.0)), ValueError, r"student\[0\]\[0\] is inf"),
        (dict(student=np.full((4, 3), -np.inf)), ValueError, r"student\[0\] is -inf for every"),
        (dict(student=np.ones((4, 3), dtype=int)), TypeError, "student has dtype torch.int64"),
        (dict(teacher=GOOD[:1], student=GOOD[:1]), ValueError, "teacher has 1 row, expected"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_refused_by_name_and_place(arguments, error, message):
    with pytest.raises(error, match=message):
        audit(**{"teacher": GOOD, "student": GOOD, **arguments})


def test_progress_is_shown_for_long_audits_only_and_not_where_quiet(monkeypatch, capsys):
    teacher, student, *_ = data(50)
    monkeypatch.setattr("kdlib.audit.LONG", 10)
    audit(teacher, student)
    assert capsys.readouterr().err == ""  # KDLIB_QUIET, and no terminal
