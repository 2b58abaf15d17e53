"""Estimators: unbiased, with right errors and intervals that cover, by seeded simulation; formulas; refusals."""

import itertools
import math
import pickle

import numpy as np
import pytest

from goldfish import sampling

REPEATS = 1500


def judge(estimates, truth, *, bias=True, variance=0.1, cover=(0.93, 0.97), level=0.95):
    """Unbiased within four errors of the mean, honest variance, and coverage of the interval."""
    values = np.array([e.value for e in estimates])
    errors = np.array([e.se for e in estimates])
    if bias:
        assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(len(values))
    assert (errors**2).mean() == pytest.approx(values.var(), rel=variance)
    ends = np.array([e.interval(level) for e in estimates])
    hit = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
    assert cover[0] <= hit <= cover[1]


@pytest.fixture
def population(rng):
    y = rng.gamma(4.0, 10.0, 400)
    return y, np.clip(y / 80, 0.05, 0.9)


def test_horvitz_thompson_under_poisson_sampling(rng, population) -> None:
    y, pi = population
    chosen = (rng.random(400) < pi for _ in range(REPEATS))
    judge([sampling.horvitz_thompson(y[s], pi[s], design="poisson") for s in chosen], y.sum())


@pytest.mark.parametrize("design", ["joint", "fixed"])
def test_horvitz_thompson_over_all_samples_of_a_fixed_size_design(design) -> None:
    """Every sample of three of six units, with its exact probability: the estimators' exact expectations."""
    y = np.array([3.0, 1.0, 4.0, 1.5, 5.0, 9.0])
    samples = list(itertools.combinations(range(6), 3))
    weight = np.array([1.0 + sum(s) + (0 in s) * 2 for s in samples])
    probability = weight / weight.sum()
    joint = np.zeros((6, 6))
    for s, p in zip(samples, probability, strict=True):
        joint[np.ix_(s, s)] += p
    pi = np.diag(joint)
    mean = square = variance = 0.0
    for s, p in zip(samples, probability, strict=True):
        s = list(s)
        expanded = (y[s] / pi[s]).sum()
        covariance = (joint[np.ix_(s, s)] - np.outer(pi[s], pi[s])) / joint[np.ix_(s, s)]
        z = y[s] / pi[s]
        plain = z @ covariance @ z if design == "joint" else -0.5 * (covariance * np.subtract.outer(z, z) ** 2).sum()
        if plain < 0:
            with pytest.warns(sampling.SamplingWarning, match="negative"):
                e = sampling.horvitz_thompson(y[s], pi[s], joint=joint[np.ix_(s, s)], design=design)
            assert math.isnan(e.se)
        else:
            e = sampling.horvitz_thompson(y[s], pi[s], joint=joint[np.ix_(s, s)], design=design)
            assert e.se**2 == pytest.approx(plain, rel=1e-9, abs=1e-9)
        assert e.value == pytest.approx(expanded)
        mean, square, variance = mean + p * expanded, square + p * expanded**2, variance + p * plain
    assert mean == pytest.approx(y.sum())
    assert variance == pytest.approx(square - mean**2)


def test_hajek_under_poisson_sampling(rng, population) -> None:
    y, pi = population
    chosen = (rng.random(400) < pi for _ in range(REPEATS))
    judge([sampling.hajek(y[s], pi[s]) for s in chosen], y.mean(), bias=False)


def test_hajek_ratio_under_poisson_sampling(rng, population) -> None:
    y, pi = population
    x = y * rng.uniform(0.5, 1.5, 400)
    chosen = (rng.random(400) < pi for _ in range(REPEATS))
    judge([sampling.hajek(y[s], pi[s], x=x[s]) for s in chosen], y.sum() / x.sum(), bias=False)


def test_hansen_hurwitz_and_ratio_with_replacement(rng, population) -> None:
    y, _ = population
    p = (y + 30) / (y + 30).sum()
    drawn = [rng.choice(400, 80, p=p) for _ in range(REPEATS)]
    judge([sampling.hansen_hurwitz(y[s], p[s]) for s in drawn], y.sum())
    judge([sampling.hansen_hurwitz(y[s], p[s], N=400) for s in drawn], y.mean())
    judge([sampling.ratio_estimate(y[s], p[s]) for s in drawn], y.mean(), bias=False)


