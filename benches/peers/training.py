"""Steps of training of a whole network, in goldfish and in torch: the same batches in the same order."""

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import numpy as np
import torch

import goldfish as gf
from networks import BUILDERS, OPTIMIZERS
from problems import Arrays, Contender, Row, trainer

DATA = ("x", "target")


def goldfish(row: Row, arrays: Arrays, ready: Callable[[], None]) -> Contender:
    """goldfish: the layers and the optimiser, in a loop as `goldfish.nn.fit` runs it."""
    model = BUILDERS[row.op](gf.nn)
    model.load_state_dict({name: value for name, value in arrays.items() if name not in DATA})
    optimizer_name, options = OPTIMIZERS[row.op]
    loss, optimizer = gf.nn.CrossEntropyLoss(), getattr(gf.nn, optimizer_name)(**options)
    batches = _batches(row, arrays["x"], arrays["target"])

    def step() -> float:
        x, target = next(batches)
        logits, backward = model.forward(x)
        value, dlogits = loss.forward(logits, target)
        model.zero_grad()
        backward(dlogits(), needs_x=False)
        optimizer.step(model)
        return float(value)

    def gradients() -> Arrays:
        named = {name: model[name.split(".")[0]].grads[name.split(".")[1]] for name in model.parameters()}
        return {name: value.copy() for name, value in named.items()}

    return trainer("goldfish", step, gradients, row.steps, ready)


def pytorch(
    name: str, row: Row, arrays: Arrays, dtype: str, layout: Any, ready: Callable[[], None] = lambda: None
) -> Contender:
    """torch, eager; in channels_last the weights and all images lie so beforehand."""
    model = BUILDERS[row.op](torch.nn)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items() if name not in DATA})
    model = model.to(dtype=getattr(torch, dtype), memory_format=layout)
    optimizer_name, options = OPTIMIZERS[row.op]
    optimizer = getattr(torch.optim, optimizer_name)(model.parameters(), **options)
    x = torch.from_numpy(arrays["x"]).to(getattr(torch, dtype)).contiguous(memory_format=layout)
    batches = _batches(row, x, torch.from_numpy(arrays["target"]))

    def step() -> float:
        images, target = next(batches)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), target)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    def gradients() -> Arrays:
        return {name: np.array(parameter.grad) for name, parameter in model.named_parameters()}

    return trainer(name, step, gradients, row.steps, ready)


def _batches(row: Row, x: Any, target: Any) -> Iterator[tuple[Any, Any]]:
    size = row.x[0]
    return cycle([(x[start : start + size], target[start : start + size]) for start in range(0, len(x), size)])
