"""Every Python program in README.md and docs/ runs as it is printed, alone and in a fresh namespace."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def programs():
    found = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for match in PROGRAM.finditer(text):
            line = text.count("\n", 0, match.start(1))
            found.append(pytest.param(page, line, match[1], id=f"{page.name}:{line + 1}"))
    return found


@pytest.mark.parametrize("page, line, source", programs())
def test_program_runs(page, line, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # The blank lines in front make a traceback point at the page's own line.
    exec(compile("\n" * line + source, str(page), "exec"), {"__name__": "__main__"})


def test_the_readme_has_programs():
    assert any(parameter.values[0].name == "README.md" for parameter in programs())
