"""Every labeling of some points, with the rule that produces it or the reason why none does."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from goldfish import theory
from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._chart import limits
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import BLUE, GRID, INK, MUTED, ORANGE, PAPER, pale
from goldfish.drawing._scene import Scene, shorten

_MOST, _SIDE, _GRID = 6, 108.0, 64


def draw_shattering(X: Any, cls: Any, *, columns: int | None = None, ax: Any = None) -> Any:
    """Whether a class shatters some points: a tile for every labeling, with the region of a rule that produces it.

    Orange squares are positive, blue circles negative; the orange area is where the witness says positive. A labeling
    that no rule produces is hatched, and the points on which it already fails are ringed.

    Parameters
    ----------
    X : array_like of shape (N, 1) or (N, 2)
        At most 6 points on a line or in a plane.
    cls : str or hypothesis class
        As in `goldfish.theory.realize`.
    columns : int, optional
        Tiles in a row.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        For more points or columns, and as `goldfish.theory.realize`.
    ImportError
        If ``ax`` is given and matplotlib is missing; without SciPy.

    Examples
    --------
    >>> from goldfish import drawing
    >>> svg = drawing.draw_shattering([[0, 0], [1, 0], [0, 1], [1, 1]], "halfspaces")
    >>> svg.count('class="labeling possible"'), svg.count('class="labeling impossible"')
    (14, 2)
    """
    points = np.asarray(X, np.float64) if np.ndim(X) == 2 else np.empty(0)
    if points.ndim != 2 or points.shape[1] not in (1, 2) or not 1 <= len(points) <= _MOST:
        raise ValueError(f"draw_shattering: X must be 1 to {_MOST} points of 1 or 2 columns, got shape {np.shape(X)}")
    if ax is not None:
        axes_of("draw_shattering", ax)
    labelings = list(itertools.product((0, 1), repeat=len(points)))
    answers = [(y, theory.realize(X, list(y), cls)) for y in labelings]
    possible = sum(witness is not None for _, witness in answers)
    wide = min(8, len(labelings)) if columns is None else check.count("draw_shattering", "columns", columns)
    rows = math.ceil(len(labelings) / wide)
    name = cls if isinstance(cls, str) else repr(cls)
    verdict = "shatters them" if possible == len(labelings) else "does not shatter them"
    side, fall = _SIDE, _SIDE + 26
    tall = side if points.shape[1] == 2 else 44.0
    fall = tall + 26
    title = f"{name}: {possible} of {len(labelings)} labelings of {len(points)} points"
    scene = Scene(
        max(16 + (side + 10) * wide, 330),
        44 + fall * rows,
        title,
        f"A tile for each labeling; {name} {verdict}. Orange areas are where a rule of the class says positive; a "
        "hatched tile is a labeling that no rule produces.",
    )
    scene.text(12, 24, shorten(f"{title}: {verdict}", scene.width - 20, 13), size=13, anchor="start")
    for i, (y, witness) in enumerate(answers):
        tile = _Tile(points, 12 + (side + 10) * (i % wide), 38 + fall * (i // wide), tall)
        tile.draw(scene, y, witness, None if witness is not None else theory.refute(X, list(y), cls))
    return scene.show(ax)


class _Tile:
    """One labeling."""

    def __init__(self, points: Floats, x: float, y: float, height: float) -> None:
        self.points, self.x, self.y, self.height = points, x, y, height
        self.xlim = limits(points[:, 0], pad=0.35)
        self.ylim = (-1.0, 1.0)
        if points.shape[1] == 2:
            # One scale for both axes: a rectangle has right angles, a ball is round.
            sides = [self.xlim, limits(points[:, 1], pad=0.35)]
            half = max(high - low for low, high in sides) / 2
            self.xlim, self.ylim = (((low + high) / 2 - half, (low + high) / 2 + half) for low, high in sides)

    def draw(self, scene: Scene, labels: tuple[int, ...], witness: Any, certificate: Any) -> None:
        """The region or the hatching, the points, the labeling."""
        word = "".join("+" if label else "−" for label in labels)
        if witness is not None:
            scene.image(self.x, self.y, _SIDE, self.height, self._region(witness), class_="region")
        else:
            self._hatch(scene)
        kind = "possible" if witness is not None else "impossible"
        hover = f"{word}: {kind}" if certificate is None else f"{word}: {certificate.statement}"
        scene.rect(self.x, self.y, _SIDE, self.height, class_=f"labeling {kind}", fill="none", stroke=GRID, hover=hover)
        blamed = () if certificate is None else certificate.indices
        for i, (point, label) in enumerate(zip(self.points, labels, strict=True)):
            px, py = self._at(point)
            if i in blamed:
                scene.circle(px, py, 9.5, class_="blamed", fill="none", stroke=INK, stroke_width=1.6)
            if label:
                scene.rect(px - 5, py - 5, 10, 10, class_="point positive", fill=ORANGE, stroke=PAPER)
            else:
                scene.circle(px, py, 5.4, class_="point negative", fill=BLUE, stroke=PAPER)
        text = word if witness is not None else f"{word}  impossible"
        scene.text(
            self.x + _SIDE / 2, self.y + self.height + 15, text, size=11, fill=MUTED if witness is not None else INK
        )

    def _at(self, point: Floats) -> tuple[float, float]:
        u = (point[0] - self.xlim[0]) / (self.xlim[1] - self.xlim[0])
        v = (point[1] - self.ylim[0]) / (self.ylim[1] - self.ylim[0]) if len(point) == 2 else 0.5
        return self.x + _SIDE * float(u), self.y + self.height * float(1 - v)

    def _region(self, witness: Any) -> Any:
        """Pixels where the rule is asked at their centres."""
        across = (np.arange(_GRID) + 0.5) / _GRID
        xs = self.xlim[0] + (self.xlim[1] - self.xlim[0]) * across
        if self.points.shape[1] == 1:
            inside = witness.predict(xs[:, None])[None]
        else:
            ys = self.ylim[1] - (self.ylim[1] - self.ylim[0]) * across
            grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
            inside = witness.predict(grid).reshape(_GRID, _GRID)
        shades = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (pale(BLUE, 0.08), pale(ORANGE, 0.3))])
        return shades.astype(np.uint8)[inside.astype(int)]

    def _hatch(self, scene: Scene) -> None:
        scene.rect(self.x, self.y, _SIDE, self.height, fill="#f3f4f6")
        step, width, height = 12.0, _SIDE, self.height
        commands: list[tuple[Any, ...]] = []
        for k in range(1, int((width + height) / step) + 1):
            d = k * step
            a = (min(d, width), max(0.0, d - width))
            b = (max(0.0, d - height), min(d, height))
            commands += [("M", self.x + a[0], self.y + a[1]), ("L", self.x + b[0], self.y + b[1])]
        scene.path(commands, class_="hatch", stroke=GRID, stroke_width=1.2)
