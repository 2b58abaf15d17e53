"""Files that nobody should trust: refused with offset and field, in bounded time and memory, or read."""

import gzip
import io
import resource
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest

from goldfish import sampling
from heap_files import DATA, RECORDS, blob, encode, number, scaled, varint
from heap_profiles import TYPES

GOOD = encode(RECORDS)
MiB = 1 << 20


def refused(data, field=None):
    start = time.process_time()
    with pytest.raises(sampling.ProfileFormatError) as caught:
        sampling.read_heap_profile(data)
    assert time.process_time() - start < 10
    error = caught.value
    assert isinstance(error.offset, int)
    assert 0 <= error.offset <= max(len(data), 1 << 28)
    assert isinstance(error.field, str)
    assert str(error).startswith("read_heap_profile: ")
    if field:
        assert error.field == field
    return error


def row(k=1, size=16):
    return blob(2, b"".join(map(varint, scaled(k, size) * 2)))


@pytest.mark.parametrize(
    "data, field",
    [
        (b"", "profile"),
        (b"\0", "profile"),
        (b"hello, world\n", "profile"),
        (bytes(1000), "profile"),
        (b"\xff" * 1000, "profile"),
        (b"\x80" * 20, "profile"),
        (varint(6 << 3 | 2) + varint(1 << 62) + b"x", "profile"),
        (varint(1 << 3 | 3), "profile"),
        (blob(6, b"not empty"), "string_table"),
        (blob(6, b""), "sample_type"),
        (b"\x1f\x8b", "gzip"),
        (b"\x1f\x8b\x08\0garbage", "gzip"),
        (gzip.compress(b""), "profile"),
        (gzip.compress(GOOD) * 2, "gzip"),
        (gzip.compress(GOOD) + b"tail", "gzip"),
        (gzip.compress(GOOD)[:-3], "gzip"),
        (gzip.compress(gzip.compress(GOOD)), "profile"),
        (GOOD + GOOD, None),
        (GOOD + varint(99 << 3) + b"\x80" * 11 + b"\1", "profile"),
        (GOOD + blob(2, blob(1, varint(4711)) + row()), "sample.location_id"),
        (GOOD + blob(2, blob(1, varint(0)) + row()), "sample.location_id"),
        (GOOD + blob(2, blob(1, varint(2**64 - 1)) + row()), "sample.location_id"),
        (GOOD + blob(2, blob(1, b"\x81") + row()), "sample.location_id"),
        (GOOD + blob(2, blob(2, b"\1\1\1")), "sample.value"),
        (GOOD + blob(2, blob(2, b"\1\1\1\1\1")), "sample.value"),
        (GOOD + blob(2, row() + blob(3, number(1, 4711))), "sample.label.key"),
        (GOOD + number(2, 5), "sample"),
        (blob(6, b"") + blob(1, number(1, 4711)), "sample_type"),
        (GOOD + blob(4, number(1, 900) + blob(4, number(1, 4711))), "location.line.function_id"),
        (GOOD + blob(4, number(1, 900) + number(2, 4711)), "location.mapping_id"),
        (GOOD + blob(4, number(3, 900)), "location.id"),
        (GOOD + blob(4, number(1, 1)), "location.id"),
        (GOOD + blob(5, number(1, 1)), "function.id"),
        (GOOD + blob(5, number(1, 900) + number(2, 4711)), "function.name"),
        (GOOD + blob(3, number(1, 1)), "mapping.id"),
        (GOOD + blob(3, number(1, 9) + number(5, 4711)), "mapping.filename"),
        (GOOD + number(13, 4711), "comment"),
        (GOOD + number(14, 4711), "default_sample_type"),
        (GOOD + number(12, 0), "period"),
        (GOOD + number(12, 2**64 - 5), "period"),
    ],
    ids=range(40),
)
def test_garbage(data, field) -> None:
    refused(data, field)


def test_the_offset_is_where_it_went_wrong() -> None:
    assert refused(GOOD + number(13, 4711)).offset == len(GOOD)
    assert refused(GOOD + blob(2, blob(1, varint(1) + varint(4711)) + row())).offset == len(GOOD) + 5
    assert refused(gzip.compress(GOOD)[:-3]).offset == len(gzip.compress(GOOD)) - 3


def test_every_truncation_of_a_compressed_profile() -> None:
    data = gzip.compress(GOOD)
    for n in range(len(data)):
        refused(data[:n])


