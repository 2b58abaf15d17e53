"""Naive Bayes against scikit-learn, against the definition, and under the rules that it promises."""

import copy
import math
import pickle
import re
import subprocess
import sys
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.naive_bayes as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import goldfish as gf
from goldfish.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MixedNB, MultinomialNB
from naive_bayes.cases import ALL, KINDS, MARGINAL, draw, learned, make

every = pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
marginal = pytest.mark.parametrize("cls", MARGINAL, ids=lambda cls: cls.__name__)
seeds = st.integers(0, 2**32 - 1)
often = settings(max_examples=2 * settings.default.max_examples)


@pytest.mark.filterwarnings("ignore:CategoricalNB. X should hold integers")
@parametrize_with_checks([cls() for cls in ALL])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


LINES = {
    "pond": "the goldfish forgets the start of the sentence|the heron waits by the pond|a small fish swims in the pond",
    "kitchen": "stir the flour and the butter|bake the bread in a hot oven|fry the onion slowly in butter with salt",
    "weather": "the wind turns to the north|heavy clouds bring snow to the hills|expect sun in the valley and snow",
}


def text():
    rows = [(topic, Counter(re.findall("[a-z]+", line))) for topic, lines in LINES.items() for line in lines.split("|")]
    words = sorted(set().union(*(counts for _, counts in rows)))
    return np.array([[counts[w] for w in words] for _, counts in rows], float), np.array([topic for topic, _ in rows])


def dataset(key):
    loaders = {"iris": load_iris, "digits": load_digits, "wine": load_wine, "cancer": load_breast_cancer}
    return text() if key == "text" else loaders[key](return_X_y=True)


SETTINGS = [
    ("GaussianNB", {}),
    ("GaussianNB", {"var_smoothing": 1e-2}),
    ("BernoulliNB", {"alpha": 0.3, "fit_prior": False, "binarize": 1.0}),
    ("MultinomialNB", {}),
    ("MultinomialNB", {"alpha": 1e-3, "fit_prior": False}),
    ("ComplementNB", {}),
    ("ComplementNB", {"norm": True, "alpha": 0.5}),
    ("CategoricalNB", {"alpha": 0.2}),
]


