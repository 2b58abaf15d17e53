"""Numerical maximum likelihood and MAP: against formulas, score equations, SciPy's fits and the conjugate models."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from scipy.special import digamma

from goldfish import probability as gp

RNG = np.random.default_rng(7)
GAMMA = RNG.gamma(2.5, 1.7, 200)
NORMAL = RNG.normal(3.0, 2.0, 200)

CLOSED = [
    (stats.norm, NORMAL, {}),
    (stats.norm, NORMAL, {"loc": 2.0}),
    (stats.lognorm, GAMMA, {"loc": 0.0}),
    (stats.lognorm, GAMMA, {"loc": 0.0, "scale": 2.0}),
    (stats.expon, GAMMA, {"loc": 0.0}),
    (stats.pareto, 1 + GAMMA, {"loc": 0.0, "scale": 1.0}),
    (stats.gamma, GAMMA, {"loc": 0.0, "a": 2.0}),
    (stats.weibull_min, GAMMA, {"loc": 0.0, "c": 1.5}),
    (stats.rayleigh, GAMMA, {"loc": 0.0}),
    (stats.halfnorm, GAMMA, {"loc": 0.0}),
    (stats.maxwell, GAMMA, {"loc": 0.0}),
    (stats.poisson, np.array([3, 0, 2, 5]), {}),
    (stats.bernoulli, np.array([1, 0, 0, 1, 0]), {}),
    (stats.binom, np.array([1, 4, 2, 2]), {"n": 6}),
    (stats.geom, np.array([1, 4, 2, 2]), {}),
    (stats.nbinom, np.array([1, 4, 2, 2]), {"n": 2.5}),
]


@pytest.mark.parametrize("dist, x, fixed", CLOSED, ids=lambda v: getattr(v, "name", None))
def test_formulas_agree_with_the_search(dist, x, fixed):
    w = np.linspace(0.5, 2, len(x))
    formula = gp.fit_mle(dist, x, fixed=fixed, weights=w, method="closed-form")
    search = gp.fit_mle(dist, x, fixed=fixed, weights=w, method="numeric")
    assert search.converged
    np.testing.assert_allclose(search.params, formula.params, rtol=2e-6)
    assert search.loglik == pytest.approx(formula.loglik, rel=1e-10)
    np.testing.assert_allclose(search.cov, formula.cov, rtol=1e-4, atol=1e-9)


def test_laplace_is_the_weighted_median():
    result = gp.fit_mle(stats.laplace, [1.0, 2.0, 7.0, 9.0], weights=[1, 1, 1, 4])
    assert result.params.loc == 9
    assert result.params.scale == pytest.approx((8 + 7 + 2) / 7)
    assert gp.fit_mle(stats.laplace, [1.0, 2.0, 7.0, 9.0]).params.loc == 4.5
    np.testing.assert_allclose(result.cov, np.eye(2) * result.params.scale**2 / 7)  # the expected information


def test_gamma_solves_its_score_equation():
    result = gp.fit_mle(stats.gamma, GAMMA, fixed={"loc": 0})
    gap = math.log(GAMMA.mean()) - np.log(GAMMA).mean()
    a = brentq(lambda v: math.log(v) - digamma(v) - gap, 1e-3, 1e3, xtol=1e-13)
    assert result.params.a == pytest.approx(a, rel=1e-8)
    assert result.params.scale == pytest.approx(GAMMA.mean() / a, rel=1e-8)
    assert result.aic == pytest.approx(4 - 2 * result.loglik)
    assert result.bic == pytest.approx(2 * math.log(200) - 2 * result.loglik)


@pytest.mark.parametrize("dist", [stats.gumbel_r, stats.logistic, stats.t, stats.skewnorm], ids=lambda d: d.name)
def test_no_less_likely_than_scipys_fit(dist):
    x = dist.rvs(*([4.0] if dist.numargs else []), loc=1, scale=2, size=200, random_state=3)
    result = gp.fit_mle(dist, x)
    assert result.converged
    assert result.loglik >= dist.logpdf(x, *dist.fit(x)).sum() - 1e-6


def test_standard_errors_cover():
    """Of 200 samples the 95 % interval by the standard error holds the truth in 91 % to 99 %."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(200):
        result = gp.fit_mle(stats.expon, rng.exponential(2.0, 60), fixed={"loc": 0})
        hits += abs(result.params.scale - 2) < 1.96 * result.standard_errors["scale"]
    assert 182 <= hits <= 198


