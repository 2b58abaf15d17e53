"""Rademacher complexity: how well a class correlates with coin flips."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from goldfish.theory import _arguments as check
from goldfish.theory._arguments import Rng
from goldfish.theory.results import Estimate

Floats = npt.NDArray[np.float64]
_LARGEST_EXACT = 20
_BLOCK = 1 << 22


def _matrix(function: str, name: str, value: Any) -> Floats:
    array = check.array(function, name, value)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{function}: {name} must be a matrix with at least one row and one column, got the shape {array.shape}"
        )
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{function}: {name} must be finite, got {array[row, column]} at row {row}, column {column}")
    return array


def _is_exact(function: str, exact: bool | Literal["auto"], m: int) -> bool:
    if exact == "auto":
        return m <= _LARGEST_EXACT
    exact = check.truth(function, "exact", exact)
    if exact and m > _LARGEST_EXACT:
        raise ValueError(
            f"{function}: exact must be False or 'auto' for more than {_LARGEST_EXACT} points, got {m} points"
        )
    return exact


def _all_signs(m: int) -> Floats:
    bits = (np.arange(1 << m)[:, None] >> np.arange(m)) & 1
    return 1.0 - 2.0 * bits.astype(np.float64)


def _mean_over_signs(vectors: Floats, size: Callable[[Floats], Floats]) -> float:
    """The mean of size(sum_i s_i v_i) over all 2^m signs; sums over the two halves of the points are formed once.

    ``vectors`` has the shape (m, D), ``size`` maps (..., D) to (...). The first sign is not varied if size is even;
    here it is always varied, so that size may be anything.
    """
    m = len(vectors)
    half = m // 2
    first, second = _all_signs(half) @ vectors[:half], _all_signs(m - half) @ vectors[half:]
    step = max(1, _BLOCK // second.size)
    parts = [size(first[i : i + step, None] + second[None]).sum() for i in range(0, len(first), step)]
    return float(math.fsum(parts)) / 2.0**m


def _simulated(
    vectors: Floats, size: Callable[[Floats], Floats], n_mc: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean and standard error over random signs."""
    step = max(1, _BLOCK // max(vectors.shape))
    draws = []
    for start in range(0, n_mc, step):
        signs = 1.0 - 2.0 * rng.integers(0, 2, (min(step, n_mc - start), len(vectors)))
        draws.append(size(signs @ vectors))
    values = np.concatenate(draws)
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(n_mc))


def _estimate(
    vectors: Floats,
    size: Callable[[Floats], Floats],
    scale: float,
    effects: Floats,
    *,
    exact: bool,
    n_mc: int,
    rng: np.random.Generator,
    bound: float | None = None,
) -> Estimate:
    """E size(sum s_i v_i) * scale; ``effects`` is how much one sign can change it, for McDiarmid's inequality."""
    if exact:
        return Estimate(_mean_over_signs(vectors, size) * scale, 0.0, "exact", bound)
    value, se = _simulated(vectors, size, n_mc, rng)
    spread = scale * math.sqrt(float(np.sum(effects**2)) / (2 * n_mc))
    return Estimate(value * scale, se * scale, "monte-carlo", bound, spread)


