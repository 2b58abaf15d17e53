"""``goldfish sample``: text from a character language model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from goldfish.cli.options import above_zero, natural, positive


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
        "sample",
        parents=parents,
        help="let a trained language model write",
        description="Let a model from `goldfish train text` write: it draws a character, reads it, and draws the next.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the file")
    parser.add_argument(
        "-n", "--length", type=natural, default=300, metavar="N", help="characters; default: %(default)s"
    )
    parser.add_argument("--prompt", default="", metavar="TEXT", help="text to continue; it is printed too")
    parser.add_argument(
        "--temperature",
        type=above_zero,
        default=0.8,
        metavar="X",
        help="below 1 bolder, above 1 wilder; default: %(default)s",
    )
    parser.add_argument("--top-k", type=positive, metavar="N", help="draw among the N likeliest characters only")
    parser.add_argument("--top-p", type=above_zero, metavar="P", help="draw among the likeliest that have P together")
    parser.add_argument("--seed", type=natural, metavar="N", help="the same number gives the same text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    from goldfish.cli import trained

    model = trained.read(arguments.model, "text").language_model()
    print(
        model.sample(
            arguments.length,
            prompt=arguments.prompt,
            temperature=arguments.temperature,
            top_k=arguments.top_k,
            top_p=arguments.top_p,
            random_state=arguments.seed,
        )
    )
