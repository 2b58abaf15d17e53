"""Profiles written to files: profile.proto, and folded stacks."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from goldfish._files import write_atomically
from goldfish.sampling.heap.estimates import by_record, sizes
from goldfish.sampling.heap.frames import Stacks

if TYPE_CHECKING:
    from goldfish.sampling.heap.profile import HeapProfile

_UNITS = {"objects": "count", "space": "bytes"}


def pprof(profile: HeapProfile, path: str | os.PathLike[str]) -> None:
    """Write profile.proto; see `HeapProfile.to_pprof`."""
    # No time stamp in the header: the same profile gives the same file.
    write_atomically(path, [gzip.compress(_message(profile), mtime=0)])


class _Strings:
    """The string table; its first entry is empty."""

    def __init__(self) -> None:
        self._index = {"": 0}

    def __call__(self, text: str) -> int:
        return self._index.setdefault(text, len(self._index))

    def fields(self) -> bytes:
        # Lone surrogates cannot come from a file; they are replaced rather than refused.
        return b"".join(_bytes(6, text.encode("utf-8", "replace")) for text in self._index)


def _message(profile: HeapProfile) -> bytes:
    strings = _Strings()
    parts = []
    for metric in profile.sample_types:
        parts.append(_bytes(1, _numbers((1, strings(metric)), (2, strings(_UNITS[metric.partition("_")[2]])))))
    parts.append(_samples(profile, strings))
    stacks = profile.stacks
    for i, mapping in enumerate(stacks.mappings, 1):
        names = (5, strings(mapping.filename)), (6, strings(mapping.build_id))
        place = (1, i), (2, mapping.start), (3, mapping.limit), (4, mapping.offset)
        parts.append(_bytes(3, _numbers(*place, *names)))
    parts.append(_locations(stacks))
    for i, function in enumerate(stacks.functions, 1):
        name, system_name = strings(function.name), strings(function.system_name)
        content = (1, i), (2, name), (3, system_name), (4, strings(function.filename)), (5, function.start_line)
        parts.append(_bytes(5, _numbers(*content)))
    origin = profile.origin
    parts.append(_numbers((9, origin.time_nanos), (10, origin.duration_nanos)))
    parts.append(_bytes(11, _numbers((1, strings("space")), (2, strings("bytes")))))
    parts.append(_numbers((12, int(profile.rate))))
    parts += [_number(13, strings(comment)) for comment in origin.comments]
    parts.append(_numbers((14, strings(origin.default_metric))))
    return b"".join([*parts, strings.fields()])


def _samples(profile: HeapProfile, strings: _Strings) -> bytes:
    """One message per record; locations repeat, so each one's bytes are made once."""
    stacks = profile.stacks
    identifiers = [_varint(i) for i in range(1, len(stacks.line_end) + 1)]
    columns = [_stored(profile, metric).tolist() for metric in profile.sample_types]
    label_head = _numbers((1, strings("bytes")))
    label_tail = _numbers((4, strings("bytes")))
    locations, start, parts = stacks.locations.tolist(), 0, []
    for end, size, *values in zip(stacks.end.tolist(), sizes(profile), *columns, strict=True):
        stack = b"".join([identifiers[location] for location in locations[start:end]])
        content = (_bytes(1, stack) if stack else b"") + _bytes(2, b"".join(map(_varint, values)))
        if size >= 1 and isinstance(size, int):
            content += _bytes(3, label_head + _number(3, size) + label_tail)
        parts.append(_bytes(2, content))
        start = end
    return b"".join(parts)


def _stored(profile: HeapProfile, metric: str) -> npt.NDArray[np.int64]:
    """The numbers as Go would store them, un-sampled and cut; those of the file if it had them."""
    family, _, unit = metric.partition("_")
    calibrated = metric in profile.exact
    if not calibrated and metric in profile.origin.stored:
        return profile.origin.stored[metric]
    counts = profile.families[family]
    if not calibrated and profile.rate > 1:
        number = counts.k * counts.size if unit == "space" else counts.k
        scale = 1 / np.maximum(1 - np.exp(-counts.size / profile.rate), np.finfo(float).tiny)
        estimate = number * scale
    else:
        estimate = by_record(profile, metric)
    whole: npt.NDArray[np.int64] = np.clip(np.floor(estimate), 0.0, float(2**63 - 1024)).astype(np.int64)
    return whole


def _locations(stacks: Stacks) -> bytes:
    parts, start = [], 0
    functions, numbers = stacks.line_function.tolist(), stacks.line_number.tolist()
    columns = stacks.address.tolist(), stacks.mapping.tolist(), stacks.line_end.tolist()
    for i, (address, mapping, end) in enumerate(zip(*columns, strict=True), 1):
        content = _numbers((1, i), (2, mapping + 1), (3, address))
        for line in range(start, end):
            content += _bytes(4, _numbers((1, functions[line] + 1), (2, numbers[line])))
        parts.append(_bytes(4, content))
        start = end
    return b"".join(parts)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _numbers(*fields: tuple[int, int]) -> bytes:
    """Number fields; zeros are left out, as readers take them for granted."""
    return b"".join(_number(field, value) for field, value in fields if value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def folded(profile: HeapProfile, path: str | os.PathLike[str], metric: str) -> None:
    """Write folded stacks; see `HeapProfile.to_folded`."""
    names = [";".join(_folded_name(frame.function) for frame in reversed(frames)) for frames in profile.stacks.frames]
    estimates = by_record(profile, metric)
    locations, start = profile.stacks.locations.tolist(), 0
    sums: dict[str, float] = {}
    for end, estimate in zip(profile.stacks.end.tolist(), estimates.tolist(), strict=True):
        line = ";".join([names[location] for location in reversed(locations[start:end])]) or "(no stack)"
        sums[line] = sums.get(line, 0.0) + estimate
        start = end
    lines: list[Any] = [f"{line} {round(total)}\n" for line, total in sums.items() if round(total)]
    write_atomically(path, ["".join(lines).encode("utf-8", "replace")])


def _folded_name(function: str) -> str:
    """A name without what separates the format's parts."""
    return " ".join(function.replace(";", ":").split()) or "?"
