"""Maximisation from several starts, with what tells a maximum from a runaway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from goldfish.probability.check import Floats
from goldfish.probability.problem import _WORST, Problem, Values


class FitError(ValueError):
    """A likelihood that has no maximum, or data that no parameters make possible.

    Notes
    -----
    A normal distribution's likelihood, for instance, grows without bound as its variance shrinks around constant data
    (Kiefer and Wolfowitz, 1956, have the mixture's).

    Examples
    --------
    >>> from scipy import stats
    >>> from goldfish.probability import FitError, fit_mle
    >>> try:
    ...     fit_mle(stats.norm, [2.0, 2.0, 2.0])
    ... except FitError as error:
    ...     print(error)
    fit_mle: the likelihood is unbounded: it grows as scale = 0 is approached
    """


@dataclass(frozen=True)
class Maximum:
    """Where a search ended."""

    values: Values
    height: float
    converged: bool
    boundary: frozenset[str]


def gradient(problem: Problem, v: Floats) -> Floats:
    """Central differences of the objective."""
    steps = 6e-6 * np.maximum(1.0, np.abs(v))
    result = np.empty_like(v)
    for i, h in enumerate(steps):
        e = np.zeros_like(v)
        e[i] = h
        result[i] = (problem.objective(v + e) - problem.objective(v - e)) / (2 * h)
    return result


def hessian(problem: Problem, v: Floats, h: float = 1e-3) -> Floats:
    """Central differences of the objective, of second order."""
    k, f = len(v), problem.objective
    result, middle = np.empty((k, k)), f(v)
    steps = h * np.eye(k)
    for i in range(k):
        result[i, i] = (f(v + steps[i]) - 2 * middle + f(v - steps[i])) / h**2
        for j in range(i):
            corners = f(v + steps[i] + steps[j]) - f(v + steps[i] - steps[j])
            corners += f(v - steps[i] - steps[j]) - f(v - steps[i] + steps[j])
            result[i, j] = result[j, i] = corners / (4 * h**2)
    return result


def maximise(problem: Problem, starts: list[Values]) -> Maximum:
    """The highest of the maxima that are found from several starts; FitError if there is none."""
    if not problem.free:
        values = problem.values([])
        return Maximum(values, problem.logpost(values), True, frozenset())
    candidates = [problem.steps(values) for values in starts]
    heights = [problem.objective(v) for v in candidates]
    order = [i for i in np.argsort(heights, kind="stable") if heights[i] < _WORST][:4]
    chosen = [candidates[i] for i in order] or [_evolve(problem)]
    if heights and heights[0] < _WORST and 0 not in order:
        chosen.append(candidates[0])
    ends = [_descend(problem, v) for v in chosen]
    found = [_settle(problem, v) for v in ends]
    sound = [maximum for maximum in found if maximum is not None]
    if not sound:
        raise FitError(f"{problem.owner}: the likelihood is unbounded: {_direction(problem, ends[0])}")
    return max(sound, key=lambda maximum: (round(maximum.height, 9), maximum.converged))


def _evolve(problem: Problem) -> Floats:
    """Differential evolution, for want of any start that the data are possible under."""
    reach = [(-15.0, 15.0)] * len(problem.free)
    best = optimize.differential_evolution(problem.objective, reach, maxiter=200, polish=False, rng=0, tol=1e-8)
    if best.fun >= _WORST:
        raise FitError(f"{problem.owner}: data has likelihood zero under all parameters tried")
    return np.asarray(best.x)


def _descend(problem: Problem, v: Floats) -> Floats:
    for _ in range(3):
        v = _quasi_newton(problem, v)
        if np.abs(gradient(problem, v)).max() < 1e-5:
            return _newton(problem, v)
        # Where the likelihood has an edge, differences across it mislead; a simplex does not use them.
        options: dict[str, Any] = {"maxfev": 400 * len(v), "xatol": 1e-9, "fatol": 1e-13}
        v = np.asarray(optimize.minimize(problem.objective, v, method="Nelder-Mead", options=options).x)
    return _newton(problem, v)


def _quasi_newton(problem: Problem, v: Floats) -> Floats:
    result = optimize.minimize(
        problem.objective,
        v,
        jac=lambda u: gradient(problem, u),
        method="L-BFGS-B",
        options={"maxiter": 300, "ftol": 1e-15, "gtol": 1e-9},
    )
    return np.asarray(result.x if result.fun <= problem.objective(v) else v)


def _newton(problem: Problem, v: Floats) -> Floats:
    """A few Newton steps, as long as they descend."""
    for _ in range(6):
        curvature = hessian(problem, v)
        if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature).min() <= 1e-10:
            return v
        step = np.linalg.solve(curvature, gradient(problem, v))
        if np.abs(step).max() > 1 or problem.objective(v - step) > problem.objective(v) + 1e-14:
            return v
        v = v - step
        if np.abs(step).max() < 1e-11:
            return v
    return v


def _settle(problem: Problem, v: Floats) -> Maximum | None:
    """The maximum at or beyond the end of a search; None if the likelihood goes on growing there."""
    values = problem.after(v)
    height = problem.logpost(values)
    if problem.objective(v) <= -_WORST:
        return None
    snapped = _at_an_end(problem, values, height)
    if snapped is not None:
        return snapped if np.isfinite(snapped.height) else None
    level = bool(np.abs(gradient(problem, v)).max() < 1e-4)
    curvature = hessian(problem, v)
    peaked = level and bool(np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 1e-9)
    far = frozenset(name for name, u in zip(problem.free, v, strict=True) if _far(problem, name, u))
    if peaked or not far:
        return Maximum(values, height, peaked, frozenset())
    # Out there it either levels off, at a limit that is as good as reached, or goes on growing.
    return None if _grows(problem, v) else Maximum(values, height, level, far)


def _at_an_end(problem: Problem, values: Values, height: float) -> Maximum | None:
    """The maximum with a parameter put on the end of its interval, if that is no lower."""
    for name, transform in problem.transforms.items():
        end = transform.nearest_end(values[name])
        if end is None:
            continue
        held = problem.holding(**{name: end})
        moved = {**values, name: end}
        if np.isneginf(held.logpost(moved)):
            continue
        try:
            best = maximise(held, [moved])
        except FitError:
            continue
        if best.height >= height - 1e-9 * max(1.0, abs(height)):
            return Maximum(best.values, best.height, best.converged, best.boundary | {name})
    return None


def _far(problem: Problem, name: str, v: float) -> bool:
    return not problem.transforms[name].free and abs(v) > 12


def _grows(problem: Problem, v: Floats) -> bool:
    """Whether the last steps of a far coordinate, the others following, were still a gain."""
    here = problem.objective(v)
    for i, name in enumerate(problem.free):
        if not _far(problem, name, v[i]):
            continue
        back = v.copy()
        back[i] -= np.sign(v[i]) * 3
        rest = problem.holding(**{name: problem.after(back)[name]})
        before = rest.objective(_quasi_newton(rest, np.delete(back, i)) if rest.free else np.empty(0))
        if before > here + 1e-3:
            return True
    return False


def _direction(problem: Problem, v: Floats) -> str:
    values = problem.after(v)
    far = [name for name, u in zip(problem.free, v, strict=True) if _far(problem, name, u)] or problem.free
    return "it grows along " + ", ".join(f"{name} = {values[name]:.3g}" for name in far)
