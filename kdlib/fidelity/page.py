"""How does a report look as text, as a web page, and as JSON?

All three are made from sentences and tables. The page needs no colour and no picture: tables have a
caption, and headers that say what they head.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from kdlib.stats import Interval

LEFT = "text-align:left"


@dataclass(frozen=True)
class Table:
    """A caption, a line of headers, and lines of which the first cell says what they are about."""

    caption: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]


def as_text(sentences: Sequence[str], tables: Sequence[Table]) -> str:
    """Return sentences, then tables, for a terminal."""
    parts = ["\n".join(sentences)]
    parts += [f"{table.caption}\n{_text_table(table)}" for table in tables]
    return "\n\n".join(parts)


def as_html(title: str, sentences: Sequence[str], tables: Sequence[Table]) -> str:
    """Return the same as a part of a page."""
    return (
        f'<section aria-label="{escape(title)}">{html_words(sentences)}'
        f"{''.join(map(html_table, tables))}</section>"
    )


def html_words(sentences: Sequence[str]) -> str:
    """Return a paragraph for each sentence."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def html_table(table: Table) -> str:
    """Return a table with its caption, and headers that say what they head."""
    head = "".join(f'<th scope="col" style="{LEFT}">{escape(cell)}</th>' for cell in table.head)
    body = "".join(f"<tr>{_html_line(line)}</tr>" for line in table.lines)
    return (
        f'<table style="margin:1em 0"><caption style="{LEFT}">{escape(table.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def as_json(value: Any) -> Any:
    """Return what json.dumps can write: infinite numbers and NaN become "inf", "-inf" and "nan".

    >>> as_json({"largest": math.inf, "mean": None, "parts": (1, 0.5)})
    {'largest': 'inf', 'mean': None, 'parts': [1, 0.5]}
    """
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def percent(interval: Interval) -> str:
    """Return a share with its interval, in percent.

    >>> percent(Interval(0.931, 0.924, 0.938))
    '93.1 % [92.4, 93.8]'
    """
    estimate, ends = str(_hundredfold(interval)).split(" ", 1)
    return f"{estimate} % {ends}"


def points(interval: Interval) -> str:
    """Return a difference of shares with its interval, in percentage points.

    >>> points(Interval(0.014, 0.007, 0.021))
    '1.4 points [0.7, 2.1]'
    """
    estimate, ends = str(_hundredfold(interval)).split(" ", 1)
    return f"{estimate} points {ends}"


def nats(value: float) -> str:
    """Return a KL to three digits.

    >>> nats(0.02134), nats(math.inf)
    ('0.0213', 'inf')
    """
    return f"{value:.3g}"


def _text_table(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.head, *table.lines, strict=True)]
    rule = ["-" * width for width in widths]
    lines = ("  ".join(map(str.ljust, line, widths)) for line in (table.head, rule, *table.lines))
    return "\n".join(line.rstrip() for line in lines)


def _hundredfold(interval: Interval) -> Interval:
    estimate, low, high = (100 * x for x in (interval.estimate, interval.low, interval.high))
    return Interval(estimate, low, high, interval.confidence)


def _html_line(line: Sequence[str]) -> str:
    first, *rest = map(escape, line)
    return f'<th scope="row" style="{LEFT};font-weight:normal">{first}</th>' + "".join(
        f"<td>{cell}</td>" for cell in rest
    )
