"""A smoothed n-gram model of characters: the baseline that a recurrent network has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class _Counts:
    """What one order has seen: how often each gram and each context, and how many characters follow a context."""

    grams: Ids
    gram_counts: Ids
    contexts: Ids
    context_counts: Ids
    followers: Ids


class NGram:
    """Interpolated Witten-Bell model of the next character.

    With ``c(h, x)`` the count of character ``x`` after the context ``h``, ``c(h)`` the count of the context and
    ``t(h)`` the number of distinct characters seen after it,

    ``p(x | h) = (c(h, x) + t(h) p(x | h')) / (c(h) + t(h))``

    where ``h'`` is ``h`` without its first character; below the empty context stands the uniform distribution over the
    alphabet. There is nothing to tune, and the probabilities of every context sum to one.

    Parameters
    ----------
    order : int
        The length of the longest gram: 5 predicts from the four characters before.

    Attributes
    ----------
    alphabet_ : str
        The characters of the training text, sorted.

    References
    ----------
    Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37 (1991), method C;
    Chen and Goodman, "An empirical study of smoothing techniques for language modeling", 1998, equation 16.

    Examples
    --------
    >>> model = NGram(order=3).fit("abracadabra")
    >>> round(float(model.probabilities("ab").sum()), 12)
    1.0
    >>> model.alphabet_[model.probabilities("ab").argmax()]
    'r'
    """

    def __init__(self, order: int = 5) -> None:
        if order < 1:
            raise ValueError(f"NGram: order must be at least 1, got {order}")
        self.order = order

    def fit(self, text: str) -> Self:
        """Count every gram of ``text`` up to the model's order.

        Parameters
        ----------
        text : str
            At least ``order`` characters.

        Returns
        -------
        Self
            The model.

        Raises
        ------
        ValueError
            If the text is shorter than one gram, or its alphabet so large that a gram does not fit 63 bits.
        """
        if len(text) < self.order:
            raise ValueError(f"NGram.fit: text must have at least {self.order} characters, got {len(text)}")
        self.alphabet_ = "".join(sorted(set(text)))
        if len(self.alphabet_) ** self.order >= 2**63:
            raise ValueError(f"NGram.fit: {len(self.alphabet_)} characters are too many for order {self.order}")
        ids = self._encode(text, "fit")
        self._counts = [self._count(ids, length) for length in range(self.order)]
        return self

    def probabilities(self, context: str) -> NDArray[np.float64]:
        """The distribution of the character after ``context``.

        Parameters
        ----------
        context : str
            Any length; the last ``order - 1`` characters count.

        Returns
        -------
        ndarray of shape (len(alphabet_),), float64
            In the order of ``alphabet_``; sums to one.
        """
        size = len(self.alphabet_)
        history = self._encode(context[-(self.order - 1) :] if self.order > 1 else "", "probabilities")
        result = np.full(size, 1.0 / size)
        for length in range(min(self.order, len(history) + 1)):
            key = _key(history[len(history) - length :], size)
            contexts = np.full(size, key)
            result = self._interpolate(length, contexts, np.arange(size), result)
        return result

    def bits_per_character(self, text: str) -> float:
        """The mean of ``-log2 p`` over every character of ``text`` but the first.

        Parameters
        ----------
        text : str
            At least two characters, all of the model's alphabet.

        Returns
        -------
        float
            Bits per character; near the start of the text the contexts are as short as they are there.
        """
        if len(text) < 2:
            raise ValueError(f"NGram.bits_per_character: text must have at least 2 characters, got {len(text)}")
        ids = self._encode(text, "bits_per_character")
        size = len(self.alphabet_)
        result = np.full(len(ids), 1.0 / size)
        for length in range(self.order):
            contexts = _windows(ids[:-1], length, size) if length else np.zeros(len(ids), dtype=np.int64)
            result[length:] = self._interpolate(length, contexts, ids[length:], result[length:])
        return float(-np.log2(result[1:]).mean())

    def sample(
        self, length: int, prompt: str = "", temperature: float = 1.0, *, rng: np.random.Generator | int | None = None
    ) -> str:
        """Draw characters one after the other, each from the distribution after those before it.

        Parameters
        ----------
        length : int
            How many characters.
        prompt : str
            What stands before them.
        temperature : float
            Probabilities are raised to its inverse: below 1 bolder, above 1 more varied.
        rng : Generator, int or None
            The source of randomness.

        Returns
        -------
        str
            The prompt and ``length`` characters behind it.
        """
        generator = np.random.default_rng(rng)
        text = prompt
        for _ in range(length):
            weights = self.probabilities(text) ** (1 / temperature)
            text += self.alphabet_[generator.choice(len(weights), p=weights / weights.sum())]
        return text

    def _encode(self, text: str, method: str) -> Ids:
        code = {character: index for index, character in enumerate(self.alphabet_)}
        try:
            return np.array([code[character] for character in text], dtype=np.int64)
        except KeyError as unknown:
            raise ValueError(f"NGram.{method}: {unknown} is not a character of the training text") from None

    def _count(self, ids: Ids, length: int) -> _Counts:
        size = len(self.alphabet_)
        grams, gram_counts = np.unique(_windows(ids, length + 1, size), return_counts=True)
        contexts, first, followers = np.unique(grams // size, return_index=True, return_counts=True)
        return _Counts(grams, gram_counts, contexts, np.add.reduceat(gram_counts, first), followers)

    def _interpolate(self, length: int, contexts: Ids, ids: Ids, shorter: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = self._counts[length]
        gram_counts = _look_up(counts.grams, counts.gram_counts, contexts * len(self.alphabet_) + ids)
        context_counts = _look_up(counts.contexts, counts.context_counts, contexts)
        followers = _look_up(counts.contexts, counts.followers, contexts)
        seen = context_counts > 0
        mixed = (gram_counts + followers * shorter) / np.where(seen, context_counts + followers, 1)
        return np.where(seen, mixed, shorter)


def _windows(ids: Ids, length: int, size: int) -> Ids:
    """One number per run of ``length`` ids: the run read as digits in base ``size``."""
    powers = size ** np.arange(length - 1, -1, -1, dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(ids, length) @ powers


def _key(ids: Ids, size: int) -> int:
    return int(_windows(ids, len(ids), size)[0]) if len(ids) else 0


def _look_up(keys: Ids, values: Ids, wanted: Ids) -> Ids:
    """``values`` where ``keys`` (sorted) equal ``wanted``, else 0."""
    position = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[position] == wanted, values[position], 0)
