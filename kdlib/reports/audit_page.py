"""What does the page of an audit look like?

One file that needs nothing else: words first, then numbers, figures, the worst examples, how to read
all this, and how it was made. It asks the network for nothing, and forbids the browser to.
"""

import base64
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import metadata
from string import Template

from kdlib import __version__
from kdlib.fidelity.page import Table, html_table, html_words
from kdlib.fidelity.report import FidelityReport, number_tables, worst_tables
from kdlib.reports.answer_files import Fingerprint
from kdlib.reports.audit_pictures import Picture

UNBROKEN = re.compile(r"\[(-?[\d.]+), (-?[\d.]+)\]")  # ends of an interval, not broken at a line
PACKAGES = ("numpy", "torch", "scipy", "matplotlib")


@dataclass(frozen=True)
class Origin:
    """From which files, by role, a report was made, what is in them, and by which command."""

    command: str
    files: Mapping[str, Fingerprint]
    contents: Mapping[str, str]
    versions: Mapping[str, str]


def versions() -> dict[str, str]:
    """Return the versions of Python and of what computes and draws."""
    ours = {"kdlib": __version__, "python": platform.python_version()}
    return ours | {name: metadata.version(name) for name in PACKAGES}


def audit_page(report: FidelityReport, pictures: Sequence[Picture], origin: Origin) -> str:
    """Return the page as HTML."""
    student, teacher = (escape(_short(origin.files[role].file)) for role in ("student", "teacher"))
    parts = {
        "In words": f'<div class="words">{html_words(report.words)}</div>',
        "In numbers": _tables(number_tables(report)),
        "In figures": f'<div class="figures">{"".join(map(_figure, pictures))}</div>',
        "The worst examples": f"{_tables(worst_tables(report))}{WORST}",
        "How to read this": f"<dl>{''.join(map(_explained, READING))}</dl>",
        "How it was made": _made(origin),
    }
    body = "".join(f"<section><h2>{title}</h2>{part}</section>" for title, part in parts.items())
    return PAGE.substitute(
        title=f"Fidelity audit: {student} beside {teacher}",
        heading=f"Does {student} mimic {teacher}?",
        body=UNBROKEN.sub(r"[\1,&nbsp;\2]", body).replace(" %", "&nbsp;%"),
    )


def _short(file: str) -> str:
    """The name of a file without its folders."""
    return file.replace("\\", "/").rsplit("/", 1)[-1]


def _tables(tables: Iterable[Table]) -> str:
    """Tables in boxes that scroll on their own where they are too wide, also by keyboard."""
    return "".join(
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(table.caption)}">'
        f"{html_table(table)}</div>"
        for table in tables
    )


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


WORST = (
    "<p>Rows are counted from 0. Look at these inputs themselves: often they have something in "
    "common, such as a wrong label, a rare kind, or a damaged input.</p>"
)
READING = (
    (
        "Intervals, [low, high]",
        "What other inputs of the same kind could have shown, at 95 %. They speak of these very "
        "models: one model of each cannot say what training again would give.",
    ),
    (
        "Agreement",
        "How often both models have the same first answer. Two accurate models agree without ever "
        "having met, so it means little without a control.",
    ),
    (
        "Control",
        "A model trained as the student was, but without the teacher. What both have came for free. What "
        "the student has beyond it came with the teacher, or with whatever else differed in training.",
    ),
    (
        "KL(teacher || student), in nats",
        "How far the student's probabilities are from the teacher's: 0 for the same, infinite where "
        "the student calls impossible what the teacher allows. The mean hides a few lost inputs; "
        "the 99th percentile and the largest show them.",
    ),
    (
        "Flip budget",
        "The least KL at which another first answer is possible, given the teacher's probabilities. "
        "Below it both are bound to give the same answer.",
    ),
    (
        "Cohen's kappa and error consistency",
        "Agreement beyond what chance alone would give: kappa from how often each answer is given, "
        "error consistency from the two accuracies. 0 is chance, 1 a perfect copy.",
    ),
    (
        "Repeated mistakes",
        "Of the inputs on which the teacher is wrong, on how many the student gives the same wrong "
        "answer. A student that learned from labels would repeat about as many as the control.",
    ),
    (
        "Parts of the inputs",
        "Every part has its own interval, so of twenty about one misses the truth, and the lowest of "
        "many looks worse than it is: check a surprising one on new inputs.",
    ),
)
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
