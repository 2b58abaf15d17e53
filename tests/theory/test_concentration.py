"""Test sets, intervals for a mean, compression."""

import importlib.util
import math
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from goldfish import theory


@given(st.integers(1, 400), st.data(), st.floats(1e-9, 0.9))
def test_the_binomial_tail_is_inverted(n, data, delta):
    k = data.draw(st.integers(0, n))
    high = theory.test_set_bound(k, n, delta).value
    low = theory.test_set_bound(k, n, delta, side="lower").value
    assert low <= k / n + 1e-12 or delta > 0.5
    if k < n:
        assert stats.binom.cdf(k, n, high) == pytest.approx(delta, rel=1e-8)
        assert stats.binom.cdf(k, n, high) <= delta * (1 + 1e-9)
    if k > 0:
        assert stats.binom.sf(k - 1, n, low) == pytest.approx(delta, rel=1e-8)


def test_worked_figures():
    assert theory.test_set_bound(0, 100, 0.05).value == pytest.approx(0.0295130496, abs=1e-10)
    assert theory.test_set_bound(3, 100, 0.05).value == pytest.approx(0.0757107938, abs=1e-10)
    assert theory.compression_bound(100, 5, 0, 0.05).value == pytest.approx(0.2373251203, abs=1e-10)
    assert theory.test_set_bound(0, 100, 0.05, side="lower").vacuous
    x = np.r_[np.ones(10), np.zeros(90)]
    assert theory.mean_interval(x, 0.1)[1] - 0.1 == pytest.approx(0.1223873415, abs=1e-10)
    high = theory.mean_interval(x, 0.1, method="empirical_bernstein")[1]
    assert high - 0.1 == pytest.approx(0.1688398896, abs=1e-10)


def test_bernstein_uses_the_known_variance():
    x = np.full(50, 0.5)
    low, high = theory.mean_interval(x, 0.1, method="bernstein", var=0.01)
    assert high - 0.5 == pytest.approx(math.sqrt(0.02 * math.log(20) / 50) + math.log(20) / 150)
    assert high - low == pytest.approx(2 * (high - 0.5))
    wide = theory.mean_interval(10 * x - 3, 0.1, method="bernstein", var=1.0, lo=-3, hi=7)
    assert wide == pytest.approx((10 * low - 3, 10 * high - 3))
    for kwargs in ({"method": "bernstein"}, {"method": "hoeffding", "var": 1.0}):
        with pytest.raises(TypeError, match="var"):
            theory.mean_interval(x, 0.1, **kwargs)


@pytest.mark.skipif(importlib.util.find_spec("confseq") is not None, reason="confseq is installed")
def test_betting_names_its_package():
    with pytest.raises(ImportError, match="pip install confseq"):
        theory.mean_interval([0.1, 0.2], 0.1, method="betting")


def test_betting_asks_confseq(monkeypatch):
    """A stand-in with the package's signature: the last interval of the running intersection counts."""

    def betting_cs(x, alpha, running_intersection):
        assert running_intersection
        assert alpha == 0.1
        assert x.min() >= 0
        assert x.max() <= 1
        return np.array([0.0, 0.25]), np.array([1.0, 0.75])

    module = types.ModuleType("confseq.betting")
    module.betting_cs = betting_cs
    monkeypatch.setitem(sys.modules, "confseq", types.ModuleType("confseq"))
    monkeypatch.setitem(sys.modules, "confseq.betting", module)
    assert theory.mean_interval([1.0, 3.0], 0.1, method="betting", lo=1.0, hi=3.0) == (1.5, 2.5)


@pytest.mark.parametrize("method", ["hoeffding", "empirical_bernstein", "kl"])
def test_intervals_stay_in_range_and_contain_the_mean(method):
    rng = np.random.default_rng(0)
    for n in (2, 5, 50):
        x = rng.choice([-1.0, 4.0], n)
        low, high = theory.mean_interval(x, 0.1, method=method, lo=-1, hi=4)
        assert -1 <= low <= x.mean() <= high <= 4


def test_compression_charges_for_the_choice():
    values = [theory.compression_bound(1000, c, 0, 0.05).value for c in (0, 1, 2, 5, 20, 999)]
    assert values == sorted(values)
    assert theory.compression_bound(10**9, 10**5, 10, 0.05).value < 0.01


@pytest.mark.parametrize(
    "name, args, kwargs, word",
    [
        ("test_set_bound", (5, 4, 0.1), {}, "errors"),
        ("test_set_bound", (1.5, 4, 0.1), {}, "errors"),
        ("test_set_bound", (1, 4, 0.1), {"side": "two"}, "side"),
        ("mean_interval", ([0.1, 2.0], 0.1), {}, "x must lie between 0 and 1, got 2.0 at index 1"),
        ("mean_interval", ([0.1], 0.1), {"method": "empirical_bernstein"}, "x"),
        ("mean_interval", ([0.1], 0.1), {"lo": 1, "hi": 1}, "lo"),
        ("compression_bound", (10, 10, 0, 0.1), {}, "set_size"),
        ("compression_bound", (10, 2, 9, 0.1), {}, "errors_outside"),
    ],
)
def test_refusals(name, args, kwargs, word):
    with pytest.raises(ValueError, match=f"{name}: .*{word}"):
        getattr(theory, name)(*args, **kwargs)
