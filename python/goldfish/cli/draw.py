"""``goldfish draw``: recurrent and convolutional networks, and trained models, as pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldfish.cli.errors import UsageError
from goldfish.cli.options import positive, shape

_KINDS = ("one-to-one", "one-to-many", "many-to-one", "many-to-many", "seq2seq")
_FORMATS = (".svg", ".png", ".pdf")
_RNN, _CNN, _MODEL = ("view", "steps", "hidden", "wiring", "labels"), ("shapes",), ("picture", "text", "input")

_EPILOG = """\
examples:
  goldfish draw rnn --labels the goldfish forgets
  goldfish draw rnn --view projection --steps 4 --hidden 3 -o projection.svg
  goldfish draw rnn --wiring one-to-many 1 5 -o caption.svg
  goldfish draw cnn input=3x128x128 filters=12x48x48 pool=12x16x16 scores=10 -o network.svg
  goldfish draw digits.goldfish -o layers.png
  goldfish draw verses.goldfish --picture influence --text "To be, or not to be" -o influence.svg"""


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
        "draw",
        parents=parents,
        help="draw a network, or what a trained model does, as SVG, PNG or PDF",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Draw a recurrent network, a convolutional network, or a trained model.\n"
        "SVG needs nothing else; PNG and PDF need matplotlib.",
        epilog=_EPILOG,
    )
    parser.add_argument("what", metavar="rnn|cnn|MODEL", help="what to draw")
    parser.add_argument("shapes", nargs="*", metavar="NAME=SHAPE", help="cnn: its layers, such as filters=12x48x48")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="an .svg, .png or .pdf file; default: SVG into the pipe"
    )
    rnn = parser.add_argument_group("rnn")
    rnn.add_argument("--view", choices=["unrolled", "rolled", "projection"], help="default: unrolled")
    rnn.add_argument("--steps", type=positive, metavar="T", help="steps")
    rnn.add_argument("--hidden", type=positive, metavar="N", help="units in a projection; default: 2")
    rnn.add_argument(
        "--wiring",
        nargs="+",
        metavar=("KIND", "N"),
        help=f"which steps read and answer: {', '.join(_KINDS)}, then steps that read, and steps that answer",
    )
    rnn.add_argument("--labels", nargs="+", metavar="WORD", help="what the steps read")
    model = parser.add_argument_group("model")
    model.add_argument(
        "--picture",
        choices=["layers", "influence", "reading", "lags", "filters", "curves"],
        help="default: influence for a language model, else layers",
    )
    model.add_argument("--text", metavar="TEXT", help="what a language model reads; default: some of its own data")
    model.add_argument("--input", type=shape, metavar="SHAPE", help="of one sample, if the file does not say")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    output = _output(arguments)
    if arguments.what == "rnn":
        _refuse(arguments, "rnn", _CNN, _MODEL)
        draw = _rnn(arguments)
    elif arguments.what == "cnn":
        _refuse(arguments, "cnn", _RNN, _MODEL)
        draw = _cnn(arguments)
    else:
        _refuse(arguments, "a model", _RNN, _CNN)
        draw = _model(arguments)
    if output is None:
        sys.stdout.write(draw(None) + "\n")
    elif output.suffix.lower() == ".svg":
        from goldfish._files import write_atomically

        write_atomically(output, [draw(None).encode()])
    else:
        _with_matplotlib(draw, output)
    if output is not None:
        print(f"wrote {output}", file=sys.stderr)


def _output(arguments: argparse.Namespace) -> Path | None:
    """Where to draw; None is the pipe."""
    if arguments.output is None:
        # Nobody reads SVG on a terminal.
        return Path(Path(arguments.what).stem + ".svg") if sys.stdout.isatty() else None
    output: Path = arguments.output
    if output.suffix.lower() not in _FORMATS:
        raise UsageError(f"--output expects an .svg, .png or .pdf file, got {output}")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"the folder {output.parent} of the output does not exist")
    return output


def _refuse(arguments: argparse.Namespace, what: str, *groups: tuple[str, ...]) -> None:
    for name in (name for group in groups for name in group):
        if getattr(arguments, name):
            raise UsageError(f"{'NAME=SHAPE' if name == 'shapes' else '--' + name} does not go with {what}")


def _rnn(arguments: argparse.Namespace) -> Callable[[Any], Any]:
    from goldfish import drawing

    options = {"hidden": arguments.hidden or 2, "labels": arguments.labels, "wiring": _wiring(arguments.wiring)}
    return lambda ax: drawing.draw_rnn(arguments.view or "unrolled", arguments.steps, **options, ax=ax)


def _wiring(words: list[str] | None) -> Any:
    from goldfish import diagnostics

    if words is None:
        return None
    kind, *lengths = words
    if kind not in _KINDS or not 1 <= len(lengths) <= 2:
        raise UsageError(
            f"--wiring expects one of {', '.join(_KINDS)} and one or two numbers of steps, got {' '.join(words)}"
        )
    return diagnostics.wiring(kind, *map(positive, lengths))  # type: ignore[arg-type]


def _cnn(arguments: argparse.Namespace) -> Callable[[Any], Any]:
    from goldfish import drawing

    if not arguments.shapes:
        raise UsageError("cnn takes the layers to draw, such as input=3x64x64 filters=12x48x48 scores=10")
    layers = []
    for item in arguments.shapes:
        name, equals, size = item.rpartition("=")
        if not equals:
            raise UsageError(f"expected a layer such as filters=12x48x48, got {item!r}")
        layers.append((name, shape(size)))
    return lambda ax: drawing.draw_cnn(layers, ax=ax)


def _model(arguments: argparse.Namespace) -> Callable[[Any], Any]:
    from goldfish.cli import trained
    from goldfish.cli.views import VIEWS

    path = Path(arguments.what)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; rnn, cnn, or a model file can be drawn")
    model = trained.read(path)
    picture = arguments.picture or ("influence" if model.task == "text" else "layers")
    options: dict[str, Any] = {}
    if arguments.text is not None:
        if picture not in ("influence", "reading", "lags"):
            raise UsageError("--text goes with --picture influence, reading or lags")
        options["text"] = arguments.text
    if arguments.input is not None:
        if picture != "layers":
            raise UsageError("--input goes with --picture layers")
        options["input_shape"] = arguments.input
    return lambda ax: VIEWS[picture](model, ax, **options)


def _with_matplotlib(draw: Callable[[Any], Any], output: Path) -> None:
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{output.suffix} needs matplotlib: pip install 'goldfish[plot]'") from error
    figure, ax = plt.subplots(figsize=(10, 6), layout="constrained")
    try:
        draw(ax)
        figure.savefig(output, dpi=150)
    finally:
        plt.close(figure)
