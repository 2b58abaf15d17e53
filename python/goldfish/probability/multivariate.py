"""Multivariate normal data with a normal inverse Wishart prior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import multigammaln

from goldfish.probability import check
from goldfish.probability.base import ConjugateModel
from goldfish.probability.check import Data, Floats, Known
from goldfish.probability.interval import credible_interval
from goldfish.probability.moments import Moments
from goldfish.probability.result import Estimate, Mode


def _log_determinant(matrix: Floats) -> float:
    return 2 * float(np.log(np.diag(np.linalg.cholesky(matrix))).sum())


class NormalInvWishart(ConjugateModel):
    """Normal(mu, Sigma) vectors, Sigma ~ InvWishart(nu, psi), mu given Sigma ~ Normal(m, Sigma / k).

    With S the scatter matrix about xbar: ``k' = k + n``, ``nu' = nu + n``, ``m' = (k m + n xbar) / k'`` and ``psi' =
    psi + S + k n / k' (xbar - m)(xbar - m)^T``. The maximum-likelihood estimate is (xbar, S / n). A new vector is
    multivariate t with nu' - d + 1 degrees of freedom at m', its shape matrix ``psi' (k' + 1) / (k' (nu' - d + 1))``.

    Parameters
    ----------
    m : array_like of shape (d,)
        The prior mean of mu.
    k : float
        Positive: how many vectors the prior mean is worth.
    nu : float
        Degrees of freedom, above d - 1.
    psi : array_like of shape (d, d)
        Symmetric and positive definite: the scale matrix.

    Notes
    -----
    `mean` and `var` are (of mu, of Sigma), entry by entry; `mode` is that of the joint density, (m, psi / (nu + d +
    2)). `interval` has two arrays of shape (2, d): for the entries of mu, and for the variances, the diagonal of Sigma.
    Data have shape (n, d). Source: Gelman et al., BDA3, section 3.6; Murphy (2007), section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.probability import NormalInvWishart
    >>> posterior = NormalInvWishart([0, 0], 1, 4, np.eye(2)).update([[1.0, 2.0], [3.0, 2.0]])
    >>> posterior.k, posterior.nu, posterior.m.round(4).tolist()
    (3.0, 6.0, [1.3333, 1.3333])
    >>> posterior.predictive().pdf([1.0, 1.0]).round(6).item()
    0.148385
    """

    _learned = ("m", "k", "nu", "psi")
    m: Floats
    k: float
    nu: float
    psi: Floats

    def __init__(self, m: ArrayLike, k: float, nu: float, psi: ArrayLike) -> None:
        owner = type(self).__name__
        centre, scale = check.array(owner, "m", m), check.array(owner, "psi", psi)
        if centre.ndim != 1 or not len(centre) or not np.isfinite(centre).all():
            raise ValueError(f"{owner}: m must be a finite vector (d,), got shape {centre.shape}")
        d = len(centre)
        if scale.shape != (d, d):
            raise ValueError(f"{owner}: psi must have shape ({d}, {d}) as m has {d} entries, got {scale.shape}")
        _check_positive_definite(owner, scale)
        freedom = check.positive(owner, "nu", nu)
        if freedom <= d - 1:
            raise ValueError(f"{owner}: nu must exceed d - 1 = {d - 1}, got {nu!r}")
        self._begin(m=centre, k=check.positive(owner, "k", k), nu=freedom, psi=scale)

    def _nothing(self) -> Moments:
        return Moments.none((len(self.m),))

    @classmethod
    def _read(cls, owner: str, x: ArrayLike, weights: ArrayLike | None, nan_policy: str, known: Known) -> Data:
        return check.observations(owner, x, weights, nan_policy, columns=int(known["d"]))

    def _known(self) -> dict[str, float]:
        return {"d": len(self.m)}

    @classmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        pass  # every finite vector will do

    @classmethod
    def _summarise(cls, data: Data, known: Known) -> Moments:
        return Moments.of(data.values, data.weights)

    @classmethod
    def _combine(cls, a: Moments, b: Moments) -> Moments:
        return a.join(b)

    def _posterior(self, statistics: Moments) -> dict[str, Any]:
        n, mean, scatter = statistics
        k = self.k + n
        apart = mean - self.m if n else np.zeros_like(self.m)
        psi = self.psi + scatter + self.k * n / k * np.outer(apart, apart)
        return {"m": self.m + n / k * apart, "k": k, "nu": self.nu + n, "psi": psi}

    def _evidence(self, statistics: Moments, data: Data) -> float:
        after, d = self._posterior(statistics), len(self.m)
        grown = multigammaln(after["nu"] / 2, d) - multigammaln(self.nu / 2, d)
        grown += self.nu / 2 * _log_determinant(self.psi) - after["nu"] / 2 * _log_determinant(after["psi"])
        return float(grown + d / 2 * math.log(self.k / after["k"]) - statistics.n * d / 2 * math.log(math.pi))

    @classmethod
    def mle(cls, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Estimate:
        """(mean, covariance with divisor n); a covariance that is singular lies on the boundary."""
        owner = f"{cls.__name__}.mle"
        values = check.array(owner, "x", x)
        if values.ndim != 2 or not values.shape[1]:
            raise ValueError(f"{owner}: x must have shape (n, d), got {values.shape}")
        return cls._mle(values, weights, nan_policy, {"d": values.shape[1]})

    @classmethod
    def _maximise(cls, statistics: Moments, known: Known) -> Estimate:
        n, mean, scatter = statistics
        if n == 0:
            return Estimate((np.full_like(mean, np.nan), np.full_like(scatter, np.nan)), "undefined")
        full_rank = np.linalg.matrix_rank(scatter, hermitian=True) == len(mean)
        return Estimate((mean, scatter / n), "interior" if full_rank else "boundary")

    @property
    def mean(self) -> tuple[Floats, Floats]:
        """(m, psi / (nu - d - 1)); the latter is infinite for nu <= d + 1."""
        excess = self.nu - len(self.m) - 1
        mean_of_mu = self.m.copy() if excess > -1 else np.full_like(self.m, np.nan)
        return mean_of_mu, self.psi / excess if excess > 0 else np.full_like(self.psi, np.inf)

    @property
    def var(self) -> tuple[Floats, Floats]:
        """The variances of mu's entries, and of Sigma's; infinite for nu <= d + 1 and nu <= d + 3."""
        c, diagonal = self.nu - len(self.m) - 1, np.diag(self.psi)
        of_mu = diagonal / (self.k * c) if c > 0 else np.full_like(self.m, np.inf if c > -1 else np.nan)
        if c <= 2:
            return of_mu, np.full_like(self.psi, np.inf)
        return of_mu, ((c + 2) * self.psi**2 + c * np.outer(diagonal, diagonal)) / ((c + 1) * c**2 * (c - 2))

    @property
    def mode(self) -> Mode:
        """(m, psi / (nu + d + 2)): where the joint density of (mu, Sigma) is largest."""
        return Mode((self.m, self.psi / (self.nu + len(self.m) + 2)), "interior")

    def _marginals(self) -> list[stats.distributions.rv_frozen]:
        """Student's t for each entry of mu, then inverse gamma for each variance."""
        freedom = self.nu - len(self.m) + 1
        diagonal = np.diag(self.psi)
        means = [
            stats.t(freedom, centre, math.sqrt(width / (self.k * freedom)))
            for centre, width in zip(self.m, diagonal, strict=True)
        ]
        return means + [stats.invgamma(freedom / 2, scale=width / 2) for width in diagonal]

    def interval(self, level: float = 0.95, kind: str = "equal-tailed") -> tuple[Floats, Floats]:
        """Marginal intervals: lower and upper ends, each of shape (2, d), for mu and for the diagonal of Sigma."""
        owner = self._owner("interval")
        pairs = np.array([credible_interval(owner, marginal, level, kind) for marginal in self._marginals()])
        return pairs[:, 0].reshape(2, -1), pairs[:, 1].reshape(2, -1)

    def predictive(self, n: int = 1) -> Any:
        """Multivariate t: of one new vector, or of the sum of n."""
        n = check.draws(self._owner("predictive"), n)
        freedom = self.nu - len(self.m) + 1
        return stats.multivariate_t(n * self.m, self.psi * ((n + n**2 / self.k) / freedom), df=freedom)


def _check_positive_definite(owner: str, psi: Floats) -> None:
    if not np.isfinite(psi).all() or not np.allclose(psi, psi.T, rtol=1e-10, atol=0):
        raise ValueError(f"{owner}: psi must be finite and symmetric, got {psi.tolist()}")
    try:
        np.linalg.cholesky(psi)
    except np.linalg.LinAlgError as error:
        raise ValueError(f"{owner}: psi must be positive definite, got {psi.tolist()}") from error
