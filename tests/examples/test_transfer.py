"""Transfer: features of other classes against pixels, five labelled images a class."""

import numpy as np

import transfer


def test_shifted_images():
    image = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    moved = transfer.shifted(image)
    assert moved.shape == (9, 1, 8, 8)
    assert np.array_equal(moved[4], image[0])
    assert np.array_equal(moved[0, 0, 1:, 1:], image[0, 0, :-1, :-1])
    assert moved[0, 0, 0].sum() == 0


def test_the_features_beat_the_pixels_and_the_untrained_network():
    result = transfer.compare(draws=12, max_iter=2)
    assert result.pixels.mean() > 0.85
    assert result.features.mean() > result.pixels.mean() + 0.01
    assert result.features.mean() > result.untrained.mean() + 0.01


def test_the_program_prints_all(capsys, monkeypatch):
    found = transfer.Result(np.array([0.9, 0.8]), np.array([0.8, 0.8]), np.array([0.95, 0.7]))
    monkeypatch.setattr(transfer, "compare", lambda draws, max_iter: found)
    transfer.main(["--small"])
    printed = capsys.readouterr().out
    assert "5 labelled images each, mean of 2 draws" in printed
    assert "on pixels                               85.0 %" in printed
    assert "in 50% of the draws" in printed
