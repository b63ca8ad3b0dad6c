import gzip
import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from kdlib import texts
from kdlib import weights as weights_on_disk
from kdlib.data import data_folder
from kdlib.texts import GLOSSES, SPLITS, SUPPORT_QUERIES, large_logits

DATA = data_folder()
WORDNET = Path("/usr/share/wordnet")  # where Debian's package puts it
SOURCES = pytest.mark.parametrize("source", [GLOSSES, SUPPORT_QUERIES], ids=lambda s: s.name)
LOAD = {GLOSSES: texts.load_glosses, SUPPORT_QUERIES: texts.load_support_queries}


@pytest.fixture(scope="module")
def loaded() -> dict[texts.Source, texts.TextData]:
    return {source: load() for source, load in LOAD.items()}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("make_glosses", DATA / "make_glosses.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accuracy(examples) -> float:
    return (examples.teacher_logits.argmax(dim=1) == examples.labels).double().mean().item()


# --- both data sets


@SOURCES
def test_every_split_has_texts_labels_and_answers_of_the_large_model(source, loaded):
    data = loaded[source]
    for split in SPLITS:
        examples = getattr(data, split)
        assert examples.teacher_logits.shape == (len(examples), len(data.classes))
        assert data.vectors[split].shape == (len(examples), 64)
        assert len(examples.names) == len(examples)
        assert set(examples.labels.tolist()) == set(range(len(data.classes)))


@SOURCES
def test_no_text_is_there_twice(source, loaded):
    names = [name for split in SPLITS for name in getattr(loaded[source], split).names]
    folded = Counter(" ".join(re.findall("[a-z0-9]+", name.lower())) for name in names)
    assert folded.most_common(1)[0][1] == 1


@SOURCES
def test_the_large_model_is_as_accurate_as_its_file_says(source, loaded):
    with safe_open(DATA / source.large_file, framework="pt") as file:
        said = json.loads(file.metadata()["about"])["test"]
    found = accuracy(loaded[source].test)
    assert f"accuracy {found:.4f}" in said
    assert found > 3 / len(loaded[source].classes), "answers belong to other texts?"


@SOURCES
def test_the_answers_are_those_of_a_linear_head_on_the_vectors(source, loaded):
    stored = load_file(DATA / source.large_file)
    test = large_logits(loaded[source].vectors["test"], stored["weight"], stored["bias"])
    assert torch.equal(test, loaded[source].test.teacher_logits)


def copied(source: texts.Source, folder: Path) -> tuple[Path, Path]:
    """Both files of a data set in another folder."""
    (folder / "models").mkdir()
    for name in (source.file, source.large_file):
        (folder / name).write_bytes((DATA / name).read_bytes())
    return folder / source.file, folder / source.large_file


@SOURCES
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda contents: contents[: len(contents) // 2], id="truncated"),
        pytest.param(lambda contents: b"", id="empty"),
        pytest.param(lambda contents: b"version https://git-lfs.github.com", id="a pointer"),
        pytest.param(lambda contents: gzip.compress(b"text,intent\n"), id="other contents"),
        pytest.param(lambda contents: contents + b"more", id="something appended"),
    ],
)
def test_a_damaged_file_is_named_with_the_way_back(source, damage, tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "data_folder", lambda: tmp_path)
    table, large = copied(source, tmp_path)
    for path, way_back in ((table, f"git checkout -- data/{source.file}"), (large, "make_text_mo")):
        intact = path.read_bytes()
        path.write_bytes(damage(intact))
        with pytest.raises(ValueError, match=f"{re.escape(str(path))} is damaged.*{way_back}"):
            LOAD[source]()
        path.write_bytes(intact)


@SOURCES
def test_a_missing_file_says_how_to_get_it_back(source, tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "data_folder", lambda: tmp_path)
    for path in copied(source, tmp_path):
        intact = path.read_bytes()
        path.unlink()
        with pytest.raises(FileNotFoundError, match=r"missing: restore it by `git checkout"):
            LOAD[source]()
        path.write_bytes(intact)


def test_answers_to_another_edition_of_the_texts_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "data_folder", lambda: tmp_path)
    _, large = copied(GLOSSES, tmp_path)
    tensors = load_file(large)
    about = {"sha256": weights_on_disk.checksum(tensors), "data": "0" * 64}
    save_file(tensors, large, metadata={"about": json.dumps(about)})
    with pytest.raises(ValueError, match=r"answers another glosses.csv.gz.*make_text_models.py gl"):
        texts.load_glosses()


