"""nll_loss, l1_loss, huber_loss and binary_cross_entropy_with_logits: values, gradients and edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldfish as gf
import reference
from compare import DEFAULT, FLOAT64, error, limit, same_bits
from strategies import DTYPES, seeds

REDUCTIONS = ("mean", "sum", "none")
shapes = st.lists(st.integers(1, 30), max_size=3).map(tuple)


def narrow(options, dtype):
    return {k: v.astype(dtype) if isinstance(v, np.ndarray) else v for k, v in options.items()}


def compare(operation, x, target, options, seed):
    """Values against the reference in both dtypes; the float32 gradient against the float64 one."""
    rng = np.random.default_rng(seed)
    expected = getattr(reference, operation)(x, target, **options)
    dy = np.asarray(rng.standard_normal(np.shape(expected)))
    forward, backward = (getattr(gf, f"{operation}_{suffix}") for suffix in ("forward", "backward"))
    exact = backward(dy, forward(x, target, **options)[1]).x
    for dtype in DTYPES:
        arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in map(np.asarray, (x, target))]
        value, cache = forward(*arrays, **narrow(options, dtype))
        assert value.dtype == dtype
        assert error(value, expected, floor=1) <= limit(dtype)
        assert same_bits(value, getattr(gf, operation)(*arrays, **narrow(options, dtype)))
        assert error(backward(dy.astype(dtype), cache).x, exact, floor=1) <= limit(dtype)


@given(shapes, st.sampled_from(REDUCTIONS), seeds)
def test_l1_equals_the_formula(shape, reduction, seed):
    rng = np.random.default_rng(seed)
    x, target = rng.integers(-40, 40, (2, *shape)) / 8
    compare("l1_loss", x, target, {"reduction": reduction}, seed)


@given(shapes, st.sampled_from(REDUCTIONS), st.sampled_from([0.25, 1.0, 3.0]), seeds)
def test_huber_equals_the_formula(shape, reduction, delta, seed):
    rng = np.random.default_rng(seed)
    x, target = rng.standard_normal((2, *shape)) * 2
    compare("huber_loss", x, target, {"reduction": reduction, "delta": delta}, seed)


@given(shapes, st.sampled_from(REDUCTIONS), st.booleans(), st.booleans(), seeds)
def test_logistic_equals_the_formula(shape, reduction, weighted, positive, seed):
    rng = np.random.default_rng(seed)
    x, target = np.asarray(rng.standard_normal(shape) * 5), np.asarray(rng.uniform(0, 1, shape))
    options = {"reduction": reduction}
    if weighted:
        options["weight"] = rng.uniform(0.5, 2, shape[1:])
    if positive:
        options["pos_weight"] = rng.uniform(0.5, 4, shape[-1:])
    compare("binary_cross_entropy_with_logits", x, target, options, seed)


@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 30), st.sampled_from(REDUCTIONS), st.booleans(), seeds)
def test_nll_equals_plain_loops_and_cross_entropy(classes, places, inner, reduction, weighted, seed):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, classes, (places, inner))
    target[rng.random(target.shape) < 0.2] = -1
    target[0, 0] = 0
    options = {"reduction": reduction, "ignore_index": -1}
    if weighted:
        options["weight"] = rng.uniform(0.5, 2, classes)
    for axis in (0, 1, -1):
        logits = np.moveaxis(rng.standard_normal((places, inner, classes)), -1, axis)
        x = gf.log_softmax(logits, axis)
        compare("nll_loss", x, target, options | {"axis": axis}, seed)
        value = gf.nll_loss(x, target, axis=axis, **options)
        assert error(value, gf.cross_entropy(logits, target, axis=axis, **options), floor=1) <= FLOAT64


@pytest.mark.parametrize("dtype", DTYPES)
def test_logistic_is_stable_in_both_tails(dtype):
    x, target = np.array([1e4, -1e4, 1e4, -1e4, -60, 60], dtype), np.array([1, 1, 0, 0, 0, 1], dtype)
    values, cache = gf.binary_cross_entropy_with_logits_forward(x, target, reduction="none")
    assert values[:4].tolist() == [0, 1e4, 1e4, 0]
    assert error(values[4:] * 1e26, np.exp(-60.0) * np.ones(2) * 1e26) <= DEFAULT
    slopes = gf.binary_cross_entropy_with_logits_backward(np.ones(6, dtype), cache).x
    assert slopes[:4].tolist() == [0, -1, 1, 0]
    assert error(slopes[4:] * 1e26, np.array([1, -1]) * np.exp(-60.0) * 1e26) <= DEFAULT


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_not_a_number_is_passed_on(dtype):
    x, zero = np.array([np.nan, np.inf, -np.inf], dtype), np.zeros(3, dtype)
    for operation, slopes in [("l1_loss", [1, -1]), ("huber_loss", [1, -1]), ("mse_loss", [np.inf, -np.inf])]:
        values, cache = getattr(gf, f"{operation}_forward")(x, zero, reduction="none")
        assert np.isnan(values[0])
        assert values[1:].tolist() == [np.inf, np.inf]
        found = getattr(gf, f"{operation}_backward")(np.ones(3, dtype), cache).x
        assert np.isnan(found[0])
        assert found[1:].tolist() == slopes


def test_l1_has_no_slope_at_its_kink():
    _, cache = gf.l1_loss_forward(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    assert gf.l1_loss_backward(1.0, cache).x.tolist() == [0, 0]


def test_means_over_nothing_are_nan():
    nothing = np.zeros((0, 3))
    for operation in ("l1_loss", "huber_loss", "binary_cross_entropy_with_logits"):
        value, cache = getattr(gf, f"{operation}_forward")(nothing, nothing)
        assert np.isnan(value)
        assert getattr(gf, f"{operation}_backward")(1.0, cache).x.shape == (0, 3)
    assert np.isnan(gf.nll_loss(np.zeros((2, 3)), np.array([-100, -100])))


def test_integers_and_bools_serve_as_targets():
    for target in ([1, 0, 1], [True, False, True], np.array([1, 0, 1], "u1")):
        value = gf.binary_cross_entropy_with_logits(np.zeros(3, "f"), target)
        assert value.dtype == np.float32
        assert float(value) == pytest.approx(np.log(2))
