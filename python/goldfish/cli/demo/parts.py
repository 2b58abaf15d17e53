"""Everything the demo found out, and the few numbers that stand for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goldfish.cli.demo.digits import Digits
from goldfish.cli.demo.kernels import Kernels
from goldfish.cli.demo.language import Language
from goldfish.cli.demo.recitation import Recitation


@dataclass(frozen=True)
class Headline:
    """One number with its name and what to compare it with."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Parts:
    """The four parts and the circumstances.

    Attributes
    ----------
    digits, language, recitation, kernels
        What each part returned.
    machine : dict of str to str
        What it was measured on.
    seconds : float
        The whole run.
    others : float
        How many processors other programs kept busy meanwhile, on average.
    quick : bool
        Whether the sizes were small, the results hence poor.
    """

    digits: Digits
    language: Language
    recitation: Recitation
    kernels: Kernels
    machine: dict[str, str]
    seconds: float
    others: float
    quick: bool

    def summary(self) -> dict[str, Any]:
        """All numbers as plain values, for JSON."""
        return {
            "quick": self.quick,
            "seconds": self.seconds,
            "processors_busy_for_others": self.others,
            "machine": self.machine,
            "digits": self.digits.summary(),
            "language": self.language.summary(),
            "recitation": self.recitation.summary(),
            "kernels": self.kernels.summary(),
        }

    @property
    def disturbed(self) -> bool:
        """Whether other programs worked enough to make the times doubtful."""
        return self.others > 0.3

    def headlines(self) -> list[Headline]:
        """The numbers for the top of the page and the end of the terminal's lines."""
        ratios = sorted(row.ratio for row in self.kernels.rows)
        return [
            Headline(
                "Digits read right",
                f"{self.digits.accuracy:.1%}",
                f"of {self.digits.test_images} held-out images, {self.digits.seconds:.1f} s of training",
            ),
            Headline(
                "Bits per character",
                f"{self.language.lstm_bits:.2f}",
                f"LSTM on unseen text; smoothed 5-gram {self.language.ngram_bits:.2f}",
            ),
            Headline(
                "Training step",
                f"{self.recitation.step_seconds * 1e3:.0f} ms",
                f"{self.recitation.parameters:,} parameters, {self.recitation.batch} images",
            ),
            Headline(
                "Against NumPy",
                f"{ratios[0]:.1f} to {ratios[-1]:.1f}",
                f"times as fast, over {len(ratios)} operations",
            ),
        ]
