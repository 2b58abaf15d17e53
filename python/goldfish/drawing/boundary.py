"""Where a classifier decides what, in the plane of two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish.drawing import _checks as check
from goldfish.drawing._axes import axes_of
from goldfish.drawing._chart import Frame, limits, places, ticks
from goldfish.drawing._checks import Floats
from goldfish.drawing._colour import CYCLE, GRID, INK, MUTED, PAPER, pale
from goldfish.drawing._scene import Scene, shorten
from goldfish.nn.layer import Layer

Window = tuple[tuple[float, float], tuple[float, float]]


def plot_decision_boundary(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    resolution: int = 160,
    ax: Any = None,
) -> Any:
    """The regions of a classifier's classes, darker where it is surer, the boundaries between them, and the data.

    Parameters
    ----------
    model : estimator, Layer or callable
        A fitted classifier of two features with ``predict_proba``, ``decision_function`` or ``predict``; a network
        from (N, 2) to (N, K) scores or (N, 1) logits; or a function of X that returns scores (N,) or (N, K), whose
        largest decides, or with (N,) whose sign does. A naive Bayes model of `goldfish.naive_bayes` with two classes
        gives its exact boundary, a line or a conic.
    X : array_like of shape (N, 2)
        Data to show; they settle the window.
    y : array_like of shape (N,)
        Their classes.
    labels : sequence of str, optional
        Names of the two features.
    resolution : int
        Points of the grid along each axis, at least 8.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    str or Axes
        SVG, or ``ax`` if it was given.

    Raises
    ------
    ValueError
        If X is not finite of shape (N, 2), y has another length, or the model answers in another form.
    ImportError
        If ``ax`` is given and matplotlib is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import drawing
    >>> X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> svg = drawing.plot_decision_boundary(lambda X: X.sum(axis=1) - 0.5, X, [0, 1, 1, 1])
    >>> svg.count("point class-0"), svg.count("point class-1"), svg.count('class="boundary"')
    (1, 3, 1)
    """
    points = check.real("plot_decision_boundary", "X", X)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f"plot_decision_boundary: X must be finite of shape (N, 2), got shape {points.shape}")
    truth = np.asarray(y)
    if truth.shape != points.shape[:1]:
        raise ValueError(f"plot_decision_boundary: y must be of shape ({len(points)},), got {truth.shape}")
    count = check.count("plot_decision_boundary", "resolution", resolution)
    if count < 8:
        raise ValueError(f"plot_decision_boundary: resolution must be >= 8, got {count}")
    names = check.names("plot_decision_boundary", labels, 2, "feature") or ["feature 1", "feature 2"]
    classes = np.asarray(getattr(model, "classes_", np.unique(truth)))
    window = limits(points[:, 0], pad=0.12), limits(points[:, 1], pad=0.12)
    axis = [np.linspace(*side, count) for side in window]
    grid = np.stack(np.meshgrid(*axis), axis=-1).reshape(-1, 2)
    scores = _scores(model, grid, classes).reshape(count, count, -1)
    lines = _exact(model, window) or _contours(scores, axis)
    if ax is not None:
        axes_of("plot_decision_boundary", ax)
        return _on_axes(ax, scores, lines, points, truth, classes, window, names)
    return _scene(scores, lines, points, truth, classes, window, names).show()


def _scores(model: Any, grid: Floats, classes: NDArray[Any]) -> Floats:
    """A score (N, K) per class whose largest decides."""
    for name in ("predict_proba", "decision_function", "predict"):
        if hasattr(model, name):
            found = np.asarray(getattr(model, name)(grid))
            break
    else:
        name = "call"
        if not callable(model):
            raise TypeError(f"plot_decision_boundary: model must be a classifier, got {type(model).__name__}")
        found = np.asarray(model(grid.astype(_dtype(model))))
    if name == "predict":
        return np.asarray(found[:, None] == classes[None, :], np.float64)
    found = found.astype(np.float64)
    if found.shape in ((len(grid),), (len(grid), 1)):
        found = found.reshape(-1)
        found = np.column_stack([-found, found])
    if found.ndim != 2 or len(found) != len(grid) or found.shape[1] < 2:
        raise ValueError(f"plot_decision_boundary: the model must give (N,) or (N, K), got shape {found.shape}")
    return found


def _dtype(model: Any) -> Any:
    if not isinstance(model, Layer):
        return np.float64
    return next((value.dtype for value in model.parameters().values()), np.dtype(np.float64))


def _exact(model: Any, window: Window) -> list[Floats]:
    """The boundary of a naive Bayes model with two classes, if it has a form."""
    if not hasattr(model, "decision_boundary") or len(getattr(model, "classes_", ())) != 2:
        return []
    found = model.decision_boundary()
    if not hasattr(found, "polyline"):
        return []
    inside = []
    for line in found.polyline(*window, n=4096):
        line = np.where(
            ((line >= np.array(window)[:, 0]) & (line <= np.array(window)[:, 1])).all(axis=1)[:, None], line, np.nan
        )
        inside.append(line)
    return inside


def _contours(scores: Floats, axis: list[Floats]) -> list[Floats]:
    """Short lines where the best class changes: per class, where its score equals the best of the others."""
    size = scores.shape[-1]
    lines: list[Floats] = []
    for k in range(size if size > 2 else 1):
        rest = np.delete(scores, k, axis=-1).max(axis=-1)
        lines += _zero_lines(scores[..., k] - rest, axis)
    return lines


def _zero_lines(values: Floats, axis: list[Floats]) -> list[Floats]:
    """Marching squares: in each cell of the grid, the line through the sides where the sign changes."""
    xs, ys = axis
    lines: list[Floats] = []
    positive = values > 0
    mixed = positive[:-1, :-1] + 0 + positive[1:, :-1] + positive[:-1, 1:] + positive[1:, 1:]
    for i, j in np.argwhere((mixed > 0) & (mixed < 4)):
        corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
        crossings = []
        for (r, c), (r2, c2) in zip(corners, corners[1:] + corners[:1], strict=True):
            a, b = values[r, c], values[r2, c2]
            if (a > 0) != (b > 0):
                part = a / (a - b)
                crossings.append((xs[c] + part * (xs[c2] - xs[c]), ys[r] + part * (ys[r2] - ys[r])))
        lines += [np.array(crossings[k : k + 2]) for k in range(0, len(crossings) - 1, 2)]
    return lines


def _paint(scores: Floats) -> Any:
    """Pixels (H, W, 3), the first row at the top: the best class's colour, paler where the second comes close."""
    best = scores.argmax(axis=-1)
    ordered = np.sort(scores, axis=-1)
    margin = ordered[..., -1] - ordered[..., -2]
    scale = float(np.quantile(margin, 0.9)) or 1.0
    strength = (np.clip(margin / scale, 0, 1) * 15).astype(int)
    pixels = np.empty((*best.shape, 3), np.uint8)
    for k in range(scores.shape[-1]):
        for level in range(16):
            shade = pale(_colour(k), 0.10 + 0.26 * level / 15)
            pixels[(best == k) & (strength == level)] = [int(shade[i : i + 2], 16) for i in (1, 3, 5)]
    return pixels[::-1]


