"""Pooling: maxima and means of windows."""

from goldfish.functional.pool.avg import (
    avg_pool1d,
    avg_pool1d_backward,
    avg_pool1d_forward,
    avg_pool2d,
    avg_pool2d_backward,
    avg_pool2d_forward,
    avg_pool3d,
    avg_pool3d_backward,
    avg_pool3d_forward,
)
from goldfish.functional.pool.grads import PoolGrads
from goldfish.functional.pool.max import (
    max_pool1d,
    max_pool1d_backward,
    max_pool1d_forward,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_forward,
    max_pool3d,
    max_pool3d_backward,
    max_pool3d_forward,
)

__all__ = [
    "max_pool1d",
    "max_pool1d_forward",
    "max_pool1d_backward",
    "max_pool2d",
    "max_pool2d_forward",
    "max_pool2d_backward",
    "max_pool3d",
    "max_pool3d_forward",
    "max_pool3d_backward",
    "avg_pool1d",
    "avg_pool1d_forward",
    "avg_pool1d_backward",
    "avg_pool2d",
    "avg_pool2d_forward",
    "avg_pool2d_backward",
    "avg_pool3d",
    "avg_pool3d_forward",
    "avg_pool3d_backward",
    "PoolGrads",
]
