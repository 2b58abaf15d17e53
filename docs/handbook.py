"""The documentation as static HTML: the tutorials' programs are run, what they draw and print goes onto the pages.

    python docs/handbook.py target/docs

A tutorial is a Markdown page. Its Python blocks run one after the other in one namespace, in the folder of the finished
page, so that a picture it writes is where the page looks for it. A text block right behind a Python block is what that
block prints, word for word; anything else is an error, here and in the tests.
"""

import contextlib
import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
TUTORIALS = ("past", "sequences", "gates", "convolution", "bayes", "learning", "skew")
GUIDES = ("estimators", "diagnostics", "theory", "architecture", "performance", "benchmarks")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Program(NamedTuple):
    """A Python block: its first line's number on the page, its source, and what it prints if the page says so."""

    line: int
    source: str
    output: str | None


class OutputDiffersError(AssertionError):
    """A program printed something else than the page shows."""


def tutorials() -> list[Path]:
    """The pages of the tutorials, in the order in which they are read."""
    return [ROOT / "docs" / "tutorials" / f"{name}.md" for name in TUTORIALS]


def programs(page: Path) -> list[Program]:
    """The Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found: list[Program] = []
    end = -1
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(2))
        if match[1] == "python":
            found.append(Program(line, match[2], None))
        elif match[1] == "text" and found and not text[end : match.start()].strip():
            found[-1] = found[-1]._replace(output=match[2])
        end = match.end()
    return found


def run(page: Path, folder: Path) -> None:
    """Run a page's programs in a folder, which they may write pictures to.

    Raises
    ------
    OutputDiffersError
        If one prints something else than the page shows.
    """
    namespace = {"__name__": "__main__"}
    with working_in(folder):
        for program in programs(page):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                # The blank lines in front make a traceback point at the page's own line.
                exec(compile("\n" * program.line + program.source, str(page), "exec"), namespace)
            if program.output is not None and printed.getvalue().rstrip() != program.output.rstrip():
                raise OutputDiffersError(
                    f"{page.name}:{program.line + 1} printed\n{printed.getvalue()}\nthe page shows\n{program.output}"
                )


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Like `contextlib.chdir`."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def pictures(page: Path) -> list[str]:
    """The files that a page shows."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))


def build(target: Path) -> None:
    """Write every page."""
    import handbook_page  # beside this file; needs the Markdown renderer, which running the programs does not

    (target / "tutorials").mkdir(parents=True, exist_ok=True)
    for source in tutorials():
        print(f"{source.name} ...", file=sys.stderr)
        run(source, target / "tutorials")
        for picture in pictures(source):
            if not (target / "tutorials" / picture).exists():
                raise FileNotFoundError(f"{source.name} shows {picture}, which its programs did not write")
    sources = {f"tutorials/{path.stem}": path for path in tutorials()}
    sources |= {name: ROOT / "docs" / f"{name}.md" for name in GUIDES}
    sources["index"] = ROOT / "docs" / "index.md"
    for name in GUIDES:
        for picture in pictures(sources[name]):
            shutil.copy(sources[name].parent / picture, target / picture)
    for name, source in sources.items():
        (target / f"{name}.html").write_text(handbook_page.render(name, source, sources), encoding="utf-8")
    (target / "style.css").write_text(handbook_page.style(), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
