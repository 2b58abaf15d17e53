"""Sequences as samples, and the recurrent network for them."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, validate_data

from goldfish import nn
from goldfish.models.sequences import (
    Kind,
    Numbering,
    Sequences,
    batches_of_like_length,
    is_list_of_sequences,
    padded,
    read_sequences,
)
from goldfish.models.supervised import Samples, SupervisedNetwork
from goldfish.nn.layer import Array

CELLS: dict[str, type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
_ROWS = 256


class RecurrentNetwork(SupervisedNetwork):
    """What the estimators over sequences share: reading sequences and the network."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SupervisedNetwork._parameter_constraints,
        "cell": [StrOptions(set(CELLS))],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "num_layers": [Interval(Integral, 1, None, closed="left")],
        "bidirectional": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "input": [StrOptions({"auto", "tokens", "vectors"})],
        "model": [nn.Layer, None],
    }
    # What the network returns: the last state of each sequence, or one row per step.
    _output: ClassVar[Literal["last", "sequence"]] = "last"

    input_: Literal["tokens", "vectors"]
    tokens_: Array
    _size: int
    _table: bool

    def __init__(
        self,
        cell: Literal["lstm", "gru", "rnn"],
        hidden_size: int,
        num_layers: int,
        *,
        bidirectional: bool,
        dropout: float,
        embedding_dim: int | None,
        input: Kind,
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
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.embedding_dim = embedding_dim
        self.input = input
        self.model = model

    def _open(self, X: Any, y: Any) -> tuple[Samples, Any]:
        y = self._check_target(y)
        listed = is_list_of_sequences(X)
        kind = self.input if self._previous() is None else self.input_
        read = read_sequences(X, kind=kind) if listed else self._read_array(X, kind, reset=True)
        check_consistent_length(read.rows, y)
        self._check_steps(read.rows, y)
        if read.kind == "vectors" and self.embedding_dim is not None and self.model is None:
            raise ValueError(
                f"{type(self).__name__}: embedding_dim expected None, because X holds vectors and no tokens, "
                f"got {self.embedding_dim}"
            )
        if self._previous() is not None and (read.kind, read.size) != (self.input_, self._size):
            raise ValueError(
                f"warm_start can only be used when X is as in the previous fit, {self.input_} of size {self._size}, "
                f"got {read.kind} of size {read.size}"
            )
        self.input_, self._size, self._table = read.kind, read.size, not listed and getattr(X, "ndim", 2) == 2
        if not self._table:
            self.n_features_in_ = read.size
            self.__dict__.pop("feature_names_in_", None)
        return _cast(read, self._open_dtypes()), y

    def _read(self, X: Any) -> list[Array]:
        """Sequences like those of `fit`."""
        check_is_fitted(self)
        if is_list_of_sequences(X):
            read = read_sequences(X, kind=self.input_)
        else:
            read = self._read_array(X, self.input_, reset=False)
        # Sequences without a step fit whatever the size of a step is.
        if read.size != self._size and any(map(len, read.rows)):
            raise ValueError(
                f"X has {read.size} features, but {type(self).__name__} is expecting {self._size} features as input"
            )
        return _cast(read, [self._dtype])

    def _read_array(self, X: Any, kind: Kind, *, reset: bool) -> Sequences:
        """Sequences in an array: (n, T) numbers, which are series unless tokens are asked for, or (n, T, I)."""
        if not hasattr(X, "dtype") and not hasattr(X, "dtypes"):
            if not isinstance(X, list | tuple) and not hasattr(X, "__array__"):
                raise TypeError(f"X must be an array or a list of sequences, got {type(X).__name__}")
            X = np.asarray(X)
        if getattr(X, "ndim", 0) == 3:
            return read_sequences(np.asarray(X), kind="vectors")
        floats = self._open_dtypes() if reset else [self._dtype]
        wanted = "numeric" if kind == "tokens" else floats
        if reset or self._table:
            X = validate_data(self, X, dtype=wanted, reset=reset)
        else:
            X = check_array(X, dtype=wanted, estimator=self, input_name="X")
        return read_sequences(X, kind="tokens" if kind == "tokens" else "vectors")

    def _check_target(self, y: Any) -> Any:
        return validate_data(self, "no_validation", y, **self._target_checks)

    def _check_steps(self, rows: list[Array], y: Any) -> None:
        """Refuse targets that do not fit the steps of their sequences."""

    def _open_samples(self, samples: Samples) -> None:
        if self.input_ == "tokens" and self.model is None:
            self._numbering = Numbering(samples)
            self.tokens_ = self._numbering.tokens
        self._sample_dtype = samples[0].dtype if self.input_ == "vectors" else np.dtype(np.float32)

    def _encode(self, samples: Samples) -> Samples:
        return self._numbering(list(samples)) if self.input_ == "tokens" and self.model is None else samples

    def _build(self, rng: np.random.Generator) -> nn.Sequential:
        dtype, layers, inputs = self._sample_dtype, dict[str, nn.Layer](), self._size
        if self.input_ == "tokens":
            inputs = len(self._numbering) if self.embedding_dim is None else self.embedding_dim
            layers = {"onehot": nn.OneHot(inputs, dtype=dtype)}
            if self.embedding_dim is not None:
                layers = {"embedding": nn.Embedding(len(self._numbering), inputs, padding_idx=0, dtype=dtype, rng=rng)}
                # Vectors of length about 1, as unit vectors are: words that are met once or twice must not shout.
                layers["embedding"].params["weight"] /= math.sqrt(inputs)
        recurrent = CELLS[self.cell](
            inputs,
            self.hidden_size,
            self.num_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            output=self._output,
            dtype=dtype,
            rng=rng,
        )
        if "onehot" in layers:
            # An unseen token is a step of zeros: its weights are, and no training step ever changes them.
            for name, value in recurrent.params.items():
                if name.startswith("weight_ih_l0"):
                    value[:, 0] = 0
        layers["recurrent"] = recurrent
        if self.dropout:
            layers["dropout"] = nn.Dropout(self.dropout)
        features = self.hidden_size * recurrent.directions
        layers["head"] = nn.Linear(features, self._width, dtype=dtype, rng=rng)
        return nn.Sequential(**layers)

    def _run(self, model: nn.Layer, samples: Samples) -> Any:
        outputs: Array | None = None
        for places in batches_of_like_length(list(samples), _ROWS):
            batch, lengths = padded([samples[place] for place in places])
            part = model(batch, lengths=lengths)
            outputs = np.empty((len(samples), *part.shape[1:]), part.dtype) if outputs is None else outputs
            outputs[places] = part
        return outputs


def _cast(read: Sequences, dtypes: list[Any]) -> list[Array]:
    """The sequences in one of the dtypes, the first if theirs is none of them."""
    if read.kind == "tokens" or read.rows[0].dtype in dtypes:
        return read.rows
    return [row.astype(dtypes[0]) for row in read.rows]
