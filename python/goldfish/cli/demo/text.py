"""The English that every Python carries: the help texts of `pydoc_data.topics`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pydoc_data.topics import topics

_FOLD = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-", "…": "..."})
_PROSE = re.compile(r"[A-Z*\"].*[a-z].* .*[.:;!?)]$")


@dataclass(frozen=True)
class Corpus:
    """Three texts that share neither topic nor paragraph; no character of the later two is missing from the first.

    Attributes
    ----------
    train, validation, test : str
        Paragraphs, one per line.
    """

    train: str
    validation: str
    test: str


def help_topics() -> list[list[str]]:
    """The prose of the help topics: re-flowed paragraphs of plain ASCII, each once, without code and headings.

    Returns
    -------
    list of list of str
        The paragraphs of every topic that has any, in the order of the topics' names.

    Examples
    --------
    >>> from itertools import chain
    >>> paragraphs = list(chain.from_iterable(help_topics()))
    >>> len(paragraphs) == len(set(paragraphs)) > 500
    True
    """
    seen: set[str] = set()
    result = []
    for name in sorted(topics):
        blocks = re.split(r"\n\s*\n", topics[name].translate(_FOLD))
        prose = dict.fromkeys(text for text in (" ".join(block.split()) for block in blocks) if _is_prose(text))
        result.append([text for text in prose if text not in seen])
        seen.update(prose)
    return [paragraphs for paragraphs in result if paragraphs]


def load_corpus(limit: int | None = None) -> Corpus:
    """Split the prose by topic: of ten topics, eight to train on, one to watch the training with, one for the test.

    Parameters
    ----------
    limit : int or None
        Use only the first ``limit`` topics.

    Returns
    -------
    Corpus
        The three texts. Characters that the training text lacks are left out of the other two.

    Examples
    --------
    >>> corpus = load_corpus(limit=20)
    >>> set(corpus.test) <= set(corpus.train)
    True
    """
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    for index, paragraphs in enumerate(help_topics()[:limit]):
        parts[{4: 2, 9: 1}.get(index % 10, 0)].extend(paragraphs)
    train, validation, test = ("\n".join(part) for part in parts)
    alphabet = set(train)
    return Corpus(train, _restrict(validation, alphabet), _restrict(test, alphabet))


def _is_prose(text: str) -> bool:
    return len(text) >= 40 and text.isascii() and ">>>" not in text and _PROSE.match(text) is not None


def _restrict(text: str, alphabet: set[str]) -> str:
    return "".join(character for character in text if character in alphabet)
