"""Word boundaries: the tagger against the most frequent labels, on lines that neither has seen."""

import numpy as np
import pytest

import tagging


def test_lines():
    found = tagging.lines("I am. " * 6 + "Don't stop " * 4)
    assert found.texts == ["iamiamiamiamiamiam", "dontstopdontstopdontstopdontstop"]
    assert found.labels[0].tolist() == ["begin", "begin", "inside"] * 6
    assert "".join(label[0] for label in found.labels[1][:8]) == "biibbiii"


def test_majorities():
    texts, labels = ["aba", "aba"], [np.array(["begin", "inside", "inside"]), np.array(["begin", "inside", "begin"])]
    assert tagging.Majority().fit(texts, labels).predict(["ab", "c"])[0].tolist() == ["begin", "inside"]
    near = tagging.Majority(1).fit(
        ["ab", "bb", "bb"], [np.array(row) for row in (["begin"] * 2, ["x", "y"], ["x", "y"])]
    )
    assert [row.tolist() for row in near.predict(["ab", "bb", "b"])] == [["begin", "begin"], ["x", "y"], ["x"]]
    assert near.context("abc", 0, 1) == "^ab"
    assert near.context("abc", 2, 2) == "abc$$"


def test_scores():
    true = [np.array(["begin", "inside", "begin"]), np.array(["begin"])]
    assert tagging.score(true, true) == (1.0, 1.0)
    late = [np.array(["begin", "begin", "begin"]), np.array(["begin"])]
    assert tagging.score(late, true) == (0.75, pytest.approx(2 / 3))


def test_the_tagger_beats_the_majority():
    corpus = tagging.load_corpus()
    train, test = tagging.split(tagging.lines(corpus.train), 600, 200)
    letter, neighbours, network = tagging.compare(train, test, hidden_size=32, max_iter=12).values()
    assert network.letters > letter.letters + 0.08
    assert network.words > letter.words + 0.3
    assert neighbours.letters > letter.letters


def test_the_program_reads_a_file(capsys, monkeypatch, tmp_path):
    (tmp_path / "text").write_text("the quick brown fox jumps over the lazy dog " * 5 + "and sleeps " * 30)
    seen = {}
    monkeypatch.setattr(
        tagging,
        "compare",
        lambda train, test, size, epochs: seen.update(train=train) or {"x": tagging.Score(0.5, 0.25)},
    )
    tagging.main([str(tmp_path / "text")])
    assert seen["train"].texts[0].startswith("thequickbrownfox")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["x", "50.00", "%", "25.00", "%"]
