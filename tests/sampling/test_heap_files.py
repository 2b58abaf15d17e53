"""Formats: real files of real tools, files by hand, and what goes back out."""

import gzip
import math
import re
import subprocess

import numpy as np
import pytest

from goldfish import sampling
from goldfish.sampling import Frame
from heap_files import DATA, LEAF, MAIN, METRICS, RATE, RECORDS, TYPES, blob, encode, number, scaled, varint

# What the programs in data/ allocate: bytes by function, in the allocator's size classes.
GO = {
    "main.smallNodes": 300_000 * 64,
    "main.pages": 7000 * 4096,
    "main.images": 6 * (3 << 20),
    "main.inlined": 4000 << 15,
}


def described(profile):
    return sorted(
        (record.size, record.alloc_k, record.inuse_k, tuple(frame[:3] for frame in record.stack))
        for record in profile.records
    )


# ------------------------------------------------------------------------------------------------------- real files
@pytest.mark.parametrize("name", ["go.pb.gz", "go.txt"])
def test_go_profiles_hold_the_truth(name) -> None:
    profile = sampling.read_heap_profile(DATA / name)
    assert profile.rate == RATE
    assert profile.counts_exact
    assert profile.notes == ()
    rows = {row.key: row for row in profile.table(metric="alloc_space")}
    for function, truth in GO.items():
        assert rows[function].lo <= truth <= rows[function].hi
        assert abs(rows[function].estimate - truth) < 3 * rows[function].se
    in_use = {row.key for row in profile.table()}
    assert "main.inlined" not in in_use  # all of it was collected
    assert {"main.smallNodes", "main.pages", "main.images"} <= in_use


def test_both_formats_of_go_say_the_same() -> None:
    binary, text = (sampling.read_heap_profile(DATA / name) for name in ("go.pb.gz", "go.txt"))
    assert described(binary) == [record for record in described(text) if record[1]]
    assert {frame.address for record in text.records for frame in record.stack} >= {
        frame.address + 1 for record in binary.records for frame in record.stack[-1:]
    }


def top_of(text):
    """The tables that `go tool pprof -top` printed: by sample type, (flat, cumulative) by function."""
    for part in text.split("File: prog\n")[1:]:
        rows = re.findall(r"^ *(\d+)B? +[\d.]+% +[\d.]+% +(\d+)B? +[\d.]+%  (\S+)", part, re.MULTILINE)
        yield re.search(r"Type: (\w+)", part)[1], {name: (int(flat), int(cum)) for flat, cum, name in rows}


def test_go_tool_pprof_agrees() -> None:
    profile = sampling.read_heap_profile(DATA / "go.pb.gz")
    tables = dict(top_of((DATA / "go.top.txt").read_text()))
    assert set(tables) == set(METRICS)
    for metric, theirs in tables.items():
        assert len(theirs) > 3
        flat = {row.key: row.estimate for row in profile.table(metric=metric)}
        cumulative = {row.key: row.estimate for row in profile.table(metric=metric, cumulative=True)}
        for name, (own, total) in theirs.items():
            # pprof adds numbers up that Go has cut to whole ones.
            assert flat.get(name, 0) == pytest.approx(own, abs=3)
            assert cumulative[name] == pytest.approx(total, abs=8)


def test_exact_totals_of_go() -> None:
    profile = sampling.read_heap_profile(DATA / "go.txt")
    check = profile.check()
    assert abs(check.z_bytes) < 3
    assert abs(check.z_objects) < 3
    calibrated = profile.calibrated()
    assert calibrated.total("alloc_space").value == pytest.approx(profile.memstats["TotalAlloc"])
    assert calibrated.total("alloc_space").se == 0
    before = {row.key: row for row in profile.table(metric="alloc_space")}
    for row in calibrated.table(metric="alloc_space"):
        assert row.se <= before[row.key].se
        assert row.lo <= row.estimate <= row.hi
        assert row.lo <= GO.get(row.key, row.lo) <= row.hi
    assert sum(row.share for row in calibrated.table(metric="alloc_space")) == pytest.approx(1)
    assert calibrated.table() == profile.table()  # what is in use has no exact total of its moment
    with pytest.raises(ValueError, match="to must be one of 'memstats'"):
        profile.calibrated("truth")


