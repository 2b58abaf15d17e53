"""A trained network up to one of its layers, as a transformer."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval

from goldfish import nn
from goldfish.models.sequences import batches_of_like_length, is_list_of_sequences, padded, read_sequences
from goldfish.nn.layer import Array, walk


class FeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What a trained network computes up to one of its layers: transfer learning's first step.

    Nothing is trained: `fit` only looks at the first sample, and `transform` needs no `fit`.

    Parameters
    ----------
    model : goldfish.nn.Sequential or goldfish.nn.Graph
        A trained network, for instance ``ConvNetClassifier(...).fit(X, y).model_``. It is not changed.
    layer : int or str
        The last layer that counts, by number or by name; -2 chops off the last one, -1 keeps the whole network. A name
        with dots reaches into nested networks. In a `goldfish.nn.Graph` numbers follow the order of evaluation, and
        only what the layer reads is computed.
    flatten : bool
        Whether the features of a sample are one row, as scikit-learn's estimators want them.
    batch_size : int
        Samples to compute at a time.

    Notes
    -----
    X is an array with the samples along the first axis, shaped as the network wants it, or a list of sequences of
    unequal lengths, which the layer must answer with one row each. Numbers take the dtype of the network, except where
    it begins with an `Embedding` or `OneHot`, which read integers.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> from goldfish.models import FeatureExtractor
    >>> base = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5))
    >>> photos = np.zeros((10, 3, 20, 20), np.float32)
    >>> (
    ...     FeatureExtractor(base).transform(photos).shape,
    ...     FeatureExtractor(base, "1", flatten=False).transform(photos).shape,
    ... )
    ((10, 32), (10, 8, 18, 18))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [nn.Layer],
        "layer": [Integral, str],
        "flatten": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, model: nn.Layer, layer: int | str = -2, *, flatten: bool = True, batch_size: int = 256) -> None:
        self.model = model
        self.layer = layer
        self.flatten = flatten
        self.batch_size = batch_size

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check that the first sample fits the network, and count its features.

        Parameters
        ----------
        X : array_like or list
            Samples.
        y : ignored
            As scikit-learn's pipelines pass it.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If the network has no such layer, or the sample does not fit; `transform` raises the same.
        """
        first = self.transform(X[:1])
        self._n_features_out = first.shape[1] if first.ndim == 2 else int(np.prod(first.shape[1:]))
        return self

    def transform(self, X: Any) -> Array:
        """The outputs of the layer.

        Parameters
        ----------
        X : array_like or list
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or without `flatten` (n_samples, ...)
            In the dtype of the network.

        Raises
        ------
        ValueError, TypeError
            If the network has no such layer, or X does not fit.
        """
        if hasattr(self.model, "predict"):
            raise TypeError(
                f"FeatureExtractor: model must be a network, got a {type(self.model).__name__}; "
                "once fitted, its network is its model_"
            )
        self._validate_params()
        part = up_to(self.model, self.layer)
        if is_list_of_sequences(X) and not isinstance(X, tuple):
            features = self._of_sequences(part, X)
        else:
            features = self._of_array(part, X)
        return features.reshape(len(features), -1) if self.flatten else features

    def _of_array(self, part: nn.Layer, X: Any) -> Array:
        dtype = "numeric" if _reads_numbers(part) else _dtype(part)
        samples = check_array(X, dtype=dtype, ensure_2d=False, allow_nd=True, estimator=self)
        ready = part.prepare(samples[: self.batch_size].shape)
        starts = range(0, len(samples), self.batch_size)
        return np.concatenate([ready(samples[start : start + self.batch_size]) for start in starts])

    def _of_sequences(self, part: nn.Layer, X: Any) -> Array:
        read = read_sequences(X)
        rows = read.rows if read.kind == "tokens" else [row.astype(_dtype(part), copy=False) for row in read.rows]
        ready, features = part.prepare(), None
        for places in batches_of_like_length(rows, self.batch_size):
            batch, lengths = padded([rows[place] for place in places])
            found = ready(batch, lengths=lengths)
            if found.ndim != 2:
                raise ValueError(
                    f"FeatureExtractor: layer {self.layer!r} expected to return one row for each sequence of a list, "
                    f"got shape {found.shape}"
                )
            features = np.empty((len(rows), found.shape[1]), found.dtype) if features is None else features
            features[places] = found
        return np.empty((0, 0)) if features is None else features

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        return tags


def up_to(model: nn.Layer, layer: int | str) -> nn.Layer:
    """The part of a network that ends at a layer; it shares the layers.

    Parameters
    ----------
    model : goldfish.nn.Sequential or goldfish.nn.Graph
        The network.
    layer : int or str
        Number or name of the last layer.

    Raises
    ------
    ValueError
        If there is no such layer.
    TypeError
        If the network is no chain or graph of layers.
    """
    if not isinstance(model, nn.Sequential | nn.Graph):
        raise TypeError(f"FeatureExtractor: model must be a Sequential or a Graph, got {type(model).__name__}")
    names = list(model.children) if isinstance(model, nn.Sequential) else list(model.order)
    if not isinstance(layer, str):
        if not -len(names) <= layer < len(names):
            raise ValueError(f"FeatureExtractor: layer must be one of {len(names)} layers, got {layer}")
        layer = names[int(layer)]
    name, _, inner = layer.partition(".")
    if name not in names:
        raise ValueError(f"FeatureExtractor: layer must be one of {names}, got {layer!r}")
    if isinstance(model, nn.Graph):
        if inner:
            raise ValueError(f"FeatureExtractor: layer must be a node of the graph, one of {names}, got {layer!r}")
        return model.up_to(name)
    part = model[: names.index(name) + 1]
    if not inner:
        return part
    last = up_to(part[name], inner)
    return nn.Sequential(**{**dict(list(part.children.items())[:-1]), name: last})


def _leaves(model: nn.Layer) -> Any:
    return (layer for _, layer in walk(model) if not layer.children)


def _reads_numbers(part: nn.Layer) -> bool:
    return isinstance(next(_leaves(part), None), nn.Embedding | nn.OneHot)


def _dtype(part: nn.Layer) -> np.dtype[Any]:
    return next((value.dtype for value in part.parameters().values()), np.dtype(np.float32))
