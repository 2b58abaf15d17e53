"""What the recurrent weights alone tell, before any data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics._arguments import integer
from goldfish.diagnostics._scaled import Floats, log10, plain, rescale, spectral

Activation = Literal["linear", "relu", "tanh", "sigmoid"]
_SLOPES = {"linear": 1.0, "relu": 1.0, "tanh": 1.0, "sigmoid": 0.25}
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class RecurrentReport:
    """What `recurrent_report` found about recurrent weights W of shape (H, H).

    Attributes
    ----------
    spectral_radius : float
        rho, the largest magnitude of an eigenvalue.
    sigma_max, sigma_min : float
        The largest and smallest singular values.
    numerical_abscissa : float
        The largest eigenvalue of (W + W^T) / 2.
    gamma : float
        The steepest slope of the activation: 1, or 1/4 for the sigmoid.
    transient : float
        The largest of ``power_norms``.
    power_norms : ndarray of shape (K + 1,)
        ||W^k|| for k = 0..K, the spectral norm; infinity above 1e308.
    log10_power_norms : ndarray of shape (K + 1,)
        Their decimal logarithms, finite at any size; -inf for 0.
    verdict : str
        ``'must vanish'``, ``'can explode'``, ``'cannot explode'``, ``'norm-preserving (orthogonal)'`` or ``'vanishes
        asymptotically after transient x...'``.
    """

    spectral_radius: float
    sigma_max: float
    sigma_min: float
    numerical_abscissa: float
    gamma: float
    transient: float
    power_norms: Floats
    log10_power_norms: Floats
    verdict: str

    def __str__(self) -> str:
        return (
            f"{self.verdict}: spectral radius {self.spectral_radius:.4g}, singular values "
            f"{self.sigma_min:.4g}..{self.sigma_max:.4g}, numerical abscissa {self.numerical_abscissa:.4g}, "
            f"slope at most {self.gamma:g}, powers up to x{self.transient:.4g}"
        )


def recurrent_report(W: ArrayLike, *, activation: Activation = "tanh", K: int = 200) -> RecurrentReport:
    """Whether gradients through recurrent weights must vanish or can explode, whatever the data.

    A step multiplies the gradient by diag(f'(z)) W with |f'| <= gamma. If sigma_max(W) < 1/gamma it must vanish; it can
    explode only if sigma_max(W) > 1/gamma. Without an activation W^k vanishes if and only if the spectral radius is
    below 1, yet it may grow first if W is not normal. "Can explode" is no prediction for tanh and sigmoid, which
    saturate: measure with `lag_norms`.

    Parameters
    ----------
    W : array_like of shape (H, H)
        ``weight_hh_l0`` of an `nn.RNN`; of an LSTM or GRU the rows of one gate.
    activation : {"tanh", "relu", "sigmoid", "linear"}
        The function f.
    K : int
        The highest power, at least 1.

    Returns
    -------
    RecurrentReport

    Raises
    ------
    ValueError
        If W is not a finite square matrix, the activation is unknown or K < 1.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML (2013);
    L. N. Trefethen and M. Embree, "Spectra and Pseudospectra" (2005), for powers of matrices that are not normal.

    Examples
    --------
    >>> from goldfish import diagnostics
    >>> diagnostics.recurrent_report([[0.5]]).verdict, diagnostics.recurrent_report([[2.0]]).verdict
    ('must vanish', 'can explode')
    >>> diagnostics.recurrent_report([[0.9, 5.0], [0.0, 0.9]], activation="linear").verdict
    'vanishes asymptotically after transient x19.4'
    """
    try:
        matrix = np.asarray(W, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"recurrent_report: W must be a square matrix of numbers: {error}") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"recurrent_report: W must be of shape (H, H), got {matrix.shape}")
    if not np.isfinite(matrix).all():
        row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(matrix)))
        raise ValueError(f"recurrent_report: W must be finite, got {matrix[row, column]} at [{row}, {column}]")
    if activation not in _SLOPES:
        names = ", ".join(map(repr, get_args(Activation)))
        raise ValueError(f"recurrent_report: activation must be one of {names}, got {activation!r}")
    highest = integer("recurrent_report", "K", K)
    if highest < 1:
        raise ValueError(f"recurrent_report: K must be >= 1, got {K}")
    values, exponents = _powers(matrix, highest)
    norms = plain(values, exponents)
    singular = np.linalg.svd(matrix, compute_uv=False)
    radius = float(np.abs(np.linalg.eigvals(matrix)).max())
    high, low, transient = float(singular[0]), float(singular[-1]), float(norms.max())
    return RecurrentReport(
        spectral_radius=radius,
        sigma_max=high,
        sigma_min=low,
        numerical_abscissa=float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1]),
        gamma=_SLOPES[activation],
        transient=transient,
        power_norms=norms,
        log10_power_norms=log10(values, exponents),
        verdict=_verdict(activation, radius, high, low, transient),
    )


def _verdict(activation: str, radius: float, high: float, low: float, transient: float) -> str:
    limit = 1 / _SLOPES[activation]
    if high < limit * (1 - _TOLERANCE):
        return "must vanish"
    if activation == "linear":
        if high <= 1 + _TOLERANCE and low >= 1 - _TOLERANCE:
            return "norm-preserving (orthogonal)"
        if radius < 1 - _TOLERANCE:
            return f"vanishes asymptotically after transient x{transient:.3g}"
    return "can explode" if high > limit * (1 + _TOLERANCE) else "cannot explode"


def _powers(matrix: Floats, K: int) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Spectral norms of the powers 0..K, as scaled numbers."""
    values, exponents = np.zeros(K + 1), np.zeros(K + 1, np.int64)
    values[0] = 1.0
    base, step = rescale(matrix, np.array(0), axes=2)
    power, exponent = np.eye(len(matrix)), np.array(0, np.int64)
    for k in range(1, K + 1):
        power, exponent = rescale(base @ power, exponent + step, axes=2)
        values[k], exponents[k] = spectral(power), exponent
    return values, exponents
