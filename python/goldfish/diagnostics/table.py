"""Shapes, parameters, multiply-adds and memory of a network, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from goldfish.diagnostics._probe import Tap, taps
from goldfish.nn.container import Sequential
from goldfish.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from goldfish.nn.dense import Embedding, Linear, OneHot
from goldfish.nn.layer import Layer, walk
from goldfish.nn.recurrent import Recurrent

Shape = tuple[int, ...]
_CONV = (Conv1d, Conv2d, Conv3d)
_TRANSPOSED = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)


@dataclass(frozen=True)
class Row:
    """One layer of a `Table`.

    Attributes
    ----------
    name : str
        Dotted, as in ``state_dict``.
    layer : str
        How it was made.
    shape : tuple of int or None
        Of its output, without the batch axis; None if no input shape was given.
    count : int
        Parameters, or multiply-adds.
    share : float
        Of the total, in percent.
    """

    name: str
    layer: str
    shape: Shape | None
    count: int
    share: float


class Table(Sequence[Row]):
    """Rows in the order in which the layers run; printed as a table.

    Attributes
    ----------
    rows : tuple of Row
    total : int
        The sum of the counts.
    heading : str
        What is counted.
    """

    def __init__(self, rows: Sequence[Row], heading: str) -> None:
        self.rows, self.heading = tuple(rows), heading
        self.total = sum(row.count for row in rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Table({len(self)} layers, {self.total:,} {self.heading})"

    def __str__(self) -> str:
        lines = [
            (f"{row.name} {row.layer}".strip(), _shape(row.shape), f"{row.count:,}", _percent(row.share))
            for row in self.rows
        ]
        return _render(["layer", "output", self.heading, "share"], lines, [["total", "", f"{self.total:,}", ""]])


class SummaryRow(NamedTuple):
    """One layer of a `Summary`: name, how it was made, and per sample its output's shape, counts and bytes."""

    name: str
    layer: str
    shape: Shape
    parameters: int
    parameter_share: float
    macs: int
    mac_share: float
    nbytes: int


class Summary(NamedTuple):
    """What `summary` found; printed as a table.

    Attributes
    ----------
    rows : tuple of SummaryRow
        In the order in which the layers run. Shares are in percent; ``nbytes`` is the memory of the layer's output.
    parameters, macs : int
        Totals; a parameter that stands in several places counts once.
    parameter_nbytes, activation_nbytes : int
        Memory of the parameters, and of all outputs for one sample, which training keeps until its backward pass.
    """

    rows: tuple[SummaryRow, ...]
    parameters: int
    macs: int
    parameter_nbytes: int
    activation_nbytes: int

    def __str__(self) -> str:
        lines = [
            (
                f"{row.name} {row.layer}".strip(),
                _shape(row.shape),
                f"{row.parameters:,}",
                _percent(row.parameter_share),
                f"{row.macs:,}",
                _percent(row.mac_share),
                _bytes(row.nbytes),
            )
            for row in self.rows
        ]
        heads = ["layer", "output", "parameters", "share", "multiply-adds", "share", "memory"]
        totals = ["total", "", f"{self.parameters:,}", "", f"{self.macs:,}", "", _bytes(self.activation_nbytes)]
        memory = ["memory of the parameters", "", _bytes(self.parameter_nbytes), "", "", "", ""]
        return _render(heads, lines, [totals, memory])


def count_parameters(layers: Layer | Sequence[Layer], input_shape: Shape | None = None) -> Table:
    """The parameters of every layer and their shares.

    Parameters
    ----------
    layers : Layer or sequence of Layer
        A network, or layers that run one after the other.
    input_shape : tuple of int, optional
        Of one sample, without the batch axis; gives the shapes of the outputs and checks that the layers fit together.

    Returns
    -------
    Table
        A parameter that stands in several places counts at the first.

    Raises
    ------
    ValueError
        If the layers do not fit together; the message names the layer.

    Examples
    --------
    >>> from goldfish import diagnostics, nn
    >>> print(diagnostics.count_parameters([nn.Conv2d(3, 12, 17), nn.MaxPool2d(3)], (3, 64, 64)))
    layer                  output        parameters     share
    0 Conv2d(3, 12, 17)    (12, 48, 48)      10,416  100.00 %
    1 MaxPool2d(3)         (12, 16, 16)           0    0.00 %
    total                                    10,416
    """
    found = _measure("count_parameters", layers, input_shape)
    return Table(_shares(found, [layer.parameters for layer in found]), "parameters")


def count_macs(layers: Layer | Sequence[Layer], input_shape: Shape) -> Table:
    """The multiply-adds of every layer for one sample, and their shares.

    Counted are the products of convolutions, dense and recurrent layers by their definition, not what a faster
    algorithm saves (Winograd's transforms; the look-up that a one-hot input allows). Biases, activations, poolings and
    normalisations count as 0.

    Parameters
    ----------
    layers, input_shape
        As in `count_parameters`; a sequence's shape is (T, D).

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        As `count_parameters`.

    Examples
    --------
    >>> from goldfish import diagnostics, nn
    >>> table = diagnostics.count_macs([nn.RNN(3, 4), nn.Linear(4, 2)], (10, 3))
    >>> [row.count for row in table], table.total
    ([280, 80], 360)
    """
    found = _measure("count_macs", layers, input_shape)
    return Table(_shares(found, [layer.macs for layer in found]), "multiply-adds")


