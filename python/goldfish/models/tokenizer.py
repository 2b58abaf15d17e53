"""Texts to numbers and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from goldfish.nn.layer import Array

PADDING, UNKNOWN = 0, 1
_RESERVED = {"word": ("", "<unk>"), "char": ("", "\N{REPLACEMENT CHARACTER}")}
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class Tokenizer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[misc, call-arg]
    """Turn texts into arrays of token numbers: the first step of a pipeline that reads text.

    Number 0 is padding and stands for no token; number 1 is every token that is not in the vocabulary. The tokens of
    the vocabulary follow from 2 on, the most frequent first, equally frequent ones in alphabetical order.

    Parameters
    ----------
    level : {"word", "char"}
        What a token is: a word, where "don't" is one and every punctuation mark is one of its own, white space none; or
        a character, white space included.
    max_tokens : int, optional
        Keep only so many tokens, the most frequent; the two reserved numbers come on top.
    lowercase : bool
        Whether texts are lowercased first.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Numbers of the tokens.
    tokens_ : list of str
        Tokens by their numbers, the two reserved ones included: an empty string, and ``<unk>`` or, of characters, the
        replacement character U+FFFD.
    counts_ : ndarray of shape (len(tokens_),)
        How often each occurred in the texts of `fit`; what `max_tokens` left out is counted as number 1.

    Notes
    -----
    Texts may be any one-dimensional collection of strings: a list, a NumPy array of strings or of objects, a pandas
    Series. An empty text, or one of white space at the level of words, has no tokens: its array is empty.

    Examples
    --------
    >>> from goldfish.models import Tokenizer
    >>> tokenizer = Tokenizer().fit(["A good film.", "Not a good film!"])
    >>> tokenizer.transform(["a bad film"])[0].tolist()
    [2, 1, 3]
    >>> tokenizer.inverse_transform(tokenizer.transform(["A film, not good"]))
    ['a film <unk> not good']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "level": [StrOptions(set(_RESERVED))],
        "max_tokens": [Interval(Integral, 1, None, closed="left"), None],
        "lowercase": ["boolean"],
    }

    vocabulary_: dict[str, int]
    tokens_: list[str]
    counts_: Array

    def __init__(
        self, level: Literal["word", "char"] = "word", *, max_tokens: int | None = None, lowercase: bool = True
    ) -> None:
        self.level = level
        self.max_tokens = max_tokens
        self.lowercase = lowercase

    def fit(self, texts: Iterable[str], y: Any = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        texts : iterable of str
            At least one token between them.
        y : ignored
            As scikit-learn's pipelines pass it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are no tokens, or ``texts`` is a string.
        TypeError
            If a text is not a string.
        """
        self._validate_params()
        counted = Counter(chain.from_iterable(map(self._split, _texts("fit", texts))))
        if not counted:
            raise ValueError("Tokenizer.fit: texts must have at least one token between them, got none")
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        kept, dropped = ranked[: self.max_tokens], ranked[len(ranked[: self.max_tokens]) :]
        self.tokens_ = [*_RESERVED[self.level], *(token for token, _ in kept)]
        self.counts_ = np.array([0, sum(count for _, count in dropped), *(count for _, count in kept)], np.int64)
        self.vocabulary_ = {token: number for number, (token, _) in enumerate(kept, UNKNOWN + 1)}
        return self

    def transform(self, texts: Iterable[str]) -> list[Array]:
        """Token numbers of texts.

        Parameters
        ----------
        texts : iterable of str
            Texts; unknown tokens become number 1.

        Returns
        -------
        list of ndarray of int64
            One array per text, of as many numbers as it has tokens.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If ``texts`` is a string.
        TypeError
            If a text is not a string.
        """
        check_is_fitted(self)
        number = self.vocabulary_.get
        return [
            np.array([number(token, UNKNOWN) for token in self._split(text)], np.int64)
            for text in _texts("transform", texts)
        ]

    def inverse_transform(self, X: Iterable[Any]) -> list[str]:
        """Texts of token numbers: words with a space between them, or characters; padding is left out.

        Parameters
        ----------
        X : iterable of array_like of int
            Numbers below ``len(tokens_)``, one array per text; the rows of a padded array will do.

        Returns
        -------
        list of str
            What was lowercased, unknown or white space between words is not restored.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If a number is not one of a token; the message names the array.
        TypeError
            If an array does not hold integers.
        """
        check_is_fitted(self)
        glue = " " if self.level == "word" else ""
        return [
            glue.join(self.tokens_[number] for number in self._numbers(row, index) if number != PADDING)
            for index, row in enumerate(X)
        ]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "vocabulary_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = False, True
        tags.input_tags.string = True
        return tags

    def _split(self, text: str) -> Sequence[str]:
        text = text.lower() if self.lowercase else text
        return _WORD.findall(text) if self.level == "word" else text

    def _numbers(self, row: Any, index: int) -> list[int]:
        numbers = np.asarray(row)
        if numbers.size == 0:
            return []
        if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
            raise TypeError(
                f"Tokenizer.inverse_transform: X[{index}] must be a one-dimensional array of integers, "
                f"got {numbers.dtype} of shape {numbers.shape}"
            )
        if numbers.min() < 0 or numbers.max() >= len(self.tokens_):
            raise ValueError(
                f"Tokenizer.inverse_transform: X[{index}] must hold numbers in 0..{len(self.tokens_) - 1}, "
                f"got {numbers.min()}..{numbers.max()}"
            )
        values: list[int] = numbers.tolist()
        return values


def _texts(function: str, texts: Any) -> list[str]:
    """The texts as a list, each of them known to be a string."""
    if isinstance(texts, str | bytes):
        raise ValueError(f"Tokenizer.{function}: texts must be an iterable of strings, got one {type(texts).__name__}")
    if getattr(texts, "ndim", 1) != 1 or not isinstance(texts, Iterable):
        got = f"shape {texts.shape}" if hasattr(texts, "shape") else type(texts).__name__
        raise ValueError(f"Tokenizer.{function}: texts must be one-dimensional, got {got}")
    found = list(texts)
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(f"Tokenizer.{function}: texts[{index}] must be a string, got {type(text).__name__}")
    return found
