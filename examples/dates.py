"""Dates as people write them, to ISO 8601: a Seq2Seq against templates that are learned by counting.

python examples/dates.py            # 10,000 dates to learn from, 2,000 others to be asked for; about a minute
python examples/dates.py --small
"""

from __future__ import annotations

import argparse
import datetime
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from goldfish.models import Seq2Seq

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August"]
MONTHS += ["September", "October", "November", "December"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FIRST = datetime.date(1900, 1, 1)
COUNT = (datetime.date(2100, 1, 1) - FIRST).days


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..."""
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def month(date: datetime.date) -> str:
    """The name in English, whatever the locale."""
    return MONTHS[date.month - 1]


# Hidden size, batch size, epochs.
SMALL, FULL = (64, 32, 12), (128, 64, 8)

# With dots the day comes first, with slashes the month.
FORMATS: list[Callable[[datetime.date], str]] = [
    lambda date: f"{date.day} {month(date)} {date.year}",
    lambda date: f"{month(date)} {date.day}, {date.year}",
    lambda date: f"{month(date)[:3]} {ordinal(date.day)}, {date.year}",
    lambda date: f"{DAYS[date.weekday()]}, {date.day} {month(date)[:3]} {date.year}",
    lambda date: f"{date.day}.{date.month}.{date.year}",
    lambda date: f"{date.month:02}/{date.day:02}/{date.year}",
    lambda date: f"the {ordinal(date.day)} of {month(date)}, {date.year}",
    lambda date: f"{date.year} {month(date)[:3].upper()} {date.day:02}",
]


class Split(NamedTuple):
    """Sources and targets to learn from, and those of other dates."""

    X: list[str]
    y: list[str]
    X_test: list[str]
    y_test: list[str]


def split_dates(train: int, test: int, seed: int = 0) -> Split:
    """Different dates of the years 1900 to 2099, each in one of the formats."""
    rng = np.random.default_rng(seed)
    dates = [FIRST + datetime.timedelta(days=int(day)) for day in rng.choice(COUNT, train + test, replace=False)]
    written = [FORMATS[rng.integers(len(FORMATS))](date) for date in dates]
    iso = [date.isoformat() for date in dates]
    return Split(written[:train], iso[:train], written[train:], iso[train:])


class Templates:
    """The baseline: for each shape of a source, where each character of the target comes from.

    The shape is the source with every digit as 9 and every letter as a. For each place of the target stands the place
    of the source that agreed with it most often, or the most frequent character if that agreed more often.
    """

    def fit(self, X: list[str], y: list[str]) -> Self:
        """Count."""
        groups = defaultdict(list)
        for source, target in zip(X, y, strict=True):
            groups[shape(source)].append((source, target))
        self.rules_ = {key: [rule(pairs, place) for place in range(10)] for key, pairs in groups.items()}
        return self

    def predict(self, X: list[str]) -> list[str]:
        """Fill in the templates; a shape that was never seen gives an empty string."""
        return [
            "".join(source[at] if isinstance(at, int) else at for at in self.rules_.get(shape(source), []))
            for source in X
        ]


def shape(source: str) -> str:
    """What a template is keyed by."""
    return re.sub("[A-Za-z]", "a", re.sub("[0-9]", "9", source))


def rule(pairs: list[tuple[str, str]], place: int) -> int | str:
    """The place of the source, or the character, that tells one place of the target most often."""
    votes: Counter[int | str] = Counter()
    for source, target in pairs:
        votes.update([target[place], *(at for at, character in enumerate(source) if character == target[place])])
    return votes.most_common(1)[0][0]


class Result(NamedTuple):
    """Shares of unseen dates that come out exactly."""

    network: float
    templates: float
    beam: float
    mistakes: list[tuple[str, str]]


def compare(data: Split, hidden_size: int, batch_size: int, max_iter: int) -> Result:
    """Train the network, count the templates, and ask both for the unseen dates."""
    model = Seq2Seq(
        hidden_size=hidden_size,
        batch_size=batch_size,
        max_iter=max_iter,
        learning_rate_init=4e-3,
        clip_norm=5.0,
        random_state=0,
    ).fit(data.X, data.y)
    predicted = model.predict(data.X_test)
    mistakes = [
        (source, written)
        for source, written, target in zip(data.X_test, predicted, data.y_test, strict=True)
        if written != target
    ]
    templates = Templates().fit(data.X, data.y).predict(data.X_test)
    exact = [written == target for written, target in zip(templates, data.y_test, strict=True)]
    beam = model.set_params(beam_size=5).score(data.X_test, data.y_test)
    return Result(1 - len(mistakes) / len(predicted), float(np.mean(exact)), beam, mistakes)


def main(arguments: list[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="few dates and a small network: some seconds")
    small = parser.parse_args(arguments).small
    data = split_dates(2_500, 500) if small else split_dates(10_000, 2_000)
    result = compare(data, *(SMALL if small else FULL))
    print(f"exact on {len(data.X_test):,} dates that neither has seen, after {len(data.X):,} others:")
    print(f"  templates            {100 * result.templates:6.2f} %")
    print(f"  Seq2Seq              {100 * result.network:6.2f} %")
    print(f"  Seq2Seq, a beam of 5 {100 * result.beam:6.2f} %")
    for source, written in result.mistakes[:3]:
        print(f"  a mistake: {source!r} -> {written!r}")


if __name__ == "__main__":
    main()
