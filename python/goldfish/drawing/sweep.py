"""A filter on its way over an image."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from goldfish import functional
from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import GRID, INK, MUTED, ORANGE, diverging, readable_on
from goldfish.drawing._scene import Scene

_CELL, _MOST = 34.0, 400


def animate_convolution(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    seconds: float = 0.8,
    frame: int | None = None,
    ax: Any = None,
) -> Any:
    """A filter sweeping over an image, as an SVG that moves: the window, the products, and the output that they fill.

    Parameters
    ----------
    image : array_like of shape (H, W)
        Numbers, written into the cells; the padding's zeros are grey.
    kernel : array_like of shape (K, L)
        The filter. As in all networks it is not flipped: a cross-correlation.
    stride, padding, dilation : int
        As in `goldfish.conv2d`.
    seconds : float
        Time for each place of the window.
    frame : int, optional
        Draw one place, from 0, as a still picture.
    ax : matplotlib Axes, optional
        Where to draw a still picture: of the last place, unless ``frame`` says another.

    Returns
    -------
    str or Axes
        SVG that repeats for ever, or a still one; or ``ax`` if it was given.

    Raises
    ------
    ValueError
        If the arrays are not of two axes, the filter does not fit, or it has more than 400 places.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import drawing
    >>> svg = drawing.animate_convolution([[1, 3, -2], [0, 8, 6], [2, 1, -9]], [[1, 2], [-2, -1]])
    >>> svg.count('class="cell result"'), svg.count("<animate ") > 0
    (4, True)
    """
    pixels, weights = _plane("image", image), _plane("kernel", kernel)
    step = check.count("animate_convolution", "stride", stride)
    spread = check.count("animate_convolution", "dilation", dilation)
    pad = check.count("animate_convolution", "padding + 1", padding + 1) - 1
    if not seconds > 0:
        raise ValueError(f"animate_convolution: seconds must be > 0, got {seconds}")
    try:
        y = functional.conv2d(pixels[None, None], weights[None, None], stride=step, padding=pad, dilation=spread)
    except ValueError as error:
        raise ValueError(f"animate_convolution: the filter does not fit: {error}") from error
    result = np.asarray(y)[0, 0]
    if result.size > _MOST:
        raise ValueError(f"animate_convolution: at most {_MOST} places can be shown, got {result.size}")
    if frame is not None and not 0 <= frame < result.size:
        raise ValueError(f"animate_convolution: frame must be in 0..{result.size - 1}, got {frame}")
    if ax is not None:
        axes_of("animate_convolution", ax)
        frame = result.size - 1 if frame is None else frame
    return _Sweep(pixels, weights, result, pad, step, spread, seconds, frame).scene().show(ax)


class _Sweep:
    """The layout: the padded image, the filter, the output, and the sum of the products beneath."""

    def __init__(
        self,
        image: Floats,
        kernel: Floats,
        result: Floats,
        padding: int,
        stride: int,
        dilation: int,
        seconds: float,
        frame: int | None,
    ) -> None:
        self.image, self.kernel, self.result = np.pad(image, padding), kernel, result
        self.padding, self.stride, self.dilation = padding, stride, dilation
        self.seconds, self.frame = seconds, frame
        self.window = [dilation * (size - 1) + 1 for size in kernel.shape]

    def scene(self) -> Scene:
        """Everything in its place."""
        (rows, columns), (k, width), (m, n) = self.image.shape, self.kernel.shape, self.result.shape
        tall = max(rows, k, m) * _CELL
        left = [16.0, 16 + _CELL * columns + 50, 16 + _CELL * (columns + width) + 100]
        tops = [40 + (tall - _CELL * size) / 2 for size in (rows, k, m)]
        scene = Scene(
            max(left[2] + _CELL * n + 16, 420),
            tall + 96,
            f"A {k} × {width} filter over a {rows - 2 * self.padding} × {columns - 2 * self.padding} image",
            f"The filter stops at {m * n} places, stride {self.stride}, padding {self.padding}, dilation "
            f"{self.dilation}; each output is the sum of the products beneath it. The corner is "
            f"{_shown(float(self.result[0, 0]))}.",
        )
        for x, y, name in zip(left, tops, ("image", "filter", "output"), strict=True):
            scene.text(x, y - 10, name, size=12, anchor="start", fill=MUTED)
        self._cells(scene, left[0], tops[0], self.image, "pixel", self.padding)
        self._cells(scene, left[1], tops[1], self.kernel, "weight", 0)
        self._cells(scene, left[2], tops[2], self.result, "result", 0)
        middle = 40 + tall / 2 + 6
        scene.text(left[1] - 25, middle + 4, "*", size=20, fill=MUTED)
        scene.text(left[2] - 25, middle, "=", size=20, fill=MUTED)
        self._window(scene, left[0], tops[0])
        self._mark(scene, left[2], tops[2])
        self._sums(scene, tall + 74)
        return scene

    def _cells(self, scene: Scene, x: float, y: float, values: Floats, kind: str, padding: int) -> None:
        reach = float(np.abs(values).max()) or 1.0
        rows, columns = values.shape
        for i, value in enumerate(values.ravel()):
            r, c = divmod(i, columns)
            outside = not (padding <= r < rows - padding and padding <= c < columns - padding)
            fill = "#eceff2" if outside else diverging(0.62 * float(value) / reach)
            visible, inside = self._appearing(i) if kind == "result" else (True, "")
            left, top = x + _CELL * c, y + _CELL * r
            scene.rect(left, top, _CELL, _CELL, fill="#ffffff", stroke=GRID, stroke_width=1)
            scene.rect(
                left,
                top,
                _CELL,
                _CELL,
                class_=f"cell {kind}",
                fill=fill,
                stroke=GRID,
                stroke_width=1,
                opacity=None if visible else 0,
                inside=inside,
            )
            text = _shown(float(value))
            scene.text(
                left + _CELL / 2,
                top + _CELL / 2 + 4.5,
                text,
                size=min(13.0, 31 / (0.58 * len(text))),
                fill=MUTED if outside else readable_on(fill),
                opacity=None if visible else 0,
            )
            scene.shapes[-1].inside = inside

    def _appearing(self, index: int) -> tuple[bool, str]:
        """Whether an output is visible at first, and how it appears."""
        if self.frame is not None:
            return index <= self.frame, ""
        if index == 0:
            return True, ""
        return False, self._steps("opacity", [0.0, 1.0], [0.0, index / self.result.size])

    def _steps(self, attribute: str, values: list[float], times: list[float]) -> str:
        shown = ";".join(f"{value:g}" for value in values)
        when = ";".join(f"{time:.5g}" for time in times)
        return (
            f'<animate attributeName="{attribute}" values="{shown}" keyTimes="{when}" calcMode="discrete" '
            f'dur="{self.seconds * self.result.size:g}s" repeatCount="indefinite"/>'
        )

    def _window(self, scene: Scene, x: float, y: float) -> None:
        places = [self._place(i, self.stride) for i in range(self.result.size)]
        self._moving(scene, x, y, places, self.window[1], self.window[0], "window")

    def _mark(self, scene: Scene, x: float, y: float) -> None:
        self._moving(scene, x, y, [self._place(i, 1) for i in range(self.result.size)], 1, 1, "mark")

    def _place(self, index: int, stride: int) -> tuple[int, int]:
        row, column = divmod(index, self.result.shape[1])
        return column * stride, row * stride

    def _moving(
        self, scene: Scene, x: float, y: float, places: list[tuple[int, int]], wide: int, high: int, kind: str
    ) -> None:
        xs, ys = (
            [start + _CELL * p for p in part] for start, part in zip((x, y), zip(*places, strict=True), strict=True)
        )
        times = [i / len(places) for i in range(len(places))]
        still = self.frame is not None or len(places) == 1
        inside = "" if still else self._steps("x", xs, times) + self._steps("y", ys, times)
        at = self.frame or 0
        scene.rect(
            xs[at],
            ys[at],
            _CELL * wide,
            _CELL * high,
            class_=kind,
            fill="none",
            stroke=ORANGE,
            stroke_width=3.2,
            rx=3,
            inside=inside,
        )

    def _sums(self, scene: Scene, y: float) -> None:
        """The sum of the products of each place, one at a time."""
        total = self.result.size
        for index in range(total) if self.frame is None else [self.frame]:
            column, row = self._place(index, self.stride)
            taken = self.image[
                row : row + self.window[0] : self.dilation, column : column + self.window[1] : self.dilation
            ]
            pairs = list(zip(taken.ravel(), self.kernel.ravel(), strict=True))
            terms = " + ".join(f"{_signed(float(a))}·{_signed(float(b))}" for a, b in pairs[:9])
            more = f" + … ({len(pairs)} products)" if len(pairs) > 9 else ""
            text = f"{terms}{more} = {_shown(float(self.result.ravel()[index]))}"
            scene.text(
                scene.width / 2,
                y,
                text,
                size=min(13.0, (scene.width - 20) / (0.56 * len(text))),
                fill=INK,
                class_="sum",
                opacity=None if index == 0 or self.frame is not None else 0,
            )
            if self.frame is None and total > 1:
                times = [0.0, index / total, (index + 1) / total]
                values = [0.0, 1.0, 0.0]
                if index == 0:
                    times, values = times[1:], values[1:]
                if index == total - 1:
                    times, values = times[:-1], values[:-1]
                scene.shapes[-1].inside = self._steps("opacity", values, times)


def _plane(name: Literal["image", "kernel"], values: ArrayLike) -> Floats:
    found = check.real("animate_convolution", name, values)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"animate_convolution: {name} must be of shape (H, W), got {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"animate_convolution: {name} must be finite")
    return found


def _shown(value: float) -> str:
    """A number in at most about five characters, with the minus that type has."""
    text = f"{value:.0f}" if value == math.floor(value) and abs(value) < 1e5 else f"{value:.2g}"
    return text.replace("e+0", "e").replace("e-0", "e-").replace("-", "−")


def _signed(value: float) -> str:
    return f"({_shown(value)})" if value < 0 else _shown(value)
