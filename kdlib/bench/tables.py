"""How does a table look alike in a terminal and on a page?

As Markdown whose columns are padded to one width.
"""

from collections.abc import Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; bars inside a cell are escaped.

    >>> print(markdown(["loss", "time"], [["eager KL", "1.00"], ["ours", "0.31"]]))
    | loss     | time |
    | -------- | ---- |
    | eager KL | 1.00 |
    | ours     | 0.31 |
    """
    lines = [[cell.replace("|", r"\|") for cell in line] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)
