"""A character language model: a recurrent network that guesses the next character."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from goldfish import nn
from goldfish.models.base import TRAIN_CONSTRAINTS, NetworkEstimator, all_or_nothing
from goldfish.models.drawing import check_drawing, draw_one, generator
from goldfish.models.recurrent_input import CELLS
from goldfish.nn.layer import Array

_STEPS = 1024
_STREAMS = 32
# Characters drawn between two chances to interrupt.
_AT_ONCE = 256


class CharLanguageModel(NetworkEstimator):
    """Learn a text character by character, then tell how likely other text is, or write some.

    The text is cut into parallel streams, which are read `truncate` characters at a time; the state is carried from
    window to window, the gradient is not (truncated backpropagation through time).

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number.
    embedding_dim : int, optional
        Length of a learned vector per character; None reads characters as unit vectors, which are never built.
    dropout : float
        Probability of zeroing an output of a recurrent layer while training.
    truncate : int
        Characters in a window.
    vocabulary : str or iterable of str, optional
        The characters that can occur; by default those of the training text.
    solver : {"adam", "sgd"}
        The optimiser.
    learning_rate_init : float
        Its learning rate.
    alpha : float
        Weight decay: alpha times the parameter is added to its gradient.
    batch_size : int or "auto"
        Number of streams; "auto" is 32, or fewer if the text is too short to give each of them a window.
    max_iter : int
        Epochs, that is, readings of the text.
    tol, n_iter_no_change : float, int
        Training ends when the training loss, or with early stopping the validation score, has not improved by `tol` for
        `n_iter_no_change` epochs in succession.
    early_stopping : bool
        Score the validation text after each epoch and keep the best weights.
    validation_fraction : float
        Last part of the text to hold out for early stopping if `fit` gets no validation text.
    clip_norm : float, optional
        Bound on the norm of the gradient.
    shuffle : bool
        Whether the order of the streams in the batch changes from epoch to epoch.
    warm_start : bool
        Whether `fit` continues from the previous solution.
    verbose : bool
        Whether to show progress.
    random_state : int, RandomState or None
        Initial weights and dropout.

    Attributes
    ----------
    model_ : goldfish.nn.Sequential
        The trained network, from character numbers to logits.
    vocabulary_ : str
        The characters in the order of their numbers.
    character_counts_ : ndarray of shape (len(vocabulary_),)
        How often each occurs in the training text.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch, in nats a character.
    validation_scores_ : list of float or None
        Minus the bits per character on the validation text after each epoch, so that more is better.
    history_ : goldfish.nn.History
        Everything that was measured.

    References
    ----------
    A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850 (2013).

    Examples
    --------
    >>> from goldfish.models import CharLanguageModel
    >>> text = "the cat sat on the mat. " * 60
    >>> model = CharLanguageModel(
    ...     hidden_size=32, num_layers=1, truncate=16, max_iter=60, learning_rate_init=0.02, random_state=0
    ... )
    >>> model.fit(text).sample(12, prompt="the cat ", temperature=0.1, random_state=0)
    'the cat sat on the m'
    >>> bool(model.bits_per_character(text) < 0.5)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TRAIN_CONSTRAINTS,
        "cell": [StrOptions(set(CELLS))],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "num_layers": [Interval(Integral, 1, None, closed="left")],
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "truncate": [Interval(Integral, 1, None, closed="left")],
        "vocabulary": [str, "array-like", set, None],
    }

    vocabulary_: str
    character_counts_: Array

    def __init__(
        self,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        hidden_size: int = 256,
        num_layers: int = 2,
        *,
        embedding_dim: int | None = None,
        dropout: float = 0.0,
        truncate: int = 64,
        vocabulary: str | Iterable[str] | None = None,
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
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.embedding_dim = embedding_dim
        self.dropout = dropout
        self.truncate = truncate
        self.vocabulary = vocabulary
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

    @all_or_nothing
    def fit(self, text: str, validation_text: str | None = None) -> Self:
        """Learn a text.

        Parameters
        ----------
        text : str
            Two characters or more.
        validation_text : str, optional
            Scored after each epoch.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a text is too short, or has characters that are not in the vocabulary.
        TypeError
            If a text is not a string.
        """
        self._validate_params()
        _check_text("fit", "text", text)
        if validation_text is not None:
            _check_text("fit", "validation_text", validation_text)
        elif self.early_stopping:
            cut = len(text) - max(2, round(len(text) * self.validation_fraction))
            text, validation_text = text[:cut], text[cut:]
            _check_text("fit", "text", text)
        previous = getattr(self, "model_", None) if self.warm_start else None
        vocabulary = self.vocabulary_ if previous is not None else _vocabulary(self.vocabulary or text)
        ids = _encode("fit", text, vocabulary)
        held_out = None if validation_text is None else _encode("fit", validation_text, vocabulary)
        self.vocabulary_ = vocabulary
        self.character_counts_ = np.bincount(ids, minlength=len(vocabulary))
        rng = self._generator()
        streams = _STREAMS if self.batch_size == "auto" else int(self.batch_size)
        data = _streams(ids, streams, self.truncate)
        self._train(
            previous or self._build(rng),
            data,
            nn.CrossEntropyLoss(axis=-1),
            batch_size=len(data[0]),
            held_out=None if held_out is None else _streams(held_out, streams, self.truncate),
            score=lambda record: -record["val_loss"] / math.log(2),
            truncate=self.truncate,
            rng=rng,
        )
        return self

    def sample(
        self,
        length: int,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: Any = None,
        *,
        unknown: Literal["error", "skip"] = "error",
    ) -> str:
        """Write some text: draw a character, feed it back, and so on.

        Parameters
        ----------
        length : int
            Characters to draw.
        prompt : str
            Text to continue. Without one the first character is drawn by its frequency in the training text.
        temperature : float
            Logits are divided by it: below 1 bolder, above 1 more varied.
        top_k : int, optional
            Draw among so many likeliest characters only.
        top_p : float, optional
            Draw among the likeliest characters that together have at least this probability (Holtzman et al. 2020).
        random_state : int, RandomState or None
            The same number gives the same text.
        unknown : {"error", "skip"}
            What to do with characters of the prompt that are not in the vocabulary: "skip" writes on as if they were
            not there; they stay in the text that is returned.

        Returns
        -------
        str
            The prompt and ``length`` characters behind it.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the prompt has unknown characters, which are named, or a number is out of range.
        """
        check_is_fitted(self)
        check_drawing("CharLanguageModel.sample", temperature, top_k, top_p)
        _check_length(length)
        if unknown not in ("error", "skip"):
            raise ValueError(f"CharLanguageModel.sample: unknown expected 'error' or 'skip', got {unknown!r}")
        _check_string("sample", "prompt", prompt)
        known = prompt if unknown == "error" else "".join(filter(self.vocabulary_.__contains__, prompt))
        read = _encode("sample", known, self.vocabulary_).tolist()
        rng = generator(random_state)
        logits, state = np.log(np.maximum(self.character_counts_, 1e-9)), None
        if read:
            following, state = self.model_(np.array([read]), return_state=True)
            logits = following[0, -1].astype(np.float64)
        written = [draw_one(logits, temperature, top_k, top_p, rng)] if length else []
        sampler = nn.Sampler(self.model_) if length > 1 else None
        while sampler is not None and len(written) < length:
            numbers = rng.random(min(length - len(written), _AT_ONCE))
            ids, _, state = sampler(written[-1], numbers, state, temperature=temperature, top_k=top_k, top_p=top_p)
            written += ids.tolist()
        return prompt + "".join(self.vocabulary_[index] for index in written)

    def bits_per_character(self, text: str) -> float:
        """Mean of -log2 P(c_t | c_1 ... c_(t-1)): the bits that a character costs, given all before it.

        The first character, which has nothing before it, does not count.

        Parameters
        ----------
        text : str
            Two characters or more.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the text is too short or has characters that are not in the vocabulary.
        """
        check_is_fitted(self)
        _check_text("bits_per_character", "text", text)
        ids = _encode("bits_per_character", text, self.vocabulary_)
        loss, total, state = nn.CrossEntropyLoss(axis=-1, reduction="sum"), 0.0, None
        for start in range(0, len(ids) - 1, _STEPS):
            window = ids[None, start : start + _STEPS + 1]
            logits, state = self.model_(window[:, :-1], state, return_state=True)
            total += float(loss(logits, window[:, 1:]))
        return total / (len(ids) - 1) / math.log(2)

    def perplexity(self, text: str) -> float:
        """Two to the power of `bits_per_character`: as uncertain as among so many equally likely characters.

        Parameters
        ----------
        text : str
            Two characters or more.

        Returns
        -------
        float
        """
        return float(2 ** self.bits_per_character(text))

    def _build(self, rng: np.random.Generator) -> nn.Sequential:
        size = len(self.vocabulary_)
        layers: dict[str, nn.Layer] = {}
        if self.embedding_dim is None:
            layers["onehot"], inputs = nn.OneHot(size), size
        else:
            layers["embedding"], inputs = nn.Embedding(size, self.embedding_dim, rng=rng), self.embedding_dim
        layers["recurrent"] = CELLS[self.cell](inputs, self.hidden_size, self.num_layers, dropout=self.dropout, rng=rng)
        if self.dropout:
            layers["dropout"] = nn.Dropout(self.dropout)
        layers["head"] = nn.Linear(self.hidden_size, size, rng=rng)
        return nn.Sequential(**layers)


def _vocabulary(characters: str | Iterable[str]) -> str:
    """The different characters in the order of their code points."""
    different = sorted(set(characters))
    for character in different:
        if not isinstance(character, str) or len(character) != 1:
            raise ValueError(f"CharLanguageModel.fit: vocabulary expected single characters, got {character!r}")
    return "".join(different)


def _streams(ids: Array, count: int, truncate: int) -> tuple[Array, Array]:
    """Parallel streams of characters and of their successors; fewer where they would be shorter than a window."""
    count = max(1, min(count, (len(ids) - 1) // truncate))
    length = (len(ids) - 1) // count
    return ids[: count * length].reshape(count, length), ids[1 : count * length + 1].reshape(count, length)


def _encode(function: str, text: str, vocabulary: str) -> Array:
    """Character numbers; the vocabulary is sorted."""
    unknown = sorted(set(text) - set(vocabulary))
    if unknown:
        raise ValueError(f"CharLanguageModel.{function}: characters that are not in the vocabulary: {unknown}")
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    known = np.frombuffer(vocabulary.encode("utf-32-le"), "<u4")
    return np.searchsorted(known, points).astype(np.int64)


def _check_string(function: str, argument: str, text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError(f"CharLanguageModel.{function}: {argument} expected a string, got {type(text).__name__}")


def _check_text(function: str, argument: str, text: Any) -> None:
    _check_string(function, argument, text)
    if len(text) < 2:
        raise ValueError(f"CharLanguageModel.{function}: {argument} expected two characters or more, got {len(text)}")


def _check_length(length: Any) -> None:
    if not isinstance(length, Integral):
        raise TypeError(f"CharLanguageModel.sample: length expected an int, got {type(length).__name__}")
    if length < 0:
        raise ValueError(f"CharLanguageModel.sample: length expected >= 0, got {length}")
