"""How near the recurrent rows are to what the processor can do: their multiply-adds at the rate of a large product.

    python benches/limits.py --threads 1 2 --markdown

Each row alternates in blocks with a product of two matrices of 1,024 x 1,024, in the row's dtype. *Share* is the row's
rate of multiply-adds over the product's. At a share of 1 the row would be ``1 / share`` times as fast, and its ratio to
the best peer, as `benches/against.py` last measured it, would become the *possible* one: a floor above that is out of
reach without leaving out multiplications.
"""

import argparse
import itertools
import json
import statistics
from pathlib import Path

import numpy as np

import goldfish as gf
from measure import compare
from peers import ours
from problems import Array, Contender, Mode, Row, make_arrays, make_cotangent, read_rows
from verdict import against_best

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
SIDE = 1024
BLOCKS = 5
RESULTS = Path(__file__).with_name("results") / "native-default.json"
MARKDOWN = (
    "| row | pass | threads | share | ratio | possible | floor |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def operations(row: Row, mode: Mode, lengths: Array | None) -> float:
    """Return the multiply-adds of a row's products; what integers look up costs none."""
    sequences = row.x[0] * row.x[1] if lengths is None else int(lengths.sum())
    directions = 2 if row.bidirectional else 1
    total = row.hidden * row.x[2] if row.characters else 0
    for layer in range(row.layers):
        inputs = directions * row.hidden if layer else 0 if row.characters else row.x[2]
        total += directions * GATES[row.op] * row.hidden * (inputs + row.hidden)
    return sequences * total * (1 if mode == "forward" else 3)


def share(row: Row, mode: Mode, threads: int) -> float:
    """Return the row's rate of multiply-adds over that of a large product, the median over interleaved blocks."""
    arrays = make_arrays(row)
    dy = None
    if mode == "training" and not row.characters:
        forward = ours.contenders(row, arrays, None, "forward", threads)[0]
        dy = make_cotangent(row, forward.arrays(forward.run())["y"])
    own = ours.contenders(row, arrays, dy, mode, threads)[0]
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SIDE, SIDE)).astype(row.dtype) for _ in range(2))
    product = Contender("product", lambda: gf.linear(a, b), lambda y: {"y": y}, own.ready)
    timings = compare([own, product], BLOCKS).timings
    work = operations(row, mode, arrays.get("lengths")) / SIDE**3
    pairs = zip(timings[own.name].blocks, timings["product"].blocks, strict=True)
    return statistics.median(work * there / here for here, there in pairs)


def line(row: Row, mode: Mode, threads: int, reached: float | None, markdown: bool) -> str:
    """Measure a row; ``reached`` is its ratio to the best peer."""
    part, floor = share(row, mode, threads), row.targets[mode].floor
    shown = [f"{x:.2f}" if x else "" for x in (part, reached, reached and reached / part, floor)]
    label = "forward" if mode == "forward" else "forward and gradients"
    cells = [f"`{row.name}`" if markdown else row.name, label, str(threads), *shown]
    return f"| {' | '.join(cells)} |" if markdown else ", ".join(cells)


def main() -> None:
    """Measure the rows and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", nargs="*", help="the beginnings of names; all recurrent rows without it")
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    records = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    ratios = {(found["name"], found["mode"], found["threads"]): against_best(found).ratio for found in records}
    heading = ("row", "pass", "threads", "share", "ratio", "possible", "floor")
    print(
        f"| {' | '.join(heading)} |\n|{' --- |' * len(heading)}" if options.markdown else ", ".join(heading), flush=True
    )
    for row in read_rows():
        if row.op not in GATES or (options.rows and not row.name.startswith(tuple(options.rows))):
            continue
        modes: tuple[Mode, ...] = ("training",) if row.characters else row.modes
        for mode, threads in itertools.product(modes, options.threads):
            reached = ratios.get((row.name, mode, threads))
            print(line(row, mode, threads, reached, options.markdown), flush=True)


if __name__ == "__main__":
    main()
