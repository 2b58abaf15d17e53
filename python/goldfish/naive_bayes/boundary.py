"""Where two classes are equally likely: lines, conics, tables."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldfish.naive_bayes.labels import Floats

Polylines = list[Floats]


@dataclass(frozen=True)
class Linear:
    """The log-odds of two classes as a linear function: ``x @ w + b``, positive where the first class is likelier.

    Attributes
    ----------
    w : ndarray of shape (p,)
        Weights; for Bernoulli features of the binarised values.
    b : float
        The intercept.

    Notes
    -----
    A naive Bayes model with Bernoulli or count features is a linear classifier; see Mitchell, *Machine Learning*, 2nd
    ed. draft chapter "Generative and discriminative classifiers" (2017), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.naive_bayes import Linear
    >>> line = Linear(np.array([1.0, -1.0]), 0.5)
    >>> line.score([[2.0, 1.0]]).tolist()
    [1.5]
    >>> line.polyline((0, 1), (0, 1))[0].tolist()
    [[0.0, 0.5], [0.5, 1.0]]
    """

    w: Floats
    b: float

    def score(self, X: ArrayLike) -> Floats:
        """The log-odds of rows, (n,)."""
        return np.asarray(np.asarray(X, float) @ self.w + self.b)

    def polyline(self, xlim: tuple[float, float], ylim: tuple[float, float], n: int = 256) -> Polylines:
        """The line within a window, with two features: a list of at most one array (2, 2)."""
        return Quadratic(np.zeros_like(self.w), self.w, self.b, "line").polyline(xlim, ylim, n)


@dataclass(frozen=True)
class Quadratic:
    """The log-odds of two classes as a quadratic function without mixed terms: ``x**2 @ A + x @ w + b``.

    Attributes
    ----------
    A : ndarray of shape (p,)
        Coefficients of the squares; all 0 if the classes have equal variances.
    w : ndarray of shape (p,)
        Coefficients of the values.
    b : float
        The constant.
    conic : str or None
        With two features, the boundary's form: ``'line'``, ``'ellipse'``, ``'hyperbola'``, ``'parabola'``, ``'empty'``
        (one class is likelier everywhere), or a degenerate one: ``'point'``, ``'parallel lines'``, ``'crossing
        lines'``, ``'plane'`` (the classes are the same everywhere). None otherwise.

    Notes
    -----
    For normal features ``A = -(1/v1 - 1/v0) / 2``, ``w = m1/v1 - m0/v0`` and ``b = log(pi1/pi0) - sum(log(v1/v0)) / 2 -
    sum(m1^2/v1 - m0^2/v0) / 2``. Linear if and only if the variances agree (Ng and Jordan, 2002).

    Examples
    --------
    >>> from goldfish.naive_bayes import gaussian_nb_boundary
    >>> q = gaussian_nb_boundary([[0, 0], [1, 0]], [[1, 1], [3, 4]], [0.5, 0.5])
    >>> q.conic
    'ellipse'
    >>> curve = q.polyline((-9, 9), (-9, 9))[0]
    >>> bool(abs(q.score(curve)).max() < 1e-12)
    True
    """

    A: Floats
    w: Floats
    b: float
    conic: str | None

    def score(self, X: ArrayLike) -> Floats:
        """The log-odds of rows, (n,)."""
        x = np.asarray(X, float)
        return np.asarray(x**2 @ self.A + x @ self.w + self.b)

    def polyline(self, xlim: tuple[float, float], ylim: tuple[float, float], n: int = 256) -> Polylines:
        """Points on the boundary within a window, with two features.

        Parameters
        ----------
        xlim, ylim : (float, float)
            The window. An ellipse is given whole; other curves are cut to it.
        n : int
            Points per branch.

        Returns
        -------
        list of ndarray of shape (m, 2)
            One array per branch; each point satisfies the equation up to rounding.

        Raises
        ------
        ValueError
            If there are not two features.
        """
        if len(self.w) != 2:
            raise ValueError(f"polyline: the boundary must be of 2 features, got {len(self.w)}")
        window = np.array([xlim, ylim], float)
        (a, c), (d, e) = self.A, self.w
        if a == c == 0:
            return _lines(d, e, self.b, window)
        if c == 0:
            return _parabola(a, d, e, self.b, window, n, swap=False)
        if a == 0:
            return _parabola(c, e, d, self.b, window[::-1], n, swap=True)
        return _central(self.A, self.w, self.b, window, n)


@dataclass(frozen=True)
class Additive:
    """The log-odds of two classes as a sum of table entries: ``b + sum over j of tables[j][x_j]``.

    Attributes
    ----------
    tables : list of ndarray of shape (V_j,)
        One number per category of each feature.
    b : float
        The constant: the log-odds of the priors.

    Notes
    -----
    What a categorical model knows, written as a generalised additive model; each table is a log-likelihood ratio.

    Examples
    --------
    >>> from goldfish.naive_bayes import CategoricalNB
    >>> boundary = CategoricalNB().fit([[0], [1], [1]], [0, 1, 1]).decision_boundary()
    >>> boundary.tables[0].round(4).tolist(), round(boundary.b, 4)
    ([-0.9808, 0.8109], 0.6931)
    >>> boundary.score([[0], [1]]).round(4).tolist()
    [-0.2877, 1.5041]
    """

    tables: list[Floats]
    b: float

    def score(self, X: ArrayLike) -> Floats:
        """The log-odds of rows of categories, (n,)."""
        codes = np.asarray(X).astype(np.intp)
        return np.asarray(self.b + sum(table[codes[:, j]] for j, table in enumerate(self.tables)))


Boundary = Linear | Quadratic | Additive


def gaussian_nb_boundary(mu: ArrayLike, var: ArrayLike, prior: ArrayLike) -> Quadratic:
    """The boundary between two classes whose features are independent and normal.

    Parameters
    ----------
    mu : array_like of shape (2, p)
        The means of classes 0 and 1.
    var : array_like of shape (2, p)
        Their variances, positive.
    prior : array_like of shape (2,)
        Their prior probabilities, positive, of sum 1.

    Returns
    -------
    Quadratic
        The log-odds of class 1 against class 0, ``log(prior1/prior0) + sum of log N(x; m1, v1) - log N(x; m0, v0)``.

    Raises
    ------
    ValueError
        If the shapes do not fit, a variance is not positive, or the prior is none.

    Notes
    -----
    Ng and Jordan, "On discriminative vs. generative classifiers" (2002).

    Examples
    --------
    >>> from goldfish.naive_bayes import gaussian_nb_boundary
    >>> q = gaussian_nb_boundary([[0, 0], [2, 1]], [[1, 2], [1, 2]], [0.5, 0.5])
    >>> q.conic, q.w.tolist(), q.b
    ('line', [2.0, 0.5], -2.25)
    """
    m, v, p = (np.asarray(value, float) for value in (mu, var, prior))
    if m.ndim != 2 or len(m) != 2 or not np.isfinite(m).all():
        raise ValueError(f"gaussian_nb_boundary: mu must be finite of shape (2, p), one row per class, got {m.shape}")
    if v.shape != m.shape or not (np.isfinite(v) & (v > 0)).all():
        raise ValueError(f"gaussian_nb_boundary: var must be positive of shape {m.shape}, got {v.tolist()}")
    if p.shape != (2,) or not (p > 0).all() or abs(p.sum() - 1) > 1e-9:
        raise ValueError(f"gaussian_nb_boundary: prior must be two positive numbers of sum 1, got {p.tolist()}")
    return quadratic(m, v, math.log(p[1] / p[0]))


def quadratic(mean: Floats, var: Floats, log_prior_odds: float) -> Quadratic:
    """The boundary of row 1 against row 0."""
    A = -0.5 * (1 / var[1] - 1 / var[0])
    w = mean[1] / var[1] - mean[0] / var[0]
    squares = (mean[1] ** 2 / var[1] - mean[0] ** 2 / var[0]).sum()
    b = log_prior_odds - 0.5 * float(np.log(var[1] / var[0]).sum()) - 0.5 * float(squares)
    return Quadratic(A, w, b, conic(A, w, b) if len(w) == 2 else None)


def conic(A: Floats, w: Floats, b: float) -> str:
    """The form of ``A0 x^2 + A1 y^2 + w0 x + w1 y + b = 0``."""
    if not A.any():
        return "line" if w.any() else "plane" if b == 0 else "empty"
    if not A.all():
        square, along = (0, 1) if A[0] else (1, 0)
        if w[along]:
            return "parabola"
        discriminant = w[square] ** 2 - 4 * A[square] * b
        return "parallel lines" if discriminant > 0 else "line" if discriminant == 0 else "empty"
    level = _level(A, w, b)
    if A[0] * A[1] < 0:
        return "crossing lines" if level == 0 else "hyperbola"
    return "point" if level == 0 else "ellipse" if level * A[0] > 0 else "empty"


def _level(A: Floats, w: Floats, b: float) -> float:
    """R of ``A0 (x - cx)^2 + A1 (y - cy)^2 = r``."""
    return float((w**2 / (4 * A)).sum() - b)


def _lines(d: float, e: float, b: float, window: Floats) -> Polylines:
    """D x + e y + b = 0, cut to the window."""
    if d == e == 0:
        return []
    # A point of the line and its direction; t runs over what lies within both bounds.
    point = np.array([d, e]) * (-b / (d**2 + e**2))
    direction = np.array([-e, d]) / math.hypot(d, e)
    lo, hi = -math.inf, math.inf
    for p, v, (least, most) in zip(point, direction, window, strict=True):
        if v == 0:
            if not least <= p <= most:
                return []
            continue
        ends = sorted(((least - p) / v, (most - p) / v))
        lo, hi = max(lo, ends[0]), min(hi, ends[1])
    if lo >= hi:
        return []
    ends_of_line = point + np.array([[lo], [hi]]) * direction
    return [ends_of_line[np.lexsort(ends_of_line.T[::-1])]]


def _parabola(a: float, d: float, e: float, b: float, window: Floats, n: int, *, swap: bool) -> Polylines:
    """A u^2 + d u + e v + b = 0, u being the first coordinate of the window."""
    if e == 0:
        roots = np.roots([a, d, b])
        real = np.unique(roots[np.isreal(roots)].real)
        branches = [
            np.column_stack([np.full(2, root), window[1]]) for root in real if window[0, 0] <= root <= window[0, 1]
        ]
    else:
        u = np.linspace(window[0, 0], window[0, 1], n)
        branches = _within(np.column_stack([u, -(a * u**2 + d * u + b) / e]), window)
    return [branch[:, ::-1] for branch in branches] if swap else branches


def _central(A: Floats, w: Floats, b: float, window: Floats, n: int) -> Polylines:
    """Ellipses, hyperbolas and their degenerate forms."""
    centre, level = -w / (2 * A), _level(A, w, b)
    if level == 0:
        if A[0] * A[1] > 0:
            return [centre[None]]
        slope = math.sqrt(-A[0] / A[1])
        found = [_lines(s, -1.0, centre[1] - s * centre[0], window) for s in (slope, -slope)]
        return [line for lines in found for line in lines]
    radii = np.sqrt(np.abs(level / A))
    if A[0] * A[1] > 0:
        if level * A[0] < 0:
            return []
        angle = np.linspace(0, 2 * math.pi, n)
        return [centre + radii * np.column_stack([np.cos(angle), np.sin(angle)])]
    across = 0 if level * A[0] > 0 else 1  # the axis that both branches cross
    reach = np.abs(window - centre[:, None]).max(axis=1) / radii
    t = np.linspace(-1, 1, n) * math.asinh(max(reach[1 - across], 1e-9))
    result: Polylines = []
    for side in (-1, 1):
        points = np.empty((n, 2))
        points[:, across], points[:, 1 - across] = side * np.cosh(t), np.sinh(t)
        result += _within(centre + radii * points, window)
    return result


def _within(points: Floats, window: Floats) -> Polylines:
    """The runs of points that lie in the window."""
    inside = np.asarray(((points >= window[:, 0]) & (points <= window[:, 1])).all(axis=1))
    cuts = np.flatnonzero(np.diff(inside.astype(int))) + 1
    return [
        run
        for run, kept in zip(np.split(points, cuts), np.split(inside, cuts), strict=True)
        if kept[0] and len(run) > 1
    ]
