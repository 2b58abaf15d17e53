"""The training loop."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish._typing import Rng
from goldfish.nn import checkpoint as checkpoints
from goldfish.nn.checkpoint import Progress
from goldfish.nn.clip import NonFiniteError, clip_grad_norm
from goldfish.nn.data import Arrays, Batch, Ragged, Source, is_named, open_source, windows
from goldfish.nn.history import History
from goldfish.nn.layer import Backward, Layer
from goldfish.nn.loss import Loss
from goldfish.nn.optimizer import Optimizer
from goldfish.nn.progress import Choice, Display, open_display
from goldfish.nn.summary import culprit

Metric = Callable[[Any, Any], float]
Augment = Callable[[Any, np.random.Generator], Any]


@dataclass(frozen=True)
class Epoch:
    """What a callback sees after an epoch.

    Attributes
    ----------
    epoch : int
        The epoch that has just ended, from 0.
    step : int
        Optimiser steps so far.
    model, optimizer, history
        Those of the run.
    """

    epoch: int
    step: int
    model: Layer
    optimizer: Optimizer
    history: History


@dataclass(frozen=True)
class _Settings:
    model: Layer
    loss: Loss
    optimizer: Optimizer
    metrics: Mapping[str, Metric]
    augment: Augment | None
    batch_size: int
    truncate: int | None
    clip_norm: float | None


def fit(
    model: Layer,
    data: tuple[ArrayLike, ...] | Iterable[Any],
    loss: Loss,
    optimizer: Optimizer,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    shuffle: bool = True,
    sample_weight: ArrayLike | None = None,
    validation: float | tuple[ArrayLike, ...] | Iterable[Any] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    augment: Augment | None = None,
    truncate: int | None = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    restore_best: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    callbacks: Iterable[Callable[[Epoch], bool | None]] = (),
    progress: Choice = "auto",
    rng: Rng = None,
) -> History:
    """Train a model.

    Parameters
    ----------
    model : Layer
        Changed in place.
    data : (x, y), (x, y, sample_weight) or iterable of such batches
        A tuple holds arrays with the samples along axis 0. x may also be a list of sequences (T_i, ...) of unequal
        lengths, with a target for each sequence or for each step: sequences of like lengths go into one batch and are
        padded, the model gets their ``lengths``, targets of steps are padded with the loss's ``ignore_index`` (or do
        not count, if it has none). Anything else is iterated anew each epoch and gives batches of any shapes, whose x
        may be a mapping of arrays by name, for a model of several inputs.
    loss : Loss
        Called with prediction, target and, if there are any, sample weights.
    optimizer : Optimizer
        Takes a step after every batch, or after every window of one.
    epochs : int
        Passes over the data, those before a resumed checkpoint included.
    batch_size : int
        Samples in a batch of arrays; the last one may be smaller.
    shuffle : bool
        Whether arrays are shuffled before each epoch.
    sample_weight : array_like of shape (N,), optional
        Weights of the samples of arrays; a batch's loss is divided by its sum of weights.
    validation : float or data, optional
        A random fraction of the arrays, which is then not trained on, or other data.
    metrics : mapping of str to callable, optional
        ``metric(prediction, target) -> float`` by name, averaged over the batches.
    augment : callable, optional
        ``augment(x, rng) -> x`` for the inputs of each batch that is trained on: random crops, noise. It must return as
        many samples, and draw from ``rng`` alone if a run is to be repeated.
    truncate : int, optional
        Truncated backpropagation through time: x and y, (N, T, ...), are cut into windows of this many steps; the state
        is carried from window to window of a batch, the gradient is not.
    clip_norm : float, optional
        Bound on the norm of all gradients together; see `clip_grad_norm`.
    patience : int, optional
        Stop after so many epochs without a smaller validation loss (training loss if there is no validation).
    restore_best : bool
        Whether a run with ``patience`` ends with the weights and buffers of its best epoch.
    checkpoint : path-like, optional
        File for checkpoints. Written under a temporary name, flushed, then renamed.
    checkpoint_every : int
        Epochs between checkpoints; the last epoch has one always.
    resume : bool
        Continue from the checkpoint if the file exists, to the same bits as a run that was never interrupted. The other
        arguments, the data and the kind of ``rng`` must be the same.
    callbacks : iterable of callable
        Each is called with an `Epoch` after each epoch; one that returns True ends the run.
    progress : {"auto", "bar", "lines", True, False}
        "auto" and True: a bar if the standard error is a terminal and rich is installed, else a line per epoch. False:
        nothing.
    rng : int, Generator or None
        The one source of randomness: split, order, dropout.

    Returns
    -------
    History
        Lists per epoch: ``loss``, the metrics, and with validation the same behind ``val_``. A training value is the
        mean over the batches as they were met, so with the weights of that moment and with dropout.

    Raises
    ------
    NonFiniteError
        If a loss, or a gradient that is to be clipped, is infinite or not a number; the message names the step, which
        has not been taken, and the layer where it began.
    CheckpointError
        If the checkpoint to resume from is damaged, or of another model.
    ValueError, TypeError
        If an argument does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 2)).astype(np.float32)
    >>> y = (x[:, 0] > x[:, 1]).astype(np.int64)
    >>> model = nn.Sequential(nn.Linear(2, 2, rng=rng))
    >>> history = nn.fit(model, (x, y), nn.CrossEntropyLoss(), nn.Adam(0.05), epochs=20, progress=False, rng=rng)
    >>> bool((model(x).argmax(axis=1) == y).mean() > 0.95)
    True
    """
    _check(epochs=epochs, batch_size=batch_size, checkpoint_every=checkpoint_every)
    _check(**{name: value for name, value in {"truncate": truncate, "patience": patience}.items() if value is not None})
    if truncate is not None and not model.stateful:
        raise ValueError(f"fit: truncate={truncate} expected a model with a recurrent layer, got {model!r}")
    if resume and checkpoint is None:
        raise ValueError("fit: resume=True expected a checkpoint to resume from, got None")
    rng = np.random.default_rng(rng)
    saved = checkpoints.load(checkpoint) if resume and checkpoint is not None and Path(checkpoint).exists() else None
    first_rng = rng if saved is None else saved.first_rng(rng)
    first_rng_state = first_rng.bit_generator.state
    train, held_out = _open(data, sample_weight, validation, first_rng, getattr(loss, "ignore_index", None))
    callbacks = tuple(callbacks)
    settings = _Settings(model, loss, optimizer, dict(metrics or {}), augment, batch_size, truncate, clip_norm)
    run = Progress() if saved is None else saved.restore(model, optimizer, rng)
    history = History(run.columns)
    with open_display(progress) as display:
        while run.epoch < epochs and not run.stopped:
            display.begin(run.epoch, epochs, train.steps(batch_size, truncate))
            record = _train(settings, train, run, rng, shuffle, display)
            if held_out is not None:
                record |= {f"val_{name}": value for name, value in _evaluate(settings, held_out).items()}
            display.end(record)
            for name, value in record.items():
                run.columns.setdefault(name, []).append(value)
            _watch(run, history.monitored, model, patience, restore_best)
            run.epoch += 1
            seen = Epoch(run.epoch - 1, run.step, model, optimizer, history)
            ends = [callback(seen) is True for callback in callbacks]
            run.stopped = run.stopped or any(ends)
            if checkpoint is not None and (run.epoch % checkpoint_every == 0 or run.epoch == epochs or run.stopped):
                checkpoints.save(checkpoint, model, optimizer, run, rng, first_rng_state)
    if run.best_state:
        model.load_state_dict(run.best_state)
    return history


def _train(
    settings: _Settings, source: Source, run: Progress, rng: np.random.Generator, shuffle: bool, display: Display
) -> dict[str, float]:
    totals = _Totals()
    for batch in source.batches(settings.batch_size, rng if shuffle else None):
        state, batch = None, _augmented(settings, batch, rng)
        for window in windows(batch, settings.truncate):
            prediction, state, backward = _forward(settings, window, state, rng)
            value, dprediction = _loss(settings.loss, prediction, window)
            if not math.isfinite(value):
                where = culprit(settings.model, window.x)
                raise NonFiniteError(f"fit: the loss is {value} at step {run.step} (epoch {run.epoch}): {where}")
            settings.model.zero_grad()
            backward(dprediction(), **({"needs_x": False} if isinstance(backward, Backward) else {}))
            if settings.clip_norm is not None:
                _clip(settings, run)
            settings.optimizer.step(settings.model)
            run.step += 1
            totals.add(settings, window, prediction, value)
            display.step(value)
    return totals.means()


def _augmented(settings: _Settings, batch: Batch, rng: np.random.Generator) -> Batch:
    if settings.augment is None:
        return batch
    if is_named(batch.x):
        raise ValueError(f"fit: augment expected one input, got several: {list(batch.x)}")
    x = np.asarray(settings.augment(batch.x, rng))
    if x.ndim == 0 or len(x) != len(batch.x):
        raise ValueError(f"fit: augment expected to return {len(batch.x)} samples, got shape {x.shape}")
    return batch._replace(x=x)


def _clip(settings: _Settings, run: Progress) -> None:
    try:
        clip_grad_norm(settings.model, settings.clip_norm or 0.0)
    except NonFiniteError as error:
        raise NonFiniteError(f"fit: {error} at step {run.step} (epoch {run.epoch})") from None


def _evaluate(settings: _Settings, source: Source) -> dict[str, float]:
    totals = _Totals()
    for batch in source.batches(settings.batch_size, None):
        state = None
        for window in windows(batch, settings.truncate):
            if settings.truncate is None:
                prediction = settings.model(window.x, lengths=window.lengths)
            else:
                prediction, state = settings.model(window.x, state, lengths=window.lengths, return_state=True)
            totals.add(settings, window, prediction, _loss(settings.loss, prediction, window)[0])
    return totals.means()


def _forward(settings: _Settings, batch: Batch, state: Any, rng: np.random.Generator) -> tuple[Any, ...]:
    if settings.truncate is None:
        prediction, backward = settings.model.forward(batch.x, lengths=batch.lengths, rng=rng)
        return prediction, None, backward
    return settings.model.forward(batch.x, state, lengths=batch.lengths, return_state=True, rng=rng)


def _loss(loss: Loss, prediction: Any, batch: Batch) -> tuple[float, Callable[[], Any]]:
    weights = () if batch.weight is None else (batch.weight,)
    value, backward = loss.forward(prediction, batch.y, *weights)
    if np.ndim(value) != 0:
        raise ValueError(f"fit: loss expected to give one number, got shape {np.shape(value)}; use another reduction")
    return float(value), backward


class _Totals:
    """Means over the batches of an epoch, weighted by their sizes."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.size = 0.0

    def add(self, settings: _Settings, batch: Batch, prediction: Any, loss: float) -> None:
        size = batch.size
        self.size += size
        self.sums["loss"] = self.sums.get("loss", 0.0) + size * loss
        for name, metric in settings.metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + size * float(metric(prediction, batch.y))

    def means(self) -> dict[str, float]:
        if not self.size:
            raise ValueError("fit: data expected at least one batch, got none")
        return {name: total / self.size for name, total in self.sums.items()}


def _watch(run: Progress, monitored: str, model: Layer, patience: int | None, restore_best: bool) -> None:
    """Keep the best epoch, and stop when it lies too far back."""
    if patience is None:
        return
    value = run.columns[monitored][-1]
    run.waited += 1
    if value < run.best:
        run.best, run.waited = value, 0
        if restore_best:
            run.best_state = {name: array.copy() for name, array in model.state_dict().items()}
    run.stopped = run.waited >= patience


def _open(
    data: Any, sample_weight: ArrayLike | None, validation: Any, rng: np.random.Generator, ignore_index: int | None
) -> tuple[Source, Source | None]:
    source = open_source(data, sample_weight, ignore_index=ignore_index)
    if validation is None:
        return source, None
    if not isinstance(validation, float | int):
        return source, open_source(validation, name="validation", ignore_index=ignore_index)
    if not 0 < validation < 1:
        raise ValueError(f"fit: validation expected a fraction between 0 and 1, got {validation}")
    if not isinstance(source, Arrays | Ragged):
        raise ValueError("fit: validation expected data, because a fraction can be taken of arrays only")
    return source.split(validation, rng)


def _check(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"fit: {name} expected an int >= 1, got {value}")
