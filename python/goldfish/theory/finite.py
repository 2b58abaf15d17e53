"""Finite classes: how many examples, which risk; realizable and agnostic; Occam's razor with a prior."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from goldfish.theory import _arguments as check
from goldfish.theory._binomial import upper_tail_inverse
from goldfish.theory._decimal import ceiling, exact, ln, precise, round_up
from goldfish.theory._format import figure, number, size
from goldfish.theory.results import Bound, risk_bound

_REALIZABLE = (
    "Blumer, Ehrenfeucht, Haussler and Warmuth 1987; Mohri, Rostamizadeh and Talwalkar 2018, Thm 2.5 "
    "(as commonly quoted)"
)
_AGNOSTIC = (
    "Hoeffding 1963, Thm 2, and the union bound; Mohri, Rostamizadeh and Talwalkar 2018, Thm 2.13 (as commonly quoted)"
)
_IID = "the examples are independent and of one distribution"
_CONSISTENT = "the hypothesis makes no error on the examples"


@precise
def sample_complexity_finite(
    eps: float,
    delta: float,
    *,
    h: int | None = None,
    log_h: float | None = None,
    realizable: bool = True,
    tight: bool = False,
    goal: str = "uniform",
) -> Bound:
    """How many examples suffice to learn from a finite class.

    Realizable: ``N >= (ln |H| + ln(1/delta)) / eps``; with ``tight=True`` the union bound before its relaxation
    ``1 - eps <= e^-eps``, that is ``|H| (1 - eps)^N <= delta``. Agnostic: ``N >= (ln |H| + ln(2/delta)) / (2 eps^2)``.

    Parameters
    ----------
    eps : float
        Between 0 and 1: the risk that is accepted (realizable), or how far the risk of a hypothesis may be from its
        training error (agnostic).
    delta : float
        Between 0 and 1: the probability of failure that is accepted.
    h : int, optional
        The number of hypotheses.
    log_h : float, optional
        Its natural logarithm; exactly one of the two is given.
    realizable : bool
        Whether some hypothesis of the class makes no errors at all.
    tight : bool
        Whether the realizable bound is taken before its relaxation. It is False here, so that the textbook's number
        comes out; `risk_bound_finite` is tight by default.
    goal : {"uniform", "erm"}
        Agnostic only: "uniform" for risk and training error within eps of each other for every hypothesis, "erm" for
        the best hypothesis on the examples to be within eps of the best in the class, which is the former with eps/2.

    Returns
    -------
    Bound
        Its value is the smallest integer for which the inequality holds, decided with sixty digits.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If an argument is not a number, or not exactly one of h and log_h is given.

    References
    ----------
    Blumer, Ehrenfeucht, Haussler and Warmuth, Occam's razor, Inf. Process. Lett. 24 (1987). Mohri, Rostamizadeh and
    Talwalkar, Foundations of Machine Learning, 2nd ed. (2018), Thms 2.5 and 2.13; Shalev-Shwartz and Ben-David,
    Understanding Machine Learning (2014), Cors 2.3 and 4.6. Theorem numbers as commonly quoted.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.sample_complexity_finite(0.01, 0.02, h=3**10).value
    1490
    >>> theory.sample_complexity_finite(0.01, 0.02, h=3**10, tight=True).value
    1483
    >>> theory.sample_complexity_finite(0.01, 0.02, h=3**10, realizable=False).value
    77957
    """
    name = "sample_complexity_finite"
    eps, delta = check.fraction(name, "eps", eps), check.fraction(name, "delta", delta)
    lnh = _log_size(name, h, log_h)
    realizable, tight = check.truth(name, "realizable", realizable), check.truth(name, "tight", tight)
    check.choice(name, "goal", goal, ("uniform", "erm"))
    e, d = number(eps), number(delta)
    risk = f"with probability at least {number(1 - delta)}"
    label = _size_label(h, log_h)
    if not realizable:
        return _agnostic_size(Decimal(eps), Decimal(delta), lnh, goal, f"{risk}, for every hypothesis of {label}")
    conditions = (_IID, _CONSISTENT)
    whom = f"for risk at most {e} {risk}, for every consistent hypothesis of {label}"
    if tight:
        real = (lnh - ln(delta)) / -ln(1 - Decimal(eps))
        n = _tight_size(real, h, Fraction(eps), Fraction(delta))
        formula = f"(ln |H| + ln(1/{d})) / -ln(1 - {e})"
    else:
        real = (lnh - ln(delta)) / Decimal(eps)
        n, formula = max(ceiling(real), 1), f"(ln |H| + ln(1/{d})) / {e}"
    statement = f"N >= {n} examples suffice {whom}: {formula} = {float(real):.1f}"
    return Bound(n, "sufficient", statement, conditions, _REALIZABLE)


def _agnostic_size(eps: Decimal, delta: Decimal, lnh: Decimal, goal: str, whom: str) -> Bound:
    width = eps if goal == "uniform" else eps / 2
    real = (lnh + ln(2) - ln(delta)) / (2 * width * width)
    n = max(ceiling(real), 1)
    what = (
        f"for risk and training error to differ by at most {number(eps)}"
        if goal == "uniform"
        else f"for the smallest training error to come within {number(eps)} of the smallest risk"
    )
    formula = f"(ln |H| + ln(2/{number(delta)})) / (2 {number(width)}^2) = {float(real):.1f}"
    return Bound(n, "sufficient", f"N >= {n} examples suffice {what} {whom}: {formula}", (_IID,), _AGNOSTIC)


def _tight_size(real: Decimal, h: int | None, eps: Fraction, delta: Fraction) -> int:
    """The smallest N with |H| (1 - eps)^N <= delta; next to an integer the powers themselves decide."""
    nearest = round(real)
    if h is None or nearest < 1 or abs(real - nearest) > Decimal(10) ** -30 * max(1, nearest):
        return max(ceiling(real), 1)
    if nearest * eps.denominator.bit_length() > 10**8:
        return nearest + 1
    return nearest if h * (1 - eps) ** nearest <= delta else nearest + 1


def _log_size(name: str, h: Any, log_h: Any) -> Decimal:
    if (h is None) == (log_h is None):
        raise TypeError(f"{name}: exactly one of h and log_h must be given, got h={h!r}, log_h={log_h!r}")
    if h is not None:
        return ln(check.count(name, "h", h, 1))
    return exact(check.at_least(name, "log_h", log_h, 0))


def _size_label(h: Any, log_h: Any) -> str:
    return f"a class of {size(int(h))}" if h is not None else f"a class with ln |H| = {number(log_h)}"


@precise
def risk_bound_finite(
    n: int,
    delta: float,
    *,
    h: int | None = None,
    log_h: float | None = None,
    train_error: float = 0.0,
    realizable: bool = True,
    tight: bool = True,
    two_sided: bool = False,
) -> Bound:
    """Which risk n examples guarantee for a finite class: the inverse of `sample_complexity_finite`.

    Realizable: ``1 - (delta / |H|)^(1/n)``; with ``tight=False`` the relaxed ``(ln |H| + ln(1/delta)) / n``. Agnostic:
    ``train_error + sqrt((ln |H| + ln(1/delta)) / (2 n))``; ``two_sided=True`` puts 2/delta in place of 1/delta, so
    that the training error is as far above as below the risk.

    Parameters
    ----------
    n : int
        The number of examples.
    delta : float
        Between 0 and 1: the probability of failure.
    h, log_h : int, float
        The number of hypotheses or its natural logarithm; exactly one is given.
    train_error : float
        Between 0 and 1; 0 if realizable.
    realizable, two_sided : bool
    tight : bool
        True here, False in `sample_complexity_finite`: a risk may be as sharp as it can, a sample size repeats the
        textbook.

    Returns
    -------
    Bound
        Rounded up, and ``vacuous`` if it is 1 or more.

    Raises
    ------
    ValueError
        If an argument is out of its range, or train_error is positive although ``realizable``.
    TypeError
        If an argument is not a number, or not exactly one of h and log_h is given.

    References
    ----------
    As `sample_complexity_finite`.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.risk_bound_finite(1490, 0.02, h=3**10).value, 6)
    0.009949
    """
    name = "risk_bound_finite"
    n, delta = check.examples(name, "n", n), check.fraction(name, "delta", delta)
    lnh = _log_size(name, h, log_h)
    train_error = check.rate(name, "train_error", train_error)
    tight, two_sided = check.truth(name, "tight", tight), check.truth(name, "two_sided", two_sided)
    who = (
        f"for every hypothesis of {_size_label(h, log_h)}, with probability at least {number(1 - delta)} over {n} "
        "examples"
    )
    if check.truth(name, "realizable", realizable):
        if train_error > 0:
            raise ValueError(f"{name}: train_error must be 0 if realizable, got {train_error!r}; pass realizable=False")
        exponent = (lnh - ln(delta)) / n
        value = round_up(1 - (-exponent).exp() if tight else exponent)
        formula = "1 - (delta/|H|)^(1/N)" if tight else "(ln |H| + ln(1/delta))/N"
        statement = f"the risk is at most {formula} = {figure(value)} {who} that makes no error on them"
        return risk_bound(value, statement, (_IID, _CONSISTENT), _REALIZABLE)
    slack = ((lnh + (ln(2) if two_sided else 0) - ln(delta)) / (2 * n)).sqrt()
    if two_sided:
        what = f"risk and training error differ by at most {figure(slack)}"
    else:
        what = f"the risk is at most the training error plus {figure(slack)}"
    value = round_up(Decimal(train_error) + slack)
    return risk_bound(value, f"{what} {who}: {number(train_error)} gives {figure(value)}", (_IID,), _AGNOSTIC)


def occam_bound(errors: int, n: int, delta: float, *, log_prior: float) -> Bound:
    """Occam's razor: the risk of a hypothesis by its training errors and by how plausible it was beforehand.

    With probability 1 - delta, for all hypotheses at once, the risk is at most the largest p for which
    ``P(Binomial(n, p) <= errors) >= delta * P(h)``.

    Parameters
    ----------
    errors, n : int
        Training errors, and examples.
    delta : float
        Between 0 and 1.
    log_prior : float
        ln P(h), at most 0. The prior, which was fixed before the examples were seen, sums to at most 1.

    Returns
    -------
    Bound

    Raises
    ------
    ValueError
        If errors > n, log_prior > 0, or another argument is out of its range.

    References
    ----------
    Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005), section 4.

    Examples
    --------
    >>> import math
    >>> from goldfish import theory
    >>> round(theory.occam_bound(3, 100, 0.05, log_prior=-math.log(10)).value, 4)
    0.1055
    """
    name = "occam_bound"
    n = check.examples(name, "n", n)
    errors = check.count(name, "errors", errors)
    if errors > n:
        raise ValueError(f"{name}: errors must be at most n = {n}, got {errors}")
    delta, log_prior = check.fraction(name, "delta", delta), check.real(name, "log_prior", log_prior)
    if not -math.inf < log_prior <= 0:
        raise ValueError(f"{name}: log_prior must be finite and at most 0, got {log_prior!r}")
    value = upper_tail_inverse(errors, n, math.log(delta) + log_prior)
    statement = (
        f"the risk is at most {figure(value)} with probability at least {number(1 - delta)}: a risk above it gives "
        "at most "
        f"{errors} errors in {n} with probability below {number(delta)} e^{number(log_prior)}"
    )
    conditions = (_IID, "the prior was fixed before the examples were seen and sums to at most 1")
    return risk_bound(value, statement, conditions, "Langford 2005, section 4")
