"""Make data/support_queries.csv: messages to an invented shop's customer support, by intent.

The texts lie in data/support_queries/, to be read and edited: `written/<intent>.txt` has one
message a line; `ambiguous.txt` and `two_intents.txt` begin each line with the acceptable intents;
`templates/<intent>.txt` has sentences with [choices|alternatives] and {slots} of `slots.txt`, from
which the unlabelled pool is generated. Two messages are near-duplicates if the Jaccard similarity
of their character 5-grams is at least NEAR; groups of them are never divided between splits.
"""

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

DATA = Path(__file__).parent
SOURCES, FILE = DATA / "support_queries", DATA / "support_queries.csv"
SPLITS = ("train", "pool", "calibration", "test")
# Of the messages of one intent, or of one other kind. The pool is made from templates alone.
WRITTEN_SHARES = {"train": 2 / 7, "calibration": 2 / 7, "test": 3 / 7}
OTHER_SHARES = {"calibration": 2 / 5, "test": 3 / 5}
NEAR = 0.4
PER_TEMPLATE = 12
CHOICE, SLOT = r"\[([^][]*)\]", r"\{(\w+)\}"
OPENED, CLOSED, HASTY, MISTYPED = 0.25, 0.2, 0.3, 0.25  # shares of the pool


@dataclass(frozen=True)
class Row:
    """One message; the fields are the columns of the file."""

    text: str
    intent: str
    split: str
    acceptable: str
    source_id: str
    kind: str


def main() -> None:
    """Write the file and print what is in it."""
    messages = rows()
    contents = as_csv(messages)
    FILE.write_bytes(contents)
    print(table(messages))
    print(f"sha256: {hashlib.sha256(contents).hexdigest()}")


def rows() -> list[Row]:
    """Every message with its split: the written ones, then the pool."""
    written = [*written_rows(), *other_rows()]
    for text, count in Counter(row.text for row in written).items():
        if count > 1:
            raise SystemExit(f"written {count} times, keep it once: {text}")
    return [*with_splits(written), *pool_rows([row.text for row in written])]


