"""The estimators inside scikit-learn's own tools: pipelines, searches in several processes, scores, curves."""

import os

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import goldfish as gf
from goldfish.models import (
    ConvNetClassifier,
    FeatureExtractor,
    RecurrentClassifier,
    RecurrentRegressor,
    SequenceTagger,
    Tokenizer,
)
from model_cases import AFTER_FIVE, HAS_FIVE, IMAGES, LABELS, SERIES, SUMS, TOKENS

TEXTS = ["not good", "good", "not bad", "bad", "really good", "really not good", "really bad", "really not bad"] * 4
VERDICTS = np.array(["-", "+", "+", "-", "+", "-", "-", "+"] * 4)
SMALL = {"max_iter": 4, "batch_size": 16, "learning_rate_init": 0.02, "random_state": 0}


@pytest.fixture
def workers(monkeypatch):
    """Fresh worker processes, and no number of threads that the environment would impose on them."""
    for name in ("GOLDFISH_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    get_reusable_executor().shutdown(wait=True)
    yield 2
    get_reusable_executor().shutdown(wait=True)


def test_workers_take_their_share_of_the_threads(workers):
    def threads(estimator, X, y):
        return gf.get_num_threads()

    estimator = ConvNetClassifier((4,), hidden_layer_sizes=(8,), image_shape=(8, 8), **SMALL)
    counts = cross_val_score(
        estimator, IMAGES, LABELS, cv=KFold(4), scoring=threads, n_jobs=workers, error_score="raise"
    )
    assert all(count * workers <= max(len(os.sched_getaffinity(0)), workers) for count in counts)


def test_a_search_in_two_processes_finds_what_one_finds(workers):
    search = GridSearchCV(
        ConvNetClassifier(hidden_layer_sizes=(8,), image_shape=(1, 8, 8), **SMALL),
        {"channels": [(4,), (4, 8)], "batch_norm": [False, True]},
        cv=2,
        error_score="raise",
    )
    expected = search.fit(IMAGES, LABELS).cv_results_["mean_test_score"]
    found = search.set_params(n_jobs=workers).fit(IMAGES, LABELS).cv_results_["mean_test_score"]
    assert np.array_equal(found, expected)
    assert search.best_estimator_.predict(IMAGES).shape == (len(IMAGES),)


def test_texts_in_a_pipeline():
    pipeline = make_pipeline(Tokenizer(), RecurrentClassifier(hidden_size=8, **SMALL))
    pipeline.fit(TEXTS, VERDICTS)
    assert pipeline.predict_proba(["not a bad film at all", ""]).shape == (2, 2)
    search = GridSearchCV(
        pipeline,
        {"tokenizer__level": ["word", "char"], "recurrentclassifier__embedding_dim": [None, 4]},
        cv=2,
        error_score="raise",
    )
    assert set(search.fit(TEXTS, VERDICTS).predict(TEXTS)) <= {"+", "-"}


@pytest.mark.parametrize("container", [list, lambda rows: np.array([*rows, None], object)[:-1]])
def test_ragged_samples_are_split_as_they_are(container):
    classifier = RecurrentClassifier(hidden_size=8, **SMALL)
    scores = cross_validate(classifier, container(TOKENS), HAS_FIVE, cv=3, error_score="raise", return_train_score=True)
    assert scores["test_score"].shape == (3,)
    predicted = cross_val_predict(classifier, container(TOKENS), HAS_FIVE, cv=3, method="predict_proba")
    assert predicted.shape == (len(TOKENS), 2)
    with_weights = cross_val_score(
        classifier, container(TOKENS), HAS_FIVE, cv=3, params={"sample_weight": np.ones(len(TOKENS))}
    )
    assert with_weights.shape == (3,)


def test_series_and_scaled_targets():
    regressor = TransformedTargetRegressor(RecurrentRegressor(hidden_size=8, **SMALL), transformer=StandardScaler())
    scores = cross_val_score(regressor, SERIES, 1e4 * SUMS + 1e5, cv=3, error_score="raise")
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_tags_are_scored_fold_by_fold():
    scores = cross_val_score(SequenceTagger(hidden_size=8, **SMALL), TOKENS, AFTER_FIVE, cv=3, error_score="raise")
    assert scores.shape == (3,)
    assert ((scores > 0.3) & (scores <= 1)).all()


def test_weights_are_routed():
    weights = np.arange(len(TOKENS)) % 3
    with config_context(enable_metadata_routing=True):
        classifier = RecurrentClassifier(hidden_size=8, **SMALL).set_fit_request(sample_weight=True)
        search = GridSearchCV(classifier.set_score_request(sample_weight=True), {"hidden_size": [4, 8]}, cv=2)
        scores = search.fit(TOKENS, HAS_FIVE, sample_weight=weights).cv_results_["mean_test_score"]
        tagger = SequenceTagger(hidden_size=8, **SMALL).set_fit_request(sample_weight=True)
        tagger.set_score_request(sample_weight=True)
        tags = cross_val_score(tagger, TOKENS, AFTER_FIVE, cv=2, params={"sample_weight": weights}, error_score="raise")
    assert np.isfinite(scores).all()
    assert np.isfinite(tags).all()


def test_learning_curve():
    classifier = ConvNetClassifier((4,), hidden_layer_sizes=(16,), image_shape=(8, 8), **{**SMALL, "max_iter": 20})
    sizes, train, test = learning_curve(
        classifier, IMAGES, LABELS, train_sizes=[0.3, 1.0], cv=2, error_score="raise", shuffle=True, random_state=0
    )
    assert sizes.tolist() == [12, 40]
    assert train.shape == test.shape == (2, 2)
    assert test[1].mean() > test[0].mean()


def test_other_estimators_around_and_behind():
    around = OneVsRestClassifier(RecurrentClassifier(hidden_size=4, **SMALL)).fit(IMAGES, LABELS % 3)
    assert around.predict(IMAGES).shape == LABELS.shape
    base = ConvNetClassifier((4,), hidden_layer_sizes=(8,), **SMALL).fit(IMAGES.reshape(-1, 8, 8), LABELS).model_
    behind = make_pipeline(FeatureExtractor(base), LogisticRegression(max_iter=1000))
    search = GridSearchCV(behind, {"featureextractor__layer": [-2, "0"]}, cv=2, error_score="raise")
    images = IMAGES.reshape(-1, 1, 8, 8)
    assert search.fit(images, LABELS).score(images, LABELS) > 0.5
