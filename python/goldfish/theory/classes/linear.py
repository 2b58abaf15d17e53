"""Classes that are linear in their parameters: half-spaces, polynomial thresholds, balls by lifting.

A point x becomes a vector phi(x); a rule is a sign of w.phi(x). With y_i phi(x_i) for z_i, a labeling can be realised
iff the z_i can be strictly separated from the origin, and otherwise some positive combination of them vanishes
(Gordan, Farkas, Radon). N points are shattered iff their phi(x_i) are linearly independent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from math import lcm, prod
from typing import Any, ClassVar

from goldfish import _core
from goldfish.theory import _arguments as check
from goldfish.theory._exact import Separation, dot, first_dependence, is_valid, separate
from goldfish.theory._points import Labels, Points, Row, ratio
from goldfish.theory.classes.base import Certificate, HypothesisClass, Witness, check_limit, list_points

# Longer problems are shown to HiGHS first, unless the caller forbids it.
_LONG = 200
# What the core takes: masks of 63 bits, numbers of 64.
_MASK_BITS = 63
_WORD = 1 << 63


@dataclass(frozen=True)
class LinearRule(Witness):
    """Positive where ``weights . phi(x) > 0``.

    Attributes
    ----------
    weights : tuple of int
        Exact. For half-spaces in R^p the last of p + 1 weights is the constant.
    """

    weights: tuple[int, ...]
    lift: Callable[[Points], Sequence[Row]]

    def _labels(self, points: Points) -> Sequence[bool]:
        if not self.weights:
            return [False] * len(points)
        return [dot(self.weights, z) > 0 for z in self.lift(points)]


def grow_labelings(vectors: Sequence[Row], extra: Sequence[Row], limit: int) -> Iterable[int]:
    """All labelings by linear rules, as masks; ``extra`` are vectors that a rule must be positive on.

    A labeling of the first k vectors is kept with its rule. That rule labels the next vector for nothing, so at most
    the other label is decided. Without ``extra`` the negated rule gives the opposite labels, so half of them suffice.
    """
    found: dict[int, Row] = {0: ()}
    for k, z in enumerate(vectors):
        grown: dict[int, Row] = {}
        for mask, weights in found.items():
            value = dot(weights, z) if weights else 0
            for label in (False, True) if extra or k else (True,):
                extended = mask | label << k
                if value and (value > 0) == label:
                    grown[extended] = weights
                    continue
                signed = [v if extended >> i & 1 else tuple(-a for a in v) for i, v in enumerate(vectors[: k + 1])]
                answer = separate([*signed, *extra])
                if answer.weights is not None:
                    grown[extended] = answer.weights
        found = grown
        check_limit(len(found), limit)
    everything = (1 << len(vectors)) - 1
    return found if extra or not vectors else [*found, *(everything ^ mask for mask in found)]


def _sides(indices: Sequence[int], labels: Labels) -> tuple[list[int], list[int]]:
    return [i for i in indices if labels[i]], [i for i in indices if not labels[i]]


def _hulls(indices: Sequence[int], labels: Labels) -> str:
    """The reason where a coordinate is constant, so that both sides have the same total weight."""
    positive, negative = _sides(indices, labels)
    return (
        f"the convex hulls of the positive points {list_points(positive)} and the negative points "
        f"{list_points(negative)} meet"
    )


class LinearInParameters(HypothesisClass):
    """Rules ``w.phi(x) > 0`` that are also strict on the negative side."""

    floats_first: bool | None = None

    @abstractmethod
    def lift(self, points: Points) -> Sequence[Row]:
        """Positive multiples of phi(x_i) in integers; the same factor for all points."""

    def extra(self, length: int) -> list[Row]:
        """Vectors that the weights must also have a positive product with."""
        return []

    def rule(self, weights: Row, points: Points) -> Witness:
        """The witness that the weights stand for."""
        return LinearRule(weights, self.lift)

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """A separating rule, or coefficients of a vanishing combination."""
        vectors = self._signed(points, labels)
        if not vectors:
            return self.rule((), points)
        return self._answer(points, labels, self._separate(vectors))

    def _signed(self, points: Points, labels: Labels) -> list[Row]:
        lifted = self.lift(points)
        signed = [z if label else tuple(-v for v in z) for z, label in zip(lifted, labels, strict=True)]
        return signed + self.extra(len(lifted[0])) if signed else []

    def _separate(self, vectors: Sequence[Row]) -> Separation:
        first = self.floats_first
        return separate(vectors, floats_first=len(vectors) * len(vectors[0]) > _LONG if first is None else first)

    def _answer(self, points: Points, labels: Labels, found: Separation) -> Witness | Certificate:
        if found.weights is not None:
            return self.rule(found.weights, points)
        own = [(i, c) for i, c in zip(found.indices, found.coefficients, strict=True) if i < len(points)]
        total = sum((c for _, c in own), Fraction(0))
        indices = tuple(i for i, _ in own)
        coefficients = tuple(c / total for _, c in own)
        return Certificate(indices, self.reason(indices, labels), coefficients)

    def reason(self, indices: Sequence[int], labels: Labels) -> str:
        """The certificate in words."""
        positive, negative = _sides(indices, labels)
        if not positive or not negative:
            return f"a positive combination of the features of points {list_points(indices)} vanishes"
        return (
            f"a positive combination of the features of the positive points {list_points(positive)} equals one of the "
            f"negative points {list_points(negative)}"
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Whether the combination vanishes."""
        if certificate.coefficients is None:
            return False
        lifted = self.lift(points)
        signed = [lifted[i] if labels[i] else tuple(-v for v in lifted[i]) for i in certificate.indices]
        return is_valid(signed, Separation(None, tuple(range(len(signed))), certificate.coefficients))

    def is_shattered(self, points: Points) -> bool:
        """Independence; no labeling is tried."""
        return first_dependence(self.lift(points)) is None

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """By growing prefixes: in the core where 128 bits suffice, else in Python's integers."""
        lifted = self.lift(points)
        extra = self.extra(len(lifted[0])) if lifted else []
        if len(lifted) <= _MASK_BITS and all(abs(v) < _WORD for z in lifted for v in z):
            found = _core.linear_labelings(lifted, extra, limit)
            if found is not None:
                check_limit(len(found), limit)
                return found
        return grow_labelings(lifted, extra, limit)

    def failing_labels(self, points: Points) -> Labels | None:
        """The signs of a dependence cannot be realised."""
        dependence = first_dependence(self.lift(points))
        if dependence is None:
            return None
        signs = dict(zip(*dependence, strict=True))
        return tuple(signs.get(i, Fraction(-1)) > 0 for i in range(len(points)))


