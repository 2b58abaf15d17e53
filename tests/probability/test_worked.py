"""Numbers worked by hand, in exact fractions, or by another program."""

import math

import numpy as np
import pytest
from scipy import stats

from goldfish import probability as gp

CLICKS = np.repeat([1, 0], [10, 90])
POSTS = [3, 4, 1]


def test_clicks_by_likelihood_and_by_posterior_mode():
    """Ten clicks in a hundred views under Beta(7, 95): 1/10 and 16/200."""
    assert gp.BetaBernoulli.mle(CLICKS) == gp.Estimate(0.1, "interior")
    prior = gp.BetaBernoulli(7, 95)
    assert prior.map(CLICKS) == gp.Mode(0.08, "interior")
    assert prior.mode.value == pytest.approx(6 / 100, rel=1e-14)  # the believed rate is the prior's mode,
    assert prior.mean == pytest.approx(7 / 102, rel=1e-14)  # not its mean


def test_clicks_posterior():
    posterior = gp.BetaBernoulli(7, 95).update(successes=10, trials=100)
    assert (posterior.a, posterior.b) == (17, 185)
    assert posterior.mean == pytest.approx(17 / 202, rel=1e-14)
    assert posterior.interval() == pytest.approx((0.050041695641702376, 0.12605081652458583), rel=1e-9)
    prior = posterior.prior
    assert prior.log_marginal_likelihood(CLICKS) == pytest.approx(-33.274330403020365, rel=1e-11)
    assert prior.log_marginal_likelihood(successes=10, trials=100) == pytest.approx(-2.7920070407417157, rel=1e-10)


@pytest.mark.parametrize(
    "theta, mle_sd, map_sd, map_bias, mle_mse, map_mse",
    [(0.10, 0.03, 0.015, -0.02, 9.00e-4, 6.25e-4), (0.06, 5.64e-4**0.5, 1.41e-4**0.5, 0.0, 5.64e-4, 1.41e-4)],
)
def test_a_prior_trades_variance_for_bias(theta, mle_sd, map_sd, map_bias, mle_mse, map_mse):
    k = np.arange(101)
    weight = stats.binom.pmf(k, 100, theta)
    prior = gp.BetaBernoulli(7, 95)
    mle = np.array([gp.BetaBernoulli.mle(successes=i, trials=100).value for i in k])
    posterior = np.array([prior.map(successes=i, trials=100).value for i in k])
    for estimates, sd, bias, mse in [(mle, mle_sd, 0.0, mle_mse), (posterior, map_sd, map_bias, map_mse)]:
        mean = weight @ estimates
        assert mean - theta == pytest.approx(bias, abs=1e-12)
        assert math.sqrt(weight @ (estimates - mean) ** 2) == pytest.approx(sd, rel=1e-9)
        assert weight @ (estimates - theta) ** 2 == pytest.approx(mse, rel=1e-9)


def test_posts_scale_is_not_rate():
    """Three, four and one posts under a gamma prior of shape 2: 18/7 if its scale is 2, 9/5 if its rate is."""
    assert gp.GammaPoisson(2, scale=2).map(POSTS).value == pytest.approx(18 / 7, rel=1e-14)
    assert gp.GammaPoisson(2, rate=2).map(POSTS).value == pytest.approx(9 / 5, rel=1e-14)
    for wrong in ({}, {"rate": 2.0, "scale": 2.0}):
        with pytest.raises(TypeError, match="GammaPoisson: give either rate= or scale="):
            gp.GammaPoisson(2, **wrong)
    with pytest.raises(TypeError):
        gp.GammaPoisson(2, 2)