@pytest.mark.parametrize(
    "name, expected",
    [
        # In the order of their code: small_nodes, pages, images, mixed, scratch.
        ("jemalloc.heap", [14_400_000, 20_480_000, 6 * (3 << 20), 33_056_000, 4000 << 15]),
        ("tcmalloc.heap", [14_400_000, 20_480_000, 6 * (3 << 20), 33_056_000]),
    ],
)
def test_profiles_of_c_programs_hold_the_truth(name, expected) -> None:
    profile = sampling.read_heap_profile(DATA / name)
    metric = "alloc_space" if "alloc_space" in profile.sample_types else "inuse_space"
    rows = sorted(row for row in profile.table(metric=metric) if row.key.startswith("heapc"))
    for row, truth in zip(rows, expected, strict=True):
        # jemalloc's own correction leaves averages like 3145843.8 for objects of 3145728 bytes.
        assert row.lo * (1 - 1e-4) <= truth <= row.hi, row.key
    assert profile.counts_exact is (name == "tcmalloc.heap")
    assert not any("malloc" in frame.file for record in profile.records for frame in record.stack)


# ----------------------------------------------------------------------------------------------------- profile.proto
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_records_by_hand(packed, compress) -> None:
    profile = sampling.read_heap_profile(compress(encode(RECORDS, packed=packed)))
    expected = sorted((size, allocated, in_use, stack) for stack, size, allocated, in_use in RECORDS)
    assert described(profile) == expected
    assert profile.sample_types == tuple(METRICS)
    assert profile.counts_exact


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_anything_that_holds_bytes(kind) -> None:
    assert len(sampling.read_heap_profile(kind(encode(RECORDS))).records) == 4


def test_short_names_mean_in_use() -> None:
    types = (("objects", "count"), ("space", "bytes"))
    values = [scaled(k, size) for _, size, _, k in RECORDS]
    profile = sampling.read_heap_profile(encode(RECORDS, types=types, values=values))
    assert profile.sample_types == ("inuse_objects", "inuse_space")
    assert [record.inuse_k for record in profile.records] == [2, 40, 0, 4]
    assert profile.records[0].alloc_k is None


def test_bytes_alone_need_labels() -> None:
    types = (("inuse_space", "bytes"),)
    profile = sampling.read_heap_profile(encode(RECORDS, types=types))
    assert [record.inuse_k for record in profile.records] == [2, 40, 0, 4]
    with pytest.raises(sampling.ProfileFormatError, match="without inuse_objects"):
        sampling.read_heap_profile(encode(RECORDS, types=types, label=False))


def test_other_sample_types_are_left_aside() -> None:
    types = (("samples", "count"), ("inuse_objects", "count"), ("inuse_space", "bytes"))
    values = [(9, *scaled(k, size)) for _, size, _, k in RECORDS]
    profile = sampling.read_heap_profile(encode(RECORDS, types=types, values=values))
    assert profile.sample_types == ("inuse_objects", "inuse_space")
    assert [record.inuse_k for record in profile.records] == [2, 40, 0, 4]


def test_sizes_without_labels_are_solved() -> None:
    profile = sampling.read_heap_profile(encode(RECORDS, label=False))
    assert [(record.size, record.alloc_k) for record in profile.records] == [(s, k) for _, s, k, _ in RECORDS]


