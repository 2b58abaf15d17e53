"""Timing that is fair to every contender: interleaved blocks, quiet before each, the neighbours' share."""

import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from problems import Contender

# Long enough for a sample to dwarf the clock's own cost, short enough that a block of slow calls stays bearable.
SAMPLE_SECONDS = 200e-6
BLOCK_SECONDS = 60e-3
MINIMUM_SAMPLES = 3
# A call so long is a mean over many passes already.
LONG_SECONDS = 0.4

# A process counts as quiet when it used at most this much CPU over one nap.
NAP_SECONDS = 5e-3
QUIET_CPU_SECONDS = 0.2e-3
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Timing:
    """One contender's blocks: seconds per call in each, and minor page faults per call over all."""

    blocks: tuple[float, ...]
    faults: float

    @property
    def median(self) -> float:
        """The median block."""
        return statistics.median(self.blocks)


@dataclass(frozen=True)
class Comparison:
    """Every contender's timing from one interleaved run, and the CPU share that other processes took meanwhile."""

    timings: dict[str, Timing]
    foreign_share: float


def compare(contenders: Sequence[Contender], blocks: int) -> Comparison:
    """Time the contenders in turn, `blocks` times over."""
    repeats = {contender.name: _warm_up(contender) for contender in contenders}
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    faults: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    neighbours = Neighbours()
    for _ in range(blocks):
        for contender in contenders:
            contender.ready()
            wait_until_quiet()
            before = _faults()
            block, calls = _block(contender.run, repeats[contender.name])
            seconds[contender.name].append(block)
            faults[contender.name].append((_faults() - before) / calls)
    timings = {name: Timing(tuple(values), statistics.median(faults[name])) for name, values in seconds.items()}
    return Comparison(timings, neighbours.share())


def _warm_up(contender: Contender) -> int:
    """Run the call until its caches are warm, and return how many calls fill a sample."""
    contender.ready()
    contender.run()
    start = time.perf_counter()
    contender.run()
    once = time.perf_counter() - start
    return max(1, round(SAMPLE_SECONDS / max(once, 1e-9)))


def _block(run: Callable[[], Any], repeats: int) -> tuple[float, int]:
    samples: list[float] = []
    end = time.perf_counter() + BLOCK_SECONDS
    while len(samples) < _enough(samples) or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        samples.append((time.perf_counter() - start) / repeats)
    return statistics.median(samples), len(samples) * repeats


def _enough(samples: list[float]) -> int:
    return 1 if samples and samples[0] > LONG_SECONDS else MINIMUM_SAMPLES


def wait_until_quiet() -> None:
    """Wait for spinning workers to park: a library's threads would steal a core from whoever comes next."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < deadline:
        before = time.process_time()
        time.sleep(NAP_SECONDS)
        if time.process_time() - before <= QUIET_CPU_SECONDS:
            return


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


class Neighbours:
    """The share of the machine's CPU that went to other processes, or to other machines, since construction."""

    def __init__(self) -> None:
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, _processor_times()[:8])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), busy, time.process_time()

    def share(self) -> float:
        """Return the share, 0 to 1."""
        elapsed, busy, own = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return max(0.0, busy - own) / (elapsed * (os.cpu_count() or 1))


def _processor_times() -> list[str]:
    return Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
