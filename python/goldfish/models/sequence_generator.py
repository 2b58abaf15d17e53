"""Sequences from vectors: one-to-many."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils.validation import validate_data

from goldfish import nn
from goldfish.models.encoder_decoder import Cell
from goldfish.models.pairs import Inputs
from goldfish.models.token_writer import TokenWriter
from goldfish.models.tokens import Level


class SequenceGenerator(TokenWriter):
    """Write a sequence of tokens for a vector: a caption for a picture's features, a description for a row of numbers.

    The vector is read into a context, c = tanh(W x + b). A recurrent decoder starts from tanh(V c + d), reads the
    context again at every step, and writes the sequence token by token until it writes the end. In training it reads
    the true token before (teacher forcing), in prediction its own.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number; the context has `hidden_size` numbers too.
    level : {"word", "char"}
        What a token of a string is: what white space separates, or a character. Lists of tokens are taken as they are.
    embedding_dim : int
        Length of a token's vector.
    dropout : float
        Probability of zeroing an element of the context, or an output of a recurrent layer, while training.
    max_length : int, optional
        Most tokens of a target: longer ones are errors, and predictions end there. Without it predictions end at the
        length of the longest target of `fit`.
    beam_size : int
        Hypotheses that `predict` follows; 1 takes the likeliest token each time.
    length_penalty : float
        Of a beam: a hypothesis of L tokens, its end included, is scored by its log-probability over
        ((5 + L) / 6)^length_penalty. 0 takes the likeliest, larger values favour longer ones.
    solver : {"adam", "sgd"}
        The optimiser.
    learning_rate_init : float
        Its learning rate.
    alpha : float
        Weight decay: alpha times the parameter is added to its gradient.
    batch_size : int or "auto"
        "auto" is min(200, n_samples). Samples of like lengths share a batch.
    max_iter : int
        Epochs.
    tol, n_iter_no_change : float, int
        Training ends when the training loss, or with early stopping the validation score, has not improved by `tol` for
        `n_iter_no_change` epochs in succession.
    early_stopping : bool
        Hold out a `validation_fraction`, score it after each epoch, and keep the best weights.
    validation_fraction : float
        Part of the samples to hold out.
    clip_norm : float, optional
        Bound on the norm of the gradient.
    shuffle : bool
        Whether samples are shuffled before each epoch.
    warm_start : bool
        Whether `fit` continues from the previous solution.
    verbose : bool
        Whether to show progress: a bar on a terminal, else a line per epoch.
    random_state : int, RandomState or None
        Initial weights, split, order and dropout.

    Attributes
    ----------
    model_ : goldfish.models.encoder_decoder.EncoderDecoder
        The trained network.
    target_tokens_ : list
        Tokens by their numbers.
    max_length_ : int
        Most tokens of a prediction.
    n_features_in_ : int
        Length of the vectors.
    feature_names_in_ : ndarray of str
        Names of the features, where X had some.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch, in nats a token.
    validation_scores_ : list of float or None
        Minus the loss on the held-out samples after each epoch, with early stopping.
    history_ : goldfish.nn.History
        Everything that was measured.

    Notes
    -----
    X is (n_samples, n_features); float32 and float64 are kept, others become float32. Features of like scale are
    learned fastest: put a `StandardScaler` in front of those that differ. y is a list of strings, or of lists of tokens
    of any hashable kind.

    References
    ----------
    O. Vinyals, A. Toshev, S. Bengio, D. Erhan, "Show and tell: a neural image caption generator", CVPR 2015; the
    decoder is that of K. Cho et al., EMNLP 2014. The length penalty is that of Y. Wu et al., "Google's neural machine
    translation system", arXiv:1609.08144 (2016), equation 14.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.models import SequenceGenerator
    >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2)).astype("float32")
    >>> y = [("low" if a < 0 else "high") + " and " + ("left" if b < 0 else "right") for a, b in X]
    >>> model = SequenceGenerator(hidden_size=32, learning_rate_init=0.01, batch_size=32, max_iter=20, random_state=0)
    >>> model.fit(X, y).predict([[-0.5, 0.5], [0.7, -0.6]])
    ['low and right', 'high and left']
    """

    n_features_in_: int

    def __init__(
        self,
        cell: Cell = "lstm",
        hidden_size: int = 128,
        num_layers: int = 1,
        *,
        level: Level = "word",
        embedding_dim: int = 64,
        dropout: float = 0.0,
        max_length: int | None = None,
        beam_size: int = 1,
        length_penalty: float = 0.0,
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
            cell=cell,
            hidden_size=hidden_size,
            num_layers=num_layers,
            level=level,
            embedding_dim=embedding_dim,
            dropout=dropout,
            max_length=max_length,
            beam_size=beam_size,
            length_penalty=length_penalty,
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

    def _open(self, X: ArrayLike, first: bool) -> Inputs:
        if not first:
            return self._read("fit", X)
        vectors: Inputs = validate_data(self, X, dtype=[np.float32, np.float64], order="C")
        return vectors

    def _read(self, function: str, X: ArrayLike) -> Inputs:
        vectors: Inputs = validate_data(self, X, dtype=self._dtype, order="C", reset=False)
        return vectors

    def _encoder(self, inputs: Inputs, rng: np.random.Generator) -> tuple[nn.Layer, int, DTypeLike]:
        vectors = np.asarray(inputs)
        first = nn.Linear(vectors.shape[1], self.hidden_size, dtype=vectors.dtype, rng=rng)
        return nn.Sequential(first, nn.Tanh(), nn.Dropout(self.dropout)), self.hidden_size, vectors.dtype
