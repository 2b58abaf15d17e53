"""The gradients of a layer, all of them: input, parameters, initial and final state."""

from goldfish.testing import gradcheck

TOLERANCE = 1e-7


def check_layer(layer, x, rng, *, state=None, lengths=None, seed=None):
    """Compare every gradient of ``layer.forward`` with central differences."""
    report = gradcheck(layer, x, state=state, lengths=lengths, tolerance=TOLERANCE, rng=rng if seed is None else seed)
    assert set(layer.parameters()) <= set(report.errors)
    assert ("x" in report.errors) == (x.dtype.kind == "f")
