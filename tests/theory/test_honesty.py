"""Bounds are honest: over many samples they fail no more often than they say.

Each simulation knows the truth: thresholds and intervals on a uniform x have risks that are lengths. A bound fails if
any hypothesis breaks it. The failures are compared with delta itself; four standard errors are allowed where
the bound is tight.
"""

import math

import numpy as np
import pytest

from goldfish import theory

pytestmark = pytest.mark.slow
REPETITIONS = 2000
GRID = np.arange(65) / 64


def threshold_errors(x, y):
    """Training errors of all thresholds of the grid: x >= t."""
    return ((x[None] >= GRID[:, None]) != y).mean(axis=1)


def failure_rate(trial, seed=0):
    rng = np.random.default_rng(seed)
    return np.mean([trial(rng) for _ in range(REPETITIONS)])


@pytest.mark.parametrize("tight", [False, True])
def test_finite_realizable(tight):
    n, delta = 60, 0.1
    bound = theory.risk_bound_finite(n, delta, h=65, tight=tight).value

    def trial(rng):
        x = rng.random(n)
        consistent = threshold_errors(x, x >= 0.5) == 0
        return np.abs(GRID[consistent] - 0.5).max() > bound

    assert failure_rate(trial) <= delta


@pytest.mark.parametrize("two_sided", [False, True])
def test_finite_agnostic(two_sided):
    n, delta, noise = 200, 0.2, 0.2
    slack = theory.risk_bound_finite(n, delta, h=65, realizable=False, two_sided=two_sided).value
    risk = noise + (1 - 2 * noise) * np.abs(GRID - 0.5)

    def trial(rng):
        x = rng.random(n)
        y = (x >= 0.5) ^ (rng.random(n) < noise)
        gap = risk - threshold_errors(x, y)
        return (np.abs(gap) if two_sided else gap).max() > slack

    assert failure_rate(trial) <= delta


def test_sample_sizes_suffice():
    eps, delta = 0.1, 0.1
    n = theory.sample_complexity_finite(eps, delta, h=65).value

    def trial(rng):
        x = rng.random(n)
        return np.abs(GRID[threshold_errors(x, x >= 0.5) == 0] - 0.5).max() > eps

    assert failure_rate(trial) <= delta


@pytest.mark.parametrize("method", ["blumer89", "implicit", "stab93", "ssbd"])
def test_vc_realizable(method):
    """All thresholds of the line, the worst consistent one: as far as the nearest example on either side."""
    n, delta = 100, 0.2
    bound = theory.risk_bound_vc(1, n, delta, realizable=True, method=method).value

    def trial(rng):
        x = rng.random(n)
        return max(x[x >= 0.5].min(initial=1) - 0.5, 0.5 - x[x < 0.5].max(initial=0)) > bound

    assert failure_rate(trial) <= delta


@pytest.mark.parametrize("method", ["ab99", "devroye82", "vapnik98", "rademacher"])
def test_vc_agnostic(method):
    """Thresholds against labels that are coin flips: the risk is 1/2, the largest deviation is a walk's."""
    n, delta = 1500, 0.3
    slack = theory.risk_bound_vc(1, n, delta, method=method, two_sided=True).value

    def trial(rng):
        y = rng.integers(0, 2, n)
        errors = np.r_[(y == 0).sum(), (y == 0).sum() + np.cumsum(np.where(y == 1, 1, -1))]
        return np.abs(errors / n - 0.5).max() > slack

    assert failure_rate(trial) <= delta


def test_vc_relative():
    n, delta, noise = 400, 0.2, 0.02
    risk = noise + (1 - 2 * noise) * np.abs(GRID - 0.5)

    def trial(rng):
        x = rng.random(n)
        y = (x >= 0.5) ^ (rng.random(n) < noise)
        errors = threshold_errors(x, y)
        best = int(np.argmin(errors))
        return risk[best] > theory.risk_bound_vc(1, n, delta, train_error=errors[best], method="relative").value

    assert failure_rate(trial) <= delta


def test_occam():
    """A prior that halves from one threshold of the grid to the next."""
    n, delta, noise = 80, 0.2, 0.1
    risk = noise + (1 - 2 * noise) * np.abs(GRID - 0.5)
    table = {}

    def bound(errors, j):
        if (errors, j) not in table:
            table[errors, j] = theory.occam_bound(errors, n, delta, log_prior=-(j + 1) * math.log(2)).value
        return table[errors, j]

    def trial(rng):
        x = rng.random(n)
        y = (x >= 0.5) ^ (rng.random(n) < noise)
        errors = np.round(threshold_errors(x, y) * n).astype(int)
        return any(risk[j] > bound(int(errors[j]), j) for j in range(0, 65, 4))

    assert failure_rate(trial) <= delta


