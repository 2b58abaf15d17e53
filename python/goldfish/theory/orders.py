"""Classes of which only the order of the VC dimension is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goldfish.theory import _arguments as check
from goldfish.theory.results import Order

_BARTLETT = "Bartlett, Harvey, Liaw and Mehrabian, JMLR 20 (2019), abstract"
_KOIRAN = "Koiran and Sontag, Discrete Appl. Math. 86 (1998), abstract"
_PIECES = "the activation is piecewise linear with a fixed number of pieces"
_EXISTS = "the lower order is that of some network with these numbers, not of every one"
_SEQUENCE = "w weights, sequences of length k, of most interest if k is much larger than w"


@dataclass(frozen=True)
class _Row:
    """Orders with a field for each letter, and the parameter that each letter stands for."""

    letters: dict[str, str]
    lower: str | None
    upper: str
    conditions: tuple[str, ...]
    source: str


_W_AND_K = {"weights": "w", "length": "k"}

ORDERS: dict[str, _Row] = {
    "relu_networks": _Row(
        {"weights": "W", "layers": "L"},
        "Omega({W} * {L} * log({W}/{L}))",
        "O({W} * {L} * log({W}))",
        ("W weights, L layers", _PIECES, _EXISTS, "W is large against L"),
        _BARTLETT,
    ),
    "relu_networks_by_units": _Row(
        {"weights": "W", "units": "U"},
        "Omega({W} * {U})",
        "O({W} * {U})",
        ("W weights, U non-linear units", _PIECES, _EXISTS),
        _BARTLETT,
    ),
    "recurrent_threshold_networks": _Row(
        _W_AND_K,
        "Omega({w} * log({k}/{w}))",
        "O(min({w} * {k} * log({w} * {k}), {w}^2 + {w} * log({w} * {k})))",
        (_SEQUENCE, "the units are thresholds", _EXISTS),
        _KOIRAN,
    ),
    "recurrent_polynomial_networks": _Row(
        _W_AND_K,
        "Omega({w} * {k})",
        "O({w} * {k})",
        (_SEQUENCE, "the activation is a fixed polynomial that is not linear", _EXISTS),
        _KOIRAN,
    ),
    "recurrent_piecewise_polynomial_networks": _Row(
        _W_AND_K,
        "Omega({w} * {k})",
        "O({w}^2 * {k})",
        (_SEQUENCE, "the activation is a fixed piecewise polynomial, such as ReLU", _EXISTS),
        _KOIRAN,
    ),
    "recurrent_sigmoid_networks": _Row(
        _W_AND_K,
        "Omega({w} * {k})",
        "O({w}^4 * {k}^2)",
        (_SEQUENCE, "the activation is the logistic function or tanh", _EXISTS),
        _KOIRAN,
    ),
    "real_decision_trees": _Row(
        {"nodes": "N", "features": "l"},
        None,
        "O({N} * log({N} * {l}))",
        ("binary trees with N inner nodes, each a threshold on one of l real features",),
        "Leboeuf, LeBlanc and Marchand, NeurIPS 2020, abstract",
    ),
}


def vc_order(cls: str, **params: Any) -> Order:
    """The order of the VC dimension of a class, where no number is known. It has no value, only text.

    Parameters
    ----------
    cls : str
        * "relu_networks" (weights, layers) and "relu_networks_by_units" (weights, units): feed-forward networks with
          any piecewise linear activation; `vc_bound_network` gives a number for an architecture
        * "recurrent_threshold_networks", "recurrent_polynomial_networks", "recurrent_piecewise_polynomial_networks" and
          "recurrent_sigmoid_networks" (weights, length of the sequences)
        * "real_decision_trees" (nodes, features)
    **params
        Ints of at least 1, to be filled in; a letter stays for each that is not given.

    Returns
    -------
    Order

    Raises
    ------
    ValueError
        If the class is unknown or a parameter is out of range.
    TypeError
        If the class has no such parameter, or an argument is of the wrong type.

    References
    ----------
    Bartlett, Harvey, Liaw and Mehrabian, Nearly-tight VC-dimension and pseudodimension bounds for piecewise linear
    neural networks, JMLR 20 (2019). Koiran and Sontag, Vapnik-Chervonenkis dimension of recurrent neural networks,
    Discrete Appl. Math. 86 (1998). Leboeuf, LeBlanc and Marchand, Decision trees as partitioning machines to
    characterize their generalization properties, NeurIPS 2020.

    Examples
    --------
    >>> from goldfish import theory
    >>> print(theory.vc_order("relu_networks").statement)
    VC dimension of relu_networks: Omega(W * L * log(W/L)) and O(W * L * log(W))
    >>> theory.vc_order("recurrent_sigmoid_networks", weights=100, length=500).upper
    'O(100^4 * 500^2)'
    """
    name = "vc_order"
    if not isinstance(cls, str):
        raise TypeError(f"{name}: cls must be a name, got {cls!r}")
    if cls not in ORDERS:
        raise ValueError(f"{name}: cls must be one of {', '.join(ORDERS)}, got {cls!r}; see vc_dimension for numbers")
    row = ORDERS[cls]
    for key in params:
        if key not in row.letters:
            raise TypeError(f"{name}: {cls!r} has no parameter {key!r}")
    values = {key: check.count(name, key, value, 1) for key, value in params.items()}
    texts = {letter: str(values.get(key, letter)) for key, letter in row.letters.items()}
    given = f"({', '.join(f'{key}={value}' for key, value in values.items())})" if values else ""
    lower = None if row.lower is None else row.lower.format(**texts)
    return Order(f"VC dimension of {cls}{given}", lower, row.upper.format(**texts), row.conditions, row.source)
