"""Compare goldfish with torch, ONNX Runtime and NumPy, side by side in one process.

    python benches/against.py --rows resnet --threads 2 --blocks 5 --json benches/results

Every row is checked against float64 before it is timed. The contenders then take turns in blocks (A B C A B C ...),
each after a pause that lasts until the process's CPU time stands still. A row during which other processes took more
than 4 % of the machine is void and runs again. docs/benchmarks.md explains the method.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Libraries read these once, when they load.
SETTINGS = {
    "native": {},
    "avx2": {"GOLDFISH_SIMD": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}
ALLOCATORS = {
    "default": {},
    "tuned": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_TOP_PAD_": str(2**28)},
}
VOID_SHARE = 0.04


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the rows that the arguments ask for."""
    arguments = _parser().parse_args(argv)
    environment = SETTINGS[arguments.simd] | ALLOCATORS[arguments.allocator]
    if any(os.environ.get(name) != value for name, value in environment.items()):
        # The C library reads its allocator settings before main, so they must be there when Python starts.
        os.execve(sys.executable, [sys.executable, __file__, *(argv or sys.argv[1:])], os.environ | environment)

    from problems import read_rows
    from session import Session

    rows = [row for row in read_rows() if not arguments.rows or any(part in row.name for part in arguments.rows)]
    if not rows:
        print(f"no row's name contains any of {arguments.rows}", file=sys.stderr)
        return 2
    session = Session(arguments.blocks, arguments.attempts, VOID_SHARE, arguments.simd, arguments.data)
    for row in rows:
        for threads in arguments.threads:
            session.measure(row, threads)
    if arguments.json:
        session.save(arguments.json / f"{arguments.simd}-{arguments.allocator}.json")
    for line in session.missed_floors():
        print(line)
    return 1 if session.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=[], metavar="PART", help="only rows whose name contains a PART")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="thread counts (default: 1 2)")
    parser.add_argument("--blocks", type=int, default=5, help="blocks per contender (default: 5)")
    parser.add_argument("--attempts", type=int, default=3, help="runs of a row before it stays void (default: 3)")
    parser.add_argument("--simd", choices=SETTINGS, default="native", help="avx2: as on processors without AVX-512")
    parser.add_argument(
        "--allocator", choices=ALLOCATORS, default="default", help="tuned: the C library keeps its pages"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FOLDER", help="merge the rows into FOLDER's file for this setting"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="MNIST's own files, for the rows that train on digits"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
