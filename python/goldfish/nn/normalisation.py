"""Normalisation layers: over a batch, and over the last axes of each sample."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn.layer import Array, Stateless


class _BatchNorm(Stateless):
    """What the three batch normalisations share; subclasses say how many axes x may have."""

    axes: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        *,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum, self.affine = num_features, eps, momentum, affine
        if affine:
            self._add("weight", np.ones(num_features, dtype))
            self._add("bias", np.zeros(num_features, dtype))
        self.buffers["running_mean"] = np.zeros(num_features, dtype)
        self.buffers["running_var"] = np.ones(num_features, dtype)
        self.buffers["num_batches_tracked"] = np.array(0, np.int64)

    def _arguments(self, x: Array) -> tuple[Array, Array, Array, Array | None, Array | None]:
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            spatial = " or ".join(f"({', '.join(['N', str(self.num_features), *'DHW'[5 - n :]])})" for n in self.axes)
            raise ValueError(f"{self!r}: expected x of shape {spatial}, got {x.shape}")
        mean, variance = self.buffers["running_mean"], self.buffers["running_var"]
        return x, mean, variance, self.params.get("weight"), self.params.get("bias")

    def _momentum(self) -> float:
        """How far the next batch moves the running moments."""
        return 1 / (1 + int(self.buffers["num_batches_tracked"])) if self.momentum is None else self.momentum

    def _apply(self, x: Array) -> Array:
        return functional.batch_norm(*self._arguments(x), eps=self.eps)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.batch_norm_forward(
            *self._arguments(x), training=not self.frozen, momentum=self._momentum(), eps=self.eps
        )
        if not self.frozen:
            self.buffers["num_batches_tracked"] += 1

        def run(dy: Array, needs_x: bool) -> Array | None:
            gradients = functional.batch_norm_backward(dy, cache, needs=self._needs(needs_x))
            self._collect(gradients)
            return gradients.x

        return y, run


class BatchNorm1d(_BatchNorm):
    """Normalise each feature over a batch, (N, C) or (N, C, L); see `goldfish.batch_norm`.

    ``layer.forward`` normalises with the moments of the batch and moves ``buffers["running_mean"]`` and
    ``["running_var"]`` towards them; ``layer(x)`` takes the running ones and writes nothing. A frozen layer takes them
    in ``forward`` too, and leaves them: that is what fine-tuning on small batches needs.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Keeps the root from 0.
    momentum : float or None
        How far the running moments move, from 0 to 1; None for the mean over all batches so far.
    affine : bool
        Whether there are a weight and a bias for each feature.
    dtype : dtype
        float32 or float64.
    rng : ignored
        For likeness with other layers: the initial values are ones and zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> layer = nn.BatchNorm1d(1, eps=0.0, momentum=1.0)
    >>> y, backward = layer.forward(np.array([[1.0], [3.0]], np.float32))
    >>> y.tolist(), layer(np.array([[2.0]], np.float32)).tolist()
    ([[-1.0], [1.0]], [[0.0]])
    """

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalise each channel of planes over a batch, (N, C, H, W); parameters and buffers as in `BatchNorm1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> y, backward = nn.BatchNorm2d(2).forward(np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2))
    >>> abs(y.mean(axis=(0, 2, 3))).round(6).tolist()
    [0.0, 0.0]
    """

    axes = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise each channel of volumes over a batch, (N, C, D, H, W); parameters and buffers as in `BatchNorm1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.BatchNorm3d(3)(np.zeros((2, 3, 4, 4, 4), np.float32)).shape
    (2, 3, 4, 4, 4)
    """

    axes = (5,)


class LayerNorm(Stateless):
    """Normalise each sample over its last axes; see `goldfish.layer_norm`.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last axes.
    eps : float
        Keeps the root from 0.
    elementwise_affine : bool
        Whether there are a weight and a bias for each element.
    dtype : dtype
        float32 or float64.
    rng : ignored
        For likeness with other layers: the initial values are ones and zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.LayerNorm(2, eps=0.0)(np.array([[1.0, 3.0]], np.float32)).tolist()
    [[-1.0, 1.0]]
    """

    rowwise = True

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        sizes = (normalized_shape,) if np.ndim(normalized_shape) == 0 else tuple(normalized_shape)  # type: ignore[arg-type]
        self.normalized_shape = tuple(operator.index(size) for size in sizes)  # type: ignore[arg-type]
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.rowwise = len(self.normalized_shape) == 1
        if elementwise_affine:
            self._add("weight", np.ones(self.normalized_shape, dtype))
            self._add("bias", np.zeros(self.normalized_shape, dtype))

    def _arguments(self, x: Array) -> tuple[Any, ...]:
        sizes = self.normalized_shape
        if x.shape[max(0, x.ndim - len(sizes)) :] != sizes:
            raise ValueError(f"{self!r}: expected last axes {sizes}, got shape {x.shape}")
        return x, sizes, self.params.get("weight"), self.params.get("bias"), self.eps

    def _apply(self, x: Array) -> Array:
        return functional.layer_norm(*self._arguments(x))

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.layer_norm_forward(*self._arguments(x))

        def run(dy: Array, needs_x: bool) -> Array | None:
            gradients = functional.layer_norm_backward(dy, cache, needs=self._needs(needs_x))
            self._collect(gradients)
            return gradients.x

        return y, run
