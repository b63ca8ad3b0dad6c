"""A draft changes the speed and nothing else; the distance of the two models says how much."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chisquare, ncx2

from kdlib.bench import speculative as bench
from kdlib.divergences import total_variation
from kdlib.language import (
    END,
    CharGRU,
    CharTransformer,
    NgramModel,
    acceptance_rate,
    best_draft_length,
    every_name,
    expected_tokens,
    log_prob,
    residual,
    sample,
    speculative,
    speculative_decode,
    speed_up,
)

SMALL, SHORT = 4, 3
COUNT = 2500  # names of a test of losslessness
LEVEL = 1e-4  # at which it rejects


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def ngrams(seed, order=2, tokens=SMALL):
    model = NgramModel(order, tokens=tokens)
    torch.nn.init.normal_(model.table, generator=generator(seed))
    return model


def spread(model, seed):
    """Another untrained model, far from uniform."""
    with torch.no_grad():
        model.predict.weight.normal_(generator=generator(seed))
        model.predict.bias.normal_(generator=generator(seed + 1))
    return model


TARGETS = {
    "3-gram": lambda: ngrams(1, order=3),
    "GRU": lambda: spread(CharGRU(8, 4, tokens=SMALL), 2),
    "Transformer": lambda: spread(CharTransformer(8, 2, 2, tokens=SMALL, length=SHORT), 3),
}
DRAFTS = {
    "1-gram": lambda: ngrams(4, order=1),
    "2-gram": lambda: ngrams(5),
    "GRU": lambda: spread(CharGRU(8, 4, tokens=SMALL), 6),
    "Transformer": lambda: spread(CharTransformer(8, 1, 2, tokens=SMALL, length=SHORT), 7),
}


# --- what theory says


@settings(deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=6, max_size=6),
    st.lists(st.floats(-5, 5), min_size=6, max_size=6),
)
def test_acceptance_is_the_shared_probability(logits_p, logits_q):
    p, q = (torch.tensor(x, dtype=torch.float64).softmax(0) for x in (logits_p, logits_q))
    assert acceptance_rate(p, q).item() == pytest.approx(torch.minimum(p, q).sum().item())
    assert acceptance_rate(p, q) == 1 - total_variation(p, q)
    assert acceptance_rate(p.log(), q.log(), log=True).item() == pytest.approx(
        acceptance_rate(p, q).item()
    )


@settings(deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=6, max_size=6),
    st.lists(st.floats(-5, 5), min_size=6, max_size=6),
)
def test_accepted_and_residual_together_are_the_target(logits_p, logits_q):
    """min(p, q) is accepted; what is missing comes from the residual, with probability TV."""
    p, q = (torch.tensor(x, dtype=torch.float64).softmax(0) for x in (logits_p, logits_q))
    written = torch.minimum(p, q) + total_variation(p, q) * residual(p, q)
    assert torch.allclose(written, p, atol=1e-12)


def test_the_residual_of_equal_models_is_the_target():
    p = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    assert torch.equal(residual(p, p), p)


@pytest.mark.parametrize("acceptance", [0.0, 0.3, 0.8, 0.99])
@pytest.mark.parametrize("draft_length", [0, 1, 4, 30])
def test_expected_tokens_is_the_closed_form(acceptance, draft_length):
    closed = (1 - acceptance ** (draft_length + 1)) / (1 - acceptance)
    assert expected_tokens(acceptance, draft_length) == pytest.approx(closed)
    assert expected_tokens(1.0, draft_length) == draft_length + 1
    assert speed_up(acceptance, draft_length, 0.0) == pytest.approx(closed)


def test_tokens_per_call_as_published():
    """Leviathan et al. (2023); 0.87 and four proposed tokens give 3.86."""
    found = [expected_tokens(a, 4) for a in (0.957, 0.870, 0.740, 0.609)]
    assert found == pytest.approx([4.58, 3.86, 2.99, 2.35], abs=0.02)
    assert [best_draft_length(a, 0.05) for a in (0.5, 0.7, 0.8, 0.9)] == [3, 6, 8, 13]
    assert best_draft_length(0.8, 0.2) == 4


@given(st.floats(0, 0.98), st.floats(0.01, 2))
def test_no_other_draft_length_is_faster(acceptance, cost):
    best = speed_up(acceptance, best_draft_length(acceptance, cost), cost)
    assert best >= max(speed_up(acceptance, n, cost) for n in range(60)) - 1e-12
    if cost >= acceptance:
        assert best_draft_length(acceptance, cost) == 0, "Leviathan et al., corollary 3.9"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: expected_tokens(1.2, 3),
            ValueError,
            "acceptance is 1.2, expected a number from 0",
        ),
        (lambda: expected_tokens(0.5, -1), ValueError, "draft_length is -1, expected 0 or more"),
        (lambda: expected_tokens(0.5, 2.0), TypeError, "draft_length is 2.0, expected a whole"),
        (
            lambda: best_draft_length(1.0, 0.1),
            ValueError,
            "acceptance is 1, expected.*no draft is too long",
        ),
        (
            lambda: best_draft_length("x", 0.1),
            TypeError,
            "acceptance is 'x' of type str, expected a number",
        ),
        (lambda: best_draft_length(0.5, 0), ValueError, "cost_ratio is 0, expected .* above 0"),
        (lambda: speed_up(0.5, 2, -1), ValueError, "cost_ratio is -1, expected"),
        (lambda: acceptance_rate([0.5, 0.4], [0.5, 0.5]), ValueError, r"p sums to 0.9"),
    ],
)
def test_impossible_settings_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- lossless


def p_value(target, draft, count=COUNT, draft_length=2, seed=0):
    """Of a chi-square test that the decoded names come from the target, by counting all names."""
    names = every_name(SMALL, SHORT)
    decoded = speculative_decode(
        target, draft, count, draft_length=draft_length, generator=generator(seed), length=SHORT
    )
    found = Counter(map(tuple, decoded.names.tolist()))
    expected = log_prob(target, names).exp() * count
    often = expected >= 5  # the others together are one class
    observed = torch.tensor([found[tuple(name)] for name in names.tolist()])
    if bool(often.all()):
        return chisquare(observed.tolist(), expected.tolist(), sum_check=False).pvalue
    counts = [torch.cat([x[often], x[~often].sum()[None]]).tolist() for x in (observed, expected)]
    return chisquare(*counts, sum_check=False).pvalue


@pytest.mark.parametrize(
    ("target", "draft"),
    [("3-gram", "1-gram"), ("GRU", "Transformer"), ("Transformer", "2-gram"), ("3-gram", "GRU")],
)
def test_names_come_from_the_target_whatever_the_draft(target, draft):
    assert p_value(TARGETS[target](), DRAFTS[draft](), count=1000) > LEVEL


@pytest.mark.parametrize("draft_length", [0, 1, 5])
def test_names_come_from_the_target_at_every_draft_length(draft_length):
    assert p_value(ngrams(1), ngrams(5), draft_length=draft_length) > LEVEL


def argmax_of_target(p, q):
    """The correction as a textbook prints it."""
    return torch.nn.functional.one_hot(p.argmax(-1), p.shape[-1]).to(p.dtype)


def target_itself(p, q):
    """A common bug: the correction is drawn from p, so that what both find likely comes twice."""
    return p


WRONG = [argmax_of_target, target_itself]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_test_finds_wrong_corrections(wrong, monkeypatch):
    monkeypatch.setattr(speculative, "residual", wrong)
    assert p_value(ngrams(1), ngrams(5)) < LEVEL


@pytest.mark.parametrize("wrong", WRONG)
def test_the_test_has_the_power_to_find_them(wrong):
    """From the first token alone it would find each with more than 99.9 %."""
    p, q = (ngrams(seed).table[END].detach().double().softmax(0) for seed in (1, 5))
    written = torch.minimum(p, q) + total_variation(p, q) * wrong(p, q)
    noncentrality = COUNT * ((written - p) ** 2 / p).sum().item()
    power = ncx2.sf(chi2.isf(LEVEL, SMALL - 1), SMALL - 1, noncentrality)
    assert power > 0.999


def test_a_draft_that_is_not_drawn_from_is_found(monkeypatch):
    """The textbook also drafts the most probable token, and compares p with q all the same."""

    def most_probable(probs, generator):
        return int(probs.argmax())

    honest = speculative.propose

    def greedy(*arguments):
        with monkeypatch.context() as patched:
            patched.setattr(speculative, "draw", most_probable)
            return honest(*arguments)

    monkeypatch.setattr(speculative, "propose", greedy)
    assert p_value(ngrams(1), ngrams(5)) < LEVEL


# --- acceptance and bookkeeping


def shifted(model, mass):
    """A draft whose total variation from a 2-gram model is the same after every token."""
    p = model.table.detach().softmax(-1)
    moved = torch.zeros_like(p).scatter_(-1, p.argmax(-1, keepdim=True), mass)
    other = NgramModel(2, tokens=len(p))
    other.table.data = (p - moved + moved.roll(1, dims=-1)).log()
    return other


@pytest.mark.parametrize("mass", [0.05, 0.2])
@pytest.mark.parametrize("draft_length", [1, 4])
def test_measured_acceptance_is_1_minus_total_variation(mass, draft_length):
    target = ngrams(1, tokens=6)
    found = speculative_decode(
        target, shifted(target, mass), 700, draft_length=draft_length, generator=generator()
    )
    standard_error = (mass * (1 - mass) / found.tested) ** 0.5
    assert abs(found.accepted / found.tested - (1 - mass)) < 3 * standard_error
    assert found.acceptance.estimate == found.accepted / found.tested


def test_tokens_per_call_are_those_expected():
    """In a line without an end; a name that is cut loses a few of its last proposals."""
    target = ngrams(1, tokens=6)
    target.table.data[:, END] = -30.0
    found = speculative_decode(
        target, shifted(target, 0.2), 20, draft_length=3, generator=generator(), length=300
    )
    assert found.tokens == 20 * 300
    assert found.tokens_per_call == pytest.approx(expected_tokens(0.8, 3), rel=0.03)


class Counting(NgramModel):
    """Counts what it reads."""

    def __init__(self, like):
        super().__init__(like.order, tokens=like.tokens)
        self.load_state_dict(like.state_dict())
        self.reads = []

    def read(self, tokens, memory=None):
        self.reads.append(tokens.shape[1])
        return super().read(tokens, memory)


def test_nothing_is_read_twice_but_what_was_refused():
    target, draft = Counting(ngrams(1)), Counting(ngrams(5))
    found = speculative_decode(target, draft, 50, draft_length=3, generator=generator(), length=12)
    assert len(target.reads) == found.calls
    refused_or_behind = sum(target.reads) - found.calls - found.accepted
    assert 0 <= refused_or_behind <= 3 * (found.tested - found.accepted)
    assert max(draft.reads) == 2, "after a fully accepted proposal the last token is read later"
    assert found.tokens <= found.calls + found.accepted


def test_with_itself_as_draft_everything_is_accepted():
    model = ngrams(1)
    found = speculative_decode(model, model, 100, draft_length=4, generator=generator(), length=20)
    assert found.accepted == found.tested > 0
    assert "acceptance 1.000" in str(found)


def test_without_a_draft_the_target_writes_alone():
    model = ngrams(1)
    found = speculative_decode(model, ngrams(5), 50, draft_length=0, generator=generator())
    assert found.tokens == found.calls and found.tested == 0
    assert str(found) == "1.00 tokens per call of the target · no draft"
    lengths = [int((name > 0).sum()) for name in found.names]
    assert found.tokens == sum(min(n + 1, 24) for n in lengths)


def test_decoding_depends_on_the_generator_alone_and_restores_the_mode():
    target, draft = CharGRU(dropout=0.9).train(), CharGRU(seed=1)
    first, again, other = (
        speculative_decode(target, draft, 5, draft_length=2, generator=generator(seed)).names
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert target.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draft": CharGRU(tokens=9)}, "target has 30 tokens but draft has 9"),
        ({"draft_length": -1}, "draft_length is -1, expected 0 or more"),
        ({"count": 0}, "count is 0, expected at least 1"),
        ({"length": 0}, "length is 0, expected at least 1"),
    ],
)
def test_impossible_decodings_are_refused(change, message):
    arguments = {"target": CharGRU(), "draft": CharGRU(), "count": 1, "draft_length": 2}
    with pytest.raises(ValueError, match=message):
        speculative_decode(**arguments | {"generator": generator()} | change)


# --- the benchmark


def test_the_report_has_a_line_for_each_draft(monkeypatch):
    text = bench.report(names=3, rounds=2, orders=(2, 3))
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["2-gram", "3-gram"]
    assert all(float(line.split("|")[8]) > 0 for line in lines[2:])


def test_a_better_draft_is_accepted_more_often():
    target, near, far = ngrams(1), ngrams(1), ngrams(5)
    near.table.data += 0.1 * torch.randn(near.table.shape, generator=generator())
    rates = [bench.mean_acceptance(target, draft, count=50) for draft in (near, far)]
    assert rates[0] > rates[1]
    assert sample(target, 1, generator=generator()).shape == (1, 24)
