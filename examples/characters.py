"""A character language model beside a 5-gram, on a text of your own: bits per character of text that neither has read.

    python examples/characters.py shakespeare.txt           # a megabyte takes some minutes
    python examples/characters.py --small                   # brackets instead: a second

The first nine tenths of the text are learned from, the next twentieth is watched, the last is the test. The 5-gram is
interpolated after Witten and Bell. The small text is lines such as "(abcdef)": their ends are decided by their
beginnings, seven characters before, which is further than a 5-gram can look.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from goldfish.cli.demo.ngram import NGram
from goldfish.models import CharLanguageModel

ORDER = 5
OPENING, CLOSING = "([{<qwrt", ")]}>QWRT"


class Split(NamedTuple):
    """Three texts; no character of the later two is missing from the first."""

    train: str
    validation: str
    test: str


class Result(NamedTuple):
    """Bits per character of the test text, of the validation text after each epoch, and a sample."""

    network: float
    ngram: float
    curve: list[float]
    sample: str


def split(text: str) -> Split:
    """Nine tenths, a twentieth, a twentieth; without the characters that only the later parts have."""
    first, second = len(text) * 90 // 100, len(text) * 95 // 100
    train, known = text[:first], set(text[:first])
    validation, test = (
        "".join(character for character in part if character in known) for part in (text[first:second], text[second:])
    )
    return Split(train, validation, test)


def brackets(lines: int, seed: int = 0) -> str:
    """Lines of six letters between brackets of the same kind, of eight kinds."""
    kinds = np.random.default_rng(seed).integers(len(OPENING), size=lines).tolist()
    return "".join(f"{OPENING[kind]}abcdef{CLOSING[kind]}\n" for kind in kinds)


def compare(data: Split, model: CharLanguageModel, length: int) -> Result:
    """Train the network on the text, count the 5-gram, and ask both what the test text costs."""
    model.fit(data.train, data.validation)
    return Result(
        model.bits_per_character(data.test),
        NGram(ORDER).fit(data.train).bits_per_character(data.test),
        [-score for score in model.validation_scores_ or ()],
        model.sample(length, prompt=data.test[:1], temperature=0.7, random_state=0),
    )


def small_model() -> CharLanguageModel:
    """Enough for brackets."""
    return CharLanguageModel(
        cell="gru",
        hidden_size=32,
        num_layers=1,
        truncate=30,
        batch_size=8,
        learning_rate_init=0.01,
        max_iter=20,
        clip_norm=5.0,
        random_state=0,
    )


def large_model() -> CharLanguageModel:
    """Enough for a megabyte of English to beat the 5-gram."""
    return CharLanguageModel(
        hidden_size=256,
        num_layers=1,
        dropout=0.1,
        truncate=64,
        batch_size=32,
        learning_rate_init=4e-3,
        max_iter=8,
        clip_norm=5.0,
        verbose=True,
        random_state=0,
    )


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", nargs="?", type=Path, help="a text file in UTF-8")
    parser.add_argument("--small", action="store_true", help="brackets instead of a text")
    chosen = parser.parse_args(arguments)
    if (chosen.text is None) != chosen.small:
        parser.error("give either a text or --small")
    if chosen.small:
        result = compare(split(brackets(2_000)), small_model(), 40)
    else:
        result = compare(split(chosen.text.read_text(encoding="utf-8")), large_model(), 400)
    print("bits per character of text that neither has read:")
    print(f"  5-gram             {result.ngram:.3f}")
    print(f"  CharLanguageModel  {result.network:.3f}")
    print("  after each epoch, on the validation text: " + " ".join(f"{bits:.3f}" for bits in result.curve))
    print(result.sample)


if __name__ == "__main__":
    main()
