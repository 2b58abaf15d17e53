"""What the estimators share: settings, random numbers, the training run."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from goldfish import nn
from goldfish.nn.layer import Array

_LARGEST_BATCH = 200

TRAIN_CONSTRAINTS: dict[str, list[Any]] = {
    "solver": [StrOptions({"adam", "sgd"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "shuffle": ["boolean"],
    "warm_start": ["boolean"],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}


_Fit = TypeVar("_Fit", bound=Callable[..., Any])


def all_or_nothing(fit: _Fit) -> _Fit:
    """Put everything that was learned before back if learning anew fails or is interrupted; a decorator of ``fit``."""

    @functools.wraps(fit)
    def restoring(self: Any, /, *arguments: Any, **named: Any) -> Any:
        before, model = dict(vars(self)), self._previous()
        weights = {} if model is None else {name: value.copy() for name, value in model.state_dict().items()}
        try:
            return fit(self, *arguments, **named)
        except BaseException:
            if model is not None:
                model.load_state_dict(weights)
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(_Fit, restoring)


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that trains a `goldfish.nn.Layer`.

    Parameters
    ----------
    solver : {"adam", "sgd"}
        The optimiser.
    learning_rate_init : float
        Its learning rate.
    alpha : float
        Weight decay: alpha times the parameter is added to its gradient.
    batch_size : int or "auto"
        "auto" is min(200, n_samples).
    max_iter : int
        Epochs.
    tol, n_iter_no_change : float, int
        Training ends when the training loss, or with early stopping the validation score, has not improved by `tol` for
        `n_iter_no_change` epochs in succession.
    early_stopping : bool
        Hold out a `validation_fraction`, score it after each epoch, and keep the best weights.
    validation_fraction : float
        Part of the samples to hold out.
    clip_norm : float, optional
        Bound on the norm of the gradient.
    shuffle : bool
        Whether samples are shuffled before each epoch.
    warm_start : bool
        Whether `fit` continues from the previous solution.
    verbose : bool
        Whether to show progress: a bar on a terminal, else a line per epoch.
    random_state : int, RandomState or None
        Initial weights, split, order and dropout.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = TRAIN_CONSTRAINTS

    model_: nn.Layer

    def __init__(
        self,
        *,
        solver: Literal["adam", "sgd"],
        learning_rate_init: float,
        alpha: float,
        batch_size: int | Literal["auto"],
        max_iter: int,
        tol: float,
        n_iter_no_change: int,
        early_stopping: bool,
        validation_fraction: float,
        clip_norm: float | None,
        shuffle: bool,
        warm_start: bool,
        verbose: bool,
        random_state: Any,
    ) -> None:
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.clip_norm = clip_norm
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @abstractmethod
    def fit(self, X: Any, y: Any = None) -> Any:
        """Train."""

    def _generator(self) -> np.random.Generator:
        """A Generator that depends on ``random_state`` alone."""
        words = check_random_state(self.random_state).randint(0, 2**32, size=4, dtype=np.uint32)
        return np.random.default_rng(words)

    def _previous(self) -> nn.Layer | None:
        """The network to continue with, if there is one and `warm_start` asks for it."""
        return getattr(self, "model_", None) if self.warm_start else None

    def _samples_per_batch(self, samples: int) -> int:
        return min(_LARGEST_BATCH, samples) if self.batch_size == "auto" else int(self.batch_size)

    @property
    def _dtype(self) -> np.dtype[Any]:
        """What the trained network computes in."""
        return next((value.dtype for value in self.model_.parameters().values()), np.dtype(np.float32))

    def _train(
        self,
        model: nn.Layer,
        data: tuple[Any, ...] | Iterable[Any],
        loss: nn.Loss,
        *,
        batch_size: int,
        held_out: tuple[Any, ...] | Iterable[Any] | None,
        score: Callable[[dict[str, float]], float],
        rng: np.random.Generator,
        **options: Any,
    ) -> None:
        """Train ``model`` and set the fitted attributes that every network has.

        ``score`` turns what an epoch measured on held-out data into a number that is larger for a better model.
        """
        optimizer = (nn.Adam if self.solver == "adam" else nn.SGD)(self.learning_rate_init, weight_decay=self.alpha)
        watch = _Watch(score if held_out is not None else None, self.tol, self.n_iter_no_change, self.early_stopping)
        self.history_ = nn.fit(
            model,
            data,
            loss,
            optimizer,
            epochs=self.max_iter,
            batch_size=batch_size,
            shuffle=self.shuffle,
            validation=held_out,
            clip_norm=self.clip_norm,
            callbacks=[watch],
            progress="auto" if self.verbose else False,
            rng=rng,
            **options,
        )
        if watch.best_state:
            model.load_state_dict(watch.best_state)
        model.zero_grad()
        self.model_ = model
        self.loss_curve_ = list(self.history_["loss"])
        self.validation_scores_ = watch.scores if held_out is not None else None
        self.n_iter_ = len(self.loss_curve_)


class _Watch:
    """Ends a run when neither loss nor validation score has improved by ``tol`` for ``patience`` epochs."""

    def __init__(
        self, score: Callable[[dict[str, float]], float] | None, tol: float, patience: int, early_stopping: bool
    ) -> None:
        self.score, self.tol, self.patience, self.early_stopping = score, tol, patience, early_stopping
        self.scores: list[float] = []
        self.best, self.waited = -np.inf, 0
        self.best_score = -np.inf
        self.best_state: dict[str, Array] = {}

    def __call__(self, epoch: nn.Epoch) -> bool:
        last = {name: values[-1] for name, values in epoch.history.items()}
        if self.score is not None:
            self.scores.append(self.score(last))
        current = self.scores[-1] if self.early_stopping else -last["loss"]
        if self.early_stopping and current > self.best_score:
            self.best_score = current
            self.best_state = {name: value.copy() for name, value in epoch.model.state_dict().items()}
        self.waited = 0 if current > self.best + self.tol else self.waited + 1
        self.best = max(self.best, current)
        return self.waited >= self.patience
