"""torch as oracle: the same weights by the same names give the same outputs, gradients and training runs."""

import numpy as np
import pytest

from goldfish import nn

torch = pytest.importorskip("torch", reason="torch is not installed; `make oracles` installs it")
pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)


def _to_torch(module, layer):
    """Copy by name, strictly."""
    module.double().load_state_dict({name: torch.from_numpy(value) for name, value in layer.state_dict().items()})
    return module


LAYERS = [
    (nn.Linear(5, 3, dtype="float64"), lambda: torch.nn.Linear(5, 3), (4, 2, 5)),
    (nn.Linear(5, 3, bias=False, dtype="float64"), lambda: torch.nn.Linear(5, 3, bias=False), (4, 5)),
    (nn.Conv2d(2, 4, 3, dtype="float64"), lambda: torch.nn.Conv2d(2, 4, 3), (2, 2, 7, 6)),
    (
        nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2, bias=False, dtype="float64"),
        lambda: torch.nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2, bias=False),
        (2, 4, 7, 6),
    ),
    (
        nn.Conv2d(2, 4, 3, padding="same", dtype="float64"),
        lambda: torch.nn.Conv2d(2, 4, 3, padding="same"),
        (2, 2, 7, 6),
    ),
    (nn.Conv1d(2, 4, 3, 2, 1, dtype="float64"), lambda: torch.nn.Conv1d(2, 4, 3, 2, 1), (2, 2, 9)),
    (nn.Conv3d(2, 4, (1, 2, 3), dtype="float64"), lambda: torch.nn.Conv3d(2, 4, (1, 2, 3)), (1, 2, 3, 4, 5)),
    (
        nn.ConvTranspose1d(4, 6, 5, 3, 1, 2, 2, dtype="float64"),
        lambda: torch.nn.ConvTranspose1d(4, 6, 5, 3, 1, 2, 2),
        (2, 4, 7),
    ),
    (
        nn.ConvTranspose2d(3, 5, 3, 2, 1, 1, 1, False, (2, 1), dtype="float64"),
        lambda: torch.nn.ConvTranspose2d(3, 5, 3, 2, 1, 1, 1, False, (2, 1)),
        (2, 3, 4, 5),
    ),
    (nn.ConvTranspose3d(2, 3, 2, 2, dtype="float64"), lambda: torch.nn.ConvTranspose3d(2, 3, 2, 2), (1, 2, 2, 3, 4)),
    (nn.MaxPool1d(3, 2, 1), lambda: torch.nn.MaxPool1d(3, 2, 1), (2, 3, 9)),
    (nn.MaxPool3d(2), lambda: torch.nn.MaxPool3d(2), (2, 3, 4, 5, 6)),
    (nn.AvgPool1d(3, 2, 1), lambda: torch.nn.AvgPool1d(3, 2, 1), (2, 3, 9)),
    (
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        lambda: torch.nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        (2, 3, 8, 7),
    ),
    (nn.AvgPool3d((1, 2, 2)), lambda: torch.nn.AvgPool3d((1, 2, 2)), (2, 3, 4, 5, 6)),
    (nn.AdaptiveAvgPool1d(4), lambda: torch.nn.AdaptiveAvgPool1d(4), (2, 3, 9)),
    (nn.AdaptiveAvgPool2d((3, None)), lambda: torch.nn.AdaptiveAvgPool2d((3, None)), (2, 3, 7, 6)),
    (nn.AdaptiveAvgPool3d(2), lambda: torch.nn.AdaptiveAvgPool3d(2), (2, 3, 3, 4, 5)),
    (nn.AdaptiveMaxPool1d(4), lambda: torch.nn.AdaptiveMaxPool1d(4), (2, 3, 9)),
    (nn.AdaptiveMaxPool2d((3, None)), lambda: torch.nn.AdaptiveMaxPool2d((3, None)), (2, 3, 7, 6)),
    (nn.AdaptiveMaxPool3d(2), lambda: torch.nn.AdaptiveMaxPool3d(2), (2, 3, 3, 4, 5)),
    (nn.MaxPool2d(2), lambda: torch.nn.MaxPool2d(2), (2, 3, 7, 6)),
    (nn.MaxPool2d(3, 2, 1, ceil_mode=True), lambda: torch.nn.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 3, 7, 6)),
    (nn.Flatten(), lambda: torch.nn.Flatten(), (2, 3, 4)),
    (nn.ReLU(), lambda: torch.nn.ReLU(), (2, 3)),
    (nn.Sigmoid(), lambda: torch.nn.Sigmoid(), (2, 3)),
    (nn.Tanh(), lambda: torch.nn.Tanh(), (2, 3)),
    (nn.LeakyReLU(0.2), lambda: torch.nn.LeakyReLU(0.2), (2, 3)),
    (nn.GELU(), lambda: torch.nn.GELU(), (5, 7)),
    (nn.GELU("tanh"), lambda: torch.nn.GELU("tanh"), (5, 7)),
    (nn.SiLU(), lambda: torch.nn.SiLU(), (5, 7)),
    (nn.Softmax(1), lambda: torch.nn.Softmax(1), (2, 3, 4)),
    (nn.LogSoftmax(), lambda: torch.nn.LogSoftmax(-1), (2, 3, 4)),
    (nn.BatchNorm1d(3, dtype="float64"), lambda: torch.nn.BatchNorm1d(3), (6, 3)),
    (nn.BatchNorm1d(3, dtype="float64"), lambda: torch.nn.BatchNorm1d(3), (4, 3, 5)),
    (nn.BatchNorm2d(3, 1e-3, 0.3, dtype="float64"), lambda: torch.nn.BatchNorm2d(3, 1e-3, 0.3), (2, 3, 4, 5)),
    (nn.BatchNorm3d(3, affine=False, dtype="float64"), lambda: torch.nn.BatchNorm3d(3, affine=False), (2, 3, 2, 3, 2)),
    (nn.BatchNorm2d(3, momentum=None, dtype="float64"), lambda: torch.nn.BatchNorm2d(3, momentum=None), (2, 3, 4, 5)),
    (nn.LayerNorm(4, dtype="float64"), lambda: torch.nn.LayerNorm(4), (2, 3, 4)),
    (nn.LayerNorm((3, 4), 1e-3, dtype="float64"), lambda: torch.nn.LayerNorm((3, 4), 1e-3), (2, 3, 4)),
]


