"""How a training run shows where it is: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import importlib.util
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

Choice = Literal["auto", "bar", "lines"] | bool


class Display(ABC):
    """Shows the epochs of a run; a context manager around them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abstractmethod
    def begin(self, epoch: int, epochs: int, steps: int | None) -> None:
        """Start an epoch (from 0) of so many steps, None if unknown."""

    @abstractmethod
    def step(self, loss: float) -> None:
        """Count a step."""

    @abstractmethod
    def end(self, record: Mapping[str, float]) -> None:
        """Finish the epoch with what it measured."""

    @abstractmethod
    def close(self) -> None:
        """Leave the screen tidy."""


class Silence(Display):
    """Shows nothing."""

    def begin(self, epoch: int, epochs: int, steps: int | None) -> None:
        """Do nothing."""

    def step(self, loss: float) -> None:
        """Do nothing."""

    def end(self, record: Mapping[str, float]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines(Display):
    """Writes one line per epoch to the standard error."""

    def begin(self, epoch: int, epochs: int, steps: int | None) -> None:
        """Remember the time."""
        self._label, self._started = f"epoch {epoch + 1}/{epochs}", time.perf_counter()

    def step(self, loss: float) -> None:
        """Do nothing."""

    def end(self, record: Mapping[str, float]) -> None:
        """Write the line."""
        sys.stderr.write(f"{_line(self._label, record, time.perf_counter() - self._started)}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Do nothing."""


class Bar(Display):
    """A bar for the running epoch with rich, and above it a line per finished epoch."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[shown]}"),
            TimeElapsedColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task: Any = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def begin(self, epoch: int, epochs: int, steps: int | None) -> None:
        """Set the bar to empty."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._label, self._started = f"epoch {epoch + 1}/{epochs}", time.perf_counter()
        self._task = self._bar.add_task(self._label, total=steps, shown="")

    def step(self, loss: float) -> None:
        """Move the bar."""
        self._bar.update(self._task, advance=1, shown=f"loss {loss:.4f}")

    def end(self, record: Mapping[str, float]) -> None:
        """Write the line."""
        self._bar.console.print(_line(self._label, record, time.perf_counter() - self._started), highlight=False)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def open_display(choice: Choice) -> Display:
    """The display for the parameter ``progress`` of `goldfish.nn.fit`.

    Parameters
    ----------
    choice : {"auto", "bar", "lines", True, False}
        "auto" and True are a bar if the standard error is a terminal and rich is installed, lines otherwise.

    Raises
    ------
    ValueError
        For another value.
    ImportError
        For "bar" without rich.
    """
    if choice is False:
        return Silence()
    if choice is True or choice == "auto":
        choice = "bar" if sys.stderr.isatty() and importlib.util.find_spec("rich") else "lines"
    if choice == "lines":
        return Lines()
    if choice != "bar":
        raise ValueError(f"fit: progress expected 'auto', 'bar', 'lines', True or False, got {choice!r}")
    if not importlib.util.find_spec("rich"):
        raise ImportError("fit: progress='bar' needs rich: pip install 'goldfish[progress]'")
    return Bar()


def _line(label: str, record: Mapping[str, float], seconds: float) -> str:
    measured = "  ".join(f"{name} {value:.4f}" for name, value in record.items())
    return f"{label}  {measured}  {seconds:.1f} s"
