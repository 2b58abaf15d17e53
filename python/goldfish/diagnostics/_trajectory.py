"""A model along one trajectory: its states at every step, and the transposed Jacobians of single steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from goldfish.diagnostics._probe import Tap, probe, split_encoder
from goldfish.diagnostics._scaled import Floats
from goldfish.nn.layer import Layer, State, walk
from goldfish.nn.recurrent import Recurrent

_PREFIX = 4


class NotStepwise(ValueError):
    """The model has no state that runs forward in time, one step after the other."""


class Sequences(NamedTuple):
    """Sequences as float64 (B, T, D), the model that reads them, and whether there was one sequence without a batch."""

    model: Layer
    x: Floats
    single: bool


class Slopes(NamedTuple):
    """Gradients of one step: of its input (N, D), of the state before it (N, S) and of its own layers' outputs (N, S).

    The last has zeros for the cells of an LSTM, which nobody but the next step reads.
    """

    x: Floats
    state: Floats
    own: Floats


def read_sequences(function: str, model: Layer, x: Any, name: str = "x") -> Sequences:
    """Check and convert the input; category numbers become one-hot vectors or the rows of their embedding."""
    if not isinstance(model, Layer):
        raise TypeError(f"{function}: model must be a Layer, got {type(model).__name__}")
    x = np.asarray(x)
    encoder, rest = split_encoder(model)
    if x.dtype.kind in "iu" and encoder is not None and x.ndim in (1, 2):
        single = x.ndim == 1
        try:
            values = np.asarray(encoder(x[None] if single else x), np.float64)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{function}: {name} does not suit the model: {error}") from error
        model = rest
    elif x.ndim in (2, 3) and x.dtype.kind in "fiub":
        single = x.ndim == 2
        values = np.asarray(x[None] if single else x, np.float64)
    else:
        numbers = " or category numbers (T,) or (B, T)" if encoder is not None else ""
        raise ValueError(
            f"{function}: {name} must be of shape (T, D) or (B, T, D){numbers}, got {x.dtype} of shape {x.shape}"
        )
    if 0 in values.shape:
        raise ValueError(f"{function}: {name} must not be empty, got shape {x.shape}")
    if not np.isfinite(values).all():
        first = int(np.argmax(~np.isfinite(values).all(axis=(0, 2))))
        raise ValueError(f"{function}: {name} is not finite at step {first}")
    return Sequences(model, values, single)


class Trajectory:
    """The states of a model for given sequences.

    Parameters
    ----------
    function : str
        Who asks; errors name it.
    sequences : Sequences
        From `read_sequences`.
    name : str
        What the caller calls the sequences.

    Attributes
    ----------
    states : ndarray of shape (T + 1, B, S)
        S numbers per sequence: the layers from below, of an LSTM h and then c. The first are zeros.
    outputs : list of ndarray
        The model's output of each step, (B, 1, O) or, if it returns the last step alone, (B, O).
    """

    def __init__(self, function: str, sequences: Sequences, name: str = "x") -> None:
        model, self.x, self.single = sequences
        self.function = function
        self._log: list[Tap] = []
        _refuse(function, model)
        self.model = probe(model, self._log)
        self.B, self.T, self.D = self.x.shape
        self._run(name)

    def _run(self, name: str) -> None:
        with np.errstate(all="ignore"):
            whole = self._whole(name)
            state: State = None
            states, self.outputs = [], []
            for t in range(self.T):
                try:
                    y, state = self.model(self.x[:, t : t + 1], state, return_state=True)
                except ValueError as error:
                    raise NotStepwise(f"{self.function}: the model cannot run one step at a time: {error}") from error
                if t == 0:
                    self._taps, self.like = self._log[-self._count :], state
                flat = flatten(state, self.like)
                if not np.isfinite(flat).all():
                    raise ValueError(f"{self.function}: the state is not finite after step {t}")
                states.append(flat)
                self.outputs.append(np.asarray(y))
        self.states = np.stack([np.zeros_like(states[0]), *states])
        self.S = self.states.shape[2]
        self._compare(whole)

    def _whole(self, name: str) -> Any:
        """The output for the first few steps at once, to find out whether steps one by one are the same."""
        try:
            y = self.model(self.x[:, :_PREFIX])
        except (ValueError, TypeError) as error:
            shape = self.x.shape[1:] if self.single else self.x.shape
            raise NotStepwise(f"{self.function}: {name} of shape {shape} does not suit the model: {error}") from error
        self._count = len(self._log)
        self._log.clear()
        return np.asarray(y)

    def _compare(self, whole: Any) -> None:
        steps = self.outputs[: min(_PREFIX, self.T)]
        self.per_step = steps[0].ndim == 3
        if not self.per_step and steps[0].ndim != 2:
            raise NotStepwise(f"{self.function}: the model must return (B, T, O) or (B, O), got {whole.shape}")
        alone = np.concatenate(steps, axis=1) if self.per_step else steps[-1]
        if whole.shape != alone.shape or not np.allclose(whole, alone, rtol=1e-6, atol=1e-9, equal_nan=True):
            raise NotStepwise(
                f"{self.function}: the model's output at a step must depend on that step and the state alone, but it "
                "changes when the sequence runs as a whole"
            )
        self.O = steps[0].shape[-1]

    def output(self) -> Floats:
        """All outputs: (B, T, O), or (B, O) of the last step."""
        return np.concatenate(self.outputs, axis=1) if self.per_step else np.asarray(self.outputs[-1])

    def transpose(self, x: Floats, states: Floats, dy: Floats | None, dstates: Floats | None) -> Slopes:
        """The transposed Jacobian of one step, for N independent rows at once, through the kernels' backward pass.

        Parameters
        ----------
        x : ndarray of shape (N, D)
            Inputs of the step.
        states : ndarray of shape (N, S)
            States before it.
        dy : ndarray of shape (N, O) or None
            Gradients of the outputs.
        dstates : ndarray of shape (N, S) or None
            Gradients of the states after it.
        """
        self._log.clear()
        with np.errstate(all="ignore"):
            y, _, backward = self.model.forward(x[:, None], unflatten(states, self.like), return_state=True)
            given = None if dstates is None else unflatten(dstates, self.like)
            dx, before = backward(None if dy is None else dy.reshape(y.shape), given)
        ran = list(self._log)
        self._log.clear()
        own = [part for tap in ran if tap.stateful for part in _own(tap, len(x))]
        slope = np.zeros_like(x) if dx is None else np.asarray(dx).reshape(x.shape)
        return Slopes(slope, flatten(before, self.like), np.concatenate(own, axis=1))

    def back(self, t: int, dy: Floats | None, dstates: Floats | None) -> Slopes:
        """`transpose` at step t for P gradients of every sequence: (B, P, O), (B, P, S) -> (B, P, ...)."""
        given = next(part for part in (dy, dstates) if part is not None)
        copies = given.shape[1]
        rows = self.B * copies
        slopes = self.transpose(
            np.repeat(self.x[:, t], copies, axis=0),
            np.repeat(self.states[t], copies, axis=0),
            None if dy is None else dy.reshape(rows, -1),
            None if dstates is None else dstates.reshape(rows, -1),
        )
        return Slopes(*(part.reshape(self.B, copies, -1) for part in slopes))

    def recurrent(self) -> list[tuple[str, Recurrent, Floats, Floats]]:
        """Every recurrent layer: its name, itself, its inputs (T, B, I) and the slice of the states that it owns."""
        found, start = [], 0
        inputs: dict[str, list[Floats]] = {tap.name: [] for tap in self._taps}
        for t in range(self.T):
            self._log.clear()
            self.model(self.x[:, t : t + 1], unflatten(self.states[t], self.like))
            for tap in self._log:
                inputs[tap.name].append(np.asarray(tap.x)[:, 0])
        for tap in self._taps:
            layer = tap.layer
            if isinstance(layer, Recurrent):
                size = layer.parts * layer.hidden_size
                found.append((tap.name, layer, np.stack(inputs[tap.name]), self.states[:, :, start : start + size]))
                start += size
        return found


def flatten(state: State, like: State) -> Floats:
    """A state of nested dicts and tuples of (1, N, H) as (N, S), in the order of ``like``; None is zeros."""
    if isinstance(like, dict):
        return _beside([flatten((state or {}).get(key), inner) for key, inner in like.items() if inner is not None])
    if isinstance(like, tuple | list):
        return _beside([flatten(state[i] if state is not None else None, inner) for i, inner in enumerate(like)])
    array = np.asarray(np.zeros_like(like) if state is None else state, np.float64)
    return array.swapaxes(0, 1).reshape(array.shape[1], -1)


def unflatten(flat: Floats, like: State) -> State:
    """The inverse of `flatten`."""
    return _unflatten(flat, like, 0)[0]


def _unflatten(flat: Floats, like: State, start: int) -> tuple[State, int]:
    if like is None:
        return None, start
    if isinstance(like, dict):
        built = {}
        for key, inner in like.items():
            built[key], start = _unflatten(flat, inner, start)
        return built, start
    if isinstance(like, tuple | list):
        parts = []
        for inner in like:
            part, start = _unflatten(flat, inner, start)
            parts.append(part)
        return tuple(parts), start
    layers, _, hidden = like.shape
    end = start + layers * hidden
    part = flat[:, start:end].reshape(len(flat), layers, hidden).swapaxes(0, 1)
    return np.ascontiguousarray(part), end


def _beside(parts: list[Floats]) -> Floats:
    return np.concatenate(parts, axis=1)


def _own(tap: Tap, rows: int) -> list[Floats]:
    """The gradient that arrives at a recurrent layer's output, and zeros for its cell."""
    layer = tap.layer
    assert isinstance(layer, Recurrent)
    zeros = np.zeros((rows, layer.hidden_size))
    slope = zeros if tap.slope is None else np.asarray(tap.slope, np.float64).reshape(rows, layer.hidden_size)
    return [slope, *[zeros] * (layer.parts - 1)]


def _refuse(function: str, model: Layer) -> None:
    layers = [layer for _, layer in walk(model)]
    if not any(layer.stateful for layer in layers):
        raise NotStepwise(f"{function}: model must have a recurrent layer, got {model!r}")
    for layer in layers:
        if layer.stateful and not layer.children and not isinstance(layer, Recurrent):
            raise NotStepwise(f"{function}: model must be made of RNN, LSTM and GRU layers, got {layer!r}")
        if isinstance(layer, Recurrent) and layer.bidirectional:
            raise NotStepwise(f"{function}: model must run forward in time, but {layer!r} is bidirectional")
