"""Every conjugate family of one parameter: random priors, random data, and the likelihood as SciPy has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from goldfish import probability as gp


@dataclass(frozen=True)
class Family:
    name: str
    prior: Callable[[np.random.Generator], Any]
    data: Callable[[np.random.Generator, Any, int], np.ndarray]
    log_likelihood: Callable[[Any, np.ndarray, float], np.ndarray]  # model, x, theta
    discrete: bool = False
    unit: bool = False  # theta lies in (0, 1)
    known: tuple[str, ...] = ()

    def mle(self, model, x, **options):
        return type(model).mle(x, **{name: getattr(model, name) for name in self.known}, **options)


def _shape(rng):
    return float(rng.uniform(0.6, 8))


FAMILIES = [
    Family(
        "BetaBernoulli",
        lambda r: gp.BetaBernoulli(_shape(r), _shape(r)),
        lambda r, m, n: r.integers(0, 2, n).astype(float),
        lambda m, x, p: stats.bernoulli.logpmf(x, p),
        discrete=True,
        unit=True,
    ),
    Family(
        "BetaGeometric",
        lambda r: gp.BetaGeometric(_shape(r), _shape(r), support=int(r.integers(0, 2))),
        lambda r, m, n: r.geometric(0.4, n) - 1.0 + m.support,
        lambda m, x, p: stats.geom.logpmf(x + 1 - m.support, p),
        discrete=True,
        unit=True,
        known=("support",),
    ),
    Family(
        "BetaNegBinomial",
        lambda r: gp.BetaNegBinomial(_shape(r), _shape(r), r=float(r.uniform(0.4, 5))),
        lambda r, m, n: r.negative_binomial(m.r, 0.4, n).astype(float),
        lambda m, x, p: stats.nbinom.logpmf(x, m.r, p),
        discrete=True,
        unit=True,
        known=("r",),
    ),
    Family(
        "GammaPoisson",
        lambda r: gp.GammaPoisson(_shape(r), rate=_shape(r)),
        lambda r, m, n: r.poisson(2.0, n).astype(float),
        lambda m, x, t: stats.poisson.logpmf(x, t),
        discrete=True,
    ),
    Family(
        "GammaExponential",
        lambda r: gp.GammaExponential(_shape(r), scale=_shape(r)),
        lambda r, m, n: r.exponential(1.3, n),
        lambda m, x, t: stats.expon.logpdf(x, scale=1 / t),
    ),
    Family(
        "GammaGamma",
        lambda r: gp.GammaGamma(_shape(r), rate=_shape(r), k=float(r.uniform(0.4, 4))),
        lambda r, m, n: r.gamma(m.k, 1.3, n),
        lambda m, x, t: stats.gamma.logpdf(x, m.k, scale=1 / t),
        known=("k",),
    ),
    Family(
        "GammaPareto",
        lambda r: gp.GammaPareto(_shape(r), rate=_shape(r), xm=float(r.uniform(0.5, 3))),
        lambda r, m, n: m.xm * (1 + r.pareto(2.0, n)),
        lambda m, x, t: stats.pareto.logpdf(x, t, scale=m.xm),
        known=("xm",),
    ),
    Family(
        "NormalNormal",
        lambda r: gp.NormalNormal(float(r.normal()), _shape(r), s2=_shape(r)),
        lambda r, m, n: r.normal(1.0, 1.5, n),
        lambda m, x, t: stats.norm.logpdf(x, t, np.sqrt(m.s2)),
    ),
    Family(
        "InvGammaNormal",
        lambda r: gp.InvGammaNormal(float(r.uniform(2.5, 8)), scale=_shape(r), mu=float(r.normal())),
        lambda r, m, n: r.normal(m.mu, 1.5, n),
        lambda m, x, t: stats.norm.logpdf(x, m.mu, np.sqrt(t)),
        known=("mu",),
    ),
    Family(
        "ParetoUniform",
        lambda r: gp.ParetoUniform(float(r.uniform(0.3, 2)), float(r.uniform(2.5, 8))),
        lambda r, m, n: r.uniform(0, 1.5, n),
        lambda m, x, t: stats.uniform.logpdf(x, 0, t),
    ),
]
