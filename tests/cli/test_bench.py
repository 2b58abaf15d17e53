import importlib.util
import json

import numpy as np
import pytest

import goldfish
from goldfish.cli import main
from goldfish.cli.bench import measure
from goldfish.cli.bench.cases import cases

CASES = list(cases(True))
PEERS = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_numpy_computes_the_same(case) -> None:
    ours, plain = case.ours(), case.plain()
    assert len(ours) == len(plain)
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * float(np.abs(b).max()))


@pytest.mark.oracle
@pytest.mark.parametrize("module", PEERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_peers_compute_the_same(case, module) -> None:
    for needed in (module, *(["onnx"] if module == "onnxruntime" else [])):
        pytest.importorskip(needed)
    run = importlib.import_module(f"goldfish.cli.bench.with_{module}").build(case, 1)
    if run is None:
        assert module == "onnxruntime"
        assert "dy" in case.arrays
        return
    for a, b in zip(case.ours(), run(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * float(np.abs(b).max()))


@pytest.fixture
def no_peers(monkeypatch):
    monkeypatch.setattr(measure, "_installed", lambda module: False)


def test_table(no_peers, capsys) -> None:
    assert main(["bench", "lstm", "--quick", "--repeats", "1"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    head = next(i for i, line in enumerate(lines) if line.split() == ["goldfish", "NumPy"])
    assert lines[head + 1].startswith("lstm, 8 steps, 32 sequences, 64 -> 16 ")
    assert lines[head + 2].startswith("lstm with gradients, ")
    assert lines[head + 1].endswith(" x)")
    assert err.count("\n") == 2


def test_json_and_threads(no_peers, capsys) -> None:
    before = goldfish.get_num_threads()
    try:
        assert main(["bench", "pool", "--quick", "--repeats", "2", "--threads", "1", "--json"]) == 0
        assert goldfish.get_num_threads() == 1
    finally:
        goldfish.set_num_threads(before)
    found = json.loads(capsys.readouterr().out)
    assert found["repeats"] == 2
    assert "threads: 1" in found["machine"]["goldfish"]
    [row] = found["rows"]
    assert set(row["seconds"]) == {"goldfish", "NumPy"}
    assert min(row["seconds"].values()) > 0


def test_a_peer_that_differs_is_an_error(no_peers, monkeypatch, capsys) -> None:
    case = CASES[0]
    wrong = [type(case)(case.name, case.sizes, case.kind, case.arrays, case.ours, lambda: (case.ours()[0] * 1.1,))]
    monkeypatch.setattr(measure, "cases", lambda quick: iter(wrong))
    assert main(["bench"]) == 1
    err = capsys.readouterr().err
    assert "conv2d: NumPy" in err
    assert err.count("\n") == 1


def test_unknown_case_names_the_known(capsys) -> None:
    assert main(["bench", "attention", "--quick"]) == 2
    err = capsys.readouterr().err
    assert "no case is called attention; there are conv2d, conv2d with gradients, max_pool2d" in err
    assert err.count("\n") == 1
