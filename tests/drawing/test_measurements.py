"""Plots of influence, lags, gradients and training."""

import numpy as np
import pytest

import svg
from goldfish import diagnostics, drawing, nn

RNG = np.random.default_rng(0)
MODEL, X = nn.RNN(3, 5, rng=0), RNG.normal(size=(4, 12, 3))
NORMS = diagnostics.lag_norms(MODEL, X)
REPORT = diagnostics.recurrent_report(MODEL.params["weight_hh_l0"])


def test_influence_of_every_kind():
    values = diagnostics.influence(MODEL, X)
    root = svg.parse(drawing.plot_influence(values, norms=NORMS, report=REPORT, labels=list("abcdefghijkl")))
    assert svg.count(root, "edge", "input", "influence") == 12
    assert svg.count(root, "lag") == 12 * 13 // 2
    assert svg.count(root, "envelope") == 2
    assert not svg.outside(root)
    logs = diagnostics.influence(MODEL, X, log10=True)
    assert drawing.plot_influence(values) == drawing.plot_influence(logs, log10=True)


def test_a_stronger_influence_is_a_wider_edge():
    root = svg.parse(drawing.plot_influence([1e-4, 1e-2, 1.0, 100.0]))
    widths = [float(e.get("stroke-width")) for e in svg.elements(root, "influence")]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1] / 2


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1.0], [0, 1e-300, 1e300], [1e-12] * 3, np.ones(500)])
def test_extreme_influences(values):
    root = svg.parse(drawing.plot_influence(values))
    assert svg.count(root, "influence") == len(values)
    assert not svg.outside(root)


def test_ten_thousand_steps_stay_a_picture():
    values = 10.0 ** np.linspace(-20, 0, 10_000)
    text = drawing.plot_influence(values)
    root = svg.parse(text)
    assert svg.count(root, "influence") == 589  # blocks of 17
    assert float(root.get("width")) < 1000
    assert len(text) < 500_000
    assert not svg.outside(root)
    assert svg.count(svg.parse(drawing.plot_grad_norms(values)), "step") == 1000


def test_a_thousand_steps_stay_a_picture():
    norms = np.tril(np.ones((1000, 1000)))
    text = drawing.plot_lag_heatmap(norms)
    assert svg.count(svg.parse(text), "lag") == 91 * 92 // 2  # blocks of 11
    assert len(text) < 1_000_000


def test_blocks_show_their_largest_value():
    norms = np.tril(np.full((200, 200), 1e-6))
    norms[150, 20] = 1e6
    plain = drawing.plot_lag_heatmap(np.tril(np.full((200, 200), 1e-6)))
    root = svg.parse(drawing.plot_lag_heatmap(norms))
    fills = [e.get("fill") for e in svg.elements(root, "lag")]
    assert sum(fill == "#7f3600" for fill in fills) == 1
    assert "#7f3600" not in [e.get("fill") for e in svg.elements(svg.parse(plain), "lag")]


def test_envelopes_bound_what_was_measured():
    root = svg.parse(drawing.plot_lag_envelopes(NORMS, report=REPORT))
    assert svg.count(root, "median") == svg.count(root, "band") == 1
    assert svg.count(svg.parse(drawing.plot_lag_envelopes(NORMS[0])), "envelope") == 0


def test_gradients():
    values = RNG.uniform(1e-9, 1, size=(5, 30))
    root = svg.parse(drawing.plot_grad_norms(values))
    assert svg.count(root, "step") == 30
    assert svg.count(root, "band") == 1
    for norms in ([0.0, 0.0], [1.0], [0.0, 1e-200, 1e200]):
        assert svg.count(svg.parse(drawing.plot_grad_norms(norms)), "step") == len(norms)


def test_learning_curves():
    history = nn.History({"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 1.0, 2.0], "accuracy": [0.1, 0.5, 0.9]})
    root = svg.parse(drawing.plot_learning_curves(history))
    assert svg.count(root, "curve") == 3
    assert "best epoch, 2" in svg.words(root)
    assert not svg.outside(root)
    svg.parse(drawing.plot_learning_curves({"loss": [1.0]}))
    svg.parse(drawing.plot_learning_curves({"loss": [1.0, np.nan, 0.5]}, log=True))


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: drawing.plot_influence([1.0, -1.0]),
            r"plot_influence: influence must be finite .* got -1.0 at \[0?, ?1|1",
        ),
        (lambda: drawing.plot_influence([]), "plot_influence: influence must be of shape"),
        (lambda: drawing.plot_influence([np.nan]), "plot_influence: influence must be finite"),
        (lambda: drawing.plot_influence([1.0], norms=np.eye(2)), "plot_influence: norms have 2 steps, influence has 1"),
        (lambda: drawing.plot_influence([1.0], labels="ab"), "plot_influence: labels must be 1, one per step, got 2"),
        (lambda: drawing.plot_influence([np.inf], log10=True), "must be numbers below infinity"),
        (lambda: drawing.plot_lag_heatmap(np.ones((2, 3))), "plot_lag_heatmap: norms must be of shape"),
        (lambda: drawing.plot_lag_envelopes(np.ones(3)), "plot_lag_envelopes: norms must be of shape"),
        (lambda: drawing.plot_grad_norms("abc"), "plot_grad_norms: norms must be real numbers"),
        (lambda: drawing.plot_learning_curves({}), "plot_learning_curves: history must have lists"),
        (
            lambda: drawing.plot_learning_curves({"a": [1], "b": [1, 2]}),
            "plot_learning_curves: history must have lists",
        ),
        (lambda: drawing.plot_learning_curves({"loss": [0.0]}, log=True), "loss must be > 0 with log=True"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_on_axes():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    calls = [
        lambda ax: drawing.plot_influence([0.0, 0.5], ax=ax),
        lambda ax: drawing.plot_lag_heatmap(NORMS, ax=ax),
        lambda ax: drawing.plot_lag_envelopes(NORMS, report=REPORT, ax=ax),
        lambda ax: drawing.plot_grad_norms(RNG.uniform(size=(3, 7)), ax=ax),
        lambda ax: drawing.plot_learning_curves({"loss": [1.0, 0.5]}, log=True, ax=ax),
    ]
    for call in calls:
        ax = Figure().add_subplot()
        assert call(ax) is ax
        ax.figure.canvas.draw()
    with pytest.raises(ValueError, match="norms must be left out with ax"):
        drawing.plot_influence([1.0], norms=[[1.0]], ax=Figure().add_subplot())
