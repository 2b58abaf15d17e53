"""What every input still weighs: the unrolled network with edges by influence, and what the states forget."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics.static import RecurrentReport
from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._chart import colour_bar
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import FILLS, GREEN, GRID, INK, MUTED, ORANGE, diverging
from goldfish.drawing._scene import Scene, shorten, text_width
from goldfish.drawing.lags import envelope_chart, heatmap, read_norms

_LEFT, _WIDE, _MOST, _EDGES = 64.0, 760.0, 72.0, 600


def plot_influence(
    influence: ArrayLike,
    *,
    labels: Sequence[Any] | None = None,
    norms: ArrayLike | None = None,
    report: RecurrentReport | None = None,
    log10: bool = False,
    ax: Any = None,
) -> Any:
    """The unrolled network whose input edges show by width and colour how much of each input is in the output.

    Colours are those of the decimal logarithm: blue below 1, orange above. With ``norms`` the picture goes on below, on
    the same steps: the heat map of what each state keeps of each earlier one, and the norm by lag between its 10 % and
    90 % quantiles.

    Parameters
    ----------
    influence : array_like of shape (T,) or (B, T)
        From `goldfish.diagnostics.influence`; of a batch the median is drawn. More than 600 steps are drawn in blocks,
        each by its largest value.
    labels : sequence of str, optional
        What the inputs are, one per step.
    norms : array_like of shape (T, T) or (B, T, T), optional
        From `goldfish.diagnostics.lag_norms`.
    report : RecurrentReport, optional
        From `goldfish.diagnostics.recurrent_report`: adds the envelopes (gamma sigma_max)^k and rho^k.
    log10 : bool
        Whether influence and norms are decimal logarithms.
    ax : matplotlib Axes, optional
        Where to draw the network; then without ``norms``, which `plot_lag_heatmap` and `plot_lag_envelopes` draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        For negative or non-finite values, or lengths that differ.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, drawing, nn
    >>> model, x = nn.RNN(3, 4, rng=0), np.ones((9, 3))
    >>> svg = drawing.plot_influence(diagnostics.influence(model, x), norms=diagnostics.lag_norms(model, x))
    >>> svg.count("edge input influence"), svg.count('class="lag"')
    (9, 45)
    """
    logs = check.logarithms("plot_influence", "influence", influence, 1, log10=log10)
    middle = median(logs)
    steps = len(middle)
    shown = check.names("plot_influence", labels, steps, "step")
    lags = None if norms is None else read_norms("plot_influence", norms, log10=log10)
    if lags is not None and lags.shape[-1] != steps:
        raise ValueError(f"plot_influence: norms have {lags.shape[-1]} steps, influence has {steps}")
    if report is not None and not isinstance(report, RecurrentReport):
        raise TypeError(f"plot_influence: report must be a RecurrentReport, got {type(report).__name__}")
    if ax is not None:
        axes_of("plot_influence", ax)
        if lags is not None:
            raise ValueError("plot_influence: norms must be left out with ax; plot_lag_heatmap draws them")
    block = -(-steps // _EDGES)
    blocks = np.maximum.reduceat(middle, np.arange(0, steps, block))
    pitch = min(_MOST, max(_WIDE / len(blocks), 1.5))
    scene = _network(blocks, shown if block == 1 else None, pitch, steps, block)
    if lags is not None:
        below = heatmap(lags, _LEFT, pitch / block)
        scene.extend(below, 0, scene.height)
        scene.height += below.height
        scene.width = max(scene.width, below.width)
        chart = envelope_chart(lags, report, max(scene.width, 420))
        scene.extend(chart, 0, scene.height)
        scene.height += chart.height
        scene.width = max(scene.width, chart.width)
    return scene.show(ax)


def median(logs: Floats) -> Floats:
    """Over the batch; of an even number of values the middle of the two in the middle, -inf if one is."""
    with np.errstate(invalid="ignore"):
        found = np.median(logs, axis=0)
    return np.where(np.isnan(found), -np.inf, found)


def _network(logs: Floats, labels: list[str] | None, pitch: float, steps: int, block: int) -> Scene:
    """One column for each block of steps."""
    finite = logs[np.isfinite(logs)]
    reach = max(float(np.abs(finite).max()) if finite.size else 0.0, 1.0)
    width = _LEFT + pitch * len(logs) + 24
    upright = _upright(labels, pitch)
    strongest = int(np.argmax(logs))
    soon = " or soon after" if block > 1 else ""
    scene = Scene(
        max(width, 330),
        262 + upright,
        f"The influence of {steps} inputs on the output",
        f"Edges from the inputs of an unrolled network, wide and orange where the output depends on the input "
        f"strongly, thin and blue where weakly: from {check.power(float(logs.min()))} to "
        f"{check.power(float(logs.max()))}, most at step {strongest * block + 1}{soon}.",
    )
    xs = [_LEFT + pitch * (t + 0.5) for t in range(len(logs))]
    r = min(15.0, pitch * 0.3)
    y_cell, y_in = 74.0, 162.0
    style: dict[str, Any] = {"class_": "edge recurrent", "stroke": ORANGE, "stroke_width": 1.4}
    if r < 6 and len(xs) > 1:
        scene.line((xs[0], y_cell), (xs[-1], y_cell), **style)
    for a, b in itertools.pairwise(xs) if r >= 6 else []:
        scene.arrow((a + r, y_cell), (b - r - 1, y_cell), head=4.5, **style)
    last = _last(logs)
    scene.arrow((xs[last], y_cell - r - 1), (xs[last], 32), class_="edge output", stroke=GREEN, stroke_width=1.6)
    scene.text(xs[last], 24, "output", size=11, fill=MUTED)
    for t, x in enumerate(xs):
        _edge(
            scene,
            x,
            y_in - r,
            y_cell + r,
            float(logs[t]),
            reach,
            pitch,
            labels[t] if labels else f"step {t * block + 1}",
        )
    for x in xs if r >= 2.5 else []:
        scene.circle(x, y_cell, r, class_="node cell", fill=FILLS["cell"], stroke=ORANGE, stroke_width=1.4)
        scene.circle(x, y_in, r, class_="node input", fill=FILLS["input"], stroke=INK, stroke_width=1.4)
    named = labels if labels else [str(t * block + 1) for t in range(len(logs))]
    _words(scene, xs, logs, named, pitch, y_in + r, upright)
    scene.text(_LEFT - 12, y_cell + 4, "state", size=11, anchor="end", fill=MUTED)
    scene.text(_LEFT - 12, y_in + 4, "input", size=11, anchor="end", fill=MUTED)
    colour_bar(scene, _LEFT, 240 + upright, reach, "influence")
    return scene


def _last(logs: Floats) -> int:
    """The step whose output was asked for: inputs behind it have no influence."""
    reached = np.flatnonzero(np.isfinite(logs))
    return int(reached[-1]) if len(reached) else len(logs) - 1


def _edge(
    scene: Scene, x: float, low: float, high: float, value: float, reach: float, pitch: float, label: str
) -> None:
    hover = f"{label}: {check.power(value)}"
    if value == -np.inf:
        scene.line(
            (x, low),
            (x, high),
            class_="edge input influence",
            stroke=GRID,
            stroke_width=1,
            stroke_dasharray="2 3",
            hover=hover,
        )
        return
    share = (value + reach) / (2 * reach)
    thick = min(1.2 + 8 * share, max(pitch * 0.8, 0.8))
    colour = diverging(value / reach)
    # The middle of the colours is nearly white; a thin dark rim keeps it visible on white.
    scene.line((x, low), (x, high), class_="halo", stroke=MUTED, stroke_width=thick + min(1.2, pitch * 0.2))
    scene.line((x, low), (x, high), class_="edge input influence", stroke=colour, stroke_width=thick, hover=hover)


def _upright(labels: list[str] | None, pitch: float) -> float:
    """How much taller the picture gets because its labels stand upright; 0 if they fit side by side."""
    if labels is None or pitch < 12:
        return 0.0
    longest = max(text_width(label, 11) for label in labels)
    return 0.0 if longest <= max(pitch - 3, 16) or pitch > 40 else min(longest, 100.0) - 8


def _words(
    scene: Scene, xs: list[float], logs: Floats, named: list[str], pitch: float, y: float, upright: float
) -> None:
    """Labels and values beneath the inputs, as many as there is room for."""
    texts = [check.power(float(value)) for value in logs]
    widest = max(text_width(text, 10) for text in texts) + 4
    every = max(1, int(np.ceil(widest / pitch)))
    sparse = max(1, int(np.ceil(30 / pitch)))
    for t, x in enumerate(xs):
        if upright:
            scene.text(x + 4, y + 8, shorten(named[t], 100, 11), size=11, anchor="end", rotate=-90)
        elif pitch >= 12:
            scene.text(x, y + 17, shorten(named[t], max(pitch - 3, 16), 11), size=11)
        elif t % sparse == 0:
            scene.text(x, y + 17, named[t][:6], size=10)
        if (len(xs) - 1 - t) % every == 0:
            scene.text(x, y + 33 + upright, texts[t], size=10, fill=MUTED)
