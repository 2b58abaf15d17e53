"""``goldfish train text`` and ``goldfish train images``: networks from a user's own data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from goldfish.cli.options import above_zero, fraction, natural, positive

__all__ = ["add_parser"]

_EPILOG = """\
MODEL is written after every epoch, and MODEL.checkpoint with it, so Ctrl-C costs at most one epoch.
--resume continues from there, with the settings of the first run, to the same result as a run that was
never interrupted; it starts anew if there is nothing to continue. To train longer: --resume --epochs N.

exit codes: 0 trained, 1 failed, 2 wrong arguments, 130 after Ctrl-C"""

# Everything that a resumed run takes over from the first one. The parser leaves out what was not given.
TEXT_SETTINGS: dict[str, Any] = {
    "cell": "lstm",
    "hidden": 256,
    "layers": 1,
    "embedding": 0,
    "dropout": 0.0,
    "truncate": 64,
    "batch": 32,
    "learning_rate": 2e-3,
    "clip": 5.0,
    "validation": 0.05,
    "seed": 0,
}
IMAGE_SETTINGS: dict[str, Any] = {
    "channels": [16, 32],
    "kernel": 3,
    "dense": 128,
    "dropout": 0.0,
    "batch": 32,
    "learning_rate": 1e-3,
    "clip": 0.0,
    "validation": 0.1,
    "seed": 0,
}


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
        "train",
        help="train a network on your own text or images",
        description="Train a network on your own text or images and write it to a file.",
    )
    kinds = parser.add_subparsers(dest="kind", metavar="text|images", required=True)
    _add_text(kinds, parents)
    _add_images(kinds, parents)


def _add_text(kinds: Any, parents: list[argparse.ArgumentParser]) -> None:
    default = TEXT_SETTINGS
    parser = kinds.add_parser(
        "text",
        parents=parents,
        help="a character language model",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a recurrent network to guess the next character of a text.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="text files, one after the other; - is stdin"
    )
    parser.add_argument("--encoding", default="utf-8", metavar="NAME", help="of the files; default: %(default)s")
    network = parser.add_argument_group("network")
    _setting(network, "--cell", default, choices=["lstm", "gru", "rnn"], help="kind of recurrent layer")
    _setting(network, "--hidden", default, type=positive, metavar="N", help="units of a layer")
    _setting(network, "--layers", default, type=positive, metavar="N", help="recurrent layers")
    _setting(
        network, "--embedding", default, type=natural, metavar="N", help="length of a character's vector; 0: one-hot"
    )
    _setting(network, "--dropout", default, type=fraction, metavar="P", help="chance of zeroing an output")
    training = _add_training(parser, default, "the last part of the text to score after each epoch")
    _setting(
        training, "--truncate", default, type=positive, metavar="N", help="characters that a gradient reaches back"
    )
    parser.set_defaults(run=_text)


def _add_images(kinds: Any, parents: list[argparse.ArgumentParser]) -> None:
    default = IMAGE_SETTINGS
    parser = kinds.add_parser(
        "images",
        parents=parents,
        help="an image classifier",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a convolutional network to tell classes of images apart.\n\n"
        "DATA is one of\n"
        "  a folder with one folder of images per class (PNG, JPEG, ... need Pillow; PGM, PPM and .npy do not)\n"
        "  a .npz file with arrays x and y, or images and labels, or x_train and y_train\n"
        "  an IDX file of images as of MNIST, gzipped or not; the labels' file is found beside it, or --labels",
        epilog=_EPILOG,
    )
    add_image_source(parser)
    network = parser.add_argument_group("network")
    _setting(network, "--channels", default, nargs="+", type=positive, metavar="N", help="filters of each convolution")
    _setting(network, "--kernel", default, type=positive, metavar="N", help="size of a filter")
    _setting(network, "--dense", default, type=natural, metavar="N", help="units of the dense layer; 0: none")
    _setting(network, "--dropout", default, type=fraction, metavar="P", help="chance of zeroing a unit of it")
    _add_training(parser, default, "part of the images to hold out and score after each epoch")
    parser.set_defaults(run=_images)


def add_image_source(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where images come from.

    Parameters
    ----------
    parser : ArgumentParser
        Gets ``data``, ``labels``, ``size`` and ``layout``.
    """
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder, a .npz file, or an IDX file")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="IDX file of labels, if DATA is an IDX file")
    parser.add_argument(
        "--size",
        nargs=2,
        type=positive,
        metavar=("H", "W"),
        help="scale images of a folder to this size (needs Pillow)",
    )
    parser.add_argument(
        "--layout",
        choices=["auto", "first", "last"],
        default="auto",
        help="where the colours of a .npz file's images are: axis 1 or the last; default: %(default)s",
    )


def _add_training(parser: argparse.ArgumentParser, default: dict[str, Any], held_out: str) -> Any:
    parser.add_argument(
        "-o", "--output", type=Path, metavar="MODEL", help="file to write; default: the data's name with .goldfish"
    )
    training = parser.add_argument_group("training")
    training.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help="passes over the data; default: 10, more where there is little data",
    )
    _setting(training, "--batch", default, type=positive, metavar="N", help="samples that are read side by side")
    _setting(training, "--learning-rate", default, type=above_zero, metavar="X", help="of Adam")
    _setting(training, "--clip", default, type=float, metavar="X", help="bound on the gradient's norm; 0: none")
    _setting(training, "--validation", default, type=fraction, metavar="P", help=held_out)
    _setting(training, "--seed", default, type=natural, metavar="N", help="the same number gives the same network")
    training.add_argument(
        "--patience", type=positive, metavar="N", help="stop after N epochs without a better one, and keep the best"
    )
    training.add_argument("--resume", action="store_true", help="continue an interrupted run")
    training.add_argument("--force", action="store_true", help="replace MODEL if it exists")
    training.add_argument("--quiet", action="store_true", help="no progress")
    return training


def _setting(group: Any, name: str, defaults: dict[str, Any], **options: Any) -> None:
    default = defaults[name.lstrip("-").replace("-", "_")]
    shown = " ".join(map(str, default)) if isinstance(default, list) else default
    group.add_argument(name, default=argparse.SUPPRESS, **{**options, "help": f"{options['help']}; default: {shown}"})


def _text(arguments: argparse.Namespace) -> None:
    from goldfish.cli.train import text

    text.run(arguments)


def _images(arguments: argparse.Namespace) -> None:
    from goldfish.cli.train import images

    images.run(arguments)
