"""Classes on n bits: conjunctions, disjunctions, parities, juntas, all functions. The columns of X are the bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from goldfish.theory._points import Labels, Points, Row
from goldfish.theory.classes.base import (
    Certificate,
    HypothesisClass,
    Witness,
    conflict_certificate,
    duplicate_conflict,
    is_conflict,
    list_points,
)


class BitClass(HypothesisClass):
    """A class whose points have coordinates 0 and 1."""

    domain: ClassVar[str] = "bits"

    def check_points(self, function: str, points: Points) -> None:
        """Zeros and ones."""
        for i, row in enumerate(points.rows):
            for j, value in enumerate(row):
                if value not in (0, points.scale):
                    raise ValueError(
                        f"{function}: X must hold 0 and 1 for {self.name}, got {points.original[i][j]} at row {i}, "
                        f"column {j}"
                    )


def _bits(points: Points) -> list[Row]:
    return [tuple(int(value != 0) for value in row) for row in points.rows]


@dataclass(frozen=True)
class Conjunction(Witness):
    """True where each literal ``(bit, value)`` holds, nowhere if ``literals`` is None; turned round by ``negated``."""

    literals: tuple[tuple[int, int], ...] | None
    negated: bool = False

    def _labels(self, points: Points) -> Sequence[bool]:
        if self.literals is None:
            return [self.negated] * len(points)
        return [all(x[j] == value for j, value in self.literals) != self.negated for x in _bits(points)]


class Conjunctions(BitClass):
    """Conjunctions of literals over n bits, the empty one (constant true) included.

    Parameters
    ----------
    monotone : bool
        Whether only unnegated bits are allowed.
    allow_false : bool
        Whether the constant false belongs to the class.
    """

    name: ClassVar[str] = "conjunctions"

    def __init__(self, *, monotone: bool = False, allow_false: bool = False) -> None:
        self.monotone, self.allow_false = monotone, allow_false

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """The most specific conjunction that the positive points allow."""
        rows = _bits(points)
        positive = [i for i, label in enumerate(labels) if label]
        negative = [i for i, label in enumerate(labels) if not label]
        if not positive:
            return self._without_positive(rows, negative, points.p)
        literals = tuple(
            (j, rows[positive[0]][j])
            for j in range(points.p)
            if len({rows[i][j] for i in positive}) == 1 and (rows[positive[0]][j] == 1 or not self.monotone)
        )
        trapped = next((q for q in negative if all(rows[q][j] == value for j, value in literals)), None)
        if trapped is None:
            return Conjunction(literals)
        reason = (
            f"the negative point #{trapped} satisfies every literal that the positive points "
            f"{list_points(positive)} share"
        )
        return Certificate((*positive, trapped), reason, evidence=trapped)

    def _without_positive(self, rows: list[Row], negative: list[int], n: int) -> Witness | Certificate:
        if self.allow_false or not negative:
            return Conjunction(None if self.allow_false else ())
        taken = {rows[i]: i for i in negative}
        if self.monotone:
            ones = (1,) * n
            if ones not in taken:
                return Conjunction(tuple((j, 1) for j in range(n)))
            reason = "every monotone conjunction is true at the input of ones"
            return Certificate((taken[ones],), reason, evidence=taken[ones])
        free = _first_free(taken.keys(), n)
        if free is not None:
            return Conjunction(tuple(enumerate(free)))
        return Certificate(
            tuple(sorted(taken.values())),
            "the negative points cover all inputs, and the constant false is not in the class",
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """A negative point shares what the positive points share, or the negative points are all inputs."""
        rows = _bits(points)
        positive = [rows[i] for i in certificate.indices if labels[i]]
        if certificate.evidence is None:
            covered = {rows[i] for i in certificate.indices if not labels[i]}
            return not self.allow_false and not self.monotone and len(covered) == 2**points.p
        if labels[certificate.evidence]:
            return False
        q = rows[certificate.evidence]
        if not positive:
            return self.monotone and not self.allow_false and all(q)
        return all(
            any(x[j] == q[j] for x in positive) or (self.monotone and any(x[j] == 0 for x in positive))
            for j in range(points.p)
        )

    def catalogue(self) -> Any:
        """The monotone ones have their own name."""
        return None if self.allow_false else ("monotone_conjunctions" if self.monotone else self.name, {})

    def __repr__(self) -> str:
        return f"Conjunctions(monotone={self.monotone}, allow_false={self.allow_false})"


def _first_free(taken: Any, n: int) -> Row | None:
    """The first input that is not taken; at most len(taken) + 1 are looked at."""
    for k in range(min(2**n, len(taken) + 1)):
        row = tuple(k >> j & 1 for j in range(n))
        if row not in taken:
            return row
    return None


class Disjunctions(BitClass):
    """Disjunctions of literals over n bits, the empty one (constant false) included: negations of conjunctions."""

    name: ClassVar[str] = "disjunctions"

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """The conjunction for the opposite labels, turned round."""
        answer = Conjunctions().decide(points, tuple(not label for label in labels))
        if isinstance(answer, Certificate):
            return Certificate(
                answer.indices, f"for the opposite labels and conjunctions, {answer.statement}", evidence=answer
            )
        assert isinstance(answer, Conjunction)
        return Conjunction(answer.literals, negated=True)

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """As for conjunctions."""
        return Conjunctions().verify(points, tuple(not label for label in labels), certificate.evidence)


@dataclass(frozen=True)
class Parity(Witness):
    """True where an odd number of the ``bits`` is 1."""

    bits: tuple[int, ...]

    def _labels(self, points: Points) -> Sequence[bool]:
        return [sum(x[j] for j in self.bits) % 2 == 1 for x in _bits(points)]


class Parities(BitClass):
    """Parities of subsets of n bits: linear functions over the field of two elements."""

    name: ClassVar[str] = "parities"

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """Gaussian elimination; each row remembers the points that it is the sum of."""
        n = points.p
        reduced: list[tuple[int, int, int]] = []
        for i, (row, label) in enumerate(zip(_bits(points), labels, strict=True)):
            value, origin = sum(bit << j for j, bit in enumerate(row)) | label << n, 1 << i
            for pivot, other, other_origin in reduced:
                if value >> pivot & 1:
                    value, origin = value ^ other, origin ^ other_origin
            bits = value & ((1 << n) - 1)
            if bits:
                pivot = bits.bit_length() - 1
                reduced = [(p, v ^ value, o ^ origin) if v >> pivot & 1 else (p, v, o) for p, v, o in reduced]
                reduced.append((pivot, value, origin))
            elif value:
                chosen = tuple(k for k in range(len(points)) if origin >> k & 1)
                return Certificate(
                    chosen,
                    f"points {list_points(chosen)} add up to zero modulo 2, but an odd number of them is positive",
                )
        return Parity(tuple(sorted(pivot for pivot, value, _ in reduced if value >> n & 1)))

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Every bit is 1 an even number of times, the label an odd number of times."""
        rows = _bits(points)
        even = all(sum(rows[i][j] for i in certificate.indices) % 2 == 0 for j in range(points.p))
        return even and sum(labels[i] for i in certificate.indices) % 2 == 1