def test_posts_posterior():
    prior = gp.GammaPoisson(2, scale=2)
    posterior = prior.update(POSTS)
    assert (posterior.a, posterior.rate) == (10, 3.5)
    assert gp.GammaPoisson.mle(POSTS).value == pytest.approx(8 / 3, rel=1e-14)
    assert posterior.mean == pytest.approx(20 / 7, rel=1e-14)
    assert posterior.interval() == pytest.approx((1.3701110560378382, 4.881372414691191), rel=1e-9)
    assert prior.log_marginal_likelihood(POSTS) == pytest.approx(-6.081909865568101, rel=1e-11)
    expected = [0.08101311022241206, 0.22003560801148953, 0.08789351036069376]
    np.testing.assert_allclose(posterior.predictive().pmf([0, 2, 5]), expected, rtol=1e-10)
    four_days = posterior.predictive(4)
    np.testing.assert_allclose(four_days.pmf([5, 12]), [0.04231803782479185, 0.07625994004050815], rtol=1e-10)


def test_normal_with_both_parameters_unknown():
    y = [1.2, 0.7, 2.1, 1.9]
    prior = gp.NormalInvGamma(0.5, 2, 3, scale=1.5)
    posterior = prior.update(y)
    assert prior.log_marginal_likelihood(y) == pytest.approx(-5.5953806638, abs=1e-9)
    assert posterior.mode.value == pytest.approx((1.15, 0.4242307692307692), rel=1e-12)
    assert posterior.marginal_mode.value == pytest.approx((1.15, 0.4595833333333333), rel=1e-12)
    expected = stats.t(10, 1.15, 0.8021325742460947)
    np.testing.assert_allclose(posterior.predictive().ppf([0.1, 0.7]), expected.ppf([0.1, 0.7]), rtol=1e-12)
    vector = gp.NormalInvWishart([0.5], 2.0, 6.0, [[3.0]])  # the same in one dimension
    assert vector.log_marginal_likelihood(np.transpose([y])) == pytest.approx(-5.5953806638, abs=1e-9)


def test_uniform_exponential_geometric():
    u = [0.3, 0.9, 0.5]
    assert gp.ParetoUniform(0.4, 2).log_marginal_likelihood(u) == pytest.approx(-2.2220696173, rel=1e-10)
    density = gp.ParetoUniform(0.4, 2).update(u).predictive().pdf([0.2, 1.3])
    np.testing.assert_allclose(density, [0.9259259259, 0.1019462340], rtol=1e-9)
    t = [0.5, 1.5, 0.2]
    assert gp.GammaExponential(2, rate=1).log_marginal_likelihood(t) == pytest.approx(-2.6377002187, rel=1e-10)
    assert gp.GammaExponential(2, rate=1).update(t).predictive().pdf(0.1) == pytest.approx(1.2990810769, rel=1e-10)
    assert gp.BetaGeometric(2, 3).log_marginal_likelihood([3, 1, 2]) == pytest.approx(-4.6539603502, rel=1e-10)


@pytest.mark.parametrize(
    "a, b, value, kind",
    [
        (2, 3, 1 / 3, "interior"),
        (1, 3, 0, "boundary"),
        (0.5, 3, 0, "unbounded"),
        (3, 1, 1, "boundary"),
        (3, 0.5, 1, "unbounded"),
        (1, 0.5, 1, "unbounded"),
        (1, 1, math.nan, "nonunique"),
        (0.5, 0.5, math.nan, "unbounded"),
    ],
)
def test_kinds_of_modes(a, b, value, kind):
    mode, pair = gp.BetaBernoulli(a, b).mode, gp.DirichletCategorical([b, a]).mode
    assert mode.kind == pair.kind == kind
    assert mode.value == pytest.approx(value, nan_ok=True)
    np.testing.assert_allclose(pair.value, [1 - value, value], rtol=1e-14)


@pytest.mark.parametrize(
    "alpha, value, kind",
    [
        ([2, 3, 4], [1 / 6, 2 / 6, 3 / 6], "interior"),
        ([1, 2, 3], [0, 1 / 3, 2 / 3], "boundary"),
        ([1, 1, 1], [math.nan] * 3, "nonunique"),
        ([0.5, 2, 2], [math.nan] * 3, "unbounded"),
    ],
)
def test_kinds_of_dirichlet_modes(alpha, value, kind):
    mode = gp.DirichletCategorical(alpha).mode
    assert mode.kind == kind
    np.testing.assert_allclose(mode.value, value, rtol=1e-14)


