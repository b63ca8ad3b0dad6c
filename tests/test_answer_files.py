"""Files of answers: every kind gives the same numbers, damage is named, nothing is ever unpickled."""

import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from kdlib.reports import answer_files
from kdlib.reports.answer_files import fingerprint, open_answers, open_groups, open_labels

VALUES = np.random.default_rng(0).random((5, 3))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Messages name files as they were given, so tests give them without folders."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_csv(name, values=VALUES, head=""):
    np.savetxt(name, values, delimiter=",", header=head, comments="")


# Good files ---------------------------------------------------------------------------------


def test_npy_is_mapped_and_not_read():
    np.save("t.npy", VALUES)
    found = open_answers("t.npy")
    assert isinstance(found, np.memmap) and found.mode == "r"
    assert (found == VALUES).all()


@pytest.mark.parametrize("file", ["one.npz", "two.npz:b", "one.safetensors", "two.safetensors:b",
                                  "t.csv", "named.csv", "spreadsheet.csv"])  # fmt: skip
def test_every_kind_gives_the_same_numbers(file):
    np.savez("one.npz", VALUES)
    np.savez_compressed("two.npz", a=0 * VALUES, b=VALUES)
    save_file({"only": VALUES}, "one.safetensors")
    save_file({"a": 0 * VALUES, "b": VALUES}, "two.safetensors")
    save_csv("t.csv")
    save_csv("named.csv", head='cat,"dog, large",fox')
    with open("spreadsheet.csv", "w", encoding="utf-8-sig", newline="\r\n") as opened:
        opened.writelines(f"{','.join(map(repr, row))}\n" for row in VALUES.tolist())
    found = open_answers(file)
    assert found.shape == (5, 3) and np.allclose(np.asarray(found), VALUES, rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("0,1,2\n.5,.3,.2\n.1,.2,.7\n", 2),
        ("0,1\n0.5,0.5\n0.2,0.8\n", 2),
        ("0,1\n1,0\n0,1\n", 3),  # two classes, sure answers
        ("0.0,1.0\n0.5,0.5\n", 2),
    ],
)
def test_a_first_line_that_numbers_the_columns_is_no_input(text, rows):
    with open("t.csv", "w") as opened:
        opened.write(text)
    assert len(open_answers("t.csv")) == rows


def test_a_colon_in_the_name_of_a_file_is_no_name_of_an_array():
    np.savez("a:b.npz", VALUES)
    assert open_answers("a:b.npz").shape == (5, 3)


def test_bfloat16_tensors_stay_as_they_are():
    save_torch({"s": torch.zeros(2, 3, dtype=torch.bfloat16)}, "s.safetensors")
    assert open_answers("s.safetensors").dtype == torch.bfloat16


@pytest.mark.parametrize("head", ["", "label"])
def test_labels_in_text_are_whole_numbers(head):
    save_csv("y.csv", np.array([[2], [0], [1]]), head)
    assert open_labels("y.csv").tolist() == [2, 0, 1]
    assert open_labels("y.csv").dtype == np.int64
    np.save("y.npy", np.array([1, 2]))
    assert open_labels("y.npy").tolist() == [1, 2]


def test_fractions_among_labels_are_left_to_the_audit():
    save_csv("y.csv", np.array([[0.5], [1.0]]))
    assert open_labels("y.csv").tolist() == [0.5, 1.0]


def test_groups_in_text_may_have_a_name_on_top():
    with open("g.csv", "w") as opened:
        opened.write("thin\nbold\n\nthin\n")
    assert open_groups("g.csv", 3).tolist() == ["thin", "bold", "thin"]
    assert open_groups("g.csv", 2).tolist() == ["bold", "thin"]
    np.save("g.npy", np.array(["a", "b"]))
    assert open_groups("g.npy", 2).tolist() == ["a", "b"]


def test_large_files_are_told_apart_by_their_ends(monkeypatch):
    np.save("t.npy", VALUES)
    np.save("other.npy", VALUES)
    whole = fingerprint("t.npy")
    assert whole.covers == "the whole file" and whole.size == 248
    assert fingerprint("other.npy") == replace(whole, file="other.npy")
    monkeypatch.setattr(answer_files, "WHOLE", 0)
    monkeypatch.setattr(answer_files, "MEBIBYTE", 8)
    assert fingerprint("t.npy").covers == "its first and last MiB"
    changed = VALUES.copy()
    changed[-1, -1] += 1
    np.save("other.npy", changed)
    assert fingerprint("t.npy").sha256 != fingerprint("other.npy").sha256


# Wrong files --------------------------------------------------------------------------------


class Bomb:
    """What a pickle can do: run anything."""

    def __reduce__(self):
        return open, ("exploded", "w")


