"""Five labelled images a class: features of a network that has learned other classes, against raw pixels.

A ConvNetClassifier learns the digits 0 to 4. Its last layer is chopped off, and what is left describes the digits 5 to
9, of which only five each are labelled, to a logistic regression. The baseline is the same regression on the pixels;
the same network before training tells how much of the difference is the architecture's.

python examples/transfer.py            # 100 draws of the labelled images
python examples/transfer.py --small    # 20 draws, and a network that has trained for less
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from goldfish import nn
from goldfish.models import ConvNetClassifier, FeatureExtractor

SHOTS = 5


class Result(NamedTuple):
    """Accuracy on the unlabelled images of the new classes, for each draw of labelled ones."""

    pixels: NDArray[np.float64]
    untrained: NDArray[np.float64]
    features: NDArray[np.float64]


def shifted(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The images, each moved by up to one pixel in every direction: nine times as many."""
    wide = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.concatenate([wide[:, :, row : row + 8, column : column + 8] for row in range(3) for column in range(3)])


def pretrain(X: NDArray[np.float32], y: NDArray[np.int64], max_iter: int, learning_rate: float = 1e-3) -> nn.Layer:
    """A network that tells the old classes apart, whose last layer reads what the convolutions found."""
    classifier = ConvNetClassifier(
        (64, 128),
        hidden_layer_sizes=(),
        batch_norm=True,
        batch_size=64,
        max_iter=max_iter,
        learning_rate_init=learning_rate,
        random_state=0,
    )
    return classifier.fit(shifted(X), np.tile(y, 9)).model_


def compare(draws: int, max_iter: int) -> Result:
    """Learn the new classes from a few images: on pixels, on the features of a network, and of one hardly trained."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    old = labels < 5
    base = pretrain(images[old], labels[old], max_iter)
    idle = pretrain(images[old], labels[old], 1, learning_rate=1e-12)
    X, y = images[~old], labels[~old]
    described = [X.reshape(len(X), -1), *(FeatureExtractor(model).transform(X) for model in (idle, base))]
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        shown = np.concatenate([rng.choice(np.flatnonzero(y == label), SHOTS, replace=False) for label in range(5, 10)])
        rest = np.setdiff1d(np.arange(len(y)), shown)
        learners = [LogisticRegression(max_iter=1000).fit(features[shown], y[shown]) for features in described]
        found.append(
            [learner.score(features[rest], y[rest]) for learner, features in zip(learners, described, strict=True)]
        )
    return Result(*np.array(found).T)


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="fewer draws, less training")
    small = parser.parse_args(arguments).small
    result = compare(20, 3) if small else compare(100, 6)
    print(f"digits 5 to 9 from {SHOTS} labelled images each, mean of {len(result.pixels)} draws")
    print(f"  logistic regression on pixels                             {100 * result.pixels.mean():6.1f} %")
    print(f"  logistic regression on the features of an untrained one   {100 * result.untrained.mean():6.1f} %")
    print(f"  logistic regression on the network's features             {100 * result.features.mean():6.1f} %")
    print(f"  the network's features beat the pixels in {np.mean(result.features > result.pixels):.0%} of the draws")


if __name__ == "__main__":
    main()
