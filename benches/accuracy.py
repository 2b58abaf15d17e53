"""Equality before speed: a contender whose result is wrong has no time."""

import numpy as np

from problems import Arrays

# Largest error over largest value, N(0, 1) data, against float64.
BOUND = {"float32": 5e-6, "float64": 1e-13}
PARAMETER_BOUND = {"float32": 1e-5, "float64": 1e-13}
# A sum over many terms rounds in every library; ours may be at most this much worse than torch's.
AGAINST_PEER = 2.0

# Training goes the same way in every library for so many steps, loss by loss (in nats).
STEPS = 50
LOSS_BOUND = 1e-4


def errors(result: Arrays, truth: Arrays) -> dict[str, float]:
    """Return the relative error of each array of the truth; a missing array is an error of infinity."""
    return {name: _error(result, name, value) for name, value in truth.items()}


def _error(result: Arrays, name: str, truth: np.ndarray) -> float:
    value = result.get(name)
    if value is None or value.shape != truth.shape:
        return float("inf")
    # A gradient may be zero throughout: then the error itself counts.
    return float(np.abs(value - truth).max() / (np.abs(truth).max() or 1.0))


def broken_promises(ours: dict[str, float], peer: dict[str, float], dtype: str) -> list[str]:
    """Return a line for each array that is further from float64 than promised."""
    lines = []
    for name, error in ours.items():
        promised = BOUND[dtype] if name in ("x", "y") else PARAMETER_BOUND[dtype]
        allowed = promised if name == "y" else max(promised, AGAINST_PEER * peer[name])
        if not error <= allowed:
            lines.append(f"{name}: error {error:.1e}, allowed {allowed:.1e}")
    return lines


def divergence(losses: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference between the losses of two trainings, step by step."""
    return float(np.abs(losses - expected).max())
