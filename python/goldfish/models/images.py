"""Images as samples, and the convolutional network for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from goldfish import nn
from goldfish.models.supervised import SupervisedNetwork
from goldfish.nn.layer import Array

ACTIVATIONS: dict[str, type[nn.Layer]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
_ROWS = 1024


class ConvNet(SupervisedNetwork):
    """What `ConvNetClassifier` and `ConvNetRegressor` share: images and the network."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SupervisedNetwork._parameter_constraints,
        "channels": ["array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "batch_norm": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "image_shape": ["array-like", None],
        "model": [nn.Layer, None],
    }

    image_shape_: tuple[int, ...]

    def __init__(
        self,
        channels: Sequence[int],
        kernel_size: int,
        pool_size: int,
        hidden_layer_sizes: Sequence[int],
        *,
        activation: Literal["relu", "tanh", "sigmoid"],
        batch_norm: bool,
        dropout: float,
        image_shape: Sequence[int] | None,
        model: nn.Layer | None,
        solver: Literal["adam", "sgd"],
        learning_rate_init: float,
        alpha: float,
        batch_size: int | Literal["auto"],
        max_iter: int,
        tol: float,
        n_iter_no_change: int,
        early_stopping: bool,
        validation_fraction: float,
        clip_norm: float | None,
        shuffle: bool,
        warm_start: bool,
        verbose: bool,
        random_state: Any,
    ) -> None:
        super().__init__(
            solver=solver,
            learning_rate_init=learning_rate_init,
            alpha=alpha,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            clip_norm=clip_norm,
            shuffle=shuffle,
            warm_start=warm_start,
            verbose=verbose,
            random_state=random_state,
        )
        self.channels = channels
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.image_shape = image_shape
        self.model = model

    def _open(self, X: Any, y: Any) -> tuple[Array, Any]:
        flat, shape = flatten_images(X)
        flat, y = validate_data(self, flat, y, dtype=self._open_dtypes(), order="C", **self._target_checks)
        self.image_shape_ = self._arrange(shape, flat.shape[1])
        return flat.reshape(-1, *self.image_shape_), y

    def _read(self, X: Any) -> Array:
        check_is_fitted(self)
        flat, shape = flatten_images(X)
        flat = validate_data(self, flat, dtype=self._dtype, order="C", reset=False)
        if shape is not None and shape != self.image_shape_:
            raise ValueError(
                f"X has images of shape {shape}, but {type(self).__name__} was fitted on {self.image_shape_}"
            )
        images: Array = flat.reshape(-1, *self.image_shape_)
        return images

    def _run(self, model: nn.Layer, samples: Any) -> Array:
        parts = [model(samples[start : start + _ROWS]) for start in range(0, len(samples), _ROWS)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _sizes(self, name: str) -> list[int]:
        sizes = list(getattr(self, name))
        for size in sizes:
            if not isinstance(size, Integral) or size < 1:
                raise ValueError(f"{type(self).__name__}: {name} must hold ints >= 1, got {size!r}")
        return [int(size) for size in sizes]

    def _arrange(self, shape: tuple[int, ...] | None, features: int) -> tuple[int, ...]:
        """The shape of an image: of X itself, as given, or one row."""
        given = None if self.image_shape is None else tuple(int(size) for size in self.image_shape)
        if given is not None and len(given) == 2:
            given = (1, *given)
        if given is not None and (len(given) != 3 or math.prod(given) != features or (shape or given) != given):
            raise ValueError(
                f"image_shape={self.image_shape} does not fit X with {shape or features} features a sample"
            )
        return given or shape or (1, 1, features)

    def _open_samples(self, samples: Any) -> None:
        self._sample_dtype = samples.dtype

    def _build(self, rng: np.random.Generator) -> nn.Layer:
        layers: list[nn.Layer] = []
        dtype = self._sample_dtype
        channels, *sizes = self.image_shape_
        for wide in self._sizes("channels"):
            layers.append(nn.Conv2d(channels, wide, self.kernel_size, padding="same", dtype=dtype, rng=rng))
            if self.batch_norm:
                layers.append(nn.BatchNorm2d(wide, dtype=dtype))
            layers.append(ACTIVATIONS[self.activation]())
            pool = [self.pool_size if size >= self.pool_size else 1 for size in sizes]
            if max(pool) > 1:
                layers.append(nn.MaxPool2d(tuple(pool)))
            channels, sizes = wide, [size // step for size, step in zip(sizes, pool, strict=True)]
        layers.append(nn.Flatten())
        features = channels * math.prod(sizes)
        for hidden in self._sizes("hidden_layer_sizes"):
            layers += [nn.Linear(features, hidden, dtype=dtype, rng=rng), ACTIVATIONS[self.activation]()]
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            features = hidden
        layers.append(nn.Linear(features, self._width, dtype=dtype, rng=rng))
        return nn.Sequential(*layers)


def flatten_images(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Images as rows, with their shape (C, H, W); whatever has two axes, or none that we know, as it is."""
    if not hasattr(X, "dtype") and not hasattr(X, "dtypes"):
        X = np.asarray(X)
    axes = getattr(X, "ndim", 0)
    if axes not in (3, 4):
        return X, None
    shape = tuple(X.shape[1:]) if axes == 4 else (1, *X.shape[1:])
    return np.asarray(X).reshape(X.shape[0], math.prod(shape)), shape
