"""Recurrent estimators: kinds of input, empty sequences, unseen tokens, architectures, dtypes, tasks and errors."""

import numpy as np
import pytest

from goldfish import nn
from goldfish.models import RecurrentClassifier, RecurrentRegressor, SequenceTagger
from model_cases import HAS_FIVE, SERIES, SUMS, TOKENS

SMALL = {"hidden_size": 8, "max_iter": 3, "batch_size": 16, "learning_rate_init": 0.02, "random_state": 0}
TABLE = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
RISES = (TABLE[:, -1] > TABLE[:, 0]).astype(int)


def classifier(**options):
    return RecurrentClassifier(**{**SMALL, **options})


def weights(model):
    return {name: value.copy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    "options, layers",
    [
        ({}, ["OneHot(8)", "LSTM(8, 8, output='last')", "Linear(8, 2)"]),
        (
            {"cell": "gru", "embedding_dim": 3, "bidirectional": True, "dropout": 0.5, "num_layers": 2},
            [
                "Embedding(8, 3, padding_idx=0)",
                "GRU(3, 8, num_layers=2, dropout=0.5, bidirectional=True, output='last')",
                "Dropout()",
                "Linear(16, 2)",
            ],
        ),
        ({"cell": "rnn"}, ["OneHot(8)", "RNN(8, 8, output='last')", "Linear(8, 2)"]),
    ],
)
def test_architecture(options, layers):
    fitted = classifier(**options).fit(TOKENS, HAS_FIVE)
    assert [repr(layer) for layer in fitted.model_] == layers
    assert fitted.tokens_.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert (fitted.input_, fitted.n_features_in_) == ("tokens", 1)


def test_what_an_input_is():
    tokens = classifier(input="tokens").fit(np.arange(12).reshape(4, 3) % 5, [0, 1, 0, 1])
    assert (tokens.input_, tokens.n_features_in_) == ("tokens", 3)
    numbers = classifier().fit(np.arange(12).reshape(4, 3) % 5, [0, 1, 0, 1])
    assert (numbers.input_, numbers.n_features_in_) == ("vectors", 3)
    forced = classifier(input="vectors").fit([[1, 2], [3]], [0, 1])
    assert (forced.input_, forced.n_features_in_) == ("vectors", 1)
    cube = classifier().fit(TABLE.reshape(50, 3, 2), RISES)
    assert (cube.input_, cube.n_features_in_) == ("vectors", 2)


def test_forms_of_the_same_input_are_equivalent():
    fits = [
        classifier().fit(TABLE, RISES),
        classifier().fit(TABLE[:, :, None], RISES),
        classifier().fit(list(TABLE), RISES),
        classifier().fit(list(TABLE[:, :, None]), RISES),
        classifier().fit(tuple(TABLE), RISES.tolist()),
    ]
    expected = fits[0].predict_proba(TABLE)
    for fitted in fits:
        for form in (TABLE, TABLE[:, :, None], list(TABLE)):
            assert np.array_equal(fitted.predict_proba(form), expected)


def test_a_list_of_equally_long_lists_of_floats_is_a_table():
    fitted = classifier().fit(TABLE.tolist(), RISES)
    assert fitted.n_features_in_ == 6
    with pytest.raises(ValueError, match="X has 5 features, but RecurrentClassifier is expecting 6 features as input"):
        fitted.predict(TABLE[:, :5])


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TABLE, columns=list("abcdef"))
    fitted = classifier().fit(frame, RISES)
    assert fitted.feature_names_in_.tolist() == list("abcdef")
    assert np.array_equal(fitted.predict_proba(frame), classifier().fit(TABLE, RISES).predict_proba(TABLE))
    series = pandas.Series(TOKENS, index=range(100, 160))
    assert np.array_equal(
        classifier().fit(series, HAS_FIVE).predict(series), classifier().fit(TOKENS, HAS_FIVE).predict(TOKENS)
    )
    assert not hasattr(fitted.fit(TOKENS, HAS_FIVE), "feature_names_in_")


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sequence_is_read_alone_and_whatever_stands_beside_it(cell, bidirectional):
    fitted = classifier(cell=cell, bidirectional=bidirectional, embedding_dim=4).fit(TOKENS, HAS_FIVE)
    together = fitted.predict_proba(TOKENS)
    alone = np.concatenate([fitted.predict_proba([row]) for row in TOKENS])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_an_empty_sequence_is_answered_from_the_initial_state():
    fitted = classifier(num_layers=2).fit(TOKENS, HAS_FIVE)
    head = fitted.model_["head"].params
    logits = head["weight"] @ np.zeros(8) + head["bias"]
    expected = np.exp(logits) / np.exp(logits).sum()
    for empty in ([[]], [np.array([], np.int64)], [np.array([])]):
        np.testing.assert_allclose(fitted.predict_proba(empty)[0], expected, rtol=1e-5)
    only = classifier().fit([[], [], []], ["a", "b", "b"])
    assert only.predict([[]]).tolist() in (["a"], ["b"])


