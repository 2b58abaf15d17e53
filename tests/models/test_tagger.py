"""SequenceTagger: labels of every step, empty sequences, weights, scores, kinds of labels."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from goldfish import nn
from goldfish.models import SequenceTagger
from model_cases import AFTER_FIVE, SERIES, TOKENS

SMALL = {"hidden_size": 8, "max_iter": 3, "batch_size": 16, "learning_rate_init": 0.02, "random_state": 0}
SIGNS = [(row[:, 0] > 0).astype(int) for row in SERIES]


def tagger(**options):
    return SequenceTagger(**{**SMALL, **options})


def test_every_step_gets_a_label():
    fitted = tagger(max_iter=60).fit(TOKENS, AFTER_FIVE)
    predicted, probabilities = fitted.predict(TOKENS), fitted.predict_proba(TOKENS)
    assert [len(row) for row in predicted] == [len(row) for row in TOKENS]
    for labels, odds in zip(predicted, probabilities, strict=True):
        assert odds.shape == (len(labels), 2)
        assert np.array_equal(labels, fitted.classes_[odds.argmax(axis=1)])
        np.testing.assert_allclose(odds.sum(axis=1), 1, rtol=1e-5)
    assert fitted.score(TOKENS, AFTER_FIVE) > 0.98
    assert repr(fitted.model_) == "Sequential(onehot=OneHot(8), recurrent=LSTM(8, 8), head=Linear(8, 2))"


def test_the_score_is_the_accuracy_of_all_steps_together():
    fitted = tagger().fit(TOKENS, AFTER_FIVE)
    joined = np.concatenate(fitted.predict(TOKENS))
    assert fitted.score(TOKENS, AFTER_FIVE) == pytest.approx(accuracy_score(np.concatenate(AFTER_FIVE), joined))
    weights = np.random.default_rng(0).uniform(size=len(TOKENS))
    steps = np.repeat(weights, [len(row) for row in TOKENS])
    expected = accuracy_score(np.concatenate(AFTER_FIVE), joined, sample_weight=steps)
    assert fitted.score(TOKENS, AFTER_FIVE, weights) == pytest.approx(expected)
    for X, y, message in (([[]], [[]], "at least one step"), (TOKENS[:1], [["-"] * 9], "a label for each step")):
        with pytest.raises(ValueError, match=message):
            fitted.score(X, y)


def test_a_step_is_read_the_same_whatever_stands_beside_its_sequence():
    fitted = tagger(bidirectional=True, cell="gru").fit(SERIES, SIGNS)
    together = np.concatenate(fitted.predict_proba(SERIES))
    alone = np.concatenate([fitted.predict_proba([row])[0] for row in SERIES])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_empty_sequences_teach_nothing_and_get_no_labels():
    kept = [index for index, row in enumerate(TOKENS) if len(row)]
    with_empty = tagger().fit(TOKENS, AFTER_FIVE)
    without = tagger().fit([TOKENS[index] for index in kept], [AFTER_FIVE[index] for index in kept])
    assert with_empty.loss_curve_ == without.loss_curve_
    (labels,) = with_empty.predict([[]])
    assert labels.shape == (0,)
    assert labels.dtype == with_empty.classes_.dtype
    assert with_empty.predict_proba([[], [3]])[0].shape == (0, 2)


def test_forms_of_input_and_labels():
    cube = np.random.default_rng(0).standard_normal((20, 4, 2)).astype(np.float32)
    signs = (cube[:, :, 0] > 0).astype(int)
    expected = tagger().fit(cube, signs).predict_proba(cube)
    for X, y in ((list(cube), signs.tolist()), (cube, list(signs)), (cube, signs)):
        found = tagger().fit(X, y).predict_proba(X)
        assert np.array_equal(np.array(found), np.array(expected))
    table = tagger().fit(cube[:, :, 0], signs)
    assert table.n_features_in_ == 4
    with pytest.raises(ValueError, match="X has 3 features, but SequenceTagger is expecting 4 features as input"):
        table.predict(cube[:, :3, 0])


@pytest.mark.parametrize(
    "kind, expected", [(str, "U"), (bool, "b"), (lambda label: {0: -7, 1: 900}[label], "i"), (float, "f")]
)
def test_kinds_of_labels(kind, expected):
    labels = [[kind(label) for label in row] for row in SIGNS]
    fitted = tagger(max_iter=40).fit(SERIES, labels)
    assert fitted.classes_.dtype.kind == expected
    assert fitted.score(SERIES, labels) > 0.9


def test_a_batch_divides_by_the_weights_of_its_steps():
    """With one batch, the loss is the weighted mean over all steps, whatever the lengths."""
    weights = np.random.default_rng(1).uniform(0.1, 3, size=len(TOKENS))
    fitted = tagger(max_iter=1, batch_size=100, learning_rate_init=1e-12).fit(TOKENS, AFTER_FIVE, weights)
    odds = np.concatenate(fitted.predict_proba(TOKENS))
    numbers = np.searchsorted(fitted.classes_, np.concatenate(AFTER_FIVE))
    steps = np.repeat(weights, [len(row) for row in TOKENS])
    expected = -(steps * np.log(odds[np.arange(len(numbers)), numbers])).sum() / steps.sum()
    assert fitted.loss_curve_[0] == pytest.approx(expected, rel=1e-4)


def test_validation_scores_are_accuracies_of_steps():
    fitted = tagger(early_stopping=True, validation_fraction=0.4).fit(TOKENS, AFTER_FIVE)
    assert fitted.validation_scores_ == fitted.history_["val_accuracy"]
    assert all(0 <= score <= 1 for score in fitted.validation_scores_)


def test_a_model_of_ones_own():
    base = nn.Sequential(nn.GRU(3, 6, bidirectional=True, rng=1), nn.Linear(12, 2, rng=2))
    fitted = tagger(model=base).fit(SERIES, SIGNS)
    assert [row.shape for row in fitted.predict_proba(SERIES[:2])] == [(len(row), 2) for row in SERIES[:2]]
    last = nn.Sequential(nn.GRU(3, 6, output="last", rng=1), nn.Linear(6, 2, rng=2))
    with pytest.raises(ValueError, match=r"model expected to return shape \(\d, 2\) for a sample, got \(\d,\)"):
        tagger(model=last).fit(SERIES, SIGNS)


def test_frames_of_videos():
    """One label a frame, for videos of unequal lengths: which side of the picture is brighter."""
    rng = np.random.default_rng(0)
    videos = [rng.standard_normal((size, 8)).astype(np.float32) for size in rng.integers(2, 9, size=60)]
    labels = [np.where(video[:, :4].sum(axis=1) > video[:, 4:].sum(axis=1), "left", "right") for video in videos]
    fitted = SequenceTagger(
        hidden_size=16, bidirectional=True, learning_rate_init=0.02, batch_size=16, max_iter=30, random_state=0
    )
    assert fitted.fit(videos[:45], labels[:45]).score(videos[45:], labels[45:]) > 0.85
