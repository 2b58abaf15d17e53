"""Files that are replaced as a whole."""

import os
import threading

import pytest

from goldfish._files import write_atomically


def test_the_old_file_or_the_new(tmp_path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    write_atomically(path, [b"n", memoryview(b"ew")])
    assert path.read_bytes() == b"new"

    def broken():
        yield b"half"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_atomically(path, broken())
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_folder_is_refused(tmp_path) -> None:
    with pytest.raises(OSError):
        write_atomically(tmp_path, [b"x"])
    assert tmp_path.is_dir()


def test_a_pipe_is_written_to_and_stays_one(tmp_path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, [b"through", b" it"])
    reader.join(timeout=30)
    assert read == [b"through it"]
    assert pipe.is_fifo()
