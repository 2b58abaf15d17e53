"""Sentiment: the program's own parts; which of the two is better on real sentences is for the program to say."""

import numpy as np
import pytest

import negation
import sentiment


@pytest.fixture
def folder(tmp_path):
    train, _ = negation.split_sentences(200, 2)
    lines = [f"{text}\t{int(label)}" for text, label in zip(train.texts, train.favourable, strict=True)]
    (tmp_path / "a_labelled.txt").write_text("\n".join(lines[:100]) + "\n")
    (tmp_path / "b_labelled.txt").write_text("\r\n".join(lines[100:]) + "\r\n\r\n")
    return tmp_path


def test_reading(folder):
    texts, labels = sentiment.read(folder)
    train, _ = negation.split_sentences(200, 2)
    assert texts == train.texts
    assert np.array_equal(labels, train.favourable)


@pytest.mark.parametrize("line", ["no label", "good\t2", "good 1", "\t\t"])
def test_damaged_files(folder, line):
    (folder / "b_labelled.txt").write_text(f"good\t1\n{line}x\n")
    with pytest.raises(ValueError, match=r"b_labelled.txt:2: expected a sentence, a tab, and 0 or 1"):
        sentiment.read(folder)
    with pytest.raises(ValueError, match="expected files"):
        sentiment.read(folder / "nothing")


def test_bags():
    counts = sentiment.bags([np.array([3, 3, 1]), np.array([], np.int64)])
    assert counts.shape == (2, sentiment.MAX_TOKENS + 2)
    assert (counts[0, 3], counts[0, 1], counts[0].sum(), counts[1].sum()) == (2, 1, 3, 0)


def test_the_program_prints_both_in_the_same_folds(folder, capsys):
    sentiment.main([str(folder), "--max-iter", "2"])
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("200 sentences, ")
    assert [line.split("  ")[1].strip() for line in rest] == [
        "Tokenizer + MultinomialNB",
        "Tokenizer + RecurrentClassifier",
    ]
    assert all(" % ± " in line for line in rest)
