"""Model files of the command line: a network and what it was trained for, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goldfish import io

if TYPE_CHECKING:
    from goldfish.models import CharLanguageModel
    from goldfish.nn import Layer

_KEY = "goldfish.cli"
TASKS = {"text": "a character language model", "images": "an image classifier"}


@dataclass(frozen=True)
class Trained:
    """A network from a file.

    Attributes
    ----------
    path : Path
        The file.
    model : Layer
        The network.
    task : {"text", "images", "network"}
        What it was trained for; "network" if somebody else saved it.
    about : dict
        Everything else as JSON has it: ``history``, ``settings``, ``data``, and for texts ``vocabulary``,
        ``counts`` and ``excerpt``, for images ``classes``, ``image_shape``, ``offset``, ``scale`` and perhaps
        ``confusion``.
    """

    path: Path
    model: Layer
    task: str
    about: dict[str, Any]

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Of one sample without the batch axis; None if the file does not say."""
        if self.task == "images":
            return tuple(self.about["image_shape"])
        return (self.about["settings"]["truncate"],) if self.task == "text" else None

    def language_model(self) -> CharLanguageModel:
        """The network as the estimator that samples and scores text.

        Raises
        ------
        ImportError
            Without scikit-learn.
        """
        from goldfish.models import CharLanguageModel

        estimator = CharLanguageModel()
        estimator.model_ = self.model
        estimator.vocabulary_ = self.about["vocabulary"]
        estimator.character_counts_ = np.array(self.about["counts"])
        return estimator


def write(path: Path, model: Layer, task: str, about: dict[str, Any]) -> None:
    """Write a model file; the old one stands until the new one is complete.

    Parameters
    ----------
    path : Path
        Where to.
    model : Layer
        The network.
    task : {"text", "images"}
        What it was trained for.
    about : dict
        See `Trained`.
    """
    io.save(model, path, metadata={_KEY: json.dumps({"task": task, **about})})


def read(path: Path, *tasks: str) -> Trained:
    """Read a model file.

    Parameters
    ----------
    path : Path
        From `write`, or from `goldfish.io.save`.
    *tasks : str
        What it must have been trained for, one of them; anything if there are none.

    Returns
    -------
    Trained

    Raises
    ------
    OSError
        If it cannot be opened.
    FileFormatError
        If it is no model file, or damaged; the message says why.
    ValueError
        If it was trained for something else.
    """
    try:
        model, metadata = io.load(path), io.load_metadata(path)
        about = json.loads(metadata[_KEY]) if _KEY in metadata else {"task": "network"}
        task = _checked(about)
    except io.FileFormatError as error:
        raise io.FileFormatError(f"not a model file: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise io.FileFormatError(f"not a model file: {path}: its metadata are damaged ({error})") from None
    if tasks and task not in tasks:
        wanted = " or ".join(TASKS[name] for name in tasks)
        raise ValueError(f"{path} is {TASKS.get(task, 'a network that another program saved')}; expected {wanted}")
    return Trained(path, model, task, about)


def _checked(about: Any) -> str:
    """The task, after looking at everything that the commands rely on."""
    task = str(about["task"])
    if task == "text":
        vocabulary, counts = about["vocabulary"], about["counts"]
        fine = isinstance(vocabulary, str) and list(vocabulary) == sorted(set(vocabulary))
        fine = fine and len(counts) == len(vocabulary) and all(type(n) is int and n >= 0 for n in counts)
        settings = about["settings"]
        fine = fine and all(type(settings[name]) is int for name in ("truncate", "hidden", "layers"))
        fine = fine and isinstance(settings["cell"], str) and isinstance(about["excerpt"], str)
    elif task == "images":
        sizes = [*about["image_shape"], about["offset"], about["scale"]]
        fine = len(about["image_shape"]) == 3 and all(isinstance(n, int | float) for n in sizes)
        fine = fine and all(isinstance(name, str) for name in about["classes"])
    else:
        fine = task == "network"
    if not fine:
        raise ValueError(f"they do not describe {TASKS.get(task, 'a network')}")
    return task
