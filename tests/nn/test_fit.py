"""The training loop against a loop by hand, and each of its options."""

import math

import numpy as np
import pytest

import goldfish as gf
from goldfish import nn
from goldfish.nn.data import open_source

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 6)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(np.int64)
IDS = (np.arange(4)[:, None] + np.arange(23)) % 5
TEXT = IDS[:, :-1], IDS[:, 1:]


def _model():
    rng = np.random.default_rng(1)
    return nn.Sequential(nn.Linear(6, 16, rng=rng), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2, rng=rng))


def _recurrent():
    rng = np.random.default_rng(1)
    return nn.Sequential(nn.OneHot(5), nn.LSTM(5, 8, rng=rng), nn.Linear(8, 5, rng=rng))


def _accuracy(prediction, target):
    return float((prediction.argmax(axis=-1) == target).mean())


def _same(first, second):
    return all(np.array_equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def _fit(model, data=(X, Y), loss=None, optimizer=None, **options):
    options = {"epochs": 3, "batch_size": 16, "progress": False, "rng": 0, **options}
    return nn.fit(model, data, loss or nn.CrossEntropyLoss(), optimizer or nn.Adam(0.01), **options)


def test_equals_a_loop_by_hand_bit_for_bit():
    model, other = _model(), _model()
    history = _fit(model, clip_norm=0.5)
    rng, optimizer, loss = np.random.default_rng(0), nn.Adam(0.01), nn.CrossEntropyLoss()
    losses = []
    for _ in range(3):
        order, total = rng.permutation(90), 0.0
        for start in range(0, 90, 16):
            rows = order[start : start + 16]
            logits, backward = other.forward(X[rows], rng=rng)
            value, dlogits = loss.forward(logits, Y[rows])
            other.zero_grad()
            backward(dlogits())
            nn.clip_grad_norm(other, 0.5)
            optimizer.step(other)
            total += float(value) * len(rows)
        losses.append(total / 90)
    assert _same(model, other)
    assert history["loss"] == losses


def test_truncate_carries_the_state_and_cuts_the_gradient():
    model, other = _recurrent(), _recurrent()
    loss = nn.CrossEntropyLoss(axis=-1)
    _fit(model, TEXT, loss, truncate=5, batch_size=4, shuffle=False)
    optimizer = nn.Adam(0.01)
    for _ in range(3):
        state = None
        for start in range(0, 22, 5):
            logits, state, backward = other.forward(TEXT[0][:, start : start + 5], state, return_state=True)
            _, dlogits = loss.forward(logits, TEXT[1][:, start : start + 5])
            other.zero_grad()
            backward(dlogits())
            optimizer.step(other)
    assert _same(model, other)


def test_truncate_differs_from_forgetting():
    carried, forgotten, loss = _recurrent(), _recurrent(), nn.CrossEntropyLoss(axis=-1)
    _fit(carried, TEXT, loss, truncate=11, batch_size=4, shuffle=False, epochs=1)
    windows = [(TEXT[0][:, start : start + 11], TEXT[1][:, start : start + 11]) for start in (0, 11)]
    _fit(forgotten, windows, loss, epochs=1)
    assert not _same(carried, forgotten)


def test_truncated_validation_carries_the_state():
    model, loss = _recurrent(), nn.CrossEntropyLoss(axis=-1)
    history = _fit(model, TEXT, loss, truncate=5, batch_size=4, validation=TEXT, epochs=2)
    assert history["val_loss"][-1] == pytest.approx(float(loss(model(TEXT[0]), TEXT[1])), rel=1e-5)


def test_learns_a_real_task():
    """The handwritten digits of scikit-learn, in a few seconds, far above chance."""
    datasets = pytest.importorskip(
        "sklearn.datasets", reason="scikit-learn, which carries the digits, is not installed"
    )
    images, labels = datasets.load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10, rng=rng),
    )
    train, test = (images[:1200], labels[:1200]), (images[1200:], labels[1200:])
    history = _fit(model, train, validation=test, metrics={"accuracy": _accuracy}, epochs=8, batch_size=32)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert history["val_accuracy"][-1] > 0.85
    assert history["val_accuracy"][-1] == pytest.approx(_accuracy(model(images[1200:]), labels[1200:]))