@pytest.mark.parametrize("key", ["iris", "digits", "wine", "cancer", "text"])
@pytest.mark.parametrize("name, params", SETTINGS, ids=str)
def test_scikit_learns_numbers(name, params, key):
    X, y = dataset(key)
    if name == "CategoricalNB":
        X = np.minimum(X - X.min(0), 9).astype(int)
    ours = globals()[name](**params).fit(X, y)
    theirs = getattr(sk, name)(**params).fit(X, y)
    for attribute in ("classes_", "class_count_", "n_features_in_"):
        np.testing.assert_array_equal(getattr(ours, attribute), getattr(theirs, attribute))
    shown = {"GaussianNB": "theta_ var_ epsilon_ class_prior_", "CategoricalNB": "class_log_prior_ n_categories_"}
    for attribute in shown.get(name, "class_log_prior_ feature_count_ feature_log_prob_").split():
        np.testing.assert_allclose(getattr(ours, attribute), getattr(theirs, attribute), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(ours.predict_joint_log_proba(X), theirs.predict_joint_log_proba(X), rtol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@every
@often
@given(seed=seeds, parts=st.integers(1, 6))
def test_any_partition_gives_the_model_of_one_fit(cls, seed, parts):
    """By merging and by batches, with weights and gaps."""
    rng = np.random.default_rng(seed)
    X, y = draw(cls, rng)
    X[rng.random(X.shape) < 0.15] = np.nan
    w = rng.integers(1, 4, len(y))
    whole = make(cls).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    part = rng.integers(0, parts, len(y))
    merged, batches = None, make(cls)
    for p in np.unique(part):
        rows = part == p
        piece = make(cls).fit(X[rows], y[rows], sample_weight=w[rows])
        merged = piece if merged is None else merged.merge(piece)
        batches.partial_fit(X[rows], y[rows], classes=[0, 1, 2], sample_weight=w[rows])
    queries, _ = draw(cls, rng, n=12)
    expected = whole.predict_joint_log_proba(queries)
    for clf in (merged, batches):
        np.testing.assert_allclose(learned(clf), learned(whole), rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(clf.predict_joint_log_proba(queries), expected, rtol=1e-9)
        assert clf.n_parameters_ == whole.n_parameters_


@every
def test_parts_with_different_classes_merge(cls):
    X, y = draw(cls, np.random.default_rng(0), n=60)
    whole = make(cls).fit(X, y)
    pieces = [make(cls).fit(X[y == c], y[y == c]) for c in (2, 0, 1)]
    merged = pieces[0].merge(pieces[1]).merge(pieces[2])
    np.testing.assert_array_equal(merged.classes_, [0, 1, 2])
    np.testing.assert_allclose(learned(merged), learned(whole), rtol=1e-10, atol=1e-12)


@every
def test_bits_do_not_depend_on_threads(cls):
    rng = np.random.default_rng(0)
    X, y = draw(cls, rng, n=4000)
    X, y = np.tile(X, (60, 1)), np.tile(y, 60)
    results = []
    for n in (1, 2):
        with gf.threads(n):
            clf = make(cls).fit(X, y)
            results.append((learned(clf).tobytes(), clf.predict_log_proba(X[:30_000]).tobytes()))
    assert results[0] == results[1]
    small = make(cls).fit(X[:4000], y[:4000])
    np.testing.assert_allclose(clf.class_count_, 60 * small.class_count_, rtol=1e-12)
    # One block against many: the same to rounding.
    np.testing.assert_allclose(
        clf.predict_joint_log_proba(X)[:4000], clf.predict_joint_log_proba(X[:4000]), rtol=1e-11, atol=1e-11
    )


@marginal
@often
@given(seed=seeds)
def test_a_missing_value_is_a_removed_column(cls, seed):
    rng = np.random.default_rng(seed)
    X, y = draw(cls, rng)
    width = 5 if cls is MixedNB else X.shape[1]  # multinomial columns are one draw together
    column = int(rng.integers(0, width))
    params = {"var_smoothing": 0.0} if cls in (GaussianNB, MixedNB) else {}
    clf = make(cls, **params).fit(X, y)
    narrow = {**params, "features": KINDS[:column] + KINDS[column + 1 :]} if cls is MixedNB else params
    removed = make(cls, **narrow).fit(np.delete(X, column, 1), y)
    Z, _ = draw(cls, rng, n=10)
    Z[:, column] = np.nan
    expected = removed.predict_joint_log_proba(np.delete(Z, column, 1))
    np.testing.assert_allclose(clf.predict_joint_log_proba(Z), expected, rtol=1e-11)
    X[:, column] = np.nan
    np.testing.assert_allclose(make(cls, **params).fit(X, y).predict_joint_log_proba(Z), expected, rtol=1e-11)


def test_scattered_gaps_by_the_definition():
    rng = np.random.default_rng(3)
    kinds = KINDS[:5]
    X, y = draw(MixedNB, rng, n=60)
    X, Z = X[:, :5], draw(MixedNB, rng, n=20)[0][:, :5]
    X[rng.random(X.shape) < 0.2] = np.nan
    Z[rng.random(Z.shape) < 0.3] = np.nan
    clf = MixedNB(features=kinds, min_categories=4, var_smoothing=0.0).fit(X, y)
    expected = np.tile(np.log(np.bincount(y) / len(y)), (len(Z), 1))
    for c in range(3):
        for j, kind in enumerate(kinds):
            seen = X[(y == c) & ~np.isnan(X[:, j]), j]
            n, total = len(seen), seen.sum()
            density = {
                "gaussian": lambda v, seen=seen: stats.norm.logpdf(v, seen.mean(), seen.std()),
                "bernoulli": lambda v, seen=seen, n=n: math.log(((seen == v).sum() + 1) / (n + 2)),
                "categorical": lambda v, seen=seen, n=n: math.log(((seen == v).sum() + 1) / (n + 4)),
                "poisson": lambda v, total=total, n=n: stats.poisson.logpmf(v, (total + 1) / (n + 1)),
                "exponential": lambda v, total=total, n=n: stats.expon.logpdf(v, scale=total / n),
            }[kind]
            expected[:, c] += [0.0 if np.isnan(v) else density(v) for v in Z[:, j]]
    np.testing.assert_allclose(clf.predict_joint_log_proba(Z), expected, rtol=1e-10)


@every
@often
@given(seed=seeds)
def test_explanations_and_boundaries_are_the_log_odds(cls, seed):
    rng = np.random.default_rng(seed)
    X, y = draw(cls, rng)
    X[rng.random(X.shape) < 0.1] = np.nan
    clf = make(cls).fit(X, y)
    Z, _ = draw(cls, rng, n=6)
    joint = clf.predict_joint_log_proba(Z)
    for pair in [(1, 0), (0, 2)]:
        odds = joint[:, pair[0]] - joint[:, pair[1]]
        np.testing.assert_allclose(clf.log_odds(Z, classes=pair), odds, rtol=1e-12)
        boundary = clf.decision_boundary(classes=pair)
        if cls is MixedNB:
            assert boundary is None
        else:
            np.testing.assert_allclose(boundary.score(Z), odds, rtol=1e-9, atol=1e-9)
        for z, value in zip(Z, odds, strict=True):
            explanation = clf.explain(z, classes=pair)
            assert explanation.prior + explanation.features.sum() == pytest.approx(value, rel=1e-9, abs=1e-9)
    winner = clf.explain(Z[0])
    order = np.argsort(joint[0])
    assert winner.classes == (order[-1], order[-2])
    gap = Z[0].copy()
    gap[1] = np.nan
    assert clf.explain(gap, classes=(1, 0)).features[1] == 0


@pytest.mark.parametrize("cls", [BernoulliNB, MultinomialNB, ComplementNB], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array])
def test_sparse_stays_sparse(cls, container):
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, (40, 30)).astype(float)
    y = rng.integers(0, 3, 40)
    gaps = X.copy()
    gaps[(X > 0) & (rng.random(X.shape) < 0.2)] = np.nan
    for data in (X, gaps):
        dense, sparse = cls().fit(data, y), cls().fit(container(data), y)
        np.testing.assert_allclose(learned(sparse), learned(dense), rtol=1e-13)
        np.testing.assert_allclose(sparse.predict_log_proba(container(data)), dense.predict_log_proba(data), rtol=1e-11)
    places = np.sort(rng.choice(100_000, (2000, 10)), axis=1)
    wide = sp.csr_matrix((np.ones(20_000), places.ravel(), np.arange(0, 20_001, 10)), shape=(2000, 100_000))
    wide.sum_duplicates()
    tracemalloc.start()
    cls().fit(wide, np.arange(2000) % 2).predict(wide)
    assert tracemalloc.get_traced_memory()[1] < 2000 * 100_000 * 8 / 10
    tracemalloc.stop()
    bad = container(np.array([[1.0, -1.0 if cls is not BernoulliNB else math.inf]]))
    with pytest.raises(ValueError, match=f"{cls.__name__}: .*[Nn]egative|{cls.__name__}: .*infinity"):
        cls().fit(bad, [0])


def test_large_numbers_keep_their_variance():
    rng = np.random.default_rng(0)
    X = rng.normal(0, 1, (3000, 3))
    y = np.arange(3000) % 2
    far = GaussianNB(var_smoothing=0).fit(X[:700] + 1e8, y[:700])
    for i in range(700, 3000, 100):
        far.partial_fit(X[i : i + 100] + 1e8, y[i : i + 100])
    expected = np.array([X[y == c].var(0) for c in (0, 1)])
    np.testing.assert_allclose(far.var_, expected, rtol=1e-6)


MEMORY = """
import sys
import numpy as np
import goldfish.naive_bayes

def high_water():
    with open("/proc/self/status") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

name, dtype, order = sys.argv[1:]
rng = np.random.default_rng(0)
X = np.empty((200_000, 100), dtype=dtype, order=order)
for rows in range(0, len(X), 1000):
    X[rows : rows + 1000] = rng.integers(0, 8, (1000, 100))
y = rng.integers(0, 10, len(X))
cls = getattr(goldfish.naive_bayes, name)
cls().fit(X[:500], y[:500]).predict_log_proba(X[:500])
before = high_water()
clf = cls().fit(X, y)
clf.predict_log_proba(X[:150_000])
clf.predict(X)
print((high_water() - before) / X.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("dtype, order", [("float64", "C"), ("float32", "F"), ("int64", "C")])
@pytest.mark.parametrize("name", ["GaussianNB", "MultinomialNB", "BernoulliNB", "CategoricalNB"])
def test_memory_stays_below_a_copy(name, dtype, order):
    run = subprocess.run([sys.executable, "-c", MEMORY, name, dtype, order], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.6


@every
def test_failures_change_nothing(cls):
    X, y = draw(cls, np.random.default_rng(0))
    clf = make(cls).fit(X, y)
    before, query = learned(clf).copy(), clf.predict_log_proba(X)
    infinite = X.copy()
    infinite[3, 1] = np.inf
    w = np.ones(len(y))
    for bad in [
        lambda: clf.fit(infinite, y),
        lambda: clf.fit(X, y[:-1]),
        lambda: clf.fit(X, y, sample_weight=-w),
        lambda: clf.fit(X, y, sample_weight=0 * w),
        lambda: clf.partial_fit(X, np.full(len(y), 9)),
        lambda: clf.partial_fit(X, y, classes=[0, 1]),
        lambda: clf.partial_fit(X[:, :2], y),
        lambda: clf.partial_fit(infinite, y),
        lambda: clf.merge(make(cls, **({"var_smoothing": 0.5} if cls is GaussianNB else {"alpha": 0.5})).fit(X, y)),
        lambda: clf.predict(infinite),
        lambda: clf.explain(infinite[3]),
    ]:
        with pytest.raises(ValueError):
            bad()
        np.testing.assert_array_equal(learned(clf), before)
        np.testing.assert_array_equal(clf.predict_log_proba(X), query)
    with pytest.raises(ValueError, match="row 3, feature 1"):
        make(cls).fit(infinite, y)
    new = make(cls)
    with pytest.raises(ValueError, match="label"):
        new.partial_fit(X, y, classes=[0, 1])
    assert not hasattr(new, "classes_")
    with pytest.raises(NotFittedError):
        new.predict(X)
    for other in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
        np.testing.assert_array_equal(other.partial_fit(X, y).class_count_, 2 * clf.class_count_)
    assert not hasattr(clone(clf), "classes_")


def test_messages_name_what_is_wrong():
    X, y = [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [0, 1, 1]
    for call, match in [
        (lambda: GaussianNB(var_smoothing=-1).fit(X, y), "GaussianNB: var_smoothing.*-1"),
        (lambda: GaussianNB(priors=[0.5, 0.6]).fit(X, y), "GaussianNB: priors.*sum 1"),
        (lambda: MultinomialNB(alpha=-1.0).fit(X, y), "MultinomialNB: alpha.*-1"),
        (lambda: MultinomialNB(alpha=[1.0]).fit(X, y), r"MultinomialNB: alpha.*\(2,\)"),
        (lambda: MultinomialNB(class_prior=[1.0]).fit(X, y), r"MultinomialNB: class_prior.*\(2,\)"),
        (lambda: BernoulliNB(binarize=None).fit(X, y), "BernoulliNB: X must hold 0 and 1.*got 2 at row 1, feature 1"),
        (lambda: CategoricalNB().fit([[0, -1]], [0]), "CategoricalNB: Negative.*got -1 at row 0, feature 1"),
        (lambda: CategoricalNB().fit(X, y).predict([[0, 7]]), "CategoricalNB: feature 1 has categories 0 to 2, got 7"),
        (lambda: CategoricalNB(min_categories=[1.5]).fit(X, y), "CategoricalNB: min_categories"),
        (lambda: GaussianNB().fit(X, y).decision_boundary(classes=(0, 5)), "decision_boundary: classes"),
        (lambda: GaussianNB().fit(X, y).explain([1.0]), r"GaussianNB.explain: x must have shape \(2,\), got \(1,\)"),
        (lambda: MixedNB(features=["gaussian"]).fit(X, y), "MixedNB: features.*2 columns, got 1"),
        (lambda: MixedNB(features=["gaussian", "cauchy"]).fit(X, y), "MixedNB: features.*'cauchy' for column 1"),
        (lambda: MixedNB(features={0: "gaussian"}).fit(X, y), "MixedNB: features.*none for column 1"),
        (lambda: MixedNB(features={0: "gaussian", 5: "poisson"}).fit(X, y), "MixedNB: features.*got 5"),
        (lambda: MixedNB(features=["gaussian", "poisson"]).fit([[0, 0.5]], [0]), "poisson.*0.5 at row 0, feature 1"),
        (
            lambda: MixedNB(features=["gaussian", "exponential"]).fit([[0, -2]], [0]),
            "exponential.*-2 at row 0, feature 1",
        ),
        (
            lambda: MixedNB(features=["gaussian", "categorical"]).fit([[0, 0.5]], [0]),
            "categorical.*0.5 at row 0, feature 1",
        ),
    ]:
        with pytest.raises(ValueError, match=match):
            call()


def test_what_cannot_be_judged_is_an_error():
    constant = GaussianNB(var_smoothing=0).fit([[1.0, 2.0], [1.0, 3.0], [2.0, 2.0], [4.0, 5.0]], [0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"GaussianNB: feature 0 has no distribution in class .*0.* row 1"):
        constant.predict([[np.nan, 2.0], [1.0, 2.0]])
    assert constant.predict([[np.nan, 2.5]]).tolist() == [0]
    unseen = GaussianNB().fit([[1.0, np.nan], [2.0, np.nan], [2.0, 2.0], [4.0, 5.0]], [0, 0, 1, 1])
    with pytest.raises(ValueError, match="feature 1 has no distribution"):
        unseen.predict([[1.0, 2.0]])
    impossible = BernoulliNB(alpha=0).fit([[1, 0], [0, 1]], [0, 1])
    with pytest.raises(ValueError, match=r"BernoulliNB.predict_proba: row 1 of X is impossible under every class"):
        impossible.predict_proba([[1, 0], [1, 1]])
    certain = ComplementNB(alpha=0).fit([[1, 0, 1], [0, 1, 1]], [0, 1])
    assert certain.predict_proba([[1, 0, 1]]).tolist() == [[1, 0]]
    with pytest.raises(ValueError, match=r"ComplementNB.predict: row 0 of X is certain to be of several classes"):
        certain.predict([[1, 1, 0]])
    with pytest.raises(ValueError, match="ComplementNB: alpha must be positive with norm=True"):
        ComplementNB(alpha=0, norm=True).fit([[1, 0, 1], [0, 1, 1]], [0, 1])
    with pytest.warns(UserWarning, match="alpha below 1e-10 is raised"):
        MultinomialNB(alpha=0, force_alpha=False).fit([[1, 0]], [0])
    with pytest.warns(UserWarning, match="fractions are cut off"):
        assert CategoricalNB().fit([[1.7], [0.2]], [0, 1]).n_categories_.tolist() == [2]


def test_overflow_and_odd_features_are_errors():
    with pytest.raises(ValueError, match="GaussianNB: X is too large for a variance in feature 1"):
        GaussianNB().fit([[1.0, 1e300], [2.0, -1e300], [3.0, 1.0]], [0, 0, 1])
    with pytest.raises(TypeError, match="MixedNB: features must be a kind"):
        MixedNB(features=None).fit([[1.0]], [0])


def test_zero_frequencies():
    X, y = [[0, 2], [1, 0], [1, 0]], ["a", "b", "b"]
    assert CategoricalNB().fit(X, y).zero_frequency_report() == [
        ("a", 0, 1),
        ("a", 1, 0),
        ("a", 1, 1),
        ("b", 0, 0),
        ("b", 1, 1),
        ("b", 1, 2),
    ]
    assert MultinomialNB().fit(X, y).zero_frequency_report() == [("a", 0, 1), ("b", 1, 1)]
    assert ComplementNB().fit(X, y).zero_frequency_report() == [("a", 1, 1), ("b", 0, 1)]
    assert GaussianNB().fit(X, y).zero_frequency_report() == []
    mixed = MixedNB(features=["gaussian", "poisson"]).fit(X, y)
    assert mixed.zero_frequency_report() == [("b", 1, 1)]
    gap = BernoulliNB().fit([[np.nan], [1.0]], [0, 1])
    assert gap.zero_frequency_report() == [(1, 0, 0)]  # class 0 has never observed the feature


def test_columns_by_name():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"length": [1.0, 2.0, None, 6.0], "legs": [2, 4, 2, 4]})
    clf = MixedNB(features={"legs": "poisson", "length": "gaussian"}).fit(frame, [0, 0, 1, 1])
    by_place = MixedNB(features=["gaussian", "poisson"]).fit(frame.to_numpy(), [0, 0, 1, 1])
    np.testing.assert_array_equal(learned(clf), learned(by_place))
