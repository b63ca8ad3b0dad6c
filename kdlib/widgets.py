"""What happens when I move this?

`explore` draws one static frame, which is what GitHub, print and a stored notebook show; where a
kernel and ipywidgets are present the reader also gets the controls, and every change redraws the
frame and its description. The front end sends the next change only after the last was drawn, so
the newest value wins and no stale redraws queue up. No frame is left open, no widget state is
needed to read the page.
"""

import base64
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from kdlib import checks
from kdlib.figures.export import export
from kdlib.figures.show import picture_bundle, png, publish, words_bundle
from kdlib.front_end import widget_view

FRAME_DPI = 90


@dataclass(frozen=True)
class Control:
    """One thing the reader can change: where it starts, and how to make its widget."""

    start: Any
    make: Callable[[str], Any]  # the name of draw's argument -> an ipywidgets widget


def slider(low: float, high: float, start: float, step: float, label: str = "") -> Control:
    """A number between `low` and `high` in steps of `step`; an integer if all four are."""
    whole = all(isinstance(number, int) for number in (low, high, start, step))

    def make(name: str) -> Any:
        import ipywidgets

        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        bounds = {"min": low, "max": high, "step": step, "value": start}
        return kind(**bounds, **_look(label or name), continuous_update=True)

    return Control(start, make)


def choose(options: Sequence[Any] | Mapping[str, Any], start: Any, label: str = "") -> Control:
    """One of several options; a mapping gives each value the name that the reader sees."""

    def make(name: str) -> Any:
        import ipywidgets

        choices = list(options.items()) if isinstance(options, Mapping) else list(options)
        return ipywidgets.Dropdown(options=choices, value=start, **_look(label or name))

    return Control(start, make)


def text_box(start: str, label: str = "") -> Control:
    """A line of text."""

    def make(name: str) -> Any:
        import ipywidgets

        return ipywidgets.Text(value=start, continuous_update=True, **_look(label or name))

    return Control(start, make)


def explore(
    draw: Callable[..., Figure],
    *,
    alt: str | Callable[..., str],
    name: str | None = None,
    **controls: Control,
) -> "Explorer":
    """A figure that the reader can change; end a cell with it.

    Args:
        draw: called with one value per control, returns a matplotlib figure; make it by
            `matplotlib.figure.Figure`, not by pyplot, whose figures a notebook may flush meanwhile.
        alt: what the figure shows, in words; a function of the same values when it depends on them.
        name: kebab-case; the starting frame is then exported like a figure of that name.
        controls: per argument of `draw`: `slider(...)`, `choose(...)` or `text_box(...)`.

    Raises:
        ValueError: the name is not kebab-case, or the description is too short.
    """
    if name is not None:
        checks.figure_name(name)
    return Explorer(draw, alt, name, controls)


class Explorer:
    """Shows itself: the starting frame always, live controls where there is a front end."""

    def __init__(
        self,
        draw: Callable[..., Figure],
        alt: str | Callable[..., str],
        name: str | None,
        controls: Mapping[str, Control],
    ) -> None:
        self._draw, self._alt, self._controls = draw, alt, controls
        self.start = {argument: control.start for argument, control in controls.items()}
        self._picture, self._words = self.frame(self.start, name)

    def frame(self, values: Mapping[str, Any], name: str | None = None) -> tuple[bytes, str]:
        """The PNG and the description for these values."""
        alt = self._alt(**values) if callable(self._alt) else self._alt
        words = checks.figure_words(alt)
        before = plt.get_fignums()
        try:
            fig = self._draw(**values)
            checks.figure(fig, "draw(…)")
            picture = png(fig, dpi=FRAME_DPI)
            if name is not None:
                export(fig, name, words)
            return picture, words
        finally:
            for number in set(plt.get_fignums()) - set(before):
                plt.close(number)

    def redraw_milliseconds(self, times: int = 10) -> float:
        """The shortest of a few redraws at the starting values, as a change of a control makes."""
        seconds = []
        for _ in range(times):
            began = time.perf_counter()
            _image(*self.frame(self.start))
            seconds.append(time.perf_counter() - began)
        return 1000 * min(seconds)

    def live(self) -> Any:
        """The controls above a frame that follows them: an ipywidgets box."""
        import ipywidgets

        boxes = {name: control.make(name) for name, control in self._controls.items()}
        picture = ipywidgets.HTML(_image(self._picture, self._words))

        def redraw(_: Any) -> None:
            picture.value = self._page({name: box.value for name, box in boxes.items()})

        for box in boxes.values():
            box.observe(redraw, names="value")
        return ipywidgets.VBox([*boxes.values(), picture])

    def _page(self, values: Mapping[str, Any]) -> str:
        try:
            return _image(*self.frame(values))
        except Exception as error:  # the reader's or the lesson's code: say it in the frame
            return _apology(error, values, size=_size(self._picture))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = picture_bundle(self._picture, self._words)
        return bundle | widget_view(self.live), {"image/png": {"alt": self._words}}

    def _ipython_display_(self) -> None:
        bundle, metadata = self._repr_mimebundle_()
        publish(bundle, metadata)
        publish(words_bundle(self._words, "Figure in words, as it starts"))


def _look(label: str) -> dict[str, Any]:
    """A label as wide as its text, and a control wide enough to be set precisely."""
    return {
        "description": label,
        "style": {"description_width": "initial"},
        "layout": {"width": "28em", "max_width": "100%"},
    }


def _image(picture: bytes, words: str) -> str:
    """The frame as HTML: width and height are fixed so that nothing jumps when it changes."""
    width, height = _size(picture)
    source = base64.b64encode(picture).decode()
    return (
        f'<img src="data:image/png;base64,{source}" width="{width}" height="{height}" '
        f'alt="{escape(words)}"><p style="max-width: {width}px">{escape(words)}</p>'
    )


def _size(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header of a PNG."""
    return int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])


def _apology(error: Exception, values: Mapping[str, Any], size: tuple[int, int]) -> str:
    width, height = size
    asked = ", ".join(f"{name} = {value!r}" for name, value in values.items())
    details = "".join(traceback.format_exception(error)[-2:])
    return (
        f'<div role="alert" style="width: {width}px; min-height: {height}px">'
        f"<p><strong>This could not be drawn</strong> for {escape(asked)}: {escape(str(error))} "
        f"({type(error).__name__}). Choose other values and it is drawn again.</p>"
        f"<details><summary>For the author</summary><pre>{escape(details)}</pre></details></div>"
    )
