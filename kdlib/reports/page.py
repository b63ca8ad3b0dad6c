"""What does the page of a report look like?

One file that needs nothing else: words first, then whatever sections the report has, and how it was
made. It asks the network for nothing, and forbids the browser to.
"""

import base64
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from importlib import metadata
from string import Template

import matplotlib as mpl
from matplotlib.figure import Figure

from kdlib import __version__
from kdlib.fidelity.page import Table, html_table
from kdlib.figures import use_style
from kdlib.figures.show import png
from kdlib.reports.answer_files import Fingerprint

UNBROKEN = re.compile(r"\[(-?[\d.]+), (-?[\d.]+)\]")  # ends of an interval, not broken at a line
PACKAGES = ("numpy", "torch", "scipy", "matplotlib")
DPI = 190  # sharp on a telephone, and at 200 % zoom


@dataclass(frozen=True)
class Origin:
    """From which files, by role, a report was made, what is in them, and by which command."""

    command: str
    files: Mapping[str, Fingerprint]
    contents: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    """A figure as PNG, its heading, what is drawn, and its caption."""

    heading: str
    drawn: str
    caption: str
    png: bytes


def versions() -> dict[str, str]:
    """Return the versions of Python and of what computes and draws."""
    ours = {"kdlib": __version__, "python": platform.python_version()}
    return ours | {name: metadata.version(name) for name in PACKAGES}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside, and leave the user's own settings as they were."""
    with mpl.rc_context():
        use_style()
        yield


def picture(figure: Figure, heading: str, drawn: str, caption: str) -> Picture:
    """Return a figure ready for a page; draw it and call this inside `house_style`."""
    return Picture(heading, drawn, caption, png(figure, dpi=DPI))


def whole_page(title: str, heading: str, sections: Mapping[str, str], origin: Origin) -> str:
    """Return a page as HTML, with a section on how it was made at its end.

    Args:
        title, heading: text.
        sections: title -> HTML.
    """
    parts = {**sections, "How it was made": _made(origin)}
    body = "".join(f"<section><h2>{title}</h2>{part}</section>" for title, part in parts.items())
    return PAGE.substitute(
        title=escape(title),
        heading=escape(heading),
        body=UNBROKEN.sub(r"[\1,&nbsp;\2]", body).replace(" %", "&nbsp;%"),
    )


def file_name(file: str) -> str:
    """Return the name of a file without its folders."""
    return file.replace("\\", "/").rsplit("/", 1)[-1]


def html_tables(tables: Iterable[Table]) -> str:
    """Return tables in boxes that scroll on their own where they are too wide, also by keyboard."""
    return "".join(
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(table.caption)}">'
        f"{html_table(table)}</div>"
        for table in tables
    )


def html_figures(pictures: Iterable[Picture]) -> str:
    """Return figures beside each other where there is room."""
    return f'<div class="figures">{"".join(map(_figure, pictures))}</div>'


def html_glossary(entries: Iterable[tuple[str, str]]) -> str:
    """Return words, and what each means."""
    return f"<dl>{''.join(map(_explained, entries))}</dl>"


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    return (
        f"<figure><h3>{escape(picture.heading)}</h3>"
        f'<img src="data:image/png;base64,{data}" alt="{escape(picture.drawn)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _explained(entry: tuple[str, str]) -> str:
    word, meaning = map(escape, entry)
    return f"<dt>{word}</dt><dd>{meaning}</dd>"


def _made(origin: Origin) -> str:
    files = "".join(
        f"<dt>{escape(role)}</dt><dd>{escape(file.file)}: {escape(origin.contents[role])}, "
        f"{file.size:,} bytes; sha256 of {file.covers} <code>{file.sha256}</code></dd>"
        for role, file in origin.files.items()
    )
    used = ", ".join(f"{escape(name)} {escape(number)}" for name, number in origin.versions.items())
    command = (
        '<pre class="table" role="region" tabindex="0" aria-label="The command">'
        f"{escape(origin.command)}</pre>"
    )
    return f"{command}<dl>{files}</dl><p>{used}</p>"


PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --line: #767676; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --paper: #161616; --line: #8f8f8f; } }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; font: 1rem/1.55 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; }
p, dd { max-width: 44rem; }
.words p:first-child { font-size: 1.25rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; }
caption { font-weight: bold; padding-bottom: .3rem; }
th, td { padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; font-variant-numeric: tabular-nums; }
.figures { display: grid; gap: 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; }
img { width: 100%; max-width: 34rem; height: auto; }
dt { font-weight: bold; margin-top: .8rem; }
dd { margin: 0; }
dd, code { overflow-wrap: anywhere; }
@media (max-width: 30rem) { th, td { padding-right: .6rem; } }
@page { margin: 2cm; }
@media print {
  :root { color-scheme: light; --ink: #000000; --paper: #ffffff; --line: #767676; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  figure, tr, dt, dd { break-inside: avoid; }
  h2, h3, caption, dt { break-after: avoid; }
  .table { overflow: visible; white-space: pre-wrap; }
  table { white-space: normal; } }
</style>
</head>
<body>
<main>
<h1>$heading</h1>
$body
</main>
</body>
</html>
""")
