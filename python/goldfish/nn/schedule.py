"""Learning rates as functions of the step, which counts from 0: ``nn.Adam(nn.warmup(nn.cosine(1e-3, 5000), 200))``."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def cosine(lr: float, steps: int, *, minimum: float = 0.0) -> Schedule:
    """Half a cosine from ``lr`` down to ``minimum`` over ``steps`` steps, then constant.

    Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.

    Parameters
    ----------
    lr, minimum : float
        The first and the last learning rate.
    steps : int
        Steps from one to the other.

    Returns
    -------
    callable
        The learning rate as a function of the step.

    Raises
    ------
    ValueError
        If a number is negative, or ``steps`` is less than 1.

    Examples
    --------
    >>> from goldfish import nn
    >>> rate = nn.cosine(0.1, 100)
    >>> [round(rate(step), 4) for step in (0, 50, 100, 200)]
    [0.1, 0.05, 0.0, 0.0]
    """
    _check("cosine", steps=(steps, 1), lr=(lr, 0), minimum=(minimum, 0))
    return lambda step: minimum + (lr - minimum) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def warmup(schedule: float | Schedule, steps: int) -> Schedule:
    """A learning rate that first grows linearly: ``schedule`` times (step + 1) / steps over the first ``steps`` steps.

    Parameters
    ----------
    schedule : float or callable
        The learning rate, or a schedule that goes on below the warm-up; it sees the same step.
    steps : int
        Steps of growth.

    Returns
    -------
    callable
        The learning rate as a function of the step.

    Raises
    ------
    ValueError
        If ``steps`` is less than 1.

    Examples
    --------
    >>> from goldfish import nn
    >>> rate = nn.warmup(0.1, 4)
    >>> [round(rate(step), 4) for step in range(6)]
    [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]
    """
    _check("warmup", steps=(steps, 1))

    def rate(step: int) -> float:
        full = schedule(step) if callable(schedule) else schedule
        return full * min((step + 1) / steps, 1.0)

    return rate


def step_decay(lr: float, every: int, *, factor: float = 0.1) -> Schedule:
    """``lr`` times ``factor`` for each ``every`` steps taken.

    Parameters
    ----------
    lr : float
        The first learning rate.
    every : int
        Steps between two reductions.
    factor : float
        What each multiplies by.

    Returns
    -------
    callable
        The learning rate as a function of the step.

    Raises
    ------
    ValueError
        If a number is negative, or ``every`` is less than 1.

    Examples
    --------
    >>> from goldfish import nn
    >>> rate = nn.step_decay(0.1, 10, factor=0.5)
    >>> [round(rate(step), 4) for step in (0, 9, 10, 25)]
    [0.1, 0.1, 0.05, 0.025]
    """
    _check("step_decay", every=(every, 1), lr=(lr, 0), factor=(factor, 0))
    return lambda step: lr * factor ** (step // every)


def _check(function: str, **bounds: tuple[float, float]) -> None:
    for name, (value, least) in bounds.items():
        if not least <= value < math.inf:
            raise ValueError(f"{function}: {name} expected a finite number >= {least}, got {value}")
