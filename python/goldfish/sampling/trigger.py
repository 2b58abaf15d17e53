"""A profiler that samples allocations by bytes: what it includes, simulated and computed, and how to undo it."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goldfish import _core
from goldfish._typing import ArrayLike, Rng
from goldfish.sampling import _checks
from goldfish.sampling._checks import Floats
from goldfish.sampling.errors import SamplingWarning

_FORMULAS = ("exponential", "uniform-sparse", "uniform-equal")
_TRIGGERS = ("exponential", "uniform")

# Streams up to this length are solved as one system of equations.
_DENSE = 1024
# Allocations between two looks at a longer one: some ten seconds.
_MOST_STEPS = 20_000_000


def inclusion_probability(size: ArrayLike, *, rate: float, trigger: str = "exponential") -> Floats:
    r"""The probability that an allocation is sampled by a profiler that counts bytes.

    Every allocation lowers a counter by its size and is sampled if that makes it negative; then the counter is drawn
    anew. With s the size, R the rate and M = 2R:

    * "exponential" counters (Go since 1.7, tcmalloc, jemalloc): :math:`1 - e^{-s/R}`, whatever else is allocated;
    * "uniform-sparse", counters uniform on [0, M), one large object among very small ones: :math:`1 - (1 - s/M)^2`;
    * "uniform-equal", the same counter, all objects of one size: :math:`1/E` with
      :math:`E = K + 1 - sK(K + 1)/(2M)`, :math:`K = \lfloor M/s\rfloor`.

    Under a uniform counter the probability depends on the neighbours, so no formula in s alone undoes it;
    `inclusion_probability_stream` computes it for a known stream.

    Parameters
    ----------
    size : array_like, any shape
        Bytes of one object; positive.
    rate : float
        The mean of the counter, in bytes; positive.
    trigger : {"exponential", "uniform-sparse", "uniform-equal"}
        How the counter is drawn, and among what.

    Returns
    -------
    ndarray
        Of the shape of `size`.

    Raises
    ------
    ValueError
        If a size or the rate is not positive, or the trigger is unknown.

    References
    ----------
    D. R. Cox, Renewal Theory (1962). https://go.dev/issue/12620 (why Go left the uniform counter).

    Examples
    --------
    >>> from goldfish import sampling
    >>> sampling.inclusion_probability([16, 524288, 1 << 22], rate=524288).round(6)
    array([3.10000e-05, 6.32121e-01, 9.99665e-01])
    """
    name = "inclusion_probability"
    s = _checks.floats(name, "size", size, ndim=None, empty=True)
    _checks.first(name, "size", s, s <= 0, "positive")
    mean = _checks.positive(name, "rate", rate)
    _checks.choice(name, "trigger", trigger, _FORMULAS)
    if trigger == "exponential":
        return np.asarray(sampled_share(s, mean))
    x = np.minimum(s / (2 * mean), 1.0)
    if trigger == "uniform-sparse":
        return np.asarray(x * (2 - x))
    k = np.floor(1 / x)
    return np.asarray(1 / (k + 1 - x * k * (k + 1) / 2))


def sampled_share(size: Floats, rate: float) -> Floats:
    """1 - exp(-size/rate) without cancellation; 1 where the rate says that everything is recorded."""
    if rate <= 1:
        return np.ones_like(size)
    share: Floats = -np.expm1(-size / rate)
    return share


def inclusion_probability_stream(sizes: ArrayLike, *, max_trigger: float, periodic: bool = True) -> Floats:
    r"""The exact probability of each allocation of a stream to be sampled by a counter uniform on [0, M).

    Samples form a renewal process: after one at object i the next falls on object j with probability
    :math:`(g(S_{ij}) - g(S_{i,j-1}))/M`, where :math:`S_{ij}` counts the bytes from the end of i to the end of j and
    :math:`g(x) = \min(x, M)`. For a periodic stream the probabilities are those in the long run.

    Parameters
    ----------
    sizes : array_like (n,)
        Bytes of each allocation, in order; positive.
    max_trigger : float
        M, the bound of the counter; positive. Its mean is M/2.
    periodic : bool
        Whether the stream repeats for ever; else it begins once, with a fresh counter.

    Returns
    -------
    ndarray (n,)
        Float64.

    Raises
    ------
    ValueError
        If a size or max_trigger is not positive; or if a periodic stream is longer than 1024 allocations and its
        counter spans more than some thousand periods.

    Notes
    -----
    One pass of a stream costs O(n). Periodic streams of up to 1024 allocations are solved as a linear system; longer
    ones are followed, period by period, until the probabilities stand still.

    References
    ----------
    D. R. Cox, Renewal Theory (1962).

    Examples
    --------
    Small objects after large ones are missed more often than their size explains (3.1e-05).

    >>> from goldfish import sampling
    >>> sampling.inclusion_probability_stream([600_000, 16], max_trigger=1 << 20)
    array([7.00381536e-01, 2.13742744e-05])
    """
    name = "inclusion_probability_stream"
    s = _checks.floats(name, "sizes", sizes)
    _checks.first(name, "sizes", s, s <= 0, "positive")
    bound = _checks.positive(name, "max_trigger", max_trigger)
    # Beyond the bound more bytes change nothing; and so the sums below stay finite.
    s = np.minimum(s / bound, 2.0)
    if not periodic:
        return np.array(_Renewals().follow(s.tolist()))
    if len(s) > _DENSE:
        return _long_run(s)
    arrivals, gaps = _cycle(s)
    # The stationary distribution of the sampled position: one equation follows from the others, and the sum is 1.
    system = arrivals.T - np.eye(len(s))
    system[-1] = 1.0
    position = np.linalg.solve(system, np.r_[np.zeros(len(s) - 1), 1.0])
    # One step of the chain gives small entries all of their digits.
    position = np.maximum(position, 0.0) @ arrivals
    return np.asarray(position * len(s) / (position @ gaps))


def _cycle(s: Floats) -> tuple[Floats, Floats]:
    """For a periodic stream in units of M: the chance that j follows i in the sample; objects passed until the next."""
    n, end, period = len(s), np.cumsum(s), s.sum()
    reach = np.subtract.outer(end, end).T
    steps = np.subtract.outer(np.arange(n), np.arange(n)).T
    wrapped = steps <= 0
    reach[wrapped] += period
    steps[wrapped] += n
    # Rounds in which object j lies before the bound as a whole, then the one that the bound may cut.
    rounds = np.where(reach <= 1, np.floor((1 - reach) / period) + 1, 0.0)
    cut = np.clip(1 - (reach + rounds * period - s), 0, s)
    arrivals = rounds * s + cut
    passed = s * (rounds * steps + n * rounds * (rounds - 1) / 2) + cut * (steps + n * rounds)
    return arrivals, passed.sum(axis=1)


class _Renewals:
    """Follows a stream in units of M, with one pass over its objects."""

    def __init__(self) -> None:
        # Samples that the counter may still remember, as (byte position of their end, probability), oldest first.
        self._ends, self._chances, self._oldest = [0.0], [1.0], 0
        self._inside = 1.0
        self._position = 0.0

    def follow(self, sizes: list[float]) -> list[float]:
        """The probabilities of the next objects to be sampled."""
        result = []
        for size in sizes:
            start, self._position = self._position, self._position + size
            cut = 0.0
            while self._oldest < len(self._ends) and self._ends[self._oldest] < self._position - 1:
                end, chance = self._ends[self._oldest], self._chances[self._oldest]
                cut += chance * max(0.0, end + 1 - start)
                self._inside -= chance
                self._oldest += 1
            chance = min(1.0, max(0.0, self._inside) * size + cut)
            self._ends.append(self._position)
            self._chances.append(chance)
            self._inside += chance
            result.append(chance)
        self._forget()
        return result

    def _forget(self) -> None:
        """Drop what is out of reach, and the rounding errors that the running sum has collected."""
        self._ends = [end - self._position for end in self._ends[self._oldest :]]
        self._chances = self._chances[self._oldest :]
        self._oldest, self._position = 0, 0.0
        self._inside = float(np.sum(self._chances))


def _long_run(s: Floats) -> Floats:
    """Follow a periodic stream until a period, and at least ten counters' worth of bytes, change nothing."""
    chain, sizes = _Renewals(), s.tolist()
    periods = max(1, int(np.ceil(10 / s.sum())))
    if periods * len(s) > _MOST_STEPS:
        raise ValueError(
            f"inclusion_probability_stream: sizes of a periodic stream must have at most {_DENSE} entries, or reach "
            f"max_trigger within fewer periods; {len(s)} entries sum up to {s.sum():.1e} of it"
        )
    now = np.zeros_like(s)
    # The influence of the beginning falls by a large factor per counter's worth; rounding keeps the last digits moving.
    for _ in range(20):
        before = now
        for _ in range(periods):
            now = np.array(chain.follow(sizes))
        if np.allclose(now, before, rtol=1e-11, atol=0):
            break
    return now


