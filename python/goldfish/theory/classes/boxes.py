"""Boxes: parallel to the axes in any dimension, and rectangles of any orientation in the plane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import ClassVar, TypeAlias

import numpy as np

from goldfish.theory._exact import dot
from goldfish.theory._points import Labels, Points, Row
from goldfish.theory.classes.base import Certificate, EnumeratedClass, Witness, check_limit, list_points

Vector: TypeAlias = tuple[int, int]

# So many points fit into the bits of an int64.
_WORD = 62


@dataclass(frozen=True)
class Box(Witness):
    """The closed box ``low <= x <= high``, coordinate by coordinate; empty if there are no bounds."""

    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]

    def _labels(self, points: Points) -> Sequence[bool]:
        if not self.low:
            return [False] * len(points)
        bounds = list(zip(self.low, self.high, strict=True))
        return [all(low <= v <= high for v, (low, high) in zip(x, bounds, strict=True)) for x in points.fractions()]


@dataclass(frozen=True)
class RotatedRectangle(Witness):
    """The closed rectangle ``low <= (u.x, v.x) <= high``, u = (a, b) = ``direction``, v = (-b, a); perhaps empty."""

    direction: Vector
    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]

    def _labels(self, points: Points) -> Sequence[bool]:
        if not self.low:
            return [False] * len(points)
        box = Box(self.low, self.high)
        return box._labels(_rotated(points, self.direction))


def _rotated(points: Points, direction: Vector) -> Points:
    """The points in the coordinates along a direction and across it, both stretched by its length."""
    a, b = direction
    rows = tuple((a * x + b * y, a * y - b * x) for x, y in points.rows)
    return Points(rows, points.scale, 2, points.original)


def _bounding_box(points: Points, labels: Labels) -> tuple[Row, Row] | None:
    """For each coordinate the positive points of the smallest and the largest value."""
    positive = [i for i, label in enumerate(labels) if label]
    if not positive:
        return None
    low = tuple(min(positive, key=lambda i: points.rows[i][j]) for j in range(points.p))
    high = tuple(max(positive, key=lambda i: points.rows[i][j]) for j in range(points.p))
    return low, high


def _trapped(points: Points, labels: Labels, low: Row, high: Row) -> int | None:
    """A negative point in the bounding box of the positive ones."""
    rows = points.rows
    bounds = [(rows[i][j], rows[k][j]) for j, (i, k) in enumerate(zip(low, high, strict=True))]
    for q, label in enumerate(labels):
        if not label and all(a <= v <= b for v, (a, b) in zip(rows[q], bounds, strict=True)):
            return q
    return None


def _box_masks(points: Points, limit: int) -> Iterable[int]:
    """The labelings by boxes: intersections of a range in each coordinate."""
    tables = [_ranges(points, j) for j in range(points.p)]
    if len(points) > _WORD:
        return reduce(
            lambda found, table: _checked({a & b for a in found for b in table}, limit), tables[1:], set(tables[0])
        )
    found = np.array(tables[0], dtype=np.int64)
    for table in tables[1:]:
        parts = [np.unique(found & mask) for mask in table]
        found = np.unique(np.concatenate(parts))
        check_limit(len(found), limit)
    return [int(mask) for mask in found]


def _checked(found: set[int], limit: int) -> set[int]:
    check_limit(len(found), limit)
    return found


def _ranges(points: Points, j: int) -> list[int]:
    """The points whose coordinate j lies in a range, for all ranges, the empty one first."""
    groups: dict[int, int] = {}
    for i, row in enumerate(points.rows):
        groups[row[j]] = groups.get(row[j], 0) | 1 << i
    below = [0]
    for value in sorted(groups):
        below.append(below[-1] | groups[value])
    return [0, *{high ^ low for k, high in enumerate(below) for low in below[:k]}]


class Boxes(EnumeratedClass):
    """Closed boxes of R^p with sides parallel to the axes; they may be empty."""

    name: ClassVar[str] = "boxes"

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """The bounding box of the positive points contains no negative one."""
        bounds = _bounding_box(points, labels)
        if bounds is None:
            return Box((), ())
        low, high = bounds
        q = _trapped(points, labels, low, high)
        if q is None:
            x = points.fractions()
            return Box(tuple(x[i][j] for j, i in enumerate(low)), tuple(x[i][j] for j, i in enumerate(high)))
        indices = tuple(sorted({*low, *high, q}))
        return Certificate(
            indices,
            f"the negative point #{q} lies in the bounding box of the positive points "
            f"{list_points(sorted({*low, *high}))}",
            evidence=q,
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """The negative point lies between two of the positive ones in every coordinate."""
        q, rows = certificate.evidence, points.rows
        positive = [i for i in certificate.indices if labels[i]]
        if labels[q] or not positive:
            return False
        return all(
            min(rows[i][j] for i in positive) <= rows[q][j] <= max(rows[i][j] for i in positive)
            for j in range(points.p)
        )

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """A range in every coordinate."""
        return _box_masks(points, limit)


def cross(a: Vector, b: Vector) -> int:
    """Positive if b lies counterclockwise of a."""
    return a[0] * b[1] - a[1] * b[0]


def quarter_turn(a: Vector) -> Vector:
    """The vector turned by 90 degrees counterclockwise."""
    return -a[1], a[0]


def critical_directions(differences: Iterable[Vector]) -> list[Vector]:
    """The orientations in [0, 90) degrees at which a difference is parallel to a side, in increasing order."""
    found: dict[Fraction, Vector] = {}
    for x, y in differences:
        if (x, y) == (0, 0):
            continue
        while not (x > 0 and y >= 0):
            x, y = -y, x
        found.setdefault(Fraction(y, x), (x, y))
    return [found[slope] for slope in sorted(found)]


def cells(critical: list[Vector]) -> list[tuple[Vector, Vector]]:
    """The arcs between neighbouring critical directions; together they are a quarter turn."""
    critical = critical or [(1, 0)]
    return list(zip(critical, [*critical[1:], quarter_turn(critical[0])], strict=True))


class RotatedRectangles(EnumeratedClass):
    """Closed rectangles of the plane in any orientation; they may be empty.

    A rectangle of a given orientation that contains the positive points contains their bounding rectangle in that
    orientation. Which negative points that contains changes only at critical orientations, where a side is parallel
    to the difference of two points, and a rectangle that works at one works nearby: so one orientation inside each of
    the finitely many cells between them decides.
    """

    name: ClassVar[str] = "rotated_rectangles"

    def check_points(self, function: str, points: Points) -> None:
        """Two columns."""
        if points.p != 2:
            raise ValueError(f"{function}: X must have two columns for rotated_rectangles, got {points.p}")

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """An orientation of each cell is tried."""
        if True not in labels:
            return RotatedRectangle((1, 0), (), ())
        rows = points.rows
        positive = [i for i, label in enumerate(labels) if label]
        negative = [i for i, label in enumerate(labels) if not label]
        differences = ((rows[q][0] - rows[p][0], rows[q][1] - rows[p][1]) for q in negative for p in positive)
        arcs = []
        for start, end in cells(critical_directions(differences)):
            direction = (start[0] + end[0], start[1] + end[1])
            turned = _rotated(points, direction)
            low, high = _bounding_box(turned, labels) or ((), ())
            q = _trapped(turned, labels, low, high)
            if q is None:
                x = turned.fractions()
                return RotatedRectangle(direction, (x[low[0]][0], x[low[1]][1]), (x[high[0]][0], x[high[1]][1]))
            arcs.append((start, end, q, (high[0], high[1], low[0], low[1])))
        indices = tuple(sorted({i for _, _, q, extreme in arcs for i in (q, *extreme)}))
        reason = (
            f"in each of {len(arcs)} ranges of orientations, which cover all, the bounding rectangle of positive points"
            f" among {list_points(indices)} contains a negative one"
        )
        return Certificate(indices, reason, evidence=arcs)

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """The ranges add up to a quarter turn; in each, positive points lie beyond the negative one on all four sides.

        A side's normal n sees p beyond q if n.(p - q) >= 0; if that holds at both ends of a range of less than a half
        turn, it holds between them.
        """
        arcs = certificate.evidence
        if any(end != following[0] for (_, end, _, _), following in pairwise(arcs)):
            return False
        if arcs[-1][1] != quarter_turn(arcs[0][0]):
            return False
        for start, end, q, extreme in arcs:
            if cross(start, end) <= 0 or dot(start, end) < 0 or labels[q] or not all(labels[p] for p in extreme):
                return False
            for p in extreme:
                step = (points.rows[p][0] - points.rows[q][0], points.rows[p][1] - points.rows[q][1])
                if dot(start, step) < 0 or dot(end, step) < 0:
                    return False
                start, end = quarter_turn(start), quarter_turn(end)
        return True

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """The labelings by boxes in the coordinates of one orientation of each cell."""
        rows = points.rows
        differences = ((b[0] - a[0], b[1] - a[1]) for i, a in enumerate(rows) for b in rows[:i])
        found: set[int] = set()
        for start, end in cells(critical_directions(differences)):
            turned = _rotated(points, (start[0] + end[0], start[1] + end[1]))
            found.update(_box_masks(turned, limit))
            check_limit(len(found), limit)
        return found
