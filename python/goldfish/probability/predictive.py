"""Predictive distributions that SciPy does not have."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, stats
from scipy.interpolate import BSpline
from scipy.special import betainc, betaln, xlog1py

# Up to here a distribution function is a sum of probabilities, beyond it an integral.
_LONGEST_SUM = 1 << 20
_LARGEST_INT = float(2**62)


class _BetaNegativeBinomial(stats.rv_discrete):  # type: ignore[misc]
    """Failures before r successes whose probability is Beta(a, b); r need not be an integer, as it must in SciPy."""

    def _argcheck(self, r: Any, a: Any, b: Any) -> Any:
        return (r > 0) & (a > 0) & (b > 0)

    def _logpmf(self, k: Any, r: Any, a: Any, b: Any) -> Any:
        # Gamma(k + r) / (Gamma(r) k!) = 1 / ((k + r) B(r, k + 1))
        return betaln(a + r, b + k) - betaln(a, b) - np.log(k + r) - betaln(r, k + 1)

    def _pmf(self, k: Any, r: Any, a: Any, b: Any) -> Any:
        return np.exp(self._logpmf(k, r, a, b))

    def _cdf(self, x: Any, r: Any, a: Any, b: Any) -> Any:
        k, r, a, b = np.broadcast_arrays(np.floor(x), r, a, b)
        result = np.empty(k.shape)
        for parameters in set(zip(r.flat, a.flat, b.flat, strict=True)):
            here = (r == parameters[0]) & (a == parameters[1]) & (b == parameters[2])
            result[here] = self._cdf_of_one(k[here], *parameters)
        return result

    def _cdf_of_one(self, k: NDArray[np.float64], r: float, a: float, b: float) -> NDArray[np.float64]:
        short = k < _LONGEST_SUM
        result = np.empty(k.shape)
        if short.any():
            sums = np.cumsum(self._pmf(np.arange(k[short].max() + 1), r, a, b))
            result[short] = np.minimum(sums[k[short].astype(np.intp)], 1)
        result[~short] = [1 - self._tail(value, r, a, b) for value in k[~short]]
        return result

    def _tail(self, k: float, r: float, a: float, b: float) -> float:
        """P(X > k): the negative binomial's tail, averaged over the probability of success."""

        def term(u: float) -> float:
            p = np.exp(-u)
            density = -a * u + xlog1py(b - 1, -p) - betaln(a, b)
            return float(np.exp(density) * betainc(k + 1, r, -np.expm1(-u)))

        middle = np.log(k)  # the tail's probability falls from 1 to 0 where p is about 1 / k
        pieces = [0.0, max(middle - 20, 1e-3), middle, middle + 20]
        total = sum(integrate.quad(term, lo, hi, limit=200)[0] for lo, hi in pairwise(pieces))
        return float(total + integrate.quad(term, pieces[-1], np.inf, limit=200)[0])

    def _stats(self, r: Any, a: Any, b: Any) -> tuple[Any, Any, None, None]:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(a > 1, r * b / (a - 1), np.inf)
            var = np.where(a > 2, r * (a + r - 1) * b * (a + b - 1) / ((a - 2) * (a - 1) ** 2), np.inf)
        return mean, var, None, None

    def _rvs(self, r: Any, a: Any, b: Any, size: Any = None, random_state: Any = None) -> Any:
        # The odds of failure are a ratio of gammas; so is the negative binomial a Poisson with a gamma rate.
        odds = random_state.gamma(b, size=size) / np.maximum(random_state.gamma(a, size=size), 1e-300)
        rate = odds * random_state.gamma(r, size=size)
        # Beyond 2^62, where NumPy draws no more, the spread around the rate is below its own rounding.
        return np.where(rate < _LARGEST_INT, random_state.poisson(np.minimum(rate, _LARGEST_INT)), _LARGEST_INT)


