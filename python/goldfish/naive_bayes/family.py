"""What a distribution of features given the class has to offer: statistics that add up, and a fit made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldfish.naive_bayes.boundary import Boundary
from goldfish.naive_bayes.labels import Floats, Labels
from goldfish.naive_bayes.reduce import View

Statistics = dict[str, Any]
"""Arrays whose first axis is the class, or lists of such arrays with one entry per feature."""


class ZeroFrequency(NamedTuple):
    """A value of a feature that no row of a class has.

    Attributes
    ----------
    label
        The class.
    feature : int
        The column.
    value : int
        The value; 1 stands for every positive count.

    Examples
    --------
    >>> from goldfish.naive_bayes import BernoulliNB
    >>> BernoulliNB().fit([[0, 1], [1, 1], [1, 0]], [0, 1, 1]).zero_frequency_report()[0]
    ZeroFrequency(label=0, feature=0, value=1)
    """

    label: Any
    feature: int
    value: int


@dataclass(frozen=True)
class Scope:
    """Whose statistics a fit is made of."""

    owner: str
    classes: NDArray[Any]
    class_count: Floats


class Family(ABC):
    """A kind of distribution. Holds no data: statistics go in and come out."""

    kind: ClassVar[str]

    @abstractmethod
    def count(self, view: View, labels: Labels) -> Statistics:
        """The sufficient statistics of rows."""

    @abstractmethod
    def fit(self, statistics: Statistics, scope: Scope) -> Fit:
        """The distributions that the statistics give, smoothed."""

    def zeros(self, statistics: Statistics) -> list[tuple[int, int, int]]:
        """(class index, column, value) of every value that a class, having observed the column, never had."""
        return []

    def join(self, a: Statistics, b: Statistics) -> Statistics:
        """The statistics of both sets of rows, over the same classes."""
        return {name: a[name] + b[name] for name in a}

    def spread(self, statistics: Statistics, places: NDArray[np.intp], n_classes: int) -> Statistics:
        """The same statistics among more classes, their own being at ``places``."""

        def wider(array: Floats) -> Floats:
            result = np.zeros((n_classes, *array.shape[1:]))
            result[places] = array
            return result

        return {
            name: [wider(part) for part in value] if isinstance(value, list) else wider(value)
            for name, value in statistics.items()
        }


class Fit(ABC):
    """Distributions of the features of one family, given each class."""

    attributes: dict[str, Any]
    """What scikit-learn's estimator of this family shows."""

    parameters: tuple[int, str]
    """How many parameters each class has, and the formula."""

    @abstractmethod
    def add_log_likelihood(self, view: View, out: Floats) -> None:
        """Add log p(row | class) to ``out``, (N, K)."""

    @abstractmethod
    def terms(self, view: View) -> Floats:
        """Log p(value | class) of the view's only row, (K, p); 0 where it is missing."""

    @abstractmethod
    def boundary(self, owner: str, positive: int, negative: int, prior: float) -> Boundary:
        """The log-odds of two classes as a function of the row; ``prior`` is what they are before it."""

    def window(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where the classes lie, if there are two features."""
        return (-0.5, 1.5), (-0.5, 1.5)


def refuse_undefined(view: View, undefined: NDArray[np.bool_], scope: Scope, advice: str) -> None:
    """ValueError for an observed value whose probability under some class is not defined."""
    wanting = undefined & (scope.class_count > 0)[:, None]
    features = np.flatnonzero(wanting.any(axis=0))
    if not len(features):
        return
    for block in view.blocks():
        bad = np.zeros(block.values.shape, dtype=bool)
        bad[:, features] = True if block.missing is None else ~block.missing[:, features]
        if bad.any():
            j = int(np.argwhere(bad)[0][1])
            label = scope.classes[int(wanting[:, j].argmax())]
            raise ValueError(
                f"{view.owner}: feature {view.feature(j)} has no distribution in class {label!r} ({advice}); "
                f"{view.place(block, bad)}"
            )
