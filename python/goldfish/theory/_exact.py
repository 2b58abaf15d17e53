"""Exact linear algebra on integer vectors: independence, and strict separation with a proof either way.

A finite set of vectors z_i either has a w with w.z_i > 0 for all i, or non-negative coefficients, not all zero, with
sum c_i z_i = 0 (Gordan 1873). `separate` returns one or the other. It runs the simplex method on integers: the
tableau is kept as integers over one common denominator, the last pivot, so that every division is exact (Bareiss
1968; Edmonds), and Bland's rule (1977) keeps it from cycling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from goldfish.theory._points import Row


@dataclass(frozen=True)
class Separation:
    """Either ``weights`` with a positive product with every vector, or a vanishing combination of some vectors."""

    weights: Row | None
    indices: tuple[int, ...] = ()
    coefficients: tuple[Fraction, ...] = ()


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    """The inner product."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def separate(vectors: Sequence[Row], *, floats_first: bool = False) -> Separation:
    """A strict separation of the vectors from the origin, or the proof that there is none; both are checked here.

    ``floats_first`` lets HiGHS propose the answer, which pays for many long vectors. What it proposes is checked in
    exact arithmetic, and the exact method runs if it does not hold.
    """
    if not vectors:
        return Separation(())
    found = _proposed(vectors) if floats_first else None
    found = found or _simplex(vectors)
    if not is_valid(vectors, found):
        raise ArithmeticError("separate: a result of exact arithmetic did not pass its check; please report this")
    return found


def is_valid(vectors: Sequence[Row], found: Separation) -> bool:
    """Whether a separation is what it says."""
    if found.weights is not None:
        return all(dot(found.weights, z) > 0 for z in vectors)
    if not found.indices or any(c <= 0 for c in found.coefficients) or sum(found.coefficients) != 1:
        return False
    chosen = [vectors[i] for i in found.indices]
    return all(
        sum(c * z[j] for c, z in zip(found.coefficients, chosen, strict=True)) == 0 for j in range(len(chosen[0]))
    )


def _simplex(vectors: Sequence[Row]) -> Separation:
    """Phase one for: c >= 0, sum c_i z_i = 0, sum c_i = 1. Its optimal dual is the separating vector if it fails."""
    n, rows = len(vectors), len(vectors[0]) + 1
    tableau = [
        [z[r] if r + 1 < rows else 1 for z in vectors] + [int(r == s) for s in range(rows)] + [int(r + 1 == rows)]
        for r in range(rows)
    ]
    # The last row holds the reduced costs of "sum of the artificial variables", negated.
    objective = [sum(row[j] for row in tableau) for j in range(n)] + [0] * rows + [1]
    basis = list(range(n, n + rows))
    denominator = 1
    while True:
        column = next((j for j in range(n) if objective[j] > 0), None)
        if column is None:
            break
        r = _leaving_row(tableau, basis, column)
        denominator = _pivot(tableau, objective, r, column, denominator)
        basis[r] = column
    if objective[-1] > 0:
        # The duals stand under the artificial variables: 1 - reduced cost.
        dual = [denominator + objective[n + s] for s in range(rows)]
        weights = tuple(-value for value in dual[:-1])
        common = math.gcd(*weights) or 1
        return Separation(tuple(value // common for value in weights))
    support = sorted((j, row[-1]) for j, row in zip(basis, tableau, strict=True) if j < n and row[-1] > 0)
    return Separation(None, tuple(j for j, _ in support), tuple(Fraction(value, denominator) for _, value in support))


def _leaving_row(tableau: list[list[int]], basis: list[int], column: int) -> int:
    """The row of the smallest ratio, among equals the one whose variable has the smallest number."""
    candidates = [r for r, row in enumerate(tableau) if row[column] > 0]
    best = candidates[0]
    for r in candidates[1:]:
        left, right = tableau[r][-1] * tableau[best][column], tableau[best][-1] * tableau[r][column]
        if left < right or (left == right and basis[r] < basis[best]):
            best = r
    return best


def _pivot(tableau: list[list[int]], objective: list[int], r: int, column: int, denominator: int) -> int:
    """One pivot on integers; returns the new common denominator."""
    pivot_row = tableau[r]
    pivot = pivot_row[column]
    for other in (*(row for i, row in enumerate(tableau) if i != r), objective):
        factor = other[column]
        other[:] = [
            (value * pivot - factor * above) // denominator for value, above in zip(other, pivot_row, strict=True)
        ]
    return pivot


def _proposed(vectors: Sequence[Row]) -> Separation | None:
    """What HiGHS says about max t with z_i.w >= t, |w_j| <= 1, if it holds exactly."""
    from scipy import optimize

    largest = [max(map(abs, z)) or 1 for z in vectors]
    Z = np.array([[float(Fraction(v, top)) for v in z] for z, top in zip(vectors, largest, strict=True)])
    n, p = Z.shape
    result = optimize.linprog(
        np.r_[np.zeros(p), -1.0],
        A_ub=np.c_[-Z, np.ones(n)],
        b_ub=np.zeros(n),
        bounds=[(-1, 1)] * p + [(None, 1)],
        method="highs",
    )
    if result.status != 0:
        return None
    weights = _integers([Fraction(float(w)) for w in result.x[:p]])
    candidate = Separation(weights)
    if is_valid(vectors, candidate):
        return candidate
    support = [int(i) for i in np.flatnonzero(np.abs(result.ineqlin.marginals) > 1e-9)]
    if not support:
        return None
    inner = _simplex([vectors[i] for i in support])
    if inner.weights is not None:
        return None
    return Separation(None, tuple(support[i] for i in inner.indices), inner.coefficients)


def _integers(values: Sequence[Fraction]) -> Row:
    """A positive multiple of rational numbers that is integer."""
    common = math.lcm(*(value.denominator for value in values))
    return tuple(int(value * common) for value in values)


def first_dependence(vectors: Sequence[Row]) -> tuple[tuple[int, ...], tuple[Fraction, ...]] | None:
    """The first vector that depends on those before it, as the dependence: indices and coefficients that are not zero.

    Those before it are independent, so the dependence is unique up to a factor and no part of it is dependent. None if
    all vectors are independent.
    """
    reduced: list[tuple[int, list[int], dict[int, int]]] = []
    for i, vector in enumerate(vectors):
        current, combination = list(vector), {i: 1}
        for pivot, row, origin in reduced:
            factor, head = current[pivot], row[pivot]
            if factor == 0:
                continue
            common = math.gcd(factor, head)
            keep, take = head // common, factor // common
            current = [keep * a - take * b for a, b in zip(current, row, strict=True)]
            combination = {
                k: keep * combination.get(k, 0) - take * origin.get(k, 0) for k in combination.keys() | origin
            }
        if not any(current):
            chosen = sorted((k, c) for k, c in combination.items() if c)
            return tuple(k for k, _ in chosen), tuple(Fraction(c) for _, c in chosen)
        reduced.append((next(j for j, value in enumerate(current) if value), current, combination))
    return None
