"""What a network does with its input: influence of the past, flow of gradients, shapes, parameters and work."""

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
