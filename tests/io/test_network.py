"""Networks that are saved and loaded; files that are damaged or hostile."""

import json
import tracemalloc

import numpy as np
import pytest

from goldfish import io, nn
from goldfish.nn.files import read_arrays, write_arrays


def _graph():
    nodes = {
        "conv": (nn.Conv2d(2, 4, 3, padding=((1, 0), (1, 1)), rng=0), "x"),
        "norm": (nn.BatchNorm2d(4), "conv"),
        "sum": ("add", "conv", "norm"),
        "gated": ("multiply", "sum", "gate"),
        "gate": (nn.AdaptiveAvgPool2d(1), "norm"),
        "both": ("concat", "gated", "x2"),
        "x2": (nn.MaxPool2d(1), "conv"),
    }
    return nn.Graph(nodes, "x", "both")


SHARED = nn.Linear(6, 6, rng=4)
MODELS = [
    (nn.Sequential(nn.Linear(3, 8, rng=0), nn.LeakyReLU(0.3), head=nn.Linear(8, 2, bias=False, rng=0)), (2, 3)),
    (
        nn.Sequential(
            nn.Residual(nn.Linear(3, 3, rng=0), nn.Linear(3, 3, rng=1)), nn.Concat(nn.GELU("tanh"), nn.SiLU())
        ),
        (2, 3),
    ),
    (
        nn.Sequential(nn.LSTM(3, 4, 2, bidirectional=True, peepholes=True, output="last", rng=0), nn.Softmax()),
        (2, 5, 3),
    ),
    (
        nn.TimeDistributed(nn.Sequential(nn.Conv2d(1, 2, (2, 3), (1, 2), rng=0), nn.Flatten(), nn.LayerNorm((12,)))),
        (2, 3, 1, 3, 7),
    ),
    (nn.Sequential(SHARED, nn.Tanh(), SHARED, nn.BatchNorm1d(6).freeze(), nn.Dropout(0.25)), (4, 6)),
    (_graph(), (2, 2, 4, 5)),
    (nn.Linear(3, 2, dtype="float64", rng=0), (4, 3)),
]


@pytest.mark.parametrize("model, shape", MODELS, ids=[repr(model)[:40] for model, _ in MODELS])
def test_what_is_saved_comes_back(model, shape, tmp_path, rng):
    path = tmp_path / "model"
    x = rng.standard_normal(shape).astype(next(iter(model.parameters().values())).dtype)
    io.save(model, path)
    again = io.load(path)
    assert repr(again) == repr(model)
    assert np.array_equal(again(x), model(x))
    assert list(again.state_dict()) == list(model.state_dict())
    assert list(again.parameters()) == list(model.parameters())


def test_metadata_comes_back_and_changes_nothing_else(tmp_path):
    words = {"vocabulary": 'ab"\n\u00e9\U0001f41f', "empty": ""}
    io.save(SHARED, tmp_path / "with", metadata=words)
    io.save(SHARED, tmp_path / "without")
    assert io.load_metadata(tmp_path / "with") == words
    assert io.load_metadata(tmp_path / "without") == {}
    assert np.array_equal(io.load(tmp_path / "with").params["weight"], SHARED.params["weight"])


def test_metadata_is_text_and_leaves_the_files_own_keys(tmp_path):
    with pytest.raises(TypeError, match="save: metadata expected str for str, got int for 'a'"):
        io.save(SHARED, tmp_path / "x", metadata={"a": 1})
    with pytest.raises(ValueError, match="save: metadata must not have the key 'kind'"):
        io.save(SHARED, tmp_path / "x", metadata={"kind": "mine"})
    assert not (tmp_path / "x").exists()
    write_arrays(tmp_path / "other", {}, {"kind": "another"})
    with pytest.raises(io.FileFormatError, match="expected a goldfish network 1, got 'another'"):
        io.load_metadata(tmp_path / "other")


