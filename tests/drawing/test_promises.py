"""What all drawings promise: no dependencies, the same bytes every time, ImportErrors that help."""

import os
import subprocess
import sys

import pytest

from goldfish import drawing

CALLS = {
    "unrolled": "drawing.draw_rnn('unrolled', T=5)",
    "projection": "drawing.draw_rnn('projection', T=3, hidden=2)",
    "rolled": "drawing.draw_rnn('rolled')",
    "cnn": "drawing.draw_cnn([('a', (3, 8, 8)), ('b', (10,))])",
    "influence": "drawing.plot_influence([0.1, 0.2, 1.0], norms=[[1, 0, 0], [2, 1, 0], [.1, .2, 1]])",
    "heat map": "drawing.plot_lag_heatmap([[1, 0], [0.5, 1]])",
    "envelopes": "drawing.plot_lag_envelopes([[1, 0], [0.5, 1]])",
    "gradients": "drawing.plot_grad_norms([0.1, 1.0])",
    "curves": "drawing.plot_learning_curves({'loss': [2.0, 1.0], 'accuracy': [0.1, 0.2]})",
    "filters": "drawing.plot_filters([[[1.0, -1.0], [0.5, 0.0]]])",
    "maps": "drawing.plot_feature_maps([[[1.0, 0.0], [0.5, 0.0]]])",
    "sweep": "drawing.animate_convolution([[1.0, 2.0], [3.0, 4.0]], [[1.0, -1.0]])",
    "boundary": "drawing.plot_decision_boundary(lambda X: X[:, 0], [[0.0, 1.0], [1.0, 0.0]], [0, 1])",
    "text": "drawing.color_text('fish', [1, 2, 3, 4])",
}


def test_every_drawing_is_on_the_list():
    assert len(CALLS) == len(drawing.__all__) + 2 - 1  # three views of one function; shattering needs SciPy


def test_the_same_bytes_in_every_process_and_without_any_extra():
    code = (
        "import sys, hashlib; from goldfish import drawing; "
        f"texts = [{', '.join(CALLS.values())}]; "
        "assert not {'matplotlib', 'scipy', 'sklearn'} & set(sys.modules); "
        "print(hashlib.sha256(''.join(texts).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            timeout=120,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_axes_without_matplotlib(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    name = call.partition("(")[0].removeprefix("drawing.")
    with pytest.raises(ImportError, match=rf"{name} with ax= needs matplotlib: pip install 'goldfish\[plot\]'"):
        eval(call[:-1] + ", ax=object())", {"drawing": drawing})


def test_shattering_without_scipy():
    code = (
        "import sys; sys.modules['scipy'] = None; from goldfish import drawing\n"
        "try:\n    drawing.draw_shattering\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert "pip install 'goldfish[stats]'" in done.stdout


def test_unknown_names():
    with pytest.raises(AttributeError, match=r"'goldfish\.drawing' has no attribute 'draw_gnn'"):
        _ = drawing.draw_gnn
