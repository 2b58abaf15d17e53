"""What numerical fits know of a distribution: its parameters, where they may lie, and its densities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from goldfish.probability.check import Floats

Interval = tuple[float, float]


@dataclass(frozen=True)
class Likelihood:
    """A family of distributions.

    Attributes
    ----------
    dist
        SciPy's distribution, or None for a density of the caller's.
    domains : dict
        Every parameter, in the order of the arguments, with the interval in which it lies.
    integers : frozenset
        Parameters that must be whole numbers.
    density, survival : callable
        ``density(x, **parameters)`` is log f(x), ``survival`` log P(X > x).
    """

    dist: Any
    domains: dict[str, Interval]
    integers: frozenset[str]
    density: Callable[..., Any]
    survival: Callable[..., Any] | None

    @property
    def discrete(self) -> bool:
        """Whether its values are integers."""
        return isinstance(self.dist, stats.rv_discrete)


def read_likelihood(owner: str, dist: Any) -> Likelihood:
    """A `Likelihood` of a SciPy distribution, or of a pair (log density, parameters)."""
    if isinstance(dist, (stats.rv_continuous, stats.rv_discrete)):
        return _of_scipy(dist)
    if isinstance(dist, tuple) and len(dist) == 2 and callable(dist[0]) and isinstance(dist[1], Mapping) and dist[1]:
        domains = {str(name): _interval(owner, str(name), ends) for name, ends in dist[1].items()}
        return Likelihood(None, domains, frozenset(), dist[0], None)
    raise TypeError(
        f"{owner}: dist must be a distribution of scipy.stats (not frozen), or a pair (logpdf, {{name: (lo, hi)}}), "
        f"got {dist!r}"
    )


def _interval(owner: str, name: str, ends: Any) -> Interval:
    try:
        lo, hi = (float(end) for end in ends)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner}: dist must have an interval (lo, hi) for {name}, got {ends!r}") from error
    if not lo < hi:
        raise ValueError(f"{owner}: dist must have an interval (lo, hi) with lo < hi for {name}, got {ends!r}")
    return lo, hi


def _end(value: float) -> float:
    """The end of an interval; SciPy writes one that is left out as the next float."""
    if math.isinf(value):
        return value
    whole = float(round(value))
    return whole if abs(value - whole) <= 2 * np.spacing(whole) else float(value)


def _of_scipy(dist: Any) -> Likelihood:
    information = dist._param_info()
    domains = {info.name: (_end(info.domain[0]), _end(info.domain[1])) for info in information}
    shapes = [info.name for info in information if info.name not in ("loc", "scale")]
    integers = frozenset(info.name for info in information if info.integrality and info.name != "loc")
    if integers and _takes_fractions(dist, shapes, domains, integers):
        integers = frozenset()
    discrete = isinstance(dist, stats.rv_discrete)

    def density(x: Floats, **parameters: float) -> Any:
        arguments = [parameters[name] for name in domains]
        return (dist.logpmf if discrete else dist.logpdf)(x, *arguments)

    def survival(x: Floats, **parameters: float) -> Any:
        return dist.logsf(x, *[parameters[name] for name in domains])

    return Likelihood(dist, domains, integers, density, survival)


def _takes_fractions(dist: Any, shapes: list[str], domains: dict[str, Interval], integers: frozenset[str]) -> bool:
    """Whether parameters that SciPy calls integral may be fractional all the same, as the size of its nbinom."""
    values = []
    for name in shapes:
        lo, hi = (max(domains[name][0], -1e6), min(domains[name][1], 1e6))
        values.append(lo + 3.5 if name in integers else lo + 0.37 * min(hi - lo, 4.0))
    with np.errstate(all="ignore"):
        return bool(np.all(dist._argcheck(*values))) and math.isfinite(float(np.sum(dist._logpmf(3.0, *values))))
