"""Images and labels in a NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.cli.errors import UsageError
from goldfish.cli.pictures import Images

_NAMES = (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"), ("x_train", "y_train"))
_COLOURS = (1, 3, 4)


def read(path: Path, layout: str) -> Images:
    """Read the archive; nothing in it is executed.

    Parameters
    ----------
    path : Path
        With arrays x and y, images and labels, data and target, or x_train and y_train.
    layout : {"auto", "first", "last"}
        Where the colours are.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If it is no archive, or its arrays do not fit.
    UsageError
        If the layout cannot be told from the shape.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = next((pair for pair in _NAMES if set(pair) <= set(arrays.files)), None)
            if found is None:
                raise ValueError(
                    f"{path} holds {', '.join(arrays.files) or 'nothing'}; expected x and y, or images and labels"
                )
            pixels, labels = (np.asarray(arrays[name]) for name in found)
    except (zipfile.BadZipFile, EOFError, OSError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{path} is no .npz file, or damaged ({error})") from None
    except (ValueError, AttributeError) as error:
        # NumPy offers to unpickle what it does not know.
        if "pickle" not in str(error) and not isinstance(error, AttributeError):
            raise
        raise ValueError(f"{path} is no .npz file, or holds Python objects, which are not read") from None
    return _arranged(path, pixels, labels, layout)


def _arranged(path: Path, pixels: NDArray[Any], labels: NDArray[Any], layout: str) -> Images:
    if pixels.ndim not in (3, 4) or pixels.dtype.kind not in "uifb":
        raise ValueError(
            f"{path} holds images of type {pixels.dtype} and shape {pixels.shape}; expected (N, H, W[, C])"
        )
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.ravel()
    if labels.ndim != 1 or len(labels) != len(pixels) or labels.dtype.kind not in "uibUS":
        raise ValueError(
            f"{path} holds labels of type {labels.dtype} and shape {labels.shape}; expected one for each of "
            f"{len(pixels)} images, whole numbers or text"
        )
    if pixels.ndim == 3:
        images = pixels[:, None]
    else:
        images = np.moveaxis(pixels, -1, 1) if _colours_last(path, pixels.shape, layout) else pixels
    if images.dtype.kind in "iub" and images.dtype != np.uint8:
        images = images.astype(np.float32)
    classes, inverse = np.unique(labels, return_inverse=True)
    names = [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in classes.tolist()]
    return Images(np.ascontiguousarray(images), inverse.astype(np.int64), tuple(names))


def _colours_last(path: Path, shape: tuple[int, ...], layout: str) -> bool:
    if layout != "auto":
        return layout == "last"
    first, last = shape[1] in _COLOURS, shape[-1] in _COLOURS
    if first == last:
        raise UsageError(f"{path} holds images of shape {shape[1:]}: --layout tells which axis is the colours")
    return last
