"""Classes that users bring: a table of predictions, a decision procedure, a parametrised rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from goldfish.theory import _arguments as check
from goldfish.theory._points import Labels, Points, mask_of
from goldfish.theory.classes.base import (
    Certificate,
    EnumeratedClass,
    HypothesisClass,
    Witness,
    check_limit,
    list_points,
)
from goldfish.theory.results import VC


@dataclass(frozen=True)
class TableRow(Witness):
    """A hypothesis of a finite class: the row ``index`` of its table."""

    index: int
    values: tuple[bool, ...]

    def _labels(self, points: Points) -> Sequence[bool]:
        for i, (column,) in enumerate(points.rows):
            if column % points.scale or not 0 <= column // points.scale < len(self.values):
                raise ValueError(f"predict: X must hold column numbers below {len(self.values)}, not so at row {i}")
        return [self.values[column // points.scale] for (column,) in points.rows]


class FiniteClass(EnumeratedClass):
    """A finite class over a finite domain: row h, column x of a table is the prediction of hypothesis h at point x.

    Points are column numbers, so X has the shape (N, 1).

    Parameters
    ----------
    table : array_like of bool, shape (H, M)

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.shatters([[0], [1]], theory.FiniteClass([[0, 0], [0, 1], [1, 0], [1, 1]]))
    True
    """

    name: ClassVar[str] = "finite"
    domain: ClassVar[str] = "columns"

    def __init__(self, table: Any) -> None:
        from goldfish.theory.search import read_table

        self.table = read_table("FiniteClass", "table", table)

    def check_points(self, function: str, points: Points) -> None:
        """Column numbers."""
        for i, row in enumerate(points.rows):
            if len(row) != 1 or row[0] % points.scale or not 0 <= row[0] // points.scale < self.table.shape[1]:
                raise ValueError(
                    f"{function}: X must hold one column number below {self.table.shape[1]} in each row, "
                    f"got {points.original[i].tolist()} at row {i}"
                )

    def _patterns(self, points: Points) -> Any:
        return self.table[:, [row[0] // points.scale for row in points.rows]]

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """A row of the table, or a point for every row at which it is wrong."""
        wrong = self._patterns(points) != np.array(labels, dtype=bool)
        right = np.flatnonzero(~wrong.any(axis=1))
        if len(right):
            return TableRow(int(right[0]), tuple(self.table[right[0]].tolist()))
        misses = wrong.argmax(axis=1)
        indices = tuple(sorted({int(i) for i in misses}))
        return Certificate(
            indices,
            f"each of the {len(self.table)} hypotheses is wrong at one of the points {list_points(indices)}",
            evidence=misses,
        )

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Every hypothesis is wrong at its point."""
        patterns, misses = self._patterns(points), certificate.evidence
        return len(misses) == len(patterns) and all(patterns[h, i] != labels[i] for h, i in enumerate(misses))

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """The distinct rows."""
        found = {mask_of(row) for row in np.unique(self._patterns(points), axis=0).tolist()}
        check_limit(len(found), limit)
        return found

    def catalogue(self) -> Any:
        """Its VC dimension is computed."""
        from goldfish.theory.catalogue import Entry
        from goldfish.theory.search import vc_dimension_finite

        value = vc_dimension_finite(self.table).dim
        rows = len(np.unique(self.table, axis=0))
        return Entry(f"a finite class of {rows}", VC(value, True, "exhaustive search of the table"), hypotheses=rows)

    def __repr__(self) -> str:
        return f"FiniteClass({self.table.shape[0]} hypotheses, {self.table.shape[1]} points)"


@dataclass(frozen=True)
class ForeignWitness(Witness):
    """A user's hypothesis: anything with ``predict(X)``; truthy and positive values are positive."""

    hypothesis: Any

    def predict(self, X: Any) -> Any:
        """What the hypothesis says."""
        return np.asarray(self.hypothesis.predict(X)).astype(float) > 0

    def _labels(self, points: Points) -> Sequence[bool]:
        return [bool(value) for value in self.predict(points.original)]