@pytest.mark.parametrize("embedding_dim", [None, 4])
def test_a_token_that_was_never_seen_is_a_step_of_zeros(embedding_dim):
    fitted = classifier(embedding_dim=embedding_dim, bidirectional=True, alpha=0.01).fit(TOKENS, HAS_FIVE)
    probabilities = fitted.predict_proba([[5, 99, 2], [5, 1, 2], [5, 0, 2], [5, 2]])
    assert np.array_equal(probabilities[0], probabilities[1])
    assert np.array_equal(probabilities[0], probabilities[2])
    assert not np.array_equal(probabilities[0], probabilities[3])
    model, size = fitted.model_, 8 if embedding_dim is None else embedding_dim
    steps = np.zeros((1, 3, size), np.float32)
    for place, token in ((0, 5), (2, 2)):
        number = fitted.tokens_.tolist().index(token) + 1
        steps[0, place] = np.eye(8)[number] if embedding_dim is None else model["embedding"].params["weight"][number]
    logits = model["head"](model["recurrent"](steps))[0]
    np.testing.assert_allclose(probabilities[0], np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)


def test_tokens_of_held_out_sequences_alone_count_as_unseen():
    X = [[3]] * 30 + [[number] for number in range(10, 40)]
    fitted = classifier(early_stopping=True, validation_fraction=0.5).fit(X, [0, 1] * 30)
    assert 3 in fitted.tokens_
    assert 1 < len(fitted.tokens_) < 31


@pytest.mark.parametrize("dtype, expected", [("float32", "float32"), ("float64", "float64"), ("float16", "float32")])
def test_dtypes(dtype, expected):
    for X in (TABLE.astype(dtype), [row.astype(dtype) for row in TABLE], TABLE.astype(dtype)[:, :, None]):
        fitted = classifier(max_iter=1).fit(X, RISES)
        assert fitted.predict_proba(X).dtype == expected
        assert fitted.predict_proba(TABLE.astype("float64")).dtype == expected
        regressor = RecurrentRegressor(**{**SMALL, "max_iter": 1}).fit(X, RISES)
        assert regressor.predict(X).dtype == expected
    assert classifier().fit(TOKENS, HAS_FIVE).predict_proba(TOKENS).dtype == np.float32


def test_a_model_of_ones_own_reads_tokens_as_they_are():
    base = nn.Sequential(nn.Embedding(10, 4, rng=0), nn.GRU(4, 6, output="last", rng=1), nn.Linear(6, 2, rng=2))
    base[:1].freeze()
    before = weights(base)
    fitted = classifier(model=base).fit(TOKENS, HAS_FIVE)
    assert not hasattr(fitted, "tokens_")
    assert all(np.array_equal(value, before[name]) for name, value in weights(base).items())
    assert np.array_equal(fitted.model_[0].params["weight"], before["0.weight"])
    assert not np.array_equal(fitted.model_[2].params["weight"], before["2.weight"])
    odds = np.exp(fitted.model_(np.array([[5, 2]]))[0])
    np.testing.assert_allclose(fitted.predict_proba([[5, 2]])[0], odds / odds.sum(), rtol=1e-5)
    with pytest.raises(ValueError, match=r"model expected to return shape \(3,\) for a sample, got \(2,\)"):
        classifier(model=base).fit(TOKENS, np.arange(len(TOKENS)) % 3)


def test_float32_models_take_float64_data():
    base = nn.Sequential(nn.GRU(1, 6, output="last", rng=1), nn.Linear(6, 2, rng=2))
    fitted = classifier(model=base).fit(TABLE.astype(np.float64), RISES)
    assert fitted.predict_proba(TABLE.astype(np.float64)).dtype == np.float32


def test_several_targets():
    y = np.column_stack([SUMS, -2 * SUMS])
    regressor = RecurrentRegressor(**{**SMALL, "max_iter": 60}).fit(SERIES, y)
    assert regressor.predict(SERIES).shape == y.shape
    assert regressor.score(SERIES, y) > 0.5
    assert (regressor.n_outputs_, regressor.fit(SERIES, SUMS).n_outputs_) == (2, 1)
    assert regressor.predict(SERIES).shape == SUMS.shape
    with pytest.raises(ValueError, match="as many outputs as in the previous fit, 1, got 2"):
        regressor.set_params(warm_start=True).fit(SERIES, y)


