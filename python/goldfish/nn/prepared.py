"""Layers made ready for inference: what can be done once is done once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from goldfish.nn.layer import Layer, State


class Prepared:
    """A layer made ready for inference by `Layer.prepare`; called as the layer is, it returns what the layer returns.

    Weights that a kernel wants in its own order are put into it once instead of at each call. They are those of the
    moment: train further, and prepare again. Any number of threads may share one. Pickling keeps the layer; unpickling
    prepares it anew, for the machine that unpickles.

    Adjacent layers that are a network of two-dimensional convolutions (convolutions of one group, batch normalisation,
    activations, pooling, residual connections, graphs of sums, and dense layers behind a `Flatten`) run as one program
    of the core: a normalisation is folded into the convolution before it, bias, sum and rectifier are its last act, and
    in between channels lie along the lanes of the vectors. The results are equal to rounding.

    Parameters
    ----------
    layer : Layer
        What to prepare.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model = nn.Sequential(nn.LSTM(3, 16, rng=0), nn.Linear(16, 2, rng=1))
    >>> ready, x = model.prepare(), np.ones((1, 5, 3), np.float32)
    >>> bool(np.array_equal(ready(x), model(x))), ready.nbytes > 0
    (True, True)
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        return self.layer(x, state, lengths=lengths, return_state=return_state)

    def warm_up(self, input_shape: tuple[int, ...]) -> None:
        """Pack what inputs of a shape need, which the first call would do otherwise.

        Raises
        ------
        ValueError
            If the layer does not take such inputs.
        """

    @property
    def nbytes(self) -> int:
        """Bytes of the weights that are kept beside the layer's own."""
        return 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.layer!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _prepare, (self.layer,)


def _prepare(layer: Layer) -> Prepared:
    return layer.prepare()