class CallableClass(HypothesisClass):
    """A class by its own decision procedure.

    Parameters
    ----------
    realize : callable
        ``realize(X, y)`` takes an array of shape (N, p) and labels 0 and 1, and returns an object with
        ``predict(X)``, or None if no hypothesis gives these labels. A yes is checked by ``predict``; a no is taken on
        trust.
    name : str

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import theory
    >>> class Constant:
    ...     def __init__(self, value):
    ...         self.value = value
    ...
    ...     def predict(self, X):
    ...         return np.full(len(X), self.value)
    >>> constants = theory.CallableClass(lambda X, y: Constant(y[0]) if len(set(y)) == 1 else None)
    >>> theory.growth_on_sample([[0], [1], [2]], constants)
    2
    """

    name: ClassVar[str] = "callable"

    def __init__(self, realize: Callable[[Any, Any], Any], *, name: str = "a user's class") -> None:
        if not callable(realize):
            raise TypeError(f"CallableClass: realize must be callable, got {realize!r}")
        self.realize, self.label = realize, name

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """Ask the user's procedure."""
        answer = self.realize(points.original, np.array(labels, dtype=np.int64))
        if answer is None:
            return Certificate(tuple(range(len(points))), f"{self.label} says so", proved=False)
        if not hasattr(answer, "predict"):
            raise TypeError(f"realize: {self.label} must return None or an object with predict(X), got {answer!r}")
        return ForeignWitness(answer)

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """Taken on trust."""
        return True

    def settle(self, points: Points, labels: Labels) -> Any:
        """As always, but a wrong witness is the user's error."""
        answer = self.decide(points, labels)
        if isinstance(answer, Witness):
            predicted = answer._labels(points)
            wrong = next(
                (i for i, label in enumerate(labels) if len(predicted) != len(labels) or predicted[i] != label), None
            )
            if wrong is not None:
                raise ValueError(f"realize: the hypothesis that {self.label} returned is wrong at point {wrong}")
        return answer

    def catalogue(self) -> Any:
        """Unknown."""
        return None

    def __repr__(self) -> str:
        return f"CallableClass({self.label})"


@dataclass(frozen=True)
class ParametricRule(Witness):
    """A rule of a `ParametricClass` with its ``parameters``."""

    parameters: Any
    rule: Callable[[Any, Any], Any]

    def predict(self, X: Any) -> Any:
        """What the rule says."""
        return np.asarray(self.rule(self.parameters, X)).astype(float) > 0

    def _labels(self, points: Points) -> Sequence[bool]:
        return [bool(value) for value in self.predict(points.original)]


class ParametricClass(EnumeratedClass):
    """A class by its prediction function and a sampler of parameters. It finds labelings and can exclude none.

    Parameters
    ----------
    predict : callable
        ``predict(parameters, X)`` returns a label for each row of X; truthy and positive values are positive.
    sampler : callable
        ``sampler(rng)`` returns random parameters; rng is a `numpy.random.Generator`.
    draws : int
        How many are tried.
    rng : int
        The seed.

    Notes
    -----
    ``exact`` is False: what is found is realisable; what is not found is not proved to be impossible.
    """

    name: ClassVar[str] = "parametric"
    exact = False

    def __init__(
        self,
        predict: Callable[[Any, Any], Any],
        sampler: Callable[[np.random.Generator], Any],
        *,
        draws: int = 1000,
        rng: int = 0,
    ) -> None:
        if not callable(predict):
            raise TypeError(f"ParametricClass: predict must be callable, got {predict!r}")
        if not callable(sampler):
            raise TypeError(f"ParametricClass: sampler must be callable, got {sampler!r}")
        self.rule, self.sampler = predict, sampler
        self.draws, self.rng = (
            check.count("ParametricClass", "draws", draws, 1),
            check.count("ParametricClass", "rng", rng),
        )

    def _found(self, points: Points) -> Iterable[tuple[ParametricRule, Labels]]:
        rng = np.random.default_rng(self.rng)
        for _ in range(self.draws):
            witness = ParametricRule(self.sampler(rng), self.rule)
            yield witness, tuple(witness._labels(points))

    def decide(self, points: Points, labels: Labels) -> Witness | Certificate:
        """Try all draws."""
        for witness, found in self._found(points):
            if found == labels:
                return witness
        reason = f"not found among {self.draws} draws, which proves nothing"
        return Certificate(tuple(range(len(points))), reason, proved=False)

    def verify(self, points: Points, labels: Labels, certificate: Certificate) -> bool:
        """There is nothing to verify."""
        return True

    def masks(self, points: Points, limit: int) -> Iterable[int]:
        """What was found."""
        return {mask_of(labels) for _, labels in self._found(points)}

    def catalogue(self) -> Any:
        """Unknown."""
        return None

    def __repr__(self) -> str:
        return f"ParametricClass(draws={self.draws})"
