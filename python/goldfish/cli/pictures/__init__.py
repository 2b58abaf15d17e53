"""Images of users: folders, NumPy archives and IDX files, as one array with class numbers."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.cli.errors import UsageError

__all__ = ["Images", "read"]


@dataclass(frozen=True)
class Images:
    """Images and what they show.

    Attributes
    ----------
    pixels : ndarray of shape (N, C, H, W)
        As they stand in the files: uint8, or floats.
    labels : ndarray of shape (N,), int64
        Numbers of classes.
    classes : tuple of str
        Their names, by number.
    """

    pixels: NDArray[Any]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: (C, H, W)."""
        return self.pixels.shape[1:]


def read(arguments: argparse.Namespace) -> Images:
    """Read what the arguments ``data``, ``labels``, ``size`` and ``layout`` name.

    Parameters
    ----------
    arguments : Namespace
        Of a command with these arguments.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If files are damaged, or do not fit together; the message names them.
    UsageError
        If options do not fit the kind of data.
    OSError
        If a file cannot be read.
    ImportError
        If a format needs Pillow, and it is missing.
    """
    data: Path = arguments.data
    if not data.exists():
        raise FileNotFoundError(f"{data} does not exist")
    if data.is_dir():
        from goldfish.cli.pictures import folder

        _refuse(arguments, "a folder", labels=True)
        images = folder.read(data, tuple(arguments.size) if arguments.size else None)
    elif data.suffix == ".npz":
        from goldfish.cli.pictures import archive

        _refuse(arguments, "a .npz file", labels=True, size=True)
        images = archive.read(data, arguments.layout)
    else:
        from goldfish.cli.pictures import idx

        _refuse(arguments, "an IDX file", size=True)
        images = idx.read(data, arguments.labels)
    return _checked(data, images)


def _refuse(arguments: argparse.Namespace, kind: str, **options: bool) -> None:
    for name in options:
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name} does not go with {kind}")


def _checked(data: Path, images: Images) -> Images:
    if not len(images.pixels):
        raise ValueError(f"{data} holds no images")
    if 0 in images.shape:
        raise ValueError(f"{data} holds images of shape {images.shape}, without pixels")
    if len(images.classes) < 2:
        raise ValueError(f"{data} holds one class only, {images.classes[0]!r}; expected two or more")
    if images.pixels.dtype.kind == "f" and not np.isfinite(images.pixels).all():
        first = int(np.argmin(np.isfinite(images.pixels).reshape(len(images.pixels), -1).all(axis=1)))
        raise ValueError(f"{data}: image {first} holds values that are not finite")
    return images
