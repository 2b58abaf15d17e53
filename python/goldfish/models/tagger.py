"""A recurrent network that labels every step of a sequence: many-to-many, aligned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

from goldfish import functional, nn
from goldfish.models.recurrent_input import RecurrentNetwork
from goldfish.models.sequences import batches_of_like_length, padded
from goldfish.models.supervised import CLASS_WEIGHT, Samples, open_classes
from goldfish.nn.layer import Array

_NO_LABEL = -100
_ROWS = 256


class SequenceTagger(RecurrentNetwork):
    r"""Label every step of sequences of any lengths with a recurrent network: many-to-many, aligned.

    The network reads a sequence step by step; a dense layer under a softmax reads each of its outputs. Labels that
    depend on what follows want `bidirectional`.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        Kind of the recurrent layers.
    hidden_size, num_layers : int
        Their size and number.
    bidirectional : bool
        Whether a second direction reads from the end.
    dropout : float
        Probability of zeroing an output of a recurrent layer while training.
    embedding_dim : int, optional
        Length of a learned vector per token, which starts at about length 1; None reads tokens as unit vectors, which
        are never built.
    input : {"auto", "tokens", "vectors"}
        What a sequence holds. "auto": lists of integer arrays are tokens, everything else is vectors.
    model : goldfish.nn.Layer, optional
        A network of your own, from padded sequences and their ``lengths`` to one logit per class and step; copied in
        `fit`, frozen layers stay as they are. The architecture parameters above then do not count, and tokens reach it
        as they are.
    solver, learning_rate_init, alpha, batch_size, max_iter, tol, n_iter_no_change, early_stopping, \
    validation_fraction, clip_norm, shuffle, warm_start, verbose, random_state
        The training; see `RecurrentClassifier`. Whole sequences are held out.
    class_weight : dict, "balanced" or None
        Weights of the classes, on top of the sequences' weights.

    Attributes
    ----------
    model_ : goldfish.nn.Layer
        The trained network.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    input_ : {"tokens", "vectors"}
        What the sequences of `fit` held.
    tokens_ : ndarray of int
        The token numbers that occurred, if they were tokens; `model_` reads them as 1, 2, ... and any other as 0.
    n_iter_ : int
        Epochs run.
    loss_curve_ : list of float
        Training loss of each epoch, per step.
    validation_scores_ : list of float or None
        Accuracy per step on the held-out sequences after each epoch, with early stopping.
    history_ : goldfish.nn.History
        Everything that was measured.
    n_features_in_ : int
        Columns of a two-dimensional X; else numbers in a step, 1 for tokens.

    Notes
    -----
    What X may be and unknown tokens are as in `RecurrentClassifier`. An empty sequence has no labels: nothing is
    learned from it, and its prediction is empty. The loss of a batch is divided by the sum of the weights of its steps.

    Examples
    --------
    >>> from goldfish.models import SequenceTagger
    >>> words = [[0, 1, 2, 1], [2, 2, 1], [1, 0], [0, 0, 2, 1, 1]]
    >>> first_after_a_2 = [
    ...     ["no", "no", "no", "yes"],
    ...     ["no", "yes", "yes"],
    ...     ["no", "no"],
    ...     ["no", "no", "no", "yes", "no"],
    ... ]
    >>> tagger = SequenceTagger(hidden_size=16, learning_rate_init=0.05, random_state=0).fit(words, first_after_a_2)
    >>> [labels.tolist() for labels in tagger.predict([[2, 1], []])]
    [['no', 'yes'], []]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**RecurrentNetwork._parameter_constraints, **CLASS_WEIGHT}
    _output = "sequence"

    class_weight: dict[Any, float] | Literal["balanced"] | None
    classes_: Array

    def __init__(
        self,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_dim: int | None = None,
        input: Literal["auto", "tokens", "vectors"] = "auto",
        model: nn.Layer | None = None,
        solver: Literal["adam", "sgd"] = "adam",
        learning_rate_init: float = 1e-3,
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        max_iter: int = 100,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        clip_norm: float | None = None,
        shuffle: bool = True,
        warm_start: bool = False,
        verbose: bool = False,
        random_state: Any = None,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
    ) -> None:
        super().__init__(
            cell,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            embedding_dim=embedding_dim,
            input=input,
            model=model,
            solver=solver,
            learning_rate_init=learning_rate_init,
            alpha=alpha,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            clip_norm=clip_norm,
            shuffle=shuffle,
            warm_start=warm_start,
            verbose=verbose,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def predict(self, X: Any) -> list[Array]:
        """The likeliest label of every step.

        Parameters
        ----------
        X : list or array_like
            Sequences as in `fit`.

        Returns
        -------
        list of ndarray of shape (T,)
            Labels, one array per sequence.
        """
        return [self.classes_[logits.argmax(axis=1)] for logits in self._outputs(X)]

    def predict_proba(self, X: Any) -> list[Array]:
        """Probabilities of the labels at every step.

        Parameters
        ----------
        X : list or array_like
            Sequences as in `fit`.

        Returns
        -------
        list of ndarray of shape (T, n_classes)
            In the order of ``classes_``.
        """
        return [functional.softmax(logits, axis=1) for logits in self._outputs(X)]

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Part of the steps that are labelled rightly.

        Parameters
        ----------
        X : list or array_like
            Sequences as in `fit`.
        y : list of array_like of shape (T,)
            Their labels.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the sequences: each of their steps counts so much.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If labels do not fit the steps, or there are no steps.
        """
        predicted, labels = self.predict(X), self._check_target(y)
        self._check_steps(predicted, labels)
        steps = [len(row) for row in predicted]
        weights = np.ones(len(steps))
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, np.empty((len(steps), 0)), ensure_non_negative=True)
        if not weights @ steps > 0:
            raise ValueError("SequenceTagger.score: X must have at least one step that counts, got none")
        right = [np.count_nonzero(row == label) for row, label in zip(predicted, labels, strict=True)]
        return float(weights @ right / (weights @ steps))

    def _check_target(self, y: Any) -> list[Array]:
        if y is None:
            raise ValueError("SequenceTagger requires y to be passed, but the target y is None")
        if not isinstance(y, Iterable) or isinstance(y, str):
            raise TypeError(f"y must be a list of arrays of labels, got {type(y).__name__}")
        labels = []
        for index, item in enumerate(y):
            row = np.asarray(item)
            if row.ndim != 1:
                raise ValueError(f"y[{index}] must be a one-dimensional array of labels, got shape {row.shape}")
            labels.append(row)
        return labels

    def _check_steps(self, rows: list[Array], y: Any) -> None:
        check_consistent_length(rows, y)
        for index, (row, labels) in enumerate(zip(rows, y, strict=True)):
            if len(row) != len(labels):
                raise ValueError(
                    f"y[{index}] must have a label for each step of X[{index}], {len(row)}, got {len(labels)}"
                )

    def _open_target(self, y: Any, samples: Samples) -> list[Array]:
        steps = [len(row) for row in y]
        if not any(steps):
            raise ValueError("SequenceTagger.fit: X must have at least one sequence that is not empty, got none")
        labels = np.concatenate([row for row in y if len(row)])
        classes, numbers = open_classes(labels, self.classes_ if self._previous() is not None else None)
        self._factors = None
        if self.class_weight is not None:
            self._factors = compute_class_weight(self.class_weight, classes=classes, y=labels)
            numbers = np.where(self._factors[numbers] > 0, numbers, _NO_LABEL)
        self.classes_ = classes
        return np.split(numbers, np.cumsum(steps)[:-1])

    def _counted(self, samples: Samples, target: Any, weights: Array | None = None) -> Array:
        labelled = [bool((row != _NO_LABEL).any()) for row in target]
        return np.array(labelled) & super()._counted(samples, target, weights)

    @property
    def _width(self) -> int:
        return len(self.classes_)

    def _output_shape(self, sample: Array) -> tuple[int, ...]:
        return (len(sample), self._width)

    def _run(self, model: nn.Layer, samples: Samples) -> list[Array]:
        found: dict[int, Array] = {}
        for places in batches_of_like_length(list(samples), _ROWS):
            batch, lengths = padded([samples[place] for place in places])
            outputs = model(batch, lengths=lengths)
            found |= {place: row[:length] for place, row, length in zip(places, outputs, lengths, strict=True)}
        return [found[place] for place in range(len(samples))]

    def _loss(self) -> nn.Loss:
        return nn.CrossEntropyLoss(weight=self._factors, ignore_index=_NO_LABEL, axis=-1)

    def _metrics(self) -> dict[str, Any]:
        return {"accuracy": _accuracy}

    def _score(self, held_out: tuple[Any, ...] | None) -> Any:
        return lambda record: record["val_accuracy"]


def _accuracy(logits: Array, target: Array) -> float:
    """Part of the labelled steps whose largest logit is that of the label."""
    right = (logits.argmax(axis=-1) == target)[target != _NO_LABEL]
    return float(right.mean())
