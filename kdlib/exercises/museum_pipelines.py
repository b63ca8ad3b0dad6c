"""Exercises of lesson 06 about what surrounds a loss: who learns, who answers, and about what."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdlib.data import encode
from kdlib.exercises import museum
from kdlib.exercises.engine import Exercise, Wrong
from kdlib.losses import kd_loss
from kdlib.models import CharCNN, HashedNgrams
from kdlib.training import predict

LESSON = "06"


def my_training_loss(small: nn.Module, large: nn.Module, inputs: Tensor) -> Tensor:
    """What trains `small` to answer as `large` does. Encoded names (N, L) -> scalar."""
    with torch.no_grad():
        teacher_logits = large(inputs)
    return kd_loss(student_logits=small(inputs), teacher_logits=teacher_logits)


def _who_learns(
    function: Callable[..., Any], small: nn.Module, large: nn.Module, inputs: Tensor
) -> Any:
    """[loss, gradient in the small model, gradient in the large one]"""
    loss = function(small, large, inputs)
    if loss is None or loss is ...:
        return loss
    museum.expect(loss, isinstance(loss, Tensor) and not loss.ndim, "a tensor with one number")
    if loss.requires_grad:
        loss.backward()
    gradients = [
        sum(float(w.grad.square().sum()) for w in model.parameters() if w.grad is not None) ** 0.5
        for model in (small, large)
    ]
    return [float(loss.detach()), *gradients]


_MODELS = (
    HashedNgrams(8, seed=1).double(),
    CharCNN(widths=(4,), embedding=4, seed=2).double(),
    encode(["ulm", "lyon", "osaka"]),
)

roles = Exercise(
    lesson=LESSON,
    name="roles",
    title="Who learns from whom?",
    statement=(
        "Write the loss of a training step in which the **small** model learns from the **large** "
        "one (T = 1, KL(teacher‖student)). The check calls `.backward()` on it and looks into both "
        "models: the small one must have received a gradient, the large one none."
    ),
    difficulty=2,
    minutes=4,
    skill="controlling where the gradient goes",
    variable="my_training_loss",
    stub='''def my_training_loss(small: nn.Module, large: nn.Module, inputs: Tensor) -> Tensor:
    """What trains `small` to answer as `large` does. Encoded names (N, L) -> scalar."""
    return ...  # your code here: small(inputs) and large(inputs) are logits (N, K)''',
    hints=(
        "Name what you compute: student_logits = ..., teacher_logits = ... Which model gives which?",
        "`kd_loss(student_logits=..., teacher_logits=...)` cuts off the teacher's gradient. If you "
        "write the loss by hand, compute the teacher's logits under `torch.no_grad()`.",
    ),
    right=my_training_loss,
    explanation=(
        "`no_grad` around the teacher saves memory and makes the intention visible; around the "
        "student it would end all learning."
    ),
    deepens="The test for this bug: after one step, which weights have changed?",
    judge=museum.observing(
        _who_learns,
        (_MODELS,),
        "the loss, the size of the gradient in the small model, and in the large one",
        tolerance=1e-6,
    ),
    wrong={
        "as_found": Wrong(
            lambda small, large, x: kd_loss(student_logits=large(x), teacher_logits=small(x)),
            "The large model learns from the small one: that is run C.",
        ),
        "both_learn": Wrong(
            lambda small, large, x: _kl_of(small(x), large(x)),
            "The loss is right, but the large model receives a gradient too: the teacher walks "
            "towards the student while it teaches.",
        ),
        "nobody_learns": Wrong(
            lambda small, large, x: kd_loss(
                student_logits=predict(small, x), teacher_logits=predict(large, x)
            ),
            "The loss is right, but neither model receives a gradient: `no_grad` and `predict` are "
            "for the teacher alone.",
        ),
        "wrong_one_cut_off": Wrong(
            lambda small, large, x: _kl_of(small(x).detach(), large(x)),
            "The loss is right, but you cut off the student and left the teacher in the graph.",
        ),
        "over_classes": Wrong(
            lambda small, large, x: F.kl_div(
                small(x).log_softmax(-1), large(x).detach().softmax(-1), reduction="none"
            ).mean(),
            "The right model learns, but the mean is taken over the classes as well: that is run B.",
        ),
        "other_direction": Wrong(
            lambda small, large, x: _kl_of(large(x).detach(), small(x)),
            "The right model learns, but from KL(student‖teacher).",
        ),
    },
)


def _kl_of(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher‖student) written by hand: nobody is cut off."""
    log_q, p = student_logits.log_softmax(-1), teacher_logits.softmax(-1)
    return F.kl_div(log_q, p, reduction="batchmean")


def my_answers(teacher: nn.Module, inputs: Tensor) -> Tensor:
    """The teacher's logits, the same at every call, without gradient. (N, L) -> (N, K)"""
    teacher.eval()
    with torch.no_grad():
        logits: Tensor = teacher(inputs)
    return logits


