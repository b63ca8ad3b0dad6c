"""The benchmark of the deferral curve compares runs of the same round."""

import os

from test_bench import rows_of

from kdlib.bench import cascade


def test_a_line_is_a_ratio_of_the_same_round():
    cells = cascade._line("curve", [0.002, 0.004, 0.008], [0.001, 0.002, 0.004])
    assert cells == ("curve", "4.0", "2.00", "2.00–2.00")


def test_the_report_is_a_table_of_all_contenders():
    assert os.environ["KDLIB_QUIET"]
    printed = cascade.report(inputs=500, repeats=2)
    assert printed.startswith("500 inputs, numpy ") and "2 rounds in turns" in printed
    rows = rows_of(printed)
    assert [row[0] for row in rows] == list(cascade._contenders(500))
    assert rows[0][2] == "1.00" and float(rows[2][2]) > 1
