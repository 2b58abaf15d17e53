"""Sequences to sequences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from goldfish import nn
from goldfish.models.encoder_decoder import Cell
from goldfish.models.pairs import Inputs
from goldfish.models.recurrent_input import CELLS
from goldfish.models.token_writer import TokenWriter
from goldfish.models.tokens import Level, Tokens, check_lengths


class Seq2Seq(TokenWriter):
    """Read a sequence of tokens and write another: dates in one form, names in another script, words and their sounds.

    A recurrent encoder reads the source in both directions; its two final states are the context. A recurrent decoder
    starts from tanh(V context + b), reads the context again at every step, and writes the target token by token until
    it writes the end. In training it reads the true token before (teacher forcing), in prediction its own.

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number, in the decoder and in each direction of the encoder.
    level : {"char", "word"}
        What a token of a string is: a character, or what white space separates. Lists of tokens are taken as they are.
    embedding_dim : int
        Length of a token's vector.
    dropout : float
        Probability of zeroing an element of the context, or an output of a recurrent layer, while training.
    max_length : int, optional
        Most tokens of a source or target: longer ones are errors, and predictions end there. Without it sources may
        have any length, and predictions end at the length of the longest target of `fit`.
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
    source_tokens_, target_tokens_ : list
        Tokens by their numbers.
    max_length_ : int
        Most tokens of a prediction.
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
    X and y are lists of strings, or of lists of tokens of any hashable kind. A source may be empty: its context is
    zero. Source tokens that `fit` has not seen are read as one unknown token, whose vector is zero. Weights are
    float32.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    EMNLP 2014; I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural networks", NIPS 2014
    (beam search). The length penalty is that of Y. Wu et al., "Google's neural machine translation system",
    arXiv:1609.08144 (2016), equation 14.

    Examples
    --------
    >>> from goldfish.models import Seq2Seq
    >>> months = ["January", "February", "March", "April", "May", "June"]
    >>> dates = [(day, month) for day in range(1, 29) for month in range(6)]
    >>> X = [f"{day} {months[month]}" for day, month in dates]
    >>> y = [f"{month + 1:02}-{day:02}" for day, month in dates]
    >>> model = Seq2Seq(hidden_size=32, learning_rate_init=0.01, batch_size=16, max_iter=20, random_state=0)
    >>> unseen = X.index("17 May")
    >>> model.fit(X[:unseen] + X[unseen + 1 :], y[:unseen] + y[unseen + 1 :]).predict(["17 May"])
    ['05-17']
    """

    source_tokens_: list[Any]
    _sources: Tokens

    def __init__(
        self,
        cell: Cell = "gru",
        hidden_size: int = 128,
        num_layers: int = 1,
        *,
        level: Level = "char",
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

    def _open(self, X: Iterable[Any], first: bool) -> Inputs:
        if not first:
            return self._read("fit", X)
        self._sources, arrays = Tokens.learn("Seq2Seq.fit", "X", X, self.level)
        self.source_tokens_ = self._sources.tokens
        check_lengths("Seq2Seq.fit", "X", arrays, self.max_length)
        return arrays

    def _read(self, function: str, X: Iterable[Any]) -> Inputs:
        arrays = self._sources.encode(f"Seq2Seq.{function}", "X", X)
        check_lengths(f"Seq2Seq.{function}", "X", arrays, self.max_length)
        return arrays

    def _encoder(self, inputs: Inputs, rng: np.random.Generator) -> tuple[nn.Layer, int, DTypeLike]:
        unknown = len(self._sources)
        layers: dict[str, nn.Layer] = {
            "embedding": nn.Embedding(unknown + 1, self.embedding_dim, padding_idx=unknown, rng=rng),
            "recurrent": CELLS[self.cell](
                self.embedding_dim,
                self.hidden_size,
                self.num_layers,
                bidirectional=True,
                dropout=self.dropout,
                output="last",
                rng=rng,
            ),
            "dropout": nn.Dropout(self.dropout),
        }
        return nn.Sequential(**layers), 2 * self.hidden_size, np.float32
