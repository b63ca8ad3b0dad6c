"""Which inputs break implementations, and what would be right?

Pairs of a reference (p, or the logits of the teacher) and an approximation (q, or the student's),
each `(N, K)`. The right value and gradient are computed in Python's own floats, with nothing that
an implementation under test could share. Gradients are those of the mean over rows in the student's
logits: (q - p) / N for KL(p || q), and q (ln(q/m) - KL(q || m)) / 2N for JS, m = (p + q) / 2.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

INF, NAN = math.inf, math.nan
PAIRS, CLASSES = 256, 1000  # of the cases where small numbers are told from rounding
Row = Sequence[float]


class Asks(Enum):
    """What a case asks of an implementation."""

    VALUE = "the mean over rows"
    ERROR = "nothing but an error is right"
    PRECISION = "every row alone, close to the truth"
    ROLES = "the arguments are swapped: is it noticed?"


@dataclass(frozen=True)
class Case:
    """A pair of inputs; without `asks` its value is asked for."""

    name: str
    reference: Tensor
    approximation: Tensor
    asks: Asks = Asks.VALUE


@dataclass(frozen=True)
class Quantity:
    """A divergence of log-probabilities, and its gradient in the student's logits, for one row."""

    value: Callable[[Row, Row], float]
    gradient: Callable[[Row, Row], list[float]]


def probabilities() -> list[Case]:
    """Cases of p and q."""
    p, q = [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]
    three_p, three_q = [p, [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]], [q, [0.3, 0.4, 0.3], [0.2, 0.5, 0.3]]
    blocks = torch.tensor([three_p[:2], three_p[1:]]), torch.tensor([three_q[:2], three_q[1:]])
    return [
        _case("an ordinary pair", [p], [q]),
        _case("p = 0 at one class", [[0.0, 0.5, 0.5]], [[0.2, 0.4, 0.4]]),
        _case("q = 0 at one class", [[0.2, 0.4, 0.4]], [[0.0, 0.5, 0.5]]),
        _case("both 0 at one class", [[0.0, 0.5, 0.5]], [[0.0, 0.8, 0.2]]),
        _case("q = 1e-30 at one class", [[0.5, 0.5]], [[1e-30, 1.0]]),
        _near(lambda logits: logits.softmax(-1)),
        _case("NaN in q", [p], [[NAN, 0.3, 0.4]]),
        _case("p sums to 2", [[1.0, 0.6, 0.4]], [q]),
        Case("p of integers", torch.tensor([[1, 0, 0]]), torch.tensor([q])),
        Case("an empty batch", torch.empty(0, 3), torch.empty(0, 3)),
        _case("shapes (2, 3) and (1, 3)", three_p[:2], [q]),
        _case("shapes (3, 3) and (3, 1)", three_p, [[1.0]] * 3, Asks.ERROR),
        Case("shape (2, 2, 3)", *blocks),
        _case("arguments swapped", [p], [q], Asks.ROLES),
    ]


def logits() -> list[Case]:
    """Cases of the logits of a teacher and a student."""
    t, s = [1.0, 0.0, -1.0], [0.0, 0.0, 1.0]
    three_t, three_s = [t, [0.0, 2.0, 1.0], [-1.0, 1.0, 0.0]], [s, [1.0, 0.0, 0.0], [2.0, 0.0, 1.0]]
    blocks = torch.tensor([three_t[:2], three_t[1:]]), torch.tensor([three_s[:2], three_s[1:]])
    return [
        _case("an ordinary pair", [t], [s]),
        _case("±200", [[200.0, -200.0, 0.0]], [[-200.0, 200.0, 0.0]]),
        _case("±10,000", [[1e4, -1e4, 0.0]], [[-1e4, 1e4, 0.0]]),
        _case("-inf in both", [[-INF, *t[1:]]], [[-INF, *s[1:]]]),
        _case("-inf in the student only", [t], [[-INF, *s[1:]]]),
        _case("-inf in the teacher only", [[-INF, *t[1:]]], [s]),
        _near(lambda logits: logits),
        _bfloat16(),
        _case("NaN in the student", [t], [[NAN, *s[1:]]]),
        Case("integers", torch.tensor([t]).int(), torch.tensor([s]).int()),
        Case("an empty batch", torch.empty(0, 3), torch.empty(0, 3)),
        _case("shapes (2, 3) and (1, 3)", three_t[:2], [s]),
        _case("shapes (3, 3) and (3, 1)", three_t, [[1.0]] * 3, Asks.ERROR),
        Case("shape (2, 2, 3)", *blocks),
        _case("roles swapped", [t], [s], Asks.ROLES),
    ]


def log_of_shares(row: Row) -> list[float]:
    """ln of the row divided by its sum, -inf for 0.

    >>> [f"{x:.4f}" for x in log_of_shares([2.0, 2.0, 0.0])]
    ['-0.6931', '-0.6931', '-inf']
    """
    total = math.fsum(row)
    return [math.log(x / total) if x != 0 else -INF for x in row]


def log_softmax(row: Row) -> list[float]:
    """ln of the softmax of the row.

    >>> log_softmax([10000.0, 0.0, -math.inf])
    [0.0, -10000.0, -inf]
    """
    top = max(row)
    log_sum = math.log(math.fsum(math.exp(x - top) for x in row))
    return [x - top - log_sum for x in row]


def _kl(log_p: Row, log_q: Row) -> float:
    return math.fsum(math.exp(a) * (a - b) for a, b in zip(log_p, log_q, strict=True) if a != -INF)


def _kl_gradient(log_p: Row, log_q: Row) -> list[float]:
    return [math.exp(b) - math.exp(a) for a, b in zip(log_p, log_q, strict=True)]


def _log_mixture(log_p: Row, log_q: Row) -> list[float]:
    def of_class(a: float, b: float) -> float:
        top = max(a, b)
        return top + math.log((math.exp(a - top) + math.exp(b - top)) / 2) if top != -INF else -INF

    return [of_class(a, b) for a, b in zip(log_p, log_q, strict=True)]


def _js(log_p: Row, log_q: Row) -> float:
    log_m = _log_mixture(log_p, log_q)
    return (_kl(log_p, log_m) + _kl(log_q, log_m)) / 2


def _js_gradient(log_p: Row, log_q: Row) -> list[float]:
    log_m = _log_mixture(log_p, log_q)
    of_q = _kl(log_q, log_m)
    pairs = zip(log_q, log_m, strict=True)
    return [math.exp(b) * (b - m - of_q) / 2 if b != -INF else 0.0 for b, m in pairs]


def _case(name: str, reference: object, approximation: object, asks: Asks = Asks.VALUE) -> Case:
    return Case(name, torch.tensor(reference), torch.tensor(approximation), asks)


def _near(form: Callable[[Tensor], Tensor]) -> Case:
    """A student within 1e-4 of its teacher, in float32."""
    teacher, student = _noisy(1e-4)
    name = f"{PAIRS} near-identical pairs, float32, K = {CLASSES}"
    return Case(name, form(teacher), form(student), Asks.PRECISION)


def _bfloat16() -> Case:
    teacher, student = (logits.bfloat16() for logits in _noisy(0.05))
    return Case(f"{PAIRS} good students, bfloat16, K = {CLASSES}", teacher, student, Asks.PRECISION)


def _noisy(spread: float) -> tuple[Tensor, Tensor]:
    noise = torch.randn(2, PAIRS, CLASSES, generator=torch.Generator().manual_seed(0))
    return noise[0], noise[0] + spread * noise[1]


KL, JS = Quantity(_kl, _kl_gradient), Quantity(_js, _js_gradient)
