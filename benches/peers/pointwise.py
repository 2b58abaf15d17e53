"""Element-wise passes: activations, normalisation, softmax, cross-entropy, in each library."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import goldfish as gf
from problems import Array, Arrays, Contender, Mode, Row

SOFT = ("softmax", "log_softmax")
# ONNX's names; the others are of a later operator set.
OPERATORS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "layer_norm": "LayerNormalization",
}


def goldfish(row: Row, arrays: Arrays, dy: Array | None, mode: Mode, ready: Callable[[], None]) -> Contender:
    """goldfish: the function, or its forward and backward."""
    arguments, options = _arguments(row, arrays)
    run = getattr(gf, row.op)
    if mode == "forward":
        return Contender("goldfish", lambda: run(*arguments, **options), lambda y: {"y": np.asarray(y)}, ready)
    forward, backward = getattr(gf, f"{row.op}_forward"), getattr(gf, f"{row.op}_backward")
    if row.op == "batch_norm":
        options["training"] = True

    def training() -> Any:
        y, cache = forward(*arguments, **options)
        return y, backward(dy, cache)

    def results(result: Any) -> Arrays:
        y, gradients = result
        named = gradients._asdict()
        return {"y": np.asarray(y), **{"x" if name == "logits" else name: value for name, value in named.items()}}

    return Contender("goldfish", training, results, ready)


def pytorch(row: Row, arrays: Arrays, mode: Mode, place: Callable[[Array], Any]) -> tuple[Callable[[Any], Any], Any]:
    """torch: the function of x, and the parameters that it has."""
    parameters = {name: place(arrays[name]) for name in ("weight", "bias") if name in arrays}
    if row.op == "batch_norm":
        moments = [torch.from_numpy(array) for array in _moments(row, arrays)]
        return partial(F.batch_norm, running_mean=moments[0], running_var=moments[1], training=mode == "training",
                       **parameters), parameters  # fmt: skip
    if row.op == "layer_norm":
        return partial(F.layer_norm, normalized_shape=row.x[-1:], **parameters), parameters
    if row.op == "cross_entropy":
        return partial(F.cross_entropy, target=torch.from_numpy(arrays["target"])), parameters
    return partial(getattr(F, row.op, None) or getattr(torch, row.op), **_axis(row, "dim")), parameters


def onnx(row: Row, arrays: Arrays) -> tuple[Arrays, dict[str, Any]]:
    """Constants and attributes of the row's operator."""
    constants: Arrays = {name: arrays[name] for name in ("weight", "bias") if name in arrays}
    return constants, _axis(row, "axis") | ({"axis": -1, "epsilon": 1e-5} if row.op == "layer_norm" else {})


def _arguments(row: Row, arrays: Arrays) -> tuple[tuple[Any, ...], dict[str, Any]]:
    x = arrays["x"]
    if row.op == "batch_norm":
        return (x, *_moments(row, arrays), arrays["weight"], arrays["bias"]), {}
    if row.op == "layer_norm":
        return (x, row.x[-1:], arrays["weight"], arrays["bias"]), {}
    if row.op == "cross_entropy":
        return (x, arrays["target"]), {}
    return (x,), _axis(row, "axis")


def _axis(row: Row, name: str) -> dict[str, Any]:
    return {name: row.axis} if row.op in SOFT else {}


def _moments(row: Row, arrays: Arrays) -> tuple[Array, Array]:
    like = arrays["weight"]
    return np.zeros_like(like), np.ones_like(like)
