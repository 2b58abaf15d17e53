"""From names to classes that decide labelings."""

from __future__ import annotations

from typing import Any

from goldfish.theory.classes.base import HypothesisClass
from goldfish.theory.classes.bits import BooleanFunctions, Conjunctions, Disjunctions, Juntas, Parities
from goldfish.theory.classes.boxes import Boxes, RotatedRectangles
from goldfish.theory.classes.line import Intervals, SignedThresholds, Stumps, Thresholds
from goldfish.theory.classes.linear import Balls, BallsAndComplements, Halfspaces, HomogeneousHalfspaces
from goldfish.theory.classes.neighbours import NearestNeighbours
from goldfish.theory.classes.user import CallableClass

NAMED: dict[str, HypothesisClass] = {
    "thresholds": Thresholds(),
    "signed_thresholds": SignedThresholds(),
    "intervals": Intervals(),
    "halfspaces": Halfspaces(),
    "homogeneous_halfspaces": HomogeneousHalfspaces(),
    "boxes": Boxes(),
    "rotated_rectangles": RotatedRectangles(),
    "balls": Balls(),
    "balls_and_complements": BallsAndComplements(),
    "stumps": Stumps(),
    "conjunctions": Conjunctions(),
    "monotone_conjunctions": Conjunctions(monotone=True),
    "disjunctions": Disjunctions(),
    "parities": Parities(),
    "juntas": Juntas(),
    "boolean_functions": BooleanFunctions(),
    "nearest_neighbours": NearestNeighbours(),
}


def named_class(function: str, cls: Any) -> HypothesisClass:
    """The class that a name stands for; an object with ``realize(X, y)`` is taken as a user's class."""
    if isinstance(cls, HypothesisClass):
        return cls
    if isinstance(cls, str):
        if cls not in NAMED:
            raise ValueError(
                f"{function}: cls must be one of {', '.join(NAMED)}, or an object such as DecisionTrees(depth=2), "
                f"got {cls!r}"
            )
        return NAMED[cls]
    if callable(getattr(cls, "realize", None)):
        return CallableClass(cls.realize, name=repr(cls))
    raise TypeError(f"{function}: cls must be a name, a hypothesis class or an object with realize(X, y), got {cls!r}")
