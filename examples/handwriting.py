"""Handwritten digits: ConvNetClassifier where MLPClassifier stood.

python examples/handwriting.py            # scikit-learn's 1,797 images of 8 x 8, in five folds; under a minute
python examples/handwriting.py --small    # one fold
python examples/handwriting.py IMAGES LABELS    # files in MNIST's format, gzipped or not; one fold

The same call, the same optimiser, the same hidden layer, as many epochs; no warning about more epochs is shown.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from goldfish.io import load_idx
from goldfish.models import ConvNetClassifier


class Result(NamedTuple):
    """Shares of held-out images that are read rightly, and the seconds of all fits."""

    accuracy: float
    seconds: float


class Images(NamedTuple):
    """Pixels from 0 to 1, (N, H, W), and the digits they show."""

    pixels: NDArray[np.float32]
    digits: NDArray[np.int64]


def small_images() -> Images:
    """scikit-learn's digits."""
    X, y = load_digits(return_X_y=True)
    return Images((X / 16).astype(np.float32).reshape(-1, 8, 8), y)


def read_images(images: Path, labels: Path) -> Images:
    """Files in MNIST's format.

    Raises
    ------
    ValueError
        If they hold other things, or different numbers of them.
    """
    pixels, digits = load_idx(images), load_idx(labels)
    if pixels.ndim != 3 or digits.shape != pixels.shape[:1]:
        raise ValueError(f"expected images (N, H, W) and labels (N,), got {pixels.shape} and {digits.shape}")
    return Images((pixels / 255).astype(np.float32), digits.astype(np.int64))


def readers(max_iter: int) -> dict[str, MLPClassifier | ConvNetClassifier]:
    """The baseline and the network."""
    shared: dict[str, Any] = {"hidden_layer_sizes": (128,), "batch_size": 32, "random_state": 0}
    shared |= {"max_iter": max_iter, "n_iter_no_change": max_iter}
    return {"MLPClassifier": MLPClassifier(**shared), "ConvNetClassifier": ConvNetClassifier(dropout=0.5, **shared)}


def compare(images: Images, folds: int, max_iter: int) -> dict[str, Result]:
    """Fit both on four fifths and read the last, in so many of five folds."""
    X, y = images
    parts = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))[:folds]
    found = {}
    for name, reader in readers(max_iter).items():
        right, seconds = [], 0.0
        inputs = X if isinstance(reader, ConvNetClassifier) else X.reshape(len(X), -1)
        for train, test in parts:
            begin = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                reader.fit(inputs[train], y[train])
            seconds += time.perf_counter() - begin
            right.append(reader.predict(inputs[test]) == y[test])
        found[name] = Result(float(np.concatenate(right).mean()), seconds)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", help="images and labels in MNIST's format")
    parser.add_argument("--small", action="store_true", help="one fold instead of five")
    options = parser.parse_args(arguments)
    if len(options.files) not in (0, 2):
        parser.error("expected a file of images and a file of labels, or neither")
    images = read_images(*options.files) if options.files else small_images()
    folds, epochs = (1, 8) if options.files else (1 if options.small else 5, 30)
    count, height, width = images.pixels.shape
    print(f"{count:,} digits of {height} x {width}: held-out ones read rightly in {folds} of 5 folds, {epochs} epochs")
    for name, result in compare(images, folds, epochs).items():
        print(f"  {name:20}{100 * result.accuracy:6.2f} %   {result.seconds:5.1f} s to fit")


if __name__ == "__main__":
    main()
