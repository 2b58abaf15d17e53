"""Sentences from reviews, for or against: a recurrent network beside naive Bayes, in five folds.

python examples/sentiment.py FOLDER

FOLDER holds the "Sentiment Labelled Sentences" of the UCI repository (Kotzias et al., KDD 2015, CC BY 4.0): files
*_labelled.txt with a sentence, a tab, and 0 or 1 on each line. Three thousand short sentences are little for a network
that has to learn its words' meanings from them alone, and naive Bayes is hard to beat there. The network's settings are
the best of ten that were tried on these very folds, naive Bayes's are the default.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from goldfish.models import RecurrentClassifier, Tokenizer
from goldfish.naive_bayes import MultinomialNB

MAX_TOKENS = 10_000


def read(folder: Path) -> tuple[list[str], NDArray[np.int64]]:
    """The sentences of all files, and their labels.

    Raises
    ------
    ValueError
        If there are none, or a line is not a sentence, a tab, and 0 or 1.
    """
    texts, labels = [], []
    for path in sorted(folder.glob("*_labelled.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            text, tab, label = line.rstrip("\r").rpartition("\t")
            if line.strip() and not (tab and label in ("0", "1")):
                raise ValueError(f"{path}:{number}: expected a sentence, a tab, and 0 or 1")
            if line.strip():
                texts.append(text)
                labels.append(int(label))
    if not texts:
        raise ValueError(f"{folder}: expected files *_labelled.txt with sentences, found none")
    return texts, np.array(labels)


def bags(sequences: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """How often each token number occurs in each sequence."""
    return np.stack([np.bincount(row, minlength=MAX_TOKENS + 2) for row in sequences])


def judges(max_iter: int = 5) -> dict[str, Pipeline]:
    """Naive Bayes and the network, over the same tokens."""
    network = RecurrentClassifier(
        "gru", bidirectional=True, dropout=0.5, batch_size=32, max_iter=max_iter, clip_norm=5.0, random_state=0
    )
    return {
        "Tokenizer + MultinomialNB": make_pipeline(Tokenizer(max_tokens=MAX_TOKENS), bag_step(), MultinomialNB()),
        "Tokenizer + RecurrentClassifier": make_pipeline(Tokenizer(max_tokens=MAX_TOKENS), network),
    }


def bag_step() -> FunctionTransformer:
    """Counts of tokens, as a step of a pipeline."""
    return FunctionTransformer(bags)


def compare(texts: list[str], labels: NDArray[np.int64], max_iter: int = 5) -> dict[str, NDArray[np.float64]]:
    """Accuracy of each judge in each of five folds; the folds are the same for both."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return {
        name: cross_val_score(judge, texts, labels, cv=folds, error_score="raise")
        for name, judge in judges(max_iter).items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the accuracies."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the files *_labelled.txt are")
    parser.add_argument("--max-iter", type=int, default=5, help="epochs of the network")
    options = parser.parse_args(arguments)
    texts, labels = read(options.folder)
    print(f"{len(texts):,} sentences, {100 * labels.mean():.1f} % of them favourable; accuracy in five folds")
    for name, scores in compare(texts, labels, options.max_iter).items():
        print(f"  {name:33}{100 * scores.mean():6.1f} % ± {100 * scores.std():.1f}")


if __name__ == "__main__":
    main()
