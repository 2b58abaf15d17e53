"""The networks that are trained beside torch, and the profile of their steps."""

from dataclasses import replace

import numpy as np
import pytest

import goldfish as gf
import networks
from digits import draw
from jobs import make_job
from problems import make_arrays, read_rows
from profile_step import profile, share

ROWS = {row.name: row for row in read_rows() if row.trains}


def test_the_recitation_network_has_its_parameters():
    model = networks.recitation(gf.nn)
    assert sum(value.size for value in model.parameters().values()) == 405_050
    assert model(np.zeros((1, 3, 128, 128), np.float32)).shape == (1, 10)


def test_drawn_digits_are_the_same_every_time():
    first, second = (draw(20, (3, 32, 32), np.random.default_rng(0)) for _ in range(2))
    assert np.array_equal(first["x"], second["x"])
    assert np.array_equal(first["target"], second["target"])
    assert first["x"].shape == (20, 3, 32, 32)
    assert first["x"].dtype == np.float32


@pytest.mark.parametrize("name", ["lenet-mnist-epoch", "char-gru-2x256"])
def test_a_job_learns_its_batch(name):
    row = ROWS[name]
    job = make_job(row, networks.make_arrays(row, None) if row.network else make_arrays(row))
    losses = [job.step() for _ in range(8)]
    assert min(losses) < losses[0]
    assert set(job.gradients()) == set(job.names)


def test_a_profile_accounts_for_the_whole_step():
    medians = profile(ROWS["recitation-step"], 3)
    parts = sum(seconds for part, seconds in medians.items() if part != "total")
    assert parts == pytest.approx(medians["total"], rel=0.2)
    assert 0 < share(medians) < 1


def test_inference_in_torch_and_onnx_runtime_is_ours():
    inference = pytest.importorskip("peers.inference", reason="no peers; `make oracles` installs them")
    row = replace(next(row for row in read_rows() if row.name == "resnet18-b1"), x=(1, 3, 40, 40))
    arrays = networks.make_arrays(row, None)
    contenders = [
        inference.goldfish(row, arrays, lambda: None),
        inference.pytorch("torch", row, arrays, inference.torch.contiguous_format, lambda: None),
        inference.onnx_runtime(row, arrays, 1, 17),
    ]
    ours, *theirs = [contender.arrays(contender.run())["y"] for contender in contenders]
    for y in theirs:
        np.testing.assert_allclose(y, ours, atol=1e-5 * np.abs(ours).max())
