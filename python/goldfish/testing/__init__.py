"""Tests for layers and functions of your own: gradients against central differences.

>>> import numpy as np
>>> from goldfish import nn, testing
>>> report = testing.gradcheck(nn.Linear(3, 2, dtype="float64", rng=0), np.ones((4, 3)))
>>> sorted(report.errors)
['bias', 'weight', 'x']
"""

from goldfish.testing.gradcheck import GradcheckReport, GradientError, central_differences, gradcheck

__all__ = ["gradcheck", "central_differences", "GradcheckReport", "GradientError"]
