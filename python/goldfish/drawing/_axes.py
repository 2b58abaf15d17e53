"""Scenes on the axes of matplotlib."""

from __future__ import annotations

from typing import Any

from goldfish.drawing._scene import Scene, Shape


def axes_of(function: str, ax: Any) -> Any:
    """The axes, after making sure that they are some.

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError
        If they are something else.
    """
    try:
        from matplotlib.axes import Axes
    except ImportError as error:
        raise ImportError(f"{function} with ax= needs matplotlib: pip install 'goldfish[plot]'") from error
    if not isinstance(ax, Axes):
        raise TypeError(f"{function}: ax must be the Axes of matplotlib, got {type(ax).__name__}")
    return ax


def whole_steps(*axes: Any) -> None:
    """Give axes of matplotlib ticks at ints alone."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        axis.set_major_locator(MaxNLocator(integer=True))


def put(scene: Scene, ax: Any) -> Any:
    """The shapes as artists; the axes' own frame goes, the scene's pixels become its coordinates."""
    axes_of("drawing", ax)
    ax.set(xlim=(0, scene.width), ylim=(scene.height, 0), aspect="equal")
    ax.axis("off")
    box, figure = ax.get_position(), ax.figure
    inches = figure.get_size_inches()
    scale = 72 * min(box.width * inches[0] / scene.width, box.height * inches[1] / scene.height)
    for shape in scene.shapes:
        _draw(shape, ax, scale)
    # An image moves the limits and its other artists do not care for the order of drawing.
    ax.set(xlim=(0, scene.width), ylim=(scene.height, 0), aspect="equal")
    return ax


def _draw(shape: Shape, ax: Any, scale: float) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Rectangle
    from matplotlib.path import Path

    a = shape.attributes
    if a.get("opacity") == 0:
        return
    style = {
        "facecolor": a.get("fill", "none"),
        "edgecolor": a.get("stroke", "none"),
        "linewidth": float(a.get("stroke-width", 1)) * scale if "stroke" in a else 0,
        "alpha": a.get("opacity"),
    }
    if "stroke-dasharray" in a:
        style["linestyle"] = (0, tuple(float(v) for v in str(a["stroke-dasharray"]).split()))
    if shape.tag == "text":
        anchors = {"middle": "center", "start": "left", "end": "right"}
        ax.text(
            a["x"],
            a["y"],
            shape.text.replace("$", r"\$"),
            fontsize=a["font-size"] * scale,
            ha=anchors[a["text-anchor"]],
            va="baseline",
            color=a["fill"],
            family="monospace" if "Mono" in a.get("font-family", "") else None,
            rotation=-a.get("rotate", 0),
            rotation_mode="anchor",
        )
    elif shape.tag == "image":
        left, top = a["x"], a["y"]
        extent = (left, left + a["width"], top + a["height"], top)
        ax.imshow(shape.pixels, extent=extent, aspect="auto", interpolation="none")
    elif shape.tag == "circle":
        ax.add_patch(Circle((a["cx"], a["cy"]), a["r"], **style))
    elif shape.tag == "rect" and "rx" in a:
        rounded = f"round,pad=0,rounding_size={min(a['rx'], a['width'] / 2, a['height'] / 2)}"
        ax.add_patch(FancyBboxPatch((a["x"], a["y"]), a["width"], a["height"], boxstyle=rounded, **style))
    elif shape.tag == "rect":
        ax.add_patch(Rectangle((a["x"], a["y"]), a["width"], a["height"], **style))
    else:
        codes = {"M": [Path.MOVETO], "L": [Path.LINETO], "C": [Path.CURVE4] * 3, "Z": [Path.CLOSEPOLY]}
        points: list[tuple[float, float]] = []
        kinds: list[Any] = []
        for name, *values in a["d"]:
            points += list(zip(values[::2], values[1::2], strict=True)) or [points[-1]]
            kinds += codes[name]
        ax.add_patch(PathPatch(Path(points, kinds), capstyle="round", joinstyle="round", **style))
