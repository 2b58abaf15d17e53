"""Sentences whose verdict hangs on order and negation: a recurrent network against bags of words.

Half of the sentences are easy: their words alone decide. The other half come from a grammar in which every sentence has
a mirror image of the same words and the opposite verdict ("the plot was good, not bad" and "the plot was bad, not
good"), so whatever looks at counts of words alone is at chance on them, however clever it is.

python examples/negation.py            # 4,000 sentences to learn from, 2,000 others to judge; some seconds
python examples/negation.py --small
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from goldfish.models import RecurrentClassifier, Tokenizer
from goldfish.naive_bayes import MultinomialNB

THINGS = ["plot", "acting", "music", "ending", "food", "service", "room", "view", "screen", "battery", "sound", "price"]
GOOD = ["good", "great", "lovely", "superb", "pleasant", "excellent"]
BAD = ["bad", "awful", "poor", "dreadful", "nasty", "terrible"]
HEDGES = ["", "honestly, ", "to my surprise, ", "as everyone says, "]
EASY = ["the {a} was {x}", "{x} {a} and a {x} {b}", "i call the {a} {x}, and the {b} {x} too"]
# {x} decides, {y} says the opposite: exchanging the two keeps the words and turns the verdict.
HARD = [
    "the {a} was {y} but the {b} was {x}",
    "the {a} was {x}, not {y}",
    "not {y} at all, the {a} was {x}",
    "i expected a {y} {a} and found a {x} one",
    "the {a}, once {y}, is now {x}",
]


class Sentences(NamedTuple):
    """Sentences, whether each is favourable, and whether its words alone cannot tell."""

    texts: list[str]
    favourable: NDArray[np.bool_]
    hard: NDArray[np.bool_]


def sentence(rng: np.random.Generator, favourable: bool, hard: bool) -> str:
    """One sentence of the grammar."""
    a, b = rng.choice(THINGS, 2, replace=False)
    same, other = (GOOD, BAD) if favourable else (BAD, GOOD)
    template = str(rng.choice(HARD if hard else EASY))
    return str(rng.choice(HEDGES)) + template.format(a=a, b=b, x=rng.choice(same), y=rng.choice(other))


def split_sentences(train: int, test: int, seed: int = 0) -> tuple[Sentences, Sentences]:
    """Sentences to learn from and others, none of which occurs twice; half of each part is hard."""
    rng = np.random.default_rng(seed)
    found: dict[str, tuple[bool, bool]] = {}
    while len(found) < train + test:
        hard, favourable = len(found) % 2 == 1, bool(rng.random() < 0.5)
        found.setdefault(sentence(rng, favourable, hard), (favourable, hard))
    texts, labels = list(found), np.array(list(found.values()))
    parts = (slice(train), slice(train, None))
    first, second = (Sentences(texts[part], labels[part, 0], labels[part, 1]) for part in parts)
    return first, second


def network() -> Pipeline:
    """What reads words in their order."""
    return make_pipeline(
        Tokenizer(),
        RecurrentClassifier(
            hidden_size=32, embedding_dim=16, batch_size=32, learning_rate_init=0.01, max_iter=10, random_state=0
        ),
    )


def judges() -> dict[str, Pipeline]:
    """The baselines, and the network."""
    return {
        "bag of words, naive Bayes": make_pipeline(CountVectorizer(), MultinomialNB()),
        "bag of words, logistic regression": make_pipeline(CountVectorizer(), LogisticRegression()),
        "RecurrentClassifier": network(),
    }


class Score(NamedTuple):
    """Shares of unseen sentences that are judged rightly."""

    easy: float
    hard: float


def compare(train: Sentences, test: Sentences) -> dict[str, Score]:
    """Fit every judge, and ask it for the other sentences."""
    scores = {}
    for name, judge in judges().items():
        right = judge.fit(train.texts, train.favourable).predict(test.texts) == test.favourable
        scores[name] = Score(float(right[~test.hard].mean()), float(right[test.hard].mean()))
    return scores


def main(arguments: list[str] | None = None) -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="fewer sentences: a few seconds")
    small = parser.parse_args(arguments).small
    train, test = split_sentences(1_500, 500) if small else split_sentences(4_000, 2_000)
    print(f"accuracy on {len(test.texts):,} sentences that nobody has seen, after {len(train.texts):,} others")
    print(f"{'':36}words decide   order decides")
    for name, score in compare(train, test).items():
        print(f"  {name:34}{100 * score.easy:10.1f} % {100 * score.hard:13.1f} %")


if __name__ == "__main__":
    main()
