"""The formula or the search that solves a fit, and where the search begins."""

from __future__ import annotations

import itertools
import math

import numpy as np

from goldfish.probability.closed_form import Solution, closed_form
from goldfish.probability.likelihood import Interval
from goldfish.probability.optimise import FitError, Maximum, maximise
from goldfish.probability.problem import Problem, Values
from goldfish.probability.transform import spread

_MOST_COMBINATIONS = 5000
_LARGE = 20_000


def formula(problem: Problem, limits: dict[str, Interval]) -> Solution | None:
    """The closed form, if there is one that the bounds allow; FitError if the likelihood is unbounded towards it."""
    solution = closed_form(problem.likelihood.dist.name, problem.x, problem.weights / problem.total, problem.fixed)
    if solution is None or any(not lo <= solution.values[name] <= hi for name, (lo, hi) in limits.items()):
        return None
    for name in problem.free:
        value = solution.values[name]
        if math.isnan(value):
            return None
        if math.isinf(value) or (name in ("scale", "s") and value <= 0):
            raise FitError(
                f"{problem.owner}: the likelihood is unbounded: it grows as {name} = {value:g} is approached"
            )
    if not math.isfinite(problem.loglik(solution.values)):
        return None
    return solution


def search(problem: Problem, begin: Values, limits: dict[str, Interval]) -> Maximum:
    """The highest maximum that is found; integer parameters are tried one by one."""
    free = problem.transforms
    constant = np.ptp(problem.x) == 0 and problem.censored is None and not problem.priors
    if constant and {"loc", "scale"} <= set(free) and free["scale"].lo == 0:
        raise FitError(f"{problem.owner}: the likelihood is unbounded: it grows as scale = 0 is approached")
    whole = [name for name in free if name in problem.likelihood.integers]
    if not whole:
        return _search_reals(problem, begin)
    best: Maximum | None = None
    for combination in _combinations(problem, whole):
        held = problem.holding(**combination)
        solution = None if held.priors or held.censored is not None else formula(held, limits)
        if solution is not None:
            height = held.logpost(solution.values)
            if best is None or height > best.height:
                best = Maximum(solution.values, height, True, solution.boundary)
            continue
        begin_held = {name: value for name, value in begin.items() if name not in combination}
        try:
            found = maximise(held, _starts(held, begin_held, random=8))
        except FitError:
            continue
        if math.isfinite(found.height) and (best is None or found.height > best.height):
            best = found
    if best is None:
        raise FitError(f"{problem.owner}: data has likelihood zero under all parameters tried")
    edge = {name for name in whole if best.values[name] in (math.ceil(free[name].lo), math.floor(free[name].hi))}
    return Maximum(best.values, best.height, best.converged, best.boundary | edge)


def _search_reals(problem: Problem, begin: Values) -> Maximum:
    """Over parameters that are real; of large data, a part shows where to begin."""
    if len(problem.x) > _LARGE:
        try:
            part = problem.subset(_LARGE // 10)
            best = maximise(problem, [maximise(part, _starts(part, begin)).values])
            if best.converged:
                return best
        except FitError:
            pass  # the part may miss what makes the whole possible
    return maximise(problem, _starts(problem, begin))


def _combinations(problem: Problem, whole: list[str]) -> list[Values]:
    """All values of the parameters that are integers."""
    ranges = []
    for name in whole:
        lo, hi = problem.transforms[name].lo, problem.transforms[name].hi
        if math.isinf(lo) or math.isinf(hi):
            raise ValueError(
                f"{problem.owner}: bounds must be finite for the integer {name}, or it be fixed, got ({lo}, {hi})"
            )
        ranges.append(range(math.ceil(lo), math.floor(hi) + 1))
    if math.prod(map(len, ranges)) > _MOST_COMBINATIONS:
        raise ValueError(
            f"{problem.owner}: bounds must leave at most {_MOST_COMBINATIONS} combinations of {whole}, got "
            f"{math.prod(map(len, ranges))}"
        )
    return [dict(zip(whole, map(float, values), strict=True)) for values in itertools.product(*ranges)]


def _starts(problem: Problem, begin: Values, random: int = 80) -> list[Values]:
    """The caller's start first, then SciPy's, then a guess and points scattered around it."""
    guess = {name: _guess(problem, name) for name in problem.free}
    found = [{**guess, **begin}]
    fitstart = getattr(problem.likelihood.dist, "_fitstart", None)
    if fitstart is not None:
        with np.errstate(all="ignore"):
            try:
                proposed = dict(zip(problem.likelihood.domains, map(float, fitstart(problem.x)), strict=True))
            except Exception:  # SciPy's own guesses fail in many ways; there are others
                proposed = {}
        if proposed and all(map(math.isfinite, proposed.values())):
            found.append({**guess, **{name: _inside(problem, name, proposed[name]) for name in problem.free}})
    rng = np.random.default_rng(0)
    centre = problem.point(guess)
    for shift in rng.normal(size=(random, len(problem.free))) * 1.5 * problem.units:
        scattered = problem.values(centre + shift)
        found.append({name: scattered[name] for name in problem.free})
    return [{**problem.fixed, **values} for values in found]


def _guess(problem: Problem, name: str) -> float:
    transform = problem.transforms[name]
    x = problem.x
    if name == "loc" and problem.likelihood.dist is not None:
        return _inside(problem, name, float(np.median(x)))
    if name == "scale" and problem.likelihood.dist is not None:
        return _inside(problem, name, spread(x))
    return transform(transform.origin)


def _inside(problem: Problem, name: str, value: float) -> float:
    """A value strictly within a parameter's interval."""
    transform = problem.transforms[name]
    return value if transform.lo < value < transform.hi else transform(0.0)
