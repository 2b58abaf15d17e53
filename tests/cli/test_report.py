"""One page about a trained model: its content, and what a browser makes of it."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from goldfish import io, nn
from goldfish.cli import main

XHTML = "{http://www.w3.org/1999/xhtml}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "a.txt").write_text("abc <def> & \u00e9\n" * 60)
    text = ["train", "text", str(folder / "a.txt"), "--hidden", "4", "--truncate", "8", "--epochs", "3", "--quiet"]
    assert main([*text, "-o", str(folder / "text.goldfish")]) == 0
    rng = np.random.default_rng(0)
    np.savez(folder / "b.npz", x=rng.random((60, 6, 6)), y=np.array(["<cat>", "dog", "eel"])[np.arange(60) % 3])
    images = ["train", "images", str(folder / "b.npz"), "--channels", "2", "--dense", "0", "--epochs", "2", "--quiet"]
    assert main([*images, "--validation", "0.4", "-o", str(folder / "images.goldfish")]) == 0
    io.save(nn.Sequential(nn.Linear(3, 2, rng=0)), folder / "plain.goldfish")
    return folder


def report(models, name, *arguments):
    assert main(["report", str(models / f"{name}.goldfish"), *arguments]) == 0
    return (models / f"{name}.html").read_text(encoding="utf-8")


def parsed(page):
    """The page as XML, which it is too; it must not load anything."""
    assert page.startswith("<!DOCTYPE html>\n")
    assert not re.search(r"(src|href)=[\"'](?!#|data:)", page), "a page needs no other file"
    assert "url(" not in page
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def titles(root):
    return [element.text for element in root.iter("h2")]


def test_language_model(models) -> None:
    root = parsed(report(models, "text"))
    assert titles(root) == [
        "How it learned",
        "What it remembers",
        "What to look at",
        "What it writes",
        "What it is made of",
    ]
    words = " ".join(root.itertext())
    assert "A character language model, trained on 840 characters from a.txt." in words
    assert "Temperature 0.5." in words
    assert len(list(root.iter("{http://www.w3.org/2000/svg}svg"))) == 5
    assert len(list(root.iter("pre"))) == 3
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = [element.get("href") for element in root.iter("a")]
    assert {link[1:] for link in links} <= set(ids)


def test_image_classifier(models) -> None:
    root = parsed(report(models, "images"))
    assert titles(root) == ["How it learned", "What it looks for", "What it confuses", "What it is made of"]
    words = " ".join(root.itertext())
    assert "<cat>" in words
    matrix = next(table for table in root.iter("table") if table.get("class") == "confusion")
    counts = [int(cell.text) for cell in matrix.iter("td") if cell.text]
    assert sum(counts) == 24


def test_any_network(models) -> None:
    root = parsed(report(models, "plain", "--input", "3"))
    assert titles(root) == ["What it is made of"]
    assert "Linear(3, 2)" in " ".join(root.itertext())


def test_the_same_model_gives_the_same_page(models) -> None:
    assert report(models, "text") == report(models, "text")
    assert report(models, "text", "--seed", "5") != report(models, "text")


def test_a_terminal_is_told_what_is_ready(models, monkeypatch, capsys) -> None:
    report(models, "images")
    assert capsys.readouterr().err == f"wrote {models / 'images.html'}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    report(models, "images")
    assert capsys.readouterr().err.startswith("  How it learned\n  What it looks for\n")


def test_text_of_ones_own(models) -> None:
    root = parsed(report(models, "text", "--text", "fed"))
    assert sum("influence" in (element.get("class") or "").split() for element in root.iter()) == 3
    assert "What to look at" not in titles(parsed(report(models, "text", "--text", "f")))


def test_without_scikit_learn_samples_are_left_out(models, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("goldfish.models")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("goldfish.models", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    assert "pip install &#x27;goldfish[sklearn]&#x27;" in report(models, "text")


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ("absent", 1, "absent: No such file"),
        ("a.txt", 1, "not a model file"),
        ("plain.goldfish", 2, "--input SHAPE tells it"),
        ("plain.goldfish --input 4", 1, "Linear"),
        ("images.goldfish --text a", 2, "which reads no text"),
        ("text.goldfish --text %", 2, "never met"),
        ("text.goldfish -o text.goldfish", 2, "is the model itself"),
        ("text.goldfish -o absent/x.html", 1, "the folder absent of the output does not exist"),
        ("text.goldfish -o .", 1, "is a folder"),
    ],
)
def test_errors_are_one_line(models, monkeypatch, capsys, arguments, code, message) -> None:
    monkeypatch.chdir(models)
    before = (models / "text.goldfish").read_bytes()
    assert main(["report", *arguments.split()]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert (models / "text.goldfish").read_bytes() == before


def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    return found


def render(page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,4000"]
    options += [f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr", "--v=0"]
    command = [browser(), *options, *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("name", ["text", pytest.param("images", marks=pytest.mark.slow)])
def test_a_browser_shows_it(models, tmp_path, name) -> None:
    """A real one, headless: what it made of the page has every part, it complained of nothing, and it drew."""
    browser()
    page = tmp_path / "page.html"
    page.write_text(report(models, name), encoding="utf-8")
    shown = render(page, "--dump-dom", f"--screenshot={tmp_path / 'page.png'}")
    for title in titles(parsed(page.read_text(encoding="utf-8"))):
        assert f"<h2>{title}</h2>" in shown.stdout
    assert shown.stdout.count("<svg") == page.read_text(encoding="utf-8").count("<svg")
    assert "CONSOLE" not in shown.stderr
    image = pytest.importorskip("PIL.Image").open(tmp_path / "page.png").convert("RGB")
    pixels = np.asarray(image)
    assert pixels.shape == (4000, 1000, 3)
    # The page's paper, a card's white, and ink; drawings reach below the first screen.
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    assert np.ptp(pixels[800:1600].astype(int)) > 150
