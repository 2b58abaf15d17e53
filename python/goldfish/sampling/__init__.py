"""Honest sampling: weights, estimates with error bars, and heap profiles that tell how sure they are.

Skewed samples are as good as any other if their weights are known:

>>> import numpy as np
>>> from goldfish import sampling
>>> small = sampling.selection_probability([(1, 10), (1, 37)])
>>> large = sampling.selection_probability([(1, 10), (1, 500)])
>>> e = sampling.hajek(np.repeat([0, 1, 0], [900, 24, 76]), np.repeat([float(large), float(small)], [900, 100]))
>>> round(e.value, 5)
0.00196

Heap profiles are such samples; `read_heap_profile` reads those of Go, tcmalloc and jemalloc.
"""

try:
    import scipy as _scipy  # noqa: F401
except ImportError as error:
    raise ImportError("goldfish.sampling needs SciPy: pip install 'goldfish[stats]'") from error

from goldfish.sampling.bootstrap import cluster_bootstrap, stratified_bootstrap
from goldfish.sampling.design import Alignment, is_aligned, selection_probability, weights_from_selection
from goldfish.sampling.efficiency import design_effect, kish_effective_size
from goldfish.sampling.errors import ProfileFormatError, SamplingWarning, ZeroInclusionError
from goldfish.sampling.estimate import Estimate
from goldfish.sampling.heap import (
    Calibration,
    Difference,
    Frame,
    HeapProfile,
    Record,
    Row,
    read_heap_profile,
)
from goldfish.sampling.intervals import proportion_interval, weighted_poisson_interval
from goldfish.sampling.ratios import SizeBiasedMean, hajek, ratio_estimate, size_biased_mean
from goldfish.sampling.strata import cluster_mean, stratified_mean, two_stage
from goldfish.sampling.totals import hansen_hurwitz, horvitz_thompson
from goldfish.sampling.trigger import (
    Unsampled,
    inclusion_probability,
    inclusion_probability_stream,
    simulate_heap_sampling,
    unsample,
)

__all__ = [
    "selection_probability",
    "weights_from_selection",
    "is_aligned",
    "Alignment",
    "horvitz_thompson",
    "hajek",
    "ratio_estimate",
    "hansen_hurwitz",
    "stratified_mean",
    "cluster_mean",
    "two_stage",
    "stratified_bootstrap",
    "cluster_bootstrap",
    "size_biased_mean",
    "SizeBiasedMean",
    "kish_effective_size",
    "design_effect",
    "proportion_interval",
    "weighted_poisson_interval",
    "inclusion_probability",
    "inclusion_probability_stream",
    "simulate_heap_sampling",
    "unsample",
    "Unsampled",
    "read_heap_profile",
    "HeapProfile",
    "Frame",
    "Record",
    "Row",
    "Difference",
    "Calibration",
    "Estimate",
    "ZeroInclusionError",
    "SamplingWarning",
    "ProfileFormatError",
]
