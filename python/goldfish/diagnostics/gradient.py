"""The gradient of a loss at every step of the recurrent state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics._scaled import Floats, Ints, close, matrix_norm, rescale
from goldfish.diagnostics._trajectory import Trajectory, read_sequences
from goldfish.nn.layer import Layer

LossFunction = Callable[[Any], tuple[Any, Callable[[], Any]]]


def grad_norm_by_step(model: Layer, x: ArrayLike, loss: LossFunction, *, log10: bool = False) -> Floats:
    """The norm of the loss's gradient by the state after every step: ||dL/ds_t||.

    It gathers what reaches s_t from the outputs of step t and of all later steps. A gradient that shrinks towards the
    start has vanished before it could teach what happened there; one that grows explodes.

    Parameters
    ----------
    model, x
        As in `state_jacobians`, where the state s is told: the h of all layers, and the c of an LSTM.
    loss : callable
        ``loss(y) -> (value, backward)`` with ``dy = backward()``, as the ``forward`` of a loss of `goldfish.nn`
        returns: ``lambda y: nn.MSELoss().forward(y, target)``. y has the model's dtype and the shape of its output,
        without the batch axis for a single sequence.
    log10 : bool
        Return decimal logarithms, for what is outside 1e-308..1e308; -inf for 0.

    Returns
    -------
    ndarray of shape (T,) or (B, T)

    Raises
    ------
    ValueError
        As `state_jacobians`, or if the loss's gradient has another shape than y or is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> unit = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> _ = unit.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.5]]})
    >>> last = lambda y: (y[-1, 0], lambda: np.eye(len(y))[:, -1:])
    >>> diagnostics.grad_norm_by_step(unit, np.ones((4, 1)), last).tolist()
    [0.125, 0.25, 0.5, 1.0]
    """
    trajectory = Trajectory("grad_norm_by_step", read_sequences("grad_norm_by_step", model, x))
    pair = gradient_norms(trajectory, output_gradient(trajectory, model, loss))
    norms = close(*pair, log10)
    return norms[0] if trajectory.single else norms


def output_gradient(trajectory: Trajectory, model: Layer, loss: LossFunction) -> Floats:
    """DL/dy of every step, (B, T, O): zeros but for the last step where the model returns that alone."""
    function = trajectory.function
    if not callable(loss):
        raise TypeError(f"{function}: loss must be a function of y, got {type(loss).__name__}")
    y = trajectory.output()
    dtypes = [value.dtype for value in model.parameters().values() if value.dtype.kind == "f"]
    given = (y[0] if trajectory.single else y).astype(dtypes[0] if dtypes else np.float64)
    result = loss(given)
    if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
        raise TypeError(f"{function}: loss must return (value, backward), got {type(result).__name__}")
    dy = np.asarray(result[1](), np.float64)
    if dy.shape != given.shape:
        raise ValueError(f"{function}: the loss's gradient must have y's shape {given.shape}, got {dy.shape}")
    if not np.isfinite(dy).all():
        raise ValueError(f"{function}: the loss's gradient is not finite")
    dy = dy.reshape(y.shape)
    if trajectory.per_step:
        return dy
    steps = np.zeros((trajectory.B, trajectory.T, y.shape[-1]))
    steps[:, -1] = dy
    return steps


def gradient_norms(trajectory: Trajectory, dy: Floats) -> tuple[Floats, Ints]:
    """Norms of the gradient after every step, (B, T), as scaled numbers."""
    B, T, S = trajectory.B, trajectory.T, trajectory.S
    values, powers = np.zeros((B, T)), np.zeros((B, T), np.int64)
    carried, exponents = rescale(np.zeros((B, 1, S)), np.zeros((B, 1), np.int64))
    for t in range(T - 1, -1, -1):
        fresh, fresh_exponents = rescale(dy[:, t, None], np.zeros((B, 1), np.int64))
        common = np.maximum(exponents, fresh_exponents)
        fresh = np.ldexp(fresh, np.maximum(fresh_exponents - common, -4000)[..., None])
        carried = np.ldexp(carried, np.maximum(exponents - common, -4000)[..., None])
        slopes = trajectory.back(t, fresh, carried)
        if not np.isfinite(slopes.state).all():
            raise ValueError(f"{trajectory.function}: the gradient is not finite at step {t}")
        values[:, t], powers[:, t] = matrix_norm(carried + slopes.own, common, "fro")
        carried, exponents = rescale(slopes.state, common)
    return values, powers
