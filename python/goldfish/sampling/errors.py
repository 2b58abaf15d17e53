"""What can be wrong with a sample or a profile, as types that a caller can catch."""

from __future__ import annotations


class ZeroInclusionError(ValueError):
    """A unit of the population can never be sampled, so no weight makes an estimate unbiased.

    Examples
    --------
    >>> from goldfish import sampling
    >>> try:
    ...     sampling.weights_from_selection([0.5, 0.0])
    ... except sampling.ZeroInclusionError as error:
    ...     print(error)
    weights_from_selection: p must be positive, got 0.0 at index 1: a unit that is never drawn has no weight
    """


class ProfileFormatError(ValueError):
    """A file is no heap profile, or is damaged.

    Parameters
    ----------
    message : str
        What is wrong.
    offset : int
        The byte at which it was noticed: of the decompressed content, or of the file if decompression fails.
    field : str
        The field of the format that lies there.

    Examples
    --------
    >>> from goldfish import sampling
    >>> try:
    ...     sampling.read_heap_profile(b"heap profile: many")
    ... except sampling.ProfileFormatError as error:
    ...     print(error.offset, error.field)
    0 header
    """

    def __init__(self, message: str, offset: int, field: str) -> None:
        super().__init__(message, offset, field)
        self.offset = offset
        self.field = field

    def __str__(self) -> str:
        return f"read_heap_profile: {self.args[0]} (offset {self.offset}, field {self.field})"


class SamplingWarning(UserWarning):
    """A number was computed whose error is unknown or understated; the message says why."""