@pytest.mark.parametrize("about", [None, {"more": "1"}, {"about": "{}"}, {"about": "}"}])
def test_answers_without_their_origin_are_refused(about, tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "data_folder", lambda: tmp_path)
    _, large = copied(GLOSSES, tmp_path)
    save_file(load_file(large), large, metadata=about)
    with pytest.raises(ValueError, match="is damaged"):
        texts.load_glosses()


# --- glosses


def test_sixteen_supersenses_are_equally_frequent_in_every_split(loaded):
    glosses = loaded[GLOSSES]
    sizes = {"train": 20, "pool": 355, "calibration": 125, "test": 250}
    assert len(glosses.classes) == 16
    for split, size in sizes.items():
        assert getattr(glosses, split).labels.bincount().tolist() == [size] * 16


def all_glosses(loaded) -> list[str]:
    return [name for split in SPLITS for name in getattr(loaded[GLOSSES], split).names]


def test_no_two_glosses_are_near_duplicates(loaded, script):
    assert list(script.near_duplicates(all_glosses(loaded))) == []


def shingles(text: str) -> set[str]:
    words = re.findall("[a-z0-9]+", text.lower())
    return {*words, *(f"{a} {b}" for a, b in zip(words, words[1:], strict=False))}


def test_near_duplicates_are_those_found_pair_by_pair(loaded, script):
    near = ["a city in northern France", "a city in northern Spain", "the act of knitting", "The"]
    sample = [*all_glosses(loaded)[::400], *near, "the act of sewing", "the act of knitting wool"]
    sets = [shingles(text) for text in sample]
    by_hand = [
        (i, j)
        for j in range(len(sets))
        for i in range(j)
        if len(sets[i] & sets[j]) >= 0.5 * len(sets[i] | sets[j])
    ]
    assert sorted(script.near_duplicates(sample)) == sorted(by_hand)
    assert len(by_hand) == 3


def test_of_near_duplicates_the_first_stays_and_only_kept_ones_count(script):
    rows = [("a b c d e f", "x"), ("a b c d e g", "x"), ("h b c d e g", "x"), ("q r s", "y")]
    assert script.without_near_duplicates(rows) == [rows[0], rows[2], rows[3]]


@pytest.mark.parametrize(
    ("gloss", "text"),
    [
        ('make sharp; "sharpen the knives"', "make sharp"),
        ("orange with sweet pulp; often has a thin skin  ", "orange with sweet pulp; often has a thin skin"),
        ('leave quickly: "split"; "he split"', "leave quickly"),
    ],
)  # fmt: skip
def test_a_definition_ends_where_its_examples_begin(script, gloss, text):
    assert script.definition(f"00001740 30 v 01 x 0 000 | {gloss}\n") == text


def test_insults_are_left_out(loaded, script):
    assert not any(script.UNFIT.search(text) for text in all_glosses(loaded))
    assert script.UNFIT.search("an offensive name for") and not script.UNFIT.search("grapes")


@pytest.mark.skipif(not WORDNET.is_dir(), reason="Debian's wordnet-base is not installed")
def test_the_script_makes_the_stored_file(script):
    rows = script.first_by_hash(script.definitions(WORDNET))
    table = script.as_csv(script.split_rows(script.without_near_duplicates(rows)))
    assert table == gzip.decompress((DATA / GLOSSES.file).read_bytes())


def test_the_readme_states_the_checksum_and_the_counts(script):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    rows = [(row["text"], row["supersense"], row["split"]) for row in texts.read_rows(GLOSSES)]
    assert GLOSSES.sha256 in readme
    assert script.counts(rows) in readme


def test_the_licence_lies_beside_the_glosses():
    licence = (DATA / "LICENSE-wordnet.txt").read_text(encoding="utf-8")
    assert "Permission to use, copy, modify and distribute" in licence
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence


# --- support queries


def test_the_label_is_acceptable_and_more_than_one_answer_only_where_the_message_says_so(loaded):
    support = loaded[SUPPORT_QUERIES]
    for split in SPLITS:
        labels, acceptable = getattr(support, split).labels, support.acceptable[split]
        assert acceptable.shape == (len(labels), len(support.classes))
        assert acceptable[torch.arange(len(labels)), labels].all()
        several = torch.tensor([k in ("ambiguous", "two_intents") for k in support.kinds[split]])
        assert torch.equal(acceptable.sum(dim=1) > 1, several)


def test_out_of_scope_messages_have_answers_but_no_labels(loaded):
    outside = loaded[SUPPORT_QUERIES].out_of_scope
    assert sorted(outside) == ["calibration", "test"]
    for examples in outside.values():
        assert examples.labels is None and examples.teacher_logits is not None
