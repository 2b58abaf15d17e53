"""Runs that stop and go on: to the same bits, also after kill -9; damaged files are errors."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from goldfish import nn
from goldfish.nn import files

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def _model(width=8):
    rng = np.random.default_rng(1)
    return nn.Sequential(nn.Linear(6, width, rng=rng), nn.Dropout(0.3), nn.Linear(width, 2, rng=rng))


def _fit(model, path=None, **options):
    optimizer = options.pop("optimizer", None) or nn.Adam(lambda step: 0.01 / (1 + step / 10))
    options = {"epochs": 6, "batch_size": 16, "validation": 0.2, "progress": False, "rng": 0, **options}
    return nn.fit(model, (X, Y), nn.CrossEntropyLoss(), optimizer, checkpoint=path, **options)


def _same(first, second):
    return all(np.array_equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


GENERATORS = [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64]


@pytest.mark.parametrize("optimizer", [nn.Adam, lambda: nn.SGD(0.1, momentum=0.9), nn.SGD])
@pytest.mark.parametrize("bits", GENERATORS)
def test_resumes_bit_for_bit(bits, optimizer, tmp_path):
    whole, part, rest = _model(), _model(), _model()
    history = _fit(whole, rng=np.random.Generator(bits(5)), optimizer=optimizer())
    path = tmp_path / "run"
    _fit(part, path, epochs=2, rng=np.random.Generator(bits(5)), optimizer=optimizer())
    resumed = _fit(rest, path, resume=True, rng=np.random.Generator(bits(5)), optimizer=optimizer())
    assert _same(rest, whole)
    assert dict(resumed) == dict(history)


def test_the_split_survives_a_generator_without_a_seed(tmp_path):
    """The checkpoint knows where the generator began, so the same samples stay held out."""
    states = []
    for rng in (np.random.default_rng(7), np.random.default_rng(8)):
        model = _model()
        _fit(model, tmp_path / "run", epochs=2 + 2 * len(states), rng=rng, resume=True)
        states.append(model)
    straight = _model()
    _fit(straight, epochs=4, rng=np.random.default_rng(7))
    assert _same(states[1], straight)


def test_resume_without_a_file_starts_anew(tmp_path):
    model, other = _model(), _model()
    _fit(model, tmp_path / "run", resume=True)
    _fit(other)
    assert _same(model, other)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_a_finished_run_stays_finished(tmp_path):
    model, other = _model(), _model()
    options = {"validation": (X, 1 - Y), "patience": 1, "epochs": 30}
    history = _fit(model, tmp_path / "run", **options)
    assert len(history["loss"]) < 30
    resumed = _fit(other, tmp_path / "run", resume=True, **options)
    assert dict(resumed) == dict(history)
    assert _same(model, other)


def test_early_stopping_resumes(tmp_path):
    options = {"validation": (X[:20], 1 - Y[:20]), "patience": 4, "epochs": 30}
    whole, part, rest = _model(), _model(), _model()
    history = _fit(whole, **options)
    _fit(part, tmp_path / "run", **{**options, "epochs": 2})
    resumed = _fit(rest, tmp_path / "run", resume=True, **options)
    assert dict(resumed) == dict(history)
    assert _same(rest, whole)


def test_checkpoint_every(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(nn.checkpoint, "write_arrays", lambda path, arrays, metadata: written.append(path))
    _fit(_model(), tmp_path / "run", epochs=5, checkpoint_every=2)
    assert len(written) == 3


PROGRAM = """
import sys, time
import numpy as np
from goldfish import nn

rng = np.random.default_rng(0)
x = rng.standard_normal((60, 6)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int64)
model = nn.Sequential(nn.Linear(6, 8, rng=rng), nn.Dropout(0.3), nn.Linear(8, 2, rng=rng))
tell = lambda epoch: (print(epoch.epoch, flush=True), time.sleep(float(sys.argv[2])))[0]
nn.fit(
    model, (x, y), nn.CrossEntropyLoss(), nn.Adam(0.01), epochs=40, rng=1, progress=False,
    checkpoint=sys.argv[1], resume=True, callbacks=[tell],
)
"""


def _run(path, pause):
    script = path.parent / "train.py"
    script.write_text(textwrap.dedent(PROGRAM))
    return subprocess.Popen([sys.executable, script, path, str(pause)], stdout=subprocess.PIPE, text=True)


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with _run(whole, 0) as process:
        process.communicate()
        assert process.returncode == 0
    for epochs in (3, 2):
        with _run(killed, 0.02) as process:
            for _ in range(epochs):
                assert process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            assert process.returncode == -signal.SIGKILL
    with _run(killed, 0) as process:
        first = process.communicate()[0].split()[0]
        assert process.returncode == 0
    assert int(first) >= 3
    assert killed.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_runs_killed_at_200_random_moments_resume_to_the_same_bits(tmp_path, rng):
    """Each process is killed somewhere, imports and the writing of checkpoints included, until one comes through."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with _run(whole, 0) as process:
        process.communicate()
    kills = 0
    while kills < 200:
        killed.unlink(missing_ok=True)
        while True:
            with _run(killed, 0.005) as process:
                try:
                    process.communicate(timeout=float(rng.uniform(0.15, 0.9)))
                    break
                except subprocess.TimeoutExpired:
                    os.kill(process.pid, signal.SIGKILL)
                    process.communicate()
                    kills += 1
        assert process.returncode == 0
        assert killed.read_bytes() == whole.read_bytes()


