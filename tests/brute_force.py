"""Plain decision procedures that a student can verify: the oracle for the exact deciders."""

import itertools
from fractions import Fraction

import numpy as np
from scipy import optimize


def labelings(n):
    return list(itertools.product((False, True), repeat=n))


def as_sets(rows):
    return {tuple(bool(v) for v in row) for row in np.asarray(rows).reshape(len(rows), -1)}


def separable(vectors, labels, extra=()):
    """By floating-point linear programming; only for small integers, where a margin of 1e-6 is certain."""
    Z = np.array([v if y else [-a for a in v] for v, y in zip(vectors, labels, strict=True)] + list(extra), dtype=float)
    p = Z.shape[1]
    cost = np.r_[np.zeros(p), -1.0]
    limits = [(-1, 1)] * p + [(None, 1)]
    result = optimize.linprog(cost, A_ub=np.c_[-Z, np.ones(len(Z))], b_ub=np.zeros(len(Z)), bounds=limits)
    return -result.fun > 1e-7


def halfspace(X, labels):
    return separable([(*x, 1) for x in X], labels)


def homogeneous_halfspace(X, labels):
    return separable(X, labels)


def ball(X, labels):
    return separable([(-sum(a * a for a in x), *x, 1) for x in X], labels, [[1.0, *[0.0] * (len(X[0]) + 1)]])


def ball_or_complement(X, labels):
    return separable([(-sum(a * a for a in x), *x, 1) for x in X], labels)


def box(X, labels):
    """Every box whose bounds are coordinates of points, and the empty one."""
    if not any(labels):
        return True
    inside = [x for x, y in zip(X, labels, strict=True) if y]
    low, high = [min(c) for c in zip(*inside, strict=True)], [max(c) for c in zip(*inside, strict=True)]
    return all(
        y or not all(a <= v <= b for a, v, b in zip(low, x, high, strict=True)) for x, y in zip(X, labels, strict=True)
    )


def rectangle(X, labels):
    """A fine grid of orientations: finds most rectangles, invents none."""
    if not any(labels) or all(labels):
        return True
    angle = np.arange(2000) * (np.pi / 4000) + 1e-4
    points, y = np.array(X, float), np.array(labels)
    along = points @ np.stack([np.cos(angle), np.sin(angle)])
    across = points @ np.stack([-np.sin(angle), np.cos(angle)])
    gaps = []
    for side in (along, -along, across, -across):
        gaps.append(side[~y] - side[y].max(axis=0))
    return bool((np.maximum.reduce(gaps).min(axis=0) > 1e-9).any())


def union_of_intervals(X, labels, k):
    """All choices of k pairs of values."""
    values = sorted({x[0] for x in X})
    spans = [(a, b) for a in values for b in values if a <= b] + [(1, 0)]
    for chosen in itertools.combinations_with_replacement(spans, k):
        if all(any(a <= x[0] <= b for a, b in chosen) == y for x, y in zip(X, labels, strict=True)):
            return True
    return False


def threshold(X, labels, signed):
    cuts = [*(x[0] for x in X), max(x[0] for x in X) + 1]
    rules = [[x[0] >= t for x in X] for t in cuts]
    if signed:
        rules += [[not v for v in rule] for rule in rules]
    return list(labels) in rules


def stump(X, labels):
    return any(threshold([[x[j]] for x in X], labels, signed=True) for j in range(len(X[0])))


def tree(X, labels, depth):
    """Try every cut at every node, without memory."""
    if len(set(labels)) < 2:
        return True
    if depth == 0:
        return False
    for j in range(len(X[0])):
        for cut in sorted({x[j] for x in X}):
            below = [i for i, x in enumerate(X) if x[j] <= cut]
            above = [i for i, x in enumerate(X) if x[j] > cut]
            if above and all(
                tree([X[i] for i in side], [labels[i] for i in side], depth - 1) for side in (below, above)
            ):
                return True
    return False


def conjunction(X, labels, *, monotone=False, allow_false=False):
    if allow_false and not any(labels):
        return True
    for literals in itertools.product((None, 1) if monotone else (None, 0, 1), repeat=len(X[0])):
        if all(
            all(v in (None, a) for v, a in zip(literals, x, strict=True)) == y for x, y in zip(X, labels, strict=True)
        ):
            return True
    return False


def disjunction(X, labels):
    return conjunction(X, [not y for y in labels])


def parity(X, labels):
    return any(
        all(sum(a for a, s in zip(x, subset, strict=True) if s) % 2 == y for x, y in zip(X, labels, strict=True))
        for subset in itertools.product((0, 1), repeat=len(X[0]))
    )


def junta(X, labels):
    rules = [[False] * len(X), [True] * len(X)]
    rules += [[x[j] == value for x in X] for j in range(len(X[0])) for value in (0, 1)]
    return list(labels) in rules


def rank(rows):
    """By Gaussian elimination on fractions."""
    rows, found = [[Fraction(v) for v in row] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            factor = rows[i][column] / rows[found][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def vc_dimension(table):
    """The largest set of columns that shows all patterns."""
    table = np.asarray(table, bool)
    best = 0
    for size in range(1, table.shape[1] + 1):
        columns = itertools.combinations(range(table.shape[1]), size)
        if not any(len(np.unique(table[:, list(c)], axis=0)) == 2**size for c in columns):
            break
        best = size
    return best


def largest_shattered_set(columns, cells, chosen=(), start=0, best=()):
    """Depth first over sets of columns, which are bit sets over rows; the plain form of what the core does."""
    best = max(best, chosen, key=len)
    for j in range(start, len(columns)):
        needed = 1 << (len(best) - len(chosen))
        split = [part for cell in cells for part in (cell & columns[j], cell & ~columns[j])]
        if all(part.bit_count() >= needed for part in split):
            best = largest_shattered_set(columns, split, (*chosen, j), j + 1, best)
    return best
