"""Growth functions: how many labelings of m points a class can produce."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goldfish.theory import _arguments as check
from goldfish.theory._format import size
from goldfish.theory.results import Bound

# Up to here the sum of binomial coefficients is formed exactly before its logarithm is taken.
_EXACT = 2000
_BLOCK = 1 << 16
_LONGEST = 10**13
_SAUER = "Sauer 1972; Shelah 1972; Vapnik and Chervonenkis 1971"


def sauer_shelah(m: int, d: int) -> int:
    """The largest number of labelings of m points that a class of VC dimension d can produce.

    ``sum_{i <= d} C(m, i)``, which is 2^m for m <= d, and at most (e m / d)^d for m >= d >= 1.

    Parameters
    ----------
    m, d : int
        The number of points and the VC dimension, both at least 0.

    Returns
    -------
    int
        Exact, of any size.

    Raises
    ------
    ValueError
        If m or d is negative or not an integer.

    References
    ----------
    Sauer, On the density of families of sets, J. Combin. Theory A 13 (1972); Shelah, Pacific J. Math. 41 (1972).

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.sauer_shelah(10, 3)
    176
    """
    m, d = check.count("sauer_shelah", "m", m), check.count("sauer_shelah", "d", d)
    return _sum_of_binomials(m, d)


def _sum_of_binomials(m: int, d: int) -> int:
    if d >= m:
        return 1 << m
    if 2 * d > m:
        return (1 << m) - _sum_of_binomials(m, m - d - 1)
    term = total = 1
    for i in range(1, d + 1):
        term = term * (m - i + 1) // i
        total += term
    return total


def log_sauer_shelah(m: int, d: int) -> float:
    """The natural logarithm of `sauer_shelah`, accurate also where the number itself has millions of digits.

    Parameters
    ----------
    m, d : int
        Both at least 0.

    Returns
    -------
    float
        With a relative error of some 1e-15. Differences of ``lgamma``, the usual way, lose all digits near m = 10^16.

    Raises
    ------
    ValueError
        If m or d is negative or not an integer.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.log_sauer_shelah(10**15, 5), 6)
    167.90639
    """
    m, d = check.count("log_sauer_shelah", "m", m), check.count("log_sauer_shelah", "d", d)
    return _log_sum(m, d)


def _log_sum(m: int, d: int) -> float:
    if d >= m:
        return m * math.log(2)
    if 2 * d >= m:
        rest = _log_sum(m, m - d - 1) - m * math.log(2)
        return m * math.log(2) + math.log1p(-math.exp(rest))
    if d <= _EXACT:
        return math.log(_sum_of_binomials(m, d))
    return _log_binomial(m, d) + math.log(_sum_over_last_term(m, d))


def _log_binomial(m: int, d: int) -> float:
    """Ln C(m, d) by Stirling's series, in the form whose terms do not cancel; m and d are large here."""
    rest = m - d
    log_ratio, x = (math.log(m / d) if m < 10**300 else math.log(m) - math.log(d)), d / rest
    # rest ln(1 + x), for numbers that may be too large for floats.
    entropy = d * (log_ratio + (math.log1p(x) / x if x > 0 else 1.0))
    root = 0.5 * (log_ratio - math.log(2 * math.pi) - math.log(rest))
    first = 1 / m - 1 / d - 1 / rest
    third = 1 / m**3 - 1 / d**3 - 1 / rest**3
    return entropy + root + first / 12 - third / 360


def _sum_over_last_term(m: int, d: int) -> float:
    """sum_{i <= d} C(m, i) / C(m, d), term after term downwards until they vanish.

    Near d = m/2 there are some sqrt(m) of them. Beyond 10^13 the geometric series above them is taken, which is far
    closer than a float can tell.
    """
    if m > _LONGEST:
        return min((m - d + 1) / (m - 2 * d + 1), math.sqrt(2 * m))
    total, last, top = 1.0, 1.0, d
    while top > 0 and last > 1e-18 * total:
        i = np.arange(top, max(top - _BLOCK, 0), -1, dtype=np.float64)
        terms = last * np.cumprod(i / (m - i + 1))
        total, last, top = total + float(terms.sum()), float(terms[-1]), top - len(i)
    return total


def growth_function(cls: Any, m: int, **params: Any) -> Bound:
    """The largest number of labelings that a class can give to m points: exact where known, else by Sauer's lemma.

    Parameters
    ----------
    cls : str or hypothesis class
        A name of the catalogue (see `vc_dimension`), or an object such as ``Intervals(k=2)``.
    m : int
        The number of points.
    **params
        The parameters of a named class, such as ``p=2``.

    Returns
    -------
    Bound
        ``kind`` is "exact" or "upper".

    Raises
    ------
    ValueError
        If the class is unknown or a parameter or m is out of range.
    TypeError
        If a parameter of the class is missing.

    References
    ----------
    Cover, Geometrical and statistical properties of systems of linear inequalities, IEEE Trans. EC 14 (1965), for the
    half-spaces.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.growth_function("halfspaces", 4, p=2).value
    14
    >>> bound = theory.growth_function("boxes", 10, p=2)
    >>> bound.value, bound.kind
    (386, 'upper')
    """
    from goldfish.theory.catalogue import lookup

    m = check.count("growth_function", "m", m)
    entry = lookup("growth_function", cls, params)
    label = f"growth function of {entry.label} at m = {m}"
    if entry.growth is not None:
        value = entry.growth(m)
        return Bound(value, "exact", f"{label} is {size(value)}", (), entry.growth_source)
    if entry.vc.value == math.inf:
        return Bound(1 << m, "exact", f"{label} is 2^{m}: sets of every size are shattered", (), entry.vc.source)
    d = int(entry.vc.value)
    value = _sum_of_binomials(m, d)
    reason, source = f"Sauer's lemma with VC dimension {d}", f"{_SAUER}; VC dimension: {entry.vc.source}"
    if entry.hypotheses is not None and entry.hypotheses < value:
        value, reason = entry.hypotheses, "there are no more hypotheses"
    return Bound(value, "upper", f"{label} is at most {size(value)}: {reason}", (), source, value >= 1 << m)
