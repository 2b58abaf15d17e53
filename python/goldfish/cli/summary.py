"""``goldfish summary``: shapes, parameters, work and memory of a network, layer by layer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from goldfish.cli.errors import UsageError
from goldfish.cli.options import shape


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
        "summary",
        parents=parents,
        help="print a network's layers: shapes, parameters, multiply-adds, memory",
        description="Print a network's layers: the shapes of their outputs, parameters, multiply-adds and memory for "
        "one sample. A model from `goldfish train` knows its input; for one from goldfish.io.save, --input tells it.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the file")
    parser.add_argument(
        "--input", type=shape, metavar="SHAPE", help="of one sample, such as 3x32x32, or 100 characters"
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    from goldfish import diagnostics
    from goldfish.cli import trained

    model = trained.read(arguments.model)
    input_shape = arguments.input or model.input_shape
    if input_shape is None:
        raise UsageError(f"{arguments.model} does not say what it takes: --input SHAPE tells it, such as 3x32x32")
    found = diagnostics.summary(model.model, input_shape)
    if arguments.json:
        rows = [row._asdict() for row in found.rows]
        print(json.dumps({"input": input_shape, **found._asdict(), "rows": rows}, indent=2))
        return
    about = f"{trained.TASKS[model.task]}, " if model.task in trained.TASKS else ""
    print(f"{arguments.model}: {about}input {' x '.join(map(str, input_shape))}\n\n{found}")
    if model.task != "network":
        history = model.about["history"]
        last = ", ".join(f"{name} {values[-1]:.4f}" for name, values in history.items())
        print(f"\ntrained on {model.about['data']['name']}, {len(history['loss'])} epochs: {last}")
