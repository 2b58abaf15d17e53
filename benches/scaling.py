"""How time grows: per image against the batch, and multiply-adds per second against image size and channels.

    python benches/scaling.py [--threads 2] [--json benches/results/scaling.json] [--svg docs/scaling.svg] [--draw-only]

A 3x3 convolution, forward, of goldfish and its peers in turn, as in against.py. The rate counts the multiplications and
additions of the definition, however many an algorithm does: so one that saves multiplications can pass the processor's
peak.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = ("goldfish", "torch", "torch channels_last", "ONNX Runtime")
COLOURS = ("#c2410c", "#1d4ed8", "#60a5fa", "#15803d")
KERNEL = 3

# (title, what varies, its values, batch, channels, image) with None for what varies.
Sweep = tuple[str, str, tuple[int, ...], int | None, int | None, int | None]
SWEEPS: tuple[Sweep, ...] = (
    ("64 channels, 28x28", "batch", (1, 2, 4, 8, 16, 32, 64), None, 64, 28),
    ("batch 8, 64 channels", "image", (7, 14, 20, 28, 40, 56, 80, 112), 8, 64, None),
    ("batch 8, 28x28", "channels", (2, 4, 8, 16, 32, 64, 128, 256), 8, None, 28),
)


def measure(sweep: Sweep, threads: int, blocks: int) -> list[dict[str, Any]]:
    """The median seconds of every contender at every value."""
    from threadpoolctl import threadpool_limits

    from measure import compare
    from peers import onnx_runtime, ours, pytorch
    from problems import Row, make_arrays

    points = []
    for value in sweep[2]:
        batch, channels, image = (value if fixed is None else fixed for fixed in sweep[3:])
        row = Row(
            kind="convolution",
            name=f"{sweep[1]}-{value}",
            op="conv2d",
            x=(batch, channels, image, image),
            weight=(channels, channels, KERNEL, KERNEL),
            padding=KERNEL // 2,
        )
        arrays = make_arrays(row)
        modules = (ours, pytorch, onnx_runtime)
        contenders = [c for m in modules for c in m.contenders(row, arrays, None, "forward", threads)]
        with threadpool_limits(threads, user_api="blas"):
            timings = compare(contenders, blocks).timings
        flops = 2 * batch * channels**2 * KERNEL**2 * image**2
        seconds = {name: timing.median for name, timing in timings.items()}
        points.append({sweep[1]: value, "batch": batch, "flops": flops, "seconds": seconds})
        print(row.name, " ".join(f"{name} {1e3 * s:.3f} ms" for name, s in seconds.items()), flush=True)
    return points


def draw(result: dict[str, Any], path: Path) -> None:
    """One chart for each sweep, side by side."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"], mpl.rcParams["svg.fonttype"] = "goldfish", "none"
    from matplotlib import pyplot as plt

    figure, charts = plt.subplots(1, len(SWEEPS), figsize=(12, 3.6), layout="constrained")
    for chart, sweep in zip(charts, SWEEPS, strict=True):
        title, varies, points = sweep[0], sweep[1], result["sweeps"][sweep[1]]
        for name, colour in zip(PEERS, COLOURS, strict=True):
            chart.plot(
                [p[varies] for p in points], [_value(p, varies, name) for p in points], ".-", c=colour, label=name
            )
        _ticks(chart, [p[varies] for p in points])
        chart.set(title=title, xlabel=varies, ylim=(0, None))
        chart.set_ylabel("ms per image" if varies == "batch" else "GF/s of the definition")
        chart.grid(alpha=0.3)
    charts[0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _value(point: dict[str, Any], varies: str, name: str) -> float:
    seconds = float(point["seconds"][name])
    return 1e3 * seconds / int(point["batch"]) if varies == "batch" else 1e-9 * int(point["flops"]) / seconds


def _ticks(chart: Any, values: Iterable[int]) -> None:
    chart.set_xscale("log", base=2)
    chart.set_xticks(list(values), [str(value) for value in values])
    chart.minorticks_off()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--json", type=Path, default=HERE / "results" / "scaling.json")
    parser.add_argument("--svg", type=Path, default=HERE.parent / "docs" / "scaling.svg")
    parser.add_argument("--draw-only", action="store_true", help="from the figures of an earlier run")
    options = parser.parse_args()
    if not options.draw_only:
        from session import machine

        sweeps = {sweep[1]: measure(sweep, options.threads, options.blocks) for sweep in SWEEPS}
        result = {"machine": machine(), "threads": options.threads, "sweeps": sweeps}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(json.loads(options.json.read_text(encoding="utf-8")), options.svg)


if __name__ == "__main__":
    main()
