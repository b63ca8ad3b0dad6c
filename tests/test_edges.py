"""Does docs/edges.md say what happens, and is "wrong" said of the wrong ones only?"""

import math
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch

from kdlib import __main__ as command
from kdlib import lessons
from kdlib.bench import edge_cases, edges, rivals
from kdlib.bench.edge_calls import Implementation
from kdlib.bench.edge_cases import JS, KL, Asks, Case, log_of_shares, log_softmax

ROOT = Path(__file__).parents[1]
PINNED = re.search(r"^torchmetrics==(.*)$", (ROOT / "requirements-dev.txt").read_text(), re.M)[1]
PROBABILITIES = edges.Section("", KL, log_of_shares, [], [])
LOGITS = edges.Section("", KL, log_softmax, [], [])


@pytest.fixture(scope="module")
def page():
    return edges.page()


def tables(text):
    """For each section, the head and the rows as lists of cells."""
    for section in text.split("\n## ")[1:]:
        lines = [line for line in section.splitlines() if line.startswith("|")]
        head, _, *rows = [[x.strip() for x in line.strip("|").split(" | ")] for line in lines]
        yield head, rows


def cell(section, call, case, **options):
    return edges.cell(section.names, Implementation("", call, **options), case, section.truth(case))


def case(reference, approximation, asks=Asks.VALUE):
    return Case("", torch.tensor(reference), torch.tensor(approximation), asks)


# --- the page --------------------------------------------------------------------------------


def test_the_page_has_a_row_for_each_case_and_a_column_for_each_implementation(page):
    sections = edges.sections()
    for section, (head, rows) in zip(sections, tables(page), strict=True):
        assert head[2:] == [implementation.title for implementation in section.implementations]
        assert [row[0] for row in rows] == [case.name for case in section.cases]
        assert {len(row) for row in rows} == {len(head)}


def test_nothing_of_ours_is_wrong(page):
    for head, rows in tables(page):
        assert head[2].startswith("kdlib")
        assert [row for row in rows if "wrong" in row[2] or row[2] == ""] == []


def test_the_stored_page_is_what_happens_now(page):
    """Other releases of scipy may come; what they do at the edges should not change unnoticed."""
    try:
        found = metadata.version("torchmetrics")
    except metadata.PackageNotFoundError:
        found = "missing"
    if found != PINNED:
        pytest.skip(f"torchmetrics is {found}, the page was made with {PINNED}")
    stored = (ROOT / "docs" / "edges.md").read_text(encoding="utf-8")
    line = re.compile("^Run with .*$", re.M)
    assert line.sub("", stored) == line.sub("", page), "run `python -m kdlib bench edges --write`"
    torch_pin = re.search(r"^torch==(.*)$", (ROOT / "requirements.txt").read_text(), re.M)[1]
    assert f"Run with torch {torch_pin}, " in stored and f", torchmetrics {PINNED}." in stored


def test_without_torchmetrics_its_columns_are_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.regression", None)
    titles = [x.title for section in edges.sections() for x in section.implementations]
    assert titles and not any("torchmetrics" in title for title in titles)

    def version(name):
        if name == "torchmetrics":
            raise metadata.PackageNotFoundError
        return "1.0+cpu"

    monkeypatch.setattr(metadata, "version", version)
    assert edges.versions() == (
        "Run with torch 1.0, scipy 1.0, torchmetrics not installed, so without its columns."
    )


