"""What every layer of a network computes for given inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics._probe import Tap, taps
from goldfish.nn.layer import Array, Layer


def layer_outputs(model: Layer, x: ArrayLike | dict[str, ArrayLike]) -> dict[str, Array]:
    """The output of every layer, as inference computes it: feature maps, activations, hidden states.

    Parameters
    ----------
    model : Layer
        Any network; it is not changed.
    x : array_like
        What the network is called with; a mapping for a `Graph` with several inputs.

    Returns
    -------
    dict of str to ndarray
        By the dotted names of the layers, in the order in which they run; a layer alone has the name "".

    Raises
    ------
    ValueError, TypeError
        Those of the model.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), pool=nn.MaxPool2d(2))
    >>> maps = diagnostics.layer_outputs(model, np.zeros((2, 1, 8, 8), np.float32))
    >>> {name: y.shape for name, y in maps.items()}
    {'0': (2, 4, 6, 6), '1': (2, 4, 6, 6), 'pool': (2, 4, 3, 3)}
    """
    if not isinstance(model, Layer):
        raise TypeError(f"layer_outputs: model must be a Layer, got {type(model).__name__}")
    log: list[Tap] = []
    given: Any = x
    taps(model, log)(given)
    return {tap.name: np.asarray(tap.y) for tap in log}
