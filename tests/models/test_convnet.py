"""Estimators over images: scikit-learn's own checks, real digits, its parameters and its errors."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from goldfish import nn
from goldfish.models import ConvNetClassifier, ConvNetRegressor

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def _expected_failures(estimator):
    if not estimator.early_stopping:
        return {}
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "held-out samples are drawn at random, so a weight of 2 and a repeated sample may fall on different sides"
        ),
        "check_class_weight_classifiers": "the epoch that is kept is the best by plain accuracy, as MLPClassifier's is",
    }


def _small(**options):
    options = {"channels": (8,), "hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0, **options}
    return ConvNetClassifier(**options)


@parametrize_with_checks(
    [
        ConvNetClassifier(),
        _small(max_iter=60, learning_rate_init=0.01, early_stopping=True, validation_fraction=0.3, n_iter_no_change=60),
    ],
    expected_failed_checks=_expected_failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_digits():
    """Two thirds of scikit-learn's handwritten digits; >= 98 % of the held-out third."""
    classifier = ConvNetClassifier(
        image_shape=(1, 8, 8), dropout=0.5, max_iter=30, batch_size=32, learning_rate_init=2e-3, random_state=0
    )
    rows = np.random.default_rng(0).permutation(len(X))
    train, test = rows[599:], rows[:599]
    assert classifier.fit(X[train], Y[train]).score(X[test], Y[test]) >= 0.98


def test_architecture():
    classifier = ConvNetClassifier(image_shape=(1, 8, 8), dropout=0.5, activation="tanh", max_iter=1)
    assert [repr(layer) for layer in classifier.fit(X[:100], Y[:100]).model_] == [
        "Conv2d(1, 32, 3, padding='same')",
        "Tanh()",
        "MaxPool2d((2, 2))",
        "Conv2d(32, 64, 3, padding='same')",
        "Tanh()",
        "MaxPool2d((2, 2))",
        "Flatten()",
        "Linear(256, 128)",
        "Tanh()",
        "Dropout()",
        "Linear(128, 10)",
    ]


def test_axes_below_the_pool_are_not_pooled():
    classifier = _small(channels=(4, 4, 4, 4)).fit(X[:50, :10], Y[:50])
    pools = [layer.kernel_size for layer in classifier.model_ if isinstance(layer, nn.MaxPool2d)]
    assert classifier.image_shape_ == (1, 1, 10)
    assert pools == [(1, 2)] * 3


def test_shapes_of_X_are_equivalent():
    images = X[:60].reshape(-1, 1, 8, 8)
    fits = [
        _small(image_shape=(1, 8, 8)).fit(X[:60], Y[:60]),
        _small(image_shape=(8, 8)).fit(X[:60], Y[:60]),
        _small().fit(images, Y[:60]),
        _small().fit(images[:, 0], Y[:60]),
    ]
    expected = fits[0].predict_proba(X[60:90])
    for fitted in fits:
        assert fitted.n_features_in_ == 64
        assert fitted.image_shape_ == (1, 8, 8)
        assert np.array_equal(fitted.predict_proba(X[60:90]), expected)
        assert np.array_equal(fitted.predict_proba(X[60:90].reshape(-1, 1, 8, 8)), expected)


@pytest.mark.parametrize("dtype, expected", [("float32", "float32"), ("float64", "float64"), ("uint8", "float32")])
def test_dtypes(dtype, expected):
    classifier = _small(image_shape=(8, 8)).fit(X[:50].astype(dtype), Y[:50])
    assert classifier.predict_proba(X[:5].astype(dtype)).dtype == expected
    assert classifier.model_.parameters()["0.weight"].dtype == expected


def test_probabilities():
    classifier = _small(image_shape=(8, 8)).fit(X[:200], Y[:200].astype(str))
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(classifier.predict_log_proba(X)), probabilities, rtol=1e-4, atol=1e-7)
    assert np.array_equal(classifier.predict(X), classifier.classes_[probabilities.argmax(axis=1)])
    assert classifier.predict(X).dtype.kind == "U"


def test_a_model_of_ones_own_is_copied():
    base = nn.Sequential(nn.Conv2d(1, 4, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10, rng=1))
    base[:1].freeze()
    before = {name: value.copy() for name, value in base.state_dict().items()}
    classifier = _small(model=base, image_shape=(8, 8)).fit(X[:200], Y[:200])
    assert classifier.model is base
    assert classifier.model_ is not base
    assert all(np.array_equal(value, before[name]) for name, value in base.state_dict().items())
    assert np.array_equal(classifier.model_[0].params["weight"], base[0].params["weight"])
    assert not np.array_equal(classifier.model_[3].params["weight"], base[3].params["weight"])