def test_what_is_frozen_or_shared_stays_so(tmp_path):
    io.save(MODELS[4][0], tmp_path / "model")
    again = io.load(tmp_path / "model")
    assert again[0] is again[2]
    assert again[3].frozen
    assert not again[0].frozen


class Own(nn.Linear):
    """Not one of ours."""


def test_layers_that_fit_one_by_one_must_fit_together(tmp_path):
    """Many layers, each as large as the whole file, would take as many times its memory."""
    path = tmp_path / "model"
    io.save(nn.Linear(100, 100, rng=0), path)
    arrays, metadata = read_arrays(path)
    layer = json.loads(metadata["architecture"])
    children = {str(i): layer for i in range(10_000)}
    architecture = {"layer": "Sequential", "children": children}
    write_arrays(path, arrays, metadata | {"architecture": json.dumps(architecture)})
    tracemalloc.start()
    try:
        with pytest.raises(io.FileFormatError, match="needs 10000 numbers, the file has 10100, of which 0 are left"):
            io.load(path)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_other_layers_are_refused(tmp_path):
    with pytest.raises(TypeError, match="Own"):
        io.save(nn.Sequential(Own(3, 2)), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"layer": "os.system"}, "os.system"),
        ({"layer": "Layer"}, "Layer"),
        ({"arguments": {"in_features": 10**9, "out_features": 10**9, "bias": True}}, "needs 1000000000000000000"),
        ({"arguments": {"in_features": 3, "out_features": 2, "bias": False}}, "has arrays"),
        ({"arguments": {"in_features": 2, "out_features": 3, "bias": True}}, "needs 9 numbers, the file has 8"),
        ({"arguments": {"in_features": 2, "out_features": 2, "bias": True}}, "shape"),
        ({"arguments": {"in_features": "3", "out_features": 2, "bias": True}}, "cannot be made"),
        ({"arguments": {"in_features": 3, "out_features": 2, "evil": True}}, "no arguments"),
        ({"layer": "Sequential", "children": {"0": {"same_as": "7"}}}, "7"),
        (
            {"layer": "Conv3d", "arguments": {"in_channels": 1, "out_channels": 1, "kernel_size": 900}},
            "needs 729000000",
        ),
        (
            {"layer": "Conv2d", "arguments": {"in_channels": 1, "out_channels": 1, "kernel_size": [900, 2]}},
            "needs 1800",
        ),
        ({"layer": "Sequential", "children": 3}, "cannot be made"),
    ],
)
def test_a_hostile_architecture_is_an_error(change, message, tmp_path):
    path = tmp_path / "model"
    io.save(nn.Linear(3, 2, rng=0), path)
    arrays, metadata = read_arrays(path)
    architecture = json.loads(metadata["architecture"]) | change
    write_arrays(path, arrays, metadata | {"architecture": json.dumps(architecture)})
    with pytest.raises(io.FileFormatError, match=message):
        io.load(path)


def test_mutated_files_are_errors(tmp_path, rng):
    path = tmp_path / "model"
    io.save(MODELS[0][0], path)
    whole = path.read_bytes()
    for _ in range(300):
        data = bytearray(whole)
        match rng.integers(3):
            case 0:
                data[rng.integers(len(data))] ^= 1 << rng.integers(8)
            case 1:
                del data[rng.integers(len(data)) :]
            case 2:
                start = rng.integers(len(data))
                data[start : start + 4] = rng.bytes(4)
        if bytes(data) == whole:
            continue
        path.write_bytes(data)
        with pytest.raises(io.FileFormatError):
            io.load(path)


def test_other_files_are_refused_with_their_reason(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(b"")
    with pytest.raises(io.FileFormatError):
        io.load(path)
    write_arrays(path, {"a": np.zeros(3)}, {"kind": "something"})
    with pytest.raises(io.FileFormatError, match=r"goldfish network 1.*'something'"):
        io.load(path)
    with pytest.raises(OSError, match="missing"):
        io.load(tmp_path / "missing")
