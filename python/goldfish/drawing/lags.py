"""What a state keeps of earlier ones, by pairs of steps and by lag."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics.static import RecurrentReport
from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of, whole_steps
from goldfish.drawing._chart import Frame, colour_bar, legend, limits
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import BLUE, GREEN, MUTED, ORANGE, diverging, pale
from goldfish.drawing._scene import Scene

_BLOCKS = 96
_FLOOR = -320.0


def plot_lag_heatmap(norms: ArrayLike, *, log10: bool = False, ax: Any = None) -> Any:
    """The norms of ds_t / ds_s as colours: blue where a state forgets the earlier one, orange where it amplifies it.

    Parameters
    ----------
    norms : array_like of shape (T, T) or (B, T, T)
        From `goldfish.diagnostics.lag_norms`; of a batch the median. More than 96 steps are drawn in blocks, each by
        its largest value.
    log10 : bool
        Whether they are decimal logarithms.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        If the norms are not square, finite and >= 0.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import drawing
    >>> drawing.plot_lag_heatmap([[1, 0], [0.5, 1]]).count('class="lag"')
    3
    """
    logs = read_norms("plot_lag_heatmap", norms, log10=log10)
    if ax is None:
        steps = logs.shape[-1]
        return heatmap(logs, 64.0, min(40.0, max(420 / steps, 1.5))).show()
    axes_of("plot_lag_heatmap", ax)
    from matplotlib.colors import ListedColormap

    middle = _middle(logs)
    reach = _reach(middle)
    lower = np.tril(np.ones(middle.shape, bool))
    colours = ListedColormap([diverging(-1 + 2 * i / 255) for i in range(256)])
    values = np.ma.masked_array(np.maximum(middle, -reach), ~lower)
    edge = len(middle) + 0.5
    image = ax.imshow(values, cmap=colours, vmin=-reach, vmax=reach, extent=(0.5, edge, edge, 0.5))
    ax.set(xlabel="earlier step s", ylabel="step t")
    whole_steps(ax.xaxis, ax.yaxis)
    ax.figure.colorbar(image, ax=ax, label="log10 of the norm of ds_t / ds_s")
    return ax


def plot_lag_envelopes(
    norms: ArrayLike, *, report: RecurrentReport | None = None, log10: bool = False, ax: Any = None
) -> Any:
    """The norm of ds_t / ds_(t-k) by lag k: its median and its 10 % and 90 % quantiles, between two envelopes.

    Parameters
    ----------
    norms, log10, ax
        As in `plot_lag_heatmap`.
    report : RecurrentReport, optional
        From `goldfish.diagnostics.recurrent_report`: adds (gamma sigma_max)^k, which no norm exceeds, and rho^k, the
        rate of a linear network in the long run.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError, ImportError
        As `plot_lag_heatmap`.

    Examples
    --------
    >>> from goldfish import diagnostics, drawing
    >>> report = diagnostics.recurrent_report([[0.9, 5.0], [0.0, 0.9]], activation="linear")
    >>> drawing.plot_lag_envelopes([[1, 0, 0], [0.5, 1, 0], [0.2, 0.5, 1]], report=report).count('class="envelope"')
    2
    """
    logs = read_norms("plot_lag_envelopes", norms, log10=log10)
    if report is not None and not isinstance(report, RecurrentReport):
        raise TypeError(f"plot_lag_envelopes: report must be a RecurrentReport, got {type(report).__name__}")
    if ax is None:
        return envelope_chart(logs, report, 480).show()
    axes_of("plot_lag_envelopes", ax)
    lags, quantiles = _by_lag(logs)
    ax.fill_between(lags, quantiles[0], quantiles[2], color=pale(BLUE, 0.3), label="10 % to 90 %")
    ax.plot(lags, quantiles[1], color=BLUE, label="median")
    for label, rate, colour in _rates(report):
        ax.plot(lags, lags * rate, color=colour, linestyle="--", label=label)
    ax.set(xlabel="lag k", ylabel="log10 of the norm of ds_t / ds_(t-k)")
    whole_steps(ax.xaxis)
    ax.legend()
    return ax


def read_norms(function: str, norms: ArrayLike, *, log10: bool) -> Floats:
    """Logarithms (B, T, T)."""
    return check.logarithms(function, "norms", norms, 2, log10=log10, square=True)


def heatmap(logs: Floats, left: float, pitch: float) -> Scene:
    """The lower triangle, one column per step in the columns of the picture above."""
    middle = _middle(logs)
    steps = len(middle)
    block = -(-steps // _BLOCKS)
    middle = _blocks(middle, block)
    cells, size = len(middle), pitch * block
    reach = _reach(middle)
    tall = min(size, 420 / cells) if size * cells > 420 else size
    height = tall * cells
    finite = middle[np.isfinite(middle) & np.tril(np.ones(middle.shape, bool))]
    scene = Scene(
        max(left + pitch * steps + 24, 330),
        height + 92,
        f"What each of {steps} states keeps of the earlier ones",
        f"Heat map of the norms of ds_t / ds_s: from {check.power(float(finite.min()) if finite.size else -np.inf)} "
        f"(blue) to {check.power(float(finite.max()) if finite.size else -np.inf)} (orange), 1 on the diagonal.",
    )
    for t in range(cells):
        for s in range(t + 1):
            value = float(middle[t, s])
            scene.rect(
                left + size * s,
                14 + tall * t,
                size + 0.3,
                tall + 0.3,
                class_="lag",
                fill=diverging(max(value, -reach) / reach),
                hover=f"{s * block + 1} to {t * block + 1}: {check.power(value)}" if cells <= 40 else "",
            )
    for i in _marked(cells):
        scene.text(left + size * (i + 0.5), height + 30, str(i * block + 1), size=10, fill=MUTED)
        scene.text(left - 6, 14 + tall * (i + 0.5) + 4, str(i * block + 1), size=10, anchor="end", fill=MUTED)
    scene.text(left + size * cells / 2, height + 47, "earlier step s", size=12)
    scene.text(16, 14 + height / 2, "step t", size=12, rotate=-90)
    colour_bar(scene, left, height + 70, reach, "kept of s in t")
    return scene


def envelope_chart(logs: Floats, report: RecurrentReport | None, width: float) -> Scene:
    """Norms by lag."""
    lags, quantiles = _by_lag(logs)
    rates = _rates(report)
    lines = [lags * rate for _, rate, _ in rates]
    seen = np.concatenate([quantiles.ravel(), *[line[np.isfinite(line)] for line in lines]])
    floor = max(_FLOOR, float(np.min(quantiles[np.isfinite(quantiles)], initial=0.0)) * 1.5 - 1)
    low, high = limits(np.clip(seen, floor, None))
    scene = Scene(
        width,
        270,
        "What is left of a state, by lag",
        f"Median and quantiles of the norm of ds_t / ds_(t-k) for lags 0 to {len(lags) - 1}: after "
        f"{len(lags) - 1} steps the median is {check.power(float(quantiles[1, -1]))}.",
    )
    frame = Frame(64, 34, width - 90, 180, (0.0, float(max(len(lags) - 1, 1))), (low, high))
    frame.axes(scene, "lag k", "norm by lag", ylog=True)
    frame.band(scene, lags, np.clip(quantiles[0], low, None), quantiles[2], class_="band", fill=pale(BLUE, 0.3))
    frame.curve(scene, lags, quantiles[1], class_="median", stroke=BLUE, stroke_width=2.2)
    for (_, _, colour), line in zip(rates, lines, strict=True):
        visible = np.where(line >= low, line, np.nan)
        frame.curve(scene, lags, visible, class_="envelope", stroke=colour, stroke_width=1.6, stroke_dasharray="6 4")
    entries: list[tuple[str, str, str | None]] = [("median, 10 to 90 %", BLUE, None)]
    legend(scene, 64, 20, [*entries, *[(label, colour, "6 4") for label, _, colour in rates]], width - 90)
    return scene


def _rates(report: RecurrentReport | None) -> list[tuple[str, float, str]]:
    """Envelopes: label, decimal logarithm per step, colour."""
    if report is None:
        return []
    steepest, radius = report.gamma * report.sigma_max, report.spectral_radius
    found = [("(γσ)^k", steepest, ORANGE), ("ρ^k", radius, GREEN)]
    return [(label, math.log10(rate), colour) for label, rate, colour in found if rate > 0]


def _by_lag(logs: Floats) -> tuple[Floats, Floats]:
    """Lags, and the 10 %, 50 % and 90 % quantiles of the logarithms by lag."""
    steps = logs.shape[-1]
    lags = np.arange(steps, dtype=np.float64)
    found = np.empty((3, steps))
    for k in range(steps):
        values = np.maximum(np.diagonal(logs, -k, axis1=1, axis2=2), -1e9)
        found[:, k] = np.quantile(values, (0.1, 0.5, 0.9))
    return lags, np.where(found <= -1e8, -np.inf, found)


def _middle(logs: Floats) -> Floats:
    found = np.median(np.maximum(logs, -1e9), axis=0)
    return np.where(found <= -1e8, -np.inf, found)


def _reach(middle: Floats) -> float:
    finite = middle[np.isfinite(middle)]
    return max(float(np.abs(finite).max()) if finite.size else 0.0, 1.0)


def _blocks(middle: Floats, block: int) -> Floats:
    """The largest values of square blocks."""
    if block == 1:
        return middle
    edges = np.arange(0, len(middle), block)
    lower = np.where(np.tril(np.ones(middle.shape, bool)), middle, -np.inf)
    return np.maximum.reduceat(np.maximum.reduceat(lower, edges, axis=0), edges, axis=1)


def _marked(cells: int) -> list[int]:
    every = -(-cells // 12)
    return list(range(0, cells, every))
