import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from goldfish.cli import main
from goldfish.cli.demo import kernels, machine, recitation
from goldfish.cli.demo.stack import draw
from goldfish.cli.demo.terminal import Terminal

SVG = "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "new" / "report"
    assert main(["demo", "--quick", "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def page(report) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(page) -> ElementTree.Element:
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


@pytest.fixture(scope="module")
def summary(report) -> dict:
    return json.loads((report / "summary.json").read_text(encoding="utf-8"))


def test_only_the_two_files_are_left(report) -> None:
    assert sorted(path.name for path in report.iterdir()) == ["index.html", "summary.json"]


def test_page_has_every_section(tree) -> None:
    sections = {section.get("id"): section for section in tree.iter("section")}
    assert list(sections) == ["digits", "language", "recitation", "kernels", "machine"]
    assert {link.get("href") for link in tree.iter("a")} == {f"#{name}" for name in sections} | {"summary.json"}
    assert all(section.find("h2").text for section in sections.values())


def test_pictures_have_words(tree) -> None:
    pictures = list(tree.iter(SVG)) + list(tree.iter("svg"))
    assert len(pictures) >= 9
    for picture in pictures:
        title = picture.find("{http://www.w3.org/2000/svg}title")
        title = picture.find("title") if title is None else title
        assert picture.get("role") == "img"
        assert picture.get("aria-label") == title.text
        assert len(title.text) > 8


def test_ids_are_unique_and_references_lead_somewhere(tree, page) -> None:
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', page))
    assert used <= set(ids)


def test_page_needs_no_other_file(page) -> None:
    class Sources(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [value for name, value in attrs if name in ("src", "xlink:href") and value]
            assert tag not in ("script", "link", "iframe")

    sources = Sources()
    sources.feed(page)
    assert all(value.startswith(("#", "data:")) for value in sources.found)
    assert "@import" not in page


def test_pictures_take_the_colours_of_the_page(tree) -> None:
    chart = next(picture for picture in tree.iter(SVG) if "by epoch" in picture.get("aria-label"))
    text = ElementTree.tostring(chart, encoding="unicode")
    assert "var(--warm)" in text
    assert "#ffffff" not in text


def test_numbers_of_page_and_summary_agree(page, summary) -> None:
    assert summary["quick"] is True
    assert f"{summary['digits']['accuracy']:.1%} of unseen images" in page
    assert f"{summary['language']['lstm_bits']:.2f} bits per character" in page
    assert f"{summary['language']['ngram_bits']:.2f}" in page
    assert np.trace(summary["digits"]["confusion"]) / summary["digits"]["test_images"] == pytest.approx(
        summary["digits"]["accuracy"]
    )


def test_networks_learn_even_when_quick(summary) -> None:
    assert summary["digits"]["accuracy"] > 0.6
    assert summary["language"]["lstm_bits"] < summary["language"]["uniform_bits"]
    assert summary["language"]["ngram_bits"] < summary["language"]["unigram_bits"]


def test_recitation_is_counted_right(summary) -> None:
    counted = summary["recitation"]
    shapes = [tuple(layer["shape"]) for layer in counted["layers"]]
    assert shapes == [(3, 64, 64), (12, 48, 48), (12, 48, 48), (12, 16, 16), (3072,), (128,), (128,), (10,)]
    assert [layer["parameters"] for layer in counted["layers"] if layer["parameters"]] == [10_416, 393_344, 1_290]
    assert counted["parameters"] == 405_050
    assert counted["multiply_adds"] == 23_970_816 + 393_216 + 1_280


def test_gratings_point_where_their_class_says() -> None:
    images, labels = recitation.gratings(40, np.random.default_rng(3))
    spectrum = np.abs(np.fft.fft2(images.sum(axis=1)))
    spectrum[:, 0, 0] = 0
    peak = spectrum.reshape(40, -1).argmax(axis=1)
    frequency = (np.stack(np.unravel_index(peak, (128, 128))) + 64) % 128 - 64
    angle = np.arctan2(frequency[0], frequency[1]) % np.pi
    off = (angle - labels * np.pi / 10 + np.pi / 2) % np.pi - np.pi / 2
    assert np.abs(off).max() < 0.35


def test_unequal_kernels_are_refused() -> None:
    case = kernels.Case("sum", "2", lambda: (np.ones(2),), lambda: (np.ones(2) * 1.01,))
    with pytest.raises(AssertionError, match="sum"):
        kernels.measure([case], repeats=1, say=str)


def test_table_is_plain_without_rich(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    Terminal().table([("a", "1"), ("long", "2")])
    assert capsys.readouterr().out == "a     1\nlong  2\n"


def test_stack_draws_a_sheet_per_channel() -> None:
    svg = ElementTree.fromstring(draw([("image", (3, 8, 8)), ("a < b", (40, 4, 4)), ("dense", (10,))]))
    assert len(svg.findall(".//{*}rect")) == 3 + 12 + 1
    assert "a < b: 40 @ 4 × 4" in svg.get("aria-label")


def test_disturbed_run_says_so(monkeypatch, tmp_path, capsys) -> None:
    readings = iter([0.0, 1e6])
    monkeypatch.setattr(machine, "busy_seconds", lambda: next(readings))
    assert main(["demo", "--quick", "--output", str(tmp_path)]) == 0
    assert "times and ratios are rough" in capsys.readouterr().out
    assert "times and ratios are rough" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "summary.json").read_text())["processors_busy_for_others"] > 1
