"""linear, embedding and dropout."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldfish as gf
import reference
from compare import DEFAULT, FLOAT64, PARAMETER_GRADIENT, error, limit, same_bits
from strategies import DTYPES, seeds

leading_axes = st.lists(st.integers(1, 5), max_size=3).map(tuple)


@given(leading_axes, st.integers(1, 40), st.integers(1, 40), st.booleans(), seeds)
def test_linear_equals_plain_loops(leading, inputs, outputs, with_bias, seed):
    rng = np.random.default_rng(seed)
    x, weight, dy = (
        rng.standard_normal(shape) for shape in ((*leading, inputs), (outputs, inputs), (*leading, outputs))
    )
    bias = rng.standard_normal(outputs) if with_bias else None
    expected = reference.linear(x, weight, bias)
    rows, slopes = x.reshape(-1, inputs), dy.reshape(-1, outputs)
    for dtype in DTYPES:
        y, cache = gf.linear_forward(*(None if a is None else a.astype(dtype) for a in (x, weight, bias)))
        assert y.dtype == dtype
        assert error(y, expected, floor=math.sqrt(inputs)) <= limit(dtype)
        grads = gf.linear_backward(dy.astype(dtype), cache)
        assert error(grads.x, dy @ weight, floor=math.sqrt(outputs)) <= limit(dtype)
        assert error(grads.weight, slopes.T @ rows, floor=math.sqrt(len(rows))) <= limit(dtype, PARAMETER_GRADIENT)
        if with_bias:
            assert error(grads.bias, slopes.sum(0), floor=math.sqrt(len(rows))) <= limit(dtype, PARAMETER_GRADIENT)


@pytest.mark.parametrize(
    "rows, inputs, outputs", [(64, 3072, 128), (1, 257, 33), (100, 65, 10), (7, 1, 1), (300, 16, 301)]
)
def test_linear_on_larger_shapes(rows, inputs, outputs, rng):
    x, weight, dy = (rng.standard_normal(shape) for shape in ((rows, inputs), (outputs, inputs), (rows, outputs)))
    for dtype in DTYPES:
        y, cache = gf.linear_forward(x.astype(dtype), weight.astype(dtype))
        grads = gf.linear_backward(dy.astype(dtype), cache)
        assert error(y, x @ weight.T) <= limit(dtype)
        assert error(grads.x, dy @ weight) <= limit(dtype)
        assert error(grads.weight, dy.T @ x) <= limit(dtype, PARAMETER_GRADIENT)


@given(st.lists(st.integers(0, 6), max_size=3).map(tuple), st.integers(1, 30), st.integers(1, 20), seeds)
def test_embedding_equals_plain_loops(shape, rows, width, seed):
    rng = np.random.default_rng(seed)
    ids, weight, dy = (
        rng.integers(0, rows, shape),
        rng.standard_normal((rows, width)),
        rng.standard_normal((*shape, width)),
    )
    for dtype in DTYPES:
        y, cache = gf.embedding_forward(ids, weight.astype(dtype))
        assert same_bits(y, reference.embedding(ids, weight).astype(dtype))
        assert same_bits(gf.embedding(ids, weight.astype(dtype)), y)
        expected = reference.embedding_gradient(dy, ids, rows)
        gradient = gf.embedding_backward(dy.astype(dtype), cache).weight
        assert gradient.dtype == dtype
        assert error(gradient, expected, floor=1) <= limit(dtype, PARAMETER_GRADIENT)


def test_embedding_padding_row_has_no_gradient(rng):
    weight, ids = rng.standard_normal((6, 3)), np.array([[0, 5, 2], [2, 2, 1]])
    dy = rng.standard_normal((2, 3, 3))
    for padding_idx, row in ((2, 2), (-4, 2), (0, 0), (-1, 5)):
        y, cache = gf.embedding_forward(ids, weight, padding_idx)
        assert same_bits(y, weight[ids])
        expected = reference.embedding_gradient(dy, ids, 6, row)
        assert error(gf.embedding_backward(dy, cache).weight, expected) <= FLOAT64


@pytest.mark.parametrize("integer", [np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_embedding_takes_every_integer_type(integer, rng):
    weight = rng.standard_normal((6, 3))
    ids = np.array([[0, 5, 2], [2, 2, 1]])
    assert same_bits(gf.embedding(ids.astype(integer), weight), weight[ids])
    assert same_bits(gf.embedding(ids.tolist(), weight), weight[ids])
    assert same_bits(gf.embedding(ids[::-1, ::2], weight), weight[ids[::-1, ::2]])


def test_one_hot_product_is_a_look_up(rng):
    weight = rng.standard_normal((7, 5))
    assert np.array_equal(gf.linear(np.eye(5), weight), gf.embedding(np.arange(5), weight.T))


class TestDropout:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("p", [0.05, 0.3, 0.5, 0.9])
    def test_rate_and_scale(self, p, dtype, rng):
        x = rng.standard_normal((300, 100)).astype(dtype)
        y = gf.dropout(x, p, True, rng=1)
        kept = y != 0
        assert abs(kept.mean() - (1 - p)) < 5 * math.sqrt(p * (1 - p) / x.size)
        assert y.dtype == dtype
        assert error(y[kept], x[kept].astype(np.float64) / (1 - p)) <= limit(dtype, 1e-6)

    def test_elements_fall_independently(self):
        kept = gf.dropout(np.ones((1000, 257)), 0.5, True, rng=3) != 0
        for axis, lag in ((0, 1), (1, 1), (1, 2), (1, 4), (1, 8), (1, 16)):
            a, b = np.moveaxis(kept, axis, 0)[:-lag], np.moveaxis(kept, axis, 0)[lag:]
            assert abs((a == b).mean() - 0.5) < 0.005, (axis, lag)

    def test_a_seed_is_a_mask(self, rng):
        x = rng.standard_normal((40, 50))
        y = gf.dropout(x, 0.3, True, rng=1)
        assert same_bits(y, gf.dropout(x, 0.3, True, rng=1))
        assert same_bits(y, gf.dropout(x, 0.3, True, rng=np.int64(1)))
        assert not same_bits(y, gf.dropout(x, 0.3, True, rng=2))
        assert same_bits(y, gf.dropout(x.ravel(), 0.3, True, rng=1).reshape(x.shape))
        generators = [np.random.default_rng(4) for _ in range(2)]
        first, second = ([gf.dropout(x, 0.3, True, rng=generator) for _ in range(2)] for generator in generators)
        assert all(same_bits(a, b) for a, b in zip(first, second, strict=True))
        assert not same_bits(first[0], first[1])
        assert not same_bits(gf.dropout(x, 0.3, True), gf.dropout(x, 0.3, True))

    def test_the_mask_is_the_same_in_both_dtypes(self):
        x = np.ones(1000)
        assert np.array_equal(gf.dropout(x, 0.4, True, rng=9) == 0, gf.dropout(x.astype("f"), 0.4, True, rng=9) == 0)

    def test_outside_training_it_copies(self, rng):
        x = rng.standard_normal((4, 5))
        y = gf.dropout(x, 0.3)
        assert same_bits(y, x)
        assert not np.shares_memory(y, x)
        z, cache = gf.dropout_forward(x, 0.3, False)
        assert same_bits(z, x)
        assert same_bits(gf.dropout_backward(x, cache).x, x)

    def test_the_ends_of_p(self, rng):
        x = rng.standard_normal((4, 5))
        assert same_bits(gf.dropout(x, 0.0, True, rng=1), x)
        assert not gf.dropout(x, 1.0, True, rng=1).any()
        x[0, 0] = np.inf
        assert not np.isnan(gf.dropout(x, 1.0, True, rng=1)).any()

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_backward_uses_the_mask(self, dtype, rng):
        x = rng.standard_normal((30, 20)).astype(dtype)
        y, cache = gf.dropout_forward(x, 0.3, rng=1)
        assert same_bits(y, gf.dropout(x, 0.3, True, rng=1))
        dy = rng.standard_normal(x.shape).astype(dtype)
        assert error(gf.dropout_backward(dy, cache).x, np.where(y != 0, dy / 0.7, 0)) <= limit(dtype, DEFAULT)

    def test_a_failed_call_leaves_the_generator(self):
        generator, untouched = (np.random.default_rng(5) for _ in range(2))
        with pytest.raises(ValueError):
            gf.dropout(np.ones(3), 1.5, True, rng=generator)
        with pytest.raises(TypeError):
            gf.dropout("x", 0.5, True, rng=generator)
        gf.dropout(np.ones(3), 0.5, rng=generator)
        assert generator.bit_generator.state == untouched.bit_generator.state
