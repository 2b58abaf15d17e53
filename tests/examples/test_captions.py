"""Captions: exact ones for combinations that no picture to learn from shows."""

import numpy as np
import pytest

import captions


def test_no_combination_is_in_both_parts():
    known, unseen = captions.split_pairs(np.random.default_rng(0))
    assert len(known) + len(unseen) == len(captions.OBJECTS) ** 2
    assert not {frozenset(pair) for pair in known} & {frozenset(pair) for pair in unseen}


def test_pictures_show_what_captions_say():
    scene = captions.scenes([(0, 6)], 50, 3, np.random.default_rng(0))
    assert scene.pictures.shape == (50, 3, 24, 24)
    for picture, caption in zip(scene.pictures, scene.captions, strict=True):
        assert caption.startswith("a red square ")
        assert caption.endswith(" a green triangle")
        red, green = (np.argwhere(picture[channel] > 0.6).mean(axis=0) for channel in (0, 1))
        apart = np.abs(red - green) > 4
        assert ("above" in caption) == bool(apart[0])
        assert ("left" in caption) == bool(apart[1] and red[1] < green[1])
        assert ("right" in caption) == bool(apart[1] and red[1] > green[1])


def test_counts_and_words():
    assert captions.counts(np.array([[0, 0], [3, 1]])).tolist() == [[2] + 15 * [0], [0, 1, 0, 1] + 12 * [0]]
    assert captions.right_words(["a red ring", "a"], ["a red cross", "a b"]) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_the_captioner_beats_the_nearest_picture():
    result = captions.compare(*captions.SMALL)
    assert result.exact > 0.85 > result.nearest_exact + 0.5
    assert result.words > result.nearest_words + 0.1


@pytest.mark.slow
def test_nine_captions_of_ten_are_exact_on_the_full_scale():
    result = captions.compare(*captions.FULL)
    assert result.exact >= 0.9
    assert result.nearest_exact < 0.05


def test_the_program_prints_both(capsys, monkeypatch):
    shown = captions.Result(0.95, 0.01, 0.99, 0.8, [("a red ring", "a red cross")])
    monkeypatch.setattr(captions, "compare", lambda *_: shown)
    captions.main(["--small"])
    printed = capsys.readouterr().out
    assert "caption of the nearest        1.00 %         80.00 %" in printed
    assert "CNN and SequenceGenerator    95.00 %         99.00 %" in printed
    assert "a red ring\n    -> a red cross" in printed
