"""What classifiers and regressors share: targets, weights, held-out samples, probabilities."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from goldfish import functional, nn
from goldfish.models.base import NetworkEstimator, all_or_nothing
from goldfish.nn.layer import Array, walk

Samples = Array | list[Array]
CLASS_WEIGHT: dict[str, list[Any]] = {"class_weight": [StrOptions({"balanced"}), dict, None]}


class SupervisedNetwork(NetworkEstimator):
    """An estimator that learns one target per sample.

    A subclass reads inputs (`_open`), turns targets into what its loss wants (`_open_target`), builds the network
    (`_build`), and tells how an epoch is scored (`_score`).
    """

    model: nn.Layer | None
    _target_checks: ClassVar[dict[str, Any]] = {}

    @all_or_nothing
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:  # type: ignore[override]
        """Train the network.

        Parameters
        ----------
        X : array_like or list
            Samples, as the class describes them.
        y : array_like of shape (n_samples,) or, for regressors, (n_samples, n_outputs)
            Targets.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples; a sample of weight 0 is left out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If shapes, targets or parameters do not fit; scikit-learn's messages.
        """
        self._validate_params()
        samples, y = self._open(X, y)
        weights = self._sample_weights(sample_weight, samples, y)
        target = self._open_target(y, samples)
        arrays = (samples, target) if weights is None else (samples, target, weights)
        counted = self._counted(*arrays)
        if not counted.any():
            raise ValueError(f"{type(self).__name__}.fit: one sample at least must have a weight above 0, got none")
        if not counted.all():
            arrays = tuple(_safe_indexing(part, np.flatnonzero(counted)) for part in arrays)
        rng = self._generator()
        data, held_out = self._hold_out(arrays, rng)
        model = self._previous()
        if model is None:
            self._open_samples(data[0])
            model = self._build(rng) if self.model is None else copy.deepcopy(self.model)
        data = (self._encode(data[0]), *data[1:])
        held_out = None if held_out is None else (self._encode(held_out[0]), *held_out[1:])
        self._check_outputs(model, data[0])
        self._train(
            model,
            data,
            self._loss(),
            batch_size=self._batch_of(model, len(data[0])),
            held_out=held_out,
            score=self._score(held_out),
            metrics=self._metrics(),
            rng=rng,
        )
        return self

    @abstractmethod
    def _open(self, X: Any, y: Any) -> tuple[Samples, Any]:
        """Samples to train on, as an array or as a list of arrays, and y; both checked."""

    @abstractmethod
    def _open_target(self, y: Any, samples: Samples) -> Any:
        """What the loss compares with; sets what is learned from targets alone."""

    @abstractmethod
    def _build(self, rng: np.random.Generator) -> nn.Layer:
        """A new network."""

    @abstractmethod
    def _read(self, X: Any) -> Samples:
        """Samples like those of `fit`, checked; before `fit` an error."""

    @abstractmethod
    def _run(self, model: nn.Layer, samples: Samples) -> Any:
        """What a network returns for samples, computed in batches."""

    def _outputs(self, X: Any) -> Any:
        samples = self._read(X)
        return self._run(self.model_, self._encode(samples))

    @abstractmethod
    def _loss(self) -> nn.Loss:
        """What training makes small."""

    @abstractmethod
    def _score(self, held_out: tuple[Any, ...] | None) -> Any:
        """How an epoch's record becomes a number that is larger for a better model."""

    def _batch_of(self, model: nn.Layer, samples: int) -> int:
        size = self._samples_per_batch(samples)
        if any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) for _, layer in walk(model)):
            # A single sample may have no variance to normalise by.
            while samples > 1 and samples % size == 1:
                size += 1
        return size

    @property
    @abstractmethod
    def _width(self) -> int:
        """How many numbers the network is to return for a sample."""

    def _check_outputs(self, model: nn.Layer, samples: Samples) -> None:
        """Refuse a network that returns something else."""
        shape, expected = np.shape(self._run(model, samples[:1])[0]), self._output_shape(samples[0])
        if shape != expected:
            raise ValueError(
                f"{type(self).__name__}: model expected to return shape {expected} for a sample, got {shape}"
            )

    def _output_shape(self, sample: Array) -> tuple[int, ...]:
        return (self._width,)

    def _counted(self, samples: Samples, target: Any, weights: Array | None = None) -> Array:
        """Which samples there is something to learn from."""
        return np.ones(len(samples), bool) if weights is None else weights > 0

    def _metrics(self) -> dict[str, Any]:
        return {}

    def _open_dtypes(self) -> list[Any]:
        """The dtypes that samples may keep: those of a network that is given, or float32 and float64."""
        model = self._previous() or self.model
        given = [] if model is None else [value.dtype for value in model.parameters().values()]
        return given[:1] or [np.float32, np.float64]

    def _open_samples(self, samples: Samples) -> None:
        """Learn from the samples to train on what the network is to be built for."""

    def _encode(self, samples: Samples) -> Samples:
        """What the network reads."""
        return samples

    def _sample_weights(self, sample_weight: ArrayLike | None, samples: Samples, y: Any) -> Array | None:
        if sample_weight is None:
            return None
        weights: Array = _check_sample_weight(
            sample_weight, np.empty((len(samples), 0)), dtype=_float_dtype(samples), ensure_non_negative=True
        )
        return weights

    def _strata(self, target: Any) -> Array | None:
        """The classes of which held-out samples are to have their share."""
        return None

    def _hold_out(
        self, arrays: tuple[Any, ...], rng: np.random.Generator
    ) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
        """What to train on, and with early stopping what to score."""
        if not self.early_stopping:
            return arrays, None
        samples, strata = len(arrays[0]), self._strata(arrays[1])
        if samples < 2:
            raise ValueError(f"early_stopping expected two samples or more, to hold some out, got n_samples={samples}")
        size = math.ceil(self.validation_fraction * samples)
        if strata is not None:
            counts = np.bincount(strata)
            counts = counts[counts > 0]
            size = max(len(counts), size)
            # A class of one sample cannot be in both parts.
            strata = strata if counts.min() > 1 and size + len(counts) <= samples else None
        parts = train_test_split(
            *arrays, test_size=min(size, samples - 1), stratify=strata, random_state=int(rng.integers(2**31))
        )
        return tuple(parts[::2]), tuple(parts[1::2])


