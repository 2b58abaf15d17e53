"""The theorems of Vapnik and Chervonenkis's kind, each as one object: its inequality, its deviation, its source.

``holds(d, n, eps, delta)`` is the inequality itself, evaluated with sixty digits; a sample size is the smallest n for
which it holds. ``deviation(d, n, delta)`` solves it for eps where that has a closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from goldfish.theory._decimal import ceiling, ln, log2, round_up
from goldfish.theory.growth import _EXACT, _log_sum, _sum_of_binomials

_IID = "the examples are independent and of one distribution"
_CONSISTENT = "the hypothesis makes no error on the examples"
_MEASURABLE = "the class is measurable"


@dataclass(frozen=True)
class Theorem:
    """One inequality between d, n, eps and delta.

    Attributes
    ----------
    formula : str
        As printed.
    source : str
    conditions : tuple of str
    size : callable, optional
        ``(d, eps, delta) -> real N`` in closed form.
    deviation : callable, optional
        ``(d, n, delta) -> eps`` in closed form.
    largest_eps : float
        The formula of ``size`` is used up to here; what holds for this eps holds for any larger one.
    """

    formula: str
    source: str
    conditions: tuple[str, ...]
    size: Callable[[int, Decimal, Decimal], Decimal] | None = None
    deviation: Callable[[int, int, Decimal], Decimal] | None = None
    largest_eps: Decimal = Decimal(1)

    def sample_size(self, d: int, eps: Decimal, delta: Decimal) -> int:
        """The smallest n for which the inequality holds."""
        if self.size is not None:
            return max(ceiling(self.size(d, min(eps, self.largest_eps), delta)), 1)
        deviation = self.deviation
        assert deviation is not None
        return smallest(lambda n: deviation(d, n, delta) <= eps)

    def risk(self, d: int, n: int, delta: Decimal) -> float:
        """The smallest eps for which the inequality holds, rounded up; inf if there is none."""
        if self.deviation is not None:
            return round_up(min(self.deviation(d, n, delta), Decimal("Infinity")))
        size = self.size
        assert size is not None
        return _smallest_eps(lambda eps: size(d, eps, delta) <= n, self.largest_eps)


def smallest(holds: Callable[[int], bool]) -> int:
    """The smallest positive integer at which a monotone condition holds."""
    high = 1
    while not holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _smallest_eps(holds: Callable[[Decimal], bool], largest: Decimal) -> float:
    """The upper end of a bracket one float wide."""
    if not holds(largest):
        return math.inf
    low, high = 0.0, float(largest)
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if middle > 0 and holds(Decimal(middle)) else (middle, high)
    return high


@lru_cache(maxsize=4096)
def log_growth(m: int, d: int) -> Decimal:
    """Ln of Sauer's sum: exact, or a little above it where the sum has too many terms."""
    if min(d, m - d) <= _EXACT or d >= m:
        return ln(_sum_of_binomials(m, d))
    return Decimal(_log_sum(m, d)) * (1 + Decimal("1e-13"))


def _blumer89(d: int, eps: Decimal, delta: Decimal) -> Decimal:
    return max(4 / eps * log2(2 / delta), 8 * d / eps * log2(13 / eps))


def _ssbd_realizable(d: int, eps: Decimal, delta: Decimal) -> Decimal:
    return 8 / eps * (2 * d * ln(16 * Decimal(1).exp() / eps) + ln(2 / min(delta, Decimal("0.25"))))


def _stab93(d: int, eps: Decimal, delta: Decimal) -> Decimal:
    return (2 * d * ln(6 / eps) + ln(2 / delta)) / (eps * (1 - eps.sqrt()))


def _implicit(d: int, n: int, delta: Decimal) -> Decimal:
    return Decimal(2) / n * (log_growth(2 * n, d) + ln(2 / delta)) / ln(2)


def _ab99(d: int, n: int, delta: Decimal) -> Decimal:
    return (Decimal(8) / n * (log_growth(2 * n, d) + ln(4 / delta))).sqrt()


def _dgl96(d: int, n: int, delta: Decimal) -> Decimal:
    return (Decimal(32) / n * (log_growth(n, d) + ln(8 / delta))).sqrt()


def _devroye82(d: int, n: int, delta: Decimal) -> Decimal:
    return ((log_growth(n * n, d) + ln(4 / delta) + 8) / (2 * n)).sqrt()


def _vapnik98(d: int, n: int, delta: Decimal) -> Decimal:
    if n < d:
        return Decimal("Infinity")
    return Decimal(1) / n + ((ln(4 / delta) + d * (1 + ln(Decimal(2 * n) / d))) / n).sqrt()


def _rademacher(d: int, n: int, delta: Decimal) -> Decimal:
    return (2 * log_growth(n, d) / n).sqrt() + (ln(1 / delta) / (2 * n)).sqrt()


def _chaining(d: int, n: int, delta: Decimal) -> Decimal:
    return 2 * entropy_integral(d) / Decimal(n).sqrt() + (ln(1 / delta) / (2 * n)).sqrt()


