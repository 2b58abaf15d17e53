"""Convolutional networks as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from goldfish import nn
from goldfish.models.images import ConvNet
from goldfish.models.supervised import NetworkClassifier, NetworkRegressor


class ConvNetClassifier(NetworkClassifier, ConvNet):
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
    batch_norm : bool
        Whether each convolution's outputs are normalised over the batch before the activation.
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
        "auto" is min(200, n_samples). With batch normalisation one sample more, where a single one would be left over.
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
        **ConvNet._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        pool_size: int = 2,
        hidden_layer_sizes: Sequence[int] = (128,),
        *,
        activation: Literal["relu", "tanh", "sigmoid"] = "relu",
        batch_norm: bool = False,
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
        super().__init__(
            channels,
            kernel_size,
            pool_size,
            hidden_layer_sizes,
            activation=activation,
            batch_norm=batch_norm,
            dropout=dropout,
            image_shape=image_shape,
            model=model,
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
        self.class_weight = class_weight


class ConvNetRegressor(NetworkRegressor, ConvNet):
    r"""Estimate numbers from images with a convolutional network, by least squares.

    The network is that of `ConvNetClassifier` with one output per target.

    Parameters
    ----------
    channels, kernel_size, pool_size, hidden_layer_sizes, activation, batch_norm, dropout, image_shape
        The network; see `ConvNetClassifier`.
    model : goldfish.nn.Layer, optional
        A network of your own, from images to one number per target; copied in `fit`.
    solver, learning_rate_init, alpha, batch_size, max_iter, tol, n_iter_no_change, early_stopping, \
    validation_fraction, clip_norm, shuffle, warm_start, verbose, random_state
        The training; see `ConvNetClassifier`.

    Attributes
    ----------
    model_ : goldfish.nn.Layer
        The trained network.
    n_outputs_ : int
        Number of targets.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch, the mean square of the error.
    validation_scores_ : list of float or None
        R², over all targets together, on the held-out samples after each epoch, with early stopping.
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
    Targets are learned as they come, as `sklearn.neural_network.MLPRegressor` does: bring large ones to a scale of
    about 1 with `sklearn.compose.TransformedTargetRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.models import ConvNetRegressor
    >>> rng = np.random.default_rng(0)
    >>> images, column = rng.normal(scale=0.1, size=(300, 6, 6)).astype("float32"), rng.integers(6, size=300)
    >>> images[np.arange(300), rng.integers(6, size=300), column] = 1
    >>> model = ConvNetRegressor((8,), hidden_layer_sizes=(32,), learning_rate_init=0.01, batch_size=32, random_state=0)
    >>> bool(model.fit(images[:200], column[:200] / 6).score(images[200:], column[200:] / 6) > 0.9)
    True
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        pool_size: int = 2,
        hidden_layer_sizes: Sequence[int] = (128,),
        *,
        activation: Literal["relu", "tanh", "sigmoid"] = "relu",
        batch_norm: bool = False,
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
    ) -> None:
        super().__init__(
            channels,
            kernel_size,
            pool_size,
            hidden_layer_sizes,
            activation=activation,
            batch_norm=batch_norm,
            dropout=dropout,
            image_shape=image_shape,
            model=model,
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