class Halfspaces(LinearInParameters):
    """Affine half-spaces of R^p: ``w.x + b > 0``, and strictly negative for the other points."""

    name: ClassVar[str] = "halfspaces"

    def lift(self, points: Points) -> Sequence[Row]:
        """(x, 1)."""
        return [(*row, points.scale) for row in points.rows]

    def reason(self, indices: Sequence[int], labels: Labels) -> str:
        """The certificate in words."""
        return _hulls(indices, labels)


class HomogeneousHalfspaces(LinearInParameters):
    """Half-spaces through the origin of R^p: ``w.x > 0``."""

    name: ClassVar[str] = "homogeneous_halfspaces"

    def lift(self, points: Points) -> Sequence[Row]:
        """The points themselves."""
        return list(points.rows)


class PolynomialThresholds(LinearInParameters):
    """Signs of polynomials of at most some degree in p variables."""

    name: ClassVar[str] = "polynomial_thresholds"

    def __init__(self, degree: int) -> None:
        self.degree = check.count("PolynomialThresholds", "degree", degree, 1)

    def lift(self, points: Points) -> Sequence[Row]:
        """All monomials."""
        s, top = points.scale, self.degree
        choices = [c for k in range(top + 1) for c in combinations_with_replacement(range(points.p), k)]
        return [tuple(prod(row[j] for j in c) * s ** (top - len(c)) for c in choices) for row in points.rows]

    def catalogue(self) -> Any:
        """The degree; p is asked for."""
        return self.name, {"degree": self.degree}

    def __repr__(self) -> str:
        return f"PolynomialThresholds(degree={self.degree})"


