"""Classes on the line, and stumps, which look at one feature: sort once, count how often the label changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any, ClassVar

from goldfish.theory import _arguments as check
from goldfish.theory._points import Labels, Points
from goldfish.theory.classes.base import (
    Certificate,
    EnumeratedClass,
    Witness,
    check_limit,
    conflict_certificate,
    duplicate_conflict,
    is_conflict,
    list_points,
)


@dataclass(frozen=True)
class Union(Witness):
    """The union of closed intervals ``(low, high)``."""

    intervals: tuple[tuple[Fraction, Fraction], ...]

    def _labels(self, points: Points) -> Sequence[bool]:
        return [any(low <= x <= high for low, high in self.intervals) for (x,) in points.fractions()]


@dataclass(frozen=True)
class Stump(Witness):
    """Positive where ``x[feature] >= threshold``, or below it if not ``above``; a constant if the threshold is None."""

    feature: int
    threshold: Fraction | None
    above: bool = True

    def _labels(self, points: Points) -> Sequence[bool]:
        if self.threshold is None:
            return [self.above] * len(points)
        return [(x[self.feature] >= self.threshold) == self.above for x in points.fractions()]


def _require_line(function: str, name: str, points: Points) -> None:
    if points.p != 1:
        raise ValueError(f"{function}: X must have one column for {name}, got {points.p}")


def _groups(points: Points, feature: int) -> list[list[int]]:
    """The points in increasing order of a feature, equal ones together."""
    found: dict[int, list[int]] = {}
    for i, row in enumerate(points.rows):
        found.setdefault(row[feature], []).append(i)
    return [found[value] for value in sorted(found)]


def _group_masks(points: Points, feature: int) -> list[int]:
    return [sum(1 << i for i in group) for group in _groups(points, feature)]


def _runs(points: Points, labels: Labels, feature: int = 0) -> list[int]:
    """One point of each run of equal labels, in increasing order; a tie with both labels gives two runs."""
    chosen: list[int] = []
    for group in _groups(points, feature):
        for i in sorted(group, key=lambda i: bool(chosen) and labels[i] != labels[chosen[-1]]):
            if not chosen or labels[i] != labels[chosen[-1]]:
                chosen.append(i)
    return chosen


def _alternates(points: Points, labels: Labels, indices: Sequence[int], feature: int = 0) -> bool:
    """Whether the points increase strictly and their labels alternate."""
    return all(
        points.rows[i][feature] < points.rows[j][feature] and labels[i] != labels[j] for i, j in pairwise(indices)
    )


class Intervals(EnumeratedClass):
    """Unions of at most k closed intervals of the line.

    Parameters
    ----------
    k : int
        At least 1.
    """

    name: ClassVar[str] = "intervals"

    def __init__(self, k: int = 1) -> None:
        self.k = check.count("Intervals", "k", k, 1)

    def check_points(self, function: str, points: Points) -> None:
        """One column."""
        _require_line(function, "intervals", points)

    def catalogue(self) -> Any:
        """With k."""
        return self.name, {"k": self.k}

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """At most k runs of positive labels."""
        pair = duplicate_conflict(points, labels)
        if pair is not None:
            return conflict_certificate(pair)
        order = [i for group in _groups(points, 0) for i in group]
        spans: list[list[int]] = []
        for before, i in zip([None, *order], order, strict=False):
            if labels[i]:
                if before is None or not labels[before]:
                    spans.append([i, i])
                spans[-1][1] = i
        if len(spans) <= self.k:
            x = points.fractions()
            return Union(tuple((x[a][0], x[b][0]) for a, b in spans))
        runs = _runs(points, labels)
        chosen = tuple(runs[not labels[runs[0]] :][: 2 * self.k + 1])
        return Certificate(
            chosen, f"points {list_points(chosen)} in increasing order change sides more often than {self!r} can"
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """2k + 1 increasing points, positive first and last."""
        indices = certificate.indices
        if certificate.evidence == "conflict":
            return is_conflict(points, labels, indices)
        return len(indices) == 2 * self.k + 1 and labels[indices[0]] and _alternates(points, labels, indices)

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """Choose the ends of at most k intervals among the gaps."""
        groups = _group_masks(points, 0)
        below = [0]
        for group in groups:
            below.append(below[-1] | group)
        found = set()
        for j in range(self.k + 1):
            for cuts in combinations(range(len(below)), 2 * j):
                found.add(sum(below[high] ^ below[low] for low, high in zip(cuts[::2], cuts[1::2], strict=True)))
                check_limit(len(found), limit)
        return found

    def __repr__(self) -> str:
        return f"Intervals(k={self.k})"


class Stumps(EnumeratedClass):
    """Thresholds on one feature, in either direction, and the two constants."""

    name: ClassVar[str] = "stumps"

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """Some feature along which the label changes at most once."""
        if len(set(labels)) < 2:
            return Stump(0, None, above=bool(labels) and labels[0])
        x = points.fractions()
        violations = []
        for feature in range(points.p):
            stump = self._along(points, labels, feature, x)
            if isinstance(stump, Stump):
                return stump
            violations.append(stump)
        indices = tuple(sorted({i for chosen in violations for i in chosen}))
        return Certificate(
            indices,
            f"along every feature the labels of points {list_points(indices)} change sides more than once",
            evidence=violations,
        )

    def _along(
        self, points: Points, labels: Labels, feature: int, x: list[tuple[Fraction, ...]]
    ) -> Stump | tuple[int, ...]:
        groups = _groups(points, feature)
        tie = next((group for group in groups if len({labels[i] for i in group}) > 1), None)
        if tie is not None:
            return tie[0], next(i for i in tie if labels[i] != labels[tie[0]])
        runs = _runs(points, labels, feature)
        if len(runs) > 2:
            return tuple(runs[:3])
        return Stump(feature, x[runs[1]][feature], above=labels[runs[1]])

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """For every feature two tied points with both labels, or three increasing points that alternate."""
        if len(certificate.evidence) != points.p:
            return False
        for feature, chosen in enumerate(certificate.evidence):
            if len(chosen) == 2:
                i, j = chosen
                if points.rows[i][feature] != points.rows[j][feature] or labels[i] == labels[j]:
                    return False
            elif len(chosen) != 3 or not _alternates(points, labels, chosen, feature):
                return False
        return True

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """Every cut of every feature, in both directions."""
        everything = (1 << len(points)) - 1
        found = {0, everything}
        for feature in range(points.p):
            mask = 0
            for group in _group_masks(points, feature):
                mask |= group
                found |= {mask, everything ^ mask}
        check_limit(len(found), limit)
        return found


class SignedThresholds(Stumps):
    """Half-lines of the line in both directions: x >= t, or x < t."""

    name: ClassVar[str] = "signed_thresholds"

    def check_points(self, function: str, points: Points) -> None:
        """One column."""
        _require_line(function, "signed_thresholds", points)


class Thresholds(EnumeratedClass):
    """Half-lines x >= t."""

    name: ClassVar[str] = "thresholds"

    def check_points(self, function: str, points: Points) -> None:
        """One column."""
        _require_line(function, "thresholds", points)

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """All positive points above all negative ones."""
        positive = [i for i, label in enumerate(labels) if label]
        negative = [i for i, label in enumerate(labels) if not label]
        x = points.fractions()
        if not positive:
            return Stump(0, None, above=False)
        low = min(positive, key=lambda i: points.rows[i])
        if not negative or points.rows[max(negative, key=lambda i: points.rows[i])] < points.rows[low]:
            return Stump(0, x[low][0])
        high = max(negative, key=lambda i: points.rows[i])
        return Certificate((low, high), f"the positive point #{low} is not above the negative point #{high}")

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """A positive point that is not above a negative one."""
        if len(certificate.indices) != 2:
            return False
        low, high = certificate.indices
        return labels[low] and not labels[high] and points.rows[low] <= points.rows[high]

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """Every cut."""
        found, mask = [0], 0
        for group in reversed(_group_masks(points, 0)):
            mask |= group
            found.append(mask)
        check_limit(len(found), limit)
        return found
