"""Transposed convolution against plain loops, as the adjoint of convolution, and by its own conventions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

import goldfish as gf
import reference_windows as reference
from compare import DEFAULT, FLOAT64, PARAMETER_GRADIENT, error, limit, same_bits
from gradcheck import Case, check
from strategies import DTYPES, convolutions, seeds, transposed_convolutions

every_axes = pytest.mark.parametrize("axes", [1, 2, 3])


def compare_all(x, weight, bias, options):
    """Output and gradients in both dtypes against plain loops in float64."""
    name = f"conv_transpose{x.ndim - 2}d"
    plain, forward, backward = (getattr(gf, name + suffix) for suffix in ("", "_forward", "_backward"))
    expected = reference.conv_transpose(x, weight, bias, **options)
    dy = np.random.default_rng(0).standard_normal(expected.shape)
    gradients = reference.conv_transpose_gradients(dy, x, weight, **options)
    floors = (math.sqrt(weight[0].size), math.sqrt(x[:, 0].size), math.sqrt(dy[:, 0].size))
    for dtype in DTYPES:
        arguments = [None if array is None else array.astype(dtype) for array in (x, weight, bias)]
        y, cache = forward(*arguments, **options)
        assert y.dtype == dtype
        assert error(y, expected, floor=math.sqrt(weight[:, 0].size)) <= limit(dtype, DEFAULT)
        assert same_bits(y, plain(*arguments, **options))
        grads = backward(dy.astype(dtype), cache)
        limits = (DEFAULT, PARAMETER_GRADIENT, PARAMETER_GRADIENT)
        for found, truth, floor, allowed in zip(grads, gradients, floors, limits, strict=True):
            assert (found is None) == (truth is gradients[2] and bias is None)
            if found is not None:
                assert found.dtype == dtype
                assert error(found, truth, floor=floor) <= limit(dtype, allowed)


@every_axes
def test_equals_plain_loops(axes):
    @given(transposed_convolutions(axes))
    def run(problem):
        compare_all(*problem)

    run()


@every_axes
def test_gradients_by_central_differences(axes):
    @settings(max_examples=10)
    @given(transposed_convolutions(axes), seeds)
    def run(problem, seed):
        x, weight, bias, options = problem
        arrays = {"x": x[:1], "weight": weight} | ({} if bias is None else {"bias": bias})
        check(Case(f"conv_transpose{axes}d", arrays, options), np.random.default_rng(seed))

    run()


@every_axes
def test_is_the_adjoint_of_convolution(axes):
    """<conv(y), x> = <y, conv_transpose(x)>, where y has the size that some output padding gives."""

    @given(convolutions(axes))
    def run(problem):
        y, weight, _, options = problem
        stride, dilation = (reference.per_axis(options[name], axes) for name in ("stride", "dilation"))
        pads = reference.borders(options["padding"], y.shape[2:], weight.shape[2:], stride, dilation)
        options |= {"padding": pads}
        convolved = getattr(gf, f"conv{axes}d")(y, weight, **options)
        sizes = zip(y.shape[2:], weight.shape[2:], stride, pads, dilation, convolved.shape[2:], strict=True)
        more = [n + sum(pair) - (m - 1) * s - d * (k - 1) - 1 for n, k, s, pair, d, m in sizes]
        x = np.random.default_rng(1).standard_normal(convolved.shape)
        spread = getattr(gf, f"conv_transpose{axes}d")(x, weight, **options, output_padding=more)
        assert spread.shape == y.shape
        assert np.vdot(convolved, x) == pytest.approx(np.vdot(y, spread), rel=1e-9, abs=1e-9)

    run()


@pytest.mark.parametrize("x_shape, weight_shape, options", [
    ((2, 64, 7, 7), (64, 32, 4, 4), {"stride": 2, "padding": 1}),
    ((2, 24, 9, 8), (24, 17, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 32, 8, 8), (32, 16, 2, 2), {"stride": 2}),
    ((2, 12, 9, 9), (12, 5, 3, 3), {"padding": 1, "groups": 3}),
    ((2, 16, 9, 9), (16, 1, 3, 3), {"stride": 2, "padding": 1, "groups": 16}),
    ((2, 3, 20, 20), (3, 40, 3, 3), {"padding": 1}),
    ((1, 40, 20, 20), (40, 3, 5, 5), {"stride": 2, "padding": 2, "output_padding": 1}),
    ((2, 16, 90), (16, 20, 8), {"stride": 4, "padding": 2}),
    ((1, 8, 3, 6, 7), (8, 6, 3, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
])  # fmt: skip
def test_kinds_of_layers(x_shape, weight_shape, options, rng):
    """The layers of real networks, smaller: what a fast path may be written for."""
    compare_all(
        rng.standard_normal(x_shape),
        rng.standard_normal(weight_shape),
        rng.standard_normal(weight_shape[1] * options.get("groups", 1)),
        options,
    )


@pytest.mark.parametrize("padding", ["same", "same_lower", "causal"])
@pytest.mark.parametrize("kernel, stride, dilation", [(4, 2, 1), (5, 2, 1), (3, 1, 1), (2, 5, 1), (3, 2, 3), (1, 3, 1)])
def test_rules_leave_stride_outputs_for_each_input(padding, kernel, stride, dilation, rng):
    x, weight = rng.standard_normal((2, 3, 7)), rng.standard_normal((3, 2, kernel))
    y = gf.conv_transpose1d(x, weight, None, stride, padding, dilation=dilation)
    assert y.shape == (2, 2, 7 * stride)
    full = gf.conv_transpose1d(x, weight, None, stride, dilation=dilation)
    cut = max(full.shape[2] - 7 * stride, 0)
    before = {"same": cut // 2, "same_lower": cut - cut // 2, "causal": 0}[padding]
    expected = np.zeros_like(y)
    kept = full[:, :, before : before + 7 * stride]
    expected[:, :, : kept.shape[2]] = kept
    assert error(y, expected) <= FLOAT64


def test_causal_sees_nothing_later(rng):
    x, weight = rng.standard_normal((1, 3, 20)), rng.standard_normal((3, 2, 7))
    y = gf.conv_transpose1d(x, weight, None, 3, "causal")
    later = x.copy()
    later[:, :, 11:] += 1
    z = gf.conv_transpose1d(later, weight, None, 3, "causal")
    assert same_bits(z[:, :, :33], y[:, :, :33])
    assert not same_bits(z[:, :, 33:36], y[:, :, 33:36])


@pytest.mark.parametrize("x_shape, weight_shape, options", [
    ((1, 2, 5), (2, 3, 2), {"stride": 1000}),
    ((2, 1, 3), (1, 1, 2), {"dilation": 300, "stride": 7, "padding": 100}),
    ((2, 4, 3, 3), (4, 1, 5, 5), {"padding": 3, "groups": 4}),
    ((2, 4, 3, 3), (4, 1, 2, 2), {"padding": ((0, 70), (2, 2)), "groups": 4, "dilation": (70, 3)}),
    ((1, 2, 1, 1, 1), (2, 2, 3, 3, 3), {"padding": "same"}),
    ((0, 3, 4, 4), (3, 2, 2, 2), {"padding": 1}),
    ((1, 2, 3), (2, 1, 1), {"stride": 5, "padding": ((4, 0),), "output_padding": 4}),
])  # fmt: skip
def test_shapes_that_no_network_has(x_shape, weight_shape, options, rng):
    """Places that nothing reaches, crops beyond the kernel, empty batches."""
    bias = rng.standard_normal(weight_shape[1] * options.get("groups", 1))
    compare_all(rng.standard_normal(x_shape), rng.standard_normal(weight_shape), bias, options)


def test_worked_numbers():
    """Two filters laid over each other by hand."""
    x, weight = np.array([[[1.0, 2, 3]]]), np.array([[[1.0, 10, 100]]])
    assert gf.conv_transpose1d(x, weight).tolist() == [[[1, 12, 123, 230, 300]]]
    assert gf.conv_transpose1d(x, weight, stride=2).tolist() == [[[1, 10, 102, 20, 203, 30, 300]]]
    assert gf.conv_transpose1d(x, weight, np.array([0.5]), 2, 1, 1).tolist() == [
        [[10.5, 102.5, 20.5, 203.5, 30.5, 300.5]]
    ]