class LinearClass(LinearInParameters):
    """Signs of linear combinations of your own features: ``sum_j w_j phi_j(x) > 0``.

    Parameters
    ----------
    features : callable
        Takes a point as a tuple of `fractions.Fraction` and returns its features: ints, Fractions, or floats, which are
        used as the exact binary fractions that they are.

    Examples
    --------
    >>> from goldfish import theory
    >>> cross = theory.LinearClass(lambda x: (x[0] * x[1], 1))
    >>> theory.realize([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1], cross) is not None
    True
    """

    name: ClassVar[str] = "linear"

    def __init__(self, features: Callable[[tuple[Fraction, ...]], Sequence[Any]]) -> None:
        if not callable(features):
            raise TypeError(f"LinearClass: features must be callable, got {features!r}")
        self.features = features

    def _call(self, x: tuple[Fraction, ...]) -> Sequence[Any]:
        values = self.features(x)
        if not isinstance(values, Iterable):
            raise TypeError(f"LinearClass: features must return a sequence of numbers, got {values!r}")
        return list(values)

    def lift(self, points: Points) -> Sequence[Row]:
        """The features, times a common denominator that is the same for all points of all calls only up to sign."""
        ratios = [
            [ratio("LinearClass", "features", value, i, j) for j, value in enumerate(self._call(x))]
            for i, x in enumerate(points.fractions())
        ]
        if len({len(row) for row in ratios}) > 1 or [] in ratios:
            raise ValueError("LinearClass: features must return equally many numbers for every point, at least one")
        common = lcm(*(denominator for row in ratios for _, denominator in row)) if ratios else 1
        return [tuple(numerator * (common // denominator) for numerator, denominator in row) for row in ratios]

    def catalogue(self) -> Any:
        """Unknown: it depends on the features."""
        return None

    def __repr__(self) -> str:
        return f"LinearClass({self.features!r})"


@dataclass(frozen=True)
class Ball(Witness):
    """The closed ball of squared radius ``radius_squared`` around ``center``; empty if it is negative."""

    center: tuple[Fraction, ...]
    radius_squared: Fraction

    def _labels(self, points: Points) -> Sequence[bool]:
        return [
            sum((a - c) ** 2 for a, c in zip(x, self.center, strict=True)) <= self.radius_squared
            for x in points.fractions()
        ]


def _lifted_to_paraboloid(points: Points) -> list[Row]:
    s = points.scale
    return [(-dot(row, row), *(s * value for value in row), s * s) for row in points.rows]


class BallsAndComplements(LinearInParameters):
    """Balls and their complements, half-spaces among them: half-spaces for the lifted points (-x.x, x, 1)."""

    name: ClassVar[str] = "balls_and_complements"

    def lift(self, points: Points) -> Sequence[Row]:
        """(-|x|^2, x, 1)."""
        return _lifted_to_paraboloid(points)

    def reason(self, indices: Sequence[int], labels: Labels) -> str:
        """The certificate in words."""
        return "lifted to the paraboloid, " + _hulls(indices, labels)


class Balls(BallsAndComplements):
    """Closed balls of R^p, disks in the plane; they may be empty.

    A ball is a half-space for the points (-x.x, x, 1) whose first weight is positive. So the combination that proves
    the opposite need not vanish in the first coordinate; it may be negative there.
    """

    name: ClassVar[str] = "balls"

    def extra(self, length: int) -> list[Row]:
        """The weight of -|x|^2 is positive."""
        return [(1, *[0] * (length - 1))]

    def rule(self, weights: Row, points: Points) -> Witness:
        """The ball -a|x|^2 + b.x + c >= 0 has the centre b/2a and the squared radius c/a + |b/2a|^2."""
        if not weights:
            return Ball((Fraction(0),) * points.p, Fraction(-1))
        a, *b, c = weights
        center = tuple(Fraction(value, 2 * a) for value in b)
        return Ball(center, Fraction(c, a) + sum((value * value for value in center), Fraction(0)))

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Whether the combination vanishes, up to a first coordinate that no positive weight can make up for."""
        c = certificate.coefficients
        if not c or any(value <= 0 for value in c) or sum(c) != 1:
            return False
        lifted = self.lift(points)
        total = [
            sum(
                value * (lifted[i][j] if labels[i] else -lifted[i][j])
                for value, i in zip(c, certificate.indices, strict=True)
            )
            for j in range(len(lifted[0]))
        ]
        return total[0] <= 0 and not any(total[1:])

    def is_shattered(self, points: Points) -> bool:
        """Growing prefixes; balls have no rank rule."""
        return all(
            len(dict.fromkeys(self.masks(points.subset(range(k)), 1 << k))) == 1 << k for k in range(1, len(points) + 1)
        )

    def failing_labels(self, points: Points) -> Labels | None:
        """By enumeration."""
        return HypothesisClass.failing_labels(self, points)

    def reason(self, indices: Sequence[int], labels: Labels) -> str:
        """The certificate in words."""
        positive, negative = _sides(indices, labels)
        return (
            f"a weighted mean of the positive points {list_points(positive)} is one of the negative points "
            f"{list_points(negative)}, whose mean square "
            "is no larger: a ball around the former contains one of the latter"
        )
