"""One training run: settings, the model file after every epoch, checkpoints, and their continuation."""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goldfish import nn
from goldfish.cli import trained
from goldfish.cli.errors import UsageError

_EPOCHS, _STEPS = 10, 2000


@dataclass(frozen=True)
class Session:
    """Where a run writes, and with which settings.

    Attributes
    ----------
    output, checkpoint : Path
        The model file, and beside it what continuing takes.
    task : {"text", "images"}
        What is learnt.
    settings : dict
        Those of the first run if this one continues it.
    data : dict
        Names and fingerprint of the training data, for the file.
    continues : bool
        Whether there is something to continue.
    """

    output: Path
    checkpoint: Path
    task: str
    settings: dict[str, Any]
    data: dict[str, Any]
    continues: bool


def begin(
    arguments: argparse.Namespace, task: str, defaults: dict[str, Any], source: Path, data: dict[str, Any]
) -> Session:
    """Settle where to write and the settings, before anything is trained.

    Parameters
    ----------
    arguments : Namespace
        Of the command.
    task : {"text", "images"}
        What is learnt.
    defaults : dict
        Settings that were not given.
    source : Path
        What the output is named after.
    data : dict
        With a ``fingerprint``: see `fingerprint`.

    Returns
    -------
    Session

    Raises
    ------
    UsageError
        If the output exists and is neither to be continued nor to be replaced, or if it cannot be continued like this.
    """
    output = arguments.output or Path(f"{source.stem if source.name != '-' else 'stdin'}.goldfish")
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder; --output expects a file")
    checkpoint = output.with_name(output.name + ".checkpoint")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"the folder {output.parent} of the output does not exist")
    given = {name: getattr(arguments, name) for name in defaults if hasattr(arguments, name)}
    continues = arguments.resume and checkpoint.exists() and output.exists()
    if continues:
        settings = _continued(output, task, given, data)
    elif output.exists() and not arguments.force:
        raise UsageError(f"{output} exists: --resume continues it, --force replaces it, --output names another file")
    else:
        settings = {**defaults, **given}
        checkpoint.unlink(missing_ok=True)
    return Session(output, checkpoint, task, settings, data, continues)


def fingerprint(*parts: bytes | memoryview) -> str:
    """The SHA-256 of the data, so that a run is not continued with others."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def train(
    session: Session,
    model: nn.Layer,
    data: tuple[Any, ...],
    held_out: tuple[Any, ...] | None,
    loss: nn.Loss,
    about: dict[str, Any],
    arguments: argparse.Namespace,
    *,
    batch_size: int,
    steps: int,
    **options: Any,
) -> dict[str, Any]:
    """Train, and write the model file and a checkpoint after every epoch.

    Parameters
    ----------
    session : Session
        From `begin`.
    model : Layer
        Changed in place.
    data, held_out : tuple of ndarray
        To train on, and to score after each epoch.
    loss : Loss
        The loss.
    about : dict
        What the model file says beside the history.
    arguments : Namespace
        Of the command.
    batch_size : int
        Samples in a batch.
    steps : int
        Of an epoch; short epochs are many if nobody says how many.
    **options
        Further ones of `goldfish.nn.fit`.

    Returns
    -------
    dict
        What stands in the model file.
    """
    settings = session.settings
    written = {**about, "settings": settings, "data": session.data}

    def keep(epoch: nn.Epoch) -> None:
        written["history"] = dict(epoch.history)
        trained.write(session.output, model, session.task, written)

    try:
        history = nn.fit(
            model,
            data,
            loss,
            nn.Adam(settings["learning_rate"]),
            epochs=arguments.epochs or max(_EPOCHS, math.ceil(_STEPS / steps)),
            batch_size=batch_size,
            validation=held_out,
            clip_norm=settings["clip"] if settings["clip"] > 0 else None,
            patience=arguments.patience,
            checkpoint=session.checkpoint,
            resume=session.continues,
            callbacks=[keep],
            progress=False if arguments.quiet else "auto",
            rng=np.random.default_rng(settings["seed"]),
            **options,
        )
    except KeyboardInterrupt:
        done = len(written.get("history", {}).get("loss", [])) or (session.continues and "the earlier epochs")
        kept = (
            f"{session.output} has {_epochs(done)}; --resume continues"
            if done
            else "nothing was written, because no epoch had ended"
        )
        print(f"\nstopped: {kept}", file=sys.stderr)
        raise
    written["history"] = dict(history)
    if arguments.patience:
        # The best epoch's weights are back, while the file has the last one's.
        trained.write(session.output, model, session.task, written)
    return written


def _epochs(done: int | str) -> str:
    return done if isinstance(done, str) else f"{done} epoch{'s' if done > 1 else ''}"


def _continued(output: Path, task: str, given: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    about = trained.read(output, task).about
    settings: dict[str, Any] = about["settings"]
    for name, value in given.items():
        if settings[name] != value:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"--resume: the run began with {option} {settings[name]}, got {value}")
    if about["data"]["fingerprint"] != data["fingerprint"]:
        raise UsageError(f"--resume: {output} was trained on other data than {data['name']}")
    return settings
