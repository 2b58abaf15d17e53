"""Layers as the nodes of any directed graph without cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from goldfish._typing import Rng
from goldfish.nn.join import concatenate, locate, multiply, multiply_backward
from goldfish.nn.layer import Array, Backward, Layer, State

Join = Literal["add", "concat", "multiply"]
Node = Sequence[Any]


class Graph(Layer):
    """Layers that read one another's outputs, in any order without a cycle.

    Parameters
    ----------
    nodes : mapping of str to (layer, source) or (join, source, source, ...)
        Each node by its name: a `Layer` and what it reads, or ``"add"``, ``"multiply"`` or ``"concat"`` (along axis 1)
        and what is joined. A source is the name of an input or of another node. In a product an axis of 1 serves all of
        the others' elements: (N, C, 1, 1) gates whole channels.
    inputs : str or sequence of str
        The names of the inputs. With one, the graph is called with an array; with several, with a mapping of arrays by
        these names.
    outputs : str or sequence of str
        The nodes whose outputs are returned: an array for one name given as str, else a tuple.

    Notes
    -----
    Parameters have the names of their nodes in front. ``graph.up_to("pool5")`` is the graph that ends at a node, and
    ``graph[:-1]`` the one without the last node; both share the layers. The state is a dict from the names of recurrent
    nodes to their states; ``lengths`` reaches every layer. The backward pass gives the gradient of the input, or a dict
    of them by the names of the inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> graph = nn.Graph(
    ...     {
    ...         "a": (nn.Linear(3, 4), "x"),
    ...         "b": (nn.Tanh(), "a"),
    ...         "sum": ("add", "a", "b"),
    ...         "head": (nn.Linear(4, 2), "sum"),
    ...     },
    ...     inputs="x",
    ...     outputs="head",
    ... )
    >>> x = np.zeros((5, 3), np.float32)
    >>> graph(x).shape, graph[:-1](x).shape, list(graph.up_to("b").children)
    ((5, 2), (5, 4), ['a', 'b'])
    """

    def __init__(
        self, nodes: Mapping[str, Node], inputs: str | Sequence[str] = "x", outputs: str | Sequence[str] = ""
    ) -> None:
        super().__init__()
        self.inputs = inputs if isinstance(inputs, str) else tuple(inputs)
        self.outputs = outputs if isinstance(outputs, str) else tuple(outputs)
        self._inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        self._outputs = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        self.nodes: dict[str, tuple[Layer | Join, ...]] = {name: _node(name, node) for name, node in nodes.items()}
        for name in self.nodes:
            if name in self._inputs or "." in name:
                raise ValueError(f"Graph: a node expected a name without a dot that is no input's, got {name!r}")
        for name, (_, *sources) in self.nodes.items():
            self._known(sources, f"node {name!r}")
        self._known(self._outputs, "outputs")
        self.order = self._sorted()
        self.children.update({name: self.nodes[name][0] for name in self.nodes if self._layer(name)})  # type: ignore[misc]

    @property
    def stateful(self) -> bool:  # type: ignore[override]
        """Whether a recurrent layer is inside."""
        return any(layer.stateful for layer in self.children.values())

    def up_to(self, name: str) -> Graph:
        """The graph that ends at a node; it shares the layers.

        Raises
        ------
        ValueError
            If there is no such node.
        """
        if name not in self.nodes:
            raise ValueError(f"Graph.up_to: expected a node among {list(self.nodes)}, got {name!r}")
        needed, pending = set(), [name]
        while pending:
            found = pending.pop()
            if found not in needed and found in self.nodes:
                needed.add(found)
                pending += [str(source) for source in self.nodes[found][1:]]
        kept = {found: node for found, node in self.nodes.items() if found in needed}
        read = {source for node in kept.values() for source in node[1:]}
        inputs = self.inputs if isinstance(self.inputs, str) else tuple(i for i in self._inputs if i in read)
        return Graph(kept, inputs, name)

    def __getitem__(self, key: str | int | slice) -> Layer:
        if isinstance(key, str):
            return self.children[key]
        if isinstance(key, slice):
            if key.start not in (None, 0) or key.step not in (None, 1):
                raise ValueError(f"Graph: expected a slice from the start, such as graph[:-1], got {key}")
            rest = self.order[key]
            if not rest:
                raise ValueError(f"Graph: expected a slice that leaves a node, got {key}")
            return self.up_to(rest[-1])
        return self.children[self.order[key]]

    def __len__(self) -> int:
        return len(self.nodes)

    def __call__(
        self, x: Any, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y`` (a tuple for several), or ``y, state`` with ``return_state``."""
        values, state, state_n = self._open(x), state or {}, {}

        def run(name: str, layer: Layer, value: Array) -> Any:
            if layer.stateful:
                y, state_n[name] = layer(value, state.get(name), lengths=lengths, return_state=True)
                return y
            return layer(value, lengths=lengths)

        self._walk(values, run)
        y = self._close(values)
        return (y, state_n) if return_state else y

    def forward(
        self,
        x: Any,
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(y, backward)``, or ``(y, state, backward)`` with ``return_state``."""
        values, state, state_n = self._open(x), state or {}, {}
        rng = None if rng is None else np.random.default_rng(rng)
        tape: dict[str, Any] = {}

        def run(name: str, layer: Layer, value: Array) -> Any:
            if layer.stateful:
                y, state_n[name], tape[name] = layer.forward(
                    value, state.get(name), lengths=lengths, return_state=True, rng=rng
                )
            else:
                y, tape[name] = layer.forward(value, lengths=lengths, rng=rng)
            return y

        self._walk(values, run)
        tape.update({name: self._read(name, values) for name in self.order if self.nodes[name][0] == "multiply"})
        y = self._close(values)
        shapes = {name: value.shape for name, value in values.items()}

        def unwind(dy: Any, dstate: State, needs_x: bool) -> tuple[Any, State]:
            return self._unwind(tape, shapes, dy, dstate or {}, needs_x)

        backward = Backward(self, y.shape if isinstance(self.outputs, str) else None, unwind, pair=return_state)
        return (y, state_n, backward) if return_state else (y, backward)

    def _unwind(
        self, tape: dict[str, Any], shapes: dict[str, tuple[int, ...]], dy: Any, dstate: Any, needs_x: bool
    ) -> tuple[Any, State]:
        slopes: dict[str, Array] = {}
        starts: dict[str, State] = {}

        def add(name: str, slope: Array | None) -> None:
            if slope is not None:
                slopes[name] = slopes[name] + slope if name in slopes else slope

        for name, slope in zip(self._outputs, (dy,) if isinstance(self.outputs, str) else dy, strict=True):
            add(name, None if slope is None else np.asarray(slope))
        for name in reversed(self.order):
            layer, *sources = self.nodes[name]
            slope = slopes.pop(name, None)
            if isinstance(layer, Layer):
                below = needs_x or any(source in self.nodes for source in sources)
                options = {"needs_x": below} if isinstance(tape[name], Backward) else {}
                backward = tape.pop(name)
                if layer.stateful:
                    dx, starts[name] = backward(slope, dstate.get(name), **options)
                else:
                    dx = None if slope is None else backward(slope, **options)
                add(str(sources[0]), dx)
            elif slope is not None and layer == "multiply":
                for source, part in zip(sources, multiply_backward(slope, tape.pop(name)), strict=True):
                    add(str(source), part)
            elif slope is not None:
                ends = np.cumsum([shapes[str(source)][1] for source in sources])[:-1] if layer == "concat" else None
                parts = [slope] * len(sources) if ends is None else np.split(slope, ends, axis=1)
                for source, part in zip(sources, parts, strict=True):
                    add(str(source), np.ascontiguousarray(part))
        found = {name: slopes.get(name) if needs_x else None for name in self._inputs}
        return (found[self.inputs] if isinstance(self.inputs, str) else found), starts

    def _walk(self, values: dict[str, Array], run: Callable[[str, Layer, Array], Any]) -> None:
        for name in self.order:
            layer, read = self.nodes[name][0], self._read(name, values)
            if isinstance(layer, Layer):
                try:
                    values[name] = run(name, layer, read[0])
                except (ValueError, TypeError) as error:
                    locate("Graph", repr(name), layer, error)
                    raise
            elif layer == "concat":
                values[name] = concatenate(f"Graph[{name!r}] concat", read, 1)
            elif layer == "multiply":
                values[name] = multiply(f"Graph[{name!r}] multiply", read)
            else:
                if any(value.shape != read[0].shape for value in read):
                    shapes = ", ".join(str(value.shape) for value in read)
                    raise ValueError(f"Graph[{name!r}] add: expected equal shapes, got {shapes}")
                total: Any = sum(read[1:], start=read[0])
                values[name] = total

    def _read(self, name: str, values: Mapping[str, Array]) -> list[Array]:
        """What a node reads."""
        return [values[str(source)] for source in self.nodes[name][1:]]

    def _open(self, x: Any) -> dict[str, Array]:
        if isinstance(self.inputs, str):
            return {self.inputs: np.asarray(x)}
        if not isinstance(x, Mapping) or set(x) != set(self._inputs):
            got = list(x) if isinstance(x, Mapping) else type(x).__name__
            raise ValueError(f"Graph: x expected a mapping with keys {list(self._inputs)}, got {got}")
        return {name: np.asarray(x[name]) for name in self._inputs}

    def _close(self, values: dict[str, Array]) -> Any:
        return values[self.outputs] if isinstance(self.outputs, str) else tuple(values[name] for name in self._outputs)

    def _layer(self, name: str) -> bool:
        return isinstance(self.nodes[name][0], Layer)

    def _known(self, names: Sequence[Any], what: str) -> None:
        for name in names:
            if name not in self.nodes and name not in self._inputs:
                known = [*self._inputs, *self.nodes]
                raise ValueError(f"Graph: {what} expected names among {known}, got {name!r}")

    def _sorted(self) -> list[str]:
        """The nodes, each behind what it reads; as they were given where that leaves a choice."""
        order: list[str] = []
        known, left = set(self._inputs), dict(self.nodes)
        while left:
            ready = next((name for name, node in left.items() if known.issuperset(map(str, node[1:]))), None)
            if ready is None:
                raise ValueError(f"Graph: expected no cycle, got one among {list(left)}")
            order.append(ready)
            known.add(ready)
            del left[ready]
        return order

    def __repr__(self) -> str:
        return f"Graph({', '.join(self.nodes)})"


def _node(name: str, node: Node) -> tuple[Layer | Join, ...]:
    if not isinstance(node, tuple | list) or len(node) < 2 or not all(isinstance(source, str) for source in node[1:]):
        raise TypeError(f"Graph: node {name!r} expected (layer, source, ...), got {node!r}")
    layer = node[0]
    if isinstance(layer, Layer):
        if len(node) != 2:
            raise ValueError(f"Graph: node {name!r} expected one source for a layer, got {list(node[1:])}")
    elif layer not in ("add", "concat", "multiply"):
        raise TypeError(f"Graph: node {name!r} expected a Layer, 'add', 'concat' or 'multiply', got {layer!r}")
    return tuple(node)