@pytest.mark.parametrize("layer, make, shape", LAYERS, ids=[repr(case[0]) for case in LAYERS])
def test_layers(layer, make, shape):
    module = _to_torch(make(), layer)
    x, dy = RNG.standard_normal(shape), None
    y, backward = layer.forward(x)
    dy = RNG.standard_normal(y.shape)
    layer.zero_grad()
    x_torch = torch.from_numpy(x).requires_grad_()
    y_torch = module(x_torch)
    y_torch.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(y, y_torch.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(backward(dy), x_torch.grad.numpy(), atol=1e-12)
    _same_gradients(layer, module)
    assert list(layer.state_dict()) == list(module.state_dict())
    for name, value in module.state_dict().items():
        np.testing.assert_allclose(layer.state_dict()[name], value.numpy(), atol=1e-12)
    np.testing.assert_allclose(layer(x), module.eval()(torch.from_numpy(x)).detach().numpy(), atol=1e-12)


def test_embedding():
    layer = nn.Embedding(6, 3, padding_idx=2, dtype="float64")
    module = _to_torch(torch.nn.Embedding(6, 3, padding_idx=2), layer)
    ids = RNG.integers(0, 6, (4, 5))
    y, backward = layer.forward(ids)
    dy = RNG.standard_normal(y.shape)
    assert backward(dy) is None
    y_torch = module(torch.from_numpy(ids))
    y_torch.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(y, y_torch.detach().numpy())
    assert not layer.params["weight"][2].any()
    _same_gradients(layer, module)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers(name, bidirectional, bias):
    options = {"num_layers": 2, "bidirectional": bidirectional, "bias": bias}
    layer = getattr(nn, name)(5, 3, dtype="float64", rng=0, **options)
    module = _to_torch(getattr(torch.nn, name)(5, 3, batch_first=True, **options), layer)
    x = RNG.standard_normal((4, 6, 5))
    states = [RNG.standard_normal((2 * (1 + bidirectional), 4, 3)) for _ in range(layer.parts)]
    x_torch, *states_torch = (torch.from_numpy(array).requires_grad_() for array in (x, *states))
    state, state_torch = (tuple(states), tuple(states_torch)) if layer.parts > 1 else (states[0], states_torch[0])
    y, state_n, backward = layer.forward(x, state, return_state=True)
    y_torch, state_n_torch = module(x_torch, state_torch)
    finals, finals_torch = (state_n, state_n_torch) if layer.parts > 1 else ((state_n,), (state_n_torch,))
    slopes = [RNG.standard_normal(array.shape) for array in (y, *finals)]
    dx, dstate = backward(slopes[0], tuple(slopes[1:]) if layer.parts > 1 else slopes[1])
    torch.autograd.backward([y_torch, *finals_torch], [torch.from_numpy(slope) for slope in slopes])
    for found, expected in zip((y, *finals), (y_torch, *finals_torch), strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-12)
    dstates = dstate if layer.parts > 1 else (dstate,)
    for found, expected in zip((dx, *dstates), (x_torch, *states_torch), strict=True):
        np.testing.assert_allclose(found, expected.grad.numpy(), atol=1e-12)
    _same_gradients(layer, module)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_lengths_are_a_packed_sequence(name):
    layer = getattr(nn, name)(5, 3, bidirectional=True, output="last", dtype="float64", rng=0)
    module = _to_torch(getattr(torch.nn, name)(5, 3, batch_first=True, bidirectional=True), layer)
    x, lengths = RNG.standard_normal((4, 6, 5)), np.array([6, 1, 4, 2])
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.from_numpy(x), torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
    )
    final = module(packed)[1]
    hidden = final[0] if isinstance(final, tuple) else final
    y, backward = layer.forward(x, lengths=lengths)
    np.testing.assert_allclose(y, torch.cat([hidden[0], hidden[1]], dim=1).detach().numpy(), atol=1e-12)
    hidden.sum().backward()
    backward(np.ones_like(y))
    _same_gradients(layer, module)