def simulate_heap_sampling(
    sizes: ArrayLike, *, rate: float, trigger: str = "exponential", rng: Rng = None
) -> npt.NDArray[np.bool_]:
    """Which allocations of a stream a profiler that counts bytes would have sampled.

    Each allocation lowers a counter by its size and is sampled if that makes it negative; then the counter is drawn
    anew. One 64-bit key is drawn from `rng`, and the counters come from Philox with that key.

    Parameters
    ----------
    sizes : array_like (n,)
        Bytes of each allocation, in order; positive.
    rate : float
        The mean of the counter, in bytes; positive.
    trigger : {"exponential", "uniform"}
        Its distribution; "uniform" is on [0, 2 rate).
    rng : int, numpy.random.Generator or None
        Seed or source of the key.

    Returns
    -------
    ndarray of bool (n,)
        True where the allocation is sampled.

    Raises
    ------
    ValueError
        If a size or the rate is not positive, or the trigger is unknown.

    References
    ----------
    J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11 (2011): Philox.

    Examples
    --------
    A million objects of 1 KiB, one sample every 512 KiB on average:

    >>> import numpy as np
    >>> from goldfish import sampling
    >>> int(sampling.simulate_heap_sampling(np.full(1_000_000, 1024), rate=524288, rng=0).sum())
    1915
    """
    name = "simulate_heap_sampling"
    _checks.choice(name, "trigger", trigger, _TRIGGERS)
    mean = _checks.positive(name, "rate", rate)
    s = _checks.floats(name, "sizes", sizes, empty=True)
    _checks.first(name, "sizes", s, s <= 0, "positive")
    key = int(_checks.generator(name, rng).integers(2**64, dtype=np.uint64))
    return _core.simulate_heap_sampling(s, mean, trigger, key)


