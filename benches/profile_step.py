"""Where a step of training spends its time: each layer's forward and backward, the loss, the optimiser, the rest.

    python benches/profile_step.py --rows lenet char-lstm --threads 2
    python benches/profile_step.py --threads 2 --markdown

Convolution, recurrence and dense products are what a step is for; the last line is their share. It needs no peer.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import goldfish as gf
import networks
from goldfish.nn.layer import walk
from jobs import Job, make_job
from problems import Row, make_arrays, read_rows

PRODUCTS = ("Conv", "RNN", "LSTM", "GRU", "Linear")
WARM_UP_STEPS = 3
REST = "everything else"


@dataclass
class Clock:
    """Seconds by part, of the step that is running and of those that are over."""

    now: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    steps: list[dict[str, float]] = field(default_factory=list)

    def timed(self, part: str, run: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call, whose time goes to a part."""

        def wrapped(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return run(*arguments, **options)
            finally:
                self.now[part] += time.perf_counter() - start

        return wrapped

    def step(self, job: Job) -> None:
        """Take a step and keep its times."""
        self.now.clear()
        start = time.perf_counter()
        job.step()
        total = time.perf_counter() - start
        self.steps.append({**self.now, REST: total - sum(self.now.values()), "total": total})

    def medians(self) -> dict[str, float]:
        """Return the median over the steps for each part."""
        return {part: statistics.median(step[part] for step in self.steps) for part in self.steps[-1]}


def watch(job: Job, clock: Clock) -> None:
    """Time what a step calls: the layers that hold no others, the loss, the optimiser, the gradients' reset."""
    for name, layer in walk(job.model):
        if not layer.children:
            _watch_layer(layer, f"{name.removesuffix('.')} {type(layer).__name__}", clock)
    loss_forward = clock.timed("loss", job.loss.forward)

    def forward(*arguments: Any) -> Any:
        value, backward = loss_forward(*arguments)
        return value, clock.timed("loss", backward)

    replaced: list[tuple[Any, str, Any]] = [
        (job.loss, "forward", forward),
        (job.optimizer, "step", clock.timed("optimiser", job.optimizer.step)),
        (job.model, "zero_grad", clock.timed("optimiser", job.model.zero_grad)),
    ]
    for owner, method, call in replaced:
        setattr(owner, method, call)


def _watch_layer(layer: gf.nn.Layer, name: str, clock: Clock) -> None:
    run = clock.timed(f"{name} forward", layer.forward)

    def forward(*arguments: Any, **options: Any) -> Any:
        result = run(*arguments, **options)
        backward = result[-1]
        backward._run = clock.timed(f"{name} backward", backward._run)
        return result

    layer.forward = forward  # type: ignore[method-assign]


def is_product(part: str) -> bool:
    """Return whether the part is the pass of a layer that multiplies weights."""
    return part.endswith("ward") and part.split()[1].startswith(PRODUCTS)


def profile(row: Row, steps: int) -> dict[str, float]:
    """Return the median seconds of each part of a step."""
    job = make_job(row, networks.make_arrays(row, None) if row.network else make_arrays(row))
    for _ in range(WARM_UP_STEPS):
        job.step()
    clock = Clock()
    watch(job, clock)
    for _ in range(steps):
        clock.step(job)
    return clock.medians()


def share(medians: dict[str, float]) -> float:
    """Return the share of the products."""
    return sum(seconds for part, seconds in medians.items() if is_product(part)) / medians["total"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=[""], metavar="PART", help="only rows whose name contains a PART")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=50, help="steps of which medians are taken (default: 50)")
    parser.add_argument("--markdown", action="store_true", help="one line a row, as docs/benchmarks.md has it")
    arguments = parser.parse_args()
    gf.set_num_threads(arguments.threads)
    for row in read_rows():
        if not row.trains or not any(part in row.name for part in arguments.rows):
            continue
        medians = profile(row, arguments.steps)
        if arguments.markdown:
            print(_line(row, medians))
            continue
        print(f"{row.name}, {arguments.threads} threads: {1e3 * medians['total']:.2f} ms a step")
        for part, seconds in medians.items():
            if part != "total":
                print(f"  {part:<32} {1e3 * seconds:8.3f} ms {seconds / medians['total']:6.1%}")
        print(f"  {'products':<32} {'':11} {share(medians):6.1%}")


def _line(row: Row, medians: dict[str, float]) -> str:
    total = medians["total"]
    layers = sum(s for part, s in medians.items() if part.endswith("ward") and not is_product(part))
    parts = [share(medians), layers / total, *(medians[part] / total for part in ("loss", "optimiser", REST))]
    return f"| `{row.name}` | {1e3 * total:.1f} ms | " + " | ".join(f"{part:.1%}" for part in parts) + " |"


if __name__ == "__main__":
    main()
