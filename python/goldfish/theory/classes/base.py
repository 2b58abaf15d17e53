"""What every hypothesis class has in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from goldfish.theory._points import Labels, Points, labels_of, read_points


class Witness(ABC):
    """A hypothesis of a class, found for a labeling."""

    _columns: ClassVar[int | None] = None

    def predict(self, X: Any) -> npt.NDArray[np.bool_]:
        """The labels of points X of shape (N, p), in exact arithmetic; True is positive."""
        points = read_points("predict", X)
        if self._columns not in (None, points.p):
            raise ValueError(f"predict: X must have {self._columns} columns, got {points.p}")
        return np.array(self._labels(points), dtype=bool)

    @abstractmethod
    def _labels(self, points: Points) -> Sequence[bool]: ...


@dataclass(frozen=True)
class Certificate:
    """The proof that a labeling cannot be realised.

    Attributes
    ----------
    indices : tuple of int
        Points on which the labeling already fails; from `refute` and `minimal_unshattered` minimal under inclusion.
    statement : str
        The reason in one sentence.
    coefficients : tuple of Fraction or None
        For classes that are linear in their parameters: positive numbers c of sum 1, one for each index, with
        ``sum c_i y_i phi(x_i) = 0``, y_i = +1 or -1. For half-spaces phi(x) = (x, 1).
    proved : bool
        False if a user's class only says so.
    """

    indices: tuple[int, ...]
    statement: str
    coefficients: tuple[Fraction, ...] | None = None
    proved: bool = True
    evidence: Any = field(default=None, repr=False)

    def renumbered(self, numbers: Sequence[int]) -> Certificate:
        """The same proof for points that have other numbers; in statements a point's number follows a #."""
        statement = re.sub(r"#(\d+)", lambda match: f"#{numbers[int(match[1])]}", self.statement)
        return replace(self, indices=tuple(numbers[i] for i in self.indices), statement=statement)


class HypothesisClass(ABC):
    """A set of rules that label points; decides which labelings of given points some rule produces.

    A new class implements ``decide`` and ``verify``. The rest works by growing labelings point by point, which is right
    because a rule that labels all points also labels the first few.
    """

    name: ClassVar[str]
    domain: ClassVar[str] = "reals"
    exact: bool = True

    @abstractmethod
    def decide(self, points: Points, labels: Labels) -> Any:
        """A witness for the labeling, or a `Certificate` that there is none."""

    @abstractmethod
    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Whether the certificate proves the labeling impossible, by exact arithmetic on the points alone."""

    def check_points(self, function: str, points: Points) -> None:  # noqa: B027
        """Raise a ValueError if the class is not defined on such points."""

    def catalogue(self) -> Any:
        """The class's name and parameters in the catalogue, an entry of its own, or None."""
        return self.name, {}

    def settle(self, points: Points, labels: Labels) -> Any:
        """The same as ``decide``, checked: the witness predicts the labels, or the certificate is verified."""
        answer = self.decide(points, labels)
        if isinstance(answer, Certificate):
            if not self.verify(points, labels, answer):
                raise ArithmeticError(f"{self!r}: a certificate did not pass its check; please report this")
        elif tuple(answer._labels(points)) != labels:
            raise ArithmeticError(f"{self!r}: a witness does not predict the labels; please report this")
        else:
            # Witnesses are frozen, and only this one place knows how many columns they were made for.
            object.__setattr__(answer, "_columns", points.p)
        return answer

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """All labelings that can be realised; bit i of a mask is the label of point i."""
        found = [0]
        for k in range(1, len(points) + 1):
            found = self._extend(points.subset(range(k)), found)
            check_limit(len(found), limit)
        return found

    def is_shattered(self, points: Points) -> bool:
        """Whether all labelings can be realised; stops at the first prefix that is not shattered."""
        found = [0]
        for k in range(1, len(points) + 1):
            found = self._extend(points.subset(range(k)), found)
            if len(found) < 1 << k:
                return False
        return True

    def _extend(self, points: Points, found: list[int]) -> list[int]:
        last = len(points) - 1
        candidates = (mask | label << last for mask in found for label in (0, 1))
        return [
            mask for mask in candidates if not isinstance(self.settle(points, labels_of(mask, last + 1)), Certificate)
        ]

    def failing_labels(self, points: Points) -> Labels | None:
        """A labeling that cannot be realised, or None."""
        found = {int(mask) for mask in self.masks(points, 1 << 24)}
        missing = next((mask for mask in range(len(found) + 1) if mask not in found), None)
        return None if missing is None or missing >= 1 << len(points) else labels_of(missing, len(points))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class EnumeratedClass(HypothesisClass):
    """A class that lists the labelings of points directly, much faster than by deciding one after the other."""

    def is_shattered(self, points: Points) -> bool:
        """Whether all labelings can be realised; stops at the first prefix that is not shattered."""
        return all(len(set(self.masks(points.subset(range(k)), 1 << k))) == 1 << k for k in range(1, len(points) + 1))


class TooManyLabelings(Exception):
    """More labelings than the limit allows; the public functions turn it into a ValueError that names them."""


def check_limit(count: int, limit: int) -> None:
    """Stop an enumeration that grows too large."""
    if count > limit:
        raise TooManyLabelings


def list_points(indices: Iterable[int]) -> str:
    """Point numbers as statements print them."""
    return "[" + ", ".join(f"#{i}" for i in indices) + "]"


def duplicate_conflict(points: Points, labels: Labels) -> tuple[int, int] | None:
    """Two equal points with different labels: (positive, negative)."""
    seen: dict[tuple[int, ...], int] = {}
    for i, row in enumerate(points.rows):
        first = seen.setdefault(row, i)
        if labels[first] != labels[i]:
            return (first, i) if labels[first] else (i, first)
    return None


def is_conflict(points: Points, labels: Labels, pair: tuple[int, ...]) -> bool:
    """Whether two points are equal and labelled differently."""
    i, j = pair
    return points.rows[i] == points.rows[j] and labels[i] != labels[j]


def conflict_certificate(pair: tuple[int, int]) -> Certificate:
    """Equal points cannot have different labels, whatever the class."""
    first, second = sorted(pair)
    statement = f"points #{first} and #{second} are equal but labelled differently"
    return Certificate((first, second), statement, evidence="conflict")


def minimise(fails: Callable[[Sequence[int]], bool], indices: Iterable[int]) -> tuple[int, ...]:
    """A subset, minimal under inclusion, on which something that grows with the set still fails."""
    kept = list(indices)
    for i in list(kept):
        rest = [j for j in kept if j != i]
        if fails(rest):
            kept = rest
    return tuple(kept)
