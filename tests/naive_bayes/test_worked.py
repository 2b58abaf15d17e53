"""Nine cars, in exact fractions; boundaries and their conics."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from goldfish import naive_bayes as nb

# red, affordable, fuel-efficient; is the owner interested?
X = np.array([[1, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0], [0, 1, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1], [0, 0, 0]])
Y = np.array([1, 0, 0, 1, 0, 0, 1, 1, 0])
QUERY = np.array([[1, 0, 1]])


def test_prior_and_table_without_smoothing():
    clf = nb.BernoulliNB(alpha=0).fit(X, Y)
    np.testing.assert_allclose(np.exp(clf.class_log_prior_), [5 / 9, 4 / 9], rtol=1e-14)
    np.testing.assert_allclose(np.exp(clf.feature_log_prob_), [[0, 4 / 5, 3 / 5], [3 / 4, 1 / 2, 3 / 4]], rtol=1e-14)
    assert clf.n_parameters_ == 7
    np.testing.assert_allclose(np.exp(clf.predict_joint_log_proba(QUERY)), [[0, 1 / 8]], rtol=1e-13)
    np.testing.assert_array_equal(clf.predict_proba(QUERY), [[0, 1]])


def test_a_red_car_decides_alone_without_smoothing():
    clf = nb.BernoulliNB(alpha=0).fit(X, Y)
    red = np.array([[1, a, e] for a in (0, 1) for e in (0, 1)])
    np.testing.assert_array_equal(clf.predict_proba(red), [[0, 1]] * 4)
    assert clf.zero_frequency_report() == [(0, 0, 1)]
    assert nb.BernoulliNB().fit(X, Y).zero_frequency_report() == [(0, 0, 1)]  # a fact about the counts
    with pytest.raises(ValueError, match="decision_boundary: feature 0"):
        clf.decision_boundary()
    assert clf.explain(QUERY[0]).log_odds == math.inf


def test_one_fake_row_per_value():
    clf = nb.BernoulliNB(alpha=1).fit(X, Y)
    np.testing.assert_allclose(
        np.exp(clf.feature_log_prob_), [[1 / 7, 5 / 7, 4 / 7], [2 / 3, 1 / 2, 2 / 3]], rtol=1e-14
    )
    np.testing.assert_allclose(np.exp(clf.predict_joint_log_proba(QUERY)), [[40 / 3087, 8 / 81]], rtol=1e-13)
    assert clf.predict_proba(QUERY)[0, 1] == pytest.approx(343 / 388, rel=1e-13)
    for query in itertools.product((0, 1), repeat=3):
        joint = []
        for c in (0, 1):
            rows = X[c == Y]
            p = Fraction(len(rows), 9)
            for d, v in enumerate(query):
                theta = Fraction(int(rows[:, d].sum()) + 1, len(rows) + 2)
                p *= theta if v else 1 - theta
            joint.append(p)
        expected = float(joint[1] / sum(joint))
        assert clf.predict_proba([query])[0, 1] == pytest.approx(expected, rel=1e-13)
        assert nb.CategoricalNB().fit(X, Y).predict_proba([query])[0, 1] == pytest.approx(expected, rel=1e-13)


def test_the_rule_is_linear():
    clf = nb.BernoulliNB(alpha=1).fit(X, Y)
    boundary = clf.decision_boundary()
    np.testing.assert_allclose(boundary.w, [2.484906649788, -0.9162907318741551, 0.40546510810816444], rtol=1e-12)
    assert boundary.b == pytest.approx(-0.8593038005005444, rel=1e-12)
    assert 1 / (1 + math.exp(-boundary.score(QUERY)[0])) == pytest.approx(0.884020618556701, rel=1e-12)
    explanation = clf.explain(QUERY[0])
    assert explanation.prior == pytest.approx(math.log(4 / 5))
    expected = [math.log((2 / 3) / (1 / 7)), math.log((1 / 2) / (2 / 7)), math.log((2 / 3) / (4 / 7))]
    np.testing.assert_allclose(explanation.features, expected, rtol=1e-12)


def test_parameter_counts():
    assert nb.naive_bayes_parameter_count([("bernoulli", 2)] * 3, 2) == 7
    assert nb.naive_bayes_parameter_count([("gaussian", None)] * 4, 3) == 2 + 2 * 3 * 4
    assert nb.naive_bayes_parameter_count([("categorical", v) for v in (2, 3, 5)], 2) == 15
    assert nb.naive_bayes_parameter_count([("multinomial", 5), ("poisson", None)], 3) == 2 + 3 * 5
    for kinds, k in [([("cauchy", 1)], 2), ([("categorical", 0)], 2), ([("bernoulli", 3)], 2), ([], 0), ([], 1.5)]:
        with pytest.raises(ValueError, match="naive_bayes_parameter_count"):
            nb.naive_bayes_parameter_count(kinds, k)


@pytest.mark.parametrize("seed", range(20))
def test_gaussian_boundary_is_the_log_odds(seed):
    rng = np.random.default_rng(seed)
    mu, var, prior = rng.normal(size=(2, 2)), rng.uniform(0.3, 3, (2, 2)), np.array([0.3, 0.7])
    q = nb.gaussian_nb_boundary(mu, var, prior)
    x = rng.normal(size=(50, 2)) * 3
    densities = [stats.norm.logpdf(x, mu[c], np.sqrt(var[c])).sum(1) + math.log(prior[c]) for c in (0, 1)]
    np.testing.assert_allclose(q.score(x), densities[1] - densities[0], rtol=1e-10, atol=1e-10)
    for branch in q.polyline((-20, 20), (-20, 20)):
        scale = (np.abs(branch**2 * q.A) + np.abs(branch * q.w)).sum(1) + abs(q.b)
        assert np.all(np.abs(q.score(branch)) <= 1e-12 * scale)
        assert np.abs(branch).max() <= 20 + 1e-9 or q.conic == "ellipse"


@pytest.mark.parametrize(
    "A, w, b, conic, branches",
    [
        ([0, 0], [2, 1], -1, "line", 1),
        ([0, 0], [2, 0], -1, "line", 1),
        ([0, 0], [0, 0], -1, "empty", 0),
        ([0, 0], [0, 0], 0, "plane", 0),
        ([1, 2], [0, 1], -3, "ellipse", 1),
        ([1, 2], [0, 0], 0, "point", 1),
        ([1, 2], [0, 0], 3, "empty", 0),
        ([-1, -2], [1, 0], 1, "ellipse", 1),
        ([1, -2], [0, 1], -3, "hyperbola", 2),
        ([1, -2], [0, 1], 3, "hyperbola", 2),
        ([1, -1], [0, 0], 0, "crossing lines", 2),
        ([1, 0], [0, 1], 0, "parabola", 1),
        ([0, -1], [1, 2], 0, "parabola", 1),
        ([1, 0], [0, 0], -4, "parallel lines", 2),
        ([0, 1], [0, 0], -4, "parallel lines", 2),
        ([1, 0], [2, 0], 1, "line", 1),
        ([1, 0], [0, 0], 4, "empty", 0),
    ],
)
def test_every_conic(A, w, b, conic, branches):
    from goldfish.naive_bayes.boundary import conic as classify

    A, w = np.array(A, float), np.array(w, float)
    assert classify(A, w, b) == conic
    curve = nb.Quadratic(A, w, float(b), conic).polyline((-3, 3), (-3, 3))
    assert len(curve) == branches
    for branch in curve:
        np.testing.assert_allclose(branch**2 @ A + branch @ w + b, 0, atol=1e-10)


@pytest.mark.parametrize(
    "mu, var, prior, argument",
    [
        (np.zeros((3, 2)), np.ones((3, 2)), [0.2, 0.3, 0.5], "mu"),
        (np.zeros((2, 2)), np.zeros((2, 2)), [0.5, 0.5], "var"),
        (np.zeros((2, 2)), np.ones((2, 3)), [0.5, 0.5], "var"),
        (np.zeros((2, 2)), np.ones((2, 2)), [0.5, 0.6], "prior"),
        (np.zeros((2, 2)), np.ones((2, 2)), [0.0, 1.0], "prior"),
    ],
)
def test_boundary_errors(mu, var, prior, argument):
    with pytest.raises(ValueError, match=f"gaussian_nb_boundary: {argument}"):
        nb.gaussian_nb_boundary(mu, var, prior)


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    points = rng.normal(y[:, None], [1.0, 0.5], (60, 2))
    ax = nb.GaussianNB().fit(points, y).plot_decision_boundary(color="red")
    assert ax.lines
    assert nb.BernoulliNB().fit(X[:, :2], Y).plot_decision_boundary(ax) is ax
    with pytest.raises(ValueError, match="plot_decision_boundary: the model must have 2 features"):
        nb.BernoulliNB().fit(X, Y).plot_decision_boundary()
    with pytest.raises(ValueError, match="plot_decision_boundary: the boundary must be a line or a conic"):
        nb.CategoricalNB().fit(X[:, :2], Y).plot_decision_boundary()
    matplotlib.pyplot.close("all")


def test_calibration_against_scikit_learn():
    from sklearn import metrics
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(0)
    p = rng.random(500)
    y = (rng.random(500) < p**1.5).astype(int)
    assert nb.brier_score(y, p) == pytest.approx(metrics.brier_score_loss(y, p), rel=1e-12)
    assert nb.log_loss(y, p) == pytest.approx(metrics.log_loss(y, p), rel=1e-12)
    both = np.column_stack([1 - p, p])
    assert nb.brier_score(y, both) == pytest.approx(nb.brier_score(y, p), rel=1e-12)
    assert nb.log_loss(y, both) == pytest.approx(nb.log_loss(y, p), rel=1e-12)
    words = np.array(["no", "yes"])[y]
    assert nb.brier_score(words, p) == nb.brier_score(y, p) == nb.brier_score(words, 1 - p, pos_label="no")
    three, table = rng.integers(0, 3, 90), rng.dirichlet([1, 2, 3], 90)
    assert nb.log_loss(three, table) == pytest.approx(metrics.log_loss(three, table), rel=1e-12)
    assert nb.brier_score(three, table) == pytest.approx(np.mean(((table - np.eye(3)[three]) ** 2).sum(1)))
    for strategy in ("uniform", "quantile"):
        ours = nb.calibration_curve(y, p, bins=7, strategy=strategy)
        np.testing.assert_allclose(ours, calibration_curve(y, p, n_bins=7, strategy=strategy), rtol=1e-12)
    assert nb.log_loss([1, 0], [0.0, 0.5]) == math.inf


@pytest.mark.parametrize("function", [nb.calibration_curve, nb.brier_score, nb.log_loss], ids=lambda f: f.__name__)
def test_calibration_errors(function):
    owner = function.__name__
    for bad in ([0.5, 1.2], [0.5, -0.1], [0.5, math.nan]):
        with pytest.raises(ValueError, match=f"{owner}: prob must lie between 0 and 1.*index 1"):
            function([0, 1], bad)
    for y, p in [([0, 1, 1], [0.5, 0.5]), ([], []), ([0, 1, 2], [0.1, 0.2, 0.3]), ([7, 7], [0.1, 0.2])]:
        with pytest.raises(ValueError, match=f"{owner}:"):
            function(y, p)
    with pytest.raises(TypeError, match=f"{owner}: prob"):
        function([0, 1], ["a", "b"])
    with pytest.raises(ValueError, match=f"{owner}: pos_label"):
        function([0, 1], [0.1, 0.2], pos_label=5)
