"""Weight, mean and centred sum of squares of data, in one or several dimensions, that can be joined exactly."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from goldfish.probability.check import Floats


class Moments(NamedTuple):
    """Total weight n, mean (a float or (d,)), and sum of w (x - mean)(x - mean)^T (a float or (d, d))."""

    n: float
    mean: Any
    scatter: Any

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> Moments:
        """The moments of data of shape (n,) or (n, d), in two passes."""
        total = float(weights.sum())
        if total == 0:
            return cls.none(values.shape[1:])
        mean = weights @ values / total
        residual = values - mean
        # The mean's own rounding error, times the weight, would enter the squares; taking it out is Chan's correction.
        error = weights @ residual / total
        scatter = (residual.T * weights) @ residual - total * np.multiply.outer(error, error)
        return cls(total, mean + error, scatter) if values.ndim > 1 else cls(total, float(mean + error), float(scatter))

    @classmethod
    def none(cls, shape: tuple[int, ...] = ()) -> Moments:
        """The moments of no data."""
        return cls(0.0, np.zeros(shape) if shape else 0.0, np.zeros(shape * 2) if shape else 0.0)

    def join(self, other: Moments) -> Moments:
        """The moments of both data sets together (Chan, Golub and LeVeque, 1983, equation 2.1)."""
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        delta = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.multiply.outer(delta, delta) * (self.n / n * other.n)
        mean = (self.n / n) * self.mean + (other.n / n) * other.mean
        return Moments(n, mean, scatter) if np.ndim(mean) else Moments(n, float(mean), float(scatter))
