"""Place names: real towns and villages of ten countries, and the question of where each one lies.

A name is folded to lower-case ASCII (`normalise`: "Kraków" becomes "krakow") and encoded as a row
of character numbers (`encode`). `Examples` keeps everything known about an example in one row, so
that no shuffling can pair a name with another name's label or teacher. A name that lies in several
countries occurs once for each of them, always in one split: that ambiguity is real.

Source: GeoNames (https://www.geonames.org), CC BY 4.0; data/README.md tells what was changed.
"""

import gzip
import hashlib
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdlib import checks

COUNTRY_NAMES = {
    "DE": "Germany",
    "FR": "France",
    "IT": "Italy",
    "ES": "Spain",
    "PL": "Poland",
    "JP": "Japan",
    "TR": "Turkey",
    "FI": "Finland",
    "NL": "Netherlands",
    "BR": "Brazil",
}
COUNTRIES = tuple(COUNTRY_NAMES)
SPLITS = ("train", "validation", "test")
ALPHABET = "abcdefghijklmnopqrstuvwxyz -'"  # character i has the number i + 1; 0 is padding
LENGTH = 24  # 98.7 % of the names are not longer; of the others only the beginning is read
PLACE_NAMES_SHA256 = "08bd2d959fe57215068e4f4697d8869c22dce2009cf6bbbb61662e3125621303"
RESTORE = "`git checkout -- data/place_names.csv.gz` or `python data/make_place_names.py`"
# What Unicode does not take apart into a letter and an accent. "St. Pauli" loses its full stop.
FOLDS = str.maketrans(
    {"ß": "ss", "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"}
    | {".": "", "ʻ": "'", "ʼ": "'", "‘": "'", "’": "'", "`": "'", "´": "'"}
    | dict.fromkeys("\t\n\r", " ")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """Aligned rows: row i of every field is about example i, and `examples[ids]` keeps them so.

    Args:
        inputs: (N, ...), for place names (N, LENGTH) int64.
        labels: (N,) int64 class numbers, or None where nobody has labelled the examples.
        teacher_logits: (N, K), or None where no teacher has seen the examples.
        names: N strings to show to a reader, or ().

    Raises:
        ValueError, TypeError: no examples, fields of different length, labels outside 0 ... K-1.

    >>> names = ("Lyon", "Ulm")
    >>> pair = Examples(inputs=encode(names), labels=torch.tensor([1, 0]), names=names)
    >>> pair[[1]].names, pair[[1]].labels.tolist()
    (('Ulm',), [0])
    """

    inputs: Tensor
    labels: Tensor | None = None
    teacher_logits: Tensor | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.aligned(self.inputs, self.labels, self.teacher_logits, self.names)

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        labels = "" if self.labels is None else ", labels"
        teacher = "" if self.teacher_logits is None else ", teacher_logits"
        return f"Examples({len(self)}: inputs{labels}{teacher})"

    def __getitem__(self, ids: Tensor | Sequence[int] | slice) -> "Examples":
        """The examples at these positions: a slice, a list, a tensor of positions or booleans."""
        rows = checks.positions(ids, len(self))
        return Examples(
            inputs=self.inputs[rows],
            labels=None if self.labels is None else self.labels[rows],
            teacher_logits=None if self.teacher_logits is None else self.teacher_logits[rows],
            names=tuple(self.names[i] for i in rows.tolist()) if self.names else (),
        )

    def without_labels(self) -> "Examples":
        """The same examples with their labels taken away: a pool that nobody has labelled."""
        return replace(self, labels=None)


@dataclass(frozen=True, eq=False)
class PlaceNames:
    """The three splits of the place names; no name is in two of them."""

    train: Examples
    validation: Examples
    test: Examples


def load_place_names() -> PlaceNames:
    """The place names with their countries as labels; label i means COUNTRIES[i].

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, and how to restore it.
    """
    table = _read_place_names(data_folder() / "place_names.csv.gz")
    rows = [line.split(",") for line in table.splitlines()[1:]]
    return PlaceNames(*(_split(rows, split) for split in SPLITS))


def data_folder() -> Path:
    """The folder of the data files: inside an installed kdlib, beside it in a checkout."""
    installed = Path(__file__).parent / "_data"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "data"


def encode(names: Sequence[str]) -> Tensor:
    """Names as rows of character numbers, filled up with 0 or cut after LENGTH characters.

    Returns:
        (N, LENGTH) int64.

    Raises:
        ValueError, TypeError: no names, a single string, or a name that `normalise` refuses.

    >>> encode(["Ulm"])[0, :5].tolist()
    [21, 12, 13, 0, 0]
    """
    return _numbers([normalise(name) for name in checks.several_names(names)])


def normalise(name: str) -> str:
    """A name in lower case without accents: letters a to z, spaces, hyphens, apostrophes.

    Raises:
        ValueError, TypeError: not a string, no letter in it, or a character that has no such form.

    >>> normalise("Kraków"), normalise("L’Aquila"), normalise("Weißwasser")
    ('krakow', "l'aquila", 'weisswasser')
    """
    letters = [_folded(character) for character in checks.string(name, "name").lower()]
    checks.readable(name, letters, ALPHABET)
    return " ".join("".join(letters).split())


@cache
def _folded(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character.translate(FOLDS))
    return "".join(part for part in plain if not unicodedata.combining(part))


def _numbers(names: Sequence[str]) -> Tensor:
    number_of = np.zeros(128, dtype=np.int64)
    number_of[list(ALPHABET.encode())] = np.arange(1, len(ALPHABET) + 1)
    text = "".join(name[:LENGTH].ljust(LENGTH, "\0") for name in names)
    codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return torch.from_numpy(number_of[codes].reshape(-1, LENGTH))


def _read_place_names(path: Path) -> str:
    checks.existing_file(path, RESTORE)
    try:
        contents = gzip.decompress(path.read_bytes())
        found = hashlib.sha256(contents).hexdigest()
    except (OSError, EOFError, zlib.error) as error:
        contents, found = b"", f"a file that cannot be unpacked ({error})"
    checks.intact_file(path, expected=PLACE_NAMES_SHA256, found=found, restore=RESTORE)
    return contents.decode("ascii")


def _split(rows: list[list[str]], split: str) -> Examples:
    chosen = [(name, country) for name, country, its_split in rows if its_split == split]
    names = tuple(name for name, _ in chosen)
    labels = torch.tensor([COUNTRIES.index(country) for _, country in chosen])
    return Examples(inputs=_numbers(names), labels=labels, names=names)
