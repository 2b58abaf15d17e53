"""What a profile is made of besides its stacks: records, the file's own words, calibration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goldfish.sampling.heap.frames import Frame


class Record(NamedTuple):
    """Samples of one stack and one object size.

    Attributes
    ----------
    stack : tuple of Frame
        Leaf first.
    size : int or float
        Bytes of one object; a fraction where a file holds averages, 0 where it does not say.
    alloc_k, inuse_k : int or None
        Raw samples of allocated objects, and of those still in use; None where the profile has no such numbers.

    Examples
    --------
    >>> from goldfish import sampling
    >>> sampling.Record((), 16, 5, 2).inuse_k
    2
    """

    stack: tuple[Frame, ...]
    size: float
    alloc_k: int | None
    inuse_k: int | None


class Calibration(NamedTuple):
    """How far estimated totals lie from the exact ones.

    Attributes
    ----------
    z_bytes, z_objects : float
        (estimate - exact total) / standard error, for allocated bytes and objects; beyond +-3 something is wrong.
    note : str
        What may explain a distance.

    Examples
    --------
    >>> from goldfish.sampling import Calibration
    >>> Calibration(0.3, -1.1, "").z_bytes
    0.3
    """

    z_bytes: float
    z_objects: float
    note: str


@dataclass(frozen=True)
class Origin:
    """What a file says besides its samples; it goes back into files that are written."""

    time_nanos: int = 0
    duration_nanos: int = 0
    comments: tuple[str, ...] = ()
    default_metric: str = ""
    # The file's own numbers, by metric.
    stored: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
