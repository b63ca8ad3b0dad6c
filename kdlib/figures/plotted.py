"""Which numbers does a figure show?

The table is read off the drawn artists (lines, points, bars, error bars, bands, segments, meshes,
images, contours, labels), so that it cannot disagree with the picture. One row is one plotted
point: axes (numbered from 1 as they were made), kind, series (its label), x, y, value (colour of a
cell, length of a bar). A coordinate that is not in data units (a line across the whole axes) is
left blank; named ticks take the place of their numbers.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection, LineCollection, PathCollection, QuadMesh, TriMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedLocator

BESIDE = 0.49  # bars of a group stand beside the tick that names the group
HEADER = ("axes", "kind", "series", "x", "y", "value")
Array = np.ndarray[Any, np.dtype[np.float64]]
Point = tuple[str, str, Any, Any, Any]  # kind, series, x, y, value


def as_csv(fig: Figure) -> str:
    """The plotted data as CSV text, rounded to six significant digits."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADER)
    table.writerows(plotted_rows(fig))
    return text.getvalue()


def plotted_rows(fig: Figure) -> list[tuple[str, ...]]:
    """The rows of the table below `HEADER`, all as text."""
    fig.draw_without_rendering()  # places ticks and their labels
    axes = [ax for ax in fig.axes if ax.get_label() != "<colorbar>"]
    return [row for number, ax in enumerate(axes, 1) for row in _rows_of(ax, str(number))]


def _rows_of(ax: Axes, number: str) -> Iterator[tuple[str, ...]]:
    across, along = _tick_names(ax.xaxis), _tick_names(ax.yaxis)
    for kind, series, x, y, value in _points_of(ax):
        reach = BESIDE if kind == "bar" else 0.0
        place = (_name(x, across, reach) or _text(x), _name(y, along, reach) or _text(y))
        yield (number, kind, series, *place, _text(value))


def _points_of(ax: Axes) -> Iterator[Point]:
    parts: set[Artist] = set()  # artists that a container has spoken for
    for container in ax.containers:
        if isinstance(container, BarContainer):
            yield from _bars(container)
            parts.update(container.patches)
        elif isinstance(container, ErrorbarContainer):
            yield from _error_bars(container)
            parts.update([*container.lines[1], *container.lines[2]])
    artists = [*ax.lines, *ax.patches, *ax.collections, *ax.images, *ax.texts]
    for position, artist in enumerate(artist for artist in artists if artist not in parts):
        reader = next((read for kind, read in _READERS if isinstance(artist, kind)), None)
        if reader is not None:
            yield from reader(artist, ax, _series(artist, position))


def _series(artist: Artist, position: int) -> str:
    label = str(artist.get_label())
    return f"series {position + 1}" if not label or label.startswith("_") else label


def _bars(container: BarContainer) -> Iterator[Point]:
    series, flat = str(container.get_label()), container.orientation == "horizontal"
    for bar in container.patches:
        x, y = (
            (bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height() / 2)
            if flat
            else (bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height())
        )
        yield ("bar", series, x, y, bar.get_width() if flat else bar.get_height())


def _error_bars(container: ErrorbarContainer) -> Iterator[Point]:
    for bars in container.lines[2]:
        for low, high in bars.get_segments():
            yield ("error bar low", str(container.get_label()), *low, None)
            yield ("error bar high", str(container.get_label()), *high, None)


def _line(artist: Line2D, ax: Axes, series: str) -> Iterator[Point]:
    yield from _vertices("line", series, np.asarray(artist.get_xydata()), _in_data(artist, ax))


def _patch(artist: Rectangle | Polygon, ax: Axes, series: str) -> Iterator[Point]:
    corners = artist.get_patch_transform().transform(artist.get_path().vertices)
    yield from _vertices("area", series, corners, _in_data(artist, ax))


def _segments(artist: LineCollection, ax: Axes, series: str) -> Iterator[Point]:
    for segment in artist.get_segments():
        yield from _vertices("segment", series, segment, _in_data(artist, ax))


def _contours(artist: ContourSet, ax: Axes, series: str) -> Iterator[Point]:
    levels = artist.layers if artist.filled else artist.levels  # type: ignore[attr-defined]
    for level, path in zip(levels, artist.get_paths(), strict=True):
        yield from (("contour", series, x, y, level) for x, y in np.asarray(path.vertices))


def _mesh(artist: QuadMesh, ax: Axes, series: str) -> Iterator[Point]:
    corners, values = np.asarray(artist.get_coordinates()), _values(artist)
    flat = values.size != corners[..., 0].size  # flat shading: one value for four corners
    centres = _centres(corners) if flat else corners
    for (x, y), value in zip(centres.reshape(-1, 2), values.ravel(), strict=True):
        yield ("cell", series, x, y, value)


