"""Maps between an interval and the whole line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from goldfish.probability.check import Floats

_FAR = 700.0  # exp of this is still a float


@dataclass(frozen=True)
class Transform:
    """theta(u): the identity, lo + exp(u), hi - exp(u), or lo + (hi - lo) / (1 + exp(-u)).

    Searches begin around u = `origin`, and `unit` is the size of a natural step.
    """

    lo: float
    hi: float
    origin: float = 0.0
    unit: float = 1.0

    @property
    def free(self) -> bool:
        """Whether the interval is the whole line."""
        return math.isinf(self.lo) and math.isinf(self.hi)

    def inverse(self, theta: float) -> float:
        """u(theta)."""
        if self.free:
            return theta
        if math.isinf(self.hi):
            return math.log(theta - self.lo) if theta > self.lo else -_FAR
        if math.isinf(self.lo):
            return math.log(self.hi - theta) if theta < self.hi else -_FAR
        share = (theta - self.lo) / (self.hi - self.lo)
        return -_FAR if share <= 0 else _FAR if share >= 1 else math.log(share) - math.log1p(-share)

    def __call__(self, u: float) -> float:
        """theta(u)."""
        if self.free:
            return u
        u = min(max(u, -_FAR), _FAR)
        if math.isinf(self.hi):
            return self.lo + math.exp(u)
        if math.isinf(self.lo):
            return self.hi - math.exp(u)
        share = 1 / (1 + math.exp(-u)) if u > 0 else math.exp(u) / (1 + math.exp(u))
        return self.lo + (self.hi - self.lo) * share

    def log_slope(self, u: float) -> float:
        """Log |dtheta / du|."""
        if self.free:
            return 0.0
        if math.isinf(self.hi) or math.isinf(self.lo):
            return u
        return math.log(self.hi - self.lo) - abs(u) - 2 * math.log1p(math.exp(-abs(u)))

    def nearest_end(self, theta: float) -> float | None:
        """The end of the interval that theta all but touches, or None."""
        if math.isfinite(self.lo) and math.isfinite(self.hi):
            near = 1e-3 * (self.hi - self.lo)
        else:
            near = 1e-3 * max(1.0, abs(self.lo) if math.isfinite(self.lo) else abs(self.hi))
        if theta - self.lo < near:
            return self.lo
        return self.hi if self.hi - theta < near else None


def spread(x: Floats) -> float:
    """The standard deviation of data, or their size if they are constant: a natural step."""
    width = float(x.std())
    return width if width > 0 else max(abs(float(x[0])), 1.0)
