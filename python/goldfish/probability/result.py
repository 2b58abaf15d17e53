"""What modes and maximum-likelihood estimates are returned as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

ModeKind = Literal["interior", "boundary", "nonunique", "unbounded", "undefined"]
Status = Literal["interior", "boundary", "infinite", "undefined"]


def _same(a: Any, b: Any) -> bool:
    """Equality of numbers, tuples and arrays in which NaN equals NaN."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True)


@dataclass(frozen=True, eq=False)
class Mode:
    """Where a density is largest, and what kind of maximum that is.

    Attributes
    ----------
    value : float, tuple or ndarray
        The mode in the parameters' own scale; NaN where no single point deserves the name.
    kind : str
        ``'interior'``: the density's derivative is zero there. ``'boundary'``: the density is largest, and finite, at
        the edge of its support. ``'nonunique'``: it is constant. ``'unbounded'``: it tends to infinity at ``value``, or
        at several places if ``value`` is NaN. ``'undefined'``: there is no density.
    interval : tuple of float, optional
        All modes, if the kind is ``'nonunique'``.

    Notes
    -----
    A mode depends on the parametrisation: Beta(17, 185) has its mode at 0.08, while its log-odds have theirs at the
    log-odds of 17/202 = 0.0842 (Gelman et al., *Bayesian Data Analysis*, 3rd ed., section 4.1). Two modes are equal if
    value and kind are; NaN equals NaN.

    Examples
    --------
    >>> from goldfish.probability import BetaBernoulli
    >>> BetaBernoulli(17, 185).mode
    Mode(value=0.08, kind='interior', interval=None)
    >>> BetaBernoulli(0.5, 3).mode
    Mode(value=0.0, kind='unbounded', interval=None)
    >>> BetaBernoulli(1, 1).mode
    Mode(value=nan, kind='nonunique', interval=(0.0, 1.0))
    """

    value: Any
    kind: ModeKind
    interval: tuple[float, float] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mode):
            return NotImplemented
        return self.kind == other.kind and _same(self.value, other.value)

    def __hash__(self) -> int:
        return hash((Mode, self.kind))


@dataclass(frozen=True, eq=False)
class Estimate:
    """A maximum-likelihood estimate, and whether there is one.

    Attributes
    ----------
    value : float, tuple or ndarray
        The estimate; NaN if undefined.
    status : str
        ``'interior'``, ``'boundary'`` (the largest likelihood is at the edge of the parameter space, where standard
        errors from the curvature do not exist), ``'infinite'`` or ``'undefined'`` (no data).

    Notes
    -----
    The value maximises ``sum over i of w_i log f(x_i; theta)`` (Casella and Berger, *Statistical Inference*, 2nd ed.,
    section 7.2.2).

    Examples
    --------
    >>> from goldfish.probability import BetaBernoulli
    >>> BetaBernoulli.mle([1, 0, 0, 0])
    Estimate(value=0.25, status='interior')
    >>> BetaBernoulli.mle([])
    Estimate(value=nan, status='undefined')
    """

    value: Any
    status: Status

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Estimate):
            return NotImplemented
        return self.status == other.status and _same(self.value, other.value)

    def __hash__(self) -> int:
        return hash((Estimate, self.status))
