"""Does the benchmark measure what it says: memory from fresh processes, ratios, errors?"""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from kdlib import __main__ as command
from kdlib.bench import contenders, losses, peak_memory, rivals
from kdlib.bench.losses import Cost
from kdlib.bench.peak_memory import peak_extra_bytes
from kdlib.bench.tables import markdown
from kdlib.losses import kd_loss

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only")
COPY = 40_000_000  # bytes


def rows_of(text: str) -> list[list[str]]:
    """The cells of the lines of a Markdown table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


# --- memory ----------------------------------------------------------------------------------


@only_linux
def test_five_copies_are_told_from_one_and_freed_memory_still_counts():
    setup = f"import torch; x = torch.ones({COPY // 4})"
    one = peak_extra_bytes(setup, "x.clone()")
    five = peak_extra_bytes(setup, "[x.clone() for _ in range(5)]; x.clone()")
    assert 0.9 < one / COPY < 1.3
    assert 4.9 < five / COPY < 5.3


@only_linux
def test_what_the_setup_took_and_gave_back_does_not_count():
    setup = f"import torch; y = torch.ones({COPY}); del y; x = torch.ones({COPY // 4})"
    assert 0.9 < peak_extra_bytes(setup, "x.clone()") / COPY < 1.3


@only_linux
def test_a_failing_statement_is_reported_in_its_own_words():
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        peak_extra_bytes("", "1 / 0")


def test_where_the_system_does_not_tell_there_is_no_number(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "missing")
    assert peak_extra_bytes("", "1 / 0") is None


@only_linux
@pytest.mark.parametrize("title", ['kd_loss "kl"', 'kd_loss "kl", near-identical'])
def test_kd_loss_needs_little_more_than_its_gradient(title):
    setup = (
        "from kdlib.bench.losses import step_called\n"
        f"step = step_called({title!r}, 1024, 32000, threads=1)"
    )
    assert 1.0 < peak_extra_bytes(setup, "step()") / (4 * 1024 * 32000) < 1.3


# --- time and errors -------------------------------------------------------------------------


def test_times_are_ratios_of_the_same_round_and_memory_is_in_three_units():
    eager = Cost("eager", (1.0, 2.0, 4.0), 0.0, 0.0, 80_000_000)
    ours = Cost("ours", (0.5, 1.0, 2.0), 1e-7, 2e-7, 20_000_000)
    text = losses.table(1000, 4000, [eager, ours])
    assert "(1000, 4000): eager takes 2000 ms" in text
    assert rows_of(text) == [
        ["eager", "1.00", "–", "0e+00", "0e+00", "80", "1.00", "5.00"],
        ["ours", "0.50", "0.50–0.50", "1e-07", "2e-07", "20", "0.25", "1.25"],
    ]


def test_unknown_memory_is_a_dash():
    text = losses.table(8, 4, [Cost("eager", (1.0,), 0.0, 0.0, None)])
    assert rows_of(text)[0][-3:] == ["–"] * 3


def test_every_contender_takes_its_turn_in_every_round_and_is_nearly_right():
    for taking_part in (contenders.of_logits(), contenders.of_hidden()):
        costs = losses.measure(taking_part, rows=8, classes=4, rounds=3)
        assert [cost.title for cost in costs] == [c.title for c in taking_part]
        for cost in costs:
            assert len(cost.seconds) == 3 and min(cost.seconds) > 0
            assert cost.value_error < 1e-4 and cost.gradient_error < 1e-2


def test_a_wrong_loss_is_found_out():
    right = contenders.of_logits()[0]
    wrong = contenders.Contender(
        "wrong", lambda s, t: 2 * right.loss(s, t), right.formula, right.inputs
    )
    (cost,) = losses.measure([wrong], rows=8, classes=4, rounds=1)
    assert cost.value_error == pytest.approx(1, abs=1e-4)
    assert cost.gradient_error == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("divergence", "eager"),
    [("kl", rivals.eager_kl), ("reverse_kl", rivals.eager_reverse_kl), ("js", rivals.eager_js)],
)
def test_the_eager_formulas_are_the_same_quantities_as_ours(divergence, eager):
    student, teacher = (x.double() for x in contenders.logit_pair(8, 5))
    ours = kd_loss(
        student_logits=student, teacher_logits=teacher, temperature=3.0, divergence=divergence
    )
    torch.testing.assert_close(eager(student, teacher, 3.0), ours, rtol=1e-9, atol=0)


# --- packages --------------------------------------------------------------------------------


def test_packages_that_are_missing_are_named_in_one_line_each(monkeypatch):
    for name in ("torchdistill", "trl"):
        monkeypatch.setitem(sys.modules, name, None)
    text = losses.header(threads=1, repeats=5)
    assert "torchdistill KDLoss: not installed" in text.splitlines()
    assert "TRL generalized_jsd_loss: not installed" in text.splitlines()
    assert len(contenders.of_logits()) == 6


def test_packages_that_are_there_take_part(monkeypatch):
    """With functions of the same signatures; T^2, which both leave out, is put back."""

    class KDLoss:
        def __init__(self, *paths, temperature, alpha):
            self.paths, self.temperature = paths, temperature

        def __call__(self, student_outputs, teacher_outputs):
            student = student_outputs[self.paths[0]][self.paths[1]]
            teacher = teacher_outputs[self.paths[2]][self.paths[3]]
            return rivals.eager_kl(student, teacher, self.temperature) / self.temperature**2

    class GKDTrainer:
        @staticmethod
        def generalized_jsd_loss(student, teacher, beta, temperature):
            assert beta == 0.5
            return rivals.eager_js(student, teacher, temperature) / temperature**2

    for name, loss in (
        ("torchdistill.losses.mid_level", KDLoss),
        ("trl.experimental.gkd", GKDTrainer),
    ):
        module = ModuleType(name)
        setattr(module, loss.__name__, loss)
        monkeypatch.setitem(sys.modules, name, module)
    assert contenders.missing_packages() == []
    costs = losses.measure(contenders.of_logits()[6:], rows=8, classes=4, rounds=1)
    assert [cost.title for cost in costs] == list(contenders.PACKAGES)
    assert max(cost.value_error for cost in costs) < 1e-4


# --- what is printed -------------------------------------------------------------------------


def test_the_header_says_torch_threads_and_processors_and_when_memory_is_not_measured(monkeypatch):
    text = losses.header(threads=2, repeats=5)
    assert f"torch {torch.__version__}, threads: 2, processors: " in text
    monkeypatch.setattr(losses, "sys", SimpleNamespace(platform="darwin"))
    assert "extra memory: not measured here" in losses.header(threads=2, repeats=5)


def test_a_table_is_padded_and_bars_are_escaped():
    assert markdown(["a"], [["b | c"]]).splitlines() == ["| a      |", "| ------ |", "| b \\| c |"]


def test_the_command_prints_a_table_for_each_size(capsys):
    line = "bench losses --sizes 8x4 4x8 --hidden-sizes 4x4 --repeats 1"
    assert command.main(line.split()) == 0
    printed = capsys.readouterr().out
    for title in ("(8, 4): eager KL", "(4, 8): eager KL", "(4, 4): both logits, then eager KL"):
        assert printed.count(title) == 1
    assert printed.count('kd_loss "reverse_kl"') == 2
    assert printed.count("kd_loss_from_hidden") == 1


@pytest.mark.parametrize("wrong", ["--sizes 256", "--sizes 0x10", "--threads 0", "--repeats two"])
def test_sizes_and_counts_that_make_no_sense_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        command.main(["bench", "losses", *wrong.split()])
    assert "expected" in capsys.readouterr().err
