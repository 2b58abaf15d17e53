"""Maximum likelihood and maximum a posteriori for any distribution of SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish.probability import check
from goldfish.probability.check import Floats
from goldfish.probability.fit_result import FitResult, make_result
from goldfish.probability.likelihood import Interval, Likelihood, read_likelihood
from goldfish.probability.optimise import FitError
from goldfish.probability.problem import Problem, Values
from goldfish.probability.search import formula, search
from goldfish.probability.transform import Transform, spread


def fit_mle(
    dist: Any,
    data: ArrayLike,
    *,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    start: Mapping[str, float] | None = None,
    weights: ArrayLike | None = None,
    censored: ArrayLike | None = None,
    method: str = "auto",
) -> FitResult:
    """Maximum-likelihood estimates of a distribution's parameters.

    Parameters
    ----------
    dist : scipy.stats distribution, or (logpdf, {name: (lo, hi)})
        Continuous or discrete, not frozen; or a log density ``logpdf(x, **parameters)`` with the parameters' intervals.
    data : array_like of shape (n,)
        Finite numbers.
    fixed : dict, optional
        Parameters that stay. A discrete distribution's ``loc`` is 0 unless it is named somewhere.
    bounds : dict, optional
        Intervals (lo, hi) within which parameters lie. Parameters that must be integers need finite ones, or to be
        fixed.
    start : dict, optional
        Where to begin, besides other starts.
    weights : array_like of shape (n,), optional
        Not negative: a weight of k is k copies.
    censored : array_like of bool of shape (n,), optional
        True where the value is only known to be exceeded: its term is log P(X > x).
    method : {'auto', 'closed-form', 'numeric'}
        A formula where there is one, else a search; or one of the two.

    Returns
    -------
    FitResult

    Raises
    ------
    FitError
        If the likelihood is unbounded, or zero for all parameters. It is a ValueError.
    ValueError
        For data, names or arguments that do not fit.
    TypeError
        If dist is no distribution, or data are no numbers.

    Notes
    -----
    Maximises ``sum over i of w_i log f(x_i; theta)``. The search runs in coordinates without bounds (logarithms and
    log-odds) from several starts, by L-BFGS, with a simplex and differential evolution behind it and Newton steps at
    the end. The likelihood of some three-parameter families (lognormal, Weibull, gamma with free loc) is unbounded at
    the edge of the sample while it has a local maximum inside; the latter is what is returned. Cox and Hinkley (1974),
    chapter 9; Cheng and Iles, "Corrected maximum likelihood in non-regular problems" (1987).

    Examples
    --------
    Durations, two of which were still running when the study ended:

    >>> from scipy import stats
    >>> from goldfish.probability import fit_mle
    >>> result = fit_mle(stats.expon, [1.2, 0.4, 3.0, 3.0], fixed={"loc": 0}, censored=[False, False, True, True])
    >>> round(result.params.scale, 4), result.converged
    (3.8, True)
    """
    return _fit("fit_mle", dist, data, None, "natural", fixed, bounds, start, weights, censored, method)


def fit_map(
    dist: Any,
    data: ArrayLike,
    priors: Mapping[str, Any],
    *,
    parametrisation: str = "natural",
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    start: Mapping[str, float] | None = None,
    weights: ArrayLike | None = None,
    censored: ArrayLike | None = None,
    method: str = "auto",
) -> FitResult:
    """Maximum a posteriori estimates: likelihood times independent priors.

    Parameters
    ----------
    dist, data, fixed, bounds, start, weights, censored, method
        As in `fit_mle`; there are no closed forms.
    priors : dict
        For each parameter that has one, a frozen distribution of SciPy, or a log density. Parameters without a prior
        have a flat one.
    parametrisation : {'natural', 'unconstrained'}
        In which coordinates the density is largest: the parameters themselves, or logarithms and log-odds of them. A
        mode, unlike a mean or a quantile, depends on that.

    Returns
    -------
    FitResult
        With the log posterior density in `logpost`, up to the evidence.

    Raises
    ------
    FitError, ValueError, TypeError
        As in `fit_mle`.

    Notes
    -----
    Maximises ``sum of w_i log f(x_i; theta) + sum of log p(theta_j)``, plus ``sum of log |d theta_j / d u_j|`` for
    unconstrained coordinates u. Gelman et al., BDA3, section 13.1.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import stats
    >>> from goldfish.probability import fit_map
    >>> clicks, prior = np.repeat([1, 0], [10, 90]), {"p": stats.beta(7, 95)}
    >>> round(fit_map(stats.bernoulli, clicks, prior).params.p, 4)
    0.08
    >>> round(fit_map(stats.bernoulli, clicks, prior, parametrisation="unconstrained").params.p, 4)
    0.0842
    """
    if not isinstance(priors, Mapping):
        raise TypeError(f"fit_map: priors must be a dict of distributions by parameter name, got {priors!r}")
    return _fit("fit_map", dist, data, priors, parametrisation, fixed, bounds, start, weights, censored, method)


def _fit(
    owner: str,
    dist: Any,
    data: ArrayLike,
    priors: Mapping[str, Any] | None,
    parametrisation: str,
    fixed: Mapping[str, float] | None,
    bounds: Mapping[str, tuple[float, float]] | None,
    start: Mapping[str, float] | None,
    weights: ArrayLike | None,
    censored: ArrayLike | None,
    method: str,
) -> FitResult:
    likelihood = read_likelihood(owner, dist)
    if method not in ("auto", "closed-form", "numeric"):
        raise ValueError(f"{owner}: method must be 'auto', 'closed-form' or 'numeric', got {method!r}")
    if parametrisation not in ("natural", "unconstrained"):
        raise ValueError(f"{owner}: parametrisation must be 'natural' or 'unconstrained', got {parametrisation!r}")
    x, w, late = _read_data(owner, likelihood, data, weights, censored)
    held, limits, begin = _read_parameters(owner, likelihood, fixed, bounds, start, priors)
    log_priors = {name: _log_prior(owner, name, prior) for name, prior in (priors or {}).items()}
    transforms = {
        name: _transform(owner, likelihood, _domain(owner, likelihood, limits, priors, name), name, x, late)
        for name in likelihood.domains
        if name not in held
    }
    problem = Problem(owner, likelihood, x, w, late, held, transforms, log_priors, parametrisation == "unconstrained")
    solution = None
    if method != "numeric" and priors is None and late is None and likelihood.dist is not None:
        solution = formula(problem, limits)
    if solution is not None:
        return make_result(problem, solution.values, solution.boundary, True, solution.variances)
    if method == "closed-form":
        raise ValueError(f"{owner}: method 'closed-form' must have a formula, and there is none for these arguments")
    best = search(problem, begin, limits)
    return make_result(problem, best.values, best.boundary, best.converged, None)


def _read_data(
    owner: str, likelihood: Likelihood, data: ArrayLike, weights: ArrayLike | None, censored: ArrayLike | None
) -> tuple[Floats, Floats, NDArray[np.bool_] | None]:
    x = check.array(owner, "data", data)
    if x.ndim != 1 or not len(x):
        raise ValueError(f"{owner}: data must have shape (n,) with n of at least 1, got {x.shape}")
    if not np.isfinite(x).all():
        at = int((~np.isfinite(x)).argmax())
        raise ValueError(f"{owner}: data must be finite, got {x[at]} at index {at}")
    w = check.read_weights(owner, weights, len(x))
    if not w.any():
        raise ValueError(f"{owner}: weights must have a positive sum, got only zeros")
    late = None
    if censored is not None:
        late = np.asarray(censored)
        if late.shape != x.shape or late.dtype != bool:
            raise ValueError(
                f"{owner}: censored must be an array of bool of shape {x.shape}, got {late.dtype} {late.shape}"
            )
        if likelihood.survival is None:
            raise ValueError(
                f"{owner}: censored needs a distribution of scipy.stats, since a density alone has no tail"
            )
    kept = w > 0
    late = late[kept] if late is not None and late[kept].any() else None
    return x[kept], w[kept], late


def _read_parameters(
    owner: str,
    likelihood: Likelihood,
    fixed: Mapping[str, float] | None,
    bounds: Mapping[str, tuple[float, float]] | None,
    start: Mapping[str, float] | None,
    priors: Mapping[str, Any] | None,
) -> tuple[Values, dict[str, Interval], Values]:
    """Checked: what is fixed, the bounds, the start."""
    named = {"fixed": fixed or {}, "bounds": bounds or {}, "start": start or {}, "priors": priors or {}}
    for argument, given in named.items():
        for name in given:
            if name not in likelihood.domains:
                raise ValueError(
                    f"{owner}: {argument} must name parameters of {list(likelihood.domains)}, got {name!r}"
                )
    held = {name: check.finite(owner, f"fixed[{name!r}]", value) for name, value in named["fixed"].items()}
    for name, value in held.items():
        lo, hi = likelihood.domains[name]
        if not lo <= value <= hi:
            raise ValueError(f"{owner}: fixed must lie within [{lo}, {hi}] for {name}, got {value}")
    for argument in ("bounds", "start", "priors"):
        both = set(held) & set(named[argument])
        if both:
            raise ValueError(f"{owner}: {argument} must not name what is fixed, got {sorted(both)[0]!r}")
    if likelihood.discrete and not any("loc" in given for given in named.values()):
        held["loc"] = 0.0
    limits = {name: _bound(owner, name, ends) for name, ends in named["bounds"].items()}
    begin = {name: check.finite(owner, f"start[{name!r}]", value) for name, value in named["start"].items()}
    for name, value in begin.items():
        lo, hi = limits.get(name, likelihood.domains[name])
        if not lo <= value <= hi:
            raise ValueError(f"{owner}: start must lie within [{lo}, {hi}] for {name}, got {value}")
    return held, limits, begin


def _bound(owner: str, name: str, ends: Any) -> Interval:
    try:
        lo, hi = (float(end) for end in ends)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner}: bounds must be pairs (lo, hi), got {ends!r} for {name}") from error
    if not lo < hi:
        raise ValueError(f"{owner}: bounds must be pairs (lo, hi) with lo < hi, got {ends!r} for {name}")
    return lo, hi


def _log_prior(owner: str, name: str, prior: Any) -> Callable[[float], float]:
    for method in ("logpdf", "logpmf"):
        if hasattr(prior, "dist") and hasattr(prior.dist, method):
            density: Callable[[float], float] = getattr(prior, method)
            return density
    if not callable(prior) or hasattr(prior, "logpdf"):
        raise TypeError(f"{owner}: priors must be frozen distributions or log densities, got {prior!r} for {name}")
    function: Callable[[float], float] = prior
    return function


def _domain(
    owner: str, likelihood: Likelihood, limits: dict[str, Interval], priors: Mapping[str, Any] | None, name: str
) -> Interval:
    """Where a parameter may lie: its domain, within bounds and the prior's support."""
    intervals = [likelihood.domains[name], limits.get(name, (-math.inf, math.inf))]
    prior = (priors or {}).get(name)
    if prior is not None and hasattr(prior, "support"):
        lo, hi = prior.support()
        intervals.append((float(lo), float(hi)))
    result = max(lo for lo, _ in intervals), min(hi for _, hi in intervals)
    if not result[0] < result[1]:
        raise ValueError(
            f"{owner}: bounds must leave {name} room within its domain {likelihood.domains[name]}, got {result}"
        )
    return result


def _transform(
    owner: str, likelihood: Likelihood, domain: Interval, name: str, x: Floats, late: NDArray[np.bool_] | None
) -> Transform:
    """Coordinates for a parameter, in steps that suit the data."""
    lo, hi = domain
    width = spread(x)
    if likelihood.dist is not None and name == "loc":
        seen = x if late is None else x[~late]
        if likelihood.dist.a == 0 and not likelihood.discrete and len(seen):
            # No value lies below loc: where the likelihood ends, a search would stumble.
            hi = min(hi, float(seen.min()))
            if not lo < hi:
                raise FitError(
                    f"{owner}: data has likelihood zero, since loc would have to exceed the least value {hi}"
                )
        if math.isinf(lo) and math.isinf(hi):
            return Transform(lo, hi, float(np.median(x)), width)
        if math.isinf(lo):
            return Transform(lo, hi, math.log(width))
    if likelihood.dist is not None and name == "scale" and lo == 0 and math.isinf(hi):
        return Transform(lo, hi, math.log(width))
    if math.isinf(lo) and math.isinf(hi) and likelihood.dist is None:
        return Transform(lo, hi, 0.0, max(width, abs(float(np.median(x)))))
    return Transform(lo, hi)
