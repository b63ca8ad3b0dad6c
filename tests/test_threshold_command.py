"""`python -m kdlib threshold` and `recommend`, on two classifiers of scikit-learn that nobody here made."""

import json
import re

import numpy as np
import pytest
import torch
from report_pages import (
    Page,
    assert_can_be_read_without_seeing_it,
    assert_needs_nothing_from_outside,
    run,
)

from kdlib import __main__ as command
from kdlib.cascade.certificate import certified_threshold
from kdlib.cascade.report import recommend
from kdlib.cascade.seen import seen_risk

ROLES = ("small", "large", "labels")
PRICES = {"small_cost": 1.0, "large_cost": 20.0}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with answers to 997 digits: a small model of 50 labelled ones, a forest of 750."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("digits")
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order] / 16, y[order]
    small = LogisticRegression(max_iter=500).fit(x[:50], y[:50])
    large = RandomForestClassifier(60, random_state=0).fit(x[50:800], y[50:800])
    for name, model in {"small": small, "large": large}.items():
        np.save(folder / f"{name}.npy", model.predict_proba(x[800:]))
    np.save(folder / "labels.npy", y[800:])
    return folder


@pytest.fixture(scope="module")
def arrays(digits):
    return {role: np.load(digits / f"{role}.npy") for role in ROLES}


def line(folder, *more, **instead):
    files = {role: str(folder / f"{role}.npy") for role in ROLES} | instead
    given = [part for role, file in files.items() for part in (f"--{role}", file)]
    return ["threshold", *given, "--small-cost=1", "--large-cost=20", *more]


@pytest.fixture(scope="module")
def done(digits):
    files = [f"--{role}={role}.npy" for role in ROLES]
    more = ["--small-cost=1", "--large-cost=20", "--risk=0.05", "--out=t.html", "--json=t.json"]
    return run("threshold", *files, *more, folder=digits)


@pytest.fixture(scope="module")
def page(done, digits):
    return Page((digits / "t.html").read_text(encoding="utf-8"))


# What it finds ------------------------------------------------------------------------------


def test_every_number_is_what_counting_gives(arrays):
    report = recommend(**arrays, **PRICES, risk=0.05)
    right = {name: arrays[name].argmax(1) == arrays["labels"] for name in ("small", "large")}
    sure = arrays["small"].max(1)
    kept = sure >= report.certificate.threshold
    cascade = np.where(kept, right["small"], right["large"])
    assert report.certificate == certified_threshold(sure, ~right["small"], 0.05)
    assert report.small.estimate == right["small"].mean()
    assert report.gain.estimate == pytest.approx(right["large"].mean() - right["small"].mean())
    assert report.quality.estimate == cascade.mean()
    assert report.over_large.estimate == pytest.approx(cascade.mean() - right["large"].mean())
    assert report.bill.cost == pytest.approx(1 + 20 * (~kept).mean())
    assert report.curve.quality_at((~kept).mean()) == pytest.approx(cascade.mean())


@pytest.mark.parametrize("promise", ["kept", "inputs", "cascade"])
def test_the_certified_threshold_is_the_last_below_the_line_on_the_way(arrays, promise):
    report = recommend(**arrays, **PRICES, risk=0.1, promise=promise)
    seen = report.seen
    beyond = [bound > 0.1 for bound in seen.upper]
    first = beyond.index(True) if any(beyond) else len(beyond)
    kept = report.certificate.kept / report.certificate.n
    last_accepted, first_refused = seen.kept[first - 1], seen.kept[first]
    assert last_accepted <= kept < first_refused  # both ends, because the curve is thinned


def test_logits_and_probabilities_tensors_and_arrays_give_the_same(arrays):
    plain = recommend(**arrays, **PRICES, risk=0.05)
    logits = {name: torch.from_numpy(arrays[name]).log() for name in ("small", "large")}
    same = recommend(**logits, labels=arrays["labels"], **PRICES, risk=0.05)
    assert same.certificate.kept == plain.certificate.kept
    assert same.taken_for == {"small": "logits", "large": "logits"}
    assert same.bill == plain.bill and same.quality == plain.quality


