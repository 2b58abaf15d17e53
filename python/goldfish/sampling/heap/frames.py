"""Where memory was allocated: frames, and stacks of them as columns."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.signedinteger[Any]]


class Frame(NamedTuple):
    """One call of a stack.

    Attributes
    ----------
    function : str
        Its name; "library+0x1234" or "0x1234" where there is no symbol.
    file : str
        The source file, the library, or "".
    line : int
        The line in the file, or 0.
    address : int
        The program counter; frames that were inlined into one another share it.

    Examples
    --------
    >>> from goldfish.sampling import Frame
    >>> Frame("main.grow", "/src/main.go", 12, 0x4F6EA3).function
    'main.grow'
    """

    function: str
    file: str
    line: int
    address: int


class Mapping(NamedTuple):
    """A library or program in memory."""

    start: int
    limit: int
    offset: int
    filename: str
    build_id: str


class Function(NamedTuple):
    """A function of the program."""

    name: str
    system_name: str
    filename: str
    start_line: int


NO_STACK = Frame("(no stack)", "", 0, 0)

# Records that are expanded to pairs of record and key at a time: some 100 bytes per frame.
_BLOCK = 1 << 14


@dataclass(frozen=True, eq=False)
class Stacks:
    """The stacks of n records, leaf first, as indices of L locations; inlined calls are lines of one location."""

    # Where each record's locations end: (n,).
    end: Ints
    locations: Ints
    address: npt.NDArray[np.uint64]
    # Indices, -1 for none.
    mapping: Ints
    # Where each location's lines end: (L,); the innermost call comes first.
    line_end: Ints
    line_function: Ints
    line_number: Ints
    functions: list[Function]
    mappings: list[Mapping] = field(default_factory=list)

    @cached_property
    def frames(self) -> list[tuple[Frame, ...]]:
        """The frames of each location, at least one."""
        addresses, mappings = self.address.tolist(), self.mapping.tolist()
        functions, numbers = self.line_function.tolist(), self.line_number.tolist()
        result: list[tuple[Frame, ...]] = []
        start = 0
        for address, mapping, end in zip(addresses, mappings, self.line_end.tolist(), strict=True):
            if start == end:
                result.append((self._unnamed(address, mapping),))
            else:
                lines = zip(functions[start:end], numbers[start:end], strict=True)
                result.append(tuple(self._frame(function, line, address, mapping) for function, line in lines))
            start = end
        return result

    def _frame(self, function: int, line: int, address: int, mapping: int) -> Frame:
        if function < 0 or not (self.functions[function].name or self.functions[function].system_name):
            return self._unnamed(address, mapping)._replace(line=line)
        found = self.functions[function]
        return Frame(found.name or found.system_name, found.filename, line, address)

    def _unnamed(self, address: int, mapping: int) -> Frame:
        if mapping < 0 or not self.mappings[mapping].filename:
            return Frame(hex(address), "", 0, address)
        place = self.mappings[mapping]
        inside = address - place.start + place.offset
        name = f"{PurePosixPath(place.filename).name}+{inside:#x}" if inside >= 0 else hex(address)
        return Frame(name, place.filename, 0, address)

    def stack(self, record: int) -> tuple[Frame, ...]:
        """The frames of one record, leaf first."""
        start = int(self.end[record - 1]) if record else 0
        locations = self.locations[start : self.end[record]].tolist()
        return tuple(chain.from_iterable(map(self.frames.__getitem__, locations)))

    def leaf_keys(self, key: Callable[[Frame], Hashable]) -> tuple[Ints, list[Hashable]]:
        """The key of each record's leaf, as an index into the keys that occur."""
        numbers: dict[Hashable, int] = {}
        of_location = [numbers.setdefault(key(frames[0]), len(numbers)) for frames in self.frames]
        start = np.r_[0, self.end[:-1]] if len(self.end) else self.end
        empty = start == self.end
        table = np.array([*of_location, numbers.setdefault(key(NO_STACK), len(numbers))])
        # A record without a stack takes the last entry, that of "(no stack)".
        places = np.full(len(self.end), len(of_location))
        places[~empty] = self.locations[start[~empty]]
        return table[places], list(numbers)

    def all_keys(self, key: Callable[[Frame], Hashable]) -> tuple[Ints, Ints, list[Hashable]]:
        """Pairs (record, key) for each key that occurs in a record's stack, once however often it recurs."""
        numbers: dict[Hashable, int] = {key(NO_STACK): 0}
        of_location = [[numbers.setdefault(key(frame), len(numbers)) for frame in frames] for frames in self.frames]
        count = np.array([len(keys) for keys in of_location], dtype=np.int64)
        flat = np.array([number for keys in of_location for number in keys], dtype=np.int64)
        first = np.cumsum(count) - count
        pairs = [
            self._pairs(range(start, min(start + _BLOCK, len(self.end))), count, first, flat, len(numbers))
            for start in range(0, len(self.end), _BLOCK)
        ]
        found = np.concatenate(pairs) if pairs else np.empty(0, dtype=np.int64)
        return found // len(numbers), found % len(numbers), list(numbers)

    def _pairs(self, records: range, count: Ints, first: Ints, flat: Ints, keys: int) -> Ints:
        """Distinct ``record * keys + key`` of some records; `count` and `first` place a location's keys in `flat`."""
        ends = np.r_[self.end[records.start - 1] if records.start else 0, self.end[records.start : records.stop]]
        locations, lengths = self.locations[ends[0] : ends[-1]], np.diff(ends)
        repeats = count[locations]
        record = np.repeat(np.repeat(np.array(records), lengths), repeats)
        # The place of each entry among its location's keys.
        offset = np.arange(len(record)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        pairs = record * keys + flat[np.repeat(first[locations], repeats) + offset]
        # A record without a stack has the key of "(no stack)", which is 0.
        bare = np.array(records)[lengths == 0] * keys
        # Sorted by hand: NumPy's unique hashes integers, which takes many times as long here.
        pairs = np.sort(np.concatenate([pairs, bare]))
        return pairs[np.r_[True, pairs[1:] != pairs[:-1]]]

    def stack_keys(self) -> tuple[Ints, list[int]]:
        """A number for each distinct stack, and one record that has it."""
        canonical: dict[tuple[Frame, ...], int] = {}
        same = np.array([canonical.setdefault(frames, len(canonical)) for frames in self.frames], dtype=np.int32)
        content = same[self.locations].tobytes() if len(same) else b""
        numbers: dict[bytes, int] = {}
        representatives: list[int] = []
        found = np.empty(len(self.end), dtype=np.int64)
        start = 0
        for record, end in enumerate((4 * self.end.astype(np.int64)).tolist()):
            number = numbers.setdefault(content[start:end], len(numbers))
            if number == len(representatives):
                representatives.append(record)
            found[record] = number
            start = end
        return found, representatives


def line_of(frame: Frame) -> str:
    """The key of a table by line: "file:line", or the function where there is no line."""
    return f"{frame.file}:{frame.line}" if frame.file and frame.line else frame.function


def package_of(frame: Frame) -> str:
    """The key of a table by package: the Go import path, the C++ namespace or class, or the library."""
    name = frame.function
    if not frame.line and "+0x" in name:
        return PurePosixPath(frame.file).name or "(unknown)"
    scope = _cpp_scope(name)
    if scope:
        return scope
    if name.startswith(("0x", "(")) or not name:
        return "(unknown)"
    bare = name.split("[", 1)[0]
    folder, _, last = bare.rpartition("/")
    package, dot, _ = last.partition(".")
    if not dot:
        return PurePosixPath(frame.file).parent.as_posix() if frame.file else "(unknown)"
    # Go writes dots in the last element of an import path as %2e.
    return (f"{folder}/{package}" if folder else package).replace("%2e", ".")


def _cpp_scope(name: str) -> str:
    """What stands before the last "::" outside of brackets."""
    depth, last = 0, -1
    for i, character in enumerate(name):
        if character == "(" and depth == 0 and not name.startswith("(anonymous namespace)", i):
            break
        depth += (character in "<([") - (character in ">)]")
        if depth == 0 and name.startswith("::", i):
            last = i
    return name[: max(last, 0)]