class NetworkClassifier(ClassifierMixin, SupervisedNetwork):  # type: ignore[misc]
    """Classes from the softmax of a network's outputs."""

    class_weight: dict[Any, float] | Literal["balanced"] | None
    classes_: Array

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **NetworkEstimator._parameter_constraints,
        **CLASS_WEIGHT,
    }

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array_like or list
            Samples as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return functional.softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array_like or list
            Samples as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return functional.log_softmax(self._outputs(X), axis=1)

    def predict(self, X: Any) -> Array:
        """The likeliest class of each sample.

        Parameters
        ----------
        X : array_like or list
            Samples as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        best = self._outputs(X).argmax(axis=1)
        labels: Array = self.classes_[best]
        return labels

    def _open_target(self, y: Any, samples: Samples) -> Array:
        classes, target = open_classes(y, self.classes_ if self._previous() is not None else None)
        self.classes_ = classes
        return target

    def _sample_weights(self, sample_weight: ArrayLike | None, samples: Samples, y: Any) -> Array | None:
        check_classification_targets(y)
        weights = super()._sample_weights(sample_weight, samples, y)
        if self.class_weight is None:
            return weights
        factors: Array = compute_sample_weight(self.class_weight, y)
        return factors if weights is None else (weights * factors).astype(weights.dtype)

    def _strata(self, target: Any) -> Array | None:
        return np.asarray(target)

    @property
    def _width(self) -> int:
        return len(self.classes_)

    def _loss(self) -> nn.Loss:
        return nn.CrossEntropyLoss()

    def _metrics(self) -> dict[str, Any]:
        return {"accuracy": accuracy}

    def _score(self, held_out: tuple[Any, ...] | None) -> Any:
        return lambda record: record["val_accuracy"]


class NetworkRegressor(RegressorMixin, SupervisedNetwork):  # type: ignore[misc]
    """Numbers from a network's outputs, by least squares."""

    n_outputs_: int
    _target_checks: ClassVar[dict[str, Any]] = {"multi_output": True, "y_numeric": True}

    def predict(self, X: Any) -> Array:
        """The estimated targets of samples.

        Parameters
        ----------
        X : array_like or list
            Samples as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As y was in `fit`.
        """
        outputs: Array = self._outputs(X)
        return outputs.reshape(-1) if self._flat else outputs

    def _open_target(self, y: Any, samples: Samples) -> Array:
        self._flat = y.ndim == 1
        target: Array = y.reshape(len(y), -1).astype(_float_dtype(samples))
        if self._previous() is not None and target.shape[1] != self.n_outputs_:
            raise ValueError(
                f"warm_start can only be used when y has as many outputs as in the previous fit, {self.n_outputs_}, "
                f"got {target.shape[1]}"
            )
        self.n_outputs_ = target.shape[1]
        return target

    @property
    def _width(self) -> int:
        return self.n_outputs_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _loss(self) -> nn.Loss:
        return nn.MSELoss()

    def _score(self, held_out: tuple[Any, ...] | None) -> Any:
        if held_out is None:
            return None
        weights = held_out[2] if len(held_out) > 2 else None
        centred = held_out[1] - np.average(held_out[1], axis=0, weights=weights)
        variance = float(np.average(centred**2, axis=0, weights=weights).mean()) or 1.0
        return lambda record: 1 - record["val_loss"] / variance


def open_classes(y: Any, previous: Array | None) -> tuple[Array, Array]:
    """The classes of labels, and the labels as their numbers.

    Parameters
    ----------
    y : array_like of shape (n_samples,)
        Labels.
    previous : ndarray, optional
        The classes that they must have.

    Raises
    ------
    ValueError
        If the labels are no classes, or other ones.
    """
    check_classification_targets(y)
    classes, target = np.unique(y, return_inverse=True)
    if previous is not None and not np.array_equal(classes, previous):
        raise ValueError(
            f"warm_start can only be used when y has the classes of the previous fit, {previous}, got {classes}"
        )
    return classes, target


def _float_dtype(samples: Samples) -> np.dtype[Any]:
    dtype = samples[0].dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float32)


def accuracy(logits: Array, target: Array) -> float:
    """Part of the rows whose largest logit is that of the target."""
    return float((logits.argmax(axis=1) == target).mean())
