"""The tutorials: every program runs, prints what the page shows, and draws what the page shows."""

import importlib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import goldfish
import handbook


@pytest.fixture(autouse=True)
def one_thread():
    """The networks are tiny, and results do not depend on it."""
    with goldfish.threads(1):
        yield


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return
    plt.close("all")


@pytest.mark.parametrize("page", handbook.tutorials(), ids=lambda page: page.stem)
def test_tutorial(page, tmp_path) -> None:
    handbook.run(page, tmp_path)
    shown = handbook.pictures(page)
    assert len(set(shown)) == len(shown)
    assert {path.name for path in tmp_path.iterdir()} == set(shown), "a picture that is drawn is shown"
    for picture in shown:
        assert ET.parse(tmp_path / picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_every_tutorial_is_listed() -> None:
    pages = {path.stem for path in (handbook.ROOT / "docs" / "tutorials").glob("*.md")}
    assert pages == set(handbook.TUTORIALS)
    index = (handbook.ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert all(f"tutorials/{name}.md" in index for name in pages)


def page_of(tmp_path, text) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_programs_share_a_page_and_print_what_it_shows(tmp_path) -> None:
    page = page_of(tmp_path, "# A\n\n```python\nx = 1\n```\n\n```python\nprint(x)\n```\n\n```text\n1\n```\n")
    first, second = handbook.programs(page)
    assert (first.line, first.output, second.output) == (3, None, "1\n")
    handbook.run(page, tmp_path)


def test_another_output_is_an_error_that_names_the_line(tmp_path) -> None:
    page = page_of(tmp_path, "# A\n\n```python\nprint(2)\n```\n\n```text\n1\n```\n")
    with pytest.raises(handbook.OutputDiffersError, match=r"page.md:4 printed\n2"):
        handbook.run(page, tmp_path)


def test_text_behind_prose_is_no_output(tmp_path) -> None:
    page = page_of(tmp_path, "# A\n\n```python\nprint(2)\n```\n\nFor example\n\n```text\n1\n```\n")
    handbook.run(page, tmp_path)


def test_the_site(tmp_path, monkeypatch) -> None:
    """Rendered without running the tutorials anew: headings, code, links that lead somewhere, pictures."""
    pytest.importorskip("markdown_it")
    pytest.importorskip("pygments")
    monkeypatch.setattr(
        handbook, "run", lambda page, folder: [(folder / name).touch() for name in handbook.pictures(page)]
    )
    handbook.build(tmp_path)
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.html")}
    assert {f"tutorials/{name}.html" for name in handbook.TUTORIALS} | {"index.html"} <= set(pages)
    for name, text in pages.items():
        root = ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
        targets = [e.get("href") for e in root.iter() if e.get("href")] + [e.get("src") for e in root.iter("img")]
        for target in targets:
            path, _, anchor = target.partition("#")
            if "://" in target or "reference/" in target:
                continue
            found = (tmp_path / name).parent / path if path else tmp_path / name
            assert found.exists(), f"{name} links to {target}"
            assert not anchor or f'id="{anchor}"' in found.read_text(), f"{name} links to {target}"
        assert all(image.get("alt") for image in root.iter("img"))
    assert '<pre class="printed">' in pages["tutorials/past.html"]
    assert 'class="k"' in pages["tutorials/past.html"]  # a keyword in colour


def test_a_picture_that_nobody_drew_is_an_error(tmp_path, monkeypatch) -> None:
    pytest.importorskip("markdown_it")
    monkeypatch.setattr(handbook, "run", lambda page, folder: None)
    with pytest.raises(FileNotFoundError, match=r"past\.md shows rolled.svg"):
        handbook.build(tmp_path)


def test_the_renderer_is_a_tool_of_developers() -> None:
    """Building the pages needs it; the package does not."""
    tools = importlib.import_module("tomllib").loads((handbook.ROOT / "pyproject.toml").read_text())["project"]
    assert any(need.startswith("markdown-it-py") for need in tools["optional-dependencies"]["dev"])
    assert not any("markdown" in need for need in tools["dependencies"])
