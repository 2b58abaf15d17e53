"""conv2d against plain loops: every option, both dtypes, sizes around the registers of every instruction set."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

import goldfish as gf
import reference
from compare import DEFAULT, DIRECT, FLOAT64, PARAMETER_GRADIENT, error, limit, same_bits
from gradcheck import Case, check
from strategies import DTYPES, convolutions, seeds


def cast(dtype, *arrays):
    return [None if array is None else array.astype(dtype) for array in arrays]


def compare_all(x, weight, bias, options, dy_seed=0):
    """Output and gradients in both dtypes against plain loops in float64."""
    expected = reference.conv2d(x, weight, bias, **options)
    dy = np.random.default_rng(dy_seed).standard_normal(expected.shape)
    dx, dweight, dbias = reference.conv2d_gradients(dy, x, weight, **options)
    window, places = math.sqrt(weight[0].size), math.sqrt(dy[:, 0].size)
    for dtype in DTYPES:
        y, cache = gf.conv2d_forward(*cast(dtype, x, weight, bias), **options)
        assert y.dtype == dtype
        assert error(y, expected, floor=window) <= limit(dtype, DIRECT if options.get("algorithm") else DEFAULT)
        assert same_bits(y, gf.conv2d(*cast(dtype, x, weight, bias), **options))
        grads = gf.conv2d_backward(dy.astype(dtype), cache)
        assert error(grads.x, dx, floor=math.sqrt(weight[:, 0].size)) <= limit(dtype)
        assert error(grads.weight, dweight, floor=places) <= limit(dtype, PARAMETER_GRADIENT)
        if bias is None:
            assert grads.bias is None
        else:
            assert error(grads.bias, dbias, floor=places) <= limit(dtype, PARAMETER_GRADIENT)
        assert all(gradient is None or gradient.dtype == dtype for gradient in grads)


@given(convolutions())
def test_equals_plain_loops(problem):
    compare_all(*problem)


@settings(max_examples=10)
@given(convolutions(), seeds)
def test_gradients_by_central_differences(problem, seed):
    x, weight, bias, options = problem
    arrays = {"x": x[:1, :, :6, :6], "weight": weight, "bias": bias}
    if np.minimum(x.shape[2:], 6).tolist() != list(x.shape[2:]):
        options = options | {"padding": "same"}
    check(Case("conv2d", {k: a for k, a in arrays.items() if a is not None}, options), np.random.default_rng(seed))


@pytest.mark.parametrize("channels, outputs", [(1, 17), (3, 16), (7, 33), (16, 5), (17, 31), (33, 48)])
@pytest.mark.parametrize("width", [1, 7, 15, 16, 17, 31])
def test_every_remainder_of_the_registers(channels, outputs, width, rng):
    x = rng.standard_normal((2, channels, 3, width))
    weight = rng.standard_normal((outputs, channels, 3, min(3, width)))
    compare_all(x, weight, rng.standard_normal(outputs), {"padding": (1, min(3, width) // 2)})


@pytest.mark.parametrize("x_shape, weight_shape, options", [
    ((2, 64, 20, 20), (32, 64, 3, 3), {"padding": 1}),
    ((2, 3, 40, 41), (12, 3, 17, 17), {}),
    ((1, 3, 30, 30), (24, 3, 7, 7), {"stride": 2, "padding": 3}),
    ((2, 48, 14, 13), (40, 48, 1, 1), {}),
    ((2, 24, 15, 15), (40, 24, 1, 1), {"stride": 2}),
    ((2, 32, 12, 12), (32, 1, 3, 3), {"padding": 1, "groups": 32}),
    ((1, 16, 12, 12), (32, 1, 5, 5), {"padding": 2, "groups": 16, "stride": 2}),
    ((1, 32, 11, 11), (32, 8, 3, 3), {"padding": 1, "groups": 4}),
    ((1, 16, 14, 14), (16, 16, 3, 3), {"padding": 2, "dilation": 2}),
    ((3, 20, 7, 7), (9, 20, 7, 7), {}),
    ((2, 8, 9, 9), (8, 8, 3, 3), {"padding": 1, "algorithm": "direct"}),
])  # fmt: skip
def test_kinds_of_layers(x_shape, weight_shape, options, rng):
    """The layers of real networks, smaller: what a fast path may be written for."""
    x, weight = rng.standard_normal(x_shape), rng.standard_normal(weight_shape)
    expected = _by_windows(x, weight, **options)
    dy = rng.standard_normal(expected.shape)
    exact = gf.conv2d_backward(dy, gf.conv2d_forward(x, weight, **options)[1])
    for dtype in DTYPES:
        y, cache = gf.conv2d_forward(*cast(dtype, x, weight), **options)
        assert error(y, expected) <= limit(dtype, DIRECT if "algorithm" in options else DEFAULT)
        grads = gf.conv2d_backward(dy.astype(dtype), cache)
        assert error(grads.x, exact.x) <= limit(dtype)
        assert error(grads.weight, exact.weight) <= limit(dtype, PARAMETER_GRADIENT)
    assert np.vdot(exact.x, x) == pytest.approx(np.vdot(dy, expected), rel=1e-10)
    assert np.vdot(exact.weight, weight) == pytest.approx(np.vdot(dy, expected), rel=1e-10)


def _by_windows(x, weight, stride=1, padding=0, dilation=1, groups=1, algorithm="auto"):
    """The definition by one product per tap of the kernel: for shapes too large for plain loops."""
    kernel = weight.shape[2:]
    pads = reference.borders(padding, x.shape[2:], kernel, reference.per_axis(stride), reference.per_axis(dilation))
    padded = np.pad(x, ((0, 0), (0, 0), *pads))
    rows, columns = (
        gf.conv_output_size(n, k, stride, (pair,), dilation)
        for n, k, pair in zip(x.shape[2:], kernel, pads, strict=True)
    )
    batch, outputs = x.shape[0], weight.shape[0]
    y = np.zeros((batch, groups, outputs // groups, rows, columns))
    for k, m in np.ndindex(*kernel):
        at_rows = slice(k * dilation, k * dilation + (rows - 1) * stride + 1, stride)
        at_columns = slice(m * dilation, m * dilation + (columns - 1) * stride + 1, stride)
        taps = padded[:, :, at_rows, at_columns].reshape(batch, groups, -1, rows, columns)
        y += np.einsum("ngcij,goc->ngoij", taps, weight[:, :, k, m].reshape(groups, outputs // groups, -1))
    return y.reshape(batch, outputs, rows, columns)


@pytest.mark.parametrize(
    "size, kernel, stride, dilation, before, after",
    [
        (8, 3, 1, 1, 1, 1),
        (8, 2, 1, 1, 0, 1),
        (8, 4, 2, 1, 1, 1),
        (8, 3, 2, 1, 0, 1),
        (9, 4, 2, 1, 1, 2),
        (7, 1, 2, 1, 0, 0),
        (12, 5, 3, 1, 1, 1),
        (10, 3, 1, 3, 3, 3),
        (9, 2, 1, 3, 1, 2),
        (30, 7, 4, 2, 5, 6),
    ],
)
def test_same_padding(size, kernel, stride, dilation, before, after, rng):
    """By hand from ceil(size / stride) outputs, the odd zero after x: TensorFlow's rule."""
    x, weight = rng.standard_normal((1, 2, 4, size)), rng.standard_normal((3, 2, 3, kernel))
    for padding, pair in (("same", (before, after)), ("same_lower", (after, before))):
        y = gf.conv2d(x, weight, None, (1, stride), padding, (1, dilation))
        assert y.shape == (1, 3, 4, math.ceil(size / stride))
        assert same_bits(y, gf.conv2d(x, weight, None, (1, stride), ((1, 1), pair), (1, dilation)))