def _steadiness(function: Callable[..., Any], teacher: nn.Module, inputs: Tensor) -> Any:
    """Three numbers, 1 for yes: not the answer without dropout, two calls differ, a gradient."""
    right = predict(teacher, inputs)
    answers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(2):
            logits = function(teacher, inputs)
            if logits is None or logits is ...:
                return logits
            fits = isinstance(logits, Tensor) and logits.shape == right.shape
            museum.expect(logits, fits, f"logits of shape {tuple(right.shape)}")
            answers.append(logits)
    first, second = answers
    yes = (not torch.allclose(first, right), not torch.equal(first, second), first.requires_grad)
    return [float(answer) for answer in yes]


def _seeded(teacher: nn.Module, inputs: Tensor) -> Any:
    torch.manual_seed(1)
    return teacher(inputs).detach()


_DROPPING = (
    CharCNN(widths=(16,), dropout=0.5, seed=3).double().train(),
    encode(["ulm", "lyon", "osaka"]),
)

steady_teacher = Exercise(
    lesson=LESSON,
    name="steady_teacher",
    title="Ask twice, hear the same",
    statement=(
        "Write the function that asks a teacher, whatever mode it comes in: at every call the same "
        "answer, **the one without dropout**, and **no gradient**. The check hands you a teacher "
        "in training mode, with dropout, and calls your function twice."
    ),
    difficulty=1,
    minutes=3,
    skill="telling apart evaluation mode and no_grad",
    variable="my_answers",
    stub='''def my_answers(teacher: nn.Module, inputs: Tensor) -> Tensor:
    """The teacher's logits, the same at every call, without gradient. (N, L) -> (N, K)"""
    return ...  # your code here''',
    hints=(
        "`torch.no_grad()` stops the gradient. It does not stop dropout.",
        "`teacher.eval()` stops dropout, in all layers. You need both.",
    ),
    right=my_answers,
    explanation=(
        "Two switches that are often taken for one: `eval()` changes what layers compute, "
        "`no_grad()` what is recorded for the gradient. The library's `predict` sets both, and "
        "gives a model back in the mode in which it came."
    ),
    deepens="The test: call the teacher twice with the same names. The answers must be equal.",
    judge=museum.observing(
        _steadiness,
        (_DROPPING,),
        "1 if the answer is not the one without dropout, 1 if two calls differ, and 1 if a "
        "gradient would flow into the teacher",
        tolerance=1e-6,
    ),
    wrong={
        "as_found": Wrong(
            lambda teacher, x: teacher(x).detach(),
            "No gradient flows, but dropout is still on; an average of many noisy answers would be "
            "less noisy, not steady. `no_grad` and `detach` do not change what the layers compute, "
            "and `teacher.training = False` reaches the outermost module only: the dropout layer "
            "inside has a flag of its own. `eval()` goes through all of them.",
        ),
        "with_gradient": Wrong(
            lambda teacher, x: teacher.eval()(x),
            "The answers are steady, but a gradient would flow into the teacher.",
        ),
        "seeded": Wrong(
            _seeded,
            "The answers repeat, but they are not the teacher's logits without dropout. If you "
            "fixed a seed: it repeats one and the same noise, and resets everybody else's random "
            "numbers.",
        ),
        "trained": Wrong(
            lambda teacher, x: teacher.train()(x),
            "`train()` switches dropout on, and a gradient would flow.",
        ),
    },
)


class _CutDifferently:
    """A cut that keeps the first two letters when first called, then the next two."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, inputs: Tensor) -> Tensor:
        start = 2 * (self.calls % 2)
        self.calls += 1
        return inputs[:, start : start + 2]


def my_batch(
    inputs: Tensor, teacher: nn.Module, ids: Tensor, cut: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """What the student reads, and the teacher's logits for it: row i is example ids[i], cut."""
    view = cut(inputs[ids])
    return view, predict(teacher, view)


def _rows_and_views(
    function: Callable[..., Any], inputs: Tensor, teacher: nn.Module, ids: Tensor, cut: Any
) -> Any:
    """[rows, letters in each, in place, anywhere, distance of the logits, gradient]; see below."""
    found = function(inputs, teacher, ids, cut)
    if found is None or found is ...:
        return found
    pair = isinstance(found, tuple | list) and len(found) == 2
    museum.expect(found, pair, "two tensors: what the student reads, and the teacher's logits")
    view, logits = found
    fits = isinstance(view, Tensor) and view.ndim == 2 and not view.is_floating_point()
    museum.expect(view, fits, "first what the student reads: letters (B, L), whole numbers")
    answer = predict(teacher, view)
    fits = isinstance(logits, Tensor) and logits.shape == answer.shape
    museum.expect(logits, fits, f"second the teacher's logits of shape {tuple(answer.shape)}")
    names = [{int(letter) for letter in name} for name in inputs[ids]]  # no two share a letter
    read = [{int(letter) for letter in row} for row in view]
    in_place = sum(part <= name for part, name in zip(read, names, strict=False))
    anywhere = sum(any(part <= name for part in read) for name in names)
    distance = float((logits - answer).abs().max())
    sizes = [float(size) for size in view.shape]
    return [*sizes, float(in_place), float(anywhere), distance, float(logits.requires_grad)]


