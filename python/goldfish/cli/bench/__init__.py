"""``goldfish bench``: the kernels beside NumPy, PyTorch and ONNX Runtime, on this machine."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from goldfish.cli.options import positive

__all__ = ["add_parser", "run"]

_DISTURBED = 0.2


def add_parser(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to a parser.

    Parameters
    ----------
    commands : argparse sub-parsers
        Where to add it.
    parents : list of ArgumentParser
        Options that all commands share.
    """
    parser = commands.add_parser(
        "bench",
        parents=parents,
        help="time the kernels beside NumPy, and PyTorch and ONNX Runtime where installed",
        description="Time the kernels beside plain NumPy, and beside PyTorch and ONNX Runtime where they are "
        "installed. All compute the same numbers from the same arrays, which is checked first; they take turns, so "
        "that a slow moment hits everybody; medians are printed.",
    )
    parser.add_argument(
        "case", nargs="*", metavar="CASE", help="only cases whose names hold this: conv2d, pool, lstm, ..."
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: a second, rough numbers")
    parser.add_argument("--repeats", type=positive, default=9, metavar="N", help="timed calls; default: %(default)s")
    parser.add_argument("--threads", type=positive, metavar="N", help="for everybody; default: goldfish's own choice")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, seconds per call")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    import goldfish
    from goldfish.cli.bench import measure
    from goldfish.cli.demo import machine

    if arguments.threads:
        goldfish.set_num_threads(arguments.threads)
    start, busy, own = time.perf_counter(), machine.busy_seconds(), time.process_time()
    rows = measure.rows(arguments.case, arguments.quick, arguments.repeats, arguments.threads)
    others = (machine.busy_seconds() - busy - (time.process_time() - own)) / (time.perf_counter() - start)
    about = machine.describe() | measure.versions()
    if arguments.json:
        print(
            json.dumps(
                {"machine": about, "repeats": arguments.repeats, "rows": [row.plain() for row in rows]}, indent=2
            )
        )
        return
    for name, value in about.items():
        print(f"{name:14}{value}")
    print("\nmilliseconds; in brackets how many times as long as goldfish")
    names = list(dict.fromkeys(name for row in rows for name in row.seconds))
    width = max(len(row.label) for row in rows)
    print(f"{'':{width}}  {names[0]:>9}" + "".join(f"  {name:>18}" for name in names[1:]))
    for row in rows:
        cells = [f"{row.seconds[names[0]] * 1e3:9.3f}"]
        for name in names[1:]:
            shown = "-"
            if name in row.seconds:
                shown = f"{row.seconds[name] * 1e3:.3f} ({row.seconds[name] / row.seconds[names[0]]:.1f} x)"
            cells.append(f"{shown:>18}")
        print(f"{row.label:{width}}  " + "  ".join(cells))
    if others > _DISTURBED:
        print(f"\nother programs kept {others:.1f} processors busy: times and ratios are rough")
