"""The VC dimension of feed-forward networks with piecewise polynomial units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from goldfish.theory import _arguments as check
from goldfish.theory._format import figure, size
from goldfish.theory.results import Bound

_SOURCE = "Bartlett, Harvey, Liaw and Mehrabian, JMLR 20 (2019), Thm 7; constant as commonly quoted"


def vc_bound_network(widths: Sequence[int], *, degree: int = 1, breakpoints: int = 1) -> Bound:
    """An upper bound on the VC dimension of the sign of a feed-forward network, such as one of ReLUs.

    ``VC <= L + Lbar W log2(4 e p R log2(2 e p R))`` with ``R = sum_i k_i (1 + (i-1) d^(i-1))`` for L layers with
    k_1, ..., k_L units and W weights and biases. With W_i the number of those at the inputs of the layers 1 to i
    (for d = 0: of layer i alone), ``Lbar = sum_i W_i / W`` is between 1 and L.

    Parameters
    ----------
    widths : sequence of int
        The number of inputs, then the units of each layer, of which the last is the one output: ``(784, 100, 1)``.
        At least three units together. All weights and biases between neighbouring layers are free; a network that
        lacks some or shares them, such as a convolution, is a special case.
    degree : int
        d, at least 0: the largest degree of the pieces of the activation; 1 for ReLU, 0 for a threshold.
    breakpoints : int
        p, at least 1: where the activation changes from one piece to the next; 1 for ReLU and leaky ReLU.

    Returns
    -------
    Bound
        The largest integer that the bound allows, with ``kind`` "upper".

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If an argument is of the wrong type.

    References
    ----------
    Bartlett, Harvey, Liaw and Mehrabian, Nearly-tight VC-dimension and pseudodimension bounds for piecewise linear
    neural networks, JMLR 20 (2019), Thm 7, as commonly quoted.

    Examples
    --------
    >>> from goldfish import theory
    >>> bound = theory.vc_bound_network((2, 3, 1))
    >>> bound.value, bound.kind
    (178, 'upper')
    """
    name = "vc_bound_network"
    inputs, *units = _widths(name, widths)
    d, p = check.count(name, "degree", degree), check.examples(name, "breakpoints", breakpoints)
    if d > 0:
        check.examples(name, "degree", d)
    parameters = [below * k + k for below, k in pairwise((inputs, *units))]
    # Lbar W, the exponent of the growth function.
    exponent = sum(parameters) if d == 0 else sum(accumulate(parameters))
    r = sum(k * (1 + i * d**i) for i, k in enumerate(units))
    # Sums of logarithms, as R may exceed the floats.
    inner = math.log2(2 * math.e * p) + math.log2(r)
    real = len(units) + exponent * (1 + inner + math.log2(inner))
    value = math.floor(real * (1 + 1e-14))
    statement = (
        f"the VC dimension is at most {value}: L + Lbar W log2(4 e p R log2(2 e p R)) with L = {len(units)}, "
        f"W = {sum(parameters)}, Lbar = {figure(exponent / sum(parameters))}, p = {p}, R = {size(r)}"
    )
    conditions = (
        f"each hidden unit's activation is piecewise polynomial, of degree at most {d} with at most {p} breakpoints",
        "the output unit is linear, and its sign is the label",
    )
    return Bound(value, "upper", statement, conditions, _SOURCE)


def _widths(name: str, widths: Any) -> list[int]:
    if isinstance(widths, str) or not hasattr(widths, "__iter__"):
        raise TypeError(f"{name}: widths must be a sequence of integers, got {widths!r}")
    checked = [check.examples(name, f"widths[{i}]", width) for i, width in enumerate(widths)]
    if len(checked) < 2 or checked[-1] != 1:
        raise ValueError(f"{name}: widths must be the inputs, the layers and one output unit, got {widths!r}")
    if sum(checked[1:]) < 3:
        raise ValueError(f"{name}: widths must have at least three units after the inputs, got {widths!r}")
    return checked
