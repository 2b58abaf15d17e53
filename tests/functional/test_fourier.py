"""Convolution by Fourier transforms: its accuracy, where it applies and is chosen, what it does not change."""

import numpy as np
import pytest

import goldfish as gf
from algorithms import check_bits_for_threads, check_equals_direct, everything, worst

GEOMETRIES = {
    "one tile": ((3, 3, 40, 37), (5, 3, 17, 17), {}),
    "many tiles": ((2, 3, 90, 130), (4, 3, 9, 7), {"padding": (4, 3)}),
    "wraps into padding": ((2, 2, 48, 48), (3, 2, 17, 17), {"padding": 16}),
    "one-sided padding": ((1, 2, 25, 30), (3, 2, 11, 6), {"padding": ((0, 12), (7, 0))}),
    "crop": ((1, 2, 12, 12), (2, 2, 5, 5), {"padding": 9}),
    "wide kernel": ((2, 1, 5, 200), (3, 1, 2, 90), {}),
    "groups": ((2, 6, 30, 31), (9, 2, 7, 7), {"groups": 3, "padding": 3}),
    "depthwise": ((2, 7, 33, 20), (7, 1, 13, 13), {"groups": 7, "padding": 6}),
    "filters in parts": ((2, 70, 20, 20), (66, 70, 9, 9), {"padding": 4}),
    "groups in parts": ((1, 640, 20, 20), (640, 2, 15, 15), {"groups": 320}),
}


@pytest.fixture
def precision():
    yield gf.set_float32_precision
    gf.set_float32_precision("high")


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 5e-6), (np.float64, 1e-13)])
def test_equals_the_direct_algorithm(name, dtype, limit, rng):
    check_equals_direct("fourier", GEOMETRIES[name], dtype, limit, rng)


def test_many_tiles_that_are_not_in_memory_at_once(rng):
    x, weight = rng.standard_normal((9, 20, 70, 70)), rng.standard_normal((4, 20, 9, 9))
    expected, found = (everything(x, weight, None, algorithm, {}) for algorithm in ("direct", "fourier"))
    for value, reference in zip(found[:3], expected[:3], strict=True):
        assert worst(value, reference) <= 1e-13


@pytest.mark.parametrize("name", ["many tiles", "depthwise", "filters in parts"])
def test_bits_are_the_same_for_any_number_of_threads(name, rng):
    check_bits_for_threads("fourier", GEOMETRIES[name], rng)


def test_large_kernels_take_it(precision, rng):
    shapes = ((8, 3, 64, 64), (12, 3, 17, 17))
    for wrt in (None, "x", "weight"):
        assert gf.conv2d_algorithm(*shapes, wrt=wrt) == "fourier"
        precision("highest")
        assert gf.conv2d_algorithm(*shapes, wrt=wrt) == "direct"
        assert gf.conv2d_algorithm(*shapes, dtype="float64", wrt=wrt) == "fourier"
        precision("high")
    x, weight = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    assert np.array_equal(gf.conv2d(x, weight), gf.conv2d(x, weight, algorithm="fourier"))
    assert gf.conv2d_algorithm((8, 3, 64, 64), (12, 3, 3, 3)) != "fourier"
    assert gf.conv2d_algorithm((8, 3, 64, 64), (12, 3, 17, 17), stride=2) != "fourier"
    assert gf.conv2d_algorithm((1, 8, 256, 256), (8, 1, 31, 31), padding=15, groups=8) == "fourier"


@pytest.mark.parametrize(
    ("kernel", "options"), [((9, 9), {"stride": 2}), ((3, 3), {"dilation": 2}), ((129, 2), {"padding": 70})]
)
def test_where_it_does_not_apply(kernel, options):
    x, weight = np.ones((1, 2, 20, 20)), np.ones((2, 2, *kernel))
    with pytest.raises(ValueError, match=r"conv2d: algorithm='fourier' does not apply to a kernel of"):
        gf.conv2d(x, weight, **options, algorithm="fourier")
    # The only output plane sees padding.
    with pytest.raises(ValueError, match=r"conv3d: algorithm='fourier' does not apply to a kernel of \(1, 3, 3\)"):
        gf.conv3d(
            np.ones((1, 1, 1, 5, 5)),
            np.ones((1, 1, 1, 3, 3)),
            None,
            (3, 1, 1),
            ((1, 0), (0, 0), (0, 0)),
            algorithm="fourier",
        )
    with pytest.raises(ValueError, match=r"conv3d: algorithm='fourier' does not apply to a kernel of \(3, 3, 3\)"):
        gf.conv3d(np.ones((1, 1, 5, 5, 5)), np.ones((1, 1, 3, 3, 3)), algorithm="fourier")


def test_a_step_that_is_never_taken(rng):
    x, weight = rng.standard_normal((2, 3, 9, 9)), rng.standard_normal((4, 3, 9, 9))
    found = everything(x, weight, None, "fourier", {"stride": 5})
    for value, reference in zip(found[:3], everything(x, weight, None, "direct", {"stride": 5})[:3], strict=True):
        assert worst(value, reference) <= 1e-13


def test_one_image_does_not_reach_another(rng):
    x, weight = rng.standard_normal((3, 2, 40, 40)), rng.standard_normal((3, 2, 9, 9))
    expected = gf.conv2d(x, weight, algorithm="fourier")
    x[1] = np.nan
    found = gf.conv2d(x, weight, algorithm="fourier")
    assert np.array_equal(found[[0, 2]], expected[[0, 2]])
    assert np.isnan(found[1]).all()


def test_transposed_convolution_takes_it(rng):
    x, weight = rng.standard_normal((2, 3, 30, 30)), rng.standard_normal((3, 4, 11, 11))
    center = np.zeros_like(weight)
    center[:, :, 5, 5] = weight[:, :, 5, 5]
    expected = np.einsum("nchw,co->nohw", x, weight[:, :, 5, 5])
    assert worst(gf.conv_transpose2d(x, center, padding=5), expected) <= 1e-13
    y, cache = gf.conv_transpose2d_forward(x, weight, padding=5)
    dy = rng.standard_normal(y.shape)
    dx, dweight, _ = gf.conv_transpose2d_backward(dy, cache)
    assert np.isclose((dy * y).sum(), (dx * x).sum())
    assert np.isclose((dy * y).sum(), (dweight * weight).sum())


def test_an_empty_batch(rng):
    x, weight = np.empty((0, 2, 20, 20)), rng.standard_normal((3, 2, 9, 9))
    y, dx, dweight, _ = everything(x, weight, None, "fourier", {})
    assert y.shape == (0, 3, 12, 12)
    assert dx.shape == x.shape
    assert not dweight.any()
