"""What the backward passes of all convolutions return."""

from typing import NamedTuple

from goldfish._typing import FloatArray


class ConvGrads(NamedTuple):
    """Gradients of a loss with respect to the arguments of a convolution; None where not needed or not given."""

    x: FloatArray | None
    weight: FloatArray | None
    bias: FloatArray | None
