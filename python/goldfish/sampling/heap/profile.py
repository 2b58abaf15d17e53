"""A heap profile that tells how sure it is."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from goldfish.sampling import _checks
from goldfish.sampling.estimate import Estimate
from goldfish.sampling.heap import estimates
from goldfish.sampling.heap.counts import Counts
from goldfish.sampling.heap.frames import Stacks
from goldfish.sampling.heap.parts import Calibration, Origin, Record
from goldfish.sampling.heap.table import Difference, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The exact totals that calibrate each metric.
_TOTALS = {"alloc_space": "TotalAlloc", "alloc_objects": "Mallocs"}


@dataclass(frozen=True, eq=False, repr=False)
class HeapProfile:
    r"""A sampled heap profile; `read_heap_profile` makes it.

    Sampled objects are a Poisson sample in the sense of survey statistics: each one was recorded or not, independently,
    with probability ``pi = 1 - exp(-size/rate)``. So k samples stand for ``k/pi`` objects, with standard error
    ``sqrt(k (1 - pi))/pi``, and sums of such terms are Horvitz-Thompson estimates.

    Attributes
    ----------
    rate : int or float
        Mean bytes between samples.
    sample_types : tuple of str
        The metrics: some of "alloc_objects", "alloc_space", "inuse_objects", "inuse_space".
    memstats : dict or None
        Exact numbers that Go's text format carries, such as "TotalAlloc".
    counts_exact : bool
        Whether the raw counts are whole and reproduce the file's numbers; a merged profile's do not.
    notes : tuple of str
        What a reader of the numbers should know.

    Examples
    --------
    >>> from goldfish import sampling
    >>> text = (
    ...     b"heap profile: 9: 66560 [9: 66560] @ heap/1048576\n8: 1024 [8: 1024] @ 0x20\n1: 65536 [1: 65536] @ 0x30\n"
    ... )
    >>> profile = sampling.read_heap_profile(text)
    >>> profile
    HeapProfile(2 records, rate 524288, inuse_objects inuse_space)
    >>> for row in profile.table():
    ...     print(f"{row.key} {row.estimate:9.0f} +- {row.se:.0f} from {row.raw_samples}")
    0x20   4194816 +- 1482910 from 8
    0x30    557738 +- 523947 from 1
    """

    rate: float
    sample_types: tuple[str, ...]
    families: dict[str, Counts]
    stacks: Stacks
    counts_exact: bool = True
    memstats: dict[str, float] | None = None
    notes: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)
    # The totals to which metrics are calibrated.
    exact: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"HeapProfile({len(self.stacks.end)} records, rate {self.rate}, {' '.join(self.sample_types)})"

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The samples by stack and size, in the order of the file."""
        n = len(self.stacks.end)
        columns = {family: [round(k) for k in counts.k.tolist()] for family, counts in self.families.items()}
        nothing: list[int | None] = [None] * n
        numbers = zip(estimates.sizes(self), columns.get("alloc", nothing), columns.get("inuse", nothing), strict=True)
        return tuple(
            Record(self.stacks.stack(i), size, alloc_k, inuse_k) for i, (size, alloc_k, inuse_k) in enumerate(numbers)
        )

    def table(
        self, by: str = "function", metric: str = "inuse_space", cumulative: bool = False, *, level: float = 0.95
    ) -> list[Row]:
        r"""Estimates by function, line, package or stack, largest first.

        Parameters
        ----------
        by : {"function", "line", "package", "stack"}
            What a row stands for.
        metric : str
            One of `sample_types`.
        cumulative : bool
            Count a record for every key in its stack (once, however often it recurs), not only for the leaf's.
        level : float
            Confidence of ``lo`` and ``hi``.

        Returns
        -------
        list of Row
            Without keys that were not sampled at all; `detection_limit` says what those may hide.

        Raises
        ------
        ValueError
            If `by`, the metric or the level is unknown.

        Notes
        -----
        ``se`` is that of a Horvitz-Thompson total under Poisson sampling, ``share_se`` comes from the linearised ratio,
        and the limits are Fay and Feuer's (exact for one size); where more than one percent of the objects were
        sampled, they are computed for the part that was not.

        Examples
        --------
        >>> from goldfish import sampling
        >>> text = b"heap profile: 8: 1024 [8: 1024] @ heap/1048576\n8: 1024 [8: 1024] @ 0x20 0x30\n"
        >>> profile = sampling.read_heap_profile(text)
        >>> [row.key for row in profile.table(cumulative=True)]
        ['0x20', '0x30']
        """
        self._check("table", by, metric)
        return estimates.rows(self, by, metric, cumulative, _checks.confidence("table", level))

    def total(self, metric: str) -> Estimate:
        r"""The estimated total of a metric.

        Parameters
        ----------
        metric : str
            One of `sample_types`.

        Returns
        -------
        Estimate
            In bytes or objects.

        Raises
        ------
        ValueError
            If the profile does not have the metric.

        Examples
        --------
        >>> from goldfish import sampling
        >>> text = b"heap profile: 8: 1024 [8: 1024] @ heap/1048576\n8: 1024 [8: 1024] @ 0x20\n"
        >>> total = sampling.read_heap_profile(text).total("inuse_objects")
        >>> round(total.value), round(total.se)
        (32772, 11585)
        """
        self._check("total", "function", metric)
        return estimates.total(self, metric)

    def check(self) -> Calibration:
        r"""Compare the estimated totals with the exact ones that Go's text format carries.

        Returns
        -------
        Calibration
            Distances in standard errors.

        Raises
        ------
        ValueError
            If the profile has no memstats, or no allocations.

        Examples
        --------
        >>> from goldfish import sampling
        >>> text = b"heap profile: 0: 0 [8: 1024] @ heap/1048576\n0: 0 [8: 1024] @ 0x20\n"
        >>> text += b"# TotalAlloc = 5000000\n# Mallocs = 40000\n"
        >>> round(sampling.read_heap_profile(text).check().z_bytes, 2)
        -0.54
        """
        exact = self._exact("check")
        z = {}
        for metric, total in exact.items():
            sums = estimates.sums_of(self, metric)
            distance, se = float(sums.estimate[0]) - total, math.sqrt(float(sums.variance[0]))
            z[metric] = distance / se if se else (math.copysign(math.inf, distance) if distance else 0.0)
        note = (
            "Mallocs includes objects below 16 bytes that share a block, which no sample can show; "
            "the totals were read just before the profile."
        )
        return Calibration(z["alloc_space"], z["alloc_objects"], note)

    def calibrated(self, to: str = "memstats") -> HeapProfile:
        r"""The profile with its allocation metrics adjusted to the exact totals.

        What is missing to a total is spread over the rows in proportion to their variances, each metric by itself: the
        regression estimator ``e_i + (v_i/V) (T - T_hat)``, with variance ``v_i (1 - v_i/V)``. Rows that were nearly
        certain stay, uncertain ones move, and every error shrinks. Metrics in use keep their estimates, because their
        exact totals belong to another moment than the profile, the last finished garbage collection.

        Parameters
        ----------
        to : {"memstats"}
            The totals TotalAlloc and Mallocs of Go's text format.

        Returns
        -------
        HeapProfile
            A new profile.

        Raises
        ------
        ValueError
            If there are no memstats, no sampled allocations that could be adjusted, or `to` is something else.

        References
        ----------
        J.-C. Deville, C.-E. Särndal, "Calibration estimators in survey sampling", JASA 87 (1992) 376.

        Examples
        --------
        >>> from goldfish import sampling
        >>> text = b"heap profile: 0: 0 [8: 1024] @ heap/1048576\n0: 0 [8: 1024] @ 0x20\n"
        >>> text += b"# TotalAlloc = 5000000\n# Mallocs = 40000\n"
        >>> sampling.read_heap_profile(text).calibrated().total("alloc_space").value
        5000000.0
        """
        _checks.choice("calibrated", "to", to, ("memstats",))
        totals = self._exact("calibrated")
        for metric in totals:
            if float(estimates.sums_of(self, metric).variance[0]) <= 0:
                raise ValueError(f"calibrated: {metric} has no sampling error that its exact total could remove")
        return replace(self, exact=totals)

    def compare(
        self,
        other: HeapProfile,
        *,
        by: str = "function",
        metric: str = "inuse_space",
        cumulative: bool = False,
        level: float = 0.95,
    ) -> list[Difference]:
        r"""How this profile differs from an earlier one, this minus other.

        The errors are those of independent profiles. Two profiles of one process share the samples of what was
        allocated before the first; for them the error is overstated, never understated.

        Parameters
        ----------
        other : HeapProfile
            What to subtract.
        by, metric, cumulative, level
            As in `table`.

        Returns
        -------
        list of Difference
            The largest change first, in either direction. A key that one profile lacks is not taken for 0 there, but
            for less than some three samples' worth.

        Raises
        ------
        TypeError
            If `other` is no profile.
        ValueError
            If one of the profiles does not have the metric.

        Examples
        --------
        >>> from goldfish import sampling
        >>> old = sampling.read_heap_profile(b"heap profile: 8: 1024 [0: 0] @ heap/1048576\n8: 1024 [0: 0] @ 0x20\n")
        >>> new = sampling.read_heap_profile(b"heap profile: 30: 3840 [0: 0] @ heap/1048576\n30: 3840 [0: 0] @ 0x20\n")
        >>> change = new.compare(old)[0]
        >>> round(change.estimate), change.lo > 0
        (11535744, True)
        """
        if not isinstance(other, HeapProfile):
            raise TypeError(f"compare: other must be a HeapProfile, got {type(other).__name__}")
        level = _checks.confidence("compare", level)
        for profile in (self, other):
            profile._check("compare", by, metric)
        return estimates.differences(self, other, by, metric, cumulative, level)

    def detection_limit(self, level: float = 0.95) -> float:
        r"""The bytes that a function may hold, in small objects, although no sample shows it.

        Nothing is seen of x bytes in small objects with probability ``exp(-x/rate)``, so x is below
        ``-ln(1 - level) rate`` with confidence `level`.

        Parameters
        ----------
        level : float
            Confidence, strictly between 0 and 1.

        Returns
        -------
        float
            Bytes; 0 if everything was recorded.

        Raises
        ------
        ValueError
            If the level lies outside.

        Examples
        --------
        >>> from goldfish import sampling
        >>> profile = sampling.read_heap_profile(b"heap profile: 0: 0 [0: 0] @ heap/1048576\n")
        >>> round(profile.detection_limit())
        1570626
        """
        level = _checks.confidence("detection_limit", level)
        return -math.log1p(-level) * self.rate if self.rate > 1 else 0.0

    def to_pprof(self, path: str | os.PathLike[str]) -> None:
        r"""Write a gzipped profile.proto file, which ``go tool pprof`` reads.

        It holds un-sampled numbers cut to whole ones, as Go writes them; reading it again gives the same records. A
        calibrated profile is written with its calibrated numbers, from which raw counts do not come back. Labels other
        than the block size are not kept. The same profile gives the same bytes.

        Parameters
        ----------
        path : path-like
            Replaced if it exists, at once and as a whole.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from goldfish import sampling
        >>> profile = sampling.read_heap_profile(
        ...     b"heap profile: 8: 1024 [0: 0] @ heap/1048576\n8: 1024 [0: 0] @ 0x20\n"
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     profile.to_pprof(pathlib.Path(folder, "heap.pb.gz"))
        ...     sampling.read_heap_profile(pathlib.Path(folder, "heap.pb.gz")).records == profile.records
        True
        """
        from goldfish.sampling.heap import write

        write.pprof(self, path)

    def to_folded(self, path: str | os.PathLike[str], *, metric: str = "inuse_space") -> None:
        r"""Write folded stacks, the input of flame graph tools: ``root;caller;leaf 123``.

        Parameters
        ----------
        path : path-like
            Replaced if it exists, at once and as a whole.
        metric : str
            One of `sample_types`; estimates are rounded to whole numbers, and stacks without any are left out.

        Raises
        ------
        ValueError
            If the profile does not have the metric.
        OSError
            If the file cannot be written.

        References
        ----------
        https://github.com/brendangregg/FlameGraph.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from goldfish import sampling
        >>> text = b"heap profile: 8: 1024 [0: 0] @ heap/1048576\n8: 1024 [0: 0] @ 0x20 0x30\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sampling.read_heap_profile(text).to_folded(pathlib.Path(folder, "heap.folded"))
        ...     print(pathlib.Path(folder, "heap.folded").read_text(), end="")
        0x30;0x20 4194816
        """
        from goldfish.sampling.heap import write

        self._check("to_folded", "stack", metric)
        write.folded(self, path, metric)

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        by: str = "function",
        metric: str = "inuse_space",
        cumulative: bool = False,
        top: int = 50,
        title: str = "Heap profile",
    ) -> None:
        r"""Write the table as one HTML page, each row with its bar and its interval.

        Parameters
        ----------
        path : path-like
            Replaced if it exists, at once and as a whole.
        by, metric, cumulative
            As in `table`.
        top : int
            Rows to show at most.
        title : str
            The page's heading.

        Raises
        ------
        ValueError
            If `by` or the metric is unknown, or top is below 1.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from goldfish import sampling
        >>> profile = sampling.read_heap_profile(
        ...     b"heap profile: 8: 1024 [0: 0] @ heap/1048576\n8: 1024 [0: 0] @ 0x20\n"
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     profile.to_html(pathlib.Path(folder, "heap.html"))
        ...     "0x20" in pathlib.Path(folder, "heap.html").read_text()
        True
        """
        from goldfish.sampling.heap import html

        self._check("to_html", by, metric)
        rows = _checks.whole("to_html", "top", top, 1)
        html.write(self, path, by=by, metric=metric, cumulative=cumulative, top=rows, title=title)

    def plot_bars(
        self,
        ax: Axes | None = None,
        *,
        by: str = "function",
        metric: str = "inuse_space",
        cumulative: bool = False,
        top: int = 10,
    ) -> Axes:
        r"""Draw the largest rows as bars with their confidence intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if None.
        by, metric, cumulative
            As in `table`.
        top : int
            Rows to show at most.

        Returns
        -------
        matplotlib Axes
            The largest row at the top.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `by` or the metric is unknown, or top is below 1.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("agg")
        >>> from goldfish import sampling
        >>> profile = sampling.read_heap_profile(
        ...     b"heap profile: 8: 1024 [0: 0] @ heap/1048576\n8: 1024 [0: 0] @ 0x20\n"
        ... )
        >>> profile.plot_bars().get_xlabel()
        'inuse_space (MiB)'
        """
        from goldfish.sampling.heap import plot

        self._check("plot_bars", by, metric)
        rows = _checks.whole("plot_bars", "top", top, 1)
        return plot.bars(self, ax, by=by, metric=metric, cumulative=cumulative, top=rows)

    def _check(self, function: str, by: str, metric: str) -> None:
        _checks.choice(function, "by", by, estimates.BY)
        _checks.choice(function, "metric", metric, self.sample_types)

    def _exact(self, function: str) -> dict[str, float]:
        """The known totals by metric."""
        if not self.memstats or not all(name in self.memstats for name in _TOTALS.values()):
            raise ValueError(
                f"{function}: the profile has no memstats (TotalAlloc, Mallocs); Go's text format (debug=1) has them"
            )
        if "alloc" not in self.families:
            raise ValueError(f"{function}: the profile has no allocations, only {' '.join(self.sample_types)}")
        return {metric: float(self.memstats[name]) for metric, name in _TOTALS.items()}
