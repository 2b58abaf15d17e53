"""Small images inside an SVG: PNG files by the standard library alone."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.drawing._checks import Floats

Pixels = NDArray[np.uint8]


def data_uri(pixels: Pixels) -> str:
    """An image of shape (H, W, 3) as the address of itself."""
    height, width = pixels.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def paint(values: Floats, colour: Callable[[float], str], low: float, high: float) -> Pixels:
    """Values (H, W) in colours: ``colour`` of 0 for ``low``, of 1 for ``high``; what is not finite is grey."""
    table = np.array([_bytes(colour(i / 255)) for i in range(256)], np.uint8)
    span = high - low or 1.0
    places = np.clip(np.nan_to_num((values - low) / span) * 255, 0, 255).round().astype(np.int64)
    pixels = table[places]
    pixels[~np.isfinite(values)] = 128
    return pixels


def _bytes(colour: str) -> Any:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
