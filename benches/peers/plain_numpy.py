"""Plain NumPy, as a careful user writes it: unfolded windows and one product, windows reduced, a loop over time."""

from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from problems import Array, Arrays, Contender, Mode, Row


def supports(row: Row) -> bool:
    """Return whether the row has a plain NumPy form."""
    return "forward" in row.targets and not (
        row.stacked
        or row.characters
        or row.network
        or row.lengths
        or row.kind == "pointwise"
        or row.op == "conv_transpose2d"
    )


def contenders(row: Row, arrays: Arrays, dy: Array | None, mode: Mode, threads: int) -> list[Contender]:
    """Build the forward pass, where it has a plain NumPy form."""
    if mode != "forward" or not supports(row):
        return []
    x = arrays["x"]
    if row.kind == "pool":
        reduce, fill = (np.max, -np.inf) if row.op.startswith("max") else (np.mean, 0.0)
        run: Any = partial(pool, x, row.kernel_size, row.stride, int(row.padding), reduce, fill)
    elif row.kind == "convolution":
        run = partial(convolve, x, arrays["weight"], arrays["bias"], row.stride, row.padding, row.dilation, row.groups)
    else:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        run = partial(RECURRENT[row.op], x, *(arrays[name] for name in names))
    return [Contender("NumPy", run, lambda y: {"y": y})]


def windows(x: Array, kernel: tuple[int, ...], stride: int, dilation: int = 1) -> Array:
    """View x (N, C, *spatial) as (N, C, *positions, *kernel)."""
    axes = tuple(range(2, x.ndim))
    spans = tuple(dilation * (size - 1) + 1 for size in kernel)
    steps = (slice(None, None, stride),) * len(axes) + (slice(None, None, dilation),) * len(axes)
    view: Array = sliding_window_view(x, spans, axis=axes)[(slice(None), slice(None), *steps)]
    return view


def convolve(
    x: Array, weight: Array, bias: Array, stride: int, padding: int | str, dilation: int, groups: int
) -> Array:
    """Unfold x (im2col) and multiply; x is (N, C, *spatial), weight (O, C / groups, *kernel)."""
    kernel = weight.shape[2:]
    before, after = (dilation * (kernel[0] - 1), 0) if padding == "causal" else (int(padding), int(padding))
    border = [(0, 0), (0, 0)] + [(before, after)] * len(kernel)
    view = windows(np.pad(x, border), kernel, stride, dilation)
    n, outputs, positions = x.shape[0], weight.shape[0], view.shape[2 : 2 + len(kernel)]
    # (N, G, C / G, *positions, *kernel) -> (N, G, C / G * kernel, positions)
    grouped = view.reshape(n, groups, -1, *view.shape[2:])
    spatial = range(3, 3 + len(kernel))
    patch = range(3 + len(kernel), 3 + 2 * len(kernel))
    columns = grouped.transpose(0, 1, 2, *patch, *spatial).reshape(n, groups, -1, int(np.prod(positions)))
    y = weight.reshape(groups, outputs // groups, -1) @ columns
    y = y.reshape(n, outputs, *positions)
    y += bias.reshape(-1, *(1,) * len(kernel))
    return y


def pool(x: Array, kernel_size: int, stride: int, padding: int, reduce: Any, fill: float) -> Array:
    """Reduce each window of x (N, C, H, W)."""
    if padding:
        x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)], constant_values=fill)
    pooled: Array = reduce(windows(x, (kernel_size, kernel_size), stride), axis=(-2, -1))
    return pooled


def rnn(x: Array, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> Array:
    """Run an Elman network over x (T, B, I)."""
    y = np.empty((*x.shape[:2], weight_hh.shape[1]), x.dtype)
    h = np.zeros(y.shape[1:], x.dtype)
    projected = x @ weight_ih.T + (bias_ih + bias_hh)
    for t, a in enumerate(projected):
        h = y[t] = np.tanh(a + h @ weight_hh.T)
    return y


def lstm(x: Array, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> Array:
    """Run an LSTM over x (T, B, I); gates in the order i f g o."""
    y = np.empty((*x.shape[:2], weight_hh.shape[1]), x.dtype)
    h = np.zeros(y.shape[1:], x.dtype)
    c = np.zeros_like(h)
    projected = x @ weight_ih.T + (bias_ih + bias_hh)
    for t, a in enumerate(projected):
        i, f, g, o = np.split(a + h @ weight_hh.T, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = y[t] = sigmoid(o) * np.tanh(c)
    return y


def gru(x: Array, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> Array:
    """Run a GRU over x (T, B, I); gates in the order r z n, the reset gate after the product."""
    y = np.empty((*x.shape[:2], weight_hh.shape[1]), x.dtype)
    h = np.zeros(y.shape[1:], x.dtype)
    projected = x @ weight_ih.T + bias_ih
    for t, a in enumerate(projected):
        a_r, a_z, a_n = np.split(a, 3, axis=-1)
        u_r, u_z, u_n = np.split(h @ weight_hh.T + bias_hh, 3, axis=-1)
        z = sigmoid(a_z + u_z)
        n = np.tanh(a_n + sigmoid(a_r + u_r) * u_n)
        h = y[t] = (1 - z) * n + z * h
    return y


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)) through tanh, which does not overflow."""
    s: Array = 0.5 * np.tanh(0.5 * a) + 0.5
    return s


RECURRENT = {"rnn": rnn, "lstm": lstm, "gru": gru}
