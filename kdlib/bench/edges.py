"""What does each implementation do at the edges: zeros, masks, half precision, wrong shapes?

`page()` calls them all and writes down what happened: docs/edges.md is its text. A cell is called
wrong by comparison with the values of edge_cases.py, never by hand.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata

import torch
from torch import Tensor

from kdlib.bench import edge_calls, edge_cases
from kdlib.bench.edge_calls import Call, Implementation
from kdlib.bench.edge_cases import JS, KL, Asks, Case, Quantity, Row, log_of_shares, log_softmax
from kdlib.bench.tables import markdown

# Relative errors that are told apart in words; up to the last, a number is right.
STEPS, GRADIENT_STEPS = (1.0, 0.1, 0.01), (0.1, 0.02)
LEAST = 1e-30  # a gradient below this is 0 in float32
TEXT = """\
# What implementations do at the edges

Made by running them: `.venv/bin/python -m kdlib bench edges --write`.
{versions}

A cell is the mean over the rows in nats, or the error that is raised. **wrong** stands before what
differs by more than 1 % from the true value, which is computed from the same inputs in float64
without any of these libraries; where the true answer is *an error*, any number is wrong. Repeating
a single row for all others is not called wrong, nor is a NaN for a NaN or for the mean of no rows.

Of gradients, those in p and q and those in the student's logits, something is said only where they
are NaN or, for logits, more than 2 % of the largest entry off. The functions of scipy have none.
`F.kl_div` is called with `reduction="batchmean"`, as its documentation advises.
"""


@dataclass(frozen=True)
class Section:
    """A table of the page; `log_shares` turns a row of its inputs into log-probabilities."""

    title: str
    quantity: Quantity
    log_shares: Callable[[Row], list[float]]
    cases: Sequence[Case]
    implementations: Sequence[Implementation]

    @property
    def names(self) -> tuple[str, str]:
        """What the two inputs are called."""
        return ("teacher", "student") if self.log_shares is log_softmax else ("p", "q")

    def truth(self, case: Case) -> "Truth":
        """The right values and gradients of a case; a single row counts for all others."""
        pair = case.reference.double(), case.approximation.double()
        pair = torch.broadcast_tensors(*pair)  # type: ignore[no-untyped-call]
        shares = [[self.log_shares(row) for row in x.flatten(0, -2).tolist()] for x in pair]
        rows = list(zip(*shares, strict=True))
        values = [self.quantity.value(*row) for row in rows]
        gradients = [self.quantity.gradient(*row) for row in rows]
        return Truth(values, torch.tensor(gradients, dtype=torch.float64))


@dataclass(frozen=True)
class Truth:
    """The values of the rows, and their gradients (N, K) in the student's logits."""

    values: Sequence[float]
    gradients: Tensor

    @property
    def mean(self) -> float:
        """The mean of the values, NaN if there are none."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan


@dataclass(frozen=True)
class Outcome:
    """What a call did: a value and gradients in both inputs, or an error's name."""

    value: float = math.nan
    gradients: tuple[Tensor | None, ...] = (None, None)
    error: str = ""


def page() -> str:
    """The text of docs/edges.md."""
    return "\n".join([TEXT.format(versions=versions()), *map(_table, sections())])


def sections() -> list[Section]:
    """The tables, each with the implementations that are installed."""
    p_and_q, logits = edge_cases.probabilities(), edge_cases.logits()
    calls = edge_calls
    return [
        Section("Probabilities: KL(p‖q)", KL, log_of_shares, p_and_q, calls.kl_of_probabilities()),
        Section("Probabilities: JS(p, q)", JS, log_of_shares, p_and_q, calls.js_of_probabilities()),
        Section("Logits: KL(p‖q), p of the teacher", KL, log_softmax, logits, calls.kl_of_logits()),
        Section("Logits: JS(p, q)", JS, log_softmax, logits, calls.js_of_logits()),
    ]


def versions() -> str:
    """The sentence that says what was run, without the marks of a build, such as +cpu."""
    found = []
    for name in ("torch", "scipy", "torchmetrics"):
        try:
            found.append(f"{name} {metadata.version(name).partition('+')[0]}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} not installed, so without its columns")
    return f"Run with {', '.join(found)}."


