"""Where do the words begin? A label for every letter of a text whose spaces have been removed: a SequenceTagger.

python examples/tagging.py            # the help texts that come with Python; a minute or two
python examples/tagging.py FILE       # a text of your own
python examples/tagging.py --small

The first baseline labels every letter as that letter is labelled most often, the second looks at its neighbours too.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

from goldfish.cli.demo.text import load_corpus
from goldfish.models import SequenceTagger, Tokenizer

WORDS_IN_A_LINE = 12
Labels = NDArray[np.str_]


class Lines(NamedTuple):
    """Letters without spaces, and for each of them "begin" or "inside"."""

    texts: list[str]
    labels: list[Labels]


def lines(text: str) -> Lines:
    """The letters of a text, so many words in a line; each line is there once."""
    words = re.findall("[a-z]+", text.lower())
    groups = [words[start : start + WORDS_IN_A_LINE] for start in range(0, len(words), WORDS_IN_A_LINE)]
    different = list(dict.fromkeys(map(tuple, groups)))
    labels = [np.array([tag for word in group for tag in tags(word)]) for group in different]
    return Lines(["".join(group) for group in different], labels)


def tags(word: str) -> list[str]:
    """The labels of a word's letters."""
    return ["begin", *["inside"] * (len(word) - 1)]


class Majority:
    """The baseline: the most frequent label of a letter, or of a letter between its neighbours.

    Parameters
    ----------
    reach : int
        How many neighbours on either side count. What was never seen is labelled as its letter alone.
    """

    def __init__(self, reach: int = 0) -> None:
        self.reach = reach

    def fit(self, texts: Sequence[str], labels: Sequence[Labels]) -> Self:
        """Count."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for text, row in zip(texts, labels, strict=True):
            for place, label in enumerate(row):
                for reach in {0, self.reach}:
                    counts[self.context(text, place, reach)][str(label)] += 1
        self.labels_ = {context: counted.most_common(1)[0][0] for context, counted in counts.items()}
        return self

    def predict(self, texts: Sequence[str]) -> list[Labels]:
        """Look up."""
        return [np.array([self.label(text, place) for place in range(len(text))]) for text in texts]

    def label(self, text: str, place: int) -> str:
        """The label of one letter."""
        alone = self.labels_.get(text[place], "inside")
        return self.labels_.get(self.context(text, place, self.reach), alone)

    @staticmethod
    def context(text: str, place: int, reach: int) -> str:
        """A letter and its neighbours, with marks beyond the ends."""
        padded = "^" * reach + text + "$" * reach
        return padded[place : place + 2 * reach + 1]


class Score(NamedTuple):
    """Share of the letters labelled rightly, and of the words found from end to end."""

    letters: float
    words: float


def score(predicted: Sequence[Labels], labels: Sequence[Labels]) -> Score:
    """Compare labels letter by letter, and word by word."""
    found, true = (np.concatenate(rows) == "begin" for rows in (predicted, labels))
    edges = np.append(np.flatnonzero(true), len(true))
    wrong = np.append(0, np.cumsum(found != true))
    last = np.minimum(edges[1:], len(true) - 1)
    words = (wrong[edges[1:]] == wrong[edges[:-1]]) & (found[last] == true[last])
    return Score(float((found == true).mean()), float(words.mean()))


def compare(train: Lines, test: Lines, hidden_size: int, max_iter: int) -> dict[str, Score]:
    """Fit the baselines and the network, and label the other lines."""
    network = make_pipeline(
        Tokenizer("char"),
        SequenceTagger(
            hidden_size=hidden_size,
            bidirectional=True,
            batch_size=32,
            learning_rate_init=5e-3,
            max_iter=max_iter,
            clip_norm=5.0,
            random_state=0,
        ),
    )
    judges = {"most frequent label of the letter": Majority(), "... between its neighbours": Majority(1)}
    return {
        name: score(judge.fit(train.texts, train.labels).predict(test.texts), test.labels)
        for name, judge in {**judges, "SequenceTagger": network}.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="a text; without one, Python's own help texts")
    parser.add_argument("--small", action="store_true", help="few lines and a small network: some seconds")
    options = parser.parse_args(arguments)
    corpus = load_corpus()
    found = lines(corpus.train + corpus.test if options.file is None else options.file.read_text(encoding="utf-8"))
    train, test = split(found, 1_000, 250) if options.small else split(found, 8 * len(found.texts) // 10, None)
    print(f"letters labelled rightly and words found in {len(test.texts):,} lines, after {len(train.texts):,} others")
    for name, result in compare(train, test, *((32, 8) if options.small else (128, 12))).items():
        print(f"  {name:36}{100 * result.letters:6.2f} % {100 * result.words:8.2f} %")


def split(found: Lines, train: int, test: int | None) -> tuple[Lines, Lines]:
    """The first lines, and the next or all the rest."""
    stop = None if test is None else train + test
    return Lines(found.texts[:train], found.labels[:train]), Lines(found.texts[train:stop], found.labels[train:stop])


if __name__ == "__main__":
    main()
