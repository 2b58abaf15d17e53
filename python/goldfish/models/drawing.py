"""Draws from the distribution that logits describe: temperature, the likeliest k, the likeliest of probability p."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from goldfish import functional
from goldfish.nn.layer import Array


def generator(random_state: Any) -> np.random.Generator:
    """A Generator from what scikit-learn takes as ``random_state``, or from a Generator or its seed."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(0, 2**32, size=4, dtype=np.uint32)
    if isinstance(random_state, str | float):
        check_random_state(random_state)  # which refuses them
    return np.random.default_rng(random_state)


def check_drawing(function: str, temperature: Any, top_k: Any = None, top_p: Any = None) -> None:
    """Refuse settings of draws that make no sense.

    Raises
    ------
    TypeError, ValueError
        Naming the function, the argument, what was expected and what came.
    """
    if not isinstance(temperature, Real):
        raise TypeError(f"{function}: temperature must be a number, got {type(temperature).__name__}")
    if not 0 < float(temperature) < math.inf:
        raise ValueError(f"{function}: temperature must be a finite number > 0, got {temperature}")
    if top_k is not None and not isinstance(top_k, Integral):
        raise TypeError(f"{function}: top_k must be an int or None, got {type(top_k).__name__}")
    if top_k is not None and int(top_k) < 1:
        raise ValueError(f"{function}: top_k must be >= 1, got {top_k}")
    if top_p is not None and not isinstance(top_p, Real):
        raise TypeError(f"{function}: top_p must be a number or None, got {type(top_p).__name__}")
    if top_p is not None and not 0 < float(top_p) <= 1:
        raise ValueError(f"{function}: top_p must be in (0, 1], got {top_p}")


def draw_each(scores: Array, temperature: float, rng: np.random.Generator) -> Array:
    """One number for each row, with probabilities proportional to exp(score / temperature).

    Parameters
    ----------
    scores : ndarray of shape (N, V), float64
        Logits, or log-probabilities.
    temperature : float
        > 0.
    rng : Generator
        One draw a row.

    Returns
    -------
    ndarray of shape (N,), int64
        In 0..V-1.
    """
    weights = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature).cumsum(axis=1)
    wanted = rng.random((len(scores), 1)) * weights[:, -1:]
    found: Array = np.minimum((weights <= wanted).sum(axis=1), scores.shape[1] - 1)
    return found


def draw_one(
    logits: Array, temperature: float, top_k: int | None, top_p: float | None, rng: np.random.Generator
) -> int:
    """One number, with a probability proportional to exp(logit / temperature).

    Parameters
    ----------
    logits : ndarray of shape (V,), float64
        Of the numbers 0..V-1.
    temperature : float
        > 0.
    top_k : int, optional
        Draw among so many likeliest numbers only; of equally likely ones the first.
    top_p : float, optional
        Draw among the likeliest numbers that together have at least this probability, at this temperature.
    rng : Generator
        One draw.

    Returns
    -------
    int

    References
    ----------
    A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.
    """
    if top_k is None and top_p is None:
        cumulative = np.exp((logits - logits.max()) / temperature).cumsum()
        return min(int(cumulative.searchsorted(rng.random() * cumulative[-1], side="right")), len(logits) - 1)
    order = np.argsort(-logits, kind="stable")
    probability = functional.softmax(logits[order] / temperature, axis=0)
    keep = len(order) if top_k is None else min(top_k, len(order))
    if top_p is not None:
        keep = min(keep, int(np.searchsorted(np.cumsum(probability), top_p)) + 1)
    cumulative = np.cumsum(probability[:keep])
    return int(order[np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right").clip(max=keep - 1)])