@pytest.mark.parametrize("p", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("side", ["upper", "lower"])
def test_test_sets(p, side):
    n, delta = 200, 0.05
    table = {k: theory.test_set_bound(k, n, delta, side=side).value for k in range(n + 1)}

    def trial(rng):
        value = table[int(rng.binomial(n, p))]
        return value < p if side == "upper" else value > p

    assert failure_rate(trial) <= delta + 4 * math.sqrt(delta * (1 - delta) / REPETITIONS)


@pytest.mark.parametrize("method", ["hoeffding", "bernstein", "empirical_bernstein", "kl"])
def test_intervals(method):
    delta, shape = 0.2, (0.5, 2.5)
    mean = shape[0] / sum(shape)
    var = mean * (1 - mean) / (sum(shape) + 1) if method == "bernstein" else None

    def trial(rng):
        low, high = theory.mean_interval(rng.beta(*shape, 40), delta, method=method, var=var)
        return not low <= mean <= high

    assert failure_rate(trial) <= delta


@pytest.mark.parametrize(
    "form, lam", [("maurer", None), ("xi", None), ("seeger", None), ("mcallester", None), ("catoni", 1.0)]
)
def test_pac_bayes(form, lam):
    """A posterior that leans on the data: proportional to exp(-beta errors) over the grid, prior uniform."""
    n, delta, noise = 60, 0.2, 0.1
    risk = noise + (1 - 2 * noise) * np.abs(GRID - 0.5)

    def trial(rng):
        x = rng.random(n)
        errors = threshold_errors(x, (x >= 0.5) ^ (rng.random(n) < noise))
        weights = np.exp(-n * (errors - errors.min()))
        weights /= weights.sum()
        positive = weights > 0
        kl = float((weights[positive] * np.log(weights[positive] * len(GRID))).sum())
        bound = theory.pac_bayes(float(weights @ errors), max(kl, 0.0), n, delta, form=form, lam=lam)
        return weights @ risk > bound.value

    rng = np.random.default_rng(0)
    assert np.mean([trial(rng) for _ in range(400)]) <= delta


def test_compression():
    """The tightest interval around the positive points is rebuilt from its two ends."""
    n, delta = 60, 0.2
    bound = theory.compression_bound(n, 2, 0, delta).value

    def trial(rng):
        inside = np.sort((x := rng.random(n))[(x > 0.3) & (x < 0.7)])
        return len(inside) >= 2 and 0.4 - (inside[-1] - inside[0]) > bound

    assert failure_rate(trial) <= delta


def test_boxes():
    eps, delta = 0.2, 0.2
    n = theory.box_sample_complexity(2, eps, delta).value

    def trial(rng):
        x = rng.random((n, 2))
        inside = x[((x > 0.1) & (x < 0.9)).all(axis=1)]
        area = np.prod(inside.max(axis=0) - inside.min(axis=0)) if len(inside) else 0.0
        return 0.64 - area > eps

    assert failure_rate(trial) <= delta


def test_rademacher():
    """The complexity on the sample bounds the deviation of all thresholds."""
    n, delta = 16, 0.3
    table = 2.0 * (np.arange(n)[None] >= np.arange(n + 1)[:, None]) - 1
    complexity = theory.empirical_rademacher(table).value
    slack = theory.rademacher_risk_bound(0.0, complexity, n, delta).value

    def trial(rng):
        y = rng.integers(0, 2, n)
        errors = np.r_[(y == 0).sum(), (y == 0).sum() + np.cumsum(np.where(y == 1, 1, -1))]
        return (0.5 - errors / n).max() > slack

    assert failure_rate(trial) <= delta


def test_massart_and_the_linear_bounds_hold_for_the_complexity():
    rng = np.random.default_rng(0)
    for _ in range(50):
        X = rng.standard_normal((12, 3))
        for norm in (1, 2):
            estimate = theory.rademacher_linear(X, 1.5, norm=norm)
            assert estimate.value <= estimate.bound
        signs = np.sign(rng.standard_normal((9, 12)))
        assert theory.empirical_rademacher(signs).value <= theory.massart_bound(signs)
