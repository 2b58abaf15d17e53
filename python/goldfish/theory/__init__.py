"""Learning theory: bounds that carry their theorem, and shattering decided exactly.

How many examples does it take to learn a conjunction over ten bits to 99 % accuracy, with 98 % confidence?

>>> from goldfish import theory
>>> bound = theory.sample_complexity_finite(0.01, 0.02, h=theory.hypothesis_count("conjunctions", n=10))
>>> bound.value, bound.source.split(";")[0]
(1490, 'Blumer, Ehrenfeucht, Haussler and Warmuth 1987')

Can a line separate these four points in every way? If not, which labeling fails, and why?

>>> X = [[0, 0], [1, 0], [0, 1], [1, 1]]
>>> theory.shatters(X, "halfspaces")
False
>>> labels, certificate = theory.minimal_unshattered(X, "halfspaces")
>>> certificate.statement
'the convex hulls of the positive points [#0, #3] and the negative points [#1, #2] meet'

Answers about shattering are exact: a yes has a witness that was asked to predict the labels, a no has a certificate
that was verified in exact arithmetic. Floats are used as the binary fractions that they are.
"""

try:
    import scipy as _scipy  # noqa: F401
except ImportError as error:
    raise ImportError("goldfish.theory needs SciPy: pip install 'goldfish[stats]'") from error

from goldfish.theory.cases import box_sample_complexity, pac_case, sample_complexity_lower
from goldfish.theory.catalogue import vc_dimension
from goldfish.theory.classes import (
    Balls,
    BallsAndComplements,
    BooleanFunctions,
    Boxes,
    CallableClass,
    Certificate,
    Conjunctions,
    DecisionTrees,
    Disjunctions,
    FiniteClass,
    Halfspaces,
    HomogeneousHalfspaces,
    HypothesisClass,
    Intervals,
    Juntas,
    LinearClass,
    NearestNeighbours,
    ParametricClass,
    Parities,
    PolynomialThresholds,
    RotatedRectangles,
    SignedThresholds,
    Stumps,
    Thresholds,
    Witness,
)
from goldfish.theory.concentration import compression_bound, mean_interval, test_set_bound
from goldfish.theory.counts import hypothesis_count
from goldfish.theory.estimate import estimate_vc
from goldfish.theory.finite import occam_bound, risk_bound_finite, sample_complexity_finite
from goldfish.theory.growth import growth_function, log_sauer_shelah, sauer_shelah
from goldfish.theory.networks import vc_bound_network
from goldfish.theory.orders import vc_order
from goldfish.theory.pac_bayes import kl_bernoulli, kl_gaussian, kl_inverse, pac_bayes
from goldfish.theory.rademacher import (
    empirical_rademacher,
    empirical_rademacher_erm,
    rademacher_kernel,
    rademacher_linear,
)
from goldfish.theory.rademacher_bounds import massart_bound, rademacher_risk_bound
from goldfish.theory.results import VC, Bound, Estimate, Evidence, Order, PacCase, VCEstimate, VCResult
from goldfish.theory.search import vc_dimension_finite, vc_lower_bound, vc_upper_evidence
from goldfish.theory.shattering import (
    dichotomies,
    growth_on_sample,
    minimal_unshattered,
    realize,
    refute,
    shatters,
)
from goldfish.theory.vc_bounds import risk_bound_vc, sample_complexity_vc

__all__ = [
    "sample_complexity_finite",
    "risk_bound_finite",
    "occam_bound",
    "sample_complexity_vc",
    "risk_bound_vc",
    "sample_complexity_lower",
    "box_sample_complexity",
    "pac_case",
    "sauer_shelah",
    "log_sauer_shelah",
    "growth_function",
    "vc_dimension",
    "vc_order",
    "vc_bound_network",
    "hypothesis_count",
    "realize",
    "refute",
    "shatters",
    "dichotomies",
    "growth_on_sample",
    "minimal_unshattered",
    "vc_dimension_finite",
    "vc_lower_bound",
    "vc_upper_evidence",
    "estimate_vc",
    "empirical_rademacher",
    "empirical_rademacher_erm",
    "rademacher_linear",
    "rademacher_kernel",
    "massart_bound",
    "rademacher_risk_bound",
    "kl_bernoulli",
    "kl_inverse",
    "pac_bayes",
    "kl_gaussian",
    "test_set_bound",
    "mean_interval",
    "compression_bound",
    "Bound",
    "Estimate",
    "Evidence",
    "Order",
    "PacCase",
    "VC",
    "VCEstimate",
    "VCResult",
    "Certificate",
    "HypothesisClass",
    "Witness",
    "Balls",
    "BallsAndComplements",
    "BooleanFunctions",
    "Boxes",
    "CallableClass",
    "Conjunctions",
    "DecisionTrees",
    "Disjunctions",
    "FiniteClass",
    "Halfspaces",
    "HomogeneousHalfspaces",
    "Intervals",
    "Juntas",
    "LinearClass",
    "NearestNeighbours",
    "ParametricClass",
    "Parities",
    "PolynomialThresholds",
    "RotatedRectangles",
    "SignedThresholds",
    "Stumps",
    "Thresholds",
]
