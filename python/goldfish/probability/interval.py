"""Credible intervals of one-dimensional posteriors."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

from goldfish.probability import check


def credible_interval(owner: str, posterior: Any, level: float, kind: str) -> tuple[float, float]:
    """The equal-tailed or the highest-density interval of a frozen continuous distribution."""
    level = check.probability_level(owner, level)
    if kind == "equal-tailed":
        return float(posterior.ppf((1 - level) / 2)), float(posterior.isf((1 - level) / 2))
    if kind == "hpd":
        return _highest_density(posterior, level)
    raise ValueError(f"{owner}: kind must be 'equal-tailed' or 'hpd', got {kind!r}")


def _highest_density(posterior: Any, level: float) -> tuple[float, float]:
    """The shortest interval of the given probability.

    Its ends have equal density, or one of them is the end of the support. With p the probability below the interval,
    the width changes by ``1/f(hi) - 1/f(lo)`` per unit of p.
    """

    def ends(p: float) -> tuple[float, float]:
        # The nearer tail's own function keeps digits that 1 - p would lose.
        above = max(1 - level - p, 0.0)
        return float(posterior.ppf(p)), float(posterior.isf(above))

    def log_density(x: float) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.clip(posterior.logpdf(x), -1e300, 1e300)) if np.isfinite(x) else -1e300

    def excess(p: float) -> float:
        lo, hi = ends(p)
        return log_density(lo) - log_density(hi)

    first, last = excess(0.0), excess(1 - level)
    if first >= 0 or last <= 0:
        candidates = ([ends(0.0)] if first >= 0 else []) + ([ends(1 - level)] if last <= 0 else [])
        return min(candidates, key=lambda pair: pair[1] - pair[0])
    return ends(float(brentq(excess, 0.0, 1 - level, xtol=1e-15, rtol=1e-14, maxiter=500)))
