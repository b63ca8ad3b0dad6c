"""Make data/glosses.csv.gz: WordNet definitions of 16 supersenses, no two of them nearly alike.

WordNet sorts its nouns and verbs into lexicographer files ("supersenses"), such as noun.food. A row
of our file is a definition and the supersense of what it defines. The database files are in
Debian's package wordnet-base:

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb wordnet
    python data/make_glosses.py wordnet/usr/share/wordnet

Two definitions are near-duplicates if the Jaccard similarity of their sets of words and pairs of
neighbouring words is at least NEAR: "a city in northern France", "a city in northern Spain" (7 of
11 in common). Of near-duplicates only one is kept, so none can lie in two splits.
"""

import csv
import gzip
import hashlib
import io
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from kdlib.texts import GLOSSES

NUMBERS = {  # of the lexicographer files in WordNet's database, see lexnames(5WN)
    "noun.act": 4,
    "noun.animal": 5,
    "noun.artifact": 6,
    "noun.attribute": 7,
    "noun.body": 8,
    "noun.cognition": 9,
    "noun.communication": 10,
    "noun.food": 13,
    "noun.location": 15,
    "noun.person": 18,
    "noun.plant": 20,
    "noun.state": 26,
    "verb.change": 30,
    "verb.communication": 32,
    "verb.contact": 35,
    "verb.motion": 38,
}
SIZES = {"train": 20, "pool": 355, "calibration": 125, "test": 250}  # rows of each supersense
CANDIDATES = 1000  # definitions of each supersense that are compared with each other
NEAR = 0.5
BLOCK = 500  # texts compared with all others at once
UNFIT = re.compile(  # insults, and what not every class wants to read aloud
    r"\b(slur|offensive|derogat|disparag|obscen|vulgar|sexual|homosexual|erotic|orgasm|coitus|copulat"
    r"|intercourse|genital|penis|vagina|prostitut|whore|rape\b|negro)",
    re.IGNORECASE,
)
WORDS = range(3, 41)  # how many words a definition has
FILE = Path(__file__).parent / "glosses.csv.gz"
Row = tuple[str, str]  # definition, supersense


def main() -> None:
    """Write the file, print what is in it, and say whether it is the file that kdlib expects."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    labelled = definitions(Path(sys.argv[1]))
    candidates = first_by_hash(labelled)
    kept = without_near_duplicates(candidates)
    rows = split_rows(kept)
    table = as_csv(rows)
    FILE.write_bytes(gzip.compress(table, compresslevel=9, mtime=0))
    print(f"{len(labelled):,} definitions with one supersense each")
    print(f"{len(candidates):,} compared, {len(candidates) - len(kept):,} near-duplicates left out")
    print(counts(rows))
    checksum = hashlib.sha256(table).hexdigest()
    print(f"sha256 of the unpacked file: {checksum}; {FILE.stat().st_size / 1e3:.0f} kB")
    if checksum != GLOSSES.sha256:
        raise SystemExit(
            f"kdlib/texts.py expects {GLOSSES.sha256}: these are not the texts that the course was "
            f"written with (WordNet 3.0). Undo by `git checkout -- data/{FILE.name}`, or update "
            "the checksum there, run `python data/make_text_models.py glosses` and `make "
            "notebooks`, and read the lessons' numbers again."
        )


def definitions(folder: Path) -> list[Row]:
    """Every fit definition of WORDS words that has one of our supersenses, and no second one."""
    supersense_of = {number: name for name, number in NUMBERS.items()}
    found = defaultdict(set)
    for kind in ("noun", "verb"):
        for line in (folder / f"data.{kind}").read_text(encoding="utf-8").splitlines():
            if not line.startswith(" ") and int(line[9:11]) in supersense_of:
                found[definition(line)].add(supersense_of[int(line[9:11])])
    return [
        (text, names.pop())
        for text, names in found.items()
        if len(names) == 1 and len(text.split()) in WORDS and not UNFIT.search(text)
    ]


def definition(line: str) -> str:
    """What stands after "|" in a line of the database, up to the first quoted example."""
    gloss = line.split("|", 1)[1]
    return " ".join(gloss.split('"')[0].split()).strip(" ;:,-")


def first_by_hash(rows: list[Row]) -> list[Row]:
    """The first CANDIDATES rows of each supersense in the order of the hashes of their texts."""
    taken: Counter[str] = Counter()
    chosen = []
    for text, name in sorted(rows, key=lambda row: hashlib.sha256(row[0].encode()).digest()):
        if taken[name] < CANDIDATES:
            chosen.append((text, name))
            taken[name] += 1
    return chosen


def without_near_duplicates(rows: list[Row]) -> list[Row]:
    """The rows that are near no earlier row that was kept."""
    near: dict[int, list[int]] = defaultdict(list)
    for first, second in near_duplicates([text for text, _ in rows]):
        near[second].append(first)
    kept: set[int] = set()
    for i in range(len(rows)):
        if kept.isdisjoint(near[i]):
            kept.add(i)
    return [rows[i] for i in sorted(kept)]


def near_duplicates(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Pairs of positions i < j of texts whose Jaccard similarity is at least NEAR."""
    shingles = CountVectorizer(
        ngram_range=(1, 2), token_pattern=r"[a-z0-9]+", binary=True, dtype=np.float32
    ).fit_transform(texts)
    sizes = np.asarray(shingles.sum(axis=1)).ravel()
    for start in range(0, len(texts), BLOCK):
        rows = slice(start, start + BLOCK)
        common = (shingles[rows] @ shingles.T).toarray()
        union = sizes[rows, None] + sizes - common
        for i, j in np.argwhere(common >= NEAR * union):
            if start + i < j:
                yield start + int(i), int(j)


def split_rows(rows: list[Row]) -> list[tuple[str, str, str]]:
    """Rows with their split: of each supersense the first go to train, the next to the pool ..."""
    places = [split for split, size in SIZES.items() for _ in range(size)]
    seen: Counter[str] = Counter()
    found = []
    for text, name in rows:
        if seen[name] < len(places):
            found.append((text, name, places[seen[name]]))
            seen[name] += 1
    return sorted(found)


def as_csv(rows: list[tuple[str, str, str]]) -> bytes:
    """The rows (text, supersense, split), one a line."""
    table = io.StringIO(newline="")
    csv.writer(table, lineterminator="\n").writerows([("text", "supersense", "split"), *rows])
    return table.getvalue().encode("ascii")


def counts(rows: list[tuple[str, str, str]]) -> str:
    """Counts per supersense and split as a Markdown table."""
    found = Counter((name, split) for _, name, split in rows)
    lines = [
        "| supersense | " + " | ".join(SIZES) + " | all |",
        "|---|" + "---:|" * (len(SIZES) + 1),
    ]
    for name in (*NUMBERS, "all"):
        chosen = NUMBERS if name == "all" else (name,)
        row = [sum(found[c, split] for c in chosen) for split in SIZES]
        lines.append(f"| {name} | " + " | ".join(f"{n:,}" for n in [*row, sum(row)]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
