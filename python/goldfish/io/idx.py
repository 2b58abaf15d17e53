"""IDX files: arrays as the MNIST data sets store them."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from goldfish.nn.files import FileFormatError
from goldfish.nn.layer import Array

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


def load_idx(path: str | os.PathLike[str]) -> Array:
    """Read an IDX file, gzipped or not.

    The layout: two zero bytes, a byte for the type, a byte for the number of axes, the length of each axis in four
    bytes, then the numbers, everything with the most significant byte first.

    Parameters
    ----------
    path : path-like
        The file. Whether it is gzipped is seen from its content.

    Returns
    -------
    ndarray
        uint8, int8, int16, int32, float32 or float64, in the machine's byte order.

    Raises
    ------
    FileFormatError
        If the file is torn, has data left over, or is of another kind; the message says why.
    OSError
        If it cannot be opened.

    References
    ----------
    Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits": the file formats.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from goldfish import io
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.idx"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> io.load_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    with Path(path).open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            return _read(path, raw)
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                return _read(path, file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileFormatError(f"{path}: the gzip stream is damaged ({error})") from None


def _read(path: str | os.PathLike[str], file: IO[bytes] | gzip.GzipFile) -> Array:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _DTYPES:
        raise FileFormatError(f"{path}: expected an IDX file, which starts with 00 00 and a type, got {start.hex(' ')}")
    dtype, axes = np.dtype(_DTYPES[start[2]]), start[3]
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise FileFormatError(f"{path}: the file ends within the lengths of its {axes} axes")
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
    expected = math.prod(shape) * dtype.itemsize
    data = _at_most(file, expected)
    if len(data) < expected:
        raise FileFormatError(
            f"{path}: shape {shape} needs {expected} bytes of data, got {len(data)}; the file is torn"
        )
    if file.read(1):
        raise FileFormatError(f"{path}: data go on behind the {expected} bytes of shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _at_most(file: Any, size: int) -> bytearray:
    """So many bytes, or fewer if the file ends; memory grows with what is there, not with what the header says."""
    data = bytearray()
    while len(data) < size:
        part = file.read(min(_CHUNK, size - len(data)))
        if not part:
            break
        data += part
    return data
