"""The types that signatures share: what every call accepts, and what it returns."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt


class SupportsDLPack(Protocol):
    """An array of another library that shares its CPU memory by the DLPack protocol."""

    def __dlpack__(self, *, stream: None = ...) -> Any: ...


ArrayLike: TypeAlias = npt.ArrayLike | SupportsDLPack
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IndexArray: TypeAlias = npt.NDArray[np.int64]
LossValue: TypeAlias = np.floating[Any] | FloatArray
"""A NumPy scalar for the reductions "mean" and "sum", an array for "none"."""

PerAxis: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
"""One int for all spatial axes, or one per axis."""

Padding: TypeAlias = PerAxis | Sequence[Sequence[SupportsIndex]] | Literal["valid", "same", "same_lower", "causal"]
"""An int, one int per axis, a (before, after) pair per axis, or a rule by name; "causal" is for one axis."""

OutputSize: TypeAlias = SupportsIndex | Sequence[SupportsIndex | None] | None
"""The number of outputs of an adaptive pooling: one for all axes, or one per axis; None keeps an axis."""

Algorithm: TypeAlias = Literal["auto", "direct", "winograd", "fourier"]
Reduction: TypeAlias = Literal["mean", "sum", "none"]
Precision: TypeAlias = Literal["highest", "high", "medium"]
# In quotes, because NumPy loads its random module, some 10 ms of work, when it is first named.
Rng: TypeAlias = "int | np.integer[Any] | np.random.Generator | None"
