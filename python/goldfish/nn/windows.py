"""What layers over windows share: their number of axes, their kernels, and the check of their input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from goldfish._typing import Rng
from goldfish.nn.layer import Array, Stateless

SPATIAL = {1: "W", 2: "H, W", 3: "D, H, W"}


class Windowed(Stateless):
    """A layer that is one operation on (N, C, *spatial)."""

    axes: ClassVar[int]
    operation: ClassVar[tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]]

    @abstractmethod
    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What follows x: by position, and by name."""

    def _check(self, x: Array, channels: int | None = None) -> None:
        if x.ndim != self.axes + 2 or channels not in (None, x.shape[1]):
            letters = f"(N, {'C' if channels is None else channels}, {SPATIAL[self.axes]})"
            raise ValueError(f"{self!r}: expected x of shape {letters}, got {x.shape}")

    def _apply(self, x: Array) -> Array:
        self._check(x)
        positional, named = self._arguments()
        y: Array = self.operation[0](x, *positional, **named)
        return y

    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]:
        self._check(x)
        positional, named = self._arguments()
        y, cache = self.operation[1](x, *positional, **named)

        def run(dy: Array, needs_x: bool) -> Array | None:
            needs = self._needs(needs_x)
            if not needs:
                return None
            gradients = self.operation[2](dy, cache, needs=needs)
            self._collect(gradients)
            dx: Array | None = gradients.x
            return dx

        return y, run


def kernel_shape(kernel_size: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """Sizes of a filter, of which one int serves all axes."""
    return (int(kernel_size),) * axes if np.ndim(kernel_size) == 0 else tuple(kernel_size)  # type: ignore[arg-type]
