"""Bounds on Rademacher complexity, and on the risk by it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goldfish.theory import _arguments as check
from goldfish.theory._format import figure, number
from goldfish.theory.rademacher import _matrix
from goldfish.theory.results import Bound, risk_bound


def massart_bound(
    A: Any = None, *, log_size: float | None = None, radius: float | None = None, m: int | None = None
) -> float:
    """Massart's lemma: the Rademacher complexity of a finite set of vectors is at most ``r sqrt(2 ln |A|) / m``.

    Parameters
    ----------
    A : array_like of shape (H, m), optional
        The vectors; equal ones count once. r is the largest Euclidean length.
    log_size, radius, m : float, float, int
        Instead of A: ln |A|, r and m.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If neither A nor all three others are given, or both.
    ValueError
        If a value is out of its range.

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar 2018, Thm 3.7; Shalev-Shwartz and Ben-David 2014, Lemma 26.8; as commonly quoted.

    Examples
    --------
    >>> import math
    >>> from goldfish import theory
    >>> round(theory.massart_bound(log_size=math.log(4), radius=math.sqrt(3), m=3), 4)
    0.9614
    """
    name = "massart_bound"
    rest = (log_size, radius, m)
    if (A is None) == all(value is None for value in rest) or (A is None and None in rest):
        raise TypeError(f"{name}: either A or all of log_size, radius and m must be given")
    if A is not None:
        vectors = np.unique(_matrix(name, "A", A), axis=0)
        largest = float(np.linalg.norm(vectors, axis=1).max())
        return largest * math.sqrt(2 * math.log(len(vectors))) / int(vectors.shape[1])
    size = check.at_least(name, "log_size", log_size, 0)
    return check.at_least(name, "radius", radius, 0) * math.sqrt(2 * size) / check.examples(name, "m", m)


def rademacher_risk_bound(
    train_risk: float, rad: float, n: int, delta: float, *, empirical: bool = True, binary: bool = True
) -> Bound:
    """A bound on the risk from the Rademacher complexity, for all functions of the class at once.

    ``train_risk + c rad + 3 sqrt(ln(2/delta) / (2n))`` for the complexity on the sample,
    ``train_risk + c rad + sqrt(ln(1/delta) / (2n))`` for its expectation; c = 1 for classifiers with values -1 and +1
    and their 0/1 loss, c = 2 for a class of losses in [0, 1].

    Parameters
    ----------
    train_risk : float
        Between 0 and 1.
    rad : float
        At least 0: the Rademacher complexity, of the classifiers if ``binary``, of the losses if not.
    n : int
    delta : float
        Between 0 and 1.
    empirical : bool
        Whether ``rad`` is the complexity on the sample rather than its expectation.
    binary : bool

    Returns
    -------
    Bound

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Mohri, Rostamizadeh and Talwalkar 2018, Thms 3.3 and 3.5 (as commonly quoted).

    Examples
    --------
    >>> from goldfish import theory
    >>> round(theory.rademacher_risk_bound(0.1, 0.03, 1000, 0.05).value, 4)
    0.2588
    """
    name = "rademacher_risk_bound"
    train_risk, rad = check.rate(name, "train_risk", train_risk), check.at_least(name, "rad", rad, 0)
    n, delta = check.examples(name, "n", n), check.fraction(name, "delta", delta)
    empirical, binary = check.truth(name, "empirical", empirical), check.truth(name, "binary", binary)
    factor = 1 if binary else 2
    if empirical:
        slack, formula = 3 * math.sqrt(math.log(2 / delta) / (2 * n)), "3 sqrt(ln(2/delta)/(2n))"
    else:
        slack, formula = math.sqrt(math.log(1 / delta) / (2 * n)), "sqrt(ln(1/delta)/(2n))"
    value = math.nextafter(train_risk + factor * rad + slack, math.inf)
    statement = (
        f"the risk is at most {figure(value)} = {number(train_risk)} + {factor} * {number(rad)} + {formula} for "
        "every function "
        f"of the class, with probability at least {number(1 - delta)} over {n} examples"
    )
    what = "values are -1 and +1, and the loss is 0/1" if binary else "the losses lie in [0, 1]"
    conditions = ("the examples are independent and of one distribution", what)
    source = f"Mohri, Rostamizadeh and Talwalkar 2018, Thm {'3.5' if binary else '3.3'} (as commonly quoted)"
    return risk_bound(value, statement, conditions, source)