def test_censored_exponential():
    t, late = np.array([1.2, 0.4, 3.0, 3.0, 2.2, 3.0]), np.array([0, 0, 1, 1, 0, 1], bool)
    result = gp.fit_mle(stats.expon, t, fixed={"loc": 0}, censored=late)
    assert result.params.scale == pytest.approx(t.sum() / 3, rel=1e-8)
    assert result.cov[0, 0] == pytest.approx(result.params.scale**2 / 3, rel=1e-5)
    lognormal = gp.fit_mle(stats.lognorm, t, fixed={"loc": 0}, censored=late)
    scipys = stats.lognorm.fit(stats.CensoredData.right_censored(t, late), floc=0)
    np.testing.assert_allclose(lognormal.params, scipys, rtol=2e-3)


def test_weights_repeat_rows():
    w = np.random.default_rng(0).integers(0, 4, GAMMA.size)
    weighted = gp.fit_mle(stats.gamma, GAMMA, fixed={"loc": 0}, weights=w)
    repeated = gp.fit_mle(stats.gamma, np.repeat(GAMMA, w), fixed={"loc": 0})
    np.testing.assert_allclose(weighted.params, repeated.params, rtol=1e-7)
    np.testing.assert_allclose(weighted.cov, repeated.cov, rtol=1e-4)
    assert weighted.bic == pytest.approx(repeated.bic)
    assert weighted.n_eff == pytest.approx(w.sum() ** 2 / (w @ w))


def test_bounds_put_the_estimate_on_the_edge():
    result = gp.fit_mle(stats.norm, NORMAL, bounds={"loc": (5.0, 10.0)})
    assert result.params.loc == 5.0
    assert result.boundary == {"loc": True, "scale": False}
    assert math.isnan(result.cov[0, 0])
    assert result.params.scale == pytest.approx(math.sqrt(((NORMAL - 5) ** 2).mean()), rel=1e-7)


def test_estimates_at_the_end_of_the_domain():
    for method in ("auto", "numeric"):
        none = gp.fit_mle(stats.bernoulli, [0] * 10, method=method)
        assert none.params.p == 0
        assert none.boundary == {"p": True}
        lo, hi = none.profile_interval("p")
        assert (lo, hi) == (0.0, pytest.approx(1 - math.exp(-stats.chi2.ppf(0.95, 1) / 20), rel=1e-6))


def test_profile_interval_of_the_normal_mean():
    """It is exp(drop) in disguise: n log(1 + (m - mean)^2 / s^2) = chi-squared quantile."""
    result = gp.fit_mle(stats.norm, NORMAL)
    half = NORMAL.std() * math.sqrt(math.expm1(stats.chi2.ppf(0.9, 1) / NORMAL.size))
    expected = NORMAL.mean() - half, NORMAL.mean() + half
    assert result.profile_interval("loc", level=0.9) == pytest.approx(expected, rel=1e-7)
    for name, level in [("sigma", 0.9), ("loc", 1.0)]:
        with pytest.raises(ValueError, match=r"profile_interval"):
            result.profile_interval(name, level)


def test_grid_of_the_likelihood():
    result = gp.fit_mle(stats.norm, NORMAL)
    grid = result.nllf_grid(loc=[1.0, 3.0], scale=[1.0, 2.0, 3.0])
    assert grid.shape == (2, 3)
    assert grid[1, 2] == pytest.approx(-stats.norm.logpdf(NORMAL, 3, 3).sum())
    with pytest.raises(ValueError, match=r"nllf_grid.*sigma"):
        result.nllf_grid(sigma=[1.0])