class _ParetoUniformSum(stats.rv_continuous):  # type: ignore[misc]
    """The sum of n values of Uniform(0, theta), theta ~ Pareto(1, a), by which xm is a scale."""

    def _argcheck(self, n: Any, a: Any) -> Any:
        return (n >= 1) & (n == np.floor(n)) & (a > 0)

    def _get_support(self, n: Any, a: Any) -> tuple[float, float]:
        return 0.0, np.inf

    def _apply(self, function: Any, s: Any, n: Any, a: Any) -> Any:
        s, n, a = np.broadcast_arrays(s, n, a)
        return np.array([function(*row) for row in zip(s.flat, n.flat, a.flat, strict=True)]).reshape(s.shape)

    def _logpdf(self, s: Any, n: Any, a: Any) -> Any:
        return self._apply(self._logpdf_of_one, s, n, a)

    def _pdf(self, s: Any, n: Any, a: Any) -> Any:
        return np.exp(self._logpdf(s, n, a))

    def _cdf(self, s: Any, n: Any, a: Any) -> Any:
        return self._apply(self._cdf_of_one, s, n, a)

    def _logpdf_of_one(self, s: float, n: float, a: float) -> float:
        """Log of a s^(-a-1) E[v^a; v < s], v being the sum of n uniforms on (0, 1)."""
        if n == 1:
            return float(np.log(a) - np.log(a + 1) - (a + 1) * np.log(max(s, 1.0)))
        if s <= 0:
            return -np.inf
        return float(np.log(a) - (a + 1) * np.log(s) + self._log_moment(s, int(n), a))

    def _cdf_of_one(self, s: float, n: float, a: float) -> float:
        """F(s) = P(v < s) - s^(-a) E[v^a; v < s]."""
        if s <= 0:
            return 0.0
        below = min(self._integral(s, int(n), lambda v: np.ones_like(v)), 1.0)
        return float(below - np.exp(self._log_moment(s, int(n), a) - a * np.log(s)))

    def _log_moment(self, s: float, n: int, a: float) -> float:
        # Scaled by the largest v, or v^a overflows.
        top = min(s, float(n))
        return float(a * np.log(top) + np.log(self._integral(s, n, lambda v: (v / top) ** a)))

    def _integral(self, s: float, n: int, weight: Any) -> float:
        """The integral of weight times the density of v from 0 to s: piecewise, since that density is a B-spline."""
        density = BSpline.basis_element(np.arange(n + 1.0), extrapolate=False)
        nodes, factors = np.polynomial.legendre.leggauss(64)
        total = 0.0
        for left in range(min(n, int(np.ceil(s)))):
            right = min(left + 1.0, s)
            half = (right - left) / 2
            # The substitution v = left + 2 half t^2 smooths v^a at 0.
            t = (nodes + 1) / 2
            v = left + 2 * half * t**2
            total += float(np.sum(factors * 2 * half * t * weight(v) * np.nan_to_num(density(v))))
        return total

    def _rvs(self, n: Any, a: Any, size: Any = None, random_state: Any = None) -> Any:
        theta = random_state.uniform(size=size) ** (-1 / np.asarray(a))
        count = int(np.max(n))
        return theta * random_state.uniform(size=(count, *np.atleast_1d(size or ()))).sum(axis=0).reshape(
            np.shape(theta)
        )


class _LogLomax(stats.rv_continuous):  # type: ignore[misc]
    """exp(y) with y ~ Lomax(a, scale rate): a Pareto variable above 1 whose shape is Gamma(a, rate)."""

    def _argcheck(self, a: Any, rate: Any) -> Any:
        return (a > 0) & (rate > 0)

    def _logpdf(self, x: Any, a: Any, rate: Any) -> Any:
        y = np.log(x)
        return np.log(a) - np.log(rate) - (a + 1) * np.log1p(y / rate) - y

    def _pdf(self, x: Any, a: Any, rate: Any) -> Any:
        return np.exp(self._logpdf(x, a, rate))

    def _logsf(self, x: Any, a: Any, rate: Any) -> Any:
        return -a * np.log1p(np.log(x) / rate)

    def _sf(self, x: Any, a: Any, rate: Any) -> Any:
        return np.exp(self._logsf(x, a, rate))

    def _cdf(self, x: Any, a: Any, rate: Any) -> Any:
        return -np.expm1(self._logsf(x, a, rate))

    def _ppf(self, q: Any, a: Any, rate: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.exp(rate * np.expm1(-np.log1p(-q) / a))

    def _isf(self, q: Any, a: Any, rate: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.exp(rate * np.expm1(-np.log(q) / a))

    def _rvs(self, a: Any, rate: Any, size: Any = None, random_state: Any = None) -> Any:
        # The tail is so heavy that a draw may exceed every float; 1e300 stands for those, so that a scale fits too.
        return np.minimum(self._isf(1 - random_state.uniform(size=size), a, rate), 1e300)


beta_negative_binomial = _BetaNegativeBinomial(name="beta_negative_binomial", shapes="r, a, b")
pareto_uniform_sum = _ParetoUniformSum(name="pareto_uniform_sum", shapes="n, a")
log_lomax = _LogLomax(a=1.0, name="log_lomax", shapes="a, rate")
