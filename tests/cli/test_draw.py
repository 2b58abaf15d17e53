"""Pictures through the command line: networks by description, and trained models."""

import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from goldfish import io, nn
from goldfish.cli import main


def classes(svg, *wanted):
    found = [set(element.get("class", "").split()) for element in ET.fromstring(svg).iter()]
    return sum(set(wanted) <= names for names in found)


def draw(capsys, *arguments):
    assert main(["draw", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert not err
    return out


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A language model, an image classifier, and a network that the library saved."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "a.txt").write_text("abc <def> & \n" * 40)
    text = ["train", "text", str(folder / "a.txt"), "--hidden", "4", "--truncate", "8", "--epochs", "2", "--quiet"]
    assert main([*text, "-o", str(folder / "text")]) == 0
    np.savez(folder / "b.npz", x=np.eye(6)[np.arange(12) % 6].reshape(12, 2, 3), y=np.arange(12) % 2)
    images = ["train", "images", str(folder / "b.npz"), "--channels", "2", "--dense", "0", "--epochs", "1", "--quiet"]
    assert main([*images, "-o", str(folder / "images")]) == 0
    io.save(nn.Sequential(nn.Linear(3, 2, rng=0)), folder / "plain")
    return folder


def test_rnn(capsys) -> None:
    svg = draw(capsys, "rnn", "--labels", "the", "goldfish", "<forgets>")
    assert classes(svg, "node", "cell") == 3
    assert "<forgets>" in "".join(ET.fromstring(svg).itertext())
    assert classes(draw(capsys, "rnn", "--view", "projection", "--steps", 4, "--hidden", 3), "node", "cell") == 12
    assert classes(draw(capsys, "rnn", "--view", "rolled"), "node", "cell") == 1


@pytest.mark.parametrize(
    "wiring, inputs, outputs",
    [("one-to-many 1 5", 1, 5), ("many-to-one 4", 4, 1), ("many-to-many 3", 3, 3), ("seq2seq 3 2", 3, 2)],
)
def test_wiring(wiring, inputs, outputs, capsys) -> None:
    svg = draw(capsys, "rnn", "--wiring", *wiring.split())
    assert classes(svg, "node", "input") == inputs
    assert classes(svg, "node", "output") == outputs


def test_cnn(capsys) -> None:
    svg = draw(capsys, "cnn", "input=3x128x128", "filters=12x48x48", "scores=10")
    assert classes(svg, "node", "layer") == 3


@pytest.mark.parametrize(
    "model, arguments, kind, count",
    [
        ("text", [], "influence", 26),
        ("text", ["--text", "abc"], "influence", 3),
        ("text", ["--text", "abc", "--picture", "lags"], "lag", 6),
        ("text", ["--picture", "layers"], "layer", 4),
        ("text", ["--text", "a bad", "--picture", "reading"], "token", 5),
        ("images", ["--picture", "filters"], "filter", 2),
        ("images", [], "layer", 6),
        ("plain", ["--input", "3"], "layer", 2),
    ],
)
def test_models(models, capsys, model, arguments, kind, count) -> None:
    assert classes(draw(capsys, models / model, *arguments), kind) == count


def test_curves(models, capsys) -> None:
    for model in ("text", "images"):
        assert ET.fromstring(draw(capsys, models / model, "--picture", "curves")).tag.endswith("svg")


@pytest.mark.parametrize("suffix, start", [(".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_files(models, tmp_path, capsys, suffix, start) -> None:
    if suffix != ".svg":
        pytest.importorskip("matplotlib")
    for what in (["rnn"], ["cnn", "a=3x4x4"], [str(models / "text")]):
        path = tmp_path / f"picture{suffix}"
        assert main(["draw", *what, "-o", str(path)]) == 0
        assert path.read_bytes().startswith(start)
        assert capsys.readouterr().err == f"wrote {path}\n"


def test_without_matplotlib(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["draw", "rnn", "-o", str(tmp_path / "x.png")]) == 1
    assert "pip install 'goldfish[plot]'" in capsys.readouterr().err
    assert main(["draw", "rnn", "-o", str(tmp_path / "x.svg")]) == 0


def test_a_terminal_gets_a_file(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["draw", "rnn"]) == 0
    assert "wrote rnn.svg" in capsys.readouterr().err
    assert (tmp_path / "rnn.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ("", 2, "rnn|cnn|MODEL"),
        ("absent", 1, "absent does not exist; rnn, cnn, or a model file can be drawn"),
        ("a.txt", 1, "not a model file"),
        ("rnn --view sideways", 2, "'unrolled', 'rolled', 'projection'"),
        ("rnn --steps 0", 2, "--steps: expected at least 1"),
        ("rnn --steps 3 --labels a", 1, "labels"),
        ("rnn --wiring few-to-one 3", 2, "--wiring expects one of one-to-one"),
        ("rnn --wiring many-to-one", 2, "--wiring expects one of one-to-one"),
        ("rnn --wiring many-to-one x", 2, "expected a whole number, got 'x'"),
        ("rnn --wiring many-to-one 3 3", 1, "wiring"),
        ("rnn a=3", 2, "NAME=SHAPE does not go with rnn"),
        ("rnn --text a", 2, "--text does not go with rnn"),
        ("cnn", 2, "cnn takes the layers to draw"),
        ("cnn a", 2, "expected a layer such as filters=12x48x48, got 'a'"),
        ("cnn a=3xb", 2, "expected a whole number, got 'b'"),
        ("cnn a=3 --steps 3", 2, "--steps does not go with cnn"),
        ("text --steps 3", 2, "--steps does not go with a model"),
        ("text --text %", 2, "--text has the character '%', which"),
        ("text --text abc --picture layers", 2, "--text goes with --picture influence, reading or lags"),
        ("text --input 3", 2, "--input goes with --picture layers"),
        ("images --picture influence", 2, "reads no text"),
        ("plain --picture filters", 2, "has no filters: it has no convolution"),
        ("plain", 2, "--input SHAPE tells it"),
        ("plain --picture curves", 2, "has no history"),
        ("rnn -o x.gif", 2, "--output expects an .svg, .png or .pdf file, got x.gif"),
        ("rnn -o absent/x.svg", 1, "the folder absent of the output does not exist"),
    ],
)
def test_errors_are_one_line(models, monkeypatch, capsys, arguments, code, message) -> None:
    monkeypatch.chdir(models)
    assert main(["draw", *arguments.split()]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out
