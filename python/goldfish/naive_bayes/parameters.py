"""How many numbers a naive Bayes model has to learn."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any


def naive_bayes_parameter_count(kinds: Sequence[tuple[str, int | None]], K: int) -> int:
    """The number of free parameters of a naive Bayes model.

    Parameters
    ----------
    kinds : list of (kind, values)
        One entry per feature: ``('bernoulli', 2)``, ``('categorical', V)``, ``('gaussian', None)``, ``('poisson',
        None)``, ``('exponential', None)``; and one entry ``('multinomial', D)`` or ``('complement', D)`` for all D
        words together.
    K : int
        The number of classes.

    Returns
    -------
    int
        K - 1 for the prior, and per class 1 for a bernoulli, poisson or exponential feature, V - 1 for a categorical
        one, 2 for a gaussian one, D - 1 for D words.

    Raises
    ------
    ValueError
        For an unknown kind, and for values or K below 1.

    Notes
    -----
    Mitchell, *Machine Learning*, draft chapter "Generative and discriminative classifiers" (2017), section 2.

    Examples
    --------
    >>> from goldfish.naive_bayes import naive_bayes_parameter_count
    >>> naive_bayes_parameter_count([("bernoulli", 2)] * 3, 2)
    7
    >>> naive_bayes_parameter_count([("gaussian", None)] * 4, 3)
    26
    """
    owner = "naive_bayes_parameter_count"
    classes = _at_least_one(owner, "K", K)
    return classes - 1 + classes * sum(_per_class(owner, kind, values) for kind, values in kinds)


def _per_class(owner: str, kind: str, values: int | None) -> int:
    if kind in ("categorical", "multinomial", "complement"):
        return _at_least_one(owner, f"values of {kind}", values) - 1
    if kind == "bernoulli":
        if values not in (2, None):
            raise ValueError(f"{owner}: values of bernoulli must be 2, got {values!r}")
        return 1
    if kind in ("poisson", "exponential"):
        return 1
    if kind == "gaussian":
        return 2
    raise ValueError(
        f"{owner}: kind must be bernoulli, categorical, multinomial, complement, gaussian, poisson or exponential, "
        f"got {kind!r}"
    )


def _at_least_one(owner: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{owner}: {name} must be an integer of at least 1, got {value!r}")
    return int(value)
