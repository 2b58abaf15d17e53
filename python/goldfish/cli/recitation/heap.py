"""Heap profiles: how often a sampling profiler sees an object, and what its samples stand for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goldfish import sampling
from goldfish.cli.recitation.worked import Group, Number

_RATE = 512 * 1024
_COUNTS, _OBJECT_SIZES = np.array([1e6, 20.0]), np.array([16.0, 1e6])


def _inclusion(ratio: float, trigger: str) -> float:
    """Of an object that is ``ratio`` of the largest trigger (of the mean one, if it is exponential)."""
    scale = 1 if trigger == "exponential" else 2
    return float(sampling.inclusion_probability(ratio * scale * _RATE, rate=_RATE, trigger=trigger))


def _samples() -> Any:
    """Expected samples of two functions: a million objects of 16 bytes, twenty of a million bytes."""
    return _COUNTS * sampling.inclusion_probability(_OBJECT_SIZES, rate=_RATE)


def _share(values: Any) -> float:
    return float(values[0] / values.sum())


def _unsampled() -> Any:
    return sampling.unsample(_samples(), _samples() * _OBJECT_SIZES, rate=_RATE)


def _bias(sizes: list[int]) -> Any:
    """What un-sampling by size alone makes of each object under a uniform trigger, as a multiple of the truth."""
    seen = sampling.inclusion_probability_stream(sizes, max_trigger=1 << 20)
    return seen / sampling.inclusion_probability(sizes, rate=_RATE)


def _uniform_mean() -> float:
    """Bytes between samples of very small objects under a uniform trigger, from the chance that one is sampled."""
    return float(1 / sampling.inclusion_probability(1.0, rate=500_000, trigger="uniform-equal"))


def _unsample(size: int, samples: int) -> tuple[float, float]:
    """Objects, and their standard error."""
    p = float(sampling.inclusion_probability(size, rate=_RATE))
    objects = float(sampling.unsample(samples, samples * size, rate=_RATE).objects)
    return round(objects, 1), round(math.sqrt(samples * (1 - p)) / p, 1)


GROUPS = (
    Group(
        "Heap profiles: who is sampled, and what a sample stands for",
        "Go's runtime and its issue 12620 (a trigger that depends on the neighbours); Poisson sampling, Hajek 1964",
        (
            Number("mean bytes between samples, trigger uniform below one million", 500_000.0, _uniform_mean, rel=2e-6),
            Number(
                "chance of an object of 5, 25, 50, 75, 100 % of the largest trigger, all alike",
                (2 / 21, 0.4, 2 / 3, 0.8, 1.0),
                lambda: [_inclusion(ratio, "uniform-equal") for ratio in (0.05, 0.25, 0.5, 0.75, 1)],
            ),
            Number(
                "chance of one of 25, 50, 75 % among very small ones",
                (0.4375, 0.75, 0.9375),
                lambda: [_inclusion(ratio, "uniform-sparse") for ratio in (0.25, 0.5, 0.75)],
            ),
            Number(
                "chance of an object of the mean, exponential trigger",
                1 - 1 / math.e,
                lambda: _inclusion(1, "exponential"),
            ),
            Number("two functions: true share of the bytes", 4 / 9, lambda: _share(_COUNTS * _OBJECT_SIZES)),
            Number("expected samples of each", (30.51711, 17.03053), _samples, rel=2e-7),
            Number("share by number of samples", 0.641822, lambda: _share(_samples()), rel=1e-6),
            Number(
                "share by size of the sampled objects: 15,000 times too small",
                2.867e-5,
                lambda: _share(_samples() * _OBJECT_SIZES),
                rel=2e-4,
            ),
            Number("share of the bytes, un-sampled", 4 / 9, lambda: _share(_unsampled().bytes)),
            Number("share of the objects, un-sampled", 1e6 / (1e6 + 20), lambda: _share(_unsampled().objects)),
            Number(
                "uniform trigger, 256 KiB objects between small ones: multiple of the truth",
                (1.0166, 0.8014),
                lambda: _bias([262144, 1024, 262144, 512, 262144, 256, 262144, 16])[:2],
                rel=5e-5,
            ),
            Number(
                "uniform trigger, 600,000 and 16 bytes in turn",
                (1.0276, 0.7004),
                lambda: _bias([600_000, 16]),
                rel=5e-5,
            ),
            Number("five samples of 16 bytes: objects, and their error", (163842.5, 73271.5), lambda: _unsample(16, 5)),
            Number("forty samples of 1 KiB", (20500.0, 3238.2), lambda: _unsample(1024, 40)),
            Number("twelve samples of 64 KiB", (102.1, 27.7), lambda: _unsample(65536, 12)),
            Number("seven samples of 1 MiB", (8.1, 1.1), lambda: _unsample(1 << 20, 7)),
        ),
    ),
)