def test_without_a_certificate_there_is_no_threshold_and_no_bill(arrays):
    report = recommend(**arrays, **PRICES, risk=0.0005)
    assert (
        report.certificate.threshold is report.quality is report.bill is report.over_large is None
    )
    assert any("cannot certify" in sentence for sentence in report.words)
    assert "threshold" not in str(report).split("The two models and their cascade")[1]


def test_a_large_model_that_is_no_better_is_said(arrays):
    report = recommend(arrays["small"], arrays["small"], arrays["labels"], **PRICES, risk=0.1)
    assert any("cannot tell that the large model is better" in words for words in report.words)
    assert report.band.apgr is None and report.over_large.estimate == 0
    assert report.over_large.low < 0 < report.over_large.high  # not [0, 0]


def test_rounded_confidences_are_said_to_tie(arrays):
    rounded = np.tile([0.9, 0.1], (300, 1)), np.tile([1.0, 0.0], (300, 1))
    report = recommend(*rounded, np.arange(300) % 20 // 19, **PRICES, risk=0.1)
    assert any("Many inputs have the same confidence" in words for words in report.words)


def test_the_upper_bound_is_clopper_and_pearsons():
    from scipy.stats import binomtest

    rng = np.random.default_rng(0)
    score, wrong = rng.random(150), rng.random(150) < 0.1
    found = seen_risk(score, wrong, 0.2, 0.05, "kept")
    for share, risk, upper in zip(found.kept, found.risk, found.upper, strict=True):
        n = round(150 * share)
        test = binomtest(round(risk * n), n).proportion_ci(0.90, "exact")  # 5 % on either side
        assert upper == pytest.approx(test.high)


# The command --------------------------------------------------------------------------------


def test_it_says_in_words_what_the_function_finds(done, arrays, digits):
    report = recommend(**arrays, **PRICES, risk=0.05)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [*report.words, "Written: t.html", "Written: t.json"]
    kept = json.loads((digits / "t.json").read_text())
    assert {name: kept[name] for name in report.to_dict()} == json.loads(
        json.dumps(report.to_dict())
    )
    assert kept["origin"]["command"].startswith("python -m kdlib threshold --small=small.npy")


def test_the_page_needs_nothing_from_outside(page):
    assert_needs_nothing_from_outside(page)


def test_the_page_can_be_read_without_seeing_it(page):
    assert_can_be_read_without_seeing_it(page, figures=3)


def test_the_page_says_all_that_the_terminal_says(page, done):
    headings = re.findall(r"<h2>(.*?)</h2>", page.html)
    assert headings == ["In words", "In numbers", "In figures", "How to read this",
                        "How it was made"]  # fmt: skip
    assert all(sentence in page.text for sentence in done.stdout.splitlines()[:-2])


def test_a_page_without_a_certificate_has_its_figures(digits, tmp_path):
    out = tmp_path / "t.html"
    assert command.main(line(digits, "--risk=0.0005", "--out", str(out))) == 0
    page = Page(out.read_text(encoding="utf-8"))
    assert_can_be_read_without_seeing_it(page, figures=3)
    assert "because there is none" in page.text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--risk=2"], "risk is 2.0, expected a number between 0 and 1"),
        (["--risk=0.1", "--small-cost=-1"], "small_cost is -1.0, expected a finite number"),
        (["--risk=0.1", "--large-cost=0"], "large_cost is 0"),
        (["--risk=0.1", "--labels=missing.npy"], "missing.npy is missing"),
    ],
)
def test_an_error_is_one_sentence_and_ends_with_one(more, message, digits, capsys):
    assert command.main(line(digits, *more)) == 1
    told = capsys.readouterr()
    assert message in told.err and "Traceback" not in told.err and told.out == ""


def test_models_of_other_inputs_are_refused(digits, arrays, tmp_path, capsys):
    np.save(tmp_path / "fewer.npy", arrays["large"][:-1])
    assert command.main(line(digits, "--risk=0.1", large=str(tmp_path / "fewer.npy"))) == 1
    assert "fewer.npy" in capsys.readouterr().err


def test_a_command_that_is_not_understood_ends_with_two(digits, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(line(digits, "--risk=0.1", "--promise=all"))
    assert "--promise" in capsys.readouterr().err
