"""Which labelings of given points a class can produce: decided exactly, each answer with a witness or a certificate."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from goldfish.theory import _arguments as check
from goldfish.theory._points import Labels, Points, read_labels, read_points, table_of
from goldfish.theory.classes.base import Certificate, HypothesisClass, TooManyLabelings, Witness, minimise
from goldfish.theory.classes.linear import LinearInParameters
from goldfish.theory.classes.named import named_class

_LIMIT = 1 << 20


def _read(function: str, X: Any, cls: Any) -> tuple[Points, HypothesisClass]:
    decider = named_class(function, cls)
    points = read_points(function, X)
    decider.check_points(function, points)
    return points, decider


def _warn_if_no_proof(function: str, decider: HypothesisClass) -> None:
    if not decider.exact:
        warnings.warn(f"{function}: a negative answer of {decider!r} is not a proof", UserWarning, stacklevel=3)


def realize(X: Any, y: Any, cls: Any, *, exact: bool | Literal["auto"] = "auto") -> Witness | None:
    """A hypothesis that gives points X the labels y, or None if the class has none.

    Every answer is exact: a hypothesis is checked by its ``predict``, and None stands on a certificate that was
    verified in exact arithmetic (see `refute`). Floats are used as the exact binary fractions that they are.

    Parameters
    ----------
    X : array_like of shape (N, p)
        Ints of any size, `fractions.Fraction`, `decimal.Decimal` or floats.
    y : array_like of shape (N,)
        0 and 1, or -1 and +1.
    cls : str or hypothesis class
        "thresholds" (x >= t), "signed_thresholds", "intervals", "halfspaces" (affine, strict on both sides),
        "homogeneous_halfspaces", "boxes", "rotated_rectangles" (plane), "balls", "balls_and_complements", "stumps",
        "conjunctions", "monotone_conjunctions", "disjunctions", "parities", "juntas", "boolean_functions",
        "nearest_neighbours"; or an object: `Intervals`, `PolynomialThresholds`, `LinearClass`, `DecisionTrees`,
        `NearestNeighbours`, `Conjunctions`, `FiniteClass`, `CallableClass`, `ParametricClass`. Boxes, balls and
        rectangles are closed and may be empty.
    exact : bool or "auto"
        For classes that are linear in their parameters: whether the exact simplex method runs alone (True), or HiGHS
        proposes an answer first, which is then checked exactly (False; "auto" for long problems). The answer is the
        same.

    Returns
    -------
    Witness or None
        With ``predict(X)`` and the hypothesis's parameters. Of a `ParametricClass` None is no proof, and warns.

    Raises
    ------
    ValueError
        If X is not of shape (N, p), is not finite or does not suit the class, or y is not N binary labels.

    References
    ----------
    Gordan 1873 and Farkas 1902 for what is linear in its parameters.

    Examples
    --------
    >>> from goldfish import theory
    >>> xor = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> theory.realize(xor, [0, 1, 1, 0], "halfspaces") is None
    True
    >>> rule = theory.realize(xor, [0, 1, 1, 1], "halfspaces")
    >>> rule.predict([[1, 1], [0, 0]]).tolist(), rule.predict([[5, 5]]).tolist()
    ([True, False], [True])
    """
    answer = _settle("realize", X, y, cls, exact)[0]
    return None if isinstance(answer, Certificate) else answer


def refute(X: Any, y: Any, cls: Any) -> Certificate | None:
    """Why points X cannot have the labels y: a certificate on as few points as possible, or None if they can.

    Parameters
    ----------
    X, y, cls
        As for `realize`.

    Returns
    -------
    Certificate or None
        Its ``indices`` are minimal under inclusion: without any one of these points the labels of the others are
        possible.

    Raises
    ------
    ValueError
        As `realize`.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.refute([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], "halfspaces").statement
    'the convex hulls of the positive points [#1, #2] and the negative points [#0, #3] meet'
    """
    answer, points, labels, decider = _settle("refute", X, y, cls, "auto")
    if not isinstance(answer, Certificate):
        return None
    return _minimal_certificate(points, labels, decider, answer.indices)


def _settle(
    function: str, X: Any, y: Any, cls: Any, exact: Any
) -> tuple[Witness | Certificate, Points, Labels, HypothesisClass]:
    points, decider = _read(function, X, cls)
    labels = read_labels(function, y, len(points))
    if exact != "auto" and not isinstance(exact, bool):
        raise ValueError(f"{function}: exact must be True, False or 'auto', got {exact!r}")
    if exact != "auto" and isinstance(decider, LinearInParameters):
        decider = copy.copy(decider)
        decider.floats_first = not exact
    answer = decider.settle(points, labels)
    if isinstance(answer, Certificate) and not answer.proved:
        _warn_if_no_proof(function, decider)
    return answer, points, labels, decider


def _minimal_certificate(points: Points, labels: Labels, decider: HypothesisClass, start: Sequence[int]) -> Certificate:
    """The certificate on a subset from which no point can be left out."""

    def fails(indices: Sequence[int]) -> bool:
        answer = decider.decide(points.subset(indices), tuple(labels[i] for i in indices))
        return isinstance(answer, Certificate)

    indices = minimise(fails, start if fails(start) else range(len(points)))
    answer = decider.settle(points.subset(indices), tuple(labels[i] for i in indices))
    assert isinstance(answer, Certificate)
    return answer.renumbered(indices)


@overload
def shatters(X: Any, cls: Any, *, return_failures: Literal[False] = False, max_n: int = 20) -> bool: ...
@overload
def shatters(
    X: Any, cls: Any, *, return_failures: Literal[True], max_n: int = 20
) -> tuple[bool, npt.NDArray[np.bool_]]: ...


def shatters(
    X: Any, cls: Any, *, return_failures: bool = False, max_n: int = 20
) -> bool | tuple[bool, npt.NDArray[np.bool_]]:
    """Whether a class gives the points all 2^N labelings.

    Parameters
    ----------
    X : array_like of shape (N, p)
    cls : str or hypothesis class
        As for `realize`.
    return_failures : bool
        Whether the labelings that cannot be realised are returned too.
    max_n : int
        The largest N that is accepted; with ``return_failures`` time and memory grow with 2^N.

    Returns
    -------
    bool, or (bool, ndarray of bool of shape (F, N))
        A `ParametricClass` may say False where more draws would say True.

    Raises
    ------
    ValueError
        If there are more than ``max_n`` points, or as `realize`.

    Warns
    -----
    UserWarning
        If a point occurs twice: such a set is never shattered.

    References
    ----------
    Vapnik and Chervonenkis, On the uniform convergence of relative frequencies, Theory Probab. Appl. 16 (1971); Radon
    1921 for the rank rule of half-spaces.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.shatters([[0, 0], [1, 0], [0, 1]], "halfspaces")
    True
    >>> ok, failures = theory.shatters([[0, 0], [1, 0], [0, 1], [1, 1]], "halfspaces", return_failures=True)
    >>> ok, failures.astype(int).tolist()
    (False, [[0, 1, 1, 0], [1, 0, 0, 1]])
    """
    points, decider = _read("shatters", X, cls)
    check.truth("shatters", "return_failures", return_failures)
    max_n = check.count("shatters", "max_n", max_n)
    n = len(points)
    if n > max_n:
        raise ValueError(
            f"shatters: X has {n} points, more than max_n = {max_n}; pass a larger max_n to try all the same"
        )
    if len(set(points.rows)) < n:
        warnings.warn("shatters: X holds a point twice, and such a set is never shattered", UserWarning, stacklevel=2)
    if not return_failures:
        result = decider.is_shattered(points)
        if not result:
            _warn_if_no_proof("shatters", decider)
        return result
    possible = np.zeros(1 << n, dtype=bool)
    possible[np.fromiter(decider.masks(points, 1 << n), dtype=np.int64)] = True
    missing = np.flatnonzero(~possible)
    if len(missing):
        _warn_if_no_proof("shatters", decider)
    return not len(missing), _unpack(missing, n)


def _unpack(masks: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.bool_]:
    """Masks as rows of labels, ordered with the first point's label first."""
    rows = (masks[:, None] >> np.arange(n)) & 1
    order = np.lexsort(rows.T[::-1]) if n else np.arange(len(rows))
    return rows[order].astype(bool)


