"""Are these scores of strong and weak models, bands of likelihood, members of an ensemble?

The same promise as in `arrays`: a message says what was wrong, what was expected and what to do.
"""

from torch import Tensor

from kdlib.checks.arrays import Floats, as_floats, first_where, no_nan, place, shape_of
from kdlib.checks.logits import logit_values


def answered(teacher_logits: Tensor | None) -> Tensor:
    """A teacher's answers that are there.

    Raises:
        ValueError: if nobody has asked the teacher.
    """
    if teacher_logits is None:
        raise ValueError(
            "the examples carry no teacher_logits, expected the weak teacher's answers: make them "
            "with kdlib.training.with_teacher(examples, weak)."
        )
    return teacher_logits


def same_scores(
    first: tuple[int, ...], second: tuple[int, ...], first_name: str, second_name: str
) -> None:
    """Scores of the same inputs and seeds.

    Raises:
        ValueError: with both shapes.
    """
    if first != second:
        raise ValueError(
            f"{first_name} has shape {first} but {second_name} has shape {second}: all must be "
            "(N,) or (S, N), for the same inputs in the same order. Nothing is broadcast."
        )


def scores_to_rank(scores: Floats) -> Tensor:
    """Scores (N,) that have an order.

    Raises:
        ValueError: on another shape, no scores, or NaN.
    """
    tensor = as_floats(scores, "scores")
    if tensor.ndim != 1 or len(tensor) == 0:
        raise ValueError(
            f"scores has shape {shape_of(tensor)}, expected (N,): one likelihood per example."
        )
    no_nan(tensor, "scores")
    return tensor


def band(low: float, high: float, count: int) -> tuple[int, int]:
    """The first rank of a band, and the first behind it.

    Raises:
        ValueError: unless 0 <= low < high <= 1, or if no example ranks in it.
    """
    if not 0 <= low < high <= 1:
        raise ValueError(
            f"low is {low} and high is {high}, expected 0 <= low < high <= 1: ranks as shares, the "
            "most likely tenth is 0.9 to 1."
        )
    start, end = round(low * count), round(high * count)
    if start == end:
        raise ValueError(
            f"no one of {count} examples ranks from {low} to {high}, expected at least one: choose "
            "a wider band."
        )
    return start, end


def member_logits(logits: Tensor) -> Tensor:
    """Logits (M, N, K) of at least two members.

    Raises:
        ValueError: on another shape, NaN or infinite numbers.
        TypeError: if these are no floating-point numbers.
    """
    tensor = as_floats(logits, "logits")
    if tensor.ndim != 3 or len(tensor) < 2 or tensor.numel() == 0:
        raise ValueError(
            f"logits has shape {shape_of(tensor)}, expected (M, N, K) with at least two members: "
            "torch.stack([predict(model, inputs) for model in members]) makes them."
        )
    logit_values(tensor, "logits")
    return tensor


def varying_members(correct: Tensor) -> Tensor:
    """Who is right where: (M, N) float64, each member neither always right nor always wrong.

    Raises:
        ValueError: on another shape, fewer than two members or inputs, or a constant member.
    """
    if not isinstance(correct, Tensor) or correct.ndim != 2 or min(correct.shape) < 2:
        found = shape_of(correct) if isinstance(correct, Tensor) else type(correct).__name__
        raise ValueError(
            f"correct is {found}, expected a tensor (M, N) of at least two members and two inputs: "
            "logits.argmax(-1) == labels makes it of logits (M, N, K)."
        )
    scores = correct.double()
    no_nan(scores, "correct")
    if (index := first_where((scores == scores[:, :1]).all(dim=1))) is not None:
        raise ValueError(
            f"{place('correct', index)} is the same on all inputs, expected a member that is right "
            "on some and wrong on others: a constant correlates with nothing. Leave it out."
        )
    return scores


def some_class_left(logits: Tensor) -> Tensor:
    """Mean logits (N, K) of members that do not rule out every class together.

    Raises:
        ValueError: with the first input on which they do.
    """
    if (index := first_where(logits.isneginf().all(dim=-1))) is not None:
        raise ValueError(
            f"on input {index[0]} each class is ruled out (-inf) by one member or another, so that "
            "their mean logits allow none: use mean_probability, or mask the same classes in all."
        )
    return logits
