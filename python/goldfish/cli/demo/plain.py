"""The operations in plain NumPy, as one writes them without a package: what the demo compares the kernels with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def columns(x: Array, kernel: int) -> Array:
    """im2col: every patch of ``x`` as one column.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
        Images.
    kernel : int
        The side K of the square patches, taken at every position (stride 1, no padding).

    Returns
    -------
    ndarray of shape (N, C * K * K, (H - K + 1) * (W - K + 1))
        A copy: K * K times the size of the images.
    """
    patches = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    return patches.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * kernel * kernel, -1)


def convolve(x: Array, weight: Array, bias: Array, padding: int) -> tuple[Array, Array]:
    """Convolution as im2col and one matrix product per image.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
    weight : ndarray of shape (O, C, K, K)
    bias : ndarray of shape (O,)
    padding : int
        Rows and columns of zeros on every side.

    Returns
    -------
    tuple of ndarray
        The result of shape (N, O, H', W') and the columns, which the gradients need.
    """
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    outputs, kernel = weight.shape[0], weight.shape[2]
    patches = columns(padded, kernel)
    y = weight.reshape(outputs, -1) @ patches
    y += bias[:, None]
    return y.reshape(len(x), outputs, padded.shape[2] - kernel + 1, -1), patches


def convolve_backward(
    dy: Array, patches: Array, x_shape: tuple[int, ...], weight: Array, padding: int
) -> tuple[Array, Array, Array]:
    """The gradients of `convolve`: two matrix products per image, and col2im.

    Parameters
    ----------
    dy : ndarray of shape (N, O, H', W')
    patches : ndarray
        The columns that `convolve` returned.
    x_shape : tuple of int
        (N, C, H, W).
    weight : ndarray of shape (O, C, K, K)
    padding : int
        As in `convolve`.

    Returns
    -------
    tuple of ndarray
        dx, dweight, dbias.
    """
    count, channels, height, width = x_shape
    outputs, kernel = weight.shape[0], weight.shape[2]
    flat = dy.reshape(count, outputs, -1)
    dweight = (flat @ patches.transpose(0, 2, 1)).sum(axis=0).reshape(weight.shape)
    dpatches = (weight.reshape(outputs, -1).T @ flat).reshape(count, channels, kernel, kernel, *dy.shape[2:])
    dx = np.zeros((count, channels, height + 2 * padding, width + 2 * padding), dtype=dy.dtype)
    for row in range(kernel):
        for column in range(kernel):
            dx[:, :, row : row + dy.shape[2], column : column + dy.shape[3]] += dpatches[:, :, row, column]
    return dx[:, :, padding : padding + height, padding : padding + width], dweight, dy.sum(axis=(0, 2, 3))


def max_pool(x: Array, kernel: int) -> Array:
    """The maximum of every ``kernel`` by ``kernel`` block.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W)
        H and W are multiples of ``kernel``.
    kernel : int
        The side of the blocks.

    Returns
    -------
    ndarray of shape (N, C, H / kernel, W / kernel)
    """
    count, channels, height, width = x.shape
    blocks = x.reshape(count, channels, height // kernel, kernel, width // kernel, kernel)
    pooled: Array = blocks.max(axis=(3, 5))
    return pooled


def sigmoid(z: Array) -> Array:
    """``1 / (1 + exp(-z))``, through tanh, which cannot overflow.

    Parameters
    ----------
    z : ndarray

    Returns
    -------
    ndarray of z's shape
    """
    return np.add(0.5 * np.tanh(0.5 * z), 0.5)


def elman(x: Array, weight_ih: Array, weight_hh: Array, bias: Array) -> Array:
    """``h = tanh(W_ih x + W_hh h + b)`` from a zero state; the input's product is taken for all steps at once.

    Parameters
    ----------
    x : ndarray of shape (T, B, I)
    weight_ih : ndarray of shape (H, I)
    weight_hh : ndarray of shape (H, H)
    bias : ndarray of shape (H,)

    Returns
    -------
    ndarray of shape (T, B, H)
    """
    projected = x @ weight_ih.T + bias
    h = np.zeros(projected.shape[1:], dtype=x.dtype)
    y = np.empty_like(projected)
    for step, z in enumerate(projected):
        h = y[step] = np.tanh(z + h @ weight_hh.T)
    return y


def gru(x: Array, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> Array:
    """The gated recurrent unit with gates in the order r, z, n and the reset gate after the product.

    Parameters
    ----------
    x : ndarray of shape (T, B, I)
    weight_ih : ndarray of shape (3 H, I)
    weight_hh : ndarray of shape (3 H, H)
    bias_ih, bias_hh : ndarray of shape (3 H,)

    Returns
    -------
    ndarray of shape (T, B, H)
    """
    hidden = weight_hh.shape[1]
    projected = x @ weight_ih.T + bias_ih
    h = np.zeros((x.shape[1], hidden), dtype=x.dtype)
    y = np.empty((*x.shape[:2], hidden), dtype=x.dtype)
    for step, a in enumerate(projected):
        b = h @ weight_hh.T + bias_hh
        gates = sigmoid(a[:, : 2 * hidden] + b[:, : 2 * hidden])
        r, z = gates[:, :hidden], gates[:, hidden:]
        n = np.tanh(a[:, 2 * hidden :] + r * b[:, 2 * hidden :])
        h = y[step] = n + z * (h - n)
    return y


def lstm(x: Array, weight_ih: Array, weight_hh: Array, bias: Array) -> tuple[Array, Array, Array]:
    """Long short-term memory with gates in the order i, f, g, o, from a zero state.

    Parameters
    ----------
    x : ndarray of shape (T, B, I)
    weight_ih : ndarray of shape (4 H, I)
    weight_hh : ndarray of shape (4 H, H)
    bias : ndarray of shape (4 H,)

    Returns
    -------
    tuple of ndarray
        The outputs (T, B, H), the gates (T, B, 4 H) and the cells (T + 1, B, H), the first of which is the initial one.
    """
    hidden = weight_hh.shape[1]
    gates = x @ weight_ih.T + bias
    cells = np.zeros((len(x) + 1, x.shape[1], hidden), dtype=x.dtype)
    y = np.empty(cells[1:].shape, dtype=x.dtype)
    h = cells[0]
    for step, z in enumerate(gates):
        z += h @ weight_hh.T
        z[:, : 2 * hidden] = sigmoid(z[:, : 2 * hidden])
        z[:, 2 * hidden : 3 * hidden] = np.tanh(z[:, 2 * hidden : 3 * hidden])
        z[:, 3 * hidden :] = sigmoid(z[:, 3 * hidden :])
        i, f, g, o = np.split(z, 4, axis=1)
        cells[step + 1] = f * cells[step] + i * g
        h = y[step] = o * np.tanh(cells[step + 1])
    return y, gates, cells


def lstm_backward(
    dy: Array, x: Array, y: Array, gates: Array, cells: Array, weight_ih: Array, weight_hh: Array
) -> tuple[Array, Array, Array, Array]:
    """The gradients of `lstm` by backpropagation through time.

    Parameters
    ----------
    dy : ndarray of shape (T, B, H)
    x : ndarray of shape (T, B, I)
    y, gates, cells : ndarray
        What `lstm` returned.
    weight_ih : ndarray of shape (4 H, I)
    weight_hh : ndarray of shape (4 H, H)

    Returns
    -------
    tuple of ndarray
        dx, dweight_ih, dweight_hh, dbias.
    """
    dgates = np.empty_like(gates)
    dh, dc = np.zeros_like(y[0]), np.zeros_like(y[0])
    for step in range(len(dy) - 1, -1, -1):
        i, f, g, o = np.split(gates[step], 4, axis=1)
        squashed = np.tanh(cells[step + 1])
        dh = dy[step] + dh
        dc = dc + dh * o * (1 - squashed * squashed)
        parts = (
            dc * g * i * (1 - i),
            dc * cells[step] * f * (1 - f),
            dc * i * (1 - g * g),
            dh * squashed * o * (1 - o),
        )
        np.concatenate(parts, axis=1, out=dgates[step])
        dc = dc * f
        dh = dgates[step] @ weight_hh
    flat = dgates.reshape(-1, dgates.shape[2])
    before = np.concatenate((np.zeros_like(y[:1]), y[:-1])).reshape(-1, y.shape[2])
    return dgates @ weight_ih, flat.T @ x.reshape(len(flat), -1), flat.T @ before, flat.sum(axis=0)
