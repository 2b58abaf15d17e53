"""``goldfish report``: everything about a trained model on one page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from goldfish.cli.errors import UsageError
from goldfish.cli.options import natural, shape

__all__ = ["add_parser", "run"]


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
        "report",
        parents=parents,
        help="write everything about a trained model to one HTML page",
        description="Write one HTML page that needs no other file: learning curves, layers, and for a language model "
        "what it remembers and what it writes, for an image classifier what it confuses.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the file")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: the model's name with .html")
    parser.add_argument(
        "--text", metavar="TEXT", help="what a language model reads in the pictures; default: its own data"
    )
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="of what it writes; default: %(default)s")
    parser.add_argument("--input", type=shape, metavar="SHAPE", help="of one sample, if the file does not say")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    from goldfish._files import write_atomically
    from goldfish.cli import trained
    from goldfish.cli.report.page import page

    model = trained.read(arguments.model)
    output = arguments.output or arguments.model.with_suffix(".html")
    if output.resolve() == arguments.model.resolve():
        raise UsageError(f"{output} is the model itself; --output names another file")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"the folder {output.parent} of the output does not exist")
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder; --output expects a file")
    html = page(model, text=arguments.text, seed=arguments.seed, input_shape=arguments.input, say=_say)
    write_atomically(output, [html.encode()])
    print(f"wrote {output}", file=sys.stderr)


def _say(title: str) -> None:
    """On a terminal tell what is ready: Jacobians of a large model take their time."""
    if sys.stderr.isatty():
        print(f"  {title}", file=sys.stderr, flush=True)
