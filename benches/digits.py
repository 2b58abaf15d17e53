"""Labelled images to train on: real digits where somebody has them, drawn ones of any size elsewhere."""

import gzip
from pathlib import Path

import numpy as np

from problems import Array, Arrays

CLASSES = 10

# Seven rows of five pixels for each digit.
GLYPHS = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00110 01000 10000 11111",
    "01110 10001 00001 00110 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
NOISE = 0.1


def draw(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> Arrays:
    """Draw digits at random places, in random colours, under noise: ``x`` (count, C, H, W) and ``target`` (count,)."""
    channels, height, width = shape
    glyphs = np.array([[[int(pixel) for pixel in row] for row in glyph.split()] for glyph in GLYPHS], np.float32)
    scale = min(height // 8, width // 6)
    glyphs = glyphs.repeat(scale, axis=1).repeat(scale, axis=2)
    target = rng.integers(0, CLASSES, count)
    top = rng.integers(0, height - glyphs.shape[1] + 1, count)
    left = rng.integers(0, width - glyphs.shape[2] + 1, count)
    colour = rng.uniform(0.5, 1, (count, channels, 1, 1)).astype(np.float32)
    x = NOISE * rng.random((count, *shape), dtype=np.float32)
    for i, digit in enumerate(target):
        x[i, :, top[i] : top[i] + glyphs.shape[1], left[i] : left[i] + glyphs.shape[2]] += colour[i] * glyphs[digit]
    return {"x": x, "target": target}


def read(folder: Path, count: int) -> Arrays:
    """Read the first digits from a folder of MNIST's files, compressed or not; those for training go first."""
    images = _idx(folder, "images-idx3-ubyte", count)
    return {
        "x": (images[:, None] / np.float32(255)),
        "target": _idx(folder, "labels-idx1-ubyte", count).astype(np.int64),
    }


def _idx(folder: Path, kind: str, count: int) -> Array:
    found = sorted(folder.glob(f"*{kind}*"), key=lambda path: "train" not in path.name)
    if not found:
        raise FileNotFoundError(f"{folder}: no file *{kind}* or *{kind}.gz, as MNIST comes")
    content = found[0].read_bytes()
    content = gzip.decompress(content) if found[0].suffix == ".gz" else content
    axes = content[3]
    shape = [int(size) for size in np.frombuffer(content, ">u4", axes, 4)]
    if shape[0] < count:
        raise ValueError(f"{found[0]}: {shape[0]} digits, the row needs {count}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)[:count]
