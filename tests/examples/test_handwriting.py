"""Digits: the convolutional network against MLPClassifier, on a fold that neither has seen."""

import numpy as np
import pytest

import handwriting


def test_the_network_beats_the_perceptron():
    results = handwriting.compare(handwriting.small_images(), folds=1, max_iter=30)
    assert results["ConvNetClassifier"].accuracy > results["MLPClassifier"].accuracy + 0.005
    assert results["ConvNetClassifier"].accuracy > 0.98
    assert results["MLPClassifier"].accuracy > 0.96


def idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())
    return str(path)


def test_the_program_reads_files_and_prints_both(capsys, monkeypatch, tmp_path):
    seen = {}

    def compare(images, folds, max_iter):
        seen.update(images=images, folds=folds, max_iter=max_iter)
        return {"MLPClassifier": handwriting.Result(0.97, 1.25), "ConvNetClassifier": handwriting.Result(0.99, 3.5)}

    monkeypatch.setattr(handwriting, "compare", compare)
    pixels, digits = np.arange(24).reshape(2, 3, 4) * 10, np.array([7, 1])
    files = [idx(tmp_path / "images", pixels), idx(tmp_path / "labels", digits)]
    handwriting.main(files)
    np.testing.assert_allclose(seen["images"].pixels, pixels / 255, rtol=1e-6)
    assert seen["images"].digits.tolist() == [7, 1]
    printed = capsys.readouterr().out
    assert "2 digits of 3 x 4: held-out ones read rightly in 1 of 5 folds, 8 epochs" in printed
    assert "ConvNetClassifier    99.00 %     3.5 s to fit" in printed
    with pytest.raises(ValueError, match=r"expected images \(N, H, W\) and labels \(N,\)"):
        handwriting.main(files[::-1])
    handwriting.main(["--small"])
    assert seen["images"].pixels.shape == (1797, 8, 8)
    with pytest.raises(SystemExit):
        handwriting.main(files[:1])
