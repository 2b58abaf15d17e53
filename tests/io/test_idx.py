"""Arrays in IDX files, whole, torn and hostile."""

import gzip
import struct

import numpy as np
import pytest

from goldfish import io

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def encode(array):
    start = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return start + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", CODES)
def test_every_type_comes_back(kind, packed, tmp_path, rng) -> None:
    array = (rng.standard_normal((3, 4, 5)) * 50).astype(kind)
    data = encode(array)
    (tmp_path / "x").write_bytes(gzip.compress(data) if packed else data)
    found = io.load_idx(tmp_path / "x")
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert np.array_equal(found, array)
    assert found.flags.writeable


def test_no_elements(tmp_path) -> None:
    (tmp_path / "x").write_bytes(encode(np.zeros((0, 28, 28), np.uint8)))
    assert io.load_idx(tmp_path / "x").shape == (0, 28, 28)


GOOD = encode(np.arange(12, dtype=np.uint8).reshape(3, 4))


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "expected an IDX file"),
        (b"\0\0", "expected an IDX file"),
        (b"PK\x03\x04rest", "expected an IDX file.*50 4b 03 04"),
        (b"\0\0\x07\x01\0\0\0\x01a", "expected an IDX file"),
        (GOOD[:9], "ends within the lengths of its 2 axes"),
        (GOOD[:-1], "needs 12 bytes of data, got 11; the file is torn"),
        (GOOD + b"x", "data go on behind the 12 bytes"),
        (b"\0\0\x0e\x04" + b"\xff" * 16, "the file is torn"),  # 2^131 bytes are not asked for
        (gzip.compress(GOOD)[:-3], "gzip stream is damaged"),
        (b"\x1f\x8b" + b"garbage" * 5, "gzip stream is damaged"),
    ],
)
def test_files_that_are_not_idx(data, message, tmp_path) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(io.FileFormatError, match=message):
        io.load_idx(tmp_path / "x")


def test_missing_file(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        io.load_idx(tmp_path / "absent")
