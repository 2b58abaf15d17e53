"""Steps of training of a convolutional network in torch: our batches in our order, from our weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from jobs import batches
from networks import BUILDERS, OPTIMIZERS
from problems import Arrays, Contender, Row, trainer

DATA = ("x", "target")


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
    samples = batches(row, x, torch.from_numpy(arrays["target"]))

    def step() -> float:
        images, target = next(samples)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), target)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    def gradients() -> Arrays:
        return {name: np.array(parameter.grad) for name, parameter in model.named_parameters()}

    return trainer(name, step, gradients, row.steps, ready)
