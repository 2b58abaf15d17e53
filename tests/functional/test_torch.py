"""PyTorch as oracle, on shapes too large for plain loops; it computes in float64. Needs `make oracles`."""

import math

import numpy as np
import pytest

import goldfish as gf
from compare import DEFAULT, DIRECT, PARAMETER_GRADIENT, error
from gradient_table import GATES

torch = pytest.importorskip("torch", reason="torch is not installed; `make oracles` does it")
pytestmark = pytest.mark.oracle

CONVOLUTIONS = {
    "3x3": ((2, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    "3x3 deep": ((2, 256, 14, 14), (256, 256, 3, 3), {"padding": 1}),
    "3x3 odd": ((3, 19, 23, 29), (37, 19, 3, 3), {"padding": 1}),
    "3x3 down": ((2, 64, 56, 56), (128, 64, 3, 3), {"stride": 2, "padding": 1}),
    "5x5": ((16, 32, 12, 12), (64, 32, 5, 5), {}),
    "7x7 first": ((1, 3, 112, 112), (64, 3, 7, 7), {"stride": 2, "padding": 3}),
    "17x17": ((2, 3, 64, 64), (12, 3, 17, 17), {}),
    "1x1": ((2, 256, 28, 28), (64, 256, 1, 1), {}),
    "one channel": ((16, 1, 28, 28), (32, 1, 3, 3), {}),
    "depthwise": ((2, 128, 28, 28), (128, 1, 3, 3), {"padding": 1, "groups": 128}),
    "depthwise twice": ((2, 24, 17, 17), (48, 1, 3, 3), {"padding": 1, "groups": 24}),
    "grouped": ((2, 128, 28, 28), (128, 32, 3, 3), {"padding": 1, "groups": 4}),
    "dilated": ((2, 64, 28, 28), (64, 64, 3, 3), {"padding": 2, "dilation": 2}),
    "one pixel": ((4, 48, 7, 7), (20, 48, 7, 7), {}),
    "1-D": ((8, 64, 512), (64, 64, 5), {"padding": 2}),
    "1-D dilated": ((4, 32, 1024), (32, 32, 3), {"padding": 8, "dilation": 8}),
    "3-D": ((1, 16, 16, 16, 16), (32, 16, 3, 3, 3), {"padding": 1}),
    "3-D down": ((1, 8, 15, 16, 17), (12, 8, 3, 2, 1), {"stride": (2, 1, 2), "padding": (1, 0, 0)}),
}
TRANSPOSED = {
    "4x4/2": ((2, 64, 14, 14), (64, 32, 4, 4), {"stride": 2, "padding": 1}),
    "3x3/2": ((2, 32, 15, 13), (32, 17, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    "3x3": ((2, 48, 20, 20), (48, 32, 3, 3), {"padding": 1}),
    "2x2/2": ((2, 48, 16, 16), (48, 24, 2, 2), {"stride": 2}),
    "grouped": ((2, 24, 9, 9), (24, 5, 3, 3), {"padding": 1, "groups": 3}),
    "dilated": ((2, 8, 9, 9), (8, 6, 3, 3), {"stride": 2, "dilation": 2, "padding": 2, "output_padding": 1}),
    "1-D": ((4, 32, 100), (32, 16, 5), {"stride": 3, "padding": 1}),
    "3-D": ((1, 8, 6, 7, 8), (8, 6, 3, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
}
ADAPTIVE = [
    ((8, 32, 1001), 7),
    ((4, 64, 56, 56), 7),
    ((4, 64, 7, 7), 1),
    ((2, 8, 13, 17), (6, 5)),
    ((1, 6, 9, 16, 17), 4),
]
POOLS = {
    "1-D": ((8, 32, 1001), 5, {"stride": 2, "padding": 2}),
    "3-D": ((1, 6, 15, 16, 17), 3, {"stride": 2, "padding": 1}),
    "2x2/2": ((4, 32, 112, 112), 2, {"stride": 2}),
    "3x3/2": ((4, 16, 112, 112), 3, {"stride": 2, "padding": 1}),
    "3x3/1": ((2, 17, 31, 33), 3, {"stride": 1, "padding": 1}),
    "2x2/2 ceil": ((4, 5, 23, 25), 2, {"stride": 2, "ceil_mode": True}),
    "3x2/2x1 ceil": ((2, 5, 22, 19), (3, 2), {"stride": (2, 1), "padding": (1, 1), "ceil_mode": True}),
    "13x13/1": ((2, 8, 56, 56), 13, {"stride": 1}),
}
SEQUENCES = [(40, 32, 128, 128), (35, 20, 200, 200), (100, 1, 128, 128), (50, 8, 32, 32), (20, 17, 65, 129)]


def leaves(*arrays):
    return [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]


@pytest.mark.parametrize("row", CONVOLUTIONS)
def test_conv(row, rng):
    x_shape, weight_shape, options = CONVOLUTIONS[row]
    _compare_convolutions("conv", x_shape, weight_shape, weight_shape[0], options, rng)


@pytest.mark.parametrize("row", TRANSPOSED)
def test_conv_transpose(row, rng):
    x_shape, weight_shape, options = TRANSPOSED[row]
    outputs = weight_shape[1] * options.get("groups", 1)
    _compare_convolutions("conv_transpose", x_shape, weight_shape, outputs, options, rng)


def _compare_convolutions(kind, x_shape, weight_shape, outputs, options, rng):
    operation = f"{kind}{len(x_shape) - 2}d"
    x, weight, bias = (rng.standard_normal(s).astype("f") for s in (x_shape, weight_shape, (outputs,)))
    y, cache = getattr(gf, f"{operation}_forward")(x, weight, bias, **options)
    dy = rng.standard_normal(y.shape).astype("f")
    grads = getattr(gf, f"{operation}_backward")(dy, cache)
    inputs = leaves(x, weight, bias)
    expected = getattr(torch.nn.functional, operation)(*inputs, **options)
    expected.backward(torch.tensor(dy, dtype=torch.float64))
    assert error(y, expected.detach().numpy()) <= DEFAULT
    limits = (DEFAULT, PARAMETER_GRADIENT, PARAMETER_GRADIENT)
    for gradient, leaf, allowed in zip(grads, inputs, limits, strict=True):
        assert error(gradient, leaf.grad.numpy()) <= allowed


@pytest.mark.parametrize("row", POOLS)
def test_max_pool(row, rng):
    shape, kernel, options = POOLS[row]
    operation = f"max_pool{len(shape) - 2}d"
    x = rng.standard_normal(shape).astype("f")
    leaf = torch.tensor(x, requires_grad=True)
    expected, places = getattr(torch.nn.functional, operation)(leaf, kernel, **options, return_indices=True)
    dy = rng.standard_normal(expected.shape).astype("f")
    expected.backward(torch.tensor(dy))
    y, indices, cache = getattr(gf, f"{operation}_forward")(x, kernel, **options, return_indices=True)
    assert np.array_equal(y, expected.detach().numpy())
    assert np.array_equal(indices, places.numpy())
    assert error(getattr(gf, f"{operation}_backward")(dy, cache).x, leaf.grad.numpy()) <= DIRECT


@pytest.mark.parametrize("row", POOLS)
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_avg_pool(row, count_include_pad, rng):
    shape, kernel, options = POOLS[row]
    operation = f"avg_pool{len(shape) - 2}d"
    options = options | {"count_include_pad": count_include_pad}
    x = rng.standard_normal(shape).astype("f")
    (leaf,) = leaves(x)
    expected = getattr(torch.nn.functional, operation)(leaf, kernel, **options)
    dy = rng.standard_normal(expected.shape).astype("f")
    expected.backward(torch.tensor(dy, dtype=torch.float64))
    y, cache = getattr(gf, f"{operation}_forward")(x, kernel, **options)
    assert error(y, expected.detach().numpy()) <= DIRECT
    assert error(getattr(gf, f"{operation}_backward")(dy, cache).x, leaf.grad.numpy()) <= DIRECT


@pytest.mark.parametrize("shape, output_size", ADAPTIVE)
def test_adaptive_pools(shape, output_size, rng):
    x, axes = rng.standard_normal(shape).astype("f"), len(shape) - 2
    leaf = torch.tensor(x, requires_grad=True)
    largest = getattr(torch.nn.functional, f"adaptive_max_pool{axes}d")
    expected, places = largest(leaf, output_size, return_indices=True)
    dy = rng.standard_normal(expected.shape).astype("f")
    expected.backward(torch.tensor(dy))
    forward, backward = (getattr(gf, f"adaptive_max_pool{axes}d{suffix}") for suffix in ("_forward", "_backward"))
    y, indices, cache = forward(x, output_size, return_indices=True)
    assert np.array_equal(y, expected.detach().numpy())
    assert np.array_equal(indices, places.numpy())
    assert error(backward(dy, cache).x, leaf.grad.numpy()) <= DIRECT
    (leaf,) = leaves(x)
    expected = getattr(torch.nn.functional, f"adaptive_avg_pool{axes}d")(leaf, output_size)
    expected.backward(torch.tensor(dy, dtype=torch.float64))
    y, cache = getattr(gf, f"adaptive_avg_pool{axes}d_forward")(x, output_size)
    assert error(y, expected.detach().numpy(), floor=0.1) <= DIRECT
    assert error(getattr(gf, f"adaptive_avg_pool{axes}d_backward")(dy, cache).x, leaf.grad.numpy()) <= DIRECT


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("sizes", SEQUENCES)
@pytest.mark.parametrize("operation", GATES)
def test_recurrent(operation, sizes, ragged, rng):
    steps, batch, inputs, hidden = sizes
    x, bound = rng.standard_normal((steps, batch, inputs)).astype("f"), 1 / math.sqrt(hidden)
    module = getattr(torch.nn, operation.upper())(inputs, hidden).double()
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = {}
    for name in names:
        parameter = getattr(module, f"{name}_l0")
        weights[name] = rng.uniform(-bound, bound, tuple(parameter.shape)).astype("f")
        parameter.data.copy_(torch.tensor(weights[name]))
    lengths = np.sort(rng.integers(1, steps + 1, batch))[::-1].copy() if ragged else np.full(batch, steps)
    (leaf,) = leaves(x)
    packed = torch.nn.utils.rnn.pack_padded_sequence(leaf, torch.tensor(lengths))
    expected, state = module(packed)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(expected, total_length=steps)
    finals = list(state) if operation == "lstm" else [state]
    dy = rng.standard_normal((steps, batch, hidden)).astype("f")
    dstate = [rng.standard_normal((batch, hidden)).astype("f") for _ in finals]
    total = (expected * torch.tensor(dy)).sum() + sum(
        (s[0] * torch.tensor(d)).sum() for s, d in zip(finals, dstate, strict=True)
    )
    total.backward()

    y, state_n, cache = getattr(gf, f"{operation}_forward")(x, None, **weights, lengths=lengths if ragged else None)
    grads = getattr(gf, f"{operation}_backward")(dy, tuple(dstate) if operation == "lstm" else dstate[0], cache)
    assert error(y, expected.detach().numpy()) <= DEFAULT
    for found, truth in zip(state_n if operation == "lstm" else [state_n], finals, strict=True):
        assert error(found, truth[0].detach().numpy()) <= DEFAULT
    assert error(grads.x, leaf.grad.numpy()) <= DEFAULT
    for name in names:
        assert error(getattr(grads, name), getattr(module, f"{name}_l0").grad.numpy()) <= PARAMETER_GRADIENT


@pytest.mark.parametrize(
    "options", [{}, {"ignore_index": 3}, {"label_smoothing": 0.2}, {"ignore_index": 2, "label_smoothing": 0.1}]
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy(options, reduction, rng):
    logits, weight, target = rng.standard_normal((32, 10, 3)), rng.uniform(0.5, 2, 10), rng.integers(0, 10, (32, 3))
    (leaf,) = leaves(logits)
    expected = torch.nn.functional.cross_entropy(
        leaf, torch.tensor(target), weight=torch.tensor(weight), reduction=reduction, **options
    )
    dy = rng.standard_normal(tuple(expected.shape))
    expected.backward(torch.tensor(dy))
    value, cache = gf.cross_entropy_forward(logits, target, weight=weight, reduction=reduction, **options)
    assert error(value, expected.detach().numpy()) <= 1e-12
    assert error(gf.cross_entropy_backward(dy, cache).logits, leaf.grad.numpy()) <= 1e-12


@pytest.mark.parametrize(
    "operation, options",
    [
        ("leaky_relu", {"negative_slope": 0.2}),
        ("gelu", {}),
        ("gelu", {"approximate": "tanh"}),
        ("silu", {}),
        ("sigmoid", {}),
        ("tanh", {}),
        ("relu", {}),
    ],
)
def test_activations(operation, options, rng):
    x, dy = (rng.standard_normal((64, 333)) * 4 for _ in range(2))
    (leaf,) = leaves(x)
    expected = getattr(torch.nn.functional, operation)(leaf, **options)
    expected.backward(torch.tensor(dy))
    for dtype, allowed in ((np.float64, 1e-13), (np.float32, DIRECT)):
        y, cache = getattr(gf, f"{operation}_forward")(x.astype(dtype), **options)
        assert error(y, expected.detach().numpy()) <= allowed
        assert error(getattr(gf, f"{operation}_backward")(dy.astype(dtype), cache).x, leaf.grad.numpy()) <= allowed


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(64, 100), (32, 16, 50), (8, 64, 28, 28), (2, 3, 8, 9, 10)])
def test_batch_norm(shape, training, rng):
    x, dy = rng.standard_normal(shape) * 2 + 1, rng.standard_normal(shape)
    weight, bias, mean = (rng.standard_normal(shape[1]) for _ in range(3))
    var = rng.uniform(0.5, 2, shape[1])
    inputs = leaves(x, weight, bias)
    running = [torch.tensor(mean), torch.tensor(var)]
    expected = torch.nn.functional.batch_norm(inputs[0], *running, *inputs[1:], training=training)
    expected.backward(torch.tensor(dy))
    for dtype, allowed in ((np.float64, 1e-12), (np.float32, DEFAULT)):
        own = [mean.astype(dtype), var.astype(dtype)]
        arrays = [array.astype(dtype) for array in (x, weight, bias)]
        y, cache = gf.batch_norm_forward(arrays[0], *own, *arrays[1:], training=training)
        assert error(y, expected.detach().numpy()) <= allowed
        for found, truth in zip(own, running, strict=True):
            assert error(found, truth.numpy()) <= allowed
        for found, leaf in zip(gf.batch_norm_backward(dy.astype(dtype), cache), inputs, strict=True):
            assert error(found, leaf.grad.numpy()) <= 2 * allowed


@pytest.mark.parametrize("shape, axes", [((64, 100), (100,)), ((16, 30, 65), (65,)), ((8, 6, 20, 21), (20, 21))])
def test_layer_norm(shape, axes, rng):
    x, dy = rng.standard_normal(shape) * 2 + 1, rng.standard_normal(shape)
    weight, bias = (rng.standard_normal(axes) for _ in range(2))
    inputs = leaves(x, weight, bias)
    expected = torch.nn.functional.layer_norm(inputs[0], axes, *inputs[1:])
    expected.backward(torch.tensor(dy))
    for dtype, allowed in ((np.float64, 1e-12), (np.float32, DEFAULT)):
        y, cache = gf.layer_norm_forward(x.astype(dtype), axes, weight.astype(dtype), bias.astype(dtype))
        assert error(y, expected.detach().numpy()) <= allowed
        for found, leaf in zip(gf.layer_norm_backward(dy.astype(dtype), cache), inputs, strict=True):
            assert error(found, leaf.grad.numpy()) <= 2 * allowed


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "operation, options",
    [
        ("l1_loss", {}),
        ("mse_loss", {}),
        ("huber_loss", {}),
        ("huber_loss", {"delta": 0.3}),
        ("binary_cross_entropy_with_logits", {}),
        ("binary_cross_entropy_with_logits", {"pos_weight": np.linspace(0.5, 3, 7)}),
        ("binary_cross_entropy_with_logits", {"weight": np.linspace(0.5, 3, 7), "pos_weight": np.full(7, 2.0)}),
    ],
)
def test_element_losses(operation, options, reduction, rng):
    x, target = rng.standard_normal((40, 7)) * 3, rng.uniform(0, 1, (40, 7))
    (leaf,) = leaves(x)
    theirs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    expected = getattr(torch.nn.functional, operation)(leaf, torch.tensor(target), reduction=reduction, **theirs)
    dy = rng.standard_normal(tuple(expected.shape))
    expected.backward(torch.tensor(dy))
    value, cache = getattr(gf, f"{operation}_forward")(x, target, reduction=reduction, **options)
    assert error(value, expected.detach().numpy()) <= 1e-12
    assert error(getattr(gf, f"{operation}_backward")(dy, cache).x, leaf.grad.numpy()) <= 1e-12


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_loss(reduction, rng):
    x, weight, target = rng.standard_normal((32, 10, 3)), rng.uniform(0.5, 2, 10), rng.integers(0, 10, (32, 3))
    (leaf,) = leaves(x)
    expected = torch.nn.functional.nll_loss(
        leaf, torch.tensor(target), weight=torch.tensor(weight), reduction=reduction, ignore_index=3
    )
    dy = rng.standard_normal(tuple(expected.shape))
    expected.backward(torch.tensor(dy))
    value, cache = gf.nll_loss_forward(x, target, weight=weight, reduction=reduction, ignore_index=3)
    assert error(value, expected.detach().numpy()) <= 1e-12
    assert error(gf.nll_loss_backward(dy, cache).x, leaf.grad.numpy()) <= 1e-12
