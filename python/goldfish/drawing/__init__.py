"""Drawings of networks and of what they do, as SVG without any dependency, or on matplotlib's axes.

Every function returns the text of an SVG, the same bytes for the same arguments; with ``ax=`` it draws on the Axes of
matplotlib and returns them. Drawings have a title and a description for readers who do not see them, colours that do
not depend on telling red from green, and classes (``node cell``, ``edge recurrent``, ...) by which a page can style
them.

>>> from pathlib import Path
>>> from goldfish import drawing
>>> svg = drawing.draw_rnn("unrolled", labels="the goldfish forgets".split())
>>> svg[:4], svg.count('class="node cell"')
('<svg', 3)
"""

from typing import TYPE_CHECKING, Any

from goldfish.drawing.boundary import plot_decision_boundary
from goldfish.drawing.cnn import draw_cnn
from goldfish.drawing.curves import plot_grad_norms, plot_learning_curves
from goldfish.drawing.images import plot_feature_maps, plot_filters
from goldfish.drawing.influence import plot_influence
from goldfish.drawing.lags import plot_lag_envelopes, plot_lag_heatmap
from goldfish.drawing.rnn import draw_rnn
from goldfish.drawing.sweep import animate_convolution
from goldfish.drawing.text import color_text

if TYPE_CHECKING:
    from goldfish.drawing.shattering import draw_shattering

__all__ = [
    "draw_rnn",
    "draw_cnn",
    "plot_influence",
    "plot_lag_heatmap",
    "plot_lag_envelopes",
    "plot_grad_norms",
    "plot_learning_curves",
    "plot_filters",
    "plot_feature_maps",
    "animate_convolution",
    "plot_decision_boundary",
    "draw_shattering",
    "color_text",
]


def __getattr__(name: str) -> Any:
    # goldfish.theory needs SciPy, which no other drawing does.
    if name == "draw_shattering":
        from goldfish.drawing.shattering import draw_shattering

        return draw_shattering
    raise AttributeError(f"module 'goldfish.drawing' has no attribute {name!r}")
