"""The command line: ``goldfish <command>`` or ``python -m goldfish <command>``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from goldfish import __version__
from goldfish.cli import bench, bound, draw, evaluate, heap, recitation, report, sample, summary, train
from goldfish.cli.errors import UsageError

__all__ = ["main"]

_EPILOG = """\
a first session:
  goldfish train text verses.txt      a language model of your text: verses.goldfish
  goldfish sample verses.goldfish     what it writes
  goldfish report verses.goldfish     everything about it on one page: verses.html

exit codes: 0 done, 1 failed, 2 wrong arguments, 130 after Ctrl-C, 141 when the reader of the output has gone"""

_FAILED = 1
_WRONG_ARGUMENTS = 2
_INTERRUPTED = 130
_PIPE_CLOSED = 141


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_WRONG_ARGUMENTS, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process if None.

    Returns
    -------
    int
        The exit code: 0 for success, 1 for a failed command, 2 for wrong arguments, 130 after Ctrl-C, 141 when the
        reader of the output has gone. Errors are one line on stderr; ``--debug`` shows the traceback.

    Examples
    --------
    >>> main(["config"])
    version: ...
    0
    """
    _open_closed_streams()
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("goldfish: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more when it ends; that must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        else:
            print(f"goldfish {arguments.command}: error: {_in_one_line(error)}", file=sys.stderr)
        return _WRONG_ARGUMENTS if isinstance(error, UsageError | argparse.ArgumentTypeError) else _FAILED
    return int(code or 0)


def _open_closed_streams() -> None:
    """Python has None where a shell closed a stream with >&-; what is written there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = _Parser(
        prog="goldfish",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Convolution, pooling and recurrent networks on plain NumPy arrays,\n"
        "and the classical course around them. Every command has its own --help.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"goldfish {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    demo = commands.add_parser(
        "demo",
        parents=[common],
        help="train two networks on real data and write a report to look at",
        description="Train a convolutional and a recurrent network on real data, time the kernels, and write a report: "
        "index.html for eyes, summary.json for programs. Nothing is downloaded.",
    )
    demo.add_argument("--output", type=Path, default=Path("demo-report"), metavar="FOLDER", help="default: %(default)s")
    demo.add_argument("--quick", action="store_true", help="small sizes: a few seconds, poor networks")
    demo.set_defaults(run=_demo)
    config = commands.add_parser(
        "config", parents=[common], help="print version, instruction set, threads and memory", description="Print it."
    )
    config.set_defaults(run=_config)
    for command in (train, sample, evaluate, summary, draw, report, bound, heap, recitation, bench):
        command.add_parser(commands, [common])
    return parser


def _demo(arguments: argparse.Namespace) -> None:
    from goldfish.cli import demo

    demo.run(arguments.output, quick=arguments.quick)


def _config(arguments: argparse.Namespace) -> None:
    import goldfish

    goldfish.show_config()


def _in_one_line(error: Exception) -> str:
    """What went wrong; the type where the message alone would not tell."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    text = " ".join(str(error).split())
    expected = isinstance(error, ValueError | TypeError | OSError | ImportError | argparse.ArgumentTypeError)
    return text if text and expected else f"{type(error).__name__}: {text}".rstrip(": ")
