"""Colours that people with any colour vision tell apart (Okabe and Ito 2008; maps that grow evenly in lightness)."""

from __future__ import annotations

from collections.abc import Sequence

INK, MUTED, GRID, PAPER = "#1f2328", "#57606a", "#d0d7de", "#ffffff"
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW = "#0072b2", "#d55e00", "#009e73", "#aa4499", "#56b4e9", "#e69f00"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, INK)
FILLS = {"input": "#e6f1f8", "cell": "#fdf0e6", "output": "#e5f4ef", "layer": "#e6f1f8"}

_DIVERGING = ("#053f6b", "#0072b2", "#7fb8d8", "#f5f4f1", "#f0a878", "#d55e00", "#7f3600")
_SEQUENTIAL = ("#f4f7fa", "#c6dcec", "#85b5d8", "#3c86ba", "#0a5b95", "#04355e")
_GREY = ("#ffffff", "#111417")


def diverging(value: float) -> str:
    """Blue for -1, nearly white for 0, orange for +1; clipped beyond."""
    return _between(_DIVERGING, (value + 1) / 2)


def sequential(value: float) -> str:
    """Nearly white for 0, dark blue for 1; clipped beyond."""
    return _between(_SEQUENTIAL, value)


def grey(value: float) -> str:
    """White for 0, black for 1; clipped beyond."""
    return _between(_GREY, value)


def readable_on(colour: str) -> str:
    """Dark or white text, whichever is easier to read on a colour."""
    red, green, blue = _channels(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else PAPER


def pale(colour: str, share: float = 0.22) -> str:
    """A colour mixed with white."""
    return _between((PAPER, colour), share)


def _between(stops: Sequence[str], place: float) -> str:
    place = min(max(place, 0.0), 1.0) * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    part = place - first
    pairs = zip(_channels(stops[first]), _channels(stops[first + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
