"""``goldfish demo``: two networks trained on real data, one counted by hand, the kernels timed; a report to look at."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path

__all__ = ["run"]


def run(output: Path, *, quick: bool = False) -> None:
    """Run every part and write ``index.html`` and ``summary.json``.

    Parameters
    ----------
    output : Path
        The folder for the report, made if missing.
    quick : bool
        Small sizes: a few seconds, poor networks.

    Raises
    ------
    NotADirectoryError
        If ``output`` is a file.
    ImportError
        If matplotlib or scikit-learn is missing; the message has the command that installs it.
    """
    if output.exists() and not output.is_dir():
        raise NotADirectoryError(f"demo: output {str(output)!r} is a file; expected a folder")
    _require("matplotlib", "sklearn")
    from goldfish.cli.demo import digits, kernels, language, machine, recitation, report
    from goldfish.cli.demo.parts import Parts
    from goldfish.cli.demo.terminal import Terminal

    output.mkdir(parents=True, exist_ok=True)
    terminal = Terminal()
    start, busy, own = time.perf_counter(), machine.busy_seconds(), time.process_time()
    results = (
        digits.run(terminal.say, quick=quick),
        language.run(terminal.say, quick=quick),
        recitation.run(terminal.say, quick=quick),
        kernels.run(terminal.say, quick=quick),
    )
    seconds = time.perf_counter() - start
    others = (machine.busy_seconds() - busy - (time.process_time() - own)) / seconds
    parts = Parts(*results, machine=machine.describe(), seconds=seconds, others=max(0.0, others), quick=quick)
    _write(output / "summary.json", json.dumps(parts.summary(), indent=2) + "\n")
    _write(output / "index.html", report.page(parts))
    terminal.table([(line.name, f"{line.value} ({line.note})") for line in parts.headlines()])
    if parts.disturbed:
        terminal.say(f"other programs kept {parts.others:.1f} processors busy: times and ratios are rough")
    terminal.say(f"report: {output / 'index.html'}, numbers: {output / 'summary.json'}")


def _require(*modules: str) -> None:
    extras = {"matplotlib": "plot", "sklearn": "sklearn"}
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as missing:
            raise ImportError(
                f"demo: needs {module}, which is not installed: pip install 'goldfish[{extras[module]}]'"
            ) from missing


def _write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
