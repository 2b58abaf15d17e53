"""Measuring the VC dimension of a learner from the outside."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from goldfish.theory import _arguments as check
from goldfish.theory._arguments import Rng
from goldfish.theory.results import VCEstimate

# The constants that Vapnik, Levin and LeCun fitted; k makes the curve continuous at tau = 1/2.
_A, _B, _K = 0.16, 1.2, 0.14928


def expected_deviation(tau: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Phi(tau), the largest difference of error rates between two samples of n = tau h points that is expected."""
    safe = np.maximum(tau, 0.5)
    logarithm = np.log(2 * safe) + 1
    value = _A * logarithm / (safe - _K) * (1 + np.sqrt(1 + _B * (safe - _K) / logarithm))
    return np.where(tau < 0.5, 1.0, np.minimum(value, 1.0))


def estimate_vc(estimator: Any, p: int, ns: Sequence[int], *, reps: int = 20, rng: Rng = None) -> VCEstimate:
    """Estimate the VC dimension of a learner by how well it tells two halves of a random sample apart.

    For each n, 2n random points get random labels, those of the second half are turned round, and the learner is
    fitted to all of them: then the difference of its error rates on the two halves, with the labels as they were, is
    as large as the learner can make it. The mean over ``reps`` repetitions follows a curve in n/h, to which h is
    fitted.

    Parameters
    ----------
    estimator : object
        With ``fit(X, y)`` and ``predict(X)``, such as a scikit-learn classifier; labels are 0 and 1. It is copied,
        never changed. The estimate is of what the learner does, and as good as its minimisation of the training
        error.
    p : int
        The number of features; points are standard normal.
    ns : sequence of int
        At least three sample sizes, on both sides of what is expected for h.
    reps : int
        Repetitions for each n.
    rng : int, Generator or None

    Returns
    -------
    VCEstimate
        ``h``, ``curve`` (the mean difference for each n), ``residual`` (root mean square of the fit). Rough: a factor
        of 2 is common.

    Raises
    ------
    ValueError
        If fewer than three sizes are given or one is not positive.

    References
    ----------
    Vapnik, Levin and LeCun, Measuring the VC-dimension of a learning machine, Neural Computation 6 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import theory
    >>> class Majority:
    ...     def fit(self, X, y):
    ...         self.label = int(2 * np.sum(y) > len(y))
    ...
    ...     def predict(self, X):
    ...         return np.full(len(X), self.label)
    >>> theory.estimate_vc(Majority(), 1, [5, 10, 20, 40], reps=20, rng=0).h < 3
    True
    """
    name = "estimate_vc"
    p, reps = check.count(name, "p", p, 1), check.count(name, "reps", reps, 1)
    sizes = [check.count(name, "ns", n, 1) for n in ns]
    if len(sizes) < 3:
        raise ValueError(f"{name}: ns must hold at least three sample sizes, got {len(sizes)}")
    for method in ("fit", "predict"):
        if not callable(getattr(estimator, method, None)):
            raise TypeError(f"{name}: estimator must have the method {method}, got {estimator!r}")
    generator = check.generator(name, rng)
    curve = [float(np.mean([_difference(estimator, p, n, generator) for _ in range(reps)])) for n in sizes]
    h, residual = _fit(np.array(sizes, dtype=np.float64), np.array(curve))
    return VCEstimate(h, tuple(curve), residual)


def _difference(estimator: Any, p: int, n: int, rng: np.random.Generator) -> float:
    """The difference of error rates between the halves of one sample."""
    X = rng.standard_normal((2 * n, p))
    y = rng.integers(0, 2, 2 * n)
    turned = np.r_[y[:n], 1 - y[n:]]
    if len(set(turned.tolist())) < 2:
        # A learner that refuses one class would answer with it.
        predicted = np.full(2 * n, turned[0])
    else:
        learner = copy.deepcopy(estimator)
        learner.fit(X, turned)
        predicted = np.asarray(learner.predict(X))
    wrong = predicted != y
    return abs(float(wrong[:n].mean() - wrong[n:].mean()))


def _fit(n: npt.NDArray[np.float64], curve: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Least squares in h: a grid, refined around its best point."""
    low, high = math.log(0.05), math.log(4 * float(n.max()))
    best = low
    for _ in range(6):
        grid = np.linspace(low, high, 201)
        errors = np.mean((expected_deviation(n[None] / np.exp(grid)[:, None]) - curve) ** 2, axis=1)
        at = int(np.argmin(errors))
        best, step = float(grid[at]), float(grid[1] - grid[0])
        low, high = best - 2 * step, best + 2 * step
    return math.exp(best), math.sqrt(float(errors[at]))
