"""Sampling in the core: what a loop over the prepared model writes, with any settings."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from goldfish import nn
from goldfish.models.drawing import draw_one

SIZE, DRAWS = 11, 60
CELLS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "peepholes": (nn.LSTM, {"peepholes": True}),
    "gru": (nn.GRU, {}),
    "reset-before": (nn.GRU, {"reset_after": False}),
}


class Uniform:
    """A Generator that gives the numbers it was made of."""

    def __init__(self, numbers):
        self._numbers = iter(numbers)

    def random(self):
        return next(self._numbers)


def make(cell="lstm", entry="onehot", layers=2, hidden=17, dtype="float32", **options):
    kind, own = CELLS[cell]
    rng = np.random.default_rng(3)
    before = {
        "onehot": {"onehot": nn.OneHot(SIZE, dtype=dtype)},
        "embedding": {"embedding": nn.Embedding(SIZE, 6, dtype=dtype, rng=rng)},
        "numbers": {},
    }[entry]
    recurrent = kind(6 if entry == "embedding" else SIZE, hidden, layers, dtype=dtype, rng=rng, **own, **options)
    head = nn.Linear(hidden, SIZE, dtype=dtype, rng=rng)
    head.params["weight"] *= 8
    return nn.Sequential(**before, recurrent=recurrent, dropout=nn.Dropout(0.5), head=head)


def by_steps(model, first, numbers, state=None, temperature=1.0, top_k=None, top_p=None):
    """The same with a call and a draw for each step."""
    rng, ids, rows = Uniform(numbers), [first], []
    for _ in numbers:
        logits, state = model(np.array([[ids[-1]]]), state, return_state=True)
        rows.append(logits[0, 0])
        ids.append(draw_one(rows[-1].astype(np.float64), temperature, top_k, top_p, rng))
    return np.array(ids[1:]), np.array(rows), state


def assert_same(ours, theirs, rtol=1e-5):
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], rtol=rtol, atol=rtol)
    for mine, other in zip(*(leaves(result[2]) for result in (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol)


def leaves(state):
    (state,) = state.values()
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("entry", ["onehot", "embedding", "numbers"])
@pytest.mark.parametrize("cell", CELLS)
def test_writes_what_a_loop_writes(cell, entry):
    model = make(cell, entry)
    numbers = np.random.default_rng(0).random(DRAWS)
    found = nn.Sampler(model)(4, numbers)
    assert len(set(found[0].tolist())) > 3
    assert_same(found, by_steps(model, 4, numbers))


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.3},
        {"temperature": 5.0},
        {"top_k": 3},
        {"top_k": 50},
        {"top_p": 0.6},
        {"top_p": 1.0},
        {"temperature": 2.0, "top_k": 4, "top_p": 0.8},
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_settings_are_those_of_the_loop(settings, dtype):
    model = make(layers=1, dtype=dtype)
    numbers = np.random.default_rng(1).random(DRAWS)
    found = nn.Sampler(model)(0, numbers, **settings)
    assert found[1].dtype == dtype
    assert_same(found, by_steps(model, 0, numbers, **settings), 1e-5 if dtype == "float32" else 1e-12)


def test_goes_on_where_a_call_or_the_model_stopped():
    model, numbers = make(), np.random.default_rng(2).random(DRAWS)
    sampler = nn.Sampler(model)
    whole = sampler(1, numbers)
    ids, _, state = sampler(1, numbers[:20])
    kept = copy.deepcopy(state)
    rest = sampler(ids[-1], numbers[20:], state)
    np.testing.assert_array_equal(np.concatenate([ids, rest[0]]), whole[0])
    for mine, other in zip(leaves(state), leaves(kept), strict=True):
        np.testing.assert_array_equal(mine, other)
    _, state = model.prepare()(np.array([[3, 1, 4]]), return_state=True)
    assert_same(sampler(1, numbers, state), by_steps(model, 1, numbers, state))


def test_no_numbers_draw_nothing():
    ids, logits, state = nn.Sampler(make())(2, [])
    assert ids.shape == (0,)
    assert logits.shape == (0, SIZE)
    assert not any(part.any() for part in leaves(state))


def test_keeps_the_weights_of_the_moment_and_repacks_after_pickling():
    model, numbers = make(), np.random.default_rng(4).random(DRAWS)
    sampler = nn.Sampler(model)
    before = sampler(0, numbers)
    restored = pickle.loads(pickle.dumps(sampler))
    assert_same(restored(0, numbers), before, 0)
    for layer in (model["recurrent"], model["head"]):
        for value in layer.params.values():
            value *= -1
    assert_same(sampler(0, numbers), before, 0)
    assert_same(nn.Sampler(model)(0, numbers), by_steps(model, 0, numbers))


def test_threads_may_share_one():
    sampler, numbers = nn.Sampler(make(hidden=64)), np.random.default_rng(5).random((8, DRAWS))
    alone = [sampler(0, row)[0] for row in numbers]
    with ThreadPoolExecutor(4) as pool:
        for ours, together in zip(alone, pool.map(lambda row: sampler(0, row)[0], numbers), strict=True):
            np.testing.assert_array_equal(ours, together)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature must be a finite number > 0, got 0"),
        ({"temperature": np.nan}, "temperature must be a finite number > 0"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
        ({"first": SIZE}, "first must be below 11, got 11"),
        ({"first": -1}, "first must be at least 0, got -1"),
        ({"numbers": [0.5, 1.0]}, r"numbers must be in \[0, 1\), got 1 at 1"),
        ({"numbers": [[0.5]]}, r"numbers must have shape \(1,\), got \(1, 1\)"),
        ({"state": {"recurrent": (np.zeros((2, 3, 17), np.float32), None)}}, r"h_0 must have shape \(2, 1, 17\)"),
        ({"state": {"other": None}}, "state expected a dict with keys among"),
    ],
)
def test_wrong_calls_are_refused(change, message):
    call = {"first": 0, "numbers": [0.5]} | change
    with pytest.raises(ValueError, match=message):
        nn.Sampler(make())(call.pop("first"), call.pop("numbers"), call.pop("state", None), **call)


def test_models_that_cannot_write_are_refused():
    recurrent = nn.LSTM(SIZE, 17, rng=0)
    with pytest.raises(TypeError, match="model must be a Sequential, got LSTM"):
        nn.Sampler(recurrent)
    for layers in ((), (recurrent,), (nn.Linear(17, 17), nn.Linear(17, SIZE)), (recurrent, nn.ReLU())):
        with pytest.raises(TypeError, match="a OneHot or Embedding, a recurrent layer, a Linear, got"):
            nn.Sampler(nn.Sequential(*layers))
    for wrong, message in (
        (nn.Sequential(nn.LSTM(SIZE, 17, bidirectional=True), nn.Linear(34, SIZE)), "must read one way"),
        (nn.Sequential(nn.LSTM(SIZE, 17, output="last"), nn.Linear(17, SIZE)), "must read one way"),
        (nn.Sequential(recurrent, nn.Linear(17, SIZE + 1)), "must have 11 outputs, one a category, got 12"),
        (nn.Sequential(recurrent, nn.Linear(16, SIZE)), "must have 17 inputs, got 16"),
    ):
        with pytest.raises(ValueError, match=message):
            nn.Sampler(wrong)
