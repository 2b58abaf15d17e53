"""Pooling against plain loops, over every number of axes, and its conventions."""

import numpy as np
import pytest
from hypothesis import given, settings

import goldfish as gf
import reference_windows as reference
from compare import DIRECT, error, limit, same_bits
from gradcheck import Case, check
from gradient_table import apart
from strategies import DTYPES, adaptive_poolings, poolings, seeds

every_axes = pytest.mark.parametrize("axes", [1, 2, 3])


def triple(operation):
    return (getattr(gf, operation + suffix) for suffix in ("", "_forward", "_backward"))


@every_axes
def test_max_equals_plain_loops(axes):
    plain, forward, backward = triple(f"max_pool{axes}d")

    @given(poolings(False, axes), seeds)
    def run(problem, seed):
        x, options = problem
        expected, indices = reference.max_pool(x, **options)
        dy = np.random.default_rng(seed).standard_normal(expected.shape)
        dx = reference.max_pool_gradient(dy, indices, x.shape)
        for dtype in DTYPES:
            single = x.astype(dtype)
            y, found, cache = forward(single, **options, return_indices=True)
            assert same_bits(y, reference.max_pool(single, **options)[0].astype(dtype))
            assert same_bits(found, indices)
            assert same_bits(plain(single, **options), y)
            both = plain(single, **options, return_indices=True)
            assert all(same_bits(a, b) for a, b in zip(both, (y, found), strict=True))
            assert error(backward(dy.astype(dtype), cache).x, dx, floor=1) <= limit(dtype, DIRECT)
            without_indices, cache = forward(single, **options)
            assert same_bits(without_indices, y)
            assert error(backward(dy.astype(dtype), cache).x, dx, floor=1) <= limit(dtype, DIRECT)

    run()


@every_axes
def test_avg_equals_plain_loops(axes):
    plain, forward, backward = triple(f"avg_pool{axes}d")

    @given(poolings(True, axes), seeds)
    def run(problem, seed):
        x, options = problem
        expected = reference.avg_pool(x, **options)
        dy = np.random.default_rng(seed).standard_normal(expected.shape)
        dx = reference.avg_pool_gradient(dy, x, **options)
        for dtype in DTYPES:
            y, cache = forward(x.astype(dtype), **options)
            assert y.dtype == dtype
            assert error(y, expected, floor=0.1) <= limit(dtype, DIRECT)
            assert same_bits(plain(x.astype(dtype), **options), y)
            gradient = backward(dy.astype(dtype), cache).x
            assert gradient.dtype == dtype
            assert error(gradient, dx, floor=0.1) <= limit(dtype, DIRECT)

    run()


@every_axes
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_gradients_by_central_differences(kind, axes):
    @settings(max_examples=10)
    @given(poolings(kind == "avg", axes), seeds)
    def run(problem, seed):
        x, options = problem
        rng = np.random.default_rng(seed)
        check(Case(f"{kind}_pool{axes}d", {"x": apart(rng, x[:1].shape)}, options), rng)

    run()


@every_axes
def test_adaptive_pools_equal_plain_loops(axes):
    largest, mean = triple(f"adaptive_max_pool{axes}d"), triple(f"adaptive_avg_pool{axes}d")
    (max_plain, max_forward, max_backward), (avg_plain, avg_forward, avg_backward) = largest, mean

    @given(adaptive_poolings(axes), seeds)
    def run(problem, seed):
        x, output_size = problem
        for dtype in DTYPES:
            single = x.astype(dtype)
            expected, indices = reference.adaptive_max_pool(single, output_size)
            y, found, cache = max_forward(single, output_size, return_indices=True)
            assert same_bits(y, expected.astype(dtype))
            assert same_bits(found, indices)
            assert same_bits(max_plain(single, output_size), y)
            both = max_plain(single, output_size, return_indices=True)
            assert all(same_bits(a, b) for a, b in zip(both, (y, found), strict=True))
            dy = np.random.default_rng(seed).standard_normal(y.shape)
            dx = reference.max_pool_gradient(dy, indices, x.shape)
            assert error(max_backward(dy.astype(dtype), cache).x, dx, floor=1) <= limit(dtype, DIRECT)
            without_indices, cache = max_forward(single, output_size)
            assert same_bits(without_indices, y)
            assert error(max_backward(dy.astype(dtype), cache).x, dx, floor=1) <= limit(dtype, DIRECT)
            y, cache = avg_forward(single, output_size)
            assert y.dtype == dtype
            assert error(y, reference.adaptive_avg_pool(x, output_size), floor=0.1) <= limit(dtype, DIRECT)
            assert same_bits(avg_plain(single, output_size), y)
            dx = reference.adaptive_avg_pool_gradient(dy, x)
            assert error(avg_backward(dy.astype(dtype), cache).x, dx, floor=0.1) <= limit(dtype, DIRECT)

    run()


@pytest.mark.parametrize("shape, output_size", [((2, 5, 33, 65), 1), ((2, 3, 56, 56), 7), ((1, 4, 50, 70), (6, 9))])
def test_adaptive_pools_of_larger_planes(shape, output_size, rng):
    x = rng.standard_normal(shape)
    y, indices = gf.adaptive_max_pool2d(x, output_size, return_indices=True)
    expected, places = reference.adaptive_max_pool(x, output_size)
    assert same_bits(y, expected)
    assert same_bits(indices, places)
    means = reference.adaptive_avg_pool(x, output_size)
    assert error(gf.adaptive_avg_pool2d(x, output_size), means, floor=0.1) <= limit(np.float64)
    assert error(gf.adaptive_avg_pool2d(x.astype("f"), output_size), means, floor=0.1) <= DIRECT