@lru_cache(maxsize=256)
def entropy_integral(d: int) -> Decimal:
    """12 int_0^1 sqrt(1 + ln(d+1) + d ln(2e/u^2)) du, which the substitution u = e^-t turns into a smooth integral."""
    from scipy import integrate

    constant = 1 + math.log(d + 1) + d * math.log(2 * math.e)
    value, error = integrate.quad(
        lambda t: math.sqrt(constant + 2 * d * t) * math.exp(-t), 0, math.inf, epsabs=0, epsrel=1e-12
    )
    return 12 * (Decimal(value) + Decimal(error))


def relative_risk(d: int, n: int, delta: Decimal, train_error: Decimal) -> Decimal:
    """R <= r + 2 sqrt(r A) + 4 A with A = (ln Pi(2n) + ln(4/delta)) / n."""
    a = (log_growth(2 * n, d) + ln(4 / delta)) / n
    return train_error + 2 * (train_error * a).sqrt() + 4 * a


def _ssbd_erm(d: int, eps: Decimal, delta: Decimal) -> Decimal:
    square = eps * eps
    return 128 * d / square * ln(64 * d / square) + 8 / square * (8 * d * (1 - ln(d)) + 2 * ln(4 / delta))


_QUOTED = "; constant as commonly quoted"

REALIZABLE = {
    "blumer89": Theorem(
        "N >= max(4/eps log2(2/delta), 8d/eps log2(13/eps))",
        "Blumer, Ehrenfeucht, Haussler and Warmuth, JACM 36 (1989), Thm 2.1 (base of the logarithm as commonly quoted)",
        (_IID, _CONSISTENT, _MEASURABLE),
        size=_blumer89,
    ),
    "implicit": Theorem(
        "2 Pi(2N) 2^(-eps N/2) <= delta",
        "Blumer, Ehrenfeucht, Haussler and Warmuth, JACM 36 (1989), Thm A2.1" + _QUOTED,
        (_IID, _CONSISTENT, _MEASURABLE),
        deviation=_implicit,
    ),
    "stab93": Theorem(
        "N >= (2d ln(6/eps) + ln(2/delta)) / (eps (1 - sqrt(eps)))",
        "Shawe-Taylor, Anthony and Biggs, Discrete Appl. Math. 42 (1993)" + _QUOTED,
        (_IID, _CONSISTENT, _MEASURABLE),
        size=_stab93,
        # The denominator falls beyond 4/9, and with it the sense of the formula.
        largest_eps=Decimal(4) / 9,
    ),
    "ssbd": Theorem(
        "N >= 8/eps (2d ln(16e/eps) + ln(2/delta))",
        "Shalev-Shwartz and Ben-David 2014, section 28.3",
        (_IID, _CONSISTENT, "delta < 1/4, and a larger delta is treated as 1/4"),
        size=_ssbd_realizable,
    ),
}

AGNOSTIC = {
    "ab99": Theorem(
        "4 Pi(2N) exp(-N eps^2/8) <= delta",
        "Vapnik and Chervonenkis 1971; Anthony and Bartlett 1999, Thm 4.3" + _QUOTED,
        (_IID, _MEASURABLE),
        deviation=_ab99,
    ),
    "dgl96": Theorem(
        "8 Pi(N) exp(-N eps^2/32) <= delta",
        "Devroye, Gyorfi and Lugosi 1996, Thm 12.5" + _QUOTED,
        (_IID, _MEASURABLE),
        deviation=_dgl96,
    ),
    "devroye82": Theorem(
        "4 e^8 Pi(N^2) exp(-2 N eps^2) <= delta",
        "Devroye, J. Multivariate Anal. 12 (1982); Devroye, Gyorfi and Lugosi 1996, Thm 12.8" + _QUOTED,
        (_IID, _MEASURABLE),
        deviation=_devroye82,
    ),
    "vapnik98": Theorem(
        "4 exp(d (1 + ln(2N/d)) - N (eps - 1/N)^2) <= delta",
        "Vapnik 1998, Thm 4.1" + _QUOTED,
        (_IID, _MEASURABLE, "N >= d"),
        deviation=_vapnik98,
    ),
    "rademacher": Theorem(
        "sqrt(2 ln Pi(N)/N) + sqrt(ln(1/delta)/(2N)) <= eps, with delta/2 for both sides",
        "Mohri, Rostamizadeh and Talwalkar 2018, Cor. 3.9" + _QUOTED,
        (_IID,),
        deviation=_rademacher,
    ),
}

CHAINING = Theorem(
    "2 C(d)/sqrt(N) + sqrt(ln(1/delta)/(2N)) <= eps, C(d) = 12 int_0^1 sqrt(1 + ln(d+1) + d ln(2e/u^2)) du",
    "Dudley's integral with Haussler's packing bound, J. Combin. Theory A 69 (1995)" + _QUOTED,
    (_IID, _MEASURABLE),
    deviation=_chaining,
)

RELATIVE = Theorem(
    "R <= r + 2 sqrt(r A) + 4A, A = (ln Pi(2N) + ln(4/delta))/N",
    "Bousquet, Boucheron and Lugosi 2004, after Vapnik" + _QUOTED,
    (_IID, _MEASURABLE),
)

ERM = Theorem(
    "N >= 128d/eps^2 ln(64d/eps^2) + 8/eps^2 (8d ln(e/d) + 2 ln(4/delta))",
    "Shalev-Shwartz and Ben-David 2014, section 28.1" + _QUOTED,
    (_IID,),
    size=_ssbd_erm,
)