LOSSES = [
    (nn.CrossEntropyLoss(), lambda: torch.nn.CrossEntropyLoss()),
    (nn.CrossEntropyLoss(ignore_index=1), lambda: torch.nn.CrossEntropyLoss(ignore_index=1)),
    (
        nn.CrossEntropyLoss([1.0, 2.0, 0.5], label_smoothing=0.2),
        lambda: torch.nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5]).double(), label_smoothing=0.2),
    ),
    (nn.CrossEntropyLoss(reduction="sum"), lambda: torch.nn.CrossEntropyLoss(reduction="sum")),
]


@pytest.mark.parametrize("loss, make", LOSSES)
def test_cross_entropy(loss, make):
    logits, target = RNG.standard_normal((8, 3)), RNG.integers(0, 3, 8)
    value, backward = loss.forward(logits, target)
    logits_torch = torch.from_numpy(logits).requires_grad_()
    expected = make()(logits_torch, torch.from_numpy(target))
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(backward(), logits_torch.grad.numpy(), atol=1e-14)


ELEMENT_LOSSES = [
    (nn.MSELoss(), lambda: torch.nn.MSELoss()),
    (nn.L1Loss(), lambda: torch.nn.L1Loss()),
    (nn.HuberLoss(0.5, reduction="sum"), lambda: torch.nn.HuberLoss(delta=0.5, reduction="sum")),
    (nn.BCEWithLogitsLoss(), lambda: torch.nn.BCEWithLogitsLoss()),
    (
        nn.BCEWithLogitsLoss([1.0, 2.0, 0.5], pos_weight=3.0),
        lambda: torch.nn.BCEWithLogitsLoss(torch.tensor([1.0, 2.0, 0.5]), pos_weight=torch.tensor(3.0)),
    ),
]


