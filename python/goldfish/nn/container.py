"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from goldfish._typing import Rng
from goldfish.nn.activation import ReLU
from goldfish.nn.dense import OneHot
from goldfish.nn.inference import ConvolutionalPart, longest_part
from goldfish.nn.layer import Array, Backward, Layer, State
from goldfish.nn.pool import MaxPool1d, MaxPool2d, MaxPool3d
from goldfish.nn.prepared import Prepared
from goldfish.nn.recurrent import Recurrent


class Sequential(Layer):
    """Layers one after the other.

    ``model[0]`` and ``model["head"]`` are layers, ``model[:-1]`` is a `Sequential` that shares them under the same
    names.

    Parameters
    ----------
    *layers : Layer
        Named "0", "1", ... as in PyTorch.
    **named : Layer
        Come after the others, under their own names.

    Notes
    -----
    The state is a dict from the names of the recurrent layers to their states. ``lengths`` reaches every layer. A
    `OneHot` directly before a recurrent layer is left out: the recurrent layer reads the category numbers. A `ReLU`
    directly before a maximum pooling without padding runs behind it: the values and gradients are the same. An error of
    a layer names its place.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), head=nn.Linear(8, 3))
    >>> model(np.zeros((5, 4), np.float32)).shape, model[:-1](np.zeros((5, 4), np.float32)).shape
    ((5, 3), (5, 8))
    >>> model[:-1](np.zeros((5, 3), np.float32))
    Traceback (most recent call last):
    ValueError: Sequential[0] Linear(4, 8): expected last axis 4, got 3
    """

    def __init__(self, *layers: Layer, **named: Layer) -> None:
        super().__init__()
        for name, layer in {**{str(index): layer for index, layer in enumerate(layers)}, **named}.items():
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential: {name} expected a Layer, got {type(layer).__name__}")
            if "." in name:
                raise ValueError(f"Sequential: a name expected without a dot, got {name!r}")
            self.children[name] = layer

    @property
    def stateful(self) -> bool:  # type: ignore[override]
        """Whether a recurrent layer is inside."""
        return any(layer.stateful for layer in self.children.values())

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> Sequential: ...
    def __getitem__(self, key: int | str | slice) -> Layer:
        if isinstance(key, str):
            return self.children[key]
        if isinstance(key, slice):
            part = Sequential()
            part.children.update(list(self.children.items())[key])
            return part
        return list(self.children.values())[key]

    def __len__(self) -> int:
        return len(self.children)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.children.values())

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        state, state_n = self._open(state), {}
        for name, layer, following in self._steps():
            if _reads_numbers(layer, following, x):
                continue
            try:
                if layer.stateful:
                    x, state_n[name] = layer(x, state.get(name), lengths=lengths, return_state=True)
                else:
                    x = layer(x, lengths=lengths)
            except (ValueError, TypeError) as error:
                self._locate(error, name)
                raise
        return (x, state_n) if return_state else x

    def forward(
        self,
        x: ArrayLike,
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(y, backward)``, or ``(y, state, backward)`` with ``return_state``; each layer draws from ``rng``."""
        state, state_n = self._open(state), {}
        rng = None if rng is None else np.random.default_rng(rng)
        tape: list[tuple[str, Layer, Any, bool]] = []
        needed = False
        for name, layer, following in self._steps():
            if _reads_numbers(layer, following, x):
                continue
            try:
                if layer.stateful:
                    x, state_n[name], backward = layer.forward(
                        x, state.get(name), lengths=lengths, return_state=True, rng=rng
                    )
                else:
                    x, backward = layer.forward(x, lengths=lengths, rng=rng)
            except (ValueError, TypeError) as error:
                self._locate(error, name)
                raise
            tape.append((name, layer, backward, needed))
            needed = needed or layer.trainable or (return_state and layer.stateful)

        def run(dy: Array | None, dstate: State, needs_x: bool) -> tuple[Array | None, State]:
            return _unwind(tape, dy, self._open(dstate), needs_x)

        backward = Backward(self, np.shape(x), run, pair=return_state)
        return (x, state_n, backward) if return_state else (x, backward)

    def prepare(self, input_shape: tuple[int, ...] | None = None) -> PreparedSequential:
        """Make every layer ready for inference; adjacent ones that are a convolutional network become one program."""
        prepared = PreparedSequential(self)
        if input_shape is not None:
            prepared.warm_up(input_shape)
        return prepared

    def __repr__(self) -> str:
        shown = [repr(layer) if name.isdigit() else f"{name}={layer!r}" for name, layer in self.children.items()]
        return f"Sequential({', '.join(shown)})"

    def _steps(self) -> Iterator[tuple[str, Layer, Layer | None]]:
        """Each layer with its name and the layer behind it, in the order in which they run."""
        return _ordered(list(self.children.items()))

    def _open(self, state: State) -> Mapping[str, State]:
        if state is None:
            return {}
        stateful = [name for name, layer in self.children.items() if layer.stateful]
        if not isinstance(state, Mapping) or any(name not in stateful for name in state):
            got = list(state) if isinstance(state, Mapping) else type(state).__name__
            raise ValueError(f"Sequential: state expected a dict with keys among {stateful}, got {got}")
        return state

    def _locate(self, error: Exception, name: str) -> None:
        layer, text = self.children[name], str(error)
        place = f"Sequential[{list(self.children).index(name) if name.isdigit() else repr(name)}]"
        owner = "" if text.startswith(type(layer).__name__) else f"{layer!r}: "
        error.args = (f"{place} {owner}{text}",)


class PreparedSequential(Prepared):
    """What `Sequential.prepare` returns.

    Parameters
    ----------
    layer : Sequential
        What to prepare.
    """

    layer: Sequential

    def __init__(self, layer: Sequential) -> None:
        super().__init__(layer)
        self._prepared: list[tuple[str, Any, bool, bool]] = []
        children, plain = list(layer.children.items()), []
        while children:
            found = longest_part([child for _, child in children])
            if found is None:
                plain.append(children.pop(0))
                continue
            program, count = found
            self._prepare_each(plain)
            part, children, plain = children[:count], children[count:], []
            model, run = Sequential(*(child for _, child in part)), partial(self._run_each, part)
            self._prepared.append(("", ConvolutionalPart(program, model, run), False, False))
        self._prepare_each(plain)

    def _prepare_each(self, children: list[tuple[str, Layer]]) -> None:
        """Prepare layers on their own."""
        for name, child, following in _ordered(children):
            self._prepared.append((name, child.prepare(), child.stateful, _may_read_numbers(child, following)))

    def _run_each(self, children: list[tuple[str, Layer]], x: Any) -> Any:
        """Run layers as they are."""
        for name, child in children:
            try:
                x = child(x)
            except (ValueError, TypeError) as error:
                self.layer._locate(error, name)
                raise
        return x

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        state, state_n = self.layer._open(state), {}
        for name, prepared, stateful, skipped in self._prepared:
            if isinstance(prepared, ConvolutionalPart):
                x = prepared(x)
                continue
            if skipped and _are_numbers(x):
                continue
            try:
                if stateful:
                    x, state_n[name] = prepared(x, state.get(name), lengths=lengths, return_state=True)
                else:
                    x = prepared(x, lengths=lengths)
            except (ValueError, TypeError) as error:
                self.layer._locate(error, name)
                raise
        return (x, state_n) if return_state else x

    def warm_up(self, input_shape: tuple[int, ...]) -> None:
        """Pack what inputs of a shape need, as far as the first layer's inputs are the model's."""
        if self._prepared and isinstance(self._prepared[0][1], ConvolutionalPart):
            self._prepared[0][1].warm_up(input_shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights that are kept beside the layers' own."""
        return sum(prepared.nbytes for _, prepared, _, _ in self._prepared)


def _ordered(steps: list[tuple[str, Layer]]) -> Iterator[tuple[str, Layer, Layer | None]]:
    """Each layer with its name and the layer behind it, in the order in which they run."""
    for i, (_, layer) in enumerate(steps[:-1]):
        if isinstance(layer, ReLU) and _takes_maxima(steps[i + 1][1]):
            # Same values and gradients, and fewer elements to rectify.
            steps[i : i + 2] = steps[i + 1], steps[i]
    following = [layer for _, layer in steps[1:]]
    return ((name, layer, after) for (name, layer), after in zip(steps, [*following, None], strict=False))


def _takes_maxima(layer: Layer) -> bool:
    """Whether every output is the largest of some elements, none of them padding."""
    return isinstance(layer, MaxPool1d | MaxPool2d | MaxPool3d) and not np.any(layer.padding)


def _reads_numbers(layer: Layer, following: Layer | None, x: ArrayLike) -> bool:
    """Whether a one-hot layer can be left out, because the recurrent layer behind it reads the category numbers."""
    return _may_read_numbers(layer, following) and _are_numbers(x)


def _may_read_numbers(layer: Layer, following: Layer | None) -> bool:
    return isinstance(layer, OneHot) and isinstance(following, Recurrent) and layer.num_classes == following.input_size


def _are_numbers(x: ArrayLike) -> bool:
    return np.asarray(x).dtype.kind in "iu" and np.ndim(x) == 2


def _unwind(
    tape: list[tuple[str, Layer, Any, bool]], dy: Array | None, dstate: Mapping[str, State], needs_x: bool
) -> tuple[Array | None, State]:
    """Run the tape backwards, freeing it; stop where nothing below needs a gradient."""
    starts: dict[str, State] = {}
    while tape:
        name, layer, backward, below = tape.pop()
        below = below or needs_x
        options = {"needs_x": below} if isinstance(backward, Backward) else {}
        if layer.stateful:
            dy, starts[name] = backward(dy, dstate.get(name), **options)
        else:
            dy = backward(dy, **options)
        del backward
        if not below or (dy is None and not any(layer.stateful for _, layer, _, _ in tape)):
            tape.clear()
    return (dy if needs_x else None), starts
