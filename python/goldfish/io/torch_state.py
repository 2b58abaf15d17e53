"""State dicts of PyTorch, read without PyTorch: zip archives by an interpreter of the few opcodes that they need.

A ``.pt`` or ``.pth`` file is a zip archive with a pickle, whose objects are dicts, numbers and calls of a handful of
functions that put tensors together, and one entry for the bytes of each storage. The interpreter here knows those
functions by name and does what they mean; it imports and calls nothing. Any other name is an error.
"""

from __future__ import annotations

import math
import os
import pickletools
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from goldfish.io.tensors import read_tensors, to_array
from goldfish.nn.files import FileFormatError
from goldfish.nn.layer import Array

_MOST_PICKLE = 64 << 20
_STORAGES = {
    "FloatStorage": "F32",
    "DoubleStorage": "F64",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
_CALLS = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch Size",
}
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    NotImplementedError,
    OSError,
    RuntimeError,
    MemoryError,
)


class _Name(str):
    """A function or class that the pickle names: "module name"."""


class _Mark:
    """Where a list of operands begins."""


class _Storage(NamedTuple):
    """What a persistent id stands for."""

    code: str
    key: str
    numbers: int


def load_torch_state(path: str | os.PathLike[str], *, key: str | None = None) -> dict[str, Array]:
    """Read the weights of a PyTorch model: what ``torch.save(model.state_dict(), path)`` wrote, or a safetensors file.

    Parameters
    ----------
    path : path-like
        A zip archive, as PyTorch has written since 1.6, or safetensors.
    key : str, optional
        Where in a dict of several things the state dict stands, such as "state_dict" in a training checkpoint.

    Returns
    -------
    dict of str to ndarray
        By PyTorch's names and in its layouts, for `goldfish.nn.Layer.load_state_dict`. float16 and bfloat16 become
        float32; other dtypes stay. Arrays of one storage share memory, and are read-only.

    Raises
    ------
    FileFormatError
        If the file is damaged, of another kind, or holds anything but tensors, numbers, strings, lists and dicts; the
        message says what.
    ValueError
        If there is no such key, or no state dict without one; the message lists the keys.
    OSError
        If the file cannot be opened.

    Examples
    --------
    A safetensors file that `goldfish.io.save` wrote serves too:

    >>> import tempfile, pathlib
    >>> from goldfish import io, nn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "linear.safetensors"
    >>> io.save(nn.Linear(3, 2, rng=0), path)
    >>> {name: value.shape for name, value in io.load_torch_state(path).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    with Path(path).open("rb") as file:
        start = file.read(4)
        if start[:2] != b"PK":
            if start[:1] == b"\x80":
                raise FileFormatError(f"{path}: a pickle from before PyTorch 1.6; load it there and save it anew")
            found: Any = read_tensors(path)
        else:
            try:
                found = _read_archive(file)
            except FileFormatError as error:
                raise FileFormatError(f"{path}: {error}") from None
            except _DAMAGE as error:
                raise FileFormatError(f"{path}: the archive is damaged ({type(error).__name__}: {error})") from None
    return _state_dict(path, found, key)


def _state_dict(path: str | os.PathLike[str], found: Any, key: str | None) -> dict[str, Array]:
    if key is not None:
        if not isinstance(found, Mapping) or key not in found:
            keys = list(found) if isinstance(found, Mapping) else type(found).__name__
            raise ValueError(f"load_torch_state: {path} has no key {key!r}, but {keys}")
        found = found[key]
    if not isinstance(found, Mapping):
        raise ValueError(f"load_torch_state: {path} holds a {type(found).__name__}, not a state dict")
    others = [name for name, value in found.items() if not isinstance(value, np.ndarray) or not isinstance(name, str)]
    if others:
        inside = [name for name in others if isinstance(found[name], Mapping)]
        hint = f"; pass key= one of {inside}" if inside else ""
        raise ValueError(f"load_torch_state: {path} holds more than tensors: {others[:8]}{hint}")
    return dict(found)


def _read_archive(file: Any) -> Any:
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise FileFormatError("expected entries that are not compressed, as PyTorch writes them")
        if sum(info.file_size for info in entries.values()) > size:
            raise FileFormatError("the entries are larger than the file")
        pickles = [name for name in entries if name.endswith("/data.pkl") or name == "data.pkl"]
        if len(pickles) != 1:
            raise FileFormatError(f"expected one data.pkl, got {len(pickles)}; another kind of archive?")
        root = pickles[0].removesuffix("data.pkl")
        order = archive.read(root + "byteorder") if root + "byteorder" in entries else b"little"
        if order != b"little":
            raise FileFormatError(f"expected numbers in little-endian order, got {order[:16]!r}")
        if entries[pickles[0]].file_size > _MOST_PICKLE:
            raise FileFormatError(f"data.pkl has {entries[pickles[0]].file_size} bytes, more than {_MOST_PICKLE}")
        storages: dict[str, bytes] = {}

        def storage(found: _Storage) -> bytes:
            name = f"{root}data/{found.key}"
            if name not in entries:
                raise FileFormatError(f"the storage {found.key!r} is missing")
            if name not in storages:
                storages[name] = archive.read(name)
            return storages[name]

        return _Interpreter(storage).run(archive.read(pickles[0]))


class _Interpreter:
    """A stack machine for the opcodes of state dicts."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.arrays: dict[tuple[str, str], Array] = {}

    def run(self, data: bytes) -> Any:
        """What the pickle holds."""
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            handler = getattr(self, f"_op_{name.lower()}", None)
            if handler is not None:
                handler(argument)
            elif name in _LITERALS:
                self.stack.append(argument)
            elif name not in _IGNORED:
                raise FileFormatError(f"the opcode {name} has no place in a state dict")
        raise FileFormatError("the pickle has no end")

    def _to_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[index], _Mark):
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise FileFormatError("a list of operands has no beginning")

    def _op_mark(self, _: Any) -> None:
        self.stack.append(_Mark())

    def _op_none(self, _: Any) -> None:
        self.stack.append(None)

    def _op_newtrue(self, _: Any) -> None:
        self.stack.append(True)

    def _op_newfalse(self, _: Any) -> None:
        self.stack.append(False)

    def _op_empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def _op_empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _op_empty_tuple(self, _: Any) -> None:
        self.stack.append(())

    def _op_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._to_mark()))

    def _last(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) != count:
            raise FileFormatError("a tuple has too few items")
        self.stack[-count:] = [items]

    def _op_tuple1(self, _: Any) -> None:
        self._last(1)

    def _op_tuple2(self, _: Any) -> None:
        self._last(2)

    def _op_tuple3(self, _: Any) -> None:
        self._last(3)

    def _op_append(self, _: Any) -> None:
        item = self.stack.pop()
        self._on(list).append(item)

    def _op_appends(self, _: Any) -> None:
        items = self._to_mark()
        self._on(list).extend(items)

    def _op_setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._on(dict)[_hashable(key)] = value

    def _op_setitems(self, _: Any) -> None:
        items = self._to_mark()
        target = self._on(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_hashable(key)] = value

    def _on(self, kind: type) -> Any:
        """The container on top of the stack."""
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise FileFormatError(f"expected a {kind.__name__} to fill")
        return self.stack[-1]

    def _op_binput(self, index: Any) -> None:
        self.memo[index] = self.stack[-1]

    _op_long_binput = _op_binput

    def _op_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _op_binget(self, index: Any) -> None:
        self.stack.append(self.memo[index])

    _op_long_binget = _op_binget

    def _op_global(self, name: Any) -> None:
        module, _, own = name.partition(" ")
        known = name in _CALLS or (module in ("torch", "torch.storage") and own in _STORAGES)
        if not known:
            raise FileFormatError(f"the file names {module}.{own}; only state dicts are read: save model.state_dict()")
        self.stack.append(_Name(name))

    def _op_stack_global(self, _: Any) -> None:
        own, module = self.stack.pop(), self.stack.pop()
        self._op_global(f"{module} {own}")

    def _op_binpersid(self, _: Any) -> None:
        found = self.stack.pop()
        kind, storage, key, _, count = found
        if kind != "storage" or not isinstance(storage, _Name) or type(count) is not int or count < 0:
            raise FileFormatError("a storage is described wrongly")
        self.stack.append(_Storage(_STORAGES[storage.partition(" ")[2]], str(key), count))

    def _op_reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise FileFormatError("a call is described wrongly")
        if function == "collections OrderedDict":
            items = arguments[0] if arguments else []
            self.stack.append({_hashable(key): value for key, value in items})
        elif function == "torch Size":
            self.stack.append(tuple(arguments[0]))
        elif function == "torch._utils _rebuild_parameter":
            if not isinstance(arguments[0], np.ndarray):
                raise FileFormatError("a parameter is described wrongly")
            self.stack.append(arguments[0])
        elif function == "torch._utils _rebuild_tensor_v2":
            self.stack.append(self._tensor(*arguments[:4]))
        else:
            raise FileFormatError(f"{function} cannot be called")

    def _op_build(self, _: Any) -> None:
        # A state dict carries versions of modules as an attribute, which say nothing about the weights.
        self.stack.pop()
        self._on(dict)

    def _tensor(self, storage: Any, offset: Any, size: Any, stride: Any) -> Array:
        """A view of a storage, after a check that it stays inside."""
        numbers = [offset, *size, *stride]
        if not isinstance(storage, _Storage) or any(type(number) is not int or number < 0 for number in numbers):
            raise FileFormatError("a tensor is described wrongly")
        if len(size) != len(stride) or len(size) > 32 or math.prod(size) > max(1, storage.numbers):
            raise FileFormatError(f"a tensor of shape {tuple(size)} has a storage of {storage.numbers} numbers")
        place = storage.key, storage.code
        if place not in self.arrays:
            self.arrays[place] = to_array(self.storage(storage), storage.code)
        flat = self.arrays[place]
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if math.prod(size) and last >= flat.size:
            raise FileFormatError(f"a tensor ends at number {last} of a storage of {flat.size}")
        if not math.prod(size):
            return np.zeros(size, flat.dtype)
        strides = [step * flat.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(flat[offset:], size, strides, writeable=False)


_LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
}  # fmt: skip
_IGNORED = {"PROTO", "FRAME"}


def _hashable(key: Any) -> Any:
    if not isinstance(key, str | int | float):
        raise FileFormatError(f"a dict has a {type(key).__name__} as key")
    return key
