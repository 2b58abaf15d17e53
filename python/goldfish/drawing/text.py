"""A text coloured by what a network has read in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._colour import INK, MUTED, readable_on, sequential
from goldfish.drawing._scene import Scene
from goldfish.drawing.influence import median

_SIZE, _LINE = 15.0, 26.0
# Every letter of a monospaced font is this wide, in units of its size; a little more than any common one.
_ADVANCE = 0.62 * _SIZE
_MONO = "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"


def color_text(
    tokens: str | Sequence[str],
    influence: ArrayLike,
    *,
    log10: bool = False,
    width: int = 720,
    target: int | None = None,
    ax: Any = None,
) -> Any:
    """A text whose letters or words are the darker, the more they moved the network's output.

    Parameters
    ----------
    tokens : str or sequence of str
        Letters, or words, which are set with spaces between them. A line break begins a line.
    influence : array_like of shape (T,)
        From `goldfish.diagnostics.influence`, one value per token; drawn in shares of the largest.
    log10 : bool
        Whether the values are decimal logarithms.
    width : int
        Of the picture in pixels, at least 240.
    target : int, optional
        The token at which the output was asked for gets a frame.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        For values that are negative, not finite or not one per token.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    References
    ----------
    A. Madsen, "Visualizing memorization in RNNs", Distill (2019).

    Examples
    --------
    >>> from goldfish import drawing
    >>> svg = drawing.color_text(["not", "a", "bad", "film"], [0.9, 0.05, 1.0, 0.4])
    >>> svg.count('class="token"')
    4
    """
    if check.count("color_text", "width", width) < 240:
        raise ValueError(f"color_text: width must be >= 240, got {width}")
    logs = median(check.logarithms("color_text", "influence", influence, 1, log10=log10))
    columns = int((width - 32) / _ADVANCE)
    pieces = [_cut(str(token), columns) for token in tokens]
    if len(pieces) != len(logs):
        raise ValueError(f"color_text: tokens must be {len(logs)}, one per value, got {len(pieces)}")
    if target is not None and not -len(pieces) <= target < len(pieces):
        raise ValueError(f"color_text: target must be in {-len(pieces)}..{len(pieces) - 1}, got {target}")
    if ax is not None:
        axes_of("color_text", ax)
    framed = None if target is None else target % len(pieces)
    gap = 0 if isinstance(tokens, str) else 1
    places, lines = _layout(pieces, gap, columns)
    top = float(logs.max())
    shares = np.zeros(len(logs)) if top == -np.inf else 10.0 ** (logs - top)
    first = " ".join(repr(pieces[i]) for i in np.argsort(-shares, kind="stable")[:3])
    scene = Scene(
        float(width),
        lines * _LINE + 66,
        f"What a network read in {len(pieces)} {'words' if gap else 'letters'}",
        f"The darker, the more it moved the output; most of all {first}.",
    )
    for i, (piece, (column, line)) in enumerate(zip(pieces, places, strict=True)):
        _token(scene, piece, column, line, float(shares[i]), check.power(float(logs[i])), framed == i)
    _scale(scene, lines * _LINE + 34)
    return scene.show(ax)


def _layout(pieces: list[str], gap: int, columns: int) -> tuple[list[tuple[int, int]], int]:
    """Column and line of every token, and the number of lines; letters of one word stay on one line if it fits."""
    places, column, line = [], 0, 0
    for piece, ahead in zip(pieces, _ahead(pieces, gap), strict=True):
        long = max(_columns(piece), 1)
        if column and column + (ahead if ahead <= columns else long) > columns:
            column, line = 0, line + 1
        places.append((column, line))
        column += long + gap
        if "\n" in piece:
            column, line = 0, line + piece.count("\n")
    return places, line + 1


def _columns(text: str) -> int:
    """How many columns a text takes: Chinese, Japanese and Korean letters two, marks on other letters none."""
    printed = [c for c in text if c != "\n" and not unicodedata.combining(c)]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in printed)


def _cut(text: str, columns: int) -> str:
    """A word that is longer than a line, cut with an ellipsis."""
    if _columns(text) <= columns:
        return text
    text = text[: 2 * columns]
    while text and _columns(text) > columns - 1:
        text = text[:-1]
    return text + "…"


def _ahead(pieces: list[str], gap: int) -> list[int]:
    """For every token the columns up to where a line may break: a word's own, or to the end of a letter's word."""
    if gap:
        return [_columns(piece) for piece in pieces]
    found, run = [0] * len(pieces), 0
    for i in range(len(pieces) - 1, -1, -1):
        run = 1 if pieces[i].isspace() else run + max(_columns(pieces[i]), 1)
        begins = i == 0 or pieces[i - 1].isspace()
        found[i] = run if begins else _columns(pieces[i])
        if pieces[i].isspace():
            run = 0
    return found


def _token(scene: Scene, piece: str, column: int, line: int, share: float, value: str, framed: bool) -> None:
    text = piece.replace("\n", "") or "⏎"
    x, y, wide = 16 + column * _ADVANCE, 14 + line * _LINE, _columns(text) * _ADVANCE
    fill = sequential(share)
    if text == "⏎":
        wide = _ADVANCE
    scene.rect(
        x,
        y,
        wide,
        _LINE - 4,
        class_="token",
        fill=fill,
        hover=f"{text.strip() or 'space'}: {value}",
        stroke=INK if framed else None,
        stroke_width=1.6 if framed else None,
    )
    if not text.strip():
        return
    colour = MUTED if text == "⏎" and share < 0.4 else readable_on(fill)
    # The length is fixed, so that a font of another width still fits its background.
    scene.text(
        x + wide / 2,
        y + 16,
        text,
        size=_SIZE,
        fill=colour,
        font_family=_MONO,
        textLength=wide - 0.8 if len(text) > 1 else None,
        lengthAdjust="spacingAndGlyphs" if len(text) > 1 else None,
    )


def _scale(scene: Scene, y: float) -> None:
    for i in range(24):
        scene.rect(16 + 4 * i, y, 4.4, 9, class_="scale", fill=sequential((i + 0.5) / 24))
    scene.text(120, y + 9, "share of the largest", size=11, anchor="start", fill=MUTED)
