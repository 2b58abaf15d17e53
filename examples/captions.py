"""Pictures to words: a small CNN's features, and a SequenceGenerator that describes scenes it has never seen.

A picture shows two objects on a grid, each with one of four shapes in one of four colours. The CNN has learned which
objects are in a picture, not where; its last convolution's outputs, chopped off behind the pooling, are what captions
are written from. One pair of objects in five is kept for the test: those combinations occur in no other picture.

    python examples/captions.py            # a minute
    python examples/captions.py --small
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from goldfish.models import ConvNetRegressor, FeatureExtractor, SequenceGenerator

Pictures = NDArray[np.float32]
Pairs = list[tuple[int, int]]
Place = tuple[int, int]

# Pictures to learn from and to describe, cells of a side, epochs.
SMALL, FULL = (2_000, 400, 2, 10), (8_000, 1_000, 3, 15)

CELL = 8
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}
_ROW, _COLUMN = np.mgrid[-3:4, -3:4]
SHAPES = {
    "square": np.ones((7, 7), bool),
    "ring": (_ROW**2 + _COLUMN**2 <= 13) & (_ROW**2 + _COLUMN**2 >= 4),
    "triangle": np.abs(_COLUMN) * 2 <= _ROW + 3,
    "cross": (np.abs(_ROW) <= 1) | (np.abs(_COLUMN) <= 1),
}
OBJECTS = [(colour, shape) for colour in COLOURS for shape in SHAPES]


class Scenes(NamedTuple):
    """Pictures (N, 3, H, W), the numbers of their two objects (N, 2), and captions, the upper or left object first."""

    pictures: Pictures
    objects: NDArray[np.int64]
    captions: list[str]


class Result(NamedTuple):
    """Of the captions of unseen combinations: shares that are exact, and mean shares of words in their places."""

    exact: float
    nearest_exact: float
    words: float
    nearest_words: float
    examples: list[tuple[str, str]]


def draw(picture: Pictures, thing: int, place: Place, rng: np.random.Generator) -> None:
    """Put an object into a cell of the grid, off its corner by up to a pixel, not quite in its pure colour."""
    colour, shape = OBJECTS[thing]
    row, column = (CELL * number + int(shift) for number, shift in zip(place, rng.integers(0, 2, 2), strict=True))
    tint = np.array(COLOURS[colour]) * rng.uniform(0.7, 1.0) + rng.uniform(0, 0.15, 3)
    picture[:, row : row + 7, column : column + 7][:, SHAPES[shape]] = tint[:, None]


def scenes(pairs: Pairs, count: int, grid: int, rng: np.random.Generator) -> Scenes:
    """Noisy pictures, each of one of the pairs of objects, in two cells of a grid x grid field."""
    pictures = rng.uniform(0, 0.2, (count, 3, CELL * grid, CELL * grid)).astype(np.float32)
    objects, captions = np.array(pairs)[rng.integers(len(pairs), size=count)], []
    for picture, (first, second) in zip(pictures, objects.tolist(), strict=True):
        one, two = (divmod(cell, grid) for cell in sorted(rng.choice(grid**2, 2, replace=False).tolist()))
        draw(picture, first, one, rng)
        draw(picture, second, two, rng)
        captions.append(f"a {name(first)} {relation(one, two)} a {name(second)}")
    return Scenes(pictures, objects, captions)


def name(thing: int) -> str:
    """Such as "red ring"."""
    return " ".join(OBJECTS[thing])


def relation(one: Place, two: Place) -> str:
    """Where the first object is, seen from the second; cells are numbered by rows, so it is never below."""
    across = "left of" if one[1] < two[1] else "right of"
    if one[0] == two[0]:
        return across
    return "above" if one[1] == two[1] else f"above and {across}"


def split_pairs(rng: np.random.Generator) -> tuple[Pairs, Pairs]:
    """All pairs of objects in both orders: those to learn from, and one in five for the test."""
    pairs = [(first, second) for first in range(len(OBJECTS)) for second in range(first, len(OBJECTS))]
    order, cut = rng.permutation(len(pairs)), len(pairs) // 5
    known, unseen = ([pairs[index] for index in part] for part in (order[cut:], order[:cut]))
    return both_orders(known), both_orders(unseen)


def both_orders(pairs: Pairs) -> Pairs:
    """Each pair and its mirror image."""
    return sorted({*pairs, *((second, first) for first, second in pairs)})


def counts(objects: NDArray[np.int64]) -> Pictures:
    """How often each object is in each picture: what the CNN learns."""
    return np.stack([(objects == thing).sum(axis=1) for thing in range(len(OBJECTS))], axis=1).astype(np.float32)


def right_words(written: list[str], captions: list[str]) -> float:
    """The mean share of a caption's words that stand in their places."""
    shares = []
    for mine, true in zip(written, captions, strict=True):
        words = true.split()
        shares.append(sum(a == b for a, b in zip(mine.split(), words, strict=False)) / len(words))
    return float(np.mean(shares))


def exact(written: list[str], captions: list[str]) -> float:
    """The share of captions that are right to the word."""
    return float(np.mean([mine == true for mine, true in zip(written, captions, strict=True)]))


def compare(train: int, test: int, grid: int, max_iter: int) -> Result:
    """Train the CNN, then the captioner on its features; copy the nearest picture's caption as the baseline."""
    rng = np.random.default_rng(0)
    known, unseen = split_pairs(rng)
    photos, test_photos = scenes(known, train, grid, rng), scenes(unseen, test, grid, rng)
    base = ConvNetRegressor(
        (16, 32, 64),
        hidden_layer_sizes=(64,),
        learning_rate_init=3e-3,
        batch_size=64,
        max_iter=15,
        random_state=0,
    ).fit(photos.pictures, counts(photos.objects))
    features = make_pipeline(FeatureExtractor(base.model_, 8), StandardScaler())  # up to the third pooling
    captioner = SequenceGenerator(
        dropout=0.1, learning_rate_init=2e-3, batch_size=64, max_iter=max_iter, clip_norm=5.0, random_state=0
    )
    seen = features.fit_transform(photos.pictures)
    new = features.transform(test_photos.pictures)
    written = captioner.fit(seen, photos.captions).predict(new)
    nearest = KNeighborsClassifier(1).fit(seen, photos.captions).predict(new).tolist()
    true = test_photos.captions
    return Result(
        exact(written, true),
        exact(nearest, true),
        right_words(written, true),
        right_words(nearest, true),
        list(zip(true, written, strict=True))[:3],
    )


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="fewer and smaller pictures: some ten seconds")
    small = parser.parse_args(arguments).small
    result = compare(*(SMALL if small else FULL))
    print("captions of pairs of objects that are together in no picture to learn from:")
    print(f"  {'':26} {'exact':>9} {'words in place':>15}")
    print(f"  {'caption of the nearest':26} {100 * result.nearest_exact:7.2f} % {100 * result.nearest_words:13.2f} %")
    print(f"  {'CNN and SequenceGenerator':26} {100 * result.exact:7.2f} % {100 * result.words:13.2f} %")
    for caption, written in result.examples:
        print(f"  {caption}\n    -> {written}")


if __name__ == "__main__":
    main()