def empirical_rademacher(
    preds: Any, *, exact: bool | Literal["auto"] = "auto", n_mc: int = 10000, rng: Rng = None
) -> Estimate:
    """The empirical Rademacher complexity of a finite class: ``E sup_g (1/m) sum_i s_i g(x_i)`` over fair signs s.

    Parameters
    ----------
    preds : array_like of shape (H, m)
        The values of H functions at m points, such as -1 and +1; `dichotomies` gives the rows of a class: ``2 * rows
        - 1``.
    exact : bool or "auto"
        True: all 2^m signs, for m <= 20. "auto": that where possible, else by simulation.
    n_mc : int
        The number of simulated sign vectors, at least 2.
    rng : int, Generator or None

    Returns
    -------
    Estimate
        ``value``, ``se``, ``method``; ``upper(delta)`` is a bound that includes the simulation's error.

    Raises
    ------
    ValueError
        If preds is not a finite matrix, or exact is True for more than 20 points.

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar 2018, Def. 3.1.

    Examples
    --------
    >>> from goldfish import theory
    >>> thresholds = theory.dichotomies([[1], [2], [3]], "thresholds")
    >>> round(theory.empirical_rademacher(2 * thresholds.astype(int) - 1).value, 4)
    0.6667
    """
    name = "empirical_rademacher"
    values = _matrix(name, "preds", preds)
    n_mc = check.count(name, "n_mc", n_mc, 2)
    m = values.shape[1]
    vectors = np.ascontiguousarray(np.unique(values, axis=0).T)
    effects = 2 * np.abs(values).max(axis=0)
    return _estimate(
        vectors,
        lambda s: s.max(axis=-1),
        1 / m,
        effects,
        exact=_is_exact(name, exact, m),
        n_mc=n_mc,
        rng=check.generator(name, rng),
    )


def empirical_rademacher_erm(
    fit_predict: Callable[[Any, Any], Any], X: Any, *, n_mc: int = 100, rng: Rng = None
) -> Estimate:
    """The empirical Rademacher complexity of a class through a learner that minimises the training error.

    For labels -1 and +1 the supremum is 1 - 2 (smallest error on random labels), so each draw is one fit to coin flips.

    Parameters
    ----------
    fit_predict : callable
        ``fit_predict(X, y)`` fits labels y of -1 and +1 and returns its predictions for X; positive values count as
        +1. A learner that does not find the smallest error makes the estimate too small.
    X : array_like of shape (m, ...)
    n_mc : int
        The number of draws, at least 2.
    rng : int, Generator or None

    Returns
    -------
    Estimate
        By simulation.

    Raises
    ------
    ValueError
        If X is empty or fit_predict returns something else than m values.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import theory
    >>> def constant(X, y):
    ...     return np.full(len(X), 1 if np.sum(y) >= 0 else -1)
    >>> estimate = theory.empirical_rademacher_erm(constant, np.zeros((4, 1)), n_mc=2000, rng=0)
    >>> abs(estimate.value - 0.375) < 4 * estimate.se
    True
    """
    name = "empirical_rademacher_erm"
    n_mc = check.count(name, "n_mc", n_mc, 2)
    if not callable(fit_predict):
        raise TypeError(f"{name}: fit_predict must be callable, got {fit_predict!r}")
    m = len(X)
    if m == 0:
        raise ValueError(f"{name}: X must hold at least one point")
    generator, draws = check.generator(name, rng), []
    for _ in range(n_mc):
        signs = 1 - 2 * generator.integers(0, 2, m)
        predicted = np.asarray(fit_predict(X, signs.copy()))
        if predicted.shape != (m,):
            raise ValueError(f"{name}: fit_predict must return {m} values, got the shape {predicted.shape}")
        draws.append(float(np.mean(signs * np.where(predicted > 0, 1, -1))))
    se = float(np.std(draws, ddof=1)) / math.sqrt(n_mc)
    return Estimate(float(np.mean(draws)), se, "monte-carlo", None, math.sqrt(2 / (m * n_mc)))


