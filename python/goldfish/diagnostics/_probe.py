"""A copy of a model for looking into it: float64, frozen, without dropout, one recurrent layer at a time, with taps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish._typing import Rng
from goldfish.nn.container import Sequential
from goldfish.nn.dense import Dropout, Embedding, OneHot
from goldfish.nn.graph import Graph
from goldfish.nn.layer import Array, Backward, Layer, State
from goldfish.nn.recurrent import Recurrent


class Tap(Layer):
    """A layer that runs another and keeps what last went in, what came out, and the gradient that came back.

    Parameters
    ----------
    name : str
        The place of the layer in its model.
    layer : Layer
        What to run.
    log : list of Tap
        Gets this tap at every run, so its order is the order of running.
    """

    def __init__(self, name: str, layer: Layer, log: list[Tap]) -> None:
        super().__init__()
        self.name, self.layer, self.log = name, layer, log
        self.stateful = layer.stateful
        self.x: Any = None
        self.y: Any = None
        self.slope: Array | None = None

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The layer's output."""
        result = self.layer(x, state, lengths=lengths, return_state=return_state)
        self._note(x, result[0] if return_state else result)
        return result

    def forward(
        self,
        x: ArrayLike,
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """The layer's output and a backward pass that notes its dy."""
        *results, backward = self.layer.forward(x, state, lengths=lengths, return_state=return_state, rng=rng)
        self._note(x, results[0])

        def run(dy: Array | None, dstate: State, needs_x: bool) -> tuple[Array | None, State]:
            self.slope = dy
            options = {"needs_x": needs_x} if isinstance(backward, Backward) else {}
            found = backward(dy, dstate, **options) if return_state else (backward(dy, **options), None)
            return found[0], found[1]

        return (*results, Backward(self, np.shape(results[0]), run, pair=return_state))

    def __repr__(self) -> str:
        return repr(self.layer)

    def _note(self, x: Any, y: Any) -> None:
        self.x, self.y, self.slope = x, y, None
        self.log.append(self)


def rebuild(layer: Layer, replace: Callable[[str, Layer], Layer], name: str = "") -> Layer:
    """A copy of a tree of layers whose leaves are ``replace(name, leaf)``; the original is not touched."""
    if not layer.children:
        return replace(name, layer)
    children = {key: rebuild(child, replace, f"{name}.{key}" if name else key) for key, child in layer.children.items()}
    # A layer of the user's own may hold its children in attributes too; those become the copies as well.
    twin = copy.deepcopy(layer, {id(child): children[key] for key, child in layer.children.items()})
    twin.children = children
    if isinstance(twin, Graph):
        twin.nodes = {key: (children.get(key, node[0]), *node[1:]) for key, node in twin.nodes.items()}
    return twin


def probe(model: Layer, log: list[Tap]) -> Layer:
    """The copy described above; every recurrent layer of it is a `Tap` over one layer in one direction, batch first."""

    def replace(name: str, layer: Layer) -> Layer:
        twin = _float64(layer)
        if isinstance(twin, Dropout):
            twin.p = 0.0
        elif isinstance(twin, OneHot):
            twin.dtype = np.dtype(np.float64)
        elif isinstance(twin, Recurrent):
            return _unstacked(name, twin, log)
        return Tap(name, twin, log) if twin.stateful else twin

    return rebuild(model, replace)


def whole(model: Layer) -> Layer:
    """A copy in float64, frozen, without dropout, batch first; its recurrent layers stay as they are."""

    def replace(name: str, layer: Layer) -> Layer:
        twin = _float64(layer)
        if isinstance(twin, Dropout):
            twin.p = 0.0
        elif isinstance(twin, Recurrent):
            twin.dropout, twin.batch_first = 0.0, True
        return twin

    return rebuild(model, replace)


def taps(model: Layer, log: list[Tap]) -> Layer:
    """A copy with a `Tap` over every leaf; parameters are shared and nothing else is changed."""
    return rebuild(model, lambda name, layer: Tap(name, layer, log))


def split_encoder(model: Layer) -> tuple[Layer | None, Layer]:
    """The layer that turns category numbers into vectors, if the model begins with one, and the rest."""
    if isinstance(model, Recurrent):
        return OneHot(model.input_size, dtype=np.float64), model
    if isinstance(model, Sequential) and len(model):
        first = model[0]
        if isinstance(first, OneHot | Embedding):
            return first, model[1:]
        encoder, rest = split_encoder(first)
        if encoder is not None:
            twin = model[:]
            twin.children[next(iter(model.children))] = rest
            return encoder, twin
    return None, model


def _float64(layer: Layer) -> Layer:
    twin = copy.copy(layer)
    for field in ("params", "buffers"):
        held = getattr(layer, field)
        cast = {key: value.astype(np.float64) if value.dtype.kind == "f" else value for key, value in held.items()}
        setattr(twin, field, cast)
    twin.frozen = True
    return twin


def _unstacked(name: str, layer: Recurrent, log: list[Tap]) -> Layer:
    """The layers of a stack one by one, each under a tap; they share one direction, which the caller has checked."""
    levels: list[Layer] = []
    for level in range(layer.num_layers):
        single = copy.copy(layer)
        single.params = {
            key.removesuffix(f"_l{level}") + "_l0": value
            for key, value in layer.params.items()
            if key.endswith(f"_l{level}")
        }
        single.num_layers, single.batch_first, single.dropout = 1, True, 0.0
        if level:
            single.input_size = layer.hidden_size
        if level < layer.num_layers - 1:
            single.output = "sequence"
        place = f"{name}.l{level}" if name and layer.num_layers > 1 else name or f"l{level}"
        levels.append(Tap(place, single, log))
    return levels[0] if len(levels) == 1 else Sequential(*levels)
