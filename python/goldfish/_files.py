"""Files that are replaced as a whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Write to a temporary name in the same folder, flush to the disk, rename.

    Parameters
    ----------
    path : path-like
        Replaced if it exists; it is untouched by a failure. What is no regular file, such as /dev/stdout or a named
        pipe, is written to as it is.
    chunks : iterable of bytes
        What to write.

    Raises
    ------
    OSError
        If the file cannot be written, for example on a full disk.
    """
    target = Path(path)
    if target.exists() and not target.is_file() and not target.is_dir():
        with target.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        return
    temporary = target.with_name(target.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