def test_integer_parameters_are_searched_one_by_one():
    x = np.array([3, 5, 4, 2, 6, 5])
    result = gp.fit_mle(stats.binom, x, bounds={"n": (1, 60)})
    heights = {n: stats.binom.logpmf(x, n, x.mean() / n).sum() for n in range(6, 61)}
    assert result.params.n == max(heights, key=heights.get)
    assert result.params.p == pytest.approx(x.mean() / result.params.n)
    with pytest.raises(ValueError, match="fit_mle: bounds must be finite for the integer n"):
        gp.fit_mle(stats.binom, x)


def test_large_data_begin_with_a_part():
    x = np.random.default_rng(0).gamma(2.0, 3.0, 25_000)
    result = gp.fit_mle(stats.gamma, x, fixed={"loc": 0})
    gap = math.log(x.mean()) - np.log(x).mean()
    assert result.params.a == pytest.approx(brentq(lambda v: math.log(v) - digamma(v) - gap, 0.1, 10), rel=1e-8)


@pytest.mark.parametrize(
    "dist, x, options",
    [
        (stats.norm, [2.0, 2.0, 2.0], {}),
        (stats.norm, [2.0], {"method": "numeric"}),
        (stats.cauchy, [1.0, 1.0], {}),
        (stats.gamma, [2.0, 2.0, 2.0], {"fixed": {"loc": 0}}),
        (stats.beta, [0.0, 0.2, 0.5], {"fixed": {"loc": 0, "scale": 1}}),
        (stats.pareto, [2.0, 2.0], {"fixed": {"loc": 0}}),
    ],
)
def test_unbounded_likelihoods_are_errors(dist, x, options):
    with pytest.raises(gp.FitError, match="fit_mle: the likelihood is unbounded"):
        gp.fit_mle(dist, x, **options)


def test_unbounded_posterior_is_an_error():
    with pytest.raises(gp.FitError, match="fit_map: the likelihood is unbounded"):
        gp.fit_map(stats.poisson, [0, 0], {"mu": stats.gamma(0.5)})