def test_fit_is_idempotent_and_deterministic():
    classifier = _small(image_shape=(8, 8), dropout=0.3)
    first = classifier.fit(X[:200], Y[:200]).predict_proba(X[:50])
    assert np.array_equal(classifier.fit(X[:200], Y[:200]).predict_proba(X[:50]), first)
    assert np.array_equal(clone(classifier).fit(X[:200], Y[:200]).predict_proba(X[:50]), first)
    other = clone(classifier).set_params(random_state=1).fit(X[:200], Y[:200])
    assert not np.array_equal(other.predict_proba(X[:50]), first)


def test_pickle_and_not_fitted():
    classifier = _small(image_shape=(8, 8))
    for method in ("predict", "predict_proba", "predict_log_proba"):
        with pytest.raises(NotFittedError):
            getattr(classifier, method)(X)
    classifier.fit(X[:100], Y[:100])
    again = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(again.predict_proba(X[:50]), classifier.predict_proba(X[:50]))


def test_early_stopping_keeps_the_best():
    classifier = _small(
        image_shape=(8, 8),
        early_stopping=True,
        validation_fraction=0.25,
        max_iter=40,
        n_iter_no_change=3,
        learning_rate_init=0.01,
    ).fit(X[:400], Y[:400])
    assert len(classifier.validation_scores_) == classifier.n_iter_ == len(classifier.loss_curve_)
    assert classifier.validation_scores_ == classifier.history_["val_accuracy"]
    assert classifier.n_iter_ < 40


def test_training_stops_when_the_loss_stands_still():
    classifier = _small(image_shape=(8, 8), max_iter=200, learning_rate_init=1e-9, n_iter_no_change=4).fit(
        X[:100], Y[:100]
    )
    assert classifier.n_iter_ == 5
    assert classifier.validation_scores_ is None


def test_warm_start_goes_on():
    classifier = _small(image_shape=(8, 8), warm_start=True, max_iter=8).fit(X[:200], Y[:200])
    first, model = classifier.loss_curve_[-1], classifier.model_
    assert classifier.fit(X[:200], Y[:200]).model_ is model
    assert classifier.loss_curve_[0] < first
    with pytest.raises(ValueError, match="warm_start can only be used when y has the classes of the previous fit"):
        classifier.fit(X[:200], Y[:200] % 2)


def test_weights_of_samples_and_classes():
    target = (Y == 3).astype(int)
    plain = _small(image_shape=(8, 8), max_iter=2).fit(X[:600], target[:600])
    balanced = _small(image_shape=(8, 8), max_iter=2, class_weight="balanced").fit(X[:600], target[:600])
    weights = np.where(target[:600] == 1, 600 / 2 / target[:600].sum(), 600 / 2 / (600 - target[:600].sum()))
    weighted = _small(image_shape=(8, 8), max_iter=2).fit(X[:600], target[:600], weights)
    assert balanced.predict(X[600:]).sum() > plain.predict(X[600:]).sum()
    np.testing.assert_allclose(weighted.predict_proba(X[:20]), balanced.predict_proba(X[:20]), rtol=1e-4)


def test_verbose_shows_progress(capsys):
    _small(image_shape=(8, 8), verbose=True).fit(X[:50], Y[:50])
    assert capsys.readouterr().err.count("epoch ") == 3
    _small(image_shape=(8, 8)).fit(X[:50], Y[:50])
    assert capsys.readouterr() == ("", "")


def test_grid_search_in_a_pipeline():
    pipeline = make_pipeline(MinMaxScaler(), _small(image_shape=(8, 8), max_iter=40))
    search = GridSearchCV(pipeline, {"convnetclassifier__channels": [(4,), (8,)]}, cv=2, error_score="raise")
    assert search.fit(X[:200], Y[:200]).best_score_ > 0.3


