"""Infinite classes: sample sizes and risks from the VC dimension, upper and lower, and the table of the four cases."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from goldfish.theory import _arguments as check
from goldfish.theory._decimal import exact, precise, round_up
from goldfish.theory._format import figure, number
from goldfish.theory._theorems import AGNOSTIC, CHAINING, ERM, REALIZABLE, RELATIVE, Theorem, relative_risk
from goldfish.theory.results import Bound, risk_bound

_LARGEST_DIMENSION = 10**15


def _dimension(name: str, d: Any) -> int | float:
    if isinstance(d, float) and d == math.inf:
        return math.inf
    dimension = check.count(name, "d", d)
    if dimension > _LARGEST_DIMENSION:
        raise ValueError(f"{name}: d must be at most 10^15, or math.inf, got {d}")
    return dimension


@precise
def sample_complexity_vc(
    d: int | float,
    eps: float,
    delta: float,
    *,
    realizable: bool,
    method: str = "best",
    two_sided: bool = True,
    goal: str = "uniform",
) -> Bound:
    """How many examples suffice for a class of VC dimension d.

    Realizable, for every learner that makes no error on the examples:

    * "blumer89": ``N >= max(4/eps log2(2/delta), 8d/eps log2(13/eps))``
    * "implicit": ``2 Pi(2N) 2^(-eps N/2) <= delta``, Pi by Sauer's lemma
    * "stab93": ``N >= (2d ln(6/eps) + ln(2/delta)) / (eps (1 - sqrt(eps)))``
    * "ssbd": ``N >= 8/eps (2d ln(16e/eps) + ln(2/delta))``

    Agnostic, for risk and training error to be within eps of each other for all hypotheses:

    * "ab99": ``4 Pi(2N) exp(-N eps^2/8) <= delta``
    * "dgl96": ``8 Pi(N) exp(-N eps^2/32) <= delta``
    * "devroye82": ``4 e^8 Pi(N^2) exp(-2 N eps^2) <= delta``
    * "vapnik98": ``4 exp(d (1 + ln(2N/d)) - N (eps - 1/N)^2) <= delta``
    * "rademacher": ``sqrt(2 ln Pi(N)/N) + sqrt(ln(1/delta)/(2N)) <= eps``; delta/2 for both sides
    * "chaining": free of logarithms and never better at real sizes; for teaching
    * "ssbd", only with ``goal="erm"``: ``N >= 128d/eps^2 ln(64d/eps^2) + 8/eps^2 (8d ln(e/d) + 2 ln(4/delta))``

    Parameters
    ----------
    d : int or inf
        The VC dimension; 0 is treated as 1.
    eps, delta : float
        Between 0 and 1: the accuracy, and the probability of failure.
    realizable : bool
        Whether some hypothesis of the class makes no errors at all.
    method : str
        One of the above, or "best": the smallest of them, whose source the result names.
    two_sided : bool
        Agnostic: whether the training error may also not be too far above the risk. Only "rademacher" and "chaining"
        gain by False.
    goal : {"uniform", "erm"}
        "erm": the best hypothesis on the examples comes within eps of the best in the class; eps/2 in the above. Both
        are the same if realizable.

    Returns
    -------
    Bound
        An int, or inf if d is: then nothing can be learned from any number of examples.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the method does not answer the question; the message lists those that do.
    TypeError
        If an argument is not a number.

    Notes
    -----
    An optimal learner needs only a multiple of ``(d + ln(1/delta)) / eps`` examples (Hanneke, JMLR 17 (2016)). That
    is an order statement about one learner, so no number is given for it.

    Examples
    --------
    >>> from goldfish import theory
    >>> bound = theory.sample_complexity_vc(3, 0.1, 0.05, realizable=True)
    >>> bound.value, bound.source
    (414, 'Shawe-Taylor, Anthony and Biggs, Discrete Appl. Math. 42 (1993); constant as commonly quoted')
    >>> theory.sample_complexity_vc(3, 0.1, 0.05, realizable=False, method="devroye82").value
    2924
    """
    name = "sample_complexity_vc"
    d = _dimension(name, d)
    eps, delta = check.fraction(name, "eps", eps), check.fraction(name, "delta", delta)
    realizable, two_sided = check.truth(name, "realizable", realizable), check.truth(name, "two_sided", two_sided)
    check.choice(name, "goal", goal, ("uniform", "erm"))
    theorems = _size_theorems(realizable, goal)
    _check_method(name, method, [*theorems, "chaining"] if not realizable else list(theorems), realizable)
    case = "realizable" if realizable else "agnostic"
    if d == math.inf:
        statement = "a class of infinite VC dimension is not PAC learnable: no number of examples suffices"
        return Bound(
            math.inf,
            "sufficient",
            statement,
            (),
            "Blumer, Ehrenfeucht, Haussler and Warmuth 1989, Thm 2.1 (as commonly quoted)",
            True,
        )
    dimension = max(int(d), 1)
    width = Decimal(eps) if realizable or goal == "uniform" else Decimal(eps) / 2
    candidates = theorems if method == "best" else {method: theorems.get(method, CHAINING)}
    sizes = {
        key: theorem.sample_size(
            dimension,
            Decimal(eps) if theorem is ERM else width,
            _one_side(key, Decimal(delta), two_sided),
        )
        for key, theorem in candidates.items()
    }
    winner = min(sizes, key=lambda key: sizes[key])
    statement = (
        f"N >= {sizes[winner]} examples suffice ({case}, VC dimension {d}, eps = {number(eps)}, delta = "
        f"{number(delta)}) "
        f"{_aim(realizable, goal)}: by {winner}, {candidates[winner].formula}"
    )
    return Bound(sizes[winner], "sufficient", statement, candidates[winner].conditions, candidates[winner].source)


def _size_theorems(realizable: bool, goal: str) -> dict[str, Theorem]:
    if realizable:
        return REALIZABLE
    return AGNOSTIC | {"ssbd": ERM} if goal == "erm" else AGNOSTIC


def _aim(realizable: bool, goal: str) -> str:
    if realizable:
        return "for the risk of every consistent hypothesis to be at most eps"
    if goal == "erm":
        return "for the hypothesis of the smallest training error to come within eps of the best"
    return "for risk and training error of every hypothesis to differ by at most eps"


def _one_side(key: str, delta: Decimal, two_sided: bool) -> Decimal:
    """The theorems about one side are applied to each side with delta/2."""
    return delta / 2 if two_sided and key in ("rademacher", "chaining") else delta


def _check_method(name: str, method: Any, allowed: list[str], realizable: bool) -> None:
    if method not in ("best", *allowed):
        case = "realizable" if realizable else "agnostic"
        names = ", ".join(["best", *allowed])
        raise ValueError(f"{name}: method must be one of {names} in the {case} case, got {method!r}")


@precise
def risk_bound_vc(
    d: int | float,
    n: int,
    delta: float,
    *,
    train_error: float = 0.0,
    realizable: bool = False,
    method: str = "best",
    two_sided: bool = False,
) -> Bound:
    """Which risk n examples guarantee for VC dimension d: the inequalities of `sample_complexity_vc`, solved for eps.

    Beside the methods named there, "relative" is fast where the training error r is small:
    ``R <= r + 2 sqrt(r A) + 4 A`` with ``A = (ln Pi(2n) + ln(4/delta)) / n``.

    Parameters
    ----------
    d : int or inf
        The VC dimension; 0 is treated as 1.
    n : int
        The number of examples.
    delta : float
        Between 0 and 1: the probability of failure.
    train_error : float
        Between 0 and 1; 0 if realizable.
    realizable : bool
        Whether the bound is about hypotheses that make no error on the examples, of which the class has one.
    method : str
        "best" is the smallest of all but "chaining".
    two_sided : bool
        Whether the training error is also bounded by the risk plus the same amount; "relative" has one side only.

    Returns
    -------
    Bound
        Rounded up; ``vacuous`` at 1 and above, inf where the inequality holds for no eps.

    Raises
    ------
    ValueError
        If an argument is out of its range, train_error is positive although ``realizable``, or the method does not
        apply.
    TypeError
        If an argument is not a number.

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.risk_bound_vc(3, 10_000, 0.05, train_error=0.1).value, 4)
    0.1489
    >>> round(theory.risk_bound_vc(3, 10_000, 0.05, realizable=True).value, 4)
    0.005
    """
    name = "risk_bound_vc"
    d = _dimension(name, d)
    n, delta = check.examples(name, "n", n), check.fraction(name, "delta", delta)
    train_error = check.rate(name, "train_error", train_error)
    realizable, two_sided = check.truth(name, "realizable", realizable), check.truth(name, "two_sided", two_sided)
    if realizable and train_error > 0:
        raise ValueError(f"{name}: train_error must be 0 if realizable, got {train_error!r}; pass realizable=False")
    theorems = _risk_theorems(realizable, two_sided)
    _check_method(name, method, list(theorems), realizable)
    if d == math.inf:
        statement = "a class of infinite VC dimension is not PAC learnable: its training errors bound nothing"
        source = "Blumer, Ehrenfeucht, Haussler and Warmuth 1989, Thm 2.1 (as commonly quoted)"
        return Bound(math.inf, "upper", statement, (), source, True)
    dimension = max(int(d), 1)
    keys = [key for key in theorems if key != "chaining"] if method == "best" else [method]
    values = {}
    for key in keys:
        side = _one_side(key, Decimal(delta), two_sided)
        if key == "relative":
            values[key] = round_up(relative_risk(dimension, n, side, Decimal(train_error)))
        else:
            values[key] = _add_up(theorems[key].risk(dimension, n, side), train_error)
    winner = min(values, key=lambda key: values[key])
    theorem = theorems[winner]
    statement = (
        f"the risk is at most {figure(values[winner])} with probability at least {number(1 - delta)} over {n} "
        "examples, for "
        f"every hypothesis of a class of VC dimension {d} with training error {number(train_error)}: by {winner}, "
        f"{theorem.formula}"
    )
    return risk_bound(values[winner], statement, theorem.conditions, theorem.source)


def _add_up(deviation: float, train_error: float) -> float:
    return deviation if math.isinf(deviation) else round_up(exact(deviation) + exact(train_error))


def _risk_theorems(realizable: bool, two_sided: bool) -> dict[str, Theorem]:
    if realizable:
        return REALIZABLE
    return AGNOSTIC | ({} if two_sided else {"relative": RELATIVE}) | {"chaining": CHAINING}
