"""Samples that are texts or lists of tokens, as arrays of numbers and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import Any, Literal

import numpy as np

from goldfish.nn.layer import Array

Level = Literal["char", "word"]


class Tokens:
    """The tokens of some samples and their numbers, in the order in which they first occur.

    A sample is a string, which is split into characters or at white space, or a list, tuple or one-dimensional array of
    tokens of any hashable kind. Unlike `Tokenizer` it changes nothing: texts come back as they were but for the width
    of white space between words.

    Parameters
    ----------
    tokens : list
        By number.
    texts : bool
        Whether samples are strings.
    level : {"char", "word"}
        What a token of a string is.

    Examples
    --------
    >>> tokens, arrays = Tokens.learn("fit", "y", ["a red box", "a blue box"], "word")
    >>> arrays[1].tolist(), tokens.join([0, 3])
    ([0, 3, 2], 'a blue')
    """

    def __init__(self, tokens: list[Any], texts: bool, level: Level) -> None:
        self.tokens, self.texts, self.level = tokens, texts, level
        self.numbers = {token: number for number, token in enumerate(tokens)}

    @classmethod
    def learn(cls, function: str, argument: str, samples: Iterable[Any], level: Level) -> tuple[Tokens, list[Array]]:
        """The tokens of samples, and the samples as arrays of numbers.

        Parameters
        ----------
        function, argument : str
            For error messages.
        samples : iterable
            Strings, or lists of tokens; not both.
        level : {"char", "word"}
            What a token of a string is.

        Raises
        ------
        TypeError, ValueError
            If samples are of different kinds, or there are none.
        """
        rows = listed(function, argument, samples)
        if not rows:
            raise ValueError(f"{function}: {argument} must have at least one sample, got none")
        tokens = cls([], isinstance(rows[0], str), level)
        split = tokens._split(function, argument, rows)
        found = cls(list(dict.fromkeys(token for row in split for token in row)), tokens.texts, level)
        return found, [found._encode(row) for row in split]

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, function: str, argument: str, samples: Iterable[Any]) -> list[Array]:
        """The numbers of other samples of the same kind; tokens that are not known get the number ``len(tokens)``."""
        return [self._encode(row) for row in self._split(function, argument, listed(function, argument, samples))]

    def join(self, numbers: Iterable[int]) -> Any:
        """A sample of the same kind from numbers."""
        found = [self.tokens[number] for number in numbers]
        return (" " if self.level == "word" else "").join(found) if self.texts else found

    def _encode(self, row: Sequence[Any]) -> Array:
        unknown = len(self.tokens)
        return np.array([self.numbers.get(token, unknown) for token in row], np.int64)

    def _split(self, function: str, argument: str, rows: list[Any]) -> list[Sequence[Any]]:
        return [self._tokens(f"{function}: {argument}[{index}]", row) for index, row in enumerate(rows)]

    def _tokens(self, where: str, row: Any) -> Sequence[Any]:
        if isinstance(row, str) != self.texts or not isinstance(row, str | list | tuple | np.ndarray):
            kind = "a string" if self.texts else "a list of tokens"
            raise TypeError(f"{where} must be {kind}, got {_kind(row)}")
        if isinstance(row, str):
            return row.split() if self.level == "word" else row
        if isinstance(row, np.ndarray):
            if row.ndim != 1:
                raise ValueError(f"{where} must have one axis, got shape {row.shape}")
            row = row.tolist()
        for place, token in enumerate(row):
            if not isinstance(token, Hashable):
                raise TypeError(f"{where}[{place}] must be hashable, got {type(token).__name__}")
        found: Sequence[Any] = row
        return found


def listed(function: str, argument: str, samples: Iterable[Any]) -> list[Any]:
    """The samples as a list.

    Raises
    ------
    TypeError
        If they are one string, or no collection.
    """
    ordered = isinstance(samples, Iterable) and not isinstance(samples, str | bytes | Mapping | Set)
    if not ordered or getattr(samples, "ndim", 1) == 0:
        raise TypeError(f"{function}: {argument} must be a list of strings or of lists of tokens, got {_kind(samples)}")
    return list(samples)


def check_lengths(function: str, argument: str, arrays: Iterable[Array], longest: int | None) -> None:
    """Refuse samples that are longer than ``longest`` tokens.

    Raises
    ------
    ValueError
        Naming the first.
    """
    for index, array in enumerate(arrays):
        if longest is not None and len(array) > longest:
            raise ValueError(
                f"{function}: {argument}[{index}] must have at most max_length={longest} tokens, got {len(array)}"
            )


def _kind(value: Any) -> str:
    return "a string" if isinstance(value, str) else type(value).__name__
