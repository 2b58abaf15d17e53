"""Recurrent networks as drawings: rolled, unrolled and projected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from goldfish.diagnostics.wiring import Wiring
from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._colour import FILLS, GREEN, INK, MUTED, ORANGE, PURPLE
from goldfish.drawing._scene import Scene, shorten, text_width

View = Literal["rolled", "unrolled", "projection"]
_R = 17.0
_STROKE = {"input": INK, "cell": ORANGE, "output": GREEN}


def draw_rnn(
    view: View = "unrolled",
    T: int | None = None,
    *,
    hidden: int = 2,
    wiring: Wiring | None = None,
    labels: Sequence[Any] | None = None,
    ax: Any = None,
) -> Any:
    """A recurrent network as a drawing.

    Parameters
    ----------
    view : {"unrolled", "rolled", "projection"}
        One cell per step; one cell with a loop; or every hidden unit of every step, with all weights between them.
    T : int, optional
        The number of steps; by default that of ``wiring`` or ``labels``, else 3. A rolled network has none.
    hidden : int
        Hidden units of the projection.
    wiring : Wiring, optional
        From `goldfish.diagnostics.wiring`: which steps read an input and give an output, and whether outputs are fed
        back.
    labels : sequence of str, optional
        What the inputs are, one per step: the words of a sentence.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        For another view, a size below 1, or a wiring or labels of another length.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import diagnostics, drawing
    >>> svg = drawing.draw_rnn("unrolled", labels=["themselves", "goldfish", "your"])
    >>> svg.count('class="node cell"'), svg.count('class="edge recurrent"')
    (3, 2)
    >>> caption = drawing.draw_rnn("unrolled", wiring=diagnostics.wiring("one-to-many", 1, 4))
    >>> caption.count('class="node input"'), caption.count('class="edge feedback"')
    (1, 3)
    """
    check.choice("draw_rnn", "view", view, get_args(View))
    units = check.count("draw_rnn", "hidden", hidden)
    if wiring is not None and not isinstance(wiring, Wiring):
        raise TypeError(f"draw_rnn: wiring must be a Wiring, got {type(wiring).__name__}")
    if ax is not None:
        axes_of("draw_rnn", ax)
    if view == "rolled":
        if wiring is not None or (labels is not None and len(labels) != 1):
            raise ValueError("draw_rnn: a rolled network has no steps: wiring and labels must be left out")
        return _rolled(None if labels is None else str(labels[0])).show(ax)
    steps = _steps(T, wiring, labels)
    shown = check.names("draw_rnn", labels, steps, "step")
    if view == "unrolled":
        return unrolled(steps, wiring, shown).show(ax)
    return _projection(steps, units, wiring, shown).show(ax)


def _steps(T: int | None, wiring: Wiring | None, labels: Sequence[Any] | None) -> int:
    if T is None:
        return wiring.T if wiring is not None else len(labels) if labels else 3
    steps = check.count("draw_rnn", "T", T)
    if wiring is not None and steps != wiring.T:
        raise ValueError(f"draw_rnn: wiring has {wiring.T} steps, T is {steps}")
    return steps


def _rolled(label: str | None) -> Scene:
    scene = Scene(
        230,
        250,
        "A recurrent network, rolled",
        "One cell reads an input, gives an output, and hands its state back to itself at the next step.",
    )
    x = 80.0
    scene.arrow((x, 201), (x, 146), class_="edge input", stroke=INK, stroke_width=1.6)
    scene.arrow((x, 107), (x, 54), class_="edge output", stroke=GREEN, stroke_width=1.6)
    scene.curve(
        (x + 18, 119),
        (x + 78, 82),
        (x + 78, 172),
        (x + 18.5, 135),
        class_="edge recurrent",
        stroke=ORANGE,
        stroke_width=1.8,
    )
    _node(scene, "output", x, 34, "y")
    _node(scene, "cell", x, 127, "h")
    _node(scene, "input", x, 220, "x")
    scene.text(x + 72, 131, "next step", size=11, anchor="start", fill=MUTED)
    if label:
        scene.text(x, 246, shorten(label, 150, 11), size=11, fill=MUTED)
    return scene


def unrolled(steps: int, wiring: Wiring | None, labels: list[str] | None) -> Scene:
    """One column per step."""
    pitch = _pitch(labels, 66.0)
    inputs, outputs = _masks(steps, wiring)
    feedback = wiring is not None and wiring.feedback
    left, height = max(34.0, pitch / 2), 236.0 + (18 if labels else 0)
    what = f"{wiring.kind}, " if wiring is not None else ""
    scene = Scene(
        2 * left + pitch * (steps - 1),
        height,
        f"A recurrent network unrolled over {steps} step{'s' if steps > 1 else ''}",
        f"A row of {steps} cells, {what}each handing its state to the next; {int(inputs.sum())} read an input and "
        f"{int(outputs.sum())} give an output{', which is fed back as the next input' if feedback else ''}.",
    )
    xs = [left + pitch * t for t in range(steps)]
    for t in range(steps - 1):
        scene.arrow(
            (xs[t] + _R + 1, 120), (xs[t + 1] - _R - 2, 120), class_="edge recurrent", stroke=ORANGE, stroke_width=1.8
        )
    shown = np.flatnonzero(outputs)
    for t, x in enumerate(xs):
        if inputs[t]:
            scene.arrow((x, 189), (x, 139), class_="edge input", stroke=INK, stroke_width=1.5)
        if outputs[t]:
            scene.arrow((x, 101), (x, 51), class_="edge output", stroke=GREEN, stroke_width=1.5)
    for t in shown[:-1] if feedback else []:
        a, b = (xs[t] + 16, 40.0), (xs[t + 1] - 13, 105.0)
        middle = (xs[t] + xs[t + 1]) / 2
        scene.curve(
            a,
            (middle + 4, 48),
            (middle - 2, 78),
            b,
            class_="edge feedback",
            stroke=PURPLE,
            stroke_width=1.4,
            stroke_dasharray="4 3",
        )
    for t, x in enumerate(xs):
        index = _index(t + 1)
        if outputs[t]:
            _node(scene, "output", x, 32, f"y{index}")
        _node(scene, "cell", x, 120, f"h{index}")
        if inputs[t]:
            _node(scene, "input", x, 208, f"x{index}")
        if labels:
            scene.text(x, 246, shorten(labels[t], pitch - 4), size=12, fill=INK if inputs[t] else MUTED)
    return scene


def _projection(steps: int, hidden: int, wiring: Wiring | None, labels: list[str] | None) -> Scene:
    """Every hidden unit of every step."""
    r, gap = 12.0, 38.0
    pitch = max(_pitch(labels, 104.0), 104.0)
    inputs, outputs = _masks(steps, wiring)
    left, top = max(40.0, pitch / 2), 96.0
    bottom = top + gap * (hidden - 1)
    y_in, height = bottom + 72, bottom + 104 + (18 if labels else 0)
    scene = Scene(
        2 * left + pitch * (steps - 1),
        height,
        f"A recurrent network of {hidden} hidden unit{'s' if hidden > 1 else ''} projected over {steps} steps",
        f"{steps} columns of {hidden} hidden units; every unit of a step is connected with every unit of the next by "
        "the same weights, with the input of its step and with its output.",
    )
    xs = [left + pitch * t for t in range(steps)]
    rows = [top + gap * i for i in range(hidden)]
    # Units stand slantwise, so that lines from the input and to the output do not run through other units.
    slant = min(18.0, (pitch - 60) / max(hidden - 1, 1) / 2)
    unit = [[(x + slant * (i - (hidden - 1) / 2), y) for i, y in enumerate(rows)] for x in xs]
    for t in range(steps):
        for i in range(hidden):
            for j in range(hidden if t + 1 < steps else 0):
                _edge(scene, unit[t][i], unit[t + 1][j], r, r, class_="edge recurrent", stroke=ORANGE, stroke_width=1.1)
            if inputs[t]:
                _edge(scene, (xs[t], y_in), unit[t][i], r, r, class_="edge input", stroke=MUTED, stroke_width=1.1)
            if outputs[t]:
                _edge(scene, unit[t][i], (xs[t], 28.0), r, r, class_="edge output", stroke=GREEN, stroke_width=1.1)
    shown = np.flatnonzero(outputs)
    for t in shown[:-1] if wiring is not None and wiring.feedback else []:
        a, b = (xs[t] + r + 1, 30.0), unit[t + 1][0]
        middle = (xs[t] + xs[t + 1]) / 2
        scene.curve(
            a,
            (middle, 34),
            (middle, b[1] - 30),
            (b[0] - 8, b[1] - r),
            class_="edge feedback",
            stroke=PURPLE,
            stroke_width=1.3,
            stroke_dasharray="4 3",
        )
    for t, x in enumerate(xs):
        if outputs[t]:
            _node(scene, "output", x, 28, f"y{_index(t + 1)}", r)
        for place in unit[t]:
            _node(scene, "cell", *place, "", r)
        if inputs[t]:
            _node(scene, "input", x, y_in, f"x{_index(t + 1)}", r)
        if labels:
            scene.text(x, y_in + 34, shorten(labels[t], pitch - 4), size=12, fill=INK if inputs[t] else MUTED)
    return scene


def _masks(steps: int, wiring: Wiring | None) -> tuple[Any, Any]:
    return (np.ones(steps, bool),) * 2 if wiring is None else (wiring.inputs, wiring.outputs)


def _pitch(labels: list[str] | None, least: float) -> float:
    """Room for the longest label, within reason."""
    return min(max([least, *(text_width(label) + 12 for label in labels or [])]), 140.0)


def _node(scene: Scene, kind: str, x: float, y: float, label: str, r: float = _R) -> None:
    scene.circle(x, y, r, class_=f"node {kind}", fill=FILLS[kind], stroke=_STROKE[kind], stroke_width=1.6)
    if label:
        size = 13 if r > 14 and len(label) < 4 else 10
        scene.text(x, y + size / 3, label, size=size)


def _edge(scene: Scene, a: tuple[float, float], b: tuple[float, float], ra: float, rb: float, **style: Any) -> None:
    """An arrow between the rims of two circles."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = (dx * dx + dy * dy) ** 0.5
    ux, uy = dx / length, dy / length
    scene.arrow((a[0] + ux * ra, a[1] + uy * ra), (b[0] - ux * (rb + 1), b[1] - uy * (rb + 1)), head=4.5, **style)


def _index(number: int) -> str:
    """The digits of a number as subscripts."""
    return "".join(chr(0x2080 + int(digit)) for digit in str(number))
