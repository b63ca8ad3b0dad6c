"""What does a language model of names read and write?

A name is a row of `kdlib.data.encode`: the numbers of its characters, then zeros. The first zero
is the end of the name, which a model has to predict; what follows is padding and never counts. A
model reads a zero before the first character, as the beginning. So one number has three meanings,
told apart by where it stands. A name of more than LENGTH characters is cut and has no end in its
row: what a model is asked for are the first LENGTH characters, and their probabilities sum to 1.
"""

import torch
from torch import Tensor
from torch.nn import functional

from kdlib.checks import language as checks
from kdlib.data import ALPHABET
from kdlib.models import CHARACTERS

END = 0  # begins, ends and fills up
TOKENS = CHARACTERS  # 30: the end, and the characters of ALPHABET


def decode(names: Tensor) -> list[str]:
    """The names (N, L) as text.

    >>> from kdlib.data import encode
    >>> decode(encode(["Saint-Malo", "Łódź"]))
    ['saint-malo', 'lodz']
    """
    rows = checks.token_rows(names, TOKENS).tolist()
    return ["".join(ALPHABET[number - 1] for number in row if number != END) for row in rows]


def counted(names: Tensor) -> Tensor:
    """Where a model of names (N, L) has something to predict: (N, L), False for padding.

    >>> counted(torch.tensor([[5, 3, 0, 0, 0]])).tolist()
    [[True, True, True, False, False]]
    """
    return functional.pad(names[:, :-1] != END, (1, 0), value=True)


def read_before(names: Tensor) -> Tensor:
    """The token (N, L) that has just been read where each token of the names is predicted.

    >>> read_before(torch.tensor([[5, 3, 0, 0]])).tolist()
    [[0, 5, 3, 0]]
    """
    return functional.pad(names[:, :-1], (1, 0), value=END)


def every_name(tokens: int, length: int) -> Tensor:
    """All names (M, length) of at most `length` characters, the empty one included.

    With k = tokens - 1 characters there are 1 + k + ... + k^length of them: for small vocabularies,
    on which what is claimed of samples can be counted out.

    >>> every_name(tokens=2, length=2).tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    checks.small_enough(tokens, length)
    rows = torch.cartesian_prod(*[torch.arange(tokens)] * length).reshape(-1, length)
    return rows[~((rows[:, :-1] == END) & (rows[:, 1:] != END)).any(dim=1)]
