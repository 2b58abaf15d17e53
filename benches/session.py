"""One run of against.py: checks a row, times it, prints it and keeps it."""

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import goldfish as gf
import networks
from accuracy import LOSS_BOUND, STEPS, broken_promises, divergence, errors
from goldfish import _core
from measure import Comparison, compare
from peers import onnx_runtime, ours, plain_numpy, pytorch
from problems import Array, Arrays, Contender, Mode, Row, make_arrays, make_cotangent, read_rows
from verdict import verdicts

# A peer that is further than this from float64 does not answer the same question.
DIFFERENT = 1e-3


@dataclass
class Session:
    """The settings that hold for every row of a run, and the rows so far."""

    blocks: int
    attempts: int
    void_share: float
    simd: str
    data: Path | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    wrong: int = 0

    def measure(self, row: Row, threads: int) -> None:
        """Check, time and report every pass of the row that has a target."""
        absent = ours.missing(row)
        if absent:
            print(f"{row.name}: left out, goldfish has no {absent} yet")
            return
        arrays = networks.make_arrays(row, self.data) if row.network else make_arrays(row)
        for mode in row.modes:
            self._measure_mode(row, arrays, mode, threads)

    def _measure_mode(self, row: Row, arrays: Arrays, mode: Mode, threads: int) -> None:
        trains = row.characters or row.network
        dy = (
            None
            if mode == "forward" or trains
            else make_cotangent(row, pytorch.judge(row, arrays, None, "forward")["y"])
        )
        contenders = self._contenders(row, arrays, dy, mode, threads)
        deviations = _deviations(contenders, row, arrays, dy, mode)
        strangers = [c.name for c in contenders[1:] if not all(e <= DIFFERENT for e in deviations[c.name].values())]
        if strangers:
            print(f"{row.name} {mode}: {', '.join(strangers)} computed something else; not compared")
            contenders = [c for c in contenders if c.name not in strangers]
        broken = broken_promises(deviations["goldfish"], deviations["torch"], row.dtype)
        apart = _divergence(contenders)
        if apart is not None and not apart <= LOSS_BOUND:
            broken.append(f"losses differ from torch's by {apart:.1e}")
        if broken:
            print(f"{row.name} {mode}: WRONG, not timed: {'; '.join(broken)}")
            self.wrong += 1
            return
        with threadpool_limits(threads, user_api="blas"):
            comparison = self._compare(contenders)
        record = _record(row, mode, threads, comparison, deviations)
        if apart is not None:
            record["losses_apart"] = apart
        record["void"] = comparison.foreign_share > self.void_share
        self.rows.append(record)
        print(describe(record), flush=True)

    def _contenders(self, row: Row, arrays: Arrays, dy: Array | None, mode: Mode, threads: int) -> list[Contender]:
        modules = [ours, pytorch, onnx_runtime, plain_numpy] if self.simd == "native" else [ours, pytorch, plain_numpy]
        return [c for module in modules for c in module.contenders(row, arrays, dy, mode, threads)]

    def _compare(self, contenders: list[Contender]) -> Comparison:
        """Run again while others disturb; keep the calmest attempt."""
        comparison = compare(contenders, self.blocks)
        for _ in range(self.attempts - 1):
            if comparison.foreign_share <= self.void_share:
                break
            comparison = min(comparison, compare(contenders, self.blocks), key=lambda c: c.foreign_share)
        return comparison

    def missed_floors(self) -> list[str]:
        """Return a line for each ratio that is below its floor."""
        return [
            f"floor missed: {record['name']} {record['mode']} {record['threads']}t,"
            f" {verdict.peer} / ours = {verdict.ratio:.2f} < {verdict.floor:.3g}"
            for record in self.rows
            for verdict in verdicts(record, self.simd)
            if verdict.missed
        ]

    def save(self, path: Path) -> None:
        """Merge the rows into the file: a row measured again replaces the older figures."""
        kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
        merged = {_key(record): record for record in kept + self.rows}
        order = {row.name: number for number, row in enumerate(read_rows())}
        rows = sorted(merged.values(), key=lambda record: (order[record["name"]], record["mode"], record["threads"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"machine": machine(), "rows": rows}, indent=1)
        temporary = path.with_suffix(".part")
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return record["name"], record["mode"], record["threads"]


def _deviations(
    contenders: list[Contender], row: Row, arrays: Arrays, dy: Array | None, mode: Mode
) -> dict[str, dict[str, float]]:
    truth = pytorch.judge(row, arrays, dy, mode)
    found = {}
    for contender in contenders:
        contender.ready()
        result = contender.first() if contender.first else contender.arrays(contender.run())
        found[contender.name] = errors(result, truth)
    return found


def _divergence(contenders: list[Contender]) -> float | None:
    """Train on from the first step; return how far our losses get from torch's.

    Its other forms do not count: torch's two layouts may lie further apart than that.
    """
    found = {}
    for contender in contenders:
        if contender.losses and contender.name in ("goldfish", "torch"):
            contender.ready()
            found[contender.name] = contender.losses(STEPS - 1)
    return divergence(found["goldfish"], found["torch"]) if len(found) == 2 else None


def _record(
    row: Row, mode: Mode, threads: int, comparison: Comparison, deviations: dict[str, dict[str, float]]
) -> dict[str, Any]:
    own = np.array(comparison.timings["goldfish"].blocks)
    contenders = {}
    for name, timing in comparison.timings.items():
        ratios = np.array(timing.blocks) / own
        contenders[name] = {
            "seconds": timing.median,
            "ratio": float(np.median(ratios)),
            "ratio_low": float(ratios.min()),
            "ratio_high": float(ratios.max()),
            "faults": round(timing.faults),
            "error": max(deviations[name].values()),
        }
    target = {name: value for name, value in vars(row.targets[mode]).items() if value is not None}
    return {
        "name": row.name,
        "kind": row.kind,
        "mode": mode,
        "dtype": row.dtype,
        "threads": threads,
        "target": target,
        "foreign_share": round(comparison.foreign_share, 4),
        "blocks": len(own),
        "contenders": contenders,
    }


def describe(record: dict[str, Any]) -> str:
    """Return the line that is printed for a row as it is measured."""
    own = record["contenders"]["goldfish"]
    parts = [f"{record['name']:<30} {record['mode']:<8} {record['threads']}t {1e3 * own['seconds']:9.3f} ms"]
    for name, figures in record["contenders"].items():
        if name != "goldfish":
            parts.append(f"{name} {figures['ratio']:.2f} [{figures['ratio_low']:.2f}, {figures['ratio_high']:.2f}]")
    if record["void"]:
        parts.append(f"VOID: others took {record['foreign_share']:.0%}")
    return " | ".join(parts)


def machine() -> dict[str, Any]:
    """Describe what the figures hold for."""
    configuration = _core.config()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "instruction_set": configuration["instruction_set"],
        "python": platform.python_version(),
        "goldfish": gf.__version__,
        "peers": {name: version(name) for name in ("torch", "onnxruntime", "numpy")},
        "date": date.today().isoformat(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
