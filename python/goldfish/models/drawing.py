"""Draws from the distribution that logits describe: temperature, the likeliest k, the likeliest of probability p."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goldfish import functional
from goldfish.nn.layer import Array


def generator(random_state: Any) -> np.random.Generator:
    """A Generator from what scikit-learn takes as ``random_state``."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(0, 2**32, size=4, dtype=np.uint32)
    return np.random.default_rng(random_state)


def check_temperature(function: str, temperature: float) -> None:
    """Refuse a temperature that is not a finite number > 0.

    Raises
    ------
    ValueError
        Naming the function.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"{function}: temperature must be a finite number > 0, got {temperature}")


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
