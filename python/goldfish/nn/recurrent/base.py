"""What recurrent layers share: stacking, directions, the batch first, over the one-layer kernels."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from goldfish import functional
from goldfish._typing import Rng
from goldfish.functional.prepared import RecurrentStack
from goldfish.nn import init
from goldfish.nn.layer import Array, Backward, Layer, State, turn
from goldfish.nn.prepared import Prepared

Tape = list[Any]
Parts = tuple[Array | None, ...]
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peepholes")


class Recurrent(Layer):
    """What `RNN`, `LSTM` and `GRU` share: layers, directions, states and their gradients.

    A subclass runs one layer in one direction (`_cell`) and back (`_cell_backward`).
    """

    stateful = True
    gates: ClassVar[int]
    parts: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        output: Literal["sequence", "last"],
        dtype: DTypeLike,
        rng: Rng,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError(
                f"{name}: input_size, hidden_size and num_layers expected >= 1, "
                f"got {input_size}, {hidden_size}, {num_layers}"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"{name}: dropout expected in [0, 1], got {dropout}")
        if output not in ("sequence", "last"):
            raise ValueError(f"{name}: output expected 'sequence' or 'last', got {output!r}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.output = bidirectional, output
        rng = np.random.default_rng(rng)
        for level in range(num_layers):
            for direction in range(self.directions):
                self._add_cell(suffix_of(level, direction), input_size if level == 0 else self._width, dtype, rng)

    def _add_cell(self, suffix: str, inputs: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        rows, bound = self.gates * self.hidden_size, init.fan_in_bound(self.hidden_size)
        self._add(f"weight_ih{suffix}", init.uniform((rows, inputs), bound, dtype=dtype, rng=rng))
        self._add(f"weight_hh{suffix}", init.uniform((rows, self.hidden_size), bound, dtype=dtype, rng=rng))
        if self.bias:
            self._add(f"bias_ih{suffix}", init.uniform((rows,), bound, dtype=dtype, rng=rng))
            self._add(f"bias_hh{suffix}", init.uniform((rows,), bound, dtype=dtype, rng=rng))

    @abc.abstractmethod
    def _cell(
        self, x: Array, state: Parts, suffix: str, lengths: ArrayLike | None, reverse: bool, tape: Tape | None
    ) -> tuple[Array, tuple[Array, ...]]:
        """Run one layer in one direction over time-major x; with a tape, for training."""

    @abc.abstractmethod
    def _cell_backward(self, dy: Array | None, dstate: Parts, cache: Any, needs: tuple[str, ...]) -> Any:
        """The gradients of one `_cell` by the kernels' names."""

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def _width(self) -> int:
        return self.directions * self.hidden_size

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        y, state_n = self._run(self._open(x), self._split(state), lengths, None, None)
        return (self._close(y, state_n), self._join(state_n)) if return_state else self._close(y, state_n)

    def forward(
        self,
        x: ArrayLike,
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(y, backward)``, or ``(y, state, backward)`` with ``return_state``; ``rng`` serves dropout."""
        tape: Tape = []
        x = self._open(x)
        rng = np.random.default_rng(rng) if self.dropout and rng is not None else None
        y, state_n = self._run(x, self._split(state), lengths, rng, tape)
        out = self._close(y, state_n)
        differentiable = x.dtype.kind == "f"

        def run(dy: Array | None, dstate: State, needs_x: bool) -> tuple[Array | None, State]:
            dstates = self._state_gradients(dy, dstate)
            if self.output == "last":
                dy = None
            elif dy is not None and self.batch_first:
                dy = turn(dy)
            dx, dstate_0 = self._run_backward(tape, dy, dstates, needs_x and differentiable, return_state)
            return (turn(dx) if dx is not None and self.batch_first else dx), dstate_0

        backward = Backward(self, out.shape, run, pair=return_state)
        return (out, self._join(state_n), backward) if return_state else (out, backward)

    def prepare(self, input_shape: tuple[int, ...] | None = None) -> PreparedRecurrent:
        """Pack the weights once: a call then takes no memory but its outputs, and one step at a time costs little."""
        return PreparedRecurrent(self)

    @property
    @abc.abstractmethod
    def _kernel(self) -> tuple[str, Any]:
        """The kernel's name and the option that decides its arithmetic."""

    def _run(
        self, x: Array, state: Parts, lengths: ArrayLike | None, rng: np.random.Generator | None, tape: Tape | None
    ) -> tuple[Array, list[tuple[Array, ...]]]:
        finals: list[tuple[Array, ...]] = []
        for level in range(self.num_layers):
            if level and self.dropout and tape is not None:
                x, mask = functional.dropout_forward(x, self.dropout, rng=rng)
                tape.append(mask)
            outputs = []
            for direction in range(self.directions):
                start = tuple(None if part is None else part[len(finals)] for part in state)
                y, final = self._cell(x, start, suffix_of(level, direction), lengths, direction == 1, tape)
                outputs.append(y)
                finals.append(final)
            x = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        return x, finals

    def _run_backward(
        self, tape: Tape, dy: Array | None, dstates: list[list[Array | None]], needs_x: bool, needs_state: bool
    ) -> tuple[Array | None, State]:
        if self.frozen and not (needs_x or needs_state):
            return None, None
        starts: list[Any] = [None] * len(dstates)
        for level in reversed(range(self.num_layers)):
            dx: Array | None = None
            for direction in reversed(range(self.directions)):
                index = level * self.directions + direction
                block = slice(direction * self.hidden_size, (direction + 1) * self.hidden_size)
                gradients = self._cell_backward(
                    dy if dy is None or not self.bidirectional else dy[..., block],
                    tuple(dstates[index]),
                    tape.pop(),
                    self._cell_needs(suffix_of(level, direction), level > 0 or needs_x, needs_state),
                )
                self._collect_cell(gradients, suffix_of(level, direction))
                starts[index] = tuple(getattr(gradients, name) for name in ("h_0", "c_0")[: self.parts])
                dx = gradients.x if dx is None else np.add(dx, gradients.x, out=dx)
            if level and self.dropout:
                dx = functional.dropout_backward(dx, tape.pop()).x  # type: ignore[arg-type]
            dy = dx
        return dy, self._join(starts) if needs_state else None

    def _cell_needs(self, suffix: str, needs_x: bool, needs_state: bool) -> tuple[str, ...]:
        own = () if self.frozen else tuple(name for name in WEIGHTS if name + suffix in self.params)
        return (("x",) if needs_x else ()) + (("h_0", "c_0")[: self.parts] if needs_state else ()) + own

    def _collect_cell(self, gradients: Any, suffix: str) -> None:
        if not self.frozen:
            for name in WEIGHTS:
                if name + suffix in self.params:
                    self.accumulate(name + suffix, getattr(gradients, name))

    def _open(self, x: ArrayLike) -> Array:
        x = np.asarray(x)
        ids = x.ndim == 2 and x.dtype.kind in "iu"
        if not ids and (x.ndim != 3 or x.shape[2] != self.input_size):
            axes = "N, T" if self.batch_first else "T, N"
            if x.ndim == 3:
                raise ValueError(f"{self!r}: expected last axis {self.input_size}, got {x.shape[2]}")
            raise ValueError(
                f"{self!r}: expected x of shape ({axes}, {self.input_size}) or integers of shape ({axes}), "
                f"got {x.dtype} of shape {x.shape}"
            )
        return turn(x) if self.batch_first else x

    def _close(self, y: Array, finals: list[tuple[Array, ...]]) -> Array:
        if self.output == "last":
            tops = [final[0] for final in finals[-self.directions :]]
            return tops[0] if len(tops) == 1 else np.concatenate(tops, axis=1)
        return turn(y) if self.batch_first else y

    def _split(self, state: State) -> Parts:
        if state is None:
            return (None,) * self.parts
        given = state if self.parts > 1 else (state,)
        if not isinstance(given, tuple | list) or len(given) != self.parts:
            raise ValueError(f"{self!r}: expected a state of {self.parts} arrays, got {type(state).__name__}")
        parts = tuple(None if part is None else np.asarray(part) for part in given)
        levels = self.num_layers * self.directions
        for part in parts:
            if part is not None and (part.ndim != 3 or part.shape[::2] != (levels, self.hidden_size)):
                raise ValueError(
                    f"{self!r}: expected states of shape ({levels}, N, {self.hidden_size}), got {part.shape}"
                )
        return parts

    def _join(self, levels: list[tuple[Array, ...]]) -> State:
        joined = tuple(np.stack(part) for part in zip(*levels, strict=True))
        return joined if self.parts > 1 else joined[0]

    def _state_gradients(self, dy: Array | None, dstate: State) -> list[list[Array | None]]:
        parts = self._split(dstate)
        gradients = [
            [None if part is None else part[level] for part in parts]
            for level in range(self.num_layers * self.directions)
        ]
        if self.output == "last" and dy is not None:
            tops = [dy] if not self.bidirectional else [dy[:, : self.hidden_size], dy[:, self.hidden_size :]]
            for gradient, top in zip(gradients[-self.directions :], tops, strict=True):
                gradient[0] = top if gradient[0] is None else gradient[0] + top
        return gradients


class PreparedRecurrent(Prepared):
    """What `Recurrent.prepare` returns.

    Parameters
    ----------
    layer : Recurrent
        What to prepare.
    """

    layer: Recurrent

    def __init__(self, layer: Recurrent) -> None:
        super().__init__(layer)
        places = ((level, direction) for level in range(layer.num_layers) for direction in range(layer.directions))
        suffixes = [suffix_of(*place) for place in places]
        cells = [tuple(layer.params.get(name + suffix) for name in WEIGHTS) for suffix in suffixes]
        self._stack = RecurrentStack(*layer._kernel, layer.directions, cells)

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        layer = self.layer
        h_0, *rest = layer._split(state)
        y, h_n, c_n = self._stack(layer._open(x), h_0, rest[0] if rest else None, lengths)
        y = layer._close(y, [(final,) for final in h_n] if layer.output == "last" else [])
        if not return_state:
            return y
        return y, (h_n if c_n is None else (h_n, c_n))

    @property
    def nbytes(self) -> int:
        """Bytes of the packed weights."""
        return self._stack.nbytes


def suffix_of(level: int, direction: int) -> str:
    """What PyTorch puts behind the names of the parameters of a layer and direction."""
    return f"_l{level}{'_reverse' if direction else ''}"
