"""Activations as layers: element-wise ones, and probabilities along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn.layer import Array, Stateless


class _Activation(Stateless):
    """A layer over one triple of `goldfish.functional`; subclasses name the triple and its options."""

    triple: ClassVar[tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]]

    def _options(self) -> dict[str, Any]:
        return {}

    def _apply(self, x: Array) -> Array:
        y: Array = self.triple[0](x, **self._options())
        return y

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = self.triple[1](x, **self._options())
        backward = self.triple[2]
        return y, lambda dy, needs_x: backward(dy, cache).x if needs_x else None


class ReLU(_Activation):
    """max(x, 0).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.ReLU()(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    rowwise = True
    triple = functional.relu, functional.relu_forward, functional.relu_backward


class LeakyReLU(_Activation):
    """x where it is positive, negative_slope * x elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.LeakyReLU(0.5)(np.array([-1.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    rowwise = True
    triple = functional.leaky_relu, functional.leaky_relu_forward, functional.leaky_relu_backward

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def _options(self) -> dict[str, Any]:
        return {"negative_slope": self.negative_slope}


class Sigmoid(_Activation):
    """1 / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Sigmoid()(np.array([0.0])).tolist()
    [0.5]
    """

    rowwise = True
    triple = functional.sigmoid, functional.sigmoid_forward, functional.sigmoid_backward


class Tanh(_Activation):
    """tanh(x).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Tanh()(np.array([0.0])).tolist()
    [0.0]
    """

    rowwise = True
    triple = functional.tanh, functional.tanh_forward, functional.tanh_backward


class GELU(_Activation):
    """x times the normal distribution of x, or its approximation by tanh; see `goldfish.gelu`.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        Whether to approximate.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.GELU()(np.array([1.0])).round(4).tolist()
    [0.8413]
    """

    rowwise = True
    triple = functional.gelu, functional.gelu_forward, functional.gelu_backward

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate expected 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def _options(self) -> dict[str, Any]:
        return {"approximate": self.approximate}


class SiLU(_Activation):
    """x / (1 + exp(-x)), also called swish.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.SiLU()(np.array([1.0])).round(4).tolist()
    [0.7311]
    """

    rowwise = True
    triple = functional.silu, functional.silu_forward, functional.silu_backward


class Softmax(_Activation):
    """Probabilities along an axis; see `goldfish.softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Softmax()(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    triple = functional.softmax, functional.softmax_forward, functional.softmax_backward

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def _options(self) -> dict[str, Any]:
        return {"axis": self.axis}


class LogSoftmax(_Activation):
    """The logarithms of the probabilities along an axis; see `goldfish.log_softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.LogSoftmax()(np.array([[1e4, 0.0]])).tolist()
    [[0.0, -10000.0]]
    """

    triple = functional.log_softmax, functional.log_softmax_forward, functional.log_softmax_backward

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def _options(self) -> dict[str, Any]:
        return {"axis": self.axis}
