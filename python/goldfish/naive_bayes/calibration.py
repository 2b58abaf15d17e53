"""Whether forecast probabilities can be believed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish.naive_bayes.labels import Floats


class CalibrationCurve(NamedTuple):
    """Observed frequencies beside forecasts, bin by bin.

    Attributes
    ----------
    observed : ndarray
        The share of positive outcomes in each bin that has any row.
    forecast : ndarray
        The mean forecast in that bin.

    Examples
    --------
    >>> from goldfish.naive_bayes import calibration_curve
    >>> curve = calibration_curve([0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9], bins=2)
    >>> curve.observed.tolist(), curve.forecast.round(2).tolist()
    ([0.5, 1.0], [0.15, 0.85])
    """

    observed: Floats
    forecast: Floats


def calibration_curve(
    y: ArrayLike, prob: ArrayLike, *, bins: int = 5, strategy: str = "uniform", pos_label: Any = None
) -> CalibrationCurve:
    """Observed frequency against mean forecast, over bins of the forecasts.

    Parameters
    ----------
    y : array_like of shape (N,)
        Outcomes with at most two labels.
    prob : array_like of shape (N,)
        The forecast probability of the positive label, between 0 and 1.
    bins : int
        How many bins; those without rows are left out of the result.
    strategy : {'uniform', 'quantile'}
        Bins of equal width, or of equally many rows.
    pos_label : label, optional
        The positive one; the greater of the two by default (1 or True if there is one label, and it is 0, 1 or a bool).

    Returns
    -------
    CalibrationCurve
        ``(observed, forecast)``; a forecaster is calibrated if they agree.

    Raises
    ------
    ValueError
        For probabilities outside [0, 1], lengths that differ, more than two labels, and arguments that are none.

    Notes
    -----
    A naive Bayes model ranks well but is over-confident when features depend on each other (Zadrozny and Elkan,
    "Obtaining calibrated probability estimates from decision trees and naive Bayesian classifiers", 2001);
    `sklearn.calibration.CalibratedClassifierCV` repairs forecasts.

    Examples
    --------
    >>> from goldfish.naive_bayes import calibration_curve
    >>> observed, forecast = calibration_curve([0, 0, 1, 1], [0.2, 0.4, 0.6, 0.9], bins=2, strategy="quantile")
    >>> observed.tolist(), forecast.round(2).tolist()
    ([0.0, 1.0], [0.3, 0.75])
    """
    outcome, p = _binary("calibration_curve", y, prob, pos_label)
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or bins < 1:
        raise ValueError(f"calibration_curve: bins must be a positive integer, got {bins!r}")
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f"calibration_curve: strategy must be 'uniform' or 'quantile', got {strategy!r}")
    steps = np.linspace(0, 1, bins + 1)
    edges = steps if strategy == "uniform" else np.percentile(p, steps * 100)
    place = np.searchsorted(edges[1:-1], p)
    rows = np.bincount(place, minlength=bins)
    full = rows > 0
    sums = [np.bincount(place, weights=values, minlength=bins)[full] / rows[full] for values in (outcome, p)]
    return CalibrationCurve(*sums)


def brier_score(y: ArrayLike, prob: ArrayLike, *, pos_label: Any = None) -> float:
    """The mean squared error of forecast probabilities; 0 is perfect.

    Parameters
    ----------
    y : array_like of shape (N,)
        Outcomes.
    prob : array_like of shape (N,) or (N, K)
        The probability of the positive label, or one column per label of y in sorted order.
    pos_label : label, optional
        As in `calibration_curve`.

    Returns
    -------
    float
        ``mean((prob - y)^2)``; for (N, K) the mean over rows of ``sum over k of (prob_k - [y = k])^2``, halved for two
        labels so that both forms agree.

    Raises
    ------
    ValueError
        For probabilities outside [0, 1], rows that do not sum to 1, and lengths that differ.

    Notes
    -----
    Brier, "Verification of forecasts expressed in terms of probability", *Monthly Weather Review* 78 (1950).

    Examples
    --------
    >>> from goldfish.naive_bayes import brier_score
    >>> round(brier_score([1, 0, 1], [0.8, 0.4, 0.5]), 4)
    0.15
    """
    if np.ndim(prob) != 2:
        outcome, p = _binary("brier_score", y, prob, pos_label)
        return float(np.mean((p - outcome) ** 2))
    truth, table = _multiclass("brier_score", y, prob)
    squares = float(np.mean(((table - np.eye(table.shape[1])[truth]) ** 2).sum(axis=1)))
    return squares / 2 if table.shape[1] == 2 else squares


def log_loss(y: ArrayLike, prob: ArrayLike, *, pos_label: Any = None) -> float:
    """The mean surprise ``-log p(outcome)`` of forecast probabilities, in nats.

    Parameters
    ----------
    y, prob, pos_label
        As in `brier_score`.

    Returns
    -------
    float
        Infinite if something happened that was forecast to be impossible; nothing is clipped.

    Raises
    ------
    ValueError
        As in `brier_score`.

    Notes
    -----
    Good, "Rational decisions", *Journal of the Royal Statistical Society B* 14 (1952).

    Examples
    --------
    >>> from goldfish.naive_bayes import log_loss
    >>> round(log_loss([1, 0], [0.8, 0.5]), 4)
    0.4581
    """
    if np.ndim(prob) != 2:
        outcome, p = _binary("log_loss", y, prob, pos_label)
        chosen = np.where(outcome == 1, p, 1 - p)
    else:
        truth, table = _multiclass("log_loss", y, prob)
        chosen = table[np.arange(len(truth)), truth]
    with np.errstate(divide="ignore"):
        return float(-np.log(chosen).mean())


def _outcomes(owner: str, y: ArrayLike, n: int) -> NDArray[Any]:
    labels = np.asarray(y)
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"{owner}: y must have shape (N,) with N of at least 1, got {labels.shape}")
    if len(labels) != n:
        raise ValueError(f"{owner}: prob must have as many rows as y, got {n} and {len(labels)}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{owner}: y must not hold NaN, got nan at index {int((~np.isfinite(labels)).argmax())}")
    return labels


def _probabilities(owner: str, prob: ArrayLike) -> Floats:
    try:
        p = np.asarray(prob, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{owner}: prob must hold numbers, got {prob!r}") from error
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{owner}: prob must lie between 0 and 1, got {p[at]} at index {at if len(at) > 1 else at[0]}")
    return p


def _binary(owner: str, y: ArrayLike, prob: ArrayLike, pos_label: Any) -> tuple[Floats, Floats]:
    p = _probabilities(owner, prob)
    if p.ndim != 1:
        raise ValueError(f"{owner}: prob must have shape (N,), got {p.shape}")
    labels = _outcomes(owner, y, len(p))
    known = np.unique(labels)
    if len(known) > 2:
        raise ValueError(f"{owner}: y must have two labels, got {known.tolist()}")
    if pos_label is None:
        pos_label = known[-1]
        if len(known) == 1:
            if known[0] not in (0, 1):
                raise ValueError(f"{owner}: pos_label must be given if y has one label, got {known[0]!r} alone")
            pos_label = 1
    elif len(known) == 2 and pos_label not in known.tolist():
        raise ValueError(f"{owner}: pos_label must be one of {known.tolist()}, got {pos_label!r}")
    return (labels == pos_label).astype(np.float64), p


def _multiclass(owner: str, y: ArrayLike, prob: ArrayLike) -> tuple[NDArray[np.intp], Floats]:
    table = _probabilities(owner, prob)
    labels = _outcomes(owner, y, len(table))
    known, codes = np.unique(labels, return_inverse=True)
    if len(known) != table.shape[1]:
        raise ValueError(f"{owner}: prob must have one column per label of y ({len(known)}), got {table.shape[1]}")
    off = np.abs(table.sum(axis=1) - 1) > 1e-6
    if off.any():
        raise ValueError(f"{owner}: prob must have rows of sum 1, got {table[off][0].sum()} in row {int(off.argmax())}")
    return codes.astype(np.intp), table
