import json

import numpy as np
import pytest

from goldfish import io, nn
from goldfish.cli import main


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain"
    io.save(nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.Flatten(), nn.Linear(144, 10, rng=0)), path)
    return str(path)


def test_a_network_that_somebody_saved(plain, capsys) -> None:
    assert main(["summary", plain, "--input", "3x8x8"]) == 0
    out = capsys.readouterr().out
    assert "input 3 x 8 x 8" in out
    assert "0 Conv2d(3, 4, 3)" in out
    assert "1,562" in out  # 112 + 1450


def test_json(plain, capsys) -> None:
    assert main(["summary", plain, "--input", "3,8,8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 1562
    assert found["macs"] == 4 * 36 * 27 + 1440
    assert [row["shape"] for row in found["rows"]] == [[4, 6, 6], [144], [10]]


def test_models_of_the_command_line_know_their_input(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("abc " * 50)
    assert main(["train", "text", "a.txt", "--hidden", "4", "--truncate", "8", "--epochs", "2", "--quiet"]) == 0
    np.savez("b.npz", x=np.zeros((8, 5, 6), np.uint8), y=np.arange(8) % 2)
    assert main(["train", "images", "b.npz", "--channels", "2", "--dense", "0", "--epochs", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["summary", "a.goldfish"]) == 0
    out = capsys.readouterr().out
    assert "a.goldfish: a character language model, input 8" in out
    assert "trained on a.txt, 2 epochs: loss " in out
    assert main(["summary", "b.goldfish"]) == 0
    assert "an image classifier, input 1 x 5 x 6" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ([], 2, "--input SHAPE tells it"),
        (["--input", "3x0"], 2, "--input: expected at least 1"),
        (["--input", "3xa"], 2, "--input: expected a whole number, got 'a'"),
        (["--input", "3x9x9"], 1, "Linear"),
        (["--input", "4x8x8"], 1, "Conv2d"),
    ],
)
def test_errors(plain, arguments, code, message, capsys) -> None:
    assert main(["summary", plain, *arguments]) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
