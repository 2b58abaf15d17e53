"""Tables of layers: output shapes and parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from goldfish.nn.container import Sequential
from goldfish.nn.dense import Embedding, OneHot
from goldfish.nn.graph import Graph
from goldfish.nn.join import Concat, Residual, TimeDistributed, concatenate
from goldfish.nn.layer import Array, Layer, walk


class Row(NamedTuple):
    """One layer: its dotted name, how it was made, the shape of its output without the batch axis, its parameters."""

    name: str
    layer: str
    shape: tuple[int, ...]
    parameters: int
    share: float


class Summary(NamedTuple):
    """What `Layer.summary` found.

    Attributes
    ----------
    rows : tuple of Row
        The layers that compute, in the order in which they run; ``share`` is the part of all parameters, in percent.
    total, trainable : int
        Parameters, and those of them that are not frozen; one that stands in several places counts once.
    """

    rows: tuple[Row, ...]
    total: int
    trainable: int

    def __str__(self) -> str:
        names = [f"{row.name} {row.layer}".strip() for row in self.rows]
        shapes = [str(row.shape) for row in self.rows]
        first = max(map(len, [*names, "total"])) + 4
        second = max(map(len, [*shapes, "output"]))
        lines = [f"{'layer':{first}}{'output':{second}}  parameters"]
        for name, shape, row in zip(names, shapes, self.rows, strict=True):
            lines.append(f"{name:{first}}{shape:{second}}  {row.parameters:10,}")
        lines.append(f"{'total':{first}}{'':{second}}  {self.total:10,}")
        if self.trainable != self.total:
            lines.append(f"{'trainable':{first}}{'':{second}}  {self.trainable:10,}")
        return "\n".join(lines)


def summarise(model: Layer, input_shape: tuple[int, ...]) -> Summary:
    """See `Layer.summary`."""
    shape = tuple(int(size) for size in np.atleast_1d(np.asarray(input_shape, np.int64)))
    first = next((layer for _, layer in walk(model) if not layer.children), model)
    dtypes = [value.dtype for value in model.parameters().values()]
    kind = np.dtype(np.int64) if isinstance(first, OneHot | Embedding) else (dtypes or [np.dtype(np.float32)])[0]
    found = list(trace(model, np.zeros((1, *shape), kind), ""))[:-1]
    counted = {id(value): value.size for value in model.parameters().values()}
    total = sum(counted.values())
    trainable = sum(value.size for _, layer in walk(model) if not layer.frozen for value in layer.params.values())
    rows = [
        Row(name, repr(layer), y.shape[1:], own, 100.0 * own / total if total else 0.0)
        for name, layer, y in found
        for own in [sum(value.size for value in layer.params.values())]
    ]
    return Summary(tuple(rows), total, trainable)


def trace(layer: Layer, x: Any, name: str) -> Iterator[tuple[str, Layer, Array]]:
    """Every layer that computes, with its output; the last item is the output of the whole."""
    if isinstance(layer, Sequential):
        for child, inner in layer.children.items():
            *inside, (_, _, x) = trace(inner, x, _join(name, child))
            yield from inside
        yield name, layer, x
    elif isinstance(layer, Residual | Concat):
        outputs = []
        for child, inner in layer.children.items():
            *inside, (_, _, y) = trace(inner, x, _join(name, child))
            yield from inside
            outputs.append(y)
        yield name, layer, concatenate(repr(layer), outputs, layer.axis) if isinstance(layer, Concat) else layer(x)
    elif isinstance(layer, TimeDistributed):
        folded = x.reshape(-1, *x.shape[2:])[:1]
        *inside, (_, _, y) = trace(layer.children["layer"], folded, _join(name, "layer"))
        yield from inside
        yield name, layer, np.broadcast_to(y, (x.shape[0], x.shape[1], *y.shape[1:]))
    elif isinstance(layer, Graph):
        values = {key: np.asarray(x) for key in [layer.inputs]} if isinstance(layer.inputs, str) else dict(x)
        for node in layer.order:
            what, *sources = layer.nodes[node]
            read = [values[str(source)] for source in sources]
            if isinstance(what, Layer):
                *inside, (_, _, values[node]) = trace(what, read[0], _join(name, node))
                yield from inside
            else:
                values[node] = concatenate(node, read, 1) if what == "concat" else np.sum(read, axis=0)
        last = layer.outputs if isinstance(layer.outputs, str) else layer.outputs[0]
        yield name, layer, values[last]
    else:
        y = layer(x)
        yield name, layer, y
        yield name, layer, y


def culprit(model: Layer, x: Any) -> str:
    """Where numbers stop being finite: in the input, in a parameter, or in the output of a layer."""
    for name, value in (x if isinstance(x, Mapping) else {"": x}).items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return f"x{[name] if name else ''} holds values that are not finite"
    for name, parameter in model.parameters().items():
        if not np.isfinite(parameter).all():
            return f"the parameter {name!r} is not finite"
    with np.errstate(all="ignore"):
        for name, layer, y in trace(model, x, ""):
            if not np.isfinite(y).all():
                return f"the output of {name + ' ' if name else ''}{layer!r} is not finite"
    return "every layer's output is finite, so it is the loss itself"


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
