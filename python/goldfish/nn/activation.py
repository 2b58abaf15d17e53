"""Element-wise layers without parameters."""

from __future__ import annotations

from collections.abc import Callable

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn.layer import Array, Stateless


class ReLU(Stateless):
    """max(x, 0).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.ReLU()(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    rowwise = True

    def _apply(self, x: Array) -> Array:
        return functional.relu(x)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.relu_forward(x)
        return y, lambda dy, needs_x: functional.relu_backward(dy, cache).x if needs_x else None


class Sigmoid(Stateless):
    """1 / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Sigmoid()(np.array([0.0])).tolist()
    [0.5]
    """

    rowwise = True

    def _apply(self, x: Array) -> Array:
        return functional.sigmoid(x)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.sigmoid_forward(x)
        return y, lambda dy, needs_x: functional.sigmoid_backward(dy, cache).x if needs_x else None


class Tanh(Stateless):
    """tanh(x).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Tanh()(np.array([0.0])).tolist()
    [0.0]
    """

    rowwise = True

    def _apply(self, x: Array) -> Array:
        return functional.tanh(x)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.tanh_forward(x)
        return y, lambda dy, needs_x: functional.tanh_backward(dy, cache).x if needs_x else None
