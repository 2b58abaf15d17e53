"""Convolutional networks as stacks of planes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from goldfish.drawing._axes import axes_of
from goldfish.drawing._colour import BLUE, FILLS, GREEN, INK, MUTED
from goldfish.drawing._scene import Scene, shorten, text_width

_SHEETS = 6


def draw_cnn(shapes: Sequence[tuple[str, Sequence[int]]], *, ax: Any = None) -> Any:
    """A network as the shapes that its layers give: planes for (C, H, W), columns for (N,).

    Parameters
    ----------
    shapes : sequence of (label, shape)
        From the input on. A shape is (N,), (C, L), (C, H, W) or (C, D, H, W), without the batch axis.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        If there are no shapes, or one of them is not sizes of at least 1.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import diagnostics, drawing, nn
    >>> table = diagnostics.summary([nn.Conv2d(3, 12, 17), nn.MaxPool2d(3), nn.Flatten()], (3, 64, 64))
    >>> svg = drawing.draw_cnn([("input", (3, 64, 64))] + [(row.layer.split("(")[0], row.shape) for row in table.rows])
    >>> svg.count('class="node layer"')
    4
    """
    layers = [_read(i, item) for i, item in enumerate(shapes)]
    if not layers:
        raise ValueError("draw_cnn: shapes must be at least one (label, shape), got none")
    if ax is not None:
        axes_of("draw_cnn", ax)
    biggest = max((max(shape[-2:]) for _, shape in layers if len(shape) > 2), default=1)
    longest = max((math.prod(shape) for _, shape in layers if len(shape) < 3), default=1)
    boxes = [_box(shape, biggest, longest) for _, shape in layers]
    labels = [shorten(label, 112, 12) for label, _ in layers]
    widths = [
        max(box[0], text_width(label) + 8, text_width(_size(shape), 11) + 8)
        for box, label, (_, shape) in zip(boxes, labels, layers, strict=True)
    ]
    tall = max(box[1] for box in boxes)
    gap, middle = 34.0, 20 + tall / 2
    words = ", ".join(f"{label} {_size(shape)}" for label, shape in layers)
    scene = Scene(
        24 + sum(widths) + gap * (len(layers) - 1),
        tall + 84,
        f"A network of {len(layers)} shapes",
        f"From left to right: {words}.",
    )
    left, ends = 12.0, []
    for (label, shape), box, width, short in zip(layers, boxes, widths, labels, strict=True):
        start = left + (width - box[0]) / 2
        _layer(scene, start, middle, box, shape, f"{label}: {_size(shape)}")
        scene.text(left + width / 2, tall + 46, short, size=12)
        scene.text(left + width / 2, tall + 64, _size(shape), size=11, fill=MUTED)
        ends.append((start, start + box[0]))
        left += width + gap
    for (_, a), (b, _) in itertools.pairwise(ends):
        scene.arrow((a + 6, middle), (b - 6, middle), class_="edge forward", stroke=INK, stroke_width=1.4)
    return scene.show(ax)


def _read(index: int, item: Any) -> tuple[str, tuple[int, ...]]:
    try:
        label, shape = item
        sizes = tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        raise ValueError(f"draw_cnn: shapes[{index}] must be (label, shape), got {item!r}") from None
    if not 1 <= len(sizes) <= 4 or min(sizes) < 1:
        raise ValueError(f"draw_cnn: shapes[{index}] must have 1 to 4 sizes of at least 1, got {sizes}")
    return str(label), sizes


def _size(shape: tuple[int, ...]) -> str:
    """As the field writes it: 12 @ 48 x 48."""
    if len(shape) == 1:
        return str(shape[0])
    return f"{shape[0]} @ {' × '.join(map(str, shape[1:]))}"


def _box(shape: tuple[int, ...], biggest: int, longest: int) -> tuple[float, float, float, float]:
    """Width and height of a layer's drawing, and of one of its sheets."""
    if len(shape) < 3:
        height = 30 + 100 * math.sqrt(math.prod(shape) / longest)
        return 14.0, height, 14.0, height
    height, width = (14 + 106 * math.sqrt(size / biggest) for size in shape[-2:])
    # A sheet is seen at an angle: narrower than it is.
    width *= 0.62
    spread = 5.0 * (_sheets(shape) - 1)
    return width + spread, height + spread, width, height


def _sheets(shape: tuple[int, ...]) -> int:
    return min(shape[0], _SHEETS)


def _layer(
    scene: Scene,
    x: float,
    middle: float,
    box: tuple[float, float, float, float],
    shape: tuple[int, ...],
    hover: str,
) -> None:
    _, height, sheet_width, sheet_height = box
    count = _sheets(shape) if len(shape) > 2 else 1
    top = middle - height / 2
    fill, stroke = (FILLS["layer"], BLUE) if len(shape) > 2 else (FILLS["output"], GREEN)
    for k in range(count):
        style: dict[str, Any] = {"fill": fill, "stroke": stroke, "stroke_width": 1.3}
        if k == count - 1:
            style |= {"class_": "node layer", "hover": hover}
        y = top + 5.0 * k
        scene.rect(x + 5.0 * k, y, sheet_width, sheet_height, rx=2.5 if len(shape) > 2 else 5.0, **style)
