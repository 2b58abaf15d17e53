"""An estimate knows its error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from scipy import special

from goldfish.sampling import _checks


@dataclass(frozen=True)
class Estimate:
    """A number computed from a sample, and how far from the truth it may be.

    ``float(estimate)`` is its value.

    Attributes
    ----------
    value : float
        The estimate.
    se : float
        Its standard error in the same unit; nan where the sample does not tell.
    method : str
        The name of the estimator.
    df : float
        Degrees of freedom of the standard error; infinite for the normal distribution.

    Examples
    --------
    >>> from goldfish import sampling
    >>> e = sampling.horvitz_thompson([3.0, 5.0], [0.1, 0.5], design="poisson")
    >>> e.value, round(e.se, 2)
    (40.0, 29.33)
    >>> low, high = e.interval(0.9)
    >>> low < float(e) < high
    True
    """

    value: float
    se: float
    method: str
    df: float = math.inf
    bounds: Callable[[float], tuple[float, float]] | None = field(default=None, repr=False, compare=False)

    def __float__(self) -> float:
        return self.value

    def interval(self, level: float = 0.95, *, scale: str = "natural") -> tuple[float, float]:
        """Confidence interval for the true value.

        Parameters
        ----------
        level : float
            Confidence, strictly between 0 and 1.
        scale : {"natural", "log", "logit"}
            On "natural" the estimator's own interval: value +- t se, unless its function documents another. "log" (for
            positive values) and "logit" (for proportions) compute value +- t se on that scale and transform back, so
            that the ends stay possible values.

        Returns
        -------
        low, high : float
            Both nan if the standard error is.

        Raises
        ------
        ValueError
            If level is not inside (0, 1), the scale is unknown, or the value does not lie inside the scale's range.

        Examples
        --------
        >>> from goldfish.sampling import Estimate
        >>> [round(end, 3) for end in Estimate(0.02, 0.015, "hajek").interval()]
        [-0.009, 0.049]
        >>> [round(end, 3) for end in Estimate(0.02, 0.015, "hajek").interval(scale="logit")]
        [0.005, 0.084]
        """
        level = _checks.confidence("interval", level)
        _checks.choice("interval", "scale", scale, ("natural", "log", "logit"))
        if scale == "natural":
            return self.bounds(level) if self.bounds else wald(self.value, self.se, level, self.df)
        top = 1.0 if scale == "logit" else math.inf
        if not 0 < self.value < top:
            raise ValueError(f"interval: scale {scale!r} is for values between 0 and {top}, got {self.value}")
        if scale == "log":
            low, high = wald(math.log(self.value), self.se / self.value, level, self.df)
            return math.exp(low), math.exp(high)
        odds = self.value * (1 - self.value)
        low, high = wald(float(special.logit(self.value)), self.se / odds, level, self.df)
        return float(special.expit(low)), float(special.expit(high))


def wald(value: float, se: float, level: float, df: float = math.inf) -> tuple[float, float]:
    """Value +- t se, with the quantile of Student's t (of the normal distribution for infinite df)."""
    half = quantile(level, df) * se
    return value - half, value + half


def quantile(level: float, df: float) -> float:
    """The t with P(-t <= T <= t) = level."""
    tail = (1 + level) / 2
    if df <= 0:
        return math.nan
    return float(special.ndtri(tail) if math.isinf(df) else special.stdtrit(df, tail))
