"""Linear, Embedding, OneHot, Flatten, Dropout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from goldfish import functional
from goldfish._typing import Rng
from goldfish.nn import init
from goldfish.nn.layer import Array, Stateless


class Linear(Stateless):
    """y = x W^T + b over the last axis, whatever stands before it: serves every step of a sequence.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of the last axis of x and y.
    bias : bool
        Whether b is added.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, uniform within 1 / sqrt(in_features).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Linear(3, 2)(np.zeros((5, 7, 3), np.float32)).shape
    (5, 7, 2)
    """

    rowwise = True

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: DTypeLike = "float32", rng: Rng = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = in_features, out_features, bias
        rng = np.random.default_rng(rng)
        self._add("weight", init.kaiming_uniform((out_features, in_features), a=math.sqrt(5), dtype=dtype, rng=rng))
        if bias:
            self._add("bias", init.uniform((out_features,), init.fan_in_bound(in_features), dtype=dtype, rng=rng))

    def _apply(self, x: Array) -> Array:
        return functional.linear(self._check(x), self.params["weight"], self.params.get("bias"))

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.linear_forward(self._check(x), self.params["weight"], self.params.get("bias"))

        def run(dy: Array, needs_x: bool) -> Array | None:
            gradients = functional.linear_backward(dy, cache, needs=self._needs(needs_x))
            self._collect(gradients)
            return gradients.x

        return y, run

    def _check(self, x: Array) -> Array:
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            got = x.shape[-1] if x.ndim else "a scalar"
            raise ValueError(f"{self!r}: expected last axis {self.in_features}, got {got}")
        return x


class Embedding(Stateless):
    """One learned row for each category number.

    Parameters
    ----------
    num_embeddings : int
        Number of categories; ids are integers in 0..num_embeddings.
    embedding_dim : int
        Length of a row.
    padding_idx : int, optional
        A category whose row starts at zero and gets no gradient.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values, standard normal.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Embedding(10, 4)(np.array([[1, 2, 9]])).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self._add("weight", init.normal((num_embeddings, embedding_dim), dtype=dtype, rng=rng))
        if padding_idx is not None:
            self.params["weight"][padding_idx] = 0

    def _apply(self, x: Array) -> Array:
        return functional.embedding(x, self.params["weight"], self.padding_idx)

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        y, cache = functional.embedding_forward(x, self.params["weight"], self.padding_idx)

        def run(dy: Array, needs_x: bool) -> None:
            if not self.frozen:
                self._collect(functional.embedding_backward(dy, cache))

        return y, run


class OneHot(Stateless):
    """Category numbers to unit vectors along a new last axis.

    Directly before a recurrent layer of a `Sequential` the vectors are never built: the layer reads the numbers.

    Parameters
    ----------
    num_classes : int
        Number of categories; ids are integers in 0..num_classes.
    dtype : dtype
        Of the unit vectors.

    Examples
    --------
    >>> from goldfish import nn
    >>> nn.OneHot(3)([2, 0]).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    def __init__(self, num_classes: int, *, dtype: DTypeLike = "float32") -> None:
        super().__init__()
        self.num_classes, self.dtype = num_classes, dtype

    def _apply(self, x: Array) -> Array:
        if x.dtype.kind not in "iu":
            raise TypeError(f"{self!r}: expected integers, got dtype {x.dtype}")
        if x.size and (x.min() < 0 or x.max() >= self.num_classes):
            raise ValueError(f"{self!r}: expected numbers in 0..{self.num_classes - 1}, got {x.min()}..{x.max()}")
        y = np.zeros((*x.shape, self.num_classes), self.dtype)
        np.put_along_axis(y, x[..., None].astype(np.intp, copy=False), 1, axis=-1)
        return y

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        return self._apply(x), _no_gradient


class Flatten(Stateless):
    """Join the axes from ``start_axis`` on into one.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> nn.Flatten()(np.zeros((5, 2, 3, 4))).shape
    (5, 24)
    """

    def __init__(self, start_axis: int = 1) -> None:
        super().__init__()
        self.start_axis = start_axis

    def _apply(self, x: Array) -> Array:
        start = self.start_axis + (x.ndim if self.start_axis < 0 else 0)
        if not 0 <= start < x.ndim:
            raise ValueError(f"{self!r}: expected more than {self.start_axis} axes, got shape {x.shape}")
        return x.reshape(*x.shape[:start], math.prod(x.shape[start:]))

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        shape = x.shape
        return self._apply(x), lambda dy, needs_x: dy.reshape(shape)


class Dropout(Stateless):
    """In training, each element becomes zero with probability p and the others are divided by 1 - p.

    Inference is the identity. The mask comes from the ``rng`` of ``forward`` (Srivastava et al. 2014).

    Parameters
    ----------
    p : float
        In [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> y, backward = nn.Dropout(0.5).forward(np.ones(8, np.float32), rng=0)
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    """

    rowwise = True

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p expected in [0, 1], got {p}")
        self.p = p

    def _apply(self, x: Array) -> Array:
        return x

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        if self.p == 0:
            return x, lambda dy, needs_x: dy
        y, cache = functional.dropout_forward(x, self.p, rng=rng)
        return y, lambda dy, needs_x: functional.dropout_backward(dy, cache).x


def _no_gradient(dy: Array, needs_x: bool) -> Any:
    return None