def summary(model: Layer | Sequence[Layer], input_shape: Shape) -> Summary:
    """Output shapes, parameters, multiply-adds and memory of every layer, for one sample.

    Parameters
    ----------
    model, input_shape
        As in `count_parameters`.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        As `count_parameters`.

    Examples
    --------
    >>> from goldfish import diagnostics, nn
    >>> print(diagnostics.summary(nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10)), (100,)))
    layer                       output  parameters    share  multiply-adds    share  memory
    0 Linear(100, 50)           (50,)        5,050  90.83 %          5,000  90.91 %   200 B
    1 ReLU()                    (50,)            0   0.00 %              0   0.00 %   200 B
    2 Linear(50, 10)            (10,)          510   9.17 %            500   9.09 %    40 B
    total                                    5,560                   5,500            440 B
    memory of the parameters               21.7 KB
    """
    found = _measure("summary", model, input_shape)
    parameters = _shares(found, [layer.parameters for layer in found])
    macs = _shares(found, [layer.macs for layer in found])
    rows = tuple(
        SummaryRow(first.name, first.layer, first.shape or (), first.count, first.share, second.count, second.share, n)
        for first, second, n in zip(parameters, macs, [layer.nbytes for layer in found], strict=True)
    )
    whole = _network("summary", model)
    held = {id(value): value.nbytes for value in whole.parameters().values()}
    return Summary(
        rows,
        sum(row.parameters for row in rows),
        sum(row.macs for row in rows),
        sum(held.values()),
        sum(row.nbytes for row in rows),
    )


class _Measured(NamedTuple):
    name: str
    layer: Layer
    shape: Shape | None
    parameters: int
    macs: int
    nbytes: int


def _network(function: str, layers: Layer | Sequence[Layer]) -> Layer:
    if isinstance(layers, Layer):
        return layers
    if not isinstance(layers, list | tuple) or not layers:
        raise TypeError(f"{function}: layers must be a Layer or a list of them, got {layers!r}")
    return Sequential(*layers)


def _measure(function: str, layers: Layer | Sequence[Layer], input_shape: Shape | None) -> list[_Measured]:
    """Every layer that computes or holds parameters; those that run come first, in their order."""
    model = _network(function, layers)
    runs = [] if input_shape is None else _runs(function, model, input_shape)
    seen: set[int] = set()
    found: dict[str, _Measured] = {}
    for name, layer, x, y in runs:
        own, before = _own(layer, seen), found.get(name)
        macs = _macs(layer, x, y)
        if before is None:
            found[name] = _Measured(name, layer, y.shape[1:], own, macs, y.nbytes)
        else:
            found[name] = before._replace(macs=before.macs + macs, nbytes=before.nbytes + y.nbytes)
    for prefix, layer in walk(model, shared=True):
        name = prefix.removesuffix(".")
        if name not in found and (layer.params if layer.children or runs else True):
            found[name] = _Measured(name, layer, None, _own(layer, seen), 0, 0)
    return list(found.values())


def _runs(function: str, model: Layer, input_shape: Shape) -> list[tuple[str, Layer, Any, Any]]:
    try:
        shape = tuple(int(size) for size in np.atleast_1d(np.asarray(input_shape, np.int64)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{function}: input_shape must be a tuple of ints, got {input_shape!r}") from error
    if min(shape, default=0) < 0:
        raise ValueError(f"{function}: input_shape must be >= 0 throughout, got {shape}")
    first = next((layer for _, layer in walk(model) if not layer.children), model)
    dtypes = [value.dtype for value in model.parameters().values()]
    kind = np.dtype(np.int64) if isinstance(first, OneHot | Embedding) else (dtypes or [np.dtype(np.float32)])[0]
    log: list[Tap] = []
    ran: list[tuple[str, Layer, Any, Any]] = []

    class Note(list[Tap]):
        def append(self, tap: Tap) -> None:
            ran.append((tap.name, tap.layer, np.asarray(tap.x), np.asarray(tap.y)))
            tap.x = tap.y = None

    log = Note()
    try:
        taps(model, log)(np.zeros((1, *shape), kind))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{function}: {error}") from error
    return ran


def _own(layer: Layer, seen: set[int]) -> int:
    """The number of parameters that no earlier layer holds."""
    fresh = [value for value in layer.params.values() if id(value) not in seen]
    seen.update(map(id, fresh))
    return sum(value.size for value in fresh)


def _macs(layer: Layer, x: Any, y: Any) -> int:
    if isinstance(layer, _CONV):
        weight = layer.params["weight"]
        return int(y.size * weight[0].size)
    if isinstance(layer, _TRANSPOSED):
        return int(x.size * layer.params["weight"][0].size)
    if isinstance(layer, Linear):
        return int(y.size * layer.in_features)
    if isinstance(layer, Recurrent):
        steps = x.shape[0] * x.shape[1]
        return int(steps) * sum(value.size for name, value in layer.params.items() if name.startswith("weight"))
    return 0


def _shares(found: list[_Measured], counts: list[int]) -> list[Row]:
    total = sum(counts)
    return [
        Row(layer.name, repr(layer.layer), layer.shape, count, 100.0 * count / total if total else 0.0)
        for layer, count in zip(found, counts, strict=True)
    ]


def _shape(shape: Shape | None) -> str:
    return "" if shape is None else str(tuple(shape))


def _percent(share: float) -> str:
    return f"{share:.2f} %"


def _bytes(count: int) -> str:
    size, units = float(count), ["B", "KB", "MB", "GB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def _render(heads: Sequence[str], lines: Sequence[Sequence[str]], totals: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their text; the first two to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *lines, *totals, strict=True)]
    widths[0] += 2
    rows = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [heads, *lines, *totals]
    ]
    return "\n".join(row.rstrip() for row in rows)
