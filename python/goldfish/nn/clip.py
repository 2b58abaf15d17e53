"""Bounds on the gradient."""

from __future__ import annotations

import math

import numpy as np

from goldfish.nn.layer import Array, Layer, trainable_parameters

_BLOCK = 4096


class NonFiniteError(ValueError):
    """A loss or a gradient is infinite or not a number."""


def clip_grad_norm(model: Layer, max_norm: float) -> float:
    """Scale all gradients, in place, so that their common Euclidean norm is at most ``max_norm``.

    Parameters
    ----------
    model : Layer
        After a backward pass.
    max_norm : float
        Greater than 0. Larger gradients are multiplied by max_norm / norm; PyTorch adds 1e-6 to the norm.

    Returns
    -------
    float
        The norm before clipping.

    Raises
    ------
    NonFiniteError
        If a gradient is infinite or not a number; no gradient is changed.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model = nn.Linear(1, 1, rng=0)
    >>> y, backward = model.forward(np.full((1, 1), 3, np.float32))
    >>> dx = backward(np.full((1, 1), 4, np.float32))
    >>> nn.clip_grad_norm(model, 1.0).__round__(4), round(float(model.grads["weight"][0, 0]), 4)
    (12.6491, 0.9487)
    """
    if not max_norm > 0:
        raise ValueError(f"clip_grad_norm: max_norm expected > 0, got {max_norm}")
    gradients = {name: gradient for name, _, gradient in trainable_parameters(model)}
    norms = {name: _norm(gradient) for name, gradient in gradients.items()}
    for name, norm in norms.items():
        if not math.isfinite(norm):
            raise NonFiniteError(f"clip_grad_norm: the gradient of {name!r} has the norm {norm}")
    total = math.hypot(*norms.values())
    if total > max_norm:
        scale = max_norm / total
        for gradient in gradients.values():
            gradient *= gradient.dtype.type(scale)
    return total


def clip_grad_value(model: Layer, clip_value: float) -> None:
    """Bring every element of every gradient, in place, into -clip_value..clip_value; NaN stays NaN.

    Parameters
    ----------
    model : Layer
        After a backward pass.
    clip_value : float
        Greater than 0.

    Raises
    ------
    ValueError
        If ``clip_value`` is not greater than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model = nn.Linear(1, 1, rng=0)
    >>> y, backward = model.forward(np.full((1, 1), 3, np.float32))
    >>> dx = backward(np.full((1, 1), 4, np.float32))
    >>> nn.clip_grad_value(model, 5.0)
    >>> model.grads["weight"].tolist(), model.grads["bias"].tolist()
    ([[5.0]], [4.0])
    """
    if not clip_value > 0:
        raise ValueError(f"clip_grad_value: clip_value expected > 0, got {clip_value}")
    for _, _, gradient in trainable_parameters(model):
        np.clip(gradient, -clip_value, clip_value, out=gradient)


def _norm(gradient: Array) -> float:
    """The Euclidean norm, summed in blocks so that float32 keeps its digits."""
    flat = gradient.ravel()
    whole = flat.size - flat.size % _BLOCK
    blocks = flat[:whole].reshape(-1, _BLOCK)
    rest = flat[whole:].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.einsum("ij,ij->i", blocks, blocks).sum(dtype=np.float64) + rest @ rest
    if np.isfinite(total):
        return math.sqrt(total)
    # The squares do not fit; those of the numbers divided by the largest do, unless that is itself not finite.
    largest = float(np.abs(flat).max())
    if not math.isfinite(largest):
        return largest
    scaled = flat.astype(np.float64) / largest
    return largest * math.sqrt(scaled @ scaled)