def test_a_common_factor_of_the_probabilities_does_not_matter_for_ratios(rng) -> None:
    y, p = rng.random(9), rng.uniform(0.1, 0.5, 9)
    a, b = sampling.ratio_estimate(y, p), sampling.ratio_estimate(y, p / 7)
    assert (a.value, a.se) == pytest.approx((b.value, b.se))


def test_stratified_mean(rng) -> None:
    sizes, means, spreads = np.array([400, 100, 500]), [1.0, 5.0, -2.0], [1.0, 3.0, 0.5]
    truth = np.average(means, weights=sizes)
    judge(
        [
            sampling.stratified_mean([rng.normal(m, s, 25) for m, s in zip(means, spreads, strict=True)], sizes)
            for _ in range(REPEATS)
        ],
        truth,
    )


def test_finite_population_correction_of_strata(rng) -> None:
    strata = [rng.gamma(2, 3, 60), rng.normal(10, 4, 40)]
    truth = np.concatenate(strata).mean()
    found = [
        sampling.stratified_mean(
            [rng.choice(s, n, replace=False) for s, n in zip(strata, (30, 25), strict=True)], [60, 40], fpc=True
        )
        for _ in range(REPEATS)
    ]
    judge(found, truth)


def test_rare_hits_are_covered_where_wald_intervals_fail(rng) -> None:
    """Two large strata with few hits, which most samples miss: charging them covers, Wald does not."""
    sizes, chances = [4000, 4000, 100], [0.002, 0.002, 0.3]
    truth = np.average(chances, weights=sizes)
    hit = {"charge-empty": 0, "wald": 0}
    for _ in range(REPEATS):
        values = [(rng.random(n) < p).astype(float) for n, p in zip((150, 150, 80), chances, strict=True)]
        for interval in hit:
            low, high = sampling.stratified_mean(values, sizes, interval=interval).interval()
            hit[interval] += low <= truth <= high
    assert hit["charge-empty"] / REPEATS > 0.93
    assert hit["wald"] / REPEATS < 0.7


def test_bounds_tell_what_equal_draws_may_hide() -> None:
    values, sizes = [np.zeros(50), np.zeros(50)], [500, 500]
    with pytest.warns(sampling.SamplingWarning, match="bounds"):
        assert sampling.stratified_mean(values, sizes).interval() == (0, 0)
    low, high = sampling.stratified_mean(values, sizes, bounds=(0, 1)).interval()
    assert low == 0
    # Nothing in a hundred draws: at most -ln(0.025)/100 at that confidence.
    assert high == pytest.approx(-math.log(0.025) / 100)


def test_one_draw_in_a_stratum_has_no_error() -> None:
    with pytest.warns(sampling.SamplingWarning, match=r"values\[1\]"):
        e = sampling.stratified_mean([[1.0, 2.0], [3.0]], [10, 10])
    assert e.value == 2.25
    assert math.isnan(e.se)
    assert all(math.isnan(end) for end in e.interval())


@pytest.fixture
def clusters(rng):
    level = rng.normal(20, 5, 200)
    return [rng.normal(m, 2, int(rng.integers(5, 30))) for m in level]


def test_cluster_mean(rng, clusters) -> None:
    truth = np.concatenate(clusters).mean()
    found = []
    for _ in range(REPEATS):
        s = [clusters[i] for i in rng.choice(200, 40, replace=False)]
        found.append(sampling.cluster_mean(s, [len(c) for c in s], clusters=200, fpc=True))
    judge(found, truth, bias=False)


