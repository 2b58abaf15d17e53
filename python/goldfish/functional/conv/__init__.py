"""Convolution over one to three axes."""

from goldfish.functional.conv.grads import ConvGrads
from goldfish.functional.conv.one_axis import conv1d, conv1d_backward, conv1d_forward
from goldfish.functional.conv.three_axes import conv3d, conv3d_backward, conv3d_forward
from goldfish.functional.conv.two_axes import conv2d, conv2d_backward, conv2d_forward

__all__ = [
    "conv1d",
    "conv1d_forward",
    "conv1d_backward",
    "conv2d",
    "conv2d_forward",
    "conv2d_backward",
    "conv3d",
    "conv3d_forward",
    "conv3d_backward",
    "ConvGrads",
]
