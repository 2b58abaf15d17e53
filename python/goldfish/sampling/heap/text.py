"""The text formats: Go's legacy profile, gperftools and tcmalloc, jemalloc."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from goldfish.sampling.errors import ProfileFormatError, SamplingWarning
from goldfish.sampling.heap.counts import Counts
from goldfish.sampling.heap.frames import Function, Mapping, Stacks
from goldfish.sampling.heap.profile import HeapProfile

_PAIRS = rb"\s*(\d{1,19}):\s*(\d{1,19})\s*\[\s*(\d{1,19}):\s*(\d{1,19})\s*\]"
_HEADER = re.compile(rb"heap profile:" + _PAIRS + rb"\s*@\s*(\w*)(?:/(\d{1,19}))?\s*")
_ROW = re.compile(_PAIRS + rb"\s*@(.*)", re.DOTALL)
_JEMALLOC_HEADER = re.compile(rb"heap_v2/(\d{1,19})\s*")
_JEMALLOC_ROW = re.compile(rb"\s*t(\*|\d{1,19}):" + _PAIRS + rb"\s*")
_SYMBOL = re.compile(rb"#\s+0x([0-9a-fA-F]{1,16})\s+(\S.*?)\+0x[0-9a-fA-F]+\s+(\S.*):(\d{1,18})\s*")
_STATISTIC = re.compile(rb"# (\w+) = (-?[0-9.eE+-]{1,40})\s*")
_MAPPED = re.compile(rb"([0-9a-f]{1,16})-([0-9a-f]{1,16}) (\S{4}) ([0-9a-f]{1,16}) \S+ \d+ *(\S.*?)?\s*")
_MAPS = b"MAPPED_LIBRARIES:"
_ALLOCATOR = re.compile(r"lib(tc|je)malloc[^/]*$")

Symbol = tuple[int, str, str, int]


@dataclass
class _Builder:
    """What the lines of a file add up to."""

    # Per record: in-use objects and bytes, allocated objects and bytes.
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    addresses: list[list[int]] = field(default_factory=list)
    symbols: dict[int, list[Symbol]] = field(default_factory=dict)
    memstats: dict[str, float] = field(default_factory=dict)
    mappings: list[Mapping] = field(default_factory=list)


def is_text(data: bytes) -> bool:
    """Whether the content is one of the text formats."""
    return data.startswith((b"heap profile:", b"heap_v2/"))


def read(data: bytes, rate: float | None) -> HeapProfile:
    """Read a text profile; see `read_heap_profile`."""
    lines = _lines(data)
    first = next(lines)[1]
    jemalloc = first.startswith(b"heap_v2/")
    said, totals = _jemalloc_header(first) if jemalloc else _header(first)
    if rate is None and said <= 0:
        raise ProfileFormatError("the sampling rate is 0; pass rate=", 0, "header")
    mean = float(said if rate is None else rate)
    builder = _Builder()
    (_jemalloc_rows if jemalloc else _rows)(lines, builder)
    table = np.array(builder.rows, dtype=np.float64).reshape(-1, 4)
    notes = []
    if totals is not None and tuple(table.sum(axis=0)) != totals:
        notes.append("The header announces other totals than the rows have: cut off, or written while it changed.")
    families = _families(table, mean, has_allocations=_has_allocations(table, totals, bool(builder.memstats)))
    mixed = _mixes_sizes(list(families.values()))
    if jemalloc:
        notes.append("jemalloc adds sizes up before it corrects them: counts and errors are approximate.")
    elif mixed:
        notes.append("Some rows add objects of several sizes up: un-sampled by their average they come out too low.")
        if b"heap/" not in first:
            warnings.warn(f"read_heap_profile: {notes[-1]}", SamplingWarning, stacklevel=3)
    return HeapProfile(
        rate=int(mean) if mean.is_integer() else mean,
        sample_types=tuple(f"{family}_{unit}" for family in families for unit in ("objects", "space")),
        families=families,
        stacks=_stacks(builder),
        memstats=builder.memstats or None,
        counts_exact=not jemalloc,
        notes=tuple(notes),
    )


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines with their offsets."""
    start = 0
    while start <= len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield start, data[start:end]
        start = end + 1


