"""What a numerical fit found, and how sure it is."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from goldfish.probability import check
from goldfish.probability.check import Floats
from goldfish.probability.optimise import FitError, hessian, maximise
from goldfish.probability.problem import Problem, Values


@dataclass(frozen=True)
class FitResult:
    """Fitted parameters with their uncertainty.

    Attributes
    ----------
    params : named tuple
        Every parameter, in the distribution's order, fixed ones included.
    loglik : float
        The weighted log-likelihood there.
    logpost : float
        Log-likelihood plus log prior density; equal to `loglik` without priors. With
        ``parametrisation='unconstrained'`` the prior's density is that of the unconstrained parameters.
    aic, bic : float
        ``2 k - 2 loglik`` and ``k log(n) - 2 loglik`` for k free parameters and data of total weight n.
    cov : ndarray of shape (k, k)
        The inverse of the observed information, in the natural scale, of the free parameters in order; NaN for one that
        lies on a boundary or is an integer.
    free : tuple of str
        The free parameters' names.
    boundary : dict
        For each free parameter whether the estimate lies at the end of where it may lie.
    converged : bool
        Whether the search ended at a maximum.
    n_eff : float
        Kish's effective sample size, ``(sum w)^2 / sum w^2``.

    Notes
    -----
    The curvature is taken in coordinates without bounds, and carried back by the delta method (Cox and Hinkley,
    *Theoretical Statistics*, 1974, section 9.2).

    Examples
    --------
    >>> from scipy import stats
    >>> from goldfish.probability import fit_mle
    >>> result = fit_mle(stats.poisson, [3, 4, 1, 2, 5, 0, 3])
    >>> round(result.params.mu, 4), round(result.standard_errors["mu"], 4), round(result.aic, 3)
    (2.5714, 0.6061, 28.484)
    >>> [round(end, 3) for end in result.profile_interval("mu")]
    [1.559, 3.949]
    """

    params: Any
    loglik: float
    logpost: float
    aic: float
    bic: float
    cov: Floats
    free: tuple[str, ...]
    boundary: dict[str, bool]
    converged: bool
    n_eff: float
    _problem: Problem = field(repr=False, compare=False)

    @property
    def standard_errors(self) -> dict[str, float]:
        """The roots of the covariance's diagonal, by name."""
        return {
            name: math.sqrt(v) if v >= 0 else math.nan for name, v in zip(self.free, np.diag(self.cov), strict=True)
        }

    def profile_interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """The values of a parameter that a likelihood-ratio test does not reject.

        Parameters
        ----------
        name : str
            A free parameter.
        level : float
            The confidence level, between 0 and 1.

        Returns
        -------
        lo, hi : float
            Where ``2 (log L - log L_p)``, L_p being the largest likelihood (posterior density, after `fit_map`) with
            the parameter held, reaches the chi-squared quantile with one degree of freedom; the end of the parameter's
            interval if it never does.

        Raises
        ------
        ValueError
            If there is no such free parameter, or the level is none.
        """
        owner = "profile_interval"
        level = check.probability_level(owner, level)
        if name not in self._problem.transforms:
            raise ValueError(f"{owner}: name must be one of the free {list(self._problem.transforms)}, got {name!r}")
        drop = stats.chi2.ppf(level, 1) / 2
        return tuple(_profile_end(self._problem, self._values, name, drop, side) for side in (-1, 1))  # type: ignore[return-value]

    @property
    def _values(self) -> Values:
        return dict(zip(self._problem.likelihood.domains, self.params, strict=True))

    def nllf_grid(self, **grids: ArrayLike) -> Floats:
        """The negative log-likelihood on a grid of some parameters, the others as fitted: for plotting.

        Parameters
        ----------
        **grids : array_like of shape (n_i,)
            Values by parameter name.

        Returns
        -------
        ndarray
            One axis per name, in the order given.
        """
        for name in grids:
            if name not in self._problem.likelihood.domains:
                raise ValueError(
                    f"nllf_grid: there is no parameter {name!r} among {list(self._problem.likelihood.domains)}"
                )
        axes = [check.array("nllf_grid", name, np.atleast_1d(np.asarray(grid))) for name, grid in grids.items()]
        result = np.empty([len(axis) for axis in axes])
        for index in np.ndindex(*result.shape):
            moved = {name: float(axis[i]) for name, axis, i in zip(grids, axes, index, strict=True)}
            result[index] = -self._problem.loglik({**self._values, **moved})
        return result


