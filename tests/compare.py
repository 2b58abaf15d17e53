"""How results are compared, and the accuracy that is promised."""

import math

import numpy as np

# Largest error over largest value, on normally distributed data.
FLOAT64 = 1e-13
DIRECT = 1e-6
DEFAULT = 5e-6
PARAMETER_GRADIENT = 1e-5


def limit(dtype, float32_limit=DEFAULT):
    """The error that a dtype may have."""
    return FLOAT64 if np.dtype(dtype) == np.float64 else float32_limit


def error(actual, expected, floor=0.0):
    """Largest difference over the largest expected value.

    `floor` is the size that the result has by rights, the root of the number of its terms, say: where there are few
    outputs, all of them may be small by chance.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    if expected.size == 0:
        return 0.0
    if not np.array_equal(np.isfinite(actual), np.isfinite(expected)):
        return math.inf
    scale = max(float(np.max(np.abs(expected))), floor)
    return float(np.max(np.abs(actual.astype(np.float64) - expected))) / (scale or 1.0)


def same_bits(a, b):
    """Equal dtype, shape and bytes: NaN equals NaN, and -0.0 differs from 0.0."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def flat(results):
    """The arrays in nested tuples of results, in order; without caches and None."""
    if isinstance(results, tuple):
        return [array for result in results for array in flat(result)]
    return [np.asarray(results)] if isinstance(results, np.ndarray | np.generic) else []