def test_a_failed_write_leaves_the_previous_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run"
    _fit(_model(), path, epochs=1)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="fit: cannot write the checkpoint: No space left on device") as error:
        _fit(_model(), path, epochs=2)
    assert error.value.errno == 28
    assert error.value.filename == str(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:5],
        lambda data: b"",
        lambda data: data + b"more",
        lambda data: b"\xff" * 200,
        lambda data: b"PK\x03\x04" + data,
        lambda data: np.random.default_rng(0).bytes(3000),
        lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        lambda data: data.replace(b'\\"epoch\\": 2', b'\\"epoch\\": 3'),
    ],
)
def test_a_damaged_file_is_a_clear_error(damage, tmp_path):
    path = tmp_path / "run"
    _fit(_model(), path, epochs=2)
    data = damage(path.read_bytes())
    assert data != path.read_bytes()
    path.write_bytes(data)
    model = _model()
    with pytest.raises(nn.CheckpointError, match=r"fit: cannot resume from .*run: "):
        _fit(model, path, resume=True)
    assert _same(model, _model())


def test_every_single_bit_counts(tmp_path):
    path = tmp_path / "run"
    _fit(_model(2), path, epochs=1)
    data = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, len(data), 200):
        path.write_bytes(data[:position] + bytes([data[position] ^ (1 << position % 8)]) + data[position + 1 :])
        with pytest.raises(nn.CheckpointError):
            _fit(_model(2), path, resume=True)


def test_another_model_or_optimizer(tmp_path):
    path = tmp_path / "run"
    _fit(_model(), path, epochs=1)
    model, optimizer = _model(9), nn.Adam(0.01)
    with pytest.raises(nn.CheckpointError, match=r"run is of another model: .*'0.weight' expected shape \(9, 6\)"):
        _fit(model, path, resume=True, optimizer=optimizer)
    assert _same(model, _model(9))
    assert optimizer.steps == 0
    with pytest.raises(nn.CheckpointError, match="run holds the state of Adam, got SGD"):
        _fit(_model(), path, resume=True, optimizer=nn.SGD())
    rng = np.random.default_rng(3)
    with pytest.raises(nn.CheckpointError, match="run is of another model"):
        _fit(model, path, resume=True, rng=rng)
    assert rng.random() == np.random.default_rng(3).random()
    with pytest.raises(nn.CheckpointError, match="run holds the state of PCG64, rng is Philox"):
        _fit(_model(), path, resume=True, rng=np.random.Generator(np.random.Philox(0)))


def test_another_kind_of_file(tmp_path):
    path = tmp_path / "run"
    files.write_arrays(path, {"weight": np.zeros(3)}, {"kind": "picture"})
    with pytest.raises(nn.CheckpointError, match="run expected a goldfish checkpoint 1, got 'picture'"):
        _fit(_model(), path, resume=True)


def test_the_layout_is_that_of_safetensors(tmp_path):
    """Written by the book, a file of another program reads as ours do, save for its missing checksum."""
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(7), "c": np.zeros((0, 4))}
    files.write_arrays(tmp_path / "file", arrays, {"note": "ü"})
    data = Path(tmp_path / "file").read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert data[8 + length : 8 + length + 24] == arrays["a"].tobytes()
    found, metadata = files.read_arrays(tmp_path / "file")
    assert metadata == {"note": "ü"}
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype
        assert np.array_equal(found[name], value)
    with pytest.raises(TypeError, match="'a' expected a dtype of"):
        files.write_arrays(tmp_path / "file", {"a": np.array(["text"])}, {})
