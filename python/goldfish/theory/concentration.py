"""Bounds from a test set, confidence intervals for a mean, and sample compression."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from goldfish.theory import _arguments as check
from goldfish.theory._binomial import lower_tail_inverse, upper_tail_inverse
from goldfish.theory._format import figure, number
from goldfish.theory.growth import _log_sum
from goldfish.theory.pac_bayes import kl_inverse
from goldfish.theory.results import Bound, risk_bound

_METHODS = ("hoeffding", "bernstein", "empirical_bernstein", "kl", "betting")


def test_set_bound(errors: int, n: int, delta: float, *, side: str = "upper") -> Bound:  # noqa: PT028
    """A bound on the risk of one classifier from its errors on a test set, by inverting the binomial tail.

    Upper: the largest p with ``P(Binomial(n, p) <= errors) >= delta``. Lower: the smallest p with
    ``P(Binomial(n, p) >= errors) >= delta``. For an interval take both with delta/2.

    Parameters
    ----------
    errors, n : int
        Errors among n examples that the classifier has not seen.
    delta : float
        Between 0 and 1: the probability that the bound is wrong.
    side : {"upper", "lower"}

    Returns
    -------
    Bound
        Exact for binomial counts, rounded outwards.

    Raises
    ------
    ValueError
        If errors > n or an argument is out of its range.

    References
    ----------
    Clopper and Pearson 1934; Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005),
    section 3.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.test_set_bound(3, 100, 0.05).value, 4)
    0.0757
    """
    name = "test_set_bound"
    n, errors = check.examples(name, "n", n), check.count(name, "errors", errors)
    if errors > n:
        raise ValueError(f"{name}: errors must be at most n = {n}, got {errors}")
    delta = check.fraction(name, "delta", delta)
    check.choice(name, "side", side, ("upper", "lower"))
    if side == "upper":
        value = upper_tail_inverse(errors, n, math.log(delta))
        words = (
            f"at most {figure(value)}: a larger one gives at most {errors} errors in {n} with probability below "
            f"{number(delta)}"
        )
    else:
        value = lower_tail_inverse(errors, n, delta)
        words = (
            f"at least {figure(value)}: a smaller one gives {errors} or more errors in {n} with probability below "
            f"{number(delta)}"
        )
    statement = f"with probability at least {number(1 - delta)} the risk is {words}"
    conditions = ("the test examples are independent and of one distribution", "the classifier was chosen without them")
    return risk_bound(value, statement, conditions, "Langford 2005, section 3", "upper" if side == "upper" else "lower")


# Its name would make pytest collect it.
test_set_bound.__test__ = False  # type: ignore[attr-defined]


def mean_interval(
    x: Any, delta: float, *, method: str = "hoeffding", lo: float = 0.0, hi: float = 1.0, var: float | None = None
) -> tuple[float, float]:
    """A confidence interval for the mean of bounded values, valid for every n; each side has delta/2.

    With x scaled to [0, 1] and d = delta/2 the half widths are

    * "hoeffding": ``sqrt(ln(1/d) / (2n))``
    * "bernstein": ``sqrt(2 var ln(1/d) / n) + ln(1/d) / (3n)``, for a known variance ``var``
    * "empirical_bernstein": ``sqrt(2 V ln(2/d) / n) + 7 ln(2/d) / (3 (n-1))``, V the unbiased sample variance
    * "kl": the two ends of ``kl(mean || p) <= ln(1/d) / n``
    * "betting": the confidence sequence of Waudby-Smith and Ramdas at time n, by the package ``confseq``

    Parameters
    ----------
    x : array_like of shape (n,)
        Independent values with one mean.
    delta : float
        Between 0 and 1.
    method : str
    lo, hi : float
        All values lie between these two, which were known beforehand.
    var : float, optional
        The true variance (or a bound on it) in the units of x squared; for "bernstein" only.

    Returns
    -------
    (float, float)
        Cut off at lo and hi.

    Raises
    ------
    ValueError
        If x is empty, not finite or outside [lo, hi]; if n < 2 for "empirical_bernstein"; or an argument is out of
        range.
    TypeError
        If var is missing for "bernstein", or given for another method.
    ImportError
        If confseq is not installed for "betting".

    References
    ----------
    Hoeffding 1963; Boucheron, Lugosi and Massart 2013, Thm 2.10; Maurer and Pontil, Empirical Bernstein bounds, COLT
    2009, Thm 4; Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86 (2024). Constants as commonly quoted.

    Examples
    --------
    >>> from goldfish import theory
    >>> low, high = theory.mean_interval([0.0] * 90 + [1.0] * 10, 0.1)
    >>> low, round(high, 4)
    (0.0, 0.2224)
    """
    name = "mean_interval"
    delta = check.fraction(name, "delta", delta)
    check.choice(name, "method", method, _METHODS)
    lo, hi = check.real(name, "lo", lo), check.real(name, "hi", hi)
    if not -math.inf < lo < hi < math.inf:
        raise ValueError(f"{name}: lo must be finite and below hi, got lo = {lo!r} and hi = {hi!r}")
    values = _read_values(name, x, lo, hi)
    if (var is None) == (method == "bernstein"):
        raise TypeError(f"{name}: var must be given for the method 'bernstein', and for no other")
    scaled = (values - lo) / (hi - lo)
    mean = min(max(float(math.fsum(scaled)) / len(scaled), 0.0), 1.0)
    if method == "kl":
        c = math.log(2 / delta) / len(scaled)
        low, high = kl_inverse(mean, c, upper=False), kl_inverse(mean, c)
    elif method == "betting":
        low, high = _betting(scaled, delta)
    else:
        half = _half_width(
            name,
            method,
            scaled,
            delta / 2,
            None if var is None else check.at_least(name, "var", var, 0) / (hi - lo) ** 2,
        )
        low, high = max(mean - half, 0.0), min(mean + half, 1.0)
    return max(lo + (hi - lo) * low, lo), min(lo + (hi - lo) * high, hi)


def _read_values(name: str, x: Any, lo: float, hi: float) -> npt.NDArray[np.float64]:
    values = check.array(name, "x", x)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name}: x must have the shape (n,) with n >= 1, got {values.shape}")
    wrong = np.flatnonzero(~((values >= lo) & (values <= hi)))
    if len(wrong):
        raise ValueError(f"{name}: x must lie between {lo:g} and {hi:g}, got {values[wrong[0]]} at index {wrong[0]}")
    return values


def _half_width(name: str, method: str, x: npt.NDArray[np.float64], delta: float, var: float | None) -> float:
    n, log = len(x), math.log(1 / delta)
    if method == "hoeffding":
        return math.sqrt(log / (2 * n))
    if var is not None:
        return math.sqrt(2 * var * log / n) + log / (3 * n)
    if n < 2:
        raise ValueError(f"{name}: x must hold at least two values for {method!r}, got {n}")
    log = math.log(2 / delta)
    return math.sqrt(2 * float(x.var(ddof=1)) * log / n) + 7 * log / (3 * (n - 1))


def _betting(x: npt.NDArray[np.float64], delta: float) -> tuple[float, float]:
    try:
        from confseq.betting import betting_cs
    except ImportError as error:
        raise ImportError("mean_interval: the method 'betting' needs confseq: pip install confseq") from error
    low, high = betting_cs(x, alpha=delta, running_intersection=True)
    return float(low[-1]), float(high[-1])


def compression_bound(m: int, set_size: int, errors_outside: int, delta: float) -> Bound:
    """A bound on the risk of a classifier that can be rebuilt from few of its examples.

    With probability 1 - delta, for all sets of all sizes at once, the risk is at most the largest p with
    ``P(Binomial(m - c, p) <= errors) >= delta / (m C(m, c))``. Support vectors, the mistakes of a perceptron, and the
    2p points that hold a tightest box are such sets.

    Parameters
    ----------
    m : int
        The number of examples.
    set_size : int
        c, the size of the compression set, below m.
    errors_outside : int
        Errors on the other m - c examples.
    delta : float
        Between 0 and 1.

    Returns
    -------
    Bound

    Raises
    ------
    ValueError
        If set_size >= m, errors_outside > m - set_size, or an argument is out of its range.

    References
    ----------
    Littlestone and Warmuth 1986; Floyd and Warmuth, Machine Learning 21 (1995); Langford 2005, section 6.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.compression_bound(100, 5, 0, 0.05).value, 4)
    0.2373
    """
    name = "compression_bound"
    m, c = check.examples(name, "m", m), check.count(name, "set_size", set_size)
    errors, delta = check.count(name, "errors_outside", errors_outside), check.fraction(name, "delta", delta)
    if c >= m:
        raise ValueError(f"{name}: set_size must be below m = {m}, got {c}")
    if errors > m - c:
        raise ValueError(f"{name}: errors_outside must be at most m - set_size = {m - c}, got {errors}")
    log_sets = math.log(math.comb(m, c)) if min(c, m - c) <= 10_000 else _log_sum(m, c)
    value = upper_tail_inverse(errors, m - c, math.log(delta) - math.log(m) - log_sets)
    statement = (
        f"the risk is at most {figure(value)} with probability at least {number(1 - delta)}: {errors} errors on the "
        f"{m - c} "
        f"examples outside a compression set of {c}, at the level delta/(m C(m, {c}))"
    )
    conditions = (
        "the examples are independent and of one distribution",
        "the classifier is a function of the compression set alone",
    )
    return risk_bound(value, statement, conditions, "Langford 2005, section 6; Floyd and Warmuth 1995")
