"""Random data for every estimator."""

import numpy as np

from goldfish.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MixedNB, MultinomialNB

KINDS = ["gaussian", "bernoulli", "categorical", "poisson", "exponential", "multinomial", "multinomial"]
ALL = [GaussianNB, BernoulliNB, MultinomialNB, ComplementNB, CategoricalNB, MixedNB]
MARGINAL = [GaussianNB, BernoulliNB, CategoricalNB, MixedNB]


def make(cls, **params):
    """An estimator whose result depends on nothing but the statistics."""
    defaults = {
        MixedNB: {"features": KINDS, "min_categories": 4, "var_smoothing": 0.1},
        CategoricalNB: {"min_categories": 4},
        GaussianNB: {"var_smoothing": 0.1},
    }
    return cls(**{**defaults.get(cls, {}), **params})


def draw(cls, rng, n=40, k=3):
    """Rows that suit the estimator, with k classes that all occur."""
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    if cls is GaussianNB:
        return rng.normal(y[:, None] * 0.5, 1 + 0.3 * np.arange(5), (n, 5)), y
    if cls is BernoulliNB:
        return (rng.random((n, 5)) < 0.25 + 0.2 * y[:, None]).astype(float), y
    if cls is MixedNB:
        columns = [rng.normal(y, 1.0), rng.random(n) < 0.3 + 0.2 * y, rng.integers(0, 4, n), rng.poisson(1 + y)]
        return np.column_stack([*columns, rng.exponential(1 + y), rng.poisson(2, n), rng.poisson(1 + y)]).astype(
            float
        ), y
    return (rng.integers(0, 4, (n, 5)) * (rng.random((n, 5)) < 0.5 + 0.15 * y[:, None])).astype(float), y


def learned(clf):
    """All statistics, flat."""
    parts = []
    for _, value in sorted(clf.sufficient_statistics_.items()):
        parts += [np.ravel(a) for a in (value if isinstance(value, list) else [value])]
    return np.concatenate(parts)
