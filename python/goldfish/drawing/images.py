"""Grids of filters and of feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import GRID, MUTED, diverging, sequential
from goldfish.drawing._pixels import Pixels, paint
from goldfish.drawing._scene import Scene, shorten

_MOST = 256


def plot_filters(
    weight: ArrayLike, *, columns: int | None = None, labels: Sequence[Any] | None = None, ax: Any = None
) -> Any:
    """The filters of a convolution as small images: orange for positive weights, blue for negative, white for 0.

    Parameters
    ----------
    weight : array_like of shape (O, K, K) or (O, C, K, K)
        ``layer.params["weight"]`` of a `Conv2d`. With one channel a tile is a filter; with three a colour image, grey
        for 0; with more, a row is a filter and a column a channel. Each filter is drawn against its largest magnitude.
        At most 256 tiles are drawn, and the title says of how many.
    columns : int, optional
        Filters in a row, for one or three channels.
    labels : sequence of str, optional
        One per filter.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        For another shape, or values that are not finite.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import drawing, nn
    >>> drawing.plot_filters(nn.Conv2d(1, 8, 5, rng=0).params["weight"]).count('class="filter"')
    8
    """
    filters = _finite("plot_filters", "weight", weight, (3, 4), "(O, K, K) or (O, C, K, K)")
    filters = filters[:, None] if filters.ndim == 3 else filters
    count, channels = filters.shape[:2]
    named = check.names("plot_filters", labels, count, "filter")
    if ax is not None:
        axes_of("plot_filters", ax)
    many = channels not in (1, 3)
    if many:
        columns = channels
    shown = min(count, max(1, _MOST // channels) if many else _MOST)
    tiles, words = [], []
    for o, one in enumerate(filters[:shown]):
        name = named[o] if named else str(o)
        reach = float(np.abs(one).max()) or 1.0
        if channels == 3:
            tiles.append(np.clip(127.5 + 127.5 * one.transpose(1, 2, 0) / reach, 0, 255).astype(np.uint8))
            words.append(name)
            continue
        for c, plane in enumerate(one):
            tiles.append(paint(plane, lambda place: diverging(2 * place - 1), -reach, reach))
            words.append((f"{name}" if c == 0 else "") if many else name)
    size = " × ".join(map(str, filters.shape[2:]))
    of = "" if shown == count else f"{shown} of "
    title = f"{of}{count} filters of {channels} channel{'s' if channels > 1 else ''}, {size}"
    return _grid(tiles, words, columns, title, "Orange is positive, blue negative, white zero.", "filter").show(ax)


def plot_feature_maps(
    maps: ArrayLike, *, columns: int | None = None, labels: Sequence[Any] | None = None, ax: Any = None
) -> Any:
    """What the channels of a layer answer to one image: white for the smallest value of a map, dark for its largest.

    Parameters
    ----------
    maps : array_like of shape (C, H, W)
        One sample of an output of `goldfish.diagnostics.layer_outputs`. Maps with negative values are orange above 0
        and blue below. At most 256 are drawn, and the title says of how many.
    columns, labels, ax
        As in `plot_filters`.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError, ImportError
        As `plot_filters`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, drawing, nn
    >>> model = nn.Sequential(nn.Conv2d(1, 6, 3, rng=0), nn.ReLU())
    >>> found = diagnostics.layer_outputs(model, np.ones((1, 1, 12, 12), np.float32))
    >>> drawing.plot_feature_maps(found["1"][0]).count('class="map"')
    6
    """
    planes = _finite("plot_feature_maps", "maps", maps, (3,), "(C, H, W)")
    named = check.names("plot_feature_maps", labels, len(planes), "map")
    if ax is not None:
        axes_of("plot_feature_maps", ax)
    shown = planes[:_MOST]
    tiles, words = [], []
    for c, plane in enumerate(shown):
        low, high = float(plane.min()), float(plane.max())
        if low < 0:
            reach = max(-low, high)
            tiles.append(paint(plane, lambda place: diverging(2 * place - 1), -reach, reach))
        else:
            tiles.append(paint(plane, sequential, 0.0, high or 1.0))
        words.append(named[c] if named else str(c))
    of = "" if len(shown) == len(planes) else f"{len(shown)} of "
    title = f"{of}{len(planes)} feature maps, {planes.shape[1]} × {planes.shape[2]}"
    dead = sum(not plane.any() for plane in shown)
    note = (
        f"Each against its own largest value; {dead} are zero throughout."
        if dead
        else ("Each against its own largest value.")
    )
    return _grid(tiles, words, columns, title, note, "map").show(ax)


def _finite(function: str, name: str, values: Any, axes: tuple[int, ...], letters: str) -> Floats:
    found = check.real(function, name, values)
    if found.ndim not in axes or not found.size:
        raise ValueError(f"{function}: {name} must be of shape {letters}, got {found.shape}")
    if not np.isfinite(found).all():
        at = [int(i[0]) for i in np.nonzero(~np.isfinite(found))]
        raise ValueError(f"{function}: {name} must be finite, got {found[tuple(at)]} at {at}")
    return found


def _grid(tiles: list[Pixels], words: list[str], columns: int | None, title: str, note: str, kind: str) -> Scene:
    if columns is not None:
        columns = check.count(f"plot_{kind}s", "columns", columns)
    wide = columns or min(len(tiles), max(1, math.ceil(math.sqrt(1.6 * len(tiles)))))
    rows = -(-len(tiles) // wide)
    height, width = tiles[0].shape[:2]
    size = min(72.0, max(16.0, 620 / wide - 8))
    tall = size * height / width
    pitch, fall = size + 8, tall + 22
    scene = Scene(max(24 + pitch * wide - 8, 300), 46 + fall * rows, title, f"{title}. {note}")
    scene.text(12, 24, shorten(title, scene.width - 24, 12), size=12, anchor="start")
    for i, (pixels, word) in enumerate(zip(tiles, words, strict=True)):
        x, y = 12 + pitch * (i % wide), 38 + fall * (i // wide)
        scene.image(x, y, size, tall, pixels, class_=kind, hover=word)
        scene.rect(x, y, size, tall, fill="none", stroke=GRID, stroke_width=0.8)
        if word and size >= 14:
            scene.text(x + size / 2, y + tall + 13, shorten(word, size, 10), size=10, fill=MUTED)
    return scene
