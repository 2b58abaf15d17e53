"""The common part of all conjugate models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from goldfish.probability import check
from goldfish.probability.check import Data, Known
from goldfish.probability.interval import credible_interval
from goldfish.probability.result import Estimate, Mode


class ConjugateModel(ABC):
    """A prior, or the posterior that data made of it: an immutable value.

    A model remembers the prior it began with and the sufficient statistics of the data it has seen since. The posterior
    follows from these two, so updates may come in any order and be merged (`merge`).

    Notes
    -----
    Two models are equal if they are the same distribution, whatever they began with. Assigning to an attribute raises
    AttributeError. See DeGroot, *Optimal Statistical Decisions* (1970), chapter 9, and Gelman et al., *Bayesian Data
    Analysis*, 3rd ed., chapters 2 and 3.

    Examples
    --------
    >>> from goldfish.probability import BetaBernoulli, GammaPoisson
    >>> from goldfish.probability.base import ConjugateModel
    >>> isinstance(BetaBernoulli(1, 1), ConjugateModel)
    True
    """

    # Parameters that data change, and those that they do not.
    _learned: ClassVar[tuple[str, ...]]
    _given: ClassVar[tuple[str, ...]] = ()

    _origin: Self | None
    _statistics: Any

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; update() returns a new model")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def _begin(self, **parameters: Any) -> None:
        """Fill a new prior."""
        self._set(**parameters, _origin=None)
        self._set(_statistics=self._nothing())

    @abstractmethod
    def _nothing(self) -> Any:
        """The statistics of no data."""

    @classmethod
    @abstractmethod
    def _check(cls, owner: str, data: Data, known: Known) -> None:
        """ValueError for data outside the likelihood's support."""

    @classmethod
    @abstractmethod
    def _summarise(cls, data: Data, known: Known) -> Any:
        """The sufficient statistics of data."""

    @classmethod
    def _combine(cls, a: Any, b: Any) -> Any:
        """The statistics of both data sets."""
        return tuple(u + v for u, v in zip(a, b, strict=True))

    @abstractmethod
    def _posterior(self, statistics: Any) -> dict[str, Any]:
        """The learned parameters after data, this model being the prior."""

    @abstractmethod
    def _evidence(self, statistics: Any, data: Data) -> float:
        """The log marginal likelihood of data whose statistics are given, this model being the prior."""

    @classmethod
    @abstractmethod
    def _maximise(cls, statistics: Any, known: Known) -> Estimate:
        """The maximum-likelihood estimate."""

    def _known(self) -> dict[str, float]:
        """What reading and summarising data need to know of the model."""
        return {name: getattr(self, name) for name in self._given}

    def _owner(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    @classmethod
    def _read(cls, owner: str, x: ArrayLike, weights: ArrayLike | None, nan_policy: str, known: Known) -> Data:
        data = check.observations(owner, x, weights, nan_policy)
        cls._check(owner, data, known)
        return data

    def _after(self, statistics: Any) -> Self:
        return self.prior._derive(self._combine(self._statistics, statistics))

    def _derive(self, statistics: Any) -> Self:
        model = object.__new__(type(self))
        given = {name: getattr(self, name) for name in self._given}
        model._set(**given, **self._posterior(statistics), _origin=self, _statistics=statistics)
        return model

    @property
    def prior(self) -> Self:
        """The model before any data."""
        return self if self._origin is None else self._origin

    def update(self, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Self:
        """The posterior after data.

        Parameters
        ----------
        x : array_like of shape (n,)
            The data; (n, d) for a model of vectors. An empty list changes nothing.
        weights : array_like of shape (n,), optional
            Not negative, may be fractional: row i counts as ``weights[i]`` rows (its likelihood is raised to that
            power).
        nan_policy : {'raise', 'omit'}
            What NaN means: an error, or data to leave out.

        Returns
        -------
        model
            Of the same type. This one stays as it is.

        Raises
        ------
        ValueError
            For data outside the likelihood's support; the message has the first bad index.
        TypeError
            If x does not hold real numbers.
        """
        known = self._known()
        return self._after(self._summarise(self._read(self._owner("update"), x, weights, nan_policy, known), known))

    def merge(self, other: Self) -> Self:
        """The posterior after this model's data and the other's, both having begun with the same prior.

        Raises
        ------
        TypeError
            If the other is of another type.
        ValueError
            If it began with another prior.
        """
        owner = self._owner("merge")
        if type(other) is not type(self):
            raise TypeError(f"{owner}: other must be a {type(self).__name__}, got {type(other).__name__}")
        if self.prior != other.prior:
            raise ValueError(f"{owner}: both must begin with the same prior, got {self.prior} and {other.prior}")
        return self._after(other._statistics)

    @classmethod
    def _mle(cls, x: ArrayLike, weights: ArrayLike | None, nan_policy: str, known: Known) -> Estimate:
        data = cls._read(f"{cls.__name__}.mle", x, weights, nan_policy, known)
        return cls._maximise(cls._summarise(data, known), known)

    def map(self, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise") -> Mode:
        """The posterior mode after data: ``update(x).mode``. Arguments as in `update`."""
        known = self._known()
        data = self._read(self._owner("map"), x, weights, nan_policy, known)
        return self._after(self._summarise(data, known)).mode

    def log_marginal_likelihood(
        self, x: ArrayLike, *, weights: ArrayLike | None = None, nan_policy: str = "raise"
    ) -> float:
        """Log p(x): the data's density, or probability, with the parameters integrated out under this model.

        Arguments as in `update`. In nats, of the sequence as given (no factor for its orderings).
        """
        known = self._known()
        data = self._read(self._owner("log_marginal_likelihood"), x, weights, nan_policy, known)
        return float(self._evidence(self._summarise(data, known), data))

    def interval(self, level: float = 0.95, kind: str = "equal-tailed") -> tuple[Any, Any]:
        """A credible interval for each parameter.

        Parameters
        ----------
        level : float
            Its probability, between 0 and 1.
        kind : {'equal-tailed', 'hpd'}
            The same probability on both sides, or the shortest interval (highest density). A density that is unbounded
            at both ends of its support has two regions of highest density; the shorter single interval is returned.

        Returns
        -------
        lo, hi : float, or arrays with one entry per parameter
            The marginal intervals of a model with several parameters.
        """
        marginals = self._marginals()
        owner = self._owner("interval")
        if not isinstance(marginals, list):
            return credible_interval(owner, marginals, level, kind)
        pairs = [credible_interval(owner, marginal, level, kind) for marginal in marginals]
        return np.array([lo for lo, _ in pairs]), np.array([hi for _, hi in pairs])

    def distribution(self) -> Any:
        """The parameter's distribution as a frozen SciPy distribution; the marginals as a list if there are several."""
        return self._marginals()

    @abstractmethod
    def _marginals(self) -> Any:
        """A frozen distribution, or a list of them."""

    @property
    @abstractmethod
    def mean(self) -> Any:
        """The parameter's mean; infinite or NaN where it does not exist."""

    @property
    @abstractmethod
    def var(self) -> Any:
        """The parameter's variance; infinite or NaN where it does not exist."""

    @property
    @abstractmethod
    def mode(self) -> Mode:
        """Where the density is largest, and what kind of maximum that is."""

    @abstractmethod
    def predictive(self, n: int = 1) -> Any:
        """The distribution of one new observation (n = 1), or of the sum of n, as a frozen SciPy distribution."""

    def _values(self) -> list[Any]:
        return [getattr(self, name) for name in (*self._learned, *self._given)]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, ConjugateModel)
        return all(map(np.array_equal, self._values(), other._values()))

    def __hash__(self) -> int:
        return hash((type(self), *(np.asarray(value).tobytes() for value in self._values())))

    def __repr__(self) -> str:
        names = (*self._learned, *self._given)
        parts = [
            f"{name}={value.tolist() if isinstance(value, np.ndarray) else value}"
            for name, value in zip(names, self._values(), strict=True)
        ]
        return f"{type(self).__name__}({', '.join(parts)})"
