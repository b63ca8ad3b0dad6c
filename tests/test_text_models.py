import zlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from kdlib.data import Examples
from kdlib.losses import kd_loss
from kdlib.text_models import BUCKETS, TextNgrams, encode_texts, tfidf_logits, words_in
from kdlib.texts import TextData, load_glosses
from kdlib.training import fit, predict

TEXTS = st.lists(st.text(max_size=40), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def glosses() -> TextData:
    return load_glosses()


def hard(logits, batch):
    return functional.cross_entropy(logits, batch.labels)


def soft(logits, batch):
    return kd_loss(student_logits=logits, teacher_logits=batch.teacher_logits)


def accuracy(logits, examples) -> float:
    return (logits.argmax(dim=1) == examples.labels).double().mean().item()


# --- hashed n-grams


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where's my order?", ["where's", "my", "order"]),
        ("e-mail me: a_b 24x7!", ["e", "mail", "me", "a", "b", "24x7"]),
        ("'Größe' ÉTÉ", ["größe", "été"]),
        ("?! ...", []),
        ("", []),
    ],
)
def test_words_are_letters_and_digits_in_lower_case(text, words):
    assert words_in(text) == words


def test_the_ngrams_are_words_pairs_of_words_and_parts_of_words():
    by_hand = "in ulm <in in> <in> <ul lm> <ulm ulm>".split() + ["in ulm"]
    hashed = sorted({1 + zlib.crc32(ngram.encode()) % 500 for ngram in by_hand})
    assert encode_texts(["In Ulm"], 500)[0].tolist() == hashed


@settings(deadline=None)
@given(TEXTS)
def test_any_text_becomes_its_different_bucket_numbers_in_rising_order(texts):
    for row, text in zip(encode_texts(texts).tolist(), texts, strict=True):
        numbers = [n for n in row if n]
        assert numbers == sorted(set(numbers)) and row == numbers + [0] * row.count(0)
        assert bool(numbers) == bool(words_in(text))
        assert all(n <= BUCKETS for n in numbers)


def test_case_and_punctuation_do_not_matter_but_order_does():
    same, shouted, turned = encode_texts(
        ["cancel my order", "CANCEL my order!!", "order my cancel"]
    )
    assert torch.equal(same, shouted)
    assert not torch.equal(same, turned)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("refund", TypeError, "one string"),
        ([], ValueError, "texts is empty"),
        (["refund", None], TypeError, r"texts\[1\]"),
    ],
)
def test_encode_texts_wants_a_list_of_texts(texts, error, message):
    with pytest.raises(error, match=message):
        encode_texts(texts)


# --- the small model


def test_logits_are_the_summed_weights_over_the_root_of_their_number():
    model = TextNgrams(3, buckets=50).double()
    torch.nn.init.normal_(model.weight)
    (row,) = encode_texts(["a sweet fruit"], 50)
    by_hand = model.weight[row].sum(dim=0) / len(row) ** 0.5 + model.bias
    assert torch.allclose(model(row[None])[0], by_hand)


@settings(deadline=None)
@given(TEXTS, st.integers(0, 3))
def test_padding_contributes_nothing_and_a_text_without_words_gets_the_bias(texts, more):
    model = TextNgrams(3).double()
    torch.nn.init.normal_(model.weight)
    torch.nn.init.normal_(model.bias)
    inputs = encode_texts([*texts, "?!"])
    logits = model(inputs)
    assert torch.allclose(model(functional.pad(inputs, (0, more))), logits)
    assert torch.equal(logits[-1], model.bias)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (torch.zeros(2, 4), TypeError, "int64"),
        (torch.zeros(4, dtype=torch.int64), TypeError, "shape"),
        (torch.full((1, 4), BUCKETS + 1), ValueError, rf"inputs\[0, 0\] is {BUCKETS + 1}"),
        (torch.full((1, 4), -1), ValueError, r"inputs\[0, 0\] is -1"),
        (["refund"], TypeError, "encode_texts"),
    ],
)
def test_inputs_that_are_no_hashed_texts_are_refused(inputs, error, message):
    with pytest.raises(error, match=message):
        TextNgrams(3)(inputs)


def test_padding_is_never_learned():
    model = TextNgrams(2)
    texts = Examples(encode_texts(["good good film", "bad"]), labels=torch.tensor([0, 1]))
    fit(model, texts, hard, steps=20)
    assert model(texts.inputs).argmax(dim=1).tolist() == [0, 1]
    assert not model.weight[0].any()


def test_the_small_model_learns_and_learns_more_from_the_large_ones_answers(glosses):
    """A second of training; the lessons' numbers, with intervals, come from more."""
    scratch, distilled = TextNgrams(16), TextNgrams(16)
    fit(scratch, glosses.train, hard, steps=100)
    fit(distilled, glosses.pool.without_labels(), soft, steps=100)
    test = glosses.test[::4]
    majority, alone, taught = (
        1 / 16,
        *(accuracy(predict(model, test.inputs), test) for model in (scratch, distilled)),
    )
    assert majority + 0.25 < alone < taught - 0.08
    assert taught < accuracy(test.teacher_logits, test)


def test_the_baseline_is_a_fair_one(glosses):
    pytest.importorskip("sklearn")
    test = glosses.test[::8]
    logits = tfidf_logits(glosses.train, test.names)
    assert logits.shape == (500, 16) and logits.dtype == torch.float32
    assert accuracy(logits, test) > 0.4


@pytest.mark.parametrize(
    ("names", "labels", "texts", "error", "message"),
    [
        (("a b", "c d"), None, ["x"], ValueError, "train has no labels"),
        ((), [0, 1], ["x"], ValueError, "train has no names"),
        (("a b", "c d"), [0, 2], ["x"], ValueError, "no text of class 1.*0 to 2"),
        (("a b", "c d"), [0, 0], ["x"], ValueError, "no text of class 1"),
        (("a b", "c d"), [0, 1], "x", TypeError, "one string"),
        (("a b", "c d"), [0, 1], [], ValueError, "texts is empty"),
    ],
)
def test_the_baseline_needs_a_text_of_every_class(names, labels, texts, error, message):
    train = Examples(
        torch.zeros(2, 1, dtype=torch.int64),
        labels=None if labels is None else torch.tensor(labels),
        names=names,
    )
    with pytest.raises(error, match=message):
        tfidf_logits(train, texts)


def test_the_baseline_gives_both_columns_for_two_classes():
    train = Examples(
        encode_texts(["good film", "bad"]), torch.tensor([0, 1]), names=("good film", "bad")
    )
    logits = tfidf_logits(train, ["a good one", "so bad"])
    assert logits.argmax(dim=1).tolist() == [0, 1]
    assert torch.allclose(logits.exp().sum(dim=1), torch.ones(2))
