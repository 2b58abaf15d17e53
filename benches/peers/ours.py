"""goldfish, through its public functions."""

from functools import partial
from typing import Any

import goldfish as gf
from jobs import make_job
from peers import characters, inference, pointwise
from problems import Array, Arrays, Contender, Mode, Row, trainer


def missing(row: Row) -> str | None:
    """Return the operation that the row needs and goldfish lacks, or ``None``."""
    return None if row.network or hasattr(gf, row.op) else f"gf.{row.op}"


def contenders(row: Row, arrays: Arrays, dy: Array | None, mode: Mode, threads: int) -> list[Contender]:
    """Build the call that a user would write."""
    ready = partial(gf.set_num_threads, threads)
    if row.network and mode == "forward":
        return [inference.goldfish(row, arrays, ready)]
    if row.network or (row.characters and mode == "training"):
        job = make_job(row, arrays)
        return [trainer("goldfish", job.step, job.gradients, row.steps, ready)]
    if row.characters:
        return [characters.goldfish(row, arrays, ready)]
    if row.kind == "pointwise":
        return [pointwise.goldfish(row, arrays, dy, mode, ready)]
    if row.stacked:
        return [_stack(row, arrays, dy, mode, ready)]
    arguments, options = _call(row, arrays)
    if mode == "forward":
        forward = getattr(gf, row.op)
        return [Contender("goldfish", lambda: forward(*arguments, **options), _output, ready)]
    return [Contender("goldfish", _training(row, arguments, options, dy), _gradients, ready)]


def _call(row: Row, arrays: Arrays) -> tuple[tuple[Any, ...], dict[str, Any]]:
    x = arrays["x"]
    if row.kind == "pool":
        return (x, row.kernel_size, row.stride, row.padding), {}
    if row.kind == "recurrent":
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return (x, None, *(arrays[name] for name in names)), {"lengths": arrays["lengths"]} if row.lengths else {}
    options = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation, "groups": row.groups}
    return (x, arrays["weight"], arrays["bias"]), options


def _training(row: Row, arguments: tuple[Any, ...], options: dict[str, Any], dy: Array | None) -> Any:
    forward, backward = getattr(gf, f"{row.op}_forward"), getattr(gf, f"{row.op}_backward")
    if row.kind == "recurrent":

        def run() -> Any:
            y, _, cache = forward(*arguments, **options)
            return y, backward(dy, None, cache)
    else:

        def run() -> Any:
            y, cache = forward(*arguments, **options)
            return y, backward(dy, cache)

    return run


def _stack(row: Row, arrays: Arrays, dy: Array | None, mode: Mode, ready: Any) -> Contender:
    layer = getattr(gf.nn, row.op.upper())
    network = layer(
        row.x[2], row.hidden, row.layers, bidirectional=row.bidirectional, batch_first=False, dtype=row.dtype
    )
    network.load_state_dict({name: value for name, value in arrays.items() if name not in ("x", "lengths")})
    x = arrays["x"]
    if mode == "forward":
        return Contender("goldfish", lambda: network(x), _output, ready)

    def run() -> Any:
        network.zero_grad()
        y, backward = network.forward(x)
        return y, {"x": backward(dy), **network.grads}

    return Contender("goldfish", run, _gradients, ready)


def _output(result: Any) -> Arrays:
    return {"y": result[0] if isinstance(result, tuple) else result}


def _gradients(result: Any) -> Arrays:
    y, grads = result
    named = grads if isinstance(grads, dict) else grads._asdict()
    return {"y": y, **{name: value for name, value in named.items() if value is not None}}
