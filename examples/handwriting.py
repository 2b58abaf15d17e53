"""Scikit-learn's handwritten digits: ConvNetClassifier where MLPClassifier stood.

python examples/handwriting.py            # five folds of all 1,797 images; under a minute
python examples/handwriting.py --small    # one split
"""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from goldfish.models import ConvNetClassifier


class Result(NamedTuple):
    """Shares of held-out images that are read rightly, and the seconds of all fits."""

    accuracy: float
    seconds: float


def readers() -> dict[str, MLPClassifier | ConvNetClassifier]:
    """The baseline and the network: the same call, the same optimiser, the same hidden layer."""
    shared: dict[str, Any] = {"hidden_layer_sizes": (128,), "batch_size": 32, "max_iter": 30, "random_state": 0}
    return {
        "MLPClassifier": MLPClassifier(n_iter_no_change=30, **shared),
        "ConvNetClassifier": ConvNetClassifier(image_shape=(1, 8, 8), dropout=0.5, n_iter_no_change=30, **shared),
    }


def compare(folds: int) -> dict[str, Result]:
    """Fit both on four fifths and read the last, in so many of five folds."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    parts = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))[:folds]
    found = {}
    for name, reader in readers().items():
        right, seconds = [], 0.0
        for train, test in parts:
            begin = time.perf_counter()
            reader.fit(X[train], y[train])
            seconds += time.perf_counter() - begin
            right.append(reader.predict(X[test]) == y[test])
        found[name] = Result(float(np.concatenate(right).mean()), seconds)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="one fold instead of five")
    folds = 1 if parser.parse_args(arguments).small else 5
    print(f"held-out digits read rightly, {folds} of 5 folds, 30 epochs of batches of 32")
    for name, result in compare(folds).items():
        print(f"  {name:20}{100 * result.accuracy:6.2f} %   {result.seconds:5.1f} s to fit")


if __name__ == "__main__":
    main()
