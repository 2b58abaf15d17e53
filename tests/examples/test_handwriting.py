"""Digits: the convolutional network against MLPClassifier, on a fold that neither has seen."""

import warnings

from sklearn.exceptions import ConvergenceWarning

import handwriting


def test_the_network_beats_the_perceptron():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        results = handwriting.compare(1)
    assert results["ConvNetClassifier"].accuracy > results["MLPClassifier"].accuracy + 0.005
    assert results["ConvNetClassifier"].accuracy > 0.98
    assert results["MLPClassifier"].accuracy > 0.96


def test_the_program_prints_both(capsys, monkeypatch):
    found = {"MLPClassifier": handwriting.Result(0.97, 1.25), "ConvNetClassifier": handwriting.Result(0.99, 3.5)}
    monkeypatch.setattr(handwriting, "compare", lambda folds: found)
    handwriting.main(["--small"])
    printed = capsys.readouterr().out
    assert "1 of 5 folds" in printed
    assert "ConvNetClassifier    99.00 %     3.5 s to fit" in printed
