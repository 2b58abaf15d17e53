"""What the functions return: numbers that carry the theorem behind them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from goldfish.theory import _arguments as check

Kind = Literal["sufficient", "necessary", "upper", "lower", "exact"]


@dataclass(frozen=True)
class Bound:
    """A number together with the theorem that it comes from.

    ``float(bound)`` and, for sizes, ``int(bound)`` give the bare number.

    Attributes
    ----------
    value : int or float
        An int for sample sizes and counts, a float for risks; ``math.inf`` where no finite number exists.
    kind : {"sufficient", "necessary", "upper", "lower", "exact"}
        Whether that many examples are enough or are needed, or on which side of the truth a risk or a count lies.
    statement : str
        The theorem in one sentence, with the numbers filled in.
    conditions : tuple of str
        What has to hold for the statement to be true.
    source : str
        Paper or book, and the theorem's number where it was checked.
    vacuous : bool
        Whether the bound says nothing, such as a risk of at most 1.3.

    Examples
    --------
    >>> from goldfish import theory
    >>> bound = theory.sample_complexity_finite(0.01, 0.02, h=3**10)
    >>> bound.value, bound.kind
    (1490, 'sufficient')
    >>> print(bound.statement)
    N >= 1490 examples suffice for risk at most 0.01 with probability at least 0.98, for every consistent hypothesis of
    a class of 59049: (ln |H| + ln(1/0.02)) / 0.01 = 1489.8
    """

    value: int | float
    kind: Kind
    statement: str
    conditions: tuple[str, ...]
    source: str
    vacuous: bool = False

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        if not isinstance(self.value, int):
            raise TypeError(f"a bound of {self.value!r} is not an integer")
        return self.value

    def __str__(self) -> str:
        return f"{self.statement} [{self.source}]"


def risk_bound(value: float, statement: str, conditions: tuple[str, ...], source: str, kind: Kind = "upper") -> Bound:
    """A bound on a risk, marked vacuous where it says no more than 0 <= risk <= 1."""
    vacuous = value >= 1 if kind == "upper" else value <= 0
    return Bound(value, kind, statement, conditions, source, vacuous)


@dataclass(frozen=True)
class Estimate:
    """A number that was computed exactly or by simulation.

    Attributes
    ----------
    value : float
    se : float
        The standard error; 0.0 if the value is exact.
    method : {"exact", "monte-carlo"}
    bound : float or None
        An upper bound in closed form, where there is one.

    Examples
    --------
    >>> from goldfish import theory
    >>> estimate = theory.rademacher_linear([[1, 0], [0, 1]], radius=1.0)
    >>> round(estimate.value, 4), estimate.se, estimate.method
    (0.7071, 0.0, 'exact')
    """

    value: float
    se: float
    method: Literal["exact", "monte-carlo"]
    bound: float | None = None
    _spread: float = field(default=0.0, repr=False)

    def __float__(self) -> float:
        return self.value

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The normal approximation ``value -+ z * se``."""
        half = NormalDist().inv_cdf((1 + check.fraction("Estimate.interval", "level", level)) / 2) * self.se
        return self.value - half, self.value + half

    def upper(self, delta: float) -> float:
        """Above the true value with probability 1 - delta over the simulation, by McDiarmid's inequality."""
        return self.value + self._spread * math.sqrt(-math.log(check.fraction("Estimate.upper", "delta", delta)))


@dataclass(frozen=True)
class VC:
    """A VC dimension: ``value`` (``math.inf`` if there is no largest), ``exact`` (else an upper bound), ``source``."""

    value: int | float
    exact: bool
    source: str

    def __float__(self) -> float:
        return float(self.value)

    def __index__(self) -> int:
        if not isinstance(self.value, int):
            raise TypeError("an infinite VC dimension is not an integer")
        return self.value


@dataclass(frozen=True)
class Order:
    """How a quantity grows where the constants are not known: text, on purpose not a number.

    Attributes
    ----------
    quantity : str
        What grows, with the parameters that were given.
    lower, upper : str or None
        Such as "Omega(W L log(W/L))"; None where the source has none.
    conditions : tuple of str
        What has to hold, and what the letters stand for.
    source : str

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.vc_order("relu_networks_by_units", weights=1000, units=50).upper
    'O(1000 * 50)'
    """

    quantity: str
    lower: str | None
    upper: str | None
    conditions: tuple[str, ...]
    source: str

    @property
    def statement(self) -> str:
        """The order in one sentence."""
        return f"{self.quantity}: {' and '.join(side for side in (self.lower, self.upper) if side is not None)}"

    def __str__(self) -> str:
        return f"{self.statement} [{self.source}]"


@dataclass(frozen=True)
class VCResult:
    """The VC dimension of a table: ``dim``, and ``witness``, the columns of a shattered set of that size."""

    dim: int
    witness: tuple[int, ...]


@dataclass(frozen=True)
class VCEstimate:
    """An estimated VC dimension ``h``, the measured ``curve``, the root mean square ``residual`` of the fit."""

    h: float
    curve: tuple[float, ...]
    residual: float


@dataclass(frozen=True)
class Evidence:
    """How many of the tried sets were shattered. Evidence, not a proof: ``proof`` is True only if one was found."""

    n: int
    trials: int
    shattered: int
    example: npt.NDArray[np.float64] | None

    @property
    def fraction(self) -> float:
        """The share of the tried sets that are shattered."""
        return self.shattered / self.trials

    @property
    def proof(self) -> bool:
        """Whether a shattered set was found, which proves VC >= n. The opposite proves nothing."""
        return self.shattered > 0


@dataclass(frozen=True)
class PacCase:
    """A cell of the table realizable/agnostic, finite/infinite: ``number``, ``statement``, the ``function`` to call."""

    number: int
    statement: str
    function: Callable[..., Any]