def _colour(k: int) -> str:
    return CYCLE[k % len(CYCLE)]


def _scene(
    scores: Floats,
    lines: list[Floats],
    points: Floats,
    truth: NDArray[Any],
    classes: NDArray[Any],
    window: Window,
    names: list[str],
) -> Scene:
    shown = [str(c) for c in classes]
    counts = ", ".join(f"{int((truth == c).sum())} of class {name}" for c, name in zip(classes, shown, strict=True))
    keys = places(shown, 34, 430, 12)
    extra = 18.0 * keys[-1][1]
    title = f"Decision regions of {len(classes)} classes"
    scene = Scene(520, 470 + extra, title, f"Over {names[0]} and {names[1]}; {counts}.")
    frame = Frame(68, 40 + extra, 430, 370, *window)
    scene.image(frame.x, frame.y, frame.width, frame.height, _paint(scores), class_="regions")
    pieces: list[tuple[Any, ...]] = []
    for line in lines:
        keep = np.isfinite(line[:, 0])
        for run in np.split(np.arange(len(line)), np.flatnonzero(np.diff(keep.astype(int))) + 1):
            if len(run) > 1 and keep[run[0]]:
                x, y = frame.at(line[run, 0], line[run, 1])
                pieces += [("L" if i else "M", float(a), float(b)) for i, (a, b) in enumerate(zip(x, y, strict=True))]
    if pieces:
        scene.path(pieces, class_="boundary", stroke=INK, stroke_width=1.8)
    for point, label in zip(points, truth, strict=True):
        k = int(np.flatnonzero(classes == label)[0]) if (classes == label).any() else len(classes)
        x, y = frame.at(*point)
        marker(scene, float(x), float(y), k, class_=f"point class-{k}")
    _frame(scene, frame, names)
    for k, (name, (dx, row)) in enumerate(zip(shown, keys, strict=True)):
        marker(scene, frame.x + dx + 6, 22 + 18 * row, k, class_="key")
        scene.text(frame.x + dx + 16, 26 + 18 * row, shorten(name, 410), size=12, anchor="start")
    return scene


