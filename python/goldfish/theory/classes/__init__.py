"""Hypothesis classes that decide labelings exactly: each yes has a witness, each no a certificate."""

from goldfish.theory.classes.base import Certificate, HypothesisClass, Witness
from goldfish.theory.classes.bits import BooleanFunctions, Conjunctions, Disjunctions, Juntas, Parities
from goldfish.theory.classes.boxes import Boxes, RotatedRectangles
from goldfish.theory.classes.line import Intervals, SignedThresholds, Stumps, Thresholds
from goldfish.theory.classes.linear import (
    Balls,
    BallsAndComplements,
    Halfspaces,
    HomogeneousHalfspaces,
    LinearClass,
    PolynomialThresholds,
)
from goldfish.theory.classes.named import named_class
from goldfish.theory.classes.neighbours import NearestNeighbours
from goldfish.theory.classes.trees import DecisionTrees
from goldfish.theory.classes.user import CallableClass, FiniteClass, ParametricClass

__all__ = [
    "Balls",
    "BallsAndComplements",
    "BooleanFunctions",
    "Boxes",
    "CallableClass",
    "Certificate",
    "Conjunctions",
    "DecisionTrees",
    "Disjunctions",
    "FiniteClass",
    "Halfspaces",
    "HomogeneousHalfspaces",
    "HypothesisClass",
    "Intervals",
    "Juntas",
    "LinearClass",
    "NearestNeighbours",
    "Parities",
    "ParametricClass",
    "PolynomialThresholds",
    "RotatedRectangles",
    "SignedThresholds",
    "Stumps",
    "Thresholds",
    "Witness",
    "named_class",
]
