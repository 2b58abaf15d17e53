"""Derivatives of recurrent networks by central differences of their own outputs and states."""

import numpy as np

from goldfish import nn

STEP = 1e-6


def leaves(state):
    """The state's arrays in the order of `state_jacobians`: layer by layer, of an LSTM h and then c; each (B, H)."""
    parts = state if isinstance(state, tuple) else (state,)
    return [part[level] for level in range(len(parts[0])) for part in parts]


def pack(layer, flat):
    """The inverse for one recurrent layer and one sequence."""
    parts = np.asarray(flat).reshape(layer.num_layers, layer.parts, 1, layer.hidden_size).swapaxes(0, 1)
    return tuple(parts.copy()) if layer.parts > 1 else parts[0].copy()


def states(layer, x):
    """The states (T + 1, S) of one sequence (T, D)."""
    state, found = None, []
    for value in x:
        _, state = layer(value[None, None], state, return_state=True)
        found.append(np.concatenate([leaf[0] for leaf in leaves(state)]))
    return np.array([np.zeros_like(found[0]), *found])


def differences(function, at):
    """The Jacobian of a function of a vector."""
    columns = []
    for i in range(len(at)):
        up, down = at.copy(), at.copy()
        up[i] += STEP
        down[i] -= STEP
        columns.append((function(up) - function(down)) / (2 * STEP))
    return np.stack(columns, axis=-1)


def jacobian(layer, x, before):
    """Of one step, the new state by the old."""

    def step(state):
        _, after = layer(x[None, None], pack(layer, state), return_state=True)
        return np.concatenate([leaf[0] for leaf in leaves(after)])

    return differences(step, before)


def cell(kind, inputs=2, hidden=3, layers=1, seed=0, **options):
    """A recurrent layer in float64 with weights large enough to bend."""
    layer = getattr(nn, kind)(inputs, hidden, layers, dtype="float64", rng=seed, **options)
    rng = np.random.default_rng(seed + 1)
    for value in layer.params.values():
        value[...] = rng.normal(size=value.shape) * 0.7
    return layer
