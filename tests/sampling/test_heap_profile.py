"""Tables, totals, comparisons: closed forms, and coverage over whole simulated programs."""

import math
import pickle
import sys

import numpy as np
import pytest
from scipy import stats

from goldfish import sampling
from goldfish.sampling import Frame
from goldfish.sampling.heap.frames import package_of
from heap_files import DATA, GROW, LEAF, MAIN, METRICS, OTHER, RATE, RECORDS, closed_form, encode

PROFILE = sampling.read_heap_profile(encode(RECORDS))


@pytest.mark.parametrize("metric", METRICS)
def test_rows_by_function(metric) -> None:
    rows = PROFILE.table(metric=metric)
    assert [row.estimate for row in rows] == sorted((row.estimate for row in rows), reverse=True)
    total, total_se, _ = closed_form(RECORDS, metric)
    for row in rows:
        value, se, samples = closed_form(RECORDS, metric, lambda stack, key=row.key: stack[0][0] == key)
        assert row.estimate == pytest.approx(value, rel=1e-12)
        assert row.se == pytest.approx(se, rel=1e-9)
        assert row.raw_samples == samples
        assert row.share == pytest.approx(value / total)
        rest = total_se**2 - se**2
        share_se = math.sqrt(se**2 * (1 - row.share) ** 2 + rest * row.share**2) / total
        assert row.share_se == pytest.approx(share_se)
        assert row.lo < row.estimate < row.hi
    found = PROFILE.total(metric)
    assert (found.value, found.se) == pytest.approx((total, total_se))
    assert sum(row.estimate for row in rows) == pytest.approx(total)


@pytest.mark.parametrize(
    "by, cumulative, keys",
    [
        ("function", False, {LEAF[0], OTHER[0]}),
        ("function", True, {LEAF[0], OTHER[0], GROW[0], MAIN[0]}),
        ("line", False, {"/src/main.go:3", "/src/cache.go:9"}),
        ("line", True, {"/src/main.go:3", "/src/cache.go:9", "/src/tree.go:12", "/src/main.go:20"}),
        ("package", False, {"main", "example.com/x/cache"}),
        ("package", True, {"main", "example.com/x/cache", "example.com/x/tree"}),
    ],
)
def test_keys(by, cumulative, keys) -> None:
    rows = PROFILE.table(by, "alloc_space", cumulative)
    assert {row.key for row in rows} == keys


def test_stacks_are_keys() -> None:
    twice = sampling.read_heap_profile(encode([*RECORDS, ((LEAF, MAIN), 32, 1, 1)]))
    rows = twice.table("stack", "alloc_space")
    assert {tuple(frame[:3] for frame in row.key) for row in rows} == {stack for stack, *_ in RECORDS}
    (both,) = (row for row in rows if len(row.key) == 2 and row.key[0].function == LEAF[0])
    assert both.raw_samples == 6
    assert rows == twice.table("stack", "alloc_space", cumulative=True)


def test_recursion_counts_once() -> None:
    records = [((LEAF, GROW, GROW, GROW, MAIN), 4096, 3, 3), ((GROW, MAIN), 2048, 2, 2), ((), 16, 1, 1)]
    rows = {row.key: row for row in sampling.read_heap_profile(encode(records)).table(cumulative=True)}
    assert rows[GROW[0]].raw_samples == 5
    assert rows[MAIN[0]].estimate == pytest.approx(closed_form(records[:2], "inuse_space")[0])
    assert rows["(no stack)"].raw_samples == 1


def names(stack):
    return {frame[0] for frame in stack} or {"(no stack)"}