def _header(line: bytes) -> tuple[int, tuple[int, ...]]:
    """The rate, and the totals (in use, allocated)."""
    match = _HEADER.fullmatch(line)
    if match is None:
        raise ProfileFormatError(f"no header of a heap profile: {_shown(line)}", 0, "header")
    totals = tuple(int(number) for number in match.group(1, 2, 3, 4))
    kind, number = match[5], match[6]
    if kind == b"heapprofile":
        return 1, totals
    if kind not in (b"heap", b"heap_v2", b"heapz_v2"):
        raise ProfileFormatError(f"an unknown kind of profile: {_shown(kind)}", 0, "header")
    if number is None:
        raise ProfileFormatError("the header does not tell the sampling rate", 0, "header")
    rate = _whole(number, 0, "header")
    # Go writes twice the rate under the old name, for readers that halve it.
    return (rate // 2 if kind == b"heap" else rate), totals


def _jemalloc_header(line: bytes) -> tuple[int, None]:
    match = _JEMALLOC_HEADER.fullmatch(line)
    if match is None:
        raise ProfileFormatError(f"no header of a jemalloc profile: {_shown(line)}", 0, "header")
    return _whole(match[1], 0, "header"), None


def _rows(lines: Iterator[tuple[int, bytes]], builder: _Builder) -> None:
    for offset, line in lines:
        if line.startswith(_MAPS):
            return _maps(lines, builder)
        if line.startswith(b"#"):
            _comment(line, builder)
        elif line.strip():
            match = _ROW.fullmatch(line)
            if match is None:
                raise ProfileFormatError(f"no row of a heap profile: {_shown(line)}", offset, "row")
            builder.rows.append(_numbers(match.group(1, 2, 3, 4), offset))
            builder.addresses.append(_addresses(match[5], offset))
    return None


def _jemalloc_rows(lines: Iterator[tuple[int, bytes]], builder: _Builder) -> None:
    stack: list[int] | None = None
    for offset, line in lines:
        if line.startswith(_MAPS):
            return _maps(lines, builder)
        if line.startswith(b"@"):
            stack = _addresses(line[1:], offset)
        elif line.strip():
            match = _JEMALLOC_ROW.fullmatch(line)
            if match is None:
                raise ProfileFormatError(f"no row of a jemalloc profile: {_shown(line)}", offset, "row")
            numbers = _numbers(match.group(2, 3, 4, 5), offset)
            # Before the first stack stand the totals; after it, numbers per thread that "*" already contains.
            if stack is not None and match[1] == b"*":
                builder.rows.append(numbers)
                builder.addresses.append(stack)
                stack = []
    return None


def _numbers(groups: tuple[bytes, ...], offset: int) -> tuple[int, int, int, int]:
    in_use, in_use_bytes, allocated, allocated_bytes = (_whole(group, offset, "row") for group in groups)
    for count, size in ((in_use, in_use_bytes), (allocated, allocated_bytes)):
        if not count and size:
            raise ProfileFormatError(f"no objects, but {size} bytes", offset, "row")
    return in_use, in_use_bytes, allocated, allocated_bytes


def _addresses(text: bytes, offset: int) -> list[int]:
    result = []
    for word in text.split():
        if not re.fullmatch(rb"0x[0-9a-fA-F]{1,16}", word):
            raise ProfileFormatError(f"no address of 64 bits: {_shown(word)}", offset, "address")
        result.append(int(word, 16))
    return result


def _comment(line: bytes, builder: _Builder) -> None:
    """A symbol of the last row, or a number of runtime.MemStats; anything else is somebody's remark."""
    if match := _SYMBOL.fullmatch(line):
        name, file = match[2].decode("utf-8", "replace"), match[3].decode("utf-8", "replace")
        symbol = (int(match[1], 16), name, file, int(match[4]))
        if builder.rows:
            builder.symbols.setdefault(len(builder.rows) - 1, []).append(symbol)
    elif match := _STATISTIC.fullmatch(line):
        try:
            number = float(match[2])
        except ValueError:
            return
        if np.isfinite(number):
            builder.memstats[match[1].decode()] = int(match[2]) if match[2].lstrip(b"-").isdigit() else number


def _maps(lines: Iterator[tuple[int, bytes]], builder: _Builder) -> None:
    """The memory map, as /proc/self/maps has it: where code lies."""
    for _, line in lines:
        match = _MAPPED.fullmatch(line)
        if match and b"x" in match[3]:
            start, limit, offset = (int(number, 16) for number in match.group(1, 2, 4))
            builder.mappings.append(Mapping(start, limit, offset, (match[5] or b"").decode("utf-8", "replace"), ""))


def _has_allocations(table: np.ndarray, totals: tuple[int, ...] | None, go: bool) -> bool:
    """Whether the pairs in brackets say something: samplers of live objects repeat the first pair, or write zeros."""
    allocated, in_use = table[:, 2:], table[:, :2]
    if totals is not None and (totals[2:] != totals[:2]) and any(totals[2:]):
        return True
    return go or bool((allocated != in_use).any() and allocated.any())


def _families(table: np.ndarray, rate: float, *, has_allocations: bool) -> dict[str, Counts]:
    families = {"alloc": table[:, 2:], "inuse": table[:, :2]} if has_allocations else {"inuse": table[:, :2]}
    return {family: _counts(pair[:, 0], pair[:, 1], rate) for family, pair in families.items()}


def _mixes_sizes(families: list[Counts]) -> bool:
    """Whether averages show that some rows add objects of several sizes."""
    fractions = any((counts.size != np.floor(counts.size)).any() for counts in families)
    one, other = families[0], families[-1]
    return fractions or bool(((one.k > 0) & (other.k > 0) & (one.size != other.size)).any())


def _counts(k: np.ndarray, space: np.ndarray, rate: float) -> Counts:
    # Objects of no bytes (malloc(0)) are never sampled in proportion to anything; pprof drops them too.
    k = np.where(space > 0, k, 0.0)
    size = np.divide(space, k, out=np.ones_like(space), where=k > 0)
    return Counts(k, size, np.ones(len(k), dtype=bool), rate)


def _stacks(builder: _Builder) -> Stacks:
    """Number the locations and functions in the order in which they come."""
    functions: dict[tuple[str, str], int] = {}
    locations: dict[tuple[int, tuple[Symbol, ...]], int] = {}
    mapping_of = _mapping_finder(builder.mappings)
    flat: list[int] = []
    end: list[int] = []
    for record, addresses in enumerate(builder.addresses):
        for place in _symbolised(addresses, builder.symbols.get(record, [])):
            flat.append(locations.setdefault(place, len(locations)))
        end.append(len(flat))
    line_function, line_number, line_end = [], [], []
    for _, symbols in locations:
        for _, name, file, line in symbols:
            line_function.append(functions.setdefault((name, file), len(functions)))
            line_number.append(line)
        line_end.append(len(line_function))
    addresses = [address for address, _ in locations]
    mapping = np.array([mapping_of(address) for address in addresses], dtype=np.int64)
    stacks = Stacks(
        end=np.array(end, dtype=np.int64),
        locations=np.array(flat, dtype=np.int64),
        address=np.array(addresses, dtype=np.uint64),
        mapping=mapping,
        line_end=np.array(line_end, dtype=np.int64),
        line_function=np.array(line_function, dtype=np.int64),
        line_number=np.array(line_number, dtype=np.int64),
        functions=[Function(name, name, file, 0) for name, file in functions],
        mappings=builder.mappings,
    )
    return _without_allocator(stacks)


Place = tuple[int, tuple[Symbol, ...]]


def _symbolised(addresses: list[int], symbols: list[Symbol]) -> list[Place]:
    """Each address of a stack with its lines, innermost first.

    Rows hold return addresses, comments the call before. A comment whose address no row has was inlined into the next
    one that it precedes; an address with more comments than occurrences (recursion repeats it) has inlined calls. Go
    leaves its own entry and exit points without comments; they are left out, as in its other format.
    """
    occurrences = Counter(addresses)
    comments = Counter(symbol[0] for symbol in symbols)
    known = {own for address in addresses for own in (address, address - 1)}
    places: list[Place] = []
    position = 0
    for address in addresses:
        due = (comments[address] + comments[address - 1]) // occurrences[address]
        start = position
        while position < len(symbols):
            mine = symbols[position][0] in (address, address - 1)
            if (mine and not due) or (not mine and symbols[position][0] in known):
                break
            due -= mine
            position += 1
            if mine and not due:
                break
        places.append((address, tuple(symbols[start:position])))
    named = [i for i, (_, lines) in enumerate(places) if lines]
    return places[named[0] : named[-1] + 1] if named else places


def _mapping_finder(mappings: list[Mapping]) -> Callable[[int], int]:
    """A function from an address to the index of its mapping, or -1."""
    order = sorted(range(len(mappings)), key=lambda i: mappings[i].start)
    starts = np.array([mappings[i].start for i in order], dtype=np.uint64)

    def find(address: int) -> int:
        place = int(np.searchsorted(starts, np.uint64(address), side="right")) - 1
        return order[place] if place >= 0 and address < mappings[order[place]].limit else -1

    return find


def _without_allocator(stacks: Stacks) -> Stacks:
    """Leave out the leaves that lie in the allocator's library: every stack begins with them."""
    inside = np.array([bool(_ALLOCATOR.search(mapping.filename)) for mapping in stacks.mappings] + [False])
    if not inside.any() or not len(stacks.locations):
        return stacks
    own = ~inside[stacks.mapping[stacks.locations]]
    start = np.r_[0, stacks.end[:-1]]
    # How many locations outside the allocator have come so far in the record; the first one ends the leaves.
    so_far = np.cumsum(own)
    before = np.r_[0, so_far][start]
    lengths = stacks.end - start
    keep = so_far > np.repeat(before, lengths)
    # A stack that lies in the allocator throughout stays as it is.
    record = np.repeat(np.arange(len(start)), lengths)
    keep |= (np.bincount(record[keep], minlength=len(start)) == 0)[record]
    counts = np.bincount(record[keep], minlength=len(start))
    return Stacks(
        end=np.cumsum(counts),
        locations=stacks.locations[keep],
        address=stacks.address,
        mapping=stacks.mapping,
        line_end=stacks.line_end,
        line_function=stacks.line_function,
        line_number=stacks.line_number,
        functions=stacks.functions,
        mappings=stacks.mappings,
    )


def _whole(digits: bytes, offset: int, field: str) -> int:
    number = int(digits)
    if number >= 1 << 63:
        raise ProfileFormatError(f"{number} has more than 63 bits", offset, field)
    return number


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("utf-8", "replace"))
