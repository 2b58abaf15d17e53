"""Conjugate models of one parameter against SciPy: densities, quadrature, and rules that hold for any data."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from goldfish import probability as gp
from probability.families import FAMILIES

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
seeds = st.integers(0, 2**32 - 1)


def setting(family, seed, n=6):
    rng = np.random.default_rng(seed)
    model = family.prior(rng)
    return model, family.data(rng, model, n), rng


def likely(model):
    """A few values of theta that the model finds likely."""
    return model.distribution().ppf([0.1, 0.5, 0.9])


@every_family
@given(seed=seeds)
def test_posterior_and_evidence_by_bayes_rule(family, seed):
    """posterior x evidence = prior x likelihood, at any theta and with any weights."""
    prior, x, rng = setting(family, seed)
    w = rng.choice([0.0, 0.3, 1.0, 2.5], len(x))
    posterior = prior.update(x, weights=w)
    evidence = prior.log_marginal_likelihood(x, weights=w)
    for theta in likely(posterior):
        terms = np.where(w > 0, w * np.where(w > 0, family.log_likelihood(prior, x, theta), 0), 0)
        right = prior.distribution().logpdf(theta) + terms.sum()
        np.testing.assert_allclose(posterior.distribution().logpdf(theta) + evidence, right, rtol=1e-8, atol=1e-8)


@every_family
@pytest.mark.parametrize("seed", range(4))
def test_evidence_by_quadrature(family, seed):
    prior, x, _ = setting(family, seed)
    posterior = prior.update(x)
    shift = family.log_likelihood(prior, x, float(posterior.distribution().median())).sum()

    def integrand(theta):
        return math.exp(prior.distribution().logpdf(theta) + family.log_likelihood(prior, x, theta).sum() - shift)

    cuts = posterior.distribution().ppf([1e-12, 0.01, 0.3, 0.7, 0.99, 1 - 1e-12])
    total = sum(integrate.quad(integrand, a, b, epsabs=0, limit=300)[0] for a, b in itertools.pairwise(cuts))
    assert prior.log_marginal_likelihood(x) == pytest.approx(math.log(total) + shift, rel=1e-7, abs=1e-7)


@every_family
@given(seed=seeds)
def test_moments_are_those_of_the_distribution(family, seed):
    prior, x, _ = setting(family, seed)
    posterior = prior.update(x)
    assert posterior.mean == pytest.approx(posterior.distribution().mean(), rel=1e-10)
    assert posterior.var == pytest.approx(posterior.distribution().var(), rel=1e-8)


@every_family
@given(seed=seeds)
def test_one_prediction_is_the_evidence_of_one_value(family, seed):
    prior, x, rng = setting(family, seed)
    posterior = prior.update(x)
    predictive = posterior.predictive()
    density = predictive.logpmf if family.discrete else predictive.logpdf
    for value in family.data(rng, prior, 4):
        assert density(value) == pytest.approx(posterior.log_marginal_likelihood([value]), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.name != "GammaPareto"], ids=lambda family: family.name)
@pytest.mark.parametrize("seed", range(3))
def test_prediction_of_a_sum_of_two(family, seed):
    """By enumeration of the pairs, or by integration over the first of them."""
    model, _, rng = setting(family, seed)
    predictive = model.predictive(2)
    least = getattr(model, "support", 0)
    for total in family.data(rng, model, 8).reshape(4, 2).sum(axis=1):
        if family.discrete:
            pairs = [(v, total - v) for v in np.arange(least, total - least + 1) if max(v, total - v) <= largest(model)]
            expected = sum(math.exp(model.log_marginal_likelihood(pair)) for pair in pairs)
            assert predictive.pmf(total) == pytest.approx(expected, rel=1e-9)
        else:
            width = 60 if family.name.endswith("Normal") else 0
            lo, hi = (total / 2 - width, total / 2 + width) if width else (0, total)

            def pair(v, lo=lo, hi=hi, total=total):
                return math.exp(model.log_marginal_likelihood([v, total - v])) if lo < v < hi else 0

            expected = integrate.quad(pair, lo, hi, limit=400, points=np.linspace(lo, hi, 9)[1:-1])[0]
            assert predictive.pdf(total) == pytest.approx(expected, rel=2e-6)


def largest(model):
    return 1 if isinstance(model, gp.BetaBernoulli) else math.inf


@every_family
@given(seed=seeds, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_any_partition_merges_to_the_whole(family, seed, cuts):
    prior, x, rng = setting(family, seed, n=12)
    whole = prior.update(x)
    x = rng.permutation(x)
    parts = [prior.update(part) for part in np.split(x, sorted(cuts))]
    merged, one_by_one = prior, prior
    for part, data in zip(parts, np.split(x, sorted(cuts)), strict=True):
        merged, one_by_one = merged.merge(part), one_by_one.update(data)
    for model in (merged, one_by_one, parts[0].merge(prior.update(x[len(np.split(x, sorted(cuts))[0]) :]))):
        np.testing.assert_allclose(model._values(), whole._values(), rtol=1e-11, atol=1e-12)
        assert model.prior == prior


@every_family
@given(seed=seeds)
def test_weight_k_is_k_copies(family, seed):
    prior, x, rng = setting(family, seed)
    w = rng.integers(0, 4, len(x))
    copies = np.repeat(x, w)
    np.testing.assert_allclose(
        prior.update(x, weights=w)._values(), prior.update(copies)._values(), rtol=1e-12, atol=1e-13
    )
    assert prior.log_marginal_likelihood(x, weights=w) == pytest.approx(
        prior.log_marginal_likelihood(copies), rel=1e-10, abs=1e-10
    )
    ours, theirs = family.mle(prior, x, weights=w), family.mle(prior, copies)
    assert ours.status == theirs.status
    assert ours.value == pytest.approx(theirs.value, rel=1e-12, nan_ok=True)


@every_family
@given(seed=seeds)
def test_mode_is_where_the_density_is_largest(family, seed):
    prior, x, _ = setting(family, seed, n=2)
    for model in (prior, prior.update(x)):
        mode, density = model.mode, model.distribution().logpdf
        grid = model.distribution().ppf(np.linspace(0.001, 0.999, 201))
        if mode.kind in ("interior", "boundary") and not math.isnan(mode.value):
            assert density(mode.value) >= density(grid).max() - 1e-9
        if mode.kind == "unbounded":
            # It goes on growing towards the mode.
            towards = np.array([1e-3, 1e-6, 1e-9])
            points = 1 - towards if mode.value == 1 else towards
            assert np.all(np.diff(density(points)) > 0)


@every_family
@given(seed=seeds, level=st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_intervals(family, seed, level):
    model, _, _ = setting(family, seed)
    posterior = model.distribution()
    lo, hi = model.interval(level)
    assert posterior.cdf(lo) == pytest.approx((1 - level) / 2, abs=1e-9)
    assert posterior.sf(hi) == pytest.approx((1 - level) / 2, abs=1e-9)
    short_lo, short_hi = model.interval(level, "hpd")
    assert posterior.cdf(short_hi) - posterior.cdf(short_lo) == pytest.approx(level, abs=1e-8)
    # No shorter interval of that probability, wherever it begins.
    begins = np.linspace(0, 1 - level, 401)
    widths = posterior.ppf(np.minimum(begins + level, 1)) - posterior.ppf(begins)
    assert short_hi - short_lo <= widths.min() * (1 + 1e-9)


@every_family
@given(seed=seeds)
def test_mle_has_the_largest_likelihood(family, seed):
    prior, x, _ = setting(family, seed)
    estimate = family.mle(prior, x)
    if estimate.status == "interior":
        nearby = estimate.value * np.array([0.9, 0.999, 1.001, 1.1])
        likelihood = [family.log_likelihood(prior, x, theta).sum() for theta in (estimate.value, *nearby)]
        assert likelihood[0] >= max(likelihood[1:]) - 1e-9


@every_family
def test_values_immutable_and_picklable(family):
    prior, x, _ = setting(family, 0)
    posterior = prior.update(x)
    for model in (prior, posterior):
        for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert other == model
            assert hash(other) == hash(model)
            assert other.merge(posterior.prior) == model
        for name in (*model._learned, *model._given, "anything"):
            with pytest.raises(AttributeError, match="immutable"):
                setattr(model, name, 1.0)
        with pytest.raises(AttributeError):
            del model._origin
    assert prior.update([]) == prior
    assert eval(repr(prior), vars(gp)) == prior


@every_family
def test_bad_data(family):
    prior, x, _ = setting(family, 1)
    calls = [prior.update, prior.map, prior.log_marginal_likelihood, lambda v, **k: family.mle(prior, v, **k)]
    for call in calls:
        if not family.name.endswith("Normal"):  # whose data may be any number
            with pytest.raises(ValueError, match=rf"{family.name}.*got -7.* at index 2"):
                call([*x[:2], -7.0])
        with pytest.raises(ValueError, match=rf"{family.name}.*inf at index 1"):
            call([x[0], math.inf])
        with pytest.raises(ValueError, match=rf"{family.name}.*nan at index 1"):
            call([x[0], math.nan])
        with pytest.raises(ValueError, match=rf"{family.name}.*shape"):
            call([[x[0]]])
        with pytest.raises(TypeError, match=rf"{family.name}.*real numbers"):
            call(["one"])
        with pytest.raises(ValueError, match=rf"{family.name}.*weights.*-1.* at index 1"):
            call(x[:2], weights=[1, -1])
        with pytest.raises(ValueError, match=rf"{family.name}.*nan_policy"):
            call(x, nan_policy="skip")


@every_family
def test_nan_can_be_left_out_with_its_weight(family):
    prior, x, _ = setting(family, 2)
    gaps = np.insert(x, [1, 4], math.nan)
    assert prior.update(gaps, nan_policy="omit") == prior.update(x)
    w = np.arange(1.0, 9.0)
    kept = w[~np.isnan(gaps)]
    assert prior.update(gaps, weights=w, nan_policy="omit") == prior.update(x, weights=kept)


@every_family
def test_merge_refuses(family):
    prior, x, _ = setting(family, 3)
    other, _, _ = setting(family, 4)
    with pytest.raises(ValueError, match=f"{family.name}.merge.*same prior"):
        prior.update(x).merge(other)
    with pytest.raises(TypeError, match=f"{family.name}.merge"):
        prior.merge(gp.DirichletCategorical([1, 1]))


@every_family
def test_predictive_is_a_distribution(family):
    model, x, _ = setting(family, 5)
    for n in (1,) if family.name == "GammaPareto" else (1, 3):
        predictive = model.update(x).predictive(n)
        draws = predictive.rvs(size=4000, random_state=1)
        # Kolmogorov's distance of 4000 draws exceeds 0.031 once in a thousand times.
        values = np.unique(draws)
        values = values[:: max(1, len(values) // 60)]
        empirical = np.searchsorted(np.sort(draws), values, side="right") / len(draws)
        assert np.abs(predictive.cdf(values) - empirical).max() < 0.031
        for q in (0.05, 0.5, 0.95):
            assert predictive.cdf(predictive.ppf(q)) >= q - 1e-9
    for bad, error in [(0, ValueError), (-2, ValueError), (1.5, TypeError), (True, TypeError)]:
        with pytest.raises(error, match=rf"{family.name}.predictive: n must"):
            model.predictive(bad)