def test_history_of_a_run():
    history = _fit(_model(), validation=(X[:20], Y[:20]), metrics={"accuracy": _accuracy})
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(values) == 3 for values in history.values())
    assert all(type(value) is float for values in history.values() for value in values)


def test_a_fraction_for_validation_is_not_trained_on():
    seen = []

    class Spy(nn.CrossEntropyLoss):
        def forward(self, prediction, target, sample_weight=None):
            seen.append(len(target))
            return super().forward(prediction, target, sample_weight)

    _fit(_model(), (X, np.arange(90) % 2), Spy(), validation=0.3, epochs=1, batch_size=100)
    assert seen == [63, 27]


def test_no_shuffle_keeps_the_order_and_does_not_copy():
    seen = []

    class Spy(nn.Flatten):
        def forward(self, x, state=None, **options):
            seen.append(x)
            return super().forward(x, state, **options)

    model = nn.Sequential(Spy(), nn.Linear(6, 2))
    _fit(model, shuffle=False, epochs=1, batch_size=40)
    assert [len(x) for x in seen] == [40, 40, 10]
    assert all(np.shares_memory(x, X) for x in seen)
    assert np.array_equal(np.concatenate(seen), X)


def test_ready_batches():
    batches = [(X[:30], Y[:30]), (X[30:50], Y[30:50]), (X[50:], Y[50:])]
    model, other = _model(), _model()
    history = _fit(model, batches)
    optimizer, rng = nn.Adam(0.01), np.random.default_rng(0)
    for _ in range(3):
        for x, y in batches:
            logits, backward = other.forward(x, rng=rng)
            other.zero_grad()
            backward(nn.CrossEntropyLoss().forward(logits, y)[1]())
            optimizer.step(other)
    assert _same(model, other)
    assert len(history["loss"]) == 3