@pytest.mark.parametrize(
    "estimate, value, status",
    [
        (gp.BetaBernoulli.mle([]), math.nan, "undefined"),
        (gp.BetaBernoulli.mle([0, 0]), 0.0, "boundary"),
        (gp.GammaPoisson.mle([0, 0]), 0.0, "boundary"),
        (gp.GammaExponential.mle([0.0]), math.inf, "infinite"),
        (gp.GammaPareto.mle([2.0], xm=2), math.inf, "infinite"),
        (gp.BetaGeometric.mle([1, 1]), 1.0, "boundary"),
        (gp.NormalInvGamma.mle([3.0]), (3.0, 0.0), "boundary"),
        (gp.ParetoUniform.mle([3.0, 1.0]), 3.0, "boundary"),
    ],
)
def test_kinds_of_estimates(estimate, value, status):
    assert estimate == gp.Estimate(value, status)


@pytest.mark.parametrize("d, seed", [(1, 0), (2, 1), (3, 2)])
def test_normal_inverse_wishart_by_bayes_rule(d, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(d, d))
    prior = gp.NormalInvWishart(rng.normal(size=d), 1.7, d + 4.5, root @ root.T + np.eye(d))
    x = rng.normal(size=(8, d)) + 1
    posterior = prior.update(x[:3]).merge(prior.update(x[3:]))

    def log_density(model, mu, sigma):
        of_mu = stats.multivariate_normal.logpdf(mu, model.m, sigma / model.k)
        return of_mu + stats.invwishart.logpdf(sigma, model.nu, model.psi)

    for mu, sigma in [(np.zeros(d), np.eye(d)), (np.ones(d), 2 * np.eye(d) + 0.3)]:
        likelihood = stats.multivariate_normal.logpdf(x, mu, sigma).sum()
        evidence = log_density(prior, mu, sigma) + likelihood - log_density(posterior, mu, sigma)
        assert prior.log_marginal_likelihood(x) == pytest.approx(evidence, rel=1e-9)
    draws = stats.invwishart(posterior.nu, posterior.psi).rvs(40_000, random_state=1).reshape(-1, d, d)
    np.testing.assert_allclose(posterior.mean[1], draws.mean(0), atol=0.03)
    np.testing.assert_allclose(posterior.var[1], draws.var(0), rtol=0.25, atol=0.01)
    lo, hi = posterior.interval(0.8)
    inside = (np.diagonal(draws, axis1=1, axis2=2) > lo[1]) & (np.diagonal(draws, axis1=1, axis2=2) < hi[1])
    np.testing.assert_allclose(inside.mean(0), 0.8, atol=0.01)


def test_data_far_from_zero_keep_their_variance():
    y = 1e8 + np.arange(5.0)
    far = (
        gp.NormalInvGamma(1e8, 1e-6, 1.0, scale=1.0)
        .update(y[:2])
        .merge(gp.NormalInvGamma(1e8, 1e-6, 1.0, scale=1.0).update(y[2:]))
    )
    near = gp.NormalInvGamma(0.0, 1e-6, 1.0, scale=1.0).update(y - 1e8)
    assert far.scale == pytest.approx(near.scale, rel=1e-9)


@pytest.mark.parametrize("a, b, r", [(0.6, 2.0, 1.5), (3.0, 0.7, 1.0), (2.0, 4.0, 6.2)])
def test_beta_negative_binomial_tail(a, b, r):
    """Far out, the distribution function is an integral; it must go on where the sum stops."""
    predictive = gp.BetaNegBinomial(a, b, r=r).predictive()
    assert predictive.cdf(2**20) == pytest.approx(predictive.cdf(2**20 - 1) + predictive.pmf(2**20), rel=1e-9)
    draws = predictive.rvs(5, random_state=0)
    assert draws.dtype.kind == "i"
    assert (draws >= 0).all()
