"""Estimating a rate: maximum likelihood, the posterior's mode, and everything else that a conjugate prior gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goldfish import probability
from goldfish.cli.recitation.worked import Group, Number

_POSTS = [3, 4, 1]
_WIDE = 100


def _prior() -> Any:
    return probability.BetaBernoulli(7, 95)


def _clicks() -> Any:
    return _prior().update(successes=10, trials=100)


def _posts() -> Any:
    return probability.GammaPoisson(2, scale=2)


def _risk(theta: float) -> tuple[float, ...]:
    """Spread of both estimates, bias of the posterior's mode, and both mean squared errors, over every count of 100."""
    counts = range(_WIDE + 1)
    weight = np.array([math.comb(_WIDE, k) * theta**k * (1 - theta) ** (_WIDE - k) for k in counts])
    likelihood = np.array([probability.BetaBernoulli.mle(successes=k, trials=_WIDE).value for k in counts])
    mode = np.array([_prior().map(successes=k, trials=_WIDE).value for k in counts])
    means = weight @ likelihood, weight @ mode
    spreads = [math.sqrt(weight @ (x - m) ** 2) for x, m in zip((likelihood, mode), means, strict=True)]
    errors = [float(weight @ (x - theta) ** 2) for x in (likelihood, mode)]
    return (*(round(x, 12) for x in (*spreads, means[1] - theta)), *errors)


GROUPS = (
    Group(
        "Ten clicks in a hundred views, with a belief of six in a hundred",
        "Murphy, Machine Learning, 2012, section 3.3; Gelman et al., Bayesian Data Analysis, 2013, section 2.4",
        (
            Number("maximum likelihood", 0.1, lambda: probability.BetaBernoulli.mle(successes=10, trials=100).value),
            Number(
                "mode of the posterior under Beta(7, 95)",
                16 / 200,
                lambda: _prior().map(successes=10, trials=100).value,
            ),
            Number("mode of the prior: the believed rate", 6 / 100, lambda: _prior().mode.value),
            Number("mean of the prior", 7 / 102, lambda: _prior().mean),
            Number("parameters of the posterior", (17.0, 185.0), lambda: (float(_clicks().a), float(_clicks().b))),
            Number("mean of the posterior", 17 / 202, lambda: _clicks().mean),
            Number("95 % of the posterior", (0.0500416956417, 0.1260508165246), lambda: _clicks().interval()),
            Number(
                "log evidence of this order of clicks",
                -33.27433040302,
                lambda: _prior().log_marginal_likelihood(np.repeat([1, 0], [10, 90])),
            ),
            Number(
                "log evidence of the count alone",
                -2.79200704074,
                lambda: _prior().log_marginal_likelihood(successes=10, trials=100),
            ),
            Number(
                "true rate 0.10: spreads of both, bias of the mode, mean squared errors of both",
                (0.03, 0.015, -0.02, 9.00e-4, 6.25e-4),
                lambda: _risk(0.10),
            ),
            Number(
                "true rate 0.06: the same",
                (round(math.sqrt(5.64e-4), 12), round(math.sqrt(1.41e-4), 12), 0.0, 5.64e-4, 1.41e-4),
                lambda: _risk(0.06),
            ),
        ),
    ),
    Group(
        "Posts per day: three, four and one, under a gamma prior of shape 2",
        "Gelman et al., Bayesian Data Analysis, 2013, section 2.6",
        (
            Number("mode of the posterior, scale 2", 18 / 7, lambda: _posts().map(_POSTS).value),
            Number(
                "mode of the posterior, if 2 is the rate",
                9 / 5,
                lambda: probability.GammaPoisson(2, rate=2).map(_POSTS).value,
            ),
            Number(
                "shape and rate of the posterior",
                (10.0, 3.5),
                lambda: (float(_posts().update(_POSTS).a), float(_posts().update(_POSTS).rate)),
            ),
            Number("maximum likelihood", 8 / 3, lambda: probability.GammaPoisson.mle(_POSTS).value),
            Number("mean of the posterior", 20 / 7, lambda: _posts().update(_POSTS).mean),
            Number("95 % of the posterior", (1.37011105604, 4.88137241469), lambda: _posts().update(_POSTS).interval()),
            Number("log evidence", -6.08190986557, lambda: _posts().log_marginal_likelihood(_POSTS)),
            Number(
                "chance of 0, 2 and 5 posts tomorrow",
                (0.0810131102224, 0.2200356080115, 0.0878935103607),
                lambda: _posts().update(_POSTS).predictive().pmf([0, 2, 5]),
            ),
        ),
    ),
)
