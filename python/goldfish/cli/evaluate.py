"""``goldfish evaluate``: how good a trained model is on other data."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldfish.cli.errors import UsageError
from goldfish.cli.train import add_image_source

if TYPE_CHECKING:
    from goldfish.cli.trained import Trained

_WIDEST = 20


def add_parser(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to a parser.

    Parameters
    ----------
    commands : argparse sub-parsers
        Where to add it.
    parents : list of ArgumentParser
        Options that all commands share.
    """
    parser = commands.add_parser(
        "evaluate",
        parents=parents,
        help="score a trained model on data it has not seen",
        description="Score a model from `goldfish train`: bits per character of a text, or the share of images told "
        "right and what was taken for what.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the file")
    add_image_source(parser)
    text = next(action for action in parser._actions if action.dest == "data")
    text.help = "a text file (- is stdin); or a folder, a .npz file, or an IDX file of images"
    parser.add_argument("--encoding", default="utf-8", metavar="NAME", help="of a text; default: %(default)s")
    parser.add_argument(
        "--drop-unknown", action="store_true", help="leave out characters that the training text did not have"
    )
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    from goldfish.cli import trained

    model = trained.read(arguments.model, "text", "images")
    found = _text(model, arguments) if model.task == "text" else _images(model, arguments)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    table = found.pop("confusion", None)
    classes = found.pop("classes", [])
    for name, value in found.items():
        shown = f"{value:,}" if isinstance(value, int) else value if isinstance(value, str) else f"{value:.4f}"
        print(f"{name.replace('_', ' '):20}  {shown}")
    if table:
        print("\n".join(_confusions(classes, table)))


def _text(model: Trained, arguments: argparse.Namespace) -> dict[str, Any]:
    from goldfish.cli.train.text import read_text

    text = read_text([arguments.data], arguments.encoding)
    dropped = 0
    if arguments.drop_unknown:
        known = set(model.about["vocabulary"])
        kept = "".join(character for character in text if character in known)
        text, dropped = kept, len(text) - len(kept)
    elif unknown := sorted(set(text) - set(model.about["vocabulary"])):
        raise UsageError(
            f"{arguments.data} has {len(unknown)} characters that {model.path} never met, such as {unknown[0]!r}: "
            "--drop-unknown leaves them out"
        )
    bits = model.language_model().bits_per_character(text)
    found = {"characters": len(text), "bits_per_character": bits, "perplexity": 2**bits}
    return found | ({"left_out": dropped} if arguments.drop_unknown else {})


def _images(model: Trained, arguments: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from goldfish import nn
    from goldfish.cli import pictures
    from goldfish.cli.train.images import confusion, prepared, scores

    images, classes = pictures.read(arguments), model.about["classes"]
    if list(images.shape) != model.about["image_shape"]:
        raise ValueError(
            f"{arguments.data} holds images of shape {images.shape}, {model.path} takes {model.input_shape}"
        )
    unknown = [name for name in images.classes if name not in classes]
    if unknown:
        raise ValueError(f"{arguments.data} holds the class {unknown[0]!r}, {model.path} knows {', '.join(classes)}")
    truth = np.array([classes.index(name) for name in images.classes])[images.labels]
    logits = scores(model.model, prepared(images.pixels, model.about))
    table = confusion(truth, logits.argmax(axis=1), len(classes))
    loss = float(nn.CrossEntropyLoss()(logits, truth))
    right = int(table.trace())
    return {
        "images": len(truth),
        "right": right,
        "accuracy": right / len(truth),
        "standard_error": math.sqrt(right / len(truth) * (1 - right / len(truth)) / len(truth)),
        "cross_entropy": loss,
        "classes": classes,
        "confusion": table.tolist(),
    }


def _confusions(classes: list[str], table: list[list[int]]) -> list[str]:
    """The table, truth down and guess across; only the worst confusions if there are many classes."""
    if len(classes) > _WIDEST:
        pairs = [(n, a, b) for a, row in enumerate(table) for b, n in enumerate(row) if a != b and n]
        worst = sorted(pairs, reverse=True)[:10]
        return ["", "most often confused:", *(f"{n:8,}  {classes[a]} taken for {classes[b]}" for n, a, b in worst)]
    first = max(5, *(len(name) for name in classes))
    width = max(len(str(n)) for row in table for n in row)
    width = max(width, *(len(name[:8]) for name in classes))
    lines = ["", "truth down, guess across", " ".join([" " * first, *(f"{name[:8]:>{width}}" for name in classes)])]
    for name, row in zip(classes, table, strict=True):
        lines.append(" ".join([f"{name:>{first}}", *(f"{n or '.':>{width}}" for n in row)]))
    return lines
