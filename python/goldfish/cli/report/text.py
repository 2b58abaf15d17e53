"""What the page says about a language model: what it remembers, and what it writes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from goldfish import diagnostics, nn
from goldfish.cli import views
from goldfish.cli.report.parts import figure, paragraph
from goldfish.cli.trained import Trained

_LENGTH = 300
_TEMPERATURES = (0.5, 0.8, 1.1)


def headlines(model: Trained) -> Iterator[tuple[str, str, str]]:
    """The numbers to see first."""
    history = model.about["history"]
    name = "val_loss" if "val_loss" in history else "loss"
    where = "of held-out text" if name == "val_loss" else "of the training text"
    yield "bits per character", f"{history[name][-1] / math.log(2):.3f}", where
    even = math.log2(max(2, len(model.about["vocabulary"])))
    yield "characters", f"{len(model.about['vocabulary'])}", f"guessing evenly would cost {even:.2f} bits"


def sections(model: Trained, read: str | None, seed: int) -> Iterator[tuple[str, str, list[str]]]:
    """Key, title and content of each section."""
    memory = [
        figure(
            views.reading(model, text=read),
            "What it has just read, the darker the more each character moves the guess of what follows.",
        ),
        figure(
            views.influence(model, text=read),
            "How strongly the scores of the next character depend on each character read before: the norms of the "
            "Jacobians, in colours of their logarithm.",
        ),
        figure(
            views.lags(model, text=read),
            "What a state keeps of each earlier one: blue where it forgets, orange where a change would grow"
            + ("." if views.exact(model) else "; the mean over some random directions, for the state is large."),
        ),
    ]
    yield "memory", "What it remembers", memory
    findings = diagnose(model, read)
    if findings:
        yield "findings", "What to look at", ["<ul>" + "".join(map(_finding, findings)) + "</ul>"]
    yield "samples", "What it writes", list(_samples(model, seed))


def diagnose(model: Trained, read: str | None) -> list[diagnostics.Finding]:
    """What keeps it from learning, if anything does; nothing for a text of one character."""
    from goldfish.cli.train.text import encode

    ids = encode(model.about["excerpt"] if read is None else read, model.about["vocabulary"])
    if len(ids) < 2:
        return []
    criterion = nn.CrossEntropyLoss(axis=-1)

    def loss(y: Any) -> Any:
        return criterion.forward(y, np.reshape(ids[1:], y.shape[:-1]))

    settings = model.about["settings"]
    return diagnostics.diagnose_rnn(model.model, ids[:-1], loss, window=settings["truncate"])


def _finding(finding: diagnostics.Finding) -> str:
    level = '<span class="warning">warning</span>' if finding.level == "warning" else "note"
    return f"<li>{level}: {escape(finding.name)} {finding.value:.3g}: {escape(finding.advice)}</li>"


def _samples(model: Trained, seed: int) -> Iterator[str]:
    try:
        writer = model.language_model()
    except ImportError as missing:
        yield paragraph(f"Left out: {missing}")
        return
    yield paragraph("Bold at a low temperature, varied at a high one.")
    for temperature in _TEMPERATURES:
        written = writer.sample(_LENGTH, temperature=temperature, random_state=seed)
        printable = "".join(
            character if character.isprintable() or character == "\n" else "\ufffd" for character in written
        )
        yield f"<figure><pre>{escape(printable)}</pre><figcaption>Temperature {temperature}.</figcaption></figure>"
