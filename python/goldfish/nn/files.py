"""Files of named arrays in the safetensors layout; a reader sees the old file or the new one, never a part.

The layout: eight bytes with the length of a JSON header, the header, the data. A CRC-32 of everything else stands in
the header's metadata, so that damage is noticed. Nothing is executed on reading, and sizes are compared with the file's
before memory is taken.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from goldfish._files import write_atomically
from goldfish.nn.layer import Array

_DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
_CODES = {np.dtype(text): code for code, text in _DTYPES.items()}
_NO_CRC = "0" * 8


class FileFormatError(ValueError):
    """A file is torn, damaged or of another kind."""


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write named arrays and text; see `write_atomically`.

    Raises
    ------
    TypeError
        If an array has a dtype that the layout does not know.
    """
    values = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    header: dict[str, Any] = {"__metadata__": {**metadata, "crc32": _NO_CRC}}
    position = 0
    for name, value in values.items():
        if value.dtype not in _CODES:
            raise TypeError(f"write_arrays: {name!r} expected a dtype of {sorted(_DTYPES)}, got {value.dtype}")
        header[name] = {
            "dtype": _CODES[value.dtype],
            "shape": list(arrays[name].shape),
            "data_offsets": [position, position + value.nbytes],
        }
        position += value.nbytes
    text = _pad(json.dumps(header).encode())
    crc = zlib.crc32(text)
    for value in values.values():
        crc = zlib.crc32(value.data if value.nbytes else b"", crc)
    text = text.replace(b'"crc32": "%s"' % _NO_CRC.encode(), b'"crc32": "%08x"' % crc, 1)
    chunks = [value.data for value in values.values() if value.nbytes]
    write_atomically(path, [len(text).to_bytes(8, "little"), text, *chunks])


def read_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Read what `write_arrays` wrote: read-only arrays, and the metadata.

    Raises
    ------
    FileFormatError
        If the file is torn, damaged or of another kind; the message names it and says why.
    OSError
        If it cannot be opened.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or length > size - 8:
            raise FileFormatError(f"{path}: expected a header of {length} bytes, the file has {size}")
        text = file.read(length)
        header = _parse(path, text)
        metadata = header.pop("__metadata__", None)
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise FileFormatError(f"{path}: the header has no metadata; another kind of file?")
        expected = max([0, *(_extent(path, name, entry)[1] for name, entry in header.items())])
        if size - 8 - length != expected:
            raise FileFormatError(
                f"{path}: expected {expected} bytes of data, got {size - 8 - length}; the file is torn"
            )
        data = file.read(expected)
    crc = metadata.pop("crc32", "")
    blank = text.replace(b'"crc32": "%s"' % crc.encode(), b'"crc32": "%s"' % _NO_CRC.encode(), 1)
    if f"{zlib.crc32(data, zlib.crc32(blank)):08x}" != crc:
        raise FileFormatError(f"{path}: the checksum does not fit; the file is damaged")
    arrays = {}
    for name, entry in header.items():
        start, end = _extent(path, name, entry)
        arrays[name] = np.frombuffer(data[start:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metadata


def _parse(path: str | os.PathLike[str], text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: the header is not JSON ({error}); another kind of file?") from None
    if not isinstance(header, dict):
        raise FileFormatError(f"{path}: the header is not a JSON object; another kind of file?")
    return header


def _extent(path: str | os.PathLike[str], name: str, entry: Any) -> tuple[int, int]:
    """Start and end of an array's bytes, after checking its description."""
    try:
        shape, (start, end), dtype = entry["shape"], entry["data_offsets"], np.dtype(_DTYPES[entry["dtype"]])
        numbers = [*shape, start, end]
        valid = all(type(number) is int and number >= 0 for number in numbers) and len(shape) <= 32
        valid = valid and end - start == math.prod(shape) * dtype.itemsize
    except (TypeError, KeyError, ValueError):
        valid = False
    if not valid:
        raise FileFormatError(f"{path}: the header describes {name!r} wrongly")
    return start, end


def _pad(text: bytes) -> bytes:
    return text + b" " * (-len(text) % 8)