def test_cumulative_tables_in_blocks(monkeypatch, rng) -> None:
    frames = [(f"f{i}", "x.go", i + 1) for i in range(30)]
    records = [
        (tuple(frames[i] for i in rng.integers(0, 30, rng.integers(0, 9))), 64 * (j % 5 + 1), 3, 1) for j in range(200)
    ]
    whole = sampling.read_heap_profile(encode(records)).table(cumulative=True)
    monkeypatch.setattr("goldfish.sampling.heap.frames._BLOCK", 7)
    assert sampling.read_heap_profile(encode(records)).table(cumulative=True) == whole
    for row in whole:
        value = closed_form(
            records, "inuse_space", lambda s, key=row.key: key in [f[0] for f in s] or not (s or key[0] == "f")
        )
        assert row.estimate == pytest.approx(value[0])


def test_intervals_of_small_objects_are_garwood() -> None:
    (row,) = sampling.read_heap_profile(encode([((LEAF,), 16, 5, 5)])).table(metric="inuse_objects", level=0.9)
    weight = 1 / -math.expm1(-16 / RATE)
    assert row.lo == pytest.approx(weight * stats.chi2.ppf(0.05, 10) / 2)
    assert row.hi == pytest.approx(weight * stats.chi2.ppf(0.95, 12) / 2)


def test_sampled_objects_exist() -> None:
    """Six objects of 3 MiB are sampled nearly always: there are six, or seven."""
    (row,) = sampling.read_heap_profile(encode([((LEAF,), 3 << 20, 6, 6)])).table()
    assert row.lo == pytest.approx(6 * (3 << 20), rel=1e-9)
    assert row.hi == pytest.approx(7 * (3 << 20), rel=1e-9)


@pytest.mark.parametrize("size", [16, 8192, 65536, 1 << 18, 1 << 19, 1 << 20, 3 << 20])
def test_intervals_cover_for_every_size(size) -> None:
    """Exactly: summed over the binomial distribution, averaged over numbers of objects."""
    pi = -math.expm1(-size / RATE)
    cover = []
    records = [((LEAF,), size, k, k) for k in range(1, 140)]
    ends = [
        (row.lo, row.hi)
        for record in records
        for row in sampling.read_heap_profile(encode([record])).table(metric="inuse_objects")
    ]
    lo, hi = np.array(ends).T
    for expected in np.linspace(10, 80, 60):
        n = round(expected / pi)
        chance = stats.binom.pmf(np.arange(1, 140), n, pi)
        cover.append(chance[(lo <= n + 1e-6) & (n - 1e-6 <= hi)].sum())
    # Where nearly every object is sampled, whole numbers leave no interval of 95 %.
    assert 0.95 <= np.mean(cover) <= (0.97 if size <= 1 << 19 else 1)
    assert min(cover) > 0.945


def simulated(program, rng):
    """A profile of a program of (stack, size, objects), sampled as Go does."""
    found = []
    for stack, size, objects in program:
        k = int(rng.binomial(objects, -math.expm1(-size / RATE)))
        if k:
            found.append((stack, size, k, k))
    return sampling.read_heap_profile(encode(found))


PROGRAM = [
    ((LEAF, MAIN), 16, 400_000),
    ((LEAF, MAIN), 4096, 4000),
    ((OTHER, MAIN), 1 << 20, 60),
    ((OTHER, MAIN), 512, 50_000),
    ((GROW, MAIN), 65536, 500),
]


def test_whole_programs(rng) -> None:
    """Estimates are unbiased; intervals of rows, shares and totals cover 93 to 97 %."""
    truth = {}
    for stack, size, objects in PROGRAM:
        truth[stack[0][0]] = truth.get(stack[0][0], 0) + size * objects
    total, repeats = sum(truth.values()), 1000
    hits = {name: np.zeros(2) for name in truth}
    values, covered = {name: [] for name in truth}, 0
    for _ in range(repeats):
        profile = simulated(PROGRAM, rng)
        for row in profile.table():
            values[row.key].append(row.estimate)
            hits[row.key] += (
                row.lo <= truth[row.key] <= row.hi,
                abs(row.share - truth[row.key] / total) <= 1.96 * row.share_se,
            )
        low, high = profile.total("inuse_space").interval()
        covered += low <= total <= high
    for name, found in values.items():
        assert abs(np.mean(found) - truth[name]) < 4 * np.std(found) / math.sqrt(repeats)
        row, share = hits[name] / repeats
        assert 0.93 <= row <= 0.98, name
        assert 0.93 <= share <= 0.97, name
    assert 0.93 <= covered / repeats <= 0.97


