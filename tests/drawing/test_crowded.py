"""Drawings with more to say than there is room for: nothing is cut off, nothing runs into its neighbour."""

import numpy as np
import pytest

import svg
from goldfish import drawing

RNG = np.random.default_rng(0)
LONG = [f"a rather long name {i}" for i in range(12)]
STEPS = 10.0 ** RNG.normal(size=30)
PLANE = RNG.normal(size=(60, 2))


def classes(points):
    """Scores of eight classes in sectors."""
    angle = np.arctan2(points[:, 1], points[:, 0])[:, None]
    return np.cos(angle - np.arange(8) * np.pi / 4)


CROWDED = {
    "curves": lambda: drawing.plot_learning_curves(
        {f"{name}{' loss' * (i % 2)}": RNG.random(9) * 10.0**i for i, name in enumerate(LONG)}
    ),
    "curve": lambda: drawing.plot_learning_curves({"loss": [1.0]}),
    "small numbers": lambda: drawing.plot_learning_curves({"loss": RNG.random(5) * 1e-9}),
    "classes": lambda: drawing.plot_decision_boundary(classes, PLANE, np.array(LONG)[classes(PLANE).argmax(axis=1)]),
    "scales": lambda: drawing.plot_decision_boundary(lambda X: X[:, 0], PLANE * [1e7, 1e-7], PLANE[:, 0] > 0),
    "words": lambda: drawing.plot_influence(STEPS, labels=[f"incomprehensible{i}" for i in range(30)]),
    "two words": lambda: drawing.plot_influence([1.0, 2.0], labels=LONG[:2]),
    "letters": lambda: drawing.plot_influence(np.ones(61), labels="W" * 61),
    "steps": lambda: drawing.plot_influence(10.0 ** RNG.normal(size=300, scale=50)),
    "all of it": lambda: drawing.plot_influence(STEPS, norms=np.tril(10.0 ** RNG.normal(size=(30, 30), scale=40))),
    "one step": lambda: drawing.plot_influence([1.0], norms=[[1.0]]),
    "heat map": lambda: drawing.plot_lag_heatmap(np.tril(np.ones((97, 97)))),
    "gradients": lambda: drawing.plot_grad_norms(10.0 ** -np.arange(300.0)),
    "flat gradients": lambda: drawing.plot_grad_norms(np.ones(5)),
    "shapes": lambda: drawing.draw_cnn([(name, (1024, 1024, 1024)) for name in LONG]),
    "filters": lambda: drawing.plot_filters(RNG.normal(size=(12, 1, 1, 9)), labels=LONG),
    "channels": lambda: drawing.plot_filters(RNG.normal(size=(3, 60, 3, 3))),
    "sweep": lambda: drawing.animate_convolution(RNG.normal(size=(6, 6)) * 1e6, RNG.normal(size=(3, 3)), frame=0),
    "unrolled": lambda: drawing.draw_rnn("unrolled", labels=LONG),
    "projection": lambda: drawing.draw_rnn("projection", 12, hidden=6, labels=LONG),
    "text": lambda: drawing.color_text([*LONG, "日本語", "x" * 200], np.ones(14), width=240),
}


@pytest.mark.parametrize("draw", CROWDED.values(), ids=CROWDED.keys())
def test_room_for_everything(draw):
    root = svg.parse(draw())
    assert not svg.outside(root)
    assert not svg.collisions(root)


def test_shapes_keep_their_angles():
    pytest.importorskip("scipy")
    root = svg.parse(drawing.draw_shattering([[0, 0], [4, 0], [0, 1], [4, 1]], "boxes"))
    points = svg.elements(root, "point", "negative")[:4]
    xs, ys = ({float(e.get(k)) for e in points} for k in ("cx", "cy"))
    assert (max(xs) - min(xs)) / (max(ys) - min(ys)) == pytest.approx(4, rel=0.02)