def test_several_inputs_come_by_name():
    """Two inputs that a graph joins train as their concatenation does."""
    graph = nn.Graph(
        {"both": ("concat", "a", "b"), "head": (nn.Linear(6, 2, rng=1), "both")}, inputs=("a", "b"), outputs="head"
    )
    other = nn.Sequential(head=nn.Linear(6, 2, rng=1))
    named = [({"a": X[rows, :2], "b": X[rows, 2:].copy()}, Y[rows]) for rows in (slice(0, 50), slice(50, 90))]
    history = _fit(graph, named, validation=named)
    expected = _fit(other, [(X[:50], Y[:50]), (X[50:], Y[50:])], validation=[(X, Y)])
    assert _same(graph, other)
    assert history["loss"] == expected["loss"]
    assert history["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-5)
    for options, message in [
        ({"truncate": 2}, r"truncate expected one input, got several: \['a', 'b'\]"),
        ({"augment": lambda x, rng: x}, r"augment expected one input, got several: \['a', 'b'\]"),
    ]:
        model = nn.Graph({"r": (nn.RNN(2, 2), "a")}, inputs=("a", "b"), outputs="r") if "truncate" in options else graph
        with pytest.raises(ValueError, match=message):
            _fit(model, named, **options)
    named[1][0]["b"][3, 1] = np.nan
    with pytest.raises(nn.NonFiniteError, match=r"step 1 .* x\['b'\] holds values that are not finite"):
        _fit(graph, named)


def test_sample_weights():
    weight = RNG.random(90).astype(np.float32)
    models = [_model() for _ in range(4)]
    _fit(models[0], sample_weight=weight, shuffle=False, batch_size=45)
    _fit(models[1], (X, Y, weight), shuffle=False, batch_size=45)
    _fit(models[2], [(X[:45], Y[:45], weight[:45]), (X[45:], Y[45:], weight[45:])])
    _fit(models[3], shuffle=False, batch_size=45)
    assert _same(models[0], models[1])
    assert _same(models[0], models[2])
    assert not _same(models[0], models[3])


def test_a_sample_of_weight_zero_does_not_count():
    weight = np.ones(90, np.float32)
    weight[60:] = 0
    model, other = (nn.Linear(6, 2, dtype="float64", rng=0) for _ in range(2))
    x = X.astype(np.float64)
    _fit(model, (x, Y), sample_weight=weight, shuffle=False, batch_size=90)
    _fit(other, (x[:60], Y[:60]), shuffle=False, batch_size=60)
    np.testing.assert_allclose(model.params["weight"], other.params["weight"], rtol=1e-9)


def test_patience_stops_and_restores_the_best():
    model = _model()
    states = []
    history = _fit(
        model,
        optimizer=nn.SGD(0.1),
        validation=(X[:30], 1 - Y[:30]),
        epochs=50,
        patience=2,
        callbacks=[lambda epoch: states.append({k: v.copy() for k, v in epoch.model.state_dict().items()})],
    )
    assert history.best_epoch + 3 == len(history["loss"]) < 50
    assert all(np.array_equal(value, model.state_dict()[name]) for name, value in states[history.best_epoch].items())
    kept = _model()
    _fit(kept, optimizer=nn.SGD(0.1), validation=(X[:30], 1 - Y[:30]), epochs=50, patience=2, restore_best=False)
    assert not _same(model, kept)


def test_callbacks_see_each_epoch_and_may_end_the_run():
    seen = []

    def stop(epoch):
        seen.append((epoch.epoch, epoch.step, len(epoch.history["loss"])))
        return epoch.epoch == 1

    history = _fit(_model(), epochs=10, callbacks=iter([stop, lambda epoch: None]))
    assert seen == [(0, 6, 1), (1, 12, 2)]
    assert len(history["loss"]) == 2


def test_a_non_finite_loss_names_step_and_epoch_and_changes_nothing():
    x = X.copy()
    x[70] = np.nan
    model, optimizer = nn.Linear(6, 2, rng=0), nn.SGD(0.1)
    with pytest.raises(nn.NonFiniteError, match=r"the loss is nan at step 4 \(epoch 0\)"):
        _fit(model, (x, Y), optimizer=optimizer, shuffle=False)
    assert optimizer.steps == 4
    assert np.isfinite(model.params["weight"]).all()


def test_a_non_finite_gradient_names_the_step():
    class Spike(nn.ReLU):
        def forward(self, x, state=None, **options):
            y, backward = super().forward(x, state, **options)
            return y, lambda dy: np.full_like(dy, np.inf) if len(y) == 10 else backward(dy)

    model = nn.Sequential(nn.Linear(6, 4, rng=0), Spike(), nn.Linear(4, 2, rng=1))
    with pytest.raises(
        nn.NonFiniteError, match=r"fit: clip_grad_norm: the gradient of '0\.\w+' has .* at step 5 \(epoch 0\)"
    ):
        _fit(model, clip_norm=1.0)


@pytest.mark.parametrize(
    "make, data, loss", [(_model, (X, Y), nn.CrossEntropyLoss()), (_recurrent, TEXT, nn.CrossEntropyLoss(axis=-1))]
)
def test_the_number_of_threads_does_not_matter(make, data, loss):
    models = [make() for _ in range(3)]
    for model, threads in zip(models, (1, 2, 3), strict=True):
        with gf.threads(threads):
            _fit(model, data, loss, clip_norm=1.0)
    assert _same(models[0], models[1])
    assert _same(models[0], models[2])


def test_the_generator_is_the_callers():
    rng = np.random.default_rng(0)
    model, other = _model(), _model()
    _fit(model, rng=rng)
    assert rng.random() != np.random.default_rng(0).random()
    _fit(other, rng=0)
    assert _same(model, other)


def test_mse_and_a_recurrent_model_alone():
    layer = nn.GRU(2, 1, output="last", rng=0)
    x = RNG.standard_normal((40, 5, 2)).astype(np.float32)
    y = np.tanh(x.sum(axis=(1, 2)))[:, None]
    history = _fit(layer, (x, y), nn.MSELoss(), epochs=30)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 0}, "fit: epochs expected an int >= 1, got 0"),
        ({"batch_size": 0}, "fit: batch_size expected an int >= 1, got 0"),
        ({"patience": 0}, "fit: patience expected an int >= 1, got 0"),
        ({"truncate": 3}, "fit: truncate=3 expected a model with a recurrent layer"),
        ({"resume": True}, "fit: resume=True expected a checkpoint"),
        ({"validation": 1.5}, "fit: validation expected a fraction between 0 and 1, got 1.5"),
        ({"validation": 0.999}, "fit: validation=0.999 of 90 samples leaves none to train on"),
        ({"data": [(X, Y)], "validation": 0.5}, "a fraction can be taken of arrays only"),
        ({"data": (X, Y[:80])}, "fit: x has 90 samples, so y must have as many, got 80"),
        ({"data": (X[:0], Y[:0])}, "fit: x expected at least one sample, got none"),
        ({"data": []}, "fit: data expected at least one batch, got none"),
        ({"data": (X,)}, r"fit: data expected \(x, y\) or \(x, y, sample_weight\), got a tuple of 1"),
        ({"sample_weight": -np.ones(90)}, "fit: sample_weight expected 90 numbers >= 0, got 90 from -1.0 on"),
        ({"sample_weight": np.ones(80)}, "fit: sample_weight expected 90 numbers >= 0, got 80"),
        ({"data": [(X, Y)], "sample_weight": np.ones(90)}, "fit: sample_weight expected in the batches"),
        ({"data": (X[:2], [[1.0], [1.0, 2.0]])}, "fit: y expected an array, got a list of unequal lengths"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, r"fit: loss expected to give one number, got shape \(16,\)"),
        ({"progress": "loud"}, "fit: progress expected 'auto', 'bar', 'lines', True or False, got 'loud'"),
    ],
)
def test_wrong_values(options, message):
    with pytest.raises(ValueError, match=message):
        _fit(_model(), **options)