@pytest.mark.parametrize(
    "options, message",
    [
        ({"solver": "lbfgs"}, "The 'solver' parameter of ConvNetClassifier must be a str among"),
        ({"max_iter": 0}, "The 'max_iter' parameter of ConvNetClassifier must be an int"),
        ({"activation": "swish"}, "The 'activation' parameter of ConvNetClassifier must be a str among"),
        (
            {"model": "vgg"},
            "The 'model' parameter of ConvNetClassifier must be an instance of 'goldfish.nn.layer.Layer'",
        ),
        ({"channels": (4, 0)}, "ConvNetClassifier: channels must hold ints >= 1, got 0"),
        ({"channels": (4.5,)}, "ConvNetClassifier: channels must hold ints >= 1, got 4.5"),
        ({"hidden_layer_sizes": (-8,)}, "ConvNetClassifier: hidden_layer_sizes must hold ints >= 1, got -8"),
        ({"image_shape": (1, 7, 8)}, r"image_shape=\(1, 7, 8\) does not fit X with 64 features a sample"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        _small(**options).fit(X[:50], Y[:50])


def test_wrong_images():
    classifier = _small().fit(X[:50].reshape(-1, 1, 8, 8), Y[:50])
    with pytest.raises(
        ValueError, match=r"X has images of shape \(1, 4, 16\), but ConvNetClassifier was fitted on \(1, 8, 8\)"
    ):
        classifier.predict(X[:5].reshape(-1, 1, 4, 16))
    with pytest.raises(ValueError, match="X has 60 features, but ConvNetClassifier is expecting 64 features"):
        classifier.predict(X[:5, :60])


def test_batch_norm_stands_behind_every_convolution():
    classifier = _small(channels=(4, 8), batch_norm=True, image_shape=(8, 8)).fit(X[:100], Y[:100])
    assert [repr(layer) for layer in classifier.model_][:8] == [
        "Conv2d(1, 4, 3, padding='same')",
        "BatchNorm2d(4)",
        "ReLU()",
        "MaxPool2d((2, 2))",
        "Conv2d(4, 8, 3, padding='same')",
        "BatchNorm2d(8)",
        "ReLU()",
        "MaxPool2d((2, 2))",
    ]
    assert np.abs(classifier.model_[1].buffers["running_mean"]).max() > 0
    alone = np.concatenate([classifier.predict_proba(row[None]) for row in X[:20]])
    np.testing.assert_allclose(classifier.predict_proba(X[:20]), alone, rtol=1e-4, atol=1e-7)
    double = _small(batch_norm=True, image_shape=(8, 8)).fit(X[:50].astype(np.float64), Y[:50])
    assert double.predict_proba(X[:5]).dtype == np.float64


def test_batch_norm_is_never_left_with_a_single_sample():
    images, labels = X[:33], Y[:33]
    classifier = _small(channels=(4, 4, 4, 4), batch_norm=True, batch_size=16, image_shape=(8, 8)).fit(images, labels)
    assert np.isfinite(classifier.loss_curve_).all()
    model = nn.Sequential(nn.Linear(64, 10, rng=0), nn.BatchNorm1d(10))
    chain = nn.Sequential(nn.Flatten(), model)
    assert np.isfinite(_small(model=chain, batch_size=16, image_shape=(8, 8)).fit(images, labels).loss_curve_).all()


def test_fine_tuning_a_chopped_and_frozen_network():
    images = X.reshape(-1, 1, 8, 8)
    old, new = Y < 5, Y >= 5
    options = {"channels": (16, 32), "hidden_layer_sizes": (), "batch_norm": True, "max_iter": 5, "batch_size": 32}
    base = _small(**options).fit(images[old][:300], Y[old][:300]).model_
    chopped = base[:-1].freeze()
    before = {name: value.copy() for name, value in chopped.state_dict().items()}
    model = nn.Sequential(chopped, nn.Flatten(), nn.Linear(128, 5, rng=0))
    tuned = _small(model=model, max_iter=30, learning_rate_init=0.02).fit(images[new][:200], Y[new][:200])
    after = tuned.model_[0].state_dict()
    assert all(np.array_equal(after[name], value) for name, value in before.items())
    assert tuned.score(images[new][200:400], Y[new][200:400]) > 0.85


def test_a_float32_model_of_ones_own_takes_float64_images():
    base = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=1))
    classifier = _small(model=base, image_shape=(8, 8)).fit(X[:50].astype(np.float64), Y[:50])
    assert classifier.predict_proba(X[:5].astype(np.float64)).dtype == np.float32


def test_a_model_must_have_an_output_for_each_class():
    message = r"ConvNetClassifier: model expected to return shape \(10,\) for a sample, got \(3,\)"
    with pytest.raises(ValueError, match=message):
        _small(model=nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), image_shape=(8, 8)).fit(X[:50], Y[:50])


def test_a_regressor_of_several_targets():
    images = np.random.default_rng(0).uniform(size=(120, 5, 5)).astype(np.float32)
    y = 10 * np.column_stack([images[:, :2].mean(axis=(1, 2)), images[:, 3:].mean(axis=(1, 2))])
    regressor = ConvNetRegressor((8,), 3, 1, (), learning_rate_init=0.01, batch_size=20, random_state=0)
    assert regressor.fit(images[:80], y[:80]).predict(images[80:]).shape == (40, 2)
    assert regressor.score(images[80:], y[80:]) > 0.5
    assert regressor.fit(images, y[:, 0]).predict(images).shape == (120,)
    assert regressor.model_[-1].out_features == 1


def test_the_model_of_ones_own_must_fit():
    with pytest.raises(ValueError, match=r"Sequential\[1\] Linear\(32, 10\): expected last axis 32, got 64"):
        _small(model=nn.Sequential(nn.Flatten(), nn.Linear(32, 10)), image_shape=(8, 8)).fit(X[:50], Y[:50])
