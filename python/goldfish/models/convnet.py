"""Convolutional networks as scikit-learn estimators."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from goldfish import functional, nn
from goldfish.models.base import TRAIN_CONSTRAINTS, NetworkEstimator
from goldfish.nn.layer import Array

_ACTIVATIONS: dict[str, type[nn.Layer]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
_ROWS = 1024


class ConvNetClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """Classify images with a convolutional network.

    One block for each entry of `channels`: convolution that keeps the size, activation, max-pooling. Then one dense
    layer with activation and dropout for each entry of `hidden_layer_sizes`, then one output per class under a softmax.

    Parameters
    ----------
    channels : sequence of int
        Output channels of the convolutions.
    kernel_size : int
        Of the convolutions.
    pool_size : int
        Of the pooling, per axis; an axis shorter than that is not pooled.
    hidden_layer_sizes : sequence of int
        Sizes of the dense layers between the convolutions and the output.
    activation : {"relu", "tanh", "sigmoid"}
        Behind every hidden layer.
    dropout : float
        Probability of zeroing an output of a dense hidden layer while training.
    image_shape : tuple (C, H, W) or (H, W), optional
        How the features of a two-dimensional X are arranged. Without it they are one row, (1, 1, n_features).
    model : goldfish.nn.Layer, optional
        A network of your own, from images to one logit per class; copied in `fit`, frozen layers stay as they are. The
        architecture parameters above then do not count, `image_shape` does.
    solver : {"adam", "sgd"}
        The optimiser.
    learning_rate_init : float
        Its learning rate.
    alpha : float
        Weight decay: alpha times the parameter is added to its gradient.
    batch_size : int or "auto"
        "auto" is min(200, n_samples).
    max_iter : int
        Epochs.
    tol, n_iter_no_change : float, int
        Training ends when the training loss, or with early stopping the validation score, has not improved by `tol` for
        `n_iter_no_change` epochs in succession.
    early_stopping : bool
        Hold out a stratified `validation_fraction`, score it after each epoch, and keep the best weights.
    validation_fraction : float
        Part of the samples to hold out.
    clip_norm : float, optional
        Bound on the norm of the gradient.
    shuffle : bool
        Whether samples are shuffled before each epoch.
    warm_start : bool
        Whether `fit` continues from the previous solution.
    verbose : bool
        Whether to show progress.
    random_state : int, RandomState or None
        Initial weights, split, order and dropout.
    class_weight : dict, "balanced" or None
        Weights of the classes, on top of the samples' weights.

    Attributes
    ----------
    model_ : goldfish.nn.Layer
        The trained network.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_ : list of float or None
        Accuracy on the held-out samples after each epoch, with early stopping.
    history_ : goldfish.nn.History
        Everything that was measured.
    n_features_in_ : int
        Features of a sample, the product of its shape.
    feature_names_in_ : ndarray of str
        Names of the features, where X had some.
    image_shape_ : tuple (C, H, W)
        Shape of an image.

    Notes
    -----
    X is (n_samples, n_features), (n_samples, H, W) or (n_samples, C, H, W). float32 and float64 are kept; others become
    float32. The loss of a batch is divided by the sum of its weights.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from goldfish.models import ConvNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X / 16).astype("float32")
    >>> classifier = ConvNetClassifier(
    ...     (16,), image_shape=(1, 8, 8), batch_size=32, learning_rate_init=0.01, max_iter=15, random_state=0
    ... )
    >>> bool(classifier.fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TRAIN_CONSTRAINTS,
        "channels": ["array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "pool_size": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(_ACTIVATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "image_shape": ["array-like", None],
        "model": [nn.Layer, None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    classes_: Array
    image_shape_: tuple[int, ...]

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        pool_size: int = 2,
        hidden_layer_sizes: Sequence[int] = (128,),
        *,
        activation: Literal["relu", "tanh", "sigmoid"] = "relu",
        dropout: float = 0.0,
        image_shape: Sequence[int] | None = None,
        model: nn.Layer | None = None,
        solver: Literal["adam", "sgd"] = "adam",
        learning_rate_init: float = 1e-3,
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        max_iter: int = 100,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        clip_norm: float | None = None,
        shuffle: bool = True,
        warm_start: bool = False,
        verbose: bool = False,
        random_state: Any = None,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
    ) -> None:
        self.channels = channels
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.image_shape = image_shape
        self.model = model
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.clip_norm = clip_norm
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # type: ignore[override]
        """Train the network.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features), (n_samples, H, W) or (n_samples, C, H, W)
            Images.
        y : array_like of shape (n_samples,)
            Class labels.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If shapes, labels or parameters do not fit; scikit-learn's messages.
        """
        self._validate_params()
        flat, shape = _flatten(X)
        flat, y = validate_data(self, flat, y, dtype=[np.float32, np.float64], order="C")
        check_classification_targets(y)
        weights = None
        if sample_weight is not None or self.class_weight is not None:
            weights = _check_sample_weight(sample_weight, flat, dtype=flat.dtype, ensure_non_negative=True)
            weights = (weights * compute_sample_weight(self.class_weight, y)).astype(flat.dtype)
        previous = getattr(self, "model_", None) if self.warm_start else None
        classes, target = np.unique(y, return_inverse=True)
        if previous is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start can only be used when y has the classes of the previous fit, {self.classes_}, "
                f"got {classes}"
            )
        self.classes_, self.image_shape_ = classes, self._arrange(shape, flat.shape[1])
        rng = self._generator()
        data, held_out = self._hold_out(flat.reshape(-1, *self.image_shape_), target, weights, rng)
        self._train(
            previous or self._build(flat.dtype, rng),
            data,
            nn.CrossEntropyLoss(),
            batch_size=min(200, len(data[0])) if self.batch_size == "auto" else int(self.batch_size),
            held_out=held_out,
            metrics={"accuracy": _accuracy},
            score=lambda record: record["val_accuracy"],
            rng=rng,
        )
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array_like
            Images as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return functional.softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array_like
            Images as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return functional.log_softmax(self._logits(X), axis=1)

    def predict(self, X: ArrayLike) -> Array:
        """The likeliest class of each image.

        Parameters
        ----------
        X : array_like
            Images as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        best = self._logits(X).argmax(axis=1)
        labels: Array = self.classes_[best]
        return labels

    def _logits(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        flat, shape = _flatten(X)
        flat = validate_data(self, flat, dtype=self._dtype, order="C", reset=False)
        if shape is not None and shape != self.image_shape_:
            raise ValueError(
                f"X has images of shape {shape}, but {type(self).__name__} was fitted on {self.image_shape_}"
            )
        images = flat.reshape(-1, *self.image_shape_)
        return np.concatenate([self.model_(images[start : start + _ROWS]) for start in range(0, len(images), _ROWS)])

    @property
    def _dtype(self) -> np.dtype[Any]:
        return next(iter(self.model_.parameters().values())).dtype

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

    def _hold_out(
        self, images: Array, target: Array, weights: Array | None, rng: np.random.Generator
    ) -> tuple[tuple[Array, ...], tuple[Array, ...] | None]:
        arrays = (images, target) if weights is None else (images, target, weights)
        if not self.early_stopping:
            return arrays, None
        if len(target) < 2:
            raise ValueError(
                f"early_stopping expected two samples or more, to hold some out, got n_samples={len(target)}"
            )
        counts = np.bincount(target)
        size = max(len(counts), math.ceil(self.validation_fraction * len(target)))
        # A class of one sample cannot be in both parts.
        stratify = target if counts.min() > 1 and size + len(counts) <= len(target) else None
        parts = train_test_split(*arrays, test_size=size, stratify=stratify, random_state=int(rng.integers(2**31)))
        return tuple(parts[::2]), tuple(parts[1::2])

    def _build(self, dtype: np.dtype[Any], rng: np.random.Generator) -> nn.Layer:
        if self.model is not None:
            return copy.deepcopy(self.model)
        layers: list[nn.Layer] = []
        channels, *sizes = self.image_shape_
        for wide in self.channels:
            layers += [
                nn.Conv2d(channels, int(wide), self.kernel_size, padding="same", dtype=dtype, rng=rng),
                _ACTIVATIONS[self.activation](),
            ]
            pool = [self.pool_size if size >= self.pool_size else 1 for size in sizes]
            if max(pool) > 1:
                layers.append(nn.MaxPool2d(tuple(pool)))
            channels, sizes = int(wide), [size // step for size, step in zip(sizes, pool, strict=True)]
        layers.append(nn.Flatten())
        features = channels * math.prod(sizes)
        for hidden in self.hidden_layer_sizes:
            layers += [nn.Linear(features, int(hidden), dtype=dtype, rng=rng), _ACTIVATIONS[self.activation]()]
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            features = int(hidden)
        layers.append(nn.Linear(features, len(self.classes_), dtype=dtype, rng=rng))
        return nn.Sequential(*layers)


def _accuracy(logits: Array, target: Array) -> float:
    return float((logits.argmax(axis=1) == target).mean())


def _flatten(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Images as rows, with their shape (C, H, W); whatever has two axes, or none that we know, as it is."""
    axes = getattr(X, "ndim", 0)
    if axes not in (3, 4):
        return X, None
    shape = tuple(X.shape[1:]) if axes == 4 else (1, *X.shape[1:])
    return np.asarray(X).reshape(X.shape[0], math.prod(shape)), shape
