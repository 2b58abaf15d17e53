"""Sequences of tokens from a `Decoder`: the likeliest token each time, a beam of hypotheses, or draws."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from goldfish import functional
from goldfish.models.drawing import draw_each
from goldfish.models.encoder_decoder import Decoder
from goldfish.nn.layer import Array, State


class Writer:
    """A decoder, ready to run step by step.

    Parameters
    ----------
    decoder : Decoder
        Trained; its weights are packed once.
    context : ndarray of shape (N, C)
        What to write from.

    Attributes
    ----------
    end : int
        The token that ends a sequence, and stands in front of each.
    """

    def __init__(self, decoder: Decoder, context: Array) -> None:
        self.end = decoder.num_tokens
        self.context = context
        self.state: State = decoder.first_state(context)
        self._embedding = decoder.embedding.prepare()
        self._recurrent = decoder.recurrent.prepare()
        self._head = decoder.head.prepare()

    def step(self, tokens: Array) -> Array:
        """Log-probabilities (N, end + 1) of the tokens after ``tokens`` (N,), in float64."""
        inputs = np.concatenate([self._embedding(tokens), self.context], axis=1)[:, None]
        y, self.state = self._recurrent(inputs, self.state, return_state=True)
        logits: Array = self._head(y)[:, 0]
        return functional.log_softmax(logits.astype(np.float64), axis=1)

    def keep(self, rows: Array) -> None:
        """Go on with the sequences at ``rows`` alone, in that order; a row may come several times."""
        self.context = self.context[rows]
        parts = [part[:, rows] for part in (self.state if isinstance(self.state, tuple) else (self.state,))]
        self.state = tuple(parts) if len(parts) > 1 else parts[0]


class Written(NamedTuple):
    """A sequence without its end, and its score.

    Attributes
    ----------
    tokens : list of int
        The sequence.
    score : float
        Its log-probability, the end's included, over `penalty`.
    """

    tokens: list[int]
    score: float


def penalty(length: float, exponent: float) -> float:
    """What a log-probability is divided by: ((5 + length) / 6)^exponent, where the end counts as a token.

    An exponent of 0 leaves the log-probability as it is, larger ones favour longer sequences.

    References
    ----------
    Y. Wu et al., "Google's neural machine translation system", arXiv:1609.08144 (2016), equation 14.

    Examples
    --------
    >>> penalty(7, 0.0), penalty(7, 1.0)
    (1.0, 2.0)
    """
    return float(((5 + length) / 6) ** exponent)


def write(writer: Writer, longest: int, rng: np.random.Generator | None = None, temperature: float = 1.0) -> list[Any]:
    """One sequence for each context: the likeliest token each time, or, with an ``rng``, a drawn one.

    Parameters
    ----------
    writer : Writer
        Where to begin.
    longest : int
        Tokens after which a sequence is cut off.
    rng : Generator, optional
        Source of the draws.
    temperature : float
        Log-probabilities are divided by it before a draw.

    Returns
    -------
    list of list of int
        Tokens, without the end.
    """
    count = len(writer.context)
    written: list[list[int]] = [[] for _ in range(count)]
    active, tokens = np.arange(count), np.full(count, writer.end)
    for _ in range(longest):
        scores = writer.step(tokens)
        tokens = scores.argmax(axis=1) if rng is None else draw_each(scores, temperature, rng)
        going = np.flatnonzero(tokens != writer.end)
        if len(going) < len(active):
            active, tokens = active[going], tokens[going]
            writer.keep(going)
        for row, token in zip(active.tolist(), tokens.tolist(), strict=True):
            written[row].append(token)
        if not len(active):
            break
    return written


def beam_search(writer: Writer, longest: int, width: int, exponent: float = 0.0) -> list[Written]:
    """The best sequence for each context that a beam finds.

    At each step the `width` likeliest unfinished hypotheses go on; every one of them may also end. A sequence of
    `longest` tokens must end. The search for a context stops when none of its hypotheses can beat its best finished
    one, so that a beam as wide as there are prefixes gives the best sequence of all.

    Parameters
    ----------
    writer : Writer
        Where to begin.
    longest : int
        Most tokens of a sequence, without its end.
    width : int
        Unfinished hypotheses for each context.
    exponent : float
        Of `penalty`, >= 0.

    Returns
    -------
    list of Written
        One for each context.
    """
    count = len(writer.context)
    best = [Written([], -np.inf)] * count
    active, totals = np.arange(count), np.zeros((count, 1))
    prefixes = np.zeros((count, 1, 0), np.int64)
    tokens = np.full(count, writer.end)
    bound = penalty(longest + 1, exponent)
    for length in range(longest + 1):
        grown = totals[:, :, None] + writer.step(tokens).reshape(*totals.shape, -1)
        ends = grown[:, :, writer.end] / penalty(length + 1, exponent)
        for row, context in enumerate(active.tolist()):
            hypothesis = int(ends[row].argmax())
            if ends[row, hypothesis] > best[context].score:
                best[context] = Written(prefixes[row, hypothesis].tolist(), float(ends[row, hypothesis]))
        totals, prefixes, parents = _grow(grown[:, :, : writer.end], prefixes, width)
        hopeful = totals[:, 0] / bound > np.array([best[context].score for context in active])
        if length == longest or not hopeful.any():
            break
        rows = parents + np.arange(len(active))[:, None] * grown.shape[1]
        writer.keep(rows[hopeful].ravel())
        active, totals, prefixes = active[hopeful], totals[hopeful], prefixes[hopeful]
        tokens = prefixes[:, :, -1].ravel()
    return best


def _grow(grown: Array, prefixes: Array, width: int) -> tuple[Array, Array, Array]:
    """The likeliest continuations of each context's hypotheses, best first: totals, prefixes, and whose they are."""
    contexts, hypotheses, size = grown.shape
    flat = grown.reshape(contexts, hypotheses * size)
    order = np.argsort(-flat, axis=1, kind="stable")[:, :width]
    parents, tokens = order // size, order % size
    rows = np.arange(contexts)[:, None]
    return flat[rows, order], np.concatenate([prefixes[rows, parents], tokens[:, :, None]], axis=2), parents
