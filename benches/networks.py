"""Convolutional networks that a row trains or runs, in layers that goldfish and torch write alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import goldfish as gf
from digits import draw, read
from problems import Arrays, Row

MNIST = (1, 28, 28)


def lenet(nn: Any) -> Any:
    """Two 5 x 5 convolutions, each with a pool, and two dense layers: for 28 x 28 images."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1024, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def recitation(nn: Any) -> Any:
    """A pool, twelve filters of 17 x 17, a pool, two dense layers: 405,050 parameters, for 3 x 128 x 128 images."""
    return nn.Sequential(
        nn.MaxPool2d(2),
        nn.Conv2d(3, 12, 17),
        nn.ReLU(),
        nn.MaxPool2d(3),
        nn.Flatten(),
        nn.Linear(3072, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def vgg(nn: Any) -> Any:
    """3 x 3 convolutions 64-64-128-128-256-256, a pool after each pair, two dense layers: for 3 x 32 x 32 images."""
    layers, below = [], 3
    for channels in (64, 128, 256):
        for inputs in (below, channels):
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        below = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 256), nn.ReLU(), nn.Linear(256, 10))


def resnet18(nn: Any) -> Any:
    """He et al., "Deep residual learning", CVPR 2016, table 1: 18 layers, for 3 x 224 x 224 images."""
    layers, below = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for channels, step in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for inputs, stride in ((below, step), (channels, 1)):
            layers += _basic_block(nn, inputs, channels, stride)
        below = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def _basic_block(nn: Any, inputs: int, channels: int, stride: int) -> list[Any]:
    layer = nn.Sequential(
        nn.Conv2d(inputs, channels, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
        nn.BatchNorm2d(channels),
    )
    if stride == 1:
        return [nn.Residual(layer), nn.ReLU()]
    shortcut = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
    return [nn.Residual(layer, shortcut), nn.ReLU()]


BUILDERS: dict[str, Callable[[Any], Any]] = {"lenet": lenet, "recitation": recitation, "vgg": vgg, "resnet18": resnet18}

# By their names in both libraries. Deep networks amplify roundings: the rates are such that 50 steps go the same way.
OPTIMIZERS: dict[str, tuple[str, dict[str, float]]] = {
    "lenet": ("Adam", {"lr": 1e-4}),
    "recitation": ("Adam", {"lr": 1e-3}),
    "vgg": ("SGD", {"lr": 1e-2, "momentum": 0.9}),
}


def make_arrays(row: Row, folder: Path | None) -> Arrays:
    """Images, classes, and initial weights under the names of the state dict (as wide as torch's, biases 0)."""
    rng = np.random.default_rng(0)
    if not row.samples:
        return _trained(row, rng)
    real = folder is not None and row.x[1:] == MNIST
    arrays = read(folder, row.samples) if real and folder else draw(row.samples, row.x[1:], rng)
    for name, value in BUILDERS[row.op](gf.nn).state_dict().items():
        bound = 0.0 if value.ndim == 1 else 1 / np.sqrt(np.prod(value.shape[1:]))
        arrays[name] = rng.uniform(-bound, bound, value.shape).astype(row.dtype)
    return arrays


def _trained(row: Row, rng: np.random.Generator) -> Arrays:
    """Images, and weights and moments as training leaves them: no bias is 0, activations keep their size."""
    arrays: Arrays = {"x": rng.standard_normal(row.x).astype(row.dtype)}
    for name, value in BUILDERS[row.op](gf.nn).state_dict().items():
        if value.ndim > 1:
            arrays[name] = (rng.standard_normal(value.shape) / np.sqrt(np.prod(value.shape[1:]))).astype(row.dtype)
        elif name.endswith(("weight", "var")):
            arrays[name] = rng.uniform(0.5, 1.5, value.shape).astype(row.dtype)
        elif value.ndim:
            arrays[name] = (0.1 * rng.standard_normal(value.shape)).astype(row.dtype)
        else:
            arrays[name] = value
    return arrays
