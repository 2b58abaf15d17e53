"""Layers that run other layers side by side: residual connections, concatenation, sums, frames of a sequence."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from goldfish._typing import Rng
from goldfish.nn.layer import Array, Backward, Layer, Stateless

Differentiate = Callable[[Array, bool], Array | None]


def _plain(owner: Layer, name: str, layer: Any) -> Layer:
    """The layer, which must have no recurrent state that would get lost."""
    if not isinstance(layer, Layer):
        raise TypeError(f"{type(owner).__name__}: {name} expected a Layer, got {type(layer).__name__}")
    if layer.stateful:
        raise ValueError(f"{type(owner).__name__}: {name} expected a layer without state, got {layer!r}")
    return layer


def locate(owner: str, place: str, layer: Layer, error: Exception) -> None:
    """Say in the error of a layer where the layer stands."""
    text = str(error)
    inside = "" if text.startswith(type(layer).__name__) else f"{layer!r}: "
    error.args = (f"{owner}[{place}] {inside}{text}",)


class _Branches(Stateless):
    """Named layers that read the same x."""

    def _outputs(self, x: Array) -> list[Array]:
        return [self._guard(name, layer, x) for name, layer in self.children.items()]

    def _forwards(self, x: Array, rng: Rng) -> tuple[list[Array], list[tuple[Layer, Any]]]:
        rng = None if rng is None else np.random.default_rng(rng)
        outputs, tape = [], []
        for name, layer in self.children.items():
            y, backward = self._guard(name, layer.forward, x, rng=rng)
            outputs.append(y)
            tape.append((layer, backward))
        return outputs, tape

    def _guard(self, name: str, run: Callable[..., Any], x: Array, **options: Any) -> Any:
        try:
            return run(x, **options)
        except (ValueError, TypeError) as error:
            locate(type(self).__name__, name if name.isdigit() else repr(name), self.children[name], error)
            raise


def _run(layer: Layer, backward: Any, dy: Array, needs_x: bool) -> Array | None:
    dx: Array | None = backward(dy, needs_x=needs_x) if isinstance(backward, Backward) else backward(dy)
    return dx


def _add_up(gradients: Sequence[Array | None]) -> Array | None:
    total: Array | None = None
    for gradient in gradients:
        if gradient is not None:
            total = gradient if total is None else total + gradient
    return total


class Residual(_Branches):
    """layer(x) + shortcut(x); without a shortcut, layer(x) + x (He et al., "Deep residual learning", CVPR 2016, eq. 1).

    Parameters
    ----------
    layer : Layer
        Without recurrent state.
    shortcut : Layer, optional
        What brings x to the shape of the layer's output: a 1x1 convolution, say.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Residual(nn.ReLU())(np.array([-1.0, 2.0])).tolist()
    [-1.0, 4.0]
    """

    def __init__(self, layer: Layer, shortcut: Layer | None = None) -> None:
        super().__init__()
        self.children["layer"] = _plain(self, "layer", layer)
        if shortcut is not None:
            self.children["shortcut"] = _plain(self, "shortcut", shortcut)

    def __repr__(self) -> str:
        return f"Residual({', '.join(map(repr, self.children.values()))})"

    def _sum(self, outputs: list[Array], x: Array) -> Array:
        first, second = outputs[0], outputs[1] if len(outputs) > 1 else x
        if first.shape != second.shape:
            raise ValueError(f"{self!r}: the layer gives shape {first.shape}, the shortcut {second.shape}")
        total: Array = first + second
        return total

    def _apply(self, x: Array) -> Array:
        return self._sum(self._outputs(x), x)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Differentiate]:
        outputs, tape = self._forwards(x, rng)

        def run(dy: Array, needs_x: bool) -> Array | None:
            gradients = [_run(layer, backward, dy, needs_x) for layer, backward in tape]
            return _add_up([*gradients, *([dy] if len(tape) == 1 else [])]) if needs_x else None

        return self._sum(outputs, x), run


class Concat(_Branches):
    """The outputs of layers that read the same x, one behind the other along an axis.

    Parameters
    ----------
    *layers : Layer
        Named "0", "1", ...; without recurrent state.
    axis : int
        Where the outputs are joined: the channels by default.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Concat(nn.ReLU(), nn.Tanh())(np.zeros((2, 3))).shape
    (2, 6)
    """

    def __init__(self, *layers: Layer, axis: int = 1) -> None:
        super().__init__()
        if not layers:
            raise ValueError("Concat: expected at least one layer, got none")
        self.axis = axis
        self.children.update({str(i): _plain(self, str(i), layer) for i, layer in enumerate(layers)})

    def __repr__(self) -> str:
        axis = "" if self.axis == 1 else f", axis={self.axis}"
        return f"Concat({', '.join(map(repr, self.children.values()))}{axis})"

    def _join(self, outputs: list[Array]) -> Array:
        return concatenate(repr(self), outputs, self.axis)

    def _apply(self, x: Array) -> Array:
        return self._join(self._outputs(x))

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Differentiate]:
        outputs, tape = self._forwards(x, rng)
        ends = np.cumsum([y.shape[self.axis] for y in outputs])[:-1]

        def run(dy: Array, needs_x: bool) -> Array | None:
            parts = np.split(dy, ends, axis=self.axis)
            gradients = [
                _run(layer, backward, np.ascontiguousarray(part), needs_x)
                for (layer, backward), part in zip(tape, parts, strict=True)
            ]
            return _add_up(gradients) if needs_x else None

        return self._join(outputs), run


def concatenate(owner: str, arrays: Sequence[Array], axis: int) -> Array:
    """The arrays one behind the other.

    Raises
    ------
    ValueError
        If they differ in another axis.
    """
    try:
        return np.concatenate(arrays, axis=axis)
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{owner}: expected shapes that are equal but for axis {axis}, got {shapes}") from None


class TimeDistributed(Stateless):
    """One layer for every step of a sequence: (N, T, ...) is run as (N * T, ...). The frames of a video, say.

    Parameters
    ----------
    layer : Layer
        Without recurrent state.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.TimeDistributed(nn.Flatten())(np.zeros((2, 7, 3, 4, 4))).shape
    (2, 7, 48)
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.children["layer"] = _plain(self, "layer", layer)

    def __repr__(self) -> str:
        return f"TimeDistributed({self.children['layer']!r})"

    def _fold(self, x: Array) -> Array:
        if x.ndim < 2:
            raise ValueError(f"{self!r}: expected x of shape (N, T, ...), got {x.shape}")
        return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])

    def _apply(self, x: Array) -> Array:
        y: Array = self.children["layer"](self._fold(x))
        return y.reshape(*x.shape[:2], *y.shape[1:])

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Differentiate]:
        y, backward = self.children["layer"].forward(self._fold(x), rng=rng)

        def run(dy: Array, needs_x: bool) -> Array | None:
            dx = _run(self.children["layer"], backward, dy.reshape(y.shape), needs_x)
            return None if dx is None else dx.reshape(x.shape)

        return y.reshape(*x.shape[:2], *y.shape[1:]), run


def multiply(where: str, factors: Sequence[Array]) -> Array:
    """The product of arrays, element by element; an axis of one element serves all of the others' elements."""
    try:
        shape = np.broadcast_shapes(*(factor.shape for factor in factors))
    except ValueError:
        shape = ()
    if any(factor.ndim != len(shape) for factor in factors):
        shapes = ", ".join(str(factor.shape) for factor in factors)
        raise ValueError(f"{where}: expected equal shapes, but for axes of 1, got {shapes}")
    return functools.reduce(np.multiply, factors)


def multiply_backward(slope: Array, factors: Sequence[Array]) -> list[Array]:
    """The gradients of the factors of `multiply`."""
    slopes = []
    for i, factor in enumerate(factors):
        whole = functools.reduce(np.multiply, [other for k, other in enumerate(factors) if k != i], slope)
        axes = tuple(axis for axis, size in enumerate(factor.shape) if size == 1 and whole.shape[axis] > 1)
        slopes.append(whole.sum(axis=axes, keepdims=True) if axes else whole)
    return slopes
