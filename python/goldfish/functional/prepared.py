"""Kernels that keep their packed weights from call to call; the prepared layers of `goldfish.nn` stand on them."""

from goldfish._core import RecurrentStack

__all__ = ["RecurrentStack"]
