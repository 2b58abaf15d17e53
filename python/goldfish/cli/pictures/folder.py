"""Images in folders, one for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.cli.errors import UsageError
from goldfish.cli.pictures import Images, netpbm

_PILLOW = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
_PLAIN = {".npy", ".pgm", ".ppm"}
Pixels = NDArray[Any]


def read(root: Path, size: tuple[int, int] | None) -> Images:
    """Read every image below ``root``; the name of its folder is its class.

    Parameters
    ----------
    root : Path
        Holds one folder per class; hidden ones are passed over, and files that are no images.
    size : (H, W), optional
        Scale images to this size.

    Returns
    -------
    Images
        Grey if all are grey, else in colours.

    Raises
    ------
    ValueError
        If there are no folders or no images, if images differ in size, or if one is damaged; the message names it.
    ImportError
        If Pillow is needed and missing.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise ValueError(f"{root} holds no folders; expected one for each class, with the images of the class in it")
    files = [(path, number) for number, folder in enumerate(folders) for path in _images_of(folder)]
    empty = [folder.name for number, folder in enumerate(folders) if number not in {n for _, n in files}]
    if empty:
        known = " ".join(sorted(_PLAIN | _PILLOW))
        raise ValueError(f"{root / empty[0]} holds no images ({known})")
    pixels = [_read(path, size) for path, _ in files]
    colours = max(image.shape[0] for image in pixels)
    for (path, _), image in zip(files, pixels, strict=True):
        if image.shape[1:] != pixels[0].shape[1:]:
            height, width = pixels[0].shape[1:]
            raise UsageError(
                f"{path} is {image.shape[1]} x {image.shape[2]}, {files[0][0]} {height} x {width}: "
                "--size H W scales all images to one size"
            )
    stacked = np.stack([np.broadcast_to(image, (colours, *image.shape[1:])) for image in pixels])
    return Images(stacked, np.array([number for _, number in files]), tuple(folder.name for folder in folders))


def _images_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in _PLAIN | _PILLOW)


def _read(path: Path, size: tuple[int, int] | None) -> Pixels:
    """One image, (C, H, W) with one or three colours."""
    if path.suffix.lower() == ".npy":
        image = _npy(path)
    elif path.suffix.lower() in _PLAIN:
        image = netpbm.read(path)
    else:
        return _with_pillow(path, size)
    return image if size is None or image.shape[1:] == size else _scaled(path, image, size)


def _npy(path: Path) -> Pixels:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError(f"{path} is no .npy file of numbers, or damaged") from None
    if array.ndim == 3 and array.shape[-1] in (1, 3):
        array = np.moveaxis(array, -1, 0)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[0] not in (1, 3) or array.dtype.kind not in "uif":
        raise ValueError(f"{path} holds {array.dtype} of shape {array.shape}; expected (H, W) or (H, W, 3)")
    pixels: Pixels = array if array.dtype == np.uint8 else array.astype(np.float32)
    return pixels


def _with_pillow(path: Path, size: tuple[int, int] | None) -> Pixels:
    image_module = _pillow(f"reading {path}")
    try:
        with image_module.open(path) as opened:
            image = opened.convert("L" if opened.mode in ("1", "L", "I;16") else "RGB")
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:
        raise ValueError(f"{path} is no image, or damaged ({error})") from None
    if size is not None:
        image = image.resize(size[::-1], image_module.Resampling.BOX)
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)


def _scaled(path: Path, image: Pixels, size: tuple[int, int]) -> Pixels:
    image_module = _pillow(f"scaling {path}")
    planes = [image_module.fromarray(plane) for plane in image]
    return np.stack([np.asarray(plane.resize(size[::-1], image_module.Resampling.BOX)) for plane in planes])


def _pillow(purpose: str) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{purpose} needs Pillow: pip install 'goldfish[images]'") from error
    return Image
