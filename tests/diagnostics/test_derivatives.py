"""Influence, Jacobians and gradients by step, against central differences, for every cell and depth."""

import numpy as np
import pytest

from goldfish import diagnostics as gd
from goldfish import nn
from recurrent_differences import cell, differences, jacobian, pack, states

CELLS = {
    "tanh": ("RNN", {}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "no bias": ("RNN", {"bias": False}),
    "lstm": ("LSTM", {}),
    "peepholes": ("LSTM", {"peepholes": True}),
    "gru": ("GRU", {}),
    "gru before": ("GRU", {"reset_after": False}),
}
X = np.random.default_rng(5).normal(size=(6, 2))


@pytest.fixture(params=[(name, layers) for name in CELLS for layers in (1, 2, 3)], ids=lambda p: f"{p[0]}-{p[1]}")
def layer(request):
    name, layers = request.param
    kind, options = CELLS[name]
    return cell(kind, layers=layers, seed=layers, **options)


def with_head(layer, outputs=2):
    return nn.Sequential(layer, nn.Linear(layer.hidden_size, outputs, dtype="float64", rng=3))


def test_state_jacobians(layer):
    before = states(layer, X)
    expected = [jacobian(layer, x, s) for x, s in zip(X, before, strict=False)]
    np.testing.assert_allclose(gd.state_jacobians(layer, X), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("target", [-1, 2])
@pytest.mark.parametrize("norm", ["spectral", "fro", "abs"])
def test_influence(layer, target, norm):
    model = with_head(layer)
    slopes = differences(lambda x: model(x.reshape(1, *X.shape))[0, target], X.ravel()).reshape(2, *X.shape)
    norms = {"spectral": lambda m: np.linalg.norm(m, 2), "fro": np.linalg.norm, "abs": lambda m: np.abs(m).sum()}
    expected = [norms[norm](slopes[:, t]) for t in range(len(X))]
    np.testing.assert_allclose(gd.influence(model, X, target=target, norm=norm), expected, rtol=1e-6, atol=1e-8)
    alone = [np.linalg.norm(slopes[1, t]) for t in range(len(X))]
    np.testing.assert_allclose(gd.influence(model, X, target=target, output=1), alone, rtol=1e-6, atol=1e-8)


def test_lag_norms(layer):
    jacobians = gd.state_jacobians(layer, X)
    norms = gd.lag_norms(layer, X)
    for t in range(len(X)):
        product = np.eye(jacobians.shape[1])
        for s in range(t, -1, -1):
            assert norms[t, s] == pytest.approx(np.linalg.norm(product, 2), rel=1e-10)
            product = product @ jacobians[s]


def test_lag_norms_along_directions(layer):
    jacobians = gd.state_jacobians(layer, X)
    size = jacobians.shape[1]
    every = gd.lag_norms(layer, X, directions=size + 3)  # a whole basis: the Frobenius norm, whatever the basis
    some = gd.lag_norms(layer, X, directions=2, rng=7)
    chosen = np.linalg.qr(np.random.default_rng(7).standard_normal((size, 2)))[0]
    for t in range(len(X)):
        product = np.eye(size)
        for s in range(t, -1, -1):
            assert every[t, s] == pytest.approx(np.linalg.norm(product) / np.sqrt(size), rel=1e-10)
            assert some[t, s] == pytest.approx(np.linalg.norm(product @ chosen) / np.sqrt(2), rel=1e-9)
            product = product @ jacobians[s]
    np.testing.assert_array_equal(some[np.triu_indices(len(X), 1)], 0)
    np.testing.assert_allclose(10 ** gd.lag_norms(layer, X, directions=2, rng=7, log10=True), some, rtol=1e-9)
    for wrong, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="lag_norms: directions must be"):
            gd.lag_norms(layer, X, directions=wrong)


def test_lyapunov_exponents_are_the_singular_values_of_the_product(layer):
    jacobians = gd.state_jacobians(layer, X)
    singular = np.linalg.svd(np.linalg.multi_dot(jacobians[::-1]), compute_uv=False)
    found = gd.lyapunov_exponents(layer, X, k=2)
    np.testing.assert_allclose(np.exp(found * len(X)), singular[:2], rtol=1e-5, atol=1e-12)


def test_gradient_norms_by_perturbing_each_state(layer):
    """What one state more or less does to the loss, through its own output and all later steps."""
    head = nn.Linear(layer.hidden_size, 2, dtype="float64", rng=3)
    target = np.random.default_rng(1).normal(size=(len(X), 2))
    before = states(layer, X)
    top = layer.parts * layer.hidden_size

    def loss_from(t, state):
        """The loss of steps t..T with the state after step t as given; h of the top layer is what step t shows."""
        shown = state[-top:][: layer.hidden_size]
        total = ((head(shown) - target[t]) ** 2).sum()
        if t + 1 < len(X):
            y = layer(X[None, t + 1 :], pack(layer, state))
            total += ((head(y)[0] - target[t + 1 :]) ** 2).sum()
        return np.array([total / target.size])

    found = gd.grad_norm_by_step(nn.Sequential(layer, head), X, lambda y: nn.MSELoss().forward(y, target))
    size = layer.hidden_size * layer.parts
    for t in range(len(X)):
        slopes = differences(lambda s, t=t: loss_from(t, s), before[t + 1])[0]
        # A lower layer's h is read by the layer above at the same step too, which this difference does not see.
        if layer.num_layers == 1:
            assert found[t] == pytest.approx(np.linalg.norm(slopes), rel=1e-5)
        else:
            assert found[t] >= np.linalg.norm(slopes[-size:]) * (1 - 1e-5)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_gradients_of_a_stack_are_those_of_its_layers_in_a_row(kind):
    stack = cell(kind, layers=2)
    rows = []
    for level in range(2):
        single = getattr(nn, kind)(2 if level == 0 else 3, 3, dtype="float64")
        single.load_state_dict(
            {
                name.replace("_l0", f"_l{level}").replace(f"_l{level}", "_l0"): value
                for name, value in stack.params.items()
                if name.endswith(f"_l{level}")
            }
        )
        rows.append(single)
    pair = nn.Sequential(*rows)

    def loss(y):
        return float((y**2).sum()), lambda: 2 * y

    for function in (gd.influence, gd.state_jacobians, gd.lag_norms):
        np.testing.assert_allclose(function(stack, X), function(pair, X), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(gd.grad_norm_by_step(stack, X, loss), gd.grad_norm_by_step(pair, X, loss), rtol=1e-12)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_gradient_norms_of_a_lower_layer(kind):
    """The lower layer's h at step t, perturbed on its way to both readers."""
    lower, upper = cell(kind, seed=1), cell(kind, inputs=3, seed=2)
    before, step = states(lower, X), 1e-6

    def loss_with(t, i, size):
        ys, state = [], None
        for k, x in enumerate(X):
            y, state = lower(x[None, None], state, return_state=True)
            if k == t:
                parts = [part.copy() for part in (state if isinstance(state, tuple) else (state,))]
                parts[i // 3][0, 0, i % 3] += size
                state = tuple(parts) if len(parts) > 1 else parts[0]
                y = parts[0].swapaxes(0, 1)
            ys.append(y[0, 0])
        return (upper(np.array(ys)[None]) ** 2).sum()

    def upper_norms():
        middle = lower(X[None])[0]
        after = states(upper, middle)
        squares = []
        for t in range(len(X)):

            def loss(state, t=t):
                total = (state[:3] ** 2).sum()
                if t + 1 < len(X):
                    total += (upper(middle[None, t + 1 :], pack(upper, state)) ** 2).sum()
                return np.array([total])

            squares.append((differences(loss, after[t + 1])[0] ** 2).sum())
        return np.array(squares)

    expected = upper_norms()
    for t in range(len(X)):
        slopes = [(loss_with(t, i, step) - loss_with(t, i, -step)) / (2 * step) for i in range(before.shape[1])]
        expected[t] += np.square(slopes).sum()
    found = gd.grad_norm_by_step(nn.Sequential(lower, upper), X, lambda y: (float((y**2).sum()), lambda: 2 * y))
    np.testing.assert_allclose(found, np.sqrt(expected), rtol=1e-5)


def test_a_network_that_reads_the_whole_sequence_runs_backward_as_a_whole():
    model = nn.Sequential(
        nn.LSTM(2, 3, bidirectional=True, dtype="float64", rng=0), nn.Linear(6, 2, dtype="float64", rng=1)
    )
    slopes = differences(lambda x: model(x.reshape(1, *X.shape))[0, 2], X.ravel()).reshape(2, *X.shape)
    expected = [np.linalg.norm(slopes[:, t], 2) for t in range(len(X))]
    found = gd.influence(model, X, target=2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.all(found > 0)  # later inputs too


class Own(nn.Layer):
    """A user's own container that keeps its layers in attributes."""

    stateful = True

    def __init__(self):
        super().__init__()
        self.cell, self.head = cell("LSTM", layers=2), nn.Linear(3, 2, dtype="float64", rng=1)
        self.drop = nn.Dropout(0.5)
        self.children.update(cell=self.cell, drop=self.drop, head=self.head)

    def __call__(self, x, state=None, *, lengths=None, return_state=False):
        y, state = self.cell(x, state, return_state=True)
        y = self.head(y)
        return (y, state) if return_state else y

    def forward(self, x, state=None, *, lengths=None, return_state=False, rng=None):
        y, state, back = self.cell.forward(x, state, return_state=True)
        y, drop = self.drop.forward(y, rng=rng)
        y, head = self.head.forward(y)

        def run(dy, dstate=None, **options):
            dx, before = back(None if dy is None else drop(head(dy)), dstate)
            return (dx, before) if return_state else dx

        return (y, state, run) if return_state else (y, run)


def test_layers_of_the_users_own():
    own = Own()
    model = nn.Sequential(own)
    plain = nn.Sequential(own.cell, own.head)
    for function in (gd.influence, gd.state_jacobians, gd.lag_norms):
        np.testing.assert_allclose(function(model, X), function(plain, X), rtol=1e-12)
        np.testing.assert_allclose(function(own, X), function(plain, X), rtol=1e-12)
    assert not any(gradient.any() for layer in (own.cell, own.head) for gradient in layer.grads.values())
    assert list(gd.layer_outputs(own, X[None])) == ["cell", "head"]


class Decay(nn.Layer):
    """A user's own recurrent unit: h = h / 2 + x."""

    stateful = True

    def __call__(self, x, state=None, *, lengths=None, return_state=False):
        h, ys = np.zeros(x.shape[::2]) if state is None else state, []
        for t in range(x.shape[1]):
            h = h / 2 + x[:, t]
            ys.append(h)
        return (np.stack(ys, axis=1), h) if return_state else np.stack(ys, axis=1)

    def forward(self, x, state=None, *, lengths=None, return_state=False, rng=None):
        y, h = self(x, state, return_state=True)

        def run(dy, dstate=None):
            dx = np.zeros_like(x)
            carried = np.zeros_like(h) if dstate is None else dstate
            for t in range(x.shape[1] - 1, -1, -1):
                carried = carried + dy[:, t]
                dx[:, t], carried = carried, carried / 2
            return (dx, carried) if return_state else dx

        return (y, h, run) if return_state else (y, run)


def test_a_recurrent_unit_of_the_users_own_is_asked_as_a_whole():
    expected = 0.5 ** np.arange(5, -1, -1)
    np.testing.assert_allclose(gd.influence(Decay(), X), expected, rtol=1e-12)
    np.testing.assert_allclose(gd.influence(nn.Sequential(Decay()), X), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"lag_norms: model must be made of RNN, LSTM and GRU layers, got Decay\(\)"):
        gd.lag_norms(Decay(), X)


def test_one_output_per_sequence():
    model = nn.Sequential(nn.GRU(2, 3, output="last", dtype="float64", rng=0), nn.Linear(3, 1, dtype="float64", rng=1))
    slopes = differences(lambda x: model(x.reshape(1, *X.shape))[0], X.ravel()).reshape(1, *X.shape)
    np.testing.assert_allclose(gd.influence(model, X), np.linalg.norm(slopes[0], axis=1), rtol=1e-6)
    np.testing.assert_allclose(gd.influence(model, X, target=3)[:4], gd.influence(model, X[:4]), rtol=1e-10)
    assert gd.grad_norm_by_step(model, np.stack([X, X]), lambda y: (0.0, lambda: np.ones_like(y))).shape == (2, 6)


@pytest.mark.parametrize("kind", ["onehot", "embedding", "numbers"])
def test_category_numbers_are_their_vectors(kind):
    ids = np.array([0, 3, 1, 1, 2])
    if kind == "embedding":
        encoder = nn.Embedding(4, 3, dtype="float64", rng=0)
        vectors, tail = encoder(ids), cell("GRU", inputs=3)
        model = nn.Sequential(encoder, tail)
    else:
        vectors, tail = np.eye(4)[ids], cell("GRU", inputs=4)
        model = nn.Sequential(nn.OneHot(4), tail) if kind == "onehot" else tail
    np.testing.assert_allclose(gd.influence(model, ids), gd.influence(tail, vectors), rtol=1e-12)
    np.testing.assert_allclose(gd.influence(model, np.stack([ids, ids]))[1], gd.influence(tail, vectors), rtol=1e-12)


def test_float32_time_major_dropout_and_gradients_of_the_model_stay_as_they_are():
    model = nn.Sequential(
        nn.LSTM(2, 3, 2, dropout=0.5, batch_first=False, rng=0), nn.Dropout(0.5), nn.Linear(3, 2, rng=1)
    )
    before = {name: value.copy() for name, value in model.state_dict().items()}
    first = gd.influence(model, X)
    gd.diagnose_rnn(model, X, lambda y: (0.0, lambda: np.ones_like(y)))
    np.testing.assert_array_equal(first, gd.influence(model, X))
    assert first.dtype == np.float64
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert not any(gradient.any() for layer in model for gradient in layer.grads.values())
    assert not model[0].frozen
    assert model[0].dropout == 0.5
    assert model[1].p == 0.5
