"""Images and labels in two IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from goldfish import io
from goldfish.cli.errors import UsageError
from goldfish.cli.pictures import Images


def read(data: Path, labels: Path | None) -> Images:
    """Read both files.

    Parameters
    ----------
    data : Path
        The images, (N, H, W) or (N, C, H, W).
    labels : Path, optional
        The labels, (N,); found beside the images, by MNIST's names, if not given.

    Returns
    -------
    Images

    Raises
    ------
    FileFormatError
        If a file is no IDX file.
    ValueError
        If the files do not fit together.
    UsageError
        If there is no file of labels.
    """
    pixels = io.load_idx(data)
    if pixels.ndim not in (3, 4):
        raise ValueError(f"{data} holds an array of shape {pixels.shape}; expected images, (N, H, W)")
    found = labels or _beside(data)
    if found is None or not found.exists():
        raise UsageError(f"{found or 'no labels beside ' + str(data)}: --labels names the IDX file of the labels")
    numbers = io.load_idx(found)
    if numbers.ndim != 1 or numbers.dtype.kind == "f":
        raise ValueError(
            f"{found} holds {numbers.dtype} of shape {numbers.shape}; expected whole numbers, ({len(pixels)},)"
        )
    if len(numbers) != len(pixels):
        raise ValueError(f"{found} holds {len(numbers)} labels, {data} {len(pixels)} images")
    classes, inverse = np.unique(numbers, return_inverse=True)
    images = pixels[:, None] if pixels.ndim == 3 else pixels
    return Images(images, inverse.astype(np.int64), tuple(map(str, classes.tolist())))


def _beside(data: Path) -> Path | None:
    """MNIST calls them images-idx3 and labels-idx1; without a name of that kind nobody can know."""
    name = data.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    return None if name == data.name else data.with_name(name)