def test_calibration_removes_error(rng) -> None:
    """With the exact total known, estimates stay unbiased, errors shrink and are right."""
    truth, total = (400_000 * 16 + 4000 * 4096), sum(size * objects for _, size, objects in PROGRAM)
    plain, fitted, covered = [], [], 0
    for _ in range(400):
        profile = simulated(PROGRAM, rng)
        profile = sampling.HeapProfile(
            profile.rate, profile.sample_types, profile.families, profile.stacks,
            memstats={"TotalAlloc": total, "Mallocs": sum(objects for *_, objects in PROGRAM)},
        )  # fmt: skip
        before, after = (
            next(row for row in p.table(metric="alloc_space") if row.key == LEAF[0])
            for p in (profile, profile.calibrated())
        )
        assert after.se < before.se
        plain.append(before.estimate)
        fitted.append(after.estimate)
        covered += after.lo <= truth <= after.hi
    assert abs(np.mean(fitted) - truth) < 5 * np.std(fitted) / math.sqrt(400)
    assert np.std(fitted) < 0.9 * np.std(plain)
    assert 0.92 <= covered / 400 <= 0.98


def test_compare() -> None:
    changed = [*RECORDS[:2], ((MAIN,), 4096, 9, 9)]
    new, old = PROFILE, sampling.read_heap_profile(encode(changed))
    rows = {row.key: row for row in new.compare(old, metric="alloc_space")}
    leaf = closed_form(RECORDS, "alloc_space", lambda s: s[0] == LEAF)
    assert rows[LEAF[0]].estimate == pytest.approx(0, abs=1e-6)
    assert rows[LEAF[0]].se == pytest.approx(math.sqrt(2) * leaf[1])
    assert (rows[LEAF[0]].raw_before, rows[LEAF[0]].raw_after) == (45, 45)
    gone = closed_form(changed[2:], "alloc_space")
    assert rows[MAIN[0]].estimate == pytest.approx(-gone[0])
    assert rows[MAIN[0]].se == pytest.approx(gone[1])
    assert (rows[MAIN[0]].after, rows[MAIN[0]].before) == (0, pytest.approx(gone[0]))
    assert rows[MAIN[0]].hi < 0
    sizes = [abs(row.estimate) for row in new.compare(old, metric="alloc_space")]
    assert sizes == sorted(sizes, reverse=True)
    for row in new.compare(new):
        assert row.estimate == 0
        assert row.lo < 0 < row.hi
    assert {len(row.key) for row in new.compare(old, by="stack", metric="alloc_space")} == {1, 2, 3}


def test_one_sample_more_is_no_change() -> None:
    one = sampling.read_heap_profile(encode([((LEAF,), 1024, 1, 1)]))
    none = sampling.read_heap_profile(encode([]))
    (row,) = one.compare(none)
    assert row.lo < 0 < row.hi


def test_differences_cover(rng) -> None:
    truth = 100_000 * 64 - 60_000 * 64
    hit = 0
    for _ in range(500):
        new, old = (simulated([((LEAF,), 64, n)], rng) for n in (300_000, 260_000))
        (row,) = new.compare(old)
        hit += row.lo <= truth <= row.hi
    assert 0.93 <= hit / 500 <= 0.98


def test_detection_limit() -> None:
    assert PROFILE.detection_limit() == pytest.approx(1570626.48, rel=1e-8)
    assert PROFILE.detection_limit(0.99) == pytest.approx(-math.log(0.01) * RATE)


