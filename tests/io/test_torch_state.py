"""State dicts of PyTorch, made by hand here and by PyTorch itself; hostile and damaged archives."""

import contextlib
import pickle
import struct
import zipfile

import numpy as np
import pytest

from goldfish import io, nn

STORAGES = {
    "<f4": "FloatStorage",
    "<f8": "DoubleStorage",
    "<i8": "LongStorage",
    "|b1": "BoolStorage",
    "<f2": "HalfStorage",
}


def _text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _number(value):
    return b"J" + struct.pack("<i", value)


def _numbers(values):
    return b"(" + b"".join(map(_number, values)) + b"t"


def _tensor(key, array, *, size=None, stride=None, offset=0, numbers=None):
    """The opcodes that PyTorch writes for a tensor."""
    size = array.shape if size is None else size
    stride = [s // array.itemsize for s in array.strides] if stride is None else stride
    storage = f"ctorch\n{STORAGES[array.dtype.str]}\n".encode()
    where = (
        b"("
        + _text("storage")
        + storage
        + _text(key)
        + _text("cpu")
        + _number(array.size if numbers is None else numbers)
    )
    arguments = b"(" + where + b"tQ" + _number(offset) + _numbers(size) + _numbers(stride) + b"\x89"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"ccollections\nOrderedDict\n)R" + b"tR"


def _archive(path, body, storages=(), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + body + b".")
        archive.writestr("archive/byteorder", b"little")
        for key, array in dict(storages).items():
            archive.writestr(f"archive/data/{key}", np.ascontiguousarray(array).tobytes())


def _dict(items):
    return b"ccollections\nOrderedDict\n)R(" + b"".join(_text(name) + value for name, value in items.items()) + b"u"


WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
BIAS = np.array([0.5, -1.0])


def test_an_archive_by_hand(tmp_path):
    path = tmp_path / "model.pt"
    tensors = {
        "weight": _tensor("0", WEIGHT),
        "bias": _tensor("1", BIAS),
        "turned": _tensor("0", WEIGHT, size=(3, 2), stride=(1, 3)),
    }
    _archive(path, _dict(tensors), {"0": WEIGHT, "1": BIAS})
    found = io.load_torch_state(path)
    assert list(found) == ["weight", "bias", "turned"]
    assert np.array_equal(found["weight"], WEIGHT)
    assert np.array_equal(found["turned"], WEIGHT.T)
    assert found["bias"].dtype == np.float64
    assert not found["weight"].flags.writeable
    layer = nn.Linear(3, 2)
    layer.load_state_dict({name: found[name] for name in ("weight", "bias")})
    assert np.array_equal(layer.params["weight"], WEIGHT)


def test_a_training_checkpoint_asks_for_its_key(tmp_path):
    path = tmp_path / "model.pt"
    _archive(path, _dict({"epoch": _number(3), "state_dict": _dict({"w": _tensor("0", WEIGHT)})}), {"0": WEIGHT})
    with pytest.raises(ValueError, match=r"pass key= one of \['state_dict'\]"):
        io.load_torch_state(path)
    with pytest.raises(ValueError, match="no key 'model'"):
        io.load_torch_state(path, key="model")
    assert list(io.load_torch_state(path, key="state_dict")) == ["w"]


def test_half_numbers_become_float32(tmp_path):
    half = np.array([0.5, -2.0, 65504.0], np.float16)
    _archive(tmp_path / "model.pt", _dict({"w": _tensor("0", half)}), {"0": half})
    found = io.load_torch_state(tmp_path / "model.pt")["w"]
    assert found.dtype == np.float32
    assert found.tolist() == [0.5, -2.0, 65504.0]


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_nothing_is_executed(tmp_path):
    made = tmp_path / "made"
    for protocol in range(2, 6):
        body = pickle.dumps({"weight": Evil(str(made))}, protocol)[2:-1]
        _archive(tmp_path / "model.pt", body)
        with pytest.raises(io.FileFormatError, match=r"io\.open"):
            io.load_torch_state(tmp_path / "model.pt")
        assert not made.exists()


@pytest.mark.parametrize(
    "body, message",
    [
        (_dict({"w": _tensor("0", WEIGHT, size=(10**6, 10**6), stride=(0, 0))}), "storage of 6"),
        (_dict({"w": _tensor("0", WEIGHT, size=(2,), stride=(10,))}), "ends at number 10"),
        (_dict({"w": _tensor("0", WEIGHT, offset=6)}), "ends at number 11"),
        (_dict({"w": _tensor("0", WEIGHT, numbers=10**9, size=(10**9,), stride=(1,))}), "ends at number"),
        (_dict({"w": _tensor("0", WEIGHT, offset=-1)}), "wrongly"),
        (_dict({"w": _tensor("9", WEIGHT)}), "'9' is missing"),
        (b"cos\nsystem\n" + _text("true") + b"\x85R", "os.system"),
        (b"cbuiltins\neval\n", "builtins.eval"),
        (b"ctorch.nn.modules.linear\nLinear\n)\x81}b", "save model.state_dict"),
        (b"]" + b"0" * 3, "POP"),
        (b"u", "damaged|beginning"),
        (b"", "damaged"),
    ],
)
def test_hostile_archives_are_errors(body, message, tmp_path):
    _archive(tmp_path / "model.pt", body, {"0": WEIGHT})
    with pytest.raises(io.FileFormatError, match=message):
        io.load_torch_state(tmp_path / "model.pt")


def test_compressed_archives_are_refused(tmp_path):
    zeros = np.zeros(10**6, np.float32)
    _archive(tmp_path / "bomb.pt", _dict({"w": _tensor("0", zeros)}), {"0": zeros}, zipfile.ZIP_DEFLATED)
    with pytest.raises(io.FileFormatError, match="not compressed"):
        io.load_torch_state(tmp_path / "bomb.pt")


def test_mutated_archives_are_read_or_refused(tmp_path, rng):
    path = tmp_path / "model.pt"
    _archive(path, _dict({"weight": _tensor("0", WEIGHT), "bias": _tensor("1", BIAS)}), {"0": WEIGHT, "1": BIAS})
    whole = path.read_bytes()
    refused = 0
    for _ in range(600):
        data = bytearray(whole)
        start = int(rng.integers(len(data)))
        match rng.integers(3):
            case 0:
                data[start] ^= 1 << int(rng.integers(8))
            case 1:
                del data[start : start + int(rng.integers(1, 200))]
            case 2:
                data[start : start + 4] = rng.bytes(4)
        path.write_bytes(data)
        try:
            io.load_torch_state(path)
        except ValueError:
            refused += 1
    assert refused > 300


def test_mutated_pickles_inside_whole_archives(tmp_path, rng):
    body = _dict({"weight": _tensor("0", WEIGHT), "bias": _tensor("1", BIAS)})
    for _ in range(600):
        data = bytearray(body)
        start = int(rng.integers(len(data)))
        data[start : start + int(rng.integers(1, 4))] = rng.bytes(int(rng.integers(0, 4)))
        _archive(tmp_path / "model.pt", bytes(data), {"0": WEIGHT, "1": BIAS})
        with contextlib.suppress(ValueError):
            io.load_torch_state(tmp_path / "model.pt")


def test_other_files_are_refused_with_their_reason(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(io.FileFormatError, match="before PyTorch"):
        io.load_torch_state(path)
    path.write_bytes(b"hello")
    with pytest.raises(io.FileFormatError, match="neither"):
        io.load_torch_state(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(io.FileFormatError, match=r"one data.pkl, got 0"):
        io.load_torch_state(path)


def test_safetensors_of_any_program(tmp_path):
    header = (
        b'{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"n":{"dtype":"I8","shape":[],"data_offsets":[4,5]}}'
    )
    data = np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + data.astype("<u2").tobytes() + b"\x07")
    found = io.load_torch_state(path)
    assert found["w"].tolist() == [1.5, -2.0]
    assert int(found["n"]) == 7
    for wrong in (header.replace(b"[2]", b"[3]"), header.replace(b"BF16", b"F999"), header[:-1]):
        path.write_bytes(struct.pack("<Q", len(wrong)) + wrong + b"\x00" * 5)
        with pytest.raises(io.FileFormatError):
            io.load_torch_state(path)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\x00" * 3)
    with pytest.raises(io.FileFormatError, match="torn"):
        io.load_torch_state(path)


@pytest.mark.oracle
def test_what_torch_saves(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed; `make oracles` does it")
    convolutional = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(72, 5),
    )  # fmt: skip
    convolutional(torch.randn(4, 3, 8, 8))
    ours = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 5)
    )
    recurrent = torch.nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True)
    for module, layer, x in [
        (convolutional.eval(), ours, torch.randn(2, 3, 8, 8)),
        (recurrent, nn.LSTM(5, 7, 2, bidirectional=True), torch.randn(3, 6, 5)),
        (torch.nn.GRU(5, 7, batch_first=True), nn.GRU(5, 7), torch.randn(3, 6, 5)),
    ]:
        torch.save(module.state_dict(), tmp_path / "model.pt")
        found = io.load_torch_state(tmp_path / "model.pt")
        for name, value in module.state_dict().items():
            assert np.array_equal(found[name], value.numpy())
        layer.load_state_dict(found)
        expected = module(x)
        expected = expected[0] if isinstance(expected, tuple) else expected
        np.testing.assert_allclose(layer(x.numpy()), expected.detach().numpy(), atol=2e-5)
    checkpoint = {
        "epoch": 3, "model": recurrent.state_dict(), "half": torch.ones(3).bfloat16(),
        "view": torch.arange(12).reshape(3, 4).T,
    }  # fmt: skip
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    assert set(io.load_torch_state(tmp_path / "checkpoint.pt", key="model")) == set(recurrent.state_dict())
    torch.save(
        {"half": checkpoint["half"], "view": checkpoint["view"], "p": torch.nn.Parameter(torch.ones(2))},
        tmp_path / "odd.pt",
    )
    odd = io.load_torch_state(tmp_path / "odd.pt")
    assert odd["half"].tolist() == [1, 1, 1]
    assert np.array_equal(odd["view"], np.arange(12).reshape(3, 4).T)
    torch.save(recurrent, tmp_path / "module.pt")
    with pytest.raises(io.FileFormatError, match=r"save model\.state_dict"):
        io.load_torch_state(tmp_path / "module.pt")
