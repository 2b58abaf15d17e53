"""Nine cars and naive Bayes: tables, the zero that decides alone, and the boundary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goldfish import naive_bayes
from goldfish.cli.recitation.worked import Group, Number

# Red, affordable, fuel-efficient; is the owner interested?
_CARS = np.array([[1, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0], [0, 1, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1], [0, 0, 0]])
_INTERESTED = np.array([1, 0, 0, 1, 0, 0, 1, 1, 0])
_QUERY = np.array([[1, 0, 1]])


def _fitted(alpha: float) -> Any:
    return naive_bayes.BernoulliNB(alpha=alpha).fit(_CARS, _INTERESTED)


def _table(alpha: float) -> Any:
    """P(feature | class), the interested owners first."""
    return np.exp(_fitted(alpha).feature_log_prob_)[::-1]


def _joint(alpha: float) -> Any:
    """P(class, query), the interested owners first."""
    return np.exp(_fitted(alpha).predict_joint_log_proba(_QUERY))[0, ::-1]


def _red() -> Any:
    red = np.array([[1, affordable, efficient] for affordable in (0, 1) for efficient in (0, 1)])
    return _fitted(0).predict_proba(red)[:, 1]


def _log_odds_two_ways() -> tuple[float, float]:
    """A Gaussian boundary's score at a point, and the difference of the log densities there."""
    mean, variance, prior = (
        np.array([[0.0, 1.0], [2.0, -1.0]]),
        np.array([[1.0, 2.0], [0.5, 1.5]]),
        np.array([0.4, 0.6]),
    )
    point = np.array([0.7, -0.3])
    quadratic = naive_bayes.gaussian_nb_boundary(mean, variance, prior)
    density = np.log(prior) - (np.log(2 * np.pi * variance) / 2 + (point - mean) ** 2 / (2 * variance)).sum(axis=1)
    return float(quadratic.score(point[None])[0]), float(density[1] - density[0])


def _agree_to(digits: int) -> bool:
    first, second = _log_odds_two_ways()
    return math.isclose(first, second, rel_tol=10.0**-digits)


GROUPS = (
    Group(
        "Nine cars: naive Bayes",
        "Mitchell, Machine Learning, 1997, chapter 6; Ng and Jordan 2002 (its boundary)",
        (
            Number("prior of interested and not", (4 / 9, 5 / 9), lambda: np.exp(_fitted(0).class_log_prior_)[::-1]),
            Number(
                "P(red), P(affordable), P(efficient) given each, by counting",
                ((3 / 4, 1 / 2, 3 / 4), (0.0, 4 / 5, 3 / 5)),
                lambda: _table(0),
            ),
            Number("parameters to learn", 7, lambda: _fitted(0).n_parameters_),
            Number("red, not affordable, efficient: joint probabilities", (1 / 8, 0.0), lambda: _joint(0)),
            Number("and the posterior of interested", 1.0, lambda: _fitted(0).predict_proba(_QUERY)[0, 1]),
            Number("every red car decides for interested, whatever else it is", (1.0,) * 4, _red),
            Number(
                "one fake car per value: the table",
                ((2 / 3, 1 / 2, 2 / 3), (1 / 7, 5 / 7, 4 / 7)),
                lambda: _table(1),
            ),
            Number("joint probabilities then", (8 / 81, 40 / 3087), lambda: _joint(1)),
            Number("posterior of interested then", 343 / 388, lambda: _fitted(1).predict_proba(_QUERY)[0, 1]),
            Number(
                "the same rule is linear: its weights",
                (2.484906649788, -0.916290731874, 0.405465108108),
                lambda: _fitted(1).decision_boundary().w,
            ),
            Number("its constant", -0.859303800501, lambda: _fitted(1).decision_boundary().b),
            Number(
                "its answer for the red car",
                343 / 388,
                lambda: 1 / (1 + math.exp(-float(_fitted(1).decision_boundary().score(_QUERY)[0]))),
            ),
            Number(
                "parameters of 4 Gaussian features in 3 classes",
                26,
                lambda: naive_bayes.naive_bayes_parameter_count([("gaussian", None)] * 4, 3),
            ),
            Number(
                "parameters of categories with 2, 3 and 5 values in 2 classes",
                15,
                lambda: naive_bayes.naive_bayes_parameter_count([("categorical", v) for v in (2, 3, 5)], 2),
            ),
            Number("a Gaussian boundary is the log odds, to 12 digits", True, lambda: _agree_to(12)),
        ),
    ),
)
