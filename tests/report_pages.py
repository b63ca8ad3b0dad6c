"""What tests of the commands on files share: running one, and reading the page it wrote."""

import re
import subprocess
import sys
from html.parser import HTMLParser


def run(*arguments, folder=None):
    """The command as from a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "kdlib", *arguments], capture_output=True, text=True, cwd=folder
    )


class Page(HTMLParser):
    """Tags with their attributes in order, and the text without spaces that may not be broken."""

    def __init__(self, html):
        super().__init__()
        self.html, self.found, self.text, self.open = html, [], "", []
        self.feed(html)
        self.text = self.text.replace("\xa0", " ")

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def assert_needs_nothing_from_outside(page):
    assert "://" not in page.html and "<script" not in page.html and "<link" not in page.html
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    (policy,) = [x for x in page.all("meta") if "http-equiv" in x]
    assert policy["content"].startswith("default-src 'none'")


def assert_can_be_read_without_seeing_it(page, figures):
    assert page.open == [] and page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert len(page.all("table")) == len(page.all("caption")) >= 1
    assert {head.get("scope") for head in page.all("th")} == {"col", "row"}
    assert len(page.all("img")) == len(page.all("figcaption")) == figures
    assert all(len(image["alt"]) > 60 for image in page.all("img"))