def bombs():
    with open("t.npy", "wb") as opened:
        pickle.dump(Bomb(), opened)
    shutil.copy("t.npy", "t.npz")
    shutil.copy("t.npy", "t.safetensors")
    shutil.copy("t.npy", "t.csv")
    shutil.copy("t.npy", "t.pkl")
    np.save("o.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    np.savez("o.npz", np.array([Bomb()], dtype=object))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            "t.npy",
            r"^t\.npy cannot be read \(it does not begin as a \.npy file does\), expected a ",
        ),
        ("t.npz", r"^t\.npz cannot be read \(File is not a zip file\), expected a whole"),
        ("t.safetensors", r"^t\.safetensors cannot be read"),
        ("t.csv", r"^t\.csv cannot be read"),
        ("t.pkl", r"^t\.pkl ends in '\.pkl', expected one of \.npy.*never opened"),
        ("o.npy", r"^o\.npy holds Python objects, expected plain numbers.*never unpickles"),
        ("o.npz", r"^o\.npz holds Python objects, expected plain numbers.*never unpickles"),
    ],
)
def test_nothing_is_unpickled(file, message, folder):
    bombs()
    with pytest.raises(ValueError, match=message):
        open_answers(file)
    assert not (folder / "exploded").exists()


def damage():
    np.save("t.npy", VALUES)
    np.savez("two.npz", a=VALUES, b=VALUES)
    save_file({"a": VALUES, "b": VALUES}, "two.safetensors")
    for name in ("t.npy", "two.npz", "two.safetensors"):
        with open(name, "rb") as whole, open(f"cut-{name}", "wb") as cut:
            cut.write(whole.read()[:-20])
    with open("two.npz", "rb") as whole, open("flipped.npz", "wb") as flipped:
        content = bytearray(whole.read())
        content[200] ^= 255
        flipped.write(content)
    open("empty.npy", "wb").close()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("cut-t.npy", r"cut-t\.npy cannot be read \(it is shorter than it says\), .*copy it again"),
        ("empty.npy", r"empty\.npy cannot be read"),
        ("cut-two.npz:a", r"cut-two\.npz cannot be read"),
        ("flipped.npz:a", r"flipped\.npz cannot be read \(Bad CRC-32"),
        ("cut-two.safetensors:a", r"cannot be read \(it is shorter than it says\)"),
        ("two.npz", r"two\.npz holds a, b, expected one array: choose one, .*two\.npz:a"),
        ("two.npz:c", r"two\.npz has no array 'c', expected one of those in it: a, b"),
        ("two.safetensors", r"two\.safetensors holds a, b, expected one array: choose one"),
        (".", r"\. is a folder, expected a file"),
        ("t.txt", r"t\.txt is missing"),
        ("tt.npy", r"tt\.npy is missing, expected a file of numbers: did you mean t\.npy\?"),
        ("no/t.npy", r"t\.npy is missing, expected a file of numbers: is the name right\?"),
    ],
)
def test_damaged_and_missing_files_are_named_with_what_to_do(file, message):
    damage()
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        open_answers(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv holds no numbers, expected one line of numbers per input"),
        ("\n\n", "t.csv holds no numbers"),
        ("a,b\n", "t.csv holds no numbers"),
        ("1;2\n3;4\n", "t.csv is separated by semicolons, expected commas"),
        ("0,5;0,5\n", "t.csv is separated by semicolons, expected commas"),
        ("1\t2\n", "t.csv is separated by tabs, expected commas"),
        ("a,b\n1,2\n\n3,x\n", "t.csv, line 4, column 2 holds 'x', expected a number"),
        ("1,2\n3,\n", "t.csv, line 2, column 2 holds '', expected a number"),
        ("1,2\n3,4,5\n", "t.csv, line 2 has 3 numbers, expected 2 as in the first"),
        (",a\n0,.5\n1,.5\n", "a column without a name, as pandas writes row numbers"),
        ("0,.5\n1,.5\n2,.5\n", "the numbers of its rows in its first column"),
    ],
)
def test_text_that_is_no_table_of_numbers_is_refused_by_line(text, message):
    with open("t.csv", "w") as opened:
        opened.write(text)
    with pytest.raises(ValueError, match=message):
        open_answers("t.csv")


def test_a_file_of_a_zip_that_is_no_array_is_refused():
    import zipfile

    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("notes", "not numbers")
    with pytest.raises(ValueError, match=r"t\.npz cannot be read \(notes in it is no array\)"):
        open_answers("t.npz")


def test_labels_and_groups_have_one_column():
    save_csv("y.csv")
    with pytest.raises(ValueError, match="y.csv has 3 columns, expected one, of class numbers"):
        open_labels("y.csv")
    with pytest.raises(ValueError, match="y.csv has 3 columns, expected one, of groups"):
        open_groups("y.csv", 5)