def test_two_stage_without_replacement(rng, clusters) -> None:
    truth = np.concatenate(clusters).mean()
    found = []
    for _ in range(REPEATS):
        chosen = [clusters[i] for i in rng.choice(200, 60, replace=False)]
        s = [rng.choice(c, max(2, len(c) // 2), replace=False) for c in chosen]
        found.append(sampling.two_stage(s, [len(c) for c in chosen], clusters=200, fpc=True))
    judge(found, truth, bias=False)


def test_two_stage_by_size(rng, clusters) -> None:
    sizes = np.array([len(c) for c in clusters])
    truth, p = np.concatenate(clusters).mean(), sizes / sizes.sum()
    found = []
    for _ in range(REPEATS):
        drawn = rng.choice(200, 40, p=p)
        s = [rng.choice(clusters[i], 3) for i in drawn]
        found.append(sampling.two_stage(s, sizes[drawn], p=p[drawn]))
    judge(found, truth, bias=False)


def test_two_stage_formula_by_hand() -> None:
    """Cochran's equation 11.30 written out."""
    values, sizes, population = (
        [np.array([1.0, 2.0]), np.array([2.0, 4.0, 3.0]), np.array([6.0, 5.0])],
        [20, 30, 10],
        40,
    )
    mean = (20 * 1.5 + 30 * 3 + 10 * 5.5) / 60
    between = sum(M**2 * (v.mean() - mean) ** 2 for M, v in zip(sizes, values, strict=True)) / (3 * 2 * 20**2)
    within = sum(M**2 * (1 - len(v) / M) * v.var(ddof=1) / len(v) for M, v in zip(sizes, values, strict=True))
    e = sampling.two_stage(values, sizes, clusters=population, fpc=True)
    assert e.value == pytest.approx(mean)
    assert e.se**2 == pytest.approx((1 - 3 / 40) * between + within / (3 * 40 * 20**2))


def test_one_cluster_has_no_error() -> None:
    for function in (sampling.cluster_mean, sampling.two_stage):
        with pytest.warns(sampling.SamplingWarning, match="one cluster"):
            assert math.isnan(function([[1.0, 2.0]], [5]).se)


def test_size_biased_mean(rng) -> None:
    sizes = rng.choice([16.0, 64.0, 512.0], 5000, p=[0.6, 0.3, 0.1])
    p = sizes / sizes.sum()
    found = [sampling.size_biased_mean(sizes[rng.choice(5000, 400, p=p)]) for _ in range(REPEATS)]
    judge([m.corrected for m in found], sizes.mean(), bias=False)
    judge([m.biased for m in found], (sizes**2).sum() / sizes.sum())


def test_stratified_bootstrap(rng) -> None:
    sizes, means = [300, 100], [1.0, 4.0]
    found = [
        sampling.stratified_bootstrap([rng.gamma(9, m / 9, 40) for m in means], sizes, resamples=400, rng=rng)
        for _ in range(600)
    ]
    judge(found, np.average(means, weights=sizes), variance=0.15)


def test_cluster_bootstrap(rng, clusters) -> None:
    truth = np.concatenate(clusters).mean()
    found = []
    for _ in range(600):
        s = [clusters[i] for i in rng.choice(200, 80)]
        found.append(sampling.cluster_bootstrap(s, [len(c) for c in s], resamples=400, rng=rng))
    judge(found, truth, bias=False, variance=0.15)


@pytest.mark.parametrize("function", [sampling.stratified_bootstrap, sampling.cluster_bootstrap])
def test_bootstraps_repeat(function) -> None:
    values, sizes = [[1.0, 3.0, 2.0], [5.0, 4.0, 9.0], [2.0, 2.5, 3.0]], [30, 20, 10]
    a, b, c = (function(values, sizes, rng=seed) for seed in (1, np.random.default_rng(1), 2))
    assert (a.value, a.se, a.interval(0.8)) == (b.value, b.se, b.interval(0.8))
    assert a.se != c.se


def test_alignment() -> None:
    assert sampling.is_aligned([0.2, 0.2]).aligned
    found = sampling.is_aligned([0.2, 0.1])
    assert not found
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, [2 / 3, 4 / 3])


def test_estimates_are_values() -> None:
    e = sampling.stratified_mean([[0.0, 0.0], [1.0, 2.0]], [5, 5])
    again = pickle.loads(pickle.dumps(e))
    assert again == e
    assert again.interval(0.9) == e.interval(0.9)
    assert float(e) == e.value
    low, high = sampling.Estimate(100.0, 30.0, "x").interval(scale="log")
    assert low * high == pytest.approx(100**2)
    with pytest.raises(ValueError, match="scale 'logit'"):
        sampling.Estimate(100.0, 30.0, "x").interval(scale="logit")


NAN = float("nan")
REFUSED = [
    ("selection_probability", ([(0, 3)],), {}, sampling.ZeroInclusionError, "path"),
    ("selection_probability", ([(1, 2, 3)],), {}, ValueError, "path"),
    ("selection_probability", ([(1.5, 2)],), {}, ValueError, "path"),
    ("weights_from_selection", ([0.5, 0.0],), {}, sampling.ZeroInclusionError, "p"),
    ("weights_from_selection", ([],), {}, ValueError, "p"),
    ("is_aligned", ([0.5, 0.0],), {}, sampling.ZeroInclusionError, "pi"),
    ("is_aligned", ([0.5, 1.5],), {}, ValueError, "pi"),
    ("horvitz_thompson", ([1.0], [0.0]), {"design": "poisson"}, sampling.ZeroInclusionError, "pi"),
    ("horvitz_thompson", ([1.0], [0.5]), {"design": "poisson", "joint": [[0.5]]}, ValueError, "joint"),
    ("horvitz_thompson", ([1.0, 2.0], [0.5, 0.5]), {"design": "joint", "joint": [[0.5, 0], [0, 0.5]]},
     sampling.ZeroInclusionError, "joint"),
    ("horvitz_thompson", ([1.0, 2.0], [0.5, 0.5]), {"design": "joint", "joint": [[0.5, 0.1], [0.2, 0.5]]},
     ValueError, "joint"),
    ("horvitz_thompson", ([1.0, 2.0], [0.5, 0.5]), {"design": "joint", "joint": [[0.4, 0.2], [0.2, 0.5]]},
     ValueError, "joint"),
    ("horvitz_thompson", (["a"], [0.5]), {"design": "poisson"}, TypeError, "y"),
    ("hajek", ([1.0, 2.0], [0.5, 0.5]), {"x": [1.0, -1.0]}, ValueError, "x"),
    ("ratio_estimate", ([1.0], [2.0]), {}, ValueError, "p"),
    ("hansen_hurwitz", ([[1.0]], [0.5]), {}, ValueError, "y"),
    ("stratified_mean", ([[1.0, NAN], [3.0, 4.0]], [10, 5]), {}, ValueError, "values[0]"),
    ("stratified_mean", ([[1.0, 2.0]], [1]), {"fpc": True}, ValueError, "sizes"),
    ("stratified_mean", ([[1.0, 2.0]], [9]), {"bounds": (0, 1)}, ValueError, "bounds"),
    ("stratified_mean", (3.0, [9]), {}, TypeError, "values"),
    ("cluster_mean", ([[1.0, 2.0]], [1]), {}, ValueError, "sizes"),
    ("cluster_mean", ([[1.0, 2.0], [3.0]], [2, 1]), {"fpc": True}, ValueError, "clusters"),
    ("two_stage", ([[1.0, 2.0], [3.0]], [2, 5]), {"fpc": True, "clusters": 9}, ValueError, "sizes"),
    ("two_stage", ([[1.0, 2.0], [3.0]], [2, 1]), {"fpc": True, "clusters": 9, "p": [0.1, 0.1]}, ValueError, "fpc"),
    ("two_stage", ([[1.0, 2.0], [3.0]], [2, 1]), {"fpc": True, "clusters": 1}, ValueError, "clusters"),
    ("stratified_bootstrap", ([[1.0, 2.0], [3.0]], [5, 5]), {}, ValueError, "values[1]"),
    ("stratified_bootstrap", ([[1.0, 2.0]], [5]), {"resamples": 1}, ValueError, "resamples"),
    ("stratified_bootstrap", ([[1.0, 2.0]], [5]), {"rng": "x"}, TypeError, "rng"),
    ("cluster_bootstrap", ([[1.0, 2.0]], [5]), {"rng": -1}, ValueError, "values"),
    ("cluster_bootstrap", ([[1.0, 2.0], [1.0]], [5, 5]), {"rng": -1}, ValueError, "rng"),
    ("size_biased_mean", ([1.0, 0.0],), {}, ValueError, "sizes"),
    ("design_effect", (-1.0, [1.0, 2.0], [1, 1], 2), {}, ValueError, "var"),
    ("design_effect", (1.0, [1.0, 1.0], [1, 1], 2), {}, ValueError, "y"),
    ("design_effect", (1.0, [1.0, 2.0], [0, 0], 2), {}, ValueError, "w"),
    ("design_effect", (1.0, [1.0, 2.0], [1, 1], 0), {}, ValueError, "n"),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs, kind, word", REFUSED)
def test_refusals_name_the_function_and_the_argument(name, args, kwargs, kind, word) -> None:
    with pytest.raises(kind) as caught:
        getattr(sampling, name)(*args, **kwargs)
    assert str(caught.value).startswith(f"{name}: {word}")


def test_the_design_must_be_named() -> None:
    with pytest.raises(TypeError, match="design"):
        sampling.horvitz_thompson([1.0], [0.5])
