"""PAC-Bayes bounds, and the divergences that they are made of."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from goldfish.theory import _arguments as check
from goldfish.theory._decimal import ln, precise, round_down, round_up
from goldfish.theory._format import figure, number
from goldfish.theory.results import Bound, risk_bound

_LARGEST_XI = 10**7
# Below it sixty digits may not tell p from q, and Pinsker's inequality takes over.
_TINY = Decimal("1e-30")


def _divergence(q: Decimal, p: Decimal) -> Decimal:
    """kl(q || p) for 0 <= q <= 1 and 0 < p < 1."""
    total = Decimal(0)
    if q > 0:
        total += q * (q / p).ln()
    if q < 1:
        total += (1 - q) * ((1 - q) / (1 - p)).ln()
    return total


@precise
def kl_bernoulli(q: float, p: float) -> float:
    """The divergence of coin flips: ``kl(q||p) = q ln(q/p) + (1-q) ln((1-q)/(1-p))``.

    Parameters
    ----------
    q, p : float
        Between 0 and 1.

    Returns
    -------
    float
        In nats, accurate also where q and p nearly agree; inf if p is 0 or 1 and q is not.

    Raises
    ------
    ValueError
        If q or p is outside [0, 1].

    References
    ----------
    Langford and Caruana, (Not) bounding the true error, NIPS 2001.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.kl_bernoulli(0.1, 0.2), 6)
    0.03669
    """
    q, p = check.rate("kl_bernoulli", "q", q), check.rate("kl_bernoulli", "p", p)
    if p in (0.0, 1.0):
        return 0.0 if q == p else math.inf
    return float(_divergence(Decimal(q), Decimal(p)))


@precise
def kl_inverse(q: float, c: float, *, upper: bool = True) -> float:
    """The largest p >= q with ``kl(q||p) <= c``, rounded up; with ``upper=False`` the smallest p <= q, rounded down.

    The result is never on the optimistic side: a bisection that returns its midpoint may be.

    Parameters
    ----------
    q : float
        Between 0 and 1.
    c : float
        In nats, at least 0.
    upper : bool

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If q is outside [0, 1] or c is negative.

    References
    ----------
    Langford and Caruana, (Not) bounding the true error, NIPS 2001.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.kl_inverse(0.1, 0.02), 6)
    0.170384
    """
    q, c = check.rate("kl_inverse", "q", q), check.real("kl_inverse", "c", c)
    if c < 0:
        raise ValueError(f"kl_inverse: c must be at least 0, got {c!r}")
    upper = check.truth("kl_inverse", "upper", upper)
    if c == 0:
        return q
    if c == math.inf:
        return float(upper)
    return _upper_end(Decimal(q), Decimal(c)) if upper else _lower_end(Decimal(q), Decimal(c))


def _upper_end(q: Decimal, c: Decimal) -> float:
    """The largest p with kl(q||p) <= c, rounded up: 1 minus the smallest for the complements."""
    if q == 1:
        return 1.0
    if c < _TINY:
        return round_up(c) if q == 0 else min(math.nextafter(round_up(q + (c / 2).sqrt()), 1.0), 1.0)
    return min(round_up(1 - _log_smallest(1 - q, q, c).exp()), 1.0)


def _lower_end(q: Decimal, c: Decimal) -> float:
    """The smallest p with kl(q||p) <= c, rounded down."""
    if q == 0:
        return 0.0
    if c < _TINY:
        return max(math.nextafter(round_down(q - (c / 2).sqrt()), 0.0), 0.0)
    return max(round_down(_log_smallest(q, 1 - q, c).exp()), 0.0)


def _log_smallest(q: Decimal, rest: Decimal, c: Decimal) -> Decimal:
    """t, a little below ln p for the smallest p with kl(q||p) <= c; ``rest`` is 1 - q.

    In t = ln p the divergence is convex and falls, so Newton's method from below stays below; it starts where
    q ln(q/p) + (1-q) ln(1-q) = c.
    """
    top = q.ln()
    constant = rest * rest.ln() if rest > 0 else Decimal(0)
    t = top - (c - constant) / q
    for _ in range(200):
        p = t.exp()
        excess = q * (top - t) + (constant - rest * (1 - p).ln() if rest > 0 else 0) - c
        step = excess * (1 - p) / (q - p)
        if step <= (top - t) * Decimal("1e-25"):
            break
        t += step
    return t - (top - t) * Decimal("1e-20")


@lru_cache(maxsize=1024)
def _log_xi(n: int) -> float:
    """Ln of xi(n) = sum_k C(n, k) (k/n)^k (1 - k/n)^(n-k), a little above it."""
    k = np.arange(1, n, dtype=np.float64)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1, dtype=np.float64)))])
    inner = np.arange(1, n)
    binomial = log_factorial[n] - log_factorial[inner] - log_factorial[n - inner]
    terms = binomial + k * np.log(k / n) + (n - k) * np.log1p(-k / n)
    return math.log(2 + math.fsum(np.exp(terms))) * (1 + 1e-12) + 1e-10


def pac_bayes(
    train_risk: float, kl: float, n: int, delta: float, *, form: str = "maurer", lam: float | None = None
) -> Bound:
    """A PAC-Bayes bound on the risk of a random classifier, for all posteriors Q at once.

    * "maurer": ``kl(r || R) <= (KL(Q||P) + ln(2 sqrt(n)/delta)) / n``; for n < 8 this uses "xi"
    * "xi": the same with the exact ``xi(n) = sum_k C(n,k) (k/n)^k (1-k/n)^(n-k)`` in place of 2 sqrt(n)
    * "seeger": the older ``ln((n+1)/delta)``
    * "mcallester": Pinsker's relaxation, ``R <= r + sqrt((KL + ln(2 sqrt(n)/delta)) / (2n))``
    * "catoni": ``R <= (1 - exp(-lam r - (KL + ln(1/delta)) / n)) / (1 - exp(-lam))``

    Parameters
    ----------
    train_risk : float
        Between 0 and 1: r, the mean training error under Q.
    kl : float
        KL(Q||P) in nats, at least 0.
    n : int
    delta : float
        Between 0 and 1.
    form : str
    lam : float, optional
        At least 1e-20, required by "catoni" and fixed before the examples are seen. It multiplies the risk, not n
        times the risk: Catoni's lambda divided by n.

    Returns
    -------
    Bound
        Rounded up.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If lam is missing for "catoni".

    References
    ----------
    Maurer, A note on the PAC Bayesian theorem (2004); Seeger, JMLR 3 (2002); McAllester, Machine Learning 51 (2003);
    Catoni, PAC-Bayesian supervised classification (2007). Constants as commonly quoted.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.pac_bayes(0.1, 5.0, 1000, 0.05).value, 4)
    0.1531
    >>> round(theory.pac_bayes(0.1, 5.0, 1000, 0.05, form="mcallester").value, 4)
    0.1779
    """
    name = "pac_bayes"
    train_risk, kl = check.rate(name, "train_risk", train_risk), check.at_least(name, "kl", kl, 0)
    n, delta = check.examples(name, "n", n), check.fraction(name, "delta", delta)
    check.choice(name, "form", form, ("maurer", "xi", "seeger", "mcallester", "catoni"))
    if form == "catoni":
        if lam is None:
            raise TypeError(f"{name}: lam must be given for the form 'catoni'")
        value = _catoni(train_risk, kl, n, delta, check.at_least(name, "lam", lam, 1e-20))
    else:
        small = form in ("maurer", "mcallester") and n < 8
        value = _seeger_type(train_risk, kl, n, delta, form, "xi" if form == "xi" or small else form)
    statement = (
        f"the risk of the random classifier is at most {figure(value)} with probability at least "
        f"{number(1 - delta)} over {n} "
        f"examples, for training risk {number(train_risk)} and KL(Q||P) = {number(kl)}: {_FORMULAS[form]}"
    )
    conditions = [
        "the examples are independent and of one distribution",
        "the prior P was fixed before they were seen",
        "losses in [0, 1]",
    ]
    if form == "catoni":
        conditions.append("lam was fixed before they were seen")
    return risk_bound(value, statement, tuple(conditions), _SOURCES[form])


_FORMULAS = {
    "maurer": "kl(r||R) <= (KL + ln(2 sqrt(n)/delta))/n",
    "xi": "kl(r||R) <= (KL + ln(xi(n)/delta))/n",
    "seeger": "kl(r||R) <= (KL + ln((n+1)/delta))/n",
    "mcallester": "R <= r + sqrt((KL + ln(2 sqrt(n)/delta))/(2n))",
    "catoni": "R <= (1 - exp(-lam r - (KL + ln(1/delta))/n))/(1 - exp(-lam))",
}
_SOURCES = {
    "maurer": "Maurer 2004; constant as commonly quoted",
    "xi": "Maurer 2004",
    "seeger": "Langford and Seeger 2001; Seeger 2002; constant as commonly quoted",
    "mcallester": "McAllester 2003 with Maurer's constant, by Pinsker's inequality; constant as commonly quoted",
    "catoni": "Catoni 2007, Thm 1.2.6 (as commonly quoted)",
}


@precise
def _seeger_type(r: float, kl: float, n: int, delta: float, form: str, constant: str) -> float:
    if constant == "xi":
        # Above the limit the sum costs seconds; 2 sqrt(n) is known to be larger.
        logarithm = Decimal(_log_xi(n)) if n <= _LARGEST_XI else ln(2 * Decimal(n).sqrt())
    elif constant == "seeger":
        logarithm = ln(n + 1)
    else:
        logarithm = ln(2 * Decimal(n).sqrt())
    c = (Decimal(kl) + logarithm - ln(delta)) / n
    if form == "mcallester":
        return round_up(Decimal(r) + (c / 2).sqrt())
    return _upper_end(Decimal(r), c)


@precise
def _catoni(r: float, kl: float, n: int, delta: float, lam: float) -> float:
    rate = Decimal(lam)
    exponent = -rate * Decimal(r) - (Decimal(kl) - ln(delta)) / n
    return round_up((1 - exponent.exp()) / (1 - (-rate).exp()))


def kl_gaussian(mu_q: Any, var_q: Any, mu_p: Any, var_p: Any) -> float:
    """KL(Q||P) between Gaussians with independent coordinates.

    ``1/2 sum_j (var_q/var_p + (mu_q - mu_p)^2/var_p - 1 - ln(var_q/var_p))``.

    Parameters
    ----------
    mu_q, var_q, mu_p, var_p : array_like of shape (D,)
        Means and variances.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If the shapes differ, a variance is not positive or a number is not finite.

    References
    ----------
    Kullback, Information Theory and Statistics (1959).

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.kl_gaussian([1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0])
    0.5
    """
    name = "kl_gaussian"
    arrays: dict[str, npt.NDArray[np.float64]] = {}
    for key, value in (("mu_q", mu_q), ("var_q", var_q), ("mu_p", mu_p), ("var_p", var_p)):
        array = check.array(name, key, value)
        expected = arrays["mu_q"].shape if arrays else (array.size,)
        if array.ndim != 1 or array.shape != expected:
            raise ValueError(f"{name}: {key} must have the shape {expected}, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name}: {key} must be finite, got {array[~np.isfinite(array)][0]} at index "
                f"{np.argmin(np.isfinite(array))}"
            )
        if key.startswith("var") and not (array > 0).all():
            index = int(np.argmin(array > 0))
            raise ValueError(f"{name}: {key} must be positive, got {array[index]} at index {index}")
        arrays[key] = array
    ratio = arrays["var_q"] / arrays["var_p"]
    shift = (arrays["mu_q"] - arrays["mu_p"]) ** 2 / arrays["var_p"]
    return max(0.5 * math.fsum(ratio - 1 - np.log(ratio) + shift), 0.0)
