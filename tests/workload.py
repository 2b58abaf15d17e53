"""Calls over every operation, large enough to be split among threads; run as a program, it saves their results.

python workload.py results.npz
"""

import sys

import numpy as np

import goldfish as gf

CONVOLUTIONS = [
    ((3, 20, 34, 33), (37, 20, 3, 3), {"padding": 1}),
    ((2, 3, 60, 61), (13, 3, 7, 7), {"stride": 2}),
    ((4, 40, 30, 30), (40, 1, 3, 3), {"padding": 1, "groups": 40}),
    ((1, 64, 20, 20), (96, 64, 1, 1), {}),
    ((5, 20, 300), (30, 20, 5), {"padding": "causal"}),
    ((1, 6, 12, 12, 12), (9, 6, 3, 3, 3), {"padding": 1}),
]
TRANSPOSED = [
    ((2, 24, 14, 14), (24, 18, 4, 4), {"stride": 2, "padding": 1}),
    ((3, 16, 60), (16, 8, 5), {"stride": 3, "output_padding": 1}),
]
RECURRENCES = [(12, 9, 20, 48), (10, 1, 33, 130)]


def results():
    """Every output and gradient by name, in both dtypes."""
    found = {}
    for dtype in (np.float32, np.float64):
        for part in (_convolutions, _pools, _recurrences, _others):
            for name, arrays in part(np.random.default_rng(43), dtype):
                found |= {f"{np.dtype(dtype)} {name} {i}": array for i, array in enumerate(arrays)}
    return found


def bits():
    """The results as bytes."""
    return {name: array.tobytes() for name, array in results().items()}


def _draw(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def _convolutions(rng, dtype):
    problems = [("conv", 0, *row) for row in CONVOLUTIONS] + [("conv_transpose", 1, *row) for row in TRANSPOSED]
    for operation, axis, x_shape, weight_shape, options in problems:
        x, weight, bias = (_draw(rng, shape, dtype) for shape in (x_shape, weight_shape, weight_shape[axis : axis + 1]))
        name = f"{operation}{len(x_shape) - 2}d"
        y, cache = getattr(gf, f"{name}_forward")(x, weight, bias, **options)
        yield f"{name} {weight_shape}", (y, *getattr(gf, f"{name}_backward")(_draw(rng, y.shape, dtype), cache))


def _pools(rng, dtype):
    x = _draw(rng, (4, 17, 40, 41), dtype)
    for name in ("max_pool2d", "avg_pool2d"):
        y, cache = getattr(gf, f"{name}_forward")(x, 3, 2, 1)
        yield name, (y, *getattr(gf, f"{name}_backward")(y, cache))
    for name in ("adaptive_max_pool2d", "adaptive_avg_pool2d"):
        y, cache = getattr(gf, f"{name}_forward")(x, (7, 9))
        yield name, (y, *getattr(gf, f"{name}_backward")(y, cache))


def _recurrences(rng, dtype):
    for name, gates in (("rnn", 1), ("lstm", 4), ("gru", 3)):
        for steps, batch, inputs, hidden in RECURRENCES:
            x = _draw(rng, (steps, batch, inputs), dtype)
            shapes = (gates * hidden, inputs), (gates * hidden, hidden)
            weight_ih, weight_hh = (_draw(rng, shape, dtype) * dtype(0.1) for shape in shapes)
            y, _, cache = getattr(gf, f"{name}_forward")(x, None, weight_ih, weight_hh)
            grads = getattr(gf, f"{name}_backward")(y, None, cache)
            yield f"{name} {batch}", (y, grads.x, grads.weight_ih, grads.weight_hh)


def _others(rng, dtype):
    x, weight = _draw(rng, (64, 700), dtype), _draw(rng, (90, 700), dtype)
    for name in ("relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu", "softmax", "log_softmax"):
        y, cache = getattr(gf, f"{name}_forward")(x)
        yield name, (y, *getattr(gf, f"{name}_backward")(x, cache))
    y, cache = gf.linear_forward(x, weight, weight[:, 0])
    yield "linear", (y, *gf.linear_backward(y, cache))
    y, cache = gf.embedding_forward(rng.integers(0, 90, (30, 40)), weight)
    yield "embedding", (y, *gf.embedding_backward(y, cache))
    y, cache = gf.dropout_forward(x, 0.3, rng=1)
    yield "dropout", (y, *gf.dropout_backward(x, cache))
    value, cache = gf.cross_entropy_forward(x, rng.integers(0, 700, 64))
    yield "cross_entropy", (value, *gf.cross_entropy_backward(value, cache))
    for name in ("mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits"):
        value, cache = getattr(gf, f"{name}_forward")(x, x[::-1])
        yield name, (value, *getattr(gf, f"{name}_backward")(value, cache))
    value, cache = gf.nll_loss_forward(x, rng.integers(0, 700, 64))
    yield "nll_loss", (value, *gf.nll_loss_backward(value, cache))
    for shape in ((64, 700), (64, 70, 10), (2, 20, 1120)):
        image, weight, bias = x.reshape(shape), x[0, : shape[1]], x[1, : shape[1]]
        running = np.zeros(shape[1], dtype), np.ones(shape[1], dtype)
        y, cache = gf.batch_norm_forward(image, *running, weight, bias)
        yield f"batch_norm {shape}", (y, *running, *gf.batch_norm_backward(image[::-1] ** 2, cache))
    y, cache = gf.layer_norm_forward(x, 700, x[0], x[1])
    yield "layer_norm", (y, *gf.layer_norm_backward(x[::-1] ** 2, cache))


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())
