"""Checkpoints of `fit`: everything that a run needs to continue to the same bits."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goldfish.nn.files import FileFormatError, read_arrays, write_arrays
from goldfish.nn.layer import Array, Layer
from goldfish.nn.optimizer import Optimizer

_KIND = "goldfish checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint is torn, damaged, of another kind, or belongs to another model."""


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    epoch, step : int
        Completed epochs and optimiser steps.
    columns : dict of str to list of float
        The history.
    best : float
        The smallest monitored loss so far.
    best_state : dict of str to ndarray
        Weights and buffers of that epoch, if they are to be restored.
    waited : int
        Epochs since then.
    stopped : bool
        Whether the run ended before its last epoch.
    """

    epoch: int = 0
    step: int = 0
    columns: dict[str, list[float]] = field(default_factory=dict)
    best: float = float("inf")
    best_state: dict[str, Array] = field(default_factory=dict)
    waited: int = 0
    stopped: bool = False


def save(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    progress: Progress,
    rng: np.random.Generator,
    first_rng_state: Mapping[str, Any],
) -> None:
    """Write a checkpoint; the previous one stands until the new one is complete on the disk.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    kept = optimizer.state_dict()
    arrays = {f"model/{name}": value for name, value in model.state_dict().items()}
    arrays |= {f"best/{name}": value for name, value in progress.best_state.items()}
    numbers: dict[str, dict[str, Any]] = {}
    for name, values in kept["state"].items():
        numbers[name] = {key: value for key, value in values.items() if not isinstance(value, np.ndarray)}
        arrays |= {f"optimizer/{name}/{key}": value for key, value in values.items() if isinstance(value, np.ndarray)}
    state = {
        "epoch": progress.epoch,
        "step": progress.step,
        "history": progress.columns,
        "best": progress.best,
        "waited": progress.waited,
        "stopped": progress.stopped,
        "optimizer": type(optimizer).__name__,
        "optimizer_steps": kept["steps"],
        "optimizer_numbers": numbers,
        "rng": _encode(rng.bit_generator.state),
        "first_rng": _encode(first_rng_state),
    }
    try:
        write_arrays(path, arrays, {"kind": _KIND, "state": json.dumps(state)})
    except OSError as error:
        raise OSError(error.errno, f"fit: cannot write the checkpoint: {error.strerror}", os.fspath(path)) from error


@dataclass
class Checkpoint:
    """What `load` read.

    Attributes
    ----------
    path : path-like
        Where it stood.
    arrays : dict of str to ndarray
        Everything that is an array.
    state : dict
        Everything else.
    """

    path: str | os.PathLike[str]
    arrays: dict[str, Array]
    state: dict[str, Any]

    def first_rng(self, rng: np.random.Generator) -> np.random.Generator:
        """A Generator of the same kind, at the state in which the run began."""
        first = np.random.Generator(type(rng.bit_generator)())
        self._set_rng(first, "first_rng")
        return first

    def restore(self, model: Layer, optimizer: Optimizer, rng: np.random.Generator) -> Progress:
        """Put everything back, and return how far the run was.

        Raises
        ------
        CheckpointError
            If the checkpoint is of another model or optimiser; then nothing has changed.
        """
        if self.state["optimizer"] != type(optimizer).__name__:
            raise CheckpointError(
                f"fit: {self.path} holds the state of {self.state['optimizer']}, got {type(optimizer).__name__}"
            )
        try:
            model.load_state_dict(self._part("model/"))
        except ValueError as error:
            raise CheckpointError(f"fit: {self.path} is of another model: {error}") from error
        kept: dict[str, dict[str, Any]] = {
            name: dict(values) for name, values in self.state["optimizer_numbers"].items()
        }
        for name, value in self._part("optimizer/").items():
            parameter, _, key = name.rpartition("/")
            kept[parameter][key] = value
        optimizer.load_state_dict({"steps": self.state["optimizer_steps"], "state": kept})
        self._set_rng(rng, "rng")
        return Progress(
            epoch=self.state["epoch"],
            step=self.state["step"],
            columns=self.state["history"],
            best=self.state["best"],
            best_state={name: value.copy() for name, value in self._part("best/").items()},
            waited=self.state["waited"],
            stopped=self.state["stopped"],
        )

    def _part(self, prefix: str) -> dict[str, Array]:
        return {name[len(prefix) :]: value for name, value in self.arrays.items() if name.startswith(prefix)}

    def _set_rng(self, rng: np.random.Generator, key: str) -> None:
        state = _decode(self.state[key])
        kind = type(rng.bit_generator).__name__
        if state["bit_generator"] != kind:
            raise CheckpointError(f"fit: {self.path} holds the state of {state['bit_generator']}, rng is {kind}")
        rng.bit_generator.state = state


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is torn, damaged or of another kind.
    OSError
        If it cannot be opened.
    """
    try:
        arrays, metadata = read_arrays(path)
    except FileFormatError as error:
        raise CheckpointError(f"fit: cannot resume from {error}") from None
    if metadata.get("kind") != _KIND:
        raise CheckpointError(f"fit: {path} expected a {_KIND}, got {metadata.get('kind')!r}")
    return Checkpoint(path, arrays, json.loads(metadata["state"]))


def _encode(state: Any) -> Any:
    """The state of a bit generator as JSON: arrays become lists beside their dtype."""
    if isinstance(state, Mapping):
        return {key: _encode(value) for key, value in state.items()}
    if isinstance(state, np.ndarray):
        return {"dtype": str(state.dtype), "values": state.tolist()}
    return state.item() if isinstance(state, np.generic) else state


def _decode(state: Any) -> Any:
    if isinstance(state, dict):
        if set(state) == {"dtype", "values"}:
            return np.array(state["values"], state["dtype"])
        return {key: _decode(value) for key, value in state.items()}
    return state
