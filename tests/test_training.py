from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from kdlib import training
from kdlib.data import Examples, encode
from kdlib.models import CharCNN, HashedNgrams
from kdlib.training import History, batches, fit, predict, with_teacher

COUNT = 60
WORDS = ["".join("abcdefghijklmnopqrstuvwxyz"[(7 * i + j * j) % 26] for j in range(4 + i % 9))
         for i in range(COUNT)]  # fmt: skip


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("KDLIB_QUIET", "1")


@pytest.fixture
def examples() -> Examples:
    labels = torch.arange(COUNT) % 10
    return Examples(inputs=encode(WORDS), labels=labels, names=tuple(WORDS))


class Constant(nn.Module):
    """Answers every input alike: the best it can learn is known in closed form."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(classes))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.logits.expand(len(inputs), -1)


def label_loss(student_logits: Tensor, batch: Examples) -> Tensor:
    return functional.cross_entropy(student_logits, batch.labels)


def soft_loss(student_logits: Tensor, batch: Examples) -> Tensor:
    return functional.cross_entropy(student_logits, batch.teacher_logits.softmax(dim=1))


def weights_of(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# --- the teacher's answers


def test_row_i_of_the_teacher_belongs_to_example_i(examples):
    teacher = HashedNgrams(seed=5)
    answered = with_teacher(examples, teacher, batch_size=7)
    for i in range(COUNT):
        alone = predict(teacher, examples.inputs[i : i + 1])[0]
        assert torch.allclose(answered.teacher_logits[i], alone, atol=1e-6)
    assert answered.names == examples.names


def test_shuffled_batches_keep_the_teacher_with_its_example(examples):
    """haitongli/knowledge-distillation-pytorch, issues 16, 17, 23: teacher outputs were cached in
    the order of one shuffled pass and read in the order of another, so that students learned from
    the answers to other images."""
    teacher = HashedNgrams(seed=5)
    pool = with_teacher(examples, teacher)
    seen = Counter()

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        assert torch.allclose(batch.teacher_logits, predict(teacher, batch.inputs), atol=1e-6)
        assert torch.equal(encode(batch.names), batch.inputs)
        seen.update(batch.names)
        return soft_loss(student_logits, batch)

    fit(HashedNgrams(), pool, loss, steps=12, batch_size=10)
    assert seen == Counter(dict.fromkeys(WORDS, 2))


def test_the_teacher_answers_without_dropout_and_gradient_and_keeps_its_mode(examples):
    teacher = CharCNN(dropout=0.9)
    teacher.train()
    teacher.embed.eval()  # a part frozen on purpose
    first, second = with_teacher(examples, teacher), with_teacher(examples, teacher)
    assert torch.equal(first.teacher_logits, second.teacher_logits)
    assert not first.teacher_logits.requires_grad
    assert teacher.training and teacher.dropout.training and not teacher.embed.training


def test_the_mode_is_restored_when_a_teacher_fails():
    teacher = CharCNN().train()
    with pytest.raises(TypeError, match="encoded names"):
        predict(teacher, torch.zeros(3, 24))
    assert teacher.training


def test_the_logits_do_not_depend_on_the_batch_size(examples):
    model = CharCNN().double()
    whole = predict(model, examples.inputs)
    assert whole.shape == (COUNT, 10)
    assert torch.allclose(predict(model, examples.inputs, batch_size=7), whole, atol=1e-12)


# --- batches


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 60), st.integers(1, 30), st.integers(0, 9))
def test_every_example_is_seen_equally_often(count, batch_size, steps, seed):
    cut = batches(count, batch_size, steps, seed)
    assert [len(ids) for ids in cut] == [min(batch_size, count)] * steps
    seen = torch.bincount(torch.cat(list(cut)), minlength=count)
    assert len(seen) == count and int(seen.max() - seen.min()) <= 1


def test_batches_are_shuffled_by_the_seed_alone():
    first = torch.cat(list(batches(50, 10, 10, seed=1)))
    torch.manual_seed(99)
    assert torch.equal(first, torch.cat(list(batches(50, 10, 10, seed=1))))
    assert not torch.equal(first, torch.cat(list(batches(50, 10, 10, seed=2))))
    assert not torch.equal(first[:50], first[50:]), "each epoch has its own order"


# --- what is learned


def test_a_constant_learns_how_frequent_the_labels_are(examples):
    labels = torch.tensor([0] * 30 + [1] * 20 + [2] * 10)
    student = Constant(3)
    known = Examples(inputs=examples.inputs, labels=labels)
    fit(student, known, label_loss, steps=300, batch_size=COUNT, weight_decay=0.0)
    learned = student.logits.detach().softmax(dim=0)
    assert torch.allclose(learned, torch.tensor([3.0, 2.0, 1.0]) / 6, atol=1e-3)


def test_a_constant_learns_the_mean_answer_of_its_teacher(examples):
    pool = with_teacher(examples.without_labels(), HashedNgrams(seed=5))
    pool = Examples(inputs=pool.inputs, teacher_logits=20 * pool.teacher_logits)
    student = Constant()
    fit(student, pool, soft_loss, steps=300, batch_size=COUNT, weight_decay=0.0)
    mean = pool.teacher_logits.softmax(dim=1).mean(dim=0)
    assert torch.allclose(student.logits.detach().softmax(dim=0), mean, atol=1e-3)


@pytest.mark.parametrize("make", [CharCNN, HashedNgrams])
def test_a_student_learns_names_by_heart(make, examples):
    student = make()
    fit(student, examples, label_loss, steps=200, batch_size=COUNT)
    right = predict(student, examples.inputs).argmax(dim=1) == examples.labels
    assert right.double().mean() > 0.95


def test_frozen_parameters_stay_as_they_are(examples):
    student = CharCNN()
    student.embed.requires_grad_(False)
    before = student.embed.weight.clone()
    fit(student, examples, label_loss, steps=5)
    assert torch.equal(student.embed.weight, before)
    assert not torch.equal(student.classify.weight, CharCNN().classify.weight)


def test_the_student_is_left_in_evaluation_mode(examples):
    student = CharCNN(dropout=0.5)
    fit(student, examples, label_loss, steps=2)
    assert not student.training


@pytest.mark.parametrize("make", [CharCNN, HashedNgrams])
def test_a_float64_student_learns_in_float64_from_a_float32_teacher(make, examples):
    pool = with_teacher(examples, HashedNgrams(seed=5))
    seen = []

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        seen.append((student_logits.dtype, batch.teacher_logits.dtype))
        return soft_loss(student_logits, batch)

    student = make().double()
    fit(student, pool, loss, steps=3, validation=pool)
    assert set(seen) == {(torch.float64, torch.float64)}
    assert weights_of(student).dtype == torch.float64 and pool.teacher_logits.dtype == torch.float32


# --- seeds


def trained(examples: Examples, seed: int) -> Tensor:
    student = CharCNN(dropout=0.3)
    fit(student, examples, label_loss, steps=10, batch_size=16, seed=seed)
    return weights_of(student)


def test_a_run_depends_on_its_seed_alone(examples):
    torch.manual_seed(1)
    first, outside = trained(examples, seed=0), torch.rand(1)
    torch.manual_seed(2)
    assert torch.equal(trained(examples, seed=0), first)
    assert not torch.equal(trained(examples, seed=1), first)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), outside), "training must not use up random numbers"


def test_validation_does_not_change_the_way(examples):
    student, watched = CharCNN(), CharCNN()
    alone = fit(student, examples, label_loss, steps=10, batch_size=16)
    history = fit(watched, examples, label_loss, steps=10, batch_size=16, validation=examples)
    assert history.train_loss == alone.train_loss and alone.validation_loss == ()


# --- early stopping and history


def test_the_weights_with_the_lowest_validation_loss_are_kept(examples):
    train, validation = examples[:40], examples[40:]
    student = CharCNN()
    history = fit(student, train, label_loss, steps=100, validation=validation)
    lowest = min(history.validation_loss)
    kept = label_loss(predict(student, validation.inputs), validation).item()
    assert kept == pytest.approx(lowest, abs=1e-6)
    assert history.best_step == history.steps[history.validation_loss.index(lowest)] < 100
    assert history.train_loss[-1] < history.train_loss[0]


def test_the_first_weights_are_kept_when_training_only_does_harm(examples):
    train = Examples(inputs=examples.inputs, labels=torch.zeros(COUNT, dtype=torch.int64))
    other = Examples(inputs=examples.inputs, labels=torch.ones(COUNT, dtype=torch.int64))
    student = Constant()
    history = fit(student, train, label_loss, steps=40, validation=other)
    assert history.best_step == 0 and torch.equal(student.logits, torch.zeros(10))
    assert history.validation_loss[0] == pytest.approx(torch.tensor(10.0).log().item())


def test_validation_is_looked_at_before_the_first_step(examples):
    student = Constant()
    without = examples.without_labels()
    with pytest.raises((TypeError, AttributeError)):
        fit(student, examples, label_loss, steps=5, validation=without)
    assert torch.equal(student.logits, torch.zeros(10)), "no step was taken"


@pytest.mark.parametrize(("steps", "entries"), [(1, 2), (7, 8), (500, 31), (8000, 31)])
def test_losses_are_recorded_thirty_times_densely_at_first(steps, entries):
    recorded = training._recorded_steps(steps)
    assert recorded[0] == 0 and recorded[-1] == steps and len(recorded) == entries
    gaps = [after - before for before, after in pairwise(recorded)]
    assert min(gaps) >= 1 and gaps[0] <= max(1, steps // 500) and gaps[-1] <= max(1, steps // 14)


def test_history_says_when_each_loss_was_taken(examples):
    history = fit(Constant(), examples, label_loss, steps=50, validation=examples)
    assert history.steps == tuple(training._recorded_steps(50))
    assert len(history.steps) == len(history.train_loss) == len(history.validation_loss)
    assert history.train_loss[0] == pytest.approx(torch.tensor(10.0).log().item())


def test_training_losses_are_means_since_the_entry_before(examples):
    seen = []

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        value = label_loss(student_logits, batch)
        seen.append(value.item())
        return value

    history = fit(Constant(), examples, loss, steps=40, batch_size=8)
    by_hand = [sum(seen[a:b]) / (b - a) for a, b in pairwise(history.steps)]
    assert history.train_loss == pytest.approx([seen[0], *by_hand], abs=1e-6)


def test_a_history_is_one_line():
    told = History((0, 300, 600), (2.3, 1.5, 1.1), (2.4, 1.234, 1.5), 300, 128)
    assert str(told) == (
        "trained 600 steps in batches of 128 · lowest validation loss 1.23 at step 300"
    )
    alone = History((0, 600), (2.3, 1.126), (), 600, 32)
    assert str(alone) == "trained 600 steps in batches of 32 · training loss 1.13"


def test_a_stored_run_prints_nothing(examples, capfd):
    fit(Constant(), examples, label_loss, steps=3)
    assert capfd.readouterr() == ("", "")


def test_a_live_run_shows_a_bar_and_clears_it(examples, capfd, monkeypatch):
    monkeypatch.delenv("KDLIB_QUIET")
    fit(Constant(), examples, label_loss, steps=3)
    out, err = capfd.readouterr()
    assert out == "" and "/3" in err
    assert err.split("\r")[-2].strip() == "", "the bar is wiped at the end"


# --- what goes wrong


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps is 0, expected at least 1"),
        ({"steps": 2.5}, TypeError, "steps is 2.5"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate is 0.0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate is nan"),
    ],
)
def test_numbers_that_cannot_train_are_refused(change, error, message, examples):
    with pytest.raises(error, match=message):
        fit(Constant(), examples, label_loss, **change)


def test_a_frozen_student_is_refused(examples):
    with pytest.raises(ValueError, match="CharCNN.* no trainable parameters"):
        fit(CharCNN().requires_grad_(False), examples, label_loss)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_at_its_step(value, examples):
    calls = []

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        calls.append(1)
        return label_loss(student_logits, batch) * (value if len(calls) == 3 else 1)

    with pytest.raises(ValueError, match=f"training loss is {value} at step 3.*learning_rate"):
        fit(Constant(), examples, loss, steps=10)


def test_a_validation_loss_that_is_no_number_stops_the_run_at_once(examples):
    other = with_teacher(examples, Constant())

    def loss(student_logits: Tensor, batch: Examples) -> Tensor:
        factor = torch.nan if batch.teacher_logits is not None else 1.0
        return label_loss(student_logits, batch) * factor

    with pytest.raises(ValueError, match="validation loss is nan at step 0"):
        fit(Constant(), examples, loss, validation=other)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda logits, batch: logits, TypeError, "expected one number: take the mean"),
        (lambda logits, batch: 0.5, TypeError, "type float"),
        (lambda logits, batch: None, TypeError, "type NoneType"),
        (lambda logits, batch: label_loss(logits.detach(), batch), ValueError, "detached"),
    ],
)
def test_a_loss_that_cannot_teach_is_refused(loss, error, message, examples):
    with pytest.raises(error, match=message):
        fit(Constant(), examples, loss)
