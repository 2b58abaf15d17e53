"""What the backward functions of poolings return."""

from typing import NamedTuple

from goldfish._typing import FloatArray


class PoolGrads(NamedTuple):
    """Gradient of a loss with respect to the input of a pooling; None where not needed."""

    x: FloatArray | None
