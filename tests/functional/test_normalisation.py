"""batch_norm and layer_norm: values, running arrays, accuracy, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldfish as gf
import reference
from compare import FLOAT64, error, limit, same_bits
from gradcheck import Case, check
from strategies import DTYPES, seeds

shapes = st.tuples(st.integers(2, 9), st.integers(1, 40), st.lists(st.integers(1, 12), max_size=3)).map(
    lambda parts: (*parts[:2], *parts[2])
)


@given(shapes, st.booleans(), st.booleans(), st.booleans(), seeds)
def test_batch_norm_equals_plain_loops(shape, training, weighted, biased, seed):
    rng = np.random.default_rng(seed)
    x, channels = rng.standard_normal(shape) * 3 + 2, shape[1]
    running = [rng.standard_normal(channels), rng.uniform(0.5, 2, channels)]
    weight = rng.standard_normal(channels) if weighted else None
    bias = rng.standard_normal(channels) if biased else None
    options = {"training": training, "eps": 0.1}
    expected, mean, var = reference.batch_norm(x, *running, weight, bias, **options)
    for dtype in DTYPES:
        own = [array.astype(dtype) for array in running]
        affine = [None if array is None else array.astype(dtype) for array in (weight, bias)]
        y, _ = gf.batch_norm_forward(x.astype(dtype), *own, *affine, **options)
        assert y.dtype == dtype
        assert error(y, expected, floor=1) <= limit(dtype)
        assert error(own[0], mean, floor=1) <= limit(dtype)
        assert error(own[1], var, floor=1) <= limit(dtype)
        again = [array.astype(dtype) for array in running]
        assert same_bits(gf.batch_norm(x.astype(dtype), *again, *affine, **options), y)
        assert all(same_bits(a, b) for a, b in zip(own, again, strict=True))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple), st.data(), st.booleans(), st.booleans(), seeds)
def test_layer_norm_equals_plain_loops(shape, data, weighted, biased, seed):
    rng = np.random.default_rng(seed)
    axes = shape[-data.draw(st.integers(1, len(shape))) :]
    x = rng.standard_normal(shape) * 3 + 2
    weight = rng.standard_normal(axes) if weighted else None
    bias = rng.standard_normal(axes) if biased else None
    expected = reference.layer_norm(x, axes, weight, bias, eps=0.1)
    for dtype in DTYPES:
        affine = [None if array is None else array.astype(dtype) for array in (weight, bias)]
        y, _ = gf.layer_norm_forward(x.astype(dtype), axes, *affine, eps=0.1)
        assert y.dtype == dtype
        assert error(y, expected, floor=1) <= limit(dtype, 2e-5)
        assert same_bits(gf.layer_norm(x.astype(dtype), axes, *affine, eps=0.1), y)


@given(seeds)
def test_gradients_of_random_shapes(seed):
    rng = np.random.default_rng(seed)
    shape = (2, int(rng.integers(1, 4)), *rng.integers(1, 4, rng.integers(0, 3)))
    arrays = {"x": rng.standard_normal(shape), "weight": rng.standard_normal(shape[1])}
    check(Case("batch_norm", arrays, {"running_mean": None, "running_var": None, "training": True, "eps": 0.1}), rng)
    arrays["weight"] = rng.standard_normal(shape[1:])
    check(Case("layer_norm", arrays, {"normalized_shape": shape[1:], "eps": 0.1}), rng)


@pytest.mark.parametrize("shape", [(600, 70), (32, 64, 9, 9), (3, 2, 300, 300), (5, 3000)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_on_shapes_of_many_blocks(shape, dtype, rng):
    x, dy = (rng.standard_normal(shape) for _ in range(2))
    weight, axes = rng.standard_normal(shape[1]), (0, *range(2, len(shape)))
    column = weight.reshape(1, -1, *[1] * (len(shape) - 2))
    rate = 1 / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    normal = (x - x.mean(axes, keepdims=True)) * rate
    slopes, products = dy.mean(axes, keepdims=True), (dy * normal).mean(axes, keepdims=True)
    _, cache = gf.batch_norm_forward(x.astype(dtype), None, None, weight.astype(dtype), np.zeros(shape[1], dtype))
    grads = gf.batch_norm_backward(dy.astype(dtype), cache)
    assert error(grads.x, column * rate * (dy - slopes - normal * products)) <= limit(dtype)
    assert error(grads.weight, (dy * normal).sum(axes)) <= limit(dtype)
    assert error(grads.bias, dy.sum(axes)) <= limit(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_large_mean_costs_no_accuracy(dtype, rng):
    x = (rng.integers(-8, 9, (4000, 3)) + 4096).astype(dtype)
    exact = x.astype(np.float64)
    expected = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)
    assert error(gf.batch_norm(x, None, None, training=True), expected) <= limit(dtype, 1e-4)
    line = x.T.copy()
    assert error(gf.layer_norm(line, 4000), expected.T) <= limit(dtype, 1e-4)


def test_running_arrays_change_on_success_alone(rng):
    x, mean, var = rng.standard_normal((8, 3)), np.zeros(3), np.ones(3)
    for wrong in (
        lambda: gf.batch_norm_forward(x, mean, var, np.ones(4)),
        lambda: gf.batch_norm_forward(x, mean, np.ones(4)),
        lambda: gf.batch_norm_forward(x, mean, var, eps=-1.0),
        lambda: gf.batch_norm_forward(x[:1], mean, var),
    ):
        with pytest.raises(ValueError, match="batch_norm_forward"):
            wrong()
    gf.batch_norm_forward(x, mean, var, training=False)
    gf.batch_norm(x, mean, var)
    assert mean.tolist() == [0, 0, 0]
    assert var.tolist() == [1, 1, 1]
    gf.batch_norm_forward(x, mean, var, momentum=1.0)
    assert error(mean, x.mean(0)) <= FLOAT64
    assert error(var, x.var(0, ddof=1)) <= FLOAT64


def test_running_arrays_must_be_writable(rng):
    x, frozen = rng.standard_normal((8, 3)), np.zeros(3)
    frozen.setflags(write=False)
    with pytest.raises(ValueError, match="running_mean must be a writable"):
        gf.batch_norm(x, frozen, np.ones(3), training=True)
    with pytest.raises(ValueError, match="running_var must be a writable"):
        gf.batch_norm(x, np.zeros(3), np.ones(6)[::2], training=True)
    assert gf.batch_norm(x, frozen, np.ones(6)[::2], eps=0.0).tolist() == x.tolist()


def test_nothing_is_normalised_to_nothing():
    mean = np.zeros(3)
    y, cache = gf.batch_norm_forward(np.zeros((0, 3)), mean, np.ones(3), np.ones(3), np.ones(3))
    assert y.shape == (0, 3)
    grads = gf.batch_norm_backward(y, cache)
    assert (grads.x.shape, grads.weight.tolist(), grads.bias.tolist()) == ((0, 3), [0, 0, 0], [0, 0, 0])
    assert mean.tolist() == [0, 0, 0]
    y, cache = gf.layer_norm_forward(np.zeros((0, 3)), 3, np.ones(3))
    assert gf.layer_norm_backward(y, cache).weight.tolist() == [0, 0, 0]
    assert gf.layer_norm(np.zeros((4, 0)), 0).shape == (4, 0)


def test_what_is_not_a_number_stays_with_its_channel_or_sample(rng):
    x = rng.standard_normal((6, 3))
    x[2, 1] = np.nan
    assert np.isnan(gf.batch_norm(x, None, None, training=True)).any(0).tolist() == [False, True, False]
    assert np.isnan(gf.layer_norm(x, 3)).any(1).tolist() == [False, False, True, False, False, False]


def test_only_what_is_needed_is_computed(rng):
    x = rng.standard_normal((4, 3))
    for forward, backward, settings in [
        (gf.batch_norm_forward, gf.batch_norm_backward, (None, None)),
        (gf.layer_norm_forward, gf.layer_norm_backward, (3,)),
    ]:
        whole = backward(x, forward(x, *settings, np.ones(3), np.zeros(3))[1])
        for needs in [("x",), ("weight",), ("bias",), ("weight", "x"), ()]:
            part = backward(x, forward(x, *settings, np.ones(3), np.zeros(3))[1], needs=needs)
            for name in whole._fields:
                found = getattr(part, name)
                assert (found is None) if name not in needs else same_bits(found, getattr(whole, name))