def test_adaptive_pools_of_what_divides_are_the_regular_ones(rng):
    x = rng.standard_normal((2, 3, 12, 20))
    assert same_bits(gf.adaptive_max_pool2d(x, (4, 5)), gf.max_pool2d(x, (3, 4)))
    assert error(gf.adaptive_avg_pool2d(x, (4, 5)), gf.avg_pool2d(x, (3, 4))) <= limit(np.float64)
    assert error(gf.adaptive_avg_pool2d(x, 1)[:, :, 0, 0], x.mean(axis=(2, 3))) <= limit(np.float64)
    assert same_bits(gf.adaptive_max_pool2d(x, 1)[:, :, 0, 0], x.max(axis=(2, 3)))
    assert same_bits(gf.adaptive_avg_pool2d(x, None), x)


def test_adaptive_max_conventions():
    x = np.zeros((1, 1, 4, 4))
    assert gf.adaptive_max_pool2d(x, 2, return_indices=True)[1].ravel().tolist() == [0, 2, 8, 10]
    x[0, 0, 3, 0] = x[0, 0, 1, 3] = np.nan
    y, indices = gf.adaptive_max_pool2d(x, 1, return_indices=True)
    assert np.isnan(y).all()
    assert indices.item() == 7
    assert gf.adaptive_max_pool1d(np.full((1, 1, 3), -np.inf), 2).tolist() == [[[-np.inf, -np.inf]]]


@pytest.mark.parametrize("operation", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("kernel, stride, padding", [(2, 2, 0), (3, 2, 1), (3, 3, 0), (3, 1, 1), (5, 4, 2), (13, 1, 6)])
@pytest.mark.parametrize("width", [13, 16, 31, 33, 50])
def test_every_remainder_of_the_registers(operation, kernel, stride, padding, width, rng):
    x = rng.standard_normal((2, 2, 15, width))
    expected = getattr(reference, operation.removesuffix("2d"))(x, kernel, stride, padding)
    expected = expected[0] if operation == "max_pool2d" else expected
    assert error(getattr(gf, operation)(x, kernel, stride, padding), expected) <= limit(np.float64)
    single = getattr(gf, operation)(x.astype(np.float32), kernel, stride, padding)
    assert error(single, expected) <= DIRECT


def test_ties_go_to_the_first_place():
    y, indices, cache = gf.max_pool2d_forward(np.zeros((1, 1, 4, 4)), 2, return_indices=True)
    assert indices.ravel().tolist() == [0, 2, 8, 10]
    dx = gf.max_pool2d_backward(np.ones_like(y), cache).x
    assert dx[0, 0, ::2, ::2].tolist() == [[1, 1], [1, 1]]
    assert dx.sum() == 4
    signed = np.array([[0.0, -0.0, -0.0, 0.0]])[None, None]
    values, indices = gf.max_pool2d(signed, (1, 2), return_indices=True)
    assert indices.ravel().tolist() == [0, 2]
    assert np.signbit(values).ravel().tolist() == [False, True]


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_propagates_nan(dtype):
    x = np.arange(48, dtype=dtype).reshape(1, 1, 6, 8)
    x[0, 0, 2, 3] = np.nan
    y, indices = gf.max_pool2d(x, 3, 1, return_indices=True)
    hit = np.zeros((4, 6), bool)
    hit[0:3, 1:4] = True
    assert np.array_equal(np.isnan(y[0, 0]), hit)
    assert set(indices[0, 0][hit].tolist()) == {2 * 8 + 3}


def test_max_of_infinities_and_padding():
    x = np.full((1, 1, 1, 4), -np.inf)
    assert gf.max_pool2d(x, (1, 2), padding=(0, 1)).ravel().tolist() == [-np.inf] * 3
    negative = np.full((1, 1, 2, 2), -5.0)
    assert gf.max_pool2d(negative, 2, 1, 1).max() == -5


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("kernel", [2, 3, 7])
def test_avg_is_not_contaminated_by_neighbours(value, kernel, rng):
    x = rng.standard_normal((1, 2, 20, 21)).astype("f")
    x[0, 0, 9, 10] = value
    y = gf.avg_pool2d(x, kernel, 1)
    hit = np.zeros(y.shape, bool)
    hit[0, 0, 9 - kernel + 1 : 10, 10 - kernel + 1 : 11] = True
    assert np.array_equal(~np.isfinite(y), hit)


def test_divisors_of_the_average():
    def row(n, *arguments, **options):
        return gf.avg_pool2d(np.ones((1, 1, 1, n)), *arguments, **options).ravel().tolist()

    assert row(5, (1, 3), (1, 2), (0, 1)) == pytest.approx([2 / 3, 1, 2 / 3])
    assert row(5, (1, 3), (1, 2), (0, 1), count_include_pad=False) == [1, 1, 1]
    assert row(5, (1, 2), (1, 2), ceil_mode=True) == [1, 1, 1]
    assert row(6, (1, 4), (1, 3), (0, 1), ceil_mode=True) == pytest.approx([3 / 4, 1, 1 / 2])
    assert row(5, (1, 2), divisor_override=4) == [0.5, 0.5]


def test_a_ceil_mode_window_in_the_right_padding_is_dropped():
    assert gf.max_pool2d(np.zeros((1, 1, 5, 5)), 2, 3, 1, ceil_mode=True).shape == (1, 1, 2, 2)
    assert gf.pool_output_size((5, 7), 2, 3, 1, ceil_mode=True) == (2, 3)
