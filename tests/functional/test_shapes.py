"""The arithmetic of shapes against the shapes that come out."""

import numpy as np
import pytest
from hypothesis import given

import goldfish as gf
from strategies import convolutions, poolings


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_conv_output_size_is_what_comes_out(axes):
    @given(convolutions(axes))
    def run(problem):
        x, weight, bias, options = problem
        y = getattr(gf, f"conv{axes}d")(x, weight, bias, **options)
        arguments = weight.shape[2:], options["stride"], options["padding"], options["dilation"]
        assert gf.conv_output_size(x.shape[2:], *arguments) == y.shape[2:]

    run()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pool_output_size_is_what_comes_out(axes):
    @given(poolings(False, axes))
    def run(problem):
        x, options = problem
        assert gf.pool_output_size(x.shape[2:], **options) == getattr(gf, f"max_pool{axes}d")(x, **options).shape[2:]

    run()


@pytest.mark.parametrize("size, kernel, padding, stride, expected", [
    (128, 2, 0, 2, 64), (64, 17, 0, 1, 48), (48, 3, 0, 3, 16), (4, 2, 0, 1, 3), (4, 2, 1, 1, 5),
])  # fmt: skip
def test_one_axis_gives_an_int(size, kernel, padding, stride, expected):
    for function in (gf.conv_output_size, gf.pool_output_size):
        found = function(size, kernel, stride, padding)
        assert isinstance(found, int)
        assert found == expected


def test_one_axis_takes_every_form_of_padding():
    assert gf.conv_output_size(10, 3, padding=((1, 2),)) == 11
    assert gf.conv_output_size(10, 3, padding=(1,)) == 10
    assert gf.conv_output_size(10, 3, stride=3, padding="same") == 4
    assert gf.conv_output_size(10, 3, padding="valid") == 8
    assert gf.conv_output_size((10, 20, 30), (1, 2, 3)) == (10, 19, 28)


def test_pool_stride_is_the_kernel_by_default():
    assert gf.pool_output_size(7, 2) == 3
    assert gf.pool_output_size(7, 2, ceil_mode=True) == 4
    assert gf.pool_output_size((7, 8), (3, 2)) == (2, 4)


def test_conv2d_algorithm_names_what_applies(rng):
    for x_shape, weight_shape, options in [
        ((2, 16, 12, 12), (16, 16, 3, 3), {"padding": 1}),
        ((2, 16, 12, 12), (16, 4, 3, 3), {"stride": 2, "padding": "same", "groups": 4}),
        ((1, 8, 5, 5), (8, 8, 1, 1), {}),
    ]:
        for dtype in ("float32", np.float64, np.dtype("f")):
            algorithm = gf.conv2d_algorithm(x_shape, weight_shape, **options, dtype=dtype)
            x, weight = rng.standard_normal(x_shape).astype(dtype), rng.standard_normal(weight_shape).astype(dtype)
            named, auto = (gf.conv2d(x, weight, **options, algorithm=a) for a in (algorithm, "auto"))
            assert np.array_equal(named, auto)
            for wrt in ("x", "weight"):
                assert gf.conv2d_algorithm(x_shape, weight_shape, **options, dtype=dtype, wrt=wrt) in (
                    "direct",
                    "winograd",
                )
    try:
        gf.set_float32_precision("highest")
        assert gf.conv2d_algorithm((8, 64, 56, 56), (64, 64, 3, 3), padding=1) == "direct"
    finally:
        gf.set_float32_precision("high")
