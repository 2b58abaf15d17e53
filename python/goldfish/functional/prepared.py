"""Kernels that keep their packed weights from call to call; the prepared layers of `goldfish.nn` stand on them."""

from goldfish._core import ConvNetwork, RecurrentStack

__all__ = ["ConvNetwork", "RecurrentStack"]
