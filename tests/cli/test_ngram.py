import math
from itertools import product

import numpy as np
import pytest

from goldfish.cli.demo.ngram import NGram
from goldfish.cli.demo.text import help_topics, load_corpus

TEXT = "the cat sat on the mat; the rat ate the cat that sat on that mat. " * 3


def witten_bell(text: str, context: str, character: str, order: int) -> float:
    """The definition, by counting in the text itself."""
    p = 1 / len(set(text))
    for length in range(min(order - 1, len(context)) + 1):
        history = context[len(context) - length :]
        after = [text[i + length] for i in range(len(text) - length) if text.startswith(history, i)]
        if after:
            p = (after.count(character) + len(set(after)) * p) / (len(after) + len(set(after)))
    return p


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("context", ["", "t", "the ", "that sat on the m", "zz", "xqthe", ". "])
def test_probabilities_sum_to_one(order: int, context: str) -> None:
    model = NGram(order).fit(TEXT + "zxq")
    p = model.probabilities(context)
    assert p.min() > 0
    assert p.sum() == pytest.approx(1, abs=1e-12)


def test_probabilities_sum_to_one_after_every_context() -> None:
    model = NGram(3).fit("abracadabra")
    for context in map("".join, product("abcdr", repeat=2)):
        assert model.probabilities(context).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4, 5])
def test_probabilities_are_the_definition(order: int) -> None:
    model = NGram(order).fit(TEXT)
    for context in ("", "th", "the c", "on that ", ";;;"):
        expected = [witten_bell(TEXT, context, character, order) for character in model.alphabet_]
        np.testing.assert_allclose(model.probabilities(context), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_bits_are_the_mean_surprise(order: int) -> None:
    model, text = NGram(order).fit(TEXT), "that rat sat; the cat ate."
    surprise = [-math.log2(model.probabilities(text[:i])[model.alphabet_.index(text[i])]) for i in range(1, len(text))]
    assert model.bits_per_character(text) == pytest.approx(np.mean(surprise), rel=1e-12)


def test_context_beats_frequencies_beat_the_alphabet() -> None:
    corpus = load_corpus(limit=20)
    bits = [NGram(order).fit(corpus.train).bits_per_character(corpus.test) for order in (1, 2, 3, 4, 5)]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] < math.log2(len(set(corpus.train)))


def test_sample_follows_the_counts() -> None:
    model = NGram(3).fit("ab" * 500)
    assert model.sample(40, prompt="ab", rng=1).count("ab") >= 19
    assert model.sample(40, rng=1) == model.sample(40, rng=1)
    assert model.sample(3, prompt="ba", temperature=0.01, rng=1) == "babab"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: NGram(0), "NGram: order must be at least 1, got 0"),
        (lambda: NGram(5).fit("abc"), "NGram.fit: text must have at least 5 characters, got 3"),
        (lambda: NGram(9).fit("".join(map(chr, range(300)))), "NGram.fit: 300 characters are too many for order 9"),
        (lambda: NGram(2).fit("abc").probabilities("é"), "NGram.probabilities: 'é' is not a character"),
        (lambda: NGram(2).fit("abc").bits_per_character("a"), "NGram.bits_per_character: text must have at least 2"),
    ],
)
def test_errors(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_three_texts_share_no_paragraph() -> None:
    corpus = load_corpus()
    train, validation, test = (set(text.splitlines()) for text in (corpus.train, corpus.validation, corpus.test))
    assert not train & (validation | test)
    assert not validation & test
    assert set(corpus.test) | set(corpus.validation) <= set(corpus.train)
    assert len(corpus.train) > 5 * len(corpus.test) > 10_000


def test_topics_are_clean_prose() -> None:
    paragraphs = [text for topic in help_topics() for text in topic]
    assert len(paragraphs) == len(set(paragraphs))
    assert all(text == " ".join(text.split()) and text.isascii() for text in paragraphs)