BOMBS = {
    "zeros": lambda: gzip.compress(bytes(300 * MiB), 9),
    "plain": lambda: bytes(257 * MiB),
    "empty texts": lambda: gzip.compress(b"\x32\0" * (100 * MiB), 1),
    "empty samples": lambda: gzip.compress(GOOD + b"\x12\0" * (100 * MiB), 1),
    "samples of the right length": lambda: gzip.compress(GOOD + blob(2, row()) * (10 * MiB), 1),
    "a stack of a hundred million": lambda: gzip.compress(GOOD + blob(2, blob(1, b"\1" * (200 * MiB)) + row()), 1),
    "values without end": lambda: gzip.compress(GOOD + blob(2, blob(2, b"\1" * (200 * MiB))), 1),
    "lines without end": lambda: gzip.compress(GOOD + blob(4, number(1, 99) + b"\x22\0" * (100 * MiB)), 1),
    "types without end": lambda: gzip.compress(b"\x0a\0" * (100 * MiB), 1),
    "comments without end": lambda: gzip.compress(GOOD + b"\x6a" + varint(200 * MiB) + bytes(200 * MiB), 1),
    "a text of 200 MB": lambda: gzip.compress(blob(6, b"") + blob(6, b"x" * (200 * MiB)), 1),
    "locations far apart": lambda: b"".join(blob(4, number(1, i << 40)) for i in range(1, 10**6)) + blob(6, b""),
    "one line of text": lambda: (
        b"heap profile: 1: 2 [3: 4] @ heap/1048576\n1: 2 [3: 4] @" + b" 0x1" * (4 * MiB) + b" x"
    ),
    "blanks": lambda: b"heap profile:" + b" " * (50 * MiB),
    "digits": lambda: b"heap profile: " + b"1" * (50 * MiB),
}
BOMB = """
import pathlib, sys, time
from goldfish import sampling
data = pathlib.Path(sys.argv[1])
def peak():
    return int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before, start = peak(), time.process_time()
try:
    sampling.read_heap_profile(data)
    print("read")
except sampling.ProfileFormatError as error:
    print("refused", error.field)
print(peak() - before, time.process_time() - start)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name, tmp_path) -> None:
    """In a process of its own, so that its memory can be told."""
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name]())
    ended = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    verdict, numbers = ended.stdout.splitlines()
    memory, seconds = map(float, numbers.split())
    assert verdict.startswith("refused") or name in ("a stack of a hundred million",)
    assert memory < 1600 * 1024
    assert seconds < 30


def test_small_bombs() -> None:
    """A megabyte that would be many: refused before the memory is taken."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stream = zlib.compressobj(1, zlib.DEFLATED, 31)
    out = io.BytesIO()
    for _ in range(260):
        out.write(stream.compress(bytes(MiB)))
    out.write(stream.flush())
    assert refused(out.getvalue(), "gzip").offset == 256 * MiB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 * 1024
    refused(GOOD + blob(2, blob(2, b"\1" * MiB)), "sample.value")
    refused(b"heap profile: " + b"1" * MiB, "header")
    refused(b"heap profile: 1: 2 [3: 4] @ heap/1048576\n1: 2 [3: 4] @" + b" " * MiB + b"x", "address")


def test_numbers_at_the_edge() -> None:
    """The largest numbers that the format can say: no overflow, no warning."""
    big = 2**63 - 1
    for size in (1, 16, big):
        for values in ((big, big) * 2, (1, big) * 2, (big, 1) * 2, (0, big) * 2, (big, 0) * 2):
            for rate in (1, 2, 524288, big):
                data = encode([((("f", "x", 1),), size, 0, 0)], values=[values], rate=rate)
                exercise(sampling.read_heap_profile(data))


def exercise(profile):
    """Every computation that a table needs; numbers must be finite."""
    for metric in profile.sample_types:
        total = profile.total(metric)
        assert np.isfinite([total.value, total.se, *total.interval()]).all()
        for by in ("function", "stack"):
            for found in profile.table(by, metric):
                assert np.isfinite(found[1:]).all()
                assert 0 <= found.lo <= found.estimate * (1 + 1e-9) + 1e-9
                assert found.hi >= found.estimate * (1 - 1e-9)


def mutated(data, rng):
    """A few bytes changed, flipped, removed, repeated or put in, or the end cut off."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not out:
            break
        place, length = int(rng.integers(len(out))), int(rng.integers(1, 9))
        action = int(rng.integers(6))
        if action == 0:
            out[place] = int(rng.integers(256))
        elif action == 1:
            out[place] ^= 1 << int(rng.integers(8))
        elif action == 2:
            del out[place : place + length]
        elif action == 3:
            out[place:place] = rng.bytes(length)
        elif action == 4:
            out[place:place] = out[place : place + length]
        elif rng.random() < 0.2:
            del out[place:]
        else:
            out[place] = (0, 127, 128, 255)[int(rng.integers(4))]
    return bytes(out)


def lines_of(name, count):
    """The beginning of a text file."""
    return b"".join((DATA / name).read_bytes().splitlines(keepends=True)[:count])


SEEDS = {
    "by hand": lambda: GOOD,
    "unpacked, without labels": lambda: encode(RECORDS, packed=False, label=False),
    "two types": lambda: encode(RECORDS, types=TYPES[2:]),
    "go": lambda: gzip.decompress((DATA / "go.pb.gz").read_bytes()),
    "gzip": lambda: (DATA / "go.pb.gz").read_bytes(),
    "go text": lambda: lines_of("go.txt", 60),
    "jemalloc": lambda: lines_of("jemalloc.heap", 30),
    "tcmalloc": lambda: lines_of("tcmalloc.heap", 12),
}


def survive(name, count, seed):
    """Read that many mutations; returns how many were refused."""
    data, rng, found = SEEDS[name](), np.random.default_rng(seed), []
    for _ in range(count):
        changed = mutated(data, rng)
        start = time.process_time()
        try:
            exercise(sampling.read_heap_profile(changed))
        except sampling.ProfileFormatError as error:
            found.append((error.offset, error.field))
        assert time.process_time() - start < 5
    assert all(isinstance(offset, int) and field for offset, field in found)
    return len(found)


@pytest.mark.filterwarnings("ignore::goldfish.sampling.SamplingWarning")
@pytest.mark.parametrize("name", SEEDS)
def test_mutations(name) -> None:
    bad = survive(name, 400, 1)
    assert 0 < bad < 400 or name == "gzip"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::goldfish.sampling.SamplingWarning")
@pytest.mark.parametrize("name", SEEDS)
def test_two_hundred_thousand_mutations(name) -> None:
    survive(name, 25_000, 2)
