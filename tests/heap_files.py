"""Heap profiles by hand: an encoder of profile.proto that shares nothing with the package, and closed forms."""

import math
from pathlib import Path

from heap_profiles import RATE, TYPES, blob, number, varint

DATA = Path(__file__).parent / "sampling" / "data"
METRICS = [kind for kind, _ in TYPES]

LEAF = ("main.leaf", "/src/main.go", 3)
GROW = ("example.com/x/tree.(*Node).Grow", "/src/tree.go", 12)
OTHER = ("example.com/x/cache.Put", "/src/cache.go", 9)
MAIN = ("main.main", "/src/main.go", 20)
RECORDS = [
    ((LEAF, MAIN), 16, 5, 2),
    ((LEAF, GROW, MAIN), 1024, 40, 40),
    ((OTHER, MAIN), 65536, 12, 0),
    ((OTHER, GROW, MAIN), 1 << 20, 7, 4),
]


def scaled(k, size, rate=RATE):
    """What Go stores for k sampled objects of one size."""
    if not k or rate <= 1:
        return k, k * size
    scale = 1 / (1 - math.exp(-size / rate))
    return int(k * scale), int(k * size * scale)


def encode(records, *, rate=RATE, types=TYPES, packed=True, label=True, values=None, period_type=("space", "bytes")):
    """Records of (stack of (function, file, line), size, allocated k, in-use k) as profile.proto."""
    strings, functions, locations, parts = {"": 0}, {}, {}, []

    def text(value):
        return strings.setdefault(value, len(strings))

    def numbers(field, items):
        return blob(field, b"".join(map(varint, items))) if packed else b"".join(number(field, i) for i in items)

    parts += [blob(1, number(1, text(kind)) + number(2, text(unit))) for kind, unit in types]
    for i, (stack, size, allocated, in_use) in enumerate(records):
        ids = [locations.setdefault(frame, len(locations) + 1) for frame in stack]
        both = dict(zip(METRICS, scaled(allocated, size, rate) + scaled(in_use, size, rate), strict=True))
        row = values[i] if values else [both[kind] for kind, _ in types]
        block = blob(3, number(1, text("bytes")) + number(3, size) + number(4, text("bytes"))) if label else b""
        parts.append(blob(2, numbers(1, ids) + numbers(2, [value & (1 << 64) - 1 for value in row]) + block))
    for frame, ident in locations.items():
        function = functions.setdefault(frame[:2], len(functions) + 1)
        line = blob(4, number(1, function) + number(2, frame[2]))
        parts.append(blob(4, number(1, ident) + number(2, 1) + number(3, 0x400000 + 16 * ident) + line))
    for (name, file), ident in functions.items():
        parts.append(blob(5, number(1, ident) + number(2, text(name)) + number(3, text(name)) + number(4, text(file))))
    parts.append(blob(3, number(1, 1) + number(2, 0x400000) + number(3, 0x800000) + number(5, text("/bin/prog"))))
    parts += [number(9, 1_600_000_000), number(10, 77), number(13, text("by hand"))]
    parts += [blob(11, number(1, text(period_type[0])) + number(2, text(period_type[1]))), number(12, rate)]
    parts.append(number(14, text("inuse_space")))
    return b"".join(parts) + b"".join(blob(6, value.encode()) for value in strings)


def closed_form(records, metric, chosen=lambda stack: True):
    """Estimate, standard error and samples of the records whose stack is chosen."""
    total = variance = samples = 0
    for stack, size, allocated, in_use in records:
        if chosen(stack):
            k = allocated if metric.startswith("alloc") else in_use
            pi, unit = -math.expm1(-size / RATE), size if metric.endswith("space") else 1
            total += unit * k / pi
            variance += unit**2 * k * (1 - pi) / pi**2
            samples += k
    return total, math.sqrt(variance), samples
