"""Hypothesis strategies: random small problems over every option, for the comparison with plain loops."""

import numpy as np
from hypothesis import strategies as st

from reference_windows import per_axis

seeds = st.integers(0, 2**32 - 1)
DTYPES = (np.float32, np.float64)


def _each(axes, strategy):
    return st.tuples(*[strategy] * axes)


def _option(axes, low, high):
    """An int, or one per axis."""
    return st.integers(low, high) | _each(axes, st.integers(low, high))


def _paddings(most):
    """Every form of `padding`, with at most `most` zeros on a side."""
    sides = [st.integers(0, m) for m in most]
    words = ["valid", "same", "same_lower"]
    return (
        st.integers(0, min(most))
        | st.tuples(*sides)
        | st.tuples(*(st.tuples(side, side) for side in sides))
        | st.sampled_from(words)
    )


def _least(padding, extent):
    """The smallest sizes that windows of `extent` fit into."""
    if isinstance(padding, str):
        return extent if padding == "valid" else [1] * len(extent)
    sides = per_axis(padding, len(extent)) if np.ndim(padding) < 2 else padding
    return [
        max(1, e - int(np.sum(side)) * (2 if np.ndim(side) == 0 else 1)) for side, e in zip(sides, extent, strict=True)
    ]


def _extents(kernel, dilation):
    return [d * (k - 1) + 1 for d, k in zip(per_axis(dilation, len(kernel)), kernel, strict=True)]


@st.composite
def convolutions(draw, axes=2):
    """Arguments of a convolution as (x, weight, bias or None, options), in float64."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = draw(_each(axes, st.integers(1, 4 if axes < 3 else 3)))
    stride, dilation = draw(_option(axes, 1, 3)), draw(_option(axes, 1, 2) | st.just(tuple(range(1, axes + 1))))
    extent = _extents(kernel, dilation)
    padding = draw(_paddings(extent) if axes > 1 else _paddings(extent) | st.just("causal"))
    room = st.integers(0, 6 if axes < 3 else 3)
    size = [least + draw(room) for least in _least(padding, extent)]
    rng = np.random.default_rng(draw(seeds))
    x = rng.standard_normal((draw(st.integers(1, 3)), groups * channels, *size))
    weight = rng.standard_normal((groups * outputs, channels, *kernel))
    bias = rng.standard_normal(groups * outputs) if draw(st.booleans()) else None
    return x, weight, bias, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@st.composite
def transposed_convolutions(draw, axes):
    """Arguments of a transposed convolution as (x, weight, bias or None, options), in float64."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = draw(_each(axes, st.integers(1, 4 if axes < 3 else 3)))
    stride, dilation = draw(_option(axes, 1, 3)), draw(_option(axes, 1, 3))
    most = np.maximum(per_axis(stride, axes), per_axis(dilation, axes)) - 1
    output_padding = draw(st.just(0) | st.tuples(*(st.integers(0, int(m)) for m in most)))
    size = draw(_each(axes, st.integers(1, 6 if axes < 3 else 3)))
    spans = [(n - 1) * s + e for n, s, e in zip(size, per_axis(stride, axes), _extents(kernel, dilation), strict=True)]
    padding = draw(_paddings([(span - 1) // 2 for span in spans]))
    rng = np.random.default_rng(draw(seeds))
    x = rng.standard_normal((draw(st.integers(1, 2)), groups * channels, *size))
    weight = rng.standard_normal((groups * channels, outputs, *kernel))
    bias = rng.standard_normal(groups * outputs) if draw(st.booleans()) else None
    options = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return x, weight, bias, options | {"groups": groups, "dilation": dilation}


@st.composite
def poolings(draw, average, axes=2):
    """Arguments of a pooling as (x, options); half of the inputs hold many ties."""
    kernel = draw(_each(axes, st.integers(1, 4 if axes < 3 else 3)))
    dilation = draw(st.just(1) | _option(axes, 1, 2))
    options = {
        "kernel_size": kernel if len(set(kernel)) > 1 else draw(st.sampled_from([kernel, kernel[0]])),
        "stride": draw(st.none() | _option(axes, 1, 3)),
        "padding": draw(_paddings([k // 2 for k in kernel])),
        "dilation": dilation,
        "ceil_mode": draw(st.booleans()),
    }
    if average:
        options["count_include_pad"] = draw(st.booleans())
        options["divisor_override"] = draw(st.none() | st.integers(1, 9))
    room = st.integers(0, 6 if axes < 3 else 3)
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *(e + draw(room) for e in _extents(kernel, dilation)))
    return _values(draw, shape), options


@st.composite
def adaptive_poolings(draw, axes):
    """(x, output_size); half of the inputs hold many ties."""
    most = 9 if axes < 3 else 5
    size, counts = (draw(_each(axes, st.integers(1, most))) for _ in range(2))
    output_size = draw(st.sampled_from([counts, counts[0], (None, *counts[1:])]))
    return _values(draw, (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *size)), output_size


def _values(draw, shape):
    rng = np.random.default_rng(draw(seeds))
    few_values = draw(st.booleans())
    return rng.integers(-3, 4, shape).astype(np.float64) if few_values else rng.standard_normal(shape)


@st.composite
def sequences(draw):
    """Sizes and options that rnn, lstm and gru share, as a dict; `seed` is for the arrays."""
    steps, batch = draw(st.integers(1, 9)), draw(st.integers(1, 6))
    return {
        "sizes": (steps, batch, draw(st.integers(1, 20)), draw(st.integers(1, 37))),
        "states": draw(st.booleans()),
        "biases": draw(st.sampled_from([(), ("bias_ih",), ("bias_hh",), ("bias_ih", "bias_hh")])),
        "lengths": draw(st.none() | st.lists(st.integers(0, steps), min_size=batch, max_size=batch)),
        "reverse": draw(st.booleans()),
        "categories": draw(st.booleans()),
        "seed": draw(seeds),
    }
