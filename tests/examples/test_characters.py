"""A character model beside a 5-gram: what lies further back than four characters decides between them."""

import itertools
import math

import pytest

import characters
from goldfish.cli.demo.text import load_corpus
from goldfish.models import CharLanguageModel


def test_the_parts_of_a_text():
    data = characters.split("abc" * 300 + "az" * 50)
    assert data == ("abc" * 300, "a" * 25, "a" * 25)


def test_lines_end_as_they_begin():
    lines = characters.brackets(200).split("\n")[:-1]
    assert {len(line) for line in lines} == {8}
    assert len({line[0] for line in lines}) == 8
    assert all(characters.OPENING.index(line[0]) == characters.CLOSING.index(line[-1]) for line in lines)


def test_the_network_carries_the_bracket_further_than_a_5_gram():
    """Three bits for the first of nine characters are beyond both; the 5-gram pays them for the last one too."""
    result = characters.compare(characters.split(characters.brackets(2_000)), characters.small_model(), 90)
    assert result.ngram == pytest.approx(6 / 9, abs=0.02)
    assert result.network < result.ngram - 0.2
    assert result.network > 3 / 9 - 0.01
    assert result.curve[-1] < result.curve[0] - 0.2
    whole = [line for line in result.sample.split("\n")[1:-1] if len(line) == 8]
    assert len(whole) > 5
    right = sum(characters.OPENING.find(line[0]) == characters.CLOSING.find(line[-1]) for line in whole)
    assert right > 0.7 * len(whole)


def test_bits_fall_on_the_demonstrations_text():
    """Four epochs over Python's help texts: below single characters by frequency, and falling all the way."""
    corpus = load_corpus(limit=12)
    model = CharLanguageModel(
        "gru", 64, 1, truncate=32, batch_size=16, learning_rate_init=0.01, max_iter=4, clip_norm=5.0, random_state=0
    ).fit(corpus.train, corpus.validation)
    curve = [-score for score in model.validation_scores_]
    assert all(later < earlier for earlier, later in itertools.pairwise(curve))
    counts = model.character_counts_ / model.character_counts_.sum()
    numbers = {character: index for index, character in enumerate(model.vocabulary_)}
    unigram = -sum(math.log2(counts[numbers[character]]) for character in corpus.test) / len(corpus.test)
    assert model.bits_per_character(corpus.test) < unigram - 1


def test_the_program_prints_both(capsys, monkeypatch, tmp_path):
    seen = []

    def compare(data, model, length):
        seen.append((data, model.hidden_size, length))
        return characters.Result(1.5, 2.25, [3.0, 2.0], "abc")

    monkeypatch.setattr(characters, "compare", compare)
    path = tmp_path / "text.txt"
    path.write_text("an English text " * 20, encoding="utf-8")
    characters.main([str(path)])
    characters.main(["--small"])
    assert [size for _, size, _ in seen] == [256, 32]
    assert seen[0][0].train.startswith("an English")
    printed = capsys.readouterr().out
    assert "5-gram             2.250" in printed
    assert "CharLanguageModel  1.500" in printed
    with pytest.raises(SystemExit):
        characters.main([])
