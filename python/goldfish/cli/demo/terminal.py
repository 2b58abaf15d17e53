"""Progress and a table on the terminal: with rich where it is installed, plain lines without it."""

from __future__ import annotations

import time
from collections.abc import Sequence


class Terminal:
    """Prints lines with the time since the start, and one table.

    Examples
    --------
    >>> Terminal().say("hello")
    [   0.0 s] hello
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def say(self, line: str) -> None:
        """Print one line of progress.

        Parameters
        ----------
        line : str
            Without the time.
        """
        print(f"[{time.perf_counter() - self._start:6.1f} s] {line}", flush=True)

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Print names and values in two columns.

        Parameters
        ----------
        rows : sequence of (name, value)
            In order.
        """
        try:
            from rich.console import Console
            from rich.table import Table
        except ImportError:
            width = max(len(name) for name, _ in rows)
            print("\n".join(f"{name:<{width}}  {value}" for name, value in rows), flush=True)
            return
        table = Table(show_header=False)
        table.add_column(style="bold")
        table.add_column(justify="right")
        for row in rows:
            table.add_row(*row)
        Console(markup=False, highlight=False).print(table)