@pytest.mark.parametrize(
    "call, error, match",
    [
        (lambda: gp.fit_mle("norm", NORMAL), TypeError, "fit_mle: dist"),
        (lambda: gp.fit_mle(stats.norm(0, 1), NORMAL), TypeError, "fit_mle: dist.*not frozen"),
        (lambda: gp.fit_mle((np.log, {"a": (1, 0)}), NORMAL), ValueError, "fit_mle: dist.*lo < hi"),
        (lambda: gp.fit_mle(stats.norm, []), ValueError, "fit_mle: data must have shape"),
        (lambda: gp.fit_mle(stats.norm, [[1.0]]), ValueError, "fit_mle: data must have shape"),
        (lambda: gp.fit_mle(stats.norm, [1, math.nan]), ValueError, "fit_mle: data must be finite, got nan at index 1"),
        (lambda: gp.fit_mle(stats.norm, ["a"]), TypeError, "fit_mle: data"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, fixed={"sigma": 1}), ValueError, "fit_mle: fixed.*sigma"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, fixed={"scale": -1}), ValueError, "fit_mle: fixed.*scale"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, start={"scale": -1}), ValueError, "fit_mle: start.*scale"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, bounds={"loc": (2, 1)}), ValueError, "fit_mle: bounds.*lo < hi"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, bounds={"loc": 2}), TypeError, "fit_mle: bounds"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, bounds={"scale": (-2, -1)}), ValueError, "fit_mle: bounds.*scale"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, weights=[1.0]), ValueError, "fit_mle: weights"),
        (lambda: gp.fit_mle(stats.norm, [1.0], weights=[0.0]), ValueError, "fit_mle: weights.*positive sum"),
        (lambda: gp.fit_mle(stats.norm, [1.0], censored=[1]), ValueError, "fit_mle: censored.*bool"),
        (lambda: gp.fit_mle(stats.norm, NORMAL, method="em"), ValueError, "fit_mle: method"),
        (lambda: gp.fit_mle(stats.t, NORMAL, method="closed-form"), ValueError, "fit_mle: method 'closed-form'"),
        (lambda: gp.fit_mle(stats.poisson, [0.5, 1.0]), gp.FitError, "fit_mle: data has likelihood zero"),
        (lambda: gp.fit_map(stats.norm, NORMAL, {"sigma": stats.norm()}), ValueError, "fit_map: priors.*sigma"),
        (lambda: gp.fit_map(stats.norm, NORMAL, [1]), TypeError, "fit_map: priors"),
        (lambda: gp.fit_map(stats.norm, NORMAL, {"loc": 3.0}), TypeError, "fit_map: priors.*loc"),
        (lambda: gp.fit_map(stats.norm, NORMAL, {}, parametrisation="log"), ValueError, "fit_map: parametrisation"),
    ],
)
def test_bad_arguments(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize(
    "dist, x, priors, fixed, model, name",
    [
        (stats.bernoulli, [1, 0, 0, 1, 0], {"p": stats.beta(3, 4)}, {}, gp.BetaBernoulli(3, 4), "p"),
        (stats.poisson, [3, 4, 1], {"mu": stats.gamma(2, scale=2)}, {}, gp.GammaPoisson(2, scale=2), "mu"),
        (stats.geom, [3, 4, 1], {"p": stats.beta(2, 3)}, {}, gp.BetaGeometric(2, 3), "p"),
        (stats.norm, NORMAL, {"loc": stats.norm(0, 0.2)}, {"scale": 2.0}, gp.NormalNormal(0, 0.04, s2=4), "loc"),
    ],
)
def test_map_is_the_conjugate_models_mode(dist, x, priors, fixed, model, name):
    natural = gp.fit_map(dist, x, priors, fixed=fixed)
    assert getattr(natural.params, name) == pytest.approx(model.map(x).value, rel=1e-7)
    # Up to the evidence, the posterior density.
    posterior = model.update(x).distribution().logpdf(getattr(natural.params, name))
    assert natural.logpost - model.log_marginal_likelihood(x) == pytest.approx(posterior, rel=1e-8)


def test_map_in_unconstrained_coordinates():
    """Log-odds of Beta(a, b) have their mode at log(a / b), the logarithm of Gamma(a, rate) at log(a / rate)."""
    clicks = np.repeat([1, 0], [10, 90])
    beta = gp.fit_map(stats.bernoulli, clicks, {"p": stats.beta(7, 95)}, parametrisation="unconstrained")
    assert beta.params.p == pytest.approx(17 / 202, rel=1e-7)
    gamma = gp.fit_map(stats.poisson, [3, 4, 1], {"mu": stats.gamma(2, scale=2)}, parametrisation="unconstrained")
    assert gamma.params.mu == pytest.approx(20 / 7, rel=1e-7)
    own = gp.fit_map(stats.norm, NORMAL, {"loc": lambda v: -0.5 * (v / 0.2) ** 2}, fixed={"scale": 2.0})
    assert own.params.loc == pytest.approx(gp.NormalNormal(0, 0.04, s2=4).map(NORMAL).value, rel=1e-7)


def test_own_density():
    result = gp.fit_mle((lambda x, rate: np.log(rate) - rate * x, {"rate": (0, math.inf)}), GAMMA)
    assert result.params.rate == pytest.approx(1 / GAMMA.mean(), rel=1e-9)
    with pytest.raises(ValueError, match="fit_mle: censored needs"):
        gp.fit_mle((lambda x, rate: -x, {"rate": (0, 1)}), [1.0], censored=[True])
