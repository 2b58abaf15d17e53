"""How many samples stand behind the numbers of a profile, and what they weigh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goldfish.sampling._checks import Floats
from goldfish.sampling.trigger import sampled_share

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Counts:
    """Raw samples of n records: k objects of `size` bytes each.

    Where `exact` is false, k is no count but the number that gives the stored bytes back.
    """

    k: Floats
    size: Floats
    exact: Bools
    rate: float

    def share(self) -> Floats:
        """The probability with which one object of each record was sampled."""
        return sampled_share(self.size, self.rate)


@dataclass(frozen=True, eq=False)
class Terms:
    """What each record adds to an estimated total of one metric."""

    k: Floats
    estimate: Floats
    # k (1 - pi) unit^2 / pi^2, the estimated variance of independent decisions, and k unit^2 / pi^2, the Poisson one.
    variance: Floats
    poisson: Floats
    # What the sampled objects themselves amount to.
    seen: Floats
    # What one more sample of this record would add to estimate, unseen, and variance.
    weight: Floats
    unseen_weight: Floats
    unseen_variance: Floats
    # The unseen part, and the same times the unit, whose ratio of sums is the mean unit of what was not seen.
    unseen: Floats
    unseen_moment: Floats


def terms(counts: Counts, *, space: bool) -> Terms:
    """The terms for bytes, or for objects."""
    unit = counts.size if space else np.ones_like(counts.size)
    pi, k = counts.share(), counts.k
    weight = unit / pi
    hidden = 1 - pi
    return Terms(
        k=k,
        estimate=k * weight,
        variance=k * hidden * weight**2,
        poisson=k * weight**2,
        seen=k * unit,
        weight=weight,
        unseen_weight=weight * hidden,
        unseen_variance=weight**2 * hidden,
        unseen=k * weight * hidden,
        unseen_moment=k * weight * hidden * unit,
    )


def recover(objects: Floats | None, space: Floats, block: Floats, rate: float) -> Counts:
    """Find the raw counts behind numbers that Go un-sampled and cut to whole ones.

    Go stores ``int(k scale)`` objects and ``int(k s scale)`` bytes with ``scale = 1/(1 - exp(-s/rate))``. So k is
    ``bytes (1 - exp(-s/rate)) / s``, rounded, where that reproduces both numbers; where no whole k near it does, the
    record is a sum of several (a merged profile), and the stored bytes stand.

    Parameters
    ----------
    objects : ndarray (n,) or None
        Stored objects; None if the profile has none.
    space : ndarray (n,)
        Stored bytes.
    block : ndarray (n,)
        Bytes of one object, 0 where the profile does not say.
    rate : float
        Mean bytes between samples.

    Returns
    -------
    Counts
        With size 1 and k 0 where nothing is stored.
    """
    size = np.where(block > 0, block, 1.0)
    if objects is not None:
        mean = np.divide(space, objects, out=np.maximum(space, 1.0), where=objects > 0)
        size = np.where(block > 0, size, np.maximum(mean, 1e-20))
    if rate <= 1:
        k = objects if objects is not None else space / size
        whole = (space == k * size) & (k == np.floor(k))
        return Counts(np.where(whole, k, space / size), size, whole, rate)
    unlabelled = (block <= 0) & (space > 0)
    if unlabelled.any():
        size[unlabelled] = _solve_size(space[unlabelled], size[unlabelled], rate)
    real = space * sampled_share(size, rate) / size
    k, exact = np.round(real), np.zeros(len(space), dtype=bool)
    for step in (0.0, -1.0, 1.0, -2.0, 2.0):
        left = np.flatnonzero(~exact)
        guess = np.maximum(np.round(real[left]) + step, 0.0)
        right = _reproduces(guess, size[left], None if objects is None else objects[left], space[left], rate)
        k[left[right]], exact[left[right]] = guess[right], True
    if objects is not None and (unlabelled & ~exact).any():
        # The solved size did not explain the numbers; the plain average is then the better guess.
        wrong = unlabelled & ~exact
        size[wrong] = np.maximum(np.divide(space, objects, out=space.copy(), where=objects > 0), 1.0)[wrong]
        real[wrong] = (space * sampled_share(size, rate) / size)[wrong]
    return Counts(np.where(exact, k, real), size, exact, rate)


def _reproduces(k: Floats, size: Floats, objects: Floats | None, space: Floats, rate: float) -> Bools:
    """Whether k objects of this size are stored as these numbers."""
    exponential = np.exp(-size / rate)
    result = (k == 0) & (space == 0) & (True if objects is None else objects == 0)
    # Go's exponential may differ from ours in the last bit, which shows where 1 - exp(...) cancels.
    for nudged in (exponential, np.nextafter(exponential, 0), np.nextafter(exponential, 1)):
        below = 1 - nudged
        possible = below > 0
        scale = np.divide(1.0, below, out=np.zeros_like(below), where=possible)
        same = possible & (np.floor(k * size * scale) == space)
        if objects is not None:
            same &= np.floor(k * scale) == objects
        result |= same
    return np.asarray(result)


def _solve_size(space: Floats, mean: Floats, rate: float) -> Floats:
    """The whole size s for which k s/(1 - exp(-s/rate)) is the stored number of bytes, k being the nearest count.

    The average of two truncated numbers, `mean`, is only nearly the size.
    """
    k = np.maximum(np.round(space * sampled_share(mean, rate) / mean), 1.0)
    target = space / (k * rate)
    # x/(1 - exp(-x)) is convex and rises from 1, with a slope from 1/2 to 1: Newton's steps converge from anywhere.
    x = np.maximum(target - 1, 1e-12)
    for _ in range(20):
        below = -np.expm1(-x)
        slope = np.clip((below - x * np.exp(-x)) / below**2, 0.5, 1.0)
        x = np.maximum(x - (x / below - target) / slope, x / 16)
    solved = np.maximum(np.round(x * rate), 1.0)
    near = np.abs(solved - mean) <= 1 + mean
    result: Floats = np.where((target > 1) & near, solved, np.maximum(np.round(mean), 1.0))
    return result
