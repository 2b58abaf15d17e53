"""Drawing of decision boundaries."""

from __future__ import annotations

from typing import Any

from goldfish.naive_bayes.boundary import Additive, Boundary

Window = tuple[tuple[float, float], tuple[float, float]]


def plot_boundary(
    owner: str,
    boundary: Boundary | None,
    ax: Any,
    xlim: tuple[float, float] | None,
    ylim: tuple[float, float] | None,
    around: Window,
    style: dict[str, Any],
) -> Any:
    """Draw a boundary of two features on axes, and return them."""
    if boundary is None or isinstance(boundary, Additive):
        raise ValueError(f"{owner}: the boundary must be a line or a conic, got {type(boundary).__name__}")
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f"{owner} needs matplotlib: pip install 'goldfish[plot]'") from error
    if ax is None:
        ax = pyplot.subplots()[1]
    drawn = ax.has_data()
    window = xlim or (ax.get_xlim() if drawn else around[0]), ylim or (ax.get_ylim() if drawn else around[1])
    for branch in boundary.polyline(*window):
        ax.plot(*branch.T, **{"color": "black", **style})
    ax.set(xlim=window[0], ylim=window[1])
    return ax
