"""SequenceGenerator: vectors to words, its dtypes, scikit-learn's messages and contracts."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from goldfish.models import SequenceGenerator

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (200, 3)).astype(np.float32)
Y = [
    ("low" if a < 0 else "high") + (" and left" if b < 0 else " and far to the right" if c < 0 else "") for a, b, c in X
]


def _small(**options):
    options = {"hidden_size": 16, "embedding_dim": 8, "batch_size": 20, "max_iter": 3, "random_state": 0, **options}
    return SequenceGenerator(learning_rate_init=0.02, **options)


@pytest.fixture(scope="module")
def described():
    return _small(max_iter=25).fit(X[:160], Y[:160])


@pytest.mark.parametrize("options", [{}, {"cell": "gru"}, {"cell": "rnn"}, {"num_layers": 2, "dropout": 0.1}])
def test_learns_to_describe_what_it_has_not_seen(options):
    """The likeliest description by itself is right for one vector in four."""
    model = _small(max_iter=25, **options).fit(X[:160], Y[:160])
    assert model.score(X[160:], Y[160:]) > 0.75
    assert set(model.predict(X[160:])) <= set(Y)
    assert model.max_length_ == 6
    assert sorted(model.target_tokens_) == sorted({word for text in Y for word in text.split()})


def test_beams_sample_and_score(described):
    assert described.score(X, Y) == np.mean([a == b for a, b in zip(described.predict(X), Y, strict=True)])
    beam = clone(described).set_params(max_iter=25, beam_size=4).fit(X[:160], Y[:160])
    assert beam.score(X[160:], Y[160:]) > 0.75
    drawn = [described.sample(X, random_state=seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert described.sample(X, temperature=1e-6) == described.predict(X)
    assert len(set(described.sample(np.repeat(X[:1], 100, axis=0), temperature=50.0, random_state=0))) > 20


def test_characters_lists_and_empty_targets():
    y = ["ab" if a < 0 else "" for a in X[:, 0]]
    model = _small(level="char", max_iter=25).fit(X, y)
    assert model.score(X, y) > 0.9
    assert set(model.predict(X)) == {"ab", ""}
    lists = _small(max_iter=25).fit(X, [[7] if a < 0 else [8, 7] for a in X[:, 0]])
    assert lists.predict(X[:50])[0] in ([7], [8, 7])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_stay_what_they_are(dtype):
    model = _small().fit(X.astype(dtype), Y)
    assert {value.dtype for value in model.model_.parameters().values()} == {np.dtype(dtype)}
    assert model.predict(X.astype("float32")) == model.predict(X.astype("float64"))
    assert next(iter(_small().fit(np.round(X).astype(int), Y).model_.parameters().values())).dtype == np.float32


def test_fit_is_idempotent_and_warm_start_goes_on(described):
    first = _small(dropout=0.2).fit(X, Y)
    states = [first.model_.state_dict()["decoder.head.1.weight"].copy() for _ in range(1)]
    states.append(first.fit(X, Y).model_.state_dict()["decoder.head.1.weight"])
    assert np.array_equal(*states)
    warm = _small(warm_start=True).fit(X, Y)
    last = warm.loss_curve_[-1]
    assert warm.fit(X, Y).loss_curve_[0] < last


def test_scikit_learns_contracts(described):
    model = SequenceGenerator(hidden_size=7)
    assert set(model.get_params()) == set(inspect.signature(SequenceGenerator).parameters)
    assert vars(clone(model)) == vars(model) == model.get_params()
    assert pickle.loads(pickle.dumps(described)).predict(X) == described.predict(X)
    for call in (lambda: model.predict(X), lambda: model.sample(X), lambda: model.score(X, Y)):
        with pytest.raises(NotFittedError):
            call()
    pipeline = make_pipeline(StandardScaler(), _small())
    assert len(pipeline.fit(X, Y).predict(X[:3])) == 3
    search = GridSearchCV(_small(), {"hidden_size": [4, 8]}, cv=2, n_jobs=2).fit(X, Y)
    assert search.best_params_["hidden_size"] in (4, 8)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda model: model.predict(X[:, :2]), ValueError, "X has 2 features, but SequenceGenerator is expecting 3"),
        (lambda model: model.predict(X[0]), ValueError, "Expected 2D array, got 1D array instead"),
        (lambda model: model.predict(np.full((1, 3), np.nan)), ValueError, "Input X contains NaN"),
        (lambda model: clone(model).fit(X, Y[1:]), ValueError, "inconsistent numbers of samples"),
        (lambda model: clone(model).fit(X[:0], []), ValueError, r"Found array with 0 sample\(s\)"),
        (lambda model: clone(model).fit(X, "low"), TypeError, r"SequenceGenerator\.fit: y must be a list of strings"),
        (
            lambda model: clone(model).set_params(max_length=2).fit(X[:2], ["a", "a b c"]),
            ValueError,
            r"SequenceGenerator\.fit: y\[1\] must have at most max_length=2 tokens, got 3",
        ),
        (
            lambda model: model.sample(X, temperature=float("nan")),
            ValueError,
            r"SequenceGenerator\.sample: temperature must be a finite number > 0, got nan",
        ),
    ],
)
def test_wrong_values(described, call, error, message):
    with pytest.raises(error, match=message):
        call(described)