def dichotomies(X: Any, cls: Any, *, limit: int = _LIMIT) -> npt.NDArray[np.bool_]:
    """All labelings of the points that the class can produce.

    Parameters
    ----------
    X : array_like of shape (N, p)
    cls : str or hypothesis class
        As for `realize`. Of a `ParametricClass` only those that its draws found.
    limit : int
        The largest number of labelings that is accepted.

    Returns
    -------
    ndarray of bool of shape (M, N)
        Distinct rows in lexicographic order.

    Raises
    ------
    ValueError
        If there are more than ``limit`` labelings, or as `realize`.

    References
    ----------
    Cover, Geometrical and statistical properties of systems of linear inequalities, IEEE Trans. EC 14 (1965).

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.dichotomies([[1], [2], [3]], "thresholds").astype(int).tolist()
    [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]
    """
    points, decider = _read("dichotomies", X, cls)
    return table_of(_masks("dichotomies", points, decider, limit), len(points))


def growth_on_sample(X: Any, cls: Any, *, limit: int = _LIMIT) -> int:
    """How many labelings of the points the class can produce; at most `growth_function` of as many points.

    Parameters
    ----------
    X, cls, limit
        As for `dichotomies`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        As `dichotomies`.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.growth_on_sample([[0, 0], [1, 0], [0, 1], [1, 1]], "halfspaces")
    14
    """
    points, decider = _read("growth_on_sample", X, cls)
    return len(_masks("growth_on_sample", points, decider, limit))


