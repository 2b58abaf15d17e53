"""Curves over steps and epochs: gradients, losses, scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of, whole_steps
from goldfish.drawing._chart import Frame, legend, limits, places
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import BLUE, CYCLE, MUTED, pale
from goldfish.drawing._scene import Scene


def plot_grad_norms(norms: ArrayLike, *, log10: bool = False, ax: Any = None) -> Any:
    """The norm of the loss's gradient at every step, on a logarithmic axis: whether it vanishes or explodes.

    Parameters
    ----------
    norms : array_like of shape (T,) or (B, T)
        From `goldfish.diagnostics.grad_norm_by_step`; of a batch the median, between the 10 % and 90 % quantiles.
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
        If the norms are not finite and >= 0.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import drawing
    >>> drawing.plot_grad_norms([1e-6, 1e-3, 1.0]).count('class="step"')
    3
    """
    logs = check.logarithms("plot_grad_norms", "norms", norms, 1, log10=log10)
    low, middle, high = _quantiles(logs)
    steps = np.arange(1, len(middle) + 1)
    if ax is not None:
        axes_of("plot_grad_norms", ax)
        if len(logs) > 1:
            ax.fill_between(steps, low, high, color=pale(BLUE, 0.3))
        ax.plot(steps, np.where(np.isfinite(middle), middle, np.nan), color=BLUE, marker="o", markersize=3)
        ax.set(xlabel="step", ylabel="log10 of the gradient's norm")
        whole_steps(ax.xaxis)
        return ax
    bounds = limits(np.concatenate([low, middle, high]))
    first, last = float(middle[0]), float(middle[-1])
    scene = Scene(
        520,
        270,
        f"The gradient at {len(steps)} steps",
        f"The norm of the loss's gradient by the state, from {check.power(first)} at the first step to "
        f"{check.power(last)} at the last.",
    )
    frame = Frame(68, 20, 430, 196, (0.5, len(steps) + 0.5), bounds)
    frame.axes(scene, "step", "gradient norm", ylog=True)
    if len(logs) > 1:
        frame.band(scene, steps, np.maximum(low, bounds[0]), high, class_="band", fill=pale(BLUE, 0.3))
    frame.curve(scene, steps, middle, class_="median", stroke=BLUE, stroke_width=1.6)
    r = min(3.5, 1 + 120 / len(steps))
    every = -(-len(steps) // 1000)
    for t, value in zip(steps[::every], middle[::every], strict=True):
        lost = value == -np.inf
        x, y = frame.at(t, bounds[0] if lost else value)
        scene.circle(
            float(x),
            float(y),
            r,
            class_="step",
            fill="#ffffff" if lost else BLUE,
            stroke=BLUE,
            stroke_width=1.2,
            hover=f"{t}: {check.power(float(value))}",
        )
    return scene.show()


def plot_learning_curves(history: Mapping[str, Any], *, log: bool = False, ax: Any = None) -> Any:
    """What training recorded, over the epochs; the epoch with the smallest validation loss is marked.

    Parameters
    ----------
    history : mapping of str to sequence of float
        An `nn.History`, or lists of equal length by name. Quantities of another kind than losses get an axis of their
        own beneath.
    log : bool
        Draw losses on a logarithmic axis.
    ax : matplotlib Axes, optional
        Where to draw; then all on one axis.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        If there is nothing to draw, lengths differ, or ``log`` meets a loss that is not positive.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> from goldfish import drawing
    >>> svg = drawing.plot_learning_curves({"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.6, 0.7]})
    >>> svg.count('class="curve"'), "best epoch" in svg
    (2, True)
    """
    columns = _columns(history)
    losses = {name: values for name, values in columns.items() if "loss" in name}
    others = {name: values for name, values in columns.items() if name not in losses}
    if log:
        for name, values in losses.items():
            if (values <= 0).any():
                raise ValueError(f"plot_learning_curves: {name} must be > 0 with log=True, got {values.min()}")
    monitored = next((name for name in ("val_loss", "loss") if name in columns), None)
    best = None if monitored is None else int(np.nanargmin(np.append(columns[monitored], np.inf)))
    if ax is not None:
        axes_of("plot_learning_curves", ax)
        for (name, values), colour in zip(columns.items(), _colours(len(columns)), strict=True):
            ax.plot(range(1, len(values) + 1), values, color=colour, label=name)
        if best is not None:
            ax.axvline(best + 1, color=MUTED, linestyle=":", label="best epoch")
        if log:
            ax.set_yscale("log")
        ax.set(xlabel="epoch")
        whole_steps(ax.xaxis)
        ax.legend()
        return ax
    panels = [(panel, log and panel is losses) for panel in (losses, others) if panel]
    epochs = len(next(iter(columns.values())))
    ends = ", ".join(f"{name} {values[-1]:.4g}" for name, values in columns.items())
    scene = Scene(540, 10, f"Learning curves over {epochs} epochs", f"After the last epoch: {ends}.")
    colours = iter(_colours(len(columns)))
    for panel, logarithmic in panels:
        named = [(name, values, next(colours)) for name, values in panel.items()]
        scene.height += _panel(scene, scene.height - 10, named, epochs, best, logarithmic)
    return scene.show()


def _columns(history: Mapping[str, Any]) -> dict[str, Floats]:
    if not isinstance(history, Mapping):
        raise TypeError(f"plot_learning_curves: history must be a mapping of lists, got {type(history).__name__}")
    columns = {str(name): check.real("plot_learning_curves", str(name), values) for name, values in history.items()}
    sizes = {name: values.shape for name, values in columns.items()}
    if not columns or any(len(size) != 1 or not size[0] for size in sizes.values()) or len(set(sizes.values())) > 1:
        raise ValueError(f"plot_learning_curves: history must have lists of one length >= 1, got shapes {sizes}")
    return columns


def _panel(
    scene: Scene, top: float, named: list[tuple[str, Floats, str]], epochs: int, best: int | None, logarithmic: bool
) -> float:
    """One chart with its legend; its height."""
    values = np.concatenate([column for _, column, _ in named])
    heights = limits(np.log10(values) if logarithmic else values)
    # The curve of the training data is dashed where that of the validation data stands beside it.
    dashes = {name: "5 3" if any(other == f"val_{name}" for other, _, _ in named) else None for name, _, _ in named}
    entries: list[tuple[str, str, str | None]] = [(name, colour, dashes[name]) for name, _, colour in named]
    if best is not None:
        entries.append((f"best epoch, {best + 1}", MUTED, "2 3"))
    extra = 16.0 * places([label for label, _, _ in entries], 39, 450, 11)[-1][1]
    legend(scene, 68, top + 22, entries, 450)
    frame = Frame(68, top + 36 + extra, 450, 164, (1.0, float(max(epochs, 2))), heights)
    frame.axes(scene, "epoch", "loss" if "loss" in named[0][0] else "score", ylog=logarithmic)
    if best is not None:
        at = float(frame.at(best + 1, 0)[0])
        scene.line((at, frame.y), (at, frame.y + frame.height), class_="best", stroke=MUTED, stroke_dasharray="2 3")
    for name, column, colour in named:
        shown = np.log10(column) if logarithmic else column
        style = {"class_": "curve", "stroke": colour, "stroke_width": 2, "stroke_dasharray": dashes[name]}
        frame.curve(scene, np.arange(1, epochs + 1), shown, **style)
    return 250.0 + extra


def _colours(count: int) -> list[str]:
    return [CYCLE[i % len(CYCLE)] for i in range(count)]


def _quantiles(logs: Floats) -> tuple[Floats, Floats, Floats]:
    found = np.quantile(np.maximum(logs, -1e9), (0.1, 0.5, 0.9), axis=0)
    low, middle, high = np.where(found <= -1e8, -np.inf, found)
    return low, middle, high
