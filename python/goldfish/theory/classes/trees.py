"""Decision trees of bounded depth; each node compares one feature with a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

import numpy as np

from goldfish.theory import _arguments as check
from goldfish.theory._points import Labels, Points, mask_of
from goldfish.theory.classes.base import Certificate, EnumeratedClass, Witness, check_limit

_WORD = 62


@dataclass(frozen=True)
class Node:
    """Go to ``below`` if ``x[feature] <= threshold``, else to ``above``; each is a Node or a label."""

    feature: int
    threshold: Fraction
    below: Node | bool
    above: Node | bool


Tree: TypeAlias = Node | bool
Split: TypeAlias = tuple[int, int, Fraction]


@dataclass(frozen=True)
class DecisionTree(Witness):
    """A decision tree; ``root`` is a Node, or a label if the tree is a constant."""

    root: Tree

    def _labels(self, points: Points) -> Sequence[bool]:
        return [_walk(self.root, x) for x in points.fractions()]


def _walk(tree: Tree, x: tuple[Fraction, ...]) -> bool:
    while isinstance(tree, Node):
        tree = tree.below if x[tree.feature] <= tree.threshold else tree.above
    return tree


def _splits(points: Points) -> list[Split]:
    """All ways to cut the points in two: (the points below as a mask, feature, threshold)."""
    found: dict[int, Split] = {}
    for feature in range(points.p):
        values = sorted({row[feature] for row in points.rows})
        for low, high in pairwise(values):
            below = sum(1 << i for i, row in enumerate(points.rows) if row[feature] <= low)
            found.setdefault(below, (below, feature, Fraction(low + high, 2 * points.scale)))
    return list(found.values())


class DecisionTrees(EnumeratedClass):
    """Binary decision trees of at most some depth over real (or binary) features.

    Parameters
    ----------
    depth : int
        The largest number of comparisons on a path; 0 leaves the constants.
    """

    name: ClassVar[str] = "decision_trees"

    def __init__(self, depth: int) -> None:
        self.depth = check.count("DecisionTrees", "depth", depth)

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """Search with memory for which sets of points a tree of which depth gives the labels."""
        search = _Search(_splits(points), mask_of(labels))
        everything = (1 << len(points)) - 1
        tree = search.solve(everything, self.depth)
        if tree is not None:
            return DecisionTree(tree)
        indices = tuple(range(len(points)))
        reason = f"whichever feature and threshold is compared first, one side fails with depth {self.depth - 1}"
        if self.depth == 0:
            reason = "a constant cannot give both labels"
        return Certificate(
            indices, reason, evidence=frozenset(key for key, value in search.known.items() if value is None)
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Each listed (set, depth) has both labels, and each of its cuts a side that is listed with one less depth."""
        positive, splits = mask_of(labels), _splits(points)
        failing: frozenset[tuple[int, int]] = certificate.evidence
        if ((1 << len(points)) - 1, self.depth) not in failing:
            return False
        for mask, depth in failing:
            if mask & positive in (0, mask):
                return False
            sides = {(mask & below, mask & ~below) for below, _, _ in splits if depth > 0}
            for below, above in sides:
                if below and above and (below, depth - 1) not in failing and (above, depth - 1) not in failing:
                    return False
        return True

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """Level by level: what a deeper tree says is what two shallower ones say on the two sides of a cut."""
        n, splits = len(points), [below for below, _, _ in _splits(points)]
        everything = (1 << n) - 1
        kind = np.int64 if n <= _WORD else object
        found = np.array(sorted({0, everything}), dtype=kind)
        for _ in range(self.depth):
            parts = [found]
            for below in splits:
                left, right = np.unique(found & below), np.unique(found & (everything ^ below))
                check_limit(max(len(left), len(right)), limit)
                check_limit(len(left) * len(right), 64 * limit)
                parts.append(np.unique((left[:, None] | right[None, :]).ravel()))
            grown = np.unique(np.concatenate(parts))
            check_limit(len(grown), limit)
            if len(grown) == len(found):
                break
            found = grown
        return [int(mask) for mask in found]

    def catalogue(self) -> Any:
        """Known for n bits only."""
        return None

    def __repr__(self) -> str:
        return f"DecisionTrees(depth={self.depth})"


class _Search:
    """Which sets of points can be labelled by a tree of which depth."""

    def __init__(self, splits: list[Split], positive: int) -> None:
        self.splits, self.positive = splits, positive
        self.known: dict[tuple[int, int], Tree | None] = {}

    def solve(self, mask: int, depth: int) -> Tree | None:
        inside = mask & self.positive
        if inside in (0, mask):
            return inside != 0
        key = (mask, depth)
        if key not in self.known:
            self.known[key] = self._split(mask, depth) if depth > 0 else None
        return self.known[key]

    def _split(self, mask: int, depth: int) -> Tree | None:
        tried = set()
        for below, feature, threshold in self.splits:
            left, right = mask & below, mask & ~below
            if not left or not right or left in tried:
                continue
            tried.add(left)
            first = self.solve(left, depth - 1)
            second = None if first is None else self.solve(right, depth - 1)
            if first is not None and second is not None:
                return Node(feature, threshold, first, second)
        return None