def _frame(scene: Scene, frame: Frame, names: list[str]) -> None:
    bottom = frame.y + frame.height
    scene.rect(frame.x, frame.y, frame.width, frame.height, class_="axis", fill="none", stroke=GRID)
    for value, text in ticks(*frame.xlim):
        scene.text(float(frame.at(value, 0)[0]), bottom + 17, text, size=11, fill=MUTED)
    for value, text in ticks(*frame.ylim):
        scene.text(frame.x - 7, float(frame.at(0, value)[1]) + 4, text, size=11, anchor="end", fill=MUTED)
    scene.text(frame.x + frame.width / 2, bottom + 38, names[0], size=12)
    scene.text(16, frame.y + frame.height / 2, names[1], size=12, rotate=-90)


def marker(scene: Scene, x: float, y: float, k: int, *, r: float = 4.6, **style: Any) -> None:
    """A point of class k: colours and shapes both tell the classes apart."""
    style = {"fill": _colour(k), "stroke": PAPER, "stroke_width": 1.0, **style}
    shape = k % 4
    if shape == 0:
        scene.circle(x, y, r, **style)
    elif shape == 1:
        side = 0.9 * r
        scene.rect(x - side, y - side, 2 * side, 2 * side, **style)
    else:
        corners = [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)] if shape == 2 else [(0, -1.3), (1.2, 0), (0, 1.3), (-1.2, 0)]
        commands: list[tuple[Any, ...]] = [
            ("L" if i else "M", x + r * u, y + r * v) for i, (u, v) in enumerate(corners)
        ]
        scene.path([*commands, ("Z",)], **style)


def _on_axes(
    ax: Any,
    scores: Floats,
    lines: list[Floats],
    points: Floats,
    truth: NDArray[Any],
    classes: NDArray[Any],
    window: Window,
    names: list[str],
) -> Any:
    from matplotlib.collections import LineCollection

    ax.imshow(_paint(scores), extent=(*window[0], *window[1]), aspect="auto", interpolation="none")
    ax.add_collection(LineCollection(list(lines), colors=INK, linewidths=1.6))
    for k, label in enumerate(classes):
        mine = points[truth == label]
        ax.scatter(*mine.T, color=_colour(k), marker="os^D"[k % 4], edgecolor=PAPER, label=str(label), zorder=3)
    ax.set(xlim=window[0], ylim=window[1], xlabel=names[0], ylabel=names[1])
    ax.legend()
    return ax
