"""Whether "auto" takes the fastest algorithm: random convolutions, none of them a row of shapes.toml.

    python benches/sweep.py [--shapes 200] [--large] [--threads 2] [--seed 0] [--csv FILE] [--part 0/8]

Every shape runs with each algorithm that applies, forward and for both gradients, one call of each in turn. Kernels
have 2 to 5 taps along an axis, or with --large 4 to 31, many of them of depthwise convolutions. The last
lines say for each product how often the algorithm that `conv2d_algorithm` names is within 10 % of the fastest, and
where it is furthest off.

A shape depends on the seed and its number alone. So a part of the shapes (the first of eight parts, say) can be
measured at a time: its rows are added to the file, and the report covers all that the file has, with the choice made
anew.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from ast import literal_eval
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

import goldfish as gf

ALGORITHMS: tuple[Literal["direct", "winograd", "fourier"], ...] = ("direct", "winograd", "fourier")
# Longer kernels would take Winograd's transforms of 8 points, which the default precision does not allow.
SIX_POINTS = 5
GRADIENTS: tuple[Literal["x", "weight"], ...] = ("x", "weight")
SHAPE = ("x_shape", "weight_shape", "stride", "padding", "dilation", "groups")
Times = dict[Literal["x", "weight"] | None, dict[str, float]]


def random_shape(rng: np.random.Generator, large: bool) -> dict[str, Any]:
    """A convolution of 10 to 1,000 million multiply-adds, or 2,000 million with a large kernel."""
    return random_large(rng) if large else random_small(rng)


def random_large(rng: np.random.Generator) -> dict[str, Any]:
    """One whose kernel is large, undilated and of stride 1."""
    while True:
        kernel = int(rng.choice([4, 5, 6, 7, 7, 7, 9, 11, 13, 15, 17, 21, 31]))
        depthwise = rng.random() < 0.3
        channels, outputs = (int(2 ** rng.uniform(0, 7)) for _ in range(2))
        if depthwise:
            outputs = channels
        height, width = (int(2 ** rng.uniform(3, 8)) + kernel - 1 for _ in range(2))
        batch = int(2 ** rng.uniform(0, 5))
        padding = int(rng.choice([0, kernel // 2, kernel // 2]))
        groups = channels if depthwise else 1
        work = batch * outputs * channels // groups * kernel**2 * height * width
        if 1e7 < work < 2e9:
            return {
                "x_shape": (batch, channels, height, width),
                "weight_shape": (outputs, channels // groups, kernel, kernel),
                "stride": 1,
                "padding": padding,
                "dilation": 1,
                "groups": groups,
            }


def random_small(rng: np.random.Generator) -> dict[str, Any]:
    """One with few taps."""
    while True:
        kernel = int(rng.choice([2, 3, 3, 3, 3, 4, 5]))
        stride, dilation = (int(v) for v in rng.choice([(1, 1), (1, 1), (1, 1), (2, 1), (1, 2)]))
        groups = int(rng.choice([1, 1, 1, 2, 4]))
        channels, outputs = (int(2 ** rng.uniform(0, 8.5)) * groups for _ in range(2))
        height, width = (int(2 ** rng.uniform(2.5, 7)) + dilation * (kernel - 1) for _ in range(2))
        batch = int(2 ** rng.uniform(0, 5))
        padding = int(rng.integers(0, kernel))
        work = batch * outputs * channels // groups * kernel**2 * height * width / stride**2
        if 1e7 < work < 1e9:
            return {
                "x_shape": (batch, channels, height, width),
                "weight_shape": (outputs, channels // groups, kernel, kernel),
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "groups": groups,
            }


def seconds(call: Callable[[], object]) -> float:
    """The time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(shape: dict[str, Any], rng: np.random.Generator, rounds: int) -> Times:
    """The median times of every product with every algorithm that applies."""
    options = {name: shape[name] for name in ("stride", "padding", "dilation", "groups")}
    x = rng.standard_normal(shape["x_shape"], dtype=np.float32)
    weight = rng.standard_normal(shape["weight_shape"], dtype=np.float32)
    applicable = []
    for algorithm in ALGORITHMS:
        if algorithm == "winograd" and max(shape["weight_shape"][2:]) > SIX_POINTS:
            continue
        try:
            dy = gf.conv2d(x, weight, **options, algorithm=algorithm)
        except ValueError:
            continue
        applicable.append(algorithm)
    times: dict[Literal["x", "weight"] | None, dict[str, list[float]]] = {
        p: {a: [] for a in applicable} for p in (None, *GRADIENTS)
    }
    for _ in range(rounds):
        for algorithm in applicable:
            times[None][algorithm].append(seconds(partial(gf.conv2d, x, weight, **options, algorithm=algorithm)))
            for product in GRADIENTS:
                _, cache = gf.conv2d_forward(x, weight, **options, algorithm=algorithm)
                backward = seconds(partial(gf.conv2d_backward, dy, cache, needs=(product,)))
                times[product][algorithm].append(backward)
    return {p: {a: statistics.median(values) for a, values in by.items()} for p, by in times.items()}


def chosen(row: dict[str, Any]) -> str:
    """What "auto" takes for a measured product."""
    shape = {name: row[name] for name in SHAPE}
    return gf.conv2d_algorithm(**shape, wrt=None if row["product"] == "y" else row["product"])


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of earlier parts."""
    with path.open(newline="") as file:
        return [
            {name: text if name == "product" else literal_eval(text or "None") for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write all rows."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def report(rows: list[dict[str, Any]]) -> None:
    """Print how good the choice is."""
    best = [min(row[a] for a in ALGORITHMS if row[a] is not None) for row in rows]
    ratios = sorted((row[chosen(row)] / best[i], i) for i, row in enumerate(rows))
    for product in (*dict.fromkeys(row["product"] for row in rows), None):
        some = [ratio for ratio, i in ratios if product in (None, rows[i]["product"])]
        good = sum(ratio <= 1.1 for ratio in some)
        name = f"of {product}" if product else "altogether"
        print(f"{name}: within 10 % of the best algorithm in {good} of {len(some)} products ({good / len(some):.1%})")
    for ratio, i in ratios[-10:]:
        row = rows[i]
        named = " ".join(f"{name}={value}" for name, value in row.items() if name not in ALGORITHMS)
        print(
            f"{ratio:.2f}  {named}  " + " ".join(f"{a} {row[a] * 1e3:.2f} ms" for a in ALGORITHMS if row[a] is not None)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shapes", type=int, default=200)
    parser.add_argument("--large", action="store_true", help="large kernels")
    parser.add_argument("--threads", type=int, default=gf.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--part", default="0/1", metavar="I/N", help="measure the I-th of N parts (I from 0)")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    rows = read(options.csv) if options.csv and options.csv.exists() else []
    with gf.threads(options.threads):
        for number in range(options.shapes * part // parts, options.shapes * (part + 1) // parts):
            rng = np.random.default_rng([options.seed, number])
            shape = random_shape(rng, options.large)
            for product, times in measure(shape, rng, options.rounds).items():
                if len(times) > 1:
                    rows.append({"product": product or "y", **shape, **{a: times.get(a) for a in ALGORITHMS}})
        if options.csv:
            write(options.csv, rows)
        report(rows)


if __name__ == "__main__":
    main()
