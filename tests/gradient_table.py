"""The gradients that are checked: for every operation, calls that between them use every argument and every option."""

import itertools

import numpy as np

from gradcheck import Case

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def _rng(seed=20):
    return np.random.default_rng(seed)


def apart(rng, shape):
    """Values at least 0.01 apart and none near zero, so that no maximum changes hands within a finite difference."""
    count = int(np.prod(shape))
    return (rng.permutation(count).reshape(shape) - count // 2) * 0.01 + 0.004


def last_axes(axes, value):
    """Sizes and options are written for three axes; fewer take the last ones."""
    return value[-axes:] if isinstance(value, tuple) and len(value) == 3 else value


def with_last_axes(axes, options):
    """Options for fewer axes than three."""
    return {name: last_axes(axes, value) for name, value in options.items()}


def conv_cases(axes):
    """Every option by itself, then together."""
    rng = _rng()
    for (batch, channels), size, (outputs, per_group), kernel, options in [
        ((2, 2), (2, 4, 5), (3, 2), (2, 3, 2), {}),
        ((2, 1), (1, 3, 3), (1, 1), (1, 1, 1), {}),
        ((1, 2), (3, 5, 6), (2, 2), (1, 2, 3), {"stride": (2, 2, 3)}),
        ((1, 2), (2, 4, 4), (2, 2), (2, 3, 3), {"padding": 1}),
        ((1, 1), (2, 3, 4), (2, 1), (1, 2, 3), {"padding": ((1, 0), (0, 2), (1, 0))}),
        ((1, 2), (3, 5, 4), (2, 2), (2, 2, 3), {"padding": "same", "stride": 2}),
        ((1, 2), (2, 5, 4), (2, 2), (2, 2, 3), {"padding": "same_lower", "stride": (1, 2, 1)}),
        ((1, 2), (3, 7, 6), (2, 2), (2, 3, 2), {"dilation": (1, 2, 3)}),
        ((2, 4), (2, 4, 4), (6, 2), (1, 2, 2), {"groups": 2}),
        ((1, 3), (2, 4, 4), (3, 1), (1, 3, 3), {"groups": 3, "padding": 1}),
        ((1, 2), (2, 4, 4), (2, 2), (1, 3, 3), {"padding": 1, "algorithm": "direct"}),
        ((1, 4), (2, 8, 9), (4, 2), (1, 2, 3), {"stride": 2, "padding": (0, 2, 1), "dilation": (1, 3, 2), "groups": 2}),
    ]:
        arrays = {
            "x": rng.standard_normal((batch, channels, *last_axes(axes, size))),
            "weight": rng.standard_normal((outputs, per_group, *last_axes(axes, kernel))),
        }
        options = with_last_axes(axes, options)
        yield Case(f"conv{axes}d", arrays, options)
        yield Case(f"conv{axes}d", arrays | {"bias": rng.standard_normal(outputs)}, options)
    if axes == 1:
        arrays = {"x": rng.standard_normal((2, 2, 7)), "weight": rng.standard_normal((3, 2, 3))}
        yield Case("conv1d", arrays, {"padding": "causal", "dilation": 2})


def conv_transpose_cases(axes):
    """Every option by itself, then together."""
    rng = _rng()
    for (batch, channels), size, per_group, kernel, options in [
        ((2, 2), (2, 3, 4), 3, (2, 3, 2), {}),
        ((1, 2), (1, 1, 1), 2, (1, 2, 3), {}),
        ((1, 2), (2, 3, 4), 2, (1, 2, 3), {"stride": (2, 2, 3)}),
        ((1, 2), (2, 3, 3), 2, (3, 3, 3), {"padding": 1}),
        ((1, 1), (2, 3, 4), 2, (2, 3, 2), {"padding": ((1, 0), (0, 2), (1, 0))}),
        ((1, 2), (2, 3, 2), 2, (2, 2, 3), {"padding": "same", "stride": 2}),
        ((1, 2), (2, 3, 2), 1, (1, 2, 5), {"padding": "same_lower", "stride": (2, 3, 1)}),
        ((1, 2), (2, 3, 3), 2, (2, 3, 2), {"dilation": (1, 2, 3)}),
        ((1, 2), (2, 2, 3), 1, (2, 1, 3), {"stride": (1, 3, 2), "output_padding": (0, 2, 1)}),
        ((1, 1), (2, 2, 2), 1, (2, 2, 3), {"dilation": 3, "output_padding": 2}),
        ((2, 4), (2, 3, 3), 3, (1, 2, 2), {"groups": 2}),
        ((1, 3), (2, 3, 3), 1, (1, 3, 3), {"groups": 3, "padding": (0, 1, 1)}),
        ((1, 4), (2, 3, 4), 2, (1, 2, 3), {"stride": 2, "padding": (0, 1, 2), "dilation": (1, 3, 2), "groups": 2}),
    ]:
        arrays = {
            "x": rng.standard_normal((batch, channels, *last_axes(axes, size))),
            "weight": rng.standard_normal((channels, per_group, *last_axes(axes, kernel))),
        }
        options = with_last_axes(axes, options)
        outputs = per_group * options.get("groups", 1)
        yield Case(f"conv_transpose{axes}d", arrays, options)
        yield Case(f"conv_transpose{axes}d", arrays | {"bias": rng.standard_normal(outputs)}, options)


def max_pool_cases(axes):
    """Windows apart, overlapping, padded, spread out and rounded up."""
    for planes, size, options in [
        ((2, 2), (2, 4, 6), {"kernel_size": 2}),
        ((1, 2), (3, 5, 6), {"kernel_size": (2, 3, 2), "stride": (1, 1, 2)}),
        ((1, 1), (3, 5, 5), {"kernel_size": 3, "stride": 2, "padding": 1}),
        ((1, 1), (2, 5, 4), {"kernel_size": 2, "padding": ((0, 1), (1, 0), (0, 1))}),
        ((1, 2), (3, 6, 7), {"kernel_size": 2, "stride": 1, "dilation": (1, 2, 3)}),
        ((1, 1), (3, 5, 6), {"kernel_size": 2, "stride": 2, "ceil_mode": True}),
        ((1, 1), (3, 5, 5), {"kernel_size": 3, "stride": 2, "padding": "same"}),
        ((1, 2), (2, 4, 4), {"kernel_size": 2, "return_indices": True}),
    ]:
        x = apart(_rng(), (*planes, *last_axes(axes, size)))
        yield Case(f"max_pool{axes}d", {"x": x}, with_last_axes(axes, options))


def avg_pool_cases(axes):
    """As for the maximum, with every way to count the divisor."""
    for planes, size, options in [
        ((2, 2), (2, 4, 6), {"kernel_size": 2}),
        ((1, 2), (3, 5, 6), {"kernel_size": (2, 3, 2), "stride": (1, 1, 2)}),
        ((1, 1), (3, 5, 5), {"kernel_size": 3, "stride": 2, "padding": 1}),
        ((1, 1), (3, 5, 5), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        ((1, 1), (3, 5, 6), {"kernel_size": 2, "stride": 2, "ceil_mode": True}),
        ((1, 1), (4, 6, 6), {"kernel_size": 4, "stride": 3, "padding": 1, "ceil_mode": True}),
        ((1, 1), (2, 4, 5), {"kernel_size": 2, "divisor_override": 3}),
        ((1, 2), (3, 6, 7), {"kernel_size": 2, "stride": 1, "dilation": (1, 2, 3)}),
    ]:
        x = _rng().standard_normal((*planes, *last_axes(axes, size)))
        yield Case(f"avg_pool{axes}d", {"x": x}, with_last_axes(axes, options))


def adaptive_pool_cases(operation, axes):
    """Windows alike, unlike, overlapping, of one place, and of all."""
    options = [{}] if "avg" in operation else [{}, {"return_indices": True}]
    for planes, size, output_size in [
        ((2, 2), (2, 4, 6), 2),
        ((1, 2), (3, 5, 7), (2, 3, 4)),
        ((1, 1), (2, 3, 4), 1),
        ((1, 2), (2, 2, 3), (3, 4, 5)),
        ((1, 1), (2, 4, 5), (1, None, None)),
        ((1, 1), (2, 3, 4), None),
    ]:
        x = apart(_rng(), (*planes, *last_axes(axes, size)))
        for more in options:
            yield Case(f"{operation}{axes}d", {"x": x}, {"output_size": last_axes(axes, output_size)} | more)


def recurrent_case(operation, rng, sizes, *, states=True, biases=("bias_ih", "bias_hh"), given=None, **options):
    """One layer with PyTorch's initial weights. `given` of {"x": ids} makes x an argument without gradient."""
    given = given or {}
    steps, batch, inputs, hidden = sizes
    rows, bound = GATES[operation] * hidden, hidden**-0.5
    arrays = {} if "x" in given else {"x": rng.standard_normal((steps, batch, inputs))}
    if states:
        arrays["h_0"] = rng.standard_normal((batch, hidden))
        if operation == "lstm":
            arrays["c_0"] = rng.standard_normal((batch, hidden))
    arrays["weight_ih"] = rng.uniform(-bound, bound, (rows, inputs))
    arrays["weight_hh"] = rng.uniform(-bound, bound, (rows, hidden))
    arrays |= {name: rng.uniform(-bound, bound, rows) for name in biases}
    if options.pop("with_peepholes", False):
        arrays["peepholes"] = rng.uniform(-bound, bound, (3, hidden))
    slopes = options.pop("slopes", ("y", "h_n", "c_n"))
    return Case(operation, arrays, given | options, slopes)


def recurrent_cases(operation, variants):
    """Every variant under every way to run it."""
    rng = _rng(28)  # no unit of relu comes near its kink
    for variant in variants:
        for lengths, reverse in itertools.product((None, (4, 1, 3), (4, 0, 2)), (False, True)):
            yield recurrent_case(operation, rng, (4, 3, 2, 3), lengths=lengths, reverse=reverse, **variant)
        for sizes in ((1, 1, 1, 1), (1, 3, 2, 3), (5, 1, 2, 3), (3, 2, 1, 1), (2, 5, 1, 2)):
            yield recurrent_case(operation, rng, sizes, **variant)
        for slopes in (("y",), ("h_n",), ("c_n",), ("h_n", "c_n")):
            if "c_n" not in slopes or operation == "lstm":
                yield recurrent_case(operation, rng, (3, 2, 2, 2), slopes=slopes, **variant)
        for biases in ((), ("bias_ih",), ("bias_hh",)):
            yield recurrent_case(operation, rng, (3, 2, 2, 2), states=False, biases=biases, **variant)
        ids = {"x": np.array([[0, 4, 4], [2, 1, 0], [4, 3, 1]])}
        for reverse in (False, True):
            yield recurrent_case(operation, rng, (3, 3, 5, 2), given=ids, lengths=(3, 1, 2), reverse=reverse, **variant)


def activation_cases(operation):
    """Several shapes, away from the kink of relu."""
    for shape in ((), (1,), (7,), (3, 4), (2, 3, 4)):
        yield Case(operation, {"x": np.asarray(apart(_rng(), shape) * 10)})


def softmax_cases(operation):
    """Every axis, and the last by default."""
    for shape in ((1,), (7,), (3, 4), (2, 3, 4)):
        x = {"x": _rng().standard_normal(shape)}
        yield Case(operation, x)
        for axis in range(-1, len(shape)):
            yield Case(operation, x, {"axis": axis})


def linear_cases():
    """With and without bias, for every number of leading axes."""
    rng = _rng()
    for leading in ((), (1,), (5,), (2, 3), (2, 1, 3)):
        arrays = {"x": rng.standard_normal((*leading, 4)), "weight": rng.standard_normal((3, 4))}
        yield Case("linear", arrays)
        yield Case("linear", arrays | {"bias": rng.standard_normal(3)})


def embedding_cases():
    """Rows used never, once and often. The row of `padding_idx` has a slope, but by definition no gradient."""
    table = {"weight": _rng().standard_normal((6, 3))}
    for ids in (np.array([0, 5, 2, 2]), np.array([[0, 5, 2], [2, 2, 1]]), np.array(3)):
        yield Case("embedding", table, {"ids": ids})
        yield Case("embedding", table, {"ids": ids, "padding_idx": 4})


def dropout_cases():
    """A seed fixes the mask."""
    x = {"x": _rng().standard_normal((4, 5))}
    for p in (0.0, 0.3, 1.0):
        yield Case("dropout", x, {"p": p, "training": True, "rng": 7})
    yield Case("dropout", x, {"p": 0.5, "training": False, "rng": None})


def cross_entropy_cases():
    """Class numbers and probabilities, weighted, smoothed and ignored, on every axis."""
    rng = _rng()
    for shape, axis in (((5, 4), 1), ((2, 4, 3), 1), ((2, 3, 4), -1), ((4, 3, 2), 0), ((1, 4), 1)):
        logits = {"logits": rng.standard_normal(shape)}
        numbers = rng.integers(0, 4, np.delete(shape, axis))
        probabilities = rng.dirichlet(np.ones(4), np.delete(shape, axis))
        for reduction in ("mean", "sum", "none"):
            given = {"axis": axis, "reduction": reduction}
            yield Case("cross_entropy", logits, given | {"target": numbers})
            yield Case("cross_entropy", logits, given | {"target": np.moveaxis(probabilities, -1, axis)})
            options = {"weight": rng.uniform(0.5, 2, 4), "label_smoothing": 0.1, "ignore_index": 2}
            numbers.flat[0] = 0
            yield Case("cross_entropy", logits, given | options | {"target": numbers.copy()})
            yield Case("cross_entropy", logits, given | options | {"target": np.moveaxis(probabilities, -1, axis)})


def mse_loss_cases():
    """Every reduction."""
    rng = _rng()
    for shape in ((), (3,), (2, 3, 2)):
        for reduction in ("mean", "sum", "none"):
            given = {"target": rng.standard_normal(shape), "reduction": reduction}
            yield Case("mse_loss", {"x": rng.standard_normal(shape)}, given)


def linear_unit_cases(operation, variants):
    """Several shapes under every option, away from the kink of leaky_relu."""
    for shape in ((), (1,), (7,), (3, 4)):
        for options in variants:
            yield Case(operation, {"x": np.asarray(apart(_rng(), shape) * 30)}, options)


def batch_norm_cases():
    """Moments of the batch and frozen ones, with and without weight and bias, for any number of axes."""
    rng = _rng()
    for shape in ((4, 3), (5, 2, 4), (3, 2, 2, 3), (2, 2, 2, 1, 3)):
        running = {"running_mean": rng.standard_normal(shape[1]), "running_var": rng.uniform(0.5, 2, shape[1])}
        x = {"x": rng.standard_normal(shape)}
        affine = {"weight": rng.standard_normal(shape[1]), "bias": rng.standard_normal(shape[1])}
        for arrays in (x, x | affine, x | {"weight": affine["weight"]}, x | {"bias": affine["bias"]}):
            for given in ({"training": True, "running_mean": None, "running_var": None}, {"training": False} | running):
                yield Case("batch_norm", arrays, given | {"eps": 1e-2, "momentum": 0.3})


def layer_norm_cases():
    """One and several axes, with and without weight and bias."""
    rng = _rng()
    for leading, axes in (((), (4,)), ((3,), (5,)), ((2, 3), (4,)), ((3,), (2, 3)), ((1,), (2, 1, 4))):
        x = {"x": rng.standard_normal(leading + axes)}
        affine = {"weight": rng.standard_normal(axes), "bias": rng.standard_normal(axes)}
        given = {"normalized_shape": axes if len(axes) > 1 else axes[0], "eps": 1e-2}
        for arrays in (x, x | affine, x | {"weight": affine["weight"]}, x | {"bias": affine["bias"]}):
            yield Case("layer_norm", arrays, given)


def nll_loss_cases():
    """Weighted and ignored, on every axis."""
    rng = _rng()
    for shape, axis in (((5, 4), 1), ((2, 4, 3), 1), ((2, 3, 4), -1), ((4, 3), 0)):
        x = {"x": rng.standard_normal(shape)}
        target = rng.integers(0, 4, np.delete(shape, axis))
        target.flat[0] = 0
        for reduction in ("mean", "sum", "none"):
            given = {"target": target, "axis": axis, "reduction": reduction}
            yield Case("nll_loss", x, given)
            yield Case("nll_loss", x, given | {"weight": rng.uniform(0.5, 2, 4), "ignore_index": 2})


def element_loss_cases(operation, variants=({},)):
    """Every reduction and option; no difference comes near a kink."""
    for shape in ((), (3,), (2, 3, 2)):
        x, target = np.asarray(apart(_rng(), shape) * 30), np.asarray(apart(_rng(3), shape) * 7.1)
        for reduction in ("mean", "sum", "none"):
            for options in variants:
                yield Case(operation, {"x": x}, {"target": target, "reduction": reduction} | options)


def logistic_loss_cases():
    """Probabilities as targets, with weights that stretch."""
    rng = _rng()
    for shape in ((), (3,), (2, 3)):
        x = {"x": np.asarray(rng.standard_normal(shape) * 3)}
        given = {"target": np.asarray(rng.uniform(0, 1, shape))}
        for reduction in ("mean", "sum", "none"):
            for weight in (None, 0.7, rng.uniform(0.5, 2, shape)):
                for pos_weight in (None, 3.0, rng.uniform(0.5, 2, shape[-1:])):
                    options = {"reduction": reduction, "weight": weight, "pos_weight": pos_weight}
                    yield Case("binary_cross_entropy_with_logits", x, given | options)


GRADIENTS = {
    **{f"conv{n}d": list(conv_cases(n)) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": list(conv_transpose_cases(n)) for n in (1, 2, 3)},
    **{f"max_pool{n}d": list(max_pool_cases(n)) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": list(avg_pool_cases(n)) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": list(adaptive_pool_cases("adaptive_avg_pool", n)) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": list(adaptive_pool_cases("adaptive_max_pool", n)) for n in (1, 2, 3)},
    "rnn": list(recurrent_cases("rnn", [{"nonlinearity": "tanh"}, {"nonlinearity": "relu"}])),
    "lstm": list(recurrent_cases("lstm", [{}, {"with_peepholes": True}])),
    "gru": list(recurrent_cases("gru", [{"reset_after": True}, {"reset_after": False}])),
    "relu": list(activation_cases("relu")),
    "leaky_relu": list(linear_unit_cases("leaky_relu", [{}, {"negative_slope": 0.3}, {"negative_slope": 0.0}])),
    "gelu": list(linear_unit_cases("gelu", [{}, {"approximate": "tanh"}])),
    "silu": list(linear_unit_cases("silu", [{}])),
    "sigmoid": list(activation_cases("sigmoid")),
    "tanh": list(activation_cases("tanh")),
    "softmax": list(softmax_cases("softmax")),
    "log_softmax": list(softmax_cases("log_softmax")),
    "batch_norm": list(batch_norm_cases()),
    "layer_norm": list(layer_norm_cases()),
    "linear": list(linear_cases()),
    "embedding": list(embedding_cases()),
    "dropout": list(dropout_cases()),
    "cross_entropy": list(cross_entropy_cases()),
    "nll_loss": list(nll_loss_cases()),
    "mse_loss": list(mse_loss_cases()),
    "l1_loss": list(element_loss_cases("l1_loss")),
    "huber_loss": list(element_loss_cases("huber_loss", [{}, {"delta": 0.25}, {"delta": 5.0}])),
    "binary_cross_entropy_with_logits": list(logistic_loss_cases()),
}
