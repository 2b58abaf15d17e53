"""Activations: values, gradients, accuracy in ulp, and the floats at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldfish as gf
import reference
from compare import DIRECT, FLOAT64, error, limit, same_bits
from gradcheck import Case, check
from strategies import DTYPES, seeds

ELEMENTWISE = ("relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu")
SOFT = ("softmax", "log_softmax")
shapes = st.lists(st.integers(1, 20), min_size=1, max_size=4).filter(lambda shape: math.prod(shape) <= 2000).map(tuple)


@pytest.mark.parametrize("operation", ELEMENTWISE + SOFT)
def test_equals_the_formula(operation):
    @given(shapes, st.floats(0.1, 30), seeds, st.data())
    def run(shape, scale, seed, data):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(shape) * scale
        axis = [data.draw(st.integers(-len(shape), len(shape) - 1))] if operation in SOFT else []
        expected = getattr(reference, operation)(x, *axis)
        dy = rng.standard_normal(shape)
        exact = getattr(gf, f"{operation}_backward")(dy, getattr(gf, f"{operation}_forward")(x, *axis)[1]).x
        for dtype in DTYPES:
            single = x.astype(dtype)
            y, cache = getattr(gf, f"{operation}_forward")(single, *axis)
            assert y.dtype == dtype
            truth = getattr(reference, operation)(single.astype(np.float64), *axis)
            assert error(y, truth, floor=1e-30) <= limit(dtype, DIRECT)
            assert error(y, expected, floor=1e-30) <= limit(dtype, 1e-4)
            assert same_bits(getattr(gf, operation)(single, *axis), y)
            assert error(getattr(gf, f"{operation}_backward")(dy.astype(dtype), cache).x, exact, floor=1) <= limit(
                dtype, 1e-4
            )

    run()


@pytest.mark.parametrize("operation", SOFT)
@given(shapes, seeds)
def test_softmax_gradients_by_central_differences(operation, shape, seed):
    shape = shape[:3] if math.prod(shape[:3]) <= 60 else (3, 4)
    rng = np.random.default_rng(seed)
    check(Case(operation, {"x": rng.standard_normal(shape)}, {"axis": int(rng.integers(len(shape)))}), rng)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ["tanh", "sigmoid"])
def test_within_four_ulp_over_all_floats(operation, dtype, rng):
    bits = {np.float32: np.uint32, np.float64: np.uint64}[dtype]
    x = rng.integers(0, np.iinfo(bits).max, 100_000, dtype=bits, endpoint=True).view(dtype)
    near = [np.linspace(-110, 110, 100_001), rng.standard_normal(50_000), rng.standard_normal(20_000) * 1e-4]
    x = np.concatenate([x[np.isfinite(x)], *(values.astype(dtype) for values in near)])
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64 if dtype == np.float32 else np.longdouble)
        exact = np.tanh(wide) if operation == "tanh" else reference.sigmoid(wide)
        spacing = np.spacing(np.abs(exact.astype(dtype))).astype(wide.dtype)
        assert np.max(np.abs(getattr(gf, operation)(x) - exact) / spacing) <= 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    y = gf.tanh(x)
    assert np.isnan(y[0])
    assert y[1:].tolist() == [1, -1, 0, 0]
    assert np.signbit(y[3:]).tolist() == [False, True]
    y = gf.sigmoid(x)
    assert np.isnan(y[0])
    assert y[1:].tolist() == [1, 0, 0.5, 0.5]
    y = gf.relu(x)
    assert np.isnan(y[0])
    assert y[1:].tolist() == [np.inf, 0, 0, 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ["gelu", "silu"])
def test_smooth_units_have_their_limits_at_infinity(operation, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -1e30, 1e30], dtype)
    y, cache = getattr(gf, f"{operation}_forward")(x)
    assert np.isnan(y[0])
    assert y[1:].tolist() == [np.inf, 0, 0, 0, 0, dtype(1e30)]
    assert np.signbit(y[2:6]).tolist() == [True, False, True, True]
    dx = getattr(gf, f"{operation}_backward")(np.ones(7, dtype), cache).x
    assert np.isnan(dx[0])
    assert dx[1:].tolist() == [1, 0, 0.5, 0.5, 0, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_leaky_relu_at_the_edges(dtype):
    y = gf.leaky_relu(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype), 0.5)
    assert np.isnan(y[0])
    assert y[1:].tolist() == [np.inf, -np.inf, 0, 0]
    assert np.signbit(y[3:]).tolist() == [False, True]
    _, cache = gf.leaky_relu_forward(np.array([-1.0, -0.0, 0.0, 1.0]), 0.25)
    assert gf.leaky_relu_backward(np.full(4, 8.0), cache).x.tolist() == [2, 2, 2, 8]


@pytest.mark.parametrize("dtype", DTYPES)
def test_gelu_keeps_its_small_values(dtype):
    """The left tail is a product of numbers that are small themselves: no difference of numbers about 1."""
    x = np.linspace(-12 if dtype == np.float32 else -36, 0, 2001).astype(dtype)[:-1]
    truth = reference.gelu(x.astype(np.float64))
    worst = np.max(np.abs(gf.gelu(x) / truth - 1))
    # The reference divides by the root of 2, whose rounding the exponent multiplies by up to 36^2.
    assert worst <= (1e-5 if dtype == np.float32 else 1e-11)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@given(shapes, seeds)
def test_gelu_of_both_kinds(approximate, shape, seed):
    x = np.random.default_rng(seed).standard_normal(shape) * 3
    assert error(gf.gelu(x, approximate=approximate), reference.gelu(x, approximate), floor=0.1) <= FLOAT64
    single = gf.gelu(x.astype("f"), approximate=approximate)
    assert error(single, reference.gelu(x.astype("f").astype("d"), approximate), floor=0.1) <= DIRECT


def test_the_approximation_of_gelu_is_near():
    x = np.linspace(-8, 8, 4001)
    assert 1e-4 < np.max(np.abs(gf.gelu(x) - gf.gelu(x, approximate="tanh"))) < 5e-4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", ELEMENTWISE)
def test_every_length_of_the_tail(operation, dtype, rng):
    """Vector registers and what is left over agree to the bit, wherever an element stands."""
    x = rng.standard_normal(70).astype(dtype) * 3
    whole = getattr(gf, operation)(x)
    for n in range(70):
        assert same_bits(getattr(gf, operation)(x[:n]), whole[:n])
        assert same_bits(getattr(gf, operation)(x[n:]), whole[n:])


def test_relu_has_no_gradient_at_its_kink():
    _, cache = gf.relu_forward(np.array([-1.0, -0.0, 0.0, 1.0]))
    assert gf.relu_backward(np.full(4, 3.0), cache).x.tolist() == [0, 0, 0, 3]


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_is_stable(dtype):
    x = np.array([[1e4, 0, -1e4], [-np.inf, 0, 0], [-1e30, -1e30, -1e30]], dtype)
    assert error(gf.softmax(x), np.array([[1, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3])) <= limit(dtype, DIRECT)
    assert gf.log_softmax(x)[0].tolist() == [0, -1e4, -2e4]
    assert gf.log_softmax(x)[1, 0] == -np.inf


def test_softmax_sums_to_one_and_ignores_shifts(rng):
    x = rng.standard_normal((50, 33)) * 5
    assert np.abs(gf.softmax(x).sum(axis=1) - 1).max() <= 1e-14
    assert error(gf.softmax(x + 100), gf.softmax(x)) <= FLOAT64
    assert error(np.exp(gf.log_softmax(x)), gf.softmax(x)) <= FLOAT64


@pytest.mark.parametrize("operation", SOFT)
@pytest.mark.parametrize(
    "shape, axis", [((1, 5, 70, 130), 1), ((2, 300, 67), 1), ((3, 2, 1000, 3), 2), ((40, 2000), 1)]
)
def test_softmax_over_few_and_many_lines(operation, shape, axis, rng):
    """Lines side by side are cut into tasks between them: the same bits for any number of threads."""
    x = rng.standard_normal(shape) * 3
    shifted = x - x.max(axis=axis, keepdims=True)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    expected = np.exp(shifted) / total if operation == "softmax" else shifted - np.log(total)
    run = getattr(gf, operation)
    for dtype in ("float64", "float32"):
        y = run(x.astype(dtype), axis)
        assert np.abs(y - expected).max() <= (1e-13 if dtype == "float64" else 2e-6) * np.abs(expected).max()
        with gf.threads(1):
            assert np.array_equal(run(x.astype(dtype), axis), y)