def test_nothing_sampled() -> None:
    empty = sampling.read_heap_profile(encode([]))
    assert empty.table() == []
    assert empty.table(by="stack", cumulative=True) == []
    assert empty.table(cumulative=True) == []
    assert empty.records == ()
    assert empty.total("inuse_space").interval() == (0, 0)
    assert empty.compare(empty) == []
    freed = sampling.read_heap_profile(encode([((LEAF,), 64, 5, 0)]))
    assert freed.table() == []
    assert freed.total("inuse_space").interval()[1] > 0


@pytest.mark.parametrize(
    "name, expected",
    [
        ("example.com/x/b.(*T).Leaf", "example.com/x/b"),
        ("main.main", "main"),
        ("main.Map[go.shape.int,example.com/y.T]", "main"),
        ("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3"),
        ("std::vector<a::B, std::allocator<a::B>>::push_back(a::B const&)", "std::vector<a::B, std::allocator<a::B>>"),
        ("ns::f(int)", "ns"),
        ("(anonymous namespace)::g()", "(anonymous namespace)"),
        ("plain_c", "/src"),
        ("0x1234", "(unknown)"),
    ],
)
def test_packages(name, expected) -> None:
    assert package_of(Frame(name, "/src/file.c", 7, 0x1234)) == expected


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^table: by must be one of"):
        PROFILE.table(by="colour")
    with pytest.raises(ValueError, match=r"^table: metric must be one of .*'inuse_space', got 'cpu'"):
        PROFILE.table(metric="cpu")
    with pytest.raises(ValueError, match=r"^table: level"):
        PROFILE.table(level=0)
    with pytest.raises(ValueError, match=r"^total: metric"):
        PROFILE.total("cpu")
    with pytest.raises(ValueError, match=r"^check: the profile has no memstats"):
        PROFILE.check()
    with pytest.raises(ValueError, match=r"^calibrated: the profile has no memstats"):
        PROFILE.calibrated()
    with pytest.raises(TypeError, match=r"^compare: other"):
        PROFILE.compare(3)
    with pytest.raises(ValueError, match=r"^plot_bars: top"):
        PROFILE.plot_bars(top=0)
    with pytest.raises(ValueError, match=r"^detection_limit: level"):
        PROFILE.detection_limit(1)


def test_profiles_pickle() -> None:
    profile = sampling.read_heap_profile(DATA / "go.txt")
    assert pickle.loads(pickle.dumps(profile)).table() == profile.table()


def test_bars() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    profile = sampling.read_heap_profile(DATA / "go.txt")
    ax = profile.plot_bars(metric="alloc_space", top=3)
    assert [bar.get_width() for bar in ax.patches] == [
        row.estimate / 2**20 for row in profile.table(metric="alloc_space")[:3]
    ]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["main.inlined", "main.pages", "main.smallNodes"]
    _, mine = pyplot.subplots()
    assert profile.plot_bars(mine, by="stack", metric="alloc_objects", cumulative=True) is mine
    assert sampling.read_heap_profile(encode([])).plot_bars().patches is not None
    pyplot.close("all")


def test_bars_need_matplotlib(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'goldfish\[plot\]'"):
        PROFILE.plot_bars()


def test_html(tmp_path) -> None:
    from xml.etree import ElementTree

    odd = [((("<script>&\"'", "x", 1), MAIN), 1 << 20, 3, 3), *RECORDS]
    path = tmp_path / "heap.html"
    sampling.read_heap_profile(encode(odd)).to_html(path, metric="alloc_space", title="<b>", top=2)
    page = path.read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "The other 1 rows are left out" in page
    body = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert len(body.findall(".//tbody/tr")) == 2
    widths = [float(bar.get("width")) for bar in body.iter("rect")]
    assert widths == sorted(widths, reverse=True)
    sampling.read_heap_profile(encode([])).to_html(path)
    assert "0 B" in path.read_text(encoding="utf-8")
