"""The byte-counting profiler: exact probabilities against simulation, and un-sampling."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from goldfish import sampling
from goldfish.sampling import trigger

RATE = 524288


def test_a_fresh_counter_by_enumeration(rng) -> None:
    """Every subset of sampled objects has a probability that is a product of interval lengths; sum them up."""
    sizes, bound = [100.0, 250.0, 300.0, 90.0, 600.0], 1000.0
    expected = np.zeros(5)
    for hits in itertools.product([False, True], repeat=5):
        probability, passed = 1.0, 0.0
        for size, hit in zip(sizes, hits, strict=True):
            end = min(passed + size, bound)
            if hit:
                probability *= (end - passed) / bound
                passed = 0.0
            else:
                passed = end
        probability *= 1 - passed / bound
        # A missed object's share is implied: the counter lies beyond what has passed.
        expected += probability * np.array(hits)
    # The products above drop the normalisation between samples, which telescopes; check by simulation as well.
    found = sampling.inclusion_probability_stream(sizes, max_trigger=bound, periodic=False)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_periodic_streams_against_simulation(seed) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.choice([40.0, 300.0, 900.0, 2500.0], 6)
    exact = sampling.inclusion_probability_stream(sizes, max_trigger=2000)
    hits = sampling.simulate_heap_sampling(np.tile(sizes, 200_000), rate=1000, trigger="uniform", rng=seed)
    np.testing.assert_allclose(hits.reshape(-1, 6).mean(axis=0), exact, atol=0.006)


def test_equal_sizes_agree_with_the_formula() -> None:
    for size in (1.0, 7.0, 333.0, 999.0, 1000.0, 5000.0):
        formula = sampling.inclusion_probability(size, rate=500, trigger="uniform-equal")
        for n in (1, 2, 5):
            stream = sampling.inclusion_probability_stream([size] * n, max_trigger=1000)
            np.testing.assert_allclose(stream, formula, rtol=1e-9)


def test_long_periodic_streams_are_followed(rng) -> None:
    sizes = rng.integers(1, 500, 1000).astype(float)
    solved = sampling.inclusion_probability_stream(sizes, max_trigger=20_000)
    np.testing.assert_allclose(trigger._long_run(sizes / 20_000), solved, rtol=1e-10)
    longer = np.concatenate([sizes, sizes])
    np.testing.assert_allclose(
        sampling.inclusion_probability_stream(longer, max_trigger=20_000), np.r_[solved, solved], rtol=1e-9
    )
    with pytest.raises(ValueError, match=r"inclusion_probability_stream: sizes .* at most 1024"):
        sampling.inclusion_probability_stream(longer, max_trigger=1e15)


def test_a_short_period_under_a_huge_counter_is_solved() -> None:
    """The counter spans a billion periods: every byte is then as good as any other."""
    sizes = np.array([1.0, 3.0, 6.0])
    p = sampling.inclusion_probability_stream(sizes, max_trigger=1e10)
    np.testing.assert_allclose(p, 2 * sizes / 1e10, rtol=1e-6)


def test_exponential_samples_do_not_see_their_neighbours() -> None:
    sizes = np.tile([RATE, 16.0, 4096.0, 16.0], 100_000)
    hits = sampling.simulate_heap_sampling(sizes, rate=RATE, rng=5).reshape(-1, 4)
    for column, size in enumerate([RATE, 16, 4096, 16]):
        p, n = -math.expm1(-size / RATE), len(hits)
        assert abs(hits[:, column].sum() - n * p) < 4 * math.sqrt(n * p)
    together = np.mean(hits[:, 0] & hits[:, 2])
    assert together == pytest.approx(hits[:, 0].mean() * hits[:, 2].mean(), rel=0.15)


@pytest.mark.parametrize("name", ["exponential", "uniform"])
def test_simulations_repeat(name) -> None:
    sizes = np.arange(1, 2000)
    a, b, c = (
        sampling.simulate_heap_sampling(sizes, rate=3000, trigger=name, rng=seed)
        for seed in (7, np.random.default_rng(7), 8)
    )
    assert a.dtype == bool
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    assert len(sampling.simulate_heap_sampling([], rate=3000, trigger=name)) == 0


def test_unsampling_simulated_programs_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.choice([16.0, 512.0, 65536.0, 3e6], 20_000, p=[0.5, 0.3, 0.19, 0.01])
    found = []
    for seed in range(300):
        hits = sizes[sampling.simulate_heap_sampling(sizes, rate=RATE, rng=seed)]
        kinds, counts = np.unique(hits, return_counts=True)
        found.append(np.sum(sampling.unsample(counts, counts * kinds, rate=RATE).bytes))
    assert abs(np.mean(found) - sizes.sum()) < 4 * np.std(found) / math.sqrt(300)


def test_unsample() -> None:
    objects, total = sampling.unsample([0, 5, 7], [0, 80, 7 << 20], rate=RATE)
    np.testing.assert_allclose(objects, [0, 163842.5000127, 8.0956234992], rtol=1e-9)
    assert total[2] == pytest.approx(8488876.506347114)
    assert sampling.unsample(3, 96, rate=1) == (3.0, 96.0)
    assert sampling.unsample(1, RATE, rate=RATE).objects == pytest.approx(1 / (1 - math.exp(-1)))
    # Adding up before un-sampling is biased downward.
    apart = sampling.unsample([100, 1], [1600, 1 << 20], rate=RATE).bytes.sum()
    with pytest.warns(sampling.SamplingWarning, match="too low"):
        assert sampling.unsample(101, 1600 + (1 << 20), rate=RATE).bytes < apart


@pytest.mark.parametrize(
    "function, args, kwargs, kind, word",
    [
        ("inclusion_probability", ([16, -1],), {"rate": 9}, ValueError, "size"),
        ("inclusion_probability", (16,), {"rate": math.inf}, ValueError, "rate"),
        ("inclusion_probability", (16,), {"rate": 9, "trigger": "uniform"}, ValueError, "trigger"),
        ("inclusion_probability_stream", ([],), {"max_trigger": 9}, ValueError, "sizes"),
        ("inclusion_probability_stream", ([1.0],), {"max_trigger": "9"}, TypeError, "max_trigger"),
        ("simulate_heap_sampling", ([1, 0],), {"rate": 9}, ValueError, "sizes"),
        ("simulate_heap_sampling", ([[1, 2]],), {"rate": 9}, ValueError, "sizes"),
        ("simulate_heap_sampling", ([1],), {"rate": 9, "rng": 1.5}, TypeError, "rng"),
        ("unsample", (1, 0), {"rate": 9}, ValueError, "bytes"),
        ("unsample", (0, 1), {"rate": 9}, ValueError, "count"),
        ("unsample", ([1, 2], [1, 2, 3]), {"rate": 9}, ValueError, "count"),
        ("unsample", (1, 1), {"rate": 9, "size": 0}, ValueError, "size"),
    ],
)
def test_refusals(function, args, kwargs, kind, word) -> None:
    with pytest.raises(kind, match=f"^{function}: {word}"):
        getattr(sampling, function)(*args, **kwargs)


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['scipy'] = None; import goldfish.sampling"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'goldfish[stats]'" in ended.stderr