def test_the_command_prints_the_page_and_writes_it_when_asked(monkeypatch, tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    monkeypatch.setattr(edges, "page", lambda: "the page\n")
    assert command.main(["bench", "edges"]) == 0
    assert capsys.readouterr().out == "the page\n"
    assert not (tmp_path / "docs" / "edges.md").exists()
    assert command.main(["bench", "edges", "--write"]) == 0
    assert (tmp_path / "docs" / "edges.md").read_text() == "the page\n"


# --- the truth -------------------------------------------------------------------------------


def test_true_values_can_be_checked_by_hand():
    p, q = (log_of_shares(x) for x in ([0.5, 0.5], [0.8, 0.2]))
    assert KL.value(p, q) == pytest.approx(math.log(1.25))
    assert JS.value(log_of_shares([1.0, 0.0]), log_of_shares([0.0, 1.0])) == math.log(2)
    assert KL.value(log_of_shares([1.0, 0.0]), log_of_shares([0.0, 1.0])) == math.inf


@pytest.mark.parametrize(("quantity", "eager"), [(KL, rivals.eager_kl), (JS, rivals.eager_js)])
def test_true_gradients_are_those_of_autograd_where_that_works(quantity, eager):
    section = edges.Section("", quantity, log_softmax, [], [])
    teacher, student = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0)).double()
    student.requires_grad_()
    value = eager(student, teacher, 1.0)
    (gradient,) = torch.autograd.grad(value, student)
    truth = section.truth(Case("", teacher, student.detach()))
    assert truth.mean == pytest.approx(float(value.detach()))
    torch.testing.assert_close(truth.gradients / 4, gradient)


# --- the judge -------------------------------------------------------------------------------

ORDINARY = case([[0.5, 0.5]], [[0.8, 0.2]])


def test_a_value_is_wrong_if_it_is_not_the_true_one():
    assert cell(PROBABILITIES, lambda p, q: 0.2231, ORDINARY) == "0.2231"
    assert cell(PROBABILITIES, lambda p, q: 0.3, ORDINARY) == "**wrong**: 0.3"
    assert cell(PROBABILITIES, lambda p, q: math.nan, ORDINARY) == "**wrong**: nan"
    assert cell(PROBABILITIES, lambda p, q: {}["x"], ORDINARY) == "raises KeyError"


def test_a_gradient_is_wrong_if_it_is_nan_or_for_logits_not_the_true_one():
    logits = case([[0.0, 0.0]], [[math.log(4), 0.0]])

    def with_gradient(factor):
        def call(teacher, student):
            right = rivals.eager_kl(student, teacher, 1.0)
            return right.detach() + factor * (right - right.detach())

        return call

    assert cell(LOGITS, with_gradient(1.0), logits) == "0.2231"
    assert cell(LOGITS, with_gradient(1.1), logits) == "**wrong**: 0.2231, gradient wrong"
    nan = cell(LOGITS, with_gradient(math.nan), logits)
    assert nan == "**wrong**: nan, gradient nan in student"

    def nan_in_p(p, q):
        return (p * (p / q).log()).sum()

    zero = case([[0.0, 1.0]], [[0.5, 0.5]])
    assert "gradient nan in p" in cell(PROBABILITIES, nan_in_p, zero)


def test_where_only_an_error_is_right_every_number_is_wrong():
    asked = case([[0.5, 0.5]], [[1.0]], Asks.ERROR)
    assert cell(PROBABILITIES, lambda p, q: 0.0, asked) == "**wrong**: 0"


def test_swapped_arguments_are_shown_and_not_judged():
    asked = case([[0.5, 0.5]], [[0.8, 0.2]], Asks.ROLES)
    assert cell(PROBABILITIES, lambda p, q: float(p[0, 0]), asked) == "no error, 0.8"
    assert cell(LOGITS, lambda t, s: 0.0, asked, swapped=lambda t, s: {}["x"]) == "raises KeyError"


def test_precision_is_told_of_the_worst_row():
    asked = case([[0.5, 0.5], [0.5, 0.5]], [[0.8, 0.2], [0.2, 0.8]], Asks.PRECISION)

    def first_row_off_by(factor):
        return lambda p, q: math.log(1.25) * (factor if q[0, 0] > 0.5 else 1.0)

    words = {
        1.001: "within 1 %",
        1.05: "**wrong**: more than 1 % off",
        1.5: "**wrong**: more than 10 % off",
        3.0: "**wrong**: more than 100 % off",
        -0.5: "**wrong**: some negative, more than 100 % off",
        math.nan: "**wrong**: some nan, more than 100 % off",
    }
    for factor, expected in words.items():
        assert cell(PROBABILITIES, first_row_off_by(factor), asked) == expected


def test_small_numbers_are_tried_on_many_pairs():
    asked = [x for x in edge_cases.logits() if x.asks is Asks.PRECISION]
    assert {x.reference.dtype for x in asked} == {torch.float32, torch.bfloat16}
    assert all(len(x.reference) == edge_cases.PAIRS for x in asked)
