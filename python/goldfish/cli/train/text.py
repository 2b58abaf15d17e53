"""A character language model from text files."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish import nn
from goldfish.cli.train import TEXT_SETTINGS
from goldfish.cli.train.session import begin, fingerprint, train

_CELLS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
# Some text to show what the network does with it: of the held-out part, if there is one.
_EXCERPT = 72
Ids = NDArray[np.int64]


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As the parser describes them.
    """
    text = read_text(arguments.files, arguments.encoding)
    data = {
        "name": ", ".join(path.name for path in arguments.files),
        "characters": len(text),
        "fingerprint": fingerprint(text.encode()),
    }
    session = begin(arguments, "text", TEXT_SETTINGS, arguments.files[0], data)
    settings = session.settings
    vocabulary = "".join(sorted(set(text)))
    ids = encode(text, vocabulary)
    cut = len(ids) - round(len(ids) * settings["validation"])
    if cut < 2:
        raise ValueError(f"--validation {settings['validation']} leaves {cut} characters to train on")
    about = {
        "vocabulary": vocabulary,
        "counts": np.bincount(ids, minlength=len(vocabulary)).tolist(),
        "excerpt": text[cut : cut + _EXCERPT] or text[:_EXCERPT],
    }
    streams = _streams(ids[:cut], settings["batch"], settings["truncate"])
    held_out = _streams(ids[cut:], settings["batch"], settings["truncate"]) if len(ids) - cut > 1 else None
    model = build(len(vocabulary), settings)
    print(
        f"{data['name']}: {len(text):,} characters, {len(vocabulary)} different; "
        f"{sum(value.size for value in model.parameters().values()):,} parameters",
        file=sys.stderr,
    )
    about = train(
        session,
        model,
        streams,
        held_out,
        nn.CrossEntropyLoss(axis=-1),
        about,
        arguments,
        batch_size=settings["batch"],  # all streams: an epoch reads the text once, from its beginning to its end
        steps=math.ceil(streams[0].shape[1] / settings["truncate"]),
        truncate=settings["truncate"],
        shuffle=False,
    )
    history = about["history"]
    name = "val_loss" if held_out else "loss"
    where = "held-out" if held_out else "training"
    print(f"wrote {session.output}: {history[name][-1] / math.log(2):.3f} bits per {where} character")


def read_text(paths: list[Path], encoding: str) -> str:
    """The texts of some files behind one another.

    Parameters
    ----------
    paths : list of Path
        "-" is the standard input.
    encoding : str
        Of all of them.

    Returns
    -------
    str
        Ends of lines are single newlines.

    Raises
    ------
    ValueError
        If a file is empty or no text, or if there are fewer than two characters.
    OSError
        If one cannot be read.
    LookupError
        For an unknown encoding.
    """
    parts = []
    for path in paths:
        name = "stdin" if str(path) == "-" else str(path)
        data = sys.stdin.buffer.read() if name == "stdin" else path.read_bytes()
        if not data:
            raise ValueError(f"{name} is empty")
        try:
            part = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name} is no {encoding} text (byte {error.start}: {data[error.start]:#04x}); --encoding names another"
            ) from None
        except LookupError:
            raise ValueError(f"--encoding: unknown encoding {encoding!r}") from None
        if "\0" in part:
            raise ValueError(f"{name} is no text: it holds NUL characters, the first at {part.index(chr(0))}")
        parts.append(part.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    text = "\n".join(parts)
    if len(text) < 2:
        raise ValueError(f"expected two characters or more, got {len(text)}")
    return text


def encode(text: str, vocabulary: str) -> Ids:
    """Character numbers; the vocabulary is sorted.

    Examples
    --------
    >>> encode("abba", "ab").tolist()
    [0, 1, 1, 0]
    """
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    known = np.frombuffer(vocabulary.encode("utf-32-le", "surrogatepass"), "<u4")
    return np.searchsorted(known, points).astype(np.int64)


def build(vocabulary: int, settings: dict[str, Any]) -> nn.Sequential:
    """The network, from character numbers to a score for each next character.

    Examples
    --------
    >>> build(10, {"cell": "gru", "hidden": 8, "layers": 1, "embedding": 0, "dropout": 0.0, "seed": 0})
    Sequential(onehot=OneHot(10), recurrent=GRU(10, 8), head=Linear(8, 10))
    """
    rng = np.random.default_rng(settings["seed"])
    layers: dict[str, nn.Layer] = {}
    if settings["embedding"]:
        layers["embedding"] = nn.Embedding(vocabulary, settings["embedding"], rng=rng)
    else:
        layers["onehot"] = nn.OneHot(vocabulary)
    layers["recurrent"] = _CELLS[settings["cell"]](
        settings["embedding"] or vocabulary,
        settings["hidden"],
        settings["layers"],
        dropout=settings["dropout"] if settings["layers"] > 1 else 0.0,
        rng=rng,
    )
    if settings["dropout"]:
        layers["dropout"] = nn.Dropout(settings["dropout"])
    layers["head"] = nn.Linear(settings["hidden"], vocabulary, rng=rng)
    return nn.Sequential(**layers)


def _streams(ids: Ids, count: int, truncate: int) -> tuple[Ids, Ids]:
    """Parallel streams of characters and of their successors; fewer where they would be shorter than a window."""
    count = max(1, min(count, (len(ids) - 1) // truncate))
    length = (len(ids) - 1) // count
    return ids[: count * length].reshape(count, length), ids[1 : count * length + 1].reshape(count, length)