def _triangles(artist: TriMesh, ax: Axes, series: str) -> Iterator[Point]:
    grid = artist._triangulation  # type: ignore[attr-defined]  # gouraud: one value per corner
    for x, y, value in zip(grid.x, grid.y, _values(artist), strict=True):
        yield ("cell", series, x, y, value)


def _image(artist: AxesImage, ax: Axes, series: str) -> Iterator[Point]:
    values = _values(artist)
    if values.ndim != 2:  # a photograph or a logo, not data
        return
    left, right, bottom, top = artist.get_extent()
    height, width = values.shape
    first, last = (bottom, top) if artist.origin == "lower" else (top, bottom)
    for (i, j), value in np.ndenumerate(values):
        x, y = (
            left + (j + 0.5) * (right - left) / width,
            first + (i + 0.5) * (last - first) / height,
        )
        yield ("cell", series, x, y, value)


def _collection(artist: Collection, ax: Axes, series: str) -> Iterator[Point]:
    offsets: Array = np.ma.filled(np.ma.asarray(artist.get_offsets(), float), np.nan)
    array = None if artist.get_array() is None else _values(artist)
    if isinstance(artist, PathCollection) or len(offsets) > 1:
        values = [None] * len(offsets) if array is None else array
        yield from (("point", series, x, y, v) for (x, y), v in zip(offsets, values, strict=True))
    elif array is not None:
        for path, value in zip(artist.get_paths(), array, strict=True):
            yield ("cell", series, *np.unique(path.vertices, axis=0).mean(0), value)
    else:
        for path in artist.get_paths():
            yield from _vertices("band", series, np.asarray(path.vertices), _in_data(artist, ax))


def _label(artist: Text, ax: Axes, series: str) -> Iterator[Point]:
    in_data = artist.get_transform() == ax.transData
    x, y = artist.get_position()
    if isinstance(artist, Annotation):
        in_data, (x, y) = artist.xycoords == "data", artist.xy
    if in_data and artist.get_text():
        yield ("label", artist.get_text(), x, y, None)


_READERS: tuple[tuple[type[Any], Callable[[Any, Axes, str], Iterator[Point]]], ...] = (
    (Line2D, _line),
    (Rectangle, _patch),
    (Polygon, _patch),
    (LineCollection, _segments),
    (ContourSet, _contours),
    (QuadMesh, _mesh),
    (TriMesh, _triangles),
    (Collection, _collection),
    (AxesImage, _image),
    (Text, _label),
)


def _vertices(
    kind: str, series: str, xy: Iterable[Any], in_data: tuple[bool, bool]
) -> Iterator[Point]:
    for x, y in xy:
        yield (kind, series, x if in_data[0] else None, y if in_data[1] else None, None)


def _in_data(artist: Artist, ax: Axes) -> tuple[bool, bool]:
    """Are x and y in data units? For `axhline`, for example, only y is."""
    across, along = artist.get_transform().contains_branch_seperately(ax.transData)
    return bool(across), bool(along)


def _values(artist: Any) -> Array:
    """What the colours of cells or points stand for; nan where masked."""
    return np.ma.filled(np.ma.asarray(artist.get_array(), float), np.nan)


def _centres(corners: Array) -> Array:
    """(R + 1, C + 1, 2) corners -> (R, C, 2) centres."""
    centres: Array = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    return centres


def _tick_names(axis: Axis) -> dict[float, str]:
    """Position -> name, for an axis whose ticks were given names."""
    if not isinstance(axis.get_major_locator(), FixedLocator) and not axis.have_units():
        return {}
    places = axis.get_majorticklocs()
    names = axis.get_major_formatter().format_ticks(list(places))  # also of labels that are hidden
    named = zip(places, names, strict=True)
    return {float(place): name for place, name in named if name and not _is_number(name)}


def _is_number(text: str) -> bool:
    return text.replace("\N{MINUS SIGN}", "-").lstrip("-").replace(".", "", 1).isdigit()


def _name(value: Any, names: dict[float, str], reach: float) -> str:
    """The name of the tick at this place, or of the nearest one within reach; else empty."""
    if value is None or not names:
        return ""
    nearest = min(names, key=lambda place: abs(place - value))
    return names[nearest] if abs(nearest - value) <= reach else ""


def _text(value: Any) -> str:
    """Six significant digits; blank if absent, masked or nan."""
    if value is None or np.ma.is_masked(value) or np.isnan(float(value)):
        return ""
    return f"{float(value) + 0.0:.6g}"
