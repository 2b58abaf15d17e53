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
    loss, validation : list of float
        Per epoch: the training loss in nats, and the accuracy on the tenth of the training images that is kept aside.
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
    validation: list[float]
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
            "validation_accuracy": self.validation,
            "confusion": self.confusion.tolist(),
        }


def run(say: Callable[[str], None], *, quick: bool = False) -> Digits:
    """Train on two thirds of the digits and read the rest.

    Parameters
    ----------
    say : callable
        Takes one line of progress.
    quick : bool
        A smaller network and few epochs.

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
        channels=(8, 16) if quick else (24, 48),
        image_shape=(1, 8, 8),
        dropout=0.3,
        batch_size=32,
        max_iter=4 if quick else 40,
        n_iter_no_change=40,
        early_stopping=True,
        random_state=0,
    )
    say(f"digits: training on {len(train)} images")
    start = time.perf_counter()
    model.fit(train, train_labels)
    seconds = time.perf_counter() - start
    probability = model.predict_proba(test)
    guess = model.classes_[probability.argmax(axis=1)]
    result = Digits(
        train_images=len(train),
        test_images=len(test),
        parameters=sum(value.size for value in model.model_.parameters().values()),
        epochs=model.n_iter_,
        accuracy=float((guess == test_labels).mean()),
        seconds=seconds,
        loss=model.loss_curve_,
        validation=list(model.validation_scores_ or ()),
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
