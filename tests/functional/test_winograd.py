"""Convolution by transforms: its accuracy, where it applies, what it does not change."""

import numpy as np
import pytest

import goldfish as gf
from algorithms import check_bits_for_threads, check_equals_direct, everything, worst

GEOMETRIES = {
    "3x3": ((2, 20, 13, 18), (24, 20, 3, 3), {"padding": 1}),
    "5x5": ((2, 17, 12, 12), (33, 17, 5, 5), {}),
    "4x2": ((1, 16, 9, 11), (16, 16, 4, 2), {"padding": (2, 1)}),
    "1x3": ((2, 16, 5, 40), (16, 16, 1, 3), {"padding": "same"}),
    "stride": ((2, 12, 15, 16), (20, 12, 3, 3), {"stride": 2, "padding": 1}),
    "7x7 stride": ((1, 3, 30, 31), (18, 3, 7, 7), {"stride": 2, "padding": 3}),
    "dilation": ((1, 18, 14, 15), (17, 18, 3, 3), {"dilation": 2, "padding": 2}),
    "groups": ((2, 24, 10, 9), (36, 8, 3, 3), {"groups": 3, "padding": ((2, 0), (1, 3))}),
    "crop": ((1, 16, 6, 6), (16, 16, 3, 3), {"padding": 4}),
    "many channels": ((1, 140, 7, 7), (130, 140, 3, 3), {"padding": 1}),
}


@pytest.fixture
def precision():
    yield gf.set_float32_precision
    gf.set_float32_precision("high")


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 5e-6), (np.float64, 1e-13)])
def test_equals_the_direct_algorithm(name, dtype, limit, rng):
    check_equals_direct("winograd", GEOMETRIES[name], dtype, limit, rng)


@pytest.mark.parametrize(
    ("level", "forward", "weight"), [("highest", 1e-6, 1e-6), ("high", 5e-6, 1e-5), ("medium", 2e-5, 2e-5)]
)
@pytest.mark.parametrize("kernel", [3, 5])
def test_accuracy_that_each_level_promises(level, forward, weight, kernel, precision, rng):
    arrays = [rng.standard_normal(shape) for shape in ((4, 64, 24, 24), (64, 64, kernel, kernel), (64,))]
    expected = everything(*arrays, "direct", {"padding": 1})
    precision(level)
    y, dx, dweight, dbias = everything(*(a.astype(np.float32) for a in arrays), "auto", {"padding": 1})
    assert worst(y, expected[0]) <= forward
    assert worst(dx, expected[1]) <= forward
    assert worst(dweight, expected[2]) <= weight
    assert worst(dbias, expected[3]) <= weight


def test_levels_take_other_transforms(precision, rng):
    x, weight = (rng.standard_normal(shape, dtype=np.float32) for shape in ((4, 64, 24, 24), (64, 64, 5, 5)))
    results = []
    for level in ("highest", "high", "medium"):
        precision(level)
        results.append(gf.conv2d(x, weight))
    precision("highest")
    assert np.array_equal(results[0], gf.conv2d(x, weight, algorithm="direct"))
    assert np.array_equal(results[1], gf.conv2d(x, weight, algorithm="winograd"))
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[1], results[2])


def test_every_product_names_its_algorithm(precision):
    many, few = ((8, 64, 56, 56), (64, 64, 3, 3)), ((8, 1, 56, 56), (64, 1, 3, 3))
    for wrt in (None, "x", "weight"):
        assert gf.conv2d_algorithm(*many, wrt=wrt) == "winograd"
        assert gf.conv2d_algorithm(*many, dtype="float64", wrt=wrt) == "winograd"
        precision("highest")
        assert gf.conv2d_algorithm(*many, wrt=wrt) == "direct"
        assert gf.conv2d_algorithm(*many, dtype="float64", wrt=wrt) == "winograd"
        precision("high")
    assert gf.conv2d_algorithm(*few) == "direct"
    assert gf.conv2d_algorithm((8, 64, 56, 56), (64, 64, 1, 1)) == "direct"


@pytest.mark.parametrize("name", ["3x3", "stride", "dilation", "many channels"])
def test_bits_are_the_same_for_any_number_of_threads(name, rng):
    check_bits_for_threads("winograd", GEOMETRIES[name], rng)


def test_in_one_dimension(rng):
    x, weight = rng.standard_normal((3, 20, 90)), rng.standard_normal((18, 20, 5))
    expected = gf.conv1d(x, weight, padding=2, algorithm="direct")
    assert worst(gf.conv1d(x, weight, padding=2, algorithm="winograd"), expected) <= 1e-13
    causal = gf.conv1d(x, weight[..., :3], padding="causal", dilation=4, algorithm="winograd")
    assert worst(causal, gf.conv1d(x, weight[..., :3], padding="causal", dilation=4, algorithm="direct")) <= 1e-13


@pytest.mark.parametrize(
    ("kernel", "options"),
    [((1, 1), {}), ((9, 9), {}), ((3, 3), {"stride": 2, "dilation": 2}), ((2, 2), {"stride": 3})],
)
def test_where_it_does_not_apply(kernel, options):
    x, weight = np.ones((1, 2, 20, 20)), np.ones((2, 2, *kernel))
    with pytest.raises(ValueError, match=r"conv2d: algorithm='winograd' does not apply to a kernel of"):
        gf.conv2d(x, weight, **options, algorithm="winograd")
    with pytest.raises(ValueError, match=r"conv3d: algorithm='winograd' does not apply to a kernel of \(3, 1, 1\)"):
        gf.conv3d(np.ones((1, 1, 5, 5, 5)), np.ones((1, 1, 3, 1, 1)), algorithm="winograd")


@pytest.mark.parametrize("channels", [5, 16])
@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": (2, 1, 2)}, {"dilation": (1, 2, 2), "padding": 2}])
def test_in_three_dimensions(channels, options, rng):
    x, weight = rng.standard_normal((2, channels, 6, 11, 9)), rng.standard_normal((18, channels, 3, 3, 3))
    found, expected = [], []
    for algorithm, results in (("winograd", found), ("direct", expected)):
        y, cache = gf.conv3d_forward(x, weight, **options, algorithm=algorithm)
        results += [y, *gf.conv3d_backward(np.cos(y), cache)[:2]]
    for fast, direct in zip(found, expected, strict=True):
        assert worst(fast, direct) <= 1e-12


def test_an_empty_batch(rng):
    x, weight = np.empty((0, 16, 9, 9)), rng.standard_normal((16, 16, 3, 3))
    y, dx, dweight, _ = everything(x, weight, None, "winograd", {})
    assert y.shape == (0, 16, 7, 7)
    assert dx.shape == x.shape
    assert not dweight.any()
