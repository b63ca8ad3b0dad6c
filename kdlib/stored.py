"""Are the stored outputs of a notebook true?

`clean` leaves what a reader needs and what is the same on every machine. `differences` compares a
stored notebook with a fresh run: text exactly, pictures by their pixels, because a run on other
hardware may move a line by less than an eye can see, and because strict nbval compares no pictures
and passes where outputs are missing.
"""

import base64
import copy
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from nbformat import NotebookNode
from PIL import Image

from kdlib.front_end import WIDGET_VIEW

PIXEL_DISTANCE = 2.0  # root mean square over all pixels and channels, of 255
PICTURES = ("image/png", "image/jpeg")
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_PASSING = ("execution", "collapsed", "scrolled", "ExecuteTime")  # metadata of one run or screen


def clean(nb: NotebookNode) -> NotebookNode:
    """A copy without widget state, timings and versions; ids, texts and pictures are kept."""
    nb = copy.deepcopy(nb)
    language = {k: v for k, v in nb.metadata.get("language_info", {}).items() if k != "version"}
    nb.metadata.clear()
    nb.metadata.update(kernelspec=KERNELSPEC, language_info=language)
    nb.nbformat_minor = max(nb.nbformat_minor, 5)  # the first with cell ids
    for cell in nb.cells:
        for key in _PASSING:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _keeps_something(output)]
    return nb


def differences(stored: NotebookNode, fresh: NotebookNode) -> list[str]:
    """One sentence for each way in which a stored notebook is not what a fresh run gives."""
    old, new = ([cell.get("id", "") for cell in nb.cells] for nb in (stored, fresh))
    if old != new:
        return [f"the cells differ: stored {old}, fresh {new}"]
    return [
        f"cell {cell.id}: {sentence}"
        for cell, rerun in zip(stored.cells, fresh.cells, strict=True)
        for sentence in _cell_differences(cell, rerun)
    ]


def _keeps_something(output: NotebookNode) -> bool:
    """Drops the live view of a widget; false when nothing else was there."""
    if "data" not in output:
        return True
    output.data.pop(WIDGET_VIEW, None)
    return bool(output.data)


def _cell_differences(cell: NotebookNode, rerun: NotebookNode) -> Iterator[str]:
    if cell.source != rerun.source:
        yield f"the source is out of date: {_first_difference(cell.source, rerun.source)}"
    if cell.cell_type != "code" or not cell.source.strip():
        return
    if cell.execution_count is None:
        yield "was never run (it has no execution count)"
    elif cell.execution_count != rerun.execution_count:
        yield f"has execution count {cell.execution_count} instead of {rerun.execution_count}"
    if len(cell.outputs) != len(rerun.outputs):
        yield f"{len(cell.outputs)} outputs are stored, a fresh run gives {len(rerun.outputs)}"
        return
    for number, (output, again) in enumerate(zip(cell.outputs, rerun.outputs, strict=True), 1):
        yield from (f"output {number}: {text}" for text in _output_differences(output, again))


def _output_differences(output: NotebookNode, again: NotebookNode) -> Iterator[str]:
    old, new = _contents(output), _contents(again)
    if sorted(old) != sorted(new):
        yield f"{', '.join(sorted(old))} is stored, a fresh run gives {', '.join(sorted(new))}"
        return
    for kind in sorted(old):
        if kind not in PICTURES:
            if old[kind] != new[kind]:
                yield f"{kind} differs: {_first_difference(old[kind], new[kind])}"
        elif problem := picture_difference(old[kind], new[kind]):
            yield f"{kind} {problem}"


def picture_difference(stored: str, fresh: str) -> str:
    """What is wrong with a stored picture (base64), in words; empty when it is the same."""
    old, new = _pixels(stored), _pixels(fresh)
    if old.shape != new.shape:
        return f"has {old.shape[1]}×{old.shape[0]} pixels instead of {new.shape[1]}×{new.shape[0]}"
    distance = float(np.sqrt(np.mean((old - new) ** 2)))
    if distance > PIXEL_DISTANCE:
        return f"differs by {distance:.1f} of 255 (root mean square; {PIXEL_DISTANCE} is allowed)"
    return ""


def _contents(output: NotebookNode) -> dict[str, Any]:
    """Kind -> content, for all kinds of output alike."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": f"{output.ename}: {output.evalue}"}
    alt = {f"{kind} alt": about["alt"] for kind, about in output.metadata.items() if "alt" in about}
    return {**output.data, **alt}


def _pixels(picture: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        return np.asarray(image.convert("RGBA"), dtype=np.float64)


def _first_difference(old: Any, new: Any) -> str:
    for before, after in zip(f"{old}\n".split("\n"), f"{new}\n".split("\n"), strict=False):
        if before != after:
            return f"stored {_short(before)}, fresh {_short(after)}"
    return f"stored {len(f'{old}'.splitlines())} lines, fresh {len(f'{new}'.splitlines())}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:97] + "…")
