"""What the contracts are checked with: one `Case` per estimator; whoever adds an estimator adds its case to CASES."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from goldfish.models import (
    CharLanguageModel,
    ConvNetClassifier,
    ConvNetRegressor,
    RecurrentClassifier,
    RecurrentRegressor,
    Seq2Seq,
    SequenceGenerator,
    SequenceTagger,
)


@dataclass(frozen=True)
class Case:
    """An estimator, quick to fit, and what it is fitted on.

    Attributes
    ----------
    estimator
        Unfitted, with a fixed ``random_state``.
    data
        The arguments of ``fit``.
    answers
        What a fitted estimator says, as a list of arrays or of strings; each must raise NotFittedError before ``fit``.
    wrong
        Arguments of ``fit`` that must fail: (arguments, error, part of the message).
    score
        From a history's record to the validation score, of an estimator that can stop early.
    weighted
        Whether ``fit`` takes ``sample_weight``.
    shuffled
        Whether the order of the samples makes a difference; not if one batch holds them all.
    """

    estimator: Any
    data: tuple[Any, ...]
    answers: tuple[Callable[[Any], Any], ...]
    wrong: tuple[tuple[tuple[Any, ...], type[Exception], str], ...] = ()
    weighted: bool = True
    shuffled: bool = True
    classes: Callable[[Any], Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self):
        return type(self.estimator).__name__


DIGITS, NUMBERS = load_digits(return_X_y=True)
IMAGES = (DIGITS[:80] / 16).astype(np.float32)
LABELS = NUMBERS[:80]
_RNG = np.random.default_rng(0)
TOKENS = [_RNG.integers(2, 9, size=length) for length in _RNG.integers(0, 7, size=60)]
HAS_FIVE = np.array(["yes" if 5 in row else "no" for row in TOKENS])
SERIES = [_RNG.standard_normal((length, 3)).astype(np.float32) for length in _RNG.integers(1, 6, size=60)]
SUMS = np.array([row.sum() for row in SERIES], np.float32)
AFTER_FIVE = [np.array(["after" if i and row[i - 1] == 5 else "-" for i in range(len(row))]) for row in TOKENS]

_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ENGLISH = [" ".join(_NAMES[number] for number in row) for row in TOKENS]
DIGITS_OF = ["".join(map(str, row)) for row in TOKENS]
VECTORS = np.array([np.bincount(row, minlength=10)[:4] for row in TOKENS], np.float32)
TEXT = " ".join(ENGLISH)

_SMALL = {"max_iter": 3, "batch_size": 16, "learning_rate_init": 0.01, "random_state": 0}
_NOT_A_NUMBER = [np.array([1.0, np.nan]), np.array([1.0])]

CASES = [
    Case(
        ConvNetClassifier((4,), hidden_layer_sizes=(8,), image_shape=(8, 8), **_SMALL),
        (IMAGES, LABELS),
        (lambda e: e.predict(IMAGES), lambda e: e.predict_proba(IMAGES), lambda e: e.predict_log_proba(IMAGES)),
        (
            ((IMAGES, None), ValueError, "requires y to be passed, but the target y is None"),
            ((IMAGES, LABELS[:-1]), ValueError, "inconsistent numbers of samples"),
            ((np.full_like(IMAGES, np.nan), LABELS), ValueError, "Input X contains NaN"),
            ((IMAGES, LABELS + 0.5), ValueError, "Unknown label type"),
        ),
        classes=lambda y: y,
    ),
    Case(
        ConvNetRegressor((4,), hidden_layer_sizes=(8,), image_shape=(8, 8), **_SMALL),
        (IMAGES, LABELS / 10),
        (lambda e: e.predict(IMAGES),),
        (
            ((IMAGES, None), ValueError, "requires y to be passed, but the target y is None"),
            ((IMAGES, np.full(80, np.inf)), ValueError, "Input y contains infinity"),
        ),
    ),
    Case(
        RecurrentClassifier(hidden_size=8, embedding_dim=4, **_SMALL),
        (TOKENS, HAS_FIVE),
        (lambda e: e.predict(TOKENS), lambda e: e.predict_proba(TOKENS), lambda e: e.predict_log_proba(TOKENS)),
        (
            ((TOKENS, None), ValueError, "requires y to be passed, but the target y is None"),
            ((TOKENS, HAS_FIVE[:-1]), ValueError, "inconsistent numbers of samples"),
            ((["good", "bad"], [0, 1]), TypeError, r"X\[0\] must be an array of numbers, got str; Tokenizer turns"),
            (([[1, 2], [0.5]], [0, 1]), ValueError, r"X\[1\] must hold integers as X\[0\] does, got float64"),
            (([[1, 2], [-1]], [0, 1]), ValueError, r"X\[1\] must hold token numbers >= 0, got -1"),
            (([], []), ValueError, "X must have at least one sequence, got none"),
            ((SERIES, HAS_FIVE), ValueError, "embedding_dim expected None, because X holds vectors"),
        ),
        classes=lambda y: y,
    ),
    Case(
        RecurrentRegressor("gru", hidden_size=8, bidirectional=True, **_SMALL),
        (SERIES, SUMS),
        (lambda e: e.predict(SERIES),),
        (
            ((SERIES, None), ValueError, "requires y to be passed, but the target y is None"),
            ((_NOT_A_NUMBER, [0, 1]), ValueError, r"Input X\[0\] contains NaN"),
            ((SERIES, np.full(60, np.nan)), ValueError, "Input y contains NaN"),
        ),
    ),
    Case(
        SequenceTagger("rnn", hidden_size=8, **_SMALL),
        (TOKENS, AFTER_FIVE),
        (lambda e: e.predict(TOKENS), lambda e: e.predict_proba(TOKENS), lambda e: e.score(TOKENS, AFTER_FIVE)),
        (
            ((TOKENS, None), ValueError, "requires y to be passed, but the target y is None"),
            ((TOKENS, AFTER_FIVE[:-1]), ValueError, "inconsistent numbers of samples"),
            (([[1, 2]], [[0]]), ValueError, r"y\[0\] must have a label for each step of X\[0\], 2, got 1"),
            (([[1, 2]], [[[0], [1]]]), ValueError, r"y\[0\] must be a one-dimensional array of labels, got shape"),
            (([[]], [[]]), ValueError, "at least one sequence that is not empty"),
            (([[1, 2]], [[0.5, 1.25]]), ValueError, "Unknown label type"),
        ),
        classes=np.concatenate,
    ),
    Case(
        Seq2Seq(hidden_size=8, embedding_dim=4, **_SMALL),
        (ENGLISH, DIGITS_OF),
        (
            lambda e: e.predict(ENGLISH),
            lambda e: e.sample(ENGLISH, random_state=0),
            lambda e: e.score(ENGLISH, DIGITS_OF),
        ),
        (
            ((ENGLISH, None), ValueError, "requires y to be passed, but the target y is None"),
            ((ENGLISH, DIGITS_OF[:-1]), ValueError, "inconsistent numbers of samples"),
            (("one", "1"), TypeError, "X must be a list of strings or of lists of tokens, got a string"),
            ((["one", "two"], ["1", 2]), TypeError, r"y\[1\] must be a string, got int"),
            ((["one", ["two"]], ["1", "2"]), TypeError, r"X\[1\] must be a string, got list"),
        ),
    ),
    Case(
        SequenceGenerator(hidden_size=8, embedding_dim=4, **_SMALL),
        (VECTORS, ENGLISH),
        (
            lambda e: e.predict(VECTORS),
            lambda e: e.sample(VECTORS, random_state=0),
            lambda e: e.score(VECTORS, ENGLISH),
        ),
        (
            ((VECTORS, None), ValueError, "requires y to be passed, but the target y is None"),
            ((VECTORS, ENGLISH[:-1]), ValueError, "inconsistent numbers of samples"),
            ((np.full_like(VECTORS, np.nan), ENGLISH), ValueError, "Input X contains NaN"),
            ((VECTORS[:, :2], ENGLISH[:-1]), ValueError, "inconsistent numbers of samples|X has 2 features, but"),
            ((VECTORS[0], ENGLISH), ValueError, "Expected 2D array, got 1D array instead"),
        ),
    ),
    Case(
        CharLanguageModel("gru", 8, 1, truncate=8, **_SMALL),
        (TEXT,),
        (
            lambda e: e.sample(20, "five ", random_state=0),
            lambda e: e.bits_per_character(TEXT),
            lambda e: e.perplexity("three two"),
        ),
        (
            (("",), ValueError, "text expected two characters or more, got 0"),
            ((ENGLISH,), TypeError, "text expected a string, got list"),
            ((TEXT, "x?"), ValueError, r"characters that are not in the vocabulary: \['\?'\]"),
        ),
        weighted=False,
        shuffled=False,
    ),
]
