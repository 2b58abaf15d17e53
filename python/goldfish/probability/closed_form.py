"""Maximum-likelihood estimates that have a formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from goldfish.probability.check import Floats


class Solution(NamedTuple):
    """All parameters, those that lie on a boundary, and variances where the curvature does not give them."""

    values: dict[str, float]
    boundary: frozenset[str] = frozenset()
    variances: dict[str, float] | None = None


Fixed = dict[str, float]
Solver = Callable[[Floats, Floats, Fixed], Solution | None]


def closed_form(name: str, x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    """The estimate of SciPy's distribution ``name``, or None if these fixed parameters leave no formula.

    x are data with positive weights w, which sum to 1.
    """
    solver = _SOLVERS.get(name)
    with np.errstate(divide="ignore", invalid="ignore"):
        return None if solver is None else solver(x, w, fixed)


def _normal(x: Floats, w: Floats, fixed: Fixed) -> Solution:
    loc = fixed.get("loc", float(w @ x))
    scale = fixed.get("scale", math.sqrt(float(w @ (x - loc) ** 2)))
    return Solution({"loc": loc, "scale": scale})


def _laplace(x: Floats, w: Floats, fixed: Fixed) -> Solution:
    loc = fixed.get("loc", _median(x, w))
    scale = fixed.get("scale", float(w @ np.abs(x - loc)))
    # The density has a corner at loc; both information numbers are 1 / scale^2.
    return Solution({"loc": loc, "scale": scale}, variances={"loc": scale**2, "scale": scale**2})


def _median(x: Floats, w: Floats) -> float:
    order = np.argsort(x)
    below = np.cumsum(w[order])
    at = int(np.searchsorted(below, 0.5 - 1e-12))
    values = x[order]
    between = at + 1 < len(x) and abs(below[at] - 0.5) < 1e-12
    return float((values[at] + values[at + 1]) / 2 if between else values[at])


def _exponential(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    loc = fixed.get("loc", float(x.min()))
    if x.min() < loc:
        return None
    edge = frozenset() if "loc" in fixed else frozenset({"loc"})
    return Solution({"loc": loc, "scale": fixed.get("scale", float(w @ (x - loc)))}, edge)


def _uniform(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    if "scale" in fixed:
        return None
    loc = fixed.get("loc", float(x.min()))
    if x.min() < loc:
        return None
    edge = frozenset({"loc", "scale"} - set(fixed))
    return Solution({"loc": loc, "scale": float(x.max()) - loc}, edge)


def _lognormal(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    if "loc" not in fixed or x.min() <= fixed["loc"]:
        return None
    y = np.log(x - fixed["loc"])
    centre = math.log(fixed["scale"]) if "scale" in fixed else float(w @ y)
    s = fixed.get("s", math.sqrt(float(w @ (y - centre) ** 2)))
    return Solution({"s": s, "loc": fixed["loc"], "scale": fixed.get("scale", math.exp(centre))})


def _pareto(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    if "loc" not in fixed or x.min() <= fixed["loc"]:
        return None
    y = x - fixed["loc"]
    scale = fixed.get("scale", float(y.min()))
    if y.min() < scale:
        return None
    logs = float(w @ np.log(y / scale))
    b = fixed.get("b", 1 / logs if logs > 0 else math.inf)
    edge = frozenset() if "scale" in fixed else frozenset({"scale"})
    return Solution({"b": b, "loc": fixed["loc"], "scale": scale}, edge)


def _power_mean(power: float, factor: float) -> Solver:
    """Scale = (mean of (x - loc)^power / factor)^(1 / power)."""

    def solve(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
        if "loc" not in fixed or x.min() < fixed["loc"]:
            return None
        scale = float(w @ (x - fixed["loc"]) ** power / factor) ** (1 / power)
        return Solution({"loc": fixed["loc"], "scale": fixed.get("scale", scale)})

    return solve


def _gamma(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    if not {"a", "loc"} <= set(fixed) or x.min() <= fixed["loc"]:
        return None
    return Solution({**fixed, "scale": fixed.get("scale", float(w @ (x - fixed["loc"])) / fixed["a"])})


def _weibull(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
    if not {"c", "loc"} <= set(fixed) or x.min() <= fixed["loc"]:
        return None
    y, c = x - fixed["loc"], fixed["c"]
    top = float(y.max())
    return Solution({**fixed, "scale": fixed.get("scale", top * float(w @ (y / top) ** c) ** (1 / c))})


def _of_mean(name: str, formula: Callable[[float, Fixed], float], ends: tuple[float, ...], *needs: str) -> Solver:
    """A discrete distribution whose one parameter is a function of the mean."""

    def solve(x: Floats, w: Floats, fixed: Fixed) -> Solution | None:
        if name in fixed or not {"loc", *needs} <= set(fixed):
            return None
        value = formula(float(w @ x) - fixed["loc"], fixed)
        return Solution({**fixed, name: value}, frozenset({name} if value in ends else ()))

    return solve


_SOLVERS: dict[str, Solver] = {
    "norm": _normal,
    "laplace": _laplace,
    "expon": _exponential,
    "uniform": _uniform,
    "lognorm": _lognormal,
    "pareto": _pareto,
    "gamma": _gamma,
    "weibull_min": _weibull,
    "rayleigh": _power_mean(2, 2),
    "halfnorm": _power_mean(2, 1),
    "maxwell": _power_mean(2, 3),
    "poisson": _of_mean("mu", lambda mean, fixed: mean, (0.0,)),
    "bernoulli": _of_mean("p", lambda mean, fixed: mean, (0.0, 1.0)),
    "binom": _of_mean("p", lambda mean, fixed: mean / fixed["n"], (0.0, 1.0), "n"),
    "geom": _of_mean("p", lambda mean, fixed: 1 / mean if mean else math.nan, (1.0,)),
    "nbinom": _of_mean("p", lambda mean, fixed: fixed["n"] / (fixed["n"] + mean), (1.0,), "n"),
}
