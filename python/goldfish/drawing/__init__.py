"""Drawings of networks and of what they do, as SVG without any dependency, or on matplotlib's axes."""

from goldfish.drawing.cnn import draw_cnn
from goldfish.drawing.curves import plot_grad_norms, plot_learning_curves
from goldfish.drawing.influence import plot_influence
from goldfish.drawing.lags import plot_lag_envelopes, plot_lag_heatmap
from goldfish.drawing.rnn import draw_rnn

__all__ = [
    "draw_rnn",
    "draw_cnn",
    "plot_influence",
    "plot_lag_heatmap",
    "plot_lag_envelopes",
    "plot_grad_norms",
    "plot_learning_curves",
]
