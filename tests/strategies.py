"""Hypothesis strategies: random small problems over every option, for the comparison with plain loops."""

import numpy as np
from hypothesis import strategies as st

seeds = st.integers(0, 2**32 - 1)
DTYPES = (np.float32, np.float64)


def _option(low, high):
    """An int, or one per axis."""
    return st.integers(low, high) | st.tuples(st.integers(low, high), st.integers(low, high))


def _paddings(most):
    """Every form of `padding`, with at most `most` zeros on a side."""
    rows, columns = (st.integers(0, m) for m in most)
    return (
        st.integers(0, min(most))
        | st.tuples(rows, columns)
        | st.tuples(st.tuples(rows, rows), st.tuples(columns, columns))
        | st.sampled_from(["valid", "same", "same_lower"])
    )


def _pair(value):
    return (value, value) if np.ndim(value) == 0 else value


def _least(padding, extent):
    """The smallest size of one axis that a window of `extent` fits into."""
    if isinstance(padding, str):
        return extent if padding == "valid" else 1
    return max(1, extent - sum(padding))


@st.composite
def convolutions(draw):
    """Arguments of conv2d as (x, weight, bias or None, options), in float64."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride, dilation = draw(_option(1, 3)), draw(_option(1, 2) | st.just((1, 3)))
    extent = [d * (k - 1) + 1 for d, k in zip(_pair(dilation), kernel, strict=True)]
    padding = draw(_paddings(extent))
    sides = padding if isinstance(padding, str) else tuple(_pair(p) for p in _pair(padding))
    if isinstance(sides, str):
        sides = (sides, sides)
    size = [_least(side, e) + draw(st.integers(0, 6)) for side, e in zip(sides, extent, strict=True)]
    rng = np.random.default_rng(draw(seeds))
    x = rng.standard_normal((draw(st.integers(1, 3)), groups * channels, *size))
    weight = rng.standard_normal((groups * outputs, channels, *kernel))
    bias = rng.standard_normal(groups * outputs) if draw(st.booleans()) else None
    return x, weight, bias, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@st.composite
def poolings(draw, average):
    """Arguments of a pooling as (x, options); half of the inputs hold many ties."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.just(1) | _option(1, 2))
    extent = [d * (k - 1) + 1 for d, k in zip(_pair(dilation), kernel, strict=True)]
    options = {
        "kernel_size": kernel if kernel[0] != kernel[1] else draw(st.sampled_from([kernel, kernel[0]])),
        "stride": draw(st.none() | _option(1, 3)),
        "padding": draw(_paddings([k // 2 for k in kernel])),
        "dilation": dilation,
        "ceil_mode": draw(st.booleans()),
    }
    if average:
        options["count_include_pad"] = draw(st.booleans())
        options["divisor_override"] = draw(st.none() | st.integers(1, 9))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *(e + draw(st.integers(0, 6)) for e in extent))
    rng = np.random.default_rng(draw(seeds))
    few_values = draw(st.booleans())
    return rng.integers(-3, 4, shape).astype(np.float64) if few_values else rng.standard_normal(shape), options


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
