"""Negation: every hard sentence has its mirror image, so counts of words are at chance, and the network is not."""

from collections import Counter

import numpy as np
import pytest

import negation


def test_a_mirror_image_has_the_same_words_and_the_opposite_verdict():
    rng = np.random.default_rng(0)
    for template in negation.HARD:
        names = {"a": "plot", "b": "food"}
        good, bad = rng.choice(negation.GOOD), rng.choice(negation.BAD)
        favourable, other = template.format(**names, x=good, y=bad), template.format(**names, x=bad, y=good)
        words = [Counter(text.replace(",", "").split()) for text in (favourable, other)]
        assert words[0] == words[1]
        assert favourable != other


def test_no_sentence_comes_twice_and_half_of_each_part_is_hard():
    train, test = negation.split_sentences(300, 200)
    assert not set(train.texts) & set(test.texts)
    assert (len(set(train.texts)), len(set(test.texts))) == (300, 200)
    assert (train.hard.mean(), test.hard.mean()) == (0.5, 0.5)
    assert 0.4 < train.favourable.mean() < 0.6


def test_the_network_reads_order_where_bags_of_words_guess():
    scores = negation.compare(*negation.split_sentences(1_500, 500))
    network = scores.pop("RecurrentClassifier")
    assert network.easy > 0.97
    assert network.hard > 0.95
    for bag in scores.values():
        assert bag.easy > 0.97
        assert bag.hard < 0.56 < network.hard - 0.35


def test_the_program_prints_both(capsys, monkeypatch):
    monkeypatch.setattr(negation, "compare", lambda *_: {"a bag": negation.Score(1.0, 0.5)})
    negation.main(["--small"])
    printed = capsys.readouterr().out
    assert "500 sentences that nobody has seen, after 1,500 others" in printed
    assert printed.splitlines()[-1].split() == ["a", "bag", "100.0", "%", "50.0", "%"]
    with pytest.raises(SystemExit):
        negation.main(["--large"])
