"""The benchmark of intervals knows the truth of its cases, and counts what lies outside."""

import numpy as np
import pytest

from kdlib.bench.coverage import Case, kl_of_students, measure, report, simulated

CASES = list(simulated())


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_the_truth_is_the_mean_difference_of_many_scores(case):
    rng = np.random.default_rng(1)
    means = [np.subtract(*case.draw(rng, 10_000)).mean() for _ in range(60)]
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - case.truth) < 4 * error


def test_misses_are_counted_on_their_side():
    def constant(rng, inputs):
        return np.ones(inputs), np.zeros(inputs)

    found = [measure(Case("", constant, truth), 10, times=20) for truth in (0.5, 1.0, 1.5)]
    assert [(x.covers.estimate, x.above, x.below) for x in found] == [
        (0, 0, 100), (1, 0, 0), (0, 100, 0)
    ]  # fmt: skip


def test_agreement_of_typical_models_is_covered_about_as_often_as_promised():
    found = measure(CASES[0], 200, times=300)
    assert 0.91 < found.covers.estimate < 0.98


def test_a_case_that_rests_on_few_inputs_is_covered_less():
    rare = next(case for case in CASES if "1.08%" in case.title)
    assert measure(rare, 200, times=300).covers.estimate < 0.93


def test_kl_of_trained_students_has_the_mean_of_its_population():
    case = kl_of_students(steps=3)
    a, b = case.draw(np.random.default_rng(0), 50_000)
    assert (a > 0).all() and np.mean(a - b) == pytest.approx(case.truth, abs=0.02)


def test_the_report_has_a_row_for_every_case_and_size():
    text = report(sizes=(50, 1000), times=2, cases=CASES[:2])
    head, _, *rows = text.splitlines()[2:]
    assert "covers, %" in head and len(rows) == 4
    assert [row.split("|")[2].strip() for row in rows] == ["50", "1,000"] * 2
    assert report(sizes=(50, 1000), times=2, cases=CASES[:2]) == text
