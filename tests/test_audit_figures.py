"""The figures of an audit show what the report holds, and their curves are those of the rows."""

import csv
import io
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_fidelity_counter import data

from kdlib.audit import audit, reliabilities
from kdlib.fidelity.curves import LEAST, PARTS, POINTS, curves
from kdlib.figures.audit import (
    agreement_along_margin,
    agreement_rows,
    kl_shares,
    reliability_chart,
)
from kdlib.figures.plotted import as_csv
from kdlib.reports.audit_pictures import pictures

TEACHER, STUDENT, LABELS, CONTROL = data(500)
REPORT = audit(TEACHER, STUDENT, LABELS, CONTROL)
BINS = reliabilities(REPORT, {"teacher": TEACHER, "student": STUDENT}, LABELS)
KINDS = {
    "agreement": lambda: agreement_rows({"student": REPORT.agreement}, "t"),
    "kl": lambda: kl_shares(REPORT.curves, "t"),
    "margin": lambda: agreement_along_margin(REPORT.curves, "t"),
    "reliability": lambda: reliability_chart(BINS, "t"),
}


def plotted(figure):
    """The numbers of a figure: {(label, x)} -> y, and all texts."""
    rows = list(csv.DictReader(io.StringIO(as_csv(figure))))
    return rows, {text.get_text() for text in figure.findobj(plt.Text)}


# Curves -------------------------------------------------------------------------------------

SHARES = st.floats(0, 1, allow_subnormal=False)


@given(st.lists(st.tuples(st.floats(0, 5) | st.just(math.inf), st.booleans(), st.booleans(), SHARES),
                min_size=2, max_size=60))  # fmt: skip
def test_curves_are_shares_of_the_rows_and_parts_of_the_margins(rows):
    kl, uncertified, agrees, margin = map(np.array, zip(*rows, strict=True))
    found = curves(kl, uncertified, agrees, margin)
    for at, share, certified in zip(found.kl, found.share, found.certified, strict=True):
        assert share == np.mean(kl <= at) and certified == np.mean((kl <= at) & ~uncertified)
    assert found.kl[0] == kl.min() and found.kl[-1] == kl.max() and found.share[-1] == 1
    assert list(found.margin) == sorted(found.margin)
    assert len(found.margin) <= max(1, len(rows) // LEAST)


def test_curves_stay_small_and_their_parts_hold_all_inputs():
    rng = np.random.default_rng(0)
    kl, margin, agrees = rng.exponential(size=9999), rng.random(9999), rng.random(9999) < 0.9
    found = curves(kl, kl > 1, agrees, margin)
    assert len(found.kl) == POINTS and len(found.margin) == PARTS
    assert np.mean([part.estimate for part in found.agreement]) == pytest.approx(
        agrees.mean(), abs=1e-4
    )
    assert found.certified[-1] == pytest.approx(np.mean(kl <= 1))


def test_a_report_has_the_curves_of_student_and_control():
    assert set(REPORT.curves) == {"student", "control"}
    assert REPORT.curves["student"].kl[-1] == REPORT.kl.max
    reached = 1 - REPORT.curves["student"].certified[-1]
    assert reached == pytest.approx(REPORT.kl.above_budget.estimate)
    assert audit(TEACHER, STUDENT).curves == {"student": REPORT.curves["student"]}


# Figures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_pyplot_does_not_know_the_figure_and_its_title_is_shown(make):
    plt.close("all")
    assert "t" in plotted(make())[1]
    assert plt.get_fignums() == []


def test_the_numbers_of_the_report_are_drawn():
    _, texts = plotted(KINDS["agreement"]())
    assert f"{100 * REPORT.agreement.estimate:.1f} %" in texts
    rows, texts = plotted(KINDS["kl"]())
    assert {"student", "control", "student, below flip budget"} <= texts
    heights = [float(row["y"]) for row in rows if row["y"]]
    assert 100.0 in heights and 0 <= min(heights) and max(heights) <= 103
    for kind, points in {
        "margin": REPORT.curves["student"].agreement,
        "reliability": [part.accuracy for part in BINS["student"]],
    }.items():
        drawn = {f"{float(row['y']):.2f}" for row in plotted(KINDS[kind]())[0] if row["y"]}
        assert {f"{100 * point.estimate:.2f}" for point in points} <= drawn


@pytest.mark.parametrize("kl", [[0.0] * 4, [math.inf] * 4, [0.0, 1e-9, 0.5, math.inf]])
def test_kl_of_zero_and_infinity_can_be_drawn(kl):
    kl = np.array(kl)
    found = curves(kl, kl > 0.1, kl < 0.1, np.linspace(0, 1, 4))
    ax = kl_shares({"student": found}).axes[0]
    x, y = ax.get_lines()[0].get_data()
    assert (
        np.isfinite(x).all()
        and min(x) >= ax.get_xlim()[0]
        and max(y) == 100 * np.mean(kl < math.inf)
    )


# Pictures -----------------------------------------------------------------------------------


def test_every_picture_has_a_finding_a_description_and_a_caption():
    made = pictures(REPORT, BINS)
    assert len(made) == 4 and len(pictures(REPORT)) == 3
    assert all(picture.png.startswith(b"\x89PNG") for picture in made)
    assert all("student" in p.heading + p.caption and len(p.drawn) > 60 for p in made)
    assert "from all 500 rows" in made[3].caption
    assert [p.png for p in pictures(REPORT, BINS)] == [p.png for p in made]


def test_infinite_kl_is_in_the_heading():
    report = audit([[0.5, 0.5]] * 4, [[1.0, 0.0]] + [[0.5, 0.5]] * 3)
    assert pictures(report)[1].heading.startswith("KL is 0 nats at the median, infinite on 25 %")
