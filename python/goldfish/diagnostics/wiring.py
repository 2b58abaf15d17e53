"""Which steps of a recurrent network read an input and which give an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from goldfish.diagnostics._arguments import integer

Kind = Literal["one-to-one", "one-to-many", "many-to-one", "many-to-many", "seq2seq"]


@dataclass(frozen=True, eq=False)
class Wiring:
    """The steps of a recurrent network.

    Attributes
    ----------
    inputs, outputs : ndarray of bool of shape (T,)
        Whether a step reads an input, and whether its output counts: the mask of a loss.
    feedback : bool
        Whether each output is the input of the next step.
    T : int
        The number of steps.
    kind : str
        The name of the wiring.
    """

    inputs: NDArray[np.bool_]
    outputs: NDArray[np.bool_]
    feedback: bool
    T: int
    kind: str


def wiring(kind: Kind, T_in: int, T_out: int | None = None) -> Wiring:
    """The masks of the five ways in which a recurrent network turns inputs into outputs.

    Parameters
    ----------
    kind : str
        ``"one-to-one"``; ``"one-to-many"``, a caption: the first step reads, every step answers and feeds its answer
        back; ``"many-to-one"``, a classifier: the last step answers; ``"many-to-many"``, a tagger: every step does
        both; ``"seq2seq"``, a translator: T_in steps read, then T_out steps answer and feed back.
    T_in, T_out : int
        Lengths of input and output, at least 1. ``T_out`` is needed where the kind does not settle it.

    Returns
    -------
    Wiring

    Raises
    ------
    ValueError
        For an unknown kind, or lengths that contradict it.
    TypeError
        If a length is not an int.

    References
    ----------
    A. Karpathy, "The unreasonable effectiveness of recurrent neural networks" (2015), for the kinds.

    Examples
    --------
    >>> from goldfish import diagnostics
    >>> diagnostics.wiring("many-to-one", 3).outputs.tolist()
    [False, False, True]
    >>> steps = diagnostics.wiring("seq2seq", 3, 2)
    >>> steps.T, steps.inputs.tolist(), steps.feedback
    (5, [True, True, True, False, False], True)
    """
    if kind not in get_args(Kind):
        raise ValueError(f"wiring: kind must be one of {', '.join(map(repr, get_args(Kind)))}, got {kind!r}")
    reads = _length("T_in", T_in)
    answers = None if T_out is None else _length("T_out", T_out)
    if kind in ("one-to-one", "one-to-many") and reads != 1:
        raise ValueError(f"wiring: T_in must be 1 for {kind!r}, got {reads}")
    if kind in ("one-to-many", "seq2seq") and answers is None:
        raise ValueError(f"wiring: {kind!r} needs T_out, the length of the output")
    settled = {"one-to-one": 1, "many-to-one": 1, "many-to-many": reads}.get(kind, answers)
    assert settled is not None
    if answers not in (None, settled):
        raise ValueError(f"wiring: T_out must be {settled} for {kind!r} with T_in = {reads}, got {answers}")
    steps = {"one-to-many": settled, "seq2seq": reads + settled}.get(kind, reads)
    inputs, outputs = np.zeros(steps, np.bool_), np.zeros(steps, np.bool_)
    inputs[:reads] = True
    outputs[steps - settled :] = True
    return Wiring(inputs, outputs, kind in ("one-to-many", "seq2seq"), steps, kind)


def _length(name: str, value: int) -> int:
    length = integer("wiring", name, value)
    if length < 1:
        raise ValueError(f"wiring: {name} must be >= 1, got {length}")
    return length
