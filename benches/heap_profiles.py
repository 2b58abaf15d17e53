"""Heap profiles of any size, as Go would write them of a program that does not exist."""

from __future__ import annotations

import numpy as np

RATE = 512 * 1024
TYPES = (("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes"))
SIZES = np.array([16, 32, 48, 64, 96, 128, 256, 512, 1024, 4096, 32768, 1 << 20])


def varint(value: int) -> bytes:
    """A number in the wire format."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """A number field."""
    return varint(field << 3) + varint(value)


def blob(field: int, content: bytes) -> bytes:
    """A message or text field."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def generate(samples: int = 200_000, functions: int = 30_000, depth: int = 70, rng: int = 0) -> bytes:
    """An uncompressed profile; by default of about 50 MB.

    Parameters
    ----------
    samples : int
        Records, each with its own stack.
    functions : int
        Functions, with three places each that call or allocate.
    depth : int
        Mean number of frames of a stack.
    rng : int
        Seed.

    Returns
    -------
    bytes
        profile.proto without gzip.
    """
    generator = np.random.default_rng(rng)
    strings: dict[str, int] = {"": 0}

    def text(value: str) -> int:
        return strings.setdefault(value, len(strings))

    parts = [blob(1, number(1, text(kind)) + number(2, text(unit))) for kind, unit in TYPES]
    parts += _samples(generator, samples, 3 * functions, depth, text("bytes"))
    for location in range(3 * functions):
        line = number(1, location // 3 + 1) + number(2, 10 + location % 500)
        place = number(1, location + 1) + number(2, 1) + number(3, 0x400000 + 16 * location)
        parts.append(blob(4, place + blob(4, line)))
    for function in range(functions):
        package = f"example.com/team{function % 37}/service{function % 401}"
        name = text(f"{package}/internal.(*Handler{function}).Process")
        file = text(f"/src/{package}/handler{function // 20}.go")
        parts.append(blob(5, number(1, function + 1) + number(2, name) + number(3, name) + number(4, file)))
    mapping = number(1, 1) + number(2, 0x400000) + number(3, 1 << 32) + number(5, text("/bin/service"))
    period = number(1, text("space")) + number(2, text("bytes"))
    parts += [blob(3, mapping), blob(11, period), number(12, RATE)]
    parts += [blob(6, value.encode()) for value in strings]
    return b"".join(parts)


def _samples(generator: np.random.Generator, samples: int, locations: int, depth: int, label: int) -> list[bytes]:
    identifiers = [varint(i + 1) for i in range(locations)]
    size = generator.choice(SIZES, samples)
    scale = 1 / (1 - np.exp(-size / RATE))
    allocated = generator.geometric(0.2, samples)
    in_use = generator.integers(0, allocated + 1)
    columns = [np.floor(k * unit * scale).astype(np.int64) for k in (allocated, in_use) for unit in (1, size)]
    values = np.stack(columns, axis=1).tolist()
    lengths = generator.integers(depth // 2, depth + depth // 2 + 1, samples)
    # Few functions allocate much: the leaf of a stack is chosen by a heavy-tailed distribution.
    leaves = np.minimum(generator.pareto(0.6, samples), locations - 1).astype(np.int64)
    ends = np.cumsum(lengths).tolist()
    stacks = generator.integers(0, locations, ends[-1]).tolist()
    parts, start = [], 0
    for end, leaf, row, bytes_ in zip(ends, leaves.tolist(), values, size.tolist(), strict=True):
        stacks[start] = leaf
        stack = b"".join([identifiers[i] for i in stacks[start:end]])
        block = blob(3, number(1, label) + number(3, bytes_) + number(4, label))
        parts.append(blob(2, blob(1, stack) + blob(2, b"".join(map(varint, row))) + block))
        start = end
    return parts
