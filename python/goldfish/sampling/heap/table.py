"""Sums over records, with their errors: the arithmetic of tables."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from goldfish.sampling._checks import Floats
from goldfish.sampling.heap.counts import Terms
from goldfish.sampling.heap.frames import Ints
from goldfish.sampling.intervals import gamma_limits

# Below this share of sampled objects a count is as good as Poisson distributed.
_POISSON = 0.01
_TINY = 1e-9
# Counts of damaged files may lie beyond the integers.
_MOST = 2.0**62


class Row(NamedTuple):
    """One line of a table.

    Attributes
    ----------
    key : str or tuple of Frame
        The function, line, package or stack.
    estimate, se : float
        Bytes or objects, and their standard error.
    lo, hi : float
        Confidence interval, 95 % unless the table was asked for another level.
    raw_samples : int
        How many samples are behind the estimate.
    share, share_se : float
        Share of the total, and its standard error.

    Examples
    --------
    >>> from goldfish.sampling import Row
    >>> Row("main.grow", 4096.0, 512.0, 3000.0, 5300.0, 64, 0.5, 0.04).key
    'main.grow'
    """

    key: Any
    estimate: float
    se: float
    lo: float
    hi: float
    raw_samples: int
    share: float
    share_se: float


class Difference(NamedTuple):
    """One line of a comparison, new minus old.

    Attributes
    ----------
    key : str or tuple of Frame
        The function, line, package or stack.
    estimate, se : float
        The difference in bytes or objects, and its standard error.
    lo, hi : float
        Confidence interval; the difference is significant if it does not contain 0.
    before, after : float
        The two estimates.
    raw_before, raw_after : int
        How many samples are behind them.

    Examples
    --------
    >>> from goldfish.sampling import Difference
    >>> Difference("main.grow", 1024.0, 512.0, -10.0, 2100.0, 0.0, 1024.0, 0, 16).after
    1024.0
    """

    key: Any
    estimate: float
    se: float
    lo: float
    hi: float
    before: float
    after: float
    raw_before: int
    raw_after: int


@dataclass(frozen=True, eq=False)
class Sums:
    """The terms of a metric, summed by key; arrays (keys,), or of shape (1,) for the total."""

    k: Floats
    estimate: Floats
    variance: Floats
    poisson: Floats
    seen: Floats
    weight: Floats
    unseen_weight: Floats
    unseen_variance: Floats
    unseen: Floats
    unseen_moment: Floats

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """Confidence limits from the distribution of the counts.

        Where few objects are sampled: Fay and Feuer's for weighted Poisson counts. Where a good part is, the same
        gamma approximation for what was *not* seen, added to what was; it knows that sampled objects exist, and that
        little can hide where nearly all are sampled.
        """
        low, high = gamma_limits(self.estimate, self.poisson, (self.weight, self.weight**2), level)
        low_, high_ = gamma_limits(self.unseen, self.variance, (self.unseen_weight, self.unseen_variance), level)
        # What was not seen are whole objects; without that, large ones would be cut into pieces that nobody can miss.
        unit = np.divide(self.unseen_moment, self.unseen, out=np.ones_like(self.unseen), where=self.unseen > 0)
        low_ = unit * np.floor(low_ / unit + _TINY)
        high_ = unit * np.ceil(high_ / unit - _TINY)
        rare = self.seen < _POISSON * self.estimate
        # A gamma distribution of little mass has its quantiles at 0; the estimate belongs into its interval.
        return (
            np.minimum(np.where(rare, np.maximum(low, self.seen), self.seen + low_), self.estimate),
            np.maximum(np.where(rare, high, self.seen + high_), self.estimate),
        )

    def samples(self) -> npt.NDArray[np.int64]:
        """The counts as whole numbers."""
        return np.minimum(np.round(self.k), _MOST).astype(np.int64)


def sum_by(terms: Terms, key: Ints, record: Ints | None, keys: int) -> Sums:
    """Sum terms over records; `record` tells which ones where a record has several keys."""

    def of(column: Floats) -> Floats:
        return column if record is None else column[record]

    def total(column: Floats) -> Floats:
        result: Floats = np.bincount(key, weights=of(column), minlength=keys).astype(np.float64, copy=False)
        return result

    def largest(column: Floats) -> Floats:
        result = np.zeros(keys)
        np.maximum.at(result, key, of(column))
        return result

    return Sums(
        k=total(terms.k),
        estimate=total(terms.estimate),
        variance=total(terms.variance),
        poisson=total(terms.poisson),
        seen=total(terms.seen),
        weight=largest(terms.weight),
        unseen_weight=largest(terms.unseen_weight),
        unseen_variance=largest(terms.unseen_variance),
        unseen=total(terms.unseen),
        unseen_moment=total(terms.unseen_moment),
    )


def totals(terms: Terms) -> Sums:
    """The sums over all records."""
    return sum_by(terms, np.zeros(len(terms.k), dtype=np.int64), None, 1)


def shares(sums: Sums, whole: Sums) -> tuple[Floats, Floats]:
    """Shares of the total, and their standard errors by linearisation of the ratio."""
    total, variance = float(whole.estimate[0]), float(whole.variance[0])
    if total <= 0:
        return np.zeros_like(sums.estimate), np.zeros_like(sums.estimate)
    share = np.clip(sums.estimate / total, 0, 1)
    rest = np.maximum(variance - sums.variance, 0)
    return share, np.sqrt(sums.variance * (1 - share) ** 2 + rest * share**2) / total


def difference(new: tuple[Floats, Floats, Floats], old: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats, Floats]:
    """Differences of (estimate, low, high) with limits by adding squares (Zou and Donner, Stat. Med. 27, 1693)."""
    change = new[0] - old[0]
    low = np.hypot(new[0] - new[1], old[2] - old[0])
    high = np.hypot(new[2] - new[0], old[0] - old[1])
    return change, change - low, change + high


def align(keys: list[Hashable], wanted: list[Hashable], column: Floats) -> Floats:
    """A column in the order of other keys, 0 where it has none."""
    place = {key: i for i, key in enumerate(keys)}
    index = [place.get(key, len(keys)) for key in wanted]
    aligned: Floats = np.append(column, 0.0)[np.array(index, dtype=np.int64)]
    return aligned
