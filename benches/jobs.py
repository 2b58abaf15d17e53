"""Training a whole network with goldfish, one step at a time, as `goldfish.nn.fit` does it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

import goldfish as gf
from networks import BUILDERS, OPTIMIZERS
from problems import Arrays, Row, parameter_shapes

CLIP = 5.0
RATE = 2e-3


@dataclass(frozen=True)
class Job:
    """A model, what it is trained with, and its batches; ``names`` are the parameters' by the names of the arrays."""

    model: gf.nn.Sequential
    loss: gf.nn.CrossEntropyLoss
    optimizer: gf.nn.Optimizer
    batches: Iterator[tuple[Any, Any]]
    names: dict[str, str]
    clip_norm: float | None = None

    def step(self) -> float:
        """Take one step of training; return its loss."""
        x, target = next(self.batches)
        logits, backward = self.model.forward(x)
        value, dlogits = self.loss.forward(logits, target)
        self.model.zero_grad()
        backward(dlogits(), needs_x=False)
        if self.clip_norm is not None:
            gf.nn.clip_grad_norm(self.model, self.clip_norm)
        self.optimizer.step(self.model)
        return float(value)

    def gradients(self) -> Arrays:
        """Return copies of the gradients."""
        found = {}
        for name, ours in self.names.items():
            layer, parameter = ours.split(".")
            found[name] = self.model[layer].grads[parameter].copy()
        return found


def make_job(row: Row, arrays: Arrays) -> Job:
    """Make the job of a network row or a character row."""
    return _characters(row, arrays) if row.characters else _network(row, arrays)


def make_model(row: Row, arrays: Arrays) -> tuple[gf.nn.Sequential, dict[str, str]]:
    """Make the network of a character row, and tell its parameters' names by those of the arrays."""
    layer = getattr(gf.nn, row.op.upper())(row.x[2], row.hidden, row.layers)
    model = gf.nn.Sequential(onehot=gf.nn.OneHot(row.x[2]), recurrent=layer, head=gf.nn.Linear(row.hidden, row.x[2]))
    names = {name: layer_name(name) for name in parameter_shapes(row)}
    model.load_state_dict({ours: arrays[name] for name, ours in names.items()})
    return model, names


def layer_name(name: str) -> str:
    """Return what the state dict calls a parameter of a character row."""
    return f"head.{name[5:]}" if name.startswith("head") else f"recurrent.{name}"


def batches(row: Row, x: Any, target: Any) -> Iterator[tuple[Any, Any]]:
    """Cut the samples into batches, and start anew behind the last."""
    size = row.x[0]
    return cycle([(x[start : start + size], target[start : start + size]) for start in range(0, len(x), size)])


def _characters(row: Row, arrays: Arrays) -> Job:
    model, names = make_model(row, arrays)
    x, target = (np.ascontiguousarray(arrays[name].T) for name in ("x", "target"))
    return Job(model, gf.nn.CrossEntropyLoss(axis=-1), gf.nn.Adam(RATE), cycle([(x, target)]), names, CLIP)


def _network(row: Row, arrays: Arrays) -> Job:
    model = BUILDERS[row.op](gf.nn)
    names = {name: name for name in model.parameters()}
    model.load_state_dict({name: arrays[name] for name in names})
    name, options = OPTIMIZERS[row.op]
    optimizer = getattr(gf.nn, name)(**options)
    return Job(model, gf.nn.CrossEntropyLoss(), optimizer, batches(row, arrays["x"], arrays["target"]), names)