class Unsampled(NamedTuple):
    """What was allocated, estimated from what was sampled: floats, or arrays of them."""

    objects: Floats | float
    bytes: Floats | float


def unsample(count: ArrayLike, bytes: ArrayLike, *, rate: float, size: ArrayLike | None = None) -> Unsampled:
    r"""Estimate what was allocated from what a profiler with an exponential counter sampled.

    Objects of s bytes are sampled with probability :math:`\pi = 1 - e^{-s/R}`, so both numbers are divided by it. This
    is pprof's ``scaleHeapSample`` before it cuts the fractions off.

    It is right for objects of one size. Sums over several sizes come out too low, because :math:`s/\pi(s)` is convex:
    un-sample first, then add.

    Parameters
    ----------
    count : array_like
        Sampled objects; at least 0.
    bytes : array_like
        Their size together; 0 exactly where count is.
    rate : float
        R, the mean number of bytes between samples; positive. At 1 and below everything was recorded.
    size : array_like, optional
        Bytes of one object; bytes/count if None.

    Returns
    -------
    Unsampled
        Named tuple of objects and bytes: floats, or arrays if an argument is one.

    Raises
    ------
    ValueError
        If a number is negative, the rate is not positive, or count is 0 but bytes is not.

    Warns
    -----
    SamplingWarning
        If bytes/count is no whole number, which shows that several sizes were added up.

    References
    ----------
    https://github.com/google/pprof/blob/main/profile/legacy_profile.go (scaleHeapSample).

    Examples
    --------
    >>> from goldfish import sampling
    >>> objects, total = sampling.unsample(5, 5 * 16, rate=524288)
    >>> round(objects, 1), round(total)
    (163842.5, 2621480)
    """
    name = "unsample"
    k = _checks.floats(name, "count", count, ndim=None, empty=True)
    b = _checks.floats(name, "bytes", bytes, ndim=None, empty=True)
    _checks.first(name, "count", k, k < 0, "at least 0")
    _checks.first(name, "bytes", b, b < 0, "at least 0")
    mean = _checks.positive(name, "rate", rate)
    try:
        k, b = np.broadcast_arrays(k, b)
        s = np.divide(b, k, out=np.ones(k.shape), where=k > 0)
        if size is not None:
            given = _checks.floats(name, "size", size, ndim=None, empty=True)
            _checks.first(name, "size", given, given <= 0, "positive")
            k, b, s = np.broadcast_arrays(k, b, given)
    except ValueError as error:
        if name in str(error):
            raise
        raise ValueError(f"{name}: count, bytes and size must have shapes that fit together") from None
    _checks.first(name, "count", k, (k == 0) & (b > 0), "positive where bytes is")
    _checks.first(name, "bytes", b, (k > 0) & (b == 0), "positive where count is")
    if size is None and mean > 1 and (np.abs(s - np.round(s)) > 1e-6 * s).any():
        warnings.warn(
            f"{name}: bytes/count is no whole number, so objects of several sizes were added up: the result is too low",
            SamplingWarning,
            stacklevel=2,
        )
    pi = sampled_share(s, mean)
    objects, total = k / pi, b / pi
    if objects.ndim:
        return Unsampled(objects, total)
    return Unsampled(float(objects), float(total))
