"""What a run records, and how it is shown."""

import subprocess
import sys

import matplotlib as mpl
import pytest

from goldfish import nn
from goldfish.nn import progress

COLUMNS = {"loss": [0.9, 0.5, 0.2], "val_loss": [0.8, 0.6, 0.7]}


def test_mapping_and_best_epoch():
    history = nn.History(COLUMNS)
    assert history["loss"] == [0.9, 0.5, 0.2]
    assert dict(history) == COLUMNS
    assert history.best_epoch == 1
    assert nn.History({"loss": [0.9, 0.2, 0.2]}).best_epoch == 1
    assert repr(history) == "History(3 epochs, loss=0.2, val_loss=0.7)"
    with pytest.raises(ValueError, match="expected at least one epoch, got none"):
        _ = nn.History({}).best_epoch


def test_to_csv(tmp_path):
    nn.History(COLUMNS).to_csv(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_bytes() == b"epoch,loss,val_loss\r\n0,0.9,0.8\r\n1,0.5,0.6\r\n2,0.2,0.7\r\n"


def test_plot():
    mpl.use("agg")
    import matplotlib.pyplot as plt

    ax = nn.History(COLUMNS).plot()
    assert [line.get_label() for line in ax.get_lines()] == ["loss", "val_loss", "best epoch"]
    assert list(ax.get_lines()[1].get_ydata()) == COLUMNS["val_loss"]
    other = plt.figure().add_subplot()
    assert nn.History(COLUMNS).plot(other) is other
    plt.close("all")


def test_nn_imports_neither_matplotlib_nor_rich_nor_sklearn():
    program = (
        "import sys, goldfish.nn; print([name for name in ('matplotlib', 'rich', 'sklearn') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def _show(display):
    with display:
        for epoch in range(2):
            display.begin(epoch, 2, 3)
            for _ in range(3):
                display.step(0.5)
            display.end({"loss": 0.5, "val_loss": 0.25})


def test_lines(capsys):
    _show(progress.open_display("auto"))
    shown = capsys.readouterr()
    first, second = shown.err.splitlines()
    assert shown.out == ""
    assert first.startswith("epoch 1/2  loss 0.5000  val_loss 0.2500  ")
    assert second.startswith("epoch 2/2")


def test_silence(capsys):
    _show(progress.open_display(False))
    assert capsys.readouterr() == ("", "")


def test_bar(capsys):
    pytest.importorskip("rich", reason="rich, which draws the bar, is not installed")
    _show(progress.open_display("bar"))
    assert "epoch 2/2  loss 0.5000  val_loss 0.2500" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(monkeypatch):
    pytest.importorskip("rich", reason="rich, which draws the bar, is not installed")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(progress.open_display("auto"), progress.Bar)


def test_without_rich(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    assert isinstance(progress.open_display("auto"), progress.Lines)
    with pytest.raises(ImportError, match=r"pip install 'goldfish\[progress\]'"):
        progress.open_display("bar")


def test_initialisers():
    from goldfish.nn import init

    assert init.kaiming_uniform((10, 6), rng=0).max() <= 1
    assert init.kaiming_uniform((1000, 6), rng=0).max() > 0.99
    assert init.kaiming_uniform((1000, 6), a=5**0.5, rng=0).max() == pytest.approx(6**-0.5, rel=0.01)
    assert init.normal((10000,), 2.0, rng=0).std() == pytest.approx(2, rel=0.05)
    assert init.uniform((3,), 0.5, dtype="float64", rng=0).dtype == "float64"
    assert not init.kaiming_uniform((3, 0), rng=0).size
