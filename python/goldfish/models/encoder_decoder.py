"""The network behind Seq2Seq and SequenceGenerator: something is read into one vector, tokens are written from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from goldfish import nn
from goldfish._typing import Rng
from goldfish.models.recurrent_input import CELLS
from goldfish.nn.layer import Array, Backward, State

Cell = Literal["lstm", "gru", "rnn"]


class Decoder(nn.Layer):
    """A recurrent network that writes tokens from a vector, the context.

    The first state is s_0 = tanh(V c + b), and every step reads the token before it and the context again:
    s_t = cell(s_(t-1), [embedding(y_(t-1)); c]), logits_t = W s_t + d. Token `num_tokens` is the start where it is read
    and the end where it is written.

    Parameters
    ----------
    num_tokens : int
        Different tokens, without start and end.
    context_size : int
        Length of the context.
    cell : {"lstm", "gru", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number.
    embedding_dim : int
        Length of a token's vector.
    dropout : float
        Probability of zeroing an output of a recurrent layer while training.
    dtype : dtype
        float32 or float64.
    rng : int, Generator or None
        Source of the initial values.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    EMNLP 2014, section 2.2 and appendix A.

    Examples
    --------
    >>> import numpy as np
    >>> decoder = Decoder(10, 6, "gru", 8, 1, 4, rng=0)
    >>> previous = np.array([[10, 3, 2], [10, 0, 0]])  # two sequences, their start in front
    >>> decoder({"context": np.ones((2, 6), np.float32), "previous": previous}).shape
    (2, 3, 11)
    """

    def __init__(
        self,
        num_tokens: int,
        context_size: int,
        cell: Cell,
        hidden_size: int,
        num_layers: int,
        embedding_dim: int,
        dropout: float = 0.0,
        *,
        dtype: DTypeLike = "float32",
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.num_tokens, self.context_size, self.cell, self.dropout = num_tokens, context_size, cell, dropout
        self.hidden_size, self.num_layers, self.embedding_dim = hidden_size, num_layers, embedding_dim
        rng, kind = np.random.default_rng(rng), CELLS[cell]
        first = nn.Linear(context_size, kind.parts * num_layers * hidden_size, dtype=dtype, rng=rng)
        self.start = nn.Sequential(first, nn.Tanh())
        self.embedding = nn.Embedding(num_tokens + 1, embedding_dim, dtype=dtype, rng=rng)
        self.recurrent = kind(
            embedding_dim + context_size, hidden_size, num_layers, dropout=dropout, dtype=dtype, rng=rng
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden_size, num_tokens + 1, dtype=dtype, rng=rng))
        self.children = {
            "start": self.start,
            "embedding": self.embedding,
            "recurrent": self.recurrent,
            "head": self.head,
        }

    def __call__(
        self,
        x: Mapping[str, ArrayLike],  # type: ignore[override]
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
    ) -> Any:
        """Logits (N, T, num_tokens + 1) from ``x["context"]`` (N, context_size) and ``x["previous"]`` (N, T)."""
        _refuse(self, state, lengths)
        context, previous = np.asarray(x["context"]), np.asarray(x["previous"])
        y, state = self.recurrent(
            _beside(self.embedding(previous), context), self.first_state(context), return_state=True
        )
        return (self.head(y), state) if return_state else self.head(y)

    def forward(
        self,
        x: Mapping[str, ArrayLike],  # type: ignore[override]
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(logits, backward)``; ``backward`` returns the gradient of the context under its name."""
        _refuse(self, state, lengths)
        rng = None if rng is None else np.random.default_rng(rng)
        context, previous = np.asarray(x["context"]), np.asarray(x["previous"])
        first, start_backward = self.start.forward(context)
        vectors, embedding_backward = self.embedding.forward(previous)
        y, state_n, recurrent_backward = self.recurrent.forward(
            _beside(vectors, context), self._split(first), return_state=True, rng=rng
        )
        logits, head_backward = self.head.forward(y, rng=rng)

        def run(dlogits: Array | None, dstate: State, needs_x: bool) -> tuple[Any, State]:
            dy = None if dlogits is None else head_backward(dlogits)
            dinputs, dfirst = recurrent_backward(dy, dstate)
            embedding_backward(np.ascontiguousarray(dinputs[..., : self.embedding_dim]), needs_x=False)
            dcontext = start_backward(self._join(dfirst), needs_x=needs_x)
            if not needs_x:
                return None, None
            return {"context": dcontext + dinputs[..., self.embedding_dim :].sum(axis=1)}, None

        backward = Backward(self, logits.shape, run, pair=return_state)
        return (logits, state_n, backward) if return_state else (logits, backward)

    def first_state(self, context: Array) -> State:
        """The recurrent layers' state before the first token."""
        return self._split(self.start(context))

    def _split(self, first: Array) -> State:
        """(N, parts * layers * H) as the states of the recurrent layers, (layers, N, H) each."""
        parts = first.reshape(len(first), -1, self.num_layers, self.hidden_size).transpose(1, 2, 0, 3)
        states = tuple(np.ascontiguousarray(part) for part in parts)
        return states if len(states) > 1 else states[0]

    def _join(self, state: State) -> Array:
        parts = np.stack(state if isinstance(state, tuple | list) else (state,))
        return np.ascontiguousarray(parts.transpose(2, 0, 1, 3)).reshape(parts.shape[2], -1)


class EncoderDecoder(nn.Layer):
    """An encoder that reads its input into a vector, and a `Decoder` that writes from it.

    Parameters
    ----------
    encoder : Layer
        From ``x["x"]`` (with ``x["lengths"]``, if there are any) to contexts (N, C).
    decoder : Decoder
        From contexts and ``x["previous"]``, the targets shifted by one behind the start, to logits.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model = EncoderDecoder(nn.Linear(5, 6, rng=0), Decoder(10, 6, "gru", 8, 1, 4, rng=0))
    >>> model({"x": np.ones((2, 5), np.float32), "previous": np.array([[10, 3, 2], [10, 0, 0]])}).shape
    (2, 3, 11)
    """

    def __init__(self, encoder: nn.Layer, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.children = {"encoder": encoder, "decoder": decoder}

    def __call__(
        self,
        x: Mapping[str, ArrayLike],  # type: ignore[override]
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
    ) -> Any:
        """Logits (N, T, num_tokens + 1)."""
        _refuse(self, state, lengths)
        context = self.encoder(x["x"], lengths=x.get("lengths"))
        return self.decoder({"context": context, "previous": x["previous"]}, return_state=return_state)

    def forward(
        self,
        x: Mapping[str, ArrayLike],  # type: ignore[override]
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(logits, backward)``; ``backward`` returns the gradient of ``x["x"]`` under its name."""
        _refuse(self, state, lengths)
        rng = None if rng is None else np.random.default_rng(rng)
        context, encoder_backward = self.encoder.forward(x["x"], lengths=x.get("lengths"), rng=rng)
        logits, decoder_backward = self.decoder.forward({"context": context, "previous": x["previous"]}, rng=rng)

        def run(dlogits: Array | None, dstate: State, needs_x: bool) -> tuple[Any, State]:
            below = needs_x or self.encoder.trainable
            slopes = decoder_backward(dlogits, needs_x=below)
            dx = encoder_backward(slopes["context"], needs_x=needs_x) if below else None
            return ({"x": dx} if needs_x else None), None

        backward = Backward(self, logits.shape, run, pair=return_state)
        return (logits, None, backward) if return_state else (logits, backward)


def _refuse(layer: nn.Layer, state: State, lengths: ArrayLike | None) -> None:
    """A first state comes from the context, lengths come with x: neither is an argument."""
    if state is not None or lengths is not None:
        given = "state" if state is not None else "lengths"
        raise ValueError(f"{type(layer).__name__}: expected x alone, got {given} too")


def _beside(vectors: Array, context: Array) -> Array:
    """The context behind every step's vector: (N, T, E) and (N, C) to (N, T, E + C)."""
    repeated = np.broadcast_to(context[:, None], (*vectors.shape[:2], context.shape[1]))
    return np.concatenate([vectors, repeated], axis=2)
