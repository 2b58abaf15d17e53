"""Time what `goldfish.sampling` promises: a 50 MB profile read and tabled, ten million allocations simulated.

    python benches/sampling.py

The peers run in turn with ours: ``go tool pprof -top`` for the profile, where Go is installed; NumPy for simulations,
which has a shortcut for exponential counters (no allocation depends on another). For uniform ones there is none, and
a loop stands in.
"""

from __future__ import annotations

import contextlib
import gzip
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from goldfish import sampling
from heap_profiles import RATE, generate

BLOCKS = 3
# Seconds after which a peer is stopped; its row then shows a lower bound.
PATIENCE = 20
CHILD = """
import pathlib, sys, time
from goldfish import sampling
imported = time.perf_counter()
rows = sampling.read_heap_profile(sys.argv[1]).table()
seconds = time.perf_counter() - imported
# Not getrusage, whose peak a child inherits from the process that started it.
peak = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(seconds, int(peak) / 1024, len(rows))
"""


def timed(call: Callable[[], object]) -> float:
    """The seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(**contenders: Callable[[], object]) -> dict[str, float]:
    """The median seconds of each contender, block by block in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(BLOCKS):
        for name, call in contenders.items():
            seconds[name].append(timed(call))
    return {name: statistics.median(values) for name, values in seconds.items()}


def line(row: str, ours: float, peer: str, theirs: float | None, note: str) -> None:
    """Print one row."""
    ratio = f"{theirs / ours:.2f} {peer}" if theirs is not None else f"({peer} is not installed)"
    print(f"| `{row}` | {1000 * ours:.0f} ms | {ratio} | {note} |", flush=True)


def _patient(command: list[str]) -> None:
    """Run a peer, but no longer than anybody would wait."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)


def profiles(folder: Path) -> None:
    """A profile of 200,000 samples and 30,000 functions, plain and compressed."""
    plain = generate()
    pprof = shutil.which("go")
    for name, data in (("heap-50mb", plain), ("heap-50mb-gzip", gzip.compress(plain, 6))):
        path = folder / name
        path.write_bytes(data)
        ours, memory, theirs = [], 0.0, []
        for _ in range(BLOCKS):
            done = subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True)
            seconds, megabytes, _ = map(float, done.stdout.split())
            ours.append(seconds)
            memory = max(memory, megabytes)
            if pprof:
                command = [pprof, "tool", "pprof", "-top", "-nodecount=10", "-sample_index=inuse_space", str(path)]
                theirs.append(timed(lambda command=command: _patient(command)))  # type: ignore[misc]
        note = f"{len(data) / 1e6:.0f} MB; peak {memory:.0f} MiB"
        line(name, statistics.median(ours), "go tool pprof", statistics.median(theirs) if theirs else None, note)


def simulations() -> None:
    """Ten million allocations of mixed sizes."""
    rng = np.random.default_rng(0)
    sizes = rng.choice([16.0, 64.0, 512.0, 4096.0, 65536.0], 10_000_000)

    def shortcut() -> int:
        return int((np.random.default_rng(1).random(len(sizes)) < -np.expm1(-sizes / RATE)).sum())

    def loop(count: int) -> int:
        draw, hits = np.random.default_rng(1).random, 0
        left = 2 * RATE * draw()
        for size in sizes[:count].tolist():
            left -= size
            if left < 0:
                hits, left = hits + 1, 2 * RATE * draw()
        return hits

    def ours(trigger: str) -> int:
        return int(sampling.simulate_heap_sampling(sizes, rate=RATE, trigger=trigger, rng=1).sum())

    assert abs(ours("exponential") / shortcut() - 1) < 0.02
    found = in_turn(ours=lambda: ours("exponential"), peer=shortcut)
    line("simulate-exponential", found["ours"], "NumPy", found["peer"], "10^7 allocations")
    found = in_turn(ours=lambda: ours("uniform"), peer=lambda: loop(len(sizes) // 20))
    line(
        "simulate-uniform", found["ours"], "Python loop (a twentieth, times 20)", 20 * found["peer"], "10^7 allocations"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print("| row | ours | peer / ours | |\n|---|---|---|---|")
        simulations()
        profiles(Path(folder))
    print(f"peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
