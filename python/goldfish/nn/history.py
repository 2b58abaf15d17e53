"""What a training run recorded."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from goldfish._files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class History(Mapping[str, list[float]]):
    """One list per quantity, with one value per epoch: ``loss``, the metrics, and the same behind ``val_``.

    Parameters
    ----------
    columns : mapping of str to list of float
        The lists; shared, not copied.

    Examples
    --------
    >>> from goldfish import nn
    >>> history = nn.History({"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.6, 0.7]})
    >>> history.best_epoch, history["val_loss"][history.best_epoch]
    (1, 0.6)
    """

    def __init__(self, columns: Mapping[str, list[float]]) -> None:
        self.columns = columns

    def __getitem__(self, name: str) -> list[float]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.columns.items() if values)
        return f"History({len(self.columns.get('loss', []))} epochs, {last})"

    @property
    def monitored(self) -> str:
        """``val_loss`` if there was validation, else ``loss``."""
        return "val_loss" if "val_loss" in self.columns else "loss"

    @property
    def best_epoch(self) -> int:
        """Index of the epoch with the smallest monitored loss, the first of equals.

        Raises
        ------
        ValueError
            Before the first epoch.
        """
        losses = self.columns.get(self.monitored, [])
        if not losses:
            raise ValueError("History.best_epoch: expected at least one epoch, got none")
        return min(range(len(losses)), key=losses.__getitem__)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a column ``epoch``, counted from 0, and a column per quantity.

        Parameters
        ----------
        path : path-like
            Written under a temporary name first.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["epoch", *self.columns])
        writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*self.columns.values(), strict=True)))
        write_atomically(path, [text.getvalue().encode()])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every quantity over the epochs and mark the best epoch.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new one by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError("History.plot needs matplotlib: pip install 'goldfish[plot]'") from error
        if ax is None:
            ax = plt.figure().add_subplot()
        for name, values in self.columns.items():
            ax.plot(range(len(values)), values, label=name)
        if self.columns:
            ax.axvline(self.best_epoch, color="0.7", linestyle=":", label="best epoch")
        ax.set_xlabel("epoch")
        ax.legend()
        return ax