def as_csv(messages: Iterable[Row]) -> bytes:
    """A header and one line a message."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    writer.writerows(map(astuple, messages))
    return text.getvalue().encode("ascii")


# --- the written messages


def written_rows() -> Iterator[Row]:
    """The messages of written/, each with the one intent that its file is named after."""
    for intent in intents():
        for text in lines(f"written/{intent}.txt"):
            yield Row(text, intent, "", intent, "", "written")


def other_rows() -> Iterator[Row]:
    """Messages with several acceptable intents, the likeliest first, or with none."""
    for kind in ("ambiguous", "two_intents"):
        for line in lines(f"{kind}.txt"):
            acceptable, _, text = line.partition(": ")
            if unknown := set(acceptable.split("|")) - set(intents()):
                raise SystemExit(f"{kind}.txt: no intent is called {unknown.pop()!r} in: {line}")
            yield Row(text, acceptable.split("|")[0], "", acceptable, "", kind)
    for text in lines("out_of_scope.txt"):
        yield Row(text, "", "", "", "", "out_of_scope")


def with_splits(messages: Sequence[Row]) -> list[Row]:
    """Deal the near-duplicate clusters of each group of messages out to the splits.

    The order of dealing is that of the texts' hashes: random, but the same at every making.
    """
    groups: dict[tuple[str, str], list[list[Row]]] = defaultdict(list)
    for members in clusters(messages):
        first = members[0]
        groups[first.kind, first.intent if first.kind == "written" else ""].append(members)
    placed: dict[str, Row] = {}
    for (kind, intent), group in groups.items():
        shares = WRITTEN_SHARES if kind == "written" else OTHER_SHARES
        for number, members in enumerate(sorted(group, key=hashed)):
            split = split_at((number + 0.5) / len(group), shares)
            source = f"{intent or kind}-{number:03d}"
            placed |= {m.text: replace(m, split=split, source_id=source) for m in members}
    return [placed[message.text] for message in messages]


def clusters(messages: Sequence[Row]) -> list[list[Row]]:
    """Messages that are linked by a chain of near-duplicates, together."""
    texts = [message.text for message in messages]
    _, number = connected_components(similarities(texts, texts) >= NEAR, directed=False)
    members: dict[int, list[Row]] = defaultdict(list)
    for message, cluster in zip(messages, number.tolist(), strict=True):
        members[cluster].append(message)
    return list(members.values())


def hashed(members: Sequence[Row]) -> str:
    """A number that looks random but belongs to the text of the first message."""
    return hashlib.sha256(members[0].text.encode("ascii")).hexdigest()


def split_at(position: float, shares: dict[str, float]) -> str:
    """The split at a position between 0 and 1, when they take their shares one after another."""
    for split, share in shares.items():
        position -= share
        if position < 0:
            return split
    return split


# --- the pool


def pool_rows(written: Sequence[str]) -> list[Row]:
    """Messages from the templates, without repetitions and near-duplicates of written ones."""
    slots = {
        name: values.split("|")
        for name, _, values in (line.partition(": ") for line in lines("slots.txt"))
    }
    found: dict[str, tuple[str, Row]] = {}
    for intent in intents():
        for number, template in enumerate(lines(f"templates/{intent}.txt")):
            random = Random(f"{intent} {template}")
            for _ in range(PER_TEMPLATE):
                bare = expanded(template, slots, random)
                text = dressed(bare, slots, random)
                row = Row(text, intent, "pool", intent, f"{intent}-t{number:02d}", "template")
                found.setdefault(plain(text), (bare, row))
    bare_texts, messages = zip(*found.values(), strict=True)
    near = near_any(bare_texts, written) | near_any([m.text for m in messages], written)
    return [message for message, drop in zip(messages, near, strict=True) if not drop]


def expanded(template: str, slots: dict[str, list[str]], random: Random) -> str:
    """The template with one of each [choice|of|these] and each {slot} filled, none twice alike."""
    text = template
    found = 1
    while found:
        text, found = re.subn(CHOICE, lambda m: random.choice(m[1].split("|")), text)
    fillers = {name: iter(random.sample(values, len(values))) for name, values in slots.items()}
    fillers["number"] = iter([str(random.randrange(1000, 10_000))])
    text = re.sub(SLOT, lambda m: next(fillers[m[1]]) if m[1] in fillers else m[0], text)
    if wrong := re.search(r"[][{}|]", text):
        raise SystemExit(f"cannot read the {wrong[0]!r} in the template: {template}")
    return re.sub(r" +(?=[ ,.?])", "", text).strip()


def dressed(text: str, slots: dict[str, list[str]], random: Random) -> str:
    """The message as people type it: greeted, closed, in haste, mistyped, or just so."""
    if random.random() < OPENED:
        text = f"{random.choice(slots['opener'])} {text}"
    if random.random() < CLOSED:
        text = f"{text} {random.choice(slots['closer'])}"
    if random.random() < HASTY:
        text = re.sub(r"[.,!?:;](?!\d)|'", "", text).lower()
    return mistyped(text, random) if random.random() < MISTYPED else text


def mistyped(text: str, random: Random) -> str:
    """The text with one slip in a word of at least four letters: swapped, left out, doubled."""
    words = list(re.finditer(r"[a-z]{4,}", text))
    if not words:
        return text
    word = random.choice(words)
    at = random.randrange(word.start() + 1, word.end() - 1)
    a, b = text[at], text[at + 1]
    return text[:at] + random.choice((b + a, b, a + a + b)) + text[at + 2 :]


# --- near-duplicates


def grams(text: str) -> set[str]:
    """The character 5-grams of the letters and digits, words separated by one space."""
    framed = f" {plain(text)} "
    return {framed[i : i + 5] for i in range(max(1, len(framed) - 4))}


def plain(text: str) -> str:
    """The text in lower case without punctuation."""
    return " ".join(re.findall("[a-z0-9]+", text.lower().replace("'", "")))


def near_any(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """(N,): whether a text is a near-duplicate of any of the others."""
    nearest: NDArray[np.float64] = similarities(texts, others).max(axis=1).toarray().ravel()
    return nearest >= NEAR


def similarities(texts: Sequence[str], others: Sequence[str]) -> csr_array:
    """(N, M) Jaccard similarities |A and B| / |A or B| of the sets of 5-grams, sparse."""
    has = CountVectorizer(analyzer=grams, binary=True).fit([*texts, *others]).transform
    a, b = has(texts), has(others)
    shared = (a @ b.T).tocoo()
    sizes = a.sum(axis=1)[shared.row] + b.sum(axis=1)[shared.col]
    values = shared.data / (np.asarray(sizes).ravel() - shared.data)
    return csr_array((values, (shared.row, shared.col)), shape=shared.shape)


# --- reading and telling


def intents() -> list[str]:
    """The names of the files of written/."""
    return sorted(path.stem for path in (SOURCES / "written").glob("*.txt"))


def lines(name: str) -> list[str]:
    """The lines of a source file that are not empty."""
    found = [line.strip() for line in (SOURCES / name).read_text("utf-8").splitlines()]
    for line in found:
        if not line.isascii():
            raise SystemExit(f"{name} holds a character beyond plain ASCII: {line}")
    return [line for line in found if line]


def table(messages: Sequence[Row]) -> str:
    """Counts per intent or kind and split, as a Markdown table."""
    groups = [m.intent if m.kind in ("written", "template") else m.kind for m in messages]
    counts = Counter(zip(groups, (m.split for m in messages), strict=True))
    text = ["| | " + " | ".join(SPLITS) + " | all |", "|---|" + "---:|" * (len(SPLITS) + 1)]
    for group in (*dict.fromkeys(groups), "all"):
        chosen = set(groups) if group == "all" else {group}
        row = [sum(counts[g, split] for g in chosen) for split in SPLITS]
        text.append(f"| {group} | " + " | ".join(f"{n:,}" for n in [*row, sum(row)]) + " |")
    return "\n".join(text)


if __name__ == "__main__":
    main()
