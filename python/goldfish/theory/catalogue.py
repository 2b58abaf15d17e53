"""The catalogue of classes: VC dimensions, growth functions and numbers of hypotheses, each with its source."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from goldfish.theory import _arguments as check
from goldfish.theory.counts import COUNTS, distinct_trees
from goldfish.theory.growth import _sum_of_binomials
from goldfish.theory.orders import ORDERS
from goldfish.theory.results import VC
from goldfish.theory.search import vc_dimension_finite

_SMALL = "elementary; by inspection of small sets"
_BEHW = "Blumer, Ehrenfeucht, Haussler and Warmuth 1989"
_MRT = "Mohri, Rostamizadeh and Talwalkar 2018"
_COVER = "Cover 1965"


@dataclass(frozen=True)
class Entry:
    """What the catalogue knows about a class with its parameters filled in."""

    label: str
    vc: VC
    growth: Callable[[int], int] | None = None
    growth_source: str = ""
    hypotheses: int | None = None


@dataclass(frozen=True)
class _Class:
    """A row: parameters with their smallest values (optional ones with a default), dimension, growth function."""

    vc: Callable[..., VC]
    required: tuple[tuple[str, int], ...] = ()
    optional: tuple[tuple[str, int, int], ...] = ()
    growth: Callable[..., Callable[[int], int]] | None = None
    growth_source: str = _SMALL


def _vc(value: int | float, source: str, exact: bool = True) -> VC:
    return VC(value, exact, source)


def _cover(dimension: int) -> Callable[[int], int]:
    """The labelings by half-spaces through the origin of R^dimension, of points in general position."""
    return lambda m: 2 * _sum_of_binomials(m - 1, dimension - 1) if m > 0 else 1


def _stumps(p: int) -> int:
    v = 1
    while math.comb(v + 1, (v + 1) // 2) <= 2 * p:
        v += 1
    return v


def _trees(n: int, depth: int) -> VC:
    if depth >= n:
        return _vc(2**n, "depth n computes every Boolean function")
    if depth == 0:
        return _vc(1, "the two constants")
    if n <= 4:
        return _vc(_tree_dimension(n, depth), "found by exhaustive search over all distinct trees")
    count = COUNTS["decision_trees"].count(n=n, depth=depth)
    return _vc(count.bit_length() - 1, "at most log2 of the number of trees", exact=False)


@lru_cache(maxsize=32)
def _tree_dimension(n: int, depth: int) -> int:
    import numpy as np

    tables = np.array(sorted(distinct_trees(n, depth)), dtype=np.uint64)
    return vc_dimension_finite((tables[:, None] >> np.arange(2**n, dtype=np.uint64)) & np.uint64(1) == 1).dim


_LINES = {1: 2, 2: 5, 3: 9}


def _lines(k: int) -> VC:
    if k not in _LINES:
        raise ValueError(f"vc_dimension: k must be 1, 2 or 3 for 'lines', got {k}; no value is known for more")
    return _vc(_LINES[k], "arXiv 2501.09847 (2025)")


def _threshold_networks(weights: int, units: int) -> VC:
    """The largest integer below 2 W log2(2k / ln 2)."""
    if weights < units:
        raise ValueError(f"vc_dimension: weights must be at least units, got weights = {weights}, units = {units}")
    check.examples("vc_dimension", "weights", weights)
    value = math.ceil(2 * weights * math.log2(2 * units / math.log(2)) * (1 + 1e-14)) - 1
    return _vc(value, "Anthony and Bartlett 1999, Thm 6.1; constant as commonly quoted", exact=False)


_P = (("p", 1),)
_N = (("n", 1),)
_K = (("k", 1, 1),)

CATALOGUE: dict[str, _Class] = {
    "thresholds": _Class(lambda: _vc(1, _SMALL), growth=lambda: lambda m: m + 1),
    "signed_thresholds": _Class(lambda: _vc(2, _SMALL), growth=lambda: lambda m: max(2 * m, 1)),
    "intervals": _Class(
        lambda k: _vc(2 * k, _SMALL), optional=_K, growth=lambda k: lambda m: _sum_of_binomials(m, 2 * k)
    ),
    "arcs": _Class(lambda k: _vc(2 * k + 1, f"{_MRT}, exercises; as commonly quoted"), optional=_K),
    "halfspaces": _Class(
        lambda p: _vc(p + 1, "Radon 1921; Cover 1965"), _P, growth=lambda p: _cover(p + 1), growth_source=_COVER
    ),
    "homogeneous_halfspaces": _Class(
        lambda p: _vc(p, "Radon 1921; Cover 1965"), _P, growth=lambda p: _cover(p), growth_source=_COVER
    ),
    "polynomial_thresholds": _Class(
        lambda degree, p: _vc(
            math.comb(p + degree, degree), "Dudley 1978; Wenocur and Dudley 1981, as commonly quoted"
        ),
        (("degree", 1), ("p", 1)),
        growth=lambda degree, p: _cover(math.comb(p + degree, degree)),
        growth_source=_COVER,
    ),
    "function_spaces": _Class(
        lambda dimension: _vc(dimension, "Dudley 1978; Wenocur and Dudley 1981, as commonly quoted"),
        (("dimension", 1),),
    ),
    "boxes": _Class(lambda p: _vc(2 * p, f"{_BEHW}; {_MRT}, section 3.3"), _P),
    "cubes": _Class(lambda p: _vc((3 * p + 1) // 2, "Despres 2017, as commonly quoted"), _P),
    "rotated_rectangles": _Class(
        lambda: _vc(7, "the literature says 7 (math.stackexchange 659506); the lower bound is certified by `shatters`")
    ),
    "triangles": _Class(lambda: _vc(7, f"{_BEHW}; {_MRT}, exercises; as commonly quoted")),
    "convex_polygons": _Class(lambda k: _vc(2 * k + 1, f"{_BEHW}; {_MRT}, exercises; as commonly quoted"), (("k", 3),)),
    "convex_sets": _Class(lambda: _vc(math.inf, "points on a circle"), growth=lambda: lambda m: 1 << m),
    "balls": _Class(lambda p: _vc(p + 1, "Dudley 1979"), _P),
    "balls_and_complements": _Class(lambda p: _vc(p + 2, "lifting to half-spaces, as commonly quoted"), _P),
    "axis_parallel_ellipsoids": _Class(lambda p: _vc(2 * p, "Akama and Irie 2011, as commonly quoted"), _P),
    "ellipsoids": _Class(lambda p: _vc(p * (p + 3) // 2, "Akama and Irie 2011, arXiv 1109.4347"), _P),
    "lines": _Class(_lines, optional=_K),
    "margin_halfspaces": _Class(
        lambda radius, margin, p: _vc(
            min(math.ceil((radius / margin) ** 2), p) + 1, "Vapnik 1998, as commonly quoted", exact=False
        ),
        (("radius", -1), ("margin", -1), ("p", 1)),
    ),
    "linear_threshold_networks": _Class(_threshold_networks, (("weights", 1), ("units", 1))),
    "finite_classes": _Class(
        lambda size: _vc(size.bit_length() - 1, "at most log2 of the number of hypotheses", exact=False), (("size", 1),)
    ),
    "conjunctions": _Class(lambda n: _vc(n, "Natschlager and Schmitt 1996, as commonly quoted; n <= 4 by search"), _N),
    "monotone_conjunctions": _Class(lambda n: _vc(n, "the unit vectors' complements are shattered; log2 of 2^n"), _N),
    "disjunctions": _Class(lambda n: _vc(n, "complements of conjunctions of the negated inputs"), _N),
    "parities": _Class(lambda n: _vc(n, "the unit vectors are shattered; log2 of 2^n"), _N),
    "juntas": _Class(lambda n: _vc((n + 1).bit_length(), "floor(log2(n + 1) + 1), constants included"), _N),
    "boolean_functions": _Class(
        lambda n: _vc(2**n, "all labelings of all inputs"), _N, growth=lambda n: lambda m: 1 << min(m, 2**n)
    ),
    "decision_trees": _Class(_trees, (("n", 1), ("depth", 0))),
    "stumps": _Class(lambda p: _vc(_stumps(p), "Leboeuf, LeBlanc and Marchand, NeurIPS 2020, abstract"), _P),
    "sine": _Class(
        lambda: _vc(math.inf, "x_i = 10^-i; Vapnik 1995, as commonly quoted"), growth=lambda: lambda m: 1 << m
    ),
    "nearest_neighbours": _Class(
        lambda k: _vc(math.inf, "k prototypes at every point, with its label"),
        optional=_K,
        growth=lambda k: lambda m: 1 << m,
    ),
}


def lookup(function: str, cls: Any, params: dict[str, Any]) -> Entry:
    """The entry of a class given by name and parameters, or by an object."""
    from goldfish.theory.classes import HypothesisClass

    if isinstance(cls, HypothesisClass):
        found = cls.catalogue()
        if isinstance(found, Entry):
            return found
        if found is None:
            raise ValueError(f"{function}: cls must be a class whose VC dimension is known, got {cls!r}")
        cls, params = found[0], {**found[1], **params}
    if not isinstance(cls, str):
        raise TypeError(f"{function}: cls must be a name or a hypothesis class, got {cls!r}")
    if cls in ORDERS:
        raise ValueError(f"{function}: cls must have a known number, got {cls!r}: ask vc_order for its order")
    if cls not in CATALOGUE:
        raise ValueError(f"{function}: cls must be one of {', '.join(CATALOGUE)}, got {cls!r}")
    row = CATALOGUE[cls]
    values = read_parameters(function, cls, params, row.required, row.optional)
    label = cls + (f"({', '.join(f'{key}={value}' for key, value in values.items())})" if values else "")
    growth = row.growth(**values) if row.growth else None
    counted = COUNTS.get(cls)
    hypotheses = values.get("size")
    if counted is not None and counted.finite and set(counted.required) == set(row.required):
        hypotheses = counted.count(**values) if values.get("n", 0) <= 64 else None
    return Entry(label, row.vc(**values), growth, row.growth_source, hypotheses)


def read_parameters(
    function: str,
    cls: str,
    params: dict[str, Any],
    required: tuple[tuple[str, int], ...],
    optional: tuple[tuple[str, int, int], ...] = (),
) -> dict[str, Any]:
    """The checked parameters of a named class; a smallest value of -1 stands for a positive real number."""
    values = {}
    for key, smallest in required:
        if key not in params:
            raise TypeError(f"{function}: {key} must be given for {cls!r}")
        if smallest < 0:
            values[key] = check.positive(function, key, params[key])
        else:
            values[key] = check.count(function, key, params[key], smallest)
    for key, smallest, default in optional:
        values[key] = check.count(function, key, params.get(key, default), smallest)
    extra = set(params) - set(values)
    if extra:
        raise TypeError(f"{function}: {cls!r} has no parameter {sorted(extra)[0]!r}")
    return values


def vc_dimension(cls: Any, **params: Any) -> VC:
    """The VC dimension of a class: the size of the largest set that it shatters.

    Parameters
    ----------
    cls : str or hypothesis class
        An object such as ``Intervals(k=2)`` or ``FiniteClass(table)``, or a name:

        * on the line: "thresholds", "signed_thresholds", "intervals" (k), "arcs" (k, on the circle), "sine"
        * in R^p: "halfspaces" (p), "homogeneous_halfspaces" (p), "polynomial_thresholds" (degree, p), "boxes" (p),
          "cubes" (p), "balls" (p), "balls_and_complements" (p), "axis_parallel_ellipsoids" (p), "ellipsoids" (p),
          "stumps" (p), "margin_halfspaces" (radius, margin, p), "linear_threshold_networks" (weights, units),
          "nearest_neighbours" (k), "function_spaces" (dimension: {f > 0} for the f of a vector space of functions)
        * in the plane: "rotated_rectangles", "triangles", "convex_polygons" (k), "convex_sets", "lines" (k)
        * on n bits: "conjunctions", "monotone_conjunctions", "disjunctions", "parities", "juntas", "boolean_functions"
          (n), "decision_trees" (n, depth)
        * "finite_classes" (size)

        Where only the order is known, as for ReLU and recurrent networks, ask `vc_order`.
    **params
        The parameters of a named class.

    Returns
    -------
    VC
        ``value`` (``math.inf`` if there is no largest), ``exact`` (False: an upper bound), ``source``.

    Raises
    ------
    ValueError
        If the class is unknown or a parameter is out of range.
    TypeError
        If a parameter is missing.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.vc_dimension("halfspaces", p=2).value
    3
    >>> theory.vc_dimension("rotated_rectangles").value
    7
    >>> theory.vc_dimension(theory.Intervals(k=4)).value
    8
    """
    return lookup("vc_dimension", cls, params).vc
