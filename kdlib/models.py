"""The models of the course: a large character CNN that teaches, and two small ones that learn.

Every model maps encoded names (N, L) int64 to logits (N, K). Padding (0) contributes nothing: a
name has the same logits however much padding follows it. The first weights depend on `seed` alone
and are drawn in float64, then rounded: processors differ in the last digits of random numbers.
Zhang, Zhao, LeCun (2015), Character-level Convolutional Networks for Text Classification,
arXiv:1509.01626; Joulin et al. (2016), Bag of Tricks for Efficient Text Classification,
arXiv:1607.01759 (hashed n-grams).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdlib import checks
from kdlib.data import ALPHABET, COUNTRIES
from kdlib.weights import load_weights

CHARACTERS = len(ALPHABET) + 1  # and padding, 0
EDGE = CHARACTERS  # stands before and after a name, so that n-grams know its beginning and end
LONGEST = 3  # characters of an n-gram
TEACHER_FILE = "models/place_names_teacher.safetensors"


class CharCNN(nn.Module):
    """Letters in their neighbourhood: embedding, convolutions over three letters, maximum, linear.

    As a student it has one layer of 36 responses; the teacher has two layers of 128.

    >>> parameter_count(CharCNN())
    1510
    """

    def __init__(
        self,
        widths: Sequence[int] = (36,),
        embedding: int = 8,
        *,
        dropout: float = 0.0,
        classes: int = len(COUNTRIES),
        seed: int = 0,
    ) -> None:
        super().__init__()
        sizes = (embedding, *widths)
        with seeded_in_float64(seed):
            self.embed = nn.Embedding(CHARACTERS, embedding, padding_idx=0)
            self.convolutions = nn.ModuleList(
                nn.Conv1d(sizes[i], width, kernel_size=3, padding=1)
                for i, width in enumerate(widths)
            )
            self.dropout = nn.Dropout(dropout)
            self.classify = nn.Linear(sizes[-1], classes)
        self.float()

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K) of encoded names (N, L)."""
        checks.encoded(inputs, CHARACTERS)
        is_letter = (inputs > 0)[:, None, :]  # (N, 1, L)
        hidden = self.embed(inputs).transpose(1, 2)  # (N, embedding, L)
        for convolution in self.convolutions:
            hidden = functional.relu(convolution(hidden)) * is_letter  # (N, width, L)
        strongest = hidden.max(dim=2).values  # (N, width)
        logits: Tensor = self.classify(self.dropout(strongest))
        return logits


class HashedNgrams(nn.Module):
    """A linear model of the runs of one to three characters, each hashed into one of the buckets.

    The logits are the summed weights of a name's n-grams, divided by the root of their number.

    >>> parameter_count(HashedNgrams())
    2570
    """

    def __init__(self, buckets: int = 256, *, classes: int = len(COUNTRIES), seed: int = 0) -> None:
        super().__init__()
        with seeded_in_float64(seed):
            self.weight = nn.Parameter(0.01 * torch.randn(buckets, classes))
            self.bias = nn.Parameter(torch.zeros(classes))
        self.float()

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K) of encoded names (N, L)."""
        checks.encoded(inputs, CHARACTERS)
        buckets, in_name = hashed_ngrams(inputs, len(self.weight))
        seen = in_name.to(self.weight.dtype)
        counts = seen.new_zeros(len(inputs), len(self.weight)).scatter_add_(1, buckets, seen)
        return self.bias + counts / seen.sum(dim=1, keepdim=True).sqrt() @ self.weight


def hashed_ngrams(inputs: Tensor, buckets: int) -> tuple[Tensor, Tensor]:
    """The bucket of every n-gram of encoded names (N, L), edges included, shortest first.

    Returns:
        Two tensors (N, M): bucket numbers in 0 ... buckets-1, and whether the n-gram lies in the
        name (the others end in padding and must not count).
    """
    framed = functional.pad(inputs, (1, 1))
    framed[:, 0] = EDGE
    framed.scatter_(1, (inputs > 0).sum(dim=1, keepdim=True) + 1, EDGE)  # after the last letter
    codes, in_name = torch.zeros_like(framed), []
    hashes = []
    for first in range(LONGEST):
        last_character = framed[:, first:]
        codes = 131 * codes[:, : last_character.shape[1]] + last_character
        hashes.append((codes * 2654435761 >> 7) % buckets)  # Knuth's multiplicative hash
        in_name.append(last_character > 0)
    return torch.cat(hashes, dim=1), torch.cat(in_name, dim=1)


def untrained_teacher(seed: int = 0) -> CharCNN:
    """The large model before training.

    >>> parameter_count(untrained_teacher())
    57322
    """
    return CharCNN(widths=(128, 128), embedding=16, dropout=0.4, seed=seed)


def load_teacher() -> CharCNN:
    """The trained large model, frozen and in evaluation mode.

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, and how to restore it.
    """
    teacher = untrained_teacher()
    load_weights(teacher, TEACHER_FILE)
    return teacher


def parameter_count(model: nn.Module) -> int:
    """How many numbers make up the model, frozen ones included."""
    return sum(p.numel() for p in model.parameters())


@contextmanager
def seeded_in_float64(seed: int) -> Iterator[None]:
    """Random numbers inside come from the seed, in float64; nothing is changed outside."""
    before = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)
