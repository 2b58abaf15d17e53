"""How likely each unit is to enter the sample, and what it then counts for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from goldfish._typing import ArrayLike
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats
from goldfish.sampling.errors import ZeroInclusionError


def selection_probability(path: Iterable[tuple[int, int]]) -> Fraction:
    """The probability that one unit is selected through several stages.

    At each stage k of N units are drawn at random, N being the number on this unit's own path: P = prod k_i / N_i.

    Parameters
    ----------
    path : iterable of (k, N)
        Units drawn and units present at each stage, 1 <= k <= N.

    Returns
    -------
    Fraction
        Exact.

    Raises
    ------
    ZeroInclusionError
        If a stage draws nothing, so that the unit can never be selected.
    ValueError
        If the path is empty, or a stage draws more than there is.

    References
    ----------
    W. G. Cochran, Sampling Techniques, 3rd ed. (1977), ch. 10-11.

    Examples
    --------
    First one of ten bags, then one sweet: from a bag of 500, and from one of 37.

    >>> from goldfish import sampling
    >>> sampling.selection_probability([(1, 10), (1, 500)]), sampling.selection_probability([(1, 10), (1, 37)])
    (Fraction(1, 5000), Fraction(1, 370))
    """
    name = "selection_probability"
    stages = [tuple(stage) for stage in path]
    if not stages:
        raise ValueError(f"{name}: path must have at least one stage")
    probability = Fraction(1)
    for i, stage in enumerate(stages):
        if len(stage) != 2:
            raise ValueError(f"{name}: path[{i}] must be a pair (drawn, present), got {stage}")
        present = _checks.whole(name, f"path[{i}][1]", stage[1], 1)
        drawn = _checks.whole(name, f"path[{i}][0]", stage[0], 0)
        if drawn > present:
            raise ValueError(f"{name}: path[{i}] draws {drawn} of {present}")
        if not drawn:
            raise ZeroInclusionError(f"{name}: path[{i}] draws none of {present}, so its units are never selected")
        probability *= Fraction(drawn, present)
    return probability


def weights_from_selection(p: ArrayLike, *, normalise: str | None = None) -> Floats:
    """Weights 1/p that undo a skewed selection.

    Parameters
    ----------
    p : array_like (n,)
        Selection or inclusion probabilities, 0 < p <= 1; multiples of them serve for normalised weights.
    normalise : {None, "first", "mean"}
        Leave 1/p as it is, or scale it so that the first weight, or the mean weight, is 1.

    Returns
    -------
    ndarray (n,)
        Float64.

    Raises
    ------
    ZeroInclusionError
        If a probability is 0: no weight makes up for units that are never drawn.
    ValueError
        If one is negative or not finite, or `normalise` is unknown.

    References
    ----------
    D. G. Horvitz, D. J. Thompson, JASA 47 (1952) 663.

    Examples
    --------
    >>> from goldfish import sampling
    >>> sampling.weights_from_selection([1 / 5000, 1 / 370], normalise="first")
    array([1.   , 0.074])
    """
    name = "weights_from_selection"
    array = probabilities(name, "p", p, at_most_one=normalise is None)
    if normalise not in (None, "first", "mean"):
        raise ValueError(f"{name}: normalise must be None, 'first' or 'mean', got {normalise!r}")
    weights = 1 / array
    if normalise == "first":
        weights /= weights[0]
    elif normalise == "mean":
        weights /= weights.mean()
    return weights


@dataclass(frozen=True, eq=False)
class Alignment:
    """Whether all units had the same chance; truthy if so.

    Attributes
    ----------
    aligned : bool
        Whether the inclusion probabilities are equal.
    weights : ndarray (n,) or None
        What to weight the units by if they are not: 1/pi, scaled to mean 1.

    Examples
    --------
    >>> from goldfish import sampling
    >>> sampling.is_aligned([0.5, 0.25])
    Alignment(aligned=False, weights=array([0.66666667, 1.33333333]))
    """

    aligned: bool
    weights: Floats | None

    def __bool__(self) -> bool:
        return self.aligned


def is_aligned(pi: ArrayLike) -> Alignment:
    """Whether a plain mean over these units is unbiased, that is whether their inclusion probabilities are equal.

    A skewed sample is no worse for that if the weights are known: drawing more where the variance lies makes the
    weighted estimate more precise than an aligned sample of the same size. Alignment protects where they are not known.

    Parameters
    ----------
    pi : array_like (n,)
        Inclusion probabilities of all units that the statistic is about, 0 < pi <= 1.

    Returns
    -------
    Alignment
        Truthy if the probabilities are equal (to 12 digits); else it holds the weights to use.

    Raises
    ------
    ZeroInclusionError
        If a probability is 0.
    ValueError
        If one lies outside (0, 1].

    References
    ----------
    C.-E. Särndal, B. Swensson, J. Wretman, Model Assisted Survey Sampling (1992), ch. 2.

    Examples
    --------
    >>> from goldfish import sampling
    >>> bool(sampling.is_aligned([0.1, 0.1, 0.1]))
    True
    >>> sampling.is_aligned([1 / 5000, 1 / 370]).weights.round(3)
    array([1.862, 0.138])
    """
    array = probabilities("is_aligned", "pi", pi)
    if np.allclose(array, array[0], rtol=1e-12, atol=0):
        return Alignment(True, None)
    return Alignment(False, weights_from_selection(array, normalise="mean"))


def probabilities(function: str, name: str, p: ArrayLike, *, at_most_one: bool = True) -> Floats:
    """Probabilities of being drawn: positive, and not above 1."""
    array = _checks.floats(function, name, p)
    if (array == 0).any():
        index = int(np.argmax(array == 0))
        raise ZeroInclusionError(
            f"{function}: {name} must be positive, got 0.0 at index {index}: a unit that is never drawn has no weight"
        )
    _checks.first(function, name, array, array < 0, "positive")
    if at_most_one:
        _checks.first(function, name, array, array > 1, "at most 1")
    return array
