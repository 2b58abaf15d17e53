import os
import re
import subprocess
import sys

import pytest

from goldfish.cli import main
from heap_files import DATA, GROW, LEAF, MAIN, RECORDS, encode

GO = str(DATA / "go.txt")


def output(capsys, *arguments):
    assert main(["heap", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.fixture
def files(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_bytes(encode(RECORDS))
    old.write_bytes(encode([*RECORDS[:2], ((MAIN,), 1 << 20, 90, 90)]))
    return new, old


def test_table_of_a_real_profile(capsys) -> None:
    lines = output(capsys, GO, "--metric", "alloc_space").splitlines()
    assert lines[0].split() == ["function", "estimate", "±", "error", "95", "%", "interval", "samples", "share"]
    assert re.fullmatch(r"main\.inlined +124 MiB +7\.76 MiB +110 MiB – 141 MiB +241 +63\.8 % ± 2\.2 %", lines[1])
    assert len({len(line) for line in lines[:6]}) == 1
    assert "total alloc_space 195 MiB ± 9.31 MiB" in lines[7]
    assert "up to 1.50 MiB" in lines[8]
    assert "against the exact totals: allocated bytes +0.5, objects +1.2" in lines[9]


@pytest.mark.parametrize(
    "arguments, key",
    [
        (["--by", "line"], "/src/main.go:3"),
        (["--by", "package"], "main"),
        (["--by", "stack"], f"{LEAF[0]} < {GROW[0]} < {MAIN[0]}"),
        (["--cumulative"], MAIN[0]),
        (["--metric", "alloc_objects"], LEAF[0]),
    ],
)
def test_what_a_row_is(capsys, files, arguments, key) -> None:
    assert any(line.startswith(key) for line in output(capsys, files[0], *arguments).splitlines())


def test_top(capsys, files) -> None:
    out = output(capsys, files[0], "--top", "1")
    assert "1 more rows; --top shows them" in out
    assert "1 more rows" in output(capsys, files[0], "--compare", files[1], "--top", "2")


def test_compare(capsys, files) -> None:
    lines = output(capsys, files[0], "--compare", files[1]).splitlines()
    assert re.match(r"main\.main +-104 MiB \* .* 104 MiB +0 B +90 → 0$", lines[1])
    assert "of 3 changes are beyond their error" in lines[-1]


def test_calibrated(capsys) -> None:
    out = output(capsys, GO, "--metric", "alloc_space", "--calibrated")
    assert "total alloc_space 190 MiB ± 0 B" in out
    assert "against the exact totals" not in out


def test_notes_are_printed(capsys) -> None:
    assert "jemalloc adds sizes up" in output(capsys, DATA / "jemalloc.heap")


def test_files_are_written(capsys, files, tmp_path) -> None:
    page, folded = tmp_path / "p.html", tmp_path / "p.folded"
    out = output(capsys, files[0], "--html", page, "--folded", folded)
    assert f"wrote {page}" in out
    assert "<table>" in page.read_text(encoding="utf-8")
    assert folded.read_text(encoding="utf-8").startswith(f"{MAIN[0]};")


def test_rate(capsys, files) -> None:
    assert "a sample every 1.00 MiB" in output(capsys, files[0], "--rate", 1 << 20)


def test_an_empty_profile(capsys, tmp_path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(encode([]))
    assert "total inuse_space 0 B" in output(capsys, path)
    assert "0 of 0 changes" in output(capsys, path, "--compare", path)


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["absent"], 1, "No such file"),
        ([str(DATA / "README.md")], 1, "read_heap_profile: "),
        ([GO, "--metric", "cpu"], 1, "'alloc_space'"),
        ([GO, "--compare", "absent"], 1, "No such file"),
        ([str(DATA / "go.pb.gz"), "--calibrated"], 1, "memstats"),
        ([GO, "--html", "/absent/x"], 1, "/absent"),
        ([GO, "--rate", "-1"], 1, "rate must be finite and positive"),
        ([GO, "--by", "colour"], 2, "--by"),
        ([GO, "--top", "0"], 2, "--top"),
        ([], 2, "PROFILE"),
    ],
)
def test_errors_are_one_line(capsys, arguments, code, message) -> None:
    assert main(["heap", *arguments]) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("goldfish heap: error: ")


def test_help(capsys) -> None:
    assert main(["heap", "--help"]) == 0
    assert "--compare OTHER" in capsys.readouterr().out


class Terminal:
    """A text stream that says it is a terminal."""

    def __init__(self, stream):
        self._stream = stream

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self._stream, name)


@pytest.mark.parametrize("rich", [True, False])
def test_in_a_terminal(capsys, monkeypatch, rich) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("NO_COLOR", "1")
    if rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys, "stdout", Terminal(sys.stdout))
    out = output(capsys, GO, "--metric", "alloc_space")
    assert ("━━━" in out) is rich
    assert "main.smallNodes" in out
    assert "63.8 % ± 2.2 %" in out


def test_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        ended = subprocess.run(
            [sys.executable, "-m", "goldfish", "heap", GO], stdout=pipe, stderr=subprocess.PIPE, check=False, text=True
        )
    assert ended.returncode == 141
    assert ended.stderr == ""
