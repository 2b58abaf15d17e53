"""Tensors in safetensors files that any program wrote."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from goldfish.nn.files import FileFormatError
from goldfish.nn.layer import Array

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_MOST_HEADER = 100 << 20


def to_array(data: bytes | memoryview, code: str) -> Array:
    """Bytes as numbers of one axis, read-only; float16 and bfloat16 become float32.

    Raises
    ------
    FileFormatError
        If the bytes are not whole numbers of this kind.
    """
    dtype = np.dtype(_DTYPES[code])
    if len(data) % dtype.itemsize:
        raise FileFormatError(f"{len(data)} bytes are no whole number of {code}")
    flat = np.frombuffer(data, np.uint8 if code == "BOOL" else dtype)
    if code == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    elif code == "F16":
        flat = flat.astype(np.float32)
    elif code == "BOOL":
        flat = flat != 0
    flat.setflags(write=False)
    return flat


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Every tensor of a safetensors file by its name.

    Raises
    ------
    FileFormatError
        If the file is torn, damaged or of another kind.
    OSError
        If it cannot be opened.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or length > min(size - 8, _MOST_HEADER):
            raise FileFormatError(f"{path}: neither a zip archive nor a safetensors file")
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            entries = {str(name): _entry(entry) for name, entry in header.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise FileFormatError(f"{path}: no safetensors header ({error}); another kind of file?") from None
        data = file.read()
    found = {}
    for name, (code, shape, start, end) in entries.items():
        if end > len(data):
            raise FileFormatError(f"{path}: {name!r} ends at byte {end} of {len(data)}; the file is torn")
        found[name] = to_array(data[start:end], code).reshape(shape)
    return found


def _entry(entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Code, shape, start and end of a tensor, after checking that they fit together."""
    code, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    numbers = [*shape, start, end]
    if any(type(number) is not int or number < 0 for number in numbers) or len(shape) > 32:
        raise ValueError("a shape or an offset is no number")
    if code not in _DTYPES:
        raise ValueError(f"the dtype {code!r} is not known")
    if end - start != math.prod(shape) * np.dtype(_DTYPES[code]).itemsize:
        raise ValueError(f"a tensor of shape {tuple(shape)} does not have {end - start} bytes")
    return code, tuple(shape), start, end