class Juntas(BitClass):
    """Functions of one bit: the literals and the two constants."""

    name: ClassVar[str] = "juntas"

    def _rules(self, n: int) -> list[Conjunction]:
        literals = [Conjunction(((j, value),)) for j in range(n) for value in (0, 1)]
        return [Conjunction(()), Conjunction(None), *literals]

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """All of them are tried."""
        wrong = []
        for rule in self._rules(points.p):
            predicted = rule._labels(points)
            miss = next((i for i, label in enumerate(labels) if predicted[i] != label), None)
            if miss is None:
                return rule
            wrong.append(miss)
        indices = tuple(sorted(set(wrong)))
        return Certificate(
            indices,
            f"each of the {len(wrong)} functions of one bit is wrong at one of the points {list_points(indices)}",
            evidence=wrong,
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Every function is wrong at its point."""
        rules = self._rules(points.p)
        if len(rules) != len(certificate.evidence):
            return False
        return all(rule._labels(points)[i] != labels[i] for rule, i in zip(rules, certificate.evidence, strict=True))


@dataclass(frozen=True)
class Table(Witness):
    """True at the listed inputs."""

    inputs: frozenset[Row]

    def _labels(self, points: Points) -> Sequence[bool]:
        return [x in self.inputs for x in _bits(points)]


class BooleanFunctions(BitClass):
    """All functions of n bits."""

    name: ClassVar[str] = "boolean_functions"

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """Only equal inputs with different labels are impossible."""
        pair = duplicate_conflict(points, labels)
        if pair is not None:
            return conflict_certificate(pair)
        return Table(frozenset(x for x, label in zip(_bits(points), labels, strict=True) if label))

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Two equal inputs."""
        return is_conflict(points, labels, certificate.indices)
