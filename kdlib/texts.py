"""Texts of the cascades: real definitions of words, and messages to a customer service.

`load_glosses`: WordNet's definitions, and to which of 16 supersenses the defined word belongs.
`load_support_queries`: messages written for this course, and what their writer wants.
Both come with what a large model answers to each text (a sentence encoder and a linear head), so
that nothing need be downloaded to compare with it. The small models are in `text_models`.
data/README.md tells where the texts come from and how the large models were made.
"""

import csv
import gzip
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from kdlib import checks
from kdlib.checks import texts as text_checks
from kdlib.data import Examples, data_folder
from kdlib.text_models import encode_texts
from kdlib.weights import read_tensors

SPLITS = ("train", "pool", "calibration", "test")
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Source:
    """A file of texts: its name, the column that holds the class, the sha256 when unpacked."""

    file: str
    label: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name up to the first full stop."""
        return self.file.split(".")[0]

    @property
    def large_file(self) -> str:
        """The file with what the large model makes of the texts."""
        return f"models/{self.name}_large.safetensors"


GLOSSES = Source(
    "glosses.csv.gz",
    "supersense",
    "1a30c026c6ac3f1b1356bd37b36322715deabb15de9e8ba6554753e1872e5c91",
)
SUPPORT_QUERIES = Source(
    "support_queries.csv",
    "intent",
    "dd666bbe716e7a32bec057da6ebf677e3607461ad9dc1c69c360eec1149bb85e",
)


@dataclass(frozen=True, eq=False)
class TextData:
    """Labelled texts in four splits; texts that are nearly the same are never in different splits.

    In each split `names` are the texts, `inputs` their hashed n-grams (N, L), `labels` i mean
    `classes[i]`, and `teacher_logits` (N, K) are the large model's. The pool plays the texts that
    nobody has labelled: use `pool.without_labels()`; its labels are for an oracle only.

    Args:
        vectors: split -> (N, 64), what the large model's head sees of a text, to fit other heads.
    """

    classes: tuple[str, ...]
    train: Examples
    pool: Examples
    calibration: Examples
    test: Examples
    vectors: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class SupportQueries(TextData):
    """Messages to a customer service, with what makes them harder than a list of classes.

    Args:
        acceptable: split -> (N, K) bool, which answers would do: several for an ambiguous message
            or one with two intents, of which the label is the first.
        kinds: split -> how each message came about: "written", "template", "ambiguous" ...
        out_of_scope: calibration and test messages that have no right class, without labels.
    """

    acceptable: Mapping[str, Tensor]
    kinds: Mapping[str, tuple[str, ...]]
    out_of_scope: Mapping[str, Examples]


def load_glosses() -> TextData:
    """WordNet definitions with their supersense, such as noun.food, as label.

    Raises:
        FileNotFoundError, ValueError: a file is missing or damaged, and how to restore it.
    """
    return TextData(**_read_table(GLOSSES).fields())


def load_support_queries() -> SupportQueries:
    """Messages to a customer service with their intent as label.

    Raises:
        FileNotFoundError, ValueError: a file is missing or damaged, and how to restore it.
    """
    table = _read_table(SUPPORT_QUERIES)
    return SupportQueries(
        **table.fields(),
        acceptable={split: table.acceptable(split) for split in SPLITS},
        kinds={split: table.column("kind", split) for split in SPLITS},
        out_of_scope={
            split: table.texts[table.positions(split, labelled=False)]
            for split in ("calibration", "test")
        },
    )


def read_rows(source: Source) -> Rows:
    """The rows of a data file, column -> text.

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, and how to restore it.
    """
    restore = f"`git checkout -- data/{source.file}` or `python data/make_{source.name}.py`"
    path = checks.existing_file(data_folder() / source.file, restore)
    try:
        contents = path.read_bytes()
        contents = gzip.decompress(contents) if path.suffix == ".gz" else contents
        found = hashlib.sha256(contents).hexdigest()
    except (OSError, EOFError, zlib.error) as error:
        contents, found = b"", f"a file that cannot be unpacked ({error})"
    checks.intact_file(path, expected=source.sha256, found=found, restore=restore)
    return list(csv.DictReader(contents.decode("utf-8").splitlines()))


def class_names(source: Source, rows: Rows) -> tuple[str, ...]:
    """The classes of a data file in alphabetical order; a row without one is out of scope."""
    return tuple(sorted({row[source.label] for row in rows} - {""}))


def large_logits(vectors: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The large model's answers (N, K) to texts with these vectors (N, 64)."""
    return (vectors.double() @ weight.double() + bias.double()).float()


@dataclass(frozen=True, eq=False)
class _Table:
    """All rows of a data file, and the same rows as unlabelled examples."""

    rows: Rows
    label: str
    classes: tuple[str, ...]
    texts: Examples
    vectors: Tensor

    def fields(self) -> dict[str, Any]:
        """The fields of a TextData."""
        vectors = {split: self.vectors[self.positions(split)] for split in SPLITS}
        labelled = {split: self._labelled(split) for split in SPLITS}
        return {"classes": self.classes, "vectors": vectors, **labelled}

    def positions(self, split: str, labelled: bool = True) -> list[int]:
        return [
            i
            for i, row in enumerate(self.rows)
            if row["split"] == split and bool(row[self.label]) == labelled
        ]

    def column(self, name: str, split: str) -> tuple[str, ...]:
        return tuple(self.rows[i][name] for i in self.positions(split))

    def acceptable(self, split: str) -> Tensor:
        answers = [answer.split("|") for answer in self.column("acceptable", split)]
        return torch.tensor([[name in answer for name in self.classes] for answer in answers])

    def _labelled(self, split: str) -> Examples:
        labels = [self.classes.index(name) for name in self.column(self.label, split)]
        return replace(self.texts[self.positions(split)], labels=torch.tensor(labels))


def _read_table(source: Source) -> _Table:
    rows, large = read_rows(source), _read_large(source)
    names = tuple(row["text"] for row in rows)
    logits = large_logits(large["vectors"], large["weight"], large["bias"])
    texts = Examples(inputs=encode_texts(names), teacher_logits=logits, names=names)
    vectors = large["vectors"].float()
    return _Table(rows, source.label, class_names(source, rows), texts, vectors)


def _read_large(source: Source) -> dict[str, Tensor]:
    """The vectors of the texts (float16), weight and bias of the head, by name."""
    remake = f"`git checkout -- data` or `python data/make_text_models.py {source.name}`"
    path = data_folder() / source.large_file
    stored, about = read_tensors(path, remake)
    found = about.get("data", "(not said)")
    text_checks.answers_to(path, source.file, expected=source.sha256, found=found, remake=remake)
    return stored
