"""Does speculative decoding pay on these models, with everything counted?

The shipped Transformer writes names alone and with drafts, in turns in one process; a speed is told
as the ratio of tokens per second to the target alone in the same round, so that whatever else the
computer does meets both. The prediction takes the acceptance from total variation along names of
the target, and the cost ratio from timing the two models apart. It takes names to be endless, every
token to be as hard as any other, and a call for several tokens to last as long as a call for one:
the measurement shows what that is worth.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from tqdm.auto import tqdm

from kdlib.bench.tables import markdown
from kdlib.data import LENGTH, load_place_names
from kdlib.language import (
    END,
    Decoding,
    LanguageModel,
    acceptance_rate,
    best_draft_length,
    count_ngrams,
    counted,
    load_teacher,
    sample,
    speculative_decode,
    speed_up,
)
from kdlib.language.speculative import propose
from kdlib.training import predict

ORDERS = (2, 3, 4)  # of the n-gram drafts
NAMES, ROUNDS = 20, 15
HEAD = (
    "draft", "cost ratio", "proposed", "accepted, 1 - TV", "accepted", "tokens per call",
    "speed, predicted", "speed", "10–90 %",
)  # fmt: skip


@dataclass(frozen=True)
class Speed:
    """What one draft gave, at one length: predicted, and measured against the target alone."""

    title: str
    cost_ratio: float
    draft_length: int
    one_minus_tv: float
    acceptance: float
    tokens_per_call: float
    ratios: tuple[float, ...]

    @property
    def predicted(self) -> float:
        """The speed-up that theory says."""
        return speed_up(self.one_minus_tv, self.draft_length, self.cost_ratio)


def report(names: int = NAMES, rounds: int = ROUNDS, orders: Sequence[int] = ORDERS) -> str:
    """The table of all drafts, each at its predicted best length."""
    target, train = load_teacher(), load_place_names().train.inputs
    drafts = [(f"{order}-gram", count_ngrams(train, order)) for order in orders]
    quiet = True if "KDLIB_QUIET" in os.environ else None  # None: quiet outside a terminal
    bar = tqdm(drafts, unit="draft", leave=False, disable=quiet)
    lines = [_line(measure(title, target, draft, names, rounds)) for title, draft in bar]
    head = (
        f"torch {torch.__version__}, threads: {torch.get_num_threads()}; one name at a time, "
        f"{names} names, {rounds} rounds; speed: median ratio to the target alone"
    )
    return f"{head}\n\n{markdown(HEAD, lines)}"


def measure(
    title: str, target: LanguageModel, draft: LanguageModel, names: int, rounds: int
) -> Speed:
    """Predict the speed of a draft at its best length (at least 1), then measure it."""
    one_minus_tv = mean_acceptance(target, draft)
    cost = _step_seconds(draft) / _step_seconds(target)
    best = max(1, best_draft_length(one_minus_tv, cost))
    decoded, ratios = [], []
    for seed in range(rounds):
        found, with_draft = _timed(target, draft, best, names, seed)
        _, alone = _timed(target, draft, 0, names, seed)
        decoded.append(found)
        ratios.append(with_draft / alone)
    accepted = sum(d.accepted for d in decoded) / sum(d.tested for d in decoded)
    per_call = sum(d.tokens for d in decoded) / sum(d.calls for d in decoded)
    return Speed(title, cost, best, one_minus_tv, accepted, per_call, tuple(ratios))


def mean_acceptance(target: LanguageModel, draft: LanguageModel, count: int = 500) -> float:
    """The mean of 1 - TV over the tokens of names that the target draws."""
    names = sample(target, count, generator=torch.Generator().manual_seed(0))
    p, q = (predict(m, names)[counted(names)].log_softmax(dim=-1) for m in (target, draft))
    return float(acceptance_rate(p, q, log=True).mean())


def _timed(
    target: LanguageModel, draft: LanguageModel, draft_length: int, names: int, seed: int
) -> tuple[Decoding, float]:
    """A decoding, and its tokens per second."""
    generator, start = torch.Generator().manual_seed(seed), perf_counter()
    decoded = speculative_decode(
        target, draft, names, draft_length=draft_length, generator=generator
    )
    return decoded, decoded.tokens / (perf_counter() - start)


def _step_seconds(model: LanguageModel, names: int = 50) -> float:
    """Seconds to read one token and draw the next, on average over names written alone."""
    generator, tokens = torch.Generator().manual_seed(0), 0
    start = perf_counter()
    with torch.inference_mode():
        for _ in range(names):
            tokens += len(propose(model, [END], None, LENGTH, generator).tokens)
    return (perf_counter() - start) / tokens


def _line(speed: Speed) -> tuple[str, ...]:
    low, middle, high = np.percentile(speed.ratios, [10, 50, 90])
    return (
        speed.title,
        f"{speed.cost_ratio:.3f}",
        str(speed.draft_length),
        f"{speed.one_minus_tv:.3f}",
        f"{speed.acceptance:.3f}",
        f"{speed.tokens_per_call:.2f}",
        f"{speed.predicted:.2f}",
        f"{middle:.2f}",
        f"{low:.2f}–{high:.2f}",
    )
