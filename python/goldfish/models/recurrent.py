"""Recurrent networks that read a sequence and answer once: many-to-one."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from goldfish import nn
from goldfish.models.recurrent_input import RecurrentNetwork
from goldfish.models.supervised import NetworkClassifier, NetworkRegressor


class RecurrentClassifier(NetworkClassifier, RecurrentNetwork):
    """Classify sequences of any lengths with a recurrent network: many-to-one.

    The network reads a sequence step by step; a dense layer under a softmax reads its last state, with `bidirectional`
    the last states of both directions.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number.
    bidirectional : bool
        Whether a second direction reads from the end.
    dropout : float
        Probability of zeroing an output of a recurrent layer while training.
    embedding_dim : int, optional
        Length of a learned vector per token, which starts at about length 1; None reads tokens as unit vectors, which
        are never built.
    input : {"auto", "tokens", "vectors"}
        What a sequence holds. "auto": lists of integer arrays are tokens, everything else is vectors.
    model : goldfish.nn.Layer, optional
        A network of your own, from padded sequences and their ``lengths`` to one logit per class; copied in `fit`,
        frozen layers stay as they are. The architecture parameters above then do not count, and tokens reach it as they
        are.
    solver : {"adam", "sgd"}
        The optimiser.
    learning_rate_init : float
        Its learning rate.
    alpha : float
        Weight decay: alpha times the parameter is added to its gradient.
    batch_size : int or "auto"
        Sequences of like lengths that are read side by side; "auto" is min(200, n_samples).
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
    input_ : {"tokens", "vectors"}
        What the sequences of `fit` held.
    tokens_ : ndarray of int
        The token numbers that occurred, if they were tokens; `model_` reads them as 1, 2, ... and any other as 0.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_ : list of float or None
        Accuracy on the held-out samples after each epoch, with early stopping.
    history_ : goldfish.nn.History
        Everything that was measured.
    n_features_in_ : int
        Columns of a two-dimensional X; else numbers in a step, 1 for tokens.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had some.

    Notes
    -----
    X is a list of integer arrays (T,), which are tokens, as `Tokenizer` makes them; or of float arrays (T, I) or (T,);
    or an array (n_samples, T, I); or (n_samples, T), which is one number a step, also if it holds integers, unless
    ``input="tokens"``. A list of lists of floats, all equally long, is such an array too. float32 and float64 are kept,
    other numbers become float32; a list that mixes dtypes is an error.

    A sequence may be empty: the answer is then that of the network's initial state. A token that training has not met
    is a step of zeros, in place of its unit vector or its embedding. The loss of a batch is divided by the sum of its
    weights.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from goldfish.models import RecurrentClassifier, Tokenizer
    >>> texts = ["not good", "good", "not bad", "bad", "really good", "really not good", "really bad", "really not bad"]
    >>> classifier = make_pipeline(
    ...     Tokenizer(), RecurrentClassifier(hidden_size=16, learning_rate_init=0.03, random_state=0)
    ... )
    >>> classifier.fit(texts, [0, 1, 1, 0, 1, 0, 0, 1]).predict(["really not bad", "not good"])
    array([1, 0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **RecurrentNetwork._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }

    def __init__(
        self,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_dim: int | None = None,
        input: Literal["auto", "tokens", "vectors"] = "auto",
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
            cell,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            embedding_dim=embedding_dim,
            input=input,
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


class RecurrentRegressor(NetworkRegressor, RecurrentNetwork):
    r"""Estimate numbers from sequences of any lengths with a recurrent network, by least squares: many-to-one.

    The network is that of `RecurrentClassifier` with one output per target.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number.
    bidirectional : bool
        Whether a second direction reads from the end.
    dropout : float
        Probability of zeroing an output of a recurrent layer while training.
    embedding_dim : int, optional
        Length of a learned vector per token, which starts at about length 1; None reads tokens as unit vectors, which
        are never built.
    input : {"auto", "tokens", "vectors"}
        What a sequence holds. "auto": lists of integer arrays are tokens, everything else is vectors.
    model : goldfish.nn.Layer, optional
        A network of your own, from padded sequences and their ``lengths`` to one number per target; copied in `fit`.
    solver, learning_rate_init, alpha, batch_size, max_iter, tol, n_iter_no_change, early_stopping, \
    validation_fraction, clip_norm, shuffle, warm_start, verbose, random_state
        The training; see `RecurrentClassifier`.

    Attributes
    ----------
    model_ : goldfish.nn.Layer
        The trained network.
    n_outputs_ : int
        Number of targets.
    input_ : {"tokens", "vectors"}
        What the sequences of `fit` held.
    tokens_ : ndarray of int
        The token numbers that occurred, if they were tokens; `model_` reads them as 1, 2, ... and any other as 0.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch, the mean square of the error.
    validation_scores_ : list of float or None
        R², over all targets together, on the held-out samples after each epoch, with early stopping.
    history_ : goldfish.nn.History
        Everything that was measured.
    n_features_in_ : int
        Columns of a two-dimensional X; else numbers in a step, 1 for tokens.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had some.

    Notes
    -----
    What X may be, empty sequences and unknown tokens are as in `RecurrentClassifier`. Targets are learned as they come:
    bring large ones to a scale of about 1 with `sklearn.compose.TransformedTargetRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.models import RecurrentRegressor
    >>> rng = np.random.default_rng(0)
    >>> series = [rng.standard_normal(length) for length in rng.integers(2, 6, size=300)]
    >>> total = np.array([values.sum() for values in series])
    >>> model = RecurrentRegressor(hidden_size=16, learning_rate_init=0.02, batch_size=32, max_iter=50, random_state=0)
    >>> bool(model.fit(series[:200], total[:200]).score(series[200:], total[200:]) > 0.9)
    True
    """

    def __init__(
        self,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_dim: int | None = None,
        input: Literal["auto", "tokens", "vectors"] = "auto",
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
            cell,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            embedding_dim=embedding_dim,
            input=input,
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
