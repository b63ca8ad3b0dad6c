"""How does a shown figure become files?

With the environment variable KDLIB_FIGURES set to a folder, each figure becomes five files in
KDLIB_FIGURES/<lesson>/: <name>.png, .svg, .pdf, .csv (what is plotted) and .txt (in words).
KDLIB_LESSON names the lesson; KDLIB_FIGURES_ONLY restricts the export to names separated by
commas. No file holds a date, a version or a random id: a second run writes the same bytes.
"""

import os
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from kdlib.figures.plotted import as_csv

SUFFIXES = (".png", ".svg", ".pdf", ".csv", ".txt")
PRINT_DPI = 200


def export(fig: Figure, name: str, alt: str) -> None:
    """Write the files of a figure, if KDLIB_FIGURES asks for them."""
    folder = os.environ.get("KDLIB_FIGURES", "")
    only = os.environ.get("KDLIB_FIGURES_ONLY", "")
    if folder and (not only or name in only.split(",")):
        write_files(fig, Path(folder) / os.environ.get("KDLIB_LESSON", "lesson") / name, alt)


def write_files(fig: Figure, stem: Path, alt: str) -> None:
    """Write the five files `stem`.png … `stem`.txt; the same figure gives the same bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    for kind, metadata in _metadata(stem.name, alt).items():
        with mpl.rc_context({"svg.hashsalt": stem.name}):
            fig.savefig(f"{stem}.{kind}", format=kind, dpi=PRINT_DPI, metadata=metadata)
    Path(f"{stem}.csv").write_text(as_csv(fig), encoding="utf-8", newline="\n")
    Path(f"{stem}.txt").write_text(alt + "\n", encoding="utf-8", newline="\n")


def _metadata(name: str, alt: str) -> dict[str, dict[str, str | None]]:
    """Per format: the figure's own words, and nothing about when and by what it was drawn."""
    return {
        "png": {"Title": name, "Description": alt, "Software": None},
        "svg": {"Title": alt, "Date": None, "Creator": None},
        "pdf": {
            "Title": name,
            "Subject": alt,
            "CreationDate": None,
            "Creator": None,
            "Producer": None,
        },
    }