def _made_of(rows: Callable[[Tensor], Any]) -> Callable[..., Any]:
    """A batch of other rows than ids, otherwise as it should be."""

    def batch(inputs: Tensor, teacher: nn.Module, ids: Tensor, cut: Any) -> Any:
        view = cut(inputs[rows(ids)])
        return view, predict(teacher, view)

    return batch


_BATCH = (
    encode(["abcd", "efgh", "ijkl", "mnop"])[:, :4],
    CharCNN(widths=(16,), seed=4).double().eval(),
    torch.tensor([2, 0, 3]),
    _CutDifferently(),
)

row_and_view = Exercise(
    lesson=LESSON,
    name="row_and_view",
    title="One row, one name, one view",
    statement=(
        "Write the function that makes a batch, repairing runs A and D: what the student reads, "
        "and the teacher's logits. Row i of both must be about example `ids[i]`, and both models "
        "must have seen **the same cut** of its name. No gradient may flow into the teacher. `cut` cuts "
        "at random: called again, it keeps other letters."
    ),
    difficulty=2,
    minutes=5,
    skill="keeping what belongs together together",
    variable="my_batch",
    stub='''def my_batch(
    inputs: Tensor, teacher: nn.Module, ids: Tensor, cut: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """What the student reads, and the teacher's logits for it: row i is example ids[i], cut."""
    return ...  # your code here: predict(teacher, x) gives logits''',
    hints=(
        "Choose the rows first, `inputs[ids]`, then cut, then ask the teacher.",
        "Call `cut` once, keep what it gives, and hand the same tensor to both.",
    ),
    right=my_batch,
    explanation=(
        "`view` is made once. The price is one call of the teacher per step; whoever cannot pay "
        "it stores the views *with* the answers, as the repaired run D does."
    ),
    deepens=(
        "The test: shuffle the examples, and nothing may change but the order of the rows. In this "
        "course every example carries its teacher's logits in its own row, so that shuffling "
        "cannot part them."
    ),
    judge=museum.observing(
        _rows_and_views,
        (_BATCH,),
        "rows, letters in each, how many rows read the name that is wanted in their place, how many "
        "of the wanted names are read anywhere, the largest distance of your logits from the "
        "teacher's answer to what the student reads, and 1 if a gradient would flow",
        tolerance=1e-6,
    ),
    wrong={
        "by_position": Wrong(
            lambda x, teacher, ids, cut: (cut(x[ids]), predict(teacher, x[: len(ids)])),
            "The logits are those of the first rows, not of the rows in `ids`: run A. (And the "
            "teacher saw whole names.)",
        ),
        "cut_by_position": Wrong(
            lambda x, teacher, ids, cut: (lambda v: (v[ids], predict(teacher, v)[: len(ids)]))(
                cut(x)
            ),
            "Both saw the same cut, but the logits are those of the first rows, not of the rows "
            "in `ids`.",
        ),
        "teacher_sees_all": Wrong(
            lambda x, teacher, ids, cut: (cut(x[ids]), predict(teacher, x[ids])),
            "Row and name fit, but the teacher answers for the whole name and the student reads a "
            "part of it: run D.",
        ),
        "cut_twice": Wrong(
            lambda x, teacher, ids, cut: (cut(x[ids]), predict(teacher, cut(x[ids]))),
            "You call `cut` twice, and it cuts at random: the two models see different letters.",
        ),
        "student_sees_all": Wrong(
            lambda x, teacher, ids, cut: (x[ids], predict(teacher, cut(x[ids]))),
            "Now the teacher sees the cut name and the student the whole one.",
        ),
        "nobody_cuts": Wrong(
            lambda x, teacher, ids, cut: (x[ids], predict(teacher, x[ids])),
            "Consistent, but nobody cuts: the student never learns from parts of names.",
        ),
        "with_gradient": Wrong(
            lambda x, teacher, ids, cut: (lambda v: (v, teacher(v)))(cut(x[ids])),
            "Rows and views are right, but a gradient would flow into the teacher: use `predict`, "
            "or call it under `torch.no_grad()`.",
        ),
        "first_rows": Wrong(
            _made_of(lambda ids: slice(len(ids))),
            "Both saw the same cut, but of the first rows: which rows are wanted stands in `ids`.",
        ),
        "sorted": Wrong(
            _made_of(lambda ids: ids.sort().values),
            "These are the wanted names, but not in the order of `ids`: row i must be about "
            "example `ids[i]`.",
        ),
        "one_row": Wrong(
            _made_of(lambda ids: ids[:1].expand(len(ids))),
            "Not every wanted name is there, or one stands where another belongs: row i must be "
            "about example `ids[i]`.",
        ),
        "ids_forgotten": Wrong(
            lambda x, teacher, ids, cut: (lambda v: (v, predict(teacher, v)))(cut(x)),
            "`ids` is not used: this is the whole data set, not the batch.",
        ),
    },
)