def _masks(function: str, points: Points, decider: HypothesisClass, limit: Any) -> set[int]:
    limit = check.count(function, "limit", limit, 1)
    try:
        return {int(mask) for mask in decider.masks(points, limit)}
    except TooManyLabelings:
        raise ValueError(
            f"{function}: X has too many points to enumerate: {len(points)} points have more than limit = {limit} "
            "labelings; "
            "pass a larger limit to go on"
        ) from None


def minimal_unshattered(X: Any, cls: Any) -> tuple[npt.NDArray[np.bool_], Certificate] | None:
    """A labeling that the class cannot produce, and why, on as few of the points as possible.

    Parameters
    ----------
    X : array_like of shape (N, p)
    cls : str or hypothesis class
        As for `realize`.

    Returns
    -------
    (labels, certificate) or None
        None if all labelings are possible. Otherwise ``labels`` is a boolean array of length N, and
        ``certificate.indices`` a set of points which is not shattered although every part of it is; the labels of the
        other points do not matter and are False.

    Raises
    ------
    ValueError
        As `realize`; or for a `ParametricClass`, which proves nothing impossible; or if some 20 points are shattered
        and it would take more to find a set that is not.

    References
    ----------
    Radon 1921; Farkas 1902.

    Examples
    --------
    >>> from goldfish import theory
    >>> labels, certificate = theory.minimal_unshattered([[0, 0], [2, 2], [1, 1], [5, 0]], "halfspaces")
    >>> labels.astype(int).tolist(), certificate.indices
    ([0, 0, 1, 0], (0, 1, 2))
    >>> certificate.statement
    'the convex hulls of the positive points [#2] and the negative points [#0, #1] meet'
    >>> [str(c) for c in certificate.coefficients]
    ['1/4', '1/4', '1/2']
    """
    points, decider = _read("minimal_unshattered", X, cls)
    if not decider.exact:
        raise ValueError(f"minimal_unshattered: cls must decide labelings exactly, got {decider!r}")
    indices = _minimal_set(points, decider)
    if indices is None:
        return None
    failing = decider.failing_labels(points.subset(indices))
    assert failing is not None
    labels = np.zeros(len(points), dtype=bool)
    labels[list(indices)] = failing
    answer = decider.settle(points.subset(indices), failing)
    assert isinstance(answer, Certificate)
    return labels, answer.renumbered(indices)


def _minimal_set(points: Points, decider: HypothesisClass) -> tuple[int, ...] | None:
    """A set of points that is not shattered although all its parts are."""
    if isinstance(decider, LinearInParameters) and decider.is_shattered(points):
        return None
    for k in range(1, len(points) + 1):
        if k > 21:
            raise ValueError("minimal_unshattered: X has too many points to enumerate: the first 21 are shattered")
        if not decider.is_shattered(points.subset(range(k))):
            return minimise(lambda indices: not decider.is_shattered(points.subset(indices)), range(k))
    return None
