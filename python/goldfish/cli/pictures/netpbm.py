"""PGM and PPM images, the simplest there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = {b"P2": (1, False), b"P3": (3, False), b"P5": (1, True), b"P6": (3, True)}
# The kind, then width, height and largest value, each behind spaces and comments.
_HEADER = re.compile(rb"(P[2356])" + 3 * rb"(?:\s+#[^\n]*)*\s+(\d{1,9})" + rb"\s")


def read(path: Path) -> NDArray[Any]:
    """Read a file with 8 or 16 bits per value, as text or bytes.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of shape (C, H, W)
        uint8, scaled to 0 ... 255.

    Raises
    ------
    ValueError
        If it is no such image, or damaged.
    """
    data = path.read_bytes()
    header = _HEADER.match(data)
    if header is None:
        raise ValueError(f"{path} is no PGM or PPM image")
    colours, packed = _KINDS[header[1]]
    width, height, largest = (int(header[i]) for i in (2, 3, 4))
    if not 0 < largest < 65536 or not width * height:
        raise ValueError(f"{path}: {width} x {height} pixels up to {largest} are no image")
    count = width * height * colours
    values = _bytes(data[header.end() :], largest) if packed else _text(path, data[header.end() :])
    if len(values) < count:
        raise ValueError(f"{path}: expected {count} values, got {len(values)}; the file is torn")
    planes = np.moveaxis(values[:count].reshape(height, width, colours), -1, 0)
    if planes.max() > largest:
        raise ValueError(f"{path}: a value is larger than {largest}")
    return planes.astype(np.uint8) if largest == 255 else np.round(planes * (255 / largest)).astype(np.uint8)


def _bytes(data: bytes, largest: int) -> NDArray[Any]:
    return np.frombuffer(data, np.uint8) if largest < 256 else np.frombuffer(data[: len(data) // 2 * 2], ">u2")


def _text(path: Path, data: bytes) -> NDArray[Any]:
    try:
        return np.array(data.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise ValueError(f"{path}: expected whole numbers") from None
