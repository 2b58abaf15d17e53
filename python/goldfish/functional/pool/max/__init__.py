"""Max pooling over one to three axes."""

from goldfish.functional.pool.max.one_axis import max_pool1d, max_pool1d_backward, max_pool1d_forward
from goldfish.functional.pool.max.three_axes import max_pool3d, max_pool3d_backward, max_pool3d_forward
from goldfish.functional.pool.max.two_axes import max_pool2d, max_pool2d_backward, max_pool2d_forward

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
]
