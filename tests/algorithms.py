"""One convolution by different algorithms."""

import numpy as np

import goldfish as gf


def worst(values, expected):
    """The largest error over the largest value."""
    return np.abs(values - expected).max() / np.abs(expected).max()


def everything(x, weight, bias, algorithm, options):
    """The output and the gradients under slopes that depend on the shape alone."""
    y, cache = gf.conv2d_forward(x, weight, bias, **options, algorithm=algorithm)
    dy = np.random.default_rng(9).standard_normal(y.shape).astype(x.dtype)
    return y, *gf.conv2d_backward(dy, cache)


def check_equals_direct(algorithm, geometry, dtype, limit, rng):
    """In float32 or float64, against the direct algorithm in float64."""
    x_shape, weight_shape, options = geometry
    arrays = [rng.standard_normal(shape) for shape in (x_shape, weight_shape, weight_shape[:1])]
    expected = everything(*arrays, "direct", options)
    # The slopes are rounded to the dtype too.
    found = everything(*(a.astype(dtype) for a in arrays), algorithm, options)
    for value, reference in zip(found, expected, strict=True):
        assert worst(value, reference) <= limit


def check_bits_for_threads(algorithm, geometry, rng):
    """For any number of threads."""
    x_shape, weight_shape, options = geometry
    x = rng.standard_normal((5, *x_shape[1:]), dtype=np.float32)
    weight, bias = rng.standard_normal(weight_shape, dtype=np.float32), rng.standard_normal(weight_shape[0]).astype("f")
    results = []
    for n in (1, 2, 3, 8):
        with gf.threads(n):
            results.append(everything(x, weight, bias, algorithm, options))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))
