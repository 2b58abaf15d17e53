"""Probability: conjugate models, and maximum likelihood and MAP for any distribution of SciPy.

A model is an immutable prior; `update` returns the posterior, which knows its mean, mode, intervals, predictive
distribution and marginal likelihood, and merges with posteriors that other data made of the same prior:

>>> from goldfish.probability import BetaBernoulli
>>> prior = BetaBernoulli(7, 95)
>>> monday, tuesday = prior.update(successes=4, trials=60), prior.update(successes=6, trials=40)
>>> week = monday.merge(tuesday)
>>> week, week.mode.value
(BetaBernoulli(a=17.0, b=185.0), 0.08)

Where there is no conjugate prior, `fit_mle` and `fit_map` maximise:

>>> from scipy import stats
>>> from goldfish.probability import fit_map
>>> round(fit_map(stats.poisson, [3, 4, 1], {"mu": stats.gamma(2, scale=2)}).params.mu, 4)
2.5714
"""

try:
    import scipy as _scipy  # noqa: F401
except ImportError as error:
    raise ImportError("goldfish.probability needs SciPy: pip install 'goldfish[stats]'") from error

from goldfish.probability.bernoulli import BetaBernoulli
from goldfish.probability.categorical import DirichletCategorical
from goldfish.probability.exponential import GammaExponential
from goldfish.probability.fit import fit_map, fit_mle
from goldfish.probability.fit_result import FitResult
from goldfish.probability.gamma_gamma import GammaGamma
from goldfish.probability.geometric import BetaGeometric
from goldfish.probability.multivariate import NormalInvWishart
from goldfish.probability.negative_binomial import BetaNegBinomial
from goldfish.probability.normal import NormalInvGamma
from goldfish.probability.normal_mean import NormalNormal
from goldfish.probability.normal_variance import InvGammaNormal
from goldfish.probability.optimise import FitError
from goldfish.probability.pareto import GammaPareto
from goldfish.probability.poisson import GammaPoisson
from goldfish.probability.result import Estimate, Mode
from goldfish.probability.uniform import ParetoUniform

__all__ = [
    "BetaBernoulli",
    "DirichletCategorical",
    "GammaPoisson",
    "GammaExponential",
    "GammaGamma",
    "BetaGeometric",
    "BetaNegBinomial",
    "NormalNormal",
    "InvGammaNormal",
    "NormalInvGamma",
    "NormalInvWishart",
    "ParetoUniform",
    "GammaPareto",
    "Mode",
    "Estimate",
    "fit_mle",
    "fit_map",
    "FitResult",
    "FitError",
]
