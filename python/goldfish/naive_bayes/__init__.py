"""Naive Bayes with scikit-learn's names and numbers, that merges, skips what is missing, and explains itself.

`GaussianNB`, `BernoulliNB`, `MultinomialNB`, `ComplementNB` and `CategoricalNB` take scikit-learn's parameters and show
its attributes; `MixedNB` has a distribution per column. All of them learn sufficient statistics that add up: `merge`
and `partial_fit` give the model that one `fit` to all data gives.

>>> from goldfish.naive_bayes import MixedNB
>>> nan = float("nan")
>>> kinds = {"features": ["gaussian", "bernoulli"]}
>>> monday = MixedNB(**kinds).fit([[1.0, 0], [3.0, 1], [nan, 1]], ["small", "large", "large"])
>>> tuesday = MixedNB(**kinds).fit([[1.5, nan], [2.5, 1]], ["small", "large"])
>>> week = monday.merge(tuesday)
>>> week.predict([[1.2, 0], [nan, 1]]).tolist()
['small', 'large']
"""

try:
    import scipy as _scipy  # noqa: F401
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "goldfish.naive_bayes needs scikit-learn and SciPy: pip install 'goldfish[sklearn,stats]'"
    ) from error

from goldfish.naive_bayes.bernoulli import BernoulliNB
from goldfish.naive_bayes.boundary import Additive, Linear, Quadratic, gaussian_nb_boundary
from goldfish.naive_bayes.calibration import CalibrationCurve, brier_score, calibration_curve, log_loss
from goldfish.naive_bayes.categorical import CategoricalNB
from goldfish.naive_bayes.complement import ComplementNB
from goldfish.naive_bayes.explanation import Explanation
from goldfish.naive_bayes.family import ZeroFrequency
from goldfish.naive_bayes.gaussian import GaussianNB
from goldfish.naive_bayes.mixed import MixedNB
from goldfish.naive_bayes.multinomial import MultinomialNB
from goldfish.naive_bayes.parameters import naive_bayes_parameter_count

__all__ = [
    "GaussianNB",
    "BernoulliNB",
    "MultinomialNB",
    "ComplementNB",
    "CategoricalNB",
    "MixedNB",
    "Linear",
    "Quadratic",
    "Additive",
    "gaussian_nb_boundary",
    "Explanation",
    "ZeroFrequency",
    "naive_bayes_parameter_count",
    "CalibrationCurve",
    "calibration_curve",
    "brier_score",
    "log_loss",
]
