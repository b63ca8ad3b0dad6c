"""data/support_queries.csv is what data/README.md says, and its making can be repeated and edited."""

import csv
import hashlib
import importlib.util
import re
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import numpy as np
import pytest

from kdlib.data import data_folder
from kdlib.texts import SUPPORT_QUERIES

FILE = data_folder() / "support_queries.csv"
SCRIPT = Path(__file__).parents[1] / "data" / "make_support_queries.py"
SHARES = {"train": 20, "calibration": 20, "test": 30}  # written messages of every intent


@pytest.fixture(scope="module")
def rows():
    return list(csv.DictReader(FILE.read_text(encoding="ascii").splitlines()))


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("make_support_queries", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sources(script, tmp_path, monkeypatch):
    """An instructor's own, tiny sources; returns a function that writes one file."""

    def write(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    monkeypatch.setattr(script, "SOURCES", tmp_path)
    write("slots.txt", "thing: lamp|rug\nopener: Hi!\ncloser: thanks\n")
    write("written/refund.txt", "Where is my money?\n\nPay me back\n")
    write("written/invoice.txt", "I lost the bill\n")
    write("templates/refund.txt", "[Refund|Reimburse] the {thing}, order {number}\n")
    write("templates/invoice.txt", "receipt for the {thing}\n")
    write("ambiguous.txt", "refund|invoice: The credit note is missing\n")
    write("two_intents.txt", "refund|invoice: Pay me back and send the bill\n")
    write("out_of_scope.txt", "Do you like cats?\n")
    return write


def of_kind(rows, *kinds):
    return [row for row in rows if row["kind"] in kinds]


# --- the file


def test_the_file_is_the_one_that_the_library_expects():
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == SUPPORT_QUERIES.sha256


def test_making_it_again_gives_the_same_bytes(script):
    assert script.as_csv(script.rows()) == FILE.read_bytes()


def test_every_intent_has_seventy_written_messages_dealt_out_alike(rows):
    counts = Counter((row["intent"], row["split"]) for row in of_kind(rows, "written"))
    intents = {row["intent"] for row in rows} - {""}
    assert len(intents) == 14
    assert counts == {(intent, split): n for intent in intents for split, n in SHARES.items()}


def test_the_pool_has_templates_alone_and_of_every_intent_about_as_many(rows):
    pool = [row for row in rows if row["split"] == "pool"]
    assert pool == of_kind(rows, "template")
    counts = Counter(row["intent"] for row in pool)
    assert 2000 <= len(pool) <= 4000
    assert min(counts.values()) > 0.8 * max(counts.values())


@pytest.mark.parametrize("kind", ["ambiguous", "two_intents", "out_of_scope"])
def test_the_hard_kinds_are_in_calibration_and_test_in_the_shares_of_the_others(rows, kind):
    counts = Counter(row["split"] for row in of_kind(rows, kind))
    assert set(counts) == {"calibration", "test"} and counts.total() >= 60
    assert counts["test"] / counts.total() == pytest.approx(0.6, abs=0.02)


def test_an_ambiguous_message_has_several_acceptable_intents_and_a_clear_one_has_its_own(rows):
    intents = {row["intent"] for row in rows} - {""}
    for row in rows:
        acceptable = row["acceptable"].split("|")
        assert acceptable[0] == row["intent"]
        assert len(acceptable) == len(set(acceptable))
        if row["kind"] == "out_of_scope":
            assert acceptable == [""]
        else:
            assert set(acceptable) <= intents
            assert (len(acceptable) > 1) == (row["kind"] in ("ambiguous", "two_intents"))


def test_no_template_and_no_cluster_is_in_two_splits(rows):
    splits = defaultdict(set)
    for row in rows:
        splits[row["source_id"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


def test_no_two_splits_hold_nearly_the_same_message(rows, script):
    """By an own implementation: sets in an index by gram, for every pair across splits."""
    rows = sorted(rows, key=lambda row: row["split"] == "pool")
    sets, having = [], defaultdict(list)  # of the messages before, those that have a gram
    for i, row in enumerate(rows):
        letters = "".join(c if c.isalnum() else " " for c in row["text"].lower().replace("'", ""))
        text = f" {' '.join(letters.split())} "
        sets.append({text[k : k + 5] for k in range(max(1, len(text) - 4))})
        for j, shared in Counter(j for gram in sets[i] for j in having[gram]).items():
            if row["split"] != rows[j]["split"]:
                similarity = shared / (len(sets[i]) + len(sets[j]) - shared)
                assert similarity < script.NEAR, (row["text"], rows[j]["text"])
        if row["split"] != "pool":  # those come last and need not be found
            for gram in sets[i]:
                having[gram].append(i)


def test_written_messages_are_individual(rows, script):
    written = [row["text"] for row in rows if row["kind"] != "template"]
    similar = script.similarities(written, written).toarray() - np.eye(len(written))
    assert similar.max() < script.NEAR
    openings = Counter(tuple(script.plain(text).split()[:5]) for text in written)
    assert max(openings.values()) <= 3


def test_messages_are_plain_text_without_repetition_addresses_or_traces_of_templates(rows):
    texts = [row["text"] for row in rows]
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if text != text.strip() or "  " in text] == []
    assert [text for text in texts if re.search(r"[][{}|@]|https?:|www\.|\d{5}", text)] == []


# --- the making


def test_near_duplicates_and_their_near_duplicates_stay_together(script):
    texts = ["where is my parcel today", "where is my parcel now", "is my parcel now lost", "ok"]
    messages = [script.Row(text, "track_order", "", "track_order", "", "written") for text in texts]
    assert script.similarities(texts[:1], texts[2:3]).toarray().item() < script.NEAR
    assert [len(cluster) for cluster in script.clusters(messages)] == [3, 1]
    first, second, third, other = script.with_splits(messages)
    assert first.split == second.split == third.split
    assert first.source_id == second.source_id == third.source_id != other.source_id


def test_similarity_of_sets_that_share_one_of_three_grams_is_a_third(script):
    assert script.grams("abcd") == {" abcd", "abcd "}
    assert script.similarities(["abcd"], ["abcde"]).toarray().item() == pytest.approx(1 / 4)
    assert script.similarities(["Hello!"], ["hello", "world"]).toarray().tolist() == [[1, 0]]


def test_a_typing_slip_changes_at_most_one_letter_more_or_less(script):
    texts = {script.mistyped("my parcel is late", Random(seed)) for seed in range(200)}
    assert len(texts) > 15
    assert all(abs(len(text) - 17) <= 1 and text[:3] == "my " for text in texts)
    assert script.mistyped("ok 12", Random(0)) == "ok 12"


def test_an_edited_source_is_taken_over(sources, script):
    sources("written/refund.txt", "A new message about my money\n")
    texts = {row.text: row for row in script.rows()}
    assert texts["A new message about my money"].intent == "refund"
    assert "Where is my money?" not in texts
    assert {row.source_id for row in texts.values() if row.split == "pool"} == {
        "refund-t00",
        "invoice-t00",
    }


def test_the_pool_has_nothing_near_a_written_message(sources, script):
    sources("written/invoice.txt", "Receipt for the lamp!\n")
    pool = [row.text.lower() for row in script.rows() if row.split == "pool"]
    assert pool and not any("receipt for the lamp" in text for text in pool)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("ambiguous.txt", "refund|bill: What?\n", "no intent is called 'bill' in: refund"),
        ("ambiguous.txt", "What is this\n", "no intent is called 'What is this'"),
        ("written/refund.txt", "Caf\u00e9 money\n", "beyond plain ASCII: Caf"),
        ("written/refund.txt", "I lost the bill\n", "written 2 times, keep it once: I lost"),
        ("templates/refund.txt", "Refund the {stuff}\n", "cannot read the '{' in the template"),
        ("templates/refund.txt", "[Refund|Pay the {thing}\n", "cannot read the '\\['"),
    ],
)
def test_a_slip_in_a_source_is_told_with_its_line(sources, script, name, text, message):
    sources(name, text)
    with pytest.raises(SystemExit, match=message):
        script.rows()


def test_the_first_line_of_its_readme_says_that_it_is_synthetic_and_the_counts_are_those(rows):
    lines = (FILE.parent / "support_queries" / "README.md").read_text().splitlines()
    assert "synthetic" in lines[0]
    counts = Counter((row["kind"], row["split"]) for row in rows)
    for kind in ("template", "ambiguous", "two_intents", "out_of_scope"):
        told = next(line for line in lines if line.startswith(f"| {kind} |"))
        cells = [int(cell.replace(",", "")) for cell in told.split("|")[2:-1]]
        per_split = [counts[kind, split] for split in ("train", "pool", "calibration", "test")]
        assert cells == [*per_split, sum(per_split)]
