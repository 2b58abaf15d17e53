"""How much of each input is left in an output: the norms of dy/dx."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics._arguments import integer
from goldfish.diagnostics._probe import whole
from goldfish.diagnostics._scaled import NORMS, Floats, Ints, Norm, close, matrix_norm, rescale
from goldfish.diagnostics._trajectory import NotStepwise, Sequences, Trajectory, read_sequences
from goldfish.nn.layer import Layer


def influence(
    model: Layer,
    x: ArrayLike,
    *,
    target: int = -1,
    norm: Norm = "spectral",
    output: int | None = None,
    log10: bool = False,
) -> Floats:
    """How strongly the output of one step depends on the input of every step: the norms of dy_target / dx_t.

    With h_t = f(W h_(t-1) + U x_t + b), y_t = V h_t and J_t = dh_t / dh_(t-1)::

        dy_T / dx_t = V J_T ... J_(t+1) diag(f'(z_t)) U

    A scalar linear unit gives w^(T-t). Computed in float64 through the kernels' backward pass, one step at a time and
    with exponents of their own, so sequences of any length neither vanish nor overflow.

    Parameters
    ----------
    model : Layer
        A recurrent layer of any depth, or a network with such layers, in any float dtype. A network whose output
        depends on the whole sequence (bidirectional, convolutions over time) runs backward as a whole instead.
    x : array_like
        One sequence (T, D) or sequences (B, T, D), batch first whatever the layer's ``batch_first``; or category
        numbers (T,) or (B, T), where x_t is the one-hot vector, or the embedding's row.
    target : int
        The step of the output y. A network that returns only its last step is asked as if the sequence ended there.
    norm : {"spectral", "fro", "abs"}
        The largest singular value, the root of the sum of squares, or the sum of magnitudes of the Jacobian.
    output : int, optional
        One element of y; all of them by default.
    log10 : bool
        Return decimal logarithms, for what is outside 1e-308..1e308; -inf where there is no influence at all.

    Returns
    -------
    ndarray of shape (T,) or (B, T)
        0 for steps after the target, which a network that runs forward cannot know.

    Raises
    ------
    ValueError
        If x does not suit the model or a state is not finite (the message names the step), or for another target,
        output or norm.

    References
    ----------
    Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult", IEEE
    Trans. Neural Networks 5 (1994); A. Madsen, "Visualizing memorization in RNNs", Distill (2019).

    Examples
    --------
    A unit whose feedback is 2 weighs the oldest of five inputs most:

    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> unit = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> _ = unit.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[2.0]]})
    >>> diagnostics.influence(unit, np.ones((5, 1))).tolist()
    [16.0, 8.0, 4.0, 2.0, 1.0]
    >>> float(diagnostics.influence(unit, np.zeros((5, 1)))[0])  # at 0, where relu is flat
    0.0
    """
    return close(*influence_scaled("influence", model, x, target, norm, output), log10)


def influence_share(
    model: Layer, x: ArrayLike, *, target: int = -1, norm: Norm = "spectral", output: int | None = None
) -> Floats:
    """`influence` divided by its sum over the steps, so that it sums to 1.

    Parameters
    ----------
    model, x, target, norm, output
        As in `influence`.

    Returns
    -------
    ndarray of shape (T,) or (B, T)
        NaN throughout where the output depends on no input at all.

    Raises
    ------
    ValueError
        As `influence`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> unit = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> _ = unit.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[2.0]]})
    >>> diagnostics.influence_share(unit, np.ones((5, 1))).round(3).tolist()
    [0.516, 0.258, 0.129, 0.065, 0.032]
    """
    values, exponents = influence_scaled("influence_share", model, x, target, norm, output)
    values, exponents = rescale(values[..., None], exponents)
    top = exponents.max(axis=-1, keepdims=True)
    common = np.ldexp(values[..., 0], np.maximum(exponents - top, -4000))
    with np.errstate(invalid="ignore"):
        return np.asarray(common / common.sum(axis=-1, keepdims=True))


def influence_scaled(
    function: str, model: Layer, x: ArrayLike, target: int, norm: str, output: int | None
) -> tuple[Floats, Ints]:
    """`influence` as scaled numbers."""
    if norm not in NORMS:
        raise ValueError(f"{function}: norm must be one of {', '.join(map(repr, NORMS))}, got {norm!r}")
    sequences = read_sequences(function, model, x)
    steps = sequences.x.shape[1]
    last = integer(function, "target", target)
    if not -steps <= last < steps:
        raise ValueError(f"{function}: target must be in {-steps}..{steps - 1} for {steps} steps, got {last}")
    try:
        trajectory = Trajectory(function, sequences)
    except NotStepwise:
        found = _as_a_whole(function, sequences, last, norm, output)
    else:
        found = influence_of(trajectory, last % steps, norm, _outputs(function, trajectory.O, output))
    return (found[0][0], found[1][0]) if sequences.single else found


def influence_of(trajectory: Trajectory, last: int, norm: str, probes: Floats) -> tuple[Floats, Ints]:
    """The influences on the output of a step in the directions of ``probes`` (P, O): (B, T), as scaled numbers."""
    B, T = trajectory.B, trajectory.T
    values, powers = np.zeros((B, T)), np.zeros((B, T), np.int64)
    dy: Floats | None = np.broadcast_to(probes, (B, *probes.shape)).copy()
    carried: Floats | None = None
    exponents = np.zeros((B, len(probes)), np.int64)
    for t in range(last, -1, -1):
        slopes = trajectory.back(t, dy, carried)
        if not (np.isfinite(slopes.x).all() and np.isfinite(slopes.state).all()):
            raise ValueError(f"{trajectory.function}: the gradient is not finite at step {t}")
        values[:, t], powers[:, t] = matrix_norm(slopes.x, exponents, norm)
        carried, exponents = rescale(slopes.state, exponents)
        dy = None
        if not carried.any():
            break
    return values, powers


def _as_a_whole(function: str, sequences: Sequences, target: int, norm: str, output: int | None) -> tuple[Floats, Ints]:
    """One backward pass through the whole sequence for every element of the output."""
    x = sequences.x
    model = whole(sequences.model)
    values = np.zeros(x.shape[:2])
    for b, sequence in enumerate(x):
        try:
            y = np.asarray(model(sequence[None]))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{function}: x of shape {sequence.shape} does not suit the model: {error}") from error
        if y.ndim not in (2, 3) or (y.ndim == 3 and y.shape[1] != x.shape[1]):
            raise ValueError(f"{function}: the model must return (B, T, O) or (B, O), got {y.shape}")
        if not np.isfinite(y).all():
            raise ValueError(f"{function}: the output is not finite; the model's states overflow at some step")
        if y.ndim == 2 and target not in (-1, x.shape[1] - 1):
            raise ValueError(f"{function}: target must be -1 for a model with one output per sequence, got {target}")
        chosen = _outputs(function, y.shape[-1], output)
        dy = np.zeros((len(chosen), *y.shape[1:]))
        dy[(slice(None), target) if y.ndim == 3 else slice(None)] = chosen
        _, backward = model.forward(np.repeat(sequence[None], len(chosen), axis=0))
        with np.errstate(all="ignore"):
            slopes = np.asarray(backward(dy)).swapaxes(0, 1)
        if not np.isfinite(slopes).all():
            raise ValueError(f"{function}: the gradient of the whole sequence is not finite")
        pair = matrix_norm(slopes, np.zeros(slopes.shape[:2], np.int64), norm)
        values[b] = close(*pair, False)
    return values, np.zeros(x.shape[:2], np.int64)


def _outputs(function: str, size: int, output: int | None) -> Any:
    """Unit vectors of the outputs that are asked for, (P, O)."""
    if output is None:
        return np.eye(size)
    chosen = integer(function, "output", output)
    if not -size <= chosen < size:
        raise ValueError(f"{function}: output must be in {-size}..{size - 1}, got {chosen}")
    return np.eye(size)[[chosen]]
