"""What the whole process shares: threads, precision, memory."""

import sys
import threading
from types import TracebackType
from typing import Self, SupportsIndex

from goldfish import _core
from goldfish._typing import Precision


def set_num_threads(n: SupportsIndex) -> None:
    """Set how many threads a call may use, for the whole process.

    At first it is the environment's GOLDFISH_NUM_THREADS, else OMP_NUM_THREADS, else the number of processors that
    the process may run on. Results do not depend on it, to the bit.

    Parameters
    ----------
    n : int
        At least 1; the calling thread counts.

    Raises
    ------
    ValueError
        If n is less than 1.
    TypeError
        If n is not an integer.

    See Also
    --------
    threads : the same for a block of code.

    Examples
    --------
    >>> import goldfish as gf
    >>> before = gf.get_num_threads()
    >>> gf.set_num_threads(1)
    >>> gf.get_num_threads()
    1
    >>> gf.set_num_threads(before)
    """
    _core.set_num_threads(n)


def get_num_threads() -> int:
    """Return how many threads a call from this Python thread may use.

    Returns
    -------
    int
        The number of the innermost `threads` block of this thread, else of `set_num_threads`.

    Examples
    --------
    >>> import goldfish as gf
    >>> with gf.threads(3):
    ...     gf.get_num_threads()
    3
    """
    return _core.get_num_threads()


class threads:
    """Context manager: calls from this Python thread use n threads until the block ends.

    Blocks nest, one object may be entered more than once and by several Python threads, and other Python threads keep
    their own number.

    Parameters
    ----------
    n : int
        At least 1; the calling thread counts.

    Raises
    ------
    ValueError
        On entering, if n is less than 1.
    TypeError
        On entering, if n is not an integer.

    Examples
    --------
    >>> import numpy as np, goldfish as gf
    >>> with gf.threads(1):
    ...     y = gf.conv2d(np.ones((1, 3, 8, 8)), np.ones((4, 3, 3, 3)))
    """

    def __init__(self, n: SupportsIndex) -> None:
        self._n = n
        self._outer = _OuterBlocks()

    def __enter__(self) -> Self:
        self._outer.stack.append(_core.set_thread_override(self._n))
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, trace: TracebackType | None
    ) -> None:
        _core.set_thread_override(self._outer.stack.pop())


class _OuterBlocks(threading.local):
    """The numbers that the open blocks of one object replaced, for each Python thread on its own."""

    def __init__(self) -> None:
        self.stack: list[int | None] = []


def set_float32_precision(level: Precision) -> None:
    """Set which float32 algorithms ``algorithm="auto"`` may take, for the whole process.

    Largest error over largest value, on normally distributed data: "highest" takes direct algorithms only (1e-6),
    "high" also 6-point Winograd transforms (5e-6; the default), "medium" also 8-point transforms (2e-5).

    Parameters
    ----------
    level : {"highest", "high", "medium"}
        An explicit `algorithm` in a call overrides it.

    Raises
    ------
    ValueError
        If the level is none of these.

    Examples
    --------
    >>> import goldfish as gf
    >>> gf.set_float32_precision("highest")
    >>> gf.set_float32_precision("high")
    """
    _core.set_float32_precision(level)


def release_memory() -> None:
    """Give the memory that goldfish keeps for its next calls back to the system.

    Arrays in use stay as they are. The next calls are slower by the time it takes to get the memory again.

    Examples
    --------
    >>> import goldfish as gf
    >>> gf.release_memory()
    """
    _core.release_memory()


def show_config() -> None:
    """Print the version, the instruction set, the number of threads and the memory that is kept.

    The instruction set is the best that the processor has; GOLDFISH_SIMD=portable, avx2 or avx512 in the environment
    forces one.

    Examples
    --------
    >>> import goldfish as gf
    >>> gf.show_config()  # doctest: +ELLIPSIS
    version: ...
    """
    for name, value in _core.config().items():
        text = ", ".join(value) if isinstance(value, list) else value
        sys.stdout.write(f"{name.replace('_', ' ')}: {text}\n")
