"""A drawing as a list of shapes, written as SVG or put on the axes of matplotlib."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from goldfish.drawing._colour import INK, PAPER
from goldfish.drawing._pixels import data_uri

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
Point = tuple[float, float]
Command = tuple[Any, ...]
_FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


@dataclass
class Shape:
    """One element: its SVG tag, geometry, style, text, and the words that a pointer over it shows."""

    tag: str
    attributes: dict[str, Any]
    text: str = ""
    hover: str = ""
    inside: str = ""
    pixels: Any = None


@dataclass
class Scene:
    """Shapes in order, on a page of a size; y grows downwards.

    Parameters
    ----------
    width, height : float
        In pixels.
    title, description : str
        For readers who do not see the drawing.
    """

    width: float
    height: float
    title: str
    description: str
    shapes: list[Shape] = field(default_factory=list)

    def rect(self, x: float, y: float, w: float, h: float, *, hover: str = "", inside: str = "", **style: Any) -> None:
        """A rectangle; ``inside`` is SVG for its animation."""
        self._add("rect", {"x": x, "y": y, "width": w, "height": h}, style, hover=hover, inside=inside)

    def circle(self, x: float, y: float, r: float, *, hover: str = "", **style: Any) -> None:
        """A circle."""
        self._add("circle", {"cx": x, "cy": y, "r": r}, style, hover=hover)

    def path(self, commands: Sequence[Command], *, hover: str = "", **style: Any) -> None:
        """Lines and curves: ("M", x, y), ("L", x, y), ("C", x1, y1, x2, y2, x, y), ("Z",)."""
        self._add("path", {"d": tuple(commands)}, {"fill": "none", "stroke": INK, **style}, hover=hover)

    def line(self, a: Point, b: Point, **style: Any) -> None:
        """A straight line."""
        self.path([("M", *a), ("L", *b)], **style)

    def polyline(self, points: Sequence[Any], **style: Any) -> None:
        """Straight lines through points."""
        self.path([("L" if i else "M", float(x), float(y)) for i, (x, y) in enumerate(points)], **style)

    def arrow(self, a: Point, b: Point, *, head: float = 6.0, **style: Any) -> None:
        """A straight line whose end has a head."""
        self.path([("M", *a), ("L", *b), *_head(a, b, head)], **style)

    def curve(self, a: Point, c1: Point, c2: Point, b: Point, *, head: float = 6.0, **style: Any) -> None:
        """A cubic curve whose end has a head."""
        self.path([("M", *a), ("C", *c1, *c2, *b), *_head(c2, b, head)], **style)

    def text(self, x: float, y: float, text: str, *, size: float = 12, anchor: str = "middle", **style: Any) -> None:
        """A line of text whose baseline is at y."""
        attributes = {"x": x, "y": y, "font-size": size, "text-anchor": anchor}
        self._add("text", attributes, {"fill": INK, **style}, text=text)

    def image(self, x: float, y: float, w: float, h: float, pixels: Any, *, hover: str = "", **style: Any) -> None:
        """Pixels (H, W, 3) of bytes, each a rectangle of one colour."""
        geometry = {"x": x, "y": y, "width": w, "height": h, "preserveAspectRatio": "none"}
        self._add("image", geometry, {**style, "image_rendering": "pixelated"}, hover=hover)
        self.shapes[-1].pixels = pixels

    def extend(self, other: Scene, x: float, y: float) -> None:
        """Put the shapes of another scene here, moved."""
        self.shapes += [replace(s, attributes=_moved(s, x, y)) for s in other.shapes]

    def _add(
        self,
        tag: str,
        geometry: dict[str, Any],
        style: dict[str, Any],
        *,
        text: str = "",
        hover: str = "",
        inside: str = "",
    ) -> None:
        named = {key.rstrip("_").replace("_", "-"): value for key, value in style.items() if value is not None}
        self.shapes.append(Shape(tag, {**geometry, **named}, text, hover, inside))

    def show(self, ax: Any = None) -> Any:
        """SVG text, or the axes with the shapes on them."""
        if ax is None:
            return self.svg()
        from goldfish.drawing._axes import put

        return put(self, ax)

    def svg(self) -> str:
        """SVG text, with ids that differ from those of other drawings on a page."""
        body = "\n".join(_element(shape) for shape in self.shapes)
        title, description = _written(self.title), _written(self.description)
        name = f"goldfish-{zlib.crc32((title + description + body).encode()):08x}"
        width, height = _number(self.width), _number(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-labelledby="{name}-title {name}-desc" font-family="{_FONT}">\n'
            f'<title id="{name}-title">{title}</title>\n'
            f'<desc id="{name}-desc">{description}</desc>\n'
            f'<rect class="paper" width="{width}" height="{height}" fill="{PAPER}"/>\n{body}\n</svg>\n'
        )


def text_width(text: str, size: float = 12) -> float:
    """About the width of a text in pixels, a little generous."""
    narrow = sum(c in "iljtfr.,:;'|!()[] " for c in text)
    wide = sum(c in "mwMW@%" or ord(c) > 0x2E7F for c in text)
    return size * (0.58 * len(text) - 0.26 * narrow + 0.32 * wide)


def shorten(text: str, width: float, size: float = 12) -> str:
    """The text, cut with an ellipsis to fit a width."""
    if text_width(text, size) <= width:
        return text
    # No letter is narrower than a fifth of its size, so the rest of a very long text need not be looked at.
    text = text[: int(5 * width / size) + 1]
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def _head(a: Point, b: Point, size: float) -> list[Command]:
    """An open arrow head at b for a line that comes from a."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length * size, dy / length * size
    left = (b[0] - ux + 0.5 * uy, b[1] - uy - 0.5 * ux)
    right = (b[0] - ux - 0.5 * uy, b[1] - uy + 0.5 * ux)
    return [("M", *left), ("L", *b), ("L", *right)]


def _moved(shape: Shape, x: float, y: float) -> dict[str, Any]:
    moved = dict(shape.attributes)
    for key in ("x", "cx"):
        if key in moved:
            moved[key] += x
    for key in ("y", "cy"):
        if key in moved:
            moved[key] += y
    if "d" in moved:
        moved["d"] = tuple(
            (command[0], *(value + (y if i % 2 else x) for i, value in enumerate(command[1:])))
            for command in moved["d"]
        )
    return moved


def _element(shape: Shape) -> str:
    attributes = dict(shape.attributes)
    if shape.pixels is not None:
        # Renderers that blur enlarged images get one that is large already.
        factor = max(1, round(2 * attributes["width"] / shape.pixels.shape[1]))
        attributes["href"] = data_uri(shape.pixels.repeat(factor, axis=0).repeat(factor, axis=1))
    angle = attributes.pop("rotate", None)
    shown = "".join(f' {key}="{_value(value)}"' for key, value in attributes.items())
    if angle is not None:
        shown += f' transform="rotate({_number(angle)} {_number(attributes["x"])} {_number(attributes["y"])})"'
    hover = f"<title>{_written(shape.hover)}</title>" if shape.hover else ""
    content = hover + _written(shape.text) + shape.inside
    if shape.tag == "text" and shape.text != shape.text.strip():
        shown += ' xml:space="preserve"'
    return f"<{shape.tag}{shown}>{content}</{shape.tag}>" if content else f"<{shape.tag}{shown}/>"


def _written(text: str) -> str:
    """Text for XML, which has no way to write most control characters."""
    return escape(_UNWRITABLE.sub("\ufffd", text), quote=False)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(command[0] + ",".join(map(_number, command[1:])) for command in value)
    return escape(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    shown = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown
