"""How many hypotheses a finite class has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from goldfish.theory import _arguments as check

_LARGEST_SEARCH = 10**7
_LARGEST_POWER = 2**24


@dataclass(frozen=True)
class _Count:
    count: Callable[..., int]
    required: tuple[tuple[str, int], ...]
    flags: tuple[str, ...] = ()
    finite: bool = True
    largest: int = 2**22


def _syntactic_trees(n: int, depth: int) -> int:
    """T(0) = 2, T(k, m) = 2 + m T(k-1, m-1)^2: no feature twice on a path."""
    total = 2
    for features in range(max(n - depth, 0) + 1, n + 1):
        total = 2 + features * total * total
    return total


def _terms(n: int, k: int) -> int:
    """Conjunctions of at most k literals of n variables, the empty one included."""
    return sum(math.comb(n, i) * 2**i for i in range(min(n, k) + 1))


_N = (("n", 1),)

COUNTS: dict[str, _Count] = {
    "conjunctions": _Count(lambda n, allow_false=False: 3**n + allow_false, _N, ("allow_false",)),
    "monotone_conjunctions": _Count(lambda n: 2**n, _N),
    "disjunctions": _Count(lambda n: 3**n, _N),
    "boolean_functions": _Count(lambda n: 1 << (1 << n), _N, finite=False, largest=24),
    "parities": _Count(lambda n: 2**n, _N),
    "juntas": _Count(lambda n: 2 * n + 2, _N),
    "k_dnf": _Count(lambda n, k: 1 << _terms(n, k), (("n", 1), ("k", 1))),
    "k_cnf": _Count(lambda n, k: 1 << _terms(n, k), (("n", 1), ("k", 1))),
    "decision_lists": _Count(lambda n: math.factorial(n) * 4**n, _N, largest=10**5),
    "decision_trees": _Count(_syntactic_trees, (("n", 1), ("depth", 0))),
    "nearest_neighbours": _Count(lambda n: n, _N, finite=False, largest=10**15),
}


def hypothesis_count(cls: str, *, distinct: bool = False, **params: Any) -> int:
    """The number of hypotheses in a finite class, for `sample_complexity_finite`.

    Parameters
    ----------
    cls : str
        * "conjunctions" (n, allow_false=False): 3^n, one more with the constant false
        * "monotone_conjunctions" (n): 2^n; "disjunctions" (n): 3^n; "parities" (n): 2^n
        * "juntas" (n): 2n + 2, the literals and the constants; "boolean_functions" (n): 2^(2^n)
        * "k_dnf", "k_cnf" (n, k): 2 to the number of terms, an upper bound on the functions
        * "decision_lists" (n): n! 4^n, an upper bound on the functions
        * "decision_trees" (n, depth): trees that use no feature twice on a path; ``distinct=True`` counts functions
        * "nearest_neighbours" (n): n, one for each k, as the training set of n points is fixed
    distinct : bool
        For trees: count the different functions, by search, rather than the trees.
    **params
        As listed: ints of at least 1 (depth: 0).

    Returns
    -------
    int
        Exact, of any size.

    Raises
    ------
    ValueError
        If the class is unknown, a parameter is out of range, or the search would be too large.
    TypeError
        If a parameter is missing.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.hypothesis_count("conjunctions", n=10)
    59049
    >>> (
    ...     theory.hypothesis_count("decision_trees", n=3, depth=2),
    ...     theory.hypothesis_count("decision_trees", n=3, depth=2, distinct=True),
    ... )
    (302, 62)
    """
    from goldfish.theory.catalogue import read_parameters

    name = "hypothesis_count"
    distinct = check.truth(name, "distinct", distinct)
    if not isinstance(cls, str):
        raise TypeError(f"{name}: cls must be a name, got {cls!r}")
    if cls not in COUNTS:
        raise ValueError(f"{name}: cls must be one of {', '.join(COUNTS)}, got {cls!r}")
    row = COUNTS[cls]
    flags = {key: check.truth(name, key, params.pop(key)) for key in row.flags if key in params}
    values = read_parameters(name, cls, params, row.required)
    if values["n"] > row.largest:
        raise ValueError(
            f"{name}: n must be at most {row.largest} for {cls!r}, got {values['n']}; use log_h for larger ones"
        )
    if cls in ("k_dnf", "k_cnf") and _terms(**values) > _LARGEST_POWER:
        raise ValueError(f"{name}: n and k must be smaller for {cls!r}, got {values}: the number has over 2^24 bits")
    if cls == "decision_trees":
        if distinct:
            return _count_distinct_trees(**values)
        if min(values["n"], values["depth"]) > 24:
            raise ValueError(f"{name}: depth must be at most 24 for 'decision_trees', got {values['depth']}")
    if distinct and cls in ("k_dnf", "k_cnf", "decision_lists"):
        raise ValueError(
            f"{name}: distinct must be False for {cls!r}: different formulas of one function are not searched for"
        )
    return int(row.count(**values, **flags))


def _count_distinct_trees(n: int, depth: int) -> int:
    if depth >= n and n <= 24:
        return 1 << (1 << n)
    return len(distinct_trees(n, depth))


def distinct_trees(n: int, depth: int) -> set[int]:
    """The truth tables of all functions of n bits that trees of this depth compute; bit x is the value at input x."""
    if n > 10:
        raise ValueError(f"hypothesis_count: n must be at most 10 to count distinct trees, got {n}")
    everything = (1 << (1 << n)) - 1
    features = [sum(1 << x for x in range(1 << n) if x >> j & 1) for j in range(n)]
    tables = {0, everything}
    for _ in range(depth):
        if len(tables) ** 2 * n > _LARGEST_SEARCH:
            raise ValueError(
                f"hypothesis_count: n = {n} and depth = {depth} must be smaller to count distinct trees: "
                f"{len(tables)}^2 * {n} combinations exceed {_LARGEST_SEARCH}"
            )
        tables = tables | {
            (one & feature) | (zero & ~feature & everything)
            for feature in features
            for one in tables
            for zero in tables
        }
    return tables
