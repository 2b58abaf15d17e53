"""Tables and comparisons of profiles: from records to rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from goldfish.sampling._checks import Floats
from goldfish.sampling.estimate import Estimate, quantile
from goldfish.sampling.heap import table
from goldfish.sampling.heap.counts import Terms, terms
from goldfish.sampling.heap.frames import Frame, Ints, line_of, package_of
from goldfish.sampling.heap.table import Difference, Row, Sums

if TYPE_CHECKING:
    from goldfish.sampling.heap.profile import HeapProfile

_KEYS: dict[str, Callable[[Frame], Hashable]] = {
    "function": lambda frame: frame.function,
    "line": line_of,
    "package": package_of,
}
BY = (*_KEYS, "stack")


class CountLimits:
    """An interval from the distribution of the counts."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums

    def __call__(self, level: float) -> tuple[float, float]:
        """The limits at a confidence level."""
        low, high = self._sums.limits(level)
        return float(low[0]), float(high[0])


def terms_of(profile: HeapProfile, metric: str) -> Terms:
    """What each record adds to a metric, without calibration."""
    family, _, unit = metric.partition("_")
    return terms(profile.families[family], space=unit == "space")


def sums_of(profile: HeapProfile, metric: str) -> Sums:
    """The sums over all records, without calibration."""
    return table.totals(terms_of(profile, metric))


def total(profile: HeapProfile, metric: str) -> Estimate:
    """The estimated total; see `HeapProfile.total`."""
    if metric in profile.exact:
        return Estimate(profile.exact[metric], 0.0, "calibrated")
    sums = sums_of(profile, metric)
    se = math.sqrt(float(sums.variance[0]))
    return Estimate(float(sums.estimate[0]), se, "horvitz_thompson", bounds=CountLimits(sums))


def by_record(profile: HeapProfile, metric: str) -> Floats:
    """The estimate of each record, calibrated if the profile is."""
    found = terms_of(profile, metric)
    return _calibrate(profile, metric, found.estimate, found.variance, sums_of(profile, metric))


def _calibrate(profile: HeapProfile, metric: str, estimate: Floats, variance: Floats, whole: Sums) -> Floats:
    """Spread what is missing to the exact total over parts in proportion to their variances."""
    if metric not in profile.exact:
        return estimate
    missing = profile.exact[metric] - float(whole.estimate[0])
    return estimate + variance * (missing / float(whole.variance[0]))


def sizes(profile: HeapProfile) -> list[float]:
    """Bytes of one object of each record: of allocated ones, if there are any."""
    result = np.zeros(len(profile.stacks.end))
    for counts in reversed(profile.families.values()):
        result = np.where(counts.k > 0, counts.size, result)
    return [int(size) if size.is_integer() else size for size in result.tolist()]


def rows(profile: HeapProfile, by: str, metric: str, cumulative: bool, level: float) -> list[Row]:
    """The rows of a table; see `HeapProfile.table`."""
    sums, key = _sums(profile, by, metric, cumulative)
    whole = sums_of(profile, metric)
    estimate, se, low, high = _results(profile, metric, sums, whole, level)
    if metric in profile.exact:
        share, share_se = estimate / profile.exact[metric], se / profile.exact[metric]
    else:
        share, share_se = table.shares(sums, whole)
    order = np.argsort(-estimate, kind="stable")
    order = order[sums.estimate[order] > 0]
    samples = np.maximum(sums.samples(), 1)
    columns = (estimate, se, low, high, samples, share, share_se)
    numbers = zip(*(column[order].tolist() for column in columns), strict=True)
    return [Row(key(i), *row) for i, row in zip(order.tolist(), numbers, strict=True)]


def differences(
    new: HeapProfile, old: HeapProfile, by: str, metric: str, cumulative: bool, level: float
) -> list[Difference]:
    """The rows of a comparison; see `HeapProfile.compare`."""
    sides = [_side(profile, by, metric, cumulative, level) for profile in (new, old)]
    keys = list(dict.fromkeys([*sides[0][0], *sides[1][0]]))
    aligned = [{name: table.align(found, keys, column) for name, column in side.items()} for found, side in sides]
    # What no sample at all still allows, judged by the sizes that either profile knows of the key.
    nothing = np.maximum(aligned[0]["nothing"], aligned[1]["nothing"])
    for side in aligned:
        side["high"] = np.where(side["estimate"] > 0, side["high"], nothing)
    after, before = aligned
    change, low, high = table.difference(
        (after["estimate"], after["low"], after["high"]), (before["estimate"], before["low"], before["high"])
    )
    se = np.sqrt(after["variance"] + before["variance"])
    order = np.argsort(-np.abs(change), kind="stable")
    order = order[(after["estimate"] + before["estimate"])[order] > 0]
    samples = (before["samples"].astype(np.int64), after["samples"].astype(np.int64))
    columns = (change, se, low, high, before["estimate"], after["estimate"], *samples)
    numbers = zip(*(column[order].tolist() for column in columns), strict=True)
    return [Difference(keys[i], *row) for i, row in zip(order.tolist(), numbers, strict=True)]


def _side(
    profile: HeapProfile, by: str, metric: str, cumulative: bool, level: float
) -> tuple[list[Hashable], dict[str, Floats]]:
    """The keys of one profile, and its columns of a comparison."""
    sums, key = _sums(profile, by, metric, cumulative)
    estimate, se, low, high = _results(profile, metric, sums, sums_of(profile, metric), level)
    charge = -math.log((1 - level) / 2) if profile.rate > 1 else 0.0
    columns = {
        "estimate": estimate,
        "variance": se**2,
        "low": low,
        "high": high,
        "samples": sums.samples().astype(np.float64),
    }
    return [key(i) for i in range(len(estimate))], {**columns, "nothing": charge * sums.weight}


def _sums(profile: HeapProfile, by: str, metric: str, cumulative: bool) -> tuple[Sums, Callable[[int], Any]]:
    """Sums by key, and a function from the number of a key to the key."""
    stacks = profile.stacks
    record: Ints | None = None
    if by == "stack":
        # A stack is its own only key, cumulative or not.
        key, representatives = stacks.stack_keys()
        sums = table.sum_by(terms_of(profile, metric), key, None, len(representatives))
        return sums, lambda i: stacks.stack(representatives[i])
    if cumulative:
        record, key, keys = stacks.all_keys(_KEYS[by])
    else:
        key, keys = stacks.leaf_keys(_KEYS[by])
    return table.sum_by(terms_of(profile, metric), key, record, len(keys)), keys.__getitem__


def _results(
    profile: HeapProfile, metric: str, sums: Sums, whole: Sums, level: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Estimates, standard errors and limits by key."""
    if metric not in profile.exact:
        low, high = sums.limits(level)
        return sums.estimate, np.sqrt(sums.variance), low, high
    estimate = _calibrate(profile, metric, sums.estimate, sums.variance, whole)
    rest = np.clip(1 - sums.variance / float(whole.variance[0]), 0, 1)
    se = np.sqrt(sums.variance * rest)
    # On the logarithmic scale, so that ends are possible values; what was sampled is there for certain.
    factor = np.exp(quantile(level, math.inf) * np.divide(se, estimate, out=np.zeros_like(se), where=estimate > 0))
    return estimate, se, np.minimum(np.maximum(estimate / factor, sums.seen), estimate), estimate * factor
