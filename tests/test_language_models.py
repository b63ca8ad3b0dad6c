"""Language models read in pieces what they read at once; names are as frequent as they are probable."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from kdlib import data
from kdlib.data import ALPHABET, encode, load_place_names, normalise
from kdlib.divergences import kl
from kdlib.language import (
    CharGRU,
    CharTransformer,
    NgramModel,
    beam_search,
    count_ngrams,
    counted,
    decode,
    every_name,
    kl_along,
    load_teacher,
    log_prob,
    nats_per_character,
    sample,
    sequence_kl,
    untrained_teacher,
)
from kdlib.language.models import forget
from kdlib.language.sampling import next_probabilities
from kdlib.language.transformer import TEACHER_FILE
from kdlib.training import predict
from kdlib.weights import load_weights

SMALL, SHORT = 4, 3  # tokens and length of models whose names can be counted out
NAMES = st.lists(
    st.text(ALPHABET, min_size=1, max_size=24).filter(lambda t: t.strip(" -'")), min_size=1
)


def ngrams(tokens, seed=0, order=3):
    model = NgramModel(order, tokens=tokens)
    torch.nn.init.normal_(model.table, generator=generator(seed))
    return model


MODELS = {
    "1-gram": lambda tokens, seed=0: ngrams(tokens, seed, order=1),
    "3-gram": ngrams,
    "GRU": lambda tokens, seed=0: CharGRU(12, 6, tokens=tokens, seed=seed),
    "Transformer": lambda tokens, seed=0: CharTransformer(16, 2, tokens=tokens, seed=seed),
}
every_model = pytest.mark.parametrize("kind", MODELS)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small(kind, seed=0):
    """A model that is far from uniform, in float64."""
    model = MODELS[kind](SMALL, seed).double()
    with torch.no_grad():
        list(model.parameters())[-1].copy_(torch.randn(model.tokens, generator=generator(seed)))
    return model


# --- names as rows of tokens


@given(NAMES)
def test_names_come_back_as_text(names):
    assert decode(encode(names)) == [normalise(name) for name in names]


@given(NAMES)
def test_the_characters_and_the_end_count_and_padding_does_not(names):
    rows = encode(names)
    lengths = [min(len(normalise(name)) + 1, rows.shape[1]) for name in names]
    assert counted(rows).sum(dim=1).tolist() == lengths
    assert (rows * ~counted(rows) == 0).all()


@pytest.mark.parametrize(("tokens", "length"), [(2, 1), (2, 5), (4, 3), (5, 2)])
def test_every_name_is_every_name_once(tokens, length):
    names = every_name(tokens, length)
    assert len(names) == sum((tokens - 1) ** n for n in range(length + 1))
    assert len(names.unique(dim=0)) == len(names)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["Lyon"], TypeError, "names is list, expected rows of tokens"),
        (torch.tensor([1, 2]), TypeError, r"int64 and shape \(2,\), expected rows of tokens"),
        (torch.ones(1, 3), TypeError, r"torch.float32 and shape \(1, 3\)"),
        (torch.zeros(0, 3, dtype=torch.long), ValueError, r"shape \(0, 3\), expected at least one"),
        (torch.tensor([[1, 30]]), ValueError, r"names\[0, 1\] is 30, expected 0 to 29"),
        (torch.tensor([[1, 0], [0, 7]]), ValueError, r"names\[1, 1\] is 7 but stands after an end"),
    ],
)
def test_what_are_no_names_is_refused(names, error, message):
    for use in (decode, CharGRU(), lambda rows: log_prob(CharGRU(), rows), count_ngrams):
        with pytest.raises(error, match=message):
            use(names)


def test_too_many_names_to_count_out_are_refused():
    with pytest.raises(ValueError, match=r"30 tokens make 30\^5 rows.*draw a sample"):
        every_name(30, 5)
    with pytest.raises(ValueError, match="tokens is 1 and length is 3, expected at least 2 tokens"):
        every_name(1, 3)


# --- models


@every_model
@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 5), min_size=3, max_size=9), st.data())
def test_reading_in_pieces_is_reading_at_once(kind, tokens, data):
    model, row = MODELS[kind](6).double(), torch.tensor([tokens, tokens[::-1]])
    cut = data.draw(st.integers(1, len(tokens) - 1))
    whole, _ = model.read(row)
    first, memory = model.read(row[:, :cut])
    second, _ = model.read(row[:, cut:], memory)
    assert torch.allclose(torch.cat([first, second], dim=1), whole, atol=1e-12)


@every_model
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_forgotten_token_was_never_read(kind, count):
    model = MODELS[kind](6).double()
    start, right, wrong, rest = (torch.tensor([t]) for t in ([0, 4], [5], [1, 2, 3], [2, 4]))
    _, memory = model.read(start)
    read = torch.cat([right, wrong[:, :count]], dim=1)
    _, memory = model.read(read, memory)
    after, _ = model.read(rest, forget(memory, count))
    plain, _ = model.read(torch.cat([start, right, rest], dim=1))
    assert torch.allclose(after, plain[:, -2:], atol=1e-12)


@every_model
def test_no_token_is_predicted_from_later_ones(kind):
    model = MODELS[kind](6).double()
    one, other = model(torch.tensor([[1, 2, 3, 4]])), model(torch.tensor([[1, 2, 5, 0]]))
    assert torch.equal(one[:, :3], other[:, :3])
    assert torch.equal(one[:, 3], other[:, 3]) == (kind == "1-gram"), "it has read another token"


@every_model
@settings(deadline=None, max_examples=15)
@given(names=NAMES, fewer=st.integers(0, 8))
def test_padding_changes_no_probability(kind, names, fewer):
    model, rows = MODELS[kind](30).double(), encode(names)
    cut = rows[:, : max(int((rows > 0).sum(dim=1).max()) + 1, rows.shape[1] - fewer)]
    assert torch.allclose(log_prob(model, cut), log_prob(model, rows), atol=1e-10)


@pytest.mark.parametrize("make", [CharGRU, CharTransformer, untrained_teacher])
def test_the_first_weights_depend_on_the_seed_alone(make):
    torch.manual_seed(1)
    first, outside = make(seed=3).state_dict(), torch.rand(1)
    again, other = make(seed=3).state_dict(), make(seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    torch.manual_seed(1)
    assert torch.equal(outside, torch.rand(1)), "making a model must not use up random numbers"


def test_a_transformer_says_when_its_positions_run_out():
    with pytest.raises(ValueError, match="has 3 positions but was to read 4 tokens.*length=4"):
        sample(CharTransformer(8, 1, length=3, seed=1), 50, generator=generator(), length=5)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_n_grams_are_counted(order):
    texts = ["abba", "ab", "b"]
    model, counts = count_ngrams(encode(texts), order), Counter()
    for text in texts:
        line = " " * (order - 1) + text + " "  # a blank for the edges
        counts.update(line[i : i + order] for i in range(len(line) - order + 1))
    row = model(encode(["aba"]))[0].softmax(dim=-1)
    begun = (" " * (order - 1) + "aba ")[: order + 3]
    for place in range(4):
        known = begun[place : place + order - 1]
        seen = sum(n for run, n in counts.items() if run[: order - 1] == known)
        for token, letter in ((0, " "), (1, "a"), (2, "b")):
            expected = (counts[known + letter] + 0.1) / (seen + 3.0)
            assert row[place, token].item() == pytest.approx(expected, rel=1e-4)


# --- how probable a name is, and how often it is drawn


@every_model
def test_the_probabilities_of_all_names_sum_to_1(kind):
    assert log_prob(small(kind), every_name(SMALL, SHORT)).exp().sum().item() == pytest.approx(1)


@every_model
def test_names_are_drawn_as_often_as_they_are_probable(kind):
    model, names, count = small(kind), every_name(SMALL, SHORT), 20_000
    drawn = Counter(map(tuple, sample(model, count, generator=generator(), length=SHORT).tolist()))
    expected = count * log_prob(model, names).exp()
    observed = [drawn[tuple(name)] for name in names.tolist()]
    assert chisquare(observed, expected.tolist(), sum_check=False).pvalue > 1e-3
    assert sum(observed) == count


def test_a_character_costs_what_the_names_cost_by_their_characters_and_ends():
    model, rows = CharGRU(seed=1), encode(["Ulm", "Lyon"])
    assert nats_per_character(model, rows) == pytest.approx(-log_prob(model, rows).sum().item() / 9)
    assert nats_per_character(NgramModel(), rows) == pytest.approx(math.log(30))


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=5, max_size=5), st.integers(1, 6), st.floats(0.01, 1))
def test_truncation_keeps_the_fewest_most_probable_tokens(logits, top_k, top_p):
    row = torch.tensor([logits], dtype=torch.float64)
    kept = next_probabilities(row, 1.5, top_k, top_p)[0]
    probs = (row[0] / 1.5).softmax(0).tolist()
    order = sorted(range(5), key=lambda i: -probs[i])[:top_k]
    within, reached = sum(probs[i] for i in order), 0.0
    for i in order:
        assert (kept[i] > 0).item() == (reached < top_p * within * (1 - 1e-12))
        reached += probs[i]
    inside = [i for i in order if kept[i] > 0]
    expected = torch.tensor([probs[i] for i in inside], dtype=torch.float64)
    assert torch.allclose(kept[inside], expected / expected.sum(), atol=1e-12)
    assert kept.sum().item() == pytest.approx(1)


def test_a_low_temperature_and_top_1_write_the_same_name():
    model = small("GRU")
    cold = sample(model, 5, generator=generator(), temperature=1e-4, length=SHORT)
    assert torch.equal(cold, sample(model, 5, generator=generator(), top_k=1, length=SHORT))
    assert torch.equal(cold[:1], beam_search(model, 1, length=SHORT)[0])


def test_samples_depend_on_the_generator_alone_and_the_mode_is_restored():
    model = CharGRU(dropout=0.9).train()
    torch.manual_seed(1)
    first, outside = sample(model, 20, generator=generator(3)), torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(outside, torch.rand(1))
    assert torch.equal(first, sample(model, 20, generator=generator(3)))
    assert not torch.equal(first, sample(model, 20, generator=generator(4)))
    assert model.training and model.dropout.training


@every_model
@pytest.mark.parametrize("width", [5, 40, 100])
def test_a_wide_beam_finds_the_most_probable_names_in_order(kind, width):
    model, names = small(kind), every_name(SMALL, SHORT)
    found, scores = beam_search(model, width, length=SHORT)
    assert torch.allclose(scores, log_prob(model, found), atol=1e-10)
    assert len(found.unique(dim=0)) == len(found) == min(width, len(names))
    if width >= len(names):
        best = log_prob(model, names).sort(descending=True).values
        assert torch.allclose(scores, best, atol=1e-10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0}, "temperature is 0, expected a finite number above 0"),
        ({"top_k": 0}, "top_k is 0, expected at least 1"),
        ({"top_p": 0}, "top_p is 0, which keeps nothing: expected a number above 0"),
        ({"top_p": 1.2}, "top_p is 1.2, expected a number from 0 to 1"),
        ({"length": 0}, "length is 0, expected at least 1"),
        ({"count": 0}, "count is 0, expected at least 1"),
    ],
)
def test_impossible_settings_of_sampling_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        sample(CharGRU(), **{"count": 2, "generator": generator()} | settings)
    with pytest.raises(TypeError, match="top_p is 'x' of type str, expected a number"):
        sample(CharGRU(), 2, generator=generator(), top_p="x")


# --- KL of sequences


@every_model
def test_summed_along_names_the_kl_is_that_of_whole_names(kind):
    p, q, names = small(kind, 1), small("3-gram", 2), every_name(SMALL, SHORT)
    log_p, log_q = log_prob(p, names), log_prob(q, names)
    along = (log_p.exp() * kl_along(p, q, names)).sum().item()
    assert along == pytest.approx(kl(log_p, log_q, log=True).item(), rel=1e-9)


def test_the_sampled_kl_is_near_the_exact_one_and_closer_than_log_ratios():
    p, q, names = small("GRU", 1), small("3-gram", 2), every_name(SMALL, SHORT)
    exact = kl(log_prob(p, names), log_prob(q, names), log=True).item()
    held = 0
    for seed in range(20):
        interval = sequence_kl(p, q, count=300, generator=generator(seed), length=SHORT)
        held += interval.low <= exact <= interval.high
    assert held >= 17
    drawn = sample(p, 300, generator=generator(), length=SHORT)
    ratios = log_prob(p, drawn) - log_prob(q, drawn)
    assert ratios.std() > 2 * kl_along(p, q, drawn).std() and ratios.min() < 0
    assert kl_along(p, q, drawn).min() >= 0


def test_a_model_is_no_nats_from_itself():
    interval = sequence_kl(CharGRU(), CharGRU(), count=50, generator=generator())
    assert (interval.estimate, interval.low, interval.high) == (0, 0, 0)


def test_models_of_different_vocabularies_are_not_compared():
    with pytest.raises(
        ValueError, match="p has 30 tokens but q has 4: both must speak of the same"
    ):
        sequence_kl(CharGRU(), CharGRU(tokens=4), generator=generator())


# --- the shipped teacher


@pytest.fixture(scope="module")
def teacher():
    return load_teacher()


def test_the_teacher_knows_names_that_it_has_not_seen(teacher):
    unseen = load_place_names().test.inputs[::20]
    assert nats_per_character(teacher, unseen) == pytest.approx(1.93, abs=0.05)
    assert nats_per_character(count_ngrams(load_place_names().train.inputs, 4), unseen) > 2.0


def test_the_teacher_is_frozen_and_small(teacher):
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert (data.data_folder() / TEACHER_FILE).stat().st_size < 1e6


def test_the_teacher_sees_nothing_of_the_padding(teacher):
    logits = predict(teacher, encode(["Ulm"]))
    assert logits.shape == (1, 24, 30)
    assert torch.allclose(predict(teacher, encode(["Ulm"])[:, :6]), logits[:, :6], atol=1e-5)


@pytest.mark.parametrize("harm", ["cut", "another model", "one weight"])
def test_a_damaged_teacher_says_how_to_restore_it(harm, tmp_path, monkeypatch):
    file = tmp_path / TEACHER_FILE
    file.parent.mkdir()
    stored = (data.data_folder() / TEACHER_FILE).read_bytes()
    if harm == "another model":
        stored = (data.data_folder() / "models/place_names_teacher.safetensors").read_bytes()
    file.write_bytes({"cut": stored[:5000], "one weight": stored[:-1] + b"\0"}.get(harm, stored))
    monkeypatch.setattr("kdlib.weights.data_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match="is damaged.*git checkout -- data/models"):
        load_teacher()
    file.unlink()
    with pytest.raises(FileNotFoundError, match="is missing: restore it by"):
        load_weights(untrained_teacher(), TEACHER_FILE)


def test_an_order_below_1_is_refused():
    with pytest.raises(ValueError, match="order is 0, expected at least 1"):
        NgramModel(0)
