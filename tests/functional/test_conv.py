"""Convolution against plain loops: every option and number of axes, both dtypes, sizes around the registers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

import goldfish as gf
import reference_windows as reference
from compare import DEFAULT, DIRECT, FLOAT64, PARAMETER_GRADIENT, error, limit, same_bits
from gradcheck import Case, check
from strategies import DTYPES, convolutions, seeds


def cast(dtype, *arrays):
    return [None if array is None else array.astype(dtype) for array in arrays]


def compare_all(x, weight, bias, options, dy_seed=0):
    """Output and gradients in both dtypes against plain loops in float64."""
    plain, forward, backward = (getattr(gf, f"conv{x.ndim - 2}d{suffix}") for suffix in ("", "_forward", "_backward"))
    expected = reference.conv(x, weight, bias, **options)
    dy = np.random.default_rng(dy_seed).standard_normal(expected.shape)
    dx, dweight, dbias = reference.conv_gradients(dy, x, weight, **options)
    window, places = math.sqrt(weight[0].size), math.sqrt(dy[:, 0].size)
    for dtype in DTYPES:
        y, cache = forward(*cast(dtype, x, weight, bias), **options)
        assert y.dtype == dtype
        assert error(y, expected, floor=window) <= limit(dtype, DIRECT if options.get("algorithm") else DEFAULT)
        assert same_bits(y, plain(*cast(dtype, x, weight, bias), **options))
        grads = backward(dy.astype(dtype), cache)
        assert error(grads.x, dx, floor=math.sqrt(weight[:, 0].size)) <= limit(dtype)
        assert error(grads.weight, dweight, floor=places) <= limit(dtype, PARAMETER_GRADIENT)
        if bias is None:
            assert grads.bias is None
        else:
            assert error(grads.bias, dbias, floor=places) <= limit(dtype, PARAMETER_GRADIENT)
        assert all(gradient is None or gradient.dtype == dtype for gradient in grads)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_equals_plain_loops(axes):
    @given(convolutions(axes))
    def run(problem):
        compare_all(*problem)

    run()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_gradients_by_central_differences(axes):
    @settings(max_examples=10)
    @given(convolutions(axes), seeds)
    def run(problem, seed):
        x, weight, bias, options = problem
        arrays = {"x": x[(slice(1), slice(None), *(slice(6),) * axes)], "weight": weight, "bias": bias}
        if arrays["x"].shape[2:] != x.shape[2:]:
            options = options | {"padding": "same"}
        given_arrays = {name: array for name, array in arrays.items() if array is not None}
        check(Case(f"conv{axes}d", given_arrays, options), np.random.default_rng(seed))

    run()


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
    strides, dilations = reference.per_axis(stride, 2), reference.per_axis(dilation, 2)
    pads = reference.borders(padding, x.shape[2:], kernel, strides, dilations)
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


@pytest.mark.parametrize("taps", range(1, 15))
@pytest.mark.parametrize("outputs", [4, 5, 7, 8, 12])
def test_every_row_of_taps_over_few_channels(taps, outputs, rng):
    """Few channels with whole rows of places: the weights' gradient has kernels of its own, by the row's taps."""
    x = rng.standard_normal((3, 1 + taps % 3, 4, 29 + taps))
    compare_all(x, rng.standard_normal((outputs, x.shape[1], 2, taps)), None, {})


@pytest.mark.parametrize(
    "x_shape, weight_shape, options",
    [
        ((2, 3, 9, 16), (6, 3, 3, 3), {"padding": 1}),
        ((1, 1, 8, 30), (5, 1, 2, 4), {"padding": ((2, 0), (1, 3)), "dilation": (3, 1)}),
        ((20, 2, 11, 47), (4, 2, 5, 6), {"stride": (3, 1), "padding": (2, 3), "dilation": (1, 2)}),
        ((2, 4, 5, 6, 14), (9, 4, 2, 3, 3), {"padding": 1, "stride": (2, 1, 1)}),
        ((5, 1, 500), (7, 1, 9), {"padding": "same"}),
        ((3, 2, 64), (8, 2, 5), {"padding": "causal", "dilation": 4}),
        ((2, 3, 1, 48), (12, 3, 1, 2), {"padding": ((0, 0), (1, 0))}),
    ],
)
def test_few_channels_with_paddings(x_shape, weight_shape, options, rng):
    x, weight = rng.standard_normal(x_shape), rng.standard_normal(weight_shape)
    compare_all(x, weight, rng.standard_normal(weight_shape[0]), options)


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


@pytest.mark.parametrize("kernel, stride, dilation", [(3, 1, 1), (2, 1, 1), (3, 1, 8), (4, 2, 3)])
def test_causal_padding(kernel, stride, dilation, rng):
    """All zeros in front; what comes later changes nothing earlier."""
    x, weight = rng.standard_normal((2, 3, 33)), rng.standard_normal((4, 3, kernel))
    y = gf.conv1d(x, weight, None, stride, "causal", dilation)
    assert same_bits(y, gf.conv1d(x, weight, None, stride, ((dilation * (kernel - 1), 0),), dilation))
    later = x.copy()
    later[:, :, 20:] += 1
    z = gf.conv1d(later, weight, None, stride, "causal", dilation)
    assert same_bits(z[:, :, : math.ceil(20 / stride)], y[:, :, : math.ceil(20 / stride)])


def test_leading_axes_of_one_place_change_nothing(rng):
    x, weight, bias = rng.standard_normal((2, 3, 30)), rng.standard_normal((4, 3, 5)), rng.standard_normal(4)
    y = gf.conv1d(x, weight, bias, 2, 1, 3)
    assert same_bits(y, gf.conv2d(x[:, :, None], weight[:, :, None], bias, (1, 2), (0, 1), (1, 3))[:, :, 0])
    deep = gf.conv3d(x[:, :, None, None], weight[:, :, None, None], bias, (1, 1, 2), (0, 0, 1), (1, 1, 3))
    assert same_bits(y, deep[:, :, 0, 0])


@pytest.mark.parametrize("x_shape, weight_shape, options", [
    ((1, 2, 5), (3, 2, 2), {"padding": 1000}),
    ((1, 2, 5), (3, 2, 9), {"padding": 4}),
    ((2, 1, 3), (1, 1, 2), {"padding": ((0, 400),), "dilation": 300, "stride": 7}),
    ((2, 4, 3, 3), (4, 1, 5, 5), {"padding": 9, "groups": 4}),
    ((2, 4, 3, 3), (4, 1, 2, 2), {"padding": (40, 0), "groups": 4, "dilation": (70, 2)}),
    ((1, 1, 2, 2, 2), (2, 1, 3, 3, 3), {"padding": 5, "dilation": 4, "stride": 3}),
    ((1, 2, 1, 1, 1), (2, 2, 3, 3, 3), {"padding": "same"}),
    ((2, 3, 0), (2, 3, 2), {"padding": 2}),
    ((0, 3, 4, 0), (2, 3, 2, 2), {"padding": 2}),
    ((3, 0, 4), (2, 0, 2), {}),
])  # fmt: skip
def test_shapes_that_no_network_has(x_shape, weight_shape, options, rng):
    """Windows that lie in the padding altogether, kernels beyond the input, empty axes: right, or refused."""
    x, weight, bias = (rng.standard_normal(shape) for shape in (x_shape, weight_shape, weight_shape[:1]))
    if 0 in weight_shape:
        with pytest.raises(ValueError, match="weight must not be empty"):
            getattr(gf, f"conv{x.ndim - 2}d")(x, weight, bias, **options)
    else:
        compare_all(x, weight, bias, options)


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