def rademacher_linear(
    X: Any,
    radius: float,
    *,
    norm: int = 2,
    exact: bool | Literal["auto"] = "auto",
    n_mc: int = 10000,
    rng: Rng = None,
) -> Estimate:
    """The empirical Rademacher complexity of linear functions x -> w.x with a bounded weight vector.

    ``(radius / m) E ||sum_i s_i x_i||`` in the dual norm, with the bound ``(radius / m) sqrt(sum ||x_i||_2^2)`` for
    ``||w||_2 <= radius``, and ``radius max|x_ij| sqrt(2 ln(2p) / m)`` for ``||w||_1 <= radius``.

    Parameters
    ----------
    X : array_like of shape (m, p)
    radius : float
        Greater than 0: the largest norm of w.
    norm : {1, 2}
        The norm of w that is bounded.
    exact, n_mc, rng
        As for `empirical_rademacher`.

    Returns
    -------
    Estimate
        With ``bound``.

    Raises
    ------
    ValueError
        If X is not a finite matrix, radius is not positive, norm is neither 1 nor 2, or exact is True for over 20
        points.

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar 2018, Thm 5.10; Shalev-Shwartz and Ben-David 2014, Lemma 26.11 (constant as
    commonly quoted).

    Examples
    --------
    >>> from goldfish import theory
    >>> estimate = theory.rademacher_linear([[3, 4], [0, 2], [1, 1]], 1.0)
    >>> round(estimate.value, 4), round(estimate.bound, 4)
    (1.7236, 1.8559)
    """
    name = "rademacher_linear"
    points = _matrix(name, "X", X)
    radius, n_mc = check.positive(name, "radius", radius), check.count(name, "n_mc", n_mc, 2)
    if norm not in (1, 2):
        raise ValueError(f"{name}: norm must be 1 or 2, got {norm!r}")
    m, p = points.shape
    size: Callable[[Floats], Floats]
    if norm == 2:
        lengths = np.linalg.norm(points, axis=1)
        bound = radius / m * float(np.linalg.norm(lengths))
        size = _euclidean
    else:
        lengths = np.abs(points).max(axis=1)
        bound = radius * float(lengths.max()) * math.sqrt(2 * math.log(2 * p) / m)
        size = _largest
    use = _is_exact(name, exact, m)
    return _estimate(
        points, size, radius / m, 2 * lengths, exact=use, n_mc=n_mc, rng=check.generator(name, rng), bound=bound
    )


def _euclidean(sums: Floats) -> Floats:
    lengths: Floats = np.sqrt(np.einsum("...d,...d->...", sums, sums))
    return lengths


def _largest(sums: Floats) -> Floats:
    largest: Floats = np.abs(sums).max(axis=-1)
    return largest


def rademacher_kernel(
    K: Any, radius: float, *, exact: bool | Literal["auto"] = "auto", n_mc: int = 10000, rng: Rng = None
) -> Estimate:
    """The empirical Rademacher complexity of functions with norm at most ``radius`` in the space of a kernel.

    ``(radius / m) E sqrt(s' K s)``, with the bound ``(radius / m) sqrt(trace K)``.

    Parameters
    ----------
    K : array_like of shape (m, m)
        The kernel matrix: symmetric and positive semidefinite.
    radius : float
        Greater than 0.
    exact, n_mc, rng
        As for `empirical_rademacher`.

    Returns
    -------
    Estimate
        With ``bound``.

    Raises
    ------
    ValueError
        If K is not a finite, square, symmetric, positive semidefinite matrix, or as `rademacher_linear`.

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar 2018, Thm 6.12 (number as commonly quoted).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import theory
    >>> X = np.array([[3, 4], [0, 2], [1, 1]])
    >>> round(theory.rademacher_kernel(X @ X.T, 1.0).value, 4)
    1.7236
    """
    name = "rademacher_kernel"
    kernel = _matrix(name, "K", K)
    radius, n_mc = check.positive(name, "radius", radius), check.count(name, "n_mc", n_mc, 2)
    m = len(kernel)
    if kernel.shape != (m, m) or not np.allclose(kernel, kernel.T, rtol=1e-10, atol=1e-10 * np.abs(kernel).max()):
        raise ValueError(f"{name}: K must be square and symmetric, got the shape {kernel.shape}")
    eigenvalues, vectors = np.linalg.eigh((kernel + kernel.T) / 2)
    if eigenvalues[0] < -1e-8 * max(eigenvalues[-1], 0.0):
        raise ValueError(f"{name}: K must be positive semidefinite, got the eigenvalue {eigenvalues[0]:.3g}")
    features = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    bound = radius / m * math.sqrt(float(np.trace(kernel)))
    lengths = np.sqrt(np.maximum(np.diag(kernel), 0.0))
    use = _is_exact(name, exact, m)
    return _estimate(
        features, _euclidean, radius / m, 2 * lengths, exact=use, n_mc=n_mc, rng=check.generator(name, rng), bound=bound
    )
