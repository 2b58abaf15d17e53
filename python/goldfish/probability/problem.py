"""The function that a fit maximises, in natural and in unconstrained coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldfish.probability.check import Floats
from goldfish.probability.likelihood import Likelihood
from goldfish.probability.transform import Transform

Values = dict[str, float]
_WORST = 1e12


@dataclass(frozen=True)
class Problem:
    """Data, what is fixed, and how the free parameters are written on the whole line.

    Attributes
    ----------
    owner : str
        The function that errors name.
    x, weights, censored
        Data of positive weight; ``censored`` marks values that the truth exceeds.
    fixed : dict
        Parameters that stay.
    transforms : dict
        The free ones.
    priors : dict
        Log densities of parameters.
    unconstrained : bool
        Whether the prior's density is taken in the unconstrained coordinates.
    """

    owner: str
    likelihood: Likelihood
    x: Floats
    weights: Floats
    censored: NDArray[np.bool_] | None
    fixed: Values
    transforms: dict[str, Transform]
    priors: dict[str, Callable[[float], float]] = field(default_factory=dict)
    unconstrained: bool = False

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())

    @property
    def free(self) -> list[str]:
        """The free parameters' names."""
        return list(self.transforms)

    def holding(self, **values: float) -> Problem:
        """The same with some free parameters fixed."""
        left = {name: t for name, t in self.transforms.items() if name not in values}
        return replace(self, fixed={**self.fixed, **values}, transforms=left)

    def loglik(self, values: Values) -> float:
        """The weighted log-likelihood; -inf where it is not defined."""
        with np.errstate(all="ignore"):
            if self.censored is None:
                terms = np.asarray(self.likelihood.density(self.x, **values), dtype=np.float64)
            else:
                assert self.likelihood.survival is not None
                terms = np.empty(self.x.shape)
                terms[~self.censored] = self.likelihood.density(self.x[~self.censored], **values)
                terms[self.censored] = self.likelihood.survival(self.x[self.censored], **values)
            result = float(self.weights @ np.broadcast_to(terms, self.x.shape))
        return -np.inf if np.isnan(result) else result

    def logprior(self, values: Values) -> float:
        """The log prior density in the chosen parametrisation; flat where no prior is given."""
        with np.errstate(all="ignore"):
            result = sum(float(np.squeeze(prior(values[name]))) for name, prior in self.priors.items())
        if self.unconstrained:
            result += sum(t.log_slope(t.inverse(values[name])) for name, t in self.transforms.items())
        return -np.inf if np.isnan(result) else float(result)

    def logpost(self, values: Values) -> float:
        """What is maximised."""
        prior = self.logprior(values)
        return prior if np.isneginf(prior) else prior + self.loglik(values)

    def values(self, u: Any) -> Values:
        """All parameters at a point of the unconstrained space, in the distribution's order."""
        free = {name: t(float(v)) for (name, t), v in zip(self.transforms.items(), u, strict=True)}
        return {name: free.get(name, self.fixed.get(name, 0.0)) for name in self.likelihood.domains}

    def point(self, values: Values) -> Floats:
        """The unconstrained coordinates of the free parameters."""
        return np.array([t.inverse(values[name]) for name, t in self.transforms.items()])

    @property
    def units(self) -> Floats:
        """A natural step of each coordinate."""
        return np.array([t.unit for t in self.transforms.values()])

    def steps(self, values: Values) -> Floats:
        """The coordinates of a point as natural steps from their origins."""
        origins = np.array([t.origin for t in self.transforms.values()])
        return np.asarray((self.point(values) - origins) / self.units)

    def after(self, v: Floats) -> Values:
        """All parameters after so many natural steps from the origins."""
        return self.values(np.array([t.origin for t in self.transforms.values()]) + v * self.units)

    def subset(self, n: int) -> Problem:
        """The same with n rows drawn at random."""
        rows = np.random.default_rng(0).choice(len(self.x), n, replace=False)
        late = None if self.censored is None else self.censored[rows]
        return replace(self, x=self.x[rows], weights=self.weights[rows], censored=late)

    def objective(self, v: Floats) -> float:
        """-log posterior per unit of weight, in natural steps from the origins; large and finite where impossible."""
        try:
            value = -self.logpost(self.after(v)) / self.total
        except (OverflowError, ZeroDivisionError, FloatingPointError):
            return _WORST
        return min(value, _WORST) if value > -np.inf else -_WORST
