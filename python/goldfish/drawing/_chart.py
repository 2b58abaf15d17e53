"""The frame of a chart in SVG: scales, ticks, names of the axes, a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldfish.drawing import _checks as check
from goldfish.drawing._colour import GRID, INK, MUTED, diverging
from goldfish.drawing._scene import Scene, shorten, text_width


@dataclass(frozen=True)
class Frame:
    """A rectangle of a scene with coordinates of its own.

    Parameters
    ----------
    x, y, width, height : float
        The rectangle, in pixels.
    xlim, ylim : (float, float)
        What its sides stand for; of a logarithmic axis the decimal logarithms.
    """

    x: float
    y: float
    width: float
    height: float
    xlim: tuple[float, float]
    ylim: tuple[float, float]

    def at(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Pixels of a place, or of arrays of places."""
        u = (np.asarray(x) - self.xlim[0]) / (self.xlim[1] - self.xlim[0])
        v = (np.asarray(y) - self.ylim[0]) / (self.ylim[1] - self.ylim[0])
        return self.x + self.width * u, self.y + self.height * (1 - v)

    def axes(self, scene: Scene, xlabel: str, ylabel: str, *, ylog: bool = False, whole: bool = True) -> None:
        """Grid lines with their numbers, and the axes' names; ``whole`` steps along x."""
        bottom = self.y + self.height
        for value, shown in log_ticks(*self.ylim) if ylog else ticks(*self.ylim):
            y = float(self.at(0, value)[1])
            scene.line((self.x, y), (self.x + self.width, y), class_="grid", stroke=GRID, stroke_width=0.8)
            scene.text(self.x - 7, y + 4, shown, size=11, anchor="end", fill=MUTED)
        for value, shown in ticks(*self.xlim, whole=whole, most=max(2, int(self.width / 48))):
            x = float(self.at(value, 0)[0])
            scene.line((x, bottom), (x, bottom + 4), class_="tick", stroke=MUTED, stroke_width=0.8)
            scene.text(x, bottom + 17, shown, size=11, fill=MUTED)
        scene.line((self.x, bottom), (self.x + self.width, bottom), class_="axis", stroke=MUTED)
        scene.text(self.x + self.width / 2, bottom + 35, xlabel, size=12)
        scene.text(14, self.y + self.height / 2, ylabel, size=12, rotate=-90)

    def curve(self, scene: Scene, x: Any, y: Any, **style: Any) -> None:
        """A line through the places whose y is finite, broken where it is not."""
        keep = np.isfinite(y)
        for run in np.split(np.arange(len(keep)), np.flatnonzero(np.diff(keep.astype(int))) + 1):
            if len(run) and keep[run[0]]:
                points = np.column_stack(self.at(np.asarray(x)[run], np.asarray(y)[run]))
                if len(points) == 1:
                    scene.circle(
                        float(points[0, 0]),
                        float(points[0, 1]),
                        2.2,
                        fill=style.get("stroke", INK),
                        class_=style.get("class_"),
                    )
                else:
                    scene.polyline(points.tolist(), stroke_linejoin="round", **style)

    def band(self, scene: Scene, x: Any, low: Any, high: Any, **style: Any) -> None:
        """The area between two lines."""
        keep = np.isfinite(low) & np.isfinite(high)
        if keep.sum() < 2:
            return
        x, low, high = (np.asarray(part)[keep] for part in (x, low, high))
        up = np.column_stack(self.at(x, high))
        down = np.column_stack(self.at(x, low))[::-1]
        commands: list[tuple[Any, ...]] = [
            ("L" if i else "M", float(a), float(b)) for i, (a, b) in enumerate(np.concatenate([up, down]))
        ]
        scene.path([*commands, ("Z",)], stroke="none", **style)


def legend(scene: Scene, x: float, y: float, entries: Sequence[tuple[str, str, str | None]], width: float) -> None:
    """Short lines with their names (label, colour, dashes), in as many rows as the width asks for."""
    for (label, colour, dashes), (dx, row) in zip(entries, places([e[0] for e in entries], 39, width, 11), strict=True):
        left, low = x + dx, y + 16 * row
        scene.line((left, low - 4), (left + 18, low - 4), stroke=colour, stroke_width=2.2, stroke_dasharray=dashes)
        scene.text(left + 23, low, shorten(label, width - 23, 11), size=11, anchor="start", fill=MUTED)


def places(labels: Sequence[str], extra: float, width: float, size: float) -> list[tuple[float, int]]:
    """Where each entry of a legend begins, and in which row; ``extra`` is for its sign and the gap behind it."""
    found, x, row = [], 0.0, 0
    for label in labels:
        long = min(text_width(label, size) + extra, width)
        if x and x + long - 14 > width:
            x, row = 0.0, row + 1
        found.append((x, row))
        x += long
    return found


def ticks(low: float, high: float, *, whole: bool = False, most: int = 7) -> list[tuple[float, str]]:
    """Round numbers within limits, at most so many, with their texts."""
    span = high - low
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    if whole:
        step = max(1.0, float(round(step)))
    first = math.ceil(low / step - 1e-9)
    found = [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if max(map(abs, found), default=0) >= 1e6 or digits > 4:
        return [(value, f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-")) for value in found]
    return [(value, f"{value:.{digits}f}") for value in found]


def log_ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Powers of ten within limits that are decimal logarithms."""
    found = [float(round(value)) for value, _ in ticks(low, high, whole=True, most=most)]
    if len(found) < 2:
        fine = ticks(10**low, 10**high, most=4) if high < 300 else []
        return [(math.log10(value), shown) for value, shown in fine if value > 0]
    return [(value, f"{10**value:g}" if -4 < value < 5 else f"1e{value:.0f}") for value in found]


def limits(values: Any, *, pad: float = 0.06) -> tuple[float, float]:
    """The finite values' range with room at both ends."""
    finite = np.asarray(values)[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = (high - low) * pad or max(abs(high) * 0.1, 0.5)
    return low - room, high + room


def colour_bar(scene: Scene, x: float, y: float, reach: float, name: str) -> None:
    """The colours of logarithms from -reach to reach, with three numbers."""
    width, parts = 150.0, 30
    for i in range(parts):
        value = -1 + 2 * (i + 0.5) / parts
        scene.rect(x + width * i / parts, y - 9, width / parts + 0.4, 9, class_="scale", fill=diverging(value))
    scene.text(x, y + 13, check.power(-reach), size=10, fill=MUTED)
    scene.text(x + width / 2, y + 13, "1", size=10, fill=MUTED)
    scene.text(x + width, y + 13, check.power(reach), size=10, fill=MUTED)
    scene.text(x + width + 26, y, name, size=11, anchor="start", fill=MUTED)
