"""A convolutional network drawn as the arrays it passes on: sheets for images, a column for a vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_HEIGHT = 250
_MIDDLE = 118
_GAP = 46
_SHEETS = 12


def draw(stages: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    """Draw one stage per array, with what leads to it written above.

    Parameters
    ----------
    stages : sequence of (operation, shape)
        Shapes without the batch axis: (C, H, W) or (features,). The first operation is usually "image".

    Returns
    -------
    str
        SVG. Sides grow with the square root of the size, so that small arrays remain visible.

    Examples
    --------
    >>> draw([("image", (3, 8, 8)), ("flatten", (192,))]).count("<rect")
    4
    """
    left, parts = 8.0, []
    for index, (operation, shape) in enumerate(stages):
        width, body = _sheets(shape) if len(shape) == 3 else _column(shape)
        slot = max(width, 84)
        centre = left + slot / 2
        if index:
            parts.append(_arrow(left - _GAP + 6, left - 6))
        parts.append(f'<g transform="translate({centre - width / 2:.1f} {_MIDDLE})">{body}</g>')
        parts.append(f'<text class="soft" x="{centre:.1f}" y="18">{escape(operation)}</text>')
        parts.append(f'<text x="{centre:.1f}" y="{_HEIGHT - 12}">{_label(shape)}</text>')
        left += slot + _GAP
    words = ", then ".join(f"{operation}: {_label(shape)}" for operation, shape in stages)
    right = left - _GAP + 8
    return (
        f'<svg class="figure stack" role="img" aria-label="{escape(words)}" viewBox="0 0 {right:.0f} {_HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(words)}</title>{"".join(parts)}</svg>'
    )


def _label(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} @ {shape[1]} × {shape[2]}" if len(shape) == 3 else f"{shape[0]:,}"


def _sheets(shape: tuple[int, ...]) -> tuple[float, str]:
    side = 10.5 * math.sqrt(max(shape[1:]))
    count = min(shape[0], _SHEETS)
    shift = 18 / count
    spread = shift * (count - 1)
    rectangles = (
        f'<rect class="sheet" x="{index * shift:.1f}" y="{-(side + spread) / 2 + index * shift:.1f}" '
        f'width="{side:.1f}" height="{side:.1f}" rx="2"/>'
        for index in range(count)
    )
    return side + spread, "".join(rectangles)


def _column(shape: tuple[int, ...]) -> tuple[float, str]:
    height = 15 * math.log2(shape[0] + 1)
    return 16, f'<rect class="column" x="0" y="{-height / 2:.1f}" width="16" height="{height:.1f}" rx="4"/>'


def _arrow(start: float, end: float) -> str:
    return (
        f'<path class="arrow" d="M{start:.1f} {_MIDDLE}H{end:.1f}'
        f'M{end - 5:.1f} {_MIDDLE - 4}L{end:.1f} {_MIDDLE}L{end - 5:.1f} {_MIDDLE + 4}"/>'
    )
