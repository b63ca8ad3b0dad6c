"""What does a certificate say? A threshold with its promise in words, or why there is none."""

from dataclasses import asdict, dataclass
from math import ceil, log, log1p
from typing import Any, Literal

from kdlib import checks
from kdlib.checks import certificates as checked
from kdlib.fidelity.intervals import wilson
from kdlib.fidelity.page import as_html, as_json, percent
from kdlib.stats import Interval

__all__ = ["Certificate", "LossOf", "Method", "Of", "inputs_needed"]

Method = Literal["ltt", "crc"]
LossOf = Literal["kept", "inputs", "cascade"]
Of = LossOf | Literal["budget"]

ROUNDING = 1 + 1e-12  # what p-values and risks may be too large by


@dataclass(frozen=True)
class Certificate:
    """A threshold and what it promises; or none (`threshold` is None), and what that would need.

    Attributes:
        threshold: keep an input if its score is at least this; inf defers every input.
        of: what is promised: see `certified_threshold`; "budget" is the share of deferred inputs.
        delta: the chance of a false promise; None for "crc", which promises a mean and no chance.
        n: calibration inputs.
        kept: how many of them the threshold keeps; without one, the first tested threshold.
        seen: the mean loss seen there, or the deferred share. It is below `risk`, not equal to it.
        needs: n that would do: if no loss was seen or, if there were enough inputs for that, at the
            mean loss seen. None if the loss seen is too high for any n.
        zero_one: every loss is 0 or 1.
    """

    threshold: float | None
    of: Of
    method: Method
    risk: float
    delta: float | None
    n: int
    kept: int
    seen: float
    needs: int | None
    zero_one: bool

    @property
    def certified(self) -> bool:
        """Whether there is a threshold."""
        return self.threshold is not None

    @property
    def deferral(self) -> Interval:
        """The share of inputs deferred there, and its 95 % interval for future inputs."""
        return wilson(self.n - self.kept, self.n)

    @property
    def promise(self) -> str:
        """What is promised, in words; without a threshold, why nothing is."""
        return _promise(self) if self.certified else _refusal(self)

    @property
    def assumption(self) -> str:
        """What the promise stands on."""
        return (
            f"It holds if future inputs and the {self.n:,} calibration inputs are exchangeable: "
            "drawn from one source, and these used neither for training nor for choosing a model "
            "or a score. After a shift nothing is promised."
        )

    def __str__(self) -> str:
        return "\n".join(self._sentences())

    def _repr_html_(self) -> str:
        return as_html("Certificate", self._sentences(), [])

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; an infinite threshold is the text "inf"."""
        found: dict[str, Any] = as_json(
            {**asdict(self), "deferral": self.deferral.to_dict(), "promise": self.promise,
             "assumption": self.assumption}
        )  # fmt: skip
        return found

    def _sentences(self) -> list[str]:
        if not self.certified:
            return [self.promise]
        seen = f"On the calibration inputs it was {_share(self.seen)}"
        if self.of != "budget":
            seen += f", and {percent(self.deferral)} were deferred"
        return [self.promise, f"{seen}.", self.assumption]


def inputs_needed(risk: float, delta: float = 0.1, method: Method = "ltt") -> int:
    """Return the smallest number of calibration inputs with which `risk` can be certified at all.

    It is the least n for which seeing no loss is unlikely enough, (1 - risk)^n <= delta, for "ltt",
    and for which (0 + 1) / (n + 1) <= risk for "crc".

    >>> inputs_needed(0.02, 0.1), inputs_needed(0.02, method="crc")
    (114, 49)
    """
    risk, delta = checked.level(risk, "risk"), checked.level(delta, "delta")
    checks.one_of(method, "method", ("ltt", "crc"))
    if method == "crc":
        return max(1, ceil(1 / (risk * ROUNDING) - 1))
    return max(1, ceil(log(delta * ROUNDING) / log1p(-risk)))


def _promise(c: Certificate) -> str:
    assert c.threshold is not None
    rule = f"Keep the small model's answer where its score is at least {c.threshold:.6g}"
    if not c.kept:
        rule = "Defer every input, because no answer of the small model can be kept"
    subject, verb = {
        "kept": ("of the answers kept", "wrong"),
        "inputs": ("of all inputs get an answer of the small model that", "wrong"),
        "cascade": ("of the cascade's answers", "wrong"),
        "budget": ("of the inputs", "deferred"),
    }[c.of]
    most = f"at most {_share(c.risk)} {subject} {'is' if c.of == 'inputs' else 'are'} {verb}"
    if not c.zero_one:
        what = {"kept": "per answer kept", "inputs": "of the answers kept, per input of any kind,"}
        most = f"the mean loss {what.get(c.of, 'of the cascade')} is at most {c.risk:g}"
    if c.delta is None:
        return (
            f"{rule}: on average over all choices of {c.n:,} calibration inputs, {most}. For this "
            "choice alone it may be more: conformal risk control promises a mean, so there is no "
            "delta."
        )
    return (
        f"{rule}: {most}. The chance that the choice of the {c.n:,} calibration inputs made this "
        f"promise false is at most {_share(c.delta)}."
    )


def _refusal(c: Certificate) -> str:
    if c.needs and c.n < inputs_needed(c.risk, c.delta or 0.5, c.method):
        return (
            f"cannot certify: needs n >= {c.needs:,} calibration inputs, even if no loss is seen; "
            f"there are {c.n:,}."
        )
    where = {
        "kept": f"The first threshold tested keeps {c.kept:,} of {c.n:,} inputs, and the mean loss "
        "there",
        "inputs": "The most confident answers alone lose too much: the mean loss per input",
        "cascade": "Even if every input is deferred, the mean loss, that of the large model alone,"
        if not c.kept
        else "Even at the threshold inf the mean loss",
    }[c.of]
    more = "If that is the true loss, no number of inputs would do."
    if c.needs:
        more = f"At this mean loss about {c.needs:,} inputs would do."
    return f"cannot certify a risk of {c.risk:g}: {where} is {_share(c.seen)}. {more}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
