"""What a network does with its input: influence of the past, flow of gradients, shapes, parameters and work.

A unit whose feedback is 2 weighs the oldest of five inputs most; one whose feedback is 1/2 has all but forgotten it:

>>> import numpy as np
>>> from goldfish import diagnostics, nn
>>> def unit(feedback):
...     layer = nn.RNN(1, 1, nonlinearity="relu", bias=False)
...     layer.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[feedback]]})
...     return layer
>>> diagnostics.influence(unit(2.0), np.ones((5, 1))).tolist()
[16.0, 8.0, 4.0, 2.0, 1.0]
>>> diagnostics.influence(unit(0.5), np.ones((5, 1))).tolist()
[0.0625, 0.125, 0.25, 0.5, 1.0]

Everything runs through the kernels' backward pass, in float64, on a copy of the model: parameters, gradients and
running statistics stay as they are. Products over many steps carry an exponent of their own, so nothing vanishes or
overflows that a logarithm can hold:

>>> round(float(diagnostics.influence(unit(0.5), np.ones((10_000, 1)), log10=True)[0]), 1)
-3010.0
"""

from goldfish.diagnostics.findings import Finding, diagnose_rnn
from goldfish.diagnostics.gradient import grad_norm_by_step
from goldfish.diagnostics.influence import influence, influence_share
from goldfish.diagnostics.outputs import layer_outputs
from goldfish.diagnostics.states import effective_memory, lag_norms, lyapunov_exponents, state_jacobians
from goldfish.diagnostics.static import RecurrentReport, recurrent_report
from goldfish.diagnostics.table import Summary, Table, count_macs, count_parameters, summary
from goldfish.diagnostics.wiring import Wiring, wiring

__all__ = [
    "influence",
    "influence_share",
    "state_jacobians",
    "lag_norms",
    "effective_memory",
    "lyapunov_exponents",
    "grad_norm_by_step",
    "recurrent_report",
    "RecurrentReport",
    "diagnose_rnn",
    "Finding",
    "wiring",
    "Wiring",
    "count_parameters",
    "count_macs",
    "summary",
    "Table",
    "Summary",
    "layer_outputs",
]