def test_forms_of_the_options_agree(rng):
    x, weight, bias = (rng.standard_normal(shape) for shape in ((2, 4, 9, 9), (6, 2, 3, 3), (6,)))
    y = gf.conv2d(x, weight, bias, 2, 1, 1, 2)
    for again in (
        gf.conv2d(x, weight, bias, (2, 2), (1, 1), (1, 1), 2),
        gf.conv2d(x=x, weight=weight, bias=bias, stride=[2, 2], padding=[(1, 1), (1, 1)], dilation=1, groups=2),
        gf.conv2d(x, weight, bias, np.int64(2), np.array([1, 1]), groups=np.int32(2)),
        gf.conv2d_forward(x, weight, bias, 2, 1, 1, 2)[0],
    ):
        assert same_bits(y, again)
    assert same_bits(gf.conv2d(x, weight, groups=2), gf.conv2d(x, weight, None, 1, "valid", groups=2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_numbers(dtype):
    """Cross-correlation by hand; a flipped kernel gives other numbers."""
    image = np.array([[1, 3, -2, 4], [0, 8, 6, 5], [2, 1, -9, 0], [4, -1, 3, 7]], dtype)[None, None]
    kernel = np.array([[1, 2], [3, 5]], dtype)[None, None]
    assert gf.conv2d(image, kernel)[0, 0].tolist() == [[47, 53, 49], [27, -22, -11], [11, -5, 35]]
    padded = gf.conv2d(image, np.array([[1, 2], [-2, -1]], dtype)[None, None], padding=1)[0, 0]
    assert padded.tolist() == [
        [-1, -5, -4, 0, -8], [2, -1, -23, -11, -6], [-2, 11, 27, 34, 5], [0, -3, -18, -22, -14], [8, 2, 5, 17, 7],
    ]  # fmt: skip


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_direct_is_not_contaminated_by_neighbours(value, rng):
    x, weight = rng.standard_normal((1, 2, 12, 12)).astype("f"), rng.standard_normal((3, 2, 3, 3)).astype("f")
    x[0, 1, 6, 7] = value
    hit = np.zeros((10, 10), bool)
    hit[4:7, 5:8] = True
    y = gf.conv2d(x, weight, algorithm="direct")
    assert np.array_equal(~np.isfinite(y), np.broadcast_to(hit, y.shape))


def test_precision_levels(rng):
    x, weight = rng.standard_normal((1, 32, 16, 16)), rng.standard_normal((24, 32, 3, 3))
    expected = _by_windows(x, weight, padding=1)
    try:
        for level, allowed in (("highest", DIRECT), ("high", DEFAULT), ("medium", 2e-5)):
            gf.set_float32_precision(level)
            assert error(gf.conv2d(*cast(np.float32, x, weight), padding=1), expected) <= allowed
            assert error(gf.conv2d(x, weight, padding=1), expected) <= FLOAT64
    finally:
        gf.set_float32_precision("high")
