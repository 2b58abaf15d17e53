"""Lower bounds, a bound for one class that beats its VC dimension's, and the table of the four cases."""

from __future__ import annotations

import math
from decimal import Decimal

from goldfish.theory import _arguments as check
from goldfish.theory._decimal import ceiling, ln, precise
from goldfish.theory._format import number
from goldfish.theory.finite import sample_complexity_finite
from goldfish.theory.results import Bound, PacCase
from goldfish.theory.vc_bounds import _dimension, sample_complexity_vc


@precise
def sample_complexity_lower(d: int | float, eps: float, delta: float, *, realizable: bool = True) -> Bound:
    """How many examples every learner needs, for some distribution: the largest of three lower bounds, rounded up.

    ``(1-eps)/eps ln(1/delta)`` for eps < 1/2; ``d (1 - 2 (eps (1-delta) + delta))``; and ``(d-1) / (32 eps)`` for
    eps <= 1/8 and delta <= 1/100.

    Parameters
    ----------
    d : int or inf
        The VC dimension.
    eps, delta : float
        Between 0 and 1.
    realizable : bool
        The bounds are for the realizable case. They hold in the agnostic one too, where more is needed.

    Returns
    -------
    Bound
        Of the kind "necessary".

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Blumer, Ehrenfeucht, Haussler and Warmuth 1989, Thm 2.1(ii); Ehrenfeucht, Haussler, Kearns and Valiant, Inf.
    Comput. 82 (1989). Constants as commonly quoted.

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.sample_complexity_lower(10, 0.01, 0.02).value
    388
    """
    name = "sample_complexity_lower"
    d = _dimension(name, d)
    eps, delta = check.fraction(name, "eps", eps), check.fraction(name, "delta", delta)
    realizable = check.truth(name, "realizable", realizable)
    if d == math.inf:
        statement = "a class of infinite VC dimension is not PAC learnable: no number of examples suffices"
        return Bound(
            math.inf,
            "necessary",
            statement,
            (),
            "Blumer, Ehrenfeucht, Haussler and Warmuth 1989, Thm 2.1 (as commonly quoted)",
        )
    e, t, blumer = Decimal(eps), Decimal(delta), "Blumer, Ehrenfeucht, Haussler and Warmuth 1989, Thm 2.1(ii)"
    terms = {"d (1 - 2(eps(1-delta) + delta))": (int(d) * (1 - 2 * (e * (1 - t) + t)), blumer)}
    if d > 0 and eps < 0.5:
        terms["(1-eps)/eps ln(1/delta)"] = ((1 - e) / e * ln(1 / t), blumer)
    if eps <= 0.125 and delta <= 0.01:
        terms["(d-1)/(32 eps)"] = ((int(d) - 1) / (32 * e), "Ehrenfeucht, Haussler, Kearns and Valiant 1989")
    formula = max(terms, key=lambda key: terms[key][0])
    real, source = terms[formula]
    value = max(ceiling(real), 0)
    more = "" if realizable else "; the agnostic case needs at least as many"
    statement = (
        f"every learner needs at least {value} examples for VC dimension {d}, eps = {number(eps)}, delta = "
        f"{number(delta)} "
        f"under some distribution: {formula} = {float(real):.1f}{more}"
    )
    return Bound(
        value,
        "necessary",
        statement,
        ("the class is not trivial",),
        f"{source}; constant as commonly quoted",
        value == 0,
    )


@precise
def box_sample_complexity(p: int, eps: float, delta: float) -> Bound:
    """How many examples the tightest box around the positive ones needs: ``N >= (2p/eps) ln(2p/delta)``.

    Parameters
    ----------
    p : int
        The dimension of the space, at least 1.
    eps, delta : float
        Between 0 and 1.

    Returns
    -------
    Bound
        Much smaller than what the VC dimension 2p gives.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Shalev-Shwartz and Ben-David 2014, exercise 2.3 (number as commonly quoted; the plane; 2p sides in p dimensions by
    the same argument).

    Examples
    --------
    >>> from goldfish import theory
    >>> theory.box_sample_complexity(2, 0.1, 0.05).value
    176
    """
    name = "box_sample_complexity"
    p = check.count(name, "p", p, 1)
    eps, delta = check.fraction(name, "eps", eps), check.fraction(name, "delta", delta)
    real = 2 * p / Decimal(eps) * ln(2 * p / Decimal(delta))
    n = max(ceiling(real), 1)
    statement = (
        f"N >= {n} examples suffice for the tightest box in {p} dimensions to have risk at most {number(eps)} with "
        f"probability at least {number(1 - delta)}: {2 * p}/{number(eps)} ln({2 * p}/{number(delta)}) = "
        f"{float(real):.1f}"
    )
    conditions = (
        "the examples are independent and of one distribution",
        "a box makes no errors",
        "the learner takes the tightest box",
    )
    source = "Shalev-Shwartz and Ben-David 2014, exercise 2.3 (number as commonly quoted)"
    return Bound(n, "sufficient", statement, conditions, source)


def pac_case(realizable: bool, finite: bool) -> PacCase:
    """Which of the four theorems of the course applies, and the function that computes it.

    Parameters
    ----------
    realizable : bool
        Whether some hypothesis of the class makes no errors at all.
    finite : bool
        Whether the class has finitely many hypotheses.

    Returns
    -------
    PacCase
        1 and 2 for finite classes, realizable and agnostic, 3 and 4 for infinite ones.

    Raises
    ------
    TypeError
        If an argument is not a truth value.

    Examples
    --------
    >>> from goldfish import theory
    >>> case = theory.pac_case(realizable=True, finite=False)
    >>> case.number, case.function.__name__
    (3, 'sample_complexity_vc')
    """
    realizable, finite = check.truth("pac_case", "realizable", realizable), check.truth("pac_case", "finite", finite)
    if finite:
        if realizable:
            return PacCase(1, "N >= (ln |H| + ln(1/delta)) / eps", sample_complexity_finite)
        return PacCase(2, "N >= (ln |H| + ln(2/delta)) / (2 eps^2)", sample_complexity_finite)
    if realizable:
        return PacCase(3, "N grows like (VC ln(1/eps) + ln(1/delta)) / eps", sample_complexity_vc)
    return PacCase(4, "N grows like (VC + ln(1/delta)) / eps^2", sample_complexity_vc)
