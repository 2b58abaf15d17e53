"""Losses with explicit gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from goldfish import functional
from goldfish.nn.layer import Array, is_turned, turn

Reduction = Literal["mean", "sum", "none"]
LossBackward = Callable[..., Array]


class Loss(ABC):
    """A function of prediction and target that training makes small.

    With ``sample_weight`` the mean is the sum of weight times loss divided by the sum of the weights of what was
    counted.
    """

    def __init__(self, reduction: Reduction) -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{type(self).__name__}: reduction expected 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction

    def __call__(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """The value alone."""
        return self.forward(prediction, target, sample_weight)[0]

    def forward(
        self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[Any, LossBackward]:
        """Value and gradient.

        Parameters
        ----------
        prediction : array_like
            What the model returned.
        target : array_like
            What it should have returned.
        sample_weight : array_like of shape (N,) or of the loss's own shape, optional
            Weights of the samples.

        Returns
        -------
        value : floating or ndarray
            The loss; an array with ``reduction="none"``.
        backward : callable
            ``dprediction = backward()``, once; ``backward(dvalue)`` to scale it.

        Raises
        ------
        ValueError
            If shapes or weights do not fit.
        """
        prediction, target = np.asarray(prediction), np.asarray(target)
        if sample_weight is not None:
            return self._weighted(prediction, target, np.asarray(sample_weight))
        value, differentiate = self._evaluate(prediction, target, self.reduction)
        return value, lambda dvalue=None: differentiate(np.ones_like(value) if dvalue is None else dvalue)

    @abstractmethod
    def _evaluate(
        self, prediction: Array, target: Array, reduction: Reduction
    ) -> tuple[Any, Callable[[ArrayLike], Array]]: ...

    @abstractmethod
    def _counts(self, values: Array, target: Array) -> Array:
        """How much each of the unreduced values counts in the mean."""

    def _weighted(self, prediction: Array, target: Array, weight: Array) -> tuple[Any, LossBackward]:
        values, differentiate = self._evaluate(prediction, target, "none")
        if weight.shape != values.shape[: weight.ndim] or weight.ndim == 0:
            raise ValueError(
                f"{type(self).__name__}: sample_weight expected shape {values.shape[:1]} or {values.shape}, "
                f"got {weight.shape}"
            )
        weight = weight.astype(values.dtype).reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
        scale = np.broadcast_to(weight, values.shape)
        if self.reduction == "none":
            return values * scale, lambda dvalue=1.0: differentiate(scale * dvalue)
        if self.reduction == "mean":
            total = (scale * self._counts(values, target)).sum()
            if not total > 0:
                raise ValueError(f"{type(self).__name__}: the sum of sample_weight expected > 0, got {total}")
            scale = scale / total
        return (values * scale).sum(), lambda dvalue=1.0: differentiate((scale * dvalue).astype(values.dtype))


class CrossEntropyLoss(Loss):
    """Minus the log of the softmax probability of the target class; see `goldfish.cross_entropy`.

    Parameters
    ----------
    weight : array_like of shape (classes,), optional
        Weights of the classes.
    ignore_index : int
        Targets of this value do not count.
    label_smoothing : float
        Part of the target that is spread over all classes.
    axis : int
        The axis of the classes; -1 for recurrent layers.
    reduction : {"mean", "sum", "none"}
        How values become one.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> value, backward = nn.CrossEntropyLoss().forward(np.zeros((2, 4)), np.array([0, 3]))
    >>> round(float(value), 4), backward().tolist()[0]
    (1.3863, [-0.375, 0.125, 0.125, 0.125])
    """

    def __init__(
        self,
        weight: ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        axis: int = 1,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.weight = None if weight is None else np.asarray(weight)
        self.ignore_index, self.label_smoothing, self.axis = ignore_index, label_smoothing, axis

    def _evaluate(
        self, prediction: Array, target: Array, reduction: Reduction
    ) -> tuple[Any, Callable[[ArrayLike], Array]]:
        # A batch-first view of a recurrent layer's output is read in the order of its memory.
        turned = self.axis in (-1, prediction.ndim - 1) and target.ndim > 1 and is_turned(prediction)
        value, cache = functional.cross_entropy_forward(
            turn(prediction) if turned else prediction,
            turn(target) if turned else target,
            weight=None if self.weight is None else self.weight.astype(prediction.dtype, copy=False),
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            axis=self.axis,
            reduction=reduction,
        )
        turned_value = turned and reduction == "none"

        def differentiate(dvalue: ArrayLike) -> Array:
            dvalue = turn(np.asarray(dvalue)) if turned_value else dvalue
            gradient: Any = functional.cross_entropy_backward(dvalue, cache).logits
            dprediction: Array = turn(gradient) if turned else gradient
            return dprediction

        return (turn(np.asarray(value)) if turned_value else value), differentiate

    def _counts(self, values: Array, target: Array) -> Array:
        if target.dtype.kind not in "iu":
            return np.ones_like(values)
        counted: Array = target != self.ignore_index
        if self.weight is None:
            return counted.astype(values.dtype)
        weights: Array = np.where(counted, self.weight[np.where(counted, target, 0)], 0).astype(values.dtype)
        return weights


class _ElementLoss(Loss):
    """A loss of single elements over one triple of `goldfish.functional`; subclasses name it and its options."""

    triple: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]

    def _options(self, prediction: Array) -> dict[str, Any]:
        return {}

    def _evaluate(
        self, prediction: Array, target: Array, reduction: Reduction
    ) -> tuple[Any, Callable[[ArrayLike], Array]]:
        value, cache = self.triple[0](prediction, target, **self._options(prediction), reduction=reduction)

        def differentiate(dvalue: ArrayLike) -> Array:
            dprediction: Array = self.triple[1](dvalue, cache).x
            return dprediction

        return value, differentiate

    def _counts(self, values: Array, target: Array) -> Array:
        return np.ones_like(values)


class MSELoss(_ElementLoss):
    """The square of prediction - target; see `goldfish.mse_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        How values become one.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> value, backward = nn.MSELoss().forward(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    >>> float(value), backward().tolist()
    (2.5, [1.0, -2.0])
    """

    triple = functional.mse_loss_forward, functional.mse_loss_backward

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class L1Loss(_ElementLoss):
    """The absolute value of prediction - target; see `goldfish.l1_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        How values become one.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> value, backward = nn.L1Loss().forward(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    >>> float(value), backward().tolist()
    (1.5, [0.5, -0.5])
    """

    triple = functional.l1_loss_forward, functional.l1_loss_backward

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)


class HuberLoss(_ElementLoss):
    """Squared error up to a distance of delta, absolute error beyond; see `goldfish.huber_loss`.

    Parameters
    ----------
    delta : float
        Where the parabola turns into a line.
    reduction : {"mean", "sum", "none"}
        How values become one.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> value, backward = nn.HuberLoss().forward(np.array([0.5, 3.0]), np.array([0.0, 0.0]))
    >>> float(value), backward().tolist()
    (1.3125, [0.25, 0.5])
    """

    triple = functional.huber_loss_forward, functional.huber_loss_backward

    def __init__(self, delta: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        if not 0 < delta < np.inf:
            raise ValueError(f"HuberLoss: delta expected a finite number > 0, got {delta}")
        self.delta = delta

    def _options(self, prediction: Array) -> dict[str, Any]:
        return {"delta": self.delta}


class BCEWithLogitsLoss(_ElementLoss):
    """The cross-entropy of probabilities with the sigmoid of logits; see `goldfish.binary_cross_entropy_with_logits`.

    Parameters
    ----------
    weight, pos_weight : array_like, optional
        What each element counts, and its positive share besides; they stretch to the prediction's shape.
    reduction : {"mean", "sum", "none"}
        How values become one.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> value, backward = nn.BCEWithLogitsLoss().forward(np.zeros(2), np.array([1.0, 0.0]))
    >>> round(float(value), 4), backward().tolist()
    (0.6931, [-0.25, 0.25])
    """

    triple = functional.binary_cross_entropy_with_logits_forward, functional.binary_cross_entropy_with_logits_backward

    def __init__(
        self,
        weight: ArrayLike | None = None,
        *,
        pos_weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.weight = None if weight is None else np.asarray(weight)
        self.pos_weight = None if pos_weight is None else np.asarray(pos_weight)

    def _options(self, prediction: Array) -> dict[str, Any]:
        kind = prediction.dtype if prediction.dtype.kind == "f" else np.dtype(np.float64)
        given = {"weight": self.weight, "pos_weight": self.pos_weight}
        return {name: None if value is None else value.astype(kind) for name, value in given.items()}