def test_validation_scores_of_a_regressor_are_r2():
    regressor = RecurrentRegressor(
        **{**SMALL, "max_iter": 5, "early_stopping": True, "validation_fraction": 0.5, "n_iter_no_change": 5}
    ).fit(SERIES, SUMS)
    scores = regressor.validation_scores_
    losses = np.array(regressor.history_["val_loss"])
    slopes = (1 - np.array(scores)) / losses
    np.testing.assert_allclose(slopes, slopes[0])
    assert max(scores) <= 1


def test_warm_start_keeps_to_its_input():
    fitted = classifier(warm_start=True).fit(TOKENS, HAS_FIVE)
    with pytest.raises(ValueError, match=r"X\[0\] must be a one-dimensional array of integers"):
        fitted.fit(SERIES, SUMS > 0)
    other = classifier(warm_start=True).fit(SERIES, SUMS > 0)
    with pytest.raises(ValueError, match="vectors of size 3, got vectors of size 1"):
        other.fit(list(TABLE), RISES > 0)
    tokens = fitted.fit([*TOKENS, [1000]], [*HAS_FIVE, "no"]).tokens_
    assert 1000 not in tokens


@pytest.mark.parametrize(
    "X, message",
    [
        ([np.zeros((2, 2), np.float32)], "X has 2 features, but RecurrentClassifier is expecting 3 features as input"),
        (TABLE, "X has 1 features, but RecurrentClassifier is expecting 3 features as input"),
        ([np.full((1, 3), np.nan)], r"Input X\[0\] contains NaN"),
        ([], "X must have at least one sequence, got none"),
    ],
)
def test_predicting_for_what_does_not_fit(X, message):
    fitted = classifier().fit(SERIES, SUMS > 0)
    with pytest.raises(ValueError, match=message):
        fitted.predict(X)


def test_predicting_for_what_are_no_tokens():
    fitted = classifier().fit(TOKENS, HAS_FIVE)
    for X, error in (([[0.5]], ValueError), ([[-1]], ValueError), (["five"], TypeError)):
        with pytest.raises(error, match=r"X\[0\] must"):
            fitted.predict(X)


@pytest.mark.parametrize("X", [None, 5, "text", {1: [2]}, (row for row in TOKENS)])
def test_what_is_no_collection(X):
    for estimator in (classifier(), classifier().fit(TOKENS, HAS_FIVE)):
        with pytest.raises(TypeError, match="X must be an array or a list of sequences, got"):
            estimator.fit(X, HAS_FIVE)
        if hasattr(estimator, "model_"):
            with pytest.raises(TypeError, match="X must be an array or a list of sequences, got"):
                estimator.predict(X)


def test_training_that_diverges_leaves_nothing_behind():
    regressor = RecurrentRegressor(**{**SMALL, "solver": "sgd", "learning_rate_init": 1e30, "max_iter": 20})
    with pytest.raises(nn.NonFiniteError, match="the loss is"):
        regressor.fit(SERIES, 1e6 * SUMS)
    assert vars(regressor) == regressor.get_params()
    regressor.set_params(learning_rate_init=1e-3, warm_start=True).fit(SERIES, SUMS)
    expected = regressor.predict(SERIES)
    with pytest.raises(nn.NonFiniteError):
        regressor.set_params(learning_rate_init=1e30).fit(SERIES, 1e6 * SUMS)
    assert np.array_equal(regressor.predict(SERIES), expected)


def test_the_order_of_tokens_decides():
    """Which of two tokens comes last: no count of tokens tells, the network learns it from 150 sequences."""
    rng = np.random.default_rng(0)
    X = [rng.permutation([7, 9, *rng.integers(0, 5, size=rng.integers(0, 8))]) for _ in range(300)]
    y = np.array([list(row).index(9) > list(row).index(7) for row in X])
    fitted = RecurrentClassifier("gru", 16, learning_rate_init=0.02, batch_size=32, max_iter=40, random_state=0)
    assert fitted.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.95


def test_a_tag_that_depends_on_what_follows_wants_both_directions():
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 4, size=size) for size in rng.integers(1, 12, size=200)]
    y = [np.append(row[1:] == 3, False) for row in X]
    options = {"hidden_size": 16, "learning_rate_init": 0.02, "batch_size": 32, "max_iter": 25, "random_state": 0}
    one = SequenceTagger(**options).fit(X[:150], y[:150]).score(X[150:], y[150:])
    both = SequenceTagger(bidirectional=True, **options).fit(X[:150], y[:150]).score(X[150:], y[150:])
    assert both > 0.98 > one + 0.1