@pytest.mark.parametrize("loss, make", ELEMENT_LOSSES)
def test_element_losses(loss, make):
    x, target = RNG.standard_normal((8, 3)), RNG.uniform(0, 1, (8, 3))
    value, backward = loss.forward(x, target)
    x_torch = torch.from_numpy(x).requires_grad_()
    expected = make()(x_torch, torch.from_numpy(target))
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(backward(), x_torch.grad.numpy(), atol=1e-14)


TRAINING = [
    (lambda: nn.AdamW(0.02, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0.1)),
    (lambda: nn.RMSprop(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    (
        lambda: nn.RMSprop(0.01, alpha=0.9, eps=1e-4, weight_decay=0.01, momentum=0.5),
        lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-4, weight_decay=0.01, momentum=0.5),
    ),
    (lambda: nn.Adagrad(0.05, weight_decay=0.01), lambda p: torch.optim.Adagrad(p, 0.05, weight_decay=0.01)),
    (lambda: nn.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    (
        lambda: nn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    ),
    (
        lambda: nn.Adam(0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.01),
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.01),
    ),
]


@pytest.mark.parametrize("ours, theirs", TRAINING)
def test_training_runs_agree_step_by_step(ours, theirs):
    """A convolution, a dense layer, clipping and the optimiser, for 30 steps."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, dtype="float64", rng=0),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 3, dtype="float64", rng=1),
    )
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(36, 3)
    )
    _to_torch(module, model)
    x, y = RNG.standard_normal((40, 1, 8, 8)), RNG.integers(0, 3, 40)
    optimizer, optimizer_torch = ours(), theirs(module.parameters())
    for step in range(30):
        rows = slice(step % 4 * 10, step % 4 * 10 + 10)
        logits, backward = model.forward(x[rows])
        value, dlogits = nn.CrossEntropyLoss().forward(logits, y[rows])
        model.zero_grad()
        backward(dlogits())
        norm = nn.clip_grad_norm(model, 0.5)
        optimizer.step(model)
        optimizer_torch.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(torch.from_numpy(x[rows])), torch.from_numpy(y[rows]))
        loss.backward()
        # torch's own clipping adds 1e-6 to the norm; ours is exact.
        norm_torch = torch.nn.utils.get_total_norm([parameter.grad for parameter in module.parameters()])
        for parameter in module.parameters():
            parameter.grad *= min(1.0, 0.5 / norm_torch.item())
        optimizer_torch.step()
        assert value == pytest.approx(loss.item(), rel=1e-9)
        assert norm == pytest.approx(norm_torch.item(), rel=1e-9)


@pytest.mark.parametrize(
    "name, sizes", [("Linear", (20, 30)), ("Conv2d", (4, 8, 3)), ("LSTM", (5, 16)), ("Embedding", (50, 20))]
)
def test_initial_values_have_torchs_spread(name, sizes):
    torch.manual_seed(0)
    expected = getattr(torch.nn, name)(*sizes).state_dict()
    found = getattr(nn, name)(*sizes, rng=0).state_dict()
    assert list(found) == list(expected)
    for key, value in found.items():
        other = expected[key].numpy()
        assert value.shape == other.shape
        assert value.dtype == other.dtype
        if value.size > 50:
            assert value.std() == pytest.approx(other.std(), rel=0.2)
        if value.size > 50 and name != "Embedding":
            assert np.abs(value).max() == pytest.approx(np.abs(other).max(), rel=0.1)


def _same_gradients(layer, module):
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(layer.grads[name], parameter.grad.numpy(), atol=1e-12, err_msg=name)
