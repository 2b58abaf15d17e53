"""Nearest neighbours: with prototypes anywhere, with fixed prototypes and free labels, or fixed altogether."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

from goldfish.theory import _arguments as check
from goldfish.theory._points import Labels, Points, mask_of, read_labels, read_points
from goldfish.theory.classes.base import (
    Certificate,
    EnumeratedClass,
    Witness,
    check_limit,
    conflict_certificate,
    duplicate_conflict,
    is_conflict,
)

_MOST_PROTOTYPES = 20


@dataclass(frozen=True)
class NearestNeighbourRule(Witness):
    """Positive where more than half of the k nearest prototypes are; of equally near ones the first comes first."""

    prototypes: Points
    labels: Labels
    k: int

    def _labels(self, points: Points) -> Sequence[bool]:
        near = _nearest(points, self.prototypes, self.k)
        return [2 * sum(self.labels[i] for i in chosen) > self.k for chosen in near]


def _nearest(points: Points, prototypes: Points, k: int) -> list[list[int]]:
    """The k nearest prototypes of each point, by exact squared distances."""
    s, t = points.scale, prototypes.scale
    found = []
    for x in points.rows:
        distance = [sum((a * t - b * s) ** 2 for a, b in zip(x, q, strict=True)) for q in prototypes.rows]
        found.append(sorted(range(len(distance)), key=lambda i: (distance[i], i))[:k])
    return found


class NearestNeighbours(EnumeratedClass):
    """k-nearest-neighbour rules.

    Parameters
    ----------
    k : int or None
        The number of neighbours. None, with ``labels``: every k from 1 to the number of prototypes, so that k is the
        only free parameter.
    prototypes : array_like of shape (M, p), optional
        Fixed training points. Without them training points may be anywhere and repeated, so that only equal points with
        different labels are impossible: the VC dimension is infinite.
    labels : array_like of shape (M,), optional
        The prototypes' labels, 0 and 1 or -1 and +1. Without them the labels are free, for at most 20 prototypes if k
        > 1.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.shatters([[0], [1], [2]], theory.NearestNeighbours(k=1))
    True
    >>> fixed = theory.NearestNeighbours(k=None, prototypes=[[0], [1], [3]], labels=[1, 0, 0])
    >>> theory.dichotomies([[0], [2]], fixed).tolist()
    [[False, False], [True, False]]
    """

    name: ClassVar[str] = "nearest_neighbours"

    def __init__(self, k: int | None = 1, *, prototypes: Any = None, labels: Any = None) -> None:
        self.prototypes = None if prototypes is None else read_points("NearestNeighbours", prototypes)
        self.labels: Labels | None = None
        if labels is not None:
            if self.prototypes is None:
                raise TypeError("NearestNeighbours: prototypes must be given with labels")
            self.labels = read_labels("NearestNeighbours", labels, len(self.prototypes))
        if k is None and self.labels is None:
            raise TypeError("NearestNeighbours: labels must be given if k is None")
        self.k = None if k is None else check.count("NearestNeighbours", "k", k, 1)
        if self.prototypes is not None:
            if self.k is not None and self.k > len(self.prototypes):
                raise ValueError(
                    f"NearestNeighbours: k must be at most the number of prototypes {len(self.prototypes)}, got {k}"
                )
            if self.labels is None and self.k != 1 and len(self.prototypes) > _MOST_PROTOTYPES:
                raise ValueError(
                    f"NearestNeighbours: prototypes must be at most {_MOST_PROTOTYPES} if their labels are free and "
                    "k > 1, "
                    f"got {len(self.prototypes)}"
                )

    def check_points(self, function: str, points: Points) -> None:
        """As many columns as the prototypes."""
        if self.prototypes is not None and points.p != self.prototypes.p:
            raise ValueError(f"{function}: X must have {self.prototypes.p} columns like the prototypes, got {points.p}")

    def _rules(self, points: Points) -> Iterable[NearestNeighbourRule]:
        """All rules, for fixed prototypes that leave finitely many; for k = 1 the labels that matter."""
        fixed = self.prototypes
        assert fixed is not None
        if self.labels is not None:
            for k in [self.k] if self.k is not None else range(1, len(fixed) + 1):
                yield NearestNeighbourRule(fixed, self.labels, k)
            return
        assert self.k is not None
        near = sorted({i for chosen in _nearest(points, fixed, self.k) for i in chosen})
        for values in product((False, True), repeat=len(near)):
            labels = dict(zip(near, values, strict=True))
            yield NearestNeighbourRule(fixed, tuple(labels.get(i, False) for i in range(len(fixed))), self.k)

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """A conflict of equal points, of points with the same nearest prototype, or no rule among all."""
        if self.prototypes is None:
            pair = duplicate_conflict(points, labels)
            if pair is not None:
                return conflict_certificate(pair)
            k = self.k or 1
            repeated = [i for i in range(len(points)) for _ in range(k)]
            return NearestNeighbourRule(points.subset(repeated), tuple(labels[i] for i in repeated), k)
        if self.labels is None and self.k == 1:
            return self._by_nearest(points, labels)
        for rule in self._rules(points):
            if tuple(rule._labels(points)) == labels:
                return rule
        return Certificate(
            tuple(range(len(points))), "all rules were tried, and none gives these labels", evidence="all"
        )

    def _by_nearest(self, points: Points, labels: Labels) -> Witness | Certificate:
        assert self.prototypes is not None
        owner: dict[int, int] = {}
        for i, (q,) in enumerate(_nearest(points, self.prototypes, 1)):
            first = owner.setdefault(q, i)
            if labels[first] != labels[i]:
                reason = f"points #{first} and #{i} have the same nearest prototype {q} but different labels"
                return Certificate((first, i), reason, evidence=q)
        chosen = tuple(q in owner and labels[owner[q]] for q in range(len(self.prototypes)))
        return NearestNeighbourRule(self.prototypes, chosen, 1)

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """The conflict is there; or all rules are tried once more."""
        if certificate.evidence == "conflict":
            return is_conflict(points, labels, certificate.indices)
        if certificate.evidence == "all":
            return mask_of(labels) not in set(self.masks(points, 1 << 24))
        i, j = certificate.indices
        assert self.prototypes is not None
        first, second = _nearest(points.subset([i, j]), self.prototypes, 1)
        return first == second == [certificate.evidence] and labels[i] != labels[j]

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """Free labels of groups of points, or the labels that each rule gives."""
        if self.prototypes is None:
            groups: dict[tuple[int, ...], int] = {}
            for i, row in enumerate(points.rows):
                groups[row] = groups.get(row, 0) | 1 << i
            return _unions(list(groups.values()), limit)
        if self.labels is None and self.k == 1:
            owners: dict[int, int] = {}
            for i, (q,) in enumerate(_nearest(points, self.prototypes, 1)):
                owners[q] = owners.get(q, 0) | 1 << i
            return _unions(list(owners.values()), limit)
        return {mask_of(tuple(rule._labels(points))) for rule in self._rules(points)}

    def catalogue(self) -> Any:
        """Infinite, or at most the logarithm of the number of rules."""
        if self.prototypes is None:
            return self.name, {"k": self.k}
        return None

    def __repr__(self) -> str:
        return f"NearestNeighbours(k={self.k})" if self.prototypes is None else f"NearestNeighbours(k={self.k}, ...)"


def _unions(groups: list[int], limit: int) -> list[int]:
    """All unions of disjoint groups."""
    found = [0]
    for group in groups:
        check_limit(2 * len(found), limit)
        found += [mask | group for mask in found]
    return found
