"""The stored answers of a real language model are whole, and cutting them does what theory says."""

import pytest
import torch

from kdlib import divergences, llm_answers
from kdlib.data import data_folder
from kdlib.llm_answers import EXACT, FILE, favourites_and_rest, load_llm_answers

NAMED = {
    "kl": divergences.kl,
    "reverse_kl": lambda p, q, log: divergences.kl(q, p, log=log),
    "total_variation": divergences.total_variation,
    "js": divergences.js,
}


@pytest.fixture(scope="module")
def answers():
    return load_llm_answers()


def test_the_favourites_come_first_and_everything_sums_to_one(answers):
    kept = answers.whole[:, :-1]
    assert (kept.diff(dim=1) <= 0).all()
    for log_p in (answers.whole, *answers.variants.values()):
        assert log_p.shape == (len(answers.next), 129)
        assert torch.allclose(log_p.exp().sum(1), torch.ones(len(answers.next)).double())
    assert answers.vocabulary == 49_152


def test_the_file_is_small():
    assert (data_folder() / FILE).stat().st_size < 4_000_000


def test_the_model_knows_the_capitals(answers):
    rows = [i for i, token in enumerate(answers.next.tolist())
            if answers.prints[token] in (" Rome", " Tokyo", " Paris")]  # fmt: skip
    assert rows
    for i in rows:
        assert answers.prints[answers.next[i].item()] in answers.words(i)


@pytest.mark.parametrize("name", EXACT)
def test_cutting_never_makes_a_divergence_larger(answers, name):
    place = EXACT.index(name)
    for variant, q in answers.variants.items():
        exact = answers.exact[variant][:, place]
        before = torch.zeros_like(exact)
        for top in (1, 8, 128):
            found = NAMED[name](
                favourites_and_rest(answers.whole, top), favourites_and_rest(q, top), log=True
            )
            assert (found >= before - 1e-9).all()  # more classes, more to tell apart
            before = found
        assert (before <= exact + 0.005 * exact + 0.002).all()  # the file has float16


def test_the_more_is_damaged_the_further(answers):
    means = {name: exact.mean(0) for name, exact in answers.exact.items()}
    for nearer, further in (("bfloat16", "4-bit weights"), ("4-bit weights", "3-bit weights"),
                            ("29 of 30 layers", "27 of 30 layers"),
                            ("27 of 30 layers", "20 of 30 layers")):  # fmt: skip
        assert (means[nearer] < means[further]).all()


@pytest.mark.parametrize("damage", [lambda b: b[:5000], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_file_is_named_with_the_way_back(damage, tmp_path, monkeypatch):
    (tmp_path / FILE).write_bytes(damage((data_folder() / FILE).read_bytes()))
    monkeypatch.setattr(llm_answers, "data_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"llm_logprobs.safetensors is damaged.*git checkout"):
        load_llm_answers()


def test_a_missing_file_says_how_to_get_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(llm_answers, "data_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="git checkout"):
        load_llm_answers()


def test_the_rest_is_the_sum_of_what_is_not_kept():
    log_p = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    assert torch.allclose(favourites_and_rest(log_p, 2).exp(), torch.tensor([[0.5, 0.25, 0.25]]))
    with pytest.raises(ValueError, match="k is 5"):
        favourites_and_rest(log_p, 5)
