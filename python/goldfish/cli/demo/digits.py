"""A convolutional network on the handwritten digits that scikit-learn ships."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from goldfish import nn
from goldfish.models import ConvNetClassifier


@dataclass(frozen=True)
class Misread:
    """A test image that got the wrong label.

    Attributes
    ----------
    image : ndarray of shape (8, 8)
        Ink from 0 to 1.
    truth, guess : int
        What it is and what it was taken for.
    confidence : float
        The probability given to ``guess``.
    """

    image: NDArray[np.float32]
    truth: int
    guess: int
    confidence: float


@dataclass(frozen=True)
class Digits:
    """What the training led to.

    Attributes
    ----------
    train_images, test_images, parameters, epochs : int
        Sizes.
    accuracy : float
        Share of the test images that are read right.
    seconds : float
        Time of ``fit``.
    loss : list of float
        The training loss of each epoch, in nats.
    confusion : ndarray of shape (10, 10)
        Test images by truth (rows) and guess (columns).
    filters : ndarray of shape (O, K, K)
        The first layer's.
    misread : list of Misread
        The most confident mistakes first.
    """

    train_images: int
    test_images: int
    parameters: int
    epochs: int
    accuracy: float
    seconds: float
    loss: list[float]
    confusion: NDArray[np.int64]
    filters: NDArray[np.float32]
    misread: list[Misread]

    def summary(self) -> dict[str, Any]:
        """The numbers as plain values, for JSON."""
        return {
            "train_images": self.train_images,
            "test_images": self.test_images,
            "parameters": self.parameters,
            "epochs": self.epochs,
            "accuracy": self.accuracy,
            "seconds": self.seconds,
            "loss": self.loss,
            "confusion": self.confusion.tolist(),
        }


def network(channels: int) -> nn.Sequential:
    """Two convolutions at full size, then a pool, then two dense layers.

    Parameters
    ----------
    channels : int
        Filters of the first convolution; the second has twice as many.

    Returns
    -------
    Sequential
        From (N, 1, 8, 8) to ten scores per image.

    Examples
    --------
    >>> network(4)(np.zeros((3, 1, 8, 8), np.float32)).shape
    (3, 10)
    """
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Conv2d(1, channels, 5, padding="same", rng=rng),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(32 * channels, 128, rng=rng),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10, rng=rng),
    )


def run(say: Callable[[str], None], *, quick: bool = False) -> Digits:
    """Train on two thirds of the digits and read the rest.

    Parameters
    ----------
    say : callable
        Takes one line of progress.
    quick : bool
        A narrower network and few epochs.

    Returns
    -------
    Digits
        The same for every run on one machine and build, but for the time.
    """
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    train, test, train_labels, test_labels = train_test_split(
        images, labels, test_size=1 / 3, stratify=labels, random_state=0
    )
    model = ConvNetClassifier(
        model=network(8 if quick else 32), image_shape=(1, 8, 8), batch_size=32, warm_start=True, random_state=0
    )
    loss: list[float] = []
    say(f"digits: training on {len(train)} images")
    start = time.perf_counter()
    for rate, epochs in [(1e-3, 4)] if quick else [(1e-3, 24), (2e-4, 8)]:
        model.set_params(learning_rate_init=rate, max_iter=epochs).fit(train, train_labels)
        loss += model.loss_curve_
    seconds = time.perf_counter() - start
    probability = model.predict_proba(test)
    guess = model.classes_[probability.argmax(axis=1)]
    result = Digits(
        train_images=len(train),
        test_images=len(test),
        parameters=sum(value.size for value in model.model_.parameters().values()),
        epochs=len(loss),
        accuracy=float((guess == test_labels).mean()),
        seconds=seconds,
        loss=loss,
        confusion=confusion_matrix(test_labels, guess),
        filters=next(value for value in model.model_.parameters().values() if value.ndim == 4)[:, 0],
        misread=_misread(test, test_labels, guess, probability.max(axis=1)),
    )
    say(f"digits: {result.accuracy:.2%} of {len(test)} held-out images read right after {seconds:.1f} s of training")
    return result


def _misread(
    images: NDArray[np.float32], truth: NDArray[np.int64], guess: NDArray[np.int64], confidence: NDArray[np.float32]
) -> list[Misread]:
    wrong = np.flatnonzero(truth != guess)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")]
    return [
        Misread(images[index].reshape(8, 8), int(truth[index]), int(guess[index]), float(confidence[index]))
        for index in order
    ]
