"""Jacobians of the recurrent state, their products, and the rates at which they grow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish._typing import Rng
from goldfish.diagnostics._arguments import integer
from goldfish.diagnostics._scaled import Floats, close, matrix_norm, rescale
from goldfish.diagnostics._trajectory import Trajectory, read_sequences
from goldfish.nn.layer import Layer

_ROWS = 8192
_KEPT = 1 << 28
_SWEEPS = 50


def state_jacobians(model: Layer, x: ArrayLike) -> Floats:
    """The Jacobian of every step, ds_t / ds_(t-1), along the trajectory of x.

    The state s is everything that one step hands to the next: the h of all recurrent layers from the bottom up, each
    followed by its c for an LSTM. For one layer of an `RNN` it is h, and the Jacobian is diag(f'(z_t)) W.

    Parameters
    ----------
    model : Layer
        A recurrent layer of any depth or a network with such layers, in one direction.
    x : array_like
        As in `influence`: (T, D) or (B, T, D), or category numbers (T,) or (B, T).

    Returns
    -------
    ndarray of shape (T, S, S) or (B, T, S, S)
        Row i, column j: the derivative of element i of the new state by element j of the old. Starts at s_0 = 0.

    Raises
    ------
    ValueError
        If x does not suit the model, a state is not finite (the message names the step), or the model has no state
        that runs forward in time.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> x = np.zeros((7, 3))
    >>> diagnostics.state_jacobians(nn.GRU(3, 4, 2), x).shape, diagnostics.state_jacobians(nn.LSTM(3, 4), x).shape
    ((7, 8, 8), (7, 8, 8))
    """
    trajectory = Trajectory("state_jacobians", read_sequences("state_jacobians", model, x))
    found = np.concatenate(list(_blocks(trajectory)), axis=1)
    return found[0] if trajectory.single else found


def lag_norms(
    model: Layer, x: ArrayLike, *, log10: bool = False, directions: int | None = None, rng: Rng = 0
) -> Floats:
    """How much of the state of step s is left in the state of step t: the spectral norms of ds_t / ds_s.

    Parameters
    ----------
    model, x
        As in `state_jacobians`.
    log10 : bool
        Return decimal logarithms, for what is outside 1e-308..1e308; -inf for 0.
    directions : int, optional
        For large states: instead of the spectral norm, the root mean square of |ds_t / ds_s v| over so many random
        orthonormal directions v. Its square has the mean |ds_t / ds_s|_F^2 / S.
    rng : int, Generator or None
        Draws the directions.

    Returns
    -------
    ndarray of shape (T, T) or (B, T, T)
        Row t, column s. 1 on the diagonal, 0 above it.

    Raises
    ------
    ValueError
        As `state_jacobians`, or for directions below 1; more of them than S count as S.

    Notes
    -----
    Without directions exact, by T^2 / 2 products of S x S matrices for a state of S numbers, and an eigenvalue of each:
    minutes for an LSTM of 256 units and 72 steps, which 16 directions do in a second.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> unit = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> _ = unit.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.5]]})
    >>> diagnostics.lag_norms(unit, np.ones((3, 1))).tolist()
    [[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.25, 0.5, 1.0]]
    """
    trajectory = Trajectory("lag_norms", read_sequences("lag_norms", model, x))
    B, T, S = trajectory.B, trajectory.T, trajectory.S
    start, norm = np.eye(S), "spectral"
    if directions is not None:
        start, norm = _directions(S, directions, rng), "fro"
        start /= math.sqrt(start.shape[1])
    values, exponents = np.zeros((B, T, T)), np.zeros((B, T, T), np.int64)
    products, powers = np.zeros((B, T, *start.shape)), np.zeros((B, T), np.int64)
    for t, jacobian in enumerate(_each(_blocks(trajectory))):
        products[:, :t] = jacobian[:, None] @ products[:, :t]
        products[:, :t], powers[:, :t] = rescale(products[:, :t], powers[:, :t], axes=2)
        products[:, t] = start
        rows = np.repeat(powers[:, : t + 1, None], S, axis=2)
        values[:, t, : t + 1], exponents[:, t, : t + 1] = matrix_norm(products[:, : t + 1], rows, norm)
    norms = close(values, exponents, log10)
    return norms[0] if trajectory.single else norms


def _directions(size: int, count: int, rng: Rng) -> Floats:
    """Random orthonormal columns."""
    number = integer("lag_norms", "directions", count)
    if number < 1:
        raise ValueError(f"lag_norms: directions must be at least 1, got {number}")
    drawn = np.random.default_rng(rng).standard_normal((size, min(number, size)))
    return np.asarray(np.linalg.qr(drawn)[0])


def effective_memory(norms: ArrayLike, threshold: float = 1e-3) -> int:
    """The number of steps after which nothing to speak of is left: the first lag with norm < threshold * norms[0].

    Parameters
    ----------
    norms : array_like of shape (L,)
        Norms by lag, from lag 0: a row of `lag_norms` or the values of `influence`, read backwards.
    threshold : float
        Greater than 0.

    Returns
    -------
    int
        L if the past is not forgotten within what was measured.

    Raises
    ------
    ValueError
        For a threshold that is not greater than 0, or norms that are not a sequence of numbers >= 0 that begins above
        0.

    Examples
    --------
    >>> from goldfish import diagnostics
    >>> diagnostics.effective_memory([1.0, 0.1, 0.01, 0.001, 0.0001])
    4
    """
    if not threshold > 0:
        raise ValueError(f"effective_memory: threshold must be > 0, got {threshold}")
    values = np.asarray(norms, np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"effective_memory: norms must be of shape (L,) with L >= 1, got {values.shape}")
    wrong = ~(values >= 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"effective_memory: norms must be >= 0, got {values[at]} at lag {at}")
    if values[0] == 0:
        raise ValueError("effective_memory: norms[0] must be > 0, got 0")
    return first_below(values, threshold * values[0])


def first_below(values: Any, bound: float) -> int:
    """The first index whose value is below the bound, or the length."""
    below = np.asarray(values) < bound
    return int(np.argmax(below)) if below.any() else len(below)


def lyapunov_exponents(model: Layer, x: ArrayLike, k: int = 1) -> Floats:
    """The k largest exponential rates at which differences of the state grow along the trajectory of x.

    Of the product P = J_T ... J_1 of the `state_jacobians`::

        exponent_i = ln(sigma_i(P)) / T

    Below 0 a difference vanishes, and with it the gradient; above 0 it grows.

    Parameters
    ----------
    model, x
        As in `state_jacobians`.
    k : int
        From 1 to S, the number of elements of the state.

    Returns
    -------
    ndarray of shape (k,) or (B, k)
        In nats per step, largest first; -inf for directions that are lost altogether.

    Raises
    ------
    ValueError
        As `state_jacobians`, and for another k.

    Notes
    -----
    QR factorisations along the trajectory, backward and forward until the directions no longer change, so that a short
    trajectory has no error from where the directions began.

    References
    ----------
    G. Benettin, L. Galgani, A. Giorgilli and J.-M. Strelcyn, "Lyapunov characteristic exponents for smooth dynamical
    systems", Meccanica 15 (1980).

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> unit = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> _ = unit.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.5]]})
    >>> diagnostics.lyapunov_exponents(unit, np.ones((40, 1))).round(6).tolist()  # ln 0.5
    [-0.693147]
    """
    trajectory = Trajectory("lyapunov_exponents", read_sequences("lyapunov_exponents", model, x))
    count = integer("lyapunov_exponents", "k", k)
    if not 1 <= count <= trajectory.S:
        raise ValueError(f"lyapunov_exponents: k must be in 1..{trajectory.S}, the size of the state, got {count}")
    jacobians = _Jacobians(trajectory)
    start = np.random.default_rng(0).standard_normal((trajectory.B, trajectory.S, count))
    directions, rates = np.linalg.qr(start)[0], np.full((trajectory.B, count), np.nan)
    for _ in range(_SWEEPS):
        directions, _unused = _sweep(jacobians.backward(), directions, transposed=True)
        directions, sums = _sweep(jacobians.forward(), directions, transposed=False)
        before, rates = rates, sums / trajectory.T
        if np.allclose(rates, before, rtol=1e-13, atol=1e-15):
            break
    rates = -np.sort(-rates, axis=1)
    return rates[0] if trajectory.single else rates


def _sweep(jacobians: Iterator[Floats], directions: Floats, *, transposed: bool) -> tuple[Floats, Floats]:
    """Directions (B, S, k) carried along, and the sums of the logarithms of their stretching (B, k)."""
    sums = np.zeros((directions.shape[0], directions.shape[2]))
    for jacobian in jacobians:
        moved = (jacobian.swapaxes(1, 2) if transposed else jacobian) @ directions
        directions, triangle = np.linalg.qr(moved)
        with np.errstate(divide="ignore"):
            sums += np.log(np.abs(np.diagonal(triangle, axis1=1, axis2=2)))
    return directions, sums


class _Jacobians:
    """The Jacobians (B, S, S) of all steps in either order: kept if they are few, else computed again."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        size = 8 * trajectory.T * trajectory.B * trajectory.S**2
        self.kept = list(_blocks(trajectory)) if size <= _KEPT else None

    def forward(self) -> Iterator[Floats]:
        return _each(self.kept or _blocks(self.trajectory))

    def backward(self) -> Iterator[Floats]:
        blocks = reversed(self.kept) if self.kept else _blocks(self.trajectory, backward=True)
        for block in blocks:
            yield from block.swapaxes(0, 1)[::-1]


def _each(blocks: Any) -> Iterator[Floats]:
    for block in blocks:
        yield from block.swapaxes(0, 1)


def _blocks(trajectory: Trajectory, *, backward: bool = False) -> Iterator[Floats]:
    """Jacobians of runs of steps, (B, n, S, S): all their rows in one backward pass of independent single steps."""
    B, S, T = trajectory.B, trajectory.S, trajectory.T
    length = max(1, _ROWS // (S * B))
    starts = range(0, T, length)
    for start in reversed(starts) if backward else starts:
        steps = min(length, T - start)
        x = trajectory.x[:, start : start + steps].reshape(B * steps, -1)
        states = trajectory.states[start : start + steps].swapaxes(0, 1).reshape(B * steps, S)
        probes = np.tile(np.eye(S), (B * steps, 1))
        found = trajectory.transpose(np.repeat(x, S, axis=0), np.repeat(states, S, axis=0), None, probes).state
        finite = np.isfinite(found).reshape(B, steps, -1).all(axis=(0, 2))
        if not finite.all():
            step = start + int(np.argmin(finite))
            raise ValueError(f"{trajectory.function}: the Jacobian of the state is not finite at step {step}")
        yield found.reshape(B, steps, S, S)
