"""Writing with a recurrent model: what it draws is what it reads next."""

from __future__ import annotations

from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from goldfish.nn.container import Sequential
from goldfish.nn.dense import Dropout, Embedding, Linear, OneHot
from goldfish.nn.layer import Array, Layer, State
from goldfish.nn.recurrent import PreparedRecurrent, Recurrent


class Sampler:
    """Draws categories one after another from a recurrent model; each one drawn is the next step's input.

    All steps of a call run in the core, with the weights packed once: beside calling a prepared model step by step,
    nothing but the arithmetic is left. The weights are those of the moment. Any number of threads may share one.

    Parameters
    ----------
    model : Sequential
        Category numbers to logits: a `OneHot` (or none) or an `Embedding`, one `RNN`, `LSTM` or `GRU` with any number
        of layers in one direction, and a `Linear` with an output for each category. Dropout, which does nothing in
        inference, is passed over.

    Raises
    ------
    TypeError
        If the model does not consist of these layers.
    ValueError
        If the numbers of categories differ, or the recurrent layer reads both ways or returns the last step only.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model = nn.Sequential(onehot=nn.OneHot(5), lstm=nn.LSTM(5, 16, rng=0), head=nn.Linear(16, 5, rng=1))
    >>> sampler = nn.Sampler(model)
    >>> ids, logits, state = sampler(2, np.random.default_rng(0).random(4))
    >>> ids.shape, logits.shape
    ((4,), (4, 5))
    >>> more, _, _ = sampler(ids[-1], np.random.default_rng(1).random(4), state, temperature=0.5)
    >>> more.shape
    (4,)
    """

    def __init__(self, model: Layer) -> None:
        if not isinstance(model, Sequential):
            raise TypeError(f"Sampler: model must be a Sequential, got {type(model).__name__}")
        layers = [(name, layer) for name, layer in model.children.items() if not isinstance(layer, Dropout)]
        entry = layers.pop(0)[1] if layers and isinstance(layers[0][1], OneHot | Embedding) else None
        recurrent, head = (layer for _, layer in layers) if len(layers) == 2 else (None, None)
        if not isinstance(recurrent, Recurrent) or not isinstance(head, Linear):
            kinds = ", ".join(type(layer).__name__ for layer in model) or "no layers"
            raise TypeError(f"Sampler: model must be a OneHot or Embedding, a recurrent layer, a Linear, got {kinds}")
        _check(entry, recurrent, head)
        self.model = model
        self._name, self._layer = layers[0][0], recurrent
        self._prepared = PreparedRecurrent(recurrent)
        self._table = entry.params["weight"].copy() if isinstance(entry, Embedding) else None
        self._head = (head.params["weight"].copy(), head.params["bias"].copy() if "bias" in head.params else None)

    def __reduce__(self) -> tuple[Any, ...]:
        return Sampler, (self.model,)

    def __call__(
        self,
        first: SupportsIndex,
        numbers: ArrayLike,
        state: State = None,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> tuple[Array, Array, State]:
        """Read ``first``, draw, read what was drawn, draw, and so on: a category for each of the numbers.

        Parameters
        ----------
        first : int
            The category that the first step reads.
        numbers : array_like of shape (n,)
            In [0, 1), from a uniform distribution: a number draws the category in whose share of the distribution it
            falls.
        state : dict, optional
            What the model, its prepared form or a call of this one returned; zeros without it.
        temperature : float
            Logits are divided by it: below 1 bolder, above 1 more varied.
        top_k : int, optional
            Draw among so many likeliest categories only.
        top_p : float, optional
            Draw among the likeliest categories that together have at least this probability (Holtzman et al., "The
            curious case of neural text degeneration", ICLR 2020).

        Returns
        -------
        ids : ndarray of shape (n,), int64
            What was drawn.
        logits : ndarray of shape (n, V)
            What each was drawn from, before the temperature.
        state : dict
            The state behind the last step. The last category drawn has not been read.

        Raises
        ------
        ValueError
            If a number, ``first`` or a setting is out of range, or the state is for more than one sequence.
        """
        h_0, *rest = self._layer._split(self.model._open(state).get(self._name))
        draws = np.asarray(numbers, np.float64)
        ids, logits, h_n, c_n = self._prepared._stack.sample(
            self._table, *self._head, first, h_0, rest[0] if rest else None, temperature, top_k, top_p, draws
        )
        return ids, logits, {self._name: h_n if c_n is None else (h_n, c_n)}


def _check(entry: Layer | None, recurrent: Recurrent, head: Linear) -> None:
    if recurrent.bidirectional or recurrent.output != "sequence":
        raise ValueError(f"Sampler: the recurrent layer must read one way and return each step, got {recurrent!r}")
    categories = recurrent.input_size
    if isinstance(entry, Embedding):
        categories = entry.num_embeddings
    elif isinstance(entry, OneHot):
        categories = entry.num_classes
    if head.out_features != categories:
        raise ValueError(f"Sampler: the Linear must have {categories} outputs, one a category, got {head.out_features}")
    if head.in_features != recurrent.hidden_size:
        raise ValueError(f"Sampler: the Linear must have {recurrent.hidden_size} inputs, got {head.in_features}")
