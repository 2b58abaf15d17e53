"""Everybody checked against everybody, then timed in turns."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

import goldfish as gf
from goldfish.cli.bench.cases import Case, Run, cases
from goldfish.cli.errors import UsageError

_PEERS = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime"}
# The other side's threads spin for a while after their work, OpenBLAS's for some 30 ms.
_PAUSE = 0.03
# Short calls are timed together, so long in all.
_LEAST = 2e-3


@dataclass(frozen=True)
class Row:
    """One case.

    Attributes
    ----------
    label : str
        What ran on what.
    seconds : dict of str to float
        The median of each library; ours first.
    """

    label: str
    seconds: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """The row for JSON."""
        return {"case": self.label, "seconds": self.seconds}


def rows(wanted: Sequence[str], quick: bool, repeats: int, threads: int | None) -> list[Row]:
    """Check and time every case.

    Parameters
    ----------
    wanted : sequence of str
        Parts of names; all cases if empty.
    quick : bool
        Small sizes.
    repeats : int
        Timed calls.
    threads : int, optional
        For everybody.

    Returns
    -------
    list of Row

    Raises
    ------
    UsageError
        If no case has such a name.
    AssertionError
        If a library computes something else than we do.
    """
    found = [case for case in cases(quick) if not wanted or any(word in case.label for word in wanted)]
    if not found:
        raise UsageError(f"no case is called {' or '.join(wanted)}; there are {', '.join(c.name for c in cases(True))}")
    measured = []
    with _limited(threads):
        for case in found:
            runs = _contenders(case)
            expected = runs["goldfish"]()
            for name, run in runs.items():
                _assert_same(f"{case.name}: {name}", run(), expected)
            print(f"{case.label} ...", file=sys.stderr, flush=True)
            measured.append(Row(case.label, _timed(runs, repeats)))
    return measured


def versions() -> dict[str, str]:
    """The libraries that take part."""
    return {title: importlib.metadata.version(module) for module, title in _PEERS.items() if _installed(module)}


def _installed(module: str) -> bool:
    needed = (module, "onnx") if module == "onnxruntime" else (module,)
    return all(importlib.util.find_spec(name) for name in needed)


def _contenders(case: Case) -> dict[str, Run]:
    runs = {"goldfish": case.ours, "NumPy": case.plain}
    for module, title in _PEERS.items():
        if _installed(module):
            peer = importlib.import_module(f"goldfish.cli.bench.with_{module}").build(case, gf.get_num_threads())
            if peer is not None:
                runs[title] = peer
    return runs


def _limited(threads: int | None) -> Any:
    """A context in which NumPy's own threads are so many, where somebody knows how."""
    import contextlib

    if threads is None or not importlib.util.find_spec("threadpoolctl"):
        return contextlib.nullcontext()
    return importlib.import_module("threadpoolctl").threadpool_limits(threads, user_api="blas")


def _timed(runs: dict[str, Run], repeats: int) -> dict[str, float]:
    calls = {name: max(1, math.ceil(_LEAST / _seconds(run, 1))) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            seconds[name].append(_seconds(run, calls[name]))
    return {name: median(values) for name, values in seconds.items()}


def _seconds(run: Run, calls: int) -> float:
    """Of one call, right behind another one like it."""
    time.sleep(_PAUSE)
    run()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def _assert_same(what: str, found: Any, expected: Any) -> None:
    for ours, other in zip(expected, found, strict=True):
        scale = float(np.abs(ours).max())
        np.testing.assert_allclose(other, ours, rtol=1e-3, atol=2e-5 * scale, err_msg=what)
