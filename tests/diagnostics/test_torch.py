"""Influence against PyTorch's own Jacobians; `make oracles` installs PyTorch."""

import numpy as np
import pytest

from goldfish import diagnostics as gd
from goldfish import nn

torch = pytest.importorskip("torch", reason="torch is not installed; `make oracles` installs it")
pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_influence(kind):
    torch.manual_seed(0)
    theirs = [getattr(torch.nn, kind)(5, 16, 2, batch_first=True).double(), torch.nn.Linear(16, 3).double()]
    ours = [getattr(nn, kind)(5, 16, 2, dtype="float64"), nn.Linear(16, 3, dtype="float64")]
    for a, b in zip(ours, theirs, strict=True):
        a.load_state_dict({name: value.detach().numpy() for name, value in b.state_dict().items()})
    x = torch.randn(1, 40, 5, dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(lambda z: theirs[1](theirs[0](z)[0])[0, -1], x)[:, 0]
    expected = [torch.linalg.matrix_norm(slopes[:, t], 2).item() for t in range(40)]
    np.testing.assert_allclose(gd.influence(nn.Sequential(*ours), x.numpy()[0]), expected, rtol=1e-11)
