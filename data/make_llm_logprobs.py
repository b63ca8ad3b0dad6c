"""Write data/llm_logprobs.safetensors: what a real language model says of the next token.

SmolLM2-135M-Instruct reads the passages of llm_passages.txt, whole and in damaged forms: with
coarser arithmetic, coarser weights, or only its first layers. Of each of the 49,152 probabilities
at a position those of the whole model's 128 favourites are kept, and the rest as one more class;
beside them stand the divergences of the whole distributions, computed before anything was cut.
Needs the packages named in llm.py, two minutes of one thread, and 3 GB.
"""

from collections.abc import Callable

import torch
from llm import as_text, encode, next_token_logits, read, weights_file
from torch import Tensor

from kdlib import divergences
from kdlib.data import data_folder
from kdlib.weights import write_tensors

TOP = 128  # of 49,152 tokens
FIRST = 5  # tokens of a passage that are read before the first position is kept
FILE = "llm_logprobs.safetensors"
EXACT = ("kl", "reverse_kl", "total_variation", "js")
# name -> (how many layers, None for all 30; what is done to the weights)
VARIANTS: dict[str, tuple[int | None, Callable[[Tensor], Tensor]]] = {
    "bfloat16": (None, lambda weight: weight.bfloat16()),
    "8-bit weights": (None, lambda weight: rounded(weight, bits=8)),
    "4-bit weights": (None, lambda weight: rounded(weight, bits=4)),
    "3-bit weights": (None, lambda weight: rounded(weight, bits=3)),
    "29 of 30 layers": (29, lambda weight: weight),
    "27 of 30 layers": (27, lambda weight: weight),
    "20 of 30 layers": (20, lambda weight: weight),
}


def main() -> None:
    """Read the passages with every variant, measure, cut, write."""
    torch.set_num_threads(1)
    weights, settings = read(weights_file())
    passages = (
        (data_folder() / "llm_passages.txt").read_text(encoding="ascii").strip().split("\n\n")
    )
    texts = [torch.tensor(encode(passage, settings)) for passage in passages]
    whole = log_probabilities(texts, weights, settings)
    top = whole.topk(TOP).indices
    tensors = {"top": top.int(), "next": torch.cat([text[FIRST + 1 :] for text in texts]).int()}
    tensors["whole"] = cut(whole, top).half()
    for name, (layers, damage) in VARIANTS.items():
        damaged = {key: damage(w) if w.ndim == 2 else w for key, w in weights.items()}
        if name == "bfloat16":
            damaged = {key: weight.bfloat16() for key, weight in weights.items()}
        found = log_probabilities(texts, damaged, settings, layers)
        tensors[name] = cut(found, top).half()
        tensors[f"{name}: exact"] = exact(whole, found)
        print(f"{name:16s}", *(f"{x:.4f}" for x in tensors[f"{name}: exact"].mean(0).tolist()))
    write(tensors, texts, settings["tokenizer.ggml.tokens"])


def rounded(weight: Tensor, bits: int, group: int = 32) -> Tensor:
    """Round each run of 32 weights to the nearest of 2^bits - 1 levels, symmetric around 0."""
    levels = 2 ** (bits - 1) - 1
    runs = weight.reshape(-1, group)
    step = (runs.abs().amax(dim=1, keepdim=True) / levels).clamp(min=1e-12)
    return ((runs / step).round() * step).reshape(weight.shape)


def log_probabilities(texts: list[Tensor], weights, settings, layers=None) -> Tensor:
    """Return ln p of the next token, (positions, V): from the first kept position of each passage."""
    with torch.inference_mode():
        parts = [next_token_logits(weights, settings, text, layers)[FIRST:-1] for text in texts]
    return torch.cat(parts).double().log_softmax(-1)


def cut(log_p: Tensor, top: Tensor) -> Tensor:
    """Return ln p of the chosen tokens and of all others together: (positions, TOP + 1)."""
    kept = log_p.gather(1, top)
    others = log_p.scatter(1, top, float("-inf")).logsumexp(dim=1, keepdim=True)
    return torch.cat([kept, others], dim=1)


def exact(p: Tensor, q: Tensor) -> Tensor:
    """Return the divergences over the whole vocabulary in the order of EXACT, (positions, 4)."""
    pairs = zip(p.split(64), q.split(64), strict=True)
    rows = [_divergences(a, b) for a, b in pairs]
    return torch.cat(rows).float()


def _divergences(p: Tensor, q: Tensor) -> Tensor:
    columns = [divergences.kl(p, q, log=True), divergences.kl(q, p, log=True)]
    columns += [divergences.total_variation(p, q, log=True), divergences.js(p, q, log=True)]
    return torch.stack(columns, dim=1)


def write(tensors: dict[str, Tensor], texts: list[Tensor], vocabulary: list[str]) -> None:
    """Save the tensors, with the words before each position and the favourites in print."""
    tensors["passage"] = torch.cat(
        [torch.full((len(text) - FIRST - 1,), i) for i, text in enumerate(texts)]
    ).int()
    used = sorted(set(torch.cat([tensors["top"].flatten(), *texts]).tolist()))
    print_of = "\x00".join(as_text(vocabulary[token]) for token in used)
    tensors["tokens"] = torch.tensor(used).int()
    path = data_folder() / FILE
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_tensors(tensors, path, prints=print_of, vocabulary=str(len(vocabulary)))
    print(f"wrote {FILE}: {len(tensors['next'])} positions, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
