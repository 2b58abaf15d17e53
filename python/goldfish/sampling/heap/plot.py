"""The largest rows as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goldfish.sampling.heap.units import label, unit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from goldfish.sampling.heap.profile import HeapProfile

_LONGEST = 48


def bars(profile: HeapProfile, ax: Axes | None, *, by: str, metric: str, cumulative: bool, top: int) -> Axes:
    """Draw; see `HeapProfile.plot_bars`."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plot_bars needs matplotlib: pip install 'goldfish[plot]'") from error
    rows = profile.table(by, metric, cumulative)[:top]
    largest = max((row.estimate for row in rows), default=1.0)
    scale, unit = unit_of(largest) if metric.endswith("space") else (1, "")
    if ax is None:
        _, ax = pyplot.subplots(figsize=(8, 1.2 + 0.4 * max(len(rows), 1)), layout="constrained")
    place = np.arange(len(rows))
    estimate = np.array([row.estimate for row in rows]) / scale
    errors = np.array([[row.estimate - row.lo, row.hi - row.estimate] for row in rows]).reshape(-1, 2).T / scale
    ax.barh(place, estimate, xerr=errors, color="#2b8ba3", ecolor="#333333", capsize=3, height=0.65)
    ax.set_yticks(place, [short(label(row.key)) for row in rows])
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{metric} ({unit})" if unit else metric)
    ax.set_title("Estimates with 95 % confidence intervals")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def short(text: str) -> str:
    """The text, its middle left out if it is long: beginnings and ends of names tell most."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2 - 2]} … {text[-_LONGEST // 2 + 1 :]}"
