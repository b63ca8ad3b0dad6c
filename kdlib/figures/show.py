"""How does a figure reach every reader?

`show` is the only way a lesson shows a figure. The page gets an opaque PNG and the same thing in
words, which screen readers, plain-text readers and search engines read: JupyterLab gives pictures
no alternative text (Jupyter enhancement proposal, issue 120), so the words stand in the page.
With the environment variable KDLIB_FIGURES set, the figure is also written to that folder.
"""

import io
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from kdlib import checks
from kdlib.figures.export import export

PAGE_DPI = 100


def show(fig: Figure, *, name: str, alt: str) -> None:
    """Show a figure and its description, export it if asked to, and close it.

    Args:
        fig: the matplotlib figure.
        name: kebab-case, unique in the course: the file name of an exported figure.
        alt: what the figure shows, in words; at least 40 characters.

    Raises:
        TypeError: `fig` is not a figure.
        ValueError: the name is not kebab-case, or the description is too short.
    """
    checks.figure(fig, "fig")
    checks.figure_name(name)
    words = checks.figure_words(alt)
    publish(picture_bundle(png(fig), words), {"image/png": {"alt": words}})
    publish(words_bundle(words, "Figure in words"))
    export(fig, name, words)
    plt.close(fig)


def png(fig: Figure, *, dpi: int = PAGE_DPI) -> bytes:
    """The figure as PNG: opaque, and the same bytes for the same figure."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def picture_bundle(picture: bytes, words: str) -> dict[str, Any]:
    """The MIME bundle of a picture that says in plain text what it shows."""
    return {"image/png": picture, "text/plain": f"Figure: {words}"}


def words_bundle(words: str, summary: str) -> dict[str, str]:
    """The MIME bundle of a folded description."""
    folded = f"<details><summary>{escape(summary)}</summary><p>{escape(words)}</p></details>"
    return {"text/html": folded, "text/plain": f"{summary}: {words}"}


def publish(bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Display a bundle in a notebook; print its plain text outside of one."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(bundle["text/plain"])
        return
    display(bundle, raw=True, metadata=metadata or {})  # type: ignore[no-untyped-call]