def test_every_count_comes_back() -> None:
    """Go cuts twice, and its exponential may differ from ours in the last bit."""
    rng = np.random.default_rng(0)
    sizes = [8, 16, 24, 48, 64, 96, 208, 1024, 9472, 32768, 1 << 18, 1 << 19, 1 << 20, 3 << 20, 1 << 24]
    counts = [1, 2, 3, 5, 40, 642, 99_991, 699_056, *map(int, rng.integers(1, 10**6, 20))]
    for rate in (RATE, 1 << 16, 10**6, 2):
        records = [(((f"f{s}_{k}", "x.go", 1),), s, k, k // 2) for s in sizes for k in counts]
        profile = sampling.read_heap_profile(encode(records, rate=rate))
        assert profile.counts_exact
        assert [(r.size, r.alloc_k, r.inuse_k) for r in profile.records] == [(s, k, i) for _, s, k, i in records]


@pytest.mark.parametrize("bits", [-1, 1])
def test_counts_survive_another_exponential(bits) -> None:
    """The same records, stored by a computer whose exp is one unit in the last place off."""
    values, records = [], []
    for size in (8, 16, 48, 1024):
        for k in (1, 77, 99_991, 10**6):
            scale = 1 / (1 - np.nextafter(math.exp(-size / RATE), 1 + bits))
            records.append((((f"f{size}_{k}", "x.go", 1),), size, k, k))
            values.append((int(k * scale), int(k * size * scale)) * 2)
    profile = sampling.read_heap_profile(encode(records, values=values))
    assert profile.counts_exact
    assert [r.alloc_k for r in profile.records] == [k for _, _, k, _ in records]


def test_merged_profiles_are_recognised() -> None:
    one = scaled(1, 1 << 20)
    values = [tuple(3 * value for value in one + one)]
    profile = sampling.read_heap_profile(encode([((LEAF,), 1 << 20, 0, 0)], values=values))
    assert not profile.counts_exact
    assert "merged" in profile.notes[0]
    assert profile.total("alloc_space").value == pytest.approx(values[0][1], rel=1e-12)  # the stored bytes stand
    assert profile.table(metric="alloc_space")[0].raw_samples == 3


def test_rates() -> None:
    exact = sampling.read_heap_profile(encode(RECORDS, rate=1))
    assert exact.total("alloc_objects").value == 64
    (row,) = sampling.read_heap_profile(encode(RECORDS[:1], rate=1)).table()
    assert (row.se, row.lo, row.hi) == (0, row.estimate, row.estimate)
    assert exact.detection_limit() == 0
    values = [scaled(a, s) + scaled(i, s) for _, s, a, i in RECORDS]
    nothing_said = encode(RECORDS, rate=0, values=values)
    with pytest.raises(sampling.ProfileFormatError, match="pass rate=") as caught:
        sampling.read_heap_profile(nothing_said)
    assert caught.value.field == "period"
    assert sampling.read_heap_profile(nothing_said, rate=RATE).counts_exact
    with pytest.raises(ValueError, match="instead of space/bytes"):
        sampling.read_heap_profile(encode(RECORDS, period_type=("cpu", "nanoseconds")))
    for wrong in (0, -1, math.nan, 2.0**63):
        with pytest.raises(ValueError, match=r"^read_heap_profile: rate "):
            sampling.read_heap_profile(nothing_said, rate=wrong)


def test_a_profile_of_something_else_names_what_it_has() -> None:
    cpu = encode(RECORDS, types=(("samples", "count"), ("cpu", "nanoseconds")), values=[(1, 2)] * 4)
    with pytest.raises(ValueError, match="samples/count, cpu/nanoseconds"):
        sampling.read_heap_profile(cpu)


def test_differences_are_refused() -> None:
    with pytest.raises(sampling.ProfileFormatError, match="compare them") as caught:
        sampling.read_heap_profile(encode(RECORDS[:1], values=[(-1, -16, 0, 0)]))
    assert caught.value.field == "sample.value"


def test_empty_stacks_and_names() -> None:
    bare = [((), 16, 3, 3), ((("", "", 0),), 16, 4, 4)]
    profile = sampling.read_heap_profile(encode(bare))
    assert [row.key for row in profile.table()] == ["prog+0x10", "(no stack)"]
    assert [row.key for row in profile.table(cumulative=True)] == ["prog+0x10", "(no stack)"]
    assert [row.key for row in profile.table(by="stack")] == [profile.records[1].stack, ()]
    assert profile.records[1].stack == (Frame("prog+0x10", "/bin/prog", 0, 0x400010),)
    assert {row.key for row in profile.table(by="package")} == {"prog", "(unknown)"}


def test_inlined_calls_are_frames_of_one_place() -> None:
    lines = blob(4, number(1, 1) + number(2, 7)) + blob(4, number(1, 2) + number(2, 8))
    parts = encode([], types=TYPES[2:])
    texts = [b"inner", b"outer"]
    strings = sum(1 for _ in texts_of(parts))
    extra = b"".join(blob(6, t) for t in texts)
    extra += b"".join(blob(5, number(1, i + 1) + number(2, strings + i)) for i in range(2))
    extra += blob(4, number(1, 1) + number(3, 0x99) + lines)
    extra += blob(2, blob(1, varint(1)) + blob(2, varint(scaled(3, 64)[0]) + varint(scaled(3, 64)[1])))
    profile = sampling.read_heap_profile(parts + extra)
    assert [frame[:3] for frame in profile.records[0].stack] == [("inner", "", 7), ("outer", "", 8)]
    assert [row.key for row in profile.table()] == ["inner"]
    assert {row.key for row in profile.table(cumulative=True)} == {"inner", "outer"}


def texts_of(data):
    """The texts of a file, by a plain walk over its top level."""
    position = 0
    while position < len(data):
        key, position = plain_varint(data, position)
        value, position = plain_varint(data, position)
        if key & 7 == 2:
            if key >> 3 == 6:
                yield data[position : position + value]
            position += value


def plain_varint(data, position):
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position


# ------------------------------------------------------------------------------------------------------------- text
HEADER = "heap profile: 3: 1114112 [9: 4521984] @ heap/1048576\n"
TEXT = HEADER + (
    "1: 1048576 [4: 4194304] @ 0x4f6ea4 0x4f6f00 0x43a1d3 0x4663e1\n"
    "#\t0x4f6ea3\tmain.grow+0x63\t\t/src/main.go:12\n"
    "#\t0x4f6eff\tmain.main+0x1f\t\t/src/main.go:20\n"
    "#\t0x43a1d2\truntime.main+0x212\t/go/runtime/proc.go:250\n\n"
    "2: 65536 [5: 327680] @ 0x4f7001 0x4f6f10\n"
    "#\t0x4f7000\texample.com/x/b.(*T).Leaf+0x40\t/src/b.go:9\n"
    "\n# runtime.MemStats\n# TotalAlloc = 8000000\n# Mallocs = 700\n# GCCPUFraction = 1.5e-06\n# PauseNs = [1 2]\n"
    "# Stack = 5 / 6\n# DebugGC = false\n# HeapObjects = 50\n"
)


def test_go_text() -> None:
    profile = sampling.read_heap_profile(TEXT.encode())
    assert [frame[:3] for frame in profile.records[0].stack] == [
        ("main.grow", "/src/main.go", 12),
        ("main.main", "/src/main.go", 20),
        ("runtime.main", "/go/runtime/proc.go", 250),
    ]
    assert profile.memstats == {"TotalAlloc": 8000000, "Mallocs": 700, "GCCPUFraction": 1.5e-06, "HeapObjects": 50}
    assert [(r.size, r.alloc_k, r.inuse_k) for r in profile.records] == [(1048576, 4, 1), (65536, 5, 2)]
    assert profile.notes[0].startswith("Some rows add objects of several sizes up")  # 2 of 65536, 5 of 327680 bytes


def test_recursion_and_inlining_in_go_text() -> None:
    rows = (
        "1: 64 [1: 64] @ 0x100 0x200 0x200 0x300\n"
        "#\t0xff\tleaf+0x1\ta.go:1\n"
        "#\t0xff\twrapper+0x1\ta.go:2\n"
        "#\t0x1ff\trecurse+0x9\ta.go:5\n"
        "#\t0x1ff\trecurse+0x9\ta.go:5\n"
        "#\t0x2aa\tinlined+0x9\ta.go:6\n"
        "#\t0x2ff\tmain+0x9\ta.go:7\n"
    )
    profile = sampling.read_heap_profile(f"heap profile: 1: 64 [1: 64] @ heap/1048576\n{rows}".encode())
    names = [frame.function for frame in profile.records[0].stack]
    assert names == ["leaf", "wrapper", "recurse", "recurse", "inlined", "main"]
    assert {row.key: row.raw_samples for row in profile.table(cumulative=True)} == dict.fromkeys(names, 1)


def test_each_pair_has_its_own_average() -> None:
    text = "heap profile: 1: 288 [2: 296] @ heap/1048576\n1: 288 [2: 296] @ 0x1 0x2\n"
    profile = sampling.read_heap_profile(text.encode())
    found = [math.floor(profile.total(metric).value) for metric in METRICS]
    assert found == [7085, 1048724, 1820, 524432]
    assert "several sizes" in profile.notes[0]


def test_samplers_of_live_objects_have_no_allocations() -> None:
    for brackets in ("2: 32", "0: 0"):
        text = f"heap profile: 2: 32 [{brackets}] @ heap_v2/524288\n  2: 32 [{brackets}] @ 0x1\n"
        assert sampling.read_heap_profile(text.encode()).sample_types == ("inuse_objects", "inuse_space")


def test_summed_sizes_are_warned_of() -> None:
    text = b"heap profile: 3: 100 [0: 0] @ heap_v2/524288\n3: 100 [0: 0] @ 0x1\n"
    with pytest.warns(sampling.SamplingWarning, match="too low"):
        profile = sampling.read_heap_profile(text)
    assert "several sizes" in profile.notes[0]


def test_headers_that_do_not_add_up_are_noted() -> None:
    profile = sampling.read_heap_profile(TEXT.replace("9: 4521984", "10: 4521984").encode())
    assert "other totals" in profile.notes[0]


def test_addresses_without_symbols_are_placed_in_their_library() -> None:
    text = (
        "heap_v2/524288\n  t*: 1: 64 [0: 0]\n  t0: 1: 64 [0: 0]\n@ 0x7f0000001010 0x401500 0x99\n  t*: 1: 64 [0: 0]\n"
        "  t0: 1: 64 [0: 0]\n\nMAPPED_LIBRARIES:\n00400000-00402000 r-xp 00001000 fe:00 77   /opt/my prog\n"
        "7f0000001000-7f0000002000 r-xp 00000000 fe:00 78 /usr/lib/libjemalloc.so.2\n"
        "7f0000005000-7f0000006000 rw-p 0 0 0\n"
    )
    profile = sampling.read_heap_profile(text.encode())
    assert [frame.function for frame in profile.records[0].stack] == ["my prog+0x2500", "0x99"]
    assert [row.key for row in profile.table(by="package")] == ["my prog"]
    assert profile.sample_types == ("inuse_objects", "inuse_space")
    assert len(profile.records) == 1


@pytest.mark.parametrize(
    "text, offset, field",
    [
        ("heap profile: x\n", 0, "header"),
        ("heap profile: 1: 2 [3: 4]\n", 0, "header"),
        ("heap profile: 1: 2 [3: 4] @ heap\n", 0, "header"),
        ("heap profile: 1: 2 [3: 4] @ heap/0\n", 0, "header"),
        ("heap profile: 1: 2 [3: 4] @ growthz\n", 0, "header"),
        ("heap profile: 1: 2 [3: 4] @ heap_v2/9999999999999999999\n", 0, "header"),
        (HEADER + "1: 16 [1: 16 @ 0x1\n", len(HEADER), "row"),
        (HEADER + "\n1: 16 [1: 16] @ 1x1\n", len(HEADER) + 1, "address"),
        (HEADER + "1: 16 [1: 16] @ 0x1ffffffffffffffffff\n", len(HEADER), "address"),
        (HEADER + "0: 16 [1: 16] @ 0x1\n", len(HEADER), "row"),
        (HEADER + "9999999999999999999: 16 [1: 16] @ 0x1\n", len(HEADER), "row"),
        ("heap_v2/x\n", 0, "header"),
        ("heap_v2/524288\n@ 0x1\n  t*: 1: 2\n", 21, "row"),
        ("heap_v2/524288\n@ 1\n", 15, "address"),
    ],
)
def test_broken_text(text, offset, field) -> None:
    with pytest.raises(sampling.ProfileFormatError) as caught:
        sampling.read_heap_profile(text.encode())
    assert (caught.value.offset, caught.value.field) == (offset, field)
    assert str(caught.value).startswith("read_heap_profile: ")


# ---------------------------------------------------------------------------------------------------------- written
@pytest.mark.parametrize("name", ["go.pb.gz", "go.txt", "tcmalloc.heap", "jemalloc.heap", None])
def test_what_is_written_reads_as_the_same_profile(name, tmp_path) -> None:
    first = sampling.read_heap_profile(DATA / name if name else encode(RECORDS))
    path, second = tmp_path / "out.pb.gz", tmp_path / "again.pb.gz"
    first.to_pprof(path)
    again = sampling.read_heap_profile(path)
    assert again.rate == first.rate
    assert again.sample_types == first.sample_types
    if name != "jemalloc.heap":
        assert described(again) == described(first)
        assert again.counts_exact
    for metric in first.sample_types:
        assert again.total(metric).value == pytest.approx(first.total(metric).value, rel=1e-5)
        assert again.total(metric).se == pytest.approx(first.total(metric).se, rel=1e-2)
    again.to_pprof(second)
    sampling.read_heap_profile(second).to_pprof(path)
    assert path.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.pb.gz", "out.pb.gz"]


def test_what_is_kept_besides_the_samples(tmp_path) -> None:
    path = tmp_path / "out.pb.gz"
    sampling.read_heap_profile(encode(RECORDS)).to_pprof(path)
    origin = sampling.read_heap_profile(path).origin
    assert (origin.time_nanos, origin.duration_nanos) == (1_600_000_000, 77)
    assert origin.comments == ("by hand",)
    assert origin.default_metric == "inuse_space"


def test_calibrated_profiles_are_written_with_their_numbers(tmp_path) -> None:
    profile = sampling.read_heap_profile(DATA / "go.txt").calibrated()
    profile.to_pprof(tmp_path / "c.pb.gz")
    again = sampling.read_heap_profile(tmp_path / "c.pb.gz")
    assert again.total("alloc_space").value == pytest.approx(profile.memstats["TotalAlloc"], rel=1e-5)
    assert not again.counts_exact


def test_folded(tmp_path) -> None:
    odd = [((("a;b\nc", "x", 1), MAIN), 1 << 20, 3, 3), ((LEAF, MAIN), 64, 5, 0), ((LEAF, MAIN), 128, 5, 0)]
    profile = sampling.read_heap_profile(encode(odd))
    profile.to_folded(tmp_path / "f", metric="alloc_space")
    lines = (tmp_path / "f").read_text().splitlines()
    both = profile.records[1:]
    total = sum(r.alloc_k * r.size / -math.expm1(-r.size / RATE) for r in both)
    assert lines == ["main.main;a:b c 3638090", f"main.main;main.leaf {round(total)}"]
    profile.to_folded(tmp_path / "f")
    assert (tmp_path / "f").read_text().splitlines() == ["main.main;a:b c 3638090"]
    with pytest.raises(ValueError, match="metric"):
        profile.to_folded(tmp_path / "f", metric="cpu")


def test_failed_writing_leaves_the_old_file(tmp_path) -> None:
    profile = sampling.read_heap_profile(encode(RECORDS))
    with pytest.raises(OSError, match="absent"):
        profile.to_pprof(tmp_path / "absent" / "x")


def test_go_reads_what_is_written(tmp_path) -> None:
    """With Go at hand, its own tool has the last word."""
    try:
        subprocess.run(["go", "version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("go is not installed")
    sampling.read_heap_profile(DATA / "go.txt").to_pprof(tmp_path / "out.pb.gz")
    command = ["go", "tool", "pprof", "-top", "-unit=B", "-sample_index=alloc_space", str(tmp_path / "out.pb.gz")]
    assert "main.inlined" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_sources() -> None:
    with pytest.raises(TypeError, match="path_or_bytes"):
        sampling.read_heap_profile(3)
    with pytest.raises(FileNotFoundError):
        sampling.read_heap_profile("/absent/heap")