def test_windows_need_targets_for_each_step():
    with pytest.raises(ValueError, match="fit: truncate expected x and y with the same number of steps on axis 1"):
        _fit(_recurrent(), (IDS, np.zeros(4, np.int64)), truncate=5)


@pytest.mark.parametrize(
    "data, message",
    [
        (iter([(X, Y)]), "fit: data expected an iterable that starts anew each epoch, got the iterator"),
        (3, r"fit: data expected \(x, y\) or an iterable of batches, got int"),
        ([X], r"fit: data expected batches \(x, y\[, sample_weight\]\), got ndarray"),
        ((X, None), "fit: y expected an array of numbers, got NoneType"),
    ],
)
def test_wrong_types(data, message):
    with pytest.raises(TypeError, match=message):
        _fit(_model(), data)


def test_loss_falls_on_text():
    history = _fit(_recurrent(), TEXT, nn.CrossEntropyLoss(axis=-1), truncate=6, epochs=40, optimizer=nn.Adam(0.05))
    assert history["loss"][-1] < 0.1 < math.log(5) * 0.9 < history["loss"][0]


def _sequences(count=40, seed=3):
    rng = np.random.default_rng(seed)
    x = [rng.standard_normal((n, 2)).astype(np.float32) for n in rng.integers(1, 12, count)]
    return x, np.array([int(sequence.sum() > 0) for sequence in x])


def _ragged_model(output="last"):
    return nn.Sequential(nn.GRU(2, 8, output=output, rng=1), nn.Linear(8, 2, rng=2))


def test_ragged_sequences_train_as_they_would_one_by_one():
    x, y = _sequences(7)
    model, other = _ragged_model(), _ragged_model()
    _fit(model, (x, y), optimizer=nn.SGD(0.1), epochs=2, batch_size=7, shuffle=False)
    for _ in range(2):
        other.zero_grad()
        for sequence, label in zip(x, y, strict=True):
            logits, backward = other.forward(sequence[None])
            _, dlogits = nn.CrossEntropyLoss().forward(logits, np.array([label]))
            backward(dlogits() / 7)
        nn.SGD(0.1).step(other)
    for name, value in model.parameters().items():
        np.testing.assert_allclose(value, other.parameters()[name], rtol=1e-4, atol=1e-6)


def test_ragged_targets_do_not_count_where_they_are_padded():
    x, _ = _sequences(9)
    labels = [(sequence[:, 0] > 0).astype(np.int64) for sequence in x]
    model = _ragged_model("sequence")
    value = _fit(model, (x, labels), nn.CrossEntropyLoss(axis=-1), nn.SGD(0.0), epochs=1, batch_size=9)["loss"][0]
    joined = np.concatenate([model(sequence[None])[0] for sequence in x])
    expected = nn.CrossEntropyLoss()(joined, np.concatenate(labels))
    assert value == pytest.approx(float(expected), rel=1e-5)
    targets = [sequence @ np.ones((2, 2), np.float32) for sequence in x]
    value = _fit(model, (x, targets), nn.MSELoss(), nn.SGD(0.0), epochs=1, batch_size=9)["loss"][0]
    assert value == pytest.approx(float(nn.MSELoss()(joined, np.concatenate(targets))), rel=1e-5)


