"""A convolutional network small enough to count by hand: shapes, parameters, multiply-adds, and some training steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish import nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One layer, for one image.

    Attributes
    ----------
    name, layer : str
        Its name in the network, and how it is written in Python.
    shape : tuple of int
        What it returns, without the batch axis.
    parameters, multiply_adds : int
        How many it has and needs; additions of biases, comparisons and activations are not counted.
    """

    name: str
    layer: str
    shape: Shape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Recitation:
    """The table and the training.

    Attributes
    ----------
    input_shape : tuple of int
        One image.
    rows : list of Row
        The layers in order.
    batch : int
        Images per step.
    step_seconds : float
        Median time of a training step: forward, loss, backward, update.
    losses : list of float
        Cross-entropy in nats before each step, on fresh images every time.
    examples : list of (image, class)
        Some of the images, every second pixel: (3, 64, 64), float32.
    """

    input_shape: Shape
    rows: list[Row]
    batch: int
    step_seconds: float
    losses: list[float]
    examples: list[tuple[NDArray[np.float32], int]]

    @property
    def parameters(self) -> int:
        """Of the whole network."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Of one forward pass of one image."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def step_operations(self) -> int:
        """Additions and multiplications of one training step, but for the gradient of the image, which nobody needs."""
        forward = 2 * self.multiply_adds
        first = next(row.multiply_adds for row in self.rows if row.multiply_adds)
        return (3 * forward - 2 * first) * self.batch

    def summary(self) -> dict[str, Any]:
        """The numbers as plain values, for JSON."""
        return {
            "input_shape": self.input_shape,
            "layers": [asdict(row) for row in self.rows],
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "batch": self.batch,
            "step_seconds": self.step_seconds,
            "losses": self.losses,
        }


def network(rng: np.random.Generator | int | None = None) -> nn.Sequential:
    """The network: shrink the image, twelve wide filters, shrink again, two dense layers.

    Parameters
    ----------
    rng : Generator, int or None
        Source of the initial values.

    Returns
    -------
    Sequential
        From (N, 3, 128, 128) to ten scores per image.

    Examples
    --------
    >>> sum(value.size for value in network().parameters().values())
    405050
    """
    generator = np.random.default_rng(rng)
    return nn.Sequential(
        shrink=nn.MaxPool2d(2),
        filters=nn.Conv2d(3, 12, 17, rng=generator),
        rectify=nn.ReLU(),
        pool=nn.MaxPool2d(3),
        flatten=nn.Flatten(),
        hidden=nn.Linear(3072, 128, rng=generator),
        activate=nn.ReLU(),
        scores=nn.Linear(128, 10, rng=generator),
    )


def count(model: nn.Sequential, input_shape: Shape) -> list[Row]:
    """Shapes, parameters and multiply-adds per layer, read off the layers themselves.

    Parameters
    ----------
    model : Sequential
        Of convolutions, dense layers and layers without parameters.
    input_shape : tuple of int
        One image, without the batch axis.

    Returns
    -------
    list of Row
        In the order of the layers. Every output of a layer takes as many multiply-adds as its filter has weights.

    Examples
    --------
    >>> rows = count(network(), (3, 128, 128))
    >>> [row.shape for row in rows if row.parameters]
    [(12, 48, 48), (128,), (10,)]
    >>> sum(row.multiply_adds for row in rows)
    24365312
    """
    x = np.zeros((1, *input_shape), dtype=np.float32)
    rows = []
    for name, layer in model.children.items():
        x = layer(x)
        parameters = sum(value.size for value in layer.params.values())
        weight = layer.params.get("weight")
        fan_in = 0 if weight is None else math.prod(weight.shape[1:])
        rows.append(Row(name, repr(layer), x.shape[1:], parameters, math.prod(x.shape[1:]) * fan_in))
    return rows


def gratings(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Noisy coloured stripes; the class is their direction, one of ten.

    Parameters
    ----------
    count : int
        How many images.
    rng : Generator
        Draws class, phase, width, colour and noise.

    Returns
    -------
    tuple of ndarray
        Images (count, 3, 128, 128), float32, and classes (count,), int64.
    """
    labels = rng.integers(10, size=count)
    angle = labels * np.pi / 10
    position = np.linspace(-1, 1, 128)
    across = np.cos(angle)[:, None, None] * position + np.sin(angle)[:, None, None] * position[:, None]
    width, phase = rng.uniform(4, 9, (count, 1, 1)), rng.uniform(0, 2 * np.pi, (count, 1, 1))
    stripes = np.sin(np.pi * width * across + phase)
    colour = rng.uniform(0.3, 1, (count, 3, 1, 1))
    noise = rng.standard_normal((count, 3, 128, 128), dtype=np.float32)
    return (colour * stripes[:, None] + 0.4 * noise).astype(np.float32), labels


def run(say: Callable[[str], None], *, quick: bool = False) -> Recitation:
    """Count the network and train it for some steps.

    Parameters
    ----------
    say : callable
        Takes one line of progress.
    quick : bool
        Few small batches.

    Returns
    -------
    Recitation
        The counts are exact, the losses the same for every run on one machine and build.
    """
    steps, batch = (6, 8) if quick else (40, 32)
    rng = np.random.default_rng(0)
    model = network(rng)
    loss, optimizer = nn.CrossEntropyLoss(), nn.Adam(5e-4)
    losses, seconds = [], []
    for _ in range(steps):
        x, y = gratings(batch, rng)
        start = time.perf_counter()
        scores, backward = model.forward(x)
        value, gradient = loss.forward(scores, y)
        model.zero_grad()
        backward(gradient(), needs_x=False)
        optimizer.step(model)
        seconds.append(time.perf_counter() - start)
        losses.append(float(value))
    examples = [(image[:, ::2, ::2], int(label)) for image, label in zip(x[:4], y[:4], strict=True)]
    result = Recitation(x.shape[1:], count(model, x.shape[1:]), batch, median(seconds), losses, examples)
    say(f"recitation network: loss {losses[0]:.2f} -> {losses[-1]:.2f}, {result.step_seconds * 1e3:.0f} ms per step")
    return result
