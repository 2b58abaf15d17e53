"""An image classifier from a user's images."""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish import nn
from goldfish.cli import pictures, trained
from goldfish.cli.train import IMAGE_SETTINGS
from goldfish.cli.train.session import begin, fingerprint, train

Floats = NDArray[np.float32]


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As the parser describes them.
    """
    images = pictures.read(arguments)
    count, shape = len(images.pixels), " x ".join(map(str, images.shape))
    data = {
        "name": arguments.data.name or str(arguments.data),
        "images": count,
        "fingerprint": fingerprint(images.pixels.tobytes(), images.labels.tobytes(), repr(images.classes).encode()),
    }
    session = begin(arguments, "images", IMAGE_SETTINGS, arguments.data, data)
    settings = session.settings
    offset, scale = float(images.pixels.mean()), float(images.pixels.std()) or 1.0
    about: dict[str, Any] = {
        "classes": list(images.classes),
        "image_shape": list(images.shape),
        "offset": offset,
        "scale": scale,
    }
    kept, held = _split(images.labels, settings["validation"], settings["seed"])
    pixels = prepared(images.pixels, about)
    model = build(images.shape, len(images.classes), settings)
    print(
        f"{data['name']}: {count:,} images of {shape}, {len(images.classes)} classes, "
        f"{sum(value.size for value in model.parameters().values()):,} parameters",
        file=sys.stderr,
    )
    held_out = (pixels[held], images.labels[held])
    about = train(
        session,
        model,
        (pixels[kept], images.labels[kept]),
        held_out if len(held) else None,
        nn.CrossEntropyLoss(),
        about,
        arguments,
        batch_size=settings["batch"],
        steps=math.ceil(len(kept) / settings["batch"]),
        metrics={"accuracy": _accuracy},
    )
    if len(held):
        about["confusion"] = confusion(
            held_out[1], scores(model, held_out[0]).argmax(axis=1), len(images.classes)
        ).tolist()
        trained.write(session.output, model, "images", about)
    name, where = ("val_accuracy", "held-out") if len(held) else ("accuracy", "training")
    print(f"wrote {session.output}: {about['history'][name][-1]:.2%} of the {where} images told right")


def prepared(pixels: NDArray[Any], about: dict[str, Any]) -> Floats:
    """Pixels as the network takes them: with the training images' mean and spread taken out.

    Examples
    --------
    >>> prepared(np.array([[0, 255]], np.uint8), {"offset": 127.5, "scale": 127.5}).tolist()
    [[-1.0, 1.0]]
    """
    return ((pixels - np.float32(about["offset"])) / np.float32(about["scale"])).astype(np.float32)


def build(shape: tuple[int, ...], classes: int, settings: dict[str, Any]) -> nn.Sequential:
    """The network, from images to a score for each class.

    Examples
    --------
    >>> settings = {"channels": [4], "kernel": 3, "dense": 0, "dropout": 0.0, "seed": 0}
    >>> build((1, 8, 8), 10, settings)
    Sequential(Conv2d(1, 4, 3, padding='same'), ReLU(), MaxPool2d((2, 2)), Flatten(), Linear(64, 10))
    """
    rng = np.random.default_rng(settings["seed"])
    channels, *sizes = shape
    layers: list[nn.Layer] = []
    for wide in settings["channels"]:
        layers += [nn.Conv2d(channels, wide, settings["kernel"], padding="same", rng=rng), nn.ReLU()]
        pool = tuple(2 if size >= 2 else 1 for size in sizes)
        if max(pool) > 1:
            layers.append(nn.MaxPool2d(pool))
        channels, sizes = wide, [size // step for size, step in zip(sizes, pool, strict=True)]
    layers.append(nn.Flatten())
    features = channels * math.prod(sizes)
    if settings["dense"]:
        layers += [nn.Linear(features, settings["dense"], rng=rng), nn.ReLU()]
        features = settings["dense"]
    if settings["dropout"]:
        layers.append(nn.Dropout(settings["dropout"]))
    layers.append(nn.Linear(features, classes, rng=rng))
    return nn.Sequential(*layers)


def scores(model: Any, pixels: Floats, rows: int = 512) -> Floats:
    """The model's scores, (N, classes), some rows at a time."""
    parts = [model(pixels[start : start + rows]) for start in range(0, len(pixels), rows)]
    return np.concatenate(parts)


def confusion(truth: NDArray[np.int64], guess: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Images by truth (rows) and guess (columns).

    Examples
    --------
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(truth * classes + guess, minlength=classes**2).reshape(classes, classes)


def _accuracy(logits: Floats, target: NDArray[np.int64]) -> float:
    return float((logits.argmax(axis=1) == target).mean())


def _split(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places to train on and to hold out: of every class the same share, but never all of it."""
    rng = np.random.default_rng(seed)
    kept, held = [], []
    for number in range(int(labels.max()) + 1):
        places = rng.permutation(np.flatnonzero(labels == number))
        count = min(round(len(places) * share), len(places) - 1)
        held.append(places[:count])
        kept.append(places[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))
