"""Networks in safetensors files: the weights, and how the layers were made as JSON in the metadata."""

from __future__ import annotations

import inspect
import json
import math
import operator
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from goldfish import nn
from goldfish.nn.files import FileFormatError, read_arrays, write_arrays
from goldfish.nn.layer import Array, Layer, walk

_KIND = "goldfish network 1"
_OWN_KEYS = ("kind", "architecture", "crc32")
_CONTAINERS = ("Sequential", "Residual", "Concat", "TimeDistributed", "Graph")
_LAYERS: dict[str, type[Layer]] = {
    name: value
    for name, value in vars(nn).items()
    if name in nn.__all__ and isinstance(value, type) and issubclass(value, Layer) and not inspect.isabstract(value)
}
# The arguments that sizes of parameters are made of.
_SIZES = (
    ("in_features", "out_features"),
    ("in_channels", "out_channels", "kernel_size"),
    ("num_embeddings", "embedding_dim"),
    ("input_size", "hidden_size"),
    ("hidden_size", "hidden_size", "num_layers"),
    ("num_features",),
    ("normalized_shape",),
)


def save(model: Layer, path: str | os.PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
    """Write a network: its architecture, parameters and buffers.

    The file is a safetensors file, which other programs can read too; it is written under a temporary name, flushed,
    then renamed. A layer that stands in several places is saved once.

    Parameters
    ----------
    model : Layer
        Made of the layers of `goldfish.nn`.
    path : path-like
        Replaced if it exists.
    metadata : mapping of str to str, optional
        Anything else that belongs to the network, such as its vocabulary as JSON; `load_metadata` reads it.

    Raises
    ------
    TypeError
        If a layer is not one of `goldfish.nn`: save its ``state_dict`` with NumPy, and make the layer by hand. If
        metadata is not text.
    ValueError
        If metadata has a key that the file needs itself.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from goldfish import io, nn
    >>> io.save(nn.GRU(4, 8), pathlib.Path(tempfile.mkdtemp()) / "gru.safetensors")
    """
    extra = dict(metadata or {})
    for key, value in extra.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"save: metadata expected str for str, got {type(value).__name__} for {key!r}")
        if key in _OWN_KEYS:
            raise ValueError(f"save: metadata must not have the key {key!r}, which the file needs itself")
    places: dict[int, str] = {}
    architecture = _describe(model, "", places)
    arrays: dict[str, Array] = {}
    for prefix, layer in walk(model):
        arrays |= {prefix + name: value for name, value in (*layer.params.items(), *layer.buffers.items())}
    write_arrays(path, arrays, {**extra, "kind": _KIND, "architecture": json.dumps(architecture)})


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What `save` was given as ``metadata``.

    Parameters
    ----------
    path : path-like
        A file that `save` wrote.

    Returns
    -------
    dict of str to str

    Raises
    ------
    FileFormatError
        If the file is torn, damaged, or holds no network.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from goldfish import io, nn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tagger.safetensors"
    >>> io.save(nn.Linear(4, 2), path, metadata={"classes": "spam ham"})
    >>> io.load_metadata(path)
    {'classes': 'spam ham'}
    """
    _, metadata = read_arrays(path)
    _check_kind(path, metadata)
    return {key: value for key, value in metadata.items() if key not in _OWN_KEYS}


def load(path: str | os.PathLike[str]) -> Any:
    """Make a network from a file that `save` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Layer
        With its parameters and buffers; what was frozen is frozen.

    Raises
    ------
    FileFormatError
        If the file is torn, damaged, or holds no network; the message says why.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from goldfish import io, nn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "gru.safetensors"
    >>> io.save(nn.GRU(4, 8, bidirectional=True), path)
    >>> io.load(path)
    GRU(4, 8, bidirectional=True)
    """
    arrays, metadata = read_arrays(path)
    _check_kind(path, metadata)
    elements = sum(value.size for value in arrays.values())
    dtypes = {str(value.dtype) for value in arrays.values() if value.dtype.kind == "f"}
    try:
        architecture = json.loads(metadata.get("architecture", ""))
        model = _build(architecture, _Room(elements), sorted(dtypes)[0] if dtypes else "float32", {})
        own: dict[str, Array] = {}
        for prefix, layer in walk(model):
            own |= {prefix + name: value for name, value in (*layer.params.items(), *layer.buffers.items())}
        if list(own) != list(arrays) and set(own) != set(arrays):
            raise ValueError(f"the architecture has arrays {sorted(own)}, the file {sorted(arrays)}")
        for name, value in arrays.items():
            if own[name].shape != value.shape:
                raise ValueError(f"{name!r} has shape {value.shape}, the architecture {own[name].shape}")
        for name, value in arrays.items():
            np.copyto(own[name], value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError, MemoryError) as error:
        raise FileFormatError(f"{path}: the architecture cannot be made: {error}") from None
    return model


def _check_kind(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> None:
    if metadata.get("kind") != _KIND:
        raise FileFormatError(f"{path}: expected a {_KIND}, got {metadata.get('kind')!r}")


def _describe(layer: Layer, place: str, places: dict[int, str]) -> dict[str, Any]:
    """How a layer is made again; a layer that was met before is named by its place."""
    if id(layer) in places:
        return {"same_as": places[id(layer)]}
    places[id(layer)] = place
    name = type(layer).__name__
    if _LAYERS.get(name) is not type(layer):
        raise TypeError(f"save: expected layers of goldfish.nn, got {type(layer).__module__}.{name}")
    found: dict[str, Any] = {"layer": name}
    if isinstance(layer, nn.Graph):
        nodes = [[node, *(source for source in what[1:])] for node, what in layer.nodes.items()]
        joins = {node: what[0] for node, what in layer.nodes.items() if isinstance(what[0], str)}
        found |= {"nodes": nodes, "joins": joins, "inputs": layer.inputs, "outputs": layer.outputs}
    elif isinstance(layer, nn.Concat):
        found["axis"] = layer.axis
    if name not in _CONTAINERS:
        found["arguments"] = {
            key: _plain(getattr(layer, key)) for key in _arguments(type(layer)) if hasattr(layer, key)
        }
    if layer.children:
        below = place + "." if place else ""
        found["children"] = {key: _describe(child, f"{below}{key}", places) for key, child in layer.children.items()}
    return found | ({"frozen": True} if layer.frozen else {})


def _arguments(kind: type[Layer]) -> Iterator[str]:
    return (name for name in inspect.signature(kind).parameters if name != "rng")


def _plain(value: Any) -> Any:
    """An argument as JSON has it."""
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, np.floating):
        return float(value)
    try:
        return operator.index(value)
    except TypeError:
        return str(np.dtype(value))


def _build(found: Any, room: _Room, dtype: str, made: dict[str, Layer], place: str = "") -> Layer:
    """The layer that `_describe` described; no larger than the arrays of the file allow."""
    if "same_as" in found:
        return made[found["same_as"]]
    kind = _LAYERS[found["layer"]]
    below = place + "." if place else ""
    if found["layer"] in _CONTAINERS:
        children = {
            key: _build(child, room, dtype, made, f"{below}{key}") for key, child in found.get("children", {}).items()
        }
        layer = _container(found, children)
    else:
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in found["arguments"].items()}
        if not set(options) <= set(_arguments(kind)):
            raise ValueError(f"{found['layer']} has no arguments {sorted(set(options) - set(_arguments(kind)))}")
        room.check(found["layer"], options)
        parameters = inspect.signature(kind).parameters
        if "dtype" in parameters:
            options.setdefault("dtype", dtype)
        if "rng" in parameters:
            options["rng"] = 0
        layer = kind(**_nested(options))
        room.take(found["layer"], layer)
    layer.frozen = found.get("frozen") is True
    made[place] = layer
    return layer


def _container(found: dict[str, Any], children: dict[str, Layer]) -> Layer:
    if found["layer"] == "Sequential":
        layer = nn.Sequential()
        layer.children.update(nn.Sequential(**children).children)
        return layer
    if found["layer"] == "Residual":
        return nn.Residual(children["layer"], children.get("shortcut"))
    if found["layer"] == "Concat":
        return nn.Concat(*children.values(), axis=operator.index(found["axis"]))
    if found["layer"] == "TimeDistributed":
        return nn.TimeDistributed(children["layer"])
    joins = found["joins"]
    nodes = {name: (children.get(name, joins.get(name)), *sources) for name, *sources in found["nodes"]}
    return nn.Graph(nodes, found["inputs"], found["outputs"])


def _nested(options: dict[str, Any]) -> dict[str, Any]:
    """Pairs inside tuples, such as paddings, as tuples too."""
    return {
        key: tuple(tuple(item) if isinstance(item, list) else item for item in value)
        if isinstance(value, tuple)
        else value
        for key, value in options.items()
    }


class _Room:
    """How many numbers the arrays of a file still have for layers that are to come."""

    def __init__(self, elements: int) -> None:
        self.elements = self.left = elements

    def check(self, name: str, options: dict[str, Any]) -> None:
        """Refuse a layer whose parameters do not fit, before it is made."""
        for group in _SIZES:
            if options.keys() >= set(group):
                sizes = [max(1, operator.index(n)) for key in group for n in _each(name, key, options[key])]
                self._expect(name, math.prod(sizes) // max(1, operator.index(options.get("groups", 1))))

    def take(self, name: str, layer: Layer) -> None:
        """Count what a layer holds."""
        needed = sum(value.size for value in (*layer.params.values(), *layer.buffers.values()))
        self._expect(name, needed)
        self.left -= needed

    def _expect(self, name: str, needed: int) -> None:
        if needed > self.left:
            raise ValueError(
                f"{name} needs {needed} numbers, the file has {self.elements}, of which {self.left} are left"
            )


def _each(name: str, key: str, value: Any) -> tuple[Any, ...]:
    """The numbers of an argument; one that serves every axis, so often as there are axes."""
    if isinstance(value, tuple):
        return value
    return (value,) * (int(name[-2]) if key == "kernel_size" else 1)
