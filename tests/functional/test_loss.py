"""cross_entropy and mse_loss: values, gradients, and where they would overflow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldfish as gf
import reference
from compare import DEFAULT, FLOAT64, error, limit, same_bits
from gradcheck import Case, check
from strategies import DTYPES, seeds

REDUCTIONS = ("mean", "sum", "none")


@st.composite
def classifications(draw):
    """Logits, target and options of cross_entropy, in float64."""
    shape = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    classes = shape[axis] = draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(seeds))
    places = tuple(np.delete(shape, axis))
    options = {"axis": axis, "reduction": draw(st.sampled_from(REDUCTIONS))}
    if draw(st.booleans()):
        target = np.moveaxis(rng.dirichlet(np.ones(classes), places), -1, axis)
    else:
        target = rng.integers(0, classes, places)
        if draw(st.booleans()):
            options["ignore_index"] = draw(st.sampled_from([0, -1, -100]))
            target[rng.random(places) < 0.3] = options["ignore_index"]
            target.flat[0] = classes - 1
            if options["ignore_index"] == classes - 1:
                options["ignore_index"] = -100
                target[target < 0] = 0
    if draw(st.booleans()):
        options["weight"] = rng.uniform(0.5, 2, classes)
    if draw(st.booleans()):
        options["label_smoothing"] = draw(st.floats(0, 1))
    return rng.standard_normal(shape), target, options


def single(value):
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


@given(classifications(), seeds)
def test_cross_entropy_equals_plain_loops(problem, seed):
    logits, target, options = problem
    expected = reference.cross_entropy(logits, target, **options)
    value, cache = gf.cross_entropy_forward(logits, target, **options)
    assert error(value, expected, floor=1) <= FLOAT64
    assert same_bits(value, gf.cross_entropy(logits, target, **options))
    dy = np.random.default_rng(seed).standard_normal(np.shape(expected))
    exact = gf.cross_entropy_backward(dy, cache).logits
    value, cache = gf.cross_entropy_forward(
        *map(single, (logits, target)), **{k: single(v) for k, v in options.items()}
    )
    assert value.dtype == np.float32
    assert error(value, expected, floor=1) <= DEFAULT
    gradient = gf.cross_entropy_backward(np.asarray(dy, np.float32), cache).logits
    assert gradient.dtype == np.float32
    assert error(gradient, exact, floor=1) <= DEFAULT


@given(classifications(), seeds)
def test_cross_entropy_gradients_by_central_differences(problem, seed):
    logits, target, options = problem
    if logits.size <= 150:
        check(Case("cross_entropy", {"logits": logits}, {"target": target} | options), np.random.default_rng(seed))


def test_one_hot_probabilities_are_class_numbers(rng):
    logits, target = rng.standard_normal((6, 5, 3)), rng.integers(0, 5, (6, 3))
    probabilities = np.moveaxis(reference.one_hot(target, 5), -1, 1)
    for reduction in REDUCTIONS:
        numbers = gf.cross_entropy(logits, target, reduction=reduction)
        assert error(gf.cross_entropy(logits, probabilities, reduction=reduction), numbers) <= FLOAT64


def test_the_mean_divides_by_the_weights_that_count():
    logits, target, weight = (
        np.log([[0.5, 0.5], [0.25, 0.75], [0.1, 0.9]]),
        np.array([0, 1, -100]),
        np.array([3.0, 1.0]),
    )
    expected = -(3 * math.log(0.5) + math.log(0.75)) / 4
    assert float(gf.cross_entropy(logits, target, weight=weight)) == pytest.approx(expected, rel=1e-14)
    unreduced = gf.cross_entropy(logits, target, weight=weight, reduction="none")
    assert unreduced.tolist() == pytest.approx([-3 * math.log(0.5), -math.log(0.75), 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_is_stable(dtype):
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
    value, cache = gf.cross_entropy_forward(logits, np.array([1, 1]))
    assert float(value) == pytest.approx(1e4)
    gradient = gf.cross_entropy_backward(dtype(1), cache).logits
    assert error(gradient, np.array([[0.5, -0.5], [0, 0]])) <= limit(dtype)
    masked = np.array([[0, -np.inf, 0]], dtype)
    assert float(gf.cross_entropy(masked, np.array([0]))) == pytest.approx(math.log(2), rel=1e-6)


def test_a_mean_over_nothing_is_nan():
    assert np.isnan(gf.cross_entropy(np.zeros((2, 3)), np.array([-100, -100])))
    assert np.isnan(gf.cross_entropy(np.zeros((0, 3)), np.zeros(0, int)))
    assert float(gf.cross_entropy(np.zeros((0, 3)), np.zeros(0, int), reduction="sum")) == 0
    assert np.isnan(gf.mse_loss(np.zeros((0, 3)), np.zeros((0, 3))))


@given(st.lists(st.integers(1, 30), max_size=3).map(tuple), st.sampled_from(REDUCTIONS), seeds)
def test_mse_equals_the_formula(shape, reduction, seed):
    rng = np.random.default_rng(seed)
    x, target = rng.standard_normal(shape), rng.standard_normal(shape)
    expected = reference.mse_loss(np.asarray(x), np.asarray(target), reduction)
    dy = rng.standard_normal(np.shape(expected))
    dx = 2 * dy * (x - target) / (np.size(x) if reduction == "mean" else 1)
    for dtype in DTYPES:
        arguments = np.asarray(x, dtype), np.asarray(target, dtype)
        value, cache = gf.mse_loss_forward(*arguments, reduction=reduction)
        assert value.dtype == dtype
        assert error(value, expected) <= limit(dtype)
        assert same_bits(value, gf.mse_loss(*arguments, reduction=reduction))
        assert error(gf.mse_loss_backward(np.asarray(dy, dtype), cache).x, dx) <= limit(dtype)


def test_reduced_losses_are_scalars(rng):
    logits, target = rng.standard_normal((3, 4)).astype("f"), np.array([0, 1, 2])
    for reduction in ("mean", "sum"):
        for value in (
            gf.cross_entropy(logits, target, reduction=reduction),
            gf.cross_entropy_forward(logits, target, reduction=reduction)[0],
            gf.mse_loss(logits, logits, reduction=reduction),
            gf.mse_loss_forward(logits, logits, reduction=reduction)[0],
        ):
            assert isinstance(value, np.float32)
    _, cache = gf.cross_entropy_forward(logits, target)
    assert gf.cross_entropy_backward(1.0, cache).logits.dtype == np.float32
