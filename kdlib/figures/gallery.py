"""What is in a folder of exported figures?

`write_manifest` says for each figure from which lesson, seed, data and versions it came; no dates,
so that the same figures give the same manifest. `write_index` makes a page to browse them.
"""

import json
from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from kdlib.figures.export import SUFFIXES

MANIFEST = "manifest.json"
Entry = dict[str, Any]
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Figures of the course</title>
<style>
body {{ font-family: sans-serif; line-height: 1.5; max-width: 72rem; margin: 2rem auto;
  padding: 0 1rem; color: #1a1a1a; background: #ffffff; }}
.figures {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr));
  gap: 2rem; }}
figure {{ margin: 0; }}
img {{ width: 100%; height: auto; border: 1px solid #787878; }}
</style>
</head>
<body>
<main>
<h1>Figures of the course</h1>
<p>{count} figures. Each comes as a picture (PNG, SVG, PDF), as the plotted numbers (CSV) and in
words (TXT); <a href="{manifest}">{manifest}</a> says how each was made.</p>
{lessons}
</main>
</body>
</html>
"""


def figures_in(folder: Path) -> list[Path]:
    """The pictures of all complete figures: <folder>/<lesson>/<name>.png, in order."""
    pictures = sorted(folder.glob("*/*.png"))
    return [path for path in pictures if all(path.with_suffix(s).exists() for s in SUFFIXES)]


def read_manifest(folder: Path) -> dict[str, Entry]:
    """Figure name -> how it was made; empty where there is no manifest."""
    path = folder / MANIFEST
    entries = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else []
    return {entry["figure"]: entry for entry in entries}


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Write how each figure was made, in the order of lessons and names."""
    ordered = sorted(entries, key=lambda entry: (entry["lesson"], entry["figure"]))
    text = json.dumps({"figures": ordered}, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")


def write_index(folder: Path) -> None:
    """Write index.html: a thumbnail, the words and the files of every figure, by lesson."""
    pictures = figures_in(folder)
    lessons = (
        _lesson(lesson, list(group)) for lesson, group in groupby(pictures, lambda p: p.parent.name)
    )
    page = _PAGE.format(count=len(pictures), manifest=MANIFEST, lessons="\n".join(lessons))
    (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")


def _lesson(lesson: str, pictures: list[Path]) -> str:
    title = escape(lesson.replace("_", " "))
    figures = "\n".join(_figure(picture) for picture in pictures)
    return f'<h2 id="{escape(lesson)}">{title}</h2>\n<div class="figures">\n{figures}\n</div>'


def _figure(picture: Path) -> str:
    name, stem = escape(picture.stem), escape(f"{picture.parent.name}/{picture.stem}")
    words = escape(picture.with_suffix(".txt").read_text(encoding="utf-8").strip())
    links = " · ".join(
        f'<a href="{stem}{suffix}" aria-label="{name} as {suffix[1:].upper()}">'
        f"{suffix[1:].upper()}</a>"
        for suffix in SUFFIXES
    )
    return (
        f'<figure id="{name}"><a href="{stem}.png"><img src="{stem}.png" loading="lazy" '
        f'alt="{name}, described below"></a>\n<figcaption><h3>{name}</h3>\n<p>{words}</p>\n'
        f"<p>{links}</p></figcaption></figure>"
    )
