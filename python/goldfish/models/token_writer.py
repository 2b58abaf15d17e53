"""What `Seq2Seq` and `SequenceGenerator` share: they read something into a vector and write tokens from it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from goldfish import nn
from goldfish.models.base import TRAIN_CONSTRAINTS, NetworkEstimator, all_or_nothing
from goldfish.models.drawing import check_drawing, generator
from goldfish.models.encoder_decoder import Cell, Decoder, EncoderDecoder
from goldfish.models.pairs import Inputs, Pairs, network_inputs, take
from goldfish.models.recurrent_input import CELLS
from goldfish.models.sequences import batches_of_like_length
from goldfish.models.tokens import Level, Tokens, check_lengths, listed
from goldfish.models.writing import Writer, beam_search, write
from goldfish.nn.layer import Array

# Inputs that are written from at once.
_ROWS = 256


class TokenWriter(NetworkEstimator):
    """Fit, predict, sample and score of an `EncoderDecoder`; a subclass reads the inputs and builds the encoder."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TRAIN_CONSTRAINTS,
        "cell": [StrOptions(set(CELLS))],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "num_layers": [Interval(Integral, 1, None, closed="left")],
        "level": [StrOptions({"char", "word"})],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "beam_size": [Interval(Integral, 1, None, closed="left")],
        "length_penalty": [Interval(Real, 0, None, closed="left")],
    }

    model_: EncoderDecoder
    target_tokens_: list[Any]
    max_length_: int

    _targets: Tokens
    _longest: int

    def __init__(
        self,
        *,
        cell: Cell,
        hidden_size: int,
        num_layers: int,
        level: Level,
        embedding_dim: int,
        dropout: float,
        max_length: int | None,
        beam_size: int,
        length_penalty: float,
        **training: Any,
    ) -> None:
        super().__init__(**training)
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.level = level
        self.embedding_dim = embedding_dim
        self.dropout = dropout
        self.max_length = max_length
        self.beam_size = beam_size
        self.length_penalty = length_penalty

    @all_or_nothing
    def fit(self, X: Any, y: Iterable[Any], sample_weight: ArrayLike | None = None) -> Self:  # type: ignore[override]
        """Learn to write.

        Parameters
        ----------
        X : list or array_like
            Inputs, as the class describes them.
        y : list of str, or of lists of tokens
            What to write for each; a string is split as `level` says. An empty one is nothing but its end.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples, hence of their tokens; a batch's loss is divided by the sum over its tokens, and a
            sample of weight 0 is as good as absent.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If numbers of samples differ, there are none, a sequence is longer than `max_length`, no target has a token,
            or, with `warm_start`, one has a token that the previous fit has not seen.
        TypeError
            If samples are neither all strings nor all lists of tokens.
        """
        self._validate_params()
        previous = self._previous()
        inputs, targets = self._open(X, previous is None), self._open_targets(y, previous is None)
        check_consistent_length(inputs, targets)
        weight = np.ones(len(targets)) if sample_weight is None else self._weights(sample_weight, inputs)
        if not weight.all():
            counted = np.flatnonzero(weight)
            inputs = self._open(_safe_indexing(X, counted), previous is None)
            targets = self._open_targets(_safe_indexing(y, counted), previous is None)
            weight = weight[counted]
        rng = self._generator()
        rows, held_out = self._hold_out(len(targets), rng)
        pairs = Pairs(inputs, targets, len(self._targets), self._samples_per_batch(len(rows)), weight)
        model = previous or self._build(inputs, rng)
        self._train(
            model,
            pairs.part(rows, rng if self.shuffle else None),
            nn.CrossEntropyLoss(axis=-1),
            batch_size=pairs.batch_size,
            held_out=None if held_out is None else pairs.part(held_out, None),
            score=lambda record: -record["val_loss"],
            rng=rng,
        )
        self._longest = max(0 if previous is None else self._longest, *map(len, targets))
        self.target_tokens_, self.max_length_ = self._targets.tokens, self._limit
        return self

    def predict(self, X: Any) -> list[Any]:
        """Write the best sequence for each input: the likeliest token each time, or with `beam_size` > 1 a beam search.

        Parameters
        ----------
        X : list or array_like
            Inputs as in `fit`.

        Returns
        -------
        list of str, or of lists of tokens
            As the targets of `fit` were; at most `max_length` tokens each.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If an input does not fit, or is longer than `max_length`.
        """
        return [self._targets.join(numbers) for numbers in self._predict("predict", X)]

    def sample(self, X: Any, temperature: float = 1.0, random_state: Any = None) -> list[Any]:
        """Draw a sequence for each input, token by token.

        Parameters
        ----------
        X : list or array_like
            Inputs as in `fit`.
        temperature : float
            Logits are divided by it: below 1 bolder, above 1 more varied.
        random_state : int, RandomState or None
            The same number gives the same sequences.

        Returns
        -------
        list of str, or of lists of tokens
            As the targets of `fit` were; at most `max_length` tokens each.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the temperature is not a finite number > 0, or an input does not fit.
        """
        check_is_fitted(self)
        check_drawing(f"{type(self).__name__}.sample", temperature)
        rng = generator(random_state)
        written = self._each(self._read("sample", X), lambda writer: write(writer, self._limit, rng, temperature))
        return [self._targets.join(numbers) for numbers in written]

    def score(self, X: Any, y: Iterable[Any], sample_weight: ArrayLike | None = None) -> float:
        """The share of inputs whose prediction equals the target, token by token.

        Parameters
        ----------
        X : list or array_like
            Inputs as in `fit`.
        y : list of str, or of lists of tokens
            Targets.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        float
            In [0, 1].
        """
        written = self._predict("score", X)
        wanted = self._targets.encode(f"{type(self).__name__}.score", "y", y)
        check_consistent_length(written, wanted, sample_weight)
        exact = [numbers == target.tolist() for numbers, target in zip(written, wanted, strict=True)]
        return float(np.average(exact, weights=None if sample_weight is None else np.asarray(sample_weight)))

    @abstractmethod
    def _open(self, X: Any, first: bool) -> Inputs:
        """The inputs of a fit; sets what is learned from them, if it is the first."""

    @abstractmethod
    def _read(self, function: str, X: Any) -> Inputs:
        """Inputs for the network that is there."""

    @abstractmethod
    def _encoder(self, inputs: Inputs, rng: np.random.Generator) -> tuple[nn.Layer, int, DTypeLike]:
        """A new encoder, the length of its contexts, and its dtype."""

    def _build(self, inputs: Inputs, rng: np.random.Generator) -> EncoderDecoder:
        encoder, size, dtype = self._encoder(inputs, rng)
        decoder = Decoder(
            len(self._targets),
            size,
            self.cell,
            self.hidden_size,
            self.num_layers,
            self.embedding_dim,
            self.dropout,
            dtype=dtype,
            rng=rng,
        )
        return EncoderDecoder(encoder, decoder)

    def _open_targets(self, y: Iterable[Any], first: bool) -> list[Array]:
        where = f"{type(self).__name__}.fit"
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        if first:
            self._targets, targets = Tokens.learn(where, "y", y, self.level)
            if not len(self._targets):
                raise ValueError(f"{where}: y must have at least one token between them, got none")
        else:
            samples = listed(where, "y", y)
            targets = self._targets.encode(where, "y", samples)
            for index, (target, sample) in enumerate(zip(targets, samples, strict=True)):
                if (target == len(self._targets)).any():
                    raise ValueError(f"{where}: y[{index}] must have tokens of the previous fit alone, got {sample!r}")
        check_lengths(where, "y", targets, self.max_length)
        return targets

    def _weights(self, sample_weight: ArrayLike, inputs: Inputs) -> Array:
        weights: Array = _check_sample_weight(sample_weight, inputs, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise ValueError(f"{type(self).__name__}.fit: one sample at least must have a weight above 0, got none")
        return weights

    def _hold_out(self, samples: int, rng: np.random.Generator) -> tuple[Array, Array | None]:
        """The rows to train on, and with early stopping those to score."""
        if not self.early_stopping:
            return np.arange(samples), None
        if samples < 2:
            raise ValueError(f"early_stopping expected two samples or more, to hold some out, got n_samples={samples}")
        count = min(samples - 1, math.ceil(self.validation_fraction * samples))
        order = rng.permutation(samples)
        return np.sort(order[count:]), np.sort(order[:count])

    @property
    def _limit(self) -> int:
        """Tokens after which a sequence is cut off."""
        return self.max_length or self._longest

    def _predict(self, function: str, X: Any) -> list[list[int]]:
        check_is_fitted(self)
        self._validate_params()
        inputs = self._read(function, X)
        if self.beam_size == 1:
            return self._each(inputs, lambda writer: write(writer, self._limit))
        return self._each(
            inputs,
            lambda writer: [
                found.tokens for found in beam_search(writer, self._limit, self.beam_size, self.length_penalty)
            ],
        )

    def _each(self, inputs: Inputs, run: Callable[[Writer], list[list[int]]]) -> list[list[int]]:
        """What ``run`` writes for every input; inputs of like lengths are read together."""
        lengths = inputs if isinstance(inputs, list) else [()] * len(inputs)
        written: list[list[int]] = [[]] * len(inputs)
        for rows in batches_of_like_length(lengths, _ROWS):
            x = network_inputs(take(inputs, rows))
            context = self.model_.encoder(x["x"], lengths=x.get("lengths"))
            for row, numbers in zip(rows.tolist(), run(Writer(self.model_.decoder, context)), strict=True):
                written[row] = numbers
        return written