def test_ragged_sequences_with_several_targets_count_once_each():
    x, _ = _sequences(11)
    targets = np.random.default_rng(0).standard_normal((11, 2)).astype(np.float32)
    model = _ragged_model()
    expected = nn.MSELoss()(np.concatenate([model(sequence[None]) for sequence in x]), targets)
    for shuffle in (True, False):
        value = _fit(model, (x, targets), nn.MSELoss(), nn.SGD(0.0), epochs=1, batch_size=4, shuffle=shuffle)["loss"][0]
        assert value == pytest.approx(float(expected), rel=1e-5)


def test_ragged_batches_hold_like_lengths_and_every_sequence_once():
    x, y = _sequences(200)
    source = open_source((x, np.arange(200)))
    batches = list(source.batches(10, np.random.default_rng(0)))
    assert sorted(np.concatenate([batch.y for batch in batches])) == list(range(200))
    padding = sum(batch.x[..., 0].size - batch.lengths.sum() for batch in batches)
    assert padding < 0.2 * sum(map(len, x))
    again = [batch.y.tolist() for batch in source.batches(10, np.random.default_rng(0))]
    assert again == [batch.y.tolist() for batch in batches]
    assert again != [batch.y.tolist() for batch in source.batches(10, np.random.default_rng(1))]
    history = _fit(_ragged_model(), (x, y), validation=0.2, epochs=2)
    assert len(history["val_loss"]) == 2


def test_ragged_sequences_in_windows_carry_the_state_to_their_own_ends():
    x, _ = _sequences(6)
    labels = [(sequence[:, 0] > 0).astype(np.int64) for sequence in x]
    model, loss = _ragged_model("sequence"), nn.CrossEntropyLoss(axis=-1)
    whole = _fit(model, (x, labels), loss, nn.SGD(0.0), epochs=1, batch_size=6, shuffle=False)["loss"][0]
    windows = _fit(model, (x, labels), loss, nn.SGD(0.0), epochs=1, batch_size=6, shuffle=False, truncate=4)["loss"][0]
    assert windows == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(
    "data, message",
    [
        (([np.ones((2, 2)), np.ones((3, 3))], [0, 1]), r"x\[1\].*\(2,\).*\(3,\)"),
        (([np.ones((2, 2)), np.ones((3, 2))], [[0, 1], [1]]), r"y\[1\].*3 steps"),
        (([np.ones((2, 2)), np.ones((3, 2))], [0]), "2 samples"),
    ],
)
def test_ragged_data_that_does_not_fit(data, message):
    with pytest.raises(ValueError, match=message):
        _fit(_ragged_model(), data)


def test_augmentation_draws_from_the_runs_generator():
    def noisy(x, rng):
        return x + rng.standard_normal(x.shape).astype(x.dtype)

    plain, first, second = _model(), _model(), _model()
    _fit(plain)
    _fit(first, augment=noisy)
    _fit(second, augment=noisy)
    assert _same(first, second)
    assert not _same(plain, first)
    with pytest.raises(ValueError, match="augment expected to return 16 samples"):
        _fit(_model(), augment=lambda x, rng: x[:3])


def test_a_loss_that_is_not_finite_names_the_layer():
    model = _model()
    model[3].params["weight"][0, 0] = np.inf
    with pytest.raises(nn.NonFiniteError, match="'3\\.weight' is not finite"):
        _fit(model)
    model = nn.Sequential(nn.Linear(6, 4, rng=0), nn.Linear(4, 2, rng=0))
    model[0].params["weight"][...] = 3e38
    with pytest.raises(nn.NonFiniteError, match=r"step 0.*output of 0 Linear\(6, 4\)"):
        _fit(model)
    with pytest.raises(nn.NonFiniteError, match="x holds"):
        _fit(_model(), (np.full_like(X, np.nan), Y))
