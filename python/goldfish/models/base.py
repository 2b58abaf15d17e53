"""What the estimators share: settings, random numbers, the training run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from goldfish import nn
from goldfish.nn.layer import Array

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


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that trains a `goldfish.nn.Layer`."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = TRAIN_CONSTRAINTS

    solver: str
    learning_rate_init: float
    alpha: float
    batch_size: int | str
    max_iter: int
    tol: float
    n_iter_no_change: int
    early_stopping: bool
    clip_norm: float | None
    shuffle: bool
    warm_start: bool
    verbose: bool | int
    random_state: Any

    @abstractmethod
    def fit(self, X: Any, y: Any = None) -> Any:
        """Train."""

    def _generator(self) -> np.random.Generator:
        """A Generator that depends on ``random_state`` alone."""
        words = check_random_state(self.random_state).randint(0, 2**32, size=4, dtype=np.uint32)
        return np.random.default_rng(words)

    def _train(
        self,
        model: nn.Layer,
        data: tuple[Any, ...],
        loss: nn.Loss,
        *,
        batch_size: int,
        held_out: tuple[Any, ...] | None,
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
