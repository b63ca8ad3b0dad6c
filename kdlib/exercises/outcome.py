"""How is a learner told?

An `Outcome` is the answer of a check, a `Note` is a hint or a solution. Both read as well in plain
text as in a page: the status stands in words, with a symbol and a colour that only repeat it;
text takes the colour of the theme, light or dark. Messages are plain sentences in which `code`
and *emphasis* may be marked; all else is shown as it is written.
"""

import re
from dataclasses import dataclass
from html import escape, unescape

CORRECT = "correct"
NOT_YET = "not yet"
NOT_ATTEMPTED = "not attempted yet"
COULD_NOT_CHECK = "could not check"

SYMBOLS = {CORRECT: "✓", NOT_YET: "△", NOT_ATTEMPTED: "○", COULD_NOT_CHECK: "?"}

# Each stands out from a white page and from JupyterLab's dark one (#111111) by at least 3:1.
COLOURS = {
    CORRECT: "#2e8b57",
    NOT_YET: "#b8690f",
    NOT_ATTEMPTED: "#6f7d8c",
    COULD_NOT_CHECK: "#7a6fd0",
}


@dataclass(frozen=True, repr=False)
class Outcome:
    """What came of a check: one of the four statuses above, and what to say about it."""

    status: str
    message: str
    title: str

    def __str__(self) -> str:
        return f"{SYMBOLS[self.status]} {self.status} · {self.title}\n{self.message}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return (
            f'<div role="status" style="border-left:4px solid {COLOURS[self.status]};'
            'padding:0.3em 0.8em;color:var(--jp-content-font-color1,currentColor)">'
            f"<strong>{badge(self.status)}</strong> · {escape(self.title)}"
            f"<br>{as_html(self.message)}</div>"
        )


@dataclass(frozen=True, repr=False)
class Note:
    """A piece of Markdown with a title: a hint or a solution."""

    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.title}\n\n{self.text}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"**{self.title}**\n\n{self.text}"


def badge(status: str, words: str = "") -> str:
    """HTML of a status: a symbol for the eye, the words for everybody."""
    return f'<span aria-hidden="true">{SYMBOLS[status]}</span> {escape(words or status)}'


def as_html(text: str) -> str:
    """A message as HTML: `code` and *emphasis* marked up, line breaks kept, the rest escaped.

    >>> as_html("`a < b` is *not* what you want")
    '<code>a &lt; b</code> is <em>not</em> what you want'
    """
    pieces = re.split(r"`([^`\n]+)`", text)  # every second piece is code
    pieces[0::2] = [_emphasised(escape(piece)) for piece in pieces[0::2]]
    pieces[1::2] = [f"<code>{escape(piece)}</code>" for piece in pieces[1::2]]
    return "".join(pieces).replace("\n", "<br>")


def as_plain(text: str) -> str:
    """A message without its marks, where neither HTML nor Markdown is understood.

    >>> as_plain("`a < b` is *not* what you want")
    'a < b is not what you want'
    """
    return unescape(re.sub(r"<[^>]*>", "", as_html(text)))


def _emphasised(html: str) -> str:
    strong = re.sub(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*", r"<strong>\1</strong>", html)
    return re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"<em>\1</em>", strong)