def cell(names: Sequence[str], implementation: Implementation, case: Case, truth: Truth) -> str:
    """What the implementation did, in a few words; `names` are those of its two inputs."""
    if case.asks is Asks.PRECISION:
        return _precision(names, implementation, case, truth)
    call = implementation.mistaken if case.asks is Asks.ROLES else implementation.call
    outcome = attempt(call, case.reference, case.approximation, names)
    if outcome.error:
        return f"raises {outcome.error}"
    if case.asks is Asks.ROLES:
        return f"no error, {_number(outcome.value)}"
    note = "" if math.isnan(truth.mean) else _of_gradients(names, outcome, truth)
    right = case.asks is Asks.VALUE and _same(outcome.value, truth.mean) and not note
    return f"{'' if right else '**wrong**: '}{_number(outcome.value)}{note}"


def attempt(call: Call, reference: Tensor, approximation: Tensor, names: Sequence[str]) -> Outcome:
    """Call with inputs that expect gradients, a teacher excepted, and go backward."""
    pair = [x.detach().clone() for x in (reference, approximation)]
    for tensor, name in zip(pair, names, strict=True):
        tensor.requires_grad_(name != "teacher" and tensor.is_floating_point())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = torch.as_tensor(call(*pair)).mean()
            if value.requires_grad:
                value.backward()  # type: ignore[no-untyped-call]
        except Exception as error:  # whatever it is, it is what we want to know
            return Outcome(error=type(error).__name__)
    return Outcome(float(value.detach()), tuple(x.grad for x in pair))


def _table(section: Section) -> str:
    rows = []
    for case in section.cases:
        truth = section.truth(case)
        cells = [cell(section.names, x, case, truth) for x in section.implementations]
        rows.append([case.name, _true(case, truth), *cells])
    head = ["", "true", *(x.title for x in section.implementations)]
    return f"## {section.title}\n\n{markdown(head, rows)}\n"


def _true(case: Case, truth: Truth) -> str:
    if case.asks is Asks.ERROR:
        return "an error"
    return f"{truth.mean:.0e}" if case.asks is Asks.PRECISION else _number(truth.mean)


def _of_gradients(names: Sequence[str], outcome: Outcome, truth: Truth) -> str:
    """What to add where a gradient is NaN or, for logits, not the true one; else nothing."""
    pairs = zip(names, outcome.gradients, strict=True)
    spoilt = [name for name, x in pairs if x is not None and bool(x.isnan().any())]
    if spoilt:
        return f", gradient nan in {' and '.join(spoilt)}"
    found = outcome.gradients[1]
    if found is None or names[1] != "student" or math.isinf(truth.mean):
        return ""
    right = truth.gradients / len(truth.values)
    if found.numel() != right.numel():  # a repeated row's is the sum
        return ""
    return "" if _off(found.view_as(right), right) <= GRADIENT_STEPS[-1] else ", gradient wrong"


def _precision(
    names: Sequence[str], implementation: Implementation, case: Case, truth: Truth
) -> str:
    """The worst of the rows, each called alone."""
    rows = zip(case.reference[:, None], case.approximation[:, None], strict=True)
    outcomes = [attempt(implementation.call, *row, names) for row in rows]
    if errors := {x.error for x in outcomes if x.error}:
        return f"raises {' or '.join(sorted(errors))}"
    values, right_values = (
        torch.tensor(x, dtype=torch.float64) for x in ([x.value for x in outcomes], truth.values)
    )
    off = _off(values[:, None], right_values[:, None])
    signs = {"some negative": values < 0, "some nan": values.isnan()}
    words = [*(word for word, rows in signs.items() if rows.any()), _in_words(off, STEPS)]
    right = len(words) == 1 and off <= STEPS[-1]
    gradients = [x.gradients[1] for x in outcomes if x.gradients[1] is not None]
    if names[1] == "student":
        off = _off(torch.cat(gradients), truth.gradients)
        words.append(f"gradient {_in_words(off, GRADIENT_STEPS)}")
        right = right and off <= GRADIENT_STEPS[-1]
    return f"{'' if right else '**wrong**: '}{', '.join(words)}"


def _in_words(error: float, steps: Sequence[float]) -> str:
    step = next((step for step in steps if error > step), None)
    return f"more than {100 * step:.0f} % off" if step else f"within {100 * steps[-1]:.0f} %"


def _same(found: float, true: float) -> bool:
    return math.isclose(found, true, rel_tol=STEPS[-1]) or (math.isnan(found) and math.isnan(true))


def _off(found: Tensor, true: Tensor) -> float:
    """The largest error of the worst row, relative to its largest entry; inf for NaN."""
    largest = true.abs().amax(-1).clamp_min(LEAST)
    return float(((found - true).abs().amax(-1) / largest).nan_to_num(math.inf).max())


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if math.isfinite(value) else str(value)