def _profile_end(problem: Problem, values: Values, name: str, drop: float, side: int) -> float:
    """Where the profile has fallen by ``drop`` on one side of the fitted value."""
    transform, top = problem.transforms[name], problem.logpost(values)
    # An estimate at the end of its interval stands for the point next to it.
    reach = 30.0 if not transform.free else math.inf
    centre = min(max(transform.inverse(values[name]), transform.origin - reach), transform.origin + reach)
    latest = dict(values)

    def excess(u: float) -> float:
        """Drop - (fall of the profile): positive inside the interval."""
        nonlocal latest
        held = problem.holding(**{name: transform(u)})
        start = {**latest, name: transform(u)}
        try:
            best = maximise(held, [start, {**values, name: transform(u)}])
        except FitError:
            return -1e6
        if np.isfinite(best.height):
            latest = best.values
        return max(drop - (top - best.height), -1e6)

    # u grows with theta, except for an interval that is open below.
    direction = -side if math.isinf(transform.lo) and not math.isinf(transform.hi) else side
    step = 0.1 * transform.unit
    inner, outer = centre, centre + direction * step
    for _ in range(60):
        if excess(outer) < 0:
            return transform(float(optimize.brentq(excess, inner, outer, xtol=1e-10 * max(1.0, abs(outer)))))
        if abs(outer - transform.origin) > 1.5 * reach:
            break
        step *= 2
        inner, outer = outer, outer + direction * step
    return transform.lo if side < 0 else transform.hi


def make_result(
    problem: Problem, values: Values, boundary: frozenset[str], converged: bool, extra: Mapping[str, float] | None
) -> FitResult:
    """A `FitResult` at the maximum of a problem."""
    names, free = list(problem.likelihood.domains), tuple(problem.free)
    loglik, k, n = problem.loglik(values), len(free), problem.total
    logpost = loglik + problem.logprior(values) if problem.priors or problem.unconstrained else loglik
    point = namedtuple("Parameters", names)  # type: ignore[misc]
    return FitResult(
        params=point(**{name: float(values[name]) for name in names}),
        loglik=loglik,
        logpost=logpost,
        aic=2 * k - 2 * loglik,
        bic=k * math.log(n) - 2 * loglik,
        cov=_covariance(problem, values, boundary, extra),
        free=free,
        boundary={name: name in boundary for name in free},
        converged=converged,
        n_eff=n**2 / float(problem.weights @ problem.weights),
        _problem=problem,
    )


def _covariance(
    problem: Problem, values: Values, boundary: frozenset[str], extra: Mapping[str, float] | None
) -> Floats:
    free = problem.free
    result = np.full((len(free), len(free)), np.nan)
    if extra is not None:
        return np.diag([extra[name] / problem.total for name in free])
    whole = problem.likelihood.integers
    smooth = [i for i, name in enumerate(free) if name not in boundary and name not in whole]
    inner = problem.holding(**{name: values[name] for i, name in enumerate(free) if i not in smooth})
    if not smooth:
        return result
    u = inner.point(values)
    curvature = hessian(inner, inner.steps(values)) * problem.total / np.multiply.outer(inner.units, inner.units)
    if np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 0:
        slopes = np.exp([t.log_slope(float(v)) for t, v in zip(inner.transforms.values(), u, strict=True)])
        result[np.ix_(smooth, smooth)] = np.linalg.inv(curvature) * np.multiply.outer(slopes, slopes)
    return result
