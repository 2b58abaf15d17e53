"""Central differences through a layer: input, parameters, initial and final state."""

import numpy as np

from gradcheck import central_differences

TOLERANCE = 1e-7


def parts(state):
    """The arrays of a state, in order."""
    if state is None:
        return []
    if isinstance(state, dict):
        return [array for value in state.values() for array in parts(value)]
    return list(state) if isinstance(state, tuple) else [state]


def like(state, arrays):
    """A state built as another one, of other arrays."""
    arrays = iter(arrays)
    if isinstance(state, dict):
        return {name: like(value, arrays) for name, value in state.items()}
    return tuple(next(arrays) for _ in state) if isinstance(state, tuple) else next(arrays)


def check_layer(layer, x, rng, *, state=None, lengths=None, seed=None):
    """Compare every gradient of ``layer.forward`` with central differences."""
    stateful = layer.stateful
    y, *state_n, _ = layer.forward(x, state, lengths=lengths, return_state=stateful, rng=seed)
    dy = rng.standard_normal(y.shape)
    slopes = [rng.standard_normal(part.shape) for part in parts(state_n[0])] if stateful else []

    def loss(x, state):
        y, *state_n, _ = layer.forward(x, state, lengths=lengths, return_state=stateful, rng=seed)
        finals = parts(state_n[0]) if stateful else []
        return float(np.sum(dy * y)) + sum(float(np.sum(d * part)) for d, part in zip(slopes, finals, strict=True))

    layer.zero_grad()
    *_, backward = layer.forward(x, state, lengths=lengths, return_state=stateful, rng=seed)
    if stateful:
        dx, dstate = backward(dy, like(state_n[0], slopes))
    else:
        dx, dstate = backward(dy), None
    if x.dtype.kind == "f":
        _compare("x", dx, central_differences(lambda probe: loss(probe, state), x))
    else:
        assert dx is None
    if state is not None:
        given = parts(state)
        for index, (found, array) in enumerate(zip(parts(dstate), given, strict=True)):

            def at(probe, index=index):
                return loss(x, like(state, [*given[:index], probe, *given[index + 1 :]]))

            _compare(f"state {index}", found, central_differences(at, array))
    found = _gradients(layer)
    assert set(found) == set(layer.parameters())
    for name, parameter in layer.parameters().items():
        _compare(
            name,
            found[name],
            central_differences(lambda probe, p=parameter: _with(p, probe, loss, x, state), parameter),
        )


def _with(parameter, probe, loss, x, state):
    kept = parameter.copy()
    parameter[...] = probe
    try:
        return loss(x, state)
    finally:
        parameter[...] = kept


def _gradients(layer, prefix=""):
    own = {prefix + name: value for name, value in layer.grads.items()}
    for name, child in layer.children.items():
        own |= _gradients(child, f"{prefix}{name}.")
    return own


def _compare(name, found, expected):
    assert found is not None, f"the gradient of {name} is None"
    assert found.shape == expected.shape, f"the gradient of {name} has shape {found.shape}"
    worst = np.max(np.abs(found - expected), initial=0) / max(1, np.max(np.abs(expected), initial=0))
    assert worst <= TOLERANCE, f"the gradient of {name} is off by {worst:.1e}"
